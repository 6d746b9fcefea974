/* Free items of a slab are linked in their first two bytes; slabs with a free
 * item in a list, the one that got room last in front.  See pool.h. */

#include "tools/runtime/pool.h"

#include "flows/flow_memory.h"

#include <string.h>

enum {
    FIRST_SLABS = 8
};

static uint32_t add_slab(struct pool *);
static bool grow(struct pool *);
static void remove_slab(struct pool *, uint32_t number);
static void list(struct pool *, uint32_t number);
static void unlist(struct pool *, uint32_t number);

void
pool_init(struct pool *pool, size_t item_bytes, struct flow_memory *memory)
{
    *pool = (struct pool){.memory = memory, .item_bytes = item_bytes};
}

void
pool_done(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->n_slabs; i++) {
        flow_memory_free(pool->memory, pool->slabs[i].items,
                         POOL_SLAB_ITEMS * pool->item_bytes);
    }
    flow_memory_free(pool->memory, pool->slabs,
                     pool->max_slabs * sizeof *pool->slabs);
}

uint32_t
pool_take(struct pool *pool)
{
    uint32_t number = pool->with_room ? pool->with_room : add_slab(pool);
    struct pool_slab *slab;
    uint8_t *item;
    uint16_t i;

    if (!number) {
        return 0;
    }
    slab = &pool->slabs[number - 1];
    i = slab->free;
    item = slab->items + (i - 1U) * pool->item_bytes;
    memcpy(&slab->free, item, sizeof slab->free);
    memset(item, 0, pool->item_bytes);
    pool->n_empty -= slab->n_used++ == 0;
    if (!slab->free) {
        unlist(pool, number);
    }
    return ((number - 1) << POOL_SLAB_SHIFT) + i;
}

void
pool_give_back(struct pool *pool, uint32_t item)
{
    uint32_t number = ((item - 1) >> POOL_SLAB_SHIFT) + 1;
    struct pool_slab *slab = &pool->slabs[number - 1];

    memcpy(pool_at(pool, item), &slab->free, sizeof slab->free);
    if (!slab->free) {
        list(pool, number);
    }
    slab->free = (uint16_t)(((item - 1) & (POOL_SLAB_ITEMS - 1)) + 1);
    if (--slab->n_used > 0) {
        return;
    }
    if (pool->n_empty > 0) {
        remove_slab(pool, number);
    } else {
        pool->n_empty = 1;
    }
}

static uint32_t
add_slab(struct pool *pool)
{
    size_t bytes = POOL_SLAB_ITEMS * pool->item_bytes;
    uint32_t number = pool->absent ? pool->absent : pool->n_slabs + 1;
    struct pool_slab *slab;

    if (number > pool->max_slabs && !grow(pool)) {
        return 0;
    }
    slab = &pool->slabs[number - 1];
    slab->items = flow_memory_get(pool->memory, bytes);
    if (!slab->items) {
        return 0;
    }
    if (pool->absent) {
        pool->absent = slab->older;
    } else {
        pool->n_slabs++;
    }
    slab->n_used = 0;
    slab->free = 1;
    for (unsigned i = 0; i < POOL_SLAB_ITEMS; i++) {
        uint16_t next = (uint16_t)(i + 1 < POOL_SLAB_ITEMS ? i + 2 : 0);

        memcpy(slab->items + i * pool->item_bytes, &next, sizeof next);
    }
    pool->n_empty++;
    list(pool, number);
    return number;
}

static bool
grow(struct pool *pool)
{
    uint32_t max = pool->max_slabs ? 2 * pool->max_slabs : FIRST_SLABS;
    struct pool_slab *slabs =
        max <= UINT32_MAX >> POOL_SLAB_SHIFT
            ? flow_memory_get(pool->memory, max * sizeof *slabs)
            : NULL;

    if (!slabs) {
        return false;
    }
    memset(slabs, 0, max * sizeof *slabs);
    if (pool->slabs) {
        memcpy(slabs, pool->slabs, pool->n_slabs * sizeof *slabs);
    }
    flow_memory_free(pool->memory, pool->slabs,
                     pool->max_slabs * sizeof *slabs);
    pool->slabs = slabs;
    pool->max_slabs = max;
    return true;
}

static void
remove_slab(struct pool *pool, uint32_t number)
{
    struct pool_slab *slab = &pool->slabs[number - 1];

    unlist(pool, number);
    flow_memory_free(pool->memory, slab->items,
                     POOL_SLAB_ITEMS * pool->item_bytes);
    slab->items = NULL;
    slab->older = pool->absent;
    pool->absent = number;
}

static void
list(struct pool *pool, uint32_t number)
{
    struct pool_slab *slab = &pool->slabs[number - 1];

    slab->newer = 0;
    slab->older = pool->with_room;
    if (slab->older) {
        pool->slabs[slab->older - 1].newer = number;
    }
    pool->with_room = number;
}

static void
unlist(struct pool *pool, uint32_t number)
{
    const struct pool_slab *slab = &pool->slabs[number - 1];

    if (slab->newer) {
        pool->slabs[slab->newer - 1].older = slab->older;
    } else {
        pool->with_room = slab->older;
    }
    if (slab->older) {
        pool->slabs[slab->older - 1].newer = slab->newer;
    }
}
