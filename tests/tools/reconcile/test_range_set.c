/* range_set.h against one truth value a number. */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "tools/reconcile/range_set.h"

#include <stdlib.h>

enum {
    MAX_NUMBER = 300,
    ROUNDS = 60,
    ADDS = 600
};

/* What was added, and as which entry. */
struct oracle {
    bool has[MAX_NUMBER + 2];
    uint64_t id[MAX_NUMBER + 2];
};

static void
assert_same(const struct range_set *set, const struct oracle *oracle)
{
    size_t n = 0;

    for (uint64_t i = 1; i <= MAX_NUMBER; i++) {
        uint64_t least = oracle->id[i], greatest = oracle->id[i];

        if (!oracle->has[i] || oracle->has[i - 1]) {
            continue;
        }
        assert_true(n < set->n);
        assert_int_equal(set->list[n].first, i);
        while (oracle->has[i + 1]) {
            i++;
            least = oracle->id[i] < least ? oracle->id[i] : least;
            greatest = oracle->id[i] > greatest ? oracle->id[i] : greatest;
        }
        assert_int_equal(set->list[n].last, i);
        assert_int_equal(set->list[n].first_id.ms, least);
        assert_int_equal(set->list[n].last_id.ms, greatest);
        n++;
    }
    assert_int_equal(set->n, n);
}

static enum range_added
oracle_add(struct oracle *oracle, uint64_t number, uint64_t id)
{
    bool is_late = false;

    if (oracle->has[number]) {
        return RANGE_AGAIN;
    }
    for (uint64_t i = number; i <= MAX_NUMBER; i++) {
        is_late |= oracle->has[i];
    }
    oracle->has[number] = true;
    oracle->id[number] = id;
    return is_late ? RANGE_LATE : RANGE_NEW;
}

/* Jumps as often as 'jumps' of four. */
static void
add_many(struct choices *choices, unsigned jumps)
{
    struct range_budget budget = {MAX_NUMBER, UINT64_MAX, false};
    struct range_set set = {.list = NULL};
    struct oracle oracle = {.has = {false}};
    uint64_t number = 0;

    for (uint64_t id = 1; id <= ADDS; id++) {
        number = number % MAX_NUMBER + 1;
        if (choose(choices, 4) < jumps) {
            number = 1 + choose(choices, MAX_NUMBER);
        }
        assert_int_equal(
            range_set_add(&set, number, (struct redis_id){id, 0}, &budget),
            oracle_add(&oracle, number, id));
        assert_same(&set, &oracle);
    }
    assert_int_equal(budget.ranges + set.n, MAX_NUMBER);
    assert_false(budget.is_spent);
    range_set_done(&set);
}

static void
test_holds_what_was_added_in_any_order(void **state)
{
    struct choices choices = choices_from_seed(7);

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        add_many(&choices, round % 5);
    }
}

static void
test_refuses_what_its_budget_does_not_hold(void **state)
{
    struct range_budget budget = {3, 1, false};
    struct range_set set = {.list = NULL};
    const struct redis_id id = {1, 0};

    (void)state;
    assert_int_equal(range_set_add(&set, 10, id, &budget), RANGE_NEW);
    assert_int_equal(range_set_add(&set, 20, id, &budget), RANGE_NEW);
    assert_int_equal(range_set_add(&set, 5, id, &budget), RANGE_REFUSED);
    assert_true(budget.is_spent); /* Both would have to move. */
    assert_int_equal(range_set_add(&set, 15, id, &budget), RANGE_LATE);
    assert_int_equal(range_set_add(&set, 30, id, &budget), RANGE_REFUSED);
    assert_int_equal(range_set_add(&set, 11, id, &budget), RANGE_LATE);
    assert_int_equal(range_set_add(&set, 21, id, &budget), RANGE_NEW);
    assert_int_equal(set.n, 3);
    for (uint64_t i = 12; i < 15; i++) { /* Two become one: there is room. */
        assert_int_equal(range_set_add(&set, i, id, &budget), RANGE_LATE);
    }
    assert_int_equal(set.n, 2);
    assert_int_equal(range_set_add(&set, 30, id, &budget), RANGE_NEW);
    range_set_done(&set);
}

static void
test_knows_its_ends_up_to_the_greatest_number(void **state)
{
    struct range_budget budget = {8, 8, false};
    struct range_set set = {.list = NULL};
    const struct redis_id id = {1, 0};

    (void)state;
    assert_int_equal(range_set_first(&set), 0);
    assert_int_equal(range_set_last(&set), 0);
    assert_int_equal(range_set_add(&set, UINT64_MAX, id, &budget), RANGE_NEW);
    assert_int_equal(range_set_add(&set, 1, id, &budget), RANGE_LATE);
    assert_int_equal(range_set_add(&set, UINT64_MAX, id, &budget), RANGE_AGAIN);
    assert_int_equal(range_set_first(&set), 1);
    assert_int_equal(range_set_last(&set), UINT64_MAX);
    assert_int_equal(set.n, 2);
    range_set_done(&set);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds_what_was_added_in_any_order),
        cmocka_unit_test(test_refuses_what_its_budget_does_not_hold),
        cmocka_unit_test(test_knows_its_ends_up_to_the_greatest_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
