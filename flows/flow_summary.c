/* From an entry to the record that leaves; and the accounting that fills the
 * entry, so that both sides of each member are in one file. */

#include "flows/flow.h"
#include "flows/flow_parts.h"
#include "flows/flow_table.h"
#include "flows/history.h"
#include "flows/tcp_state.h"

#include <string.h>

static void count(struct flow *, unsigned end, const struct packet *);
static void count_over(struct flow *, unsigned end, const struct packet *);
static void carry(struct flow *, unsigned end, const struct flow_count *old);
static void note_early(struct flow *, struct wall_time);
static void note_path(struct flow *, const struct packet *);
static void fill_end(const struct flow *, unsigned end,
                     struct flow_end_point *);
static void fill_totals(const struct flow *, unsigned end,
                        struct flow_end_point *);
static void fill_path(const struct flow *, struct flow_record *);
static void fill_notes(const struct flow *, struct flow_record *);
static void fill_state(const struct flow *, struct flow_record *);
static enum flow_outcome tcp_outcome(const struct flow *);
static enum flow_outcome other_outcome(const struct flow *);

void
flow_begin(struct flow *flow, const struct packet *p, unsigned sender)
{
    flow->start = p->time;
    flow->end = p->time;
    flow->first_frame = p->number;
    flow->file = p->file;
    flow->interface = p->interface;
    memset(flow->ttl_min, 0xff, sizeof flow->ttl_min);
    if (p->flags & PACKET_HAS_MAC) {
        memcpy(flow->mac[sender], p->src_mac, sizeof flow->mac[sender]);
        memcpy(flow->mac[!sender], p->dst_mac, sizeof flow->mac[!sender]);
    }
    note_path(flow, p);
}

void
flow_count_packet(struct flow *flow, const struct packet *p, unsigned sender)
{
    if (p->time.ns >= flow->end.ns) {
        flow->end = p->time;
    } else {
        flow->flags |= FLOW_TIME_STEPPED;
        if (p->time.ns < flow->start.ns) {
            note_early(flow, p->time);
        }
    }
    flow->last_frame = p->number;
    count(flow, sender, p);
    if (p->ttl < flow->ttl_min[sender]) {
        flow->ttl_min[sender] = p->ttl;
    }
    if (p->ttl > flow->ttl_max[sender]) {
        flow->ttl_max[sender] = p->ttl;
    }
    flow->tcp_flags[sender] |= p->tcp_flags;
    if (p->flags & (PACKET_FRAGMENT | PACKET_TRUNCATED | PACKET_NO_TRANSPORT |
                    PACKET_LENGTH_GUESSED)) {
        flow->flags |=
            (uint16_t)((p->flags & PACKET_FRAGMENT ? FLOW_FRAGMENTS : 0) |
                       (p->flags & PACKET_TRUNCATED ? FLOW_TRUNCATED : 0) |
                       (p->flags & PACKET_NO_TRANSPORT ? FLOW_NO_TRANSPORT
                                                       : 0) |
                       (p->flags & PACKET_LENGTH_GUESSED ? FLOW_LENGTH_GUESSED
                                                         : 0));
    }
}

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
    unsigned initiator = flow_initiator(flow);

    *record = (struct flow_record){
        .evidence = (enum flow_evidence)flow->evidence,
        .outcome = (enum flow_outcome)flow->outcome,
        .id = flow_key_id(&flow->key, flow->start.ns, flow->first_frame,
                          flow->file),
        .flags = flow->flags,
        .protocol = flow->key.protocol,
        .ip_version = addr_is_ipv4(&flow->key.addr[0]) ? 4 : 6,
        .start = flow->start,
        .end = flow->end,
        .context = flow->key.context,
        .file = flow->file,
        .interface = flow->interface,
        .first_frame = flow->first_frame,
        .last_frame = flow->last_frame,
    };
    fill_end(flow, initiator, &record->source);
    fill_end(flow, !initiator, &record->destination);
    fill_path(flow, record);
    fill_notes(flow, record);
    fill_state(flow, record);
}

static void
count(struct flow *flow, unsigned end, const struct packet *p)
{
    struct flow_count *c = &flow->count[end];
    uint32_t packets, bytes, payload;

    if (__builtin_add_overflow(c->packets, 1, &packets) ||
        __builtin_add_overflow(c->bytes, p->ip_bytes, &bytes) ||
        __builtin_add_overflow(c->payload, p->payload_bytes, &payload)) {
        count_over(flow, end, p);
        return;
    }
    c->packets = packets;
    c->bytes = bytes;
    c->payload = payload;
}

/* One of the low words overflows. */
__attribute__((noinline)) static void
count_over(struct flow *flow, unsigned end, const struct packet *p)
{
    struct flow_count *c = &flow->count[end];
    struct flow_count old = *c;

    c->packets++;
    c->bytes += p->ip_bytes;
    c->payload += p->payload_bytes;
    c->bytes_high = (uint16_t)(c->bytes_high + (c->bytes < old.bytes));
    c->payload_high = (uint16_t)(c->payload_high + (c->payload < old.payload));
    if (c->packets < old.packets || c->bytes_high < old.bytes_high ||
        c->payload_high < old.payload_high) {
        carry(flow, end, &old);
    }
}

static void
carry(struct flow *flow, unsigned end, const struct flow_count *old)
{
    const struct flow_count *c = &flow->count[end];
    struct flow_part *part = flow_part_get(flow, FLOW_PART_CARRY);

    if (!part) {
        /* No memory for the carry: stand still rather than wrap. */
        flow->count[end] = *old;
        return;
    }
    part->carry.packets[end] += c->packets < old->packets;
    part->carry.bytes[end] += c->bytes_high < old->bytes_high;
    part->carry.payload[end] += c->payload_high < old->payload_high;
}

static void
note_early(struct flow *flow, struct wall_time time)
{
    struct flow_part *part = flow_part_get(flow, FLOW_PART_NOTES);

    if (part &&
        (!(flow->marks & FLOW_MARK_EARLY) || time.ns < part->notes.early.ns)) {
        flow->marks |= FLOW_MARK_EARLY;
        part->notes.early = time;
    }
}

static void
note_path(struct flow *flow, const struct packet *p)
{
    struct flow_part *part;

    flow->vlan = p->vlan[0];
    flow->n_vlans = p->n_vlans;
    if (p->n_vlans < 2 && p->tunnel == PACKET_TUNNEL_NONE && p->depth == 0) {
        return;
    }
    flow->marks |= FLOW_MARK_PATH;
    part = flow_part_get(flow, FLOW_PART_PATH);
    if (part) {
        memcpy(part->path.vlan, p->vlan, sizeof part->path.vlan);
        part->path.n_vlans = p->n_vlans;
        part->path.tunnel = p->tunnel;
        part->path.depth = p->depth;
        part->path.tunnel_id = p->tunnel_id;
    }
    if (p->tunnel != PACKET_TUNNEL_NONE) {
        part = flow_part_get(flow, FLOW_PART_OUTER);
        if (part) {
            part->outer.src = p->outer_src;
            part->outer.dst = p->outer_dst;
        }
    }
}

static void
fill_end(const struct flow *flow, unsigned end, struct flow_end_point *out)
{
    const struct flow_part *part = flow_part_find(flow, FLOW_PART_TROUBLE);
    bool has_ports = flow->key.protocol != PROTOCOL_ICMP &&
                     flow->key.protocol != PROTOCOL_ICMPV6;

    out->addr = flow->key.addr[end];
    out->port = has_ports ? flow->key.port[end] : 0;
    memcpy(out->mac, flow->mac[end], sizeof out->mac);
    out->tcp_flags = flow->tcp_flags[end];
    if (flow_has_packets(flow, end)) {
        out->ttl_min = flow->ttl_min[end];
        out->ttl_max = flow->ttl_max[end];
    }
    fill_totals(flow, end, out);
    if (part) {
        out->missed_bytes = part->trouble.missed_bytes[end];
        out->retransmissions = part->trouble.retransmissions[end];
        out->out_of_order = part->trouble.out_of_order[end];
        out->duplicates = part->trouble.duplicates[end];
    }
}

static void
fill_totals(const struct flow *flow, unsigned end, struct flow_end_point *out)
{
    const struct flow_count *c = &flow->count[end];
    const struct flow_part *part = flow_part_find(flow, FLOW_PART_CARRY);

    out->packets = c->packets;
    out->bytes = (uint64_t)c->bytes_high << 32 | c->bytes;
    out->payload_bytes = (uint64_t)c->payload_high << 32 | c->payload;
    if (part) {
        out->packets += (uint64_t)part->carry.packets[end] << 32;
        out->bytes += (uint64_t)part->carry.bytes[end] << 48;
        out->payload_bytes += (uint64_t)part->carry.payload[end] << 48;
    }
    out->delta_packets = out->packets;
    out->delta_bytes = out->bytes;
    if (flow->marks & FLOW_MARK_REPORTED) {
        part = flow_part_find(flow, FLOW_PART_REPORTED);
        out->delta_packets -= part->reported.packets[end];
        out->delta_bytes -= part->reported.bytes[end];
    }
}

static void
fill_path(const struct flow *flow, struct flow_record *record)
{
    const struct flow_part *part;

    record->vlan[0] = flow->vlan;
    record->n_vlans = flow->n_vlans < 1 ? 0 : 1;
    if (!(flow->marks & FLOW_MARK_PATH)) {
        return;
    }
    part = flow_part_find(flow, FLOW_PART_PATH);
    if (part) {
        memcpy(record->vlan, part->path.vlan, sizeof record->vlan);
        record->n_vlans = part->path.n_vlans;
        record->tunnel = part->path.tunnel;
        record->depth = part->path.depth;
        record->tunnel_id = part->path.tunnel_id;
    }
    part = flow_part_find(flow, FLOW_PART_OUTER);
    if (part) {
        record->outer_src = part->outer.src;
        record->outer_dst = part->outer.dst;
    }
}

static void
fill_notes(const struct flow *flow, struct flow_record *record)
{
    const struct flow_part *part = flow_part_find(flow, FLOW_PART_NOTES);

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
fill_state(const struct flow *flow, struct flow_record *record)
{
    const struct flow_part *part;
    const char *state = "";
    uint32_t time = flow->opening & INT32_MAX;

    record->handshake_ns = -1;
    if (flow->marks & FLOW_MARK_HANDSHAKE) {
        record->handshake_ns =
            flow->opening > INT32_MAX ? time * MICROSECOND_NS : time;
    }
    if (flow->marks & FLOW_MARK_REPORTED) {
        part = flow_part_find(flow, FLOW_PART_REPORTED);
        record->sequence = part->reported.sequence;
    }
    history_format(flow, record->history);
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
    const struct flow_count *c = flow->count;

    if (is_open || flow->outcome >= FLOW_OUTCOME_ESTABLISHED) {
        return c[0].payload | c[0].payload_high | c[1].payload |
                       c[1].payload_high
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
    const struct flow_count *c = flow->count;

    /* An answer counts even where the question was not seen. */
    if (c[!flow_initiator(flow)].packets == 0) {
        return FLOW_OUTCOME_ATTEMPT;
    }
    if ((c[0].payload | c[0].payload_high) &&
        (c[1].payload | c[1].payload_high)) {
        return FLOW_OUTCOME_DATA;
    }
    return FLOW_OUTCOME_ESTABLISHED;
}
