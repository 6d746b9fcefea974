/* spool.h on disks that are full, fail, or are taken away */

#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"
#include "tools/spool/spool_failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RECORD_BYTES = 1200,
    DISK_KIB = 4096,
    NO_ROOT = 77
};

static char folder[SPOOL_FOLDER_SIZE];
static const char *failing; /* The failpoint that fails, */
static int reason;          /* with this errno. */

int
spool_failpoint(const char *name)
{
    return failing && strcmp(name, failing) == 0 ? reason : 0;
}

struct fixture {
    struct spool *spool;
    struct spool_oracle oracle;
    uint64_t appended[EVENT_N_KINDS];
    int64_t now_ns;
};

static void
open_spool(struct fixture *f, uint64_t max_bytes, size_t memory_bytes)
{
    const struct spool_options options = {.directory = folder,
                                          .max_bytes = max_bytes,
                                          .memory_bytes = memory_bytes,
                                          .sync_ns = 100 * MILLISECOND_NS};
    struct error error;

    memset(f, 0, sizeof *f);
    failing = NULL;
    f->now_ns = SECOND_NS;
    f->spool = spool_open(&options, (struct mono_time){f->now_ns}, &error);
    assert_non_null(f->spool);
}

static bool
append(struct fixture *f, enum event_kind kind)
{
    char text[RECORD_BYTES];
    struct redis_id id;

    spool_text_fill(text, sizeof text, ++f->appended[kind]);
    return spool_append(f->spool, kind, (struct wall_time){SECOND_NS}, text,
                        sizeof text, &id);
}

static bool
commit_after(struct fixture *f, int64_t ns)
{
    f->now_ns += ns;
    return spool_commit(f->spool, (struct mono_time){f->now_ns});
}

static void
append_many(struct fixture *f, enum event_kind kind, unsigned n)
{
    while (n-- > 0) {
        append(f, kind);
        if (n % 64 == 0) {
            commit_after(f, MILLISECOND_NS);
        }
    }
}

static struct spool_stat
stat_of(struct fixture *f)
{
    struct spool_stat stat;

    spool_assert_balance(f->spool);
    spool_get_stat(f->spool, &stat);
    return stat;
}

/* All that was appended is read or told. */
static void
finish(struct fixture *f)
{
    spool_oracle_drain(&f->oracle, f->spool);
    spool_assert_balance(f->spool);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        assert_int_equal(f->oracle.n_read[kind] + f->oracle.n_told[kind],
                         f->appended[kind]);
    }
    spool_close(f->spool, (struct mono_time){f->now_ns});
}

static void
fails_at(const char *point, int with)
{
    struct fixture f;
    struct spool_stat stat;

    spool_folder_make(folder);
    open_spool(&f, 0, 0);
    append_many(&f, EVENT_FLOW, 100);
    failing = point;
    reason = with;
    append_many(&f, EVENT_FLOW, 300);
    commit_after(&f, SECOND_NS); /* It is tried again, in vain. */
    stat = stat_of(&f);
    assert_false(stat.is_up);
    assert_true(stat.n_troubles > 0);
    assert_string_equal(stat.error.where, folder);
    assert_non_null(strstr(stat.error.message, "spool"));
    append_many(&f, EVENT_VIOLATION, 10);
    failing = NULL;
    assert_true(commit_after(&f, SPOOL_RETRY_NS));
    assert_true(stat_of(&f).is_up);
    assert_int_equal(stat_of(&f).memory_bytes, 0);
    finish(&f);
    assert_int_equal(f.oracle.n_gaps, 0);
    spool_folder_remove(folder);
}

static void
a_disk_that_fails_costs_nothing_while_memory_lasts(void **state)
{
    static const int reasons[] = {EIO, ENOSPC, EROFS, EDQUOT};

    (void)state;
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        fails_at("write segment", reasons[i]);
        fails_at("write state", reasons[i]);
        fails_at("sync segment", reasons[i]);
        fails_at("sync state", reasons[i]);
    }
}

static void
no_segment_can_be_begun(void **state)
{
    struct fixture f;

    (void)state;
    spool_folder_make(folder);
    open_spool(&f, 0, 0);
    failing = "create segment";
    reason = EACCES;
    append_many(&f, EVENT_FLOW, 300);
    assert_false(stat_of(&f).is_up);
    failing = NULL;
    assert_true(commit_after(&f, SPOOL_RETRY_NS));
    finish(&f);
    assert_int_equal(f.oracle.n_gaps, 0);
    spool_folder_remove(folder);
}

static void
records_go_on_from_memory_while_the_disk_fails(void **state)
{
    struct fixture f;

    (void)state;
    spool_folder_make(folder);
    open_spool(&f, 0, 0);
    append_many(&f, EVENT_FLOW, 10);
    failing = "write segment";
    reason = EIO;
    append_many(&f, EVENT_FLOW, 1000);
    spool_oracle_drain(&f.oracle, f.spool);
    assert_int_equal(f.oracle.n_read[EVENT_FLOW], 1010);
    assert_int_equal(stat_of(&f).memory_bytes, 0);
    failing = NULL;
    commit_after(&f, SPOOL_RETRY_NS);
    append_many(&f, EVENT_FLOW, 10);
    finish(&f);
    assert_int_equal(f.oracle.n_gaps, 0);
    spool_folder_remove(folder);
}

static void
when_memory_is_full_too_flows_go_first_and_violations_stay(void **state)
{
    struct fixture f;
    struct spool_stat stat;

    (void)state;
    spool_folder_make(folder);
    open_spool(&f, 0, SPOOL_MIN_MEMORY_BYTES);
    failing = "write segment";
    reason = EIO;
    append_many(&f, EVENT_VIOLATION, 300);
    append_many(&f, EVENT_FLOW, 5000);
    append_many(&f, EVENT_VIOLATION, 300);
    stat = stat_of(&f);
    assert_true(stat.memory_bytes <= SPOOL_MIN_MEMORY_BYTES);
    assert_true(stat.kind[EVENT_FLOW].dropped[SPOOL_MEMORY] > 3500);
    assert_int_equal(stat.kind[EVENT_VIOLATION].dropped[SPOOL_MEMORY], 0);
    failing = NULL;
    assert_true(commit_after(&f, SPOOL_RETRY_NS));
    finish(&f);
    assert_int_equal(f.oracle.n_told[EVENT_FLOW],
                     stat.kind[EVENT_FLOW].dropped[SPOOL_MEMORY]);
    assert_int_equal(f.oracle.by_reason[SPOOL_MEMORY],
                     stat.kind[EVENT_FLOW].dropped[SPOOL_MEMORY]);
    spool_folder_remove(folder);
}

static void
a_segment_that_cannot_be_read_is_told_and_the_next_one_read(void **state)
{
    struct fixture f;
    char name[SPOOL_FOLDER_SIZE + 64];

    (void)state;
    spool_folder_make(folder);
    open_spool(&f, SPOOL_MIN_BYTES, 0);
    append_many(&f, EVENT_FLOW, 1000);
    assert_true(spool_folder_first(folder, "flow-", name, sizeof name));
    assert_int_equal(unlink(name), 0);
    finish(&f);
    assert_in_range(f.oracle.by_reason[SPOOL_UNREADABLE], 40, 200);
    assert_int_equal(f.oracle.n_gaps, 1);
    spool_folder_remove(folder);
}

static void
too_many_open_files_are_waited_for(void **state)
{
    struct fixture f;
    struct spool_record record;

    (void)state;
    spool_folder_make(folder);
    open_spool(&f, 0, 0);
    append_many(&f, EVENT_FLOW, 100);
    failing = "open segment";
    reason = EMFILE;
    assert_false(spool_read(f.spool, EVENT_FLOW, &record));
    failing = NULL;
    finish(&f);
    assert_int_equal(f.oracle.n_gaps, 0);
    spool_folder_remove(folder);
}

static void
a_folder_that_is_removed_is_made_anew_and_what_was_in_it_told(void **state)
{
    struct fixture f;
    struct spool_stat stat;

    (void)state;
    spool_folder_make(folder);
    open_spool(&f, 0, 0);
    append_many(&f, EVENT_FLOW, 500);
    spool_folder_remove(folder);
    commit_after(&f, SECOND_NS);
    stat = stat_of(&f);
    assert_false(stat.is_up);
    assert_non_null(strstr(stat.error.message, "removed"));
    append_many(&f, EVENT_FLOW, 100);
    assert_true(commit_after(&f, SPOOL_RETRY_NS));
    assert_int_equal(stat_of(&f).kind[EVENT_FLOW].dropped[SPOOL_UNREADABLE],
                     500);
    finish(&f);
    assert_int_equal(f.oracle.n_told[EVENT_FLOW], 500);
    open_spool(&f, 0, 0); /* And it is a sound one. */
    assert_int_equal(stat_of(&f).kind[EVENT_FLOW].pending, 0);
    spool_close(f.spool, (struct mono_time){0});
    spool_folder_remove(folder);
}

/* In a mount namespace of its own, so nobody else sees the disk. */
static int
fill_a_disk(void)
{
    struct fixture f;
    struct spool_stat stat;
    char options[32], filler[SPOOL_FOLDER_SIZE + 8];
    static char block[DISK_KIB * 1024 / 4];
    int fd;

    snprintf(options, sizeof options, "size=%dk", DISK_KIB);
    if (unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", folder, "tmpfs", 0, options) < 0) {
        return NO_ROOT;
    }
    open_spool(&f, 64 << 20, SPOOL_MIN_MEMORY_BYTES);
    append_many(&f, EVENT_VIOLATION, 200);
    append_many(&f, EVENT_FLOW, 10000); /* 12 MB. */
    append_many(&f, EVENT_VIOLATION, 200);
    stat = stat_of(&f);
    assert_non_null(strstr(stat.error.message, "No space left on device"));
    assert_true(stat.kind[EVENT_FLOW].dropped[SPOOL_FULL] > 3000);
    assert_int_equal(stat.kind[EVENT_VIOLATION].dropped[SPOOL_FULL] +
                         stat.kind[EVENT_VIOLATION].dropped[SPOOL_MEMORY],
                     0);
    /* Now somebody else takes what is left, and gives it back. */
    snprintf(filler, sizeof filler, "%s/other", folder);
    fd = open(filler, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof block) > 0) {
    }
    append_many(&f, EVENT_FLOW, 1000);
    close(fd);
    unlink(filler);
    commit_after(&f, SPOOL_RETRY_NS);
    append_many(&f, EVENT_VIOLATION, 10);
    finish(&f);
    assert_int_equal(f.oracle.n_told[EVENT_VIOLATION], 0);
    return 0;
}

static void
a_full_disk_gives_up_flows_and_no_violation(void **state)
{
    pid_t child;
    int status;

    (void)state;
    spool_folder_make(folder);
    child = fork();
    if (child == 0) {
        _exit(fill_a_disk());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    spool_folder_remove(folder);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_ROOT) {
        print_message("skipped: cannot mount a small disk\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
a_folder_that_cannot_be_used_is_an_error_at_once(void **state)
{
    const struct spool_options options = {.directory = "/proc/nothing"};
    struct error error;

    (void)state;
    failing = NULL;
    assert_null(spool_open(&options, (struct mono_time){0}, &error));
    assert_string_equal(error.where, "/proc/nothing");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_fails_costs_nothing_while_memory_lasts),
        cmocka_unit_test(no_segment_can_be_begun),
        cmocka_unit_test(records_go_on_from_memory_while_the_disk_fails),
        cmocka_unit_test(
            when_memory_is_full_too_flows_go_first_and_violations_stay),
        cmocka_unit_test(
            a_segment_that_cannot_be_read_is_told_and_the_next_one_read),
        cmocka_unit_test(too_many_open_files_are_waited_for),
        cmocka_unit_test(
            a_folder_that_is_removed_is_made_anew_and_what_was_in_it_told),
        cmocka_unit_test(a_full_disk_gives_up_flows_and_no_violation),
        cmocka_unit_test(a_folder_that_cannot_be_used_is_an_error_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
