/* Where flows are kept and found: slabs of entries, and an index over them.
 *
 * The index is a linear hash: it has as many chains as slots were ever used and
 * splits one chain for each new slot, so it grows without a pause and its load
 * is never above one.  A slab holds the entries, their index nodes and its
 * share of the chains' heads.
 *
 * A lookup costs the line of the chain's head, the line of the node, and the
 * entry's own. */

#ifndef FLOWS_FLOW_STORE_H
#define FLOWS_FLOW_STORE_H

#include "flows/flow.h"
#include "flows/flow_memory.h"
#include "flows/flow_parts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FLOW_CHUNK_SHIFT = 8,
    FLOW_CHUNK_FLOWS = 1 << FLOW_CHUNK_SHIFT,
    FLOW_NO_SLOT = 0 /* Slots are numbered from 1. */
};

/* One per flow, beside its entry: what finding and ordering flows touches. */
struct flow_node {
    uint32_t hash;
    uint32_t chain; /* Next slot in the chain, or in the free list. */
    uint32_t older; /* Neighbours in the queue of flow_expiry.h. */
    uint32_t newer;
};

struct flow_chunk {
    struct flow_slab slab;
    uint32_t head[FLOW_CHUNK_FLOWS];
    struct flow_node node[FLOW_CHUNK_FLOWS];
};

struct flow_store {
    struct flow_memory memory;
    struct flow_parts parts;
    struct flow_table *table;
    struct flow_chunk **chunk;
    uint32_t n_chunks, max_chunks;
    uint32_t n_slots; /* Ever used: the number of chains. */
    uint32_t n_flows; /* Alive. */
    uint32_t max_flows;
    uint32_t free; /* First free slot. */
    uint32_t stride;
    uint64_t seed;
};

void flow_store_init(struct flow_store *, struct flow_table *, size_t limit,
                     size_t max_flows, size_t user_bytes);
void flow_store_done(struct flow_store *);

/* The least that flow_store_begin() allocates. */
size_t flow_store_least_bytes(const struct flow_store *);

/* Allocates the first slab of flows and of parts: from then on a store without
 * flows has room for one.  Returns false if memory is short. */
bool flow_store_begin(struct flow_store *);

static inline struct flow_node *
flow_store_node(const struct flow_store *store, uint32_t slot)
{
    uint32_t i = slot - 1;

    return &store->chunk[i >> FLOW_CHUNK_SHIFT]
                ->node[i & (FLOW_CHUNK_FLOWS - 1)];
}

static inline struct flow *
flow_store_flow(const struct flow_store *store, uint32_t slot)
{
    uint32_t i = slot - 1;
    uint8_t *entries = (uint8_t *)(store->chunk[i >> FLOW_CHUNK_SHIFT] + 1);

    return (struct flow *)(void *)(entries + (size_t)store->stride *
                                                 (i & (FLOW_CHUNK_FLOWS - 1)));
}

/* Returns FLOW_NO_SLOT if there is no such flow. */
uint32_t flow_store_find(const struct flow_store *, const struct flow_key *,
                         uint32_t hash);

/* A zeroed entry with that key, or FLOW_NO_SLOT when the store is full. */
uint32_t flow_store_add(struct flow_store *, const struct flow_key *,
                        uint32_t hash);
void flow_store_remove(struct flow_store *, uint32_t slot);

/* Of an entry of a slot up to n_slots. */
static inline bool
flow_store_is_live(const struct flow *flow)
{
    return flow->chunk_at != 0;
}

void flow_store_prefetch(const struct flow_store *, uint32_t hash);

#endif
