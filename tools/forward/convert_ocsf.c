/* OCSF 1.7.0 (https://schema.ocsf.io): flows are Network Activity (4001),
 * violations Detection Finding (2004), both with the profile security_control,
 * and status events the Base Event (0), whose content is all unmapped.
 *
 * segmon only watches: action_id is Observed, whatever the policy says. */

#include "tools/event/event.h"
#include "tools/forward/convert_table.h"

#include <assert.h>
#include <string.h>

enum {
    EVENT = FLOW | COLLAPSED | VIOLATION | STATUS,
    FLOWS = FLOW | COLLAPSED,
    PASSED = FLOW | COLLAPSED | VIOLATION,

    /* activity_id of the classes. */
    OPEN = 1,
    CLOSE = 2,
    RESET = 3,
    FAIL = 4,
    REFUSE = 5,
    TRAFFIC = 6,
    CREATE = 1,
    UPDATE = 2,
    FINISH = 3,
    OTHER = 99,

    MD5 = 1, /* algorithm_id of a hash. */
    JA4 = 1  /* type_id of a fingerprint. */
};

static bool finish(enum convert_kind, json_t *record, json_t *event);
static bool set_all(json_t *record, const char *const *paths, const char *name,
                    int number);
static int activity_of(enum convert_kind, json_t *record, json_t *event);
static int class_of(enum convert_kind);
static int flow_activity(const json_t *record, const char *which);
static int violation_activity(const char *kind);
static bool move_attacks(json_t *record, json_t *event);
static bool add_attacks(json_t *attacks, json_t *event, const char *what);
static bool move_flows(json_t *record, json_t *event);
static bool are_texts(const json_t *list);

/* What a rule cannot say, because it is there only beside the value. */
static const char *const hashes[] = {"tls.ja3_hash", "tls.ja3s_hash",
                                     "evidences.0.tls.ja3_hash",
                                     "evidences.0.tls.ja3s_hash", NULL};
static const char *const fingerprints[] = {
    "ja4_fingerprint_list.0", "evidences.0.ja4_fingerprint_list.0", NULL};

static const struct convert_word directions[] = {
    {"unknown", NULL, 0},      {"inbound", NULL, 1},
    {"outbound", NULL, 2},     {"internal", NULL, 3} /* Lateral. */,
    {"external", NULL, OTHER}, {NULL, NULL, 0}};

static const struct convert_word other_directions[] = {
    {"external", "external", 0}, {NULL, NULL, 0}};

static const struct convert_word boundaries[] = {
    {"unknown", NULL, 0},  {"internal", NULL, 2}, {"inbound", NULL, 3},
    {"outbound", NULL, 3}, {"external", NULL, 3}, {NULL, NULL, 0}};

static const struct convert_word ip_versions[] = {
    {"ipv4", NULL, 4}, {"ipv6", NULL, 6}, {NULL, NULL, 0}};

static const struct convert_word severities[] = {
    {"info", NULL, 1}, {"low", NULL, 2},      {"medium", NULL, 3},
    {"high", NULL, 4}, {"critical", NULL, 5}, {NULL, NULL, 0}};

/* Refused is a failure of the conversation, not of the policy. */
static const struct convert_word statuses[] = {{"established", NULL, 1},
                                               {"data", NULL, 1},
                                               {"refused", NULL, 2},
                                               {"attempt", NULL, 0},
                                               {NULL, NULL, 0}};

/* 15 Detected, 17 Logged. */
static const struct convert_word dispositions[] = {
    {"violation", NULL, 15}, {"alert", NULL, 15},   {"allowed", NULL, 17},
    {"observed", NULL, 17},  {"pending", NULL, 17}, {"related", NULL, 17},
    {NULL, NULL, 0}};

/* Analytics: 1 Rule, 2 Behavioral. */
static const struct convert_word analytics[] = {
    {"guardrail", NULL, 1}, {"rule", NULL, 1},     {"pair", NULL, 1},
    {"default", NULL, 1},   {"detector", NULL, 2}, {NULL, NULL, 0}};

static const struct convert_rule rules[] = {
    MUST(EVENT, "@timestamp", "time", TIME_MS),
    MAP(EVENT, "@timestamp", "metadata.original_time", TEXT),
    MUST(EVENT, "event.id", "metadata.uid", TEXT),
    MAP(EVENT, "event.sequence", "metadata.sequence", COUNT),
    MUST(EVENT, "event.dataset", "metadata.log_name", TEXT),
    MAP(EVENT, "segmon.schema", "metadata.log_version", TEXT),
    MUST(EVENT, "observer.name", "metadata.reporter.name", TEXT),
    MAP(EVENT, "observer.product", "metadata.product.name", TEXT),
    MAP(EVENT, "observer.version", "metadata.product.version", TEXT),
    MAP(EVENT, "observer.type", NULL, SAID),
    MAP(EVENT, "ecs.version", NULL, SAID),
    MAP(EVENT, "event.kind", NULL, SAID),
    MAP(EVENT, "event.category", NULL, SAID),
    MAP(EVENT, "event.type", NULL, SAID),
    MUST(PASSED, "event.start", "start_time", TIME_MS),
    MUST(PASSED, "event.end", "end_time", TIME_MS),
    MAP(PASSED, "event.duration", "duration", NS_TO_MS),
    MAP(FLOW, "event.reason", "status_detail", TEXT),
    MAP(VIOLATION, "segmon.reason", "status_detail", TEXT),
    MAP(FLOW, "segmon.conn_state", "status_code", TEXT),
    GIST(FLOW, "segmon.outcome", "status_id", statuses),
    GIST(FLOWS, "segmon.verdict", "disposition_id", dispositions),
    NAME(VIOLATION, "segmon.severity", "severity_id", severities),
    MAP(VIOLATION, "event.severity", "risk_score", COUNT),
    MAP(VIOLATION, "message", "message", TEXT),
    MAP(COLLAPSED, "segmon.collapsed.flows", "count", COUNT),
    MAP(VIOLATION, "segmon.violation.count", "count", COUNT),
    MAP(VIOLATION, "segmon.violation.suppressed", "is_alert", INVERTED),
    MAP(VIOLATION, "segmon.verdict", NULL, SAID),

    MUST(VIOLATION, "segmon.violation.id", "finding_info.uid", TEXT),
    MAP(VIOLATION, "message", "finding_info.title", TEXT),
    MAP(VIOLATION, "segmon.violation.first_seen",
        "finding_info.first_seen_time", TIME_MS),
    MAP(VIOLATION, "segmon.violation.last_seen", "finding_info.last_seen_time",
        TIME_MS),
    NAME(VIOLATION, "rule.category", "finding_info.analytic.type_id",
         analytics),
    MAP(VIOLATION, "rule.category", "finding_info.analytic.category", TEXT),
    MAP(VIOLATION, "rule.id", "finding_info.analytic.uid", TEXT),
    MAP(VIOLATION, "rule.name", "finding_info.analytic.name", TEXT),
    MAP(FLOWS, "rule.id", "firewall_rule.uid", TEXT),
    MAP(FLOWS, "rule.name", "firewall_rule.name", TEXT),
    MAP(FLOWS, "rule.category", "firewall_rule.category", TEXT),
    MAP(PASSED, "rule.ruleset", "policy.name", TEXT),
    WITH(PASSED, "rule.version", "policy.version", TEXT, "rule.ruleset"),
    WITH(PASSED, "segmon.policy.sha256", "policy.uid", TEXT, "rule.ruleset"),

    MUST(FLOW, "source.ip", "src_endpoint.ip", ADDRESS),
    WITH(FLOW, "source.port", "src_endpoint.port", PORT, "source.ip"),
    WITH(FLOW, "source.mac", "src_endpoint.mac", MAC_COLONS, "source.ip"),
    WITH(FLOW, "observer.ingress.zone", "src_endpoint.zone", TEXT, "source.ip"),
    MUST(FLOW, "destination.ip", "dst_endpoint.ip", ADDRESS),
    MAP(FLOW, "destination.domain", "dst_endpoint.hostname", TEXT),
    WITH(FLOW, "destination.port", "dst_endpoint.port", PORT, "destination.ip"),
    WITH(FLOW, "destination.mac", "dst_endpoint.mac", MAC_COLONS,
         "destination.ip"),
    WITH(FLOW, "observer.egress.zone", "dst_endpoint.zone", TEXT,
         "destination.ip"),

    /* Of flows told together the ends are segments. */
    MAP(COLLAPSED, "observer.ingress.zone", "src_endpoint.name", TEXT),
    WITH(COLLAPSED, "observer.ingress.zone", "src_endpoint.zone", TEXT,
         "observer.ingress.zone"),
    MAP(COLLAPSED, "observer.egress.zone", "dst_endpoint.name", TEXT),
    WITH(COLLAPSED, "observer.egress.zone", "dst_endpoint.zone", TEXT,
         "observer.egress.zone"),
    WITH(COLLAPSED, "destination.port", "dst_endpoint.port", PORT,
         "observer.egress.zone"),

    MUST(VIOLATION, "source.ip", "evidences.0.src_endpoint.ip", ADDRESS),
    WITH(VIOLATION, "source.port", "evidences.0.src_endpoint.port", PORT,
         "source.ip"),
    WITH(VIOLATION, "source.mac", "evidences.0.src_endpoint.mac", MAC_COLONS,
         "source.ip"),
    WITH(VIOLATION, "observer.ingress.zone", "evidences.0.src_endpoint.zone",
         TEXT, "source.ip"),
    MAP(VIOLATION, "destination.ip", "evidences.0.dst_endpoint.ip", ADDRESS),
    MAP(VIOLATION, "destination.domain", "evidences.0.dst_endpoint.hostname",
        TEXT),
    WITH(VIOLATION, "destination.port", "evidences.0.dst_endpoint.port", PORT,
         "destination.ip"),
    WITH(VIOLATION, "destination.mac", "evidences.0.dst_endpoint.mac",
         MAC_COLONS, "destination.ip"),
    WITH(VIOLATION, "observer.egress.zone", "evidences.0.dst_endpoint.zone",
         TEXT, "destination.ip"),

    NAME(FLOWS, "network.direction", "connection_info.direction_id",
         directions),
    NAME(FLOWS, "network.direction", "connection_info.boundary_id", boundaries),
    NAME(FLOWS, "network.direction", "connection_info.direction",
         other_directions),
    MAP(FLOWS, "network.iana_number", "connection_info.protocol_num", DIGITS),
    MAP(FLOWS, "network.transport", "connection_info.protocol_name", TEXT),
    NAME(FLOWS, "network.type", "connection_info.protocol_ver_id", ip_versions),
    MAP(FLOW, "network.community_id", "connection_info.community_uid", TEXT),
    MAP(FLOW, "segmon.flow_id", "connection_info.uid", TEXT),
    MAP(FLOW, "segmon.history", "connection_info.flag_history", TEXT),
    NAME(VIOLATION, "network.direction",
         "evidences.0.connection_info.direction_id", directions),
    NAME(VIOLATION, "network.direction",
         "evidences.0.connection_info.boundary_id", boundaries),
    NAME(VIOLATION, "network.direction",
         "evidences.0.connection_info.direction", other_directions),
    MAP(VIOLATION, "network.iana_number",
        "evidences.0.connection_info.protocol_num", DIGITS),
    MAP(VIOLATION, "network.transport",
        "evidences.0.connection_info.protocol_name", TEXT),
    NAME(VIOLATION, "network.type",
         "evidences.0.connection_info.protocol_ver_id", ip_versions),
    MAP(VIOLATION, "network.community_id",
        "evidences.0.connection_info.community_uid", TEXT),
    MAP(VIOLATION, "segmon.flow_id", "evidences.0.connection_info.uid", TEXT),

    /* What is new since the record before, and all so far. */
    MAP(FLOW, "segmon.delta.bytes.src", "traffic.bytes_out", COUNT),
    MAP(FLOW, "segmon.delta.bytes.dst", "traffic.bytes_in", COUNT),
    MAP(FLOW, "segmon.delta.packets.src", "traffic.packets_out", COUNT),
    MAP(FLOW, "segmon.delta.packets.dst", "traffic.packets_in", COUNT),
    MAP(FLOWS, "source.bytes", "traffic.bytes_out", COUNT),
    MAP(FLOWS, "destination.bytes", "traffic.bytes_in", COUNT),
    MAP(FLOWS, "source.packets", "traffic.packets_out", COUNT),
    MAP(FLOWS, "destination.packets", "traffic.packets_in", COUNT),
    MAP(FLOWS, "source.bytes", "cumulative_traffic.bytes_out", COUNT),
    MAP(FLOWS, "destination.bytes", "cumulative_traffic.bytes_in", COUNT),
    MAP(FLOWS, "source.packets", "cumulative_traffic.packets_out", COUNT),
    MAP(FLOWS, "destination.packets", "cumulative_traffic.packets_in", COUNT),
    MAP(FLOWS, "network.bytes", "cumulative_traffic.bytes", COUNT),
    MAP(FLOWS, "network.packets", "cumulative_traffic.packets", COUNT),
    MAP(FLOW, "segmon.missed_bytes", "cumulative_traffic.bytes_missed", COUNT),

    MAP(FLOW, "network.application", "app_name", TEXT),
    MAP(FLOW, "tls.version", "tls.version", TEXT),
    WITH(FLOW, "tls.client.server_name", "tls.sni", TEXT, "tls.version"),
    WITH(FLOW, "tls.client.ja3", "tls.ja3_hash.value", TEXT, "tls.version"),
    WITH(FLOW, "tls.server.ja3s", "tls.ja3s_hash.value", TEXT, "tls.version"),
    MAP(FLOW, "segmon.app.ja4", "ja4_fingerprint_list.0.value", TEXT),
    MAP(FLOW, "url.original", "url.url_string", TEXT),
    MAP(VIOLATION, "tls.version", "evidences.0.tls.version", TEXT),
    WITH(VIOLATION, "tls.client.server_name", "evidences.0.tls.sni", TEXT,
         "tls.version"),
    WITH(VIOLATION, "tls.client.ja3", "evidences.0.tls.ja3_hash.value", TEXT,
         "tls.version"),
    WITH(VIOLATION, "tls.server.ja3s", "evidences.0.tls.ja3s_hash.value", TEXT,
         "tls.version"),
    MAP(VIOLATION, "segmon.app.ja4", "evidences.0.ja4_fingerprint_list.0.value",
        TEXT),
    MAP(VIOLATION, "url.original", "evidences.0.url.url_string", TEXT),
};

static const struct convert_constant constants[] = {
    {FLOWS, 4, "category_uid", NULL},
    {VIOLATION, 2, "category_uid", NULL},
    {STATUS, 0, "category_uid", NULL},
    {EVENT, 1, "severity_id", NULL},
    {STATUS, 0, "activity_name", "Status"},
    {EVENT, 0, "metadata.version", "1.7.0"},
    {EVENT, 0, "metadata.product.name", "segmon"},
    {EVENT, 0, "metadata.product.vendor_name", "segmon"},
    {PASSED, 0, "metadata.profiles.0", "security_control"},
    {PASSED, 3, "action_id", NULL},
    {PASSED, 0, "action", "Observed"},
    {FLOWS, 17, "disposition_id", NULL},
    {VIOLATION, 15, "disposition_id", NULL},
    {COLLAPSED, 0, "src_endpoint.name", "unknown"}, /* As such a segment is. */
    {FLOWS, 3, "observation_point_id", NULL},       /* Between both. */
    {FLOWS, 0, "connection_info.direction_id", NULL},
    {VIOLATION, 0, "evidences.0.connection_info.direction_id", NULL},
    {VIOLATION, 0, "finding_info.analytic.type_id", NULL},
};

static_assert(CONVERT_N(rules) <= CONVERT_MAX_RULES, "too many rules");

const struct convert_table convert_ocsf = {
    .kinds = EVENT,
    .rules = rules,
    .n_rules = CONVERT_N(rules),
    .constants = constants,
    .n_constants = CONVERT_N(constants),
    .rest = "unmapped",
    .finish = finish,
};

static bool
finish(enum convert_kind kind, json_t *record, json_t *event)
{
    int activity = activity_of(kind, record, event);
    int class = class_of(kind);

    return set_all(record, hashes, "algorithm_id", MD5) &&
           set_all(record, fingerprints, "type_id", JA4) &&
           convert_set(record, "activity_id", json_integer(activity)) &&
           convert_set(record, "class_uid", json_integer(class)) &&
           convert_set(record, "type_uid",
                       json_integer(class * 100 + activity)) &&
           (kind != VIOLATION ||
            (move_attacks(record, event) && move_flows(record, event)));
}

/* In each of 'paths' that there is. */
static bool
set_all(json_t *record, const char *const *paths, const char *name, int number)
{
    for (; *paths; paths++) {
        json_t *object = convert_get(record, *paths);

        if (object && !convert_set(object, name, json_integer(number))) {
            return false;
        }
    }
    return true;
}

static int
activity_of(enum convert_kind kind, json_t *record, json_t *event)
{
    const char *path =
        kind == VIOLATION ? "segmon.violation.kind" : "segmon.record";
    const char *which = json_string_value(convert_get(event, path));

    if (kind == STATUS) {
        return OTHER;
    }
    return kind == VIOLATION ? violation_activity(which ? which : "")
                             : flow_activity(record, which ? which : "");
}

static int
class_of(enum convert_kind kind)
{
    enum {
        BASE_EVENT = 0,
        NETWORK_ACTIVITY = 4001,
        DETECTION_FINDING = 2004
    };

    if (kind & FLOWS) {
        return NETWORK_ACTIVITY;
    }
    return kind == VIOLATION ? DETECTION_FINDING : BASE_EVENT;
}

/* Of an end its outcome and reason, which the rules have moved, say more. */
static int
flow_activity(const json_t *record, const char *which)
{
    enum {
        UNANSWERED = 0,
        FAILURE = 2
    };
    const json_t *status = json_object_get(record, "status_id");
    const char *reason =
        json_string_value(json_object_get(record, "status_detail"));

    if (strcmp(which, "begin") == 0) {
        return OPEN;
    }
    if (strcmp(which, "end") != 0) {
        return TRAFFIC;
    }
    if (status && json_integer_value(status) == FAILURE) {
        return REFUSE;
    }
    if (reason && strcmp(reason, "rst") == 0) {
        return RESET;
    }
    return status && json_integer_value(status) == UNANSWERED ? FAIL : CLOSE;
}

static int
violation_activity(const char *kind)
{
    if (strcmp(kind, "new") == 0 || strcmp(kind, "collapsed") == 0) {
        return CREATE;
    }
    return strcmp(kind, "closed") == 0 ? FINISH : UPDATE;
}

/* Techniques and tactics are two lists, of which none says to which of the
 * other it belongs: each is an attack of its own. */
static bool
move_attacks(json_t *record, json_t *event)
{
    json_t *attacks = json_array();

    if (!attacks || !add_attacks(attacks, event, "technique") ||
        !add_attacks(attacks, event, "tactic")) {
        json_decref(attacks);
        return false;
    }
    if (json_array_size(attacks) == 0) {
        json_decref(attacks);
        return true;
    }
    convert_remove(event, "threat.framework"); /* There is only one. */
    return convert_set(record, "finding_info.attacks", attacks);
}

static bool
add_attacks(json_t *attacks, json_t *event, const char *what)
{
    json_t *threat = json_object_get(event, "threat");
    json_t *list = json_object_get(threat, what);
    json_t *ids = json_object_get(list, "id");
    json_t *names = json_object_get(list, "name");

    if (!are_texts(ids)) {
        return true; /* Kept with the rest. */
    }
    if (!are_texts(names) || json_array_size(names) != json_array_size(ids)) {
        names = NULL;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_t *one =
            json_pack("{s:{s:O,s:O*}}", what, "uid", json_array_get(ids, i),
                      "name", json_array_get(names, i));

        if (json_array_append_new(attacks, one) != 0) {
            return false;
        }
    }
    json_object_del(list, "id");
    if (names) {
        json_object_del(list, "name");
    }
    if (json_object_size(list) == 0) {
        convert_remove(threat, what);
    }
    return true;
}

/* The flows it is about. */
static bool
move_flows(json_t *record, json_t *event)
{
    json_t *ids = convert_get(event, "segmon.violation.flow_ids");

    if (!are_texts(ids)) {
        return true;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_t *list = convert_get(record, "finding_info.related_events");
        json_t *one = json_pack("{s:O}", "uid", json_array_get(ids, i));

        if (!list ? !convert_set(record, "finding_info.related_events.0", one)
                  : json_array_append_new(list, one) != 0) {
            return false;
        }
    }
    convert_remove(event, "segmon.violation.flow_ids");
    return true;
}

/* And not more than an event has. */
static bool
are_texts(const json_t *list)
{
    if (!json_is_array(list) || json_array_size(list) > EVENT_MAX_TECHNIQUES) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_is_string(json_array_get(list, i))) {
            return false;
        }
    }
    return true;
}
