/* tools/runtime/handoff.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/runtime/exchange.h"
#include "tools/runtime/handoff.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_PACKETS = 100000
};

/* What the consuming thread saw; asserted on by the test's own thread. */
struct seen {
    struct exchange *handoff;
    uint64_t n_packets;
    bool in_order, bytes_right;
};

static void *
consume(void *argument)
{
    struct seen *seen = argument;
    struct handoff_batch *batch;

    while ((batch = exchange_receive(seen->handoff))) {
        for (size_t i = 0; i < batch->n_packets; i++) {
            uint64_t number = seen->n_packets++;

            seen->in_order &= batch->packets[i].number == number &&
                              batch->frames[i].number == number;
            seen->bytes_right &=
                batch->frames[i].captured == sizeof number &&
                memcmp(batch->frames[i].data, &number, sizeof number) == 0;
        }
        exchange_give_back(seen->handoff, batch);
    }
    return NULL;
}

static void
every_packet_arrives_once_in_order_with_its_bytes(void **state)
{
    struct error error;
    struct seen seen = {.in_order = true, .bytes_right = true};
    struct handoff_batch *batch;
    pthread_t thread;

    (void)state;
    seen.handoff = handoff_new(&error);
    assert_non_null(seen.handoff);
    assert_int_equal(pthread_create(&thread, NULL, consume, &seen), 0);
    batch = handoff_take_empty(seen.handoff);
    for (uint64_t i = 0; i < N_PACKETS; i++) {
        struct packet packet = {.number = i};
        struct frame frame = {.number = i,
                              .data = (const uint8_t *)&i,
                              .captured = sizeof i,
                              .wire_size = sizeof i};

        while (!handoff_batch_add(batch, &frame, &packet, frame.time)) {
            exchange_send(seen.handoff, batch);
            batch = handoff_take_empty(seen.handoff);
        }
    }
    exchange_send(seen.handoff, batch);
    exchange_send(seen.handoff, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(seen.n_packets, N_PACKETS);
    assert_true(seen.in_order);
    assert_true(seen.bytes_right);
    exchange_free(seen.handoff);
}

static void
a_batch_takes_the_largest_frame_and_refuses_what_does_not_fit(void **state)
{
    static const uint8_t bytes[262144];
    struct packet packet = {.number = 1};
    struct frame frame = {.data = bytes, .captured = sizeof bytes};
    struct error error;
    struct exchange *handoff = handoff_new(&error);
    struct handoff_batch *batch = handoff_take_empty(handoff);
    size_t n = 0;

    (void)state;
    while (handoff_batch_add(batch, &frame, &packet, frame.time)) {
        n++;
    }
    assert_int_equal(n, HANDOFF_BYTES / sizeof bytes);
    frame.captured = 0;
    assert_true(handoff_batch_add(batch, &frame, &packet, frame.time));
    exchange_give_back(handoff, batch);
    batch = handoff_take_empty(handoff);
    assert_int_equal(batch->n_packets, 0);
    exchange_free(handoff);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_arrives_once_in_order_with_its_bytes),
        cmocka_unit_test(
            a_batch_takes_the_largest_frame_and_refuses_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
