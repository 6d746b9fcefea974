/* capture_names.c */

#include "tests/support/test.h"

#include "tools/runtime/capture_names.h"

#include <stdio.h>

static void
a_name_keeps_its_number(void **state)
{
    char file[] = "a.pcap";
    char *files[] = {file};
    struct capture_names names;
    uint16_t number;

    (void)state;
    capture_names_init(&names, files, 1);
    assert_int_equal(capture_names_intern(&names, ""), 0);
    number = capture_names_intern(&names, "eth0");
    assert_int_not_equal(number, 0);
    assert_int_not_equal(capture_names_intern(&names, "eth1"), number);
    assert_int_equal(capture_names_intern(&names, "eth0"), number);
    assert_string_equal(capture_names_interface(&names, number), "eth0");
    assert_string_equal(capture_names_interface(&names, 0), "");
    assert_string_equal(capture_names_file(&names, 0), "a.pcap");
    assert_string_equal(capture_names_file(&names, 1), "");
    capture_names_done(&names);
}

static void
names_beyond_the_limit_are_none_and_counted(void **state)
{
    struct capture_names names;
    char name[16];

    (void)state;
    capture_names_init(&names, NULL, 0);
    for (unsigned i = 1; i < CAPTURE_NAMES_MAX + 5; i++) {
        snprintf(name, sizeof name, "eth%u", i);
        assert_int_equal(capture_names_intern(&names, name),
                         i < CAPTURE_NAMES_MAX ? i : 0);
    }
    assert_int_equal(names.n_unnamed, 5);
    capture_names_done(&names);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_keeps_its_number),
        cmocka_unit_test(names_beyond_the_limit_are_none_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
