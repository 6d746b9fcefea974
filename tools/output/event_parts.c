/* The parts of an event about who reports and which rule decided; see
 * event_parts.h. */

#include "tools/output/event_parts.h"

#include <string.h>

enum {
    SHA256_SHOWN = 12 /* Hex digits of a policy's hash: enough to tell. */
};

static void write_zone(struct json *json, const char *key,
                       const char *interface, const char *zone);
static size_t text_size(const char *text);

void
event_write_text(struct json *json, const char *key, const char *text)
{
    if (text && text[0]) {
        json_text(json, key, text, text_size(text));
    }
}

void
event_write_texts(struct json *json, const char *key, const char *const *texts)
{
    if (!texts || !texts[0]) {
        return;
    }
    json_open(json, key, '[');
    for (; *texts; texts++) {
        json_text(json, NULL, *texts, text_size(*texts));
    }
    json_close(json, ']');
}

void
event_write_addr(struct json *json, const char *key, const struct addr *addr)
{
    char text[ADDR_TEXT_SIZE];

    json_plain(json, key, addr_format(addr, text));
}

void
event_write_both(struct json *json, const char *key, uint64_t src, uint64_t dst)
{
    json_open(json, key, '{');
    json_u64(json, "src", src);
    json_u64(json, "dst", dst);
    json_close(json, '}');
}

struct event_zones
event_zones(const struct policy *policy, segment_id src, segment_id dst)
{
    return (struct event_zones){.interface = "",
                                .src = policy_segment(policy, src)->name,
                                .dst = policy_segment(policy, dst)->name};
}

void
event_write_observer(struct json *json, const struct event_source *source,
                     const struct event_zones *zones)
{
    json_open(json, "observer", '{');
    json_plain(json, "name", source->sensor);
    json_plain(json, "type", "sensor");
    json_plain(json, "product", "segmon");
    json_plain(json, "version", source->version);
    if (zones) {
        write_zone(json, "ingress", zones->interface, zones->src);
        write_zone(json, "egress", "", zones->dst);
    }
    json_close(json, '}');
}

const char *
event_direction(const struct policy *policy, segment_id src, segment_id dst)
{
    bool src_external = policy_segment(policy, src)->external;
    bool dst_external = policy_segment(policy, dst)->external;

    if (src == SEGMENT_UNKNOWN || dst == SEGMENT_UNKNOWN) {
        return "unknown";
    }
    if (src_external) {
        return dst_external ? "external" : "inbound";
    }
    return dst_external ? "outbound" : "internal";
}

void
event_write_rule(struct json *json, const struct policy *policy, int32_t rule)
{
    json_open(json, "rule", '{');
    json_text(json, "id", event_rule_id(policy, rule),
              text_size(event_rule_id(policy, rule)));
    if (rule >= 0) {
        const struct policy_rule *shown = policy_rule(policy, (uint32_t)rule);

        event_write_text(json, "name", shown->title);
        json_plain(json, "category", tier_name(shown->tier));
    }
    event_write_text(json, "ruleset", policy_name(policy));
    event_write_text(json, "version", policy_revision(policy));
    json_close(json, '}');
}

const char *
event_rule_id(const struct policy *policy, int32_t rule)
{
    return rule >= 0 ? policy_rule(policy, (uint32_t)rule)->id : "?";
}

void
event_write_policy(struct json *json, const struct policy *policy)
{
    const char *sha256 = policy_sha256(policy);

    json_open(json, "policy", '{');
    event_write_text(json, "name", policy_name(policy));
    event_write_text(json, "revision", policy_revision(policy));
    if (sha256 && sha256[0]) {
        json_text(json, "sha256", sha256, strnlen(sha256, SHA256_SHOWN));
    }
    json_close(json, '}');
}

void
event_write_verdict_notes(struct json *json, const struct event_flow *flow)
{
    const struct verdict *verdict = flow->verdict;
    bool staged_differs = verdict->staged_decision != verdict->decision ||
                          verdict->staged_rule != verdict->rule;

    if (staged_differs) {
        json_open(json, "staged", '{');
        json_plain(json, "verdict",
                   event_verdict_name(verdict->staged_decision));
        event_write_text(json, "rule",
                         event_rule_id(flow->policy, verdict->staged_rule));
        json_close(json, '}');
    }
    if (verdict->expired >= 0) {
        event_write_text(json, "expired_rule",
                         event_rule_id(flow->policy, verdict->expired));
    }
    if (verdict->n_tags) {
        json_open(json, "log_rules", '[');
        for (unsigned i = 0; i < verdict->n_tags; i++) {
            event_write_text(json, NULL,
                             event_rule_id(flow->policy, verdict->tags[i]));
        }
        json_close(json, ']');
    }
}

static void
write_zone(struct json *json, const char *key, const char *interface,
           const char *zone)
{
    if (!zone && !interface[0]) {
        return;
    }
    json_open(json, key, '{');
    if (interface[0]) {
        json_open(json, "interface", '{');
        json_cstring(json, "name", interface);
        json_close(json, '}');
    }
    event_write_text(json, "zone", zone);
    json_close(json, '}');
}

/* Cut to EVENT_MAX_TEXT, not inside a character: a policy is UTF-8. */
static size_t
text_size(const char *text)
{
    size_t size = strnlen(text, EVENT_MAX_TEXT + 1);

    if (size <= EVENT_MAX_TEXT) {
        return size;
    }
    size = EVENT_MAX_TEXT;
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}
