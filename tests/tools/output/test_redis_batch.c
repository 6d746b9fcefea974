/* redis_batch.h */

#include "tests/support/test.h"

#include "tools/output/redis_batch.h"

#include <string.h>

static struct redis_batch batch;

static void
add(enum event_kind kind, int64_t ms)
{
    const struct sink_event event = {.kind = kind,
                                     .emitted = {ms * MILLISECOND_NS},
                                     .id = "s-0-1",
                                     .line = "{}\n",
                                     .size = 2};

    assert_true(redis_batch_add(&batch, &event));
}

static int
setup(void **state)
{
    (void)state;
    redis_batch_init(&batch, "s");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    redis_batch_done(&batch);
    return 0;
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

static void
a_command_is_what_redis_expects(void **state)
{
    static const char expected[] =
        "*13\r\n$4\r\nXADD\r\n$15\r\nsegmon:{s}:flow\r\n$3\r\n7-0\r\n"
        "$5\r\nevent\r\n$2\r\n{}\r\n$4\r\ntype\r\n$4\r\nflow\r\n"
        "$6\r\nsensor\r\n$1\r\ns\r\n$2\r\nid\r\n$5\r\ns-0-1\r\n"
        "$1\r\nv\r\n$3\r\n1.0\r\n";

    (void)state;
    add(EVENT_FLOW, 7);
    assert_true(redis_batch_encode(&batch));
    assert_int_equal(batch.commands.size, sizeof expected - 1);
    assert_memory_equal(batch.commands.data, expected, sizeof expected - 1);
}

static void
it_is_known_how_long_the_answers_are(void **state)
{
    static const char expected[] = "$3\r\n7-0\r\n"
                                   "$3\r\n7-1\r\n"
                                   "$15\r\n1773144001000-0\r\n";

    (void)state;
    add(EVENT_FLOW, 7);
    add(EVENT_FLOW, 7);
    add(EVENT_STATUS, INT64_C(1773144001000));
    assert_true(redis_batch_encode(&batch));
    assert_int_equal(batch.reply_bytes, sizeof expected - 1);
    assert_true(redis_batch_encode(&batch)); /* Sent again: the same. */
    assert_int_equal(batch.reply_bytes, sizeof expected - 1);
}

static void
what_is_in_doubt_is_sent_first_and_under_the_same_id(void **state)
{
    struct redis_id id;
    size_t n_found;

    (void)state;
    add(EVENT_FLOW, 7);
    add(EVENT_FLOW, 8);
    assert_true(redis_batch_encode(&batch));
    assert_int_equal(batch.n_resent, 0);
    id = batch.entries[1].id;
    batch.entries[0].state = REDIS_ENTRY_NEW; /* As if refused. */
    assert_true(redis_batch_encode(&batch));
    assert_int_equal(batch.n_resent, 1);
    assert_int_equal(batch.order[0], 1);
    assert_int_equal(redis_id_compare(batch.entries[1].id, id), 0);
    assert_true(redis_id_compare(batch.entries[0].id, id) > 0);
    assert_int_equal(redis_batch_resume(&batch, EVENT_FLOW, id, &n_found),
                     REDIS_RESUME_OK);
    assert_int_equal(n_found, 1);
    redis_batch_compact(&batch);
    assert_int_equal(batch.n, 1);
    assert_memory_equal(batch.text.data + batch.entries[0].at, "{}", 2);
}

static void
a_foreign_producer_and_lost_entries_are_noticed(void **state)
{
    size_t n_found;

    (void)state;
    add(EVENT_FLOW, 7);
    assert_true(redis_batch_encode(&batch));
    assert_int_equal(redis_batch_resume(&batch, EVENT_FLOW,
                                        (struct redis_id){9, 9}, &n_found),
                     REDIS_RESUME_FOREIGN);
    assert_int_equal(n_found, 0);
    assert_int_equal(batch.entries[0].state, REDIS_ENTRY_NEW);
    assert_true(redis_batch_encode(&batch));
    assert_int_equal(batch.entries[0].id.ms, 9);
    assert_int_equal(batch.entries[0].id.seq, 10);
    assert_int_equal(redis_batch_resume(&batch, EVENT_FLOW,
                                        (struct redis_id){0, 0}, &n_found),
                     REDIS_RESUME_LOST);
    assert_int_equal(batch.entries[0].state, REDIS_ENTRY_IN_DOUBT);
}

static void
errors_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(redis_answer_of("OOM command not allowed when used memory "
                                     "> 'maxmemory'."),
                     REDIS_TRY_LATER);
    assert_int_equal(redis_answer_of("MISCONF Errors writing to the AOF file"),
                     REDIS_TRY_LATER);
    assert_int_equal(
        redis_answer_of("ERR The ID specified in XADD is equal or smaller than "
                        "the target stream top item"),
        REDIS_NOT_ABOVE);
    assert_int_equal(redis_answer_of("WRONGTYPE Operation against a key"),
                     REDIS_REFUSED);
    assert_int_equal(redis_answer_of("MOVED 1581 127.0.0.1:7001"),
                     REDIS_REFUSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_grow_and_never_go_back_in_time),
        cmocka_unit_test_setup_teardown(a_command_is_what_redis_expects, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_is_known_how_long_the_answers_are,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_in_doubt_is_sent_first_and_under_the_same_id, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            a_foreign_producer_and_lost_entries_are_noticed, setup, teardown),
        cmocka_unit_test(errors_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
