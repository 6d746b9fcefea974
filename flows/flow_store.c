/* Nodes, entries and the heads of chains are arrays of their own, all by slot:
 * what belongs together in one walk is close together. */

#include "flows/flow_store.h"

#include <string.h>

static struct flow_home *home_of(const struct flow_store *);
static uint32_t make_slot(struct flow_store *);
static size_t entry_at(const struct flow_store *, uint32_t slot);

void
flow_store_init(struct flow_store *store, size_t limit, size_t max_flows,
                size_t user_bytes)
{
    size_t units = (sizeof(struct flow) + user_bytes + 7) / 8;
    size_t max = UINT32_MAX / units - 1; /* So 'at' has room. */

    max = max < FLOW_STORE_MAX ? max : FLOW_STORE_MAX;
    *store = (struct flow_store){
        .memory = {.limit = limit},
        .max_flows = (uint32_t)(max_flows < max ? max_flows : max),
        .stride = (uint32_t)(units * 8),
    };
}

void
flow_store_done(struct flow_store *store)
{
    flow_places_close(&store->places);
    flow_parts_close(&store->parts);
    flow_region_close(&store->entries);
    flow_index_close(&store->index);
    flow_pool_close(&store->nodes);
}

/* One step of each of: nodes, heads, entries, parts; places, their heads, and
 * both once more for where they are. */
size_t
flow_store_least_bytes(const struct flow_store *store)
{
    return 8 * FLOW_REGION_STEP + entry_at(store, 2);
}

bool
flow_store_begin(struct flow_store *store, struct flow_table *table,
                 uint64_t seed)
{
    struct flow_memory *memory = &store->memory;

    if (!flow_pool_open(&store->nodes, memory, store->max_flows,
                        sizeof(struct flow_node),
                        offsetof(struct flow_node, free)) ||
        !flow_pool_next(&store->nodes) ||
        !flow_index_open(&store->index, &store->nodes) ||
        !flow_region_open(&store->entries, memory,
                          entry_at(store, store->max_flows + 1)) ||
        !flow_region_reach(&store->entries, entry_at(store, 2)) ||
        !flow_parts_open(&store->parts, memory, store->max_flows) ||
        !flow_places_open(&store->places, memory, store->max_flows, seed)) {
        return false;
    }
    *home_of(store) = (struct flow_home){
        .table = table,
        .parts = &store->parts,
        .places = &store->places,
    };
    return true;
}

uint32_t
flow_store_add(struct flow_store *store, const struct flow_ends *ends,
               uint32_t hash, const struct packet *p)
{
    uint32_t slot = make_slot(store);
    uint32_t place;
    struct flow *flow;

    if (!slot) {
        return FLOW_NO_SLOT;
    }
    place = flow_places_take(&store->places, p, ends->sender);
    if (!place) {
        return FLOW_NO_SLOT;
    }
    flow_pool_take(&store->nodes);
    flow_index_add(&store->index, slot, hash);
    flow = flow_store_flow(store, slot);
    *flow = (struct flow){
        .key = ends->key,
        .at = (uint32_t)(entry_at(store, slot) / sizeof(uint64_t)),
        .parts = FLOW_PARTS_END | slot,
        .place = place,
    };
    memset(flow + 1, 0, store->stride - sizeof *flow);
    return slot;
}

void
flow_store_remove(struct flow_store *store, uint32_t slot)
{
    struct flow *flow = flow_store_flow(store, slot);

    flow_index_remove(&store->index, slot);
    flow_parts_drop(&store->parts, flow);
    flow_places_give(&store->places, flow->place);
    flow_store_forget(store, slot);
}

void
flow_store_forget(struct flow_store *store, uint32_t slot)
{
    flow_store_flow(store, slot)->at = 0;
    flow_pool_give(&store->nodes, slot);
}

void
flow_store_clear(struct flow_store *store)
{
    struct flow_home home = *home_of(store);

    flow_pool_clear(&store->nodes);
    flow_index_clear(&store->index);
    flow_region_clear(&store->entries);
    flow_parts_clear(&store->parts);
    flow_places_clear(&store->places);
    *home_of(store) = home;
}

uint32_t
flow_store_drop_last(struct flow_store *store)
{
    uint32_t last = store->nodes.n;
    struct flow *from = flow_store_flow(store, last);
    uint32_t slot = FLOW_NO_SLOT;

    if (flow_store_is_live(from)) {
        struct flow *to;

        slot = flow_pool_take(&store->nodes);
        to = flow_store_flow(store, slot);
        *flow_store_node(store, slot) = *flow_store_node(store, last);
        flow_index_moved(&store->index, last, slot);
        memcpy(to, from, store->stride);
        to->at = (uint32_t)(entry_at(store, slot) / sizeof(uint64_t));
        flow_parts_follow(&store->parts, to, slot);
        from->at = 0;
        flow_pool_give(&store->nodes, last);
    }
    flow_pool_drop_last(&store->nodes);
    flow_index_shrink(&store->index, store->nodes.n);
    return slot;
}

void
flow_store_cut(struct flow_store *store, bool is_short)
{
    flow_pool_cut(&store->nodes, is_short);
    flow_pool_cut(&store->parts.pool, is_short);
    flow_region_cut(&store->entries, entry_at(store, store->nodes.n + 1),
                    is_short);
}

static struct flow_home *
home_of(const struct flow_store *store)
{
    return (void *)store->entries.base;
}

/* The slot that flow_pool_take() gives next, with all it needs. */
static uint32_t
make_slot(struct flow_store *store)
{
    uint32_t slot = flow_pool_next(&store->nodes);

    if (slot > store->nodes.n &&
        (!flow_region_reach(&store->entries, entry_at(store, slot + 1)) ||
         !flow_index_grow(&store->index, slot))) {
        return FLOW_NO_SLOT;
    }
    return slot;
}

/* In bytes from the store's beginning. */
static size_t
entry_at(const struct flow_store *store, uint32_t slot)
{
    return (size_t)store->stride * slot;
}
