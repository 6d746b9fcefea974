/* Batches between threads; see handoff.h.
 *
 * Two rings, one each way, and for each a semaphore that counts what is in it.
 * A batch holds a hundred packets, so a semaphore operation a batch costs
 * nothing that shows. */

#include "tools/runtime/handoff.h"

#include "capture/error.h"
#include "capture/ring.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

/* A ring that blocks its consumer.  It has room for every batch and the end
 * mark, so a push never fails. */
struct queue {
    struct ring *ring;
    sem_t filled;
};

struct handoff {
    struct queue full, empty;
    struct handoff_batch *batches; /* HANDOFF_BATCHES of them. */
};

static bool queue_init(struct queue *, struct error *);
static void queue_done(struct queue *);
static void queue_put(struct queue *, struct handoff_batch *);
static struct handoff_batch *queue_get(struct queue *);

struct handoff *
handoff_new(struct error *error)
{
    struct handoff *handoff = calloc(1, sizeof *handoff);

    if (!handoff) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for a hand-off");
        return NULL;
    }
    handoff->batches = calloc(HANDOFF_BATCHES, sizeof *handoff->batches);
    if (!handoff->batches) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for batches");
    }
    if (!handoff->batches || !queue_init(&handoff->full, error) ||
        !queue_init(&handoff->empty, error)) {
        handoff_free(handoff);
        return NULL;
    }
    for (size_t i = 0; i < HANDOFF_BATCHES; i++) {
        queue_put(&handoff->empty, &handoff->batches[i]);
    }
    return handoff;
}

void
handoff_free(struct handoff *handoff)
{
    if (handoff) {
        queue_done(&handoff->full);
        queue_done(&handoff->empty);
        free(handoff->batches);
        free(handoff);
    }
}

struct handoff_batch *
handoff_take_empty(struct handoff *handoff)
{
    struct handoff_batch *batch = queue_get(&handoff->empty);

    batch->n_packets = 0;
    batch->n_bytes = 0;
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

void
handoff_send(struct handoff *handoff, struct handoff_batch *batch)
{
    queue_put(&handoff->full, batch);
}

struct handoff_batch *
handoff_receive(struct handoff *handoff)
{
    return queue_get(&handoff->full);
}

void
handoff_give_back(struct handoff *handoff, struct handoff_batch *batch)
{
    queue_put(&handoff->empty, batch);
}

static bool
queue_init(struct queue *queue, struct error *error)
{
    queue->ring = ring_new(HANDOFF_BATCHES + 1, error);
    return queue->ring && sem_init(&queue->filled, 0, 0) == 0;
}

static void
queue_done(struct queue *queue)
{
    if (queue->ring) {
        ring_free(queue->ring);
        sem_destroy(&queue->filled);
    }
}

static void
queue_put(struct queue *queue, struct handoff_batch *batch)
{
    ring_push(queue->ring, batch);
    sem_post(&queue->filled);
}

static struct handoff_batch *
queue_get(struct queue *queue)
{
    void *batch = NULL;

    while (sem_wait(&queue->filled) != 0) {
    } /* A signal handler ran. */
    ring_pop(queue->ring, &batch);
    return batch;
}
