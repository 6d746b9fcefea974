/* ASIM NetworkSession 0.2.7, Microsoft's schema of network sessions: flows are
 * EventType NetworkSession, flows told together Flow, and violations IDS.  The
 * columns are those of the table ASimNetworkSessionLogs, and EventSchema.
 * Status events are no sessions, and have no record.
 *
 * segmon only watches: DvcAction is Allow and EventResult Success, whatever the
 * policy says; what it says is DvcOriginalAction.  Bytes and packets of a
 * flow's record are those since its record before, so that they can be summed
 * up. */

#include "tools/forward/convert_table.h"

#include <assert.h>
#include <stdint.h>

enum {
    FLOWS = FLOW | COLLAPSED,
    EVENT = FLOW | COLLAPSED | VIOLATION,
    ENDS = FLOW | VIOLATION
};

static bool finish(enum convert_kind, json_t *record, json_t *event);
static bool add_sum(json_t *record, const char *sum, const char *one,
                    const char *other);

static const struct convert_word sub_types[] = {
    {"begin", "Start", 0}, {"end", "End", 0}, {NULL, NULL, 0}};

static const struct convert_word results[] = {{"rst", "Reset", 0},
                                              {"idle", "Timeout", 0},
                                              {"fin", "Terminated", 0},
                                              {NULL, NULL, 0}};

static const struct convert_word severities[] = {
    {"info", "Informational", 0}, {"low", "Low", 0},
    {"medium", "Medium", 0},      {"high", "High", 0},
    {"critical", "High", 0},      {NULL, NULL, 0}};

static const struct convert_word directions[] = {
    {"internal", "Local", 0},    {"inbound", "Inbound", 0},
    {"outbound", "Outbound", 0}, {"external", "External", 0},
    {"unknown", "NA", 0},        {NULL, NULL, 0}};

static const struct convert_word ip_versions[] = {
    {"ipv4", "IPv4", 0}, {"ipv6", "IPv6", 0}, {NULL, NULL, 0}};

static const struct convert_rule rules[] = {
    MUST(EVENT, "@timestamp", "TimeGenerated", TIME),
    MUST(EVENT, "event.id", "EventOriginalUid", TEXT),
    MUST(EVENT, "event.dataset", "EventOriginalType", TEXT),
    MUST(EVENT, "event.start", "EventStartTime", TIME),
    MUST(EVENT, "event.end", "EventEndTime", TIME),
    MUST(EVENT, "observer.name", "Dvc", TEXT),
    MAP(EVENT, "observer.name", "DvcHostname", TEXT),
    MAP(EVENT, "observer.product", "EventProduct", TEXT),
    MAP(EVENT, "observer.version", "EventProductVersion", TEXT),
    MAP(ENDS, "observer.ingress.interface.name", "DvcInterface", TEXT),
    MAP(EVENT, "observer.type", NULL, SAID),
    MAP(EVENT, "ecs.version", NULL, SAID),
    MAP(EVENT, "event.kind", NULL, SAID),
    MAP(EVENT, "event.category", NULL, SAID),
    MAP(EVENT, "event.type", NULL, SAID),
    MAP(FLOW, "segmon.record", "EventOriginalSubType", TEXT),
    NAME(FLOW, "segmon.record", "EventSubType", sub_types),
    MAP(VIOLATION, "segmon.violation.kind", "EventOriginalSubType", TEXT),
    MUST(COLLAPSED, "segmon.collapsed.flows", "EventCount", COUNT32),
    MAP(VIOLATION, "segmon.violation.count_since_last", "EventCount", COUNT32),
    MAP(FLOW, "event.reason", "EventOriginalResultDetails", TEXT),
    NAME(FLOW, "event.reason", "EventResultDetails", results),
    MAP(VIOLATION, "segmon.reason", "EventOriginalResultDetails", TEXT),
    NAME(VIOLATION, "segmon.severity", "EventSeverity", severities),
    MAP(VIOLATION, "segmon.severity", "EventOriginalSeverity", TEXT),
    MAP(VIOLATION, "segmon.severity", "ThreatOriginalRiskLevel", TEXT),
    MAP(VIOLATION, "event.severity", "ThreatRiskLevel", COUNT32),
    MAP(VIOLATION, "segmon.violation.id", "ThreatId", TEXT),
    MAP(VIOLATION, "message", "EventMessage", TEXT),
    MAP(EVENT, "segmon.verdict", "DvcOriginalAction", TEXT),
    MAP(EVENT, "rule.id", "NetworkRuleName", TEXT),
    MAP(EVENT, "event.duration", "NetworkDuration", NS_TO_MS32),
    MAP(ENDS, "segmon.flow_id", "NetworkSessionId", TEXT),
    MAP(FLOW, "segmon.history", "NetworkConnectionHistory", TEXT),
    MAP(EVENT, "network.transport", "NetworkProtocol", UPPER),
    NAME(EVENT, "network.type", "NetworkProtocolVersion", ip_versions),
    MAP(ENDS, "network.protocol", "NetworkApplicationProtocol", UPPER),
    NAME(EVENT, "network.direction", "NetworkDirection", directions),
    MAP(ENDS, "segmon.icmp.code", "NetworkIcmpCode", COUNT32),

    MUST(ENDS, "source.ip", "SrcIpAddr", ADDRESS),
    MAP(ENDS, "source.port", "SrcPortNumber", PORT),
    MAP(ENDS, "source.mac", "SrcMacAddr", MAC_COLONS),
    MAP(EVENT, "observer.ingress.zone", "SrcZone", TEXT),
    MAP(ENDS, "network.inner.vlan.id", "SrcVlanId", TEXT),
    MUST(FLOW, "destination.ip", "DstIpAddr", ADDRESS),
    MAP(VIOLATION, "destination.ip", "DstIpAddr", ADDRESS),
    MAP(EVENT, "destination.port", "DstPortNumber", PORT),
    MAP(ENDS, "destination.mac", "DstMacAddr", MAC_COLONS),
    MAP(ENDS, "destination.domain", "DstFQDN", FQDN),
    MAP(EVENT, "observer.egress.zone", "DstZone", TEXT),
    MAP(ENDS, "network.vlan.id", "DstVlanId", TEXT),
    MAP(ENDS, "network.application", "DstAppName", TEXT),

    MAP(FLOW, "segmon.delta.bytes.src", "SrcBytes", COUNT),
    MAP(FLOW, "segmon.delta.bytes.dst", "DstBytes", COUNT),
    MAP(FLOW, "segmon.delta.packets.src", "SrcPackets", COUNT),
    MAP(FLOW, "segmon.delta.packets.dst", "DstPackets", COUNT),
    MAP(EVENT, "source.bytes", "SrcBytes", COUNT),
    MAP(EVENT, "destination.bytes", "DstBytes", COUNT),
    MAP(EVENT, "source.packets", "SrcPackets", COUNT),
    MAP(EVENT, "destination.packets", "DstPackets", COUNT),
};

static const struct convert_constant constants[] = {
    {EVENT, 0, "EventSchema", "NetworkSession"},
    {EVENT, 0, "EventSchemaVersion", "0.2.7"},
    {EVENT, 0, "EventVendor", "segmon"},
    {EVENT, 0, "EventProduct", "segmon"},
    {FLOW, 0, "EventType", "NetworkSession"},
    {COLLAPSED, 0, "EventType", "Flow"},
    {VIOLATION, 0, "EventType", "IDS"},
    {EVENT, 1, "EventCount", NULL},
    {EVENT, 0, "EventResult", "Success"},
    {FLOWS, 0, "EventResultDetails", "NA"},
    {VIOLATION, 0, "EventResultDetails", "Simulation"},
    {EVENT, 0, "EventSeverity", "Informational"},
    {EVENT, 0, "DvcAction", "Allow"},
};

static_assert(CONVERT_N(rules) <= CONVERT_MAX_RULES, "too many rules");

const struct convert_table convert_asim = {
    .kinds = EVENT,
    .rules = rules,
    .n_rules = CONVERT_N(rules),
    .constants = constants,
    .n_constants = CONVERT_N(constants),
    .rest = "AdditionalFields",
    .finish = finish,
};

static bool
finish(enum convert_kind kind, json_t *record, json_t *event)
{
    (void)kind;
    (void)event;
    return add_sum(record, "NetworkBytes", "SrcBytes", "DstBytes") &&
           add_sum(record, "NetworkPackets", "SrcPackets", "DstPackets");
}

/* If both are there. */
static bool
add_sum(json_t *record, const char *sum, const char *one, const char *other)
{
    const json_t *a = json_object_get(record, one);
    const json_t *b = json_object_get(record, other);

    if (!a || !b || json_integer_value(a) > INT64_MAX - json_integer_value(b)) {
        return true;
    }
    return convert_set(
        record, sum,
        json_integer(json_integer_value(a) + json_integer_value(b)));
}
