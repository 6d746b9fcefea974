/* pairs.c: counting by pairs of segments, by names when policies change. */

#include "tests/support/choices.h"
#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/runtime/pairs.h"

#include <stdlib.h>
#include <string.h>

enum {
    MANY_SEGMENTS = 70 /* Whose pairs are more than PAIRS_MAX. */
};

#define POLICY(SEGMENTS)                                                       \
    "version: 1\n"                                                             \
    "policy: {name: test, revision: '1'}\n"                                    \
    "segments:\n" SEGMENTS "rules:\n"                                          \
    "  - {id: any, from: any, to: any, action: allow}\n"

static const char abc[] = POLICY("  a: {networks: [10.1.0.0/16]}\n"
                                 "  b: {networks: [10.2.0.0/16]}\n"
                                 "  c: {networks: [10.3.0.0/16]}\n");
static const char cab[] = POLICY("  c: {networks: [10.3.0.0/16]}\n"
                                 "  a: {networks: [10.1.0.0/16]}\n"
                                 "  b: {networks: [10.2.0.0/16]}\n");
static const char bd[] = POLICY("  b: {networks: [10.2.0.0/16]}\n"
                                "  d: {networks: [10.4.0.0/16]}\n");

static struct policy *
load(const char *text)
{
    return sound_policy(text, strlen(text), NULL);
}

static struct policy *
load_many(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    struct policy *policy;

    fputs("version: 1\npolicy: {name: test, revision: '1'}\nsegments:\n", file);
    for (int i = 0; i < MANY_SEGMENTS; i++) {
        fprintf(file, "  s%d: {networks: [10.%d.0.0/16]}\n", i, i);
    }
    fputs("rules:\n  - {id: any, from: any, to: any, action: allow}\n", file);
    fclose(file);
    policy = sound_policy(text, size, NULL);
    free(text);
    return policy;
}

static segment_id
segment(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy_n_segments(policy); i++) {
        if (strcmp(policy_segment(policy, (segment_id)i)->name, name) == 0) {
            return (segment_id)i;
        }
    }
    fail_msg("no segment %s", name);
    return 0;
}

/* Flows counted between segments of these names; without adding a pair. */
static uint64_t
flows(const struct pairs *pairs, const char *src, const char *dst)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const struct pair *pair = &pairs->list[i];

        if (strcmp(policy_segment(pairs->policy, pair->src)->name, src) == 0 &&
            strcmp(policy_segment(pairs->policy, pair->dst)->name, dst) == 0) {
            return pair->counts.flows;
        }
    }
    return 0;
}

static void
count(struct pairs *pairs, const char *src, const char *dst, uint64_t n)
{
    pairs_at(pairs, segment(pairs->policy, src), segment(pairs->policy, dst))
        ->flows += n;
}

static void
init(struct pairs *pairs, const char *text)
{
    struct policy *policy = load(text);
    struct error error;

    assert_true(pairs_init(pairs, policy, &error));
    policy_unref(policy);
}

static void
follow(struct pairs *pairs, const char *text)
{
    struct policy *policy = load(text);

    pairs_set_policy(pairs, policy);
    policy_unref(policy);
}

static void
a_pair_has_a_direction(void **state)
{
    struct pairs pairs;

    (void)state;
    init(&pairs, abc);
    count(&pairs, "a", "b", 1);
    count(&pairs, "b", "a", 2);
    count(&pairs, "a", "b", 4);
    assert_int_equal(flows(&pairs, "a", "b"), 5);
    assert_int_equal(flows(&pairs, "b", "a"), 2);
    assert_int_equal(pairs.n, 2);
    pairs_done(&pairs);
}

static void
counts_keep_their_names_under_another_policy(void **state)
{
    struct pairs pairs;

    (void)state;
    init(&pairs, abc);
    count(&pairs, "a", "b", 1);
    count(&pairs, "c", "internet", 2);
    follow(&pairs, cab);
    assert_int_equal(flows(&pairs, "a", "b"), 1);
    assert_int_equal(flows(&pairs, "c", "internet"), 2);
    count(&pairs, "a", "b", 4);
    assert_int_equal(flows(&pairs, "a", "b"), 5);
    assert_int_equal(pairs.n, 2);
    pairs_done(&pairs);
}

static void
counts_of_segments_that_are_gone_are_kept_together(void **state)
{
    struct pairs pairs;

    (void)state;
    init(&pairs, abc);
    count(&pairs, "a", "b", 1);
    count(&pairs, "b", "c", 2);
    count(&pairs, "b", "b", 4);
    follow(&pairs, bd);
    assert_int_equal(flows(&pairs, "b", "b"), 4);
    assert_int_equal(pairs.other.flows, 3);
    assert_int_equal(pairs.n, 1);
    pairs_done(&pairs);
}

/* What has been added to the rest is taken from it again, whatever room there
 * is then. */
static void
pairs_beyond_the_limit_are_counted_together(void **state)
{
    struct policy *policy = load_many();
    struct policy *few = load(abc);
    struct pairs pairs;
    struct error error;
    const uint64_t total = (uint64_t)MANY_SEGMENTS * MANY_SEGMENTS;
    const uint64_t builtin = (uint64_t)SEGMENT_N_BUILTIN * SEGMENT_N_BUILTIN;

    (void)state;
    assert_true(pairs_init(&pairs, policy, &error));
    for (unsigned i = 0; i < 2 * total; i++) {
        unsigned pair = i % (unsigned)total;

        pairs_at(&pairs, (segment_id)(pair / MANY_SEGMENTS),
                 (segment_id)(pair % MANY_SEGMENTS))
            ->flows++;
    }
    assert_int_equal(pairs.n, PAIRS_MAX);
    assert_int_equal(pairs.other.flows, 2 * (total - PAIRS_MAX));
    pairs_set_policy(&pairs, few);
    assert_true(pairs.n < PAIRS_MAX);
    pairs_at(&pairs, segment(few, "a"), segment(few, "b"))->flows -= 1;
    assert_int_equal(flows(&pairs, "a", "b"), 0);
    assert_int_equal(pairs.n, builtin);
    assert_int_equal(pairs.other.flows, 2 * (total - builtin) - 1);
    pairs_done(&pairs);
    policy_unref(policy);
    policy_unref(few);
}

static void
a_list_names_pairs_by_bytes(void **state)
{
    struct pairs pairs;
    struct event_pair *list;

    (void)state;
    init(&pairs, abc);
    pairs_at(&pairs, segment(pairs.policy, "a"), segment(pairs.policy, "b"))
        ->bytes[0] = 10;
    pairs_at(&pairs, segment(pairs.policy, "b"), segment(pairs.policy, "c"))
        ->bytes[1] = 20;
    count(&pairs, "c", "a", 1);
    count(&pairs, "a", "a", 1);
    list = pairs_list(&pairs);
    assert_non_null(list);
    assert_string_equal(list[0].src, "b");
    assert_string_equal(list[0].dst, "c");
    assert_int_equal(list[0].counts.bytes[1], 20);
    assert_string_equal(list[1].src, "a");
    assert_string_equal(list[1].dst, "b");
    assert_string_equal(list[2].src, "a"); /* Of equal ones, by name. */
    assert_string_equal(list[3].src, "c");
    free(list);
    pairs_done(&pairs);
}

/* The same with three tables, one of which is copied on the way, in any
 * policy, as with a plain square of names. */
static void
tables_add_up_to_what_was_counted(void **state)
{
    static const char *const texts[] = {abc, cab};
    static const char *const names[] = {"a",        "b",       "c",
                                        "internet", "unknown", "multicast"};
    enum {
        N_NAMES = sizeof names / sizeof names[0],
        N_TABLES = 3
    };
    uint64_t wanted[N_NAMES][N_NAMES] = {{0}};
    struct pairs tables[N_TABLES], copy, sum;
    struct choices choices = choices_from_seed(1);

    (void)state;
    for (int i = 0; i < N_TABLES; i++) {
        init(&tables[i], abc);
    }
    init(&copy, abc);
    init(&sum, abc);
    for (int step = 0; step < 3000; step++) {
        struct pairs *table = &tables[choose(&choices, N_TABLES)];
        unsigned src = choose(&choices, N_NAMES);
        unsigned dst = choose(&choices, N_NAMES);

        count(table, names[src], names[dst], (uint64_t)step);
        wanted[src][dst] += (uint64_t)step;
        if (chance(&choices, 100)) {
            follow(table, texts[choose(&choices, 2)]);
        }
        if (chance(&choices, 100)) {
            pairs_copy(&copy, table);
            pairs_copy(table, &copy);
        }
    }
    for (int i = 0; i < N_TABLES; i++) {
        pairs_add(&sum, &tables[i]);
        pairs_done(&tables[i]);
    }
    for (unsigned src = 0; src < N_NAMES; src++) {
        for (unsigned dst = 0; dst < N_NAMES; dst++) {
            assert_int_equal(flows(&sum, names[src], names[dst]),
                             wanted[src][dst]);
        }
    }
    assert_int_equal(sum.other.flows, 0);
    pairs_done(&copy);
    pairs_done(&sum);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_has_a_direction),
        cmocka_unit_test(counts_keep_their_names_under_another_policy),
        cmocka_unit_test(counts_of_segments_that_are_gone_are_kept_together),
        cmocka_unit_test(pairs_beyond_the_limit_are_counted_together),
        cmocka_unit_test(a_list_names_pairs_by_bytes),
        cmocka_unit_test(tables_add_up_to_what_was_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
