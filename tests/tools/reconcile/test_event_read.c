/* event_read.h and event_name_parse(): what is an event's name, and what is not
 */

#include "tests/support/guard.h"
#include "tests/support/test.h"

#include "tools/reconcile/event_read.h"

#include <string.h>

static void
assert_id(const char *json, const char *wanted)
{
    size_t size = strlen(json);
    struct guard guard = guard_new(size);
    const char *bytes = (const char *)guard_copy(&guard, json, size);
    char id[EVENT_ID_SIZE] = "";

    assert_int_equal(event_read_id(bytes, size, id), wanted != NULL);
    if (wanted) {
        assert_string_equal(id, wanted);
    }
    guard_free(&guard);
}

static void
test_an_id_is_found_wherever_it_is(void **state)
{
    (void)state;
    assert_id("{\"@timestamp\":\"t\",\"event\":{\"id\":\"a-1\",\"x\":1}}",
              "a-1");
    assert_id("{\"event\": {\"x\": 1, \"id\": \"a-1\"}}", "a-1");
    assert_id("{\"event\":{\"id\":\"a\\u002d1\"}}", "a-1");
    assert_id("{\"event\":{\"id\":\"\"}}", NULL);
    assert_id("{\"event\":{\"id\":1}}", NULL);
    assert_id("{\"event\":[1]}", NULL);
    assert_id("{\"event\":{\"id\":\"a-1", NULL);
    assert_id("{\"event\":{\"id\":\"", NULL);
    assert_id("", NULL);
    assert_id("[]", NULL);
}

static void
test_an_id_that_no_event_can_have_is_none(void **state)
{
    char json[2 * EVENT_ID_SIZE + 64] = "{\"event\":{\"id\":\"";
    size_t size = strlen(json);

    (void)state;
    memset(json + size, 'a', EVENT_ID_SIZE - 1);
    memcpy(json + size + EVENT_ID_SIZE - 1, "\"}}", 4);
    json[size + EVENT_ID_SIZE - 1] = '"';
    {
        char id[EVENT_ID_SIZE];

        assert_true(event_read_id(json, strlen(json), id));
        assert_int_equal(strlen(id), EVENT_ID_SIZE - 1);
    }
    memset(json + size, 'a', EVENT_ID_SIZE);
    memcpy(json + size + EVENT_ID_SIZE, "\"}}", 4);
    assert_id(json, NULL);
}

static void
test_a_name_is_that_of_the_sensor(void **state)
{
    static const char *const others[] = {"",
                                         "edge-1",
                                         "edge-2-0000000a-0000000000000b",
                                         "edge-1-0000000A-0000000000000b",
                                         "edge-1-0000000a-0000000000000b0",
                                         "edge-1-0000000a-000000000000b",
                                         "edge-1-0000000a_0000000000000b",
                                         "edge-1-0000000a-000000000000 b",
                                         "edge-10000000a--0000000000000b"};
    const char *good = "edge-1-0000000a-0123456789abcd";
    struct event_name name;

    (void)state;
    assert_true(event_name_parse(good, strlen(good), "edge-1", &name));
    assert_int_equal(name.epoch, 10);
    assert_int_equal(name.sequence, 0x123456789abcd);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(
            event_name_parse(others[i], strlen(others[i]), "edge-1", &name));
    }
}

/* Its name for people, if that is among the outputs; else the only server. */
static void
test_counters_are_those_of_the_server(void **state)
{
    static const char json[] =
        "{\"event\":{\"dataset\":\"segmon.status\"},\"segmon\":{\"status\":{"
        "\"cause\":\"end\",\"outputs\":["
        "{\"name\":\"file\",\"events\":{\"flow\":{\"dropped\":1}}},"
        "{\"name\":\"redis at a\",\"events\":{\"flow\":{\"dropped\":2,"
        "\"refused\":1}}},"
        "{\"name\":\"redis at b\",\"events\":{\"flow\":{\"dropped\":-3}}}]}}}";
    struct event_read_status status;

    (void)state;
    assert_true(
        event_read_status(json, sizeof json - 1, "redis at a", &status));
    assert_true(status.is_end && status.has_counters && !status.has_gap);
    assert_int_equal(status.counters[EVENT_FLOW].dropped, 2);
    assert_int_equal(status.counters[EVENT_FLOW].refused, 1);
    assert_int_equal(status.counters[EVENT_STATUS].dropped, 0);
    assert_true(
        event_read_status(json, sizeof json - 1, "redis at b", &status));
    assert_int_equal(status.counters[EVENT_FLOW].dropped, 0);
    assert_true(
        event_read_status(json, sizeof json - 1, "redis at c", &status));
    assert_false(status.has_counters);
    assert_false(event_read_status("{}", 2, "redis at a", &status));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_found_wherever_it_is),
        cmocka_unit_test(test_an_id_that_no_event_can_have_is_none),
        cmocka_unit_test(test_a_name_is_that_of_the_sensor),
        cmocka_unit_test(test_counters_are_those_of_the_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
