/* convert.h: whatever an event is, nothing of it is lost and nothing breaks.
 * What records look like is compared in tests/tools/test_schemas.py. */

#include "tests/support/test.h"

#include "tools/event/event.h"
#include "tools/event/json.h"
#include "tools/forward/convert.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SAMPLES = 32,
    MAX_LINE = 1 << 16
};

struct samples {
    char *lines[MAX_SAMPLES];
    size_t n;
};

static const enum convert_schema schemas[] = {CONVERT_OCSF, CONVERT_ASIM};

static int
read_samples(void **state)
{
    static struct samples samples;
    FILE *file =
        fopen(SOURCE_DIR "/tests/tools/event/samples/events-1.0.ndjson", "r");
    char *line = malloc(MAX_LINE);

    assert_non_null(file);
    assert_non_null(line);
    while (fgets(line, MAX_LINE, file)) {
        assert_true(samples.n < MAX_SAMPLES);
        line[strcspn(line, "\n")] = '\0';
        samples.lines[samples.n++] = strdup(line);
    }
    free(line);
    fclose(file);
    assert_true(samples.n > 10);
    *state = &samples;
    return 0;
}

static int
free_samples(void **state)
{
    struct samples *samples = *state;

    for (size_t i = 0; i < samples->n; i++) {
        free(samples->lines[i]);
    }
    return 0;
}

/* Converts behind something else, which must stay; the record, as a tree, is
 * '*record' if there is one. */
static enum convert_result
convert(enum convert_schema schema, const char *event, size_t size,
        json_t **record)
{
    static const char before[] = "before";
    enum convert_result result;
    struct json out;

    json_init(&out, (size_t)8 * EVENT_MAX_BYTES);
    json_raw(&out, before, sizeof before - 1);
    result = convert_event(schema, &out, event, size);
    assert_false(out.failed);
    assert_memory_equal(out.data, before, sizeof before - 1);
    *record = NULL;
    if (result == CONVERT_DONE) {
        size_t written = out.size - (sizeof before - 1);

        assert_true(written <= EVENT_MAX_BYTES);
        for (size_t i = sizeof before - 1; i < out.size; i++) {
            assert_true((unsigned char)out.data[i] >= ' ' &&
                        out.data[i] != '\x7f');
        }
        *record = json_loadb(out.data + sizeof before - 1, written,
                             JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
        assert_true(json_is_object(*record));
    } else {
        assert_int_equal(out.size, sizeof before - 1);
    }
    json_done(&out);
    return result;
}

static enum convert_result
convert_tree(enum convert_schema schema, json_t *event, json_t **record)
{
    char *text = json_dumps(event, JSON_COMPACT);
    enum convert_result result;

    assert_non_null(text);
    result = convert(schema, text, strlen(text), record);
    free(text);
    return result;
}

static enum convert_result
convert_and_forget(enum convert_schema schema, const char *event, size_t size)
{
    json_t *record;
    enum convert_result result = convert(schema, event, size, &record);

    json_decref(record);
    return result;
}

static void
every_event_has_a_record_but_status_events_in_asim(void **state)
{
    const struct samples *samples = *state;

    for (size_t i = 0; i < samples->n; i++) {
        const char *line = samples->lines[i];
        bool is_status = strstr(line, "\"segmon.status\"") != NULL;

        assert_int_equal(convert_and_forget(CONVERT_OCSF, line, strlen(line)),
                         CONVERT_DONE);
        assert_int_equal(convert_and_forget(CONVERT_ASIM, line, strlen(line)),
                         is_status ? CONVERT_NO_RECORD : CONVERT_DONE);
    }
}

static void
what_is_cut_short_is_not_converted(void **state)
{
    const struct samples *samples = *state;

    for (size_t i = 0; i < samples->n; i++) {
        for (size_t size = 0; size < strlen(samples->lines[i]); size += 61) {
            assert_int_equal(
                convert_and_forget(CONVERT_OCSF, samples->lines[i], size),
                CONVERT_FAILED);
        }
    }
}

/* Calls 'change' for each member of each object, with its parent. */
static size_t
each_member(json_t *object, size_t *at, size_t wanted, const char **key,
            json_t **parent)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if ((*at)++ == wanted) {
            *key = name;
            *parent = object;
        }
        if (json_is_object(value)) {
            each_member(value, at, wanted, key, parent);
        }
    }
    return *at;
}

static json_t *
other_value(unsigned which)
{
    switch (which) {
    case 0: return json_null();
    case 1: return json_integer(-1);
    case 2: return json_integer(INT64_MAX);
    case 3: return json_real(1e300);
    case 4: return json_string("");
    case 5: return json_stringn("a\0b\x7f", 4);
    case 6: return json_array();
    case 7: return json_pack("{s:{}}", "zone");
    case 8: return json_true();
    default: return json_pack("[[i, s]]", 1, "a");
    }
}

/* The value of any member replaced, or the member gone: what the place cannot
 * take is in the rest, or else the event is not converted. */
static void
any_value_of_another_type_is_kept(void **state)
{
    enum {
        KINDS = 11
    };
    const struct samples *samples = *state;
    json_t *sample = json_loads(samples->lines[1], 0, NULL);
    size_t n = 0, n_done = 0, n_failed = 0;
    const char *key = NULL;
    json_t *parent = NULL, *record;

    n = each_member(sample, &(size_t){0}, SIZE_MAX, &key, &parent);
    assert_true(n > 100);
    for (size_t i = 0; i < n * KINDS * 2; i++) {
        json_t *event = json_deep_copy(sample);
        enum convert_result result;

        each_member(event, &(size_t){0}, i / 2 / KINDS, &key, &parent);
        if (i / 2 % KINDS == KINDS - 1) {
            json_object_del(parent, key);
        } else {
            json_object_set_new(parent, key,
                                other_value((unsigned)(i / 2 % KINDS)));
        }
        result = convert_tree(schemas[i % 2], event, &record);
        assert_true(result != CONVERT_NO_RECORD);
        n_done += result == CONVERT_DONE;
        n_failed += result == CONVERT_FAILED;
        json_decref(record);
        json_decref(event);
    }
    assert_true(n_done > n_failed);
    assert_true(n_failed > 0);
    json_decref(sample);
}

static void
a_value_that_does_not_fit_stays_under_its_own_name(void **state)
{
    const struct samples *samples = *state;
    json_t *event = json_loads(samples->lines[0], 0, NULL), *record;
    json_t *source = json_object_get(event, "source"), *kept;

    json_object_set_new(source, "port", json_integer(65536));
    json_object_set_new(source, "bytes", json_string("many"));
    assert_int_equal(convert_tree(CONVERT_ASIM, event, &record), CONVERT_DONE);
    kept =
        json_object_get(json_object_get(record, "AdditionalFields"), "source");
    assert_null(json_object_get(record, "SrcPortNumber"));
    assert_int_equal(json_integer_value(json_object_get(kept, "port")), 65536);
    assert_string_equal(json_string_value(json_object_get(kept, "bytes")),
                        "many");
    json_decref(record);
    json_decref(event);
}

static void
an_event_without_what_its_record_needs_is_not_converted(void **state)
{
    static const char *const needed[][2] = {
        {NULL, "@timestamp"}, {"event", "id"},       {"event", "dataset"},
        {"event", "start"},   {"event", "end"},      {"observer", "name"},
        {"source", "ip"},     {"destination", "ip"},
    };
    const struct samples *samples = *state;

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        json_t *event = json_loads(samples->lines[0], 0, NULL), *record;

        json_object_del(needed[i][0] ? json_object_get(event, needed[i][0])
                                     : event,
                        needed[i][1]);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(convert_tree(schemas[j], event, &record),
                             CONVERT_FAILED);
        }
        json_decref(event);
    }
}

static void
a_time_that_is_none_is_not_converted(void **state)
{
    static const char *const times[] = {
        "",
        "2026-03-10",
        "2026-03-10T12:00:07Z",
        "2026-03-10T12:00:07.120331+",
        "2026-02-30T12:00:07.120331Z",
        "2026-03-10T24:00:07.120331Z",
        "2026-03-10T12:60:07.120331Z",
        "2026-03-10T12:00:60.120331Z",
        "2026-03-10 12:00:07.120331Z",
        "0000-00-00T00:00:00.000000Z",
        "2026-03-10T12:00: 7.120331Z",
    };
    const struct samples *samples = *state;

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        json_t *event = json_loads(samples->lines[0], 0, NULL), *record;

        json_object_set_new(event, "@timestamp", json_string(times[i]));
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(convert_tree(schemas[j], event, &record),
                             CONVERT_FAILED);
        }
        json_decref(event);
    }
}

/* In milliseconds, against what date(1) says. */
static void
times_are_milliseconds_in_ocsf(void **state)
{
    static const struct {
        const char *text;
        json_int_t ms;
    } times[] = {
        {"1970-01-01T00:00:00.000999Z", 0},
        {"2000-02-29T23:59:59.999999Z", INT64_C(951868799999)},
        {"2026-03-10T12:00:07.120331Z", INT64_C(1773144007120)},
        {"2100-03-01T00:00:00.001000Z", INT64_C(4107542400001)},
    };
    const struct samples *samples = *state;

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        json_t *event = json_loads(samples->lines[0], 0, NULL), *record;

        json_object_set_new(event, "@timestamp", json_string(times[i].text));
        assert_int_equal(convert_tree(CONVERT_OCSF, event, &record),
                         CONVERT_DONE);
        assert_int_equal(json_integer_value(json_object_get(record, "time")),
                         times[i].ms);
        json_decref(record);
        json_decref(event);
    }
}

/* Of an event with so much text in it, whether it is converted. */
static enum convert_result
convert_padded(const struct samples *samples, const char *unit, size_t n)
{
    json_t *event = json_loads(samples->lines[0], 0, NULL), *record;
    size_t size = strlen(unit);
    char *padding = malloc(size * n + 1);
    enum convert_result result;

    for (size_t i = 0; i < n; i++) {
        memcpy(padding + i * size, unit, size);
    }
    padding[size * n] = '\0';
    json_object_set_new(event, "padding", json_string(padding));
    result = convert_tree(CONVERT_OCSF, event, &record);
    json_decref(record);
    json_decref(event);
    free(padding);
    return result;
}

static void
what_is_too_long_or_becomes_so_is_not_converted(void **state)
{
    const struct samples *samples = *state;

    assert_int_equal(convert_padded(samples, "x", 60000), CONVERT_DONE);
    assert_int_equal(convert_padded(samples, "x", 70000), CONVERT_FAILED);
    assert_int_equal(convert_padded(samples, "\xc3\xbc", 5000), CONVERT_DONE);
    assert_int_equal(convert_padded(samples, "\xc3\xbc", 30000), CONVERT_DONE);
    assert_int_equal(convert_padded(samples, "\xc3\xbc", 35000),
                     CONVERT_FAILED);
    assert_int_equal(convert_padded(samples, "\x7f", 60000), CONVERT_FAILED);
}

static void
what_is_no_event_is_not_converted(void **state)
{
    static const char *const others[] = {
        "",
        "{}",
        "[]",
        "null",
        "1",
        "\"text\"",
        "{\"event\":1}",
        "{\"event\":{\"dataset\":\"segmon.flow\"}}",
        "{\"event\":{\"dataset\":\"other\"}}",
        "{\"event\":{\"dataset\":{}}}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":99999999999999999999}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\\ud800\"}"};
    char *deep = malloc(EVENT_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(
                convert_and_forget(schemas[j], others[i], strlen(others[i])),
                CONVERT_FAILED);
        }
    }
    memset(deep, '[', EVENT_MAX_BYTES);
    assert_int_equal(convert_and_forget(CONVERT_OCSF, deep, EVENT_MAX_BYTES),
                     CONVERT_FAILED);
    free(deep);
}

static void
a_full_buffer_is_told(void **state)
{
    const struct samples *samples = *state;
    struct json out;

    json_init(&out, 100);
    convert_event(CONVERT_OCSF, &out, samples->lines[0],
                  strlen(samples->lines[0]));
    assert_true(out.failed);
    json_done(&out);
}

static void
schemas_have_names(void **state)
{
    enum convert_schema schema;

    (void)state;
    assert_true(convert_schema_parse("ecs", &schema));
    assert_int_equal(schema, CONVERT_ECS);
    assert_true(convert_schema_parse("ocsf", &schema));
    assert_int_equal(schema, CONVERT_OCSF);
    assert_true(convert_schema_parse("asim", &schema));
    assert_int_equal(schema, CONVERT_ASIM);
    assert_false(convert_schema_parse("", &schema));
    assert_false(convert_schema_parse("OCSF", &schema));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_has_a_record_but_status_events_in_asim),
        cmocka_unit_test(what_is_cut_short_is_not_converted),
        cmocka_unit_test(any_value_of_another_type_is_kept),
        cmocka_unit_test(a_value_that_does_not_fit_stays_under_its_own_name),
        cmocka_unit_test(
            an_event_without_what_its_record_needs_is_not_converted),
        cmocka_unit_test(a_time_that_is_none_is_not_converted),
        cmocka_unit_test(times_are_milliseconds_in_ocsf),
        cmocka_unit_test(what_is_too_long_or_becomes_so_is_not_converted),
        cmocka_unit_test(what_is_no_event_is_not_converted),
        cmocka_unit_test(a_full_buffer_is_told),
        cmocka_unit_test(schemas_have_names),
    };

    return cmocka_run_group_tests(tests, read_samples, free_samples);
}
