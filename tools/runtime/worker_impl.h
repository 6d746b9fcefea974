/* What a worker is inside.  Private to worker*.c. */

#ifndef TOOLS_RUNTIME_WORKER_IMPL_H
#define TOOLS_RUNTIME_WORKER_IMPL_H

#include "rules/detect/detect.h"
#include "rules/judge/judge_memo.h"
#include "tools/runtime/collapse.h"
#include "tools/runtime/findings.h"
#include "tools/runtime/pairs.h"
#include "tools/runtime/pool.h"
#include "tools/runtime/symbols.h"
#include "tools/runtime/tray.h"
#include "tools/runtime/worker.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

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

/* What a worker keeps beside each flow of the table; there may be millions. */
struct tracked {
    finding_id finding; /* The inspection or, once 'classified', the result. */
    uint32_t quoted; /* In 'quotes', of an ICMP error that is a flow; or 0. */
    segment_id src_segment, dst_segment;
    int16_t rule;                /* The last verdict's. */
    int16_t told_rule[N_VIEWS];  /* Its violation was told, of this rule, */
    uint8_t told_rank[N_VIEWS];  /* with an outcome as bad as this; 0: not. */
    uint32_t detected : 12;      /* Bits, enum detector: told of this flow. */
    uint32_t generation : 8;     /* Of the policy that judged it. */
    uint32_t decision : 3;       /* The last verdict's. */
    uint32_t located : 1;        /* The segments are known. */
    uint32_t classified : 1;     /* The finding is a result. */
    uint32_t judged : 1;         /* There was a verdict. */
    uint32_t final : 1;          /* It was. */
    uint32_t link_broadcast : 1; /* Its first frame went to everybody. */
    uint32_t policy_changed : 1; /* Another policy made it a violation. */
    uint32_t objected : 1;       /* The last verdict was against it, or that of
                                  * staged rules. */
    uint32_t replied : 1;        /* Known to the last verdict. */
    uint32_t one_sided : 1;      /* Counted as such. */
};

/* As what a flow is counted in its pair of segments. */
struct standing {
    segment_id src, dst;
    uint8_t decision, generation;
    bool is_counted, got_through, one_sided;
};

/* On cache lines of its own: some of it is written at every packet. */
struct worker {
    alignas(64) struct policy *policy;
    struct policy *previous; /* While some flows are still judged by it. */
    uint32_t sightings;      /* As policy_sightings(). */
    uint32_t detections;     /* As policy_detections(). */
    uint32_t sweep;          /* How far flows were judged again. */
    uint8_t generation;      /* Of 'policy'. */
    bool asks_replied;       /* As policy_asks_replied(). */
    bool only_hears;         /* As policy_only_hears_handshakes(). */
    bool owns_engine;
    bool in_emergency;     /* So is the table: attempts are told together. */
    uint64_t max_attempts; /* As in the options. */
    struct application_engine *engine; /* NULL: nothing is inspected. */
    struct symbols *symbols;           /* NULL with it. */
    struct judge_memo *memo;           /* Of 'policy'. */
    struct pairs pairs;                /* In its terms. */
    struct flow_table *table;
    struct findings findings; /* Within the table's memory, as is */
    struct pool quotes;       /* this, of struct packet_quoted. */
    const struct event_source *source;
    const struct capture_names *names;
    struct event_queue *queue; /* NULL: no events. */
    struct tray *tray;
    struct collapse *collapse;
    unsigned number, n_workers;
    struct worker_observer observer;
    struct event_encoder *encoder;
    unsigned events;
    enum worker_vlan vlan;
    struct worker_limits *limits;          /* NULL: none come. */
    unsigned limits_changes;               /* Seen of them. */
    enum tray_phase phase;                 /* What is going on at 'now', and, */
    uint64_t frame;                        /* if it is a packet, which. */
    struct wall_time now;                  /* Of the run. */
    const struct event_revision *revision; /* Why a record is made now. */
    struct worker_counters counters;
    struct flow_lookup ahead[WORKER_AHEAD];
};

static_assert(sizeof(struct tracked) == 24, "see test_worker_memory.c");
static_assert(POLICY_RULE_NUMBERS <= INT16_MAX, "they fit");
static_assert(N_DETECTORS <= 12, "'detected' has a bit for each");

/* worker_judge.c: judges the flow as it stands, and tells what has to be told
 * now.  'flow' is NULL when 'record' is told by the table itself.  'moments' is
 * what has just happened, bits 1 << enum sighting_moment. */
void worker_judge(struct worker *, struct flow *flow,
                  const struct flow_record *record, struct tracked *,
                  unsigned moments);

/* What is known of the flow's application. */
static inline const struct application *
tracked_application(const struct worker *worker, const struct tracked *tracked)
{
    return findings_application(&worker->findings,
                                tracked->classified ? tracked->finding : 0);
}

/* worker_ask.c: what the policy is asked about a flow. */
void worker_ask(const struct worker *, const struct flow_record *,
                const struct tracked *, struct question *);

/* worker_count.c: how a flow stands; that it stands otherwise now; that its
 * ends are about to be exchanged; what a record of it adds. */
void worker_standing(const struct tracked *, struct standing *);
void worker_count_change(struct worker *, const struct standing *before,
                         const struct tracked *);
void worker_count_flip(struct worker *, const struct tracked *);
void worker_count_record(struct worker *, const struct flow_record *,
                         const struct tracked *);

/* worker_tell.c: the flow's own record, and what is wrong with it. */
void worker_tell_flow(struct worker *, const struct event_flow *);
void worker_tell_violations(struct worker *, const struct event_flow *,
                            const struct question *, struct tracked *);
void worker_tell_detections(struct worker *, const struct event_flow *,
                            const struct question *, struct tracked *,
                            unsigned moments);
/* The flow's handshake is over, which nobody takes for more than a sign of
 * life. */
void worker_tell_alive(struct worker *, const struct tracked *);

/* worker_overload.c: what the worker does while its table is nearly full. */
flow_news_handler worker_news;

/* Whether the flow is counted with others, and is not to be told itself. */
bool worker_collapses(struct worker *, const struct event_flow *);
void worker_follow_limits(struct worker *);
void worker_flush_collapsed(struct worker *);

/* Whether the flow is of a crowd that detectors are not to look at one by one;
 * counted. */
bool worker_passes_over(struct worker *, const struct event_flow *);

/* Of struct collapse. */
collapse_handler worker_tell_collapsed;

#endif
