/* Chain numbers are the low bits of the hash, one bit more for those chains
 * that were split already. */

#include "flows/flow_index.h"

enum {
    AHEAD = 8 /* Splits: a packet or more each. */
};

static void set_size(struct flow_index *, uint32_t n);
static void split_for(struct flow_index *, uint32_t new_chain);
static inline void look_ahead(const struct flow_index *, uint32_t chain);
static void join(struct flow_index *, uint32_t chain);
static uint32_t *head_at(const struct flow_index *, uint32_t chain);
static uint32_t split_off(uint32_t chain);
static uint32_t *link_to(const struct flow_index *, uint32_t hash,
                         uint32_t number);

bool
flow_index_open(struct flow_index *index, const struct flow_pool *pool)
{
    *index = (struct flow_index){.pool = pool};
    /* The first head is there before the first chain is: of none. */
    return flow_region_open(&index->heads, pool->region.memory,
                            (pool->max + (size_t)1) * sizeof(uint32_t)) &&
           flow_region_reach(&index->heads, sizeof(uint32_t));
}

void
flow_index_close(struct flow_index *index)
{
    flow_region_close(&index->heads);
}

void
flow_index_clear(struct flow_index *index)
{
    flow_region_clear(&index->heads);
    set_size(index, 0);
}

void
flow_index_add(struct flow_index *index, uint32_t number, uint32_t hash)
{
    uint32_t *head = flow_index_head(index, hash);

    *flow_index_at(index, number) = (struct flow_index_link){hash, *head};
    *head = number;
}

void
flow_index_remove(struct flow_index *index, uint32_t number)
{
    const struct flow_index_link *gone = flow_index_at(index, number);

    *link_to(index, gone->hash, number) = gone->chain;
}

void
flow_index_moved(struct flow_index *index, uint32_t from, uint32_t to)
{
    *link_to(index, flow_index_at(index, to)->hash, from) = to;
}

bool
flow_index_grow(struct flow_index *index, uint32_t n)
{
    if (!flow_region_reach(&index->heads, n * sizeof(uint32_t))) {
        return false;
    }
    while (index->n < n) {
        uint32_t chain = index->n;

        set_size(index, chain + 1);
        *head_at(index, chain) = 0;
        if (chain > 0) {
            split_for(index, chain);
            look_ahead(index, chain);
        }
    }
    return true;
}

void
flow_index_shrink(struct flow_index *index, uint32_t n)
{
    while (index->n > n) {
        uint32_t last = index->n - 1;

        if (last > 0) {
            join(index, last);
        }
        set_size(index, last);
    }
    flow_region_cut(&index->heads, (n + (size_t)1) * sizeof(uint32_t), false);
}

static void
set_size(struct flow_index *index, uint32_t n)
{
    index->n = n;
    index->mask = n > 1 ? UINT32_MAX >> __builtin_clz(n - 1) : 0;
}

/* The new chain takes its things from the one it is split off. */
static void
split_for(struct flow_index *index, uint32_t new_chain)
{
    uint32_t *keep = head_at(index, split_off(new_chain));
    uint32_t *move = head_at(index, new_chain);
    uint32_t number = *keep;

    while (number) {
        struct flow_index_link *link = flow_index_at(index, number);

        if (flow_index_head(index, link->hash) == head_at(index, new_chain)) {
            *move = number;
            move = &link->chain;
        } else {
            *keep = number;
            keep = &link->chain;
        }
        number = link->chain;
    }
    *keep = 0;
    *move = 0;
}

/* Chains are split in their order, so the things of those whose turn comes can
 * be on their way: the first of a chain, then the second.  Whatever chain that
 * is, it is split off one no higher than this.  Always inline, because gcc
 * drops calls of functions that do nothing but this. */
__attribute__((always_inline)) static inline void
look_ahead(const struct flow_index *index, uint32_t chain)
{
    uint32_t next = *head_at(index, split_off(chain + AHEAD));
    uint32_t later = *head_at(index, split_off(chain + 2 * AHEAD));

    __builtin_prefetch(flow_index_at(index, flow_index_at(index, next)->chain),
                       1);
    __builtin_prefetch(flow_index_at(index, later), 1);
}

/* The reverse. */
static void
join(struct flow_index *index, uint32_t chain)
{
    uint32_t *end = head_at(index, split_off(chain));

    while (*end) {
        end = &flow_index_at(index, *end)->chain;
    }
    *end = *head_at(index, chain);
}

static uint32_t *
head_at(const struct flow_index *index, uint32_t chain)
{
    return (uint32_t *)(void *)index->heads.base + chain;
}

/* The chain from which this one, not the first, was split. */
static uint32_t
split_off(uint32_t chain)
{
    return chain & ~(UINT32_C(1) << (31 - __builtin_clz(chain)));
}

static uint32_t *
link_to(const struct flow_index *index, uint32_t hash, uint32_t number)
{
    uint32_t *link = flow_index_head(index, hash);

    while (*link != number) {
        link = &flow_index_at(index, *link)->chain;
    }
    return link;
}
