/* The whole way of a run over live interfaces.
 *
 * Each worker has a thread and on every interface a handle of its own; it
 * reads, dissects and works to the end, and shares nothing but the policy.  The
 * kernel gives it all packets of its share of address pairs.  What workers
 * object to comes together on one desk.  Where no packets come, the clock goes
 * on with that of the system, so that flows end.
 *
 * The caller's thread starts it, asks, and stops it.  It never waits for
 * outputs: their queues must not block. */

#ifndef TOOLS_RUNTIME_LIVE_H
#define TOOLS_RUNTIME_LIVE_H

#include "capture/source_live.h"
#include "dissect/dissect.h"
#include "tools/event/event.h"
#include "tools/runtime/desk.h"
#include "tools/runtime/pipeline.h"
#include "tools/runtime/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct live; /* Opaque. */
struct pairs;
struct rule_counts;

enum {
    LIVE_MAX_INTERFACES = EVENT_MAX_INTERFACES,
    LIVE_MAX_THREADS = PIPELINE_MAX_WORKERS + 1 /* The desk's. */
};

struct live_options {
    const char *const *interfaces;      /* Borrowed, as is all else. */
    size_t n_interfaces;                /* To LIVE_MAX_INTERFACES. */
    struct source_live_options capture; /* 'interface', 'number', 'group' and
                                         * 'member' are set here. */
    unsigned n_workers;                 /* 1 to PIPELINE_MAX_WORKERS. */
    uint64_t spread_seed; /* Of the kernel's sharing out; live_spread.h. */
    struct dissect_options dissect;
    struct worker_options worker; /* As in struct pipeline_options. */
    struct output *output;        /* Has live_n_queues(); NULL: no events. */
    struct rule_counts *rules;    /* Where violations are counted, or NULL. */
};

/* What there was so far, a moment ago. */
struct live_report {
    struct pipeline_counters counters; /* But for files and 'filtered'. */
    struct event_interface interfaces[LIVE_MAX_INTERFACES];
    size_t n_interfaces;
};

/* Queues of the output: those of the threads that make events, and the last one
 * for the caller's own. */
unsigned live_n_queues(unsigned n_workers);

/* Opens the interfaces and starts the threads.  NULL with '*error' if that is
 * not possible; an interface that is down is no error. */
struct live *live_start(const struct live_options *, struct error *);

/* Any time until live_stop(). */
void live_get_report(struct live *, struct live_report *);

/* What went on between segments until a moment ago; 'pairs' was made by
 * pairs_init().  Any time until live_stop(). */
void live_get_pairs(struct live *, struct pairs *);

/* Frames received so far; cheap. */
uint64_t live_n_frames(const struct live *);

/* Turns each of its threads has taken: one at least every fraction of a second,
 * with packets or without, as long as it works.  Returns how many threads there
 * are: the workers', and if they are several one more, of the desk. */
size_t live_turns(const struct live *, uint64_t turns[LIVE_MAX_THREADS]);

/* Another policy is in force from the next round on.  False while the one
 * before is not everywhere yet: try again. */
bool live_set_policy(struct live *, struct policy *);

/* Ends all flows, and the threads, and frees it.  Fills in the last report, and
 * 'pairs' as live_get_pairs() does. */
void live_stop(struct live *, struct live_report *, struct pairs *pairs);

#endif
