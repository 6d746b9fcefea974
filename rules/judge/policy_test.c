/* The tests a policy carries. */

#include "rules/judge/flow_test.h"
#include "rules/names.h"
#include "rules/policy_impl.h"
#include "rules/problems.h"

#include <stdio.h>
#include <string.h>

/* One expectation being compared. */
struct comparison {
    const struct policy *policy;
    const struct question *question;
    const struct verdict *verdict;
    const char *wanted;
    bool found;
};

static bool run_test(const struct policy *, const struct application_engine *,
                     const struct policy_test *, struct problems *);
static bool check_expected(struct comparison *, const char *key,
                           const char **got);
static void look_for_flag(void *context, const char *flag);
static bool has_tag(const struct comparison *);
static void add_problem(struct problems *, const struct policy_test *,
                        const struct policy_position *, const char *text);

size_t
policy_run_tests(const struct policy *policy,
                 const struct application_engine *engine,
                 struct problems *problems)
{
    for (size_t i = 0; i < policy->n_tests; i++) {
        (void)run_test(policy, engine, &policy->tests[i], problems);
    }
    return policy->n_tests;
}

bool
policy_test_question(const struct policy *policy,
                     const struct application_engine *engine,
                     const struct policy_test *test, struct flow_test *flow,
                     struct question *question, struct problems *problems)
{
    const struct policy_position *at = &test->at;
    char why[FLOW_TEST_WHY];
    bool good = true;

    flow_test_init(flow);
    for (size_t i = 0; good && i < test->n_facts; i++) {
        at = &test->facts[i].at;
        good =
            flow_test_set(flow, test->facts[i].key, test->facts[i].value, why);
    }
    if (good) {
        at = &test->at;
        good = flow_test_question(flow, policy, engine, question, why);
    }
    if (!good && problems) {
        add_problem(problems, test, at, why);
    }
    return good;
}

static bool
run_test(const struct policy *policy, const struct application_engine *engine,
         const struct policy_test *test, struct problems *problems)
{
    struct question question;
    struct verdict verdict;
    struct comparison comparison = {policy, &question, &verdict, NULL, false};
    struct flow_test flow;
    bool good = true;

    if (!policy_test_question(policy, engine, test, &flow, &question,
                              problems)) {
        return false;
    }
    judge(policy, &question, &verdict);
    for (size_t i = 0; i < test->n_expected; i++) {
        const struct test_fact *fact = &test->expected[i];
        const char *got = "nothing";
        char text[FLOW_TEST_WHY];

        comparison.wanted = fact->value;
        if (check_expected(&comparison, fact->key, &got)) {
            continue;
        }
        snprintf(text, sizeof text,
                 "%s is '%.60s', not '%.60s' (decided %s by %.64s)", fact->key,
                 got, fact->value, decision_name(verdict.decision),
                 verdict_rule_name(policy, verdict.decision, verdict.rule));
        add_problem(problems, test, &fact->at, text);
        good = false;
    }
    return good;
}

static bool
check_expected(struct comparison *comparison, const char *key, const char **got)
{
    const struct policy *policy = comparison->policy;
    const struct verdict *verdict = comparison->verdict;

    if (strcmp(key, "flags") == 0) {
        comparison->found = false;
        verdict_each_flag(policy, verdict, look_for_flag, comparison);
        return comparison->found;
    }
    if (strcmp(key, "tags") == 0) {
        return has_tag(comparison);
    }
    if (strcmp(key, "decision") == 0) {
        *got = decision_name(verdict->decision);
    } else if (strcmp(key, "rule") == 0) {
        *got = verdict_rule_name(policy, verdict->decision, verdict->rule);
    } else if (strcmp(key, "reason") == 0) {
        *got = verdict_reason_name(verdict->reason);
    } else if (strcmp(key, "src_segment") == 0) {
        *got = policy_segment(policy, comparison->question->src_segment)->name;
    } else if (strcmp(key, "dst_segment") == 0) {
        *got = policy_segment(policy, comparison->question->dst_segment)->name;
    } else if (strcmp(key, "staged_decision") == 0) {
        *got = decision_name(verdict->staged_decision);
    } else if (strcmp(key, "staged_rule") == 0) {
        *got = verdict_rule_name(policy, verdict->staged_decision,
                                 verdict->staged_rule);
    }
    return strcmp(*got, comparison->wanted) == 0;
}

static void
look_for_flag(void *context, const char *flag)
{
    struct comparison *comparison = context;

    comparison->found |= strcmp(flag, comparison->wanted) == 0;
}

static bool
has_tag(const struct comparison *comparison)
{
    const struct verdict *verdict = comparison->verdict;

    for (size_t i = 0; i < verdict->n_tags; i++) {
        if (strcmp(
                policy_rule(comparison->policy, (uint32_t)verdict->tags[i])->id,
                comparison->wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void
add_problem(struct problems *problems, const struct policy_test *test,
            const struct policy_position *at, const char *text)
{
    problems_add(problems, PROBLEM_ERROR, "E-TEST", at->file, at->line,
                 at->column, "test '%.80s': %s", test->name, text);
}
