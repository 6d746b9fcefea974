/* What a worker is inside.  Private to worker*.c. */

#ifndef TOOLS_RUNTIME_WORKER_IMPL_H
#define TOOLS_RUNTIME_WORKER_IMPL_H

#include "rules/detect/detect.h"
#include "rules/judge/judge.h"
#include "tools/output/json.h"
#include "tools/runtime/symbols.h"
#include "tools/runtime/tray.h"
#include "tools/runtime/worker.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct packet_quoted;

enum {
    /* Packets looked up ahead of the first: the lines of their flows are on
     * their way, and still there when they are needed. */
    WORKER_AHEAD = 64
};

/* Two views of a flow's verdict: as it is, and were staged rules in force. */
enum view {
    VIEW_ENFORCED,
    VIEW_STAGED,
    N_VIEWS
};

/* What a worker keeps beside each flow of the table. */
struct tracked {
    struct inspection *inspection; /* While the application is looked for. */
    struct packet_quoted *quoted;  /* Owned; of an ICMP error that is a flow. */
    struct application application; /* Once 'classified'. */
    segment_id src_segment, dst_segment;
    int32_t rule;               /* The last verdict's. */
    int32_t told_rule[N_VIEWS]; /* Its violation was told, of this rule, */
    uint8_t told_rank[N_VIEWS]; /* with an outcome as bad as this; 0: not. */
    uint8_t decision;           /* The last verdict's. */
    uint8_t generation;         /* Of the policy that judged it. */
    uint16_t detected;          /* Bits, enum detector: told of this flow. */
    bool located : 1;           /* The segments are known. */
    bool classified : 1;        /* 'application' is final. */
    bool judged : 1;
    bool final : 1;          /* The last verdict was. */
    bool link_broadcast : 1; /* Its first frame went to everybody. */
    bool policy_changed : 1; /* Another policy made it a violation. */
    bool objected : 1;       /* The last verdict was against it, or that of
                              * staged rules. */
    bool replied : 1;        /* Known to the last verdict. */
};

struct worker {
    struct policy *policy;
    struct policy *previous; /* While some flows are still judged by it. */
    uint8_t generation;      /* Of 'policy'. */
    bool asks_replied;       /* As policy_asks_replied(). */
    uint32_t sightings;      /* As policy_sightings(). */
    uint32_t detections;     /* As policy_detections(). */
    uint32_t sweep;          /* How far flows were judged again. */
    struct application_engine *engine; /* NULL: nothing is inspected. */
    struct symbols *symbols;           /* NULL with it. */
    struct flow_table *table;
    const struct event_source *source;
    const struct capture_names *names;
    struct event_queue *queue; /* NULL: no events. */
    struct tray *tray;
    struct worker_observer observer;
    unsigned events;
    struct json json;
    struct wall_time now;                  /* Of the run. */
    enum tray_phase phase;                 /* What is going on at 'now', and, */
    uint64_t frame;                        /* if it is a packet, which. */
    const struct event_revision *revision; /* Why a record is made now. */
    struct worker_counters counters;
    struct flow_lookup ahead[WORKER_AHEAD];
};

static_assert(N_DETECTORS <= 16, "'detected' has a bit for each");

/* worker_judge.c: judges the flow as it stands, and tells what has to be told
 * now.  'flow' is NULL when 'record' is told by the table itself.  'moments' is
 * what has just happened, bits 1 << enum sighting_moment. */
void worker_judge(struct worker *, struct flow *flow,
                  const struct flow_record *record, struct tracked *,
                  unsigned moments);

/* The flow's segments in the policy in force. */
void worker_locate(const struct worker *, const struct flow_record *,
                   struct tracked *);

/* worker_ask.c: what the policy is asked about a flow. */
void worker_ask(const struct worker *, const struct flow_record *,
                const struct tracked *, struct question *);

/* worker_tell.c: the flow's own record, and what is wrong with it. */
void worker_tell_flow(struct worker *, const struct event_flow *);
void worker_tell_violations(struct worker *, const struct event_flow *,
                            const struct question *, struct tracked *);
void worker_tell_detections(struct worker *, const struct event_flow *,
                            const struct question *, struct tracked *,
                            unsigned moments);

#endif
