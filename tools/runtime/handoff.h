/* Batches of packets on their way from the reader to one worker.
 *
 * A fixed pool of batches circulates: the reader takes an empty one, fills it
 * with copies of frames and sends it; the worker receives it and gives it back.
 * One thread on each side.  The pool bounds both memory and how far the reader
 * can run ahead; a full or empty hand-off blocks. */

#ifndef TOOLS_RUNTIME_HANDOFF_H
#define TOOLS_RUNTIME_HANDOFF_H

#include "capture/frame.h"
#include "dissect/packet.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct handoff; /* Opaque. */

enum {
    HANDOFF_BATCHES = 8,
    HANDOFF_PACKETS = 128,     /* Per batch. */
    HANDOFF_BYTES = 4 * 262144 /* Per batch; four largest frames. */
};

struct handoff_batch {
    size_t n_packets;
    size_t n_bytes;
    struct packet packets[HANDOFF_PACKETS];
    struct frame frames[HANDOFF_PACKETS];     /* 'data' points into 'bytes'. */
    struct wall_time clocks[HANDOFF_PACKETS]; /* Of the run, at each packet. */
    unsigned char bytes[HANDOFF_BYTES];
};

struct handoff *handoff_new(struct error *);
void handoff_free(struct handoff *); /* Accepts NULL; both threads are done. */

/* Reader: an empty batch; blocks until the worker gives one back. */
struct handoff_batch *handoff_take_empty(struct handoff *);

/* Reader: appends a copy; false when the batch has no room left. */
bool handoff_batch_add(struct handoff_batch *, const struct frame *,
                       const struct packet *, struct wall_time clock);

/* Reader: 'batch' belongs to the worker now; NULL says that no more come. */
void handoff_send(struct handoff *, struct handoff_batch *batch);

/* Worker: the next batch, or NULL at the end; blocks. */
struct handoff_batch *handoff_receive(struct handoff *);
void handoff_give_back(struct handoff *, struct handoff_batch *);

#endif
