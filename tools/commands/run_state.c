/* See run_state.h. */

#include "tools/commands/run_state.h"

#include "tools/output/output.h"

void
run_state_init(struct run_state *state, struct wall_time started)
{
    *state = (struct run_state){.started = started};
    redis_state_init(&state->encoded);
}

void
run_state_done(struct run_state *state)
{
    redis_state_done(&state->encoded);
}

bool
run_state_is_due(struct run_state *state, struct mono_time now)
{
    if (state->last.ns &&
        now.ns - state->last.ns < RUN_STATE_INTERVAL_S * SECOND_NS) {
        return false;
    }
    state->last = now;
    return true;
}

void
run_state_put(struct run_state *state, struct output *output,
              const struct event_source *source,
              const struct event_status *status, struct wall_time now)
{
    const struct redis_state_facts facts = {
        .source = source,
        .status = status,
        .started = state->started,
        .now = now,
        .interval_s = RUN_STATE_INTERVAL_S,
        .ended = status->cause == EVENT_STATUS_END,
    };

    if (redis_state_encode(&state->encoded, &facts)) {
        output_put_state(output, &state->encoded);
    }
}
