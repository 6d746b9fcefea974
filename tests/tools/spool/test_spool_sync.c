/* spool_sync_begin(), _run() and _end(), with all that may happen in between */

#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"
#include "tools/spool/spool_failpoint.h"
#include "tools/spool/spool_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    RECORD_BYTES = 1200,
    SEGMENT_RECORDS = 64, /* More than a segment of the smallest spool has. */
    MANY = 3 * SPOOL_MAX_UNSYNCED,
    MORE = SPOOL_MAX_UNSYNCED + 4
};

static const struct mono_time start = {SECOND_NS};

static char folder[SPOOL_FOLDER_SIZE];
static struct spool *spool;
static struct spool_oracle oracle;
static uint64_t n_appended;
static const char *failing; /* Names of failpoints. */
static unsigned n_segments_synced;

int
spool_failpoint(const char *name)
{
    n_segments_synced += strcmp(name, "segment synced") == 0;
    return failing && strstr(failing, name) ? EIO : 0;
}

static void
open_spool(uint64_t max_bytes, int64_t sync_ns)
{
    const struct spool_options options = {.directory = folder,
                                          .max_bytes = max_bytes,
                                          .memory_bytes =
                                              SPOOL_MIN_MEMORY_BYTES,
                                          .sync_ns = sync_ns};
    struct error error;

    spool = spool_open(&options, start, &error);
    assert_non_null(spool);
}

static int
begin(void **state)
{
    (void)state;
    failing = NULL;
    n_appended = 0;
    oracle = (struct spool_oracle){.n_gaps = 0};
    spool_folder_make(folder);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    spool_folder_remove(folder);
    return 0;
}

static void
append(unsigned n)
{
    char text[RECORD_BYTES];
    struct redis_id id;

    while (n-- > 0) {
        spool_text_fill(text, sizeof text, ++n_appended);
        spool_append(spool, EVENT_FLOW, (struct wall_time){SECOND_NS}, text,
                     sizeof text, &id);
    }
}

static void
write_some(unsigned n)
{
    append(n);
    assert_true(spool_write(spool, start));
}

static void
run_and_end(void)
{
    spool_sync_run(spool);
    spool_sync_end(spool);
}

static uint64_t
read_all(void)
{
    spool_oracle_drain(&oracle, spool);
    spool_assert_balance(spool);
    return oracle.n_read[EVENT_FLOW];
}

static struct spool_stat
stat_of(void)
{
    struct spool_stat stat;

    spool_get_stat(spool, &stat);
    return stat;
}

static unsigned
n_segments(void)
{
    uint64_t bytes;

    return spool_folder_count(folder, "flow-", &bytes);
}

static unsigned
n_open_files(void)
{
    DIR *stream = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(stream);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread. */
    while (readdir(stream)) {
        n++;
    }
    closedir(stream);
    return n;
}

/* As by another one that has not read what is not synced. */
static unsigned
read_some(unsigned n)
{
    struct spool_record record;
    unsigned n_read = 0;

    while (n-- > 0 && spool_read(spool, EVENT_FLOW, &record)) {
        spool_oracle_take(&oracle, EVENT_FLOW, &record);
        n_read++;
    }
    return n_read;
}

static void
what_is_written_while_a_sync_runs_is_for_the_next_one(void **state)
{
    (void)state;
    open_spool(0, 0);
    write_some(10);
    assert_int_equal(read_some(100), 0);
    assert_true(spool_sync_begin(spool, start));
    assert_false(spool_sync_begin(spool, start)); /* One at a time. */
    write_some(10);
    spool_sync_run(spool);
    assert_int_equal(read_some(100), 0);
    spool_sync_end(spool);
    assert_int_equal(read_some(100), 10);
    assert_true(spool_sync_begin(spool, start));
    run_and_end();
    assert_int_equal(read_some(100), 10);
    spool_close(spool, start);
}

static void
where_time_may_pass_records_are_read_before_they_are_synced(void **state)
{
    struct mono_time later = {start.ns + SECOND_NS};

    (void)state;
    open_spool(0, SECOND_NS);
    write_some(10);
    assert_int_equal(read_some(100), 10);
    assert_false(spool_sync_begin(spool, start));
    assert_true(spool_sync_begin(spool, later));
    write_some(10);
    assert_int_equal(read_some(100), 10);
    run_and_end();
    assert_false(spool_sync_is_due(spool, later));
    later.ns += SECOND_NS;
    assert_true(spool_sync_is_due(spool, later));
    assert_true(spool_sync_begin(spool, later));
    run_and_end();
    later.ns += SECOND_NS;
    assert_false(spool_sync_is_due(spool, later)); /* Nothing is new. */
    spool_close(spool, start);
}

static void
segments_that_are_left_while_a_sync_runs_are_synced_by_the_next(void **state)
{
    (void)state;
    open_spool(SPOOL_MIN_BYTES, 0);
    write_some(1);
    assert_true(spool_sync_begin(spool, start));
    for (unsigned i = 0; i < 3; i++) {
        write_some(SEGMENT_RECORDS);
    }
    assert_in_range(n_segments(), 3, 4);
    run_and_end();
    n_segments_synced = 0;
    assert_true(spool_sync_begin(spool, start));
    run_and_end();
    assert_int_equal(n_segments_synced, n_segments());
    assert_int_equal(read_all(), n_appended);
    spool_close(spool, start);
}

static void
while_too_many_segments_wait_for_a_sync_the_last_one_grows(void **state)
{
    unsigned n_files = n_open_files();

    (void)state;
    open_spool((uint64_t)8 * SPOOL_MIN_BYTES, 0);
    write_some(1);
    assert_true(spool_sync_begin(spool, start));
    for (unsigned i = 0; i < 8 * MANY; i++) {
        write_some(SEGMENT_RECORDS);
    }
    assert_int_equal(n_segments(), SPOOL_MAX_UNSYNCED + 1);
    assert_true(n_open_files() <= n_files + SPOOL_MAX_UNSYNCED + 5);
    run_and_end();
    assert_true(spool_sync_begin(spool, start));
    write_some(SEGMENT_RECORDS);
    assert_int_equal(n_segments(), SPOOL_MAX_UNSYNCED + 2);
    run_and_end();
    spool_commit(spool, start);
    assert_int_equal(read_all(), n_appended);
    assert_int_equal(oracle.n_gaps, 0);
    spool_close(spool, start);
    assert_int_equal(n_open_files(), n_files);
}

/* Each time memory overflows, a gap is left: what comes behind it needs a
 * segment of its own. */
static void
where_one_must_be_begun_all_the_same_the_oldest_is_synced_at_once(void **state)
{
    struct mono_time now = start;

    (void)state;
    open_spool(64 << 20, SECOND_NS);
    write_some(1);
    now.ns += SECOND_NS;
    assert_true(spool_sync_begin(spool, now));
    n_segments_synced = 0;
    for (unsigned i = 0; i < MORE; i++) {
        failing =
            i + 1 < MORE ? "write segment" : "write segment, sync segment";
        append(3 * SPOOL_MIN_MEMORY_BYTES / 2 / RECORD_BYTES);
        failing = NULL;
        now.ns += SPOOL_RETRY_NS;
        assert_true(spool_write(spool, now));
        append(1);
        assert_true(spool_write(spool, now));
    }
    assert_true(n_segments() > MORE);
    run_and_end();
    assert_true(stat_of().is_up);
    assert_true(spool_sync_begin(spool, now)); /* It tells what failed then. */
    run_and_end();
    assert_false(stat_of().is_up);
    assert_non_null(strstr(stat_of().error.message, "synced"));
    now.ns += SPOOL_RETRY_NS;
    assert_true(spool_commit(spool, now));
    assert_int_equal(read_all() + oracle.n_told[EVENT_FLOW], n_appended);
    spool_close(spool, now);
}

static void
a_sync_that_fails_is_trouble_and_what_was_appended_meanwhile_is_kept(
    void **state)
{
    static const char *const points[] = {"sync segment", "sync state"};
    struct mono_time now = start;

    (void)state;
    open_spool(SPOOL_MIN_BYTES, 0);
    for (unsigned i = 0; i < 2; i++) {
        write_some(SEGMENT_RECORDS);
        failing = points[i];
        assert_true(spool_sync_begin(spool, now));
        write_some(2 * SEGMENT_RECORDS);
        run_and_end();
        assert_false(stat_of().is_up);
        assert_int_equal(stat_of().n_troubles, i + 1);
        append(SEGMENT_RECORDS);
        assert_int_equal(read_some(200), 200); /* The disk is not waited for. */
        failing = NULL;
        now.ns += SPOOL_RETRY_NS;
        assert_true(spool_commit(spool, now));
        assert_int_equal(read_some(200), 4 * SEGMENT_RECORDS - 200);
        spool_ack(spool, EVENT_FLOW, oracle.id[EVENT_FLOW]);
    }
    assert_int_equal(oracle.n_read[EVENT_FLOW], n_appended);
    assert_int_equal(oracle.n_gaps, 0);
    spool_close(spool, now);
}

static void
a_disk_that_fails_while_a_sync_runs_does_not_end_it(void **state)
{
    struct mono_time now = start;

    (void)state;
    open_spool(0, 0);
    write_some(10);
    assert_true(spool_sync_begin(spool, now));
    failing = "write segment";
    append(10);
    assert_false(spool_write(spool, now));
    failing = NULL;
    run_and_end();
    assert_false(stat_of().is_up);
    now.ns += SPOOL_RETRY_NS;
    assert_true(spool_commit(spool, now));
    assert_int_equal(read_all(), n_appended);
    assert_int_equal(stat_of().n_troubles, 1);
    spool_close(spool, now);
}

static void
a_folder_that_is_removed_while_a_sync_runs_is_made_anew_after_it(void **state)
{
    struct mono_time now = start;

    (void)state;
    open_spool(0, SECOND_NS);
    write_some(10);
    now.ns += SECOND_NS;
    assert_true(spool_sync_begin(spool, now));
    spool_folder_remove(folder);
    failing = "write segment";
    append(10);
    assert_false(spool_write(spool, now));
    failing = NULL;
    now.ns += SPOOL_RETRY_NS;
    assert_false(spool_write(spool, now)); /* Its files are being synced. */
    run_and_end();
    assert_non_null(strstr(stat_of().error.message, "removed"));
    now.ns += SPOOL_RETRY_NS;
    assert_true(spool_commit(spool, now));
    assert_int_equal(read_all(), 10);
    assert_int_equal(oracle.n_told[EVENT_FLOW], 10);
    spool_close(spool, now);
}

static void
segments_that_are_removed_while_a_sync_runs_are_forgotten(void **state)
{
    struct mono_time now = start;
    unsigned n_files = n_open_files();

    (void)state;
    open_spool(SPOOL_MIN_BYTES, SECOND_NS);
    write_some(SEGMENT_RECORDS);
    now.ns += SECOND_NS;
    assert_true(spool_sync_begin(spool, now));
    for (unsigned i = 0; i < MANY; i++) { /* All is acknowledged and goes. */
        write_some(SEGMENT_RECORDS);
        read_all();
    }
    assert_true(spool_write(spool, now));
    assert_in_range(n_segments(), 1, 2);
    run_and_end();
    assert_true(spool_write(spool, now));
    assert_int_equal(read_all(), n_appended);
    spool_close(spool, now);
    assert_int_equal(n_open_files(), n_files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_while_a_sync_runs_is_for_the_next_one),
        TEST(where_time_may_pass_records_are_read_before_they_are_synced),
        TEST(segments_that_are_left_while_a_sync_runs_are_synced_by_the_next),
        TEST(while_too_many_segments_wait_for_a_sync_the_last_one_grows),
        TEST(where_one_must_be_begun_all_the_same_the_oldest_is_synced_at_once),
        TEST(
            a_sync_that_fails_is_trouble_and_what_was_appended_meanwhile_is_kept),
        TEST(a_disk_that_fails_while_a_sync_runs_does_not_end_it),
        TEST(a_folder_that_is_removed_while_a_sync_runs_is_made_anew_after_it),
        TEST(segments_that_are_removed_while_a_sync_runs_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
