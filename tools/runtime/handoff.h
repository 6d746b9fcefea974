/* Batches of packets on their way from the reader to one worker.
 *
 * A few batches circulate (exchange.h): the reader fills them with copies of
 * frames.  A round is what all workers get of one stretch of the capture.  At
 * its end each gets a batch, however empty, which says how far the run's clock
 * has come: so time passes for a worker without packets too, and what workers
 * noticed can be put in one order round by round. */

#ifndef TOOLS_RUNTIME_HANDOFF_H
#define TOOLS_RUNTIME_HANDOFF_H

#include "capture/frame.h"
#include "dissect/packet.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct exchange;
struct policy;

enum {
    HANDOFF_BATCHES = 8,
    HANDOFF_PACKETS = 128,     /* Per batch. */
    HANDOFF_BYTES = 4 * 262144 /* Per batch; four largest frames. */
};

struct handoff_batch {
    size_t n_packets;
    size_t n_bytes;
    bool ends_round;
    struct wall_time clock; /* Of the run, where the round ends. */
    struct policy *policy;  /* In force from the next round on; a reference
                             * that the worker takes over.  Or NULL. */
    struct packet packets[HANDOFF_PACKETS];
    struct frame frames[HANDOFF_PACKETS];     /* 'data' points into 'bytes'. */
    struct wall_time clocks[HANDOFF_PACKETS]; /* Of the run, at each packet. */
    unsigned char bytes[HANDOFF_BYTES];
};

struct exchange *handoff_new(struct error *error);

/* Reader: an empty batch; blocks until the worker gives one back. */
struct handoff_batch *handoff_take_empty(struct exchange *);

/* Reader: appends a copy; false when the batch has no room left. */
bool handoff_batch_add(struct handoff_batch *, const struct frame *,
                       const struct packet *, struct wall_time clock);

#endif
