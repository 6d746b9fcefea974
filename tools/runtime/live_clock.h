/* What time it is for a lane: as late as the latest frame it has, or where none
 * come, a moment ago.
 *
 * It goes on, unless the clock of the system was set: then it follows, and what
 * was stamped before is taken to have been stamped after.  So a flow that is
 * idle for a second stays so, whatever the clock says.  Belongs to the lane's
 * thread. */

#ifndef TOOLS_RUNTIME_LIVE_CLOCK_H
#define TOOLS_RUNTIME_LIVE_CLOCK_H

#include "tools/runtime/clock_watch.h"

#include <stdbool.h>

struct live_clock {
    struct wall_time now;
    struct clock_watch watch;
    int64_t step_ns; /* By what it was set last; 0: never. */
};

/* Looks at the clock of the system; returns by what it was set since the time
 * before, usually 0. */
static inline int64_t
live_clock_look(struct live_clock *clock, const struct system_clocks *system)
{
    const struct clock_change change = clock_watch_look(&clock->watch, system);

    if (change.step_ns) {
        clock->step_ns = change.step_ns;
        clock->now.ns += change.step_ns;
    }
    return change.step_ns;
}

/* Time passes; it does not go back. */
static inline void
live_clock_pass(struct live_clock *clock, struct wall_time until)
{
    if (until.ns > clock->now.ns) {
        clock->now = until;
    }
}

/* Whether the stamp is as near as stamps are while the clock is not set. */
static inline bool
live_clock_fits(const struct live_clock *clock, struct wall_time stamp)
{
    int64_t ahead = stamp.ns - clock->now.ns;

    return ahead < CLOCK_WATCH_STEP_NS && ahead > -CLOCK_WATCH_STEP_NS;
}

/* A stamp that does not fit, as the clock has it that was set since; itself, if
 * that is not the reason. */
static inline struct wall_time
live_clock_correct(const struct live_clock *clock, struct wall_time stamp)
{
    struct wall_time since = {stamp.ns + clock->step_ns};

    return live_clock_fits(clock, since) ? since : stamp;
}

#endif
