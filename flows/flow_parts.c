/* Parts are known by 32-bit number, so that a flow's chain costs it four bytes.
 */

#include "flows/flow_parts.h"

enum {
    NO_SLOT = 0
};

static uint32_t *link_to(const struct flow_parts *, struct flow *,
                         uint32_t number);

bool
flow_parts_open(struct flow_parts *parts, struct flow_memory *memory,
                uint32_t max_flows)
{
    uint32_t max = max_flows * (FLOW_N_PART_TYPES - 1) + FLOW_PARTS_READY;

    return flow_pool_open(&parts->pool, memory, max, sizeof(struct flow_part),
                          offsetof(struct flow_part, free)) &&
           flow_pool_reach(&parts->pool, FLOW_PARTS_READY);
}

void
flow_parts_close(struct flow_parts *parts)
{
    flow_pool_close(&parts->pool);
}

void
flow_parts_clear(struct flow_parts *parts)
{
    flow_pool_clear(&parts->pool);
    flow_pool_reach(&parts->pool, FLOW_PARTS_READY); /* The first step has. */
}

void
flow_parts_drop(struct flow_parts *parts, struct flow *flow)
{
    while (!(flow->parts & FLOW_PARTS_END)) {
        uint32_t number = flow->parts;
        struct flow_part *part = flow_parts_at(parts, number);

        flow->parts = part->next;
        part->type = FLOW_PART_FREE;
        flow_pool_give(&parts->pool, number);
    }
}

void
flow_parts_follow(struct flow_parts *parts, struct flow *flow, uint32_t slot)
{
    uint32_t *end = &flow->parts;

    while (!(*end & FLOW_PARTS_END)) {
        end = &flow_parts_at(parts, *end)->next;
    }
    *end = FLOW_PARTS_END | slot;
}

uint32_t
flow_parts_owner(const struct flow_parts *parts, uint32_t number)
{
    if (flow_parts_at(parts, number)->type == FLOW_PART_FREE) {
        return NO_SLOT;
    }
    while (!(number & FLOW_PARTS_END)) {
        number = flow_parts_at(parts, number)->next;
    }
    return number & ~FLOW_PARTS_END;
}

void
flow_parts_drop_last(struct flow_parts *parts, struct flow *owner)
{
    uint32_t last = parts->pool.n;
    uint32_t to;

    if (owner) {
        to = flow_pool_take(&parts->pool);
        *link_to(parts, owner, last) = to;
        *flow_parts_at(parts, to) = *flow_parts_at(parts, last);
        flow_parts_at(parts, last)->type = FLOW_PART_FREE;
        flow_pool_give(&parts->pool, last);
    }
    flow_pool_drop_last(&parts->pool);
}

/* A dialogue stays first: most packets want it. */
struct flow_part *
flow_part_get(struct flow *flow, enum flow_part_type type)
{
    struct flow_parts *parts = flow_home_of(flow)->parts;
    struct flow_part *part = flow_parts_find(parts, flow, type);
    uint32_t *link = &flow->parts;
    uint32_t number;

    if (part) {
        return part;
    }
    if (type == FLOW_PART_DIALOGUE) {
        flow->marks |= FLOW_MARK_DIALOGUE;
    } else if (flow->marks & FLOW_MARK_DIALOGUE) {
        link = &flow_parts_at(parts, flow->parts)->next;
    }
    number = flow_pool_take(&parts->pool);
    part = flow_parts_at(parts, number);
    *part = (struct flow_part){.type = (uint8_t)type, .next = *link};
    *link = number;
    return part;
}

static uint32_t *
link_to(const struct flow_parts *parts, struct flow *flow, uint32_t number)
{
    uint32_t *link = &flow->parts;

    while (*link != number) {
        link = &flow_parts_at(parts, *link)->next;
    }
    return link;
}
