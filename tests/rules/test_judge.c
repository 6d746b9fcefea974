/* judge.h: what is loaded, compiled and judged against the language read aloud,
 * over random policies and flows; and what that has found, one by one. */

#include "tests/support/sanitized.h"
#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "rules/judge/flow_test.h"
#include "tests/rules/naive_judge.h"

#include <stdio.h>
#include <string.h>

enum {
    N_POLICIES = IS_SANITIZED ? 300 : 800,
    N_FLOWS = 60,
    MIN_SEEN = 5 /* Of every kind of answer, in all. */
};

/* How often each kind of answer came. */
struct seen {
    unsigned decision[DECISION_RELATED + 1], reason[VERDICT_N_REASONS];
    unsigned flag[7], near_miss, reverse_of, expired, tags, final, staged;
};

static char text[RANDOM_MAX_TEXT];

static void
note(struct seen *seen, const struct verdict *verdict)
{
    seen->decision[verdict->decision]++;
    seen->reason[verdict->reason]++;
    for (unsigned i = 0; i < 7; i++) {
        seen->flag[i] += verdict->flags >> i & 1;
    }
    seen->near_miss += verdict->near_miss >= 0;
    seen->reverse_of += verdict->reverse_of >= 0;
    seen->expired += verdict->expired >= 0;
    seen->tags += verdict->n_tags > 0;
    seen->final += verdict->final;
    seen->staged += verdict->staged_decision != verdict->decision;
}

static void
ask(struct choices *choices, const struct random_policy *model,
    const struct policy *policy, struct seen *seen)
{
    struct random_flow flow;
    struct question question;
    struct verdict verdict;
    char wrong[100];

    random_flow_draw(choices, model, &flow);
    random_flow_ask(&flow, policy, &question);
    assert_int_equal(question.src_segment, naive_locate(model, &flow, false));
    assert_int_equal(question.dst_segment, naive_locate(model, &flow, true));
    judge(policy, &question, &verdict);
    if (naive_disagrees(model, &flow, &verdict, wrong, sizeof wrong)) {
        fprintf(stderr, "%s\n", text);
        random_flow_print(&flow);
        fail_msg("%s", wrong);
    }
    note(seen, &verdict);
}

static void
assert_all_seen(const struct seen *seen)
{
    for (unsigned i = 0; i <= DECISION_RELATED; i++) {
        assert_true(seen->decision[i] >= MIN_SEEN);
    }
    for (unsigned i = 0; i < VERDICT_N_JUDGED; i++) {
        assert_true(seen->reason[i] >= MIN_SEEN);
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_true(seen->flag[i] >= MIN_SEEN);
    }
    assert_true(seen->near_miss >= MIN_SEEN);
    assert_true(seen->reverse_of >= MIN_SEEN);
    assert_true(seen->expired >= MIN_SEEN);
    assert_true(seen->tags >= MIN_SEEN);
    assert_true(seen->final >= MIN_SEEN);
    assert_true(seen->staged >= MIN_SEEN);
}

static void
assert_rules_are_those_of(const struct random_policy *model,
                          const struct policy *policy)
{
    unsigned n = 0;
    char id[24];

    for (unsigned i = 0; i < policy_n_rules(policy); i++) {
        if (policy_rule(policy, i)->tier != TIER_DETECTOR) {
            assert_string_equal(policy_rule(policy, i)->id,
                                random_policy_rule_id(model, n++, id));
        }
    }
}

static void
verdicts_are_those_of_the_language_read_aloud(void **state)
{
    static struct random_policy model;
    struct seen seen = {.near_miss = 0};

    (void)state;
    for (uint64_t seed = 0; seed < N_POLICIES; seed++) {
        struct choices choices = choices_from_seed(seed);
        struct policy *policy;

        random_policy_draw(&choices, &model);
        policy = sound_policy(text, random_policy_write(&model, text), NULL);
        assert_rules_are_those_of(&model, policy);
        for (int i = 0; i < N_FLOWS; i++) {
            ask(&choices, &model, policy, &seen);
        }
        policy_unref(policy);
    }
    assert_all_seen(&seen);
}

/* One policy, one flow said as in a policy's tests: "src=10.0.0.1 dport=80". */
struct answer {
    struct policy *policy;
    struct question question;
    struct verdict verdict;
};

static void
answer(struct answer *answer, const char *policy, const char *facts)
{
    static struct flow_test flow; /* The question borrows its texts. */
    char why[FLOW_TEST_WHY], fact[100], *value;

    snprintf(text, sizeof text,
             "version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\n"
             "  b: {networks: [10.2.0.0/16]}\n%s",
             policy);
    answer->policy = sound_policy(text, strlen(text), NULL);
    flow_test_init(&flow);
    for (; *facts; facts += facts[strcspn(facts, " ")] == ' ') {
        size_t length = strcspn(facts, " ");

        snprintf(fact, sizeof fact, "%.*s", (int)length, facts);
        facts += length;
        value = strchr(fact, '=');
        assert_non_null(value);
        *value++ = '\0';
        assert_true(flow_test_set(&flow, fact, value, why));
    }
    assert_true(flow_test_question(&flow, answer->policy, NULL,
                                   &answer->question, why));
    judge(answer->policy, &answer->question, &answer->verdict);
}

/* The name may still come, on a conversation that was joined early enough. */
static void
a_required_name_is_open_while_the_application_is(void **state)
{
    static const char policy[] =
        "rules: [{id: r, from: a, to: b, require: {sni: x.y}, action: allow}]";
    struct answer a;

    (void)state;
    answer(&a, policy, "src=10.1.0.1 dst=10.2.0.1 initiator=midstream");
    a.question.app = QUESTION_APP_PENDING;
    judge(a.policy, &a.question, &a.verdict);
    assert_int_equal(a.verdict.decision, DECISION_PENDING);
    assert_false(a.verdict.final);
    a.question.app = QUESTION_APP_KNOWN;
    judge(a.policy, &a.question, &a.verdict);
    assert_int_equal(a.verdict.decision, DECISION_ALLOW);
    assert_int_equal(a.verdict.flags, VERDICT_UNVERIFIED_SNI);
    policy_unref(a.policy);
}

/* Its tag would be in no result, so it does not hold up the verdict. */
static void
a_staged_log_rule_keeps_no_verdict_open(void **state)
{
    struct answer a;

    (void)state;
    answer(&a,
           "rules:\n"
           "  - {id: l, from: a, to: b, app: TLS, action: log, mode: staged}\n"
           "  - {id: r, from: a, to: b, action: allow}\n",
           "src=10.1.0.1 dst=10.2.0.1");
    a.question.app = QUESTION_APP_PENDING;
    judge(a.policy, &a.question, &a.verdict);
    assert_int_equal(a.verdict.decision, DECISION_ALLOW);
    assert_true(a.verdict.final);
    policy_unref(a.policy);
}

/* The flag is for what would not hold had there been payload to look at. */
static void
a_risk_that_was_seen_needs_no_payload(void **state)
{
    struct answer a;

    (void)state;
    answer(&a,
           "rules: [{id: r, from: a, to: b, when: {risk: "
           "tls_obsolete_version}, action: allow}]\n",
           "src=10.1.0.1 dst=10.2.0.1 risks=tls_obsolete_version");
    assert_int_equal(a.verdict.decision, DECISION_ALLOW);
    assert_int_equal(a.verdict.flags, 0);
    a.question.risks = 0;
    judge(a.policy, &a.question, &a.verdict);
    assert_int_equal(a.verdict.decision, DECISION_ALLOW);
    assert_int_equal(a.verdict.flags, VERDICT_NO_PAYLOAD);
    policy_unref(a.policy);
}

/* IPv4 has its place among the IPv6 addresses and is none of them. */
static void
all_of_ipv6_holds_no_ipv4(void **state)
{
    static const char *const sets[] = {"\"::/0\"", "\"::/64\"",
                                       "\"::8000:0:0/81\"",
                                       "[\"::/0\", 10.1.7.0/24]"};
    struct answer a;
    char policy[300];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        snprintf(policy, sizeof policy,
                 "rules: [{id: r, from: a, to: b, from_addr: %s, action: "
                 "allow}]",
                 sets[i]);
        answer(&a, policy, "src=10.1.0.1 dst=10.2.0.1");
        assert_int_equal(a.verdict.decision, DECISION_DENY);
        policy_unref(a.policy);
        answer(&a, policy, "src=10.1.7.1 dst=10.2.0.1");
        assert_int_equal(a.verdict.decision,
                         i == 3 ? DECISION_ALLOW : DECISION_DENY);
        policy_unref(a.policy);
    }
    answer(&a,
           "  c: {networks: [10.1.8.0/24], exclude: [\"::/0\"]}\n"
           "rules: [{id: r, from: c, to: b, action: allow}]",
           "src=10.1.8.1 dst=10.2.0.1");
    assert_int_equal(a.verdict.decision, DECISION_ALLOW);
    policy_unref(a.policy);
    answer(&a,
           "rules: [{id: r, from: any, to: any, from_addr: \"::/0\", action: "
           "allow}]",
           "src=2001:db8::1 dst=fd00::1");
    assert_int_equal(a.verdict.decision, DECISION_ALLOW);
    policy_unref(a.policy);
}

static void
marks_beyond_the_limit_are_said_to_be_left_out(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        char rules[4000];
        size_t n = (size_t)snprintf(rules, sizeof rules, "rules:\n");
        struct answer a;

        for (unsigned i = 0; i < VERDICT_MAX_TAGS + more; i++) {
            n += (size_t)snprintf(rules + n, sizeof rules - n,
                                  "  - {id: log%u, from: any, to: any, "
                                  "action: log}\n",
                                  i);
        }
        answer(&a, rules, "src=10.1.0.1 dst=10.2.0.1");
        assert_int_equal(a.verdict.n_tags, VERDICT_MAX_TAGS);
        assert_int_equal(a.verdict.tags[VERDICT_MAX_TAGS - 1],
                         VERDICT_MAX_TAGS - 1);
        assert_int_equal(a.verdict.flags & VERDICT_TAGS_CUT,
                         more ? VERDICT_TAGS_CUT : 0);
        policy_unref(a.policy);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_beyond_the_limit_are_said_to_be_left_out),
        cmocka_unit_test(verdicts_are_those_of_the_language_read_aloud),
        cmocka_unit_test(a_required_name_is_open_while_the_application_is),
        cmocka_unit_test(a_staged_log_rule_keeps_no_verdict_open),
        cmocka_unit_test(a_risk_that_was_seen_needs_no_payload),
        cmocka_unit_test(all_of_ipv6_holds_no_ipv4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
