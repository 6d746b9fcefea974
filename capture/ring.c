/* Each side writes one index and keeps a copy of the other's, refreshed only
 * when the copy says the ring is full (or empty).  So in steady state a push
 * touches no cache line that the consumer writes.  Indices count for ever and
 * are masked on use: full and empty stay different without a spare slot. */

#include "capture/ring.h"

#include "capture/error.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    CACHE_LINE_BYTES = 64
};

struct ring {
    /* Producer's line. */
    alignas(CACHE_LINE_BYTES) atomic_size_t tail; /* Next slot to fill. */
    size_t known_head;

    /* Consumer's line. */
    alignas(CACHE_LINE_BYTES) atomic_size_t head; /* Next slot to empty. */
    size_t known_tail;

    /* Never changes. */
    alignas(CACHE_LINE_BYTES) size_t mask;
    alignas(CACHE_LINE_BYTES) void *slots[];
};

struct ring *
ring_new(size_t capacity, struct error *error)
{
    struct ring *ring;
    size_t n_slots = 1;

    if (!capacity || capacity > RING_MAX_CAPACITY) {
        error_set(error, ERROR_LIMIT, NULL, "ring of %zu slots: not 1 to %d",
                  capacity, RING_MAX_CAPACITY);
        return NULL;
    }
    /* At least one line of slots: aligned_alloc() wants a multiple of it. */
    while (n_slots < capacity || n_slots * sizeof(void *) < CACHE_LINE_BYTES) {
        n_slots *= 2;
    }
    ring = aligned_alloc(CACHE_LINE_BYTES,
                         sizeof *ring + n_slots * sizeof *ring->slots);
    if (!ring) {
        error_set(error, ERROR_MEMORY, NULL, "ring of %zu slots", n_slots);
        return NULL;
    }
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->head, 0);
    ring->known_head = 0;
    ring->known_tail = 0;
    ring->mask = n_slots - 1;
    return ring;
}

void
ring_free(struct ring *ring)
{
    free(ring);
}

bool
ring_push(struct ring *ring, void *item)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    if (tail - ring->known_head > ring->mask) {
        ring->known_head =
            atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail - ring->known_head > ring->mask) {
            return false;
        }
    }
    ring->slots[tail & ring->mask] = item;
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

bool
ring_pop(struct ring *ring, void **item)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (head == ring->known_tail) {
        ring->known_tail =
            atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->known_tail) {
            return false;
        }
    }
    *item = ring->slots[head & ring->mask];
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}
