/* Where flows are kept and found: entries in slots, and an index over them.
 *
 * A lookup costs the line of the chain's head, the line of the node, and the
 * entry's own.  Slots are used from the lowest; flow_store_drop_last() moves
 * the last flow to a free slot, which is how a store becomes smaller. */

#ifndef FLOWS_FLOW_STORE_H
#define FLOWS_FLOW_STORE_H

#include "flows/flow.h"
#include "flows/flow_index.h"
#include "flows/flow_memory.h"
#include "flows/flow_parts.h"
#include "flows/flow_places.h"
#include "flows/flow_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FLOW_NO_SLOT = 0,        /* Slots are numbered from 1; in place of the first
                              * entry is struct flow_home. */
    FLOW_STORE_MAX = 1 << 26 /* Flows in one store: FLOW_TABLE_MAX. */
};

/* One per flow, beside its entry: what finding and ordering flows touches. */
struct flow_node {
    struct flow_index_link link;
    union {
        struct {
            uint32_t older; /* Neighbours in the queue of flow_expiry.h. */
            uint32_t newer;
        };
        struct flow_pool_link free;
    };
};

static_assert(sizeof(struct flow_node) == 16, "four in a cache line");
static_assert(sizeof(struct flow_home) <= sizeof(struct flow), "of slot 0");

struct flow_store {
    struct flow_memory memory;
    struct flow_pool nodes;
    struct flow_index index;
    struct flow_region entries;
    struct flow_parts parts;
    struct flow_places places;
    uint32_t max_flows;
    uint32_t stride;
};

void flow_store_init(struct flow_store *, size_t limit, size_t max_flows,
                     size_t user_bytes);
void flow_store_done(struct flow_store *);

/* The least that flow_store_begin() allocates. */
size_t flow_store_least_bytes(const struct flow_store *);

/* From then on a store without flows has room for one.  Returns false if memory
 * is short. */
bool flow_store_begin(struct flow_store *, struct flow_table *, uint64_t seed);

static inline uint32_t
flow_store_n_flows(const struct flow_store *store)
{
    return flow_pool_used(&store->nodes);
}

static inline struct flow_node *
flow_store_node(const struct flow_store *store, uint32_t slot)
{
    return (struct flow_node *)(void *)store->nodes.region.base + slot;
}

static inline struct flow *
flow_store_flow(const struct flow_store *store, uint32_t slot)
{
    return (struct flow *)(void *)(store->entries.base +
                                   (size_t)store->stride * slot);
}

/* Returns FLOW_NO_SLOT if there is no such flow. */
static inline uint32_t
flow_store_find(const struct flow_store *store, const struct flow_key *key,
                uint32_t hash)
{
    uint32_t slot = *flow_index_head(&store->index, hash);

    while (slot) {
        const struct flow_node *node = flow_store_node(store, slot);

        if (node->link.hash == hash &&
            flow_key_equal(&flow_store_flow(store, slot)->key, key)) {
            break;
        }
        slot = node->link.chain;
    }
    return slot;
}

/* A zeroed entry with that key and the packet's place, or FLOW_NO_SLOT when the
 * store is full. */
uint32_t flow_store_add(struct flow_store *, const struct flow_ends *,
                        uint32_t hash, const struct packet *);
void flow_store_remove(struct flow_store *, uint32_t slot);

/* When every flow goes: each is only forgotten, and then all is cleared.  In
 * between, no flow can be found. */
void flow_store_forget(struct flow_store *, uint32_t slot);
void flow_store_clear(struct flow_store *);

/* Moves the flow in the last slot to a free one, if it is not free itself, and
 * drops the slot.  Returns where the flow is now; FLOW_NO_SLOT if there was
 * none. */
uint32_t flow_store_drop_last(struct flow_store *);

/* Gives back memory that nothing is in; see flow_region_cut(). */
void flow_store_cut(struct flow_store *, bool is_short);

/* Of an entry of a slot that was ever used. */
static inline bool
flow_store_is_live(const struct flow *flow)
{
    return flow->at != 0;
}

/* In two steps, the second with the lines of the first: the first node of the
 * chain, and the entry that flow_store_find() would look at. */
static inline void
flow_store_prefetch_node(const struct flow_store *store, uint32_t hash)
{
    uint32_t slot = *flow_index_head(&store->index, hash);

    __builtin_prefetch(flow_store_node(store, slot), 1);
}

static inline void
flow_store_prefetch_flow(const struct flow_store *store, uint32_t hash)
{
    uint32_t slot = *flow_index_head(&store->index, hash);
    const char *flow;

    while (slot && flow_store_node(store, slot)->link.hash != hash) {
        slot = flow_store_node(store, slot)->link.chain;
    }
    flow = (const char *)flow_store_flow(store, slot);
    __builtin_prefetch(flow, 1);
    __builtin_prefetch(flow + 64, 1);
}

#endif
