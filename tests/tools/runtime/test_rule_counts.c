/* rule_counts.c */

#include "tests/support/sound_policy.h"

#include "tools/runtime/rule_counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rules FIRST to LAST, which object or not. */
static struct policy *
policy_of(unsigned first, unsigned last, const char *action)
{
    size_t size = 400 + 100 * (size_t)(last - first + 1);
    char *text = malloc(size);
    size_t n = (size_t)snprintf(text, size,
                                "version: 1\npolicy: {name: test}\nsegments:\n"
                                "  a: {networks: [10.1.0.0/16]}\n"
                                "  b: {networks: [10.2.0.0/16]}\nrules:\n");
    struct policy *policy;

    for (unsigned i = first; i <= last; i++) {
        n += (size_t)snprintf(text + n, size - n,
                              "  - {id: r%u, from: a, to: b, service: "
                              "tcp/%u, action: %s}\n",
                              i, i + 1, action);
    }
    policy = sound_policy(text, n, NULL);
    free(text);
    return policy;
}

static int32_t
rule_named(const struct policy *policy, const char *id)
{
    for (uint32_t i = 0; i < policy_n_rules(policy); i++) {
        if (strcmp(policy_rule(policy, i)->id, id) == 0) {
            return (int32_t)i;
        }
    }
    fail_msg("no rule %s", id);
    return -1;
}

static void
count(struct rule_counts *counts, const struct policy *policy, const char *id)
{
    counter_add(&rule_counts_at(counts, policy, rule_named(policy, id))->hits,
                1);
}

static uint64_t
hits_of(const struct rule_counts *counts, const char *id)
{
    for (size_t i = 0; i < counts->n; i++) {
        if (strcmp(counts->rule[i].id, id) == 0) {
            return counter_read(&counts->rule[i].hits);
        }
    }
    return UINT64_MAX;
}

static void
a_rule_goes_on_counting_under_another_policy(void **state)
{
    struct rule_counts *counts = rule_counts_new();
    struct policy *one = policy_of(1, 5, "deny"),
                  *two = policy_of(4, 9, "deny");

    (void)state;
    rule_counts_set_policy(counts, one);
    assert_int_equal(hits_of(counts, "r4"), 0); /* Before it counts. */
    assert_int_equal(hits_of(counts, "r9"), UINT64_MAX);
    count(counts, one, "r4");
    rule_counts_set_policy(counts, two);
    count(counts, two, "r4");
    count(counts, two, "r9");
    count(counts, one, "r1"); /* Late: the policy before. */
    assert_int_equal(hits_of(counts, "r4"), 2);
    assert_int_equal(hits_of(counts, "r9"), 1);
    assert_int_equal(hits_of(counts, "r1"), 1);
    assert_int_equal(counter_read(&counts->other.hits), 0);
    policy_unref(one);
    policy_unref(two);
    rule_counts_free(counts);
}

static void
what_is_beyond_the_limit_is_counted_together(void **state)
{
    struct rule_counts *counts = rule_counts_new();
    struct policy *large = policy_of(1, RULE_COUNTS_MAX + 50, "deny");
    struct policy *small =
        policy_of(RULE_COUNTS_MAX + 100, RULE_COUNTS_MAX + 100, "deny");

    (void)state;
    rule_counts_set_policy(counts, large);
    assert_int_equal(counts->n, RULE_COUNTS_MAX);
    count(counts, large, "r1");
    count(counts, large, "r1074");
    rule_counts_set_policy(counts, small);
    count(counts, small, "r1124");
    assert_int_equal(hits_of(counts, "r1"), 1);
    assert_int_equal(counter_read(&counts->other.hits), 2);
    assert_ptr_equal(rule_counts_at(counts, small, -1), &counts->other);
    policy_unref(large);
    policy_unref(small);
    rule_counts_free(counts);
}

/* Where there is not room for all. */
static void
rules_that_object_have_room_before_others(void **state)
{
    struct rule_counts *counts = rule_counts_new();
    struct policy *policy = policy_of(1, RULE_COUNTS_MAX + 50, "allow");

    (void)state;
    rule_counts_set_policy(counts, policy);
    assert_int_equal(hits_of(counts, "default:inter"), 0);
    assert_int_equal(hits_of(counts, "r1"), 0);
    assert_int_equal(hits_of(counts, "r1074"), UINT64_MAX);
    policy_unref(policy);
    rule_counts_free(counts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_goes_on_counting_under_another_policy),
        cmocka_unit_test(what_is_beyond_the_limit_is_counted_together),
        cmocka_unit_test(rules_that_object_have_room_before_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
