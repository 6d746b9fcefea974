/* One array that grows and shrinks at its end and never moves.
 *
 * Its addresses are reserved when it is opened, for the most it may ever hold;
 * memory comes and goes with use.  What is in use is counted in the table's
 * struct flow_memory and held to its limit.  Memory that was never used, or was
 * given back since, reads as zero. */

#ifndef FLOWS_FLOW_REGION_H
#define FLOWS_FLOW_REGION_H

#include "flows/flow_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory comes and goes in multiples of a step, and at a time a 64th of what
 * there is: few calls, and little unused.  But never much, for the system takes
 * its time with it. */
#define FLOW_REGION_STEP ((size_t)16 << 10)
#define FLOW_REGION_MOST ((size_t)1 << 20)
enum {
    FLOW_REGION_SLACK = 64
};

struct flow_region {
    struct flow_memory *memory; /* Borrowed. */
    uint8_t *base;              /* Page-aligned. */
    size_t size;                /* In use from 'base' on. */
    size_t reserved;
};

/* Reserves addresses for 'max_bytes'; false if there are none. */
bool flow_region_open(struct flow_region *, struct flow_memory *,
                      size_t max_bytes);
void flow_region_close(struct flow_region *); /* Accepts a zeroed one. */

bool flow_region_grow(struct flow_region *, size_t bytes);

/* Makes sure that the first 'bytes' can be used.  Returns false when the limit
 * or the system's memory does not allow it. */
static inline bool
flow_region_reach(struct flow_region *region, size_t bytes)
{
    return bytes <= region->size || flow_region_grow(region, bytes);
}

/* Only the first 'bytes' are needed from now on: gives back what is beyond, if
 * it is enough to bother; with 'is_short', all of it. */
void flow_region_cut(struct flow_region *, size_t bytes, bool is_short);

/* Nothing is needed any more; the first step stays, and reads as zero. */
void flow_region_clear(struct flow_region *);

#endif
