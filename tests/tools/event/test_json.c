/* json.h, read back with jansson */

#include "tests/support/test.h"

#include "tools/event/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    MAX_BYTES = 1 << 16,
    MAX_TEXT = 300,
    N_RANDOM = 20000
};

/* xorshift64: the same texts in every run. */
static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void
write_one(struct json *json, const char *bytes, size_t size)
{
    json_reset(json, false);
    json_open(json, NULL, '{');
    json_text(json, "t", bytes, size);
    json_close(json, '}');
}

static void
expect_text(const char *bytes, size_t size, const char *expected)
{
    struct json json;

    json_init(&json, MAX_BYTES);
    write_one(&json, bytes, size);
    json_raw(&json, "", 1);
    assert_string_equal(json.data, expected);
    json_done(&json);
}

/* On one line, without control characters, and valid UTF-8 (jansson refuses
 * anything else). */
static void
expect_sound(const struct json *json)
{
    json_error_t error;
    json_t *root;

    assert_false(json->failed);
    for (size_t i = 0; i < json->size; i++) {
        assert_true((unsigned char)json->data[i] >= ' ');
        assert_int_not_equal(json->data[i], 0x7f);
    }
    root = json_loadb(json->data, json->size, JSON_ALLOW_NUL, &error);
    assert_non_null(root);
    json_decref(root);
}

static void
any_bytes_become_valid_json(void **state)
{
    uint64_t seed = 0x9e3779b97f4a7c15;
    char text[MAX_TEXT];
    struct json json;

    (void)state;
    json_init(&json, MAX_BYTES);
    for (unsigned i = 0; i < N_RANDOM; i++) {
        size_t size = next_random(&seed) % (MAX_TEXT + 1);
        /* Often in the range where UTF-8 sequences begin and go on. */
        uint8_t mask = i % 3 ? 0xff : 0x3f;
        uint8_t base = i % 3 ? 0 : 0xc0;

        for (size_t j = 0; j < size; j++) {
            text[j] = (char)((next_random(&seed) & mask) | base);
        }
        write_one(&json, text, size);
        expect_sound(&json);
    }
    json_done(&json);
}

static void
every_code_point_survives_or_is_escaped(void **state)
{
    struct json json;

    (void)state;
    json_init(&json, MAX_BYTES);
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        json_t *text;
        json_t *root;
        char utf8[4];
        size_t size;

        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }
        if (code < 0x80) {
            utf8[0] = (char)code;
            size = 1;
        } else if (code < 0x800) {
            utf8[0] = (char)(0xc0 | code >> 6);
            utf8[1] = (char)(0x80 | (code & 0x3f));
            size = 2;
        } else if (code < 0x10000) {
            utf8[0] = (char)(0xe0 | code >> 12);
            utf8[1] = (char)(0x80 | (code >> 6 & 0x3f));
            utf8[2] = (char)(0x80 | (code & 0x3f));
            size = 3;
        } else {
            utf8[0] = (char)(0xf0 | code >> 18);
            utf8[1] = (char)(0x80 | (code >> 12 & 0x3f));
            utf8[2] = (char)(0x80 | (code >> 6 & 0x3f));
            utf8[3] = (char)(0x80 | (code & 0x3f));
            size = 4;
        }
        write_one(&json, utf8, size);
        root = json_loadb(json.data, json.size, 0, NULL);
        text = json_object_get(root, "t");
        assert_int_equal(json_string_length(text), size);
        assert_memory_equal(json_string_value(text), utf8, size);
        json_decref(root);
    }
    json_done(&json);
}

/* Texts are copied eight bytes at a time where they can be: each byte must be
 * told as it is alone, wherever among plain ones it stands. */
static void
every_byte_is_told_alike_wherever_it_stands(void **state)
{
    enum {
        MAX_PLAIN = 17
    };
    static const char plain[] = "!#[]~ AZaz09^_`{|";
    char text[2 * MAX_PLAIN + 1], expected[100];
    struct json alone, among;

    (void)state;
    json_init(&alone, MAX_BYTES);
    json_init(&among, MAX_BYTES);
    for (unsigned i = 0; i < 256 * MAX_PLAIN * MAX_PLAIN; i++) {
        unsigned before = i / 256 % MAX_PLAIN;
        unsigned after = i / 256 / MAX_PLAIN;
        char byte = (char)(i % 256);
        int size;

        json_reset(&alone, false);
        json_text(&alone, NULL, &byte, 1);
        memcpy(text, plain, before);
        text[before] = byte;
        memcpy(text + before + 1, plain, after);
        json_reset(&among, false);
        json_text(&among, NULL, text, before + 1 + after);
        size = snprintf(expected, sizeof expected, "\"%.*s%.*s%.*s\"",
                        (int)before, plain, (int)alone.size - 2, alone.data + 1,
                        (int)after, plain);
        assert_int_equal(among.size, size);
        assert_memory_equal(among.data, expected, among.size);
    }
    json_done(&alone);
    json_done(&among);
}

static void
bad_bytes_become_replacement_characters(void **state)
{
    (void)state;
    expect_text("a\xff"
                "b",
                3,
                "{\"t\":\"a\xef\xbf\xbd"
                "b\"}");
    /* Overlong, surrogate, cut short. */
    expect_text("\xc0\xaf", 2, "{\"t\":\"\xef\xbf\xbd\xef\xbf\xbd\"}");
    expect_text("\xed\xa0\x80", 3,
                "{\"t\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
    expect_text("\xe2\x82", 2, "{\"t\":\"\xef\xbf\xbd\xef\xbf\xbd\"}");
}

static void
characters_that_disturb_a_reader_are_escaped(void **state)
{
    (void)state;
    expect_text("\x1b[31m\n\"\\", 9,
                "{\"t\":\"\\u001b[31m\\n\\\"\\\\\\u0000\"}");
    expect_text("\x7f", 1, "{\"t\":\"\\u007f\"}");
    expect_text("\xc2\x9b", 2, "{\"t\":\"\\u009b\"}");     /* C1. */
    expect_text("\xe2\x80\xae", 3, "{\"t\":\"\\u202e\"}"); /* Right to left. */
    expect_text("\xe2\x81\xa6", 3, "{\"t\":\"\\u2066\"}");
    expect_text("\xd8\x9c", 2, "{\"t\":\"\\u061c\"}");
    expect_text("\xf3\xa0\x80\x81", 4, "{\"t\":\"\\udb40\\udc01\"}");
}

static void
numbers_and_times_are_exact(void **state)
{
    const struct {
        int64_t ns;
        const char *text;
    } times[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(951782399) * SECOND_NS, "2000-02-28T23:59:59.000000Z"},
        {INT64_C(951782400) * SECOND_NS, "2000-02-29T00:00:00.000000Z"},
        {INT64_C(4107542399) * SECOND_NS + 999999999,
         "2100-02-28T23:59:59.999999Z"},
        {INT64_C(4107542400) * SECOND_NS, "2100-03-01T00:00:00.000000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224Z"},
    };
    struct json json;
    char expected[100];

    (void)state;
    json_init(&json, MAX_BYTES);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        json_reset(&json, false);
        json_time(&json, NULL, (struct wall_time){times[i].ns});
        json_raw(&json, "", 1);
        snprintf(expected, sizeof expected, "\"%s\"", times[i].text);
        assert_string_equal(json.data, expected);
    }
    json_reset(&json, false);
    json_open(&json, NULL, '[');
    json_u64(&json, NULL, 0);
    json_u64(&json, NULL, 99);
    json_u64(&json, NULL, 100);
    json_u64(&json, NULL, UINT64_MAX);
    json_i64(&json, NULL, INT64_MIN);
    json_bool(&json, NULL, true);
    json_id(&json, NULL, 31);
    json_u64_keyword(&json, NULL, 6);
    json_close(&json, ']');
    json_raw(&json, "", 1);
    assert_string_equal(json.data,
                        "[0,99,100,18446744073709551615,-9223372036854775808,"
                        "true,\"000000000000001f\",\"6\"]");
    json_done(&json);
}

static void
expect_number(struct json *json, uint64_t value)
{
    char expected[100];
    int size = snprintf(expected, sizeof expected,
                        "%" PRIu64 ",\"%016" PRIx64 "\",%" PRId64, value, value,
                        (int64_t)value);

    json_reset(json, false);
    json_u64(json, NULL, value);
    json_id(json, NULL, value);
    json_i64(json, NULL, (int64_t)value);
    assert_int_equal(json->size, size);
    assert_memory_equal(json->data, expected, json->size);
}

static void
numbers_are_those_of_printf(void **state)
{
    uint64_t seed = 0x9e3779b97f4a7c15;
    uint64_t power = 1;
    struct json json;

    (void)state;
    json_init(&json, MAX_BYTES);
    for (unsigned i = 0; i < JSON_MAX_NUMBER; i++, power *= 10) {
        expect_number(&json, power - 1);
        expect_number(&json, power);
        expect_number(&json, power + 1);
    }
    for (unsigned i = 0; i < N_RANDOM; i++) {
        expect_number(&json, next_random(&seed) >> i % 64);
    }
    json_done(&json);
}

static void
times_are_those_of_the_c_library(void **state)
{
    uint64_t seed = 0x9e3779b97f4a7c15;
    struct json json;

    (void)state;
    json_init(&json, MAX_BYTES);
    for (unsigned i = 0; i < N_RANDOM; i++) {
        int64_t ns = (int64_t)(next_random(&seed) >> 1);
        time_t seconds = (time_t)(ns / SECOND_NS);
        char day[40], expected[100];
        struct tm tm;
        int size;

        assert_non_null(gmtime_r(&seconds, &tm));
        assert_true(strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) > 0);
        size = snprintf(expected, sizeof expected, "\"%s.%06dZ\"", day,
                        (int)(ns % SECOND_NS / MICROSECOND_NS));
        json_reset(&json, false);
        json_time(&json, NULL, (struct wall_time){ns});
        assert_int_equal(json.size, size);
        assert_memory_equal(json.data, expected, json.size);
    }
    json_done(&json);
}

static void
a_document_past_its_bound_fails_until_the_next(void **state)
{
    char text[200] = "";
    struct json json;

    (void)state;
    json_init(&json, 100);
    write_one(&json, text, sizeof text);
    assert_true(json.failed);
    assert_true(json.capacity <= 100);
    write_one(&json, "a", 1);
    expect_sound(&json);
    json_done(&json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bytes_become_valid_json),
        cmocka_unit_test(every_code_point_survives_or_is_escaped),
        cmocka_unit_test(every_byte_is_told_alike_wherever_it_stands),
        cmocka_unit_test(bad_bytes_become_replacement_characters),
        cmocka_unit_test(characters_that_disturb_a_reader_are_escaped),
        cmocka_unit_test(numbers_and_times_are_exact),
        cmocka_unit_test(numbers_are_those_of_printf),
        cmocka_unit_test(times_are_those_of_the_c_library),
        cmocka_unit_test(a_document_past_its_bound_fails_until_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
