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

static void
a_batch_is_cut_to_what_fits(void **state)
{
    struct ring *ring = ring_of(8);
    void *in[12];
    void *out[12];

    (void)state;
    for (int i = 0; i < 12; i++) {
        in[i] = &numbers[i];
    }
    assert_int_equal(ring_push_batch(ring, in, 5), 5);
    assert_int_equal(ring_pop_batch(ring, out, 3), 3);
    assert_int_equal(ring_push_batch(ring, in + 5, 7), 6);
    assert_int_equal(ring_push_batch(ring, in + 11, 1), 0);
    assert_int_equal(ring_pop_batch(ring, out + 3, 9), 8);
    assert_int_equal(ring_pop_batch(ring, out + 11, 1), 0);
    assert_memory_equal(in, out, 11 * sizeof *in);
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

static void
push_all(struct ring *ring, void *const *items, size_t n_items)
{
    size_t n_sent = 0;

    while (n_sent < n_items) {
        size_t n = ring_push_batch(ring, items + n_sent, n_items - n_sent);

        n_sent += n;
        if (!n) {
            sched_yield();
        }
    }
}

/* Writes each number before pushing its address, singly and in batches. */
static void *
produce(void *context)
{
    struct ring *ring = context;
    void *batch[7];
    size_t n_made = 0;

    while (n_made < N_ITEMS) {
        size_t n_batch = 1 + n_made % 7;

        if (n_batch > N_ITEMS - n_made) {
            n_batch = N_ITEMS - n_made;
        }
        for (size_t i = 0; i < n_batch; i++) {
            numbers[n_made + i] = (int)(n_made + i);
            batch[i] = &numbers[n_made + i];
        }
        push_all(ring, batch, n_batch);
        n_made += n_batch;
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
        void *batch[5];
        size_t n = ring_pop_batch(ring, batch, 5);

        for (size_t i = 0; i < n; i++) {
            in_order &= *(int *)batch[i] == n_seen++;
        }
        if (!n) {
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
        cmocka_unit_test(a_batch_is_cut_to_what_fits),
        cmocka_unit_test(capacity_is_rounded_up_and_limited),
        cmocka_unit_test(two_threads_see_every_item_once_and_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
