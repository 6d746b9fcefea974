/* A flow as an event; see event.h. */

#include "tools/event/event_parts.h"
#include "tools/event/event_words.h"

#include <string.h>

enum {
    /* Rooms of blocks: their keys and punctuation, times, addresses, words and
     * numbers, each as long as can be. */
    EVENT_SIZE = 280,
    VERDICT_SIZE = 260,
    COURSE_SIZE = 200,
    COUNTS_SIZE = 360,
    TTL_SIZE = 120
};

struct flag_list {
    struct json *json;
    bool open;
};

static void write_event(struct json *json, const struct flow_record *record);
static void write_vlans(struct json *json, const struct flow_record *record);
static void write_segmon(struct event_encoder *encoder,
                         const struct event_flow *flow, enum event_host);
static void write_judgement(struct json *json, const struct event_flow *flow);
static void write_revision(struct json *json, const struct event_revision *);
static void write_suppression(struct json *json, const struct event_flow *flow);
static void write_counts(struct json *json, const struct flow_record *record);
static char *put_both(char *at, uint64_t src, uint64_t dst);
static void write_loss(struct json *json, const struct flow_record *record);
static void write_ttl(struct json *json, const struct flow_record *record);
static char *put_ttl(char *at, const struct flow_end_point *end);
static void write_course(struct json *json, const struct flow_record *record);
static char *put_tcp_flags(char *at, uint8_t flags);
static void write_icmp_errors(struct json *json,
                              const struct flow_record *record);
static void write_tunnel(struct json *json, const struct flow_record *record);
static void add_flag(void *context, const char *flag);

const struct json *
event_flow_encode(struct event_encoder *encoder, const struct event_flow *whole)
{
    struct json *json = &encoder->json;
    struct event_redacted less;
    const struct event_flow *flow = event_redact(encoder, whole, &less);
    enum event_host host = event_host(encoder, flow);

    event_encoder_begin(encoder, flow->policy);
    write_event(json, flow->record);
    event_write_observer(encoder);
    event_write_zones(encoder, flow->interface, flow->src_segment,
                      flow->dst_segment);
    event_write_flow_ends(encoder, flow, host);
    event_write_rule(encoder, flow->verdict->rule);
    event_write_protocols(encoder, flow, host);
    write_segmon(encoder, flow, host);
    event_write_policy(encoder);
    json_raw(json, "}}", 2);
    return json;
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
    char *at;

    if (!json_room(json, EVENT_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"kind\":\"event\",\"category\":[\"network\"],"
                      "\"type\":[\"connection\"");
    if (record->kind == FLOW_RECORD_BEGIN) {
        at = JSON_PUT(at, ",\"start\"");
    } else if (record->kind == FLOW_RECORD_END) {
        at = JSON_PUT(at, ",\"end\"");
    }
    at = JSON_PUT(at, "],\"dataset\":\"segmon.flow\",\"start\":");
    at = json_put_time(json, at, record->start);
    at = JSON_PUT(at, ",\"end\":");
    at = json_put_time(json, at, record->end);
    at = JSON_PUT(at, ",\"duration\":");
    at = json_digits(at, duration_ns > 0 ? (uint64_t)duration_ns : 0);
    if (record->reason != FLOW_END_NONE) {
        at = JSON_PUT(at, ",\"reason\":");
        at = json_put_word(at, &event_end_words[record->reason]);
    }
    at = JSON_PUT(at, "}");
    json_commit(json, at);
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

/* Open at its end. */
static void
write_segmon(struct event_encoder *encoder, const struct event_flow *flow,
             enum event_host host)
{
    struct json *json = &encoder->json;
    const struct flow_record *record = flow->record;

    write_judgement(json, flow);
    event_write_application(encoder, flow, host);
    write_course(json, record);
    write_counts(json, record);
    if (record->icmp_errors) {
        write_icmp_errors(json, record);
    }
    event_write_carrier(json, flow);
    event_write_flags(json, flow);
}

static void
write_judgement(struct json *json, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    const struct verdict *verdict = flow->verdict;
    char *at;

    if (!json_room(json, VERDICT_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"segmon\":{\"schema\":\"" EVENT_SCHEMA_VERSION
                      "\",\"flow_id\":");
    at = json_put_id(at, record->id);
    at = JSON_PUT(at, ",\"record\":");
    at = json_put_word(at, &event_record_words[record->kind]);
    at = JSON_PUT(at, ",\"record_sequence\":");
    at = json_digits(at, record->sequence);
    at = JSON_PUT(at, ",\"verdict\":");
    at = json_put_word(at, &event_verdict_words[verdict->decision]);
    at = JSON_PUT(at, ",\"reason\":");
    at = json_put_word(at, &event_reason_words[verdict->reason]);
    at = verdict->final ? JSON_PUT(at, ",\"verdict_final\":true")
                        : JSON_PUT(at, ",\"verdict_final\":false");
    json_commit(json, at);
    if (flow->revised) {
        write_revision(json, flow->revised);
    }
    event_write_verdict_notes(json, flow);
    write_suppression(json, flow);
    json_word(json, "outcome", &event_outcome_words[record->outcome]);
    event_write_initiator(json, record);
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
    json_word(json, "verdict", &event_verdict_words[revision->decision]);
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
    char *at;

    if (!json_room(json, COUNTS_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"payload_bytes\":");
    at = put_both(at, src->payload_bytes, dst->payload_bytes);
    if (record->kind == FLOW_RECORD_UPDATE || record->sequence > 0) {
        at = JSON_PUT(at, ",\"delta\":{\"packets\":");
        at = put_both(at, src->delta_packets, dst->delta_packets);
        at = JSON_PUT(at, ",\"bytes\":");
        at = put_both(at, src->delta_bytes, dst->delta_bytes);
        *at++ = '}';
    }
    at = JSON_PUT(at, ",\"missed_bytes\":");
    at = json_digits(at, src->missed_bytes + dst->missed_bytes);
    at = JSON_PUT(at, ",\"duplicates\":");
    at = json_digits(at, (uint64_t)src->duplicates + dst->duplicates);
    json_commit(json, at);
    write_loss(json, record);
    write_ttl(json, record);
}

static char *
put_both(char *at, uint64_t src, uint64_t dst)
{
    at = JSON_PUT(at, "{\"src\":");
    at = json_digits(at, src);
    at = JSON_PUT(at, ",\"dst\":");
    at = json_digits(at, dst);
    *at++ = '}';
    return at;
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
    char *at;
    bool src = record->source.packets > 0;

    if (!json_room(json, TTL_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"ttl\":{");
    if (src) {
        at = JSON_PUT(at, "\"src\":");
        at = put_ttl(at, &record->source);
    }
    if (record->destination.packets > 0) {
        at = src ? JSON_PUT(at, ",\"dst\":") : JSON_PUT(at, "\"dst\":");
        at = put_ttl(at, &record->destination);
    }
    *at++ = '}';
    json_commit(json, at);
}

static char *
put_ttl(char *at, const struct flow_end_point *end)
{
    at = JSON_PUT(at, "{\"min\":");
    at = json_digits(at, end->ttl_min);
    at = JSON_PUT(at, ",\"max\":");
    at = json_digits(at, end->ttl_max);
    *at++ = '}';
    return at;
}

/* How it went, as Zeek and TCP tell it. */
static void
write_course(struct json *json, const struct flow_record *record)
{
    char *at;

    if (!json_room(json, COURSE_SIZE, &at)) {
        return;
    }
    if (record->history[0]) {
        at = JSON_PUT(at, ",\"history\":");
        at = json_put_plain(at, record->history, strlen(record->history));
    }
    if (record->conn_state[0]) {
        at = JSON_PUT(at, ",\"conn_state\":");
        at = json_put_plain(at, record->conn_state, strlen(record->conn_state));
    }
    if (record->protocol == PROTOCOL_TCP) {
        at = JSON_PUT(at, ",\"tcp\":{\"flags_src\":\"");
        at = put_tcp_flags(at, record->source.tcp_flags);
        at = JSON_PUT(at, "\",\"flags_dst\":\"");
        at = put_tcp_flags(at, record->destination.tcp_flags);
        *at++ = '"';
        if (record->handshake_ns >= 0) {
            at = JSON_PUT(at, ",\"handshake\":");
            at = json_digits(at, (uint64_t)record->handshake_ns);
        }
        *at++ = '}';
    }
    json_commit(json, at);
}

static char *
put_tcp_flags(char *at, uint8_t flags)
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = {{TCP_SYN, 'S'}, {TCP_ACK, 'A'}, {TCP_PSH, 'P'},
                   {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_URG, 'U'},
                   {TCP_ECE, 'E'}, {TCP_CWR, 'C'}};

    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        *at = letters[i].letter;
        at += (flags & letters[i].flag) != 0;
    }
    return at;
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
