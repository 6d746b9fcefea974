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

void *
flow_memory_get(struct flow_memory *memory, size_t size)
{
    size_t bytes = round_up(size);
    void *got;

    if (bytes < size ||
        (memory->limit && (memory->used > memory->limit ||
                           bytes > memory->limit - memory->used))) {
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
