/* event.h: what the encoders write, read back with jansson.  That every
 * property of the schema occurs, and no other, is checked by
 * validate_events.py in output.schema. */

#include "tests/support/test.h"

#include "tests/tools/event/event_samples.h"
#include "tests/tools/event/fixed_policy.h"
#include "tools/event/event_parts.h"
#include "tools/event/json.h"
#include "tools/event/schema.h"

#include <jansson.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SAMPLES = 32,
    FIRST_BYTES = 4096 /* Up to it, buffers are as large as they may be. */
};

struct kept {
    struct event_samples samples;
    json_t *events[MAX_SAMPLES];
    size_t n;
};

static void
keep(void *context, const char *name, enum event_kind kind,
     const struct json *body)
{
    struct kept *kept = context;
    char id[EVENT_ID_SIZE];
    struct json line;
    json_error_t error;

    (void)name;
    (void)kind;
    assert_false(body->failed);
    json_init(&line, (size_t)2 * EVENT_MAX_BYTES);
    event_id_format(&kept->samples.source, kept->n + 1, id);
    event_head_encode(&line, id, kept->n + 1, (struct wall_time){1});
    json_raw(&line, body->data, body->size);
    kept->events[kept->n] =
        json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(kept->events[kept->n]);
    kept->n++;
    json_done(&line);
}

static int
read_samples(void **state)
{
    static struct kept kept;

    kept.n = 0;
    if (!event_samples_init(&kept.samples)) {
        return -1;
    }
    event_samples_each(&kept.samples, keep, &kept);
    *state = &kept;
    return 0;
}

static int
forget_samples(void **state)
{
    struct kept *kept = *state;

    for (size_t i = 0; i < kept->n; i++) {
        json_decref(kept->events[i]);
    }
    event_samples_done(&kept->samples);
    return 0;
}

/* The value at a path such as "segmon.app.name"; array elements by number. */
static const json_t *
at(const json_t *value, const char *path)
{
    char name[64];

    while (*path && value) {
        size_t size = strcspn(path, ".");

        snprintf(name, sizeof name, "%.*s", (int)size, path);
        value = json_is_array(value)
                    ? json_array_get(value, (size_t)(name[0] - '0'))
                    : json_object_get(value, name);
        path += size + (path[size] == '.');
    }
    return value;
}

static const char *
text_at(const json_t *event, const char *path)
{
    return json_string_value(at(event, path));
}

static void
head_and_body_are_one_object(void **state)
{
    const struct kept *kept = *state;

    assert_int_equal(kept->n, 23);
    assert_string_equal(text_at(kept->events[0], "@timestamp"),
                        "1970-01-01T00:00:00.000000Z");
    assert_string_equal(text_at(kept->events[0], "event.id"),
                        "lab-01-66fd0a2c-00000000000001");
    assert_string_equal(text_at(kept->events[0], "event.dataset"),
                        "segmon.flow");
    assert_string_equal(text_at(kept->events[1], "event.dataset"),
                        "segmon.violation");
    assert_string_equal(text_at(kept->events[14], "event.dataset"),
                        "segmon.status");
}

static void
a_guess_is_never_a_fact(void **state)
{
    const json_t *event = ((const struct kept *)*state)->events[0];

    assert_string_equal(text_at(event, "segmon.app.guess.name"), "HTTP");
    assert_string_equal(text_at(event, "segmon.app.name"), "PostgreSQL");
    assert_string_equal(text_at(event, "network.protocol"), "tls");
    assert_string_equal(text_at(event, "network.application"), "postgresql");
}

static void
a_name_is_told_by_what_it_means(void **state)
{
    json_t *const *events = ((const struct kept *)*state)->events;

    assert_string_equal(text_at(events[0], "destination.domain"),
                        "db.example.org");
    assert_string_equal(text_at(events[0], "tls.client.server_name"),
                        "db.example.org");
    assert_string_equal(text_at(events[2], "destination.domain"), "intranet");
    assert_null(at(events[4], "destination.domain"));
    assert_non_null(strstr(text_at(events[4], "dns.question.name"), "www"));
    assert_null(at(events[6], "destination.domain"));
    assert_string_equal(text_at(events[6], "segmon.app.host"), "OpenSSH_9.2");
}

static void
a_violation_names_techniques_it_knows(void **state)
{
    const json_t *event = ((const struct kept *)*state)->events[1];

    assert_string_equal(text_at(event, "threat.technique.id.2"), "T9999");
    assert_string_equal(text_at(event, "threat.technique.name.0"),
                        "Remote Services: Remote Desktop Protocol");
    assert_int_equal(json_array_size(at(event, "threat.technique.name")), 2);
    assert_string_equal(text_at(event, "threat.tactic.name.0"),
                        "Lateral Movement");
    assert_int_equal(json_array_size(at(event, "threat.tactic.id")),
                     json_array_size(at(event, "threat.tactic.name")));
    assert_string_equal(
        text_at(event, "message"),
        "corp-users 10.20.3.10 -> cde-db 10.20.3.20 tcp/5432: not permitted "
        "by web-in (data)");
}

static void
a_collapsed_violation_says_over_what(void **state)
{
    json_t *const *events = ((const struct kept *)*state)->events;

    assert_string_equal(text_at(events[10], "message"),
                        "internet 10.20.3.1 -> internet (60 addresses) "
                        "tcp/5432: not permitted by web-in (attempt)");
    assert_null(at(events[10], "destination.ip"));
    assert_string_equal(text_at(events[11], "segmon.violation.collapsed_over"),
                        "ports");
    assert_string_equal(text_at(events[11], "message"),
                        "internet 10.20.3.1 -> internet 10.20.3.2 tcp (60 "
                        "ports): not permitted by web-in (attempt)");
}

static void
direction_follows_the_segments(void **state)
{
    json_t *const *events = ((const struct kept *)*state)->events;

    assert_string_equal(text_at(events[0], "network.direction"), "internal");
    assert_string_equal(text_at(events[2], "network.direction"), "outbound");
    assert_string_equal(text_at(events[8], "network.direction"), "unknown");
}

/* A flow with every number, address and word as long as can be. */
static struct flow_record
long_record(void)
{
    struct flow_record record = {.kind = FLOW_RECORD_END,
                                 .reason = FLOW_END_SHUTDOWN,
                                 .evidence = FLOW_EVIDENCE_SERVICE_PORT,
                                 .outcome = FLOW_OUTCOME_ESTABLISHED,
                                 .id = UINT64_MAX,
                                 .sequence = UINT32_MAX,
                                 .protocol = PROTOCOL_TCP,
                                 .ip_version = 6,
                                 .start = {INT64_MIN / 2},
                                 .end = {INT64_MAX / 2},
                                 .handshake_ns = INT64_MAX,
                                 .conn_state = "RSTOS0",
                                 .file = UINT16_MAX,
                                 .first_frame = UINT64_MAX,
                                 .last_frame = UINT64_MAX};
    struct flow_end_point end = {.port = UINT16_MAX,
                                 .tcp_flags = 0xff,
                                 .ttl_min = 255,
                                 .ttl_max = 255,
                                 .packets = UINT64_MAX / 2,
                                 .bytes = UINT64_MAX / 2,
                                 .payload_bytes = UINT64_MAX,
                                 .delta_packets = UINT64_MAX,
                                 .delta_bytes = UINT64_MAX,
                                 .missed_bytes = UINT64_MAX / 2,
                                 .duplicates = UINT32_MAX};

    memset(&end.addr, 0xfe, sizeof end.addr);
    memset(end.mac, 0xfe, sizeof end.mac);
    memset(record.history, 'D', sizeof record.history - 1);
    record.source = end;
    record.destination = end;
    return record;
}

static const struct json *
encode(struct event_encoder *encoder, const struct event_flow *flow,
       const struct event_violation *event)
{
    return event ? event_violation_encode(encoder, event)
                 : event_flow_encode(encoder, flow);
}

static bool
shows_port(struct event_encoder *encoder, const struct event_flow *flow)
{
    static char text[EVENT_MAX_BYTES + 1];
    const struct json *body = event_flow_encode(encoder, flow);

    memcpy(text, body->data, body->size);
    text[body->size] = '\0';
    return strstr(text, "\"port\":65535") != NULL;
}

/* Whether it failed for every smaller bound, and never wrote past one, which
 * the sanitizer sees. */
static bool
fits_or_fails(struct event_encoder *encoder, const struct event_flow *flow,
              const struct event_violation *event)
{
    size_t size = encode(encoder, flow, event)->size;
    bool right = true;

    for (size_t max = 1; max < FIRST_BYTES; max++) {
        const struct json *body;

        json_done(&encoder->json);
        json_init(&encoder->json, max);
        body = encode(encoder, flow, event);
        right &= max < size ? body->failed : body->failed || body->size == size;
    }
    json_done(&encoder->json);
    json_init(&encoder->json, EVENT_MAX_BYTES);
    return right && encode(encoder, flow, event)->size == size;
}

/* At each bound of the buffer an event is written as ever, or has failed. */
static void
no_block_outgrows_its_room(void **state)
{
    const struct kept *kept = *state;
    struct event_encoder *encoder = kept->samples.encoder;
    const struct flow_record record = long_record();
    const struct verdict verdict = {.decision = DECISION_DENY,
                                    .reason =
                                        VERDICT_REASON_REQUIRE_FORBID_RISK,
                                    .rule = VERDICT_NO_RULE,
                                    .near_miss = -1,
                                    .reverse_of = -1,
                                    .expired = -1,
                                    .staged_decision = DECISION_DENY,
                                    .staged_rule = VERDICT_NO_RULE};
    const struct event_flow flow = {.record = &record,
                                    .policy = fixed_policy(),
                                    .verdict = &verdict,
                                    .file = "",
                                    .interface = ""};
    const struct violation violation = {
        .id = "0123456789abcdef",
        .rule = VERDICT_NO_RULE,
        .reason = VERDICT_REASON_REQUIRE_FORBID_RISK,
        .protocol = PROTOCOL_TCP,
        .score = {INT_MIN, INT_MIN, INT_MIN, INT_MIN, INT_MIN, INT_MIN, INT_MIN,
                  LEVEL_CRITICAL},
        .count = UINT64_MAX,
        .count_since_last = UINT64_MAX,
        .first_seen = {INT64_MIN / 2},
        .last_seen = {INT64_MAX / 2}};
    const struct event_violation event = {
        .violation = &violation, .policy = fixed_policy(), .flow = &flow};

    assert_true(fits_or_fails(encoder, &flow, NULL));
    assert_true(fits_or_fails(encoder, &flow, &event));
}

static void
whatever_has_ports_shows_them(void **state)
{
    const struct kept *kept = *state;
    struct flow_record record = long_record();
    const struct verdict verdict = {.decision = DECISION_ALLOW,
                                    .near_miss = -1,
                                    .reverse_of = -1,
                                    .expired = -1};
    const struct event_flow flow = {.record = &record,
                                    .policy = fixed_policy(),
                                    .verdict = &verdict,
                                    .file = "",
                                    .interface = ""};
    static const uint8_t with[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
                                   PROTOCOL_DCCP, PROTOCOL_UDP_LITE};

    for (size_t i = 0; i < sizeof with; i++) {
        record.protocol = with[i];
        assert_true(shows_port(kept->samples.encoder, &flow));
    }
    record.protocol = PROTOCOL_GRE;
    assert_false(shows_port(kept->samples.encoder, &flow));
}

static void
no_verdict_claims_to_have_blocked(void **state)
{
    (void)state;
    assert_string_equal(event_verdict_name(DECISION_DENY), "violation");
    for (int i = DECISION_PENDING; i <= DECISION_RELATED; i++) {
        const char *word = event_verdict_name((enum decision)i);

        assert_null(strstr(word, "block"));
        assert_null(strstr(word, "den"));
    }
}

/* However much there is of everything, no status is lost. */
static void
interfaces_of_many_workers_fit_an_event(void **state)
{
    static struct event_interface interfaces[EVENT_MAX_INTERFACES];
    struct event_source source = {.sensor = "test", .version = "0"};
    struct event_status status = {.cause = EVENT_STATUS_INTERVAL,
                                  .interfaces = interfaces,
                                  .n_interfaces = EVENT_MAX_INTERFACES};
    /* As much as comes in a hundred years. */
    const struct event_share share = {UINT64_MAX / 1000, UINT64_MAX / 10,
                                      UINT64_MAX / 1000, UINT32_MAX};
    struct event_encoder *encoder;
    struct error error;

    (void)state;
    for (size_t i = 0; i < EVENT_MAX_INTERFACES; i++) {
        interfaces[i] = (struct event_interface){.name = "fifteen-letters",
                                                 .n_workers = EVENT_MAX_SHARES};
        memset(interfaces[i].reason, 'x', sizeof interfaces[i].reason - 1);
        for (size_t j = 0; j < EVENT_MAX_SHARES; j++) {
            interfaces[i].workers[j] = share;
        }
    }
    encoder = event_encoder_new(&source, &error);
    assert_non_null(encoder);
    assert_false(event_status_encode(encoder, &status)->failed);
    event_encoder_free(encoder);
}

static void
pairs_that_do_not_fit_an_event_are_counted(void **state)
{
    enum {
        N_PAIRS = 4096
    };
    struct event_pair *pairs = calloc(N_PAIRS, sizeof *pairs);
    struct event_status status = {.cause = EVENT_STATUS_INTERVAL,
                                  .policy = fixed_policy(),
                                  .pairs = pairs,
                                  .n_pairs = N_PAIRS};
    struct kept *samples = *state;
    struct kept kept = {.samples = samples->samples};
    const json_t *told;

    assert_non_null(pairs);
    for (size_t i = 0; i < N_PAIRS; i++) {
        pairs[i].src = pairs[i].dst =
            "a-segment-whose-name-is-as-long-as-a-name-can-be";
        memset(&pairs[i].counts, INT8_MAX, sizeof pairs[i].counts);
    }
    status.other_pairs = &pairs[0].counts;
    keep(&kept, "", EVENT_STATUS,
         event_status_encode(kept.samples.encoder, &status));
    told = at(kept.events[0], "segmon.status");
    assert_int_equal(json_integer_value(at(told, "n_pairs")), N_PAIRS);
    assert_in_range(json_array_size(at(told, "pairs")), 30, 100);
    json_decref(kept.events[0]);
    free(pairs);
}

static void
lists_of_kinds_are_read(void **state)
{
    unsigned kinds = 0;

    (void)state;
    assert_true(event_kinds_parse("flow,status", &kinds));
    assert_int_equal(kinds, 1U << EVENT_FLOW | 1U << EVENT_STATUS);
    assert_false(event_kinds_parse("flow,", &kinds));
    assert_false(event_kinds_parse("", &kinds));
    assert_false(event_kinds_parse("flows", &kinds));
}

static void
sensor_names_are_safe_in_keys(void **state)
{
    (void)state;
    assert_true(event_sensor_ok("lab-01.example_x"));
    assert_false(event_sensor_ok(""));
    assert_false(event_sensor_ok("a}b"));
    assert_false(event_sensor_ok("a b"));
    assert_false(event_sensor_ok(
        "0123456789012345678901234567890123456789012345678901234567890123x"));
}

static void
the_schema_is_built_in(void **state)
{
    json_t *schema = json_loads(schema_text(), JSON_REJECT_DUPLICATES, NULL);

    (void)state;
    assert_non_null(schema);
    assert_string_equal(text_at(schema, "$id"), "urn:segmon:event:1.0");
    json_decref(schema);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_body_are_one_object),
        cmocka_unit_test(a_guess_is_never_a_fact),
        cmocka_unit_test(a_name_is_told_by_what_it_means),
        cmocka_unit_test(a_violation_names_techniques_it_knows),
        cmocka_unit_test(a_collapsed_violation_says_over_what),
        cmocka_unit_test(direction_follows_the_segments),
        cmocka_unit_test(no_block_outgrows_its_room),
        cmocka_unit_test(whatever_has_ports_shows_them),
        cmocka_unit_test(no_verdict_claims_to_have_blocked),
        cmocka_unit_test(interfaces_of_many_workers_fit_an_event),
        cmocka_unit_test(pairs_that_do_not_fit_an_event_are_counted),
        cmocka_unit_test(lists_of_kinds_are_read),
        cmocka_unit_test(sensor_names_are_safe_in_keys),
        cmocka_unit_test(the_schema_is_built_in),
    };

    return cmocka_run_group_tests(tests, read_samples, forget_samples);
}
