/* judge_memo.h answers as judge() does, over random policies and flows. */

#include "tests/support/sanitized.h"
#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "dissect/packet.h"
#include "rules/judge/judge_memo.h"
#include "tests/rules/random_flow.h"

#include <stdio.h>
#include <string.h>

enum {
    N_POLICIES = IS_SANITIZED ? 150 : 600,
    N_FLOWS = 40,
    N_ASKED = 400
};

static char text[RANDOM_MAX_TEXT];

static void
assert_same(const struct verdict *a, const struct verdict *b)
{
    assert_int_equal(a->decision, b->decision);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->final, b->final);
    assert_int_equal(a->rule, b->rule);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->near_miss, b->near_miss);
    assert_ptr_equal(a->near_miss_condition, b->near_miss_condition);
    assert_int_equal(a->reverse_of, b->reverse_of);
    assert_int_equal(a->expired, b->expired);
    assert_int_equal(a->n_tags, b->n_tags);
    assert_memory_equal(a->tags, b->tags, a->n_tags * sizeof a->tags[0]);
    assert_int_equal(a->staged_decision, b->staged_decision);
    assert_int_equal(a->staged_rule, b->staged_rule);
}

/* A mixture of two flows, so that questions are of one class often, and differ
 * in any of the rest. */
static void
mix(struct choices *choices, const struct random_flow *other,
    struct random_flow *flow)
{
    if (choose(choices, 2)) {
        flow->src = other->src;
    }
    if (choose(choices, 2)) {
        flow->dst = other->dst;
    }
    if (choose(choices, 2)) {
        flow->src_port = other->src_port;
    }
    if (choose(choices, 4) == 0) {
        flow->dst_port = other->dst_port;
    }
    if (choose(choices, 2)) {
        flow->start_ns = other->start_ns;
        flow->sni = other->sni;
    }
    if (choose(choices, 2)) {
        flow->vlan = other->vlan;
        flow->interface = other->interface;
        flow->host = other->host;
    }
}

static void
answers_are_those_of_judge(void **state)
{
    static struct random_policy model;
    static struct random_flow flows[N_FLOWS];
    struct judge_memo *memo = judge_memo_new();
    struct judge_memo_counters counters;

    (void)state;
    assert_non_null(memo);
    for (uint64_t seed = 0; seed < N_POLICIES; seed++) {
        struct choices choices = choices_from_seed(seed);
        struct policy *policy;

        random_policy_draw(&choices, &model);
        policy = sound_policy(text, random_policy_write(&model, text), NULL);
        for (int i = 0; i < N_FLOWS; i++) {
            random_flow_draw(&choices, &model, &flows[i]);
        }
        judge_memo_clear(memo);
        for (int i = 0; i < N_ASKED; i++) {
            struct random_flow flow = flows[choose(&choices, N_FLOWS)];
            struct verdict judged, known;
            struct question question;

            mix(&choices, &flows[choose(&choices, N_FLOWS)], &flow);
            random_flow_ask(&flow, policy, &question);
            judge(policy, &question, &judged);
            judge_memo_ask(memo, policy, &question, &known);
            assert_same(&known, &judged);
        }
        policy_unref(policy);
    }
    judge_memo_get_counters(memo, &counters);
    print_message("%u of %u answers were known\n", (unsigned)counters.known,
                  (unsigned)counters.asked);
    assert_int_equal(counters.asked, N_POLICIES * N_ASKED);
    assert_true(counters.known > counters.asked / 10);
    judge_memo_free(memo);
}

/* Of 100 hosts that rules name, each is asked about by itself; all others of
 * the segment are the same to them. */
static void
hosts_that_no_rule_names_are_asked_about_once(void **state)
{
    struct judge_memo *memo = judge_memo_new();
    struct judge_memo_counters counters;
    struct question question = {.protocol = PROTOCOL_TCP, .dst_port = 443};
    struct policy_place place = {.vlan = 0};
    struct policy *policy;
    size_t size = 0;

    (void)state;
    assert_non_null(memo);
    size += (size_t)snprintf(text, sizeof text,
                             "version: 1\n"
                             "segments:\n"
                             "  users: {networks: [10.1.0.0/24]}\n"
                             "  servers: {networks: [10.2.0.0/24]}\n"
                             "rules:\n");
    for (int i = 1; i <= 100; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size,
                                 "  - {id: r%d, from: users, to: servers, "
                                 "to_addr: 10.2.0.%d, service: tcp/443, "
                                 "action: allow}\n",
                                 i, 2 * i);
    }
    policy = sound_policy(text, size, NULL);
    assert_true(addr_parse("10.1.0.1", &question.src));
    assert_true(addr_parse("10.2.0.0", &question.dst));
    question.src_segment = policy_locate(policy, &question.src, &place);
    for (int host = 1; host <= 200; host++) {
        struct verdict verdict;

        question.dst.byte[15] = (uint8_t)host;
        question.dst_segment = policy_locate(policy, &question.dst, &place);
        judge_memo_ask(memo, policy, &question, &verdict);
        assert_int_equal(verdict.decision,
                         host % 2 ? DECISION_DENY : DECISION_ALLOW);
    }
    judge_memo_get_counters(memo, &counters);
    assert_int_equal(counters.known, 99);
    policy_unref(policy);
    judge_memo_free(memo);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_judge),
        cmocka_unit_test(hosts_that_no_rule_names_are_asked_about_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
