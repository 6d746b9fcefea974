/* judge.h: the compiled judge against a naive one, over random policies. */

#include "tests/support/test.h"

#include "rules/flow_test.h"
#include "rules/problems.h"
#include "tests/rules/naive_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TEXT = 60000,
    N_POLICIES = 300,
    N_QUESTIONS = 300
};

static uint32_t seed;

static uint32_t
draw(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static const char *
pick(const char *const *words)
{
    uint32_t n = 0;

    while (words[n]) {
        n++;
    }
    return words[draw(n)];
}

static const char *const segments[] = {
    "a",     "b",       "c",        "d",         "any",        "internal",
    "group", "unknown", "internet", "multicast", "link-local", NULL};
static const char *const services[] = {"tcp/80",
                                       "tcp/1-100",
                                       "tcp/50-150",
                                       "udp/53",
                                       "tcp/any",
                                       "icmp/8",
                                       "icmp/3:1",
                                       "ip/gre",
                                       "any",
                                       "dns",
                                       "[http, udp/any, icmp6/any]",
                                       "sctp/7",
                                       "tcp/0-65535",
                                       NULL};
static const char *const apps[] = {"TLS",    "SSH",     "[TLS, unknown]",
                                   "none",   "unknown", "TLS.Google",
                                   "Google", NULL};

static size_t
write_rule(char *text, size_t size, const char *tier, unsigned number)
{
    static const char *const actions[] = {"allow", "deny", "alert", "log",
                                          NULL};
    const char *action = pick(actions);
    bool may_require = action[0] == 'a';
    size_t n = (size_t)snprintf(
        text, size, "  - {id: %s%u, from: %s, to: %s, action: %s", tier, number,
        pick(segments), pick(segments), action);

#define ADD(...) n += (size_t)snprintf(text + n, size - n, __VA_ARGS__)
    if (draw(3)) {
        ADD(", service: %s", pick(services));
    }
    if (draw(4) == 0) {
        ADD(", app: %s", pick(apps));
    }
    if (draw(6) == 0) {
        ADD(", both_ways: true");
    }
    if (draw(6) == 0) {
        ADD(", from_addr: 10.%u.0.0/17", draw(4));
    }
    if (draw(6) == 0) {
        ADD(", to_addr: [10.%u.0.0/17, 8.0.0.0/8]", draw(4));
    }
    if (draw(8) == 0) {
        ADD(", src_port: 1-100");
    }
    if (draw(6) == 0) {
        ADD(", mode: %s", draw(3) ? "staged" : "disabled");
    }
    if (draw(8) == 0) {
        ADD(", expires: 2026-0%u-01", 2 + draw(4));
    }
    if (draw(8) == 0) {
        ADD(", when: {sni: \"*.example\", vlan: 1-2}");
    }
    if (may_require && draw(4) == 0) {
        ADD(", require: {app: %s}", pick(apps));
    } else if (may_require && draw(5) == 0) {
        ADD(", require: {tls_min: \"1.2\", one_way: %s}",
            draw(2) ? "true" : "false");
    }
    ADD("}\n");
#undef ADD
    return n;
}

static struct policy *
draw_policy(void)
{
    static char text[MAX_TEXT];
    static const char *const decisions[] = {"allow", "deny", "alert", "observe",
                                            NULL};
    unsigned n_guardrails = draw(4), n_rules = 1 + draw(120);
    struct problems problems;
    struct policy *policy;
    size_t n;

    n = (size_t)snprintf(
        text, sizeof text,
        "version: 1\n"
        "defaults: {inter: %s, unknown: %s, midstream: %s}\n"
        "segments:\n  a: {networks: [10.0.0.0/16]}\n"
        "  b: {networks: [10.1.0.0/16], intra: %s}\n"
        "  c: {networks: [10.2.0.0/16]}\n  d: {networks: [10.0.128.0/17]}\n"
        "groups: {group: [a, d]}\n"
        "pairs:\n  - {id: p, from: %s, to: %s, default: %s}\n"
        "  - {id: q, from: c, to: %s, default: %s}\n",
        pick(decisions), pick(decisions), draw(2) ? "lenient" : "strict",
        pick(decisions), draw(2) ? "a" : "b", draw(2) ? "c" : "internet",
        pick(decisions), pick(segments), pick(decisions));
    if (n_guardrails) {
        n += (size_t)snprintf(text + n, sizeof text - n, "guardrails:\n");
    }
    for (unsigned i = 0; i < n_guardrails; i++) {
        n += write_rule(text + n, sizeof text - n, "g", i);
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "rules:\n");
    for (unsigned i = 0; i < n_rules; i++) {
        n += write_rule(text + n, sizeof text - n, "r", i);
    }
    assert_true(n < sizeof text);
    problems_init(&problems);
    policy = policy_load_bytes("random.yaml", text, n, NULL, &problems);
    if (!policy) {
        problems_print(&problems, stderr);
    }
    assert_non_null(policy);
    problems_done(&problems);
    return policy;
}

static struct addr
draw_addr(void)
{
    static const char *const others[] = {"8.8.8.8",      "10.9.0.1",
                                         "224.1.2.3",    "169.254.1.1",
                                         "10.1.255.255", NULL};
    const uint8_t inside[4] = {10, (uint8_t)draw(4), (uint8_t)(128 * draw(2)),
                               1};
    struct addr addr = addr_from_ipv4(inside);

    if (draw(5) == 0) {
        assert_true(addr_parse(pick(others), &addr));
    }
    return addr;
}

static void
draw_question(const struct policy *policy, struct question *question)
{
    static const uint8_t protocols[] = {6, 6, 6, 17, 1, 47, 58, 132, 200};
    static const uint16_t ports[] = {0,  1,   22,  53,  79,   80,
                                     81, 100, 150, 151, 65535};
    const struct policy_place place = {.interface = "", .sensor = ""};

    *question = (struct question){.src = draw_addr(),
                                  .dst = draw_addr(),
                                  .src_port = ports[draw(11)],
                                  .dst_port = ports[draw(11)],
                                  .protocol = protocols[draw(9)],
                                  .ip_version = 4,
                                  .icmp_type = draw(2) ? 8 : 3,
                                  .icmp_code = (uint8_t)draw(3),
                                  .vlan = (uint16_t)draw(4),
                                  .interface = "",
                                  .sensor = "",
                                  .start = {INT64_C(1773144000) * SECOND_NS},
                                  .midstream = draw(4) == 0,
                                  .replied = draw(2),
                                  .app = (enum question_app)draw(4),
                                  .sni = draw(2) ? "www.example" : "",
                                  .host = ""};
    question->src_segment = policy_locate(policy, &question->src, &place);
    question->dst_segment = policy_locate(policy, &question->dst, &place);
    if (question->app == QUESTION_APP_KNOWN) {
        static const char *const names[] = {"TLS", "SSH", "Google", "HTTP",
                                            NULL};

        question->master_symbol = policy_app_symbol(policy, pick(names));
        question->name_symbol = policy_app_symbol(policy, pick(names));
        question->is_tls = draw(2);
        question->tls_version =
            question->is_tls ? (uint16_t)(0x0301 + draw(4)) : 0;
    }
}

static bool
agree(const struct verdict *verdict, const struct naive_verdict *naive)
{
    bool ambiguous = verdict->flags & VERDICT_DIRECTION_AMBIGUOUS;

    return verdict->decision == naive->decision &&
           verdict->rule == naive->rule && verdict->reason == naive->reason &&
           verdict->staged_decision == naive->staged_decision &&
           verdict->staged_rule == naive->staged_rule &&
           ambiguous == naive->ambiguous;
}

static enum decision
ask_both(const struct policy *policy, uint32_t round)
{
    struct naive_verdict naive;
    struct verdict verdict;
    struct question question;

    draw_question(policy, &question);
    judge(policy, &question, &verdict);
    naive_judge(policy, &question, &naive);
    if (!agree(&verdict, &naive)) {
        fail_msg("policy %u: %s by %d (%s), not %s by %d (%s); staged %s by "
                 "%d, not %s by %d",
                 round, decision_name(verdict.decision), verdict.rule,
                 verdict_reason_name(verdict.reason),
                 decision_name(naive.decision), naive.rule,
                 verdict_reason_name(naive.reason),
                 decision_name(verdict.staged_decision), verdict.staged_rule,
                 decision_name(naive.staged_decision), naive.staged_rule);
    }
    return verdict.decision;
}

static void
the_compiled_judge_agrees_with_the_naive_one(void **state)
{
    unsigned decisions[DECISION_RELATED + 1] = {0};

    (void)state;
    for (uint32_t round = 0; round < N_POLICIES; round++) {
        struct policy *policy;

        seed = round * 7919 + 1;
        policy = draw_policy();
        for (int i = 0; i < N_QUESTIONS; i++) {
            decisions[ask_both(policy, round)]++;
        }
        policy_unref(policy);
    }
    for (int i = DECISION_PENDING; i <= DECISION_OBSERVE; i++) {
        assert_true(decisions[i] > 1000); /* The draw exercises them all. */
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_compiled_judge_agrees_with_the_naive_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
