/* Healthy and ready; see health.h. */

#include "tools/runtime/health.h"

#include "tools/output/output.h"

#include <inttypes.h>
#include <stdio.h>

static bool find_stuck(struct health *, const struct health_facts *,
                       struct mono_time now);
static bool find_stuck_sender(struct health *, const struct health_facts *,
                              struct mono_time now);
static bool find_blind(struct health *, const struct live_report *);
static bool find_losing(struct health *, const struct health_facts *);
static uint64_t dropped_by(const struct event_output *);

void
health_init(struct health *health, struct mono_time now)
{
    *health = (struct health){.healthy = true, .reason = "starting"};
    for (unsigned i = 0; i < LIVE_MAX_THREADS; i++) {
        health->moved[i] = now;
    }
    for (unsigned i = 0; i < EVENT_MAX_OUTPUTS; i++) {
        health->sender_moved[i] = now;
    }
}

void
health_look(struct health *health, const struct health_facts *facts,
            struct mono_time now)
{
    bool losing = find_losing(health, facts);
    bool blind = find_blind(health, facts->report);
    bool stuck = find_stuck(health, facts, now);

    stuck |= find_stuck_sender(health, facts, now);

    health->healthy = !stuck;
    health->ready = !losing && !blind && !stuck;
    if (health->ready) {
        health->reason[0] = '\0';
    }
}

static bool
find_stuck(struct health *health, const struct health_facts *facts,
           struct mono_time now)
{
    bool stuck = false;

    for (size_t i = 0; i < facts->n_threads; i++) {
        int64_t still_ns = now.ns - health->moved[i].ns;

        if (facts->turns[i] != health->turns[i]) {
            health->turns[i] = facts->turns[i];
            health->moved[i] = now;
        } else if (still_ns >= HEALTH_STUCK_NS) {
            snprintf(health->reason, sizeof health->reason,
                     "thread %zu of %zu has been stuck for %" PRId64 " s",
                     i + 1, facts->n_threads, still_ns / SECOND_NS);
            stuck = true;
        }
    }
    return stuck;
}

/* A server that is slow or away sticks nobody. */
static bool
find_stuck_sender(struct health *health, const struct health_facts *facts,
                  struct mono_time now)
{
    bool stuck = false;

    for (size_t i = 0; i < facts->n_outputs; i++) {
        const struct event_output *output = &facts->outputs[i];
        int64_t still_ns = now.ns - health->sender_moved[i].ns;

        if (output->turns != health->sender_turns[i] || output->turns == 0) {
            health->sender_turns[i] = output->turns;
            health->sender_moved[i] = now;
        } else if (still_ns >= OUTPUT_STUCK_NS) {
            snprintf(health->reason, sizeof health->reason,
                     "what sends to %s has been stuck for %" PRId64 " s",
                     output->name, still_ns / SECOND_NS);
            stuck = true;
        }
    }
    return stuck;
}

/* One interface is enough: others may be spares. */
static bool
find_blind(struct health *health, const struct live_report *report)
{
    const struct event_interface *first = &report->interfaces[0];

    for (size_t i = 0; i < report->n_interfaces; i++) {
        if (report->interfaces[i].state == SOURCE_LIVE_CAPTURING) {
            return false;
        }
    }
    snprintf(health->reason, sizeof health->reason,
             "no interface captures; %s: %s%s%s", first->name,
             source_live_state_name(first->state), first->reason[0] ? ": " : "",
             first->reason);
    return true;
}

/* An output that is down is no failure as long as its events can wait, and may
 * be up again by itself. */
static bool
find_losing(struct health *health, const struct health_facts *facts)
{
    bool losing = false;

    for (size_t i = 0; i < facts->n_outputs; i++) {
        const struct event_output *output = &facts->outputs[i];
        uint64_t dropped = dropped_by(output);

        if (output->up) {
            health->dropped[i] = dropped;
        } else if (output->is_denied) {
            snprintf(health->reason, sizeof health->reason,
                     "%s lets nobody in: %.160s", output->name,
                     output->error.message);
            losing = true;
        } else if (dropped > health->dropped[i]) {
            snprintf(health->reason, sizeof health->reason,
                     "%s is down, and %" PRIu64 " events were lost since",
                     output->name, dropped - health->dropped[i]);
            losing = true;
        }
    }
    return losing;
}

static uint64_t
dropped_by(const struct event_output *output)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        sum += output->kind[i].dropped;
    }
    return sum;
}
