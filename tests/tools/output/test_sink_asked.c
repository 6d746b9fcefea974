/* sink_redis.c and a list that is cut, in a real Redis Cluster of two nodes,
 * while its slot is on its way from one to the other */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tests/tools/output/numbered_event.h"
#include "tools/output/output.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

enum {
    N_NODES = 2,
    BEFORE = 200,
    N_EVENTS = 2000,
    MOST = 150, /* Of the list; no multiple of a batch. */
    PATIENCE_S = 30
};

struct node {
    struct redis_server server;
    redisContext *link;
    char port[8], bus[8];
    char name[64];
};

static struct node nodes[N_NODES];

/* Of 127.0.0.1; a moment later somebody may have it. */
static void
find_port(char text[8])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct sockaddr *any = (struct sockaddr *)(void *)&address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, any, size), 0);
    assert_int_equal(getsockname(fd, any, &size), 0);
    snprintf(text, 8, "%u", ntohs(address.sin_port));
    close(fd);
}

/* A line of a command's answer, or a number; "" if it is an error. */
static const char *
ask(struct node *node, const char *command)
{
    static char text[4096];
    redisReply *reply = redisCommand(node->link, command);

    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_INTEGER) {
        snprintf(text, sizeof text, "%lld", reply->integer);
    } else {
        snprintf(text, sizeof text, "%s",
                 reply->type == REDIS_REPLY_ERROR ? "" : reply->str);
    }
    freeReplyObject(reply);
    return text;
}

static void
order(struct node *node, const char *command)
{
    assert_string_equal(ask(node, command), "OK");
}

static void
sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void
wait_for(struct node *node, const char *command, const char *part)
{
    for (unsigned i = 0; !strstr(ask(node, command), part); i++) {
        assert_true(i < PATIENCE_S * 50);
        sleep_ms(20);
    }
}

/* The first has all slots. */
static int
start(void **state)
{
    char meet[64];

    (void)state;
    for (struct node *node = nodes; node < nodes + N_NODES; node++) {
        const char *arguments[] = {
            "--port",         node->port,          "--bind",
            "127.0.0.1",      "--cluster-enabled", "yes",
            "--cluster-port", node->bus,           NULL};

        find_port(node->port);
        find_port(node->bus);
        if (!redis_server_start(&node->server, REDIS_SERVER, arguments)) {
            return -1;
        }
        node->link = redisConnectUnix(node->server.socket);
        snprintf(node->name, sizeof node->name, "%s",
                 ask(node, "CLUSTER MYID"));
    }
    order(&nodes[0], "CLUSTER ADDSLOTSRANGE 0 16383");
    snprintf(meet, sizeof meet, "CLUSTER MEET 127.0.0.1 %s %s", nodes[1].port,
             nodes[1].bus);
    order(&nodes[0], meet);
    wait_for(&nodes[0], "CLUSTER NODES", nodes[1].name);
    wait_for(&nodes[1], "CLUSTER NODES", nodes[0].name);
    wait_for(&nodes[1], "CLUSTER INFO", "cluster_state:ok");
    wait_for(&nodes[0], "CLUSTER INFO", "cluster_state:ok");
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    for (struct node *node = nodes; node < nodes + N_NODES; node++) {
        redisFree(node->link);
        redis_server_stop(&node->server);
    }
    return 0;
}

static void
put(struct output *output, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        numbered_event_put(output, EVENT_FLOW,
                           (struct wall_time){i * MILLISECOND_NS}, i, 0);
    }
}

/* As one who is sent there. */
static const char *
ask_next(const char *command)
{
    order(&nodes[1], "ASKING");
    return ask(&nodes[1], command);
}

static void
begin_to_move_the_list(void)
{
    unsigned slot =
        (unsigned)strtoul(ask(&nodes[0], "CLUSTER KEYSLOT l"), NULL, 10);
    char command[128];

    snprintf(command, sizeof command, "CLUSTER SETSLOT %u IMPORTING %s", slot,
             nodes[0].name);
    order(&nodes[1], command);
    snprintf(command, sizeof command, "CLUSTER SETSLOT %u MIGRATING %s", slot,
             nodes[1].name);
    order(&nodes[0], command);
    snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %s l 0 10000",
             nodes[1].port);
    order(&nodes[0], command);
}

static void
a_list_is_cut_where_its_slot_goes(void **state)
{
    char uri[64], last[32];
    struct output_options options = {
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = 7},
        .n_queues = 1,
        .blocking = true,
        .n_targets = 1,
        .targets = {{.target = uri,
                     .redis = {.mode = OUTPUT_LIST,
                               .key = "l",
                               .max_length = MOST,
                               .when_full = OUTPUT_FULL_DROP_OLDEST}}}};
    struct event_output status[OUTPUT_MAX_SINKS];
    struct error error = {.code = ERROR_NONE};
    struct output *output;

    (void)state;
    snprintf(uri, sizeof uri, "redis://127.0.0.1:%s", nodes[0].port);
    output = output_new(&options, &error);
    assert_non_null(output);
    put(output, 0, BEFORE);
    snprintf(last, sizeof last, "\"i\":%d}", BEFORE - 1);
    wait_for(&nodes[0], "LINDEX l -1", last);
    wait_for(&nodes[0], "LLEN l", "150");
    begin_to_move_the_list();
    put(output, BEFORE, N_EVENTS);
    assert_true(output_finish(output, status, &error));
    assert_int_equal(strtol(ask_next("LLEN l"), NULL, 10), MOST);
    snprintf(last, sizeof last, "\"i\":%d}", N_EVENTS - 1);
    assert_non_null(strstr(ask_next("LINDEX l -1"), last));
    snprintf(last, sizeof last, "\"i\":%d}", N_EVENTS - MOST);
    assert_non_null(strstr(ask_next("LINDEX l 0"), last));
    assert_int_equal(status[0].server.trimmed, N_EVENTS - MOST);
    assert_int_equal(status[0].kind[EVENT_FLOW].acked, N_EVENTS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        a_list_is_cut_where_its_slot_goes, start, stop)};

    if (REDIS_SERVER[0] == '\0') {
        fprintf(stderr, "skipped: no redis-server on this machine\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
