/* An output to Redis whose disk hangs: whoever puts events does not wait for
 * it, and none is refused.
 *
 * A sync hangs from when it comes by a failpoint until the test lets it go on.
 * So nothing here depends on how long anything takes, but for the time after
 * which what never happens is called that. */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tests/tools/output/numbered_event.h"
#include "tools/event/system_clock.h"
#include "tools/output/output.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"
#include "tools/spool/spool.h"
#include "tools/spool/spool_failpoint.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    N_BURSTS = 60,
    BURST = 100, /* Of which a queue takes one, and not all. */
    PAD_BYTES = 1000,
    WAIT_S = 60
};

#define FLOW_KEY "segmon:{lab-01}:flow"

static struct redis_server server;
static struct output *output;
static char folder[128];
static unsigned n_put;
static struct event_output status[OUTPUT_MAX_SINKS];

/* The disk. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hangs, is_hanging;
static int reason; /* Why it fails after that; 0: it does not. */

int
spool_failpoint(const char *name)
{
    int result = 0;

    if (strcmp(name, "sync segment") == 0) {
        pthread_mutex_lock(&mutex);
        while (hangs) {
            is_hanging = true;
            pthread_cond_broadcast(&changed);
            pthread_cond_wait(&changed, &mutex);
        }
        is_hanging = false;
        result = reason;
        pthread_mutex_unlock(&mutex);
    }
    return result;
}

static void
hang(bool yes, int then)
{
    pthread_mutex_lock(&mutex);
    hangs = yes;
    reason = then;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void
wait_until_it_hangs(void)
{
    pthread_mutex_lock(&mutex);
    while (!is_hanging) {
        pthread_cond_wait(&changed, &mutex);
    }
    pthread_mutex_unlock(&mutex);
}

static int
start_server(void **state)
{
    static const char *const plain[] = {"--appendonly", "yes", NULL};

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    n_put = 0;
    hang(false, 0);
    if (!redis_server_start(&server, REDIS_SERVER, plain)) {
        return -1;
    }
    snprintf(folder, sizeof folder, "%s/spool", server.folder);
    return 0;
}

static int
stop_server(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

static void
open_output(uint32_t epoch, int64_t sync_ns)
{
    const struct output_options options = {
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = epoch},
        .n_queues = 1,
        .queue_bytes = 1, /* As small as can be. */
        .targets = {{.target = server.uri}},
        .n_targets = 1,
        .spool = {.directory = folder, .sync_ns = sync_ns}};
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

static void
wait_for(bool (*is_so)(void))
{
    const struct timespec pause = {.tv_nsec = 2 * MILLISECOND_NS};
    int64_t end_ns = system_clock_mono().ns + WAIT_S * SECOND_NS;

    output_status(output, status);
    while (!is_so() && system_clock_mono().ns < end_ns) {
        nanosleep(&pause, NULL);
        output_status(output, status);
    }
    assert_true(is_so());
}

static bool
all_is_taken(void)
{
    const struct event_counters *flows = &status[0].kind[EVENT_FLOW];

    return flows->acked + flows->pending == n_put + flows->recovered;
}

static bool
all_is_acked(void)
{
    return status[0].kind[EVENT_FLOW].acked == n_put;
}

static bool
disk_is_down(void)
{
    return !status[0].spool.is_up;
}

/* Many times as many as the queue takes, while the disk does nothing. */
static void
put_many(void)
{
    for (unsigned i = 0; i < N_BURSTS; i++) {
        put(BURST);
        wait_for(all_is_taken);
    }
}

static void
begin_to_hang(void)
{
    hang(true, 0);
    put(BURST);
    wait_until_it_hangs();
    wait_for(all_is_taken);
}

static void
close_output(bool complete)
{
    struct error error;

    assert_int_equal(output_finish(output, status, &error), complete);
    assert_int_equal(status[0].kind[EVENT_FLOW].refused, 0);
    assert_int_equal(status[0].kind[EVENT_FLOW].dropped, 0);
}

/* All that was put, each once and in order. */
static void
expect_all(void)
{
    struct redis_uri uri;
    struct error error;
    struct redis_link *link;
    struct redis_reply *reply;

    assert_true(redis_uri_parse(server.uri, &uri, &error));
    link = redis_link_open(&uri, &error);
    assert_non_null(link);
    reply =
        redis_link_ask(link, REDIS_WORDS("XRANGE", FLOW_KEY, "-", "+"), &error);
    assert_int_equal(redis_reply_n(reply), n_put);
    for (unsigned i = 0; i < n_put; i++) {
        const struct redis_reply *fields =
            redis_reply_at(redis_reply_at(reply, i), 1);
        char text[24];

        snprintf(text, sizeof text, "\"i\":%u,", i + 1);
        assert_non_null(strstr(
            redis_reply_text(redis_reply_of(fields, "event"), NULL), text));
    }
    redis_reply_free(reply);
    redis_link_close(link);
}

static void
events_go_on_to_the_server_while_the_disk_hangs(void **state)
{
    (void)state;
    open_output(7, MILLISECOND_NS);
    begin_to_hang();
    put_many();
    wait_for(all_is_acked);
    hang(false, 0);
    close_output(true);
    expect_all();
}

static void
events_that_must_be_synced_first_wait_where_nobody_else_does(void **state)
{
    uint64_t n_before;

    (void)state;
    open_output(7, 0);
    put(BURST);
    wait_for(all_is_acked);
    begin_to_hang();
    put_many();
    n_before = status[0].kind[EVENT_FLOW].acked;
    assert_true(n_before <
                UINT64_C(3) * BURST); /* What was synced before it hung. */
    hang(false, 0);
    wait_for(all_is_acked);
    close_output(true);
    expect_all();
}

static void
a_sync_that_hangs_and_fails_costs_nothing_and_is_told(void **state)
{
    (void)state;
    open_output(7, 0);
    begin_to_hang();
    put_many();
    hang(false, EIO);
    wait_for(disk_is_down);
    assert_int_equal(status[0].spool.troubles, 1);
    assert_non_null(strstr(status[0].spool.error.message, "synced"));
    wait_for(all_is_acked); /* By memory: no disk is waited for that fails. */
    hang(false, 0);
    close_output(true);
    expect_all();
}

/* When the end has come to it, as a rule; else it is none of this test. */
static void *
end_to_hang(void *context)
{
    const struct timespec pause = {.tv_nsec = 200 * MILLISECOND_NS};

    (void)context;
    nanosleep(&pause, NULL);
    hang(false, 0);
    return NULL;
}

static void
what_waits_while_the_disk_hangs_and_the_end_comes_is_sent_by_the_next(
    void **state)
{
    static const char *const plain[] = {"--appendonly", "yes", NULL};
    pthread_t thread;

    (void)state;
    open_output(7, MILLISECOND_NS);
    redis_server_kill(&server);
    begin_to_hang();
    put_many();
    output_set_deadline(output, system_clock_mono());
    assert_int_equal(pthread_create(&thread, NULL, end_to_hang, NULL), 0);
    close_output(true);
    pthread_join(thread, NULL);
    assert_int_equal(status[0].kind[EVENT_FLOW].spooled, n_put);
    assert_true(redis_server_restart(&server, REDIS_SERVER, plain));
    open_output(8, MILLISECOND_NS);
    wait_for(all_is_acked);
    close_output(true);
    expect_all();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            events_go_on_to_the_server_while_the_disk_hangs, start_server,
            stop_server),
        cmocka_unit_test_setup_teardown(
            events_that_must_be_synced_first_wait_where_nobody_else_does,
            start_server, stop_server),
        cmocka_unit_test_setup_teardown(
            a_sync_that_hangs_and_fails_costs_nothing_and_is_told, start_server,
            stop_server),
        cmocka_unit_test_setup_teardown(
            what_waits_while_the_disk_hangs_and_the_end_comes_is_sent_by_the_next,
            start_server, stop_server),
    };

    if (REDIS_SERVER[0] == '\0') {
        print_message("skipped: no redis-server\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
