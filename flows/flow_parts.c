/* Parts are handed out by 32-bit handle, one past the index, so that a flow's
 * chain costs it four bytes. */

#include "flows/flow_parts.h"

#include "flows/flow_memory.h"

#include <string.h>

enum {
    SLAB_SHIFT = FLOW_PARTS_SLAB_SHIFT,
    SLAB_PARTS = 1 << SLAB_SHIFT,
    FIRST_SLABS = 16 /* Places in the first directory. */
};

static bool grow(struct flow_parts *);
static bool grow_directory(struct flow_parts *);
static uint32_t take(struct flow_parts *);

void
flow_parts_init(struct flow_parts *parts, struct flow_memory *memory)
{
    *parts = (struct flow_parts){.memory = memory};
}

void
flow_parts_done(struct flow_parts *parts)
{
    for (uint32_t i = 0; i < parts->n_slabs; i++) {
        flow_memory_free(parts->memory, parts->slab[i],
                         SLAB_PARTS * sizeof(struct flow_part));
    }
    flow_memory_free(parts->memory, parts->slab,
                     parts->max_slabs * sizeof(void *));
    *parts = (struct flow_parts){.memory = parts->memory};
}

size_t
flow_parts_least_bytes(void)
{
    return SLAB_PARTS * sizeof(struct flow_part) + FIRST_SLABS * sizeof(void *);
}

bool
flow_parts_begin(struct flow_parts *parts)
{
    return grow(parts);
}

bool
flow_parts_reserve(struct flow_parts *parts, const struct flow_key *key)
{
    if (key->protocol != PROTOCOL_TCP) {
        return true;
    }
    if (parts->n_free <= parts->reserved && !grow(parts)) {
        return false;
    }
    parts->reserved++;
    return true;
}

struct flow_part *
flow_parts_get(struct flow_parts *parts, struct flow *flow,
               enum flow_part_type type)
{
    struct flow_part *part = flow_parts_find(parts, flow, type);
    struct flow_part *first;
    uint32_t handle;

    if (part) {
        return part;
    }
    if (type == FLOW_PART_DIALOGUE) {
        parts->reserved--;
        flow->marks |= FLOW_MARK_DIALOGUE;
    } else if (parts->n_free <= parts->reserved && !grow(parts)) {
        parts->refused++;
        return NULL;
    }
    handle = take(parts);
    part = flow_parts_at(parts, handle);
    *part = (struct flow_part){.type = (uint8_t)type};
    if (type != FLOW_PART_DIALOGUE && (flow->marks & FLOW_MARK_DIALOGUE)) {
        first = flow_parts_at(parts, flow->parts);
        part->next = first->next;
        first->next = handle;
    } else {
        part->next = flow->parts;
        flow->parts = handle;
    }
    return part;
}

void
flow_parts_drop(struct flow_parts *parts, struct flow *flow)
{
    if (flow->key.protocol == PROTOCOL_TCP &&
        !(flow->marks & FLOW_MARK_DIALOGUE)) {
        parts->reserved--;
    }
    while (flow->parts) {
        uint32_t handle = flow->parts;
        struct flow_part *part = flow_parts_at(parts, handle);

        flow->parts = part->next;
        part->next = parts->free;
        parts->free = handle;
        parts->n_free++;
    }
}

struct flow_part *
flow_part_get(struct flow *flow, enum flow_part_type type)
{
    return flow_parts_get(flow_slab_of(flow)->parts, flow, type);
}

static uint32_t
take(struct flow_parts *parts)
{
    uint32_t handle = parts->free;

    parts->free = flow_parts_at(parts, handle)->next;
    parts->n_free--;
    return handle;
}

static bool
grow(struct flow_parts *parts)
{
    struct flow_part *slab;
    uint32_t first = parts->n_slabs << SLAB_SHIFT;

    if (parts->n_slabs == parts->max_slabs && !grow_directory(parts)) {
        return false;
    }
    slab = flow_memory_get(parts->memory, SLAB_PARTS * sizeof *slab);
    if (!slab) {
        return false;
    }
    parts->slab[parts->n_slabs++] = slab;
    for (uint32_t i = SLAB_PARTS; i > 0; i--) {
        slab[i - 1].next = parts->free;
        parts->free = first + i;
    }
    parts->n_free += SLAB_PARTS;
    return true;
}

static bool
grow_directory(struct flow_parts *parts)
{
    uint32_t old = parts->max_slabs;
    uint32_t n = old ? 2 * old : FIRST_SLABS;
    struct flow_part **slab;

    if (n >= UINT32_MAX >> SLAB_SHIFT) {
        return false;
    }
    slab = flow_memory_get(parts->memory, n * sizeof(void *));
    if (!slab) {
        return false;
    }
    if (old) {
        memcpy(slab, parts->slab, old * sizeof(void *));
    }
    flow_memory_free(parts->memory, parts->slab, old * sizeof(void *));
    parts->slab = slab;
    parts->max_slabs = n;
    return true;
}
