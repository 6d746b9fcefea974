/* An output to Redis of a run that must go on, whatever the server does: what
 * waits for it meanwhile arrives, each once and in order, when it is well. */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tests/tools/output/numbered_event.h"
#include "tools/event/system_clock.h"
#include "tools/output/output.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"
#include "tools/spool/spool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    N_FEW = 500,
    PAD_BYTES = 1000,
    WAIT_S = 30
};

#define FLOW_KEY   "segmon:{lab-01}:flow"
#define STATUS_KEY "segmon:{lab-01}:status"

static const char *const durable[] = {"--appendonly", "yes", "--appendfsync",
                                      "no", NULL};
static struct redis_server server;
static struct output *output;
static char folder[128]; /* Of the spool; "": it is in memory. */
static size_t memory_bytes;
static unsigned n_put;
static struct event_output status[OUTPUT_MAX_SINKS];

static int
start_server(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    folder[0] = '\0';
    memory_bytes = 0;
    n_put = 0;
    return redis_server_start(&server, REDIS_SERVER, durable) ? 0 : -1;
}

static int
stop_server(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

static void
open_output(uint32_t epoch, int64_t patience_ns)
{
    const struct output_options options = {
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = epoch},
        .n_queues = 1,
        .queue_bytes = 64 << 20, /* So that no event is refused here. */
        .targets = {{.target = server.uri}},
        .n_targets = 1,
        .spool = {.directory = folder[0] ? folder : NULL,
                  .memory_bytes = memory_bytes,
                  .sync_ns = SPOOL_DEFAULT_SYNC_NS},
        .patience_ns = patience_ns};
    struct error error;

    output = output_new(&options, &error);
    assert_non_null(output);
}

static void
put(unsigned n)
{
    while (n-- > 0) {
        assert_true(numbered_event_put(output, EVENT_FLOW, system_clock_wall(),
                                       ++n_put, PAD_BYTES));
    }
}

static struct redis_link *
open_link(void)
{
    int64_t end_ns = system_clock_mono().ns + WAIT_S * SECOND_NS;
    struct redis_link *link = NULL;
    struct redis_uri uri;
    struct error error;

    assert_true(redis_uri_parse(server.uri, &uri, &error));
    while (!link && system_clock_mono().ns < end_ns) {
        link = redis_link_open(&uri, &error);
    }
    assert_non_null(link);
    return link;
}

/* Whatever the answer. */
static void
tell(const char *const *words)
{
    struct redis_link *link = open_link();
    struct error error;

    redis_reply_free(redis_link_ask(link, words, &error));
    redis_link_close(link);
}

/* Waits until so many are acknowledged, and the output is up or down. */
static void
wait_for(uint64_t acked, bool up)
{
    const struct timespec pause = {.tv_nsec = 10 * MILLISECOND_NS};
    int64_t end_ns = system_clock_mono().ns + WAIT_S * SECOND_NS;

    do {
        nanosleep(&pause, NULL);
        output_status(output, status);
    } while ((status[0].kind[EVENT_FLOW].acked < acked || status[0].up != up) &&
             system_clock_mono().ns < end_ns);
    assert_true(status[0].kind[EVENT_FLOW].acked >= acked);
    assert_int_equal(status[0].up, up);
}

static void
close_output(bool complete)
{
    struct error error;

    assert_int_equal(output_finish(output, status, &error), complete);
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        const struct event_counters *n = &status[0].kind[i];

        assert_int_equal(n->emitted + n->recovered + n->rewound,
                         n->acked + n->dropped + n->spooled);
        assert_int_equal(n->spooled, n->pending);
    }
}

/* The flow stream holds events 'from' to 'to', each once and in order. */
static void
expect_stream(unsigned from, unsigned to)
{
    struct redis_link *link = open_link();
    struct error error;
    struct redis_reply *reply =
        redis_link_ask(link, REDIS_WORDS("XRANGE", FLOW_KEY, "-", "+"), &error);

    assert_int_equal(redis_reply_n(reply), to - from + 1);
    for (unsigned i = from; i <= to; i++) {
        const struct redis_reply *fields =
            redis_reply_at(redis_reply_at(reply, i - from), 1);
        char text[24];

        snprintf(text, sizeof text, "\"i\":%u,", i);
        assert_non_null(strstr(
            redis_reply_text(redis_reply_of(fields, "event"), NULL), text));
        snprintf(text, sizeof text, "%u", i);
        assert_string_equal(redis_reply_text(redis_reply_of(fields, "n"), NULL),
                            text);
    }
    redis_reply_free(reply);
    redis_link_close(link);
}

/* What is wrong, and how it is put right.  All arrives in the end. */
static void
suffer(const char *const *wrong, const char *const *right, const char *error)
{
    open_output(7, 0);
    put(N_FEW);
    wait_for(N_FEW, true);
    tell(wrong);
    put(N_FEW);
    wait_for(N_FEW, false);
    assert_non_null(strstr(status[0].error.message, error));
    assert_int_equal(status[0].kind[EVENT_FLOW].dropped, 0);
    tell(right);
    wait_for(UINT64_C(2) * N_FEW, true);
}

static void
recover(void)
{
    assert_int_equal(status[0].error.code, ERROR_NONE);
    close_output(true);
    expect_stream(1, 2 * N_FEW);
}

static void
a_server_that_comes_later_gets_everything(void **state)
{
    (void)state;
    redis_server_kill(&server);
    open_output(7, 0);
    put(N_FEW);
    wait_for(0, false);
    assert_true(redis_server_restart(&server, REDIS_SERVER, durable));
    wait_for(N_FEW, true);
    close_output(true);
    expect_stream(1, N_FEW);
}

static void
a_full_server_gets_everything_when_it_has_room(void **state)
{
    (void)state;
    suffer(REDIS_WORDS("CONFIG", "SET", "maxmemory", "1mb"),
           REDIS_WORDS("CONFIG", "SET", "maxmemory", "0"), "OOM ");
    recover();
}

static void
a_replica_that_is_promoted_gets_everything(void **state)
{
    (void)state;
    suffer(REDIS_WORDS("REPLICAOF", "127.0.0.1", "1"),
           REDIS_WORDS("REPLICAOF", "NO", "ONE"), "READONLY ");
    recover();
}

static void
a_key_of_another_type_holds_events_until_it_is_gone(void **state)
{
    (void)state;
    suffer(REDIS_WORDS("SET", FLOW_KEY, "x"), REDIS_WORDS("DEL", FLOW_KEY),
           "WRONGTYPE ");
    wait_for(UINT64_C(3) * N_FEW, true); /* SET overwrote some. */
    close_output(true);
    expect_stream(1, 2 * N_FEW);
}

/* It is noticed by the next event, or when streams are looked at. */
static void
a_stream_that_is_deleted_is_sent_again_as_far_as_it_is_kept(void **state)
{
    const char *const *const ways[] = {REDIS_WORDS("FLUSHALL"),
                                       REDIS_WORDS("DEL", FLOW_KEY)};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        n_put = 0;
        open_output(7, 0);
        put(N_FEW);
        wait_for(N_FEW, true);
        tell(ways[i]);
        put(i == 0 ? N_FEW : 0);
        wait_for(N_FEW + n_put, true);
        assert_int_equal(status[0].kind[EVENT_FLOW].rewound, N_FEW);
        assert_non_null(strstr(status[0].error.message,
                               "entries that the server had acknowledged"));
        close_output(true);
        expect_stream(1, n_put);
        tell(REDIS_WORDS("FLUSHALL"));
    }
}

static bool
tells(const struct redis_reply *reply, const char *text)
{
    bool found = false;

    for (size_t i = 0; i < redis_reply_n(reply); i++) {
        const struct redis_reply *fields =
            redis_reply_at(redis_reply_at(reply, i), 1);

        found |= strstr(redis_reply_text(redis_reply_of(fields, "event"), NULL),
                        text) != NULL;
    }
    return found;
}

/* What is sent again may have to make room for what is put. */
static void
what_is_not_kept_of_a_deleted_stream_is_told(void **state)
{
    struct redis_link *link = open_link();
    struct redis_reply *reply;
    struct error error;
    uint64_t n_again;

    (void)state;
    memory_bytes = SPOOL_MIN_MEMORY_BYTES;
    open_output(7, 0);
    while (n_put < 10 * N_FEW) {
        put(N_FEW);
        wait_for(n_put, true);
    }
    tell(REDIS_WORDS("DEL", FLOW_KEY));
    put(1);
    wait_for(n_put, true);
    output_settle(output);
    output_finish(output, status, &error);
    n_again =
        status[0].kind[EVENT_FLOW].rewound - status[0].kind[EVENT_FLOW].dropped;
    assert_in_range(n_again, 1, 10 * N_FEW - 1);
    expect_stream(n_put - (unsigned)n_again, n_put);
    reply = redis_link_ask(link, REDIS_WORDS("XRANGE", STATUS_KEY, "-", "+"),
                           &error);
    assert_true(tells(
        reply, "\"gap\":{\"kind\":\"flow\",\"reason\":\"lost_by_server\""));
    redis_reply_free(reply);
    redis_link_close(link);
}

static void
a_server_that_forgot_its_sensors_is_told_again(void **state)
{
    struct redis_link *link = open_link();
    struct redis_reply *reply;
    struct error error;

    (void)state;
    open_output(7, 0);
    put(N_FEW);
    wait_for(N_FEW, true);
    tell(REDIS_WORDS("FLUSHALL"));
    put(1);
    wait_for(UINT64_C(2) * N_FEW + 1, true);
    reply = redis_link_ask(
        link, REDIS_WORDS("HGET", "segmon:sensors", "lab-01"), &error);
    assert_string_equal(redis_reply_text(reply, NULL), "00000007");
    redis_reply_free(reply);
    redis_link_close(link);
    close_output(true);
}

static void
a_server_that_hangs_sticks_nobody(void **state)
{
    int64_t end_ns = system_clock_mono().ns + WAIT_S * SECOND_NS;
    uint64_t turns;

    (void)state;
    open_output(7, 0);
    put(N_FEW);
    wait_for(N_FEW, true);
    redis_server_signal(&server, SIGSTOP);
    put(N_FEW);
    wait_for(N_FEW, false);
    for (turns = status[0].turns;
         status[0].turns < turns + 3 && system_clock_mono().ns < end_ns;) {
        wait_for(N_FEW, false);
    }
    assert_true(status[0].turns >= turns + 3);
    redis_server_signal(&server, SIGCONT);
    wait_for(UINT64_C(2) * N_FEW, true);
    close_output(true);
    expect_stream(1, 2 * N_FEW);
}

static void
a_foreign_entry_is_noticed_and_passed(void **state)
{
    (void)state;
    open_output(7, 0);
    put(N_FEW);
    wait_for(N_FEW, true);
    tell(REDIS_WORDS("XADD", FLOW_KEY, "9000000000000-5", "a", "b"));
    put(N_FEW);
    wait_for(UINT64_C(2) * N_FEW, true);
    assert_non_null(strstr(status[0].error.message, "somebody else writes"));
    close_output(true);
    tell(REDIS_WORDS("XDEL", FLOW_KEY, "9000000000000-5"));
    expect_stream(1, 2 * N_FEW);
}

/* Flows that are missing, as all events of gaps say. */
static uint64_t
told_missing(const struct redis_reply *reply)
{
    static const char gap[] =
        "\"gap\":{\"kind\":\"flow\",\"reason\":\"memory_full\",\"missing\":";
    uint64_t sum = 0;

    for (size_t i = 0; i < redis_reply_n(reply); i++) {
        const struct redis_reply *fields =
            redis_reply_at(redis_reply_at(reply, i), 1);
        const char *event =
            redis_reply_text(redis_reply_of(fields, "event"), NULL);
        const char *found = event ? strstr(event, gap) : NULL;

        sum += found ? strtoull(found + sizeof gap - 1, NULL, 10) : 0;
    }
    return sum;
}

static void
what_a_full_spool_dropped_is_told_in_its_place(void **state)
{
    struct redis_link *link;
    struct redis_reply *reply;
    struct error error;

    (void)state;
    memory_bytes = SPOOL_MIN_MEMORY_BYTES;
    open_output(7, 0);
    put(N_FEW);
    wait_for(N_FEW, true);
    redis_server_signal(&server, SIGSTOP);
    put(10 * N_FEW);
    wait_for(N_FEW, false);
    redis_server_signal(&server, SIGCONT);
    output_settle(output);
    close_output(false);
    assert_true(status[0].kind[EVENT_FLOW].dropped > N_FEW);
    link = open_link();
    reply = redis_link_ask(link, REDIS_WORDS("XRANGE", STATUS_KEY, "-", "+"),
                           &error);
    assert_int_equal(told_missing(reply), status[0].kind[EVENT_FLOW].dropped);
    redis_reply_free(reply);
    redis_link_close(link);
}

static void
what_a_server_did_not_take_is_there_for_the_next_run(void **state)
{
    int64_t start_ns;

    (void)state;
    snprintf(folder, sizeof folder, "%s/spool", server.folder);
    open_output(7, 0);
    put(N_FEW);
    wait_for(N_FEW, true);
    redis_server_signal(&server, SIGSTOP);
    put(N_FEW);
    start_ns = system_clock_mono().ns;
    output_set_deadline(output, (struct mono_time){start_ns + SECOND_NS});
    close_output(true);
    assert_true(system_clock_mono().ns - start_ns < WAIT_S * SECOND_NS);
    assert_int_equal(status[0].kind[EVENT_FLOW].pending, N_FEW);
    redis_server_signal(&server, SIGCONT);
    open_output(8, 0);
    put(N_FEW);
    wait_for(UINT64_C(2) * N_FEW, true);
    assert_int_equal(status[0].kind[EVENT_FLOW].recovered, N_FEW);
    close_output(true);
    expect_stream(1, 3 * N_FEW);
}

/* In memory, too: it is kept for a while. */
static void
a_server_that_lost_what_it_had_gets_it_again(void **state)
{
    static const char *const forgetful[] = {"--appendonly", "no", NULL};

    (void)state;
    redis_server_kill(&server);
    assert_true(redis_server_restart(&server, REDIS_SERVER, forgetful));
    open_output(7, 0);
    put(N_FEW);
    wait_for(N_FEW, true);
    redis_server_kill(&server);
    assert_true(redis_server_restart(&server, REDIS_SERVER, forgetful));
    put(N_FEW);
    wait_for(UINT64_C(3) * N_FEW, true);
    assert_int_equal(status[0].kind[EVENT_FLOW].rewound, N_FEW);
    close_output(true);
    expect_stream(1, 2 * N_FEW);
}

static void
a_folder_that_cannot_be_used_is_an_error_at_the_start(void **state)
{
    const struct output_options options = {
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = 7},
        .n_queues = 1,
        .targets = {{.target = server.uri}},
        .n_targets = 1,
        .spool = {.directory = "/dev/null/spool"}};
    struct error error;

    (void)state;
    assert_null(output_new(&options, &error));
    assert_string_equal(error.where, "/dev/null/spool");
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, start_server, stop_server)
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_comes_later_gets_everything),
        TEST(a_full_server_gets_everything_when_it_has_room),
        TEST(a_replica_that_is_promoted_gets_everything),
        TEST(a_key_of_another_type_holds_events_until_it_is_gone),
        TEST(a_stream_that_is_deleted_is_sent_again_as_far_as_it_is_kept),
        TEST(what_is_not_kept_of_a_deleted_stream_is_told),
        TEST(a_server_that_forgot_its_sensors_is_told_again),
        TEST(a_server_that_hangs_sticks_nobody),
        TEST(a_foreign_entry_is_noticed_and_passed),
        TEST(what_a_full_spool_dropped_is_told_in_its_place),
        TEST(what_a_server_did_not_take_is_there_for_the_next_run),
        TEST(a_server_that_lost_what_it_had_gets_it_again),
        TEST(a_folder_that_cannot_be_used_is_an_error_at_the_start),
    };
#undef TEST

    if (REDIS_SERVER[0] == '\0') {
        puts("skipped: no redis-server");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
