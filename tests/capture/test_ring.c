/* ring.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "capture/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    N_ITEMS = 200000 /* Through the ring, in the two-thread test. */
};

static int numbers[N_ITEMS];

static struct ring *
ring_of(size_t capacity)
{
    struct error error;
    struct ring *ring = ring_new(capacity, &error);

    assert_non_null(ring);
    return ring;
}

static void
items_leave_in_the_order_they_came(void **state)
{
    struct ring *ring = ring_of(16);
    void *item;

    (void)state;
    /* Several times round. */
    for (int i = 0; i < 100; i += 2) {
        assert_true(ring_push(ring, &numbers[i]));
        assert_true(ring_push(ring, &numbers[i + 1]));
        assert_true(ring_pop(ring, &item));
        assert_ptr_equal(item, &numbers[i]);
        assert_true(ring_pop(ring, &item));
        assert_ptr_equal(item, &numbers[i + 1]);
    }
    ring_free(ring);
}

static void
a_full_ring_refuses_and_an_empty_one_has_nothing(void **state)
{
    struct ring *ring = ring_of(8);
    void *item = NULL;

    (void)state;
    assert_false(ring_pop(ring, &item));
    assert_null(item);
    for (int i = 0; i < 8; i++) {
        assert_true(ring_push(ring, &numbers[i]));
    }
    assert_false(ring_push(ring, &numbers[8]));
    assert_true(ring_pop(ring, &item));
    assert_ptr_equal(item, &numbers[0]);
    assert_true(ring_push(ring, &numbers[8]));
    ring_free(ring);
}

/* Fills it. */
static size_t
capacity_of(struct ring *ring)
{
    size_t n = 0;

    while (ring_push(ring, &numbers[0])) {
        n++;
    }
    return n;
}

static void
capacity_is_rounded_up_and_limited(void **state)
{
    struct ring *ring = ring_of(1000);
    struct error error;

    (void)state;
    assert_int_equal(capacity_of(ring), 1024);
    ring_free(ring);
    assert_null(ring_new(0, &error));
    assert_int_equal(error.code, ERROR_LIMIT);
    assert_null(ring_new((size_t)RING_MAX_CAPACITY + 1, &error));
    assert_int_equal(error.code, ERROR_LIMIT);
    ring = ring_of(RING_MAX_CAPACITY);
    assert_int_equal(capacity_of(ring), RING_MAX_CAPACITY);
    ring_free(ring);
    ring_free(NULL);
}

/* Writes each number before pushing its address. */
static void *
produce(void *context)
{
    struct ring *ring = context;

    for (int i = 0; i < N_ITEMS; i++) {
        numbers[i] = i;
        while (!ring_push(ring, &numbers[i])) {
            sched_yield();
        }
    }
    return NULL;
}

static void
two_threads_see_every_item_once_and_whole(void **state)
{
    struct ring *ring = ring_of(64);
    pthread_t producer;
    bool in_order = true;
    int n_seen = 0;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
    while (n_seen < N_ITEMS) {
        void *item;

        if (ring_pop(ring, &item)) {
            in_order &= *(int *)item == n_seen++;
        } else {
            sched_yield();
        }
    }
    pthread_join(producer, NULL);
    assert_true(in_order);
    assert_int_equal(n_seen, N_ITEMS);
    ring_free(ring);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_leave_in_the_order_they_came),
        cmocka_unit_test(a_full_ring_refuses_and_an_empty_one_has_nothing),
        cmocka_unit_test(capacity_is_rounded_up_and_limited),
        cmocka_unit_test(two_threads_see_every_item_once_and_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
