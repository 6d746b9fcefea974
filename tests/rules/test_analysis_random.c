/* analysis.h: what is found in random policies of everything the language has
 * holds for random flows.
 *
 *     test_rules_analysis_random [FIRST_SEED N_SEEDS]
 *
 * Flows are a sample, so this shows findings that are false; test_analysis.c
 * asks every question of a smaller language and shows what is missed too. */

#include "tests/support/test.h"

#include "rules/analysis/analysis.h"
#include "rules/problems.h"
#include "tests/rules/random_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_SEEDS = 600,
    N_FLOWS = 400,
    MIN_FOUND = 100
};

static uint64_t first_seed, n_seeds = N_SEEDS;

struct subject {
    uint64_t seed;
    struct random_policy model;
    char text[RANDOM_MAX_TEXT];
    struct policy *policy;
    struct problems problems;
    bool dead[RANDOM_MAX_RULES], redundant[RANDOM_MAX_RULES];
    unsigned n_dead, n_redundant, n_asked;
};

static struct policy *
load(const struct random_policy *model, char text[RANDOM_MAX_TEXT])
{
    struct problems problems;
    struct policy *policy;

    problems_init(&problems);
    policy = policy_load_bytes(
        "random.yaml", text, random_policy_write(model, text), NULL, &problems);
    if (!policy) {
        problems_print(&problems, stderr);
    }
    assert_non_null(policy);
    problems_done(&problems);
    return policy;
}

static void
find(struct subject *s)
{
    char id[24];

    problems_init(&s->problems);
    policy_analyze(s->policy, &s->problems);
    for (unsigned i = 0; i < s->model.n_rules; i++) {
        s->dead[i] = s->redundant[i] = false;
        random_policy_rule_id(&s->model, i, id);
        for (size_t k = 0; k < s->problems.n; k++) {
            const struct problem *problem = &s->problems.list[k];
            bool about = problem->rule && strcmp(problem->rule, id) == 0;

            s->dead[i] |=
                about && (strcmp(problem->code, "W-SHADOWED") == 0 ||
                          strcmp(problem->code, "W-UNMATCHABLE") == 0);
            s->redundant[i] |=
                about && strcmp(problem->code, "W-REDUNDANT") == 0;
        }
        s->n_dead += s->dead[i];
        s->n_redundant += s->redundant[i];
    }
    problems_done(&s->problems);
}

static void
complain(const struct subject *s, const struct random_flow *flow, int32_t rule,
         const char *what)
{
    char id[24];

    fprintf(stderr, "%s\n", s->text);
    random_flow_print(flow);
    fail_msg("seed %llu: %s %s", (unsigned long long)s->seed,
             random_policy_rule_id(&s->model, (unsigned)rule, id), what);
}

/* A packet has addresses of one family; random flows need not. */
static bool
is_possible(const struct random_flow *flow)
{
    return addr_is_ipv4(&flow->src) == addr_is_ipv4(&flow->dst) &&
           addr_is_ipv4(&flow->outer_src) == addr_is_ipv4(&flow->outer_dst);
}

static bool
is_dead(const struct subject *s, int32_t rule)
{
    return rule >= 0 && rule < s->model.n_rules && s->dead[rule];
}

static void
ask_dead(struct subject *s, const struct random_flow *flow)
{
    struct question question;
    struct verdict verdict;

    random_flow_ask(flow, s->policy, &question);
    judge(s->policy, &question, &verdict);
    s->n_asked++;
    if (is_dead(s, verdict.rule) || is_dead(s, verdict.staged_rule)) {
        complain(s, flow,
                 is_dead(s, verdict.rule) ? verdict.rule : verdict.staged_rule,
                 "is said never to match, and decides");
    }
    for (unsigned i = 0; i < verdict.n_tags; i++) {
        if (is_dead(s, verdict.tags[i])) {
            complain(s, flow, verdict.tags[i],
                     "is said never to match, and tags");
        }
    }
}

/* While the application is open, fewer rules may agree sooner. */
static void
ask_without(const struct subject *s, const struct policy *without,
            const struct random_flow *flow, int32_t rule)
{
    struct question question;
    struct verdict before, after;

    if (flow->app == QUESTION_APP_PENDING) {
        return;
    }
    random_flow_ask(flow, s->policy, &question);
    judge(s->policy, &question, &before);
    random_flow_ask(flow, without, &question);
    judge(without, &question, &after);
    if (before.decision != after.decision ||
        before.staged_decision != after.staged_decision) {
        complain(s, flow, rule, "is said to change nothing, and does");
    }
}

/* The policy without one rule, and without those that never match. */
static void
check_redundant(struct subject *s, unsigned rule)
{
    static struct random_policy less;
    static char text[RANDOM_MAX_TEXT];
    struct choices choices = choices_from_seed(s->seed * 1000 + rule);
    struct policy *without;

    less = s->model;
    for (unsigned i = 0; i < less.n_rules; i++) {
        if (i == rule || s->dead[i]) {
            less.rules[i].disabled = true;
            less.rules[i].staged = false;
        }
    }
    without = load(&less, text);
    for (unsigned i = 0; i < N_FLOWS / 4; i++) {
        struct random_flow flow;

        random_flow_draw(&choices, &s->model, &flow);
        if (is_possible(&flow)) {
            ask_without(s, without, &flow, (int32_t)rule);
        }
    }
    policy_unref(without);
}

static void
check_policy(struct subject *s)
{
    struct choices choices = choices_from_seed(s->seed);

    random_policy_draw(&choices, &s->model);
    s->policy = load(&s->model, s->text);
    find(s);
    for (unsigned i = 0; i < N_FLOWS; i++) {
        struct random_flow flow;

        random_flow_draw(&choices, &s->model, &flow);
        if (is_possible(&flow)) {
            ask_dead(s, &flow);
        }
    }
    for (unsigned i = 0; i < s->model.n_rules; i++) {
        if (s->redundant[i]) {
            check_redundant(s, i);
        }
    }
    policy_unref(s->policy);
}

static void
findings_hold_for_random_flows(void **state)
{
    static struct subject s;

    (void)state;
    for (s.seed = first_seed; s.seed < first_seed + n_seeds; s.seed++) {
        check_policy(&s);
    }
    print_message("%u flows; %u rules never match, %u change nothing\n",
                  s.n_asked, s.n_dead, s.n_redundant);
    assert_true(s.n_dead >= MIN_FOUND && s.n_redundant >= MIN_FOUND);
}

/* As many addresses told apart as rules: the pairs of them are too many. */
static void
what_is_too_large_is_not_analysed_and_says_so(void **state)
{
    enum {
        N_RULES = 6000,
        TEXT_PER_RULE = 80
    };
    char *large = malloc((size_t)N_RULES * TEXT_PER_RULE + 200);
    struct problems problems;
    struct policy *policy;
    size_t n;

    (void)state;
    assert_non_null(large);
    n = (size_t)snprintf(large, 200,
                         "version: 1\nsegments: {a: {networks: [10.0.0.0/8]}}\n"
                         "rules:\n");
    for (unsigned i = 0; i < N_RULES; i++) {
        n += (size_t)snprintf(large + n, TEXT_PER_RULE,
                              "- {id: r%u, from: a, to: a, to_addr: "
                              "10.0.%u.%u, action: deny}\n",
                              i, i >> 8, i & 255);
    }
    problems_init(&problems);
    policy = policy_load_bytes("large.yaml", large, n, NULL, &problems);
    assert_non_null(policy);
    policy_analyze(policy, &problems);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.list[0].code, "W-ANALYSIS");
    assert_non_null(strstr(problems.list[0].message, "too much apart"));
    policy_unref(policy);
    problems_done(&problems);
    free(large);
}

int
main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_hold_for_random_flows),
        cmocka_unit_test(what_is_too_large_is_not_analysed_and_says_so),
    };

    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        n_seeds = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
