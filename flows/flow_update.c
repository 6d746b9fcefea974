/* A packet finds or starts its flow, is weighed by each of the stages in turn,
 * and moves its flow to the newer end of its queue.
 *
 * A flow that is already past its timeout when its next packet comes ends
 * first, so that what a packet belongs to does not depend on how often
 * flow_table_advance() is called. */

#include "dissect/packet.h"
#include "flows/flow.h"
#include "flows/flow_count.h"
#include "flows/flow_inside.h"
#include "flows/flow_parts.h"
#include "flows/flow_shrink.h"
#include "flows/flow_table.h"
#include "flows/history.h"
#include "flows/initiator.h"
#include "flows/tcp_state.h"

enum {
    ICMP_REDIRECT = 5,
    ICMPV6_REDIRECT = 137
};

static inline void complete(const struct flow_table *, const struct packet *,
                            struct flow_lookup *);
static struct flow_update pass_unusual(struct flow_table *,
                                       const struct packet *,
                                       const struct flow_lookup *);
static struct flow_update update_fragment(struct flow_table *,
                                          const struct packet *,
                                          const struct flow_lookup *);
static struct flow_update update_later_fragment(struct flow_table *,
                                                const struct packet *,
                                                uint16_t context);
static struct flow_update join_fragment(struct flow_table *, struct packet *,
                                        uint16_t context,
                                        const struct fragments_transport *);
static struct flow_update pass_orphan(struct flow_table *,
                                      const struct packet *, uint16_t context);
static struct flow_update update_error(struct flow_table *,
                                       const struct packet *,
                                       const struct flow_lookup *);
static bool relate(struct flow_table *, const struct packet *,
                   const struct flow_lookup *, struct flow_update *);
static void note_error(struct flow *, const struct packet *, unsigned sender);
static struct flow_update pass(struct flow_table *, const struct packet *,
                               const struct flow_lookup *);
static inline struct flow_update pass_inline(struct flow_table *,
                                             const struct packet *,
                                             const struct flow_lookup *);
static struct flow_update pass_new(struct flow_table *, const struct packet *,
                                   const struct flow_lookup *);
static struct flow_update duplicate(struct flow_table *, uint32_t slot,
                                    const struct packet *, unsigned sender);
static inline bool is_over(struct flow_table *, uint32_t slot,
                           const struct packet *, unsigned sender);
static bool is_reuse(const struct flow_table *, const struct flow *,
                     const struct packet *, unsigned sender);
static uint32_t make_room(struct flow_table *, const struct packet *,
                          const struct flow_lookup *);
static inline bool has_header(const struct packet *);
static inline void account(struct flow_table *, struct flow *,
                           const struct packet *, unsigned sender);
static bool is_redirect(const struct packet *);

void
flow_table_look_ahead(const struct packet *p, uint16_t context,
                      struct flow_lookup *out)
{
    flow_key_from(p, context, &out->ends);
}

/* Keys are hashed only now that all were written: a load that spans two stores
 * waits until both are in the cache. */
void
flow_table_look_closer(const struct flow_table *table,
                       const struct packet *packets,
                       struct flow_lookup *lookups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        complete(table, &packets[i], &lookups[i]);
        flow_store_prefetch_node(&table->store, (uint32_t)lookups[i].hash);
        __builtin_prefetch(
            duplicates_place_of(table->duplicates, lookups[i].fingerprint), 1);
    }
    for (size_t i = 0; i < n; i++) {
        flow_store_prefetch_flow(&table->store, (uint32_t)lookups[i].hash);
    }
}

static inline void
complete(const struct flow_table *table, const struct packet *p,
         struct flow_lookup *lookup)
{
    lookup->hash = flow_key_hash(&lookup->ends.key, table->options.hash_seed);
    lookup->fingerprint =
        duplicates_fingerprint(p, lookup->hash, lookup->ends.sender);
}

struct flow_update
flow_table_pass(struct flow_table *table, const struct packet *p,
                const struct flow_lookup *lookup)
{
    if (table->has_time && p->time.ns <= table->clock.ns) {
        table->counters.time_steps += p->time.ns < table->clock.ns;
    } else {
        flow_table_move_clock(table, p->time);
    }
    if (p->flags & (PACKET_FRAGMENT | PACKET_ICMP_ERROR)) {
        return pass_unusual(table, p, lookup);
    }
    return pass_inline(table, p, lookup);
}

struct flow_update
flow_table_update(struct flow_table *table, const struct packet *p,
                  uint16_t context)
{
    struct flow_lookup lookup;

    flow_key_from(p, context, &lookup.ends);
    complete(table, p, &lookup);
    return flow_table_pass(table, p, &lookup);
}

void
flow_table_count_orphan(struct flow_table *table,
                        const struct fragments_held *held)
{
    pass_orphan(table, &held->packet, held->context);
}

/* Kept out of flow_table_pass(), which holds no packet. */
__attribute__((noinline)) static struct flow_update
pass_unusual(struct flow_table *table, const struct packet *p,
             const struct flow_lookup *lookup)
{
    if (p->flags & PACKET_FRAGMENT) {
        return update_fragment(table, p, lookup);
    }
    return is_redirect(p) ? pass(table, p, lookup)
                          : update_error(table, p, lookup);
}

static struct flow_update
update_fragment(struct flow_table *table, const struct packet *p,
                const struct flow_lookup *lookup)
{
    uint16_t context = lookup->ends.key.context;
    struct fragments_transport transport = {.protocol = p->protocol};
    struct flow_update update;
    struct packet held;
    bool is_new = false;

    if (p->flags & PACKET_LATER_FRAGMENT) {
        return update_later_fragment(table, p, context);
    }
    flow_key_ports(p, transport.port);
    fragments_first(&table->fragments, p, context, &transport, table->clock);
    while (fragments_take(&table->fragments, p, context, &held)) {
        is_new |= join_fragment(table, &held, context, &transport).is_new;
    }
    update = pass(table, p, lookup);
    update.is_new |= is_new;
    return update;
}

static struct flow_update
update_later_fragment(struct flow_table *table, const struct packet *p,
                      uint16_t context)
{
    struct fragments_transport transport;
    struct packet joined;

    switch (fragments_later(&table->fragments, p, context, table->clock,
                            &transport)) {
    case FRAGMENTS_KNOWN:
        joined = *p;
        return join_fragment(table, &joined, context, &transport);
    case FRAGMENTS_HELD: return (struct flow_update){.kind = FLOW_UPDATE_HELD};
    case FRAGMENTS_ORPHAN:
    default: return pass_orphan(table, p, context);
    }
}

static struct flow_update
join_fragment(struct flow_table *table, struct packet *p, uint16_t context,
              const struct fragments_transport *transport)
{
    struct flow_lookup lookup;

    p->protocol = transport->protocol;
    flow_key_with_ports(p, context, transport->port, &lookup.ends);
    complete(table, p, &lookup);
    table->counters.fragments_joined++;
    return pass(table, p, &lookup);
}

static struct flow_update
pass_orphan(struct flow_table *table, const struct packet *p, uint16_t context)
{
    static const uint16_t no_port[2] = {0, 0};
    struct flow_lookup lookup;
    struct flow_update update;

    flow_key_with_ports(p, context, no_port, &lookup.ends);
    complete(table, p, &lookup);
    table->counters.fragments_orphaned++;
    update = pass(table, p, &lookup);
    if (update.kind == FLOW_UPDATE_PACKET) {
        update.flow->flags |= FLOW_ORPHAN_FRAGMENTS;
    }
    return update;
}

static struct flow_update
update_error(struct flow_table *table, const struct packet *p,
             const struct flow_lookup *lookup)
{
    struct flow_lookup quoted;
    struct flow_update update;

    if (flow_key_quoted(p, lookup->ends.key.context, &quoted.ends)) {
        complete(table, p, &quoted);
        if (relate(table, p, &quoted, &update)) {
            return update;
        }
    }
    return pass(table, p, lookup);
}

static bool
relate(struct flow_table *table, const struct packet *p,
       const struct flow_lookup *lookup, struct flow_update *update)
{
    const struct flow_ends *ends = &lookup->ends;
    uint32_t slot;
    struct flow *flow;
    bool is_copy;
    uint8_t outcome;

    flow_table_ready_parts(table);
    slot = flow_store_find(&table->store, &ends->key, (uint32_t)lookup->hash);
    if (!slot) {
        return false;
    }
    is_copy = duplicates_check(table->duplicates, p, lookup->fingerprint);
    flow = flow_store_flow(&table->store, slot);
    outcome = flow->outcome;
    *update = (struct flow_update){
        .flow = flow,
        .kind = is_copy ? FLOW_UPDATE_DUPLICATE : FLOW_UPDATE_RELATED,
        .from_initiator = ends->sender != flow_initiator(flow),
    };
    if (is_copy) {
        table->counters.duplicates++;
        if (table->options.duplicates == FLOW_DUPLICATES_DROP) {
            return true;
        }
    }
    note_error(flow, p, ends->sender);
    table->counters.related++;
    update->outcome_changed = outcome != flow->outcome;
    return true;
}

/* 'sender' sent the packet that met the error. */
static void
note_error(struct flow *flow, const struct packet *p, unsigned sender)
{
    struct flow_part *part = flow_part_get(flow, FLOW_PART_NOTES);

    if (flow_key_icmp_is_unreachable(p->protocol, p->icmp_type, p->icmp_code) &&
        flow->outcome == FLOW_OUTCOME_ATTEMPT &&
        sender == flow_initiator(flow)) {
        flow->outcome = FLOW_OUTCOME_REFUSED;
    }
    part->notes.icmp_errors++;
    part->notes.icmp_error_bytes += p->ip_bytes;
    part->notes.icmp_error_type = p->icmp_type;
    part->notes.icmp_error_code = p->icmp_code;
    part->notes.icmp_error_from = p->src;
}

/* For packets that are out of the ordinary. */
static struct flow_update
pass(struct flow_table *table, const struct packet *p,
     const struct flow_lookup *lookup)
{
    return pass_inline(table, p, lookup);
}

__attribute__((always_inline)) static inline struct flow_update
pass_inline(struct flow_table *table, const struct packet *p,
            const struct flow_lookup *lookup)
{
    unsigned sender = lookup->ends.sender;
    flow_tick now = flow_table_now(table);
    uint32_t slot;
    struct flow *flow;
    uint32_t progress;
    uint8_t outcome;
    bool is_copy;
    enum flow_initiator_news initiator = FLOW_INITIATOR_AS_BEFORE;
    bool stays; /* With the timeout it has. */

    flow_table_ready_parts(table);
    slot = flow_store_find(&table->store, &lookup->ends.key,
                           (uint32_t)lookup->hash);
    flow = flow_store_flow(&table->store, slot);
    if (slot && is_over(table, slot, p, sender)) {
        slot = FLOW_NO_SLOT;
    }
    is_copy = duplicates_check(table->duplicates, p, lookup->fingerprint);
    if (!slot) {
        return pass_new(table, p, lookup);
    }
    if (is_copy) {
        return duplicate(table, slot, p, sender);
    }
    if (flow_expiry_is_long(&table->expiry, flow, now)) {
        flow_table_report(table, flow, FLOW_END_ACTIVE, now);
    }
    outcome = flow->outcome;
    progress = flow->progress;
    if ((p->tcp_flags & TCP_SYN) && has_header(p)) {
        initiator = initiator_update(flow, p, sender);
    }
    account(table, flow, p, sender);
    stays = flow->progress == progress && flow->count[sender].packets > 1;
    if (!stays || !flow_expiry_is_touched(flow, now)) {
        flow_expiry_touch(&table->expiry, &table->store, slot, now);
    }
    return (struct flow_update){
        .flow = flow,
        .kind = FLOW_UPDATE_PACKET,
        .from_initiator = sender == flow_initiator(flow),
        .initiator = initiator,
        .outcome_changed = outcome != flow->outcome,
        .is_settled = flow->is_settled,
    };
}
/* Starts the packet's flow. */
__attribute__((noinline)) static struct flow_update
pass_new(struct flow_table *table, const struct packet *p,
         const struct flow_lookup *lookup)
{
    unsigned sender = lookup->ends.sender;
    uint32_t slot = make_room(table, p, lookup);
    struct flow *flow = flow_store_flow(&table->store, slot);

    flow_count_begin(flow, p);
    initiator_begin(flow, p, sender);
    if (flow_key_is_icmp(&flow->key) && sender == flow_initiator(flow)) {
        flow->icmp_code = p->icmp_code;
    }
    if (flow->key.protocol == PROTOCOL_TCP) {
        bool is_opening = flow->evidence <= FLOW_EVIDENCE_SYN_ACK;

        flow->flags |= is_opening ? 0 : FLOW_MIDSTREAM;
        flow->marks |=
            flow->evidence == FLOW_EVIDENCE_SYN ? FLOW_MARK_SYN_FIRST : 0;
    }
    table->counters.created++;
    account(table, flow, p, sender);
    flow_expiry_add(&table->expiry, &table->store, slot, flow_table_now(table));
    if (flow_emergency_is_due(&table->emergency,
                              flow_store_n_flows(&table->store),
                              table->store.memory.used)) {
        flow_emergency_begin(table);
    }
    return (struct flow_update){
        .flow = flow,
        .kind = FLOW_UPDATE_PACKET,
        .is_new = true,
        .from_initiator = sender == flow_initiator(flow),
        .outcome_changed = flow->outcome != FLOW_OUTCOME_ATTEMPT,
    };
}

__attribute__((noinline)) static struct flow_update
duplicate(struct flow_table *table, uint32_t slot, const struct packet *p,
          unsigned sender)
{
    struct flow *flow = flow_store_flow(&table->store, slot);

    table->counters.duplicates++;
    flow_part_get(flow, FLOW_PART_TROUBLE)->trouble.duplicates[sender]++;
    if (table->options.duplicates == FLOW_DUPLICATES_MARK) {
        flow_count_packet(flow, p, sender);
        table->counters.packets++;
    }
    flow_expiry_touch(&table->expiry, &table->store, slot,
                      flow_table_now(table));
    return (struct flow_update){
        .flow = flow,
        .kind = FLOW_UPDATE_DUPLICATE,
        .from_initiator = sender == flow_initiator(flow),
        .is_settled = flow->is_settled,
    };
}

/* Ends the flow if the packet cannot belong to it. */
static inline bool
is_over(struct flow_table *table, uint32_t slot, const struct packet *p,
        unsigned sender)
{
    const struct flow *flow = flow_store_flow(&table->store, slot);
    uint32_t idle = flow_table_now(table) - flow->seen;

    if (idle > table->expiry.idle_ticks[flow->queue / 2]) {
        flow_table_end_idle(table, slot);
        return true;
    }
    if ((p->tcp_flags & TCP_SYN) && is_reuse(table, flow, p, sender)) {
        flow_table_end_flow(table, slot, FLOW_END_REUSED);
        return true;
    }
    return false;
}

static bool
is_reuse(const struct flow_table *table, const struct flow *flow,
         const struct packet *p, unsigned sender)
{
    uint32_t idle = flow_table_now(table) - flow->seen;
    bool is_long_idle =
        idle > table->expiry.idle_ticks[FLOW_TIMEOUT_TCP_OPENING];

    return flow->key.protocol == PROTOCOL_TCP && has_header(p) &&
           tcp_state_is_reuse(flow, p, sender, is_long_idle);
}

/* Never fails: a table that was made has room for one flow, and ending flows
 * gives back all that they take. */
static uint32_t
make_room(struct flow_table *table, const struct packet *p,
          const struct flow_lookup *lookup)
{
    uint32_t slot;

    while (!(slot = flow_store_add(&table->store, &lookup->ends,
                                   (uint32_t)lookup->hash, p))) {
        flow_table_evict(table);
        if (table->store.nodes.n_free > 1) {
            flow_shrink_short(table); /* It is the place there is none for. */
        }
    }
    return slot;
}

__attribute__((always_inline)) static inline void
account(struct flow_table *table, struct flow *flow, const struct packet *p,
        unsigned sender)
{
    if (flow->key.protocol == PROTOCOL_UDP) {
        history_add_once(flow, HISTORY_DATA, HISTORY_ONCE_DATA, sender);
    } else if (flow->key.protocol == PROTOCOL_TCP && has_header(p)) {
        tcp_state_update(flow, p, sender);
    }
    flow_count_packet(flow, p, sender);
    if (flow->outcome != FLOW_OUTCOME_DATA) {
        flow_update_outcome(flow);
    }
    table->counters.packets++;
}

/* Whether ports and what follows them are the packet's own. */
static inline bool
has_header(const struct packet *p)
{
    return !(p->flags & (PACKET_NO_TRANSPORT | PACKET_LATER_FRAGMENT));
}

static bool
is_redirect(const struct packet *p)
{
    return p->protocol == PROTOCOL_ICMPV6 ? p->icmp_type == ICMPV6_REDIRECT
                                          : p->icmp_type == ICMP_REDIRECT;
}
