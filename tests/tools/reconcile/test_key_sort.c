/* key_sort.h against qsort(), with so little memory that a file is needed */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/reconcile/key_sort.h"

#include <stdlib.h>

enum {
    MAX_KEYS = 6000,
    ROUNDS = 40
};

static int
compare(const void *a, const void *b)
{
    return sort_key_compare(a, b);
}

/* Of few values, so that many are equal, or of many; ascending or not. */
static struct sort_key
make_key(struct choices *choices, unsigned round, size_t i)
{
    uint32_t range = round % 2 ? 7 : 60000;

    return (struct sort_key){choose(choices, 3),
                             round % 3 ? choose(choices, range) : i};
}

static void
sort_and_compare(struct choices *choices, unsigned round, size_t n,
                 size_t memory)
{
    struct sort_key *keys = calloc(n + 1, sizeof *keys);
    struct key_sort *sort = key_sort_new(memory);
    struct sort_key key;
    struct error error;
    bool has;

    assert_non_null(keys);
    assert_non_null(sort);
    for (size_t i = 0; i < n; i++) {
        keys[i] = make_key(choices, round, i);
        assert_true(key_sort_add(sort, keys[i], &error));
    }
    qsort(keys, n, sizeof *keys, compare);
    assert_true(key_sort_finish(sort, &error));
    for (size_t i = 0; i < n; i++) {
        assert_true(key_sort_next(sort, &key, &has, &error));
        assert_true(has);
        assert_int_equal(sort_key_compare(&key, &keys[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_true(key_sort_next(sort, &key, &has, &error));
        assert_false(has);
    }
    key_sort_free(sort);
    free(keys);
}

static void
test_gives_all_back_in_order(void **state)
{
    struct choices choices = choices_from_seed(5);

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t n = choose(&choices, MAX_KEYS);

        sort_and_compare(&choices, round, n, 80 + choose(&choices, 300));
    }
    sort_and_compare(&choices, 1, 0, 10);
    sort_and_compare(&choices, 1, 10, 10);
    sort_and_compare(&choices, 1, 11, 10);
}

static void
test_more_than_it_can_merge_is_an_error(void **state)
{
    struct key_sort *sort = key_sort_new(4);
    struct error error;
    unsigned n = 0;

    (void)state;
    assert_non_null(sort);
    while (key_sort_add(sort, (struct sort_key){n, 0}, &error)) {
        n++;
    }
    assert_int_equal(n, 5 * 4);
    assert_int_equal(error.code, ERROR_LIMIT);
    key_sort_free(sort);
}

static void
test_a_folder_that_takes_no_file_is_an_error(void **state)
{
    struct key_sort *sort = key_sort_new(4);
    struct error error;
    bool good = true;

    (void)state;
    assert_non_null(sort);
    assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(key_sort_add(sort, (struct sort_key){i, 0}, &error));
    }
    good = key_sort_add(sort, (struct sort_key){4, 0}, &error);
    unsetenv("TMPDIR");
    assert_false(good);
    assert_int_equal(error.code, ERROR_SYSTEM);
    key_sort_free(sort);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_all_back_in_order),
        cmocka_unit_test(test_more_than_it_can_merge_is_an_error),
        cmocka_unit_test(test_a_folder_that_takes_no_file_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
