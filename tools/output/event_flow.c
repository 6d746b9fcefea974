/* A flow as an event; see event.h. */

#include "tools/output/event_parts.h"

#include <string.h>

enum {
    MAX_PROTOCOL_NAME = 64, /* Longer ones are cut. */
    MAC_TEXT_SIZE = 18,
    TCP_FLAGS_SIZE = 9
};

struct flag_list {
    struct json *json;
    bool open;
};

static void write_event(struct json *json, const struct flow_record *record);
static void write_end_point(struct json *json, const char *key,
                            const struct flow_end_point *end, bool has_port,
                            const char *domain);
static void write_mac(struct json *json, const uint8_t mac[6]);
static void write_network(struct json *json, const struct event_flow *flow);
static void write_protocol_names(struct json *json,
                                 const struct event_flow *flow);
static void write_lower(struct json *json, const char *key, const char *name);
static void write_vlans(struct json *json, const struct flow_record *record);
static void write_segmon(struct json *json, const struct event_flow *flow);
static void write_judgement(struct json *json, const struct event_flow *flow);
static void write_revision(struct json *json, const struct event_revision *);
static void write_suppression(struct json *json, const struct event_flow *flow);
static void write_counts(struct json *json, const struct flow_record *record);
static void write_loss(struct json *json, const struct flow_record *record);
static void write_ttl(struct json *json, const struct flow_record *record);
static void write_ttl_of(struct json *json, const char *key,
                         const struct flow_end_point *end);
static void write_tcp(struct json *json, const struct flow_record *record);
static const char *tcp_flags_format(uint8_t flags, char text[TCP_FLAGS_SIZE]);
static void write_icmp_errors(struct json *json,
                              const struct flow_record *record);
static void write_tunnel(struct json *json, const struct flow_record *record);
static void add_flag(void *context, const char *flag);

bool
event_flow_encode(struct json *json, const struct event_source *source,
                  const struct event_flow *flow)
{
    struct event_zones zones =
        event_zones(flow->policy, flow->src_segment, flow->dst_segment);

    zones.interface = flow->interface;
    json_reset(json, true);
    write_event(json, flow->record);
    json_close(json, '}');
    event_write_observer(json, source, &zones);
    event_write_flow_ends(json, flow);
    event_write_rule(json, flow->policy, flow->verdict->rule);
    event_write_protocols(json, flow);
    write_segmon(json, flow);
    json_close(json, '}');
    return !json->failed;
}

void
event_write_flow_ends(struct json *json, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    enum event_host host = event_host(flow);
    bool has_port = record->protocol == PROTOCOL_TCP ||
                    record->protocol == PROTOCOL_UDP ||
                    record->protocol == PROTOCOL_SCTP;

    write_end_point(json, "source", &record->source, has_port, NULL);
    write_end_point(json, "destination", &record->destination, has_port,
                    host == EVENT_HOST_TLS || host == EVENT_HOST_HTTP
                        ? flow->application->details->host
                        : NULL);
    write_network(json, flow);
}

void
event_write_carrier(struct json *json, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;

    if (record->has_icmp_type) {
        json_open(json, "icmp", '{');
        json_u64(json, "type", record->icmp_type);
        json_u64(json, "code", record->icmp_code);
        json_close(json, '}');
    }
    write_vlans(json, record);
    if (record->tunnel != PACKET_TUNNEL_NONE) {
        write_tunnel(json, record);
    }
    if (flow->file[0]) {
        json_open(json, "pcap", '{');
        json_cstring(json, "file", flow->file);
        json_u64(json, "first_frame", record->first_frame);
        json_u64(json, "last_frame", record->last_frame);
        json_close(json, '}');
    }
}

void
event_write_flags(struct json *json, const struct event_flow *flow)
{
    static const char *const names[] = {
        "midstream",   "fragments",     "truncated",    "one-sided",
        "history-cut", "time-stepped",  "no-transport", "orphan-fragments",
        "flipped",     "length-guessed"};
    struct flag_list list = {json, false};
    const struct application *app = flow->application;

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (flow->record->flags >> i & 1) {
            add_flag(&list, names[i]);
        }
    }
    if (app && app->details && app->details->text_cut) {
        add_flag(&list, "text-cut");
    }
    verdict_each_flag(flow->policy, flow->verdict, add_flag, &list);
    if (list.open) {
        json_close(json, ']');
    }
}

static void
write_event(struct json *json, const struct flow_record *record)
{
    int64_t duration_ns = wall_time_since(record->end, record->start);

    json_plain(json, "kind", "event");
    json_open(json, "category", '[');
    json_plain(json, NULL, "network");
    json_close(json, ']');
    json_open(json, "type", '[');
    json_plain(json, NULL, "connection");
    if (record->kind != FLOW_RECORD_UPDATE) {
        json_plain(json, NULL,
                   record->kind == FLOW_RECORD_BEGIN ? "start" : "end");
    }
    json_close(json, ']');
    json_plain(json, "dataset", "segmon.flow");
    json_time(json, "start", record->start);
    json_time(json, "end", record->end);
    json_u64(json, "duration", duration_ns > 0 ? (uint64_t)duration_ns : 0);
    if (record->reason != FLOW_END_NONE) {
        json_plain(json, "reason", flow_end_name(record->reason));
    }
}

static void
write_end_point(struct json *json, const char *key,
                const struct flow_end_point *end, bool has_port,
                const char *domain)
{
    json_open(json, key, '{');
    event_write_addr(json, "ip", &end->addr);
    if (has_port) {
        json_u64(json, "port", end->port);
    }
    if (domain) {
        json_cstring(json, "domain", domain);
    }
    write_mac(json, end->mac);
    json_u64(json, "packets", end->packets);
    json_u64(json, "bytes", end->bytes);
    json_close(json, '}');
}

/* RFC 7042 form, as ECS asks for; nothing for a link without addresses. */
static void
write_mac(struct json *json, const uint8_t mac[6])
{
    static const char digits[] = "0123456789ABCDEF";
    static const uint8_t none[6];
    char text[MAC_TEXT_SIZE];
    char *at = text;

    if (memcmp(mac, none, sizeof none) == 0) {
        return;
    }
    for (unsigned i = 0; i < 6; i++) {
        *at++ = digits[mac[i] >> 4];
        *at++ = digits[mac[i] & 0xf];
        *at++ = i < 5 ? '-' : '\0';
    }
    json_plain(json, "mac", text);
}

static void
write_network(struct json *json, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    const char *transport = packet_protocol_name(record->protocol);
    char community_id[COMMUNITY_ID_SIZE];

    json_open(json, "network", '{');
    json_plain(json, "type", record->ip_version == 6 ? "ipv6" : "ipv4");
    if (transport) {
        json_plain(json, "transport", transport);
    }
    json_u64_keyword(json, "iana_number", record->protocol);
    write_protocol_names(json, flow);
    json_plain(json, "community_id", flow_community_id(record, community_id));
    json_plain(
        json, "direction",
        event_direction(flow->policy, flow->src_segment, flow->dst_segment));
    json_u64(json, "bytes", record->source.bytes + record->destination.bytes);
    json_u64(json, "packets",
             record->source.packets + record->destination.packets);
    if (record->n_vlans > 0) {
        json_open(json, "vlan", '{');
        json_u64_keyword(json, "id", record->vlan[0]);
        json_close(json, '}');
    }
    if (record->n_vlans > 1) {
        json_open(json, "inner", '{');
        json_open(json, "vlan", '{');
        json_u64_keyword(json, "id", record->vlan[1]);
        json_close(json, '}');
        json_close(json, '}');
    }
    json_close(json, '}');
}

/* ECS wants both in lower case; only what was recognised, never a guess. */
static void
write_protocol_names(struct json *json, const struct event_flow *flow)
{
    const struct application *app = flow->application;

    if (!app || (!app->master && !app->name)) {
        return;
    }
    write_lower(
        json, "protocol",
        application_name(flow->engine, app->master ? app->master : app->name));
    if (app->name) {
        write_lower(json, "application",
                    application_name(flow->engine, app->name));
    }
}

static void
write_lower(struct json *json, const char *key, const char *name)
{
    char lower[MAX_PROTOCOL_NAME];
    size_t size = strnlen(name, sizeof lower);

    for (size_t i = 0; i < size; i++) {
        bool is_upper = name[i] >= 'A' && name[i] <= 'Z';

        lower[i] = (char)(is_upper ? name[i] - 'A' + 'a' : name[i]);
    }
    json_text(json, key, lower, size);
}

static void
write_vlans(struct json *json, const struct flow_record *record)
{
    if (record->n_vlans == 0) {
        return;
    }
    json_open(json, "vlans", '[');
    for (unsigned i = 0; i < record->n_vlans && i < PACKET_MAX_VLANS; i++) {
        json_u64(json, NULL, record->vlan[i]);
    }
    json_close(json, ']');
}

static void
write_segmon(struct json *json, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    static const char *const kinds[] = {[FLOW_RECORD_BEGIN] = "begin",
                                        [FLOW_RECORD_UPDATE] = "update",
                                        [FLOW_RECORD_END] = "end"};

    json_open(json, "segmon", '{');
    json_plain(json, "schema", EVENT_SCHEMA_VERSION);
    json_id(json, "flow_id", record->id);
    json_plain(json, "record", kinds[record->kind]);
    json_u64(json, "record_sequence", record->sequence);
    write_judgement(json, flow);
    event_write_application(json, flow);
    if (record->history[0]) {
        json_plain(json, "history", record->history);
    }
    if (record->conn_state[0]) {
        json_plain(json, "conn_state", record->conn_state);
    }
    if (record->protocol == PROTOCOL_TCP) {
        write_tcp(json, record);
    }
    write_counts(json, record);
    if (record->icmp_errors) {
        write_icmp_errors(json, record);
    }
    event_write_carrier(json, flow);
    event_write_flags(json, flow);
    event_write_policy(json, flow->policy);
    json_close(json, '}');
}

static void
write_judgement(struct json *json, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    const struct verdict *verdict = flow->verdict;

    json_plain(json, "verdict", event_verdict_name(verdict->decision));
    json_plain(json, "reason", verdict_reason_name(verdict->reason));
    json_bool(json, "verdict_final", verdict->final);
    if (flow->revised) {
        write_revision(json, flow->revised);
    }
    event_write_verdict_notes(json, flow);
    write_suppression(json, flow);
    json_plain(json, "outcome", flow_outcome_name(record->outcome));
    json_plain(json, "initiator", "source");
    json_plain(json, "initiator_evidence",
               flow_evidence_name(record->evidence));
    if (verdict->rule >= 0) {
        const struct policy_rule *rule =
            policy_rule(flow->policy, (uint32_t)verdict->rule);

        event_write_text(json, "conduit", rule->conduit);
        event_write_texts(json, "tags", rule->tags);
    }
}

static void
write_revision(struct json *json, const struct event_revision *revision)
{
    json_open(json, "revised", '{');
    json_plain(json, "cause", revision->policy_changed ? "policy" : "evidence");
    json_plain(json, "verdict", event_verdict_name(revision->decision));
    event_write_text(json, "rule", revision->rule);
    json_close(json, '}');
}

/* Why no violation record tells of it. */
static void
write_suppression(struct json *json, const struct event_flow *flow)
{
    const char *by = event_suppressed_by(flow);

    if (by) {
        event_write_text(json, "suppressed_by", by);
    }
}

const char *
event_suppressed_by(const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    const struct verdict *verdict = flow->verdict;

    if (verdict->decision != DECISION_DENY || verdict->rule < 0) {
        return NULL;
    }
    return policy_suppressed(flow->policy, (uint32_t)verdict->rule,
                             &record->source.addr, &record->destination.addr,
                             record->now);
}

static void
write_counts(struct json *json, const struct flow_record *record)
{
    const struct flow_end_point *src = &record->source;
    const struct flow_end_point *dst = &record->destination;

    event_write_both(json, "payload_bytes", src->payload_bytes,
                     dst->payload_bytes);
    if (record->kind == FLOW_RECORD_UPDATE || record->sequence > 0) {
        json_open(json, "delta", '{');
        event_write_both(json, "packets", src->delta_packets,
                         dst->delta_packets);
        event_write_both(json, "bytes", src->delta_bytes, dst->delta_bytes);
        json_close(json, '}');
    }
    json_u64(json, "missed_bytes", src->missed_bytes + dst->missed_bytes);
    json_u64(json, "duplicates", (uint64_t)src->duplicates + dst->duplicates);
    write_loss(json, record);
    write_ttl(json, record);
}

/* Both directions of whatever went missing or came twice; nothing for the
 * common flow that arrived whole. */
static void
write_loss(struct json *json, const struct flow_record *record)
{
    const struct flow_end_point *src = &record->source;
    const struct flow_end_point *dst = &record->destination;

    if (!(src->missed_bytes | dst->missed_bytes | src->duplicates |
          dst->duplicates | src->retransmissions | dst->retransmissions |
          src->out_of_order | dst->out_of_order)) {
        return;
    }
    json_open(json, "loss", '{');
    event_write_both(json, "missed_bytes", src->missed_bytes,
                     dst->missed_bytes);
    event_write_both(json, "duplicates", src->duplicates, dst->duplicates);
    event_write_both(json, "retransmissions", src->retransmissions,
                     dst->retransmissions);
    event_write_both(json, "out_of_order", src->out_of_order,
                     dst->out_of_order);
    json_close(json, '}');
}

static void
write_ttl(struct json *json, const struct flow_record *record)
{
    json_open(json, "ttl", '{');
    write_ttl_of(json, "src", &record->source);
    write_ttl_of(json, "dst", &record->destination);
    json_close(json, '}');
}

static void
write_ttl_of(struct json *json, const char *key,
             const struct flow_end_point *end)
{
    if (end->packets) {
        json_open(json, key, '{');
        json_u64(json, "min", end->ttl_min);
        json_u64(json, "max", end->ttl_max);
        json_close(json, '}');
    }
}

static void
write_tcp(struct json *json, const struct flow_record *record)
{
    char text[TCP_FLAGS_SIZE];

    json_open(json, "tcp", '{');
    json_plain(json, "flags_src",
               tcp_flags_format(record->source.tcp_flags, text));
    json_plain(json, "flags_dst",
               tcp_flags_format(record->destination.tcp_flags, text));
    if (record->handshake_ns >= 0) {
        json_i64(json, "handshake", record->handshake_ns);
    }
    json_close(json, '}');
}

static const char *
tcp_flags_format(uint8_t flags, char text[TCP_FLAGS_SIZE])
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = {{TCP_SYN, 'S'}, {TCP_ACK, 'A'}, {TCP_PSH, 'P'},
                   {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_URG, 'U'},
                   {TCP_ECE, 'E'}, {TCP_CWR, 'C'}};
    size_t n = 0;

    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (flags & letters[i].flag) {
            text[n++] = letters[i].letter;
        }
    }
    text[n] = '\0';
    return text;
}

static void
write_icmp_errors(struct json *json, const struct flow_record *record)
{
    json_open(json, "icmp_errors", '{');
    json_u64(json, "count", record->icmp_errors);
    json_u64(json, "bytes", record->icmp_error_bytes);
    json_u64(json, "type", record->icmp_error_type);
    json_u64(json, "code", record->icmp_error_code);
    event_write_addr(json, "from", &record->icmp_error_from);
    json_close(json, '}');
}

static void
write_tunnel(struct json *json, const struct flow_record *record)
{
    json_open(json, "tunnel", '{');
    json_plain(json, "type", packet_tunnel_name(record->tunnel));
    json_u64(json, "id", record->tunnel_id);
    json_u64(json, "depth", record->depth);
    event_write_addr(json, "outer_src", &record->outer_src);
    event_write_addr(json, "outer_dst", &record->outer_dst);
    json_close(json, '}');
}

static void
add_flag(void *context, const char *flag)
{
    struct flag_list *list = context;

    if (!list->open) {
        json_open(list->json, "flags", '[');
        list->open = true;
    }
    json_cstring(list->json, NULL, flag);
}
