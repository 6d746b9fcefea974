/* The system's clock: what the kernel knows of how good it is, and whether it
 * jumps. */

#ifndef TOOLS_DOCTOR_CLOCK_STATE_H
#define TOOLS_DOCTOR_CLOCK_STATE_H

#include "capture/clock.h"

#include <stdbool.h>

struct diagnosis;
struct traffic_counts;

/* One reading. */
struct clock_state {
    bool is_known;        /* The kernel could be asked for what follows. */
    bool is_synchronised; /* With another clock, as by NTP. */
    int64_t error_ns;     /* As estimated, */
    int64_t max_error_ns; /* and at most. */
    struct wall_time wall;
    struct mono_time mono;
};

void clock_state_read(struct clock_state *);

/* Pure: judges two readings. */
void clock_state_check(const struct clock_state *before,
                       const struct clock_state *after, struct diagnosis *);

/* Pure: judges the stamps of the frames of an interface. */
void clock_state_check_stamps(const char *interface,
                              const struct traffic_counts *,
                              struct diagnosis *);

/* What the wall clock went further than the monotonic one. */
int64_t clock_state_step_ns(const struct clock_state *before,
                            const struct clock_state *after);

#endif
