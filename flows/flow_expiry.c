/* Why no timer wheel: with seven timeouts, seven ordered queues expire exactly
 * and give the eviction order for free. */

#include "flows/flow_expiry.h"

#include "flows/flow_emergency.h"
#include "flows/flow_table.h"
#include "flows/tcp_state.h"

#include <assert.h>
#include <string.h>

/* Well under half of what a tick can count. */
#define MAX_TIMEOUT_NS (INT64_C(20) * 86400 * SECOND_NS)

/* Both queues of a timeout, as bits. */
#define QUEUES_OF(NAME) (UINT32_C(3) << 2 * FLOW_TIMEOUT_##NAME)

static uint32_t ticks_of(int64_t ns);
static enum flow_timeout timeout_of(const struct flow_expiry *,
                                    const struct flow *);
static enum flow_timeout timeout_of_protocol(const struct flow *);
static uint32_t oldest_of(const struct flow_expiry *, const struct flow_store *,
                          uint32_t queues, flow_tick now);
static void append(struct flow_expiry *, struct flow_store *, uint32_t slot,
                   unsigned queue);

void
flow_expiry_init(struct flow_expiry *expiry, const struct flow_timeouts *t,
                 int64_t attempt_ns)
{
    *expiry = (struct flow_expiry){.idle_ticks[FLOW_TIMEOUT_ATTEMPT] =
                                       attempt_ns > 0 ? ticks_of(attempt_ns)
                                                      : UINT32_MAX};
    flow_expiry_set(expiry, t, 0);
}

void
flow_expiry_set(struct flow_expiry *expiry, const struct flow_timeouts *t,
                flow_tick now)
{
    const uint32_t idle_ticks[] = {
        [FLOW_TIMEOUT_TCP_OPENING] = ticks_of(t->tcp_opening_ns),
        [FLOW_TIMEOUT_TCP_ESTABLISHED] = ticks_of(t->tcp_established_ns),
        [FLOW_TIMEOUT_TCP_CLOSING] = ticks_of(t->tcp_closing_ns),
        [FLOW_TIMEOUT_UDP_REQUEST] = ticks_of(t->udp_request_ns),
        [FLOW_TIMEOUT_UDP_REPLY] = ticks_of(t->udp_reply_ns),
        [FLOW_TIMEOUT_ICMP] = ticks_of(t->icmp_ns),
        [FLOW_TIMEOUT_OTHER] = ticks_of(t->other_ns),
    };

    static_assert(sizeof idle_ticks / sizeof *idle_ticks ==
                      FLOW_TIMEOUT_ATTEMPT,
                  "all but that of attempts");
    memcpy(expiry->idle_ticks, idle_ticks, sizeof idle_ticks);
    expiry->active_ticks = t->active_ns > 0 ? ticks_of(t->active_ns) : 0;
    expiry->next = now;
    expiry->least_ticks =
        expiry->active_ticks ? expiry->active_ticks : UINT32_MAX;
    for (unsigned i = 0; i < FLOW_N_TIMEOUTS; i++) {
        if (expiry->idle_ticks[i] < expiry->least_ticks) {
            expiry->least_ticks = expiry->idle_ticks[i];
        }
    }
}

void
flow_expiry_add(struct flow_expiry *expiry, struct flow_store *store,
                uint32_t slot, flow_tick now)
{
    struct flow *flow = flow_store_flow(store, slot);

    flow->seen = now;
    append(expiry, store, slot, 2U * timeout_of(expiry, flow));
}

void
flow_expiry_touch(struct flow_expiry *expiry, struct flow_store *store,
                  uint32_t slot, flow_tick now)
{
    struct flow *flow = flow_store_flow(store, slot);
    unsigned queue = 2U * timeout_of(expiry, flow);

    if (flow->queue == queue &&
        (flow->seen == now || expiry->queue[queue].newest == slot)) {
        flow->seen = now;
        return;
    }
    flow_expiry_remove(expiry, store, slot);
    flow->seen = now;
    append(expiry, store, slot, queue);
}

void
flow_expiry_remove(struct flow_expiry *expiry, struct flow_store *store,
                   uint32_t slot)
{
    struct flow_queue *queue =
        &expiry->queue[flow_store_flow(store, slot)->queue];
    const struct flow_node *node = flow_store_node(store, slot);

    if (node->older) {
        flow_store_node(store, node->older)->newer = node->newer;
    } else {
        queue->oldest = node->newer;
    }
    if (node->newer) {
        flow_store_node(store, node->newer)->older = node->older;
    } else {
        queue->newest = node->older;
    }
}

void
flow_expiry_moved(struct flow_expiry *expiry, struct flow_store *store,
                  uint32_t from, uint32_t to)
{
    struct flow_queue *queue =
        &expiry->queue[flow_store_flow(store, to)->queue];
    const struct flow_node *node = flow_store_node(store, to);

    if (queue->oldest == from) {
        queue->oldest = to;
    } else {
        flow_store_node(store, node->older)->newer = to;
    }
    if (queue->newest == from) {
        queue->newest = to;
    } else {
        flow_store_node(store, node->newer)->older = to;
    }
}

/* When nothing is due, nothing will be before the first head's turn comes, or
 * that of a flow that has a packet now. */
bool
flow_expiry_due(struct flow_expiry *expiry, const struct flow_store *store,
                flow_tick now, struct flow_due *due)
{
    uint32_t longest = 0;
    uint32_t wait = expiry->least_ticks;

    if (!flow_expiry_may_be_due(expiry, now)) {
        return false;
    }
    for (unsigned i = 0; i < FLOW_N_QUEUES; i++) {
        uint32_t slot = expiry->queue[i].oldest;
        uint32_t timeout = expiry->idle_ticks[i / 2];
        bool is_quiet = !(i & FLOW_QUEUE_QUIET) && expiry->active_ticks &&
                        expiry->active_ticks < timeout;
        uint32_t idle;

        if (!slot) {
            continue;
        }
        timeout = is_quiet ? expiry->active_ticks : timeout;
        idle = now - flow_store_flow(store, slot)->seen;
        if (idle > timeout && idle - timeout > longest) {
            longest = idle - timeout;
            *due = (struct flow_due){slot, is_quiet, now - longest};
        } else if (idle <= timeout && timeout - idle < wait) {
            wait = timeout - idle;
        }
    }
    expiry->next = longest > 0 ? now : now + wait;
    return longest > 0;
}

flow_tick
flow_expiry_end(const struct flow_expiry *expiry, const struct flow *flow)
{
    return flow->seen + expiry->idle_ticks[flow->queue / 2];
}

void
flow_expiry_quiet(struct flow_expiry *expiry, struct flow_store *store,
                  uint32_t slot)
{
    unsigned queue = flow_store_flow(store, slot)->queue | FLOW_QUEUE_QUIET;

    flow_expiry_remove(expiry, store, slot);
    append(expiry, store, slot, queue);
}

uint32_t
flow_expiry_oldest(const struct flow_expiry *expiry,
                   const struct flow_store *store, flow_tick now)
{
    return oldest_of(expiry, store, UINT32_MAX, now);
}

uint32_t
flow_expiry_oldest_attempt(const struct flow_expiry *expiry,
                           const struct flow_store *store, flow_tick now)
{
    const uint32_t queues =
        QUEUES_OF(ATTEMPT) | QUEUES_OF(TCP_OPENING) | QUEUES_OF(UDP_REQUEST);

    return oldest_of(expiry, store, queues, now);
}

bool
flow_expiry_is_long_since(const struct flow_expiry *expiry,
                          const struct flow *flow, flow_tick now)
{
    const struct flow_part *part;
    flow_tick since;

    if (!(flow->marks & FLOW_MARK_REPORTED)) {
        return true;
    }
    part = flow_part_find(flow, FLOW_PART_REPORTED);
    since = part->reported.when;
    return now - since > expiry->active_ticks;
}

static uint32_t
ticks_of(int64_t ns)
{
    int64_t held = ns > MAX_TIMEOUT_NS ? MAX_TIMEOUT_NS : ns;
    int64_t ticks =
        (held + (INT64_C(1) << FLOW_TICK_SHIFT) - 1) >> FLOW_TICK_SHIFT;

    return ticks > 0 ? (uint32_t)ticks : 1;
}

/* Of the queues whose bits are set. */
static uint32_t
oldest_of(const struct flow_expiry *expiry, const struct flow_store *store,
          uint32_t queues, flow_tick now)
{
    uint32_t oldest = FLOW_NO_SLOT;
    uint32_t longest = 0;

    for (unsigned i = 0; i < FLOW_N_QUEUES; i++) {
        uint32_t slot = queues >> i & 1 ? expiry->queue[i].oldest : 0;
        uint32_t idle = slot ? now - flow_store_flow(store, slot)->seen : 0;

        if (slot && (!oldest || idle > longest)) {
            oldest = slot;
            longest = idle;
        }
    }
    return oldest;
}

static enum flow_timeout
timeout_of(const struct flow_expiry *expiry, const struct flow *flow)
{
    return expiry->sets_attempts_apart && flow_is_attempt(flow)
               ? FLOW_TIMEOUT_ATTEMPT
               : timeout_of_protocol(flow);
}

static enum flow_timeout
timeout_of_protocol(const struct flow *flow)
{
    switch (flow->key.protocol) {
    case PROTOCOL_TCP: return tcp_state_timeout(flow);
    case PROTOCOL_UDP:
        return flow_has_packets(flow, 0) && flow_has_packets(flow, 1)
                   ? FLOW_TIMEOUT_UDP_REPLY
                   : FLOW_TIMEOUT_UDP_REQUEST;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: return FLOW_TIMEOUT_ICMP;
    default: return FLOW_TIMEOUT_OTHER;
    }
}

static void
append(struct flow_expiry *expiry, struct flow_store *store, uint32_t slot,
       unsigned queue)
{
    struct flow_queue *q = &expiry->queue[queue];
    struct flow_node *node = flow_store_node(store, slot);

    flow_store_flow(store, slot)->queue = queue & 0x7f;
    node->older = q->newest;
    node->newer = FLOW_NO_SLOT;
    if (q->newest) {
        flow_store_node(store, q->newest)->newer = slot;
    } else {
        q->oldest = slot;
    }
    q->newest = slot;
}
