/* Where everything the workers object to comes together, in one order.
 *
 * Workers share the flows among them, but a sweep over many hosts, a threshold
 * of a rule or a limit of a source concerns flows of them all.  So one desk
 * takes what they noticed, round by round, in the order of packet time, and
 * tells the violations, those that detectors find included: the same ones on
 * any number of workers.
 *
 * With one worker the desk works on its thread, at the end of each round.  With
 * more, desk_run() is a thread of its own.  Memory: the trays (tray.h), what
 * the policy grants to violations, and the detectors' limits (detect.h). */

#ifndef TOOLS_RUNTIME_DESK_H
#define TOOLS_RUNTIME_DESK_H

#include "rules/detect/detect.h"
#include "rules/policy.h"
#include "rules/violation.h"
#include "tools/event/event.h"
#include "tools/runtime/tray.h"

struct desk; /* Opaque. */
struct error;
struct event_queue;
struct pairs;
struct rule_counts;

/* Sees every violation event, whatever the outputs want; for summaries.  On the
 * desk's thread; all is borrowed for the call. */
struct desk_observer {
    void (*violation)(void *context, const struct event_violation *);
    void *context;
};

struct desk_options {
    unsigned n_trays;
    const struct policy *policy;          /* The first one in force. */
    const struct event_source *source;    /* Borrowed, as are the next two. */
    struct event_queue *queue;            /* NULL: no events are encoded. */
    const struct desk_observer *observer; /* NULL: none. */
    struct rule_counts *rules; /* Where to count, too; borrowed, or NULL. */
    unsigned events;           /* Bit 1 << enum event_kind: wanted. */
};

struct desk *desk_new(const struct desk_options *, struct error *);
void desk_free(struct desk *); /* Accepts NULL. */

/* Tray 'i' of n_trays, for one worker; lives as long as the desk. */
struct tray *desk_tray(struct desk *, unsigned i);

/* With several trays: returns when all of them are closed. */
void desk_run(struct desk *);

/* One round of it; false when they are closed. */
bool desk_run_round(struct desk *);

/* Of each pair of segments only the violations told; lives as long as the desk.
 */
const struct pairs *desk_pairs(const struct desk *);

void desk_get_counters(const struct desk *, struct violation_counters *,
                       struct detector_counters *);

#endif
