/* Time, in nanoseconds, with the compiler keeping the two kinds apart.
 *
 * Flows age in wall time taken from packets, so that a replayed file behaves
 * exactly as it did on the wire.  Only the programs in tools/ read a clock. */

#ifndef CAPTURE_CLOCK_H
#define CAPTURE_CLOCK_H

#include <stdint.h>

/* Since 1970-01-01 UTC, as stamped on a packet.  May step backwards, but stays
 * from WALL_TIME_FIRST_NS to WALL_TIME_LAST_NS: the difference of two, and
 * sixty years more, fit in 64 bits, so nobody who adds has to ask. */
struct wall_time {
    int64_t ns;
};

/* Since an arbitrary start; never steps backwards. */
struct mono_time {
    int64_t ns;
};

#define MICROSECOND_NS INT64_C(1000)
#define MILLISECOND_NS INT64_C(1000000)
#define SECOND_NS      INT64_C(1000000000)

#define WALL_TIME_FIRST_NS INT64_C(0)
#define WALL_TIME_LAST_NS  (INT64_C(7258118400) * SECOND_NS) /* 2200-01-01. */

static inline int64_t
wall_time_since(struct wall_time later, struct wall_time earlier)
{
    return later.ns - earlier.ns;
}

#endif
