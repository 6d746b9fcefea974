/* The system's clocks, for what the program itself does: waiting, trying again,
 * stamping status.  Any thread. */

#ifndef TOOLS_EVENT_SYSTEM_CLOCK_H
#define TOOLS_EVENT_SYSTEM_CLOCK_H

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

/* All clocks at one moment. */
struct system_clocks {
    struct mono_time mono;
    struct wall_time wall;
    int64_t boot_ns; /* As 'mono', and goes on while the system sleeps. */
};

/* Again, if the thread was kept waiting between one clock and the next. */
static inline struct system_clocks
system_clock_all(void)
{
    struct system_clocks clocks;
    struct timespec boot;
    int tries = 3;

    do {
        clocks.mono = system_clock_mono();
        clock_gettime(CLOCK_BOOTTIME, &boot);
        clocks.wall = system_clock_wall();
    } while (system_clock_mono().ns - clocks.mono.ns > MILLISECOND_NS &&
             --tries > 0);
    clocks.boot_ns = boot.tv_sec * SECOND_NS + boot.tv_nsec;
    return clocks;
}

#endif
