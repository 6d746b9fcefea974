/* sink_redis.c, against a real redis-server that is killed, stopped, filled
 * and locked */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tests/tools/event/fixed_policy.h"
#include "tests/tools/output/numbered_event.h"
#include "tools/output/output.h"
#include "tools/redis/redis_state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

enum {
    N_EVENTS = 20000,
    N_FLOWS = N_EVENTS / 10 * 9, /* The others are violations. */
    PAD_BYTES = 300
};

#define FLOW_KEY  "segmon:{lab-01}:flow"
#define STATE_KEY "segmon:{lab-01}:state"

/* With "everysec" the server puts a write off while a sync is slow, and says it
 * is done: a kill would lose it.  What it handed to the system survives. */
static const char *const durable[] = {"--appendonly", "yes", "--appendfsync",
                                      "no", NULL};

static struct redis_server server;
static char path[] = "/tmp/segmon-redis-lines-XXXXXX";

static int
require_server(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return close(mkstemp(path));
}

static int
remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static int
stop_server(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

static int
start_durable(void **state)
{
    (void)state;
    return redis_server_start(&server, REDIS_SERVER, durable) ? 0 : -1;
}

static int
start_locked(void **state)
{
    static const char *const locked[] = {"--requirepass", "s3cret", NULL};

    (void)state;
    return redis_server_start(&server, REDIS_SERVER, locked) ? 0 : -1;
}

static int
start_small(void **state)
{
    static const char *const small[] = {
        "--maxmemory", "3mb", "--maxmemory-policy", "noeviction", NULL};

    (void)state;
    return redis_server_start(&server, REDIS_SERVER, small) ? 0 : -1;
}

static struct output *
open_output(int64_t patience_ns, const char *password, struct error *error)
{
    const struct output_options options = {
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = 7},
        .n_queues = 1,
        .blocking = true,
        .targets = {{.target = server.uri}, {.target = path}},
        .n_targets = 2,
        .patience_ns = patience_ns,
        .redis_password = password};

    return output_new(&options, error);
}

static void
put(struct output *output, unsigned i)
{
    numbered_event_put(output, i % 10 ? EVENT_FLOW : EVENT_VIOLATION,
                       (struct wall_time){i * MILLISECOND_NS / 4}, i,
                       PAD_BYTES);
}

static redisReply *
command(const char *text)
{
    redisContext *context = redisConnectUnix(server.socket);
    redisReply *reply;

    assert_non_null(context);
    assert_int_equal(context->err, 0);
    reply = redisCommand(context, text);
    assert_non_null(reply);
    redisFree(context);
    return reply;
}

static void
run(const char *text)
{
    freeReplyObject(command(text));
}

/* The flow stream holds the file's flow lines, each once and in order. */
static void
expect_stream_equals_file(size_t n_before)
{
    redisReply *reply = command("XRANGE " FLOW_KEY " - +");
    FILE *file = fopen(path, "r");
    char line[1024];
    size_t n = n_before;

    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    while (fgets(line, sizeof line, file)) {
        const redisReply *fields;

        if (strstr(line, "\"i\":") == NULL || strstr(line, "0,\"pad\"")) {
            continue; /* A violation: i is a multiple of 10. */
        }
        assert_true(n < reply->elements);
        fields = reply->element[n++]->element[1];
        assert_int_equal(fields->elements, 12);
        assert_string_equal(fields->element[0]->str, "event");
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(fields->element[1]->str, line);
        assert_string_equal(fields->element[3]->str, "flow");
        assert_non_null(strstr(line, fields->element[7]->str));
    }
    assert_int_equal(n, reply->elements);
    fclose(file);
    freeReplyObject(reply);
}

static int64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void
expect_sum(const struct event_output *status)
{
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        assert_int_equal(status->kind[i].emitted,
                         status->kind[i].acked + status->kind[i].dropped);
        assert_int_equal(status->kind[i].spooled, 0);
    }
}

static void
entries_equal_lines_and_a_second_run_continues(void **state)
{
    struct error error;

    (void)state;
    for (unsigned run_number = 0; run_number < 2; run_number++) {
        struct output *output = open_output(0, NULL, &error);

        assert_non_null(output);
        for (unsigned i = 0; i < N_EVENTS; i++) {
            put(output, i);
        }
        assert_true(output_finish(output, NULL, &error));
        expect_stream_equals_file((size_t)run_number * N_FLOWS);
    }
}

static void
a_killed_server_that_returns_misses_and_repeats_nothing(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;
    struct output *output = open_output(0, NULL, &error);

    (void)state;
    assert_non_null(output);
    for (unsigned i = 0; i < 3 * N_EVENTS; i++) {
        put(output, i);
        if (i % N_EVENTS == N_EVENTS / 2) {
            redis_server_kill(&server);
            assert_true(redis_server_restart(&server, REDIS_SERVER, durable));
        }
    }
    assert_true(output_finish(output, status, &error));
    expect_sum(&status[0]);
    expect_stream_equals_file(0);
}

static void
a_dead_server_is_a_counted_loss_and_no_hang(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    int64_t start_ns = now_ns();
    struct error error;
    struct output *output = open_output(SECOND_NS, NULL, &error);

    (void)state;
    assert_non_null(output);
    for (unsigned i = 0; i < N_EVENTS; i++) {
        put(output, i);
        if (i == N_EVENTS / 2) {
            redis_server_kill(&server);
        }
    }
    assert_false(output_finish(output, status, &error));
    assert_true(now_ns() - start_ns < 5 * SECOND_NS);
    expect_sum(&status[0]);
    assert_true(status[0].kind[EVENT_FLOW].dropped > 0);
    assert_int_equal(status[1].kind[EVENT_FLOW].dropped, 0);
    assert_non_null(strstr(error.where, server.socket));
}

static void
a_stopped_server_is_waited_for_and_resumes(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    const struct timespec pause = {.tv_sec = 3};
    struct error error;
    struct output *output = open_output(0, NULL, &error);

    (void)state;
    assert_non_null(output);
    for (unsigned i = 0; i < 1000; i++) {
        put(output, i);
        if (i == 500) {
            redis_server_signal(&server, SIGSTOP);
        }
    }
    nanosleep(&pause, NULL); /* Longer than one reply may take. */
    redis_server_signal(&server, SIGCONT);
    assert_true(output_finish(output, status, &error));
    expect_sum(&status[0]);
    expect_stream_equals_file(0);
}

static void
a_server_that_stays_stopped_is_given_up(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    int64_t start_ns = now_ns();
    struct error error;
    struct output *output = open_output(SECOND_NS, NULL, &error);

    (void)state;
    assert_non_null(output);
    redis_server_signal(&server, SIGSTOP);
    for (unsigned i = 0; i < 1000; i++) {
        put(output, i);
    }
    assert_false(output_finish(output, status, &error));
    redis_server_signal(&server, SIGCONT);
    assert_true(now_ns() - start_ns < 8 * SECOND_NS);
    expect_sum(&status[0]);
    assert_non_null(strstr(error.message, "no answer in time"));
}

static void
a_password_is_needed_where_one_is_set(void **state)
{
    struct output *output;
    struct error error;

    (void)state;
    assert_null(open_output(0, NULL, &error));
    assert_non_null(strstr(error.message, "NOAUTH"));
    assert_null(open_output(0, "wrong", &error));
    assert_non_null(strstr(error.message, "WRONGPASS"));
    assert_null(strstr(error.message, "wrong "));
    output = open_output(0, "s3cret", &error);
    assert_non_null(output);
    put(output, 1);
    assert_true(output_finish(output, NULL, &error));
}

static void
a_key_of_another_type_is_an_error_at_the_start(void **state)
{
    struct error error;

    (void)state;
    run("SET " FLOW_KEY " x");
    assert_null(open_output(0, NULL, &error));
    assert_non_null(strstr(error.message, "WRONGTYPE"));
    assert_non_null(strstr(error.message, FLOW_KEY));
}

static void
a_key_that_changes_its_type_is_a_counted_loss(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;
    struct output *output = open_output(0, NULL, &error);

    (void)state;
    assert_non_null(output);
    run("SET " FLOW_KEY " x");
    for (unsigned i = 0; i < 100; i++) {
        put(output, i);
    }
    assert_false(output_finish(output, status, &error));
    expect_sum(&status[0]);
    assert_int_equal(status[0].kind[EVENT_FLOW].dropped, 90);
    assert_int_equal(status[0].kind[EVENT_VIOLATION].acked, 10);
    assert_non_null(strstr(error.message, "WRONGTYPE"));
}

static void
a_full_server_is_a_counted_loss(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;
    struct output *output = open_output(SECOND_NS, NULL, &error);

    (void)state;
    assert_non_null(output);
    for (unsigned i = 0; i < N_EVENTS; i++) {
        put(output, i);
    }
    assert_false(output_finish(output, status, &error));
    expect_sum(&status[0]);
    assert_true(status[0].kind[EVENT_FLOW].acked > 0);
    assert_true(status[0].kind[EVENT_FLOW].dropped > 0);
    assert_non_null(strstr(error.message, "OOM"));
}

static void
a_foreign_producer_is_noticed_and_passed(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;
    struct output *output = open_output(0, NULL, &error);

    (void)state;
    assert_non_null(output);
    run("XADD " FLOW_KEY " 9000000000000-5 a b");
    for (unsigned i = 0; i < 100; i++) {
        put(output, i);
    }
    assert_true(output_finish(output, status, &error));
    expect_sum(&status[0]);
    assert_int_equal(status[0].kind[EVENT_FLOW].acked, 90);
    assert_int_equal(status[0].error.code, ERROR_SYSTEM);
    expect_stream_equals_file(1);
}

static void
put_state(struct output *output)
{
    static const struct event_source source = {
        .sensor = "lab-01", .version = "0.1.0", .epoch = 7};
    const struct event_status status = {.policy = fixed_policy()};
    const struct redis_state_facts facts = {
        .source = &source, .status = &status, .interval_s = 100};
    struct redis_state state;

    redis_state_init(&state);
    assert_true(redis_state_encode(&state, &facts));
    output_put_state(output, &state);
    redis_state_done(&state);
}

static bool
exists(const char *key)
{
    char text[100];
    redisReply *reply;
    bool found;

    snprintf(text, sizeof text, "EXISTS %s", key);
    reply = command(text);
    found = reply->integer == 1;
    freeReplyObject(reply);
    return found;
}

/* A server that has just loaded may have held a kind of which nothing waits. */
static void
wait_until_up(struct output *output)
{
    const struct timespec pause = {.tv_nsec = 10 * MILLISECOND_NS};
    int64_t end_ns = now_ns() + 30 * SECOND_NS;
    struct event_output status[OUTPUT_MAX_SINKS];

    output_settle(output);
    do {
        nanosleep(&pause, NULL);
        output_status(output, status);
    } while (!status[0].up && now_ns() < end_ns);
}

static void
the_state_goes_between_events_and_disturbs_none(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;
    struct output *output = open_output(0, NULL, &error);

    (void)state;
    assert_non_null(output);
    for (unsigned i = 0; i < 3 * N_EVENTS; i++) {
        put(output, i);
        if (i % 1000 == 0) {
            put_state(output);
        }
        if (i % N_EVENTS == N_EVENTS / 2) {
            redis_server_kill(&server);
            assert_true(redis_server_restart(&server, REDIS_SERVER, durable));
        }
    }
    put_state(output);
    wait_until_up(output);
    assert_true(output_finish(output, status, &error));
    expect_sum(&status[0]);
    assert_int_equal(status[0].error.code, ERROR_NONE);
    expect_stream_equals_file(0);
    assert_true(exists(STATE_KEY));
}

/* No event tells that the server is back. */
static void
the_state_finds_a_server_that_returns(void **state)
{
    const struct timespec pause = {.tv_nsec = 20 * MILLISECOND_NS};
    struct error error;
    struct output *output = open_output(0, NULL, &error);
    bool found = false;

    (void)state;
    assert_non_null(output);
    put_state(output);
    redis_server_kill(&server);
    put_state(output);
    output_settle(output);
    assert_true(redis_server_restart(&server, REDIS_SERVER, durable));
    run("DEL " STATE_KEY);
    for (int64_t end = now_ns() + 10 * SECOND_NS; !found && now_ns() < end;) {
        put_state(output);
        output_settle(output);
        nanosleep(&pause, NULL);
        found = exists(STATE_KEY);
    }
    assert_true(found);
    assert_true(output_finish(output, NULL, &error));
}

/* And one that would never expire is not left there. */
static void
a_state_that_is_refused_is_told_and_events_go_on(void **state)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;
    struct output *output = open_output(0, NULL, &error);

    (void)state;
    assert_non_null(output);
    put_state(output);
    for (unsigned i = 0; i < 100; i++) {
        put(output, i);
    }
    assert_true(output_finish(output, status, &error));
    expect_sum(&status[0]);
    assert_int_equal(status[0].kind[EVENT_FLOW].acked, 90);
    assert_non_null(strstr(status[0].error.message, "state: ERR unknown"));
    assert_false(exists(STATE_KEY));
}

static int
start_without_expire(void **state)
{
    static const char *const renamed[] = {"--rename-command", "EXPIRE", "",
                                          NULL};

    (void)state;
    return redis_server_start(&server, REDIS_SERVER, renamed) ? 0 : -1;
}

int
main(void)
{
#define WITH(start, test)                                                      \
    cmocka_unit_test_setup_teardown(test, start, stop_server)
    const struct CMUnitTest tests[] = {
        WITH(start_durable, entries_equal_lines_and_a_second_run_continues),
        WITH(start_durable,
             a_killed_server_that_returns_misses_and_repeats_nothing),
        WITH(start_durable, a_dead_server_is_a_counted_loss_and_no_hang),
        WITH(start_durable, a_stopped_server_is_waited_for_and_resumes),
        WITH(start_durable, a_server_that_stays_stopped_is_given_up),
        WITH(start_locked, a_password_is_needed_where_one_is_set),
        WITH(start_durable, a_key_of_another_type_is_an_error_at_the_start),
        WITH(start_durable, a_key_that_changes_its_type_is_a_counted_loss),
        WITH(start_small, a_full_server_is_a_counted_loss),
        WITH(start_durable, a_foreign_producer_is_noticed_and_passed),
        WITH(start_durable, the_state_goes_between_events_and_disturbs_none),
        WITH(start_durable, the_state_finds_a_server_that_returns),
        WITH(start_without_expire,
             a_state_that_is_refused_is_told_and_events_go_on),
    };

    if (REDIS_SERVER[0] == '\0') {
        fprintf(stderr, "skipped: no redis-server on this machine\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, require_server, remove_path);
}
