/* A bounded ring of pointers from one thread to one other.
 *
 * One producer pushes, one consumer pops; nothing blocks, nothing allocates
 * after ring_new(), and what was pushed is popped in order.  A full or an empty
 * ring is the caller's to handle: the programs in tools/ decide how to wait.
 * The ring owns its slots, never what the pointers point to; whatever the
 * producer wrote before a push is seen by the consumer after the pop. */

#ifndef CAPTURE_RING_H
#define CAPTURE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct ring; /* Opaque. */

enum {
    RING_MAX_CAPACITY = 1 << 20 /* Slots, 8 bytes each. */
};

/* Makes a ring of at least 'capacity' slots, rounded up to a power of two.
 * Returns NULL and fills in '*error' if 'capacity' is 0 or above
 * RING_MAX_CAPACITY, or without memory. */
struct ring *ring_new(size_t capacity, struct error *error);

/* Accepts NULL.  Neither thread may use the ring any more. */
void ring_free(struct ring *);

/* Producer only.  Returns false, and does nothing, when the ring is full. */
bool ring_push(struct ring *, void *item);

/* Consumer only.  Returns false, and leaves '*item' alone, when the ring is
 * empty. */
bool ring_pop(struct ring *, void **item);

#endif
