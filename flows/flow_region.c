/* Why not malloc: what it gives back to the system depends on what lies above,
 * and its threshold for memory of its own rises with every large block that is
 * freed.  Addresses cost nothing, so an array can be made as long as it may
 * ever be and have memory only where it is used: indices need no directory, and
 * the tail goes back to the system in one call. */

#include "flows/flow_region.h"

#include <string.h>
#include <sys/mman.h>

static bool grow_by(struct flow_region *, size_t bytes);
static size_t round_up(size_t bytes);
static size_t slack_of(const struct flow_region *);

bool
flow_region_open(struct flow_region *region, struct flow_memory *memory,
                 size_t max_bytes)
{
    size_t reserved = round_up(max_bytes);
    void *base;

    *region = (struct flow_region){.memory = memory};
    if (reserved < max_bytes) {
        return false;
    }
    base = mmap(NULL, reserved, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    region->base = base;
    region->reserved = reserved;
    return true;
}

void
flow_region_close(struct flow_region *region)
{
    if (region->base) {
        munmap(region->base, region->reserved);
        flow_memory_discharge(region->memory, region->size);
    }
    *region = (struct flow_region){.memory = region->memory};
}

bool
flow_region_grow(struct flow_region *region, size_t bytes)
{
    size_t least = round_up(bytes) - region->size;
    size_t more = slack_of(region);

    if (round_up(bytes) > region->reserved) {
        return false;
    }
    more = more < least ? least : more;
    return (more <= region->reserved - region->size && grow_by(region, more)) ||
           grow_by(region, least);
}

void
flow_region_cut(struct flow_region *region, size_t bytes, bool is_short)
{
    size_t slack = is_short ? 0 : slack_of(region);
    size_t keep = round_up(bytes) + slack;

    if (region->size <= keep + slack) {
        return;
    }
    /* New pages in place of the old ones: of those, none is in memory. */
    if (mmap(region->base + keep, region->size - keep, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) != MAP_FAILED) {
        flow_memory_discharge(region->memory, region->size - keep);
        region->size = keep;
    }
}

void
flow_region_clear(struct flow_region *region)
{
    flow_region_cut(region, 1, true);
    memset(region->base, 0, region->size);
}

static bool
grow_by(struct flow_region *region, size_t bytes)
{
    if (!flow_memory_charge(region->memory, bytes)) {
        return false;
    }
    if (mprotect(region->base + region->size, bytes, PROT_READ | PROT_WRITE) !=
        0) {
        flow_memory_discharge(region->memory, bytes);
        return false;
    }
    region->size += bytes;
    return true;
}

static size_t
slack_of(const struct flow_region *region)
{
    size_t slack = round_up(region->size / FLOW_REGION_SLACK + 1);

    return slack < FLOW_REGION_MOST ? slack : FLOW_REGION_MOST;
}

static size_t
round_up(size_t bytes)
{
    return (bytes + FLOW_REGION_STEP - 1) / FLOW_REGION_STEP * FLOW_REGION_STEP;
}
