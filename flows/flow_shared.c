/* Nearly always the value is known already: taking it is one look-up. */

#include "flows/flow_shared.h"

#include "flows/flow_key.h"

#include <string.h>

static uint32_t find(const struct flow_shared *, const void *value,
                     uint32_t hash);
static uint32_t add(struct flow_shared *, const void *value, uint32_t hash);
static struct flow_shared_head *head_at(const struct flow_shared *,
                                        uint32_t number);

bool
flow_shared_open(struct flow_shared *shared, struct flow_memory *memory,
                 uint32_t max, size_t size, uint64_t seed)
{
    size_t head = sizeof(struct flow_shared_head);

    *shared = (struct flow_shared){.size = size, .seed = seed};
    return flow_pool_open(&shared->pool, memory, max, head + size, head) &&
           flow_index_open(&shared->index, &shared->pool) &&
           flow_pool_next(&shared->pool) != 0;
}

void
flow_shared_close(struct flow_shared *shared)
{
    flow_index_close(&shared->index);
    flow_pool_close(&shared->pool);
}

void
flow_shared_clear(struct flow_shared *shared)
{
    flow_pool_clear(&shared->pool);
    flow_index_clear(&shared->index);
}

uint32_t
flow_shared_take(struct flow_shared *shared, const void *value)
{
    uint32_t hash = (uint32_t)flow_hash(value, shared->size, shared->seed);
    uint32_t number = find(shared, value, hash);

    if (!number) {
        number = add(shared, value, hash);
    }
    if (number) {
        head_at(shared, number)->n_holders++;
    }
    return number;
}

/* Free values at the end are dropped at once: there is little churn. */
bool
flow_shared_give(struct flow_shared *shared, uint32_t number)
{
    struct flow_pool *pool = &shared->pool;

    if (--head_at(shared, number)->n_holders > 0) {
        return false;
    }
    flow_index_remove(&shared->index, number);
    flow_pool_give(pool, number);
    if (number == pool->n) {
        while (pool->n > 0 && head_at(shared, pool->n)->n_holders == 0) {
            flow_pool_drop_last(pool);
        }
        flow_index_shrink(&shared->index, pool->n);
        flow_pool_cut(pool, false);
    }
    return true;
}

static uint32_t
find(const struct flow_shared *shared, const void *value, uint32_t hash)
{
    uint32_t number = *flow_index_head(&shared->index, hash);

    while (number) {
        const struct flow_shared_head *head = head_at(shared, number);

        if (head->link.hash == hash &&
            memcmp(head + 1, value, shared->size) == 0) {
            break;
        }
        number = head->link.chain;
    }
    return number;
}

static uint32_t
add(struct flow_shared *shared, const void *value, uint32_t hash)
{
    uint32_t number = flow_pool_next(&shared->pool);
    struct flow_shared_head *head;

    if (!number ||
        (number > shared->pool.n && !flow_index_grow(&shared->index, number))) {
        return 0;
    }
    flow_pool_take(&shared->pool);
    head = head_at(shared, number);
    head->n_holders = 0;
    memcpy(head + 1, value, shared->size);
    flow_index_add(&shared->index, number, hash);
    return number;
}

static struct flow_shared_head *
head_at(const struct flow_shared *shared, uint32_t number)
{
    return flow_pool_at(&shared->pool, number);
}
