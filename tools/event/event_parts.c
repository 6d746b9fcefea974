/* The parts of an event about who reports and which rule decided; see
 * event_parts.h. */

#include "tools/event/event_parts.h"

#include "capture/error.h"
#include "tools/event/event_words.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHA256_SHOWN = 12, /* Hex digits of a policy's hash: enough to tell. */
    INITIATOR_SIZE = 48 + JSON_WORD_SIZE
};

static void write_observer(struct json *json, const struct event_source *);
static void write_zone(struct event_encoder *encoder, segment_id segment);
static void write_rule(struct event_encoder *encoder, int32_t rule);
static void write_policy(struct event_encoder *encoder);
static size_t text_size(const char *text);

struct event_encoder *
event_encoder_new(const struct event_source *source, struct error *error)
{
    struct event_encoder *encoder = calloc(1, sizeof *encoder);

    if (!encoder) {
        error_set(error, ERROR_MEMORY, "", "no memory for an event encoder");
        return NULL;
    }
    encoder->redacts = source->redacts;
    json_init(&encoder->json, EVENT_MAX_BYTES);
    json_init(&encoder->observer, EVENT_MAX_BYTES);
    json_reset(&encoder->observer, true);
    event_phrases_init(&encoder->phrases);
    write_observer(&encoder->observer, source);
    if (encoder->observer.failed) {
        event_encoder_free(encoder);
        error_set(error, ERROR_MEMORY, "", "no memory for an event encoder");
        return NULL;
    }
    return encoder;
}

void
event_encoder_free(struct event_encoder *encoder)
{
    if (encoder) {
        event_phrases_done(&encoder->phrases);
        json_done(&encoder->observer);
        json_done(&encoder->json);
        free(encoder);
    }
}

static void
write_observer(struct json *json, const struct event_source *source)
{
    json_open(json, "observer", '{');
    json_plain(json, "name", source->sensor);
    json_plain(json, "type", "sensor");
    json_plain(json, "product", "segmon");
    json_plain(json, "version", source->version);
}

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

void
event_encoder_begin(struct event_encoder *encoder, const struct policy *policy)
{
    json_reset(&encoder->json, true);
    encoder->policy = policy;
    event_phrases_follow(&encoder->phrases, policy);
}

void
event_write_observer(struct event_encoder *encoder)
{
    json_raw(&encoder->json, encoder->observer.data, encoder->observer.size);
}

void
event_write_zones(struct event_encoder *encoder, const char *interface,
                  segment_id src, segment_id dst)
{
    struct json *json = &encoder->json;

    json_open(json, "ingress", '{');
    if (interface[0]) {
        json_open(json, "interface", '{');
        json_cstring(json, "name", interface);
        json_close(json, '}');
    }
    write_zone(encoder, src);
    json_close(json, '}');
    json_open(json, "egress", '{');
    write_zone(encoder, dst);
    json_close(json, '}');
    json_close(json, '}');
}

const struct json_word *
event_direction(const struct policy *policy, segment_id src, segment_id dst)
{
    static const struct json_word unknown = JSON_WORD("unknown");
    static const struct json_word directions[2][2] = {
        {JSON_WORD("internal"), JSON_WORD("outbound")},
        {JSON_WORD("inbound"), JSON_WORD("external")}};

    if (src == SEGMENT_UNKNOWN || dst == SEGMENT_UNKNOWN) {
        return &unknown;
    }
    return &directions[policy_segment(policy, src)->external]
                      [policy_segment(policy, dst)->external];
}

void
event_write_rule(struct event_encoder *encoder, int32_t rule)
{
    struct json *json = &encoder->json;
    size_t start = json->size;

    if (rule < 0) {
        write_rule(encoder, rule);
    } else if (!event_phrases_copy(&encoder->phrases, json, EVENT_PHRASE_RULE,
                                   (uint32_t)rule)) {
        write_rule(encoder, rule);
        event_phrases_keep(&encoder->phrases, json, start, EVENT_PHRASE_RULE,
                           (uint32_t)rule);
    }
}

static void
write_rule(struct event_encoder *encoder, int32_t rule)
{
    struct json *json = &encoder->json;
    const struct policy *policy = encoder->policy;
    const char *id = event_rule_id(policy, rule);

    json_open(json, "rule", '{');
    json_text(json, "id", id, text_size(id));
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
event_write_policy(struct event_encoder *encoder)
{
    struct json *json = &encoder->json;
    size_t start = json->size;

    if (!event_phrases_copy(&encoder->phrases, json, EVENT_PHRASE_POLICY, 0)) {
        write_policy(encoder);
        event_phrases_keep(&encoder->phrases, json, start, EVENT_PHRASE_POLICY,
                           0);
    }
}

static void
write_policy(struct event_encoder *encoder)
{
    struct json *json = &encoder->json;
    const char *sha256 = policy_sha256(encoder->policy);

    json_open(json, "policy", '{');
    event_write_text(json, "name", policy_name(encoder->policy));
    event_write_text(json, "revision", policy_revision(encoder->policy));
    if (sha256 && sha256[0]) {
        json_text(json, "sha256", sha256, strnlen(sha256, SHA256_SHOWN));
    }
    json_close(json, '}');
}

void
event_write_initiator(struct json *json, const struct flow_record *record)
{
    char *at;

    if (json_room(json, INITIATOR_SIZE, &at)) {
        at = JSON_PUT(at, ",\"initiator\":\"source\",\"initiator_evidence\":");
        json_commit(json,
                    json_put_word(at, &event_evidence_words[record->evidence]));
    }
}

void
event_write_verdict_notes(struct json *json, const struct event_flow *flow)
{
    const struct verdict *verdict = flow->verdict;
    bool staged_differs = verdict->staged_decision != verdict->decision ||
                          verdict->staged_rule != verdict->rule;

    if (staged_differs) {
        json_open(json, "staged", '{');
        json_word(json, "verdict",
                  &event_verdict_words[verdict->staged_decision]);
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
write_zone(struct event_encoder *encoder, segment_id segment)
{
    struct json *json = &encoder->json;
    size_t start = json->size;

    if (!event_phrases_copy(&encoder->phrases, json, EVENT_PHRASE_SEGMENT,
                            segment)) {
        event_write_text(json, "zone",
                         policy_segment(encoder->policy, segment)->name);
        event_phrases_keep(&encoder->phrases, json, start, EVENT_PHRASE_SEGMENT,
                           segment);
    }
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
