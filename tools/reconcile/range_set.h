/* Numbers that were seen, as ranges, with the ids of the entries that had them.
 *
 * Made for numbers that come nearly in order: then a range grows at its end,
 * and a hundred million of them are one.  Any order is right, but what was not
 * foreseen is bounded: sets that share a 'struct range_budget' hold so many
 * ranges together, and move so many of them to make room in the middle; what
 * would need more is refused, and the budget says so.  A set belongs to one
 * thread. */

#ifndef TOOLS_RECONCILE_RANGE_SET_H
#define TOOLS_RECONCILE_RANGE_SET_H

#include "tools/redis/redis_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t first, last;
    struct redis_id first_id, last_id; /* The least and the greatest. */
};

struct range_budget {
    size_t ranges;  /* That may still be made, */
    uint64_t moves; /* and moved. */
    bool is_spent;  /* Something was refused. */
};

struct range_set {
    struct range *list; /* Ascending; none touches the next.  Owned. */
    size_t n, capacity;
};

enum range_added {
    RANGE_NEW,
    RANGE_LATE,   /* New, and below one that was there. */
    RANGE_AGAIN,  /* It was there. */
    RANGE_REFUSED /* The budget is spent, or memory is out. */
};

void range_set_done(struct range_set *);

enum range_added range_set_add(struct range_set *, uint64_t number,
                               struct redis_id, struct range_budget *);

/* Of an empty set: 0. */
uint64_t range_set_first(const struct range_set *);
uint64_t range_set_last(const struct range_set *);

#endif
