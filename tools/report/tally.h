/* What a run's flows and violations add up to, for its summary.
 *
 * A tally belongs to one thread, a worker's or the desk's; after the threads
 * are done, one is added to another.  Memory is bounded: TALLY_MAX_FINDINGS
 * kinds of violation.  What goes on between segments is in the status. */

#ifndef TOOLS_REPORT_TALLY_H
#define TOOLS_REPORT_TALLY_H

#include "tools/event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_MAX_FINDINGS = 4096, /* Further kinds are counted together. */
    TALLY_INDEX_SLOTS = 4 * TALLY_MAX_FINDINGS,
    TALLY_MAX_APP_NAME = 48
};

/* Flows one rule denies between two segments for one reason. */
struct tally_finding {
    int32_t rule;
    enum verdict_reason reason;
    segment_id src_segment, dst_segment;
    uint64_t flows, bytes;
    enum flow_outcome worst;
    /* An example: the first flow with the worst outcome. */
    struct addr src, dst;
    bool all_dsts; /* Of a detector: 'dst' stands for many. */
    uint16_t port;
    uint8_t protocol;
    char application[TALLY_MAX_APP_NAME];
};

struct tally_application {
    char name[TALLY_MAX_APP_NAME];
    uint64_t flows, bytes;
};

struct tally {
    struct policy *policy; /* That rules and segments are of; a reference. */
    struct tally_finding *findings;
    size_t n_findings, findings_capacity;
    uint16_t *index;            /* Of findings, from 1; a hash table. */
    uint64_t findings_left_out; /* Flows. */
    struct tally_application *applications;
    size_t n_applications, applications_capacity;
    uint64_t flows, verdicts[EVENT_N_VERDICTS];
    uint64_t got_through;           /* Denied and established all the same. */
    uint64_t tcp, udp, icmp, other; /* Flows. */
    uint64_t violations;            /* Violation records of kind 'new'. */
    uint64_t suppressed;            /* Denied flows the policy is silent on. */
    uint64_t staged;                /* Flows a staged rule would deny. */
    uint64_t detections;            /* Told by detectors, but for 'info'. */
    uint64_t missed_bytes, duplicates, one_sided, midstream, guessed_direction;
    bool out_of_memory; /* Some flows are missing above. */
};

void tally_init(struct tally *, const struct policy *);
void tally_done(struct tally *);

/* For struct worker_observer and desk_observer; 'context' is a struct tally. */
void tally_flow(void *context, const struct event_flow *);
void tally_violation(void *context, const struct event_violation *);

/* From now on in terms of another policy.  What was counted keeps its names:
 * it moves to the segments and rules of the same name, and what has none there
 * to the segment 'unknown' and to no rule. */
void tally_set_policy(struct tally *, const struct policy *);

/* Adds 'other' in; both are of the same policy. */
void tally_add(struct tally *, const struct tally *other);

#endif
