/* run_epoch.h */

#include "tests/support/test.h"

#include "tools/commands/run_epoch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64], file[96];

static uint32_t
take(int64_t second)
{
    return run_epoch_take(folder, (struct wall_time){second * SECOND_NS});
}

static void
write_file(const char *text)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void
the_next_is_above_the_last_whatever_the_clock_says(void **state)
{
    (void)state;
    assert_int_equal(take(1000), 1000);
    assert_int_equal(take(1000), 1001);
    assert_int_equal(take(1001), 1002);
    assert_int_equal(take(10), 1003);
    assert_int_equal(take(2000), 2000);
    assert_int_equal(take(2038), 2038);
}

static void
what_it_cannot_read_counts_as_nothing(void **state)
{
    static const char *const texts[] = {
        "",           "0",          "zzzzzzzz\n",        "0000ffff",
        "0000fffg\n", " 000ffff\n", "\n\n\n\n\n\n\n\n\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(texts[i]);
        assert_int_equal(take(7), 7);
        assert_int_equal(take(7), 8);
    }
}

static void
the_last_of_all_is_followed_by_the_clock(void **state)
{
    (void)state;
    write_file("fffffffe\n");
    assert_int_equal(take(7), UINT32_MAX);
    assert_int_equal(take(7), 7);
    assert_int_equal(take(7), 8);
}

static void
without_a_folder_it_is_the_second(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_epoch_take("", (struct wall_time){5 * SECOND_NS}),
                         5);
        assert_int_equal(run_epoch_take("/dev/null/folder",
                                        (struct wall_time){5 * SECOND_NS}),
                         5);
    }
}

static int
make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/segmon-epoch-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(file, sizeof file, "%s/epoch", folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_next_is_above_the_last_whatever_the_clock_says, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(what_it_cannot_read_counts_as_nothing,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            the_last_of_all_is_followed_by_the_clock, make_folder,
            remove_folder),
        cmocka_unit_test(without_a_folder_it_is_the_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
