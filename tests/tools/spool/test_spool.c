/* spool.h: ids, what is kept, what goes first, and who else may come */

#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RECORD_BYTES = 1200
};

static char folder[SPOOL_FOLDER_SIZE];
static struct spool_options options;
static struct spool *spool;
static int64_t now_ns;

static int
make_folder(void **state)
{
    (void)state;
    spool_folder_make(folder);
    now_ns = SECOND_NS;
    options = (struct spool_options){.directory = folder,
                                     .sync_ns = 100 * MILLISECOND_NS,
                                     .retain_ns = SPOOL_DEFAULT_RETAIN_NS};
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    spool_folder_remove(folder);
    return 0;
}

static void
open_spool(void)
{
    struct error error;

    spool = spool_open(&options, (struct mono_time){now_ns}, &error);
    assert_non_null(spool);
}

static void
close_spool(void)
{
    spool_assert_balance(spool);
    spool_close(spool, (struct mono_time){now_ns});
}

static struct redis_id
append(enum event_kind kind, uint64_t number, int64_t ms)
{
    char text[RECORD_BYTES];
    struct redis_id id;

    spool_text_fill(text, sizeof text, number);
    spool_append(spool, kind, (struct wall_time){ms * MILLISECOND_NS}, text,
                 sizeof text, &id);
    return id;
}

static void
append_many(enum event_kind kind, uint64_t first, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        append(kind, first + i, 1000);
        if (i % 64 == 63) {
            spool_commit(spool, (struct mono_time){now_ns});
        }
    }
    spool_commit(spool, (struct mono_time){now_ns});
}

/* Reads 'n' flows from 'number' on; acknowledges them or not. */
static void
read_many(uint64_t number, unsigned n, bool ack)
{
    struct spool_record record;

    while (n-- > 0) {
        assert_true(spool_read(spool, EVENT_FLOW, &record));
        assert_int_equal(spool_text_number(record.bytes, record.size),
                         number++);
        if (ack) {
            spool_ack(spool, EVENT_FLOW, record.id);
        }
    }
}

static struct spool_stat
stat_now(void)
{
    struct spool_stat stat;

    spool_get_stat(spool, &stat);
    return stat;
}

static void
assert_id(struct redis_id id, uint64_t ms, uint64_t seq)
{
    assert_int_equal(id.ms, ms);
    assert_int_equal(id.seq, seq);
}

static void
ids_never_go_back_over_clock_steps_and_restarts(void **state)
{
    (void)state;
    open_spool();
    assert_id(append(EVENT_FLOW, 1, 5000), 5000, 0);
    assert_id(append(EVENT_VIOLATION, 1, 5000), 5000, 1);
    assert_id(append(EVENT_FLOW, 2, 1000), 5000, 2); /* The clock stepped. */
    assert_id(append(EVENT_FLOW, 3, -7), 5000, 3);
    close_spool();
    open_spool();
    assert_id(append(EVENT_FLOW, 4, 0), 5000, 4);
    assert_id(append(EVENT_STATUS, 1, 6000), 6000, 0);
    close_spool();
    open_spool();
    assert_id(append(EVENT_STATUS, 2, 5999), 6000, 1);
    close_spool();
}

static void
what_was_not_acknowledged_is_read_again_after_a_restart(void **state)
{
    (void)state;
    open_spool();
    append_many(EVENT_FLOW, 1, 100);
    read_many(1, 30, true);
    read_many(31, 30, false);
    close_spool();
    open_spool();
    assert_int_equal(stat_now().kind[EVENT_FLOW].recovered, 70);
    read_many(31, 70, true);
    close_spool();
    open_spool();
    assert_int_equal(stat_now().kind[EVENT_FLOW].pending, 0);
    close_spool();
}

static void
nothing_is_read_before_it_is_on_disk(void **state)
{
    struct spool_record record;

    (void)state;
    open_spool();
    append(EVENT_FLOW, 1, 1000);
    assert_false(spool_read(spool, EVENT_FLOW, &record));
    assert_true(spool_commit(spool, (struct mono_time){now_ns}));
    assert_true(spool_read(spool, EVENT_FLOW, &record));
    close_spool();
}

static void
no_more_are_in_flight_than_allowed(void **state)
{
    struct spool_record record;

    (void)state;
    open_spool();
    append_many(EVENT_FLOW, 1, SPOOL_MAX_IN_FLIGHT + 1);
    read_many(1, SPOOL_MAX_IN_FLIGHT, false);
    assert_false(spool_read(spool, EVENT_FLOW, &record));
    spool_ack(spool, EVENT_FLOW, stat_now().last_id);
    read_many(SPOOL_MAX_IN_FLIGHT + 1, 1, true);
    close_spool();
}

static void
what_is_acknowledged_is_kept_for_its_time(void **state)
{
    uint64_t bytes;

    (void)state;
    options.max_bytes = SPOOL_MIN_BYTES;
    open_spool();
    append_many(EVENT_FLOW, 1, 1000);
    read_many(1, 1000, true);
    spool_commit(spool, (struct mono_time){now_ns});
    now_ns += SPOOL_DEFAULT_RETAIN_NS - 1;
    spool_commit(spool, (struct mono_time){now_ns});
    assert_in_range(spool_folder_count(folder, "flow-", &bytes), 15, 25);
    assert_true(bytes > UINT64_C(1000) * RECORD_BYTES);
    now_ns += 1;
    spool_commit(spool, (struct mono_time){now_ns});
    assert_int_equal(spool_folder_count(folder, "flow-", &bytes), 1);
    assert_int_equal(stat_now().kind[EVENT_FLOW].dropped[SPOOL_FULL], 0);
    close_spool();
}

static void
room_is_made_by_what_is_acknowledged_first(void **state)
{
    (void)state;
    options.max_bytes = SPOOL_MIN_BYTES;
    open_spool();
    append_many(EVENT_FLOW, 1, 2000);
    for (unsigned i = 0; i < 10; i++) {
        read_many(1 + i * 200, 200, true);
    }
    append_many(EVENT_FLOW, 2001, 2000); /* 4.8 MB in all. */
    assert_int_equal(stat_now().kind[EVENT_FLOW].dropped[SPOOL_FULL], 0);
    assert_true(stat_now().disk_bytes <= SPOOL_MIN_BYTES);
    close_spool();
}

static void
when_full_the_oldest_flows_go_then_status_and_violations_stay(void **state)
{
    struct spool_oracle oracle = {.n_gaps = 0};
    struct spool_stat stat;

    (void)state;
    options.max_bytes = SPOOL_MIN_BYTES;
    open_spool();
    append_many(EVENT_STATUS, 1, 500);
    append_many(EVENT_FLOW, 1, 2000);
    append_many(EVENT_VIOLATION, 1, 1500);
    stat = stat_now();
    assert_true(stat.kind[EVENT_FLOW].dropped[SPOOL_FULL] > 600);
    assert_int_equal(stat.kind[EVENT_STATUS].dropped[SPOOL_FULL], 0);
    append_many(EVENT_VIOLATION, 1501, 1200);
    stat = stat_now();
    assert_int_equal(stat.kind[EVENT_FLOW].pending, 0);
    assert_true(stat.kind[EVENT_STATUS].dropped[SPOOL_FULL] > 0);
    assert_int_equal(stat.kind[EVENT_VIOLATION].dropped[SPOOL_FULL], 0);
    /* A flow cannot displace them. */
    append_many(EVENT_FLOW, 2001, 100);
    assert_int_equal(stat_now().kind[EVENT_VIOLATION].dropped[SPOOL_FULL], 0);
    stat = stat_now();
    spool_oracle_drain(&oracle, spool);
    assert_int_equal(oracle.n_read[EVENT_VIOLATION], 2700);
    assert_int_equal(oracle.n_told[EVENT_FLOW],
                     stat.kind[EVENT_FLOW].dropped[SPOOL_FULL]);
    assert_int_equal(oracle.n_read[EVENT_FLOW] + oracle.n_told[EVENT_FLOW],
                     2100);
    close_spool();
}

static void
a_gap_says_what_where_how_many_and_why(void **state)
{
    struct redis_id before_it = {0, 0};
    struct redis_id behind_it = {0, 0};
    uint64_t serial = 0;
    struct spool_record record = {.serial = 0};
    struct spool_gap gap;

    (void)state;
    options.max_bytes = SPOOL_MIN_BYTES;
    open_spool();
    append_many(EVENT_FLOW, 1, 10);
    read_many(1, 10, true);
    append_many(EVENT_FLOW, 11, 8000);
    for (record.serial = 10; serial == 0 || record.serial == serial + 1;) {
        serial = record.serial;
        before_it = behind_it;
        assert_true(spool_read(spool, EVENT_FLOW, &record));
        behind_it = record.id;
        spool_ack(spool, EVENT_FLOW, record.id);
    }
    assert_true(record.serial > 4000);
    spool_commit(spool, (struct mono_time){now_ns});
    assert_true(spool_read(spool, EVENT_STATUS, &record));
    assert_true(redis_id_compare(record.id, behind_it) > 0);
    assert_true(spool_gap_decode(&record, &gap));
    assert_int_equal(gap.kind, EVENT_FLOW);
    assert_string_equal(spool_reason_name(gap.reason), "spool_full");
    assert_int_equal(gap.first_serial, serial + 1);
    assert_int_equal(gap.last_serial - gap.first_serial + 1,
                     stat_now().kind[EVENT_FLOW].dropped[SPOOL_FULL]);
    assert_int_equal(redis_id_compare(gap.after, before_it), 0);
    assert_int_equal(redis_id_compare(gap.before, behind_it), 0);
    close_spool();
}

static void
entries_that_a_server_lost_are_read_again(void **state)
{
    struct redis_id id[101];
    struct spool_record record;

    (void)state;
    open_spool();
    for (uint64_t i = 1; i <= 100; i++) {
        id[i] = append(EVENT_FLOW, i, (int64_t)i);
    }
    spool_commit(spool, (struct mono_time){now_ns});
    read_many(1, 80, true);
    spool_rewind(spool, EVENT_FLOW, id[60]);
    assert_int_equal(stat_now().kind[EVENT_FLOW].rewound, 20);
    assert_int_equal(
        redis_id_compare(stat_now().kind[EVENT_FLOW].acked_id, id[60]), 0);
    assert_true(spool_read(spool, EVENT_FLOW, &record));
    assert_int_equal(redis_id_compare(record.id, id[61]), 0);
    spool_ack(spool, EVENT_FLOW, record.id);
    read_many(62, 39, true);
    spool_commit(spool, (struct mono_time){now_ns});
    assert_false(spool_read(spool, EVENT_STATUS, &record));
    close_spool();
}

static void
a_server_that_lost_all_of_it_gets_all_of_it(void **state)
{
    struct spool_record record;

    (void)state;
    open_spool();
    append_many(EVENT_FLOW, 1, 100);
    read_many(1, 100, true);
    spool_rewind(spool, EVENT_FLOW, (struct redis_id){0, 0});
    assert_int_equal(stat_now().kind[EVENT_FLOW].rewound, 100);
    read_many(1, 100, true);
    spool_commit(spool, (struct mono_time){now_ns});
    assert_false(spool_read(spool, EVENT_STATUS, &record)); /* No gap. */
    close_spool();
}

static void
entries_that_are_kept_no_longer_are_told_as_lost(void **state)
{
    struct spool_oracle oracle = {.n_gaps = 0};

    (void)state;
    options.max_bytes = SPOOL_MIN_BYTES;
    options.retain_ns = 0;
    open_spool();
    append_many(EVENT_FLOW, 1, 1000);
    read_many(1, 1000, true);
    spool_commit(spool, (struct mono_time){now_ns});
    spool_commit(spool, (struct mono_time){now_ns});
    spool_rewind(spool, EVENT_FLOW, (struct redis_id){0, 0});
    spool_commit(spool, (struct mono_time){now_ns});
    assert_in_range(stat_now().kind[EVENT_FLOW].rewound, 1, 60);
    spool_oracle_drain(&oracle, spool);
    assert_int_equal(oracle.by_reason[SPOOL_LOST], 1);
    assert_int_equal(oracle.number[EVENT_FLOW], 1000);
    close_spool();
}

static void
what_is_in_memory_is_read_again_from_where_it_was(void **state)
{
    (void)state;
    options.directory = NULL;
    open_spool();
    append_many(EVENT_FLOW, 1, 10);
    read_many(1, 7, false);
    spool_reread(spool, EVENT_FLOW);
    read_many(1, 2, true);
    read_many(3, 4, false);
    spool_reread(spool, EVENT_FLOW);
    read_many(3, 8, true);
    assert_int_equal(stat_now().kind[EVENT_STATUS].appended, 0);
    close_spool();
}

static void
entries_that_a_server_lost_are_read_again_from_memory(void **state)
{
    struct spool_record record;
    struct redis_id id;

    (void)state;
    options.directory = NULL;
    open_spool();
    append_many(EVENT_FLOW, 1, 3);
    id = stat_now().last_id;
    append_many(EVENT_FLOW, 4, 6);
    read_many(1, 9, true);
    spool_rewind(spool, EVENT_FLOW, id);
    assert_int_equal(stat_now().kind[EVENT_FLOW].rewound, 6);
    read_many(4, 6, true);
    assert_false(spool_read(spool, EVENT_STATUS, &record)); /* No gap. */
    now_ns += options.retain_ns;
    spool_commit(spool, (struct mono_time){now_ns});
    assert_int_equal(stat_now().memory_bytes, 0);
    close_spool();
}

static void
memory_holds_on_to_what_is_acknowledged_only_while_there_is_room(void **state)
{
    const uint64_t n = SPOOL_MIN_MEMORY_BYTES * 4 / RECORD_BYTES;

    (void)state;
    options.directory = NULL;
    options.memory_bytes = SPOOL_MIN_MEMORY_BYTES;
    open_spool();
    for (uint64_t i = 1; i <= n; i++) {
        assert_true(spool_has_room(spool));
        append_many(EVENT_FLOW, i, 1);
        read_many(i, 1, true);
    }
    assert_true(stat_now().memory_bytes > SPOOL_MIN_MEMORY_BYTES / 2);
    while (spool_has_room(spool)) {
        append(EVENT_FLOW, 1, 1000);
    }
    assert_int_equal(stat_now().kind[EVENT_FLOW].dropped[SPOOL_MEMORY], 0);
    assert_true(stat_now().kind[EVENT_FLOW].pending * RECORD_BYTES >
                SPOOL_MIN_MEMORY_BYTES / 2);
    close_spool();
}

static void
a_disk_has_room_until_something_would_be_dropped(void **state)
{
    (void)state;
    options.max_bytes = SPOOL_MIN_BYTES;
    open_spool();
    for (uint64_t i = 1; spool_has_room(spool); i++) {
        append_many(EVENT_FLOW, i, 1);
    }
    assert_int_equal(stat_now().kind[EVENT_FLOW].dropped[SPOOL_FULL], 0);
    assert_true(stat_now().disk_bytes > SPOOL_MIN_BYTES / 2);
    close_spool();
}

static void
ids_rise_above_those_of_a_foreign_producer_and_stay_there(void **state)
{
    struct redis_id last;
    struct spool_record record;

    (void)state;
    open_spool();
    append_many(EVENT_FLOW, 1, 20);
    read_many(1, 5, true);
    read_many(6, 5, false);
    spool_raise(spool, EVENT_FLOW, (struct redis_id){9000, 7});
    assert_true(redis_id_compare(append(EVENT_FLOW, 21, 2000),
                                 (struct redis_id){9000, 7}) > 0);
    close_spool();
    open_spool();
    last = (struct redis_id){9000, 7};
    for (uint64_t i = 6; i <= 21; i++) {
        assert_true(spool_read(spool, EVENT_FLOW, &record));
        assert_int_equal(spool_text_number(record.bytes, record.size), i);
        assert_true(redis_id_compare(record.id, last) > 0);
        last = record.id;
    }
    /* And again, further. */
    spool_raise(spool, EVENT_FLOW, (struct redis_id){50000, 0});
    last = (struct redis_id){50000, 0};
    for (uint64_t i = 6; i <= 21; i++) {
        assert_true(spool_read(spool, EVENT_FLOW, &record));
        assert_int_equal(spool_text_number(record.bytes, record.size), i);
        assert_true(redis_id_compare(record.id, last) > 0);
        last = record.id;
    }
    assert_true(redis_id_compare(append(EVENT_FLOW, 22, 0), last) > 0);
    close_spool();
}

static void
a_second_process_is_refused(void **state)
{
    struct error error;
    pid_t child;
    int status;

    (void)state;
    open_spool();
    child = fork();
    if (child == 0) {
        struct spool *second =
            spool_open(&options, (struct mono_time){0}, &error);

        _exit(second || !strstr(error.message, "another process"));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close_spool();
    open_spool(); /* Not for longer than it has it. */
    close_spool();
}

static void
memory_does_not_grow_with_what_is_on_disk(void **state)
{
    (void)state;
    options.memory_bytes = SPOOL_MIN_MEMORY_BYTES;
    open_spool();
    append_many(EVENT_FLOW, 1, 50000); /* 60 MB. */
    assert_int_equal(stat_now().memory_bytes, 0);
    assert_true(stat_now().n_writes < 50000 / 50); /* Many at once. */
    for (unsigned i = 0; i < 500; i++) {
        read_many(1 + i * 100, 100, true);
    }
    close_spool();
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(ids_never_go_back_over_clock_steps_and_restarts),
        TEST(what_was_not_acknowledged_is_read_again_after_a_restart),
        TEST(nothing_is_read_before_it_is_on_disk),
        TEST(no_more_are_in_flight_than_allowed),
        TEST(what_is_acknowledged_is_kept_for_its_time),
        TEST(room_is_made_by_what_is_acknowledged_first),
        TEST(when_full_the_oldest_flows_go_then_status_and_violations_stay),
        TEST(a_gap_says_what_where_how_many_and_why),
        TEST(entries_that_a_server_lost_are_read_again),
        TEST(a_server_that_lost_all_of_it_gets_all_of_it),
        TEST(entries_that_are_kept_no_longer_are_told_as_lost),
        TEST(what_is_in_memory_is_read_again_from_where_it_was),
        TEST(entries_that_a_server_lost_are_read_again_from_memory),
        TEST(memory_holds_on_to_what_is_acknowledged_only_while_there_is_room),
        TEST(a_disk_has_room_until_something_would_be_dropped),
        TEST(ids_rise_above_those_of_a_foreign_producer_and_stay_there),
        TEST(a_second_process_is_refused),
        TEST(memory_does_not_grow_with_what_is_on_disk),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
