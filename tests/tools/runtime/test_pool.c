/* pool.h against a plain array of what was taken. */

#include "tests/support/test.h"

#include "flows/flow_memory.h"
#include "tools/runtime/pool.h"

#include <stdbool.h>
#include <string.h>

enum {
    MAX_TAKEN = 20 * POOL_SLAB_ITEMS,
    ITEM_WORDS = 3
};

struct taken {
    uint32_t number;
    uint32_t mark;
};

static struct taken taken[MAX_TAKEN];
static size_t n_taken;
static uint32_t next_mark;

static uint32_t
random_below(uint32_t n)
{
    static uint64_t state = 1;

    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 33) % n;
}

static void
take(struct pool *pool)
{
    static const uint32_t zeros[ITEM_WORDS];
    uint32_t number = pool_take(pool);
    uint32_t *item;

    assert_int_not_equal(number, 0);
    item = pool_at(pool, number);
    assert_memory_equal(item, zeros, sizeof zeros);
    taken[n_taken++] = (struct taken){number, ++next_mark};
    for (size_t i = 0; i < ITEM_WORDS; i++) {
        item[i] = next_mark;
    }
}

static void
give_back(struct pool *pool)
{
    uint32_t i = random_below((uint32_t)n_taken);
    const uint32_t *item = pool_at(pool, taken[i].number);

    for (size_t word = 0; word < ITEM_WORDS; word++) {
        assert_int_equal(item[word], taken[i].mark);
    }
    pool_give_back(pool, taken[i].number);
    taken[i] = taken[--n_taken];
}

static void
make_wave(struct pool *pool)
{
    while (n_taken < MAX_TAKEN) {
        if (n_taken && random_below(3) == 0) {
            give_back(pool);
        } else {
            take(pool);
        }
    }
    while (n_taken) {
        give_back(pool);
    }
}

static void
items_are_ones_own_and_memory_comes_back(void **state)
{
    struct flow_memory memory = {.used = 0};
    struct pool pool;

    (void)state;
    pool_init(&pool, ITEM_WORDS * sizeof(uint32_t), &memory);
    for (unsigned wave = 0; wave < 4; wave++) {
        size_t directory;

        make_wave(&pool);
        directory = pool.max_slabs * sizeof *pool.slabs;
        assert_int_equal(pool.n_empty, 1);
        assert_in_range(memory.used, directory,
                        directory + 64 + POOL_SLAB_ITEMS * pool.item_bytes);
    }
    pool_done(&pool);
    assert_int_equal(memory.used, 0);
}

static void
one_slab_does_not_come_and_go(void **state)
{
    struct flow_memory memory = {.used = 0};
    struct pool pool;
    size_t used;

    (void)state;
    pool_init(&pool, 8, &memory);
    pool_give_back(&pool, pool_take(&pool));
    used = memory.used;
    for (unsigned i = 0; i < 10; i++) {
        uint32_t number = pool_take(&pool);

        assert_int_equal(memory.used, used);
        pool_give_back(&pool, number);
        assert_int_equal(memory.used, used);
    }
    pool_done(&pool);
}

static void
a_limit_holds(void **state)
{
    struct flow_memory memory = {.limit = 5000};
    struct pool pool;
    unsigned n = 0;

    (void)state;
    pool_init(&pool, 8, &memory);
    while (pool_take(&pool)) {
        n++;
    }
    assert_int_equal(n, 2 * POOL_SLAB_ITEMS);
    assert_in_range(memory.used, 1, memory.limit);
    pool_give_back(&pool, 1);
    assert_int_equal(pool_take(&pool), 1);
    pool_done(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_ones_own_and_memory_comes_back),
        cmocka_unit_test(one_slab_does_not_come_and_go),
        cmocka_unit_test(a_limit_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
