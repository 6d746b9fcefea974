/* Exactly once: who sends is killed at random instants, and now and then the
 * server, which syncs once a second and may lose what it has said to have.
 *
 * Each run of the sender is an epoch, whose events are numbered.  At the end
 * the stream holds every event that a run committed, and perhaps some more of
 * the same run, each once and in order, and 'n' counts them all without a gap.
 * SEGMON_KILLS=1000 makes it long. */

#include "tests/support/choices.h"
#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/output/output.h"
#include "tools/output/sink.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"
#include "tools/spool/spool.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N_KILLS = 12,
    MAX_KILLS = 10000,
    SERVER_KILLED_EVERY = 3,
    MAX_KILL_US = 150000,
    BURST = 100, /* Events put between two commits, at most. */
    PAUSE_US = 300,
    PAGE = 1000, /* Entries read at once. */
    PATIENCE_S = 60
};

#define KEY "segmon:{kill}:flow"

static const char *const everysec[] = {"--appendonly", "yes", "--appendfsync",
                                       "everysec", NULL};
static struct redis_server server;
static char folder[128];    /* Of the spool, in the server's. */
static uint64_t *committed; /* Of each run; shared with it. */

static struct sink *
open_sink(const struct event_source *source)
{
    static _Atomic int64_t deadline_ns = INT64_MAX;
    static const struct output_redis form = {.mode = OUTPUT_STREAM};
    static struct output_spool spool;
    struct sink_options options = {.source = source,
                                   .patience_ns = PATIENCE_S * SECOND_NS,
                                   .redis = &form,
                                   .spool = &spool,
                                   .kinds = EVENT_ALL_KINDS,
                                   .deadline_ns = &deadline_ns};
    struct error error;
    struct sink *sink;

    spool = (struct output_spool){.directory = folder,
                                  .sync_ns = SPOOL_DEFAULT_SYNC_NS};
    sink = sink_open(server.uri, &options, &error);
    if (!sink) {
        fprintf(stderr, "%s: %s\n", error.where, error.message);
    }
    return sink;
}

static void
put(struct sink *sink, const struct event_source *source, uint64_t i)
{
    static struct json line;
    char id[EVENT_ID_SIZE];
    struct sink_event event = {.kind = EVENT_FLOW,
                               .emitted = {(int64_t)i * MICROSECOND_NS}};

    if (!line.max_bytes) {
        json_init(&line, EVENT_MAX_BYTES);
    }
    event_id_format(source, i, id);
    event_head_encode(&line, id, i, event.emitted);
    json_raw(&line, "}}", 2);
    event.line = line.data;
    event.size = line.size;
    sink->class->put(sink, &event);
}

/* For ever. */
static void
work(uint32_t run)
{
    const struct event_source source = {
        .sensor = "kill", .version = "0", .epoch = run};
    struct choices choices = choices_from_seed(run);
    struct sink *sink = open_sink(&source);
    uint64_t i = 0;

    if (!sink) {
        _exit(1);
    }
    for (;;) {
        for (unsigned n = 1 + choose(&choices, BURST); n > 0; n--) {
            put(sink, &source, ++i);
        }
        sink->class->flush(sink);
        committed[run] = i;
        usleep(PAUSE_US);
    }
}

static void
kill_one(struct choices *choices, uint32_t run)
{
    useconds_t delay = choose(choices, MAX_KILL_US);
    pid_t child = fork();
    int status;

    if (child == 0) {
        work(run);
    }
    usleep(delay);
    if (run % SERVER_KILLED_EVERY == 0) {
        redis_server_kill(&server);
        usleep(delay);
        assert_true(redis_server_restart(&server, REDIS_SERVER, everysec));
        usleep(delay);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* One run more, which only sends what is left. */
static void
drain(void)
{
    const struct event_source source = {
        .sensor = "kill", .version = "0", .epoch = UINT32_MAX};
    struct event_output status = {.up = true};
    struct sink *sink = open_sink(&source);

    assert_non_null(sink);
    sink->class->settle(sink);
    sink_status(sink, &status);
    sink->class->close(sink);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        assert_int_equal(status.kind[kind].pending, 0);
        assert_int_equal(status.kind[kind].dropped, 0);
    }
}

static const char *
field(const struct redis_reply *entry, const char *name)
{
    return redis_reply_text(redis_reply_of(redis_reply_at(entry, 1), name),
                            NULL);
}

/* The entry is the next of a run, or the first of a later one. */
static void
check_entry(const struct redis_reply *entry, uint64_t n, uint32_t *run,
            uint64_t *i, uint64_t seen[])
{
    const char *id = field(entry, "id");
    uint32_t epoch;
    uint64_t sequence;

    assert_int_equal(strtoull(field(entry, "n"), NULL, 10), n);
    assert_int_equal(strlen(id), strlen("kill-0000000f-0000000000000f"));
    epoch = (uint32_t)strtoul(id + strlen("kill-"), NULL, 16);
    sequence = strtoull(strrchr(id, '-') + 1, NULL, 16);
    if (epoch != *run) {
        assert_true(epoch > *run);
        *run = epoch;
        *i = 0;
    }
    assert_int_equal(sequence, ++*i);
    seen[*run] = sequence;
}

static struct redis_link *
open_link(void)
{
    struct redis_uri uri;
    struct error error;
    struct redis_link *link;

    assert_true(redis_uri_parse(server.uri, &uri, &error));
    link = redis_link_open(&uri, &error);
    assert_non_null(link);
    return link;
}

static uint64_t
check_stream(uint64_t seen[])
{
    struct redis_link *link = open_link();
    char from[64] = "-", count[12];
    uint64_t n = 0, i = 0;
    uint32_t run = 0;
    size_t n_got;

    snprintf(count, sizeof count, "%d", PAGE);
    do {
        struct error error;
        struct redis_reply *reply = redis_link_ask(
            link, REDIS_WORDS("XRANGE", KEY, from, "+", "COUNT", count),
            &error);

        n_got = redis_reply_n(reply);
        for (size_t k = 0; k < n_got; k++) {
            const struct redis_reply *entry = redis_reply_at(reply, k);

            check_entry(entry, ++n, &run, &i, seen);
            snprintf(from, sizeof from, "(%s",
                     redis_reply_text(redis_reply_at(entry, 0), NULL));
        }
        redis_reply_free(reply);
    } while (n_got == PAGE);
    redis_link_close(link);
    return n;
}

static void
sender_and_server_are_killed_and_all_comes_once_and_in_order(void **state)
{
    static uint64_t seen[MAX_KILLS + 1];
    const char *asked = getenv("SEGMON_KILLS");
    uint32_t n_kills = asked ? (uint32_t)strtoul(asked, NULL, 10) : N_KILLS;
    struct choices choices = choices_from_seed(20);
    uint64_t n;

    (void)state;
    assert_in_range(n_kills, 1, MAX_KILLS);
    for (uint32_t run = 1; run <= n_kills; run++) {
        kill_one(&choices, run);
    }
    drain();
    n = check_stream(seen);
    for (uint32_t run = 1; run <= n_kills; run++) {
        assert_true(seen[run] >= committed[run]);
    }
    print_message("%" PRIu64 " entries of %" PRIu32 " runs\n", n, n_kills);
    assert_true(n > n_kills);
}

static int
start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    committed = mmap(NULL, (MAX_KILLS + 1) * sizeof *committed,
                     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (committed == MAP_FAILED ||
        !redis_server_start(&server, REDIS_SERVER, everysec)) {
        return -1;
    }
    snprintf(folder, sizeof folder, "%s/spool", server.folder);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            sender_and_server_are_killed_and_all_comes_once_and_in_order),
    };

    if (REDIS_SERVER[0] == '\0') {
        puts("skipped: no redis-server");
        return 77;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
