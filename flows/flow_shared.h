/* Values that many things have in common: each kept once, by number, and
 * counted.
 *
 * A value lives as long as somebody has it.  Belongs to one table, within its
 * memory limit. */

#ifndef FLOWS_FLOW_SHARED_H
#define FLOWS_FLOW_SHARED_H

#include "flows/flow_index.h"
#include "flows/flow_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_shared {
    struct flow_pool pool;
    struct flow_index index;
    size_t size; /* Of a value. */
    uint64_t seed;
};

/* Before each value. */
struct flow_shared_head {
    struct flow_index_link link;
    uint32_t n_holders; /* 0: it is free. */
};

/* Nobody holds a value any more. */
void flow_shared_clear(struct flow_shared *);

/* Values of 'size' bytes, at least 8, compared and hashed as bytes and aligned
 * to four. */
bool flow_shared_open(struct flow_shared *, struct flow_memory *, uint32_t max,
                      size_t size, uint64_t seed);
void flow_shared_close(struct flow_shared *); /* Accepts a zeroed one. */

/* The value's number, for one holder more; 0 if memory is short. */
uint32_t flow_shared_take(struct flow_shared *, const void *value);

/* For one holder less; true if it was the last. */
bool flow_shared_give(struct flow_shared *, uint32_t number);

static inline uint32_t
flow_shared_holders(const struct flow_shared *shared, uint32_t number)
{
    const struct flow_shared_head *head = flow_pool_at(&shared->pool, number);

    return head->n_holders;
}

static inline const void *
flow_shared_at(const struct flow_shared *shared, uint32_t number)
{
    return (const struct flow_shared_head *)flow_pool_at(&shared->pool,
                                                         number) +
           1;
}

#endif
