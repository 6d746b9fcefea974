/* Whether a run on live interfaces does what it is there for: two answers, for
 * those who ask a program whether to start it anew, or to rely on it.
 *
 * Healthy is who goes on working.  Ready is who also captures, and whose events
 * get away or, while an output is down, have room to wait.  A pure judgement of
 * what it is shown, but for remembering what moved when.  The thread that looks
 * after the run. */

#ifndef TOOLS_RUNTIME_HEALTH_H
#define TOOLS_RUNTIME_HEALTH_H

#include "capture/clock.h"
#include "tools/runtime/live.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A thread that has taken no turn for so long is stuck; of an output's own see
 * OUTPUT_STUCK_NS. */
#define HEALTH_STUCK_NS (10 * SECOND_NS)

enum {
    HEALTH_REASON_SIZE = 320
};

struct health {
    uint64_t turns[LIVE_MAX_THREADS];         /* As seen last, */
    struct mono_time moved[LIVE_MAX_THREADS]; /* and since when. */
    uint64_t sender_turns[EVENT_MAX_OUTPUTS]; /* The same of those that have */
    struct mono_time
        sender_moved[EVENT_MAX_OUTPUTS]; /* threads of their own. */
    uint64_t dropped[EVENT_MAX_OUTPUTS]; /* As of when it was up last. */
    bool healthy, ready;
    char reason[HEALTH_REASON_SIZE]; /* Why it is not; "" if it is. */
};

/* What to judge by; borrowed for the call. */
struct health_facts {
    const struct live_report *report;
    const uint64_t *turns; /* As of live_turns(). */
    size_t n_threads;
    const struct event_output *outputs;
    size_t n_outputs;
};

void health_init(struct health *, struct mono_time now);
void health_look(struct health *, const struct health_facts *,
                 struct mono_time now);

#endif
