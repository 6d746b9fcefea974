/* The shipped policies load without a mistake or a warning that matters, their
 * own tests pass, and the lab's story is told as its policy says. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/coverage.h"
#include "rules/judge/flow_test.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of tests/lab/story.tsv. */
enum {
    STORY_SCENE,
    STORY_FROM,
    STORY_CLIENT,
    STORY_TO,
    STORY_SERVER,
    STORY_PROTO,
    STORY_PORT,
    STORY_VLAN,
    STORY_FLOWS,
    STORY_APP,
    STORY_OUTCOME,
    STORY_VERDICT,
    STORY_RULE,
    STORY_N
};

static struct application_engine *engine;

static void
is_exercised(const struct coverage_rule *rule)
{
    if (!rule->n_hits || rule->unbroken) {
        fail_msg("no test %s '%s'", rule->n_hits ? "breaks" : "exercises",
                 rule->rule->id);
    }
}

/* By the policy's own tests; requirements both ways. */
static void
every_rule_is_exercised(const struct policy *policy)
{
    struct coverage coverage;
    struct coverage_rule rule;

    coverage_init(&coverage, policy);
    coverage_add_tests(&coverage, engine);
    for (uint32_t i = 0; i < policy_n_rules(policy); i++) {
        coverage_rule(&coverage, i, &rule);
        if (rule.counts) {
            is_exercised(&rule);
        }
    }
    coverage_done(&coverage);
}

static struct policy *
load(const char *name)
{
    struct problems problems;
    struct policy *policy;
    char path[512];

    snprintf(path, sizeof path, "%s/rules/examples/%s", SOURCE_DIR, name);
    problems_init(&problems);
    policy = policy_load(path, engine, &problems);
    if (policy) {
        assert_true(policy_run_tests(policy, engine, &problems) > 10);
    }
    problems_print(&problems, stderr);
    assert_non_null(policy);
    assert_int_equal(problems.n, 0);
    problems_done(&problems);
    every_rule_is_exercised(policy);
    return policy;
}

static void
the_small_office_is_in_order(void **state)
{
    (void)state;
    policy_unref(load("small-office.yaml"));
}

static void
set(struct flow_test *flow, const char *key, const char *value)
{
    char why[FLOW_TEST_WHY];

    if (!flow_test_set(flow, key, value, why)) {
        fail_msg("%s", why);
    }
}

/* What the story does not say: certificates' names and TLS versions. */
static void
add_details(struct flow_test *flow, char *const *value)
{
    if (strcmp(value[STORY_APP], "TLS") == 0) {
        set(flow, "tls",
            strcmp(value[STORY_CLIENT], "203.0.113.66") ? "1.3" : "1.0");
        set(flow, "sni",
            strcmp(value[STORY_SERVER], "198.51.100.20")
                ? "www.website.example"
                : "gateway.psp.example");
    }
}

/* As records say it. */
static const char *
verdict_word(enum decision decision)
{
    static const char *const words[] = {
        [DECISION_PENDING] = "pending",  [DECISION_ALLOW] = "allowed",
        [DECISION_DENY] = "violation",   [DECISION_ALERT] = "alert",
        [DECISION_OBSERVE] = "observed", [DECISION_RELATED] = "related"};

    return words[decision];
}

static void
judge_story(const struct policy *policy, char *const *value)
{
    struct question question;
    struct verdict verdict;
    struct flow_test flow;
    char why[FLOW_TEST_WHY];
    const char *rule;

    /* The first port of a range. */
    value[STORY_PORT][strcspn(value[STORY_PORT], "-")] = '\0';
    flow_test_init(&flow);
    set(&flow, "src", value[STORY_CLIENT]);
    set(&flow, "dst", value[STORY_SERVER]);
    set(&flow, "proto", value[STORY_PROTO]);
    set(&flow, strncmp(value[STORY_PROTO], "icmp", 4) == 0 ? "icmp" : "dport",
        value[STORY_PORT]);
    set(&flow, "vlan", strcmp(value[STORY_VLAN], "-") ? value[STORY_VLAN] : "");
    set(&flow, "app",
        strcmp(value[STORY_APP], "-") == 0         ? "none"
        : strcmp(value[STORY_APP], "Unknown") == 0 ? "unknown"
                                                   : value[STORY_APP]);
    add_details(&flow, value);
    if (!flow_test_question(&flow, policy, engine, &question, why)) {
        fail_msg("%s", why);
    }
    judge(policy, &question, &verdict);
    rule = verdict_rule_name(policy, verdict.decision, verdict.rule);
    if (strcmp(verdict_word(verdict.decision), value[STORY_VERDICT]) != 0 ||
        (strcmp(value[STORY_RULE], "-") != 0 &&
         strcmp(value[STORY_RULE], rule) != 0)) {
        fail_msg("%s -> %s %s/%s %s: %s by %s, not %s by %s",
                 value[STORY_CLIENT], value[STORY_SERVER], value[STORY_PROTO],
                 value[STORY_PORT], value[STORY_APP],
                 verdict_word(verdict.decision), rule, value[STORY_VERDICT],
                 value[STORY_RULE]);
    }
}

static void
split(char *line, char *value[STORY_N])
{
    size_t n = 0;

    for (char *at = line; n < STORY_N && at; n++) {
        value[n] = at;
        at = strchr(at, '\t');
        if (at) {
            *at++ = '\0';
        }
    }
    assert_int_equal(n, STORY_N);
}

static void
the_enterprise_is_in_order_and_tells_the_labs_story(void **state)
{
    struct policy *policy = load("enterprise-pci-ot.yaml");
    FILE *story = fopen(SOURCE_DIR "/tests/lab/story.tsv", "r");
    char line[512], *value[STORY_N];
    size_t n_rows = 0;

    (void)state;
    assert_non_null(story);
    while (fgets(line, sizeof line, story)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || strncmp(line, "scene\t", 6) == 0) {
            continue;
        }
        split(line, value);
        judge_story(policy, value);
        n_rows++;
    }
    fclose(story);
    assert_true(n_rows > 50);
    policy_unref(policy);
}

static void
the_policy_of_those_who_have_none_observes_everything(void **state)
{
    struct policy *policy = policy_observe_all();
    struct question question;
    struct verdict verdict;
    struct flow_test flow;
    char why[FLOW_TEST_WHY];

    (void)state;
    assert_non_null(policy);
    flow_test_init(&flow);
    set(&flow, "src", "10.0.0.1");
    set(&flow, "dst", "8.8.8.8");
    assert_true(flow_test_question(&flow, policy, NULL, &question, why));
    judge(policy, &question, &verdict);
    assert_int_equal(verdict.decision, DECISION_OBSERVE);
    assert_true(verdict.final);
    policy_unref(policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_small_office_is_in_order),
        cmocka_unit_test(the_enterprise_is_in_order_and_tells_the_labs_story),
        cmocka_unit_test(the_policy_of_those_who_have_none_observes_everything),
    };
    struct error error;
    int failed;

    engine = application_engine_new(NULL, &error);
    if (!engine) {
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    application_engine_free(engine);
    return failed;
}
