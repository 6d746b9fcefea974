/* The list of free things goes both ways, so that the highest can be taken out
 * of its midst. */

#include "flows/flow_pool.h"

static bool can_make(struct flow_pool *);
static struct flow_pool_link *link_of(const struct flow_pool *,
                                      uint32_t number);
static void unlink_free(struct flow_pool *, uint32_t number);

bool
flow_pool_open(struct flow_pool *pool, struct flow_memory *memory, uint32_t max,
               size_t stride, size_t link_at)
{
    *pool = (struct flow_pool){
        .stride = (uint32_t)stride, .link_at = (uint32_t)link_at, .max = max};
    return flow_region_open(&pool->region, memory, stride * (max + (size_t)1));
}

void
flow_pool_close(struct flow_pool *pool)
{
    flow_region_close(&pool->region);
}

bool
flow_pool_reach(struct flow_pool *pool, uint32_t n)
{
    while (pool->n_free < n) {
        if (!can_make(pool)) {
            return false;
        }
        flow_pool_give(pool, ++pool->n);
    }
    return true;
}

uint32_t
flow_pool_next(struct flow_pool *pool)
{
    if (pool->free) {
        return pool->free;
    }
    return can_make(pool) ? pool->n + 1 : 0;
}

uint32_t
flow_pool_take(struct flow_pool *pool)
{
    uint32_t number = flow_pool_next(pool);

    if (number > pool->n) {
        pool->n = number;
    } else if (number) {
        unlink_free(pool, number);
    }
    return number;
}

void
flow_pool_give(struct flow_pool *pool, uint32_t number)
{
    *link_of(pool, number) = (struct flow_pool_link){.next = pool->free};
    if (pool->free) {
        link_of(pool, pool->free)->previous = number;
    }
    pool->free = number;
    pool->n_free++;
}

void
flow_pool_drop_last(struct flow_pool *pool)
{
    unlink_free(pool, pool->n);
    pool->n--;
}

void
flow_pool_clear(struct flow_pool *pool)
{
    flow_region_clear(&pool->region);
    pool->n = pool->n_free = pool->free = 0;
}

void
flow_pool_cut(struct flow_pool *pool, bool is_short)
{
    flow_region_cut(&pool->region, (pool->n + (size_t)1) * pool->stride,
                    is_short);
}

/* Whether there may be one number more. */
static bool
can_make(struct flow_pool *pool)
{
    return pool->n < pool->max &&
           flow_region_reach(&pool->region,
                             (pool->n + (size_t)2) * pool->stride);
}

static struct flow_pool_link *
link_of(const struct flow_pool *pool, uint32_t number)
{
    return (void *)((uint8_t *)flow_pool_at(pool, number) + pool->link_at);
}

static void
unlink_free(struct flow_pool *pool, uint32_t number)
{
    const struct flow_pool_link link = *link_of(pool, number);

    if (link.next) {
        link_of(pool, link.next)->previous = link.previous;
    }
    if (link.previous) {
        link_of(pool, link.previous)->next = link.next;
    } else {
        pool->free = link.next;
    }
    pool->n_free--;
}
