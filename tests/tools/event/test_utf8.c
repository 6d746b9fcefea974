/* utf8.h */

#include "tests/support/test.h"

#include "tools/event/utf8.h"

#include <stdio.h>
#include <string.h>

static void
expect(const char *bytes, const char *shown)
{
    char text[200];
    size_t n = utf8_escape(text, sizeof text, bytes, strlen(bytes));

    assert_string_equal(text, shown);
    assert_int_equal(n, strlen(shown));
}

static void
what_can_be_shown_stays_as_it_is(void **state)
{
    (void)state;
    expect("", "");
    expect("plain \"text\" \\ of 1~", "plain \"text\" \\ of 1~");
    expect("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
           "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void
what_would_disturb_a_terminal_is_escaped(void **state)
{
    (void)state;
    expect("\x1b[31mred\r\n\t", "\\x1b[31mred\\x0d\\x0a\\x09");
    expect("\x7f", "\\x7f");
    expect("\xc2\x9b"
           "31m",
           "\\u{9b}"
           "31m"); /* C1: as good as ESC [. */
    expect("a\xe2\x80\xae"
           "b", /* U+202E turns what follows around. */
           "a\\u{202e}"
           "b");
    expect("\xef\xbb\xbf", "\\u{feff}");
}

static void
what_is_no_utf8_is_escaped_byte_by_byte(void **state)
{
    (void)state;
    expect("\xff\xfe", "\\xff\\xfe");
    expect("\xc3", "\\xc3");                   /* Cut short. */
    expect("\xc0\xaf", "\\xc0\\xaf");          /* Overlong. */
    expect("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* A surrogate. */
    expect("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    expect("\x80"
           "a",
           "\\x80"
           "a");
}

static void
nul_is_a_byte_like_others(void **state)
{
    char text[20];

    (void)state;
    assert_int_equal(utf8_escape(text, sizeof text, "a\0b", 3), 6);
    assert_string_equal(text, "a\\x00b");
}

/* Every size of room: never beyond it, and never half a character. */
static void
too_little_room_cuts_between_characters(void **state)
{
    static const char bytes[] = "a\xe2\x82\xac\x1bz";
    static const size_t ends[] = {0, 1, 4, 8, 9};

    (void)state;
    for (size_t room = 1; room < 16; room++) {
        char text[17];
        size_t n, expected = 0;

        memset(text, '#', sizeof text);
        n = utf8_escape(text, room, bytes, sizeof bytes - 1);
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            expected = ends[i] < room ? ends[i] : expected;
        }
        assert_int_equal(n, expected);
        assert_int_equal(text[n], '\0');
        assert_int_equal(text[room], '#');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_shown_stays_as_it_is),
        cmocka_unit_test(what_would_disturb_a_terminal_is_escaped),
        cmocka_unit_test(what_is_no_utf8_is_escaped_byte_by_byte),
        cmocka_unit_test(nul_is_a_byte_like_others),
        cmocka_unit_test(too_little_room_cuts_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
