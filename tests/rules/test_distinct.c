/* distinct.h against counting for real. */

#include "tests/support/test.h"

#include "rules/detect/distinct.h"

static void
few_are_counted_exactly_however_often_they_come(void **state)
{
    struct distinct distinct = {.n = 0};

    (void)state;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 200; i++) {
            distinct_add(&distinct, distinct_hash(&i, sizeof i), 200);
        }
    }
    assert_int_equal(distinct.n, 200);
    distinct_clear(&distinct);
    assert_int_equal(distinct.n, 0);
    distinct_clear(&distinct);
}

static void
many_are_estimated_within_a_tenth(void **state)
{
    struct distinct distinct = {.n = 0};
    uint64_t before = 0;

    (void)state;
    for (uint32_t i = 0; i < 300000; i++) {
        uint32_t again = i / 2;

        distinct_add(&distinct, distinct_hash(&i, sizeof i), 64);
        distinct_add(&distinct, distinct_hash(&again, sizeof again), 64);
        assert_true(distinct.n >= before);
        before = distinct.n;
        if (i >= 64 && i % 1000 == 0) {
            assert_in_range(distinct.n * 10, (i + 1) * 9U, (i + 1) * 11U);
        }
    }
    distinct_clear(&distinct);
}

static void
who_knows_that_it_is_new_gets_the_same_count(void **state)
{
    struct distinct a = {.n = 0}, b = {.n = 0};

    (void)state;
    for (uint16_t i = 0; i < 5000; i++) {
        distinct_add(&a, distinct_hash(&i, sizeof i), 50);
        distinct_add_new(&b, distinct_hash(&i, sizeof i), 50);
        assert_int_equal(a.n, b.n);
    }
    distinct_clear(&a);
    distinct_clear(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_counted_exactly_however_often_they_come),
        cmocka_unit_test(many_are_estimated_within_a_tenth),
        cmocka_unit_test(who_knows_that_it_is_new_gets_the_same_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
