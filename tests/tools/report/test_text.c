/* tools/report/text.h */

#include "tests/support/test.h"

#include "tools/report/text.h"

#include <stdlib.h>

static void
counts_are_grouped_by_thousands(void **state)
{
    char text[TEXT_NUMBER_SIZE];

    (void)state;
    assert_string_equal(text_count(0, text), "0");
    assert_string_equal(text_count(999, text), "999");
    assert_string_equal(text_count(1000, text), "1 000");
    assert_string_equal(text_count(UINT64_MAX, text),
                        "18 446 744 073 709 551 615");
}

static void
bytes_have_one_decimal_and_never_a_thousand_of_a_unit(void **state)
{
    char text[TEXT_NUMBER_SIZE];

    (void)state;
    assert_string_equal(text_bytes(0, text), "0 B");
    assert_string_equal(text_bytes(999, text), "999 B");
    assert_string_equal(text_bytes(1000, text), "1.0 kB");
    assert_string_equal(text_bytes(999949, text), "999.9 kB");
    assert_string_equal(text_bytes(999950, text), "1.0 MB");
    assert_string_equal(text_bytes(UINT64_MAX, text), "18446.7 PB");
}

static void
text_cannot_move_the_cursor(void **state)
{
    char *printed = NULL;
    size_t size;
    FILE *stream = open_memstream(&printed, &size);

    (void)state;
    text_print("a\033[2Jb\r\n\xc3\xa9\x7f!", stream);
    fclose(stream);
    assert_string_equal(printed, "a?[2Jb"
                                 "?"
                                 "?"
                                 "?"
                                 "?"
                                 "?!");
    free(printed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_grouped_by_thousands),
        cmocka_unit_test(bytes_have_one_decimal_and_never_a_thousand_of_a_unit),
        cmocka_unit_test(text_cannot_move_the_cursor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
