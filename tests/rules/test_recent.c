/* recent.h against an array that is kept in the order of use. */

#include "tests/support/test.h"

#include "rules/detect/recent.h"

#include <string.h>

enum {
    MAX = 37
};

static size_t n_dropped;
static uint64_t last_dropped;

static void
note_drop(void *value)
{
    memcpy(&last_dropped, value, sizeof last_dropped);
    n_dropped++;
}

/* The keys in the order of use, the oldest first. */
struct naive {
    uint32_t keys[MAX];
    uint64_t values[MAX];
    size_t n;
};

/* Moves the key to the end; says whether it was not there. */
static bool
naive_use(struct naive *naive, uint32_t key)
{
    uint64_t value = 0;
    size_t at = 0;
    bool is_new;

    while (at < naive->n && naive->keys[at] != key) {
        at++;
    }
    is_new = at == naive->n;
    if (!is_new) {
        value = naive->values[at];
    } else if (naive->n == MAX) {
        at = 0;
    }
    if (at < naive->n) {
        memmove(naive->keys + at, naive->keys + at + 1,
                (naive->n - at - 1) * sizeof naive->keys[0]);
        memmove(naive->values + at, naive->values + at + 1,
                (naive->n - at - 1) * sizeof naive->values[0]);
        naive->n--;
    }
    naive->keys[naive->n] = key;
    naive->values[naive->n++] = value;
    return is_new;
}

static void
what_was_used_least_recently_goes_first(void **state)
{
    struct recent *recent =
        recent_new(sizeof(uint32_t), sizeof(uint64_t), MAX, note_drop);
    struct naive naive = {.n = 0};
    uint64_t random = 1;

    (void)state;
    assert_non_null(recent);
    n_dropped = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t oldest = naive.n ? naive.values[0] : 0;
        size_t dropped = n_dropped;
        uint64_t *value;
        uint32_t key;
        bool is_new;

        random = random * UINT64_C(6364136223846793005) + 1;
        key = (uint32_t)(random >> 58);
        value = recent_use(recent, &key, &is_new);
        assert_non_null(value);
        assert_int_equal(is_new, naive_use(&naive, key));
        assert_int_equal(*value, naive.values[naive.n - 1]);
        if (n_dropped > dropped) {
            assert_int_equal(last_dropped, oldest);
        }
        *value += i + 1;
        naive.values[naive.n - 1] = *value;
        assert_int_equal(recent_count(recent), naive.n);
    }
    assert_int_equal(recent_overflow(recent), n_dropped);
    assert_true(n_dropped > 1000);
    n_dropped = 0;
    recent_free(recent);
    assert_int_equal(n_dropped, MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_used_least_recently_goes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
