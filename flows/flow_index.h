/* Finding the things of a pool by a hash: a linear hash (Litwin 1980).
 *
 * It has as many chains as the pool has numbers and splits or joins one chain
 * when there is one number more or less, so it grows and shrinks without a
 * pause and its load is never above one.  What it links is in the things
 * themselves: each begins with a struct flow_index_link. */

#ifndef FLOWS_FLOW_INDEX_H
#define FLOWS_FLOW_INDEX_H

#include "flows/flow_pool.h"

#include <stdbool.h>
#include <stdint.h>

struct flow_index_link {
    uint32_t hash;
    uint32_t chain; /* The next in the chain; 0: none. */
};

struct flow_index {
    struct flow_region heads;
    const struct flow_pool *pool; /* Borrowed; open. */
    uint32_t n;                   /* Chains. */
    uint32_t mask;                /* All bits that chain numbers have. */
};

bool flow_index_open(struct flow_index *, const struct flow_pool *);
void flow_index_close(struct flow_index *); /* Accepts a zeroed one. */

static inline struct flow_index_link *
flow_index_at(const struct flow_index *index, uint32_t number)
{
    return flow_pool_at(index->pool, number);
}

/* Of a pool that was cleared. */
void flow_index_clear(struct flow_index *);

/* Where the chain of things with such a hash begins. */
static inline uint32_t *
flow_index_head(const struct flow_index *index, uint32_t hash)
{
    uint32_t chain = hash & index->mask;

    if (chain >= index->n) {
        chain &= index->mask >> 1;
    }
    return (uint32_t *)(void *)index->heads.base + chain;
}

void flow_index_add(struct flow_index *, uint32_t number, uint32_t hash);
void flow_index_remove(struct flow_index *, uint32_t number);

/* The thing was copied from one number to another. */
void flow_index_moved(struct flow_index *, uint32_t from, uint32_t to);

/* Makes chains until there are 'n'; false if memory is short. */
bool flow_index_grow(struct flow_index *, uint32_t n);

/* Joins the last chains to those they were split off until there are no more
 * than 'n'. */
void flow_index_shrink(struct flow_index *, uint32_t n);

#endif
