/* Telling about violations: once, again when worse, and rarely after that.
 *
 * A tracker belongs to one thread and follows packet time.  A violation is
 * identified by policy, rule, reason, both addresses, protocol and responder
 * port (or ICMP type): the same on every sensor and after a restart.  Memory is
 * bounded by 'max_active'; of what does not fit, attempts are told together, by
 * rule and segments, the rest without deduplication; all of it is counted.
 * Attempts of very many sources at once are told together as well
 * (violation_flood.h).  Entries keep a reference to the policy that denied them
 * last. */

#ifndef RULES_VIOLATION_H
#define RULES_VIOLATION_H

#include "flows/flow_record.h"
#include "rules/judge/judge.h"

struct detection;
struct error;
struct violation_tracker; /* Opaque. */

enum {
    VIOLATION_ID_SIZE = 17, /* 16 hex digits and NUL. */
    VIOLATION_MAX_FLOWS = 5
};

/* X(NAME, "segmon.violation.kind") */
#define VIOLATION_KINDS(X)                                                     \
    X(NEW, "new")                                                              \
    X(ESCALATE, "escalate")   /* A worse outcome than told before. */          \
    X(UPDATE, "update")       /* Still going on, 'realert' after the last. */  \
    X(COLLAPSED, "collapsed") /* Too many targets: one record for them all. */ \
    X(CLOSED, "closed")

enum violation_kind {
#define VIOLATION_KIND_ENUM(NAME, TEXT) VIOLATION_KIND_##NAME,
    VIOLATION_KINDS(VIOLATION_KIND_ENUM) VIOLATION_N_KINDS
#undef VIOLATION_KIND_ENUM
};

/* The six terms of the score, printable as they are. */
struct violation_score {
    int base, outcome, criticality, external, unknown, ambiguous;
    int total;               /* 1 to 100. */
    enum policy_level level; /* The word for 'total'. */
};

struct violation {
    enum violation_kind kind;
    char id[VIOLATION_ID_SIZE];
    const struct policy *policy; /* That 'rule' and the segments are of: the
                                  * last one that denied it. */
    int32_t rule;
    enum verdict_reason reason;
    struct addr src, dst; /* COLLAPSED over destinations: 'dst' is zero. */
    uint8_t protocol;
    uint16_t port; /* Responder's; ICMP: type.  COLLAPSED over ports: 0. */
    bool all_dsts, all_ports; /* What a collapsed one stands for. */
    bool all_srcs; /* And many sources: all between two segments; 'src' is the
                    * latest.  'all_dsts', too. */
    segment_id src_segment, dst_segment;
    enum flow_outcome outcome; /* The worst that a flow got to so far. */
    struct violation_score score;
    uint64_t count, count_since_last;
    uint64_t n_targets; /* Of a collapsed one: distinct destinations or ports,
                         * or, if they are many, sources; estimated within some
                         * 3 % beyond a few hundred. */
    struct wall_time first_seen, last_seen;
    uint64_t flow_ids[VIOLATION_MAX_FLOWS]; /* The latest, 0 if fewer. */
    bool suppressed;
    bool staged; /* Of a staged rule: what would be one, were it in force. */
};

/* One flow that the policy objects to: what a tracker counts.  A value; the
 * policy is borrowed for the call. */
struct violation_hit {
    const struct policy *policy;
    int32_t rule;
    enum verdict_reason reason;
    struct addr src, dst;
    segment_id src_segment, dst_segment;
    uint8_t protocol;
    uint16_t port; /* Responder's; ICMP: type. */
    enum flow_outcome outcome;
    bool all_dsts, all_ports; /* Of many flows: 'dst' is zero, 'port' 0. */
    uint64_t n_targets;       /* How many, then; 0 if not counted. */
    bool ambiguous;           /* Who opened it is not sure. */
    bool staged; /* A staged rule objects, those in force do not. */
    /* The same flow, whose outcome is another now: not counted twice. */
    bool again;
    bool goes_on; /* 'again', with the outcome it had: it is still alive. */
    uint64_t flow_id;
    struct wall_time now;
};

struct violation_options {
    size_t max_active;         /* Violations, groups and thresholds together. */
    int64_t realert_ns;        /* Where the rule has none of its own. */
    unsigned collapse_targets; /* More distinct ones than this collapse. */
    bool ids; /* Are made for somebody who reads them; else they are "". */
};

/* A violation that has been quiet so long is closed. */
#define VIOLATION_QUIET_NS (INT64_C(86400) * 1000000000)

/* Called inside violation_hit() and violation_advance(). */
typedef void violation_handler(void *context, const struct violation *);

struct violation_tracker *
violation_tracker_new(const struct violation_options *, violation_handler *,
                      void *context, struct error *);
void violation_tracker_free(struct violation_tracker *); /* Accepts NULL. */

/* Other limits from now on, as of another policy; nothing tracked is lost. */
void violation_set_options(struct violation_tracker *,
                           const struct violation_options *);

/* Another policy is in force: what is tracked goes on under it, bit by bit as
 * time passes, so that the one before is soon given up.  What is of a rule or a
 * segment that it does not have, by name, is closed. */
void violation_set_policy(struct violation_tracker *, const struct policy *);

/* Hits must come in the order of their times, as far as packets do. */
void violation_hit(struct violation_tracker *, const struct violation_hit *);
void violation_advance(struct violation_tracker *, struct wall_time now);

/* Brings near what a hit that comes soon will need. */
void violation_look_ahead(const struct violation_tracker *,
                          const struct violation_hit *);

/* The hit that a verdict of DECISION_DENY is. */
struct violation_hit violation_of(const struct policy *, const struct verdict *,
                                  const struct question *,
                                  const struct flow_record *);

/* The hit that a detection in many flows is. */
struct violation_hit violation_of_detection(const struct detection *);

/* Severity from its six terms (policy language, section on severity). */
struct violation_score violation_score(enum policy_level base,
                                       enum flow_outcome outcome,
                                       enum policy_level dst_criticality,
                                       bool src_external, bool unknown_segment,
                                       bool direction_ambiguous);

struct violation_counters {
    uint64_t hits; /* A flow and what it violates is one, however it ends. */
    uint64_t told;
    uint64_t tracked;    /* Now. */
    uint64_t overflow;   /* Not tracked one by one: max_active. */
    uint64_t flooded;    /* Hits told together, over sources. */
    uint64_t suppressed; /* Hits. */
};
void violation_counters(const struct violation_tracker *,
                        struct violation_counters *);

const char *violation_kind_name(enum violation_kind);

#endif
