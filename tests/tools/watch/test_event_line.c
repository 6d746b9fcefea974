/* event_view.h, event_filter.h and event_line.h: what is made of the bytes of
 * an event, whoever wrote them */

#include "tests/support/test.h"

#include "tools/event/utf8.h"
#include "tools/watch/event_filter.h"
#include "tools/watch/event_line.h"

#include <string.h>

enum {
    N_DAMAGED = 20000
};

static const char event[] =
    "{\"@timestamp\":\"2026-03-10T12:00:07.120331Z\",\"event\":{\"id\":\"a\","
    "\"dataset\":\"segmon.violation\"},\"observer\":{\"name\":\"lab\","
    "\"ingress\":{\"zone\":\"users\"},\"egress\":{\"zone\":\"web\"}},"
    "\"source\":{\"ip\":\"10.1.0.1\",\"port\":4711},"
    "\"destination\":{\"ip\":\"10.2.0.1\",\"port\":443},"
    "\"network\":{\"transport\":\"tcp\",\"bytes\":1822},"
    "\"rule\":{\"id\":\"r1\"},\"segmon\":{\"verdict\":\"violation\","
    "\"severity\":\"high\",\"outcome\":\"data\",\"app\":{\"name\":\"TLS\"},"
    "\"violation\":{\"kind\":\"new\",\"count\":3}}}";

static void
expect_line(const char *json, bool with_sensor, const char *expected)
{
    struct event_view view;
    char line[EVENT_LINE_SIZE];
    size_t size;

    assert_true(event_view_read(&view, json, strlen(json)));
    size = event_line_write(line, &view, with_sensor);
    assert_string_equal(line, expected);
    assert_int_equal(size, strlen(expected));
    event_view_done(&view);
}

static void
a_line_has_what_people_look_for(void **state)
{
    (void)state;
    expect_line(event, false,
                "2026-03-10T12:00:07.120Z violation/new high "
                "users:10.1.0.1:4711 -> web:10.2.0.1:443 tcp TLS r1 data "
                "1822 B x3");
    expect_line("{\"@timestamp\":\"t\",\"event\":{\"id\":\"a\",\"dataset\":"
                "\"segmon.status\"},\"observer\":{\"name\":\"lab\"},\"segmon\":"
                "{\"status\":{\"cause\":\"change\",\"capture\":{\"frames\":7},"
                "\"flows\":{\"created\":8},\"violations\":{\"told\":9},"
                "\"notes\":[\"eth1: down\",\"b\"]}}}",
                true,
                "t lab status/change 7 frames, 8 flows, 9 violations: "
                "eth1: down");
}

static void
what_is_missing_or_of_another_type_is_a_dash(void **state)
{
    (void)state;
    expect_line("{\"@timestamp\":\"t\",\"event\":{\"id\":\"a\",\"dataset\":"
                "\"segmon.flow\"},\"source\":[],\"destination\":{\"ip\":7,"
                "\"port\":\"x\"},\"rule\":null,\"segmon\":{\"verdict\":{},"
                "\"app\":\"TLS\"},\"network\":{\"bytes\":-5}}",
                true, "t - flow - - -> - - - - - 0 B");
}

static void
a_line_is_cut_and_never_too_long(void **state)
{
    char json[8000] = "{\"@timestamp\":\"", line[EVENT_LINE_SIZE];
    static const char rest[] =
        "\",\"event\":{\"id\":\"a\",\"dataset\":\"segmon.flow\"}}";
    struct event_view view;
    size_t size = strlen(json);

    (void)state;
    memset(json + size, 'x', 5000);
    memcpy(json + size + 5000, rest, sizeof rest);
    assert_true(event_view_read(&view, json, strlen(json)));
    size = event_line_write(line, &view, true);
    assert_int_equal(size, EVENT_LINE_SIZE - 1);
    assert_int_equal(strlen(line), size);
    event_view_done(&view);
}

/* One byte after the other replaced, from a simple sequence. */
static void
damaged_events_are_refused_or_shown_safely(void **state)
{
    unsigned n_shown = 0;
    uint32_t random = 1;

    (void)state;
    for (unsigned i = 0; i < N_DAMAGED; i++) {
        char json[sizeof event], line[EVENT_LINE_SIZE];
        struct event_view view;

        memcpy(json, event, sizeof event);
        random = random * 1664525 + 1013904223;
        json[(random >> 8) % (sizeof event - 1)] = (char)(random >> 24);
        if (!event_view_read(&view, json, sizeof event - 1)) {
            continue;
        }
        n_shown++;
        for (size_t at = 0, n = event_line_write(line, &view, true); at < n;) {
            uint32_t code;
            size_t used =
                utf8_decode((const uint8_t *)line + at, n - at, &code);

            assert_true(used > 0 && utf8_is_printable(code));
            at += used;
        }
        event_view_done(&view);
    }
    assert_in_range(n_shown, N_DAMAGED / 20, N_DAMAGED);
}

static bool
wants(const struct event_filter *filter)
{
    struct event_view view;
    bool wanted;

    assert_true(event_view_read(&view, event, sizeof event - 1));
    wanted = event_filter_wants(filter, &view);
    event_view_done(&view);
    return wanted;
}

static void
a_filter_wants_what_has_all_that_is_asked_for(void **state)
{
    struct event_filter filter = {.segment = NULL};

    (void)state;
    assert_true(wants(&filter));
    filter = (struct event_filter){.segment = "web", .rule = "r1"};
    assert_true(wants(&filter));
    filter.rule = "r2";
    assert_false(wants(&filter));
    filter = (struct event_filter){.segment = "we"};
    assert_false(wants(&filter));
    filter = (struct event_filter){.has_src = true, .has_dst = true};
    assert_true(prefix_parse("10.1.0.0/16", &filter.src));
    assert_true(prefix_parse("10.2.0.1", &filter.dst));
    assert_true(wants(&filter));
    assert_true(prefix_parse("::/0", &filter.dst));
    assert_false(wants(&filter));
    for (int level = 0; level <= 4; level++) {
        filter = (struct event_filter){.has_level = true, .level = level};
        assert_int_equal(wants(&filter), level <= event_view_level("high"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_what_people_look_for),
        cmocka_unit_test(what_is_missing_or_of_another_type_is_a_dash),
        cmocka_unit_test(a_line_is_cut_and_never_too_long),
        cmocka_unit_test(damaged_events_are_refused_or_shown_safely),
        cmocka_unit_test(a_filter_wants_what_has_all_that_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
