/* Batches of packets; see handoff.h. */

#include "tools/runtime/handoff.h"

#include "tools/runtime/exchange.h"

#include <string.h>

struct exchange *
handoff_new(struct error *error)
{
    return exchange_new(HANDOFF_BATCHES, sizeof(struct handoff_batch), error);
}

struct handoff_batch *
handoff_take_empty(struct exchange *handoff)
{
    struct handoff_batch *batch = exchange_take_empty(handoff);

    batch->n_packets = 0;
    batch->n_bytes = 0;
    batch->ends_round = false;
    batch->policy = NULL;
    return batch;
}

bool
handoff_batch_add(struct handoff_batch *batch, const struct frame *frame,
                  const struct packet *packet, struct wall_time clock)
{
    size_t i = batch->n_packets;

    if (i == HANDOFF_PACKETS ||
        frame->captured > HANDOFF_BYTES - batch->n_bytes) {
        return false;
    }
    batch->packets[i] = *packet;
    batch->frames[i] = *frame;
    batch->clocks[i] = clock;
    batch->frames[i].data = batch->bytes + batch->n_bytes;
    memcpy(batch->bytes + batch->n_bytes, frame->data, frame->captured);
    batch->n_bytes += frame->captured;
    batch->n_packets++;
    return true;
}
