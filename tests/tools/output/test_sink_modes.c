/* sink_redis.c as a list and as a channel, against a real redis-server, with
 * readers that take events as log shippers do */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tests/tools/output/numbered_event.h"
#include "tools/output/output.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>

enum {
    N_EVENTS = 2000,
    PAD_BYTES = 100,
    MOST = 150, /* Of a bounded list; no multiple of a batch. */
    PATIENCE_S = 30
};

static const char *const durable[] = {"--appendonly", "yes", "--appendfsync",
                                      "no", NULL};
static struct redis_server server;
static redisContext *reader;

static int
start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (!redis_server_start(&server, REDIS_SERVER, durable)) {
        return -1;
    }
    reader = redisConnectUnix(server.socket);
    return reader && !reader->err ? 0 : -1;
}

static int
stop(void **state)
{
    (void)state;
    redisFree(reader);
    redis_server_stop(&server);
    return 0;
}

static void
restart_server(void)
{
    redisFree(reader);
    redis_server_kill(&server);
    assert_true(redis_server_restart(&server, REDIS_SERVER, durable));
    reader = redisConnectUnix(server.socket);
    assert_non_null(reader);
}

static redisReply *
ask(const char *command)
{
    redisReply *reply = redisCommand(reader, command);

    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    return reply;
}

static long long
number(const char *command)
{
    redisReply *reply = ask(command);
    long long value = reply->integer;

    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    freeReplyObject(reply);
    return value;
}

static struct output *
open_with(bool blocking, size_t n, const struct output_redis *forms,
          const unsigned *kinds)
{
    struct output_options options = {
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = 7},
        .n_queues = 1,
        .blocking = blocking,
        .n_targets = n};
    struct error error;
    struct output *output;

    for (size_t i = 0; i < n; i++) {
        options.targets[i] =
            (struct output_target){.target = server.uri,
                                   .kinds = kinds ? kinds[i] : 0,
                                   .redis = forms[i]};
    }
    output = output_new(&options, &error);
    if (!output) {
        fail_msg("%s", error.message);
    }
    return output;
}

static struct output *
open_one(bool blocking, struct output_redis form)
{
    return open_with(blocking, 1, &form, NULL);
}

static void
put_kind(struct output *output, enum event_kind kind, unsigned i)
{
    numbered_event_put(output, kind, (struct wall_time){i * MILLISECOND_NS}, i,
                       PAD_BYTES);
}

static void
put(struct output *output, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        put_kind(output, EVENT_FLOW, i);
    }
}

static void
sleep_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};

    nanosleep(&pause, NULL);
}

/* Until a status is as a test wants it. */
static struct event_output
wait_until(struct output *output, bool is_so(const struct event_output *))
{
    struct event_output outputs[OUTPUT_MAX_SINKS];

    for (unsigned i = 0; i < PATIENCE_S * 50; i++) {
        output_status(output, outputs);
        if (is_so(&outputs[0])) {
            return outputs[0];
        }
        sleep_ms(20);
    }
    fail_msg("acked %llu, dropped %llu, pending %llu, up %d: %s",
             (unsigned long long)outputs[0].kind[EVENT_FLOW].acked,
             (unsigned long long)outputs[0].kind[EVENT_FLOW].dropped,
             (unsigned long long)outputs[0].kind[EVENT_FLOW].pending,
             outputs[0].up, outputs[0].error.message);
    return outputs[0];
}

static uint64_t
all(const struct event_counters *counters)
{
    return counters->acked + counters->dropped;
}

static bool
is_settled(const struct event_output *status)
{
    return all(&status->kind[EVENT_FLOW]) == status->kind[EVENT_FLOW].emitted &&
           status->kind[EVENT_FLOW].emitted > 0;
}

static bool
is_down(const struct event_output *status)
{
    return !status->up;
}

static bool
has_dropped(const struct event_output *status)
{
    return status->kind[EVENT_FLOW].dropped > 0;
}

static bool
is_up(const struct event_output *status)
{
    return status->up;
}

static unsigned
number_of(const char *line)
{
    const char *found = strstr(line, "\"i\":");

    assert_non_null(found);
    return (unsigned)strtoul(found + strlen("\"i\":"), NULL, 10);
}

/* The elements are events 'from' to 'to', in order. */
static void
expect_events(const redisReply *list, unsigned from, unsigned to)
{
    assert_int_equal(list->type, REDIS_REPLY_ARRAY);
    assert_int_equal(list->elements, to - from);
    for (size_t i = 0; i < list->elements; i++) {
        assert_int_equal(number_of(list->element[i]->str), from + i);
        assert_null(strchr(list->element[i]->str, '\n'));
    }
}

static void
expect_list(const char *command, unsigned from, unsigned to)
{
    redisReply *list = ask(command);

    expect_events(list, from, to);
    freeReplyObject(list);
}

static void
a_list_is_taken_first_in_first_out(void **state)
{
    struct output *output = open_one(
        true, (struct output_redis){.mode = OUTPUT_LIST, .key = "l:{type}"});
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;

    (void)state;
    put(output, 0, N_EVENTS);
    assert_true(output_finish(output, status, &error));
    assert_string_equal(status[0].mode, "list");
    assert_int_equal(status[0].kind[EVENT_FLOW].acked, N_EVENTS);
    for (unsigned i = 0; i < 10; i++) {
        redisReply *one = ask("BLPOP l:flow 1");

        assert_int_equal(one->elements, 2);
        assert_int_equal(number_of(one->element[1]->str), i);
        freeReplyObject(one);
    }
    /* Logstash takes pieces like this, in a script. */
    for (unsigned i = 10; i < 510; i += 125) {
        expect_list("LRANGE l:flow 0 124", i, i + 125);
        freeReplyObject(ask("LTRIM l:flow 125 -1"));
    }
    expect_list("LRANGE l:flow 0 -1", 510, N_EVENTS);
}

/* Whatever is there twice was there before, and nothing is missing. */
static void
a_killed_server_misses_nothing_of_a_list(void **state)
{
    struct output *output =
        open_one(true, (struct output_redis){.mode = OUTPUT_LIST, .key = "l"});
    struct error error;
    redisReply *list;
    unsigned next = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        put(output, i * N_EVENTS, (i + 1) * N_EVENTS);
        if (i < 3) {
            restart_server();
        }
    }
    assert_true(output_finish(output, NULL, &error));
    list = ask("LRANGE l 0 -1");
    for (size_t i = 0; i < list->elements; i++) {
        unsigned seen = number_of(list->element[i]->str);

        assert_true(seen <= next);
        next += seen == next;
    }
    assert_int_equal(next, 4 * N_EVENTS);
    freeReplyObject(list);
}

static void
the_oldest_give_way_in_a_list_that_is_cut(void **state)
{
    struct output *output = open_one(
        true, (struct output_redis){.mode = OUTPUT_LIST,
                                    .key = "l",
                                    .max_length = MOST,
                                    .when_full = OUTPUT_FULL_DROP_OLDEST});
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;

    (void)state;
    put(output, 0, N_EVENTS);
    assert_true(output_finish(output, status, &error));
    expect_list("LRANGE l 0 -1", N_EVENTS - MOST, N_EVENTS);
    assert_int_equal(status[0].kind[EVENT_FLOW].acked, N_EVENTS);
    assert_int_equal(status[0].server.trimmed, N_EVENTS - MOST);
}

static void
the_newest_give_way_until_somebody_takes_some(void **state)
{
    struct output *output = open_one(
        false, (struct output_redis){.mode = OUTPUT_LIST,
                                     .key = "l",
                                     .max_length = MOST,
                                     .when_full = OUTPUT_FULL_DROP_NEW});
    struct event_output status;
    struct error error;

    (void)state;
    put(output, 0, 1000);
    status = wait_until(output, is_settled);
    assert_true(status.up);
    assert_int_equal(status.kind[EVENT_FLOW].acked, MOST);
    assert_int_equal(status.kind[EVENT_FLOW].lost[EVENT_LOSS_LIST_FULL],
                     1000 - MOST);
    assert_int_equal(status.kind[EVENT_FLOW].dropped, 1000 - MOST);
    assert_non_null(strstr(status.error.message, "the list is full"));
    expect_list("LRANGE l 0 -1", 0, MOST);
    freeReplyObject(ask("LTRIM l 100 -1"));
    put(output, 1000, 1020);
    status = wait_until(output, is_settled);
    assert_int_equal(status.kind[EVENT_FLOW].acked, MOST + 20);
    assert_int_equal(number("LLEN l"), MOST - 100 + 20);
    assert_false(output_finish(output, NULL, &error));
}

static void
events_wait_for_room_and_come_in_order(void **state)
{
    struct output *output = open_one(
        false, (struct output_redis){
                   .mode = OUTPUT_LIST, .key = "l", .max_length = MOST});
    struct event_output status;
    struct error error;
    unsigned n_taken = 0;

    (void)state;
    put(output, 0, 1000);
    status = wait_until(output, is_down);
    assert_non_null(strstr(status.error.message, "the list is full"));
    assert_int_equal(status.kind[EVENT_FLOW].dropped, 0);
    while (n_taken < 1000) {
        redisReply *one = ask("BLPOP l 30");

        assert_int_equal(one->type, REDIS_REPLY_ARRAY);
        assert_int_equal(number_of(one->element[1]->str), n_taken++);
        freeReplyObject(one);
        if (n_taken % 50 == 0) {
            assert_true(number("LLEN l") <= MOST);
        }
    }
    wait_until(output, is_settled);
    wait_until(output, is_up);
    assert_true(output_finish(output, NULL, &error));
    assert_int_equal(number("LLEN l"), 0);
}

static void
kinds_with_one_key_share_the_room(void **state)
{
    struct output *output = open_one(
        false, (struct output_redis){.mode = OUTPUT_LIST,
                                     .key = "l",
                                     .max_length = MOST,
                                     .when_full = OUTPUT_FULL_DROP_NEW});
    struct error error;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        put_kind(output, i % 2 ? EVENT_FLOW : EVENT_VIOLATION, i);
    }
    wait_until(output, is_settled);
    assert_int_equal(number("LLEN l"), MOST);
    output_finish(output, NULL, &error);
}

static void
a_server_that_is_full_gets_its_list_later(void **state)
{
    struct output *output =
        open_one(false, (struct output_redis){.mode = OUTPUT_LIST, .key = "l"});
    struct event_output status;
    struct error error;

    (void)state;
    freeReplyObject(ask("CONFIG SET maxmemory 1"));
    put(output, 0, 500);
    status = wait_until(output, is_down);
    assert_non_null(strstr(status.error.message, "OOM"));
    assert_true(status.server.errors[EVENT_SERVER_LATER] > 0);
    assert_int_equal(number("LLEN l"), 0);
    freeReplyObject(ask("CONFIG SET maxmemory 0"));
    wait_until(output, is_settled);
    assert_true(output_finish(output, NULL, &error));
    expect_list("LRANGE l 0 -1", 0, 500);
}

static void
a_key_that_is_no_list_is_told(void **state)
{
    struct output *output = open_one(
        false, (struct output_redis){
                   .mode = OUTPUT_LIST, .key = "l", .max_length = MOST});
    struct event_output status;
    struct error error;

    (void)state;
    freeReplyObject(ask("SET l x"));
    put(output, 0, 10);
    status = wait_until(output, is_down);
    assert_non_null(strstr(status.error.message, "WRONGTYPE"));
    freeReplyObject(ask("DEL l"));
    wait_until(output, is_settled);
    assert_true(output_finish(output, NULL, &error));
    expect_list("LRANGE l 0 -1", 0, 10);
}

static void
nobody_has_to_listen_to_a_channel(void **state)
{
    struct output *output = open_one(
        true, (struct output_redis){.mode = OUTPUT_CHANNEL, .key = "c"});
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;

    (void)state;
    put(output, 0, N_EVENTS);
    assert_true(output_finish(output, status, &error));
    assert_string_equal(status[0].mode, "channel");
    assert_int_equal(status[0].kind[EVENT_FLOW].acked, N_EVENTS);
    assert_int_equal(status[0].server.unheard, N_EVENTS);
    assert_int_equal(status[0].server.receivers, 0);
    assert_int_equal(number("DBSIZE"), 0);
}

static void
who_listens_to_a_channel_hears_all_in_order(void **state)
{
    struct output *output = open_one(
        true, (struct output_redis){.mode = OUTPUT_CHANNEL, .key = "c"});
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;

    (void)state;
    freeReplyObject(ask("SUBSCRIBE c"));
    put(output, 0, N_EVENTS);
    for (unsigned i = 0; i < N_EVENTS; i++) {
        void *message = NULL;
        const redisReply *parts;

        assert_int_equal(redisGetReply(reader, &message), REDIS_OK);
        parts = message;
        assert_string_equal(parts->element[1]->str, "c");
        assert_int_equal(number_of(parts->element[2]->str), i);
        freeReplyObject(message);
    }
    assert_true(output_finish(output, status, &error));
    assert_int_equal(status[0].server.receivers, 1);
    assert_int_equal(status[0].server.unheard, 0);
}

static void
nothing_waits_for_a_channel_whose_server_is_away(void **state)
{
    struct output *output = open_one(
        false, (struct output_redis){.mode = OUTPUT_CHANNEL, .key = "c"});
    struct event_output status;
    struct error error;

    (void)state;
    put(output, 0, 100);
    wait_until(output, is_settled);
    redis_server_kill(&server);
    put(output, 100, 200);
    wait_until(output, has_dropped);
    status = wait_until(output, is_settled);
    assert_int_equal(status.kind[EVENT_FLOW].lost[EVENT_LOSS_NO_SERVER],
                     status.kind[EVENT_FLOW].dropped);
    restart_server();
    wait_until(output, is_up);
    put(output, 200, 300);
    status = wait_until(output, is_settled);
    assert_true(status.kind[EVENT_FLOW].acked >= 200);
    assert_true(status.server.connections >= 2);
    assert_false(output_finish(output, NULL, &error));
}

static void
outputs_side_by_side_have_each_what_they_are_for(void **state)
{
    static const struct output_redis forms[] = {
        {.key = "s:{type}", .field = "body", .max_length = 100},
        {.mode = OUTPUT_LIST, .key = "l:{sensor}"},
        {.mode = OUTPUT_CHANNEL, .key = "live"},
        {.mode = OUTPUT_STREAM}};
    static const unsigned kinds[] = {1u << EVENT_FLOW, 1u << EVENT_VIOLATION,
                                     EVENT_ALL_KINDS, 1u << EVENT_VIOLATION};
    struct output *output = open_with(true, 4, forms, kinds);
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error;
    redisReply *entry;
    long long n_flows;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        put_kind(output, i % 2 ? EVENT_FLOW : EVENT_VIOLATION, i);
    }
    assert_true(output_finish(output, status, &error));
    n_flows = number("XLEN s:flow");
    assert_true(n_flows >= 100 && n_flows < 500);
    entry = ask("XREVRANGE s:flow + - COUNT 1");
    assert_string_equal(entry->element[0]->element[1]->element[0]->str, "body");
    assert_int_equal(number_of(entry->element[0]->element[1]->element[1]->str),
                     999);
    freeReplyObject(entry);
    assert_int_equal(number("LLEN l:lab-01"), 500);
    assert_int_equal(number("XLEN segmon:{lab-01}:violation"), 500);
    assert_int_equal(number("EXISTS s:violation segmon:{lab-01}:flow"), 0);
    assert_int_equal(status[2].server.unheard, 1000);
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            assert_int_equal(status[i].kind[kind].acked,
                             kind != EVENT_STATUS && kinds[i] >> kind & 1 ? 500
                                                                          : 0);
        }
    }
}

static bool
is_risky(const struct event_output *status)
{
    return status->server.n_risks > 0;
}

static void
why_a_server_should_not_be_trusted_is_known(void **state)
{
    struct event_output status;
    struct output *output;
    struct error error;

    (void)state;
    freeReplyObject(ask("CONFIG SET appendfsync everysec"));
    freeReplyObject(ask("CONFIG SET maxmemory-policy allkeys-lru"));
    output = open_one(false, (struct output_redis){.mode = OUTPUT_STREAM});
    status = wait_until(output, is_risky);
    assert_int_equal(status.server.n_risks, 1);
    assert_string_equal(status.server.risks[0],
                        "may evict any key when it is full");
    assert_true(output_finish(output, NULL, &error));
}

int
main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_taken_first_in_first_out),
        TEST(a_killed_server_misses_nothing_of_a_list),
        TEST(the_oldest_give_way_in_a_list_that_is_cut),
        TEST(the_newest_give_way_until_somebody_takes_some),
        TEST(events_wait_for_room_and_come_in_order),
        TEST(kinds_with_one_key_share_the_room),
        TEST(a_server_that_is_full_gets_its_list_later),
        TEST(a_key_that_is_no_list_is_told),
        TEST(nobody_has_to_listen_to_a_channel),
        TEST(who_listens_to_a_channel_hears_all_in_order),
        TEST(nothing_waits_for_a_channel_whose_server_is_away),
        TEST(outputs_side_by_side_have_each_what_they_are_for),
        TEST(why_a_server_should_not_be_trusted_is_known),
    };

    if (REDIS_SERVER[0] == '\0') {
        fprintf(stderr, "skipped: no redis-server on this machine\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
