/* When flows end for want of packets, and which one goes first when the table
 * is full.
 *
 * There are few different timeouts, so instead of a timer per flow there is a
 * queue per timeout, each in the order of the flows' last packets: only heads
 * can have expired, and the flow idle longest is one of the heads.  A packet
 * moves its flow to the newer end, at most once per tick.  Every operation is
 * O(1) in the number of flows.
 *
 * A flow that has been quiet for the active timeout but may still live moves to
 * the second queue of its timeout; that is when what it carried since its last
 * record is reported. */

#ifndef FLOWS_FLOW_EXPIRY_H
#define FLOWS_FLOW_EXPIRY_H

#include "flows/flow.h"
#include "flows/flow_store.h"

#include <stdbool.h>
#include <stdint.h>

struct flow_timeouts;

enum flow_timeout {
    FLOW_TIMEOUT_TCP_OPENING,
    FLOW_TIMEOUT_TCP_ESTABLISHED,
    FLOW_TIMEOUT_TCP_CLOSING,
    FLOW_TIMEOUT_UDP_REQUEST,
    FLOW_TIMEOUT_UDP_REPLY,
    FLOW_TIMEOUT_ICMP,
    FLOW_TIMEOUT_OTHER,
    FLOW_TIMEOUT_ATTEMPT, /* Of those set apart. */
    FLOW_N_TIMEOUTS
};

enum {
    FLOW_QUEUE_QUIET = 1,
    FLOW_N_QUEUES = 2 * FLOW_N_TIMEOUTS /* Twice 'enum flow_timeout', plus 1
                                         * for the quiet. */
};

struct flow_queue {
    uint32_t oldest, newest;
};

struct flow_expiry {
    struct flow_queue queue[FLOW_N_QUEUES];
    uint32_t idle_ticks[FLOW_N_TIMEOUTS];
    uint32_t active_ticks;    /* 0: no interim records. */
    uint32_t least_ticks;     /* The shortest of these. */
    flow_tick next;           /* Until then, nothing is due. */
    bool sets_attempts_apart; /* From now on; see flow_emergency.h. */
};

/* Timeouts are rounded up to ticks and held between one tick and 20 days.
 * 'attempt_ns' 0: attempts are never set apart. */
void flow_expiry_init(struct flow_expiry *, const struct flow_timeouts *,
                      int64_t attempt_ns);

/* Other timeouts from now on, also for the flows that are in the queues: these
 * are in the order of last packets, which stays. */
void flow_expiry_set(struct flow_expiry *, const struct flow_timeouts *,
                     flow_tick now);

/* Puts a new flow, or a flow that had a packet, at the newer end of the queue
 * it belongs in now. */
void flow_expiry_add(struct flow_expiry *, struct flow_store *, uint32_t slot,
                     flow_tick now);
void flow_expiry_touch(struct flow_expiry *, struct flow_store *, uint32_t slot,
                       flow_tick now);

/* Whether that changes nothing for a flow whose timeout is the same as before.
 */
static inline bool
flow_expiry_is_touched(const struct flow *flow, flow_tick now)
{
    return flow->seen == now && !(flow->queue & FLOW_QUEUE_QUIET);
}

void flow_expiry_remove(struct flow_expiry *, struct flow_store *,
                        uint32_t slot);

/* The flow and its node were moved from one slot to another. */
void flow_expiry_moved(struct flow_expiry *, struct flow_store *, uint32_t from,
                       uint32_t to);

struct flow_due {
    uint32_t slot;
    bool is_quiet;  /* Not idle for good: flow_expiry_quiet() must follow. */
    flow_tick when; /* The instant it became due, not later than now. */
};

/* The flow that has been due the longest at 'now'; false if there is none. */
bool flow_expiry_due(struct flow_expiry *, const struct flow_store *,
                     flow_tick now, struct flow_due *due);

/* Whether flow_expiry_due() is worth a call. */
static inline bool
flow_expiry_may_be_due(const struct flow_expiry *expiry, flow_tick now)
{
    return (int32_t)(now - expiry->next) >= 0;
}

/* The instant at which the flow ends if nothing more comes. */
flow_tick flow_expiry_end(const struct flow_expiry *, const struct flow *);
void flow_expiry_quiet(struct flow_expiry *, struct flow_store *,
                       uint32_t slot);

/* The flow idle longest, or FLOW_NO_SLOT if there is none. */
uint32_t flow_expiry_oldest(const struct flow_expiry *,
                            const struct flow_store *, flow_tick now);

/* The same of attempts; of those too that were there before attempts were set
 * apart, as far as they are in queues of their own. */
uint32_t flow_expiry_oldest_attempt(const struct flow_expiry *,
                                    const struct flow_store *, flow_tick now);

/* Whether the flow is due for an interim record. */
static inline bool flow_expiry_is_long(const struct flow_expiry *,
                                       const struct flow *, flow_tick now);

/* The same of a flow that lives longer than that. */
bool flow_expiry_is_long_since(const struct flow_expiry *, const struct flow *,
                               flow_tick now);

static inline bool
flow_expiry_is_long(const struct flow_expiry *expiry, const struct flow *flow,
                    flow_tick now)
{
    return expiry->active_ticks &&
           now - flow_tick_of(flow->start.ns) > expiry->active_ticks &&
           flow_expiry_is_long_since(expiry, flow, now);
}

#endif
