/* redis_answer.h and redis_id.h */

#include "tests/support/test.h"

#include "tools/redis/redis_answer.h"
#include "tools/redis/redis_id.h"

static void
errors_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum redis_answer answer;
    } said[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.",
         REDIS_TRY_LATER},
        {"MISCONF Errors writing to the AOF file: No space left on device",
         REDIS_TRY_LATER},
        {"BUSY Redis is busy running a script. You can only call SCRIPT KILL",
         REDIS_TRY_LATER},
        {"LOADING Redis is loading the dataset in memory", REDIS_TRY_LATER},
        {"EXECABORT Transaction discarded because of previous errors.",
         REDIS_TRY_LATER},
        {"READONLY You can't write against a read only replica.", REDIS_MOVED},
        {"MASTERDOWN Link with MASTER is down", REDIS_MOVED},
        {"ERR The ID specified in XADD is equal or smaller than the target "
         "stream top item",
         REDIS_NOT_ABOVE},
        {"NOAUTH Authentication required.", REDIS_DENIED},
        {"NOPERM this user has no permissions to run the 'xadd' command",
         REDIS_DENIED},
        {"WRONGTYPE Operation against a key holding the wrong kind of value",
         REDIS_REFUSED},
        {"ERR The stream has exhausted the last possible ID", REDIS_REFUSED},
        {"MOVED 1581 127.0.0.1:7001", REDIS_MOVED},
        {"ASK 1581 127.0.0.1:7001", REDIS_TRY_LATER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        assert_int_equal(redis_answer_of(said[i].text), said[i].answer);
    }
}

static void
what_went_wrong_with_a_connection_is_told_apart(void **state)
{
    (void)state;
    assert_int_equal(redis_answer_in("AUTH: WRONGPASS invalid username-password"
                                     " pair or user is disabled."),
                     REDIS_DENIED);
    assert_int_equal(redis_answer_in("MULTI: NOAUTH Authentication required."),
                     REDIS_DENIED);
    assert_int_equal(redis_answer_in("Connection refused"), REDIS_TRY_LATER);
}

static void
ids_grow_and_never_go_back_in_time(void **state)
{
    struct redis_id id = redis_id_next((struct redis_id){0, 0}, 0);

    (void)state;
    assert_int_equal(id.ms, 0);
    assert_int_equal(id.seq, 1); /* 0-0 is no id. */
    id = redis_id_next(id, 50);
    assert_int_equal(id.ms, 50);
    assert_int_equal(id.seq, 0);
    id = redis_id_next(id, -7);
    assert_int_equal(id.ms, 50);
    assert_int_equal(id.seq, 1);
    id = redis_id_next((struct redis_id){50, UINT64_MAX}, 50);
    assert_int_equal(id.ms, 51);
    assert_true(redis_id_parse("18446744073709551615-3", &id));
    assert_int_equal(id.ms, UINT64_MAX);
    assert_false(redis_id_parse("5", &id));
    assert_false(redis_id_parse("5-x", &id));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_told_apart),
        cmocka_unit_test(what_went_wrong_with_a_connection_is_told_apart),
        cmocka_unit_test(ids_grow_and_never_go_back_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
