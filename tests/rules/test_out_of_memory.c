/* What becomes of policies and violations when there is no memory: for every
 * allocation, what if just that one failed, and what if all from there did. */

#include "tests/support/failing_malloc.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "rules/problems.h"
#include "rules/violation.h"
#include "tests/rules/random_flow.h"
#include "tests/rules/random_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_SKIPPED = 77,
    MAX_TEXT = 65536,
    N_RANDOM = 3,
    N_HITS = 90, /* More than collapse, and the table has to grow. */
    COLLAPSE = 10
};

static char text[MAX_TEXT];
static size_t n_bytes;

static void
read_example(const char *name)
{
    char path[400];
    FILE *file;

    snprintf(path, sizeof path, "%s/rules/examples/%s", SOURCE_DIR, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    n_bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_in_range(n_bytes, 1, sizeof text - 1);
}

static struct policy *
load(struct problems *problems)
{
    problems_init(problems);
    return policy_load_bytes("x.yaml", text, n_bytes, NULL, problems);
}

/* True if allocation 'nth' was reached. */
static bool
load_without(size_t nth, enum failing_malloc_mode mode, const char *sha256)
{
    struct problems problems;
    long live = failing_malloc_live();
    struct policy *policy;
    size_t n_asked;

    failing_malloc_arm(nth, mode);
    policy = load(&problems);
    n_asked = failing_malloc_disarm();
    if (policy) { /* Only what is said about it may be cut short. */
        assert_string_equal(policy_sha256(policy), sha256);
        assert_int_equal(problems.n_errors, 0);
    } else if (problems.n_errors == 0) {
        fail_msg("allocation %zu fails and nothing is said", nth);
    }
    policy_unref(policy);
    problems_done(&problems);
    if (failing_malloc_live() != live) {
        fail_msg("allocation %zu fails and %ld blocks are not freed", nth,
                 failing_malloc_live() - live);
    }
    return n_asked >= nth;
}

static void
load_without_each(void)
{
    struct problems problems;
    struct policy *policy = load(&problems);
    char sha256[65];
    size_t nth = 1;

    assert_non_null(policy);
    snprintf(sha256, sizeof sha256, "%s", policy_sha256(policy));
    policy_unref(policy);
    problems_done(&problems);
    while (load_without(nth, FAILING_MALLOC_ONCE, sha256)) {
        load_without(nth, FAILING_MALLOC_FROM, sha256);
        nth++;
    }
    assert_true(nth > 20);
}

static void
a_shipped_example_loads_whole_or_says_why_not(void **state)
{
    static const char *const examples[] = {"small-office.yaml",
                                           "enterprise-pci-ot.yaml"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        read_example(examples[i]);
        load_without_each();
    }
}

static void
a_random_policy_loads_whole_or_says_why_not(void **state)
{
    static struct random_policy model;

    (void)state;
    for (uint64_t seed = 0; seed < N_RANDOM; seed++) {
        struct choices choices = choices_from_seed(seed);

        random_policy_draw(&choices, &model);
        n_bytes = random_policy_write(&model, text);
        load_without_each();
    }
}

static void
a_verdict_needs_no_memory(void **state)
{
    static struct random_policy model;
    struct choices choices = choices_from_seed(7);
    struct problems problems;
    struct policy *policy;

    (void)state;
    random_policy_draw(&choices, &model);
    n_bytes = random_policy_write(&model, text);
    policy = load(&problems);
    assert_non_null(policy);
    for (int i = 0; i < 500; i++) {
        struct random_flow flow;
        struct question question;
        struct verdict verdict;

        random_flow_draw(&choices, &model, &flow);
        failing_malloc_arm(1, FAILING_MALLOC_FROM);
        random_flow_ask(&flow, policy, &question);
        judge(policy, &question, &verdict);
        assert_int_equal(failing_malloc_disarm(), 0);
    }
    policy_unref(policy);
    problems_done(&problems);
}

struct told {
    unsigned n, sure; /* sure: with a source of its own, so never merged. */
};

static void
note(void *context, const struct violation *violation)
{
    struct told *told = context;

    told->n++;
    told->sure +=
        violation->kind == VIOLATION_KIND_NEW && violation->src.byte[13] == 9;
}

/* Half of the hits are one source that sweeps, half are all different. */
static void
hit_all(struct violation_tracker *tracker, const struct policy *policy)
{
    for (unsigned i = 0; i < N_HITS; i++) {
        const uint8_t src[4] = {10, i % 2 ? 9 : 1, 0, i % 2 ? (uint8_t)i : 1};
        const uint8_t dst[4] = {10, 2, 0, (uint8_t)i};
        const struct violation_hit hit = {.policy = policy,
                                          .reason = VERDICT_REASON_RULE,
                                          .src = addr_from_ipv4(src),
                                          .dst = addr_from_ipv4(dst),
                                          .src_segment = SEGMENT_UNKNOWN,
                                          .dst_segment = SEGMENT_UNKNOWN,
                                          .protocol = 6,
                                          .port = 80,
                                          .outcome = FLOW_OUTCOME_ESTABLISHED,
                                          .flow_id = i + 1,
                                          .now = {i * SECOND_NS}};

        violation_hit(tracker, &hit);
    }
    violation_advance(tracker, (struct wall_time){3 * VIOLATION_QUIET_NS});
}

static bool
track_without(const struct policy *policy, size_t nth,
              enum failing_malloc_mode mode)
{
    static const struct violation_options options = {
        .max_active = 10000,
        .realert_ns = 3600 * SECOND_NS,
        .collapse_targets = COLLAPSE,
        .ids = true};
    long live = failing_malloc_live();
    struct violation_counters counters;
    struct violation_tracker *tracker;
    struct told told = {0};
    struct error error;
    size_t n_asked;

    failing_malloc_arm(nth, mode);
    tracker = violation_tracker_new(&options, note, &told, &error);
    if (tracker) {
        hit_all(tracker, policy);
        n_asked = failing_malloc_disarm();
        violation_counters(tracker, &counters);
        assert_int_equal(counters.hits, N_HITS);
        assert_int_equal(counters.told, told.n);
        assert_int_equal(told.sure, N_HITS / 2); /* Nothing goes untold. */
        assert_true(nth > n_asked || nth == 0 || mode == FAILING_MALLOC_ONCE ||
                    counters.overflow > 0);
    } else {
        n_asked = failing_malloc_disarm();
        assert_int_equal(error.code, ERROR_MEMORY);
    }
    violation_tracker_free(tracker);
    assert_int_equal(failing_malloc_live(), live);
    return n_asked >= nth;
}

static void
every_violation_is_told_with_or_without_memory(void **state)
{
    struct problems problems;
    struct policy *policy;
    size_t nth = 1;

    (void)state;
    n_bytes = (size_t)snprintf(text, sizeof text,
                               "version: 1\nrules:\n  - {id: r, from: any, to: "
                               "any, action: deny}\n");
    policy = load(&problems);
    assert_non_null(policy);
    while (track_without(policy, nth, FAILING_MALLOC_ONCE)) {
        track_without(policy, nth, FAILING_MALLOC_FROM);
        nth++;
    }
    assert_true(nth > N_HITS / 2);
    policy_unref(policy);
    problems_done(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shipped_example_loads_whole_or_says_why_not),
        cmocka_unit_test(a_random_policy_loads_whole_or_says_why_not),
        cmocka_unit_test(a_verdict_needs_no_memory),
        cmocka_unit_test(every_violation_is_told_with_or_without_memory),
    };

    if (!failing_malloc_works()) {
        printf("skipped: the sanitizer has a heap of its own\n");
        return EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
