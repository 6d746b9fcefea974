/* Linear hashing, after Litwin (1980): chain numbers are the low bits of the
 * hash, one bit more for those chains that were split already. */

#include "flows/flow_store.h"

#include <string.h>

enum {
    FIRST_CHUNKS = 16 /* Places in the first directory. */
};

static uint32_t *head_of(const struct flow_store *, uint32_t chain);
static uint32_t chain_of(const struct flow_store *, uint32_t hash);
static void split_for(struct flow_store *, uint32_t new_chain);
static uint32_t new_slot(struct flow_store *, const struct flow_key *);
static size_t chunk_bytes(const struct flow_store *);
static bool grow(struct flow_store *);
static bool grow_directory(struct flow_store *);

void
flow_store_init(struct flow_store *store, struct flow_table *table,
                size_t limit, size_t max_flows, size_t user_bytes)
{
    size_t max = UINT32_MAX - FLOW_CHUNK_FLOWS;

    *store = (struct flow_store){
        .table = table,
        .memory = {.limit = limit},
        .max_flows = (uint32_t)(max_flows < max ? max_flows : max),
        .stride = (uint32_t)((sizeof(struct flow) + user_bytes + 7) / 8 * 8),
    };
    flow_parts_init(&store->parts, &store->memory);
}

void
flow_store_done(struct flow_store *store)
{
    size_t bytes = chunk_bytes(store);

    flow_parts_done(&store->parts);
    for (uint32_t i = 0; i < store->n_chunks; i++) {
        flow_memory_free(&store->memory, store->chunk[i], bytes);
    }
    flow_memory_free(&store->memory, store->chunk,
                     store->max_chunks * sizeof(void *));
}

size_t
flow_store_least_bytes(const struct flow_store *store)
{
    return chunk_bytes(store) + FIRST_CHUNKS * sizeof(void *) +
           flow_parts_least_bytes();
}

bool
flow_store_begin(struct flow_store *store)
{
    return grow(store) && flow_parts_begin(&store->parts);
}

uint32_t
flow_store_find(const struct flow_store *store, const struct flow_key *key,
                uint32_t hash)
{
    uint32_t slot;

    if (store->n_slots == 0) {
        return FLOW_NO_SLOT;
    }
    slot = *head_of(store, chain_of(store, hash));
    while (slot) {
        const struct flow_node *node = flow_store_node(store, slot);

        if (node->hash == hash &&
            flow_key_equal(&flow_store_flow(store, slot)->key, key)) {
            return slot;
        }
        slot = node->chain;
    }
    return FLOW_NO_SLOT;
}

uint32_t
flow_store_add(struct flow_store *store, const struct flow_key *key,
               uint32_t hash)
{
    struct flow_node *node;
    struct flow *flow;
    uint32_t slot;
    uint32_t *head;
    uint32_t chunk_at;

    if (store->n_flows >= store->max_flows) {
        return FLOW_NO_SLOT;
    }
    slot = store->free;
    if (slot) {
        if (!flow_parts_reserve(&store->parts, key)) {
            return FLOW_NO_SLOT;
        }
        store->free = flow_store_node(store, slot)->chain;
    } else {
        slot = new_slot(store, key);
        if (!slot) {
            return FLOW_NO_SLOT;
        }
    }
    store->n_flows++;
    head = head_of(store, chain_of(store, hash));
    node = flow_store_node(store, slot);
    *node = (struct flow_node){.hash = hash, .chain = *head};
    *head = slot;
    flow = flow_store_flow(store, slot);
    chunk_at = (uint32_t)sizeof(struct flow_chunk) +
               store->stride * ((slot - 1) & (FLOW_CHUNK_FLOWS - 1));
    memset(flow, 0, store->stride);
    flow->key = *key;
    flow->chunk_at = chunk_at;
    return slot;
}

void
flow_store_remove(struct flow_store *store, uint32_t slot)
{
    struct flow_node *node = flow_store_node(store, slot);
    uint32_t *link = head_of(store, chain_of(store, node->hash));

    while (*link != slot) {
        link = &flow_store_node(store, *link)->chain;
    }
    *link = node->chain;
    flow_parts_drop(&store->parts, flow_store_flow(store, slot));
    flow_store_flow(store, slot)->chunk_at = 0;
    node->chain = store->free;
    store->free = slot;
    store->n_flows--;
}

void
flow_store_prefetch(const struct flow_store *store, uint32_t hash)
{
    uint32_t slot;

    if (store->n_slots == 0) {
        return;
    }
    slot = *head_of(store, chain_of(store, hash));
    if (slot) {
        const char *flow = (const char *)flow_store_flow(store, slot);

        __builtin_prefetch(flow_store_node(store, slot), 1);
        __builtin_prefetch(flow, 1);
        __builtin_prefetch(flow + 64, 1);
    }
}

static uint32_t *
head_of(const struct flow_store *store, uint32_t chain)
{
    return &store->chunk[chain >> FLOW_CHUNK_SHIFT]
                ->head[chain & (FLOW_CHUNK_FLOWS - 1)];
}

static uint32_t
chain_of(const struct flow_store *store, uint32_t hash)
{
    uint32_t n = store->n_slots;
    uint32_t mask = UINT32_MAX >> __builtin_clz(n);
    uint32_t chain = hash & mask;

    return chain < n ? chain : chain & (mask >> 1);
}

/* Never used slots become chains as well: the new chain takes its flows from
 * the one it was split off. */
static uint32_t
new_slot(struct flow_store *store, const struct flow_key *key)
{
    uint32_t n = store->n_slots;

    if (n >> FLOW_CHUNK_SHIFT == store->n_chunks && !grow(store)) {
        return FLOW_NO_SLOT;
    }
    if (!flow_parts_reserve(&store->parts, key)) {
        return FLOW_NO_SLOT;
    }
    store->n_slots = n + 1;
    *head_of(store, n) = FLOW_NO_SLOT;
    if (n > 0) {
        split_for(store, n);
    }
    return n + 1;
}

static void
split_for(struct flow_store *store, uint32_t new_chain)
{
    uint32_t high_bit = UINT32_C(1) << (31 - __builtin_clz(new_chain));
    uint32_t *keep = head_of(store, new_chain & (high_bit - 1));
    uint32_t *move = head_of(store, new_chain);
    uint32_t slot = *keep;

    while (slot) {
        struct flow_node *node = flow_store_node(store, slot);

        if (chain_of(store, node->hash) == new_chain) {
            *move = slot;
            move = &node->chain;
        } else {
            *keep = slot;
            keep = &node->chain;
        }
        slot = node->chain;
    }
    *keep = FLOW_NO_SLOT;
    *move = FLOW_NO_SLOT;
}

static size_t
chunk_bytes(const struct flow_store *store)
{
    return sizeof(struct flow_chunk) + (size_t)store->stride * FLOW_CHUNK_FLOWS;
}

static bool
grow(struct flow_store *store)
{
    struct flow_chunk *chunk;

    if (store->n_chunks == store->max_chunks && !grow_directory(store)) {
        return false;
    }
    chunk = flow_memory_get(&store->memory, chunk_bytes(store));
    if (!chunk) {
        return false;
    }
    chunk->slab = (struct flow_slab){
        .table = store->table,
        .parts = &store->parts,
    };
    store->chunk[store->n_chunks++] = chunk;
    return true;
}

static bool
grow_directory(struct flow_store *store)
{
    uint32_t old = store->max_chunks;
    uint32_t n = old ? 2 * old : FIRST_CHUNKS;
    struct flow_chunk **chunk;

    chunk = flow_memory_get(&store->memory, n * sizeof(void *));
    if (!chunk) {
        return false;
    }
    if (old) {
        memcpy(chunk, store->chunk, old * sizeof(void *));
    }
    flow_memory_free(&store->memory, store->chunk, old * sizeof(void *));
    store->chunk = chunk;
    store->max_chunks = n;
    return true;
}
