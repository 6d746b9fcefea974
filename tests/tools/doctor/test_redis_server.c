/* Servers that do not run here: older, or what is no server at all. */

#include "tests/support/test.h"

#include "tools/doctor/redis_parts.h"
#include "tools/redis/redis_health.h"
#include "tools/redis/redis_info.h"

#include <string.h>

static struct diagnosis diagnosis;

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

static struct redis_examined
good_server(void)
{
    return (struct redis_examined){
        .name = "redis at r:6379",
        .cli = "redis-cli -h r -p 6379",
        .version = "7.0.15",
        .role = "master",
        .policy = "noeviction",
        .used_bytes = 1000000,
        .max_bytes = 2000000,
    };
}

/* -1: none; else the only one. */
static int
found(const char *text, const struct redis_examined *server)
{
    const struct redis_setup setup = {.is_known = true, .fsync = "everysec"};
    const struct redis_info info = {text};

    diagnosis_init(&diagnosis);
    redis_check_server(&info, &setup, server, &diagnosis);
    assert_true(diagnosis.n_findings <= 1);
    return diagnosis.n_findings ? (int)diagnosis.findings[0].code : -1;
}

static void
a_good_server_has_no_findings(void **state)
{
    struct redis_examined server = good_server();

    (void)state;
    assert_int_equal(found(good_info, &server), -1);
}

static void
old_versions_are_found(void **state)
{
    static const struct {
        const char *version;
        int code;
    } cases[] = {
        {"4.0.14", DIAGNOSIS_REDIS_VERSION},
        {"2.8", DIAGNOSIS_REDIS_VERSION},
        {"5.0.0", DIAGNOSIS_REDIS_NO_ACL},
        {"6.0.0", -1},
        {"10.0", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redis_examined server = good_server();

        memcpy(server.version, cases[i].version, strlen(cases[i].version) + 1);
        assert_int_equal(found(good_info, &server), cases[i].code);
    }
}

static void
a_sentinel_keeps_no_events(void **state)
{
    struct redis_examined server = good_server();

    (void)state;
    assert_int_equal(found("role:sentinel\r\naof_enabled:1\r\n", &server),
                     DIAGNOSIS_REDIS_REPLICA);
    assert_string_equal(diagnosis.findings[0].fix,
                        "redis-cli -h r -p 6379 SENTINEL masters");
}

static void
failed_writes_are_told_once(void **state)
{
    struct redis_examined server = good_server();

    (void)state;
    assert_int_equal(found("aof_enabled:1\r\naof_last_write_status:err\r\n"
                           "rdb_last_bgsave_status:err\r\n",
                           &server),
                     DIAGNOSIS_REDIS_WRITES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_server_has_no_findings),
        cmocka_unit_test(old_versions_are_found),
        cmocka_unit_test(a_sentinel_keeps_no_events),
        cmocka_unit_test(failed_writes_are_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
