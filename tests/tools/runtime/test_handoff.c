/* tools/runtime/handoff.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "capture/source.h"
#include "rules/policy.h"
#include "tools/runtime/handoff.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum {
    N_WORKERS = 3,
    N_STRETCHES = 3000,
    STRETCH_FRAMES = 300 /* At most. */
};

/* What a worker saw; asserted on by the test's own thread. */
struct seen {
    struct handoff *handoff;
    unsigned worker;
    bool is_slow;
    size_t n_frames, n_stretches, n_rounds;
    uint64_t last;
    bool in_order, bytes_right, clocks_right;
    pthread_t thread;
};

/* Every frame holds its number; the worker is that modulo N_WORKERS. */
static void
look_at(struct seen *seen, const struct handoff_list *list)
{
    for (size_t i = 0; i < list->n_frames; i++) {
        const struct frame *frame = &list->frames[i];

        seen->n_frames++;
        seen->in_order &= frame->number > seen->last &&
                          frame->number % N_WORKERS == seen->worker;
        seen->last = frame->number;
        seen->bytes_right &=
            memcmp(frame->data, &frame->number, sizeof frame->number) == 0;
        seen->clocks_right &= list->clocks[i].ns == (int64_t)frame->number;
    }
}

static void *
consume(void *argument)
{
    struct seen *seen = argument;
    struct handoff_share share;

    while (handoff_wait(seen->handoff, seen->worker)) {
        const struct handoff_list *list;

        if (handoff_backlog(seen->handoff, seen->worker) == 0) {
            continue; /* Woken early. */
        }
        handoff_receive(seen->handoff, seen->worker, &share);
        list = share.frames;
        for (; list; list = list->next) {
            look_at(seen, list);
        }
        if (seen->is_slow && seen->n_stretches % 100 == 0) {
            usleep(1000);
        }
        seen->n_stretches++;
        seen->n_rounds += share.ends_round;
        handoff_done(seen->handoff, seen->worker);
    }
    return NULL;
}

static struct handoff *
handoff_of(unsigned n_workers)
{
    struct error error;
    struct handoff *handoff = handoff_new(n_workers, &error);

    assert_non_null(handoff);
    return handoff;
}

/* Fills a stretch with 'n' frames, from number '*number' + 1 on. */
static void
fill(struct handoff *handoff, uint8_t *window, size_t n, uint64_t *number)
{
    for (size_t i = 0; i < n; i++) {
        struct frame frame = {.number = ++*number,
                              .data = window + i * sizeof *number,
                              .captured = sizeof *number};

        memcpy(window + i * sizeof *number, number, sizeof *number);
        handoff_add(handoff, (unsigned)(*number % N_WORKERS), &frame,
                    (struct wall_time){(int64_t)*number});
    }
}

/* The first worker is slower than the reader, the others are not. */
static void
every_frame_arrives_once_in_order_with_its_bytes(void **state)
{
    struct handoff *handoff = handoff_of(N_WORKERS);
    struct seen seen[N_WORKERS];
    uint64_t number = 0;
    size_t n_frames = 0;

    (void)state;
    for (unsigned i = 0; i < N_WORKERS; i++) {
        seen[i] = (struct seen){.handoff = handoff,
                                .worker = i,
                                .is_slow = i == 0,
                                .in_order = true,
                                .bytes_right = true,
                                .clocks_right = true};
        assert_int_equal(
            pthread_create(&seen[i].thread, NULL, consume, &seen[i]), 0);
    }
    for (size_t i = 0; i < N_STRETCHES; i++) {
        uint8_t *window = handoff_window(handoff, SOURCE_WINDOW_BYTES);

        assert_non_null(window);
        fill(handoff, window, i % STRETCH_FRAMES, &number);
        handoff_send(handoff, i % HANDOFF_ROUND == HANDOFF_ROUND - 1,
                     (struct wall_time){(int64_t)number}, NULL);
    }
    handoff_close(handoff);
    for (unsigned i = 0; i < N_WORKERS; i++) {
        pthread_join(seen[i].thread, NULL);
        assert_int_equal(seen[i].n_stretches, N_STRETCHES);
        assert_int_equal(seen[i].n_rounds, N_STRETCHES / HANDOFF_ROUND);
        assert_true(seen[i].in_order);
        assert_true(seen[i].bytes_right);
        assert_true(seen[i].clocks_right);
        n_frames += seen[i].n_frames;
    }
    assert_int_equal(n_frames, number);
    handoff_free(handoff);
}

static void
a_stretch_takes_a_window_of_the_smallest_records(void **state)
{
    enum {
        N = SOURCE_WINDOW_BYTES / SOURCE_MIN_RECORD_BYTES
    };
    struct handoff *handoff = handoff_of(N_WORKERS);
    uint8_t *window = handoff_window(handoff, SOURCE_WINDOW_BYTES);
    struct handoff_share share;
    size_t n_frames = 0;
    uint64_t number = 0;

    (void)state;
    assert_true(handoff_is_empty(handoff));
    fill(handoff, window, N, &number);
    assert_false(handoff_is_empty(handoff));
    handoff_send(handoff, true, (struct wall_time){0}, NULL);
    for (unsigned i = 0; i < N_WORKERS; i++) {
        assert_int_equal(handoff_backlog(handoff, i), 1);
        handoff_receive(handoff, i, &share);
        for (const struct handoff_list *list = share.frames; list;
             list = list->next) {
            n_frames += list->n_frames;
        }
        handoff_done(handoff, i);
    }
    assert_int_equal(n_frames, N);
    handoff_close(handoff);
    assert_false(handoff_wait(handoff, 0));
    handoff_free(handoff);
}

static void
a_window_not_sent_is_given_again(void **state)
{
    struct handoff *handoff = handoff_of(1);
    const uint8_t *window = handoff_window(handoff, SOURCE_WINDOW_BYTES);

    (void)state;
    assert_ptr_equal(handoff_window(handoff, SOURCE_WINDOW_BYTES), window);
    handoff_send(handoff, false, (struct wall_time){0}, NULL);
    assert_ptr_not_equal(handoff_window(handoff, SOURCE_WINDOW_BYTES), window);
    handoff_free(handoff);
}

static void
a_worker_that_keeps_up_makes_do_with_two_windows(void **state)
{
    struct handoff *handoff = handoff_of(1);
    const uint8_t *seen[3] = {NULL};
    struct handoff_share share;

    (void)state;
    for (size_t i = 0; i < 3 * (size_t)HANDOFF_STRETCHES; i++) {
        const uint8_t *window = handoff_window(handoff, SOURCE_WINDOW_BYTES);
        size_t at = 0;

        while (seen[at] && seen[at] != window) {
            at++;
        }
        assert_true(at < 2);
        seen[at] = window;
        handoff_send(handoff, true, (struct wall_time){0}, NULL);
        handoff_receive(handoff, 0, &share);
        handoff_done(handoff, 0);
    }
    handoff_free(handoff);
}

static void
the_last_empty_stretch_is_known(void **state)
{
    struct handoff *handoff = handoff_of(1);
    struct handoff_share share;

    (void)state;
    for (size_t i = 0; i < HANDOFF_STRETCHES; i++) {
        assert_non_null(handoff_window(handoff, SOURCE_WINDOW_BYTES));
        assert_int_equal(handoff_is_last(handoff), i == HANDOFF_STRETCHES - 1);
        assert_int_equal(handoff_backlog(handoff, 0), i);
        handoff_send(handoff, false, (struct wall_time){0}, NULL);
    }
    while (handoff_backlog(handoff, 0)) {
        handoff_receive(handoff, 0, &share);
        handoff_done(handoff, 0);
    }
    assert_non_null(handoff_window(handoff, SOURCE_WINDOW_BYTES));
    assert_false(handoff_is_last(handoff));
    handoff_free(handoff);
}

/* The window before a large one is good until the next: what is left in it is
 * copied.  AddressSanitizer knows. */
static void
large_windows_come_and_go(void **state)
{
    struct handoff *handoff = handoff_of(1);
    struct handoff_share share;
    const uint8_t *before = handoff_window(handoff, SOURCE_WINDOW_BYTES);

    (void)state;
    for (size_t i = 0; i < 3 * (size_t)HANDOFF_STRETCHES; i++) {
        size_t size = i % 4 ? SOURCE_MAX_WINDOW_BYTES : SOURCE_WINDOW_BYTES;
        uint8_t *window;

        handoff_send(handoff, true, (struct wall_time){0}, NULL);
        handoff_receive(handoff, 0, &share);
        handoff_done(handoff, 0);
        window = handoff_window(handoff, size);
        assert_non_null(window);
        memcpy(window, before, 100);
        window[size - 1] = 1;
        before = window;
    }
    handoff_free(handoff);
}

static void
a_policy_comes_with_the_stretch_before_it(void **state)
{
    struct handoff *handoff = handoff_of(2);
    struct policy *policy = policy_observe_all();
    struct handoff_share share;

    (void)state;
    for (unsigned i = 0; i < 2 * HANDOFF_STRETCHES; i++) {
        assert_non_null(handoff_window(handoff, SOURCE_WINDOW_BYTES));
        handoff_send(handoff, true, (struct wall_time){i},
                     i % 3 ? NULL : policy_ref(policy));
        for (unsigned worker = 0; worker < 2; worker++) {
            handoff_receive(handoff, worker, &share);
            assert_ptr_equal(share.policy, i % 3 ? NULL : policy);
            assert_int_equal(share.clock.ns, i);
            handoff_done(handoff, worker);
        }
    }
    policy_unref(policy);
    handoff_free(handoff);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_arrives_once_in_order_with_its_bytes),
        cmocka_unit_test(a_stretch_takes_a_window_of_the_smallest_records),
        cmocka_unit_test(a_window_not_sent_is_given_again),
        cmocka_unit_test(a_worker_that_keeps_up_makes_do_with_two_windows),
        cmocka_unit_test(the_last_empty_stretch_is_known),
        cmocka_unit_test(large_windows_come_and_go),
        cmocka_unit_test(a_policy_comes_with_the_stretch_before_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
