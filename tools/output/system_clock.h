/* The system's clocks, for what the program itself does: waiting, trying again,
 * stamping status.  Any thread. */

#ifndef TOOLS_OUTPUT_SYSTEM_CLOCK_H
#define TOOLS_OUTPUT_SYSTEM_CLOCK_H

#include "capture/clock.h"

#include <time.h>

static inline struct mono_time
system_clock_mono(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct mono_time){now.tv_sec * SECOND_NS + now.tv_nsec};
}

static inline struct wall_time
system_clock_wall(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (struct wall_time){now.tv_sec * SECOND_NS + now.tv_nsec};
}

#endif
