/* A violation as an event; see event.h.
 *
 * Nothing here says that something was blocked: segmon watches.  'outcome'
 * tells what really happened to the traffic. */

#include "tools/event/attack.h"
#include "tools/event/event_parts.h"
#include "tools/event/event_words.h"

#include <string.h>

enum {
    MAX_MESSAGE = EVENT_MAX_TEXT,
    MAX_MESSAGE_NAME = 200, /* Bytes shown of each of its three names. */
    /* Rooms of blocks. */
    EVENT_SIZE = 280,
    IDENTITY_SIZE = 240,
    SCORE_SIZE = 240
};

/* A line being written.  All that is put into one fits. */
struct message {
    char bytes[MAX_MESSAGE];
    size_t size;
};

/* Ids, each once, or names. */
struct id_set {
    const char *id[ATTACK_MAX_TACTICS * EVENT_MAX_TECHNIQUES];
    size_t n;
};

/* What does not fit is left out. */
static inline void
message_add_bytes(struct message *message, const char *bytes, size_t size)
{
    if (size <= sizeof message->bytes - message->size) {
        memcpy(message->bytes + message->size, bytes, size);
        message->size += size;
    }
}

/* Always inline, because most are literals. */
__attribute__((always_inline)) static inline void
message_add(struct message *message, const char *text)
{
    message_add_bytes(message, text, strlen(text));
}

static void write_event(struct json *json, const struct violation *violation);
static void write_message(struct json *json, const struct event_violation *);
static void message_add_src(struct message *, const struct violation *);
static void message_add_dst(struct message *, const struct violation *);
static void message_add_service(struct message *, const struct violation *);
static void message_add_addresses(struct message *, uint64_t number);
static void message_add_addr(struct message *, const struct addr *);
static void message_add_number(struct message *, uint64_t number);
static void message_add_name(struct message *, const char *name);
static void message_add_segment(struct message *, const struct policy *,
                                segment_id segment);
static bool is_any_service(const struct violation *);
static const char *says_who(const struct violation *violation);
static void write_ends(struct event_encoder *, const struct event_violation *,
                       enum event_host);
static void write_threat(struct event_encoder *encoder, int32_t rule);
static void write_attack(struct json *json, const char *const *attack);
static void write_technique_names(struct json *json, const char *const *attack);
static void write_tactics(struct json *json, const char *const *attack);
static void collect_tactics(struct id_set *set, const char *const *attack);
static void id_set_add(struct id_set *set, const char *id);
static void id_set_write(struct json *json, const char *key,
                         const struct id_set *set);
static void write_segmon(struct event_encoder *, const struct event_violation *,
                         enum event_host);
static void write_violation(struct json *json, const struct event_violation *);
static const char *collapsed_over(const struct violation *);
static void write_identity(struct json *json, const struct violation *);
static void write_detection(struct json *json, const struct detection *);
static void write_score(struct json *json, const struct violation_score *score);
static void write_evidence(struct json *json, const struct event_flow *flow);
static void write_rule_notes(struct event_encoder *encoder, int32_t rule);
static void write_notes(struct json *json, const struct policy_rule *rule);

const struct json *
event_violation_encode(struct event_encoder *encoder,
                       const struct event_violation *whole)
{
    struct json *json = &encoder->json;
    struct event_redacted less;
    struct event_violation redacted = *whole;
    const struct event_violation *event = &redacted;
    const struct violation *violation = event->violation;
    enum event_host host;

    redacted.flow = event_redact(encoder, whole->flow, &less);
    host = event->flow ? event_host(encoder, event->flow) : EVENT_HOST_NONE;
    event_encoder_begin(encoder, event->policy);
    write_event(json, violation);
    write_message(json, event);
    event_write_observer(encoder);
    event_write_zones(encoder, event->flow ? event->flow->interface : "",
                      violation->src_segment, violation->dst_segment);
    write_ends(encoder, event, host);
    event_write_rule(encoder, violation->rule);
    if (event->flow) {
        event_write_protocols(encoder, event->flow, host);
    }
    write_threat(encoder, violation->rule);
    write_segmon(encoder, event, host);
    write_rule_notes(encoder, violation->rule);
    event_write_policy(encoder);
    json_raw(json, "}}", 2);
    return json;
}

static void
write_event(struct json *json, const struct violation *violation)
{
    int64_t duration_ns =
        wall_time_since(violation->last_seen, violation->first_seen);
    char *at;

    if (!json_room(json, EVENT_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"kind\":\"alert\",\"category\":[\"network\","
                      "\"intrusion_detection\"],\"type\":[\"info\"],"
                      "\"dataset\":\"segmon.violation\",\"start\":");
    at = json_put_time(json, at, violation->first_seen);
    at = JSON_PUT(at, ",\"end\":");
    at = json_put_time(json, at, violation->last_seen);
    at = JSON_PUT(at, ",\"duration\":");
    at = json_digits(at, duration_ns > 0 ? (uint64_t)duration_ns : 0);
    at = JSON_PUT(at, ",\"severity\":");
    at = json_put_i64(at, violation->score.total);
    *at++ = '}';
    json_commit(json, at);
}

/* One line for people: who to whom, by what, and which rule does not permit it.
 */
static void
write_message(struct json *json, const struct event_violation *event)
{
    const struct violation *violation = event->violation;
    struct message message = {.size = 0};

    message_add_segment(&message, event->policy, violation->src_segment);
    message_add(&message, " ");
    message_add_src(&message, violation);
    message_add(&message, " -> ");
    message_add_segment(&message, event->policy, violation->dst_segment);
    message_add(&message, " ");
    message_add_dst(&message, violation);
    message_add(&message, " ");
    message_add_service(&message, violation);
    message_add(&message, ": ");
    message_add(&message, says_who(violation));
    message_add(&message, " ");
    message_add_name(&message, event_rule_id(event->policy, violation->rule));
    message_add(&message, " (");
    message_add(&message, flow_outcome_name(violation->outcome));
    message_add(&message, ")");
    if (event->detection) {
        message_add(&message, ", ");
        message_add_number(&message, event->detection->count);
        message_add(&message, " ");
        message_add(&message, event->detection->counted);
        message_add(&message, " of ");
        message_add_number(&message, event->detection->limit);
    }
    json_text(json, "message", message.bytes, message.size);
}

static void
message_add_src(struct message *message, const struct violation *violation)
{
    if (violation->all_srcs) {
        message_add_addresses(message, violation->n_targets);
    } else {
        message_add_addr(message, &violation->src);
    }
}

static void
message_add_dst(struct message *message, const struct violation *violation)
{
    if (!violation->all_dsts) {
        message_add_addr(message, &violation->dst);
    } else if (violation->n_targets && !violation->all_srcs) {
        message_add_addresses(message, violation->n_targets);
    } else {
        message_add(message, "(any address)");
    }
}

static void
message_add_service(struct message *message, const struct violation *violation)
{
    const char *transport = packet_protocol_name(violation->protocol);

    if (is_any_service(violation)) {
        message_add(message, "any service");
        return;
    }
    message_add(message, transport ? transport : "ip/");
    if (!transport) {
        message_add_number(message, violation->protocol);
    } else if (violation->all_ports && violation->all_srcs) {
        message_add(message, " (any port)");
    } else if (violation->all_ports) {
        message_add(message, " (");
        message_add_number(message, violation->n_targets);
        message_add(message, " ports)");
    } else if (packet_protocol_has_ports(violation->protocol)) {
        message_add(message, "/");
        message_add_number(message, violation->port);
    }
}

static void
message_add_addresses(struct message *message, uint64_t number)
{
    message_add(message, "(");
    message_add_number(message, number);
    message_add(message, " addresses)");
}

static void
message_add_addr(struct message *message, const struct addr *addr)
{
    char text[ADDR_TEXT_SIZE];

    message_add_bytes(message, text, (size_t)(addr_put(addr, text) - text));
}

static void
message_add_number(struct message *message, uint64_t number)
{
    char text[JSON_MAX_NUMBER];

    message_add_bytes(message, text,
                      (size_t)(json_digits(text, number) - text));
}

/* Of a segment or a rule: the policy's author chose its length. */
static void
message_add_name(struct message *message, const char *name)
{
    message_add_bytes(message, name, strnlen(name, MAX_MESSAGE_NAME));
}

/* What a detector found may be about no protocol in particular. */
static void
message_add_segment(struct message *message, const struct policy *policy,
                    segment_id segment)
{
    message_add_name(message, policy_segment(policy, segment)->name);
}

static bool
is_any_service(const struct violation *violation)
{
    return violation->all_ports && !violation->protocol;
}

static const char *
says_who(const struct violation *violation)
{
    if (violation->staged) {
        return "would not be permitted by";
    }
    return violation->reason == VERDICT_REASON_DETECTED ? "found by"
                                                        : "not permitted by";
}

/* The flow's own ends where there is one, unless it is an ICMP error and the
 * violation is about what it quotes; else what the violation is about. */
static void
write_ends(struct event_encoder *encoder, const struct event_violation *event,
           enum event_host host)
{
    struct json *json = &encoder->json;
    const struct violation *violation = event->violation;
    const char *transport = packet_protocol_name(violation->protocol);

    if (event->flow && !(event->flow->verdict->flags & VERDICT_ICMP_ORPHAN)) {
        event_write_flow_ends(encoder, event->flow, host);
        return;
    }
    json_open(json, "source", '{');
    event_write_addr(json, "ip", &violation->src);
    json_close(json, '}');
    json_open(json, "destination", '{');
    if (!violation->all_dsts) {
        event_write_addr(json, "ip", &violation->dst);
    }
    if (packet_protocol_has_ports(violation->protocol) &&
        !violation->all_ports) {
        json_u64(json, "port", violation->port);
    }
    json_close(json, '}');
    json_open(json, "network", '{');
    json_plain(json, "type", addr_is_ipv4(&violation->src) ? "ipv4" : "ipv6");
    if (transport && !is_any_service(violation)) {
        json_plain(json, "transport", transport);
    }
    if (!is_any_service(violation)) {
        json_u64_keyword(json, "iana_number", violation->protocol);
    }
    json_word(json, "direction",
              event_direction(event->policy, violation->src_segment,
                              violation->dst_segment));
    json_close(json, '}');
}

static void
write_threat(struct event_encoder *encoder, int32_t rule)
{
    size_t start = encoder->json.size;

    if (rule >= 0 &&
        !event_phrases_copy(&encoder->phrases, &encoder->json,
                            EVENT_PHRASE_RULE_THREAT, (uint32_t)rule)) {
        write_attack(&encoder->json,
                     policy_rule(encoder->policy, (uint32_t)rule)->attack);
        event_phrases_keep(&encoder->phrases, &encoder->json, start,
                           EVENT_PHRASE_RULE_THREAT, (uint32_t)rule);
    }
}

static void
write_attack(struct json *json, const char *const *attack)
{
    if (!attack || !attack[0]) {
        return;
    }
    json_open(json, "threat", '{');
    json_plain(json, "framework", "MITRE ATT&CK");
    json_open(json, "technique", '{');
    json_open(json, "id", '[');
    for (size_t i = 0; attack[i] && i < EVENT_MAX_TECHNIQUES; i++) {
        json_cstring(json, NULL, attack[i]);
    }
    json_close(json, ']');
    write_technique_names(json, attack);
    json_close(json, '}');
    write_tactics(json, attack);
    json_close(json, '}');
}

/* Of those that have one here: an id of a later ATT&CK stands alone. */
static void
write_technique_names(struct json *json, const char *const *attack)
{
    struct id_set names = {.n = 0};

    for (size_t i = 0; attack[i] && i < EVENT_MAX_TECHNIQUES; i++) {
        const struct attack_technique *technique = attack_technique(attack[i]);

        if (technique) {
            id_set_add(&names, technique->name);
        }
    }
    id_set_write(json, "name", &names);
}

static void
write_tactics(struct json *json, const char *const *attack)
{
    struct id_set ids = {.n = 0}, names = {.n = 0};

    collect_tactics(&ids, attack);
    for (size_t i = 0; i < ids.n; i++) {
        names.id[names.n++] = attack_tactic_name(ids.id[i]);
    }
    if (ids.n) {
        json_open(json, "tactic", '{');
        id_set_write(json, "id", &ids);
        id_set_write(json, "name", &names);
        json_close(json, '}');
    }
}

static void
collect_tactics(struct id_set *set, const char *const *attack)
{
    for (size_t i = 0; attack[i] && i < EVENT_MAX_TECHNIQUES; i++) {
        const struct attack_technique *technique = attack_technique(attack[i]);

        for (size_t j = 0; technique && technique->tactics[j]; j++) {
            id_set_add(set, technique->tactics[j]);
        }
    }
}

static void
id_set_add(struct id_set *set, const char *id)
{
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->id[i], id) == 0) {
            return;
        }
    }
    set->id[set->n++] = id;
}

static void
id_set_write(struct json *json, const char *key, const struct id_set *set)
{
    if (set->n == 0) {
        return;
    }
    json_open(json, key, '[');
    for (size_t i = 0; i < set->n; i++) {
        json_plain(json, NULL, set->id[i]);
    }
    json_close(json, ']');
}

static void
write_segmon(struct event_encoder *encoder, const struct event_violation *event,
             enum event_host host)
{
    struct json *json = &encoder->json;
    const struct violation *violation = event->violation;
    const struct event_flow *flow = event->flow;

    json_open(json, "segmon", '{');
    json_plain(json, "schema", EVENT_SCHEMA_VERSION);
    if (flow) {
        json_id(json, "flow_id", flow->record->id);
    }
    json_word(json, "verdict", &event_verdict_words[DECISION_DENY]);
    json_word(json, "reason", &event_reason_words[violation->reason]);
    json_plain(json, "severity", level_name(violation->score.level));
    json_word(json, "outcome", &event_outcome_words[violation->outcome]);
    write_violation(json, event);
    if (flow) {
        event_write_initiator(json, flow->record);
        event_write_verdict_notes(json, flow);
        event_write_application(encoder, flow, host);
        event_write_carrier(json, flow);
        event_write_flags(json, flow);
    } else if (violation->protocol == PROTOCOL_ICMP ||
               violation->protocol == PROTOCOL_ICMPV6) {
        json_open(json, "icmp", '{');
        json_u64(json, "type", violation->port);
        json_close(json, '}');
    }
}

static void
write_violation(struct json *json, const struct event_violation *event)
{
    const struct violation *violation = event->violation;

    write_identity(json, violation);
    if (violation->all_dsts || violation->all_ports) {
        json_plain(json, "collapsed_over", collapsed_over(violation));
    }
    if (violation->n_targets) {
        json_u64(json, "targets", violation->n_targets);
    }
    json_open(json, "flow_ids", '[');
    for (unsigned i = 0; i < VIOLATION_MAX_FLOWS; i++) {
        if (violation->flow_ids[i]) {
            json_id(json, NULL, violation->flow_ids[i]);
        }
    }
    json_close(json, ']');
    write_score(json, &violation->score);
    json_bool(json, "suppressed", violation->suppressed);
    json_bool(json, "staged", violation->staged);
    if (event->flow && event->flow->file[0]) {
        write_evidence(json, event->flow);
    }
    json_close(json, '}');
    if (event->detection) {
        write_detection(json, event->detection);
    }
}

static const char *
collapsed_over(const struct violation *violation)
{
    if (violation->all_srcs) {
        return "sources";
    }
    return violation->all_dsts ? "destinations" : "ports";
}

/* Which one it is, and how often it was seen. */
static void
write_identity(struct json *json, const struct violation *violation)
{
    char *at;

    if (!json_room(json, IDENTITY_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"violation\":{\"id\":");
    at = json_put_plain(at, violation->id, strlen(violation->id));
    at = JSON_PUT(at, ",\"kind\":");
    at = json_put_word(at, &event_violation_words[violation->kind]);
    at = JSON_PUT(at, ",\"count\":");
    at = json_digits(at, violation->count);
    at = JSON_PUT(at, ",\"count_since_last\":");
    at = json_digits(at, violation->count_since_last);
    at = JSON_PUT(at, ",\"first_seen\":");
    at = json_put_time(json, at, violation->first_seen);
    at = JSON_PUT(at, ",\"last_seen\":");
    at = json_put_time(json, at, violation->last_seen);
    json_commit(json, at);
}

/* What the detector counted, and how much is too much. */
static void
write_detection(struct json *json, const struct detection *detection)
{
    json_open(json, "detector", '{');
    json_plain(json, "name", detector_name(detection->detector));
    json_plain(json, "counted", detection->counted);
    json_u64(json, "count", detection->count);
    json_u64(json, "limit", detection->limit);
    if (detection->window_ns > 0) {
        json_u64(json, "window", (uint64_t)detection->window_ns);
    }
    json_close(json, '}');
}

static void
write_score(struct json *json, const struct violation_score *score)
{
    char *at;

    if (!json_room(json, SCORE_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"score_terms\":{\"base\":");
    at = json_put_i64(at, score->base);
    at = JSON_PUT(at, ",\"outcome\":");
    at = json_put_i64(at, score->outcome);
    at = JSON_PUT(at, ",\"criticality\":");
    at = json_put_i64(at, score->criticality);
    at = JSON_PUT(at, ",\"external\":");
    at = json_put_i64(at, score->external);
    at = JSON_PUT(at, ",\"unknown\":");
    at = json_put_i64(at, score->unknown);
    at = JSON_PUT(at, ",\"ambiguous\":");
    at = json_put_i64(at, score->ambiguous);
    *at++ = '}';
    json_commit(json, at);
}

static void
write_evidence(struct json *json, const struct event_flow *flow)
{
    json_open(json, "evidence", '{');
    json_cstring(json, "pcap", flow->file);
    json_open(json, "frames", '[');
    json_u64(json, NULL, flow->record->first_frame);
    json_u64(json, NULL, flow->record->last_frame);
    json_close(json, ']');
    json_close(json, '}');
}

static void
write_rule_notes(struct event_encoder *encoder, int32_t rule)
{
    size_t start = encoder->json.size;

    if (rule >= 0 &&
        !event_phrases_copy(&encoder->phrases, &encoder->json,
                            EVENT_PHRASE_RULE_NOTES, (uint32_t)rule)) {
        write_notes(&encoder->json,
                    policy_rule(encoder->policy, (uint32_t)rule));
        event_phrases_keep(&encoder->phrases, &encoder->json, start,
                           EVENT_PHRASE_RULE_NOTES, (uint32_t)rule);
    }
}

static void
write_notes(struct json *json, const struct policy_rule *rule)
{
    event_write_texts(json, "controls", rule->controls);
    event_write_texts(json, "tags", rule->tags);
    event_write_text(json, "conduit", rule->conduit);
    event_write_text(json, "justification", rule->justification);
    event_write_text(json, "owner", rule->owner);
}
