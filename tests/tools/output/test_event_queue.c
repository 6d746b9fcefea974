/* event_queue.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/output/doorbell.h"
#include "tools/output/event_queue.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    N_EVENTS = 200000,
    MAX_BODY = 3000
};

struct fixture {
    struct doorbell bell;
    struct event_queue *queue;
    struct json body;
};

static void
setup(struct fixture *f, bool blocking)
{
    struct error error;

    doorbell_init(&f->bell);
    f->queue = event_queue_new(0, blocking, &f->bell, &error);
    assert_non_null(f->queue);
    json_init(&f->body, EVENT_MAX_BYTES);
}

static void
teardown(struct fixture *f)
{
    event_queue_free(f->queue);
    doorbell_done(&f->bell);
    json_done(&f->body);
}

/* A body of 'size' bytes that says which it is. */
static void
set_body(struct json *body, uint64_t number, size_t size)
{
    json_reset(body, false);
    for (size_t i = 0; i < size; i++) {
        char byte = (char)('a' + (number + i) % 26);

        json_raw(body, &byte, 1);
    }
}

static size_t
size_of(uint64_t number)
{
    return 1 + number * 7919 % MAX_BODY;
}

static void *
produce(void *context)
{
    struct fixture *f = context;

    for (uint64_t i = 0; i < N_EVENTS; i++) {
        set_body(&f->body, i, i % 64 ? 8 + i % 100 : size_of(i));
        event_queue_put(f->queue, (enum event_kind)(i % EVENT_N_KINDS),
                        (struct wall_time){(int64_t)i}, &f->body);
    }
    return NULL;
}

static void
a_blocking_queue_keeps_every_event_and_the_order(void **state)
{
    struct fixture f;
    struct event_queue_item item;
    pthread_t thread;
    uint64_t n = 0;
    uint64_t wrong = 0;

    (void)state;
    setup(&f, true);
    assert_int_equal(pthread_create(&thread, NULL, produce, &f), 0);
    while (n < N_EVENTS) {
        if (!event_queue_peek(f.queue, &item)) {
            doorbell_wait(&f.bell, MILLISECOND_NS);
            continue;
        }
        wrong +=
            item.emitted.ns != (int64_t)n || item.kind != n % EVENT_N_KINDS ||
            item.size != (n % 64 ? 8 + n % 100 : size_of(n)) ||
            item.body[item.size - 1] != (char)('a' + (n + item.size - 1) % 26);
        event_queue_pop(f.queue);
        n++;
    }
    pthread_join(thread, NULL);
    assert_int_equal(wrong, 0);
    assert_false(event_queue_peek(f.queue, &item));
    assert_int_equal(event_queue_refused(f.queue, EVENT_FLOW), 0);
    teardown(&f);
}

static void
a_full_queue_refuses_flows_first_and_violations_last(void **state)
{
    struct fixture f;
    uint64_t n_flows = 0;
    uint64_t n_violations = 0;

    (void)state;
    setup(&f, false);
    set_body(&f.body, 0, 1000);
    while (
        event_queue_put(f.queue, EVENT_FLOW, (struct wall_time){0}, &f.body)) {
        n_flows++;
    }
    while (event_queue_put(f.queue, EVENT_VIOLATION, (struct wall_time){0},
                           &f.body)) {
        n_violations++;
    }
    assert_true(n_violations > 60); /* A quarter of 256 KiB. */
    assert_true(n_flows > 2 * n_violations);
    assert_int_equal(event_queue_refused(f.queue, EVENT_FLOW), 1);
    assert_int_equal(event_queue_refused(f.queue, EVENT_VIOLATION), 1);
    assert_int_equal(event_queue_emitted(f.queue, EVENT_FLOW), n_flows + 1);
    teardown(&f);
}

static void
take_all(struct fixture *f)
{
    struct event_queue_item item;

    while (event_queue_peek(f->queue, &item)) {
        event_queue_pop(f->queue);
    }
}

/* Whether a consumer that sleeps was rung; it sleeps again. */
static bool
was_rung(struct fixture *f)
{
    bool rung = f->bell.rung;

    f->bell.rung = false;
    atomic_store(&f->bell.waiting, true);
    return rung;
}

static void
one_ring_serves_half_a_queue(void **state)
{
    struct fixture f;
    unsigned n_rings = 0;

    (void)state;
    setup(&f, true);
    was_rung(&f);
    set_body(&f.body, 0, 1000);
    for (unsigned i = 0; i < N_EVENTS; i++) {
        event_queue_put(f.queue, EVENT_FLOW, (struct wall_time){0}, &f.body);
        if (was_rung(&f)) {
            n_rings++;
            take_all(&f);
        }
    }
    assert_in_range(n_rings, 1, N_EVENTS / 100); /* 128 KiB of 1 KiB each. */
    teardown(&f);
}

/* One that has just looked, and begins to sleep, may miss a ring; not all. */
static void
a_missed_ring_is_followed_by_others(void **state)
{
    struct fixture f;
    unsigned n_rings = 0;

    (void)state;
    setup(&f, false);
    was_rung(&f);
    set_body(&f.body, 0, 1000);
    while (event_queue_put(f.queue, EVENT_STATUS, (struct wall_time){0},
                           &f.body)) {
        n_rings += was_rung(&f);
    }
    assert_in_range(n_rings, 4, 16);
    teardown(&f);
}

static void *
empty_slowly(void *argument)
{
    struct event_queue *queue = argument;
    struct event_queue_item item;
    unsigned n = 0;

    while (n < N_EVENTS / 100) {
        if (event_queue_peek(queue, &item)) {
            event_queue_pop(queue);
            n++;
        }
    }
    return NULL;
}

static void
one_that_waits_from_now_on_refuses_nothing_more(void **state)
{
    struct fixture f;
    pthread_t consumer;

    (void)state;
    setup(&f, false);
    event_queue_wait_from_now(f.queue);
    assert_int_equal(pthread_create(&consumer, NULL, empty_slowly, f.queue), 0);
    set_body(&f.body, 0, MAX_BODY);
    for (unsigned i = 0; i < N_EVENTS / 100; i++) {
        assert_true(event_queue_put(f.queue, EVENT_FLOW, (struct wall_time){0},
                                    &f.body));
    }
    pthread_join(consumer, NULL);
    assert_int_equal(event_queue_refused(f.queue, EVENT_FLOW), 0);
    teardown(&f);
}

static void
an_event_that_could_not_be_encoded_is_counted(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f, true);
    set_body(&f.body, 0, EVENT_MAX_BYTES + 1);
    assert_false(
        event_queue_put(f.queue, EVENT_STATUS, (struct wall_time){0}, &f.body));
    assert_int_equal(event_queue_refused(f.queue, EVENT_STATUS), 1);
    set_body(&f.body, 0, EVENT_MAX_BYTES);
    assert_true(
        event_queue_put(f.queue, EVENT_STATUS, (struct wall_time){0}, &f.body));
    teardown(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocking_queue_keeps_every_event_and_the_order),
        cmocka_unit_test(a_full_queue_refuses_flows_first_and_violations_last),
        cmocka_unit_test(one_ring_serves_half_a_queue),
        cmocka_unit_test(a_missed_ring_is_followed_by_others),
        cmocka_unit_test(one_that_waits_from_now_on_refuses_nothing_more),
        cmocka_unit_test(an_event_that_could_not_be_encoded_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
