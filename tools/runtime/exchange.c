/* Batches between threads; see exchange.h.
 *
 * Two rings, one each way, and for each a semaphore that counts what is in it.
 * A batch holds a hundred packets, so a semaphore operation a batch costs
 * nothing that shows. */

#include "tools/runtime/exchange.h"

#include "capture/error.h"
#include "capture/ring.h"

#include <semaphore.h>
#include <stdlib.h>

/* A ring that blocks its consumer.  It has room for every batch and the end
 * mark, so a push never fails. */
struct queue {
    struct ring *ring;
    sem_t filled;
};

struct exchange {
    struct queue full, empty;
    char *batches;
};

static bool queue_init(struct queue *, size_t n, struct error *);
static void queue_done(struct queue *);
static void queue_put(struct queue *, void *batch);
static void *queue_get(struct queue *);

struct exchange *
exchange_new(size_t n, size_t bytes, struct error *error)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (!exchange) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for an exchange");
        return NULL;
    }
    exchange->batches = calloc(n, bytes);
    if (!exchange->batches) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for batches");
    }
    if (!exchange->batches || !queue_init(&exchange->full, n, error) ||
        !queue_init(&exchange->empty, n, error)) {
        exchange_free(exchange);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        queue_put(&exchange->empty, exchange->batches + i * bytes);
    }
    return exchange;
}

void
exchange_free(struct exchange *exchange)
{
    if (exchange) {
        queue_done(&exchange->full);
        queue_done(&exchange->empty);
        free(exchange->batches);
        free(exchange);
    }
}

void *
exchange_take_empty(struct exchange *exchange)
{
    return queue_get(&exchange->empty);
}

void
exchange_send(struct exchange *exchange, void *batch)
{
    queue_put(&exchange->full, batch);
}

void *
exchange_receive(struct exchange *exchange)
{
    return queue_get(&exchange->full);
}

void
exchange_give_back(struct exchange *exchange, void *batch)
{
    queue_put(&exchange->empty, batch);
}

static bool
queue_init(struct queue *queue, size_t n, struct error *error)
{
    queue->ring = ring_new(n + 1, error);
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
queue_put(struct queue *queue, void *batch)
{
    ring_push(queue->ring, batch);
    sem_post(&queue->filled);
}

static void *
queue_get(struct queue *queue)
{
    void *batch = NULL;

    while (sem_wait(&queue->filled) != 0) {
    } /* A signal handler ran. */
    ring_pop(queue->ring, &batch);
    return batch;
}
