/* Items of one size, by number, in slabs that come and go.
 *
 * For what only some flows need: a flow keeps 32 bits.  A slab is freed when
 * its last item is given back, but for one that is kept for the next, so that
 * memory returns after a peak and no slab comes and goes with every flow.
 * Belongs to one thread.  Memory is that of a struct flow_memory, whose limit
 * holds. */

#ifndef TOOLS_RUNTIME_POOL_H
#define TOOLS_RUNTIME_POOL_H

#include <stddef.h>
#include <stdint.h>

struct flow_memory;

enum {
    POOL_SLAB_SHIFT = 8,
    POOL_SLAB_ITEMS = 1 << POOL_SLAB_SHIFT
};

struct pool_slab {
    uint8_t *items; /* NULL: there is none of this number. */
    uint16_t n_used;
    uint16_t free;         /* The first free item, from 1; 0: none. */
    uint32_t older, newer; /* Neighbours in its list, from 1; 0: none. */
};

struct pool {
    struct flow_memory *memory; /* Borrowed. */
    size_t item_bytes;
    struct pool_slab *slabs; /* Owned. */
    uint32_t n_slabs, max_slabs;
    uint32_t with_room; /* First of those that have a free item; from 1. */
    uint32_t absent;    /* First of those freed; linked by 'older'. */
    uint32_t n_empty;
};

/* Items are of 'item_bytes', at least 2, and aligned as that is a multiple of.
 */
void pool_init(struct pool *, size_t item_bytes, struct flow_memory *);
void pool_done(struct pool *);

/* The number of a zeroed item; 0 when memory is short. */
uint32_t pool_take(struct pool *);
void pool_give_back(struct pool *, uint32_t item);

static inline void *
pool_at(const struct pool *pool, uint32_t item)
{
    uint32_t i = item - 1;

    return pool->slabs[i >> POOL_SLAB_SHIFT].items +
           (i & (POOL_SLAB_ITEMS - 1)) * pool->item_bytes;
}

#endif
