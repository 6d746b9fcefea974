/* Tells, every so often, how a run stands, to those who watch it; see
 * redis_state.h.  Belongs to the thread of the command. */

#ifndef TOOLS_COMMANDS_RUN_STATE_H
#define TOOLS_COMMANDS_RUN_STATE_H

#include "capture/clock.h"
#include "tools/redis/redis_state.h"

#include <stdbool.h>

struct output;

enum {
    RUN_STATE_INTERVAL_S = 5
};

struct run_state {
    struct redis_state encoded;
    struct wall_time started;
    struct mono_time last; /* Told; 0: never. */
};

void run_state_init(struct run_state *, struct wall_time started);
void run_state_done(struct run_state *);

/* Whether it is time to tell again; then it counts as told. */
bool run_state_is_due(struct run_state *, struct mono_time now);

/* 'status' has the totals, those of the outputs included. */
void run_state_put(struct run_state *, struct output *,
                   const struct event_source *, const struct event_status *,
                   struct wall_time now);

#endif
