/* Blindness in statuses; see run_sight.h. */

#include "tools/commands/run_sight.h"

#include "tools/commands/session.h"

#include <inttypes.h>
#include <stdio.h>

bool
run_sight_init(struct run_sight *sight, const struct policy *policy,
               struct error *error)
{
    return blindness_init(&sight->blindness, policy, error);
}

void
run_sight_done(struct run_sight *sight)
{
    blindness_done(&sight->blindness);
}

void
run_sight_look(struct run_sight *sight, const struct live_report *report,
               const struct event_output *outputs, size_t n_outputs,
               bool is_last)
{
    struct blindness_view view = {
        .now = system_clock_all(),
        .interfaces = report->interfaces,
        .n_interfaces = report->n_interfaces,
        .flows = &report->counters.workers.flows,
        .is_last = is_last,
    };

    for (size_t i = 0; i < n_outputs; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            view.dropped += outputs[i].kind[kind].dropped;
        }
    }
    sight->clock_step += blindness_look(&sight->blindness, &view);
}

bool
run_sight_news(struct run_sight *sight, char note[RUN_SIGHT_NOTE_SIZE],
               bool *ended)
{
    const struct blindness *blindness = &sight->blindness;

    if (sight->clock_step) {
        int64_t ms = sight->clock_step / MILLISECOND_NS;

        snprintf(note, RUN_SIGHT_NOTE_SIZE,
                 "the clock was set by %+" PRId64 ".%03d s", ms / 1000,
                 (int)(ms < 0 ? -(ms % 1000) : ms % 1000));
        sight->clock_step = 0;
        *ended = false;
        return true;
    }
    if (sight->told == blindness->changes) {
        return false;
    }
    snprintf(note, RUN_SIGHT_NOTE_SIZE, "%s", blindness->note);
    *ended = blindness->ended;
    return true;
}

void
run_sight_add(struct run_sight *sight, struct event_status *status)
{
    blindness_tell(&sight->blindness, status, sight->list);
}

struct event_pair *
run_sight_add_pairs(struct run_sight *sight, const struct pairs *pairs,
                    struct event_status *status, bool is_heartbeat)
{
    struct event_pair *list = session_add_pairs(status, pairs);

    if (is_heartbeat) {
        blindness_look_at_pairs(&sight->blindness, pairs, system_clock_wall());
        run_sight_add(sight, status);
    }
    if (list) {
        blindness_judge(&sight->blindness, list, pairs->n);
    }
    return list;
}

void
run_sight_told(struct run_sight *sight, bool was_heartbeat)
{
    sight->told = sight->blindness.changes;
    if (was_heartbeat) {
        blindness_next_period(&sight->blindness);
    }
}
