/* settings_output.c, by settings.h */

#include "tests/support/test.h"

#include "tests/tools/settings/settings_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With SERVER for one, because lines get long. */
static const char *
written_out(const char *text, char whole[512])
{
    const char *at;
    size_t n = 0;

    while ((at = strstr(text, "SERVER"))) {
        n += (size_t)snprintf(whole + n, 512 - n, "%.*sredis: redis://h",
                              (int)(at - text), text);
        text = at + strlen("SERVER");
    }
    snprintf(whole + n, 512 - n, "%s", text);
    return whole;
}

static struct settings
settings_of(const char *text)
{
    char whole[512];
    struct fixture *f = load_good(written_out(text, whole));
    struct settings settings = f->settings;

    done(f);
    return settings;
}

/* The mistake is at what 'place' is the beginning of. */
static void
refuse(const char *text, const char *code, const char *place, const char *part)
{
    char whole[512];
    const char *found = strstr(written_out(text, whole), place);

    assert_non_null(found);
    assert_refused(whole, code, 1, (unsigned)(found - whole) + 1, part);
}

static void
outputs_are_a_server_or_a_file(void **state)
{
    (void)state;
    assert_refused("outputs: [{events: flow}]\n", "E-MISSING", 1, 11,
                   "either 'redis' or 'file'");
    assert_refused("outputs: [{file: a, redis: redis://h}]\n", "E-CONFLICT", 1,
                   11, "either 'redis' or 'file'");
    assert_refused("outputs: [{redis: /var}]\n", "E-VALUE", 1, 19,
                   "a Redis URI begins with redis://");
    assert_refused("outputs: [{file: redis://h}]\n", "E-VALUE", 1, 18,
                   "not the path of a file");
    assert_refused("outputs: [a, b, c, d, e]\n", "E-LIMIT", 1, 23,
                   "more than 4 outputs");
    assert_refused("outputs: [a, {file: a}]\n", "E-DUPLICATE", 1, 21,
                   "the same file");
    assert_refused("outputs: [[a]]\n", "E-TYPE", 1, 11, "not a list");
    done(load_good("outputs: []\n"));
    done(load_good("outputs: redis://h\n"));
}

static void
a_server_is_told_how_to_keep_events(void **state)
{
    struct settings s = settings_of(
        "outputs: [SERVER, {SERVER, mode: list, key: 'logs:{{sensor}}',"
        " max_length: 5000, when_full: drop-oldest},"
        " {SERVER, mode: channel, key: live}, {SERVER, key: 'b:{type}',"
        " field: body, max_length: 7, schema: native}]\n");

    (void)state;
    assert_int_equal(s.outputs[0].mode, OUTPUT_STREAM);
    assert_string_equal(s.outputs[0].key, "segmon:{{sensor}}:{type}");
    assert_string_equal(s.outputs[0].field, "event");
    assert_int_equal(s.outputs[0].max_length, 0);
    assert_int_equal(s.outputs[1].mode, OUTPUT_LIST);
    assert_string_equal(s.outputs[1].key, "logs:{{sensor}}");
    assert_int_equal(s.outputs[1].max_length, 5000);
    assert_int_equal(s.outputs[1].when_full, OUTPUT_FULL_DROP_OLDEST);
    assert_int_equal(s.outputs[2].mode, OUTPUT_CHANNEL);
    assert_string_equal(s.outputs[3].field, "body");
    assert_int_equal(s.outputs[3].max_length, 7);
    assert_int_equal(s.outputs[3].when_full, OUTPUT_FULL_SPOOL);
}

static void
what_means_nothing_is_refused_where_it_is(void **state)
{
    static const char *const of_servers[] = {
        "password_file: x", "mode: list",    "key: x",
        "field: x",         "max_length: 1", "when_full: spool"};
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof of_servers / sizeof of_servers[0]; i++) {
        snprintf(text, sizeof text, "outputs: [{file: a, %s}]\n",
                 of_servers[i]);
        refuse(text, "E-CONFLICT", strchr(of_servers[i], ' ') + 1,
               "means nothing for a file");
    }
    refuse("outputs: [{SERVER, mode: list, field: body}]\n", "E-CONFLICT",
           "body", "'field' means nothing for a list");
    refuse("outputs: [{SERVER, mode: channel, field: body}]\n", "E-CONFLICT",
           "body", "'field' means nothing for a channel");
    refuse("outputs: [{SERVER, mode: channel, max_length: 9}]\n", "E-CONFLICT",
           "9", "nothing stays in it");
    refuse("outputs: [{SERVER, max_length: 9, when_full: drop-new}]\n",
           "E-CONFLICT", "drop-new", "but for a list");
    refuse("outputs: [{SERVER, mode: list, when_full: drop-new}]\n",
           "E-CONFLICT", "drop-new", "without 'max_length'");
}

static void
values_are_of_their_kind(void **state)
{
    char text[REDIS_TEMPLATE_MAX + 80];

    (void)state;
    refuse("outputs: [{SERVER, mode: steam}]\n", "E-VALUE", "steam",
           "not stream, list or channel (did you mean 'stream'?)");
    refuse("outputs: [{SERVER, when_full: drop}]\n", "E-VALUE", "drop",
           "spool, drop-oldest or drop-new");
    refuse("outputs: [{SERVER, schema: asim}]\n", "E-VALUE", "asim",
           "not native");
    refuse("outputs: [{SERVER, max_length: -1}]\n", "E-VALUE", "-1",
           "not a whole number");
    refuse("outputs: [{SERVER, field: 'a b'}]\n", "E-VALUE", "'a b'",
           "not letters, digits");
    refuse("outputs: [{SERVER, field: sensor}]\n", "E-CONFLICT", "sensor",
           "has a field 'sensor' already");
    refuse("outputs: [{SERVER, field: n}]\n", "E-CONFLICT", "n}",
           "has a field 'n' already");
    refuse("outputs: [{SERVER, key: 'a b'}]\n", "E-VALUE", "'a b'", "not text");
    refuse("outputs: [{SERVER, key: \"a\\x07\"}]\n", "E-VALUE", "\"a",
           "not text");
    refuse("outputs: [{SERVER, key: 'a:{typ}'}]\n", "E-VALUE",
           "'a:", "'{typ}' stands for nothing (did you mean '{type}'?)");
    refuse("outputs: [{SERVER, key: 'a:{{Sensor}}'}]\n", "E-VALUE",
           "'a:", "did you mean '{sensor}'?");
    settings_of("outputs: [{SERVER, key: '{logs}:{type}{'}]\n");
    snprintf(text, sizeof text, "outputs: [{SERVER, mode: list, key: %0*d}]\n",
             REDIS_TEMPLATE_MAX + 1, 0);
    refuse(text, "E-LIMIT", "000", "at most 200 bytes");
}

static void
a_key_that_is_too_long_with_the_sensor_in_it_is_refused(void **state)
{
    (void)state;
    refuse("{sensor: a234567890123456789012345678901234567890123456789012345678"
           "90123, outputs: [{SERVER, mode: list, key: "
           "'{sensor}{sensor}{sensor}{sensor}{sensor}'}]}\n",
           "E-LIMIT", "'{sensor}", "more than 255 bytes");
}

static void
a_stream_has_one_kind_of_events(void **state)
{
    (void)state;
    refuse("outputs: [{SERVER, key: mine}]\n", "E-CONFLICT", "mine",
           "must have {type} in it");
    refuse("outputs: [{SERVER, key: mine, events: [flow, status]}]\n",
           "E-CONFLICT", "mine", "must have {type} in it");
    settings_of("outputs: [{SERVER, key: mine, events: flow}]\n");
    settings_of("{events: flow, outputs: [{SERVER, key: mine}]}\n");
    settings_of("outputs: [{SERVER, key: mine, mode: list}]\n");
    settings_of("outputs: [{SERVER, key: mine, mode: channel}]\n");
}

static void
no_two_outputs_are_the_same_key_of_a_server(void **state)
{
    (void)state;
    refuse("outputs: ['redis://h', 'redis://u:p@h:6379/0']\n", "E-DUPLICATE",
           "'redis://u", "'segmon:{");
    refuse("{sensor: a, outputs: [{SERVER, key: 'x:a', events: flow},"
           " {SERVER, mode: list, key: 'x:{sensor}'}]}\n",
           "E-DUPLICATE", "'x:{", "are 'x:a' of the same server");
    refuse("outputs: [{SERVER, mode: channel}, {mode: channel, SERVER}]\n",
           "E-DUPLICATE", "{mode", "the same server");
}

static void
different_keys_servers_and_kinds_are_no_duplicates(void **state)
{
    (void)state;
    settings_of("outputs: ['redis://h', 'redis://h/1', 'redis://h:1', "
                "'redis://i']\n");
    settings_of("outputs: ['unix:///a', 'unix:///b', '-', x]\n");
    settings_of("outputs: [SERVER, {SERVER, mode: channel}]\n");
    settings_of("outputs: [{SERVER, events: flow},"
                " {SERVER, events: [violation, status], mode: list}]\n");
    settings_of("outputs: [SERVER, {SERVER, key: 'x:{type}'}]\n");
}

static void
an_output_without_events_is_refused(void **state)
{
    (void)state;
    refuse("{events: [flow], outputs: [{file: a, events: [status]}]}\n",
           "E-CONFLICT", "[status]", "none of the 'events'");
}

static struct fixture *
load_options(const struct settings_override *overrides, size_t n)
{
    struct fixture *f = load("sensor: x\n");
    const struct settings_source source = {
        .overrides = overrides, .n_overrides = n, .sensor = "x"};

    f->good = settings_load(&f->settings, &source, &f->problems);
    return f;
}

static void
options_are_of_the_output_before_them(void **state)
{
    static const struct settings_override overrides[] = {
        {"redis", "outputs.redis", "redis://h"},
        {"redis-max-length", "outputs.max_length", "1000"},
        {"redis", "outputs.redis", "redis://i"},
        {"redis-mode", "outputs.mode", "list"},
        {"redis-key", "outputs.key", "a,b"},
        {"set", "outputs.events", "flow,status"},
        {"output", "outputs.file", "f"},
    };
    struct fixture *f =
        load_options(overrides, sizeof overrides / sizeof overrides[0]);
    const struct settings *s = &f->settings;

    (void)state;
    assert_true(f->good);
    assert_int_equal(s->n_outputs, 3);
    assert_int_equal(s->outputs[0].max_length, 1000);
    assert_int_equal(s->outputs[0].mode, OUTPUT_STREAM);
    assert_int_equal(s->outputs[1].mode, OUTPUT_LIST);
    assert_string_equal(s->outputs[1].key, "a,b");
    assert_int_equal(s->outputs[1].events, 1 << EVENT_FLOW | 1 << EVENT_STATUS);
    assert_int_equal(s->outputs[1].max_length, 0);
    done(f);
}

static void
assert_option_refused(const struct settings_override *overrides, size_t n,
                      const char *where, const char *part)
{
    struct fixture *f = load_options(overrides, n);

    assert_false(f->good);
    assert_int_equal(f->problems.n_errors, 1);
    assert_string_equal(f->problems.list[0].file, where);
    assert_non_null(strstr(f->problems.list[0].message, part));
    done(f);
}

static void
options_that_fit_no_output_name_themselves(void **state)
{
    static const struct settings_override
        alone[] = {{"redis-mode", "outputs.mode", "list"},
                   {"redis", "outputs.redis", "redis://h"}},
        of_file[] = {{"output", "outputs.file", "a"},
                     {"redis-mode", "outputs.mode", "list"}},
        unknown[] = {{"redis", "outputs.redis", "redis://h"},
                     {"set", "outputs.mod", "list"}},
        twice[] = {{"redis", "outputs.redis", "redis://h"},
                   {"redis", "outputs.redis", "redis://h"}};

    (void)state;
    assert_option_refused(alone, 2, "--redis-mode", "no output before it");
    assert_option_refused(of_file, 2, "--redis-mode",
                          "means nothing for a file");
    assert_option_refused(unknown, 2, "--set outputs.mod", "there is no key");
    assert_option_refused(twice, 2, "--redis", "of the same server");
}

static void
what_is_printed_of_outputs_reads_back_as_the_same(void **state)
{
    struct settings s = settings_of(
        "{sensor: s, outputs: [{SERVER, field: eve, max_length: 9}, '-',"
        " {SERVER, mode: list, key: '{{sensor}}', max_length: 3,"
        " when_full: drop-new}, {SERVER, mode: channel}]}\n");
    char text[8192];
    FILE *out = fmemopen(text, sizeof text, "w");
    struct fixture *again;

    (void)state;
    assert_non_null(out);
    settings_print(&s, out);
    assert_int_equal(fclose(out), 0);
    again = load_good(text);
    assert_memory_equal(&s, &again->settings, sizeof s);
    assert_non_null(strstr(text, "when_full: drop-new"));
    done(again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_a_server_or_a_file),
        cmocka_unit_test(a_server_is_told_how_to_keep_events),
        cmocka_unit_test(what_means_nothing_is_refused_where_it_is),
        cmocka_unit_test(values_are_of_their_kind),
        cmocka_unit_test(
            a_key_that_is_too_long_with_the_sensor_in_it_is_refused),
        cmocka_unit_test(a_stream_has_one_kind_of_events),
        cmocka_unit_test(no_two_outputs_are_the_same_key_of_a_server),
        cmocka_unit_test(different_keys_servers_and_kinds_are_no_duplicates),
        cmocka_unit_test(an_output_without_events_is_refused),
        cmocka_unit_test(options_are_of_the_output_before_them),
        cmocka_unit_test(options_that_fit_no_output_name_themselves),
        cmocka_unit_test(what_is_printed_of_outputs_reads_back_as_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
