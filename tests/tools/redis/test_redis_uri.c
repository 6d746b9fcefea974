/* redis_uri.h */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/redis/redis_uri.h"

static void
the_parts_of_a_uri_are_told_apart(void **state)
{
    struct redis_uri uri;
    struct error error;

    (void)state;
    assert_true(redis_uri_parse("redis://localhost", &uri, &error));
    assert_string_equal(uri.host, "localhost");
    assert_int_equal(uri.port, 6379);
    assert_int_equal(uri.database, 0);
    assert_true(
        redis_uri_parse("redis://u:p%40ss%25@[::1]:7000/3", &uri, &error));
    assert_string_equal(uri.user, "u");
    assert_string_equal(uri.password, "p@ss%");
    assert_string_equal(uri.host, "::1");
    assert_int_equal(uri.port, 7000);
    assert_int_equal(uri.database, 3);
    assert_string_equal(uri.name, "redis at ::1:7000");
    assert_true(redis_uri_parse("redis://:s3@h/", &uri, &error));
    assert_string_equal(uri.user, "");
    assert_string_equal(uri.password, "s3");
    assert_true(
        redis_uri_parse("unix://:pw@/run/redis.sock?db=2", &uri, &error));
    assert_true(uri.is_unix);
    assert_string_equal(uri.host, "/run/redis.sock");
    assert_int_equal(uri.database, 2);
}

static void
malformed_uris_are_refused(void **state)
{
    static const char *const wrong[] = {"http://h",         "redis://",
                                        "redis://h:0",      "redis://h:65536",
                                        "redis://h:x",      "redis://h:1/x",
                                        "redis://h/1/2",    "redis://[::1",
                                        "redis://u@h",      "redis://:%4@h",
                                        "redis://:%zz@h",   "redis://:%00@h",
                                        "unix://run/redis", "unix://",
                                        "unix:///r?db=",    "unix:///r?db=1x",
                                        "redis://h:1:2",    "redis://:a%4@h"};
    struct redis_uri uri;
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(redis_uri_parse(wrong[i], &uri, &error));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_uri_are_told_apart),
        cmocka_unit_test(malformed_uris_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
