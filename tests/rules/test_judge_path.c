/* The path that people are shown leads to the verdict of the judge. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/judge/flow_test.h"
#include "rules/judge/judge_path.h"
#include "rules/judge/location.h"
#include "rules/problems.h"

#include <stdio.h>
#include <string.h>

static struct application_engine *engine;

static const char small[] =
    "version: 1\n"
    "policy: {name: small, revision: \"1\"}\n"
    "segments:\n"
    "  a: {networks: [10.1.0.0/16], exclude: [10.1.9.0/24]}\n"
    "  a-db: {networks: [10.1.5.0/24]}\n"
    "  wifi: {networks: [10.1.5.128/25], vlans: [30, 40-49], sensors: [hq-*]}\n"
    "  b: {networks: [10.2.0.0/16]}\n"
    "guardrails:\n"
    "  - {id: g, from: any, to: any, service: tcp/23, action: deny}\n"
    "rules:\n"
    "  - {id: tag, from: any, to: any, app: TLS, action: log}\n"
    "  - {id: other, from: b, to: b, action: deny}\n"
    "  - {id: old, from: a, to: b, service: tcp/80, action: allow, expires: "
    "2026-01-01}\n"
    "  - {id: soon, from: a, to: b, service: tcp/80, action: allow, starts: "
    "2027-01-01}\n"
    "  - {id: idea, from: a, to: b, service: tcp/80, action: allow, mode: "
    "staged}\n"
    "  - {id: one, from: a, from_addr: 10.1.0.1, to: b, service: tcp/443, "
    "action: allow}\n"
    "  - {id: tls, from: a, to: b, service: [tcp/443, tcp/8000-8010], app: "
    "TLS, require: {tls_min: \"1.2\"}, action: allow}\n"
    "  - {id: back, from: b, to: a, both_ways: true, service: udp/53, action: "
    "allow}\n"
    "  - {id: last, from: a, to: b, service: tcp/443, action: deny}\n";

struct steps {
    const struct policy *policy;
    char text[1000];
    struct judge_step decided;
    size_t n;
};

static void
note(void *context, const struct judge_step *step)
{
    struct steps *steps = context;
    size_t n = strlen(steps->text);

    steps->n++;
    steps->decided = *step;
    snprintf(steps->text + n, sizeof steps->text - n, "%s:%s%s%s;",
             policy_rule(steps->policy, step->rule)->id,
             step->reversed ? "reversed-" : "", judge_step_name(step->kind),
             step->condition[0] ? step->condition : "");
}

static struct policy *
load(const char *path)
{
    struct problems problems;
    struct policy *policy;

    problems_init(&problems);
    policy = path ? policy_load(path, engine, &problems)
                  : policy_load_bytes("small", small, sizeof small - 1, engine,
                                      &problems);
    problems_print(&problems, stderr);
    assert_non_null(policy);
    problems_done(&problems);
    return policy;
}

/* Pairs of fact and value, ended by NULL. */
static void
ask(const struct policy *policy, const char *const *facts,
    struct verdict *verdict, struct judge_path *path, struct steps *steps)
{
    struct question question;
    struct flow_test flow;
    char why[FLOW_TEST_WHY];

    flow_test_init(&flow);
    for (; *facts; facts += 2) {
        assert_true(flow_test_set(&flow, facts[0], facts[1], why));
    }
    assert_true(flow_test_question(&flow, policy, engine, &question, why));
    judge(policy, &question, verdict);
    *steps = (struct steps){.policy = policy};
    judge_explain(policy, &question, verdict, path, note, steps);
}

static void
path_is(const struct policy *policy, const char *const *facts,
        const char *expected, const char *wanted)
{
    struct judge_path path;
    struct verdict verdict;
    struct steps steps;

    ask(policy, facts, &verdict, &path, &steps);
    assert_string_equal(steps.text, expected);
    assert_string_equal(steps.decided.wanted, wanted);
    assert_int_equal(path.n_rules, 10);
}

static void
every_rule_says_why_it_did_not_decide(void **state)
{
    struct policy *policy = load(NULL);

    (void)state;
    path_is(policy,
            (const char *[]){"src", "10.1.0.2", "dst", "10.2.0.1", "dport",
                             "443", "app", "TLS", "tls", "1.1", NULL},
            "g:failedservice;tag:tagged;old:failedservice;soon:failedservice;"
            "idea:failedservice;one:failedfrom_addr;"
            "tls:matchedrequire.tls_min;",
            "1.2 or later");
    path_is(policy,
            (const char *[]){"src", "10.1.0.2", "dst", "10.2.0.1", "dport",
                             "80", "app", "HTTP", NULL},
            "g:failedservice;tag:failedapp;old:failedexpires;"
            "soon:failedstarts;idea:staged;one:failedservice;"
            "tls:failedservice;back:reversed-failedservice;"
            "last:failedservice;default:inter:matched;",
            "");
    path_is(policy,
            (const char *[]){"src", "10.1.0.2", "dst", "10.2.0.1", "dport",
                             "443", "stage", "first", NULL},
            "g:failedservice;tag:openapp;old:failedservice;"
            "soon:failedservice;idea:failedservice;one:failedfrom_addr;"
            "tls:openapp;back:reversed-failedservice;last:matched;",
            "");
    path_is(policy,
            (const char *[]){"src", "10.2.0.1", "dst", "10.1.0.2", "proto",
                             "udp", "dport", "53", NULL},
            "g:failedservice;tag:failedapp;back:matched;", "");
    policy_unref(policy);
}

static void
what_is_not_judged_by_rules_has_no_path(void **state)
{
    struct policy *policy = load(NULL);
    struct judge_path path;
    struct verdict verdict;
    struct steps steps;

    (void)state;
    ask(policy,
        (const char *[]){"src", "10.1.0.2", "dst", "10.2.0.1", "proto", "icmp",
                         "icmp", "3:1", "icmp_related", "true", NULL},
        &verdict, &path, &steps);
    assert_false(path.walked);
    assert_int_equal(steps.n, 0);
    policy_unref(policy);
}

/* The path of a flow heard in the middle is that of the direction judged. */
static void
the_path_is_of_the_direction_that_was_judged(void **state)
{
    struct policy *policy = load(NULL);
    struct judge_path path;
    struct verdict verdict;
    struct steps steps;

    (void)state;
    ask(policy,
        (const char *[]){"src", "10.2.0.1", "dst", "10.1.0.1", "sport", "443",
                         "dport", "40000", "initiator", "midstream", NULL},
        &verdict, &path, &steps);
    assert_int_equal(verdict.decision, DECISION_ALLOW);
    assert_int_equal(path.asked.dst_port, 443);
    assert_int_equal((int32_t)steps.decided.rule, verdict.rule);
    policy_unref(policy);
}

static void
compare(const struct policy *policy, const char *const *facts)
{
    struct judge_path path;
    struct verdict verdict;
    struct steps steps;

    ask(policy, facts, &verdict, &path, &steps);
    if (verdict.rule >= 0) {
        assert_int_equal(path.decided,
                         verdict.reason != VERDICT_REASON_DEFAULT);
        assert_int_equal((int32_t)steps.decided.rule, verdict.rule);
        assert_int_equal(steps.decided.decision, verdict.decision);
    }
}

static void
the_path_ends_at_the_rule_that_decides(void **state)
{
    static const char *const addrs[] = {
        "10.20.1.1",  "10.30.0.1", "10.40.1.2",  "10.50.0.2",
        "10.60.0.10", "10.81.0.1", "10.82.1.20", "203.0.113.9",
        "10.10.0.5",  "10.99.0.1", "224.0.0.1",  "10.90.0.4"};
    static const char *const ports[] = {"22",  "53",   "80",   "443",
                                        "445", "8443", "5432", "502"};
    static const char *const apps[] = {"none", "unknown", "TLS", "SSH", "DNS"};
    enum {
        N_ADDRS = sizeof addrs / sizeof addrs[0],
        N_PORTS = sizeof ports / sizeof ports[0],
        N_APPS = sizeof apps / sizeof apps[0],
        N = 2 * N_ADDRS * N_ADDRS * N_PORTS * N_APPS
    };
    struct policy *policy =
        load(SOURCE_DIR "/rules/examples/enterprise-pci-ot.yaml");

    (void)state;
    for (size_t i = 0; i < N; i++) {
        size_t at = i / 2;

        compare(policy, (const char *[]){
                            "src", addrs[at % N_ADDRS], "dst",
                            addrs[at / N_ADDRS % N_ADDRS], "dport",
                            ports[at / N_ADDRS / N_ADDRS % N_PORTS], "app",
                            apps[at / N_ADDRS / N_ADDRS / N_PORTS], "initiator",
                            i % 2 ? "midstream" : "seen", NULL});
    }
    policy_unref(policy);
}

static void
location_is(const struct policy *policy, const char *text, uint16_t vlan,
            const char *segment, const char *prefix, const char *passed)
{
    struct policy_place place = {
        .vlan = vlan, .interface = "", .sensor = "hq-1"};
    char got[200] = "", shown[PREFIX_TEXT_SIZE];
    struct location location;
    struct addr addr;

    assert_true(addr_parse(text, &addr));
    location_find(policy, &addr, &place, &location);
    assert_string_equal(policy_segment(policy, location.segment)->name,
                        segment);
    assert_string_equal(prefix_format(&location.prefix, shown), prefix);
    for (size_t i = 0; i < location.n_passed; i++) {
        size_t n = strlen(got);

        snprintf(got + n, sizeof got - n, "%s:%s;",
                 policy_segment(policy, location.passed[i].segment)->name,
                 location.passed[i].failed);
    }
    assert_string_equal(got, passed);
}

static void
a_location_says_which_prefix_and_what_was_passed_over(void **state)
{
    struct policy *policy = load(NULL);

    (void)state;
    location_is(policy, "10.1.0.1", 0, "a", "10.1.0.0/16", "");
    location_is(policy, "10.1.5.1", 0, "a-db", "10.1.5.0/24", "");
    location_is(policy, "10.1.5.200", 30, "wifi", "10.1.5.128/25", "");
    location_is(policy, "10.1.5.200", 31, "a-db", "10.1.5.0/24", "wifi:vlans;");
    location_is(policy, "10.1.9.1", 0, "unknown", "10.0.0.0/8", "a:exclude;");
    location_is(policy, "10.1.255.255", 0, "broadcast", "10.1.0.0/16", "");
    location_is(policy, "8.8.8.8", 0, "internet", "0.0.0.0/0", "");
    location_is(policy, "::1", 0, "reserved", "::1/128", "");
    location_is(policy, "2001:db8::1", 0, "internet", "::/0", "");
    policy_unref(policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_says_why_it_did_not_decide),
        cmocka_unit_test(what_is_not_judged_by_rules_has_no_path),
        cmocka_unit_test(the_path_is_of_the_direction_that_was_judged),
        cmocka_unit_test(the_path_ends_at_the_rule_that_decides),
        cmocka_unit_test(a_location_says_which_prefix_and_what_was_passed_over),
    };
    struct error error;
    int status;

    engine = application_engine_new(NULL, &error);
    if (!engine) {
        return 1;
    }
    status = cmocka_run_group_tests(tests, NULL, NULL);
    application_engine_free(engine);
    return status;
}
