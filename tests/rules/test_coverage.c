/* What the tests of a policy exercise, and what they leave out. */

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/coverage.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
    "version: 1\n"
    "policy: {name: coverage, revision: '1'}\n"
    "segments:\n"
    "  a: {networks: [10.1.0.0/16]}\n"
    "  b: {networks: [10.2.0.0/16]}\n"
    "guardrails:\n"
    "  - {id: never, from: a, to: b, service: telnet, action: deny}\n"
    "rules:\n"
    "  - {id: mark, from: a, to: b, service: ssh, action: log}\n"
    "  - {id: admin, from: a, to: b, service: ssh, require: {app: SSH},\n"
    "     action: alert}\n"
    "  - {id: web, from: a, to: b, service: http, app: HTTP, action: allow}\n"
    "  - {id: plan, from: a, to: b, service: https, action: allow,\n"
    "     mode: staged}\n"
    "  - {id: gone, from: a, to: b, service: ftp, action: allow,\n"
    "     mode: disabled}\n"
    "pairs:\n"
    "  - {id: p, from: b, to: a, default: observe}\n"
    "detect: {scan: true}\n"
    "tests:\n";

#define TEST_OF(PORT, APP, DECISION)                                           \
    "  - {name: t, flow: {src: 10.1.0.1, dst: 10.2.0.1, dport: " PORT          \
    ", app: " APP "}, expect: {decision: " DECISION "}}\n"

static struct application_engine *engine;

/* The coverage of 'tests', to be put away with done(). */
static struct policy *
cover(const char *tests, struct coverage *coverage)
{
    struct policy *policy;
    char text[4096];

    snprintf(text, sizeof text, "%s%s", head, tests);
    policy = sound_policy(text, strlen(text), engine);
    coverage_init(coverage, policy);
    coverage_add_tests(coverage, engine);
    return policy;
}

static void
done(struct policy *policy, struct coverage *coverage)
{
    coverage_done(coverage);
    policy_unref(policy);
}

static struct coverage_rule
rule(const struct coverage *coverage, const char *id)
{
    struct coverage_rule found;

    for (uint32_t i = 0; i < policy_n_rules(coverage->policy); i++) {
        coverage_rule(coverage, i, &found);
        if (strcmp(found.rule->id, id) == 0) {
            return found;
        }
    }
    fail_msg("no rule '%s'", id);
    return found;
}

static void
without_tests_nothing_is_exercised(void **state)
{
    struct coverage_totals totals;
    struct coverage coverage;
    struct policy *policy = cover("  []\n", &coverage);

    (void)state;
    coverage_sum(&coverage, &totals);
    assert_int_equal(coverage.questions, 0);
    assert_int_equal(totals.tiers[TIER_GUARDRAIL].n, 1);
    assert_int_equal(totals.tiers[TIER_RULE].n, 3); /* Enforced ones. */
    assert_int_equal(totals.tiers[TIER_PAIR].n, 1);
    assert_int_equal(totals.tiers[TIER_DEFAULT].n, 5); /* No midstream. */
    assert_int_equal(totals.rules.n, 10);              /* No detector. */
    assert_false(rule(&coverage, "detect:scan").counts);
    assert_int_equal(totals.rules.exercised, 0);
    assert_int_equal(totals.cells.n, 16); /* a, b, internet, unknown. */
    assert_int_equal(totals.cells.exercised, 0);
    done(policy, &coverage);
}

static void
a_rule_is_exercised_when_it_decides(void **state)
{
    struct coverage_totals totals;
    struct coverage coverage;
    struct policy *policy =
        cover(TEST_OF("80", "HTTP", "allow") TEST_OF("23", "none", "deny"),
              &coverage);
    struct coverage_rule web = rule(&coverage, "web");

    (void)state;
    assert_int_equal(web.n_hits, 1);
    assert_int_equal(web.hits->decisions[DECISION_ALLOW], 1);
    assert_int_equal(web.line, 12);
    assert_int_equal(rule(&coverage, "never").n_hits, 1);
    assert_int_equal(rule(&coverage, "admin").n_hits, 0);
    assert_int_equal(rule(&coverage, "default:inter").n_hits, 0);
    coverage_sum(&coverage, &totals);
    assert_int_equal(totals.rules.exercised, 2);
    assert_int_equal(totals.cells.exercised, 1);
    done(policy, &coverage);
}

static void
a_rule_that_logs_is_exercised_beside_the_one_that_decides(void **state)
{
    struct coverage coverage;
    struct policy *policy = cover(TEST_OF("22", "SSH", "alert"), &coverage);

    (void)state;
    assert_int_equal(rule(&coverage, "mark").n_hits, 1);
    assert_int_equal(rule(&coverage, "admin").n_hits, 1);
    done(policy, &coverage);
}

static void
a_requirement_is_unbroken_until_a_test_breaks_it(void **state)
{
    struct coverage coverage;
    struct policy *policy = cover("  []\n", &coverage);

    (void)state;
    assert_false(rule(&coverage, "admin").unbroken); /* Not exercised. */
    done(policy, &coverage);
    policy = cover(TEST_OF("22", "SSH", "alert"), &coverage);
    assert_true(rule(&coverage, "admin").unbroken);
    done(policy, &coverage);
    policy = cover(TEST_OF("22", "SSH", "alert") TEST_OF("22", "TLS", "deny"),
                   &coverage);
    assert_false(rule(&coverage, "admin").unbroken);
    assert_int_equal(rule(&coverage, "admin").hits->decisions[DECISION_DENY],
                     1);
    done(policy, &coverage);
}

static void
a_staged_rule_counts_what_it_would_decide(void **state)
{
    struct coverage coverage;
    struct policy *policy = cover(TEST_OF("443", "TLS", "deny"), &coverage);
    struct coverage_rule plan = rule(&coverage, "plan");

    (void)state;
    assert_int_equal(plan.hits->decisions[DECISION_ALLOW], 1);
    assert_int_equal(plan.n_hits, 1);
    assert_false(plan.counts);
    assert_false(rule(&coverage, "gone").counts);
    assert_int_equal(rule(&coverage, "default:inter").n_hits, 1);
    done(policy, &coverage);
}

static void
cells_have_a_direction(void **state)
{
    struct coverage coverage;
    struct policy *policy = cover(TEST_OF("80", "HTTP", "allow"), &coverage);
    segment_id a = SEGMENT_N_BUILTIN, b = SEGMENT_N_BUILTIN + 1;

    (void)state;
    assert_non_null(coverage_cell(&coverage, a, b));
    assert_null(coverage_cell(&coverage, b, a));
    assert_null(coverage_cell(&coverage, a, SEGMENT_INTERNET));
    done(policy, &coverage);
}

static void
local_cells_are_counted_apart(void **state)
{
    struct coverage_totals totals;
    struct coverage coverage;
    struct policy *policy =
        cover("  - {name: m, flow: {src: 10.1.0.1, dst: 239.1.1.1, proto: udp, "
              "dport: 5000}, expect: {decision: observe}}\n",
              &coverage);

    (void)state;
    coverage_sum(&coverage, &totals);
    assert_int_equal(totals.cells.exercised, 0);
    assert_int_equal(totals.other_cells, 1);
    done(policy, &coverage);
}

static void
a_question_that_stays_open_is_undecided(void **state)
{
    static const char pending[] =
        "  - {name: t, flow: {src: 10.1.0.1, dst: 10.2.0.1, dport: 80,\n"
        "     stage: first}, expect: {decision: pending}}\n";
    struct coverage coverage;
    struct policy *policy = cover(pending, &coverage);

    (void)state;
    assert_int_equal(coverage.questions, 1);
    assert_int_equal(coverage.undecided, 1);
    assert_int_equal(rule(&coverage, "web").n_hits, 0);
    done(policy, &coverage);
}

static void
what_is_no_question_is_left_out(void **state)
{
    struct coverage coverage;
    struct policy *policy =
        cover("  - {name: t, flow: {src: nowhere, dst: 10.2.0.1},\n"
              "     expect: {decision: deny}}\n",
              &coverage);

    (void)state;
    assert_int_equal(coverage.questions, 0);
    done(policy, &coverage);
}

static void
merging_is_as_if_one_had_seen_it_all(void **state)
{
    struct coverage coverage, other;
    struct policy *policy =
        cover(TEST_OF("80", "HTTP", "allow") TEST_OF("443", "TLS", "deny"),
              &coverage);
    struct coverage_totals totals;

    (void)state;
    coverage_init(&other, policy);
    coverage_merge(&other, &coverage);
    coverage_merge(&other, &coverage);
    coverage_sum(&other, &totals);
    assert_int_equal(other.questions, 4);
    assert_int_equal(rule(&other, "web").n_hits, 2);
    assert_int_equal(rule(&other, "plan").n_hits, 2);
    assert_int_equal(totals.rules.exercised, 2);
    assert_int_equal(coverage_count(coverage_cell(&other, SEGMENT_N_BUILTIN,
                                                  SEGMENT_N_BUILTIN + 1)),
                     4);
    coverage_done(&other);
    done(policy, &coverage);
}

static int
make_engine(void **state)
{
    struct error error;

    (void)state;
    engine = application_engine_new(NULL, &error);
    return engine ? 0 : -1;
}

static int
free_engine(void **state)
{
    (void)state;
    application_engine_free(engine);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_tests_nothing_is_exercised),
        cmocka_unit_test(a_rule_is_exercised_when_it_decides),
        cmocka_unit_test(
            a_rule_that_logs_is_exercised_beside_the_one_that_decides),
        cmocka_unit_test(a_requirement_is_unbroken_until_a_test_breaks_it),
        cmocka_unit_test(a_staged_rule_counts_what_it_would_decide),
        cmocka_unit_test(cells_have_a_direction),
        cmocka_unit_test(local_cells_are_counted_apart),
        cmocka_unit_test(a_question_that_stays_open_is_undecided),
        cmocka_unit_test(what_is_no_question_is_left_out),
        cmocka_unit_test(merging_is_as_if_one_had_seen_it_all),
    };

    return cmocka_run_group_tests(tests, make_engine, free_engine);
}
