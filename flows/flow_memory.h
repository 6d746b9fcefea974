/* The memory of one table, and of what its owner keeps beside flows: allocated,
 * counted, and held to its limit.  Belongs to the table's thread.  What grows
 * and shrinks is in regions; see flow_region.h. */

#ifndef FLOWS_FLOW_MEMORY_H
#define FLOWS_FLOW_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct flow_memory {
    size_t used;
    size_t limit; /* 0: none. */
};

/* Returns memory aligned to a cache line, or NULL when the limit or the
 * system's memory does not allow it. */
void *flow_memory_get(struct flow_memory *, size_t size);
void flow_memory_free(struct flow_memory *, void *, size_t size);

/* Counts what somebody else allocated; false if the limit does not allow it. */
bool flow_memory_charge(struct flow_memory *, size_t bytes);
void flow_memory_discharge(struct flow_memory *, size_t bytes);

#endif
