/* spool.h, ended at any instant: what was committed is sent once, in order, or
 * told as missing once, by the processes that come after
 *
 * The server is memory that the processes share: it takes an entry only above
 * its last one, as a Redis stream does. */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"
#include "tools/spool/spool_failpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N_KILLS = 250,
    MAX_KILL_US = 12000,
    N_KINDS = 2, /* That are sent: flows and violations; gaps are told. */
    MAX_ENTRIES = 1 << 19,
    RUNS = 1000, /* A text is its serial * RUNS + the run that wrote it. */
    N_STEPS = 20 /* Of a run that ends at a failpoint. */
};

struct entry {
    struct redis_id id;
    uint64_t serial, number;
    struct spool_gap gap; /* Of status. */
};

struct stream {
    struct entry entries[MAX_ENTRIES];
    _Atomic size_t n;
    uint64_t committed[MAX_ENTRIES]; /* Numbers, by serial. */
    _Atomic uint64_t n_points;
};

static struct stream *streams; /* One a kind; shared. */
static _Atomic uint64_t *n_points;
static unsigned max_text = 12000;
static uint64_t die_at;      /* The n-th failpoint; 0: never. */
static const char *die_when; /* Or when it comes by this one, */
static unsigned die_times;   /* so often. */

/* As at a power switch, only that the disk keeps what it was given. */
int
spool_failpoint(const char *name)
{
    if (die_when && strcmp(name, die_when) == 0 && --die_times == 0) {
        _exit(1);
    }
    if (n_points && atomic_fetch_add(n_points, 1) + 1 == die_at) {
        _exit(1);
    }
    return 0;
}

static void
store(enum event_kind kind, const struct spool_record *record)
{
    struct stream *stream = &streams[kind];
    size_t n = atomic_load(&stream->n);
    struct entry *entry = &stream->entries[n];

    if (n > 0 && redis_id_compare(record->id, entry[-1].id) <= 0) {
        return; /* Equal or smaller than the top item. */
    }
    assert_true(n < MAX_ENTRIES);
    *entry = (struct entry){.id = record->id, .serial = record->serial};
    entry->number = spool_text_number(record->bytes, record->size);
    spool_gap_decode(record, &entry->gap);
    atomic_store(&stream->n, n + 1);
}

static void
send_some(struct spool *spool, enum event_kind kind, unsigned n)
{
    struct spool_record record;
    struct redis_id last = {0, 0};

    while (n-- > 0 && spool_read(spool, kind, &record)) {
        store(kind, &record);
        last = record.id;
    }
    spool_ack(spool, kind, last);
}

/* Numbers it, and says that it is committed once it is. */
static void
append_and_commit(struct spool *spool, struct choices *choices, uint64_t run,
                  struct mono_time now)
{
    static char text[60000];
    uint64_t serials[N_KINDS][20];
    unsigned n[N_KINDS] = {0};
    struct spool_stat stat;
    struct redis_id id;

    for (unsigned i = 1 + choose(choices, 20); i > 0; i--) {
        enum event_kind kind =
            chance(choices, 5) ? EVENT_VIOLATION : EVENT_FLOW;
        size_t size = 8 + choose(choices, max_text - 8);
        uint64_t serial;

        spool_get_stat(spool, &stat);
        serial = stat.kind[kind].last_serial + 1;
        assert_true(serial < MAX_ENTRIES);
        spool_text_fill(text, size, serial * RUNS + run);
        serials[kind][n[kind]++] = serial;
        spool_append(spool, kind, (struct wall_time){SECOND_NS}, text, size,
                     &id);
    }
    if (!spool_commit(spool, now)) {
        return;
    }
    for (unsigned kind = 0; kind < N_KINDS; kind++) {
        for (unsigned i = 0; i < n[kind]; i++) {
            streams[kind].committed[serials[kind][i]] =
                serials[kind][i] * RUNS + run;
        }
    }
}

static void
step(struct spool *spool, struct choices *choices, uint64_t run,
     bool server_is_up, struct mono_time now)
{
    append_and_commit(spool, choices, run, now);
    if (!server_is_up) {
        return;
    }
    send_some(spool, EVENT_FLOW, choose(choices, 30));
    send_some(spool, EVENT_VIOLATION, choose(choices, 10));
    send_some(spool, EVENT_STATUS, choose(choices, 5));
}

static struct spool *
open_spool(const struct spool_options *options)
{
    struct error error;
    struct spool *spool = spool_open(options, (struct mono_time){0}, &error);

    if (!spool) {
        print_message("%s: %s\n", error.where, error.message);
        abort();
    }
    return spool;
}

static void
send_all(const struct spool_options *options)
{
    struct spool *spool = open_spool(options);
    struct spool_stat stat;

    for (unsigned n_idle = 0; n_idle < 3; n_idle++) { /* Gaps are told then. */
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            send_some(spool, (enum event_kind)kind, UINT32_MAX);
        }
        spool_commit(spool, (struct mono_time){0});
        spool_get_stat(spool, &stat);
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            n_idle = stat.kind[kind].pending > 0 ? 0 : n_idle;
        }
    }
    spool_assert_balance(spool);
    for (unsigned kind = 0; kind < N_KINDS; kind++) {
        assert_int_equal(stat.kind[kind].pending, 0);
        streams[kind].committed[0] = stat.kind[kind].last_serial;
    }
    assert_int_equal(stat.skipped_bytes, 0);
    spool_close(spool, (struct mono_time){0});
}

/* How often each serial came, or was told as missing. */
static void
count(enum event_kind kind, unsigned char *seen, uint64_t last)
{
    const struct stream *stream = &streams[kind];
    const struct stream *status = &streams[EVENT_STATUS];

    memset(seen, 0, MAX_ENTRIES);
    for (size_t i = 0; i < stream->n; i++) {
        const struct entry *entry = &stream->entries[i];

        assert_true(i == 0 || entry->serial > entry[-1].serial);
        assert_int_equal(entry->number / RUNS, entry->serial);
        if (stream->committed[entry->serial]) {
            assert_int_equal(entry->number, stream->committed[entry->serial]);
        }
        seen[entry->serial]++;
    }
    for (size_t i = 0; i < status->n; i++) {
        const struct spool_gap *gap = &status->entries[i].gap;

        assert_true(gap->last_serial <= last || gap->kind != kind);
        for (uint64_t s = gap->first_serial;
             gap->kind == kind && s <= gap->last_serial; s++) {
            seen[s]++;
        }
    }
}

static void
check(void)
{
    static unsigned char seen[MAX_ENTRIES];

    for (unsigned kind = 0; kind < N_KINDS; kind++) {
        uint64_t last = streams[kind].committed[0];

        count((enum event_kind)kind, seen, last);
        for (uint64_t serial = 1; serial <= last; serial++) {
            assert_int_equal(seen[serial], 1);
        }
    }
}

static void
forget(void)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        uint64_t n = streams[kind].committed[0] + 100;

        memset(streams[kind].committed, 0,
               (n < MAX_ENTRIES ? n : MAX_ENTRIES) * sizeof(uint64_t));
        streams[kind].n = 0;
    }
}

/* A process that works until it is ended. */
static void
kill_one(const struct spool_options *options, struct choices *choices,
         uint64_t run)
{
    bool server_is_up = !chance(choices, 4);
    useconds_t delay = choose(choices, MAX_KILL_US);
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct spool *spool = open_spool(options);
        struct choices own = choices_from_seed(run);

        for (int64_t now = 0;; now += MILLISECOND_NS) {
            step(spool, &own, run, server_is_up, (struct mono_time){now});
        }
    }
    usleep(delay);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
a_process_killed_at_any_instant_loses_and_doubles_nothing(void **state)
{
    char folder[SPOOL_FOLDER_SIZE];
    struct choices choices = choices_from_seed(9);
    struct spool_options options = {.directory = folder,
                                    .sync_ns = 50 * MILLISECOND_NS};

    (void)state;
    spool_folder_make(folder);
    forget();
    for (uint64_t run = 1; run <= N_KILLS; run++) {
        options.max_bytes = chance(&choices, 3) ? SPOOL_MIN_BYTES : 256 << 20;
        kill_one(&options, &choices, run);
    }
    send_all(&options);
    check();
    print_message(
        "%zu flows, %zu violations, %zu gaps\n", (size_t)streams[EVENT_FLOW].n,
        (size_t)streams[EVENT_VIOLATION].n, (size_t)streams[EVENT_STATUS].n);
    assert_true(streams[EVENT_FLOW].n > N_KILLS);
    spool_folder_remove(folder);
}

/* True if it ended at the failpoint, false if it got through. */
static bool
die_once(const struct spool_options *options, uint64_t run, uint64_t at)
{
    pid_t child;
    int status;

    atomic_store(n_points, 0);
    child = fork();
    if (child == 0) {
        struct choices own = choices_from_seed(run);
        struct spool *spool;

        die_at = at;
        spool = open_spool(options);
        for (int64_t i = 0; i < N_STEPS; i++) {
            step(spool, &own, run, i % 10 > 6,
                 (struct mono_time){i * SECOND_NS});
        }
        spool_close(spool, (struct mono_time){0});
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 1;
}

/* The smallest spool, so that it also drops, tells and removes. */
static void
ended_at_each_step_it_loses_and_doubles_nothing(void **state)
{
    char folder[SPOOL_FOLDER_SIZE];
    const struct spool_options options = {.directory = folder,
                                          .max_bytes = SPOOL_MIN_BYTES,
                                          .sync_ns = 2 * SECOND_NS};
    uint64_t at = 0;
    size_t n_gaps = 0;
    bool died = true;

    (void)state;
    max_text = 60000;
    while (died) {
        spool_folder_make(folder);
        forget();
        at += 1 + at / 400; /* All of the first, then some. */
        died = die_once(&options, 1, at);
        if (died) { /* And again while it recovers. */
            die_once(&options, 2, 1 + at % 7);
        }
        send_all(&options);
        check();
        n_gaps += streams[EVENT_STATUS].n;
        spool_folder_remove(folder);
    }
    print_message("%zu steps, %zu gaps\n", (size_t)at, n_gaps);
    assert_true(at > 300);
    assert_true(n_gaps > 100);
}

/* Fills a small spool, so that segments are dropped behind the one of which a
 * record was sent; ends when one more is begun that has no record yet, with a
 * state that knows nothing of those before it. */
static void
leave_an_empty_segment(const struct spool_options *options)
{
    static char text[60000];
    struct spool *spool = open_spool(options);
    struct spool_record record;
    struct spool_stat stat;
    struct redis_id id;

    for (uint64_t i = 1; i <= 100; i++) {
        spool_text_fill(text, sizeof text, i);
        spool_append(spool, EVENT_FLOW, (struct wall_time){SECOND_NS}, text,
                     sizeof text, &id);
        spool_commit(spool, (struct mono_time){0});
        if (i == 1) { /* What may have been sent stays. */
            assert_true(spool_read(spool, EVENT_FLOW, &record));
        }
    }
    spool_get_stat(spool, &stat);
    assert_true(stat.kind[EVENT_FLOW].dropped[SPOOL_FULL] > 0);
    die_when = "segment begun";
    die_times = 3;
    for (unsigned i = 0; i < 12; i++) {
        spool_append(spool, EVENT_FLOW, (struct wall_time){SECOND_NS}, text,
                     sizeof text, &id);
    }
    spool_commit(spool, (struct mono_time){0});
    _exit(0);
}

static void
ids_go_on_above_all_that_is_kept(void **state)
{
    char folder[SPOOL_FOLDER_SIZE];
    const struct spool_options options = {.directory = folder,
                                          .max_bytes = SPOOL_MIN_BYTES,
                                          .sync_ns = SECOND_NS};
    struct spool_record record;
    struct spool_stat stat;
    struct spool *spool;
    pid_t child;
    int status;

    (void)state;
    die_at = 0;
    spool_folder_make(folder);
    child = fork();
    if (child == 0) {
        leave_an_empty_segment(&options);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    spool = open_spool(&options);
    spool_get_stat(spool, &stat);
    assert_true(stat.kind[EVENT_FLOW].recovered > 0);
    while (spool_read(spool, EVENT_FLOW, &record)) {
        assert_true(redis_id_compare(record.id, stat.last_id) <= 0);
    }
    spool_close(spool, (struct mono_time){0});
    spool_folder_remove(folder);
}

static int
share_memory(void **state)
{
    (void)state;
    streams =
        mmap(NULL, EVENT_N_KINDS * sizeof *streams, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    n_points = &streams->n_points;
    return streams == MAP_FAILED;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_process_killed_at_any_instant_loses_and_doubles_nothing),
        cmocka_unit_test(ended_at_each_step_it_loses_and_doubles_nothing),
        cmocka_unit_test(ids_go_on_above_all_that_is_kept),
    };

    return cmocka_run_group_tests(tests, share_memory, NULL);
}
