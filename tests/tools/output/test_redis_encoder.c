/* redis_encoder.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/output/redis_encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line as the output thread makes them. */
#define HEAD                                                                   \
    "{\"@timestamp\":\"2026-03-10T12:34:56.000000Z\",\"ecs\":{\"version\":"    \
    "\"" EVENT_ECS_VERSION "\"},\"event\":{\"id\":"
#define LINE HEAD "\"s-0-1\"}}"

static struct redis_encoder encoder;
static struct json commands;

static void
make(const struct output_redis *form)
{
    struct error error;

    json_init(&commands, 1 << 16);
    assert_true(redis_encoder_init(&encoder, form, "s", &error));
}

static int
teardown(void **state)
{
    (void)state;
    redis_encoder_done(&encoder);
    json_done(&commands);
    return 0;
}

static void
add(const char *line)
{
    redis_encoder_add(&encoder, &commands,
                      &(struct redis_event){.kind = EVENT_FLOW,
                                            .id = {7, 0},
                                            .serial = 12,
                                            .line = line,
                                            .size = strlen(line)});
}

/* The words of the one command, with blanks between. */
static void
expect_words(const char *expected)
{
    char words[1024] = "";
    const char *at = commands.data;
    const char *end = at + commands.size;

    assert_int_equal(*at, '*');
    at = strchr(at, '\n') + 1;
    while (at < end) {
        size_t size = strtoul(at + 1, NULL, 10);

        assert_int_equal(*at, '$');
        at = strchr(at, '\n') + 1;
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%.*s",
                 words[0] ? " " : "", (int)size, at);
        at += size + 2;
    }
    assert_string_equal(words, expected);
}

static void
a_command_is_what_redis_expects(void **state)
{
    static const char expected[] =
        "*15\r\n$4\r\nXADD\r\n$15\r\nsegmon:{s}:flow\r\n$3\r\n7-0\r\n"
        "$5\r\nevent\r\n$2\r\n{}\r\n$4\r\ntype\r\n$4\r\nflow\r\n"
        "$6\r\nsensor\r\n$1\r\ns\r\n$2\r\nid\r\n$0\r\n\r\n"
        "$1\r\nv\r\n$3\r\n1.0\r\n$1\r\nn\r\n$2\r\n12\r\n";

    (void)state;
    make(&(struct output_redis){.mode = OUTPUT_STREAM});
    add("{}");
    assert_int_equal(commands.size, sizeof expected - 1);
    assert_memory_equal(commands.data, expected, sizeof expected - 1);
}

static void
the_id_of_an_event_is_taken_from_its_line(void **state)
{
    (void)state;
    make(&(struct output_redis){.mode = OUTPUT_STREAM});
    add(LINE);
    expect_words("XADD segmon:{s}:flow 7-0 event " LINE
                 " type flow sensor s id s-0-1 v 1.0 n 12");
}

static void
a_stream_that_must_exist_is_not_made(void **state)
{
    (void)state;
    make(&(struct output_redis){.mode = OUTPUT_STREAM, .max_length = 1000});
    redis_encoder_add(&encoder, &commands,
                      &(struct redis_event){.kind = EVENT_FLOW,
                                            .id = {7, 0},
                                            .must_exist = true,
                                            .serial = 12,
                                            .line = "{}",
                                            .size = 2});
    expect_words("XADD segmon:{s}:flow NOMKSTREAM MAXLEN ~ 1000 7-0 event {} "
                 "type flow sensor s id  v 1.0 n 12");
}

static void
key_field_and_length_are_those_asked_for(void **state)
{
    (void)state;
    make(&(struct output_redis){.mode = OUTPUT_STREAM,
                                .key = "log:{type}:{sensor}",
                                .field = "body",
                                .max_length = 1000});
    add("{}");
    expect_words("XADD log:flow:s MAXLEN ~ 1000 7-0 body {} type flow "
                 "sensor s id  v 1.0 n 12");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_command_is_what_redis_expects, teardown),
        cmocka_unit_test_teardown(the_id_of_an_event_is_taken_from_its_line,
                                  teardown),
        cmocka_unit_test_teardown(a_stream_that_must_exist_is_not_made,
                                  teardown),
        cmocka_unit_test_teardown(key_field_and_length_are_those_asked_for,
                                  teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
