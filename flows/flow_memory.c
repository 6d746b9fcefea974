/* Sizes are rounded up to whole cache lines both ways, so what is counted is
 * what was asked of the allocator. */

#include "flows/flow_memory.h"

#include <stdlib.h>

enum {
    LINE = 64
};

static size_t
round_up(size_t size)
{
    return (size + LINE - 1) / LINE * LINE;
}

static bool
is_allowed(const struct flow_memory *memory, size_t bytes)
{
    return !memory->limit || (memory->used <= memory->limit &&
                              bytes <= memory->limit - memory->used);
}

void *
flow_memory_get(struct flow_memory *memory, size_t size)
{
    size_t bytes = round_up(size);
    void *got;

    if (bytes < size || !is_allowed(memory, bytes)) {
        return NULL;
    }
    got = aligned_alloc(LINE, bytes);
    if (got) {
        memory->used += bytes;
    }
    return got;
}

void
flow_memory_free(struct flow_memory *memory, void *old, size_t size)
{
    if (old) {
        memory->used -= round_up(size);
        free(old);
    }
}

bool
flow_memory_charge(struct flow_memory *memory, size_t bytes)
{
    if (!is_allowed(memory, bytes)) {
        return false;
    }
    memory->used += bytes;
    return true;
}

void
flow_memory_discharge(struct flow_memory *memory, size_t bytes)
{
    memory->used -= bytes;
}
