/* The byte ring between a worker and the output thread; see event_queue.h.
 *
 * 'head' and 'tail' count bytes for ever; the ring is a power of two, so their
 * low bits are positions.  An item is a header and its body, padded so that the
 * next header is aligned; it never wraps: what does not fit before the end of
 * the ring is preceded by a filler there.  Each side keeps what it last saw of
 * the other's counter, so the shared cache lines move only when they must.
 *
 * All of the ring is written over and over, so where it is large enough it is
 * asked for in huge pages: two faults instead of a thousand, and as few entries
 * in the translation buffers of two cores. */

#include "tools/output/event_queue.h"

#include "capture/counter.h"
#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/output/doorbell.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    CACHE_LINE = 64,
    HUGE_PAGE = 2 << 20,    /* Elsewhere it is only an alignment. */
    FILLER = EVENT_N_KINDS, /* As 'kind': skip to the end of the ring. */
    ROOM_WAIT_MS = 20,      /* A blocked producer looks again by itself. */
    RING_STEPS = 16         /* Of a queue: between two rings. */
};

struct item {
    uint32_t size; /* Of the body. */
    uint32_t kind; /* enum event_kind, or FILLER. */
    struct wall_time emitted;
};

static_assert(sizeof(struct item) == 16, "items stay aligned in the ring");

struct event_queue {
    char *ring;
    size_t size; /* A power of two. */
    bool blocking;
    struct doorbell *consumer;
    struct doorbell room; /* Rung for a producer that waits. */

    alignas(CACHE_LINE) _Atomic uint64_t tail; /* Producer's; bytes put. */
    uint64_t head_seen;
    uint64_t ring_at; /* 'tail' from which the consumer may be needed. */
    struct counter emitted[EVENT_N_KINDS], refused[EVENT_N_KINDS];

    alignas(CACHE_LINE) _Atomic uint64_t head; /* Consumer's; bytes taken. */
    uint64_t tail_seen;
};

static char *ring_new(size_t size);
static bool refuse(struct event_queue *queue, enum event_kind kind);
static uint64_t item_bytes(size_t body);
static uint64_t bytes_needed(const struct event_queue *queue, uint64_t tail,
                             uint64_t bytes);
static bool wait_for_room(struct event_queue *queue, uint64_t tail,
                          uint64_t limit);
static bool has_room(struct event_queue *queue, uint64_t tail, uint64_t limit);
static void write_item(struct event_queue *queue, uint64_t *tail,
                       const struct item *item, const char *body);
static void ring_if_half_full(struct event_queue *queue, uint64_t tail);
static struct item *item_at(struct event_queue *queue, uint64_t position);

struct event_queue *
event_queue_new(size_t max_bytes, bool blocking, struct doorbell *consumer,
                struct error *error)
{
    struct event_queue *queue =
        aligned_alloc(CACHE_LINE, sizeof(struct event_queue));
    size_t size = EVENT_QUEUE_MIN_BYTES;

    while (size < max_bytes && size <= SIZE_MAX / 4) {
        size *= 2;
    }
    if (queue) {
        *queue = (struct event_queue){.size = size,
                                      .blocking = blocking,
                                      .consumer = consumer,
                                      .ring_at = size / 2,
                                      .ring = ring_new(size)};
    }
    if (!queue || !queue->ring) {
        free(queue);
        error_set(error, ERROR_MEMORY, "", "no memory for a queue of %zu bytes",
                  size);
        return NULL;
    }
    doorbell_init(&queue->room);
    return queue;
}

void
event_queue_free(struct event_queue *queue)
{
    if (queue) {
        doorbell_done(&queue->room);
        free(queue->ring);
        free(queue);
    }
}

bool
event_queue_put(struct event_queue *queue, enum event_kind kind,
                struct wall_time emitted, const struct json *body)
{
    uint64_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
    struct item item = {(uint32_t)body->size, kind, emitted};
    uint64_t needed;
    uint64_t limit = queue->size;

    counter_add(&queue->emitted[kind], 1);
    if (body->failed || body->size > EVENT_MAX_BYTES) {
        return refuse(queue, kind);
    }
    needed = bytes_needed(queue, tail, item_bytes(body->size));
    if (kind == EVENT_FLOW && !queue->blocking) {
        limit -= queue->size / 4;
    }
    if (!wait_for_room(queue, tail + needed, limit)) {
        return refuse(queue, kind);
    }
    write_item(queue, &tail, &item, body->data);
    atomic_store_explicit(&queue->tail, tail, memory_order_release);
    if (tail > queue->ring_at) {
        ring_if_half_full(queue, tail);
    }
    return true;
}

void
event_queue_wait_from_now(struct event_queue *queue)
{
    queue->blocking = true;
}

bool
event_queue_peek(struct event_queue *queue, struct event_queue_item *result)
{
    uint64_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);
    struct item *item;

    if (head == queue->tail_seen) {
        queue->tail_seen =
            atomic_load_explicit(&queue->tail, memory_order_acquire);
        if (head == queue->tail_seen) {
            return false;
        }
    }
    item = item_at(queue, head);
    if (item->kind == FILLER) {
        head += queue->size - (head & (queue->size - 1));
        atomic_store_explicit(&queue->head, head, memory_order_release);
        item = item_at(queue, head);
    }
    /* The next header is in the producer's cache. */
    __builtin_prefetch((const char *)item + item_bytes(item->size));
    *result = (struct event_queue_item){.kind = (enum event_kind)item->kind,
                                        .emitted = item->emitted,
                                        .body = (const char *)(item + 1),
                                        .size = item->size};
    return true;
}

void
event_queue_pop(struct event_queue *queue)
{
    uint64_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);

    head += item_bytes(item_at(queue, head)->size);
    atomic_store_explicit(&queue->head, head, memory_order_release);
    if (queue->tail_seen - head <= queue->size / 2) {
        doorbell_hint(&queue->room);
    }
}

uint64_t
event_queue_emitted(const struct event_queue *queue, enum event_kind kind)
{
    return counter_read(&queue->emitted[kind]);
}

uint64_t
event_queue_refused(const struct event_queue *queue, enum event_kind kind)
{
    return counter_read(&queue->refused[kind]);
}

static char *
ring_new(size_t size)
{
    char *ring;

    if (size < HUGE_PAGE) {
        return aligned_alloc(CACHE_LINE, size);
    }
    ring = aligned_alloc(HUGE_PAGE, size);
    if (ring) {
        madvise(ring, size, MADV_HUGEPAGE); /* Or in small ones. */
    }
    return ring;
}

static bool
refuse(struct event_queue *queue, enum event_kind kind)
{
    counter_add(&queue->refused[kind], 1);
    return false;
}

static uint64_t
item_bytes(size_t body)
{
    return (sizeof(struct item) + body + sizeof(struct item) - 1) &
           ~(uint64_t)(sizeof(struct item) - 1);
}

/* With the filler, if the item does not fit before the end of the ring. */
static uint64_t
bytes_needed(const struct event_queue *queue, uint64_t tail, uint64_t bytes)
{
    uint64_t to_end = queue->size - (tail & (queue->size - 1));

    return to_end < bytes ? to_end + bytes : bytes;
}

/* Until bytes up to 'tail' fit in 'limit' bytes. */
static bool
wait_for_room(struct event_queue *queue, uint64_t tail, uint64_t limit)
{
    while (!has_room(queue, tail, limit)) {
        if (!queue->blocking) {
            return false;
        }
        doorbell_hint(queue->consumer);
        doorbell_wait(&queue->room, ROOM_WAIT_MS * MILLISECOND_NS);
    }
    return true;
}

static bool
has_room(struct event_queue *queue, uint64_t tail, uint64_t limit)
{
    if (tail - queue->head_seen > limit) {
        queue->head_seen =
            atomic_load_explicit(&queue->head, memory_order_acquire);
    }
    return tail - queue->head_seen <= limit;
}

static void
write_item(struct event_queue *queue, uint64_t *tail, const struct item *item,
           const char *body)
{
    uint64_t to_end = queue->size - (*tail & (queue->size - 1));

    if (to_end < item_bytes(item->size)) {
        *item_at(queue, *tail) = (struct item){.kind = FILLER};
        *tail += to_end;
    }
    *item_at(queue, *tail) = *item;
    memcpy(item_at(queue, *tail) + 1, body, item->size);
    *tail += item_bytes(item->size);
}

/* Rings once when half is full, and again if much more comes: the consumer may
 * have missed a ring just before it began to wait.  What it took meanwhile is
 * only looked up here, not for every item. */
static void
ring_if_half_full(struct event_queue *queue, uint64_t tail)
{
    if (has_room(queue, tail, queue->size / 2)) {
        queue->ring_at = queue->head_seen + queue->size / 2;
    } else {
        doorbell_hint(queue->consumer);
        queue->ring_at = tail + queue->size / RING_STEPS;
    }
}

static struct item *
item_at(struct event_queue *queue, uint64_t position)
{
    return (struct item *)(void *)(queue->ring +
                                   (position & (queue->size - 1)));
}
