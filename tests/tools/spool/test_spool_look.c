/* spool_look.h: a spool seen from outside, against the spool itself */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tests/tools/spool/spool_folder.h"
#include "tools/spool/spool_look.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RECORD_BYTES = 900,
    MAX_FILES = 64
};

static char folder[SPOOL_FOLDER_SIZE];

struct seen {
    uint64_t n[EVENT_N_KINDS], last[EVENT_N_KINDS], n_gaps;
};

static int
make_folder(void **state)
{
    (void)state;
    spool_folder_make(folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    spool_folder_remove(folder);
    return 0;
}

static struct spool *
open_spool(uint64_t max_bytes)
{
    struct spool_options options = {.directory = folder,
                                    .max_bytes = max_bytes,
                                    .retain_ns = SPOOL_DEFAULT_RETAIN_NS};
    struct error error;
    struct spool *spool =
        spool_open(&options, (struct mono_time){SECOND_NS}, &error);

    assert_non_null(spool);
    return spool;
}

static void
append(struct spool *spool, enum event_kind kind, uint64_t n)
{
    char text[RECORD_BYTES];
    struct redis_id id;

    for (uint64_t i = 0; i < n; i++) {
        spool_text_fill(text, sizeof text, i + 1);
        spool_append(spool, kind, (struct wall_time){SECOND_NS}, text,
                     sizeof text, &id);
        if (i % 64 == 0) {
            spool_commit(spool, (struct mono_time){2 * SECOND_NS});
        }
    }
    spool_commit(spool, (struct mono_time){2 * SECOND_NS});
}

static void
take(void *context, const struct spool_record *record)
{
    struct seen *seen = context;

    assert_true(record->serial > seen->last[record->kind]);
    seen->last[record->kind] = record->serial;
    seen->n[record->kind]++;
    seen->n_gaps += record->type == SPOOL_GAP;
}

static struct spool_look
look(struct seen *seen)
{
    struct spool_look found;
    struct error error;

    *seen = (struct seen){.n_gaps = 0};
    assert_true(spool_look(folder, take, seen, &found, &error));
    return found;
}

/* Names, sizes, bytes and times of all that is there. */
static uint64_t
print_of(const char *path)
{
    uint64_t print = 0;
    DIR *list = opendir(path);
    struct dirent *entry;

    assert_non_null(list);
    while ((entry = readdir(list))) {
        char name[SPOOL_FOLDER_SIZE + 256];
        struct stat info;
        FILE *file;
        int byte;

        if (strcmp(entry->d_name, "..") == 0) {
            continue; /* Others put files there. */
        }
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        assert_int_equal(stat(name, &info), 0);
        print += (uint64_t)info.st_mtim.tv_nsec * 31 + (uint64_t)info.st_size +
                 (uint64_t)info.st_ctim.tv_nsec * 7 + info.st_mode;
        file = S_ISREG(info.st_mode) ? fopen(name, "rb") : NULL;
        while (file && (byte = getc(file)) != EOF) {
            print = print * 131 + (uint64_t)byte;
        }
        if (file) {
            fclose(file);
        }
    }
    closedir(list);
    return print;
}

static void
test_what_was_not_acknowledged_waits(void **state)
{
    struct spool *spool = open_spool(0);
    struct spool_record record;
    struct spool_look found;
    struct seen seen;

    (void)state;
    append(spool, EVENT_FLOW, 1000);
    append(spool, EVENT_VIOLATION, 10);
    for (unsigned i = 0; i < 137; i++) {
        assert_true(spool_read(spool, EVENT_FLOW, &record));
        spool_ack(spool, EVENT_FLOW, record.id);
    }
    assert_true(spool_read(spool, EVENT_FLOW, &record)); /* In flight. */
    spool_commit(spool, (struct mono_time){3 * SECOND_NS});
    found = look(&seen); /* While it is open, and locked. */
    assert_false(found.state_lost);
    assert_int_equal(found.kinds[EVENT_FLOW].acked_serial, 137);
    assert_int_equal(found.kinds[EVENT_FLOW].last_serial, 1000);
    assert_int_equal(found.kinds[EVENT_FLOW].last_found, 1000);
    assert_int_equal(seen.n[EVENT_FLOW], 1000 - 137);
    assert_int_equal(seen.last[EVENT_FLOW], 1000);
    assert_int_equal(seen.n[EVENT_VIOLATION], 10);
    assert_int_equal(seen.n[EVENT_STATUS], 0);
    assert_int_equal(found.kinds[EVENT_STATUS].last_serial, 0);
    spool_close(spool, (struct mono_time){4 * SECOND_NS});
    look(&seen);
    assert_int_equal(seen.n[EVENT_FLOW], 1000 - 137);
}

static void
test_gaps_that_wait_are_seen(void **state)
{
    struct spool *spool = open_spool(SPOOL_MIN_BYTES);
    struct spool_stat stat;
    struct spool_record record;
    struct seen seen;

    (void)state;
    append(spool, EVENT_FLOW, 20000); /* Far more than fits. */
    while (spool_read(spool, EVENT_FLOW, &record)) {
        spool_ack(spool, EVENT_FLOW, record.id);
    }
    spool_commit(spool, (struct mono_time){3 * SECOND_NS});
    spool_get_stat(spool, &stat);
    assert_true(stat.kind[EVENT_FLOW].dropped[SPOOL_FULL] > 0);
    look(&seen);
    assert_true(seen.n_gaps > 0);
    assert_int_equal(seen.n[EVENT_FLOW], 0);
    spool_close(spool, (struct mono_time){4 * SECOND_NS});
}

static void
test_nothing_is_changed_by_looking(void **state)
{
    struct spool *spool = open_spool(0);
    uint64_t before;
    struct seen seen;

    (void)state;
    append(spool, EVENT_FLOW, 3000);
    before = print_of(folder);
    look(&seen);
    assert_int_equal(print_of(folder), before);
    spool_close(spool, (struct mono_time){4 * SECOND_NS});
}

/* A state or segments of somebody else's, or cut anywhere, are no reason to
 * stop. */
static void
test_what_is_damaged_is_passed(void **state)
{
    struct spool *spool = open_spool(0);
    char name[SPOOL_FOLDER_SIZE + 256];
    struct spool_look found;
    struct seen seen;
    struct stat info;

    (void)state;
    append(spool, EVENT_FLOW, 500);
    spool_close(spool, (struct mono_time){4 * SECOND_NS});
    assert_true(spool_folder_first(folder, "flow", name, sizeof name));
    assert_int_equal(stat(name, &info), 0);
    for (off_t cut = info.st_size - 1; cut > 0; cut /= 2) {
        assert_int_equal(truncate(name, cut), 0);
        found = look(&seen);
        assert_true(seen.n[EVENT_FLOW] < 500);
        assert_int_equal(found.kinds[EVENT_FLOW].last_serial, 500);
    }
    snprintf(name, sizeof name, "%s/state", folder);
    assert_int_equal(truncate(name, 100), 0);
    assert_true(look(&seen).state_lost);
    snprintf(name, sizeof name, "%s/flow-nonsense.seg", folder);
    close(open(name, O_CREAT | O_WRONLY, 0600));
    look(&seen);
}

static void
test_a_folder_that_is_no_spool_is_an_error(void **state)
{
    struct spool_look found;
    struct error error;
    struct seen seen = {.n_gaps = 0};
    char name[SPOOL_FOLDER_SIZE + 8];

    (void)state;
    assert_false(spool_look(folder, take, &seen, &found, &error));
    snprintf(name, sizeof name, "%s/none", folder);
    assert_false(spool_look(name, take, &seen, &found, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
}

static void
test_a_spool_is_found_where_outputs_have_theirs(void **state)
{
    char inner[SPOOL_FOLDER_SIZE + 16], other[SPOOL_FOLDER_SIZE + 16];
    char found[SPOOL_FOLDER_SIZE + 32];
    struct spool_options options = {.directory = inner};
    struct error error;

    (void)state;
    snprintf(inner, sizeof inner, "%s/one", folder);
    snprintf(other, sizeof other, "%s/two", folder);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_false(spool_look_find(folder, found, sizeof found, &error));
    spool_close(spool_open(&options, (struct mono_time){1}, &error),
                (struct mono_time){2});
    assert_true(spool_look_find(folder, found, sizeof found, &error));
    assert_string_equal(found, inner);
    assert_true(spool_look_find(inner, found, sizeof found, &error));
    assert_string_equal(found, inner);
    assert_false(spool_look_find(inner, found, 4, &error));
    options.directory = other;
    spool_close(spool_open(&options, (struct mono_time){1}, &error),
                (struct mono_time){2});
    assert_false(spool_look_find(folder, found, sizeof found, &error));
    spool_folder_remove(inner);
    spool_folder_remove(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_not_acknowledged_waits,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_gaps_that_wait_are_seen,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_nothing_is_changed_by_looking,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_damaged_is_passed,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_a_folder_that_is_no_spool_is_an_error, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            test_a_spool_is_found_where_outputs_have_theirs, make_folder,
            remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
