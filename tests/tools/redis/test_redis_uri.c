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
    assert_string_equal(uri.addresses[0].host, "localhost");
    assert_int_equal(uri.addresses[0].port, 6379);
    assert_int_equal(uri.database, 0);
    assert_true(
        redis_uri_parse("redis://u:p%40ss%25@[::1]:7000/3", &uri, &error));
    assert_string_equal(uri.user, "u");
    assert_string_equal(uri.password, "p@ss%");
    assert_string_equal(uri.addresses[0].host, "::1");
    assert_int_equal(uri.addresses[0].port, 7000);
    assert_int_equal(uri.database, 3);
    assert_string_equal(uri.name, "redis at ::1:7000");
    assert_true(redis_uri_parse("redis://:s3@h/", &uri, &error));
    assert_string_equal(uri.user, "");
    assert_string_equal(uri.password, "s3");
    assert_true(
        redis_uri_parse("unix://:pw@/run/redis.sock?db=2", &uri, &error));
    assert_true(uri.is_unix);
    assert_string_equal(uri.addresses[0].host, "/run/redis.sock");
    assert_int_equal(uri.database, 2);
}

static void
tls_has_its_files_and_a_name(void **state)
{
    struct redis_uri uri;
    struct error error;

    (void)state;
    assert_true(redis_uri_parse("rediss://:p@h:1/2?ca=/etc/ca.pem&sni=redis.lan"
                                "&cert=/c%26%40&key=/k",
                                &uri, &error));
    assert_true(uri.is_tls);
    assert_int_equal(uri.database, 2);
    assert_string_equal(uri.ca, "/etc/ca.pem");
    assert_string_equal(uri.sni, "redis.lan");
    assert_string_equal(uri.cert, "/c&@");
    assert_string_equal(uri.key, "/k");
    assert_true(redis_uri_parse("rediss://h?ca=x", &uri, &error));
    assert_string_equal(uri.addresses[0].host, "h");
    assert_true(redis_uri_parse("redis://h", &uri, &error));
    assert_false(uri.is_tls);
}

static void
several_hosts_are_kept_in_their_order(void **state)
{
    struct redis_uri uri;
    struct error error;

    (void)state;
    assert_true(
        redis_uri_parse("redis://u:a,b@one,[::2]:7,three:8/1", &uri, &error));
    assert_string_equal(uri.password, "a,b");
    assert_int_equal(uri.n_addresses, 3);
    assert_string_equal(uri.addresses[0].host, "one");
    assert_int_equal(uri.addresses[0].port, 6379);
    assert_string_equal(uri.addresses[1].host, "::2");
    assert_int_equal(uri.addresses[1].port, 7);
    assert_string_equal(uri.addresses[2].host, "three");
    assert_int_equal(uri.addresses[2].port, 8);
    assert_int_equal(uri.database, 1);
}

static void
sentinels_are_named_with_their_master(void **state)
{
    struct redis_uri uri;
    struct error error;

    (void)state;
    assert_true(redis_uri_parse("redis+sentinel://:p@a,b:7/my%20master/3"
                                "?sentinel_user=u&sentinel_password_file=/f",
                                &uri, &error));
    assert_int_equal(uri.n_addresses, 2);
    assert_int_equal(uri.addresses[0].port, 26379);
    assert_int_equal(uri.addresses[1].port, 7);
    assert_string_equal(uri.master, "my master");
    assert_int_equal(uri.database, 3);
    assert_string_equal(uri.sentinel_user, "u");
    assert_string_equal(uri.sentinel_password_file, "/f");
    assert_string_equal(uri.name, "redis master my master");
    assert_true(redis_uri_parse("rediss+sentinel://a/m?ca=/x", &uri, &error));
    assert_true(uri.is_tls);
    assert_int_equal(uri.database, 0);
}

static void
malformed_uris_are_refused(void **state)
{
    static const char *const wrong[] = {"http://h",
                                        "redis://",
                                        "redis://h:0",
                                        "redis://h:65536",
                                        "redis://h:x",
                                        "redis://h:1/x",
                                        "redis://h/1/2",
                                        "redis://[::1",
                                        "redis://u@h",
                                        "redis://:%4@h",
                                        "redis://:%zz@h",
                                        "redis://:%00@h",
                                        "unix://run/redis",
                                        "unix://",
                                        "unix:///r?db=",
                                        "unix:///r?db=1x",
                                        "redis://h:1:2",
                                        "redis://:a%4@h",
                                        "redis://h,",
                                        "redis://,h",
                                        "redis://1,2,3,4,5,6,7,8,9",
                                        "redis://h?ca=x",
                                        "rediss://h?ca=",
                                        "rediss://h?ca",
                                        "rediss://h?what=x",
                                        "rediss://h?ca=x&ca=y",
                                        "rediss://h?cert=x",
                                        "rediss://h?verify=no",
                                        "rediss://h&ca=x/?",
                                        "rediss://h/0&ca=x",
                                        "rediss://h?sentinel_user=x",
                                        "redis+sentinel://h",
                                        "redis+sentinel://h/",
                                        "redis+sentinel://h//0",
                                        "redis+sentinel://h/m/x",
                                        "redis+sentinel://h/m?ca=x"};
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
        cmocka_unit_test(tls_has_its_files_and_a_name),
        cmocka_unit_test(several_hosts_are_kept_in_their_order),
        cmocka_unit_test(sentinels_are_named_with_their_master),
        cmocka_unit_test(malformed_uris_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
