/* Whether the clock of the wall was set, and whether this thread was kept from
 * running: noticed by comparing the system's clocks with how they stood before.
 *
 * A clock that is slowed down or sped up, as time services do for small
 * corrections, is not set.  A value of one thread. */

#ifndef TOOLS_RUNTIME_CLOCK_WATCH_H
#define TOOLS_RUNTIME_CLOCK_WATCH_H

#include "tools/event/system_clock.h"

#include <stdbool.h>
#include <stdint.h>

/* The clock was set if it went by so much more or less than time did. */
#define CLOCK_WATCH_STEP_NS (500 * MILLISECOND_NS)

struct clock_watch {
    bool has_begun;
    struct system_clocks before;
};

/* What happened between two looks. */
struct clock_change {
    int64_t passed_ns; /* Time that passed, with the system awake or not. */
    int64_t step_ns;   /* By what the clock was set; 0: it was not. */
};

/* The first look notices nothing. */
static inline struct clock_change
clock_watch_look(struct clock_watch *watch, const struct system_clocks *now)
{
    struct clock_change change = {0, 0};
    int64_t step;

    if (watch->has_begun) {
        change.passed_ns = now->boot_ns - watch->before.boot_ns;
        step = now->wall.ns - watch->before.wall.ns - change.passed_ns;
        if (step >= CLOCK_WATCH_STEP_NS || step <= -CLOCK_WATCH_STEP_NS) {
            change.step_ns = step;
        }
    }
    watch->has_begun = true;
    watch->before = *now;
    return change;
}

#endif
