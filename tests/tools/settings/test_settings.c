/* settings.h */

#include "tests/support/test.h"

#include "dissect/application.h"
#include "tests/tools/settings/settings_fixture.h"
#include "tools/process/log.h"
#include "tools/runtime/worker.h"
#include "tools/settings/settings_memory.h"
#include "tools/spool/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture *
load_overrides(const char *path, const struct settings_override *overrides,
               size_t n)
{
    struct fixture *f = load("sensor: x\n");
    const struct settings_source source = {
        .live = true,
        .path = path,
        .overrides = overrides,
        .n_overrides = n,
    };

    f->good = settings_load(&f->settings, &source, &f->problems);
    return f;
}

static char *
printed(const struct settings *settings)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    settings_print(settings, out);
    fclose(out);
    return text;
}

static void
defaults_are_those_of_the_parts(void **state)
{
    struct fixture *f = load_good("sensor: x\n");
    const struct settings *s = &f->settings;

    (void)state;
    assert_memory_equal(&s->flows.timeouts, &flow_default_timeouts,
                        sizeof flow_default_timeouts);
    assert_int_equal(s->flows.max, 1000000);
    assert_int_equal(s->flows.duplicates, FLOW_DUPLICATES_MARK);
    assert_int_equal(s->flows.vlan, WORKER_VLAN_POLICY);
    assert_true(s->flows.decapsulate && !s->flows.teredo);
    assert_int_equal(s->events, EVENT_ALL_KINDS);
    assert_int_equal(s->capture.workers, 1);
    assert_int_equal(s->capture.buffer_bytes, 64 << 20);
    assert_int_equal(s->capture.snaplen, 65535);
    assert_true(s->capture.promiscuous && s->dpi.enabled);
    assert_int_equal(s->heartbeat_ns, 60 * SECOND_NS);
    assert_int_equal(s->stop_timeout_ns, 20 * SECOND_NS);
    assert_int_equal(s->log.level, LOG_LEVEL_INFO - LOG_LEVEL_ERROR);
    assert_int_equal(s->metrics.listen.port, 0);
    assert_int_equal(s->privacy.redact, 0);
    assert_int_equal(s->n_outputs + s->capture.n_interfaces, 0);
    assert_string_equal(s->spool.directory, "");
    assert_true(s->spool.max_bytes == SPOOL_DEFAULT_BYTES);
    assert_true(s->spool.sync_ns == SPOOL_DEFAULT_SYNC_NS);
    assert_int_equal(settings_share_memory(s).dpi, APPLICATION_DEFAULT_BYTES);
    done(f);
}

static void
what_capture_and_flows_are_is_read(void **state)
{
    struct fixture *f = load_good("sensor: edge-1\n"
                                  "memory: 2G\n"
                                  "policy: /etc/p.yaml\n"
                                  "heartbeat: 2m\n"
                                  "stop_timeout: 5\n"
                                  "events: [violation, status]\n"
                                  "capture:\n"
                                  "  interfaces: [eth1, eth2]\n"
                                  "  workers: 4\n"
                                  "  buffer: 32M\n"
                                  "  snaplen: 256\n"
                                  "  promiscuous: false\n"
                                  "  filter: not port 22\n"
                                  "flows:\n"
                                  "  max: 5000\n"
                                  "  duplicates: drop\n"
                                  "  vlan: always\n"
                                  "  decapsulate: false\n"
                                  "  teredo: true\n"
                                  "  timeouts: {udp_reply: 1h, active: 0}\n"
                                  "dpi: {memory: 16M}\n");
    const struct settings *s = &f->settings;

    (void)state;
    assert_string_equal(s->sensor, "edge-1");
    assert_string_equal(s->policy, "/etc/p.yaml");
    assert_true(s->memory_bytes == UINT64_C(2) << 30);
    assert_int_equal(s->heartbeat_ns, 120 * SECOND_NS);
    assert_int_equal(s->stop_timeout_ns, 5 * SECOND_NS);
    assert_int_equal(s->events, 1 << EVENT_VIOLATION | 1 << EVENT_STATUS);
    assert_int_equal(s->capture.n_interfaces, 2);
    assert_string_equal(s->capture.interfaces[1], "eth2");
    assert_int_equal(s->capture.workers, 4);
    assert_int_equal(s->capture.buffer_bytes, 32 << 20);
    assert_int_equal(s->capture.snaplen, 256);
    assert_false(s->capture.promiscuous);
    assert_string_equal(s->capture.filter, "not port 22");
    assert_int_equal(s->flows.max, 5000);
    assert_int_equal(s->flows.duplicates, FLOW_DUPLICATES_DROP);
    assert_int_equal(s->flows.vlan, WORKER_VLAN_ALWAYS);
    assert_true(s->flows.teredo && !s->flows.decapsulate);
    assert_int_equal(s->flows.timeouts.udp_reply_ns, 3600 * SECOND_NS);
    assert_int_equal(s->flows.timeouts.active_ns, 0);
    assert_int_equal(s->dpi.memory_bytes, 16 << 20);
    done(f);
}

static void
and_so_is_what_is_around_them(void **state)
{
    struct fixture *f = load_good(
        "outputs:\n"
        "  - {redis: 'redis://h:1', events: violation, password_file: /s}\n"
        "  - file: /var/log/x\n"
        "  - '-'\n"
        "log: {level: debug}\n"
        "metrics: {listen: '[::1]:9464'}\n"
        "spool: {directory: /d, size: 8M, sync: always}\n"
        "service: {user: segmon}\n"
        "privacy: {redact: hostnames}\n");
    const struct settings *s = &f->settings;

    (void)state;
    assert_int_equal(s->n_outputs, 3);
    assert_string_equal(s->outputs[0].target, "redis://h:1");
    assert_int_equal(s->outputs[0].events, 1 << EVENT_VIOLATION);
    assert_string_equal(s->outputs[0].password_file, "/s");
    assert_string_equal(s->outputs[1].target, "/var/log/x");
    assert_int_equal(s->outputs[1].events, EVENT_ALL_KINDS);
    assert_string_equal(s->outputs[2].target, "-");
    assert_int_equal(s->log.level, LOG_LEVEL_DEBUG - LOG_LEVEL_ERROR);
    assert_string_equal(s->metrics.listen.address, "::1");
    assert_int_equal(s->metrics.listen.port, 9464);
    assert_string_equal(s->spool.directory, "/d");
    assert_int_equal(s->spool.max_bytes, 8 << 20);
    assert_int_equal(s->spool.sync_ns, 0);
    assert_string_equal(s->service.user, "segmon");
    assert_int_equal(s->privacy.redact, SETTINGS_REDACT_HOSTNAMES);
    done(f);
}

static void
a_mistake_is_told_where_it_is(void **state)
{
    (void)state;
    assert_refused("[a]\n", "E-TYPE", 1, 1, "the file must be a mapping");
    assert_refused("capture: eth1\n", "E-TYPE", 1, 10,
                   "capture must be a mapping, not a value");
    assert_refused("flows:\n  timeouts: [1]\n", "E-TYPE", 2, 13,
                   "flows.timeouts must be a mapping, not a list");
    assert_refused("sensor: [a]\n", "E-TYPE", 1, 9, "not a list");
    assert_refused("capture: {interfaces: {a: b}}\n", "E-TYPE", 1, 23,
                   "not a mapping");
    assert_refused("sensor: a b\n", "E-VALUE", 1, 9, "'a b' is no name");
    assert_refused("policy:\n", "E-EMPTY", 1, 8, "says nothing");
    assert_refused("capture: {workers: two}\n", "E-VALUE", 1, 20,
                   "'two' is not a whole number");
    assert_refused("capture: {buffer: 64MB}\n", "E-VALUE", 1, 19,
                   "'64MB' is not bytes, such as");
    assert_refused("heartbeat: 1w\n", "E-VALUE", 1, 12, "'1w' is not seconds");
    assert_refused("dpi: {enabled: yes}\n", "E-VALUE", 1, 16,
                   "'yes' is not true or false");
    assert_refused("flows: {duplicates: dorp}\n", "E-VALUE", 1, 21,
                   "not mark or drop (did you mean 'drop'?)");
    assert_refused("events: []\n", "E-EMPTY", 1, 9, "must name one at least");
    assert_refused("events: [flow, nothing]\n", "E-VALUE", 1, 16,
                   "not flow, violation or status");
    assert_refused("privacy: {redact: [hostname]}\n", "E-VALUE", 1, 20,
                   "did you mean 'hostnames'?");
    assert_refused("capture: {interfaces: [a, b, a]}\n", "E-DUPLICATE", 1, 30,
                   "twice");
    assert_refused("capture: {interfaces: [abcdefghijklmnop]}\n", "E-VALUE", 1,
                   24, "no name of an interface");
    assert_refused("capture: {interfaces: [a, b, c, d, e, f, g, h, i]}\n",
                   "E-LIMIT", 1, 48, "more than 8 interfaces");
    assert_refused("sensor: x\nsensor: y\n", "E-DUPKEY", 2, 1, "");
}

static void
an_unknown_key_is_refused_and_the_nearest_is_named(void **state)
{
    (void)state;
    assert_refused("capture: {workerz: 2}\n", "E-UNKNOWN-KEY", 1, 11,
                   "capture has no key 'workerz' (did you mean 'workers'?)");
    assert_refused("ouputs: []\n", "E-UNKNOWN-KEY", 1, 1,
                   "the configuration has no key 'ouputs' "
                   "(did you mean 'outputs'?)");
    assert_refused("flows: {timeouts: {tcp: 1}}\n", "E-UNKNOWN-KEY", 1, 20,
                   "flows.timeouts has no key 'tcp'");
    assert_refused("outputs: [{file: x, event: flow}]\n", "E-UNKNOWN-KEY", 1,
                   21, "an output has no key 'event' (did you mean 'events'?)");
    assert_refused("capture.workers: 2\n", "E-UNKNOWN-KEY", 1, 1, "no key");
    assert_refused("spol: {}\n", "E-UNKNOWN-KEY", 1, 1,
                   "did you mean 'spool'?");
    assert_refused("\"\": 1\n", "E-UNKNOWN-KEY", 1, 1, "no key ''");
    assert_refused("flow: {max: 1}\n", "E-UNKNOWN-KEY", 1, 1,
                   "did you mean 'flows'?");
}

static void
all_mistakes_are_told(void **state)
{
    struct fixture *f = load("sensor: a b\n"
                             "capture: {workers: 0, snaplen: 1}\n"
                             "outputs: [{}, {file: a, redis: redis://h}]\n"
                             "x: 1\n");

    (void)state;
    assert_int_equal(f->problems.n_errors, 6);
    done(f);
}

static void
numbers_are_held_to_their_bounds(void **state)
{
    static const struct {
        const char *section, *key, *least, *below, *most, *above;
    } cases[] = {
        {"capture", "workers", "1", "0", "64", "65"},
        {"capture", "snaplen", "64", "63", "262144", "262145"},
        {"capture", "buffer", "1M", "1023K", "2047M", "2G"},
        {"flows", "max", "1", "0", "67108864", "2147483648"},
        {"dpi", "memory", "1M", "1000K", "1T", "99999999999999999999"},
        {"spool", "size", "4M", "4095K", "1T", "1025G"},
        {"spool", "sync", "1ms", "0", "60s", "60001ms"},
    };
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const good[] = {cases[i].least, cases[i].most};
        const char *const bad[] = {cases[i].below, cases[i].above};

        for (size_t k = 0; k < 2; k++) {
            snprintf(text, sizeof text, "%s: {%s: %s}\n", cases[i].section,
                     cases[i].key, good[k]);
            done(load_good(text));
            snprintf(text, sizeof text, "%s: {%s: %s}\n", cases[i].section,
                     cases[i].key, bad[k]);
            assert_refused(text, "E-VALUE", 1,
                           (unsigned)(strstr(text, bad[k]) - text) + 1, "");
        }
    }
    assert_refused("heartbeat: 0\n", "E-VALUE", 1, 12,
                   "'heartbeat' is from 1s to 1000000000s, not '0'");
    assert_refused("flows: {timeouts: {icmp: 21d}}\n", "E-VALUE", 1, 26,
                   "from 1s to 1728000s");
    assert_refused("flows: {timeouts: {icmp: 0}}\n", "E-VALUE", 1, 26, "");
    assert_refused("flows: {emergency: 100}\n", "E-VALUE", 1, 20, "");
    assert_refused("capture: {workers: 2}\nflows: {max: 134217729}\n",
                   "E-LIMIT", 2, 14, "2 workers hold 134217728 flows at most");
    done(load_good("capture: {workers: 2}\nflows: {max: 134217728}\n"));
}

static void
a_password_in_a_mistaken_uri_is_not_shown(void **state)
{
    struct fixture *f = load("outputs: ['redis://u:secret@h:99999']\n");

    (void)state;
    assert_int_equal(f->problems.n_errors, 1);
    assert_null(strstr(f->problems.list[0].message, "secret"));
    assert_string_equal(f->problems.list[0].source_line,
                        "outputs: ['redis://********@h:99999']");
    done(f);
}

static void
an_address_to_listen_on_is_numeric_and_has_a_port(void **state)
{
    static const char *const bad[] = {
        "on",          "94640",      ":9464",       "localhost:9464",
        "127.0.0.1",   "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:x", "::1:9464",   "[::1]",       "[]:1",
        "[::1:9464"};
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "metrics: {listen: '%s'}\n", bad[i]);
        assert_refused(text, "E-VALUE", 1, 19,
                       "'off', a port, or a numeric address");
    }
    done(load_good("metrics: {listen: 127.0.0.1:9464}\n"));
    done(load_good("metrics: {listen: 9464}\n"));
    done(load_good("metrics: {listen: off}\n"));
}

static void
texts_have_a_greatest_length(void **state)
{
    char text[SETTINGS_MAX_TEXT + 40];
    struct fixture *f;

    (void)state;
    snprintf(text, sizeof text, "policy: /%0*d\n", SETTINGS_MAX_TEXT - 1, 0);
    f = load_good(text);
    assert_int_equal(strlen(f->settings.policy), SETTINGS_MAX_TEXT);
    done(f);
    snprintf(text, sizeof text, "policy: /%0*d\n", SETTINGS_MAX_TEXT, 0);
    assert_refused(text, "E-LIMIT", 1, 9, "at most 1024 bytes, not 1025");
}

static void
the_command_line_sets_what_a_file_may(void **state)
{
    static const struct settings_override overrides[] = {
        {"set", "capture.interfaces", "eth1,eth2"},
        {"interface", "capture.interfaces", "eth3"},
        {"workers", "capture.workers", "1"},
        {"workers", "capture.workers", "3"},
        {"output", "outputs.file", "a.ndjson"},
        {"redis", "outputs.redis", "redis://h"},
        {"events", "events", "flow"},
        {"set", "privacy.redact", ""},
    };
    struct fixture *f =
        load_overrides(NULL, overrides, sizeof overrides / sizeof overrides[0]);
    const struct settings *s = &f->settings;

    (void)state;
    assert_true(f->good);
    assert_int_equal(s->capture.n_interfaces, 3);
    assert_string_equal(s->capture.interfaces[2], "eth3");
    assert_int_equal(s->capture.workers, 3);
    assert_int_equal(s->n_outputs, 2);
    assert_string_equal(s->outputs[0].target, "a.ndjson");
    assert_int_equal(s->events, 1 << EVENT_FLOW);
    done(f);
}

static void
what_is_wrong_on_the_command_line_names_the_option(void **state)
{
    static const struct settings_override overrides[] = {
        {"workers", "capture.workers", "0"},
        {"set", "wrokers", "1"},
        {"policy", "policy", ""},
        {"interface", "capture.interfaces", "a,a"},
    };
    struct fixture *f =
        load_overrides(NULL, overrides, sizeof overrides / sizeof overrides[0]);

    (void)state;
    assert_false(f->good);
    assert_int_equal(f->problems.n_errors, 4);
    assert_string_equal(f->problems.list[0].file, "--workers");
    assert_int_equal(f->problems.list[0].line, 0);
    assert_non_null(strstr(f->problems.list[1].message,
                           "(did you mean 'capture.workers'?)"));
    assert_string_equal(f->problems.list[1].file, "--set wrokers");
    assert_string_equal(f->problems.list[2].code, "E-EMPTY");
    assert_string_equal(f->problems.list[3].code, "E-DUPLICATE");
    done(f);
}

static void
paths_are_relative_to_the_file_and_lists_replaced(void **state)
{
    char folder[] = "/tmp/segmon-settings-XXXXXX", path[64];
    const struct settings_override override = {"output", "outputs.file", "b"};
    struct fixture *f;
    FILE *out;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.yaml", folder);
    out = fopen(path, "w");
    assert_non_null(out);
    fputs("policy: p.yaml\noutputs: [x, y]\n", out);
    fclose(out);
    f = load_overrides(path, NULL, 0);
    assert_true(f->good);
    assert_memory_equal(f->settings.policy, folder, strlen(folder));
    assert_string_equal(f->settings.policy + strlen(folder), "/p.yaml");
    assert_string_equal(f->settings.outputs[0].target + strlen(folder), "/x");
    done(f);
    f = load_overrides(path, &override, 1);
    assert_int_equal(f->settings.n_outputs, 1);
    assert_string_equal(f->settings.outputs[0].target, "b");
    done(f);
    remove(path);
    f = load_overrides(path, NULL, 0);
    assert_false(f->good);
    assert_string_equal(f->problems.list[0].code, "E-FILE");
    done(f);
    f = load_overrides(folder, NULL, 0);
    assert_string_equal(f->problems.list[0].message,
                        "it is not a regular file");
    done(f);
    remove(folder);
}

static void
what_is_printed_reads_back_as_the_same(void **state)
{
    struct fixture *f =
        load_good("policy: \"/a \\\"b\\\\\\x01\\x9e\\u2028\\xe9\"\nmemory: "
                  "3G\nsensor: s\n"
                  "capture: {interfaces: [e1, 'e:2'], snaplen: 100}\n"
                  "flows: {timeouts: {other: 61}}\nspool: {sync: "
                  "1500ms}\nprivacy: {redact: [hostnames]}\n"
                  "outputs: [{redis: unix:///s, events: [flow, status]}, '-']\n"
                  "metrics: {listen: '[::1]:1'}\n");
    char *once = printed(&f->settings);
    struct fixture *again = load_good(once);
    char *twice = printed(&again->settings);

    (void)state;
    assert_string_equal(once, twice);
    assert_memory_equal(&f->settings, &again->settings, sizeof f->settings);
    assert_non_null(strstr(once, "\n  timeouts:\n    tcp_opening: 60s\n"));
    assert_non_null(strstr(once, "\nmemory: 3G\n"));
    free(once);
    free(twice);
    done(f);
    done(again);
}

static void
what_is_printed_holds_no_password(void **state)
{
    struct fixture *f =
        load_good("outputs: ['redis://u:secr%40et@h', 'unix://:a@b@/s']\n");
    char *text = printed(&f->settings);

    (void)state;
    assert_non_null(strstr(text, "\"redis://u:@h\""));
    assert_non_null(strstr(text, "\"unix://:@/s\""));
    free(text);
    done(f);
}

struct seen {
    char text[400];
    size_t n;
};

static void
see(void *context, const struct settings_change *change)
{
    struct seen *seen = context;
    size_t length = strlen(seen->text);

    seen->n++;
    snprintf(seen->text + length, sizeof seen->text - length, "%s %s>%s%s;",
             change->key, change->was, change->is,
             change->needs_restart ? "!" : "");
}

static void
every_difference_is_found(void **state)
{
    struct fixture *a = load_good("heartbeat: 60\nsensor: s\n"),
                   *b = load_good("heartbeat: 10\nsensor: s\n"
                                  "capture: {workers: 2}\noutputs: [x]\n"
                                  "flows: {timeouts: {icmp: 9}}\n");
    struct seen seen = {.n = 0};

    (void)state;
    settings_compare(&a->settings, &a->settings, see, &seen);
    assert_int_equal(seen.n, 0);
    settings_compare(&a->settings, &b->settings, see, &seen);
    assert_string_equal(seen.text,
                        "outputs []>[{file: \"x\", events: [flow, violation, "
                        "status]}]!;"
                        "heartbeat 60s>10s;capture.workers 1>2!;"
                        "flows.timeouts.icmp 60s>9s;");
    done(a);
    done(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_parts),
        cmocka_unit_test(what_capture_and_flows_are_is_read),
        cmocka_unit_test(and_so_is_what_is_around_them),
        cmocka_unit_test(a_mistake_is_told_where_it_is),
        cmocka_unit_test(an_unknown_key_is_refused_and_the_nearest_is_named),
        cmocka_unit_test(all_mistakes_are_told),
        cmocka_unit_test(numbers_are_held_to_their_bounds),
        cmocka_unit_test(a_password_in_a_mistaken_uri_is_not_shown),
        cmocka_unit_test(an_address_to_listen_on_is_numeric_and_has_a_port),
        cmocka_unit_test(texts_have_a_greatest_length),
        cmocka_unit_test(the_command_line_sets_what_a_file_may),
        cmocka_unit_test(what_is_wrong_on_the_command_line_names_the_option),
        cmocka_unit_test(paths_are_relative_to_the_file_and_lists_replaced),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(what_is_printed_holds_no_password),
        cmocka_unit_test(every_difference_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
