/* redis_password.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/redis/redis_password.h"
#include "tools/redis/redis_uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/segmon-password-XXXXXX";

static void
write_file(const char *text, unsigned mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void
expect_read(struct redis_uri *uri, bool expected, struct error *error)
{
    assert_true(redis_uri_parse("redis://:of-uri@h", uri, error));
    assert_int_equal(redis_password_read(uri, path, error), expected);
}

static void
the_first_line_of_a_file_wins_over_the_uri(void **state)
{
    struct redis_uri uri;
    struct error error;

    (void)state;
    write_file("of file\nmore\n", 0640);
    expect_read(&uri, true, &error);
    assert_string_equal(uri.password, "of file");
}

static void
a_file_that_everybody_may_read_is_refused(void **state)
{
    struct redis_uri uri;
    struct error error;

    (void)state;
    write_file("secret\n", 0644);
    expect_read(&uri, false, &error);
    assert_string_equal(error.where, path);
    assert_non_null(strstr(error.message, "everybody"));
    assert_string_equal(uri.password, "of-uri");
}

static void
a_file_without_a_password_is_an_error(void **state)
{
    struct redis_uri uri;
    struct error error;

    (void)state;
    write_file("", 0600);
    expect_read(&uri, false, &error);
    write_file("\nsecond line\n", 0600);
    expect_read(&uri, false, &error);
    assert_int_equal(unlink(path), 0);
    expect_read(&uri, false, &error);
    assert_string_equal(error.where, path);
}

static void
a_password_too_long_is_refused_and_not_cut(void **state)
{
    char password[REDIS_URI_MAX_SECRET + 1];
    struct redis_uri uri;
    struct error error;

    (void)state;
    memset(password, 'x', sizeof password);
    password[REDIS_URI_MAX_SECRET] = '\0';
    write_file(password, 0600);
    expect_read(&uri, false, &error);
    assert_null(strstr(error.message, "xxx"));
    password[REDIS_URI_MAX_SECRET - 1] = '\0';
    write_file(password, 0600);
    expect_read(&uri, true, &error);
    assert_string_equal(uri.password, password);
}

static int
make_path(void **state)
{
    (void)state;
    return close(mkstemp(path));
}

static int
remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_of_a_file_wins_over_the_uri),
        cmocka_unit_test(a_file_that_everybody_may_read_is_refused),
        cmocka_unit_test(a_file_without_a_password_is_an_error),
        cmocka_unit_test(a_password_too_long_is_refused_and_not_cut),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
