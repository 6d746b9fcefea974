/* redis_health.h and redis_info.h */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/redis/redis_health.h"
#include "tools/redis/redis_info.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct redis_server server;

static const char good_info[] = "# Server\r\n"
                                "redis_version:7.0.15\r\n"
                                "\r\n"
                                "# Memory\r\n"
                                "used_memory:1000000\r\n"
                                "total_system_memory:8000000000\r\n"
                                "aof_enabled:1\r\n"
                                "aof_last_write_status:ok\r\n"
                                "connected_clients:3\r\n"
                                "maxclients:10000\r\n";

static void
lines_are_found_by_their_whole_name(void **state)
{
    const struct redis_info info = {good_info};
    char value[8];
    uint64_t number;

    (void)state;
    assert_true(redis_info_text(&info, "redis_version", value, sizeof value));
    assert_string_equal(value, "7.0.15");
    assert_false(redis_info_text(&info, "version", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(redis_info_text(&info, "redis_vers", value, sizeof value));
    assert_true(redis_info_text(&info, "total_system_memory", value, 5));
    assert_string_equal(value, "8000");
    assert_true(redis_info_number(&info, "used_memory", &number));
    assert_int_equal(number, 1000000);
    assert_false(redis_info_number(&info, "redis_version", &number));
    assert_int_equal(number, 0);
    assert_true(redis_info_is(&info, "aof_last_write_status", "ok"));
    assert_false(redis_info_is(&info, "aof_last_write_status", "o"));
}

static void
any_text_can_be_read(void **state)
{
    static const char *const texts[] = {"",
                                        "\r\n",
                                        "used_memory",
                                        "used_memory:",
                                        "used_memory:-1\r\n",
                                        "used_memory: 1",
                                        "used_memory:99999999999999999999",
                                        "\n\nused_memory:1x"};
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct redis_info info = {texts[i]};

        assert_false(redis_info_number(&info, "used_memory", &number));
    }
    assert_false(
        redis_info_number(&(struct redis_info){NULL}, "used_memory", &number));
}

/* By what it says, with "save" or a lack of it. */
static void
assert_risks(const char *text, const char *save, const char *fsync,
             unsigned expected)
{
    struct redis_setup setup = {.is_known = save != NULL};
    const struct redis_info info = {text};

    if (save) {
        memcpy(setup.save, save, strlen(save) + 1);
        memcpy(setup.fsync, fsync, strlen(fsync) + 1);
    }
    assert_int_equal(redis_health_judge(&info, &setup), expected);
}

static void
a_good_server_is_no_risk(void **state)
{
    (void)state;
    assert_risks(good_info, "", "everysec", 0);
    assert_risks("role:master\r\nmaxmemory_policy:noeviction\r\n"
                 "aof_enabled:1\r\nmin_slaves_good_slaves:1\r\n",
                 "3600 1", "always", 0);
}

static void
each_risk_is_seen(void **state)
{
    (void)state;
    assert_risks("maxmemory_policy:allkeys-lru\r\n", NULL, NULL,
                 1u << REDIS_RISK_EVICTS);
    assert_risks("maxmemory_policy:volatile-ttl\r\n", NULL, NULL,
                 1u << REDIS_RISK_EVICTS_SOME);
    assert_risks("role:slave\r\n", NULL, NULL, 1u << REDIS_RISK_REPLICA);
    assert_risks("redis_mode:sentinel\r\n", NULL, NULL,
                 1u << REDIS_RISK_SENTINEL);
    assert_risks("min_slaves_good_slaves:0\r\n", NULL, NULL,
                 1u << REDIS_RISK_ALONE);
    assert_risks("aof_enabled:0\r\n", "", "no", 1u << REDIS_RISK_VOLATILE);
    assert_risks("aof_enabled:0\r\n", "3600 1", "no",
                 1u << REDIS_RISK_SNAPSHOTS);
    assert_risks("aof_enabled:1\r\n", "", "no", 1u << REDIS_RISK_FSYNC);
    assert_risks("rdb_last_bgsave_status:err\r\n", NULL, NULL,
                 1u << REDIS_RISK_WRITES);
    assert_risks("maxmemory_policy:allkeys-lfu\r\nrole:slave\r\n", NULL, NULL,
                 1u << REDIS_RISK_EVICTS | 1u << REDIS_RISK_REPLICA);
}

static void
what_is_not_known_is_no_risk(void **state)
{
    (void)state;
    assert_risks("", NULL, NULL, 0);
    assert_risks("aof_enabled:0\r\n", NULL, NULL, 0);
}

static int
start(void **state)
{
    (void)state;
    return redis_server_start(&server, REDIS_SERVER, NULL) ? 0 : -1;
}

static int
stop(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

static struct redis_link *
open_as(const char *user)
{
    struct redis_uri uri;
    struct error error;
    struct redis_link *link;
    char text[256];

    snprintf(text, sizeof text, "unix://%s%s", user, server.socket);
    assert_true(redis_uri_parse(text, &uri, &error));
    link = redis_link_open(&uri, &error);
    assert_non_null(link);
    return link;
}

static void
assert_asked(struct redis_link *link, unsigned expected)
{
    struct error error;
    unsigned risks = ~0u;

    assert_true(redis_health_ask(link, &risks, &error));
    assert_int_equal(risks, expected);
}

static void
set(struct redis_link *link, const char *name, const char *value)
{
    struct error error;

    assert_true(
        redis_link_do(link, REDIS_WORDS("CONFIG", "SET", name, value), &error));
}

static void
a_real_server_is_asked(void **state)
{
    struct redis_link *link = open_as("");

    (void)state;
    set(link, "save", "");
    assert_asked(link, 1u << REDIS_RISK_VOLATILE);
    set(link, "maxmemory-policy", "allkeys-lru");
    assert_asked(link, 1u << REDIS_RISK_VOLATILE | 1u << REDIS_RISK_EVICTS);
    set(link, "maxmemory-policy", "volatile-lru");
    set(link, "save", "3600 1");
    assert_asked(link,
                 1u << REDIS_RISK_SNAPSHOTS | 1u << REDIS_RISK_EVICTS_SOME);
    set(link, "maxmemory-policy", "noeviction");
    set(link, "appendonly", "yes");
    set(link, "appendfsync", "no");
    assert_asked(link, 1u << REDIS_RISK_FSYNC);
    set(link, "appendfsync", "everysec");
    assert_asked(link, 0);
    redis_link_close(link);
}

static void
a_user_who_may_not_ask_learns_nothing(void **state)
{
    struct redis_link *link = open_as("");
    struct error error;

    (void)state;
    set(link, "maxmemory-policy", "allkeys-lru");
    assert_true(redis_link_do(
        link, REDIS_WORDS("ACL", "SETUSER", "narrow", "on", ">p", "+xadd"),
        &error));
    assert_true(redis_link_do(
        link, REDIS_WORDS("ACL", "SETUSER", "partly", "on", ">p", "+info"),
        &error));
    redis_link_close(link);
    link = open_as("narrow:p@");
    assert_asked(link, 0);
    redis_link_close(link);
    link = open_as("partly:p@");
    assert_asked(link, 1u << REDIS_RISK_EVICTS);
    redis_link_close(link);
}

static void
a_server_that_is_gone_is_an_error(void **state)
{
    struct redis_link *link = open_as("");
    struct error error = {.code = ERROR_NONE};
    unsigned risks;

    (void)state;
    redis_server_kill(&server);
    assert_false(redis_health_ask(link, &risks, &error));
    assert_int_not_equal(error.code, ERROR_NONE);
    redis_link_close(link);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_found_by_their_whole_name),
        cmocka_unit_test(any_text_can_be_read),
        cmocka_unit_test(a_good_server_is_no_risk),
        cmocka_unit_test(each_risk_is_seen),
        cmocka_unit_test(what_is_not_known_is_no_risk),
        cmocka_unit_test_setup_teardown(a_real_server_is_asked, start, stop),
        cmocka_unit_test_setup_teardown(a_user_who_may_not_ask_learns_nothing,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_server_that_is_gone_is_an_error,
                                        start, stop),
    };

    if (REDIS_SERVER[0] == '\0') {
        fprintf(stderr, "skipped: no redis-server on this machine\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
