/* What a table does when it is nearly full: it keeps conversations, and lets
 * attempts go.
 *
 * An attempt is a flow of few packets that nothing came of: a SYN without an
 * answer or refused, UDP or ICMP one way.  A flood is made of them.  In an
 * emergency each is given up after a short time, and where that is not enough,
 * the attempt idle longest is the flow that goes, not the conversation idle
 * longest.
 *
 * It begins when flows or bytes reach the high mark.  It is over when the
 * table, with what it would still hold but for the emergency, has been below
 * the low mark for as long as attempts are kept otherwise: while a flood goes
 * on, no end of it is told again and again.  All of that follows packet time,
 * and is looked at when a flow starts and once a tick, never for a packet of a
 * flow that is known. */

#ifndef FLOWS_FLOW_EMERGENCY_H
#define FLOWS_FLOW_EMERGENCY_H

#include "capture/clock.h"
#include "flows/flow.h"
#include "flows/flow_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_emergency {
    bool is_on;
    enum flow_shortage why;
    size_t high_flows, low_flows;
    size_t high_bytes, low_bytes; /* SIZE_MAX: no limit. */
    struct wall_time since;       /* When it began. */
    struct wall_time window;      /* Since then, */
    uint64_t n_early;             /* so many were ended early. */
    uint64_t n_entered;
    int64_t total_ns; /* Of those that are over. */
};

/* Of a table that was just made. */
void flow_emergency_init(struct flow_table *);

/* A flow has started: is this one too many? */
void flow_emergency_begin(struct flow_table *);

/* The clock has moved on by a tick or more. */
void flow_emergency_advance(struct flow_table *);

/* Whether flow_emergency_begin() is worth a call. */
static inline bool
flow_emergency_is_due(const struct flow_emergency *emergency, size_t n_flows,
                      size_t n_bytes)
{
    return (n_flows >= emergency->high_flows ||
            n_bytes >= emergency->high_bytes) &&
           !emergency->is_on;
}

/* As flow_record_is_attempt(). */
static inline bool
flow_is_attempt(const struct flow *flow)
{
    return flow->outcome <= FLOW_OUTCOME_REFUSED &&
           flow->count[0].packets <= FLOW_ATTEMPT_PACKETS &&
           flow->count[1].packets <=
               FLOW_ATTEMPT_PACKETS - flow->count[0].packets;
}

#endif
