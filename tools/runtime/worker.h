/* A packet's way from flow to verdict to event.
 *
 * A worker belongs to one thread and owns a flow table, an application engine
 * and its sides of an event queue and of a tray.  It calls the policy, which it
 * shares, and nothing else of other threads. */

#ifndef TOOLS_RUNTIME_WORKER_H
#define TOOLS_RUNTIME_WORKER_H

#include "dissect/application.h"
#include "flows/flow_table.h"
#include "rules/detect/detect.h"
#include "rules/policy.h"
#include "tools/event/event.h"
#include "tools/output/output.h"

#include <stdbool.h>
#include <stddef.h>

struct capture_names;
struct error;
struct frame;
struct packet;
struct pairs;
struct tray;
struct worker; /* Opaque. */
struct worker_limits;

/* Sees every flow event a worker makes at a flow's end, whatever the outputs
 * want; for summaries.  Runs on the worker's thread; everything is borrowed. */
struct worker_observer {
    void (*flow)(void *context, const struct event_flow *);
    void *context;
};

/* Whether VLAN ids separate otherwise equal conversations. */
enum worker_vlan {
    WORKER_VLAN_POLICY, /* Those that the policy tells apart. */
    WORKER_VLAN_ALWAYS,
    WORKER_VLAN_NEVER
};

struct worker_options {
    unsigned number, n_workers;        /* Which one it is, of how many. */
    struct policy *policy;             /* Borrowed until worker_free(). */
    bool inspect;                      /* Classify applications with nDPI. */
    struct application_engine *engine; /* Borrowed, for this worker alone to
                                        * inspect with; others may ask it for
                                        * names.  NULL: it makes one. */
    size_t max_inspection_bytes;       /* Of one it makes; application.h. */
    struct flow_table_options table;   /* 'record', 'context', 'user_bytes' are
                                        * the worker's own. */
    const struct event_source *source; /* Borrowed, as are the next three. */
    const struct capture_names *names;
    struct event_queue *queue; /* NULL: no events are encoded. */
    struct tray *tray;         /* Borrowed; whose policy is the same. */
    const struct worker_observer *observer; /* NULL: none. */
    unsigned events; /* Bit 1 << enum event_kind: wanted. */
    enum worker_vlan vlan;
    uint64_t max_attempts; /* Of one kind told one by one in an interval, as in
                            * collapse.h; the workers share it.  0: all, but in
                            * an emergency. */
    struct worker_limits *limits; /* Borrowed: others for 'max_attempts' and the
                                   * table's timeouts, from the next end of a
                                   * round on.  NULL: they stay. */
};

/* The options of worker 'i' of 'n': limits are for all together, the engine is
 * for the first. */
struct worker_options worker_share(const struct worker_options *, unsigned i,
                                   unsigned n);

struct worker *worker_new(const struct worker_options *, struct error *);
void worker_free(struct worker *); /* Accepts NULL. */

/* A batch of packets, what dissect_frame() made of the frames.  'clocks' says,
 * for each, the latest stamp of the whole run so far, other workers' packets
 * included: what happens to a flow then does not depend on which worker it went
 * to. */
void worker_packets(struct worker *, const struct frame *,
                    const struct packet *, const struct wall_time *clocks,
                    size_t n_packets);

/* The clock that stamps packets was set, ahead or back. */
void worker_step(struct worker *, int64_t ns);

/* Passes on what was noticed until 'clock', the latest stamp of the run. */
void worker_end_round(struct worker *, struct wall_time clock);

/* Another policy is in force, for flows alive as well: those with packets are
 * judged by it at their next one, the others bit by bit at the ends of rounds.
 * Between rounds only.  When memory is out, the old one stays (counted). */
void worker_set_policy(struct worker *, struct policy *);

/* Ends every flow at 'now', the latest stamp of the run.  Only
 * worker_get_counters() and worker_free() come after. */
void worker_finish(struct worker *, enum flow_end why, struct wall_time now);

struct worker_counters {
    struct flow_table_counters flows;
    struct application_counters applications;
    uint64_t ends[FLOW_N_ENDS];       /* Records of flows, by reason. */
    uint64_t revised;                 /* Final verdicts that became others. */
    uint64_t detections[N_DETECTORS]; /* In single flows. */
    uint64_t policies_refused;        /* Not put in force: out of memory. */
    uint64_t collapsed;               /* Flows told together (collapse.h), */
    uint64_t collapsed_records;       /* in so many. */
    uint64_t passed_over;             /* Sightings not shown to detectors. */
};

/* What flows did, by the segments they are between; 'violations' are the
 * desk's. Lives as long as the worker. */
const struct pairs *worker_pairs(const struct worker *);

void worker_get_counters(const struct worker *, struct worker_counters *);
void worker_counters_add(struct worker_counters *sum,
                         const struct worker_counters *);

#endif
