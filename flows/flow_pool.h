/* Things of one size, numbered from 1, that come and go.
 *
 * Free numbers are used again before new ones are made, and the highest can be
 * dropped when it is free: whoever moves what is there to a lower number can
 * make a pool as small as what it holds.  Pointers are good until the thing is
 * moved; the pool itself moves nothing. */

#ifndef FLOWS_FLOW_POOL_H
#define FLOWS_FLOW_POOL_H

#include "flows/flow_region.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_pool {
    struct flow_region region;
    uint32_t stride;
    uint32_t link_at; /* Where in a free thing its struct flow_pool_link is. */
    uint32_t n;       /* Numbers made: 1 to n. */
    uint32_t n_free;  /* Of these. */
    uint32_t free;    /* The first of these. */
    uint32_t max;
};

/* Neighbours in the list of free things; 0: none. */
struct flow_pool_link {
    uint32_t next, previous;
};

bool flow_pool_open(struct flow_pool *, struct flow_memory *, uint32_t max,
                    size_t stride, size_t link_at);
void flow_pool_close(struct flow_pool *); /* Accepts a zeroed one. */

static inline void *
flow_pool_at(const struct flow_pool *pool, uint32_t number)
{
    return pool->region.base + (size_t)pool->stride * number;
}

static inline uint32_t
flow_pool_used(const struct flow_pool *pool)
{
    return pool->n - pool->n_free;
}

/* Makes sure there are 'n' free numbers; false if memory is short. */
bool flow_pool_reach(struct flow_pool *, uint32_t n);

/* The number that flow_pool_take() gives; 0 if memory is short. */
uint32_t flow_pool_next(struct flow_pool *);

/* A number, of a thing with anything in it; 0 if memory is short. */
uint32_t flow_pool_take(struct flow_pool *);
void flow_pool_give(struct flow_pool *, uint32_t number);

/* The highest number, which is free, is no more. */
void flow_pool_drop_last(struct flow_pool *);

/* All numbers are gone. */
void flow_pool_clear(struct flow_pool *);

/* Gives back memory past the highest number; see flow_region_cut(). */
void flow_pool_cut(struct flow_pool *, bool is_short);

#endif
