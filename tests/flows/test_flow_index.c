/* Pool and index against a plain array: numbers come and go, things move, and
 * every one is found by its hash. */

#include "tests/support/test.h"

#include "flows/flow_index.h"

enum {
    MOST = 5000,
    N_STEPS = 200000
};

struct thing {
    struct flow_index_link link;
    uint32_t what; /* 0: free. */
    struct flow_pool_link free;
};

struct fixture {
    struct flow_memory memory;
    struct flow_pool pool;
    struct flow_index index;
    uint32_t number[MOST + 1]; /* By what it is; 0: not there. */
    uint32_t n;
};

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

/* Every third hash is that of others too. */
static uint32_t
hash_of(uint32_t what)
{
    return (what % 3 ? what : what / 100) * UINT32_C(2654435761);
}

static struct thing *
thing_at(const struct fixture *f, uint32_t number)
{
    return flow_pool_at(&f->pool, number);
}

static uint32_t
find(const struct fixture *f, uint32_t what)
{
    uint32_t number = *flow_index_head(&f->index, hash_of(what));

    while (number && thing_at(f, number)->what != what) {
        number = thing_at(f, number)->link.chain;
    }
    return number;
}

static void
add(struct fixture *f, uint32_t what)
{
    uint32_t number;

    assert_true(flow_pool_reach(&f->pool, 1));
    assert_true(flow_index_grow(&f->index, f->pool.n));
    number = flow_pool_take(&f->pool);
    assert_in_range(number, 1, f->pool.n);
    thing_at(f, number)->what = what;
    flow_index_add(&f->index, number, hash_of(what));
    f->number[what] = number;
    f->n++;
}

static void
take_out(struct fixture *f, uint32_t what)
{
    flow_index_remove(&f->index, f->number[what]);
    thing_at(f, f->number[what])->what = 0;
    flow_pool_give(&f->pool, f->number[what]);
    f->number[what] = 0;
    f->n--;
}

static void
drop_last(struct fixture *f)
{
    uint32_t last = f->pool.n;
    uint32_t what = thing_at(f, last)->what;

    if (what) {
        uint32_t to = flow_pool_take(&f->pool);

        assert_in_range(to, 1, last - 1);
        *thing_at(f, to) = *thing_at(f, last);
        flow_index_moved(&f->index, last, to);
        thing_at(f, last)->what = 0;
        flow_pool_give(&f->pool, last);
        f->number[what] = to;
    }
    flow_pool_drop_last(&f->pool);
    flow_index_shrink(&f->index, f->pool.n);
    flow_pool_cut(&f->pool, last % 2 == 0);
}

static void
check_all(const struct fixture *f)
{
    assert_int_equal(f->index.n, f->pool.n);
    assert_int_equal(flow_pool_used(&f->pool), f->n);
    for (uint32_t what = 1; what <= MOST; what++) {
        assert_int_equal(find(f, what), f->number[what]);
    }
}

static void
an_index_is_the_array(void **state)
{
    static struct fixture f;
    uint64_t random = 1;
    uint32_t aim = MOST;

    (void)state;
    assert_true(flow_pool_open(&f.pool, &f.memory, MOST, sizeof(struct thing),
                               offsetof(struct thing, free)));
    assert_true(flow_index_open(&f.index, &f.pool));
    for (uint32_t i = 0; i < N_STEPS; i++) {
        uint32_t what = 1 + next_random(&random) % MOST;

        if (i % 20000 == 0) {
            aim = i % 40000 == 0 ? MOST : next_random(&random) % 50;
            check_all(&f);
        }
        assert_int_equal(find(&f, what), f.number[what]);
        if (f.number[what] && (f.n > aim || next_random(&random) % 4 == 0)) {
            take_out(&f, what);
        } else if (!f.number[what] && f.n < aim) {
            add(&f, what);
        }
        if (f.pool.n_free > 0 && next_random(&random) % 3 > 0) {
            drop_last(&f);
        }
    }
    for (uint32_t what = 1; what <= MOST; what++) {
        if (f.number[what]) {
            take_out(&f, what);
        }
    }
    while (f.pool.n > 0) {
        drop_last(&f);
    }
    check_all(&f);
    flow_index_close(&f.index);
    flow_pool_close(&f.pool);
    assert_int_equal(f.memory.used, 0);
}

static void
a_pool_ends_at_its_most(void **state)
{
    struct flow_memory memory = {0};
    struct flow_pool pool;

    (void)state;
    assert_true(flow_pool_open(&pool, &memory, 3, sizeof(struct thing),
                               offsetof(struct thing, free)));
    assert_int_equal(flow_pool_take(&pool), 1);
    assert_true(flow_pool_reach(&pool, 2));
    assert_false(flow_pool_reach(&pool, 3));
    assert_true(flow_pool_take(&pool) != flow_pool_take(&pool));
    assert_int_equal(flow_pool_take(&pool), 0);
    flow_pool_close(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_is_the_array),
        cmocka_unit_test(a_pool_ends_at_its_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
