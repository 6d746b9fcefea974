/* Events on their way from one worker to the output thread.
 *
 * A bounded byte ring with one producer and one consumer, and no lock between
 * them.  When it is full, a blocking queue (replay) makes the producer wait, so
 * nothing is lost; the other kind (live capture, which must never wait) refuses
 * and counts.  Violations and status go last: flows are refused already when
 * less than a quarter is free.
 *
 * Waking a thread costs more than an event.  So the consumer is rung when a
 * queue is half full, and looks by itself at least every
 * EVENT_QUEUE_LATENCY_MS; and a producer that waits for room is rung when a
 * queue is half empty. */

#ifndef TOOLS_OUTPUT_EVENT_QUEUE_H
#define TOOLS_OUTPUT_EVENT_QUEUE_H

#include "capture/clock.h"
#include "tools/event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct doorbell;
struct error;
struct event_queue; /* Opaque. */
struct json;

enum {
    EVENT_QUEUE_LATENCY_MS = 50,
    EVENT_QUEUE_MIN_BYTES = 4 * EVENT_MAX_BYTES
};

/* 'max_bytes' is rounded up to a power of two, EVENT_QUEUE_MIN_BYTES at least.
 * 'consumer' is rung as said above; borrowed until event_queue_free(). */
struct event_queue *event_queue_new(size_t max_bytes, bool blocking,
                                    struct doorbell *consumer,
                                    struct error *error);
void event_queue_free(struct event_queue *); /* Accepts NULL. */

/* Producer.  Copies an encoded body.  'emitted' becomes @timestamp: packet time
 * in replay.  False, and counted as refused, if the event was not encoded
 * (json->failed) or, unless blocking, there is no room for its kind. */
bool event_queue_put(struct event_queue *, enum event_kind,
                     struct wall_time emitted, const struct json *body);

/* Producer.  From now on it waits, as a blocking queue does: nothing else is
 * left for it to do. */
void event_queue_wait_from_now(struct event_queue *);

struct event_queue_item {
    enum event_kind kind;
    struct wall_time emitted;
    const char *body; /* In the ring; until event_queue_pop(). */
    size_t size;
};

/* Consumer: the oldest item, or false if there is none; then drops it. */
bool event_queue_peek(struct event_queue *, struct event_queue_item *);
void event_queue_pop(struct event_queue *);

/* Any thread. */
uint64_t event_queue_emitted(const struct event_queue *, enum event_kind);
uint64_t event_queue_refused(const struct event_queue *, enum event_kind);

#endif
