/* spool.h on segments that were cut or changed: each record that is whole comes
 * out, no other does, and all that are missing are counted */

#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"
#include "tools/spool/crc32c.h"
#include "tools/spool/spool_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    N_RECORDS = 12,
    MAX_FILE = 4096
};

static char folder[SPOOL_FOLDER_SIZE];
static char path[SPOOL_FOLDER_SIZE + 64];
static char bytes[MAX_FILE]; /* The sound segment. */
static size_t n_bytes;
static size_t ends[N_RECORDS + 1]; /* Of the i-th record, from 1. */

static struct spool *
open_spool(void)
{
    const struct spool_options options = {.directory = folder};
    struct error error;
    struct spool *spool = spool_open(&options, (struct mono_time){0}, &error);

    if (!spool) {
        print_message("%s: %s\n", error.where, error.message);
    }
    assert_non_null(spool);
    return spool;
}

/* One segment of records of different sizes, closed properly or not. */
static void
write_segment(bool with_state)
{
    char text[64];
    struct spool *spool;
    struct redis_id id;
    int fd;

    spool_folder_make(folder);
    spool = open_spool();
    ends[0] = SPOOL_SEGMENT_START;
    for (uint64_t i = 1; i <= N_RECORDS; i++) {
        size_t size = 8 + i * 5 % 40;

        spool_text_fill(text, size, i);
        spool_append(spool, EVENT_FLOW,
                     (struct wall_time){(int64_t)i * SECOND_NS}, text, size,
                     &id);
        ends[i] = ends[i - 1] + spool_frame_bytes(size);
    }
    spool_close(spool, (struct mono_time){0});
    assert_true(spool_folder_first(folder, "flow-", path, sizeof path));
    fd = open(path, O_RDONLY);
    n_bytes = (size_t)read(fd, bytes, sizeof bytes);
    close(fd);
    assert_int_equal(n_bytes, ends[N_RECORDS]);
    if (!with_state) {
        char state[SPOOL_FOLDER_SIZE + 64];

        snprintf(state, sizeof state, "%s/state", folder);
        unlink(state);
    }
}

static void
rewrite_file(const char *name, const char *data, size_t size)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
}

/* Gap records and states of the opening before. */
static void
clean(bool and_state)
{
    char name[SPOOL_FOLDER_SIZE + 64];

    while (spool_folder_first(folder, "status-", name, sizeof name)) {
        unlink(name);
    }
    while (spool_folder_first(folder, "flow-", name, sizeof name)) {
        unlink(name);
    }
    snprintf(name, sizeof name, "%s/state", folder);
    if (and_state) {
        unlink(name);
    }
}

/* Opens the spool on 'data' as its only segment; 'expected' says which records
 * must come, 'n_told' how many must be told as missing. */
static void
check(const char *data, size_t size, const bool expected[N_RECORDS + 1],
      uint64_t n_told)
{
    struct spool_oracle oracle = {.n_gaps = 0};
    struct spool_record record;
    struct spool *spool;

    clean(true);
    rewrite_file(path, data, size);
    spool = open_spool();
    for (uint64_t i = 1; i <= N_RECORDS; i++) {
        if (expected[i]) {
            assert_true(spool_read(spool, EVENT_FLOW, &record));
            spool_oracle_take(&oracle, EVENT_FLOW, &record);
            assert_int_equal(record.serial, i);
            assert_int_equal(record.id.ms, i * 1000);
        }
    }
    spool_commit(spool, (struct mono_time){0});
    spool_oracle_drain(&oracle, spool);
    assert_int_equal(oracle.n_told[EVENT_FLOW], n_told);
    spool_assert_balance(spool);
    spool_close(spool, (struct mono_time){0});
}

static void
a_segment_cut_anywhere_gives_all_records_before_the_cut(void **state)
{
    (void)state;
    write_segment(false);
    for (size_t size = 0; size <= n_bytes; size++) {
        bool expected[N_RECORDS + 1];

        for (unsigned i = 1; i <= N_RECORDS; i++) {
            expected[i] = ends[i] <= size;
        }
        if (size < SPOOL_SEGMENT_START) {
            memset(expected, 0, sizeof expected);
        }
        check(bytes, size, expected, 0);
    }
    spool_folder_remove(folder);
}

static void
check_changed(size_t at, unsigned bits)
{
    char changed[MAX_FILE];
    bool expected[N_RECORDS + 1];
    unsigned hit = 0;

    memcpy(changed, bytes, n_bytes);
    changed[at] = (char)((unsigned char)changed[at] ^ bits);
    for (unsigned i = 1; i <= N_RECORDS; i++) {
        expected[i] = at < ends[i - 1] || at >= ends[i];
        hit = expected[i] ? hit : i;
    }
    /* Without the state nobody knows of the last one. */
    check(changed, n_bytes, expected, hit != 0 && hit != N_RECORDS);
}

static void
any_changed_byte_costs_its_record_and_no_other(void **state)
{
    (void)state;
    write_segment(false);
    for (size_t at = 0; at < n_bytes; at++) {
        check_changed(at, 0x01);
        check_changed(at, 0x80);
        check_changed(at, 0xff);
    }
    spool_folder_remove(folder);
}

static void
the_state_tells_of_a_last_record_that_is_gone(void **state)
{
    struct spool_oracle oracle = {.n_gaps = 0};
    struct spool_stat stat;
    struct redis_id id;
    struct spool *spool;
    char text[16];

    (void)state;
    write_segment(true);
    bytes[n_bytes - 1] ^= 1;
    rewrite_file(path, bytes, n_bytes);
    spool = open_spool();
    spool_get_stat(spool, &stat);
    assert_int_equal(stat.torn_bytes, ends[N_RECORDS] - ends[N_RECORDS - 1]);
    assert_int_equal(stat.kind[EVENT_FLOW].recovered, N_RECORDS - 1);
    spool_text_fill(text, sizeof text, N_RECORDS + 1);
    spool_append(spool, EVENT_FLOW, (struct wall_time){0}, text, sizeof text,
                 &id);
    assert_int_equal(id.ms, N_RECORDS * 1000);
    spool_commit(spool, (struct mono_time){0});
    spool_oracle_drain(&oracle, spool);
    assert_int_equal(oracle.n_read[EVENT_FLOW], N_RECORDS);
    assert_int_equal(oracle.n_told[EVENT_FLOW], 1);
    assert_int_equal(oracle.by_reason[SPOOL_EARLIER], 1);
    spool_close(spool, (struct mono_time){0});
    spool_folder_remove(folder);
}

static void
a_length_that_was_changed_leads_past_no_record(void **state)
{
    (void)state;
    write_segment(false);
    for (uint32_t length = 0; length < 1000; length++) {
        char changed[MAX_FILE];
        bool expected[N_RECORDS + 1];

        memcpy(changed, bytes, n_bytes);
        if (memcmp(changed + ends[3] + 4, &length, sizeof length) == 0) {
            continue;
        }
        memcpy(changed + ends[3] + 4, &length, sizeof length);
        for (unsigned i = 1; i <= N_RECORDS; i++) {
            expected[i] = i != 4;
        }
        check(changed, n_bytes, expected, 1);
    }
    spool_folder_remove(folder);
}

/* Bytes of a record that look like a frame, down to the checksum. */
static void
a_record_cannot_pretend_to_be_others(void **state)
{
    struct spool_oracle oracle = {.n_gaps = 0};
    struct spool_record forged = {.kind = EVENT_FLOW,
                                  .id = {99999999, 0},
                                  .serial = 2,
                                  .bytes = "forged..",
                                  .size = 8};
    struct spool *spool;
    struct redis_id id;
    char text[256];
    int fd;

    (void)state;
    spool_folder_make(folder);
    memset(text, 0, sizeof text);
    for (size_t at = 0; at + 48 <= sizeof text; at += 48) {
        spool_frame_encode(text + at, &forged);
        spool_frame_sign(text + at, 0);
    }
    spool = open_spool();
    spool_append(spool, EVENT_FLOW, (struct wall_time){0}, text, sizeof text,
                 &id);
    spool_text_fill(text, sizeof text, 2);
    spool_append(spool, EVENT_FLOW, (struct wall_time){0}, text, sizeof text,
                 &id);
    spool_close(spool, (struct mono_time){0});
    spool_folder_first(folder, "flow-", path, sizeof path);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "?", 1, SPOOL_SEGMENT_START), 1);
    close(fd);
    spool = open_spool();
    spool_oracle_drain(&oracle, spool);
    assert_int_equal(oracle.n_read[EVENT_FLOW], 1);
    assert_int_equal(oracle.number[EVENT_FLOW], 2);
    assert_int_equal(oracle.by_reason[SPOOL_CORRUPT], 1);
    spool_close(spool, (struct mono_time){0});
    spool_folder_remove(folder);
}

static void
a_segment_of_another_version_is_refused_and_left_alone(void **state)
{
    const struct spool_options options = {.directory = folder};
    uint8_t header[SPOOL_SEGMENT_START] = {0};
    struct error error;
    struct stat info;
    uint32_t crc;

    (void)state;
    write_segment(true);
    memcpy(header, "segspool\x02\0\0", 12);
    crc = crc32c(0, header, 12);
    for (unsigned i = 0; i < 4; i++) {
        header[12 + i] = (uint8_t)(crc >> 8 * i);
    }
    rewrite_file(path, (const char *)header, sizeof header);
    assert_null(spool_open(&options, (struct mono_time){0}, &error));
    assert_int_equal(error.code, ERROR_UNSUPPORTED);
    assert_string_equal(error.where, folder);
    assert_string_equal(error.message,
                        "flow-0000000000000001.seg is of version 2; this "
                        "segmon reads 1");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, sizeof header);
    spool_folder_remove(folder);
}

static void
a_state_with_one_bad_slot_is_that_of_the_other(void **state)
{
    char name[SPOOL_FOLDER_SIZE + 64];

    (void)state;
    for (off_t at = 0; at < SPOOL_STATE_BYTES; at += SPOOL_SLOT_BYTES / 8) {
        struct spool_stat stat;
        struct spool *spool;
        int fd;

        write_segment(true);
        snprintf(name, sizeof name, "%s/state", folder);
        fd = open(name, O_WRONLY);
        assert_int_equal(pwrite(fd, "\xff", 1, at), 1);
        close(fd);
        spool = open_spool();
        spool_get_stat(spool, &stat);
        assert_false(stat.state_lost);
        assert_int_equal(stat.kind[EVENT_FLOW].recovered, N_RECORDS);
        spool_close(spool, (struct mono_time){0});
        spool_folder_remove(folder);
    }
}

static void
without_a_sound_state_all_that_is_kept_is_read_again(void **state)
{
    char name[SPOOL_FOLDER_SIZE + 64];
    static const char zeros[SPOOL_STATE_BYTES];
    struct spool_oracle oracle = {.n_gaps = 0};
    struct spool_stat stat;
    struct spool *spool;

    (void)state;
    write_segment(true);
    spool = open_spool();
    spool_oracle_drain(&oracle, spool);
    spool_close(spool, (struct mono_time){0});
    snprintf(name, sizeof name, "%s/state", folder);
    rewrite_file(name, zeros, sizeof zeros);
    oracle = (struct spool_oracle){.n_gaps = 0};
    spool = open_spool();
    spool_oracle_drain(&oracle, spool);
    spool_get_stat(spool, &stat);
    assert_true(stat.state_lost);
    assert_int_equal(oracle.n_read[EVENT_FLOW], N_RECORDS);
    assert_int_equal(oracle.n_gaps, 0);
    assert_int_equal(stat.last_id.ms, N_RECORDS * 1000);
    spool_close(spool, (struct mono_time){0});
    spool_folder_remove(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_segment_cut_anywhere_gives_all_records_before_the_cut),
        cmocka_unit_test(any_changed_byte_costs_its_record_and_no_other),
        cmocka_unit_test(the_state_tells_of_a_last_record_that_is_gone),
        cmocka_unit_test(a_length_that_was_changed_leads_past_no_record),
        cmocka_unit_test(a_record_cannot_pretend_to_be_others),
        cmocka_unit_test(
            a_segment_of_another_version_is_refused_and_left_alone),
        cmocka_unit_test(a_state_with_one_bad_slot_is_that_of_the_other),
        cmocka_unit_test(without_a_sound_state_all_that_is_kept_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
