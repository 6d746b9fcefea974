/* From an entry to the record that leaves, and what to make of its counts. */

#include "flows/flow.h"
#include "flows/flow_parts.h"
#include "flows/flow_places.h"
#include "flows/flow_table.h"
#include "flows/history.h"
#include "flows/tcp_state.h"

#include <string.h>

/* A flow's parts by type. */
struct parts_seen {
    const struct flow_part *part[FLOW_N_PART_TYPES];
};

static void see_parts(const struct flow *, struct parts_seen *);
static void fill_end(const struct flow *, const struct parts_seen *,
                     unsigned end, struct flow_end_point *);
static void fill_trouble(const struct parts_seen *, unsigned end,
                         struct flow_end_point *);
static void fill_totals(const struct flow *, const struct parts_seen *,
                        unsigned end, struct flow_end_point *);
static void fill_macs(const struct flow *, const struct flow_place *,
                      struct flow_record *);
static void fill_where(const struct flow_where *, struct flow_record *);
static void fill_notes(const struct flow *, const struct parts_seen *,
                       struct flow_record *);
static void fill_state(const struct flow *, const struct parts_seen *,
                       struct flow_record *);
static bool has_payload(const struct flow *, unsigned end);
static enum flow_outcome tcp_outcome(const struct flow *);
static enum flow_outcome other_outcome(const struct flow *);

void
flow_update_outcome(struct flow *flow)
{
    enum flow_outcome now = flow->key.protocol == PROTOCOL_TCP
                                ? tcp_outcome(flow)
                                : other_outcome(flow);

    if (now > flow->outcome) {
        flow->outcome = (uint8_t)now;
    }
}

void
flow_summarize(const struct flow *flow, struct flow_record *record)
{
    const struct flow_places *places = flow_home_of(flow)->places;
    const struct flow_place *place = flow_places_at(places, flow->place);
    const struct flow_where *where = flow_places_where(places, place);
    struct parts_seen seen = {{NULL}};
    unsigned initiator = flow_initiator(flow);

    see_parts(flow, &seen);
    *record = (struct flow_record){
        .evidence = (enum flow_evidence)flow->evidence,
        .outcome = (enum flow_outcome)flow->outcome,
        .id = flow_key_id(&flow->key, flow->start.ns, flow->first_frame,
                          where->file),
        .flags = flow->flags,
        .protocol = flow->key.protocol,
        .ip_version = addr_is_ipv4(&flow->key.addr[0]) ? 4 : 6,
        .start = flow->start,
        .end = flow->end,
        .context = flow->key.context,
        .first_frame = flow->first_frame,
        .last_frame = flow->last_frame,
    };
    fill_end(flow, &seen, initiator, &record->source);
    fill_end(flow, &seen, !initiator, &record->destination);
    fill_macs(flow, place, record);
    fill_where(where, record);
    fill_notes(flow, &seen, record);
    fill_state(flow, &seen, record);
}

/* One walk along the chain instead of one for each type. */
static void
see_parts(const struct flow *flow, struct parts_seen *seen)
{
    const struct flow_parts *parts = flow_home_of(flow)->parts;
    uint32_t number = flow->parts;

    while (!(number & FLOW_PARTS_END)) {
        const struct flow_part *part = flow_parts_at(parts, number);

        seen->part[part->type] = part;
        number = part->next;
    }
}

static void
fill_end(const struct flow *flow, const struct parts_seen *seen, unsigned end,
         struct flow_end_point *out)
{
    out->addr = flow->key.addr[end];
    out->port = flow_key_is_icmp(&flow->key) ? 0 : flow->key.port[end];
    out->tcp_flags = flow->tcp_flags[end];
    if (flow_has_packets(flow, end)) {
        out->ttl_min = flow->ttl_min[end];
        out->ttl_max = flow->ttl_max[end];
    }
    fill_totals(flow, seen, end, out);
    if (seen->part[FLOW_PART_TROUBLE]) {
        fill_trouble(seen, end, out);
    }
}

static void
fill_trouble(const struct parts_seen *seen, unsigned end,
             struct flow_end_point *out)
{
    const struct flow_trouble *now = &seen->part[FLOW_PART_TROUBLE]->trouble;
    const struct flow_part *before = seen->part[FLOW_PART_REPORTED_TROUBLE];

    out->missed_bytes = now->missed_bytes[end];
    out->retransmissions = now->retransmissions[end];
    out->out_of_order = now->out_of_order[end];
    out->duplicates = now->duplicates[end];
    out->delta_missed_bytes = out->missed_bytes;
    out->delta_duplicates = out->duplicates;
    if (before) {
        out->delta_missed_bytes -= before->reported_trouble.missed_bytes[end];
        out->delta_duplicates -= before->reported_trouble.duplicates[end];
    }
}

static void
fill_totals(const struct flow *flow, const struct parts_seen *seen,
            unsigned end, struct flow_end_point *out)
{
    const struct flow_count *c = &flow->count[end];
    const struct flow_part *carried = seen->part[FLOW_PART_CARRY];
    const struct flow_part *before = seen->part[FLOW_PART_REPORTED];

    out->packets = c->packets;
    out->bytes = c->bytes;
    out->payload_bytes = c->payload;
    if (carried) {
        out->packets += (uint64_t)carried->carry.packets[end] << 32;
        out->bytes += (uint64_t)carried->carry.bytes[end] << 32;
        out->payload_bytes += (uint64_t)carried->carry.payload[end] << 32;
    }
    out->delta_packets = out->packets;
    out->delta_bytes = out->bytes;
    if (before) {
        out->delta_packets -= before->reported.packets[end];
        out->delta_bytes -= before->reported.bytes[end];
    }
}

static void
fill_macs(const struct flow *flow, const struct flow_place *place,
          struct flow_record *record)
{
    unsigned initiator = flow_initiator(flow);

    memcpy(record->source.mac, place->mac[initiator], sizeof place->mac[0]);
    memcpy(record->destination.mac, place->mac[!initiator],
           sizeof place->mac[0]);
}

static void
fill_where(const struct flow_where *where, struct flow_record *record)
{
    memcpy(record->vlan, where->vlan, sizeof record->vlan);
    record->n_vlans = where->n_vlans;
    record->tunnel = where->tunnel;
    record->depth = where->depth;
    record->tunnel_id = where->tunnel_id;
    record->outer_src = where->outer_src;
    record->outer_dst = where->outer_dst;
    record->file = where->file;
    record->interface = where->interface;
}

static void
fill_notes(const struct flow *flow, const struct parts_seen *seen,
           struct flow_record *record)
{
    const struct flow_part *part = seen->part[FLOW_PART_NOTES];

    if (!part) {
        return;
    }
    if (flow->marks & FLOW_MARK_EARLY) {
        record->start = part->notes.early;
    }
    record->icmp_errors = part->notes.icmp_errors;
    record->icmp_error_bytes = part->notes.icmp_error_bytes;
    record->icmp_error_type = part->notes.icmp_error_type;
    record->icmp_error_code = part->notes.icmp_error_code;
    record->icmp_error_from = part->notes.icmp_error_from;
}

static void
fill_state(const struct flow *flow, const struct parts_seen *seen,
           struct flow_record *record)
{
    const struct flow_part *before = seen->part[FLOW_PART_REPORTED];
    const char *state = "";
    uint32_t time = flow->opening & INT32_MAX;

    record->handshake_ns = -1;
    if (flow->marks & FLOW_MARK_HANDSHAKE) {
        record->handshake_ns =
            flow->opening > INT32_MAX ? time * MICROSECOND_NS : time;
    }
    if (before) {
        record->sequence = before->reported.sequence;
    }
    history_format(flow, seen->part[FLOW_PART_LETTERS], record->history);
    switch (flow->key.protocol) {
    case PROTOCOL_TCP: state = tcp_state_name(flow, record->history); break;
    case PROTOCOL_UDP:
        state = record->destination.packets == 0 ? "S0"
                : record->source.packets == 0    ? "SHR"
                                                 : "SF";
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
        state = "OTH";
        record->has_icmp_type = flow_key_has_icmp_type(&flow->key);
        if (record->has_icmp_type) {
            record->icmp_type =
                flow_key_icmp_type(&flow->key, flow_initiator(flow));
            record->icmp_code = flow->icmp_code;
        }
        break;
    default: break;
    }
    memcpy(record->conn_state, state, strlen(state) + 1);
}

static enum flow_outcome
tcp_outcome(const struct flow *flow)
{
    unsigned initiator = flow_initiator(flow);
    enum tcp_state a = tcp_state_of(flow, 0);
    enum tcp_state b = tcp_state_of(flow, 1);
    bool is_midstream = (flow->flags & FLOW_MIDSTREAM) &&
                        a >= TCP_STATE_PARTIAL && a != TCP_STATE_RESET &&
                        b >= TCP_STATE_PARTIAL && b != TCP_STATE_RESET;
    bool is_open = (flow->marks & FLOW_MARK_DONE) ||
                   (flow->flags & FLOW_ONE_SIDED) || is_midstream;

    if (is_open || flow->outcome >= FLOW_OUTCOME_ESTABLISHED) {
        return has_payload(flow, 0) || has_payload(flow, 1)
                   ? FLOW_OUTCOME_DATA
                   : FLOW_OUTCOME_ESTABLISHED;
    }
    if (tcp_state_of(flow, !initiator) == TCP_STATE_RESET &&
        flow->evidence == FLOW_EVIDENCE_SYN) {
        return FLOW_OUTCOME_REFUSED;
    }
    return FLOW_OUTCOME_ATTEMPT;
}

static enum flow_outcome
other_outcome(const struct flow *flow)
{
    /* An answer counts even where the question was not seen. */
    if (flow->count[!flow_initiator(flow)].packets == 0) {
        return FLOW_OUTCOME_ATTEMPT;
    }
    return has_payload(flow, 0) && has_payload(flow, 1)
               ? FLOW_OUTCOME_DATA
               : FLOW_OUTCOME_ESTABLISHED;
}

static bool
has_payload(const struct flow *flow, unsigned end)
{
    return flow->count[end].payload ||
           ((flow->marks & FLOW_MARK_CARRY) &&
            flow_part_find(flow, FLOW_PART_CARRY)->carry.payload[end]);
}
