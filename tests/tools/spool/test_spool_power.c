/* spool.h over power cuts: what was synced before is there afterwards
 *
 * A disk may keep of what was written since the last sync what it likes.  So at
 * the end of each run files lose a part of that, or have zeros there, new ones
 * vanish, and the state is the old or the new one.  A sync counts when it has
 * ended, for what was written when it began: records are written, segments
 * begun and the power cut while one is under way. */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"
#include "tools/spool/spool_failpoint.h"
#include "tools/spool/spool_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N_CUTS = 150,
    N_STEPS = 40,
    MAX_NUMBERS = 1 << 17,
    MAX_FILES = 64,
    MAX_TEXT = 6000,
    SPOOL_BYTES = 32 << 20, /* Some segments a run. */
    SYNC_MS = 300
};

static char folder[SPOOL_FOLDER_SIZE];

/* What the last sync made sure of, and what the one under way is about. */
static struct snapshot {
    char names[MAX_FILES][40];
    off_t sizes[MAX_FILES];
    size_t n;
    uint64_t n_written; /* Numbers. */
    char state[SPOOL_STATE_BYTES];
} synced, syncing;

static bool is_always; /* Nothing is sent before it is synced. */
static bool is_under_way;
static uint64_t n_found; /* Numbers of runs before. */

/* What the processes share. */
struct shared {
    struct redis_id last;               /* Of the server, */
    unsigned char seen[MAX_NUMBERS];    /* and which texts came, how often. */
    unsigned char is_safe[MAX_NUMBERS]; /* Committed, and synced. */
    uint64_t sent_as[MAX_NUMBERS];      /* By serial: the number, */
    uint64_t n_reused;                  /* and how many were of two. */
    uint64_t n_numbers, n_safe;         /* Appended in any run. */
    uint64_t n_syncs, n_over;           /* Ended; cut off. */
};

static struct shared *shared;

static void
path_of(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", folder, name);
}

static void
note_begun(void)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;
    struct stat info;
    char path[512];
    int fd;

    syncing.n = 0;
    syncing.n_written = shared->n_numbers;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread. */
    while ((entry = readdir(stream)) && syncing.n < MAX_FILES) {
        path_of(entry->d_name, path, sizeof path);
        if (stat(path, &info) == 0 && strstr(path, ".seg")) {
            snprintf(syncing.names[syncing.n], sizeof syncing.names[0], "%.39s",
                     entry->d_name);
            syncing.sizes[syncing.n++] = info.st_size;
        }
    }
    closedir(stream);
    path_of("state", path, sizeof path);
    fd = open(path, O_RDONLY);
    assert_true(read(fd, syncing.state, sizeof syncing.state) > 0);
    close(fd);
}

static void
note_ended(void)
{
    synced = syncing;
    while (shared->n_safe < synced.n_written) {
        shared->is_safe[++shared->n_safe] = 1;
    }
}

int
spool_failpoint(const char *name)
{
    if (strcmp(name, "sync begun") == 0) {
        note_begun();
    } else if (strcmp(name, "synced") == 0) {
        note_ended();
    }
    return 0;
}

static off_t
synced_size(const char *name)
{
    for (size_t i = 0; i < synced.n; i++) {
        if (strcmp(synced.names[i], name) == 0) {
            return synced.sizes[i];
        }
    }
    return 0;
}

static void
cut_file(struct choices *choices, const char *name)
{
    struct stat info;
    char path[512];
    off_t keep = synced_size(name);

    path_of(name, path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    if (keep == 0 && chance(choices, 2)) {
        assert_int_equal(unlink(path), 0);
        return;
    }
    keep += choose(choices, (uint32_t)(info.st_size - keep) % 65535 + 1);
    assert_int_equal(truncate(path, keep), 0);
    if (chance(choices, 2)) {
        assert_int_equal(truncate(path, info.st_size), 0);
    }
}

static void
cut_power(struct choices *choices)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;
    char path[512];
    int fd;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread. */
    while ((entry = readdir(stream))) {
        if (strstr(entry->d_name, ".seg")) {
            cut_file(choices, entry->d_name);
        }
    }
    closedir(stream);
    path_of("state", path, sizeof path);
    fd = open(path, O_WRONLY);
    if (chance(choices, 2)) {
        assert_int_equal(pwrite(fd, synced.state, sizeof synced.state, 0),
                         (ssize_t)sizeof synced.state);
    }
    close(fd);
}

static void
send_some(struct spool *spool, unsigned n)
{
    struct spool_record record;

    while (n-- > 0 && spool_read(spool, EVENT_FLOW, &record)) {
        uint64_t number = spool_text_number(record.bytes, record.size);

        assert_in_range(number, 1, shared->n_numbers);
        assert_true(shared->is_safe[number] || number <= n_found || !is_always);
        if (redis_id_compare(record.id, shared->last) > 0) {
            shared->last = record.id;
            shared->seen[number]++;
            assert_in_range(record.serial, 1, MAX_NUMBERS - 1);
            shared->n_reused += shared->sent_as[record.serial] != 0;
            shared->sent_as[record.serial] = number;
        }
        spool_ack(spool, EVENT_FLOW, record.id);
    }
}

/* As whoever sends does: asks first what the server has. */
static struct spool *
open_spool(const struct spool_options *options)
{
    struct error error;
    struct spool_stat stat;
    struct spool *spool = spool_open(options, (struct mono_time){0}, &error);

    assert_non_null(spool);
    spool_get_stat(spool, &stat);
    if (redis_id_compare(shared->last, stat.last_id) > 0) {
        send_some(spool, UINT32_MAX); /* All that waits is there. */
        spool_raise(spool, EVENT_FLOW, shared->last);
    }
    return spool;
}

/* As two threads do, one of which waits for the disk. */
static void
sync_some(struct spool *spool, struct choices *choices, struct mono_time now)
{
    if (is_under_way && chance(choices, 3)) {
        spool_sync_run(spool);
        spool_sync_end(spool);
        is_under_way = false;
        shared->n_syncs++;
    }
    is_under_way |= spool_sync_begin(spool, now);
}

static void
step(struct spool *spool, struct choices *choices, int64_t now_ms)
{
    static char text[MAX_TEXT];
    struct mono_time now = {now_ms * MILLISECOND_NS};
    struct redis_id id;

    for (unsigned i = choose(choices, 20); i > 0; i--) {
        size_t size = 8 + choose(choices, MAX_TEXT - 8);

        spool_text_fill(text, size, ++shared->n_numbers);
        assert_true(spool_append(
            spool, EVENT_FLOW, (struct wall_time){SECOND_NS}, text, size, &id));
    }
    assert_true(spool_write(spool, now));
    sync_some(spool, choices, now);
    send_some(spool, choose(choices, 30));
}

/* A process that leaves its files to the cut. */
static void
run_and_cut(const struct spool_options *options, uint64_t seed)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct choices choices = choices_from_seed(seed);
        struct spool *spool = open_spool(options);

        note_begun();
        synced = syncing; /* What is found is there. */
        shared->n_safe = shared->n_numbers;
        n_found = shared->n_numbers;
        for (int64_t i = choose(&choices, N_STEPS); i > 0; i--) {
            step(spool, &choices, (N_STEPS - i) * 50);
        }
        shared->n_over += is_under_way;
        cut_power(&choices);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
survives(int64_t sync_ns)
{
    const struct spool_options options = {
        .directory = folder, .max_bytes = SPOOL_BYTES, .sync_ns = sync_ns};
    struct spool *spool;

    memset(shared, 0, sizeof *shared);
    is_always = sync_ns == 0;
    spool_folder_make(folder);
    for (uint64_t cut = 1; cut <= N_CUTS; cut++) {
        run_and_cut(&options, cut);
    }
    n_found = shared->n_safe = shared->n_numbers; /* By the runs before. */
    spool = open_spool(&options);
    send_some(spool, UINT32_MAX);
    spool_assert_balance(spool);
    spool_close(spool, (struct mono_time){0});
    spool_folder_remove(folder);
}

static void
what_was_synced_survives_power_cuts_and_comes_once(void **state)
{
    uint64_t n_safe = 0;

    (void)state;
    survives(SYNC_MS * MILLISECOND_NS);
    for (uint64_t number = 1; number <= shared->n_numbers; number++) {
        n_safe += shared->is_safe[number];
        assert_true(shared->seen[number] <= 1);
        assert_true(shared->seen[number] >= shared->is_safe[number]);
    }
    print_message("%zu of %zu were synced; %zu syncs ended, %zu were cut off\n",
                  (size_t)n_safe, (size_t)shared->n_numbers,
                  (size_t)shared->n_syncs, (size_t)shared->n_over);
    print_message("%zu serials of what was sent and lost were given again\n",
                  (size_t)shared->n_reused);
    assert_true(n_safe > 1000);
    assert_true(shared->n_over > 20);
}

static void
where_every_record_is_synced_before_it_is_sent_none_that_was_is_lost(
    void **state)
{
    (void)state;
    survives(0);
    for (uint64_t number = 1; number <= shared->n_numbers; number++) {
        assert_true(shared->seen[number] <= 1);
        assert_true(shared->seen[number] >= shared->is_safe[number]);
    }
    assert_true(shared->n_over > 20);
    assert_int_equal(shared->n_reused, 0);
}

static int
share_memory(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_survives_power_cuts_and_comes_once),
        cmocka_unit_test(
            where_every_record_is_synced_before_it_is_sent_none_that_was_is_lost),
    };

    return cmocka_run_group_tests(tests, share_memory, NULL);
}
