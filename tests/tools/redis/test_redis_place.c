/* redis_place.h: with a cluster of two real nodes, and a real Sentinel. */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_place.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    N_NODES = 2,
    N_POLLS = 600,
    POLL_US = 50000
};

#define STRANGER "MOVED 1 127.0.0.1:1"

struct node {
    struct redis_server server;
    char port[8], bus[8], name[32], uri[48];
    struct redis_link *link; /* For the test to say what is to be done. */
};

static struct node nodes[N_NODES];
static struct redis_server sentinel;
static char sentinel_password[128]; /* The file it is in. */

/* One that nobody has; a moment later somebody may. */
static void
find_port(char port[8])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const void *)&address, size), 0);
    assert_int_equal(getsockname(fd, (void *)&address, &size), 0);
    snprintf(port, 8, "%u", ntohs(address.sin_port));
    close(fd);
}

static struct redis_link *
connect_to(const char *text)
{
    struct redis_uri uri;
    struct error error;
    struct redis_link *link;

    assert_true(redis_uri_parse(text, &uri, &error));
    link = redis_link_open(&uri, &error);
    assert_non_null(link);
    return link;
}

static bool
start_node(struct node *node, bool in_cluster)
{
    const char *arguments[] = {"--port",
                               node->port,
                               "--bind",
                               "127.0.0.1",
                               "--cluster-require-full-coverage",
                               "no",
                               in_cluster ? "--cluster-enabled" : NULL,
                               "yes",
                               "--cluster-port",
                               node->bus,
                               "--cluster-node-timeout",
                               "5000",
                               NULL};

    find_port(node->port);
    find_port(node->bus);
    snprintf(node->name, sizeof node->name, "redis at 127.0.0.1:%s",
             node->port);
    snprintf(node->uri, sizeof node->uri, "redis://127.0.0.1:%s", node->port);
    if (!redis_server_start(&node->server, REDIS_SERVER, arguments)) {
        return false;
    }
    node->link = connect_to(node->server.uri);
    return true;
}

static void
stop_node(struct node *node)
{
    redis_link_close(node->link);
    node->link = NULL;
    redis_server_stop(&node->server);
}

static void
run(struct redis_link *link, const char *const *words)
{
    struct error error;

    if (!redis_link_do(link, words, &error)) {
        fail_msg("%s: %s", words[0], error.message);
    }
}

static void
wait_until_it_says(struct redis_link *link, const char *const *words,
                   const char *expected)
{
    for (unsigned i = 0; i < N_POLLS; i++) {
        struct error error;
        struct redis_reply *reply = redis_link_ask(link, words, &error);
        const char *text = redis_reply_text(reply, NULL);
        bool found = text && strstr(text, expected);

        redis_reply_free(reply);
        if (found) {
            return;
        }
        usleep(POLL_US);
    }
    fail_msg("%s never said %s", words[0], expected);
}

static int
start_cluster(void **state)
{
    static const char *const first[] = {"0", "8192"};
    static const char *const last[] = {"8191", "16383"};

    (void)state;
    for (unsigned i = 0; i < N_NODES; i++) {
        if (!start_node(&nodes[i], true)) {
            return -1;
        }
        run(nodes[i].link,
            REDIS_WORDS("CLUSTER", "ADDSLOTSRANGE", first[i], last[i]));
        run(nodes[i].link,
            REDIS_WORDS("CLUSTER", "SET-CONFIG-EPOCH", i == 0 ? "1" : "2"));
    }
    run(nodes[0].link, REDIS_WORDS("CLUSTER", "MEET", "127.0.0.1",
                                   nodes[1].port, nodes[1].bus));
    for (unsigned i = 0; i < N_NODES; i++) {
        wait_until_it_says(nodes[i].link, REDIS_WORDS("CLUSTER", "INFO"),
                           "cluster_slots_ok:16384");
        wait_until_it_says(nodes[i].link, REDIS_WORDS("CLUSTER", "INFO"),
                           "cluster_state:ok");
    }
    return 0;
}

static int
stop_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_NODES; i++) {
        stop_node(&nodes[i]);
    }
    return 0;
}

/* "{a}" is in slot 15495, "{b}" in 3300: of the second node, and the first. */
static const char *const keys[N_NODES] = {"{b}", "{a}"};

static struct redis_uri
parse(const char *text)
{
    struct redis_uri uri;
    struct error error;

    assert_true(redis_uri_parse(text, &uri, &error));
    return uri;
}

static void
expect_at(struct redis_place *place, const char *key, const struct node *node)
{
    struct error error;
    struct redis_link *link = redis_place_open(place, key, &error);

    if (!link) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(redis_link_name(link), node->name);
    redis_link_close(link);
}

static void
the_node_that_has_a_key_is_found_from_any_other(void **state)
{
    (void)state;
    for (unsigned from = 0; from < N_NODES; from++) {
        struct redis_uri uri = parse(nodes[from].uri);

        for (unsigned to = 0; to < N_NODES; to++) {
            struct redis_place place;

            redis_place_init(&place, &uri);
            expect_at(&place, keys[to], &nodes[to]);
            expect_at(&place, NULL, &nodes[to]); /* It was learnt. */
            redis_place_done(&place);
        }
    }
}

static void
what_is_learnt_is_forgotten_when_it_is_wrong(void **state)
{
    struct redis_uri uri = parse(nodes[0].uri);
    struct redis_place place;

    (void)state;
    redis_place_init(&place, &uri);
    assert_true(redis_place_refused(&place, STRANGER)); /* Nobody is there. */
    expect_at(&place, keys[1], &nodes[1]);
    assert_false(redis_place_refused(&place, "ERR unknown command"));
    assert_false(redis_place_refused(&place, "MOVED 1"));
    assert_false(redis_place_refused(&place, "MOVED 1 ?:6379"));
    assert_false(redis_place_refused(&place, "MOVED 1 host:0"));
    assert_false(redis_place_refused(&place, "ASK 1 127.0.0.1:1"));
    expect_at(&place, NULL, &nodes[1]);
    assert_true(redis_place_refused(&place, "CLUSTERDOWN The cluster is down"));
    expect_at(&place, keys[0], &nodes[0]);
    redis_place_done(&place);
}

/* "MOVED 1 :6379": a node that does not know its own name. */
static void
no_host_is_the_one_that_was_asked(void **state)
{
    struct redis_uri uri = parse(nodes[0].uri);
    struct redis_place place;
    char text[32];

    (void)state;
    redis_place_init(&place, &uri);
    expect_at(&place, NULL, &nodes[0]);
    snprintf(text, sizeof text, "MOVED 1 :%s", nodes[1].port);
    assert_true(redis_place_refused(&place, text));
    expect_at(&place, NULL, &nodes[1]);
    redis_place_done(&place);
}

static void
a_command_is_asked_where_its_key_is(void **state)
{
    struct redis_uri uri = parse(nodes[0].uri);
    struct redis_place place;
    struct redis_reply *reply;
    struct redis_link *link;
    struct error error;

    (void)state;
    redis_place_init(&place, &uri);
    link = redis_place_open(&place, keys[0], &error);
    assert_non_null(link);
    for (unsigned i = 0; i < N_NODES; i++) {
        reply = redis_place_ask(&place, link, REDIS_WORDS("SET", keys[i], "x"),
                                &error);
        assert_true(redis_reply_is(reply, "OK"));
        redis_reply_free(reply);
        wait_until_it_says(nodes[i].link, REDIS_WORDS("GET", keys[i]), "x");
        run(nodes[i].link, REDIS_WORDS("DEL", keys[i]));
    }
    redis_link_close(link);
    redis_place_done(&place);
}

static void
node_id(struct redis_link *link, char id[64])
{
    struct error error;
    struct redis_reply *reply =
        redis_link_ask(link, REDIS_WORDS("CLUSTER", "MYID"), &error);

    assert_non_null(redis_reply_text(reply, NULL));
    snprintf(id, 64, "%s", redis_reply_text(reply, NULL));
    redis_reply_free(reply);
}

/* What is there already stays where it is until it is moved; what is new goes
 * to the other node, for those who have asked. */
static void
a_slot_on_its_way_is_followed(void **state)
{
    struct redis_uri uri = parse(nodes[0].uri);
    struct redis_place place;
    struct redis_link *link, *other;
    struct redis_reply *reply;
    struct error error;
    char from[64], to[64];

    (void)state;
    node_id(nodes[0].link, from);
    node_id(nodes[1].link, to);
    run(nodes[0].link, REDIS_WORDS("SET", "{b}old", "1"));
    run(nodes[1].link,
        REDIS_WORDS("CLUSTER", "SETSLOT", "3300", "IMPORTING", from));
    run(nodes[0].link,
        REDIS_WORDS("CLUSTER", "SETSLOT", "3300", "MIGRATING", to));
    redis_place_init(&place, &uri);
    link = redis_place_open(&place, "{b}old", &error);
    assert_string_equal(redis_link_name(link), nodes[0].name);
    run(link, REDIS_WORDS("SET", "{b}old", "2"));
    reply = redis_link_ask(link, REDIS_WORDS("SET", "{b}new", "3"), &error);
    assert_true(redis_place_is_ask(redis_reply_error(reply)));
    other = redis_place_follow(&place, redis_reply_error(reply), &error);
    redis_reply_free(reply);
    assert_string_equal(redis_link_name(other), nodes[1].name);
    run(other, REDIS_WORDS("MULTI"));
    run(other, REDIS_WORDS("SET", "{b}new", "3"));
    run(other, REDIS_WORDS("EXEC"));
    reply = redis_place_ask(&place, link, REDIS_WORDS("GET", "{b}new"), &error);
    assert_true(redis_reply_is(reply, "3"));
    redis_reply_free(reply);
    run(link, REDIS_WORDS("MIGRATE", "127.0.0.1", nodes[1].port, "{b}old", "0",
                          "5000"));
    for (unsigned i = N_NODES; i-- > 0;) {
        run(nodes[i].link,
            REDIS_WORDS("CLUSTER", "SETSLOT", "3300", "NODE", to));
    }
    reply = redis_link_ask(link, REDIS_WORDS("GET", "{b}old"), &error);
    assert_true(redis_place_refused(&place, redis_reply_error(reply)));
    redis_reply_free(reply);
    redis_link_close(link);
    expect_at(&place, "{b}old", &nodes[1]);
    redis_place_done(&place);
}

/* It takes connections, and then says nothing to whoever asks for the key. */
static void
a_server_that_hangs_is_no_place(void **state)
{
    struct redis_uri uri = parse(nodes[0].uri);
    struct redis_place place;
    struct redis_link *link;
    struct error error;

    (void)state;
    redis_place_init(&place, &uri);
    redis_server_signal(&nodes[0].server, SIGSTOP);
    link = redis_place_open(&place, keys[0], &error);
    redis_server_signal(&nodes[0].server, SIGCONT);
    assert_null(link);
    assert_string_equal(error.message, "no answer in time");
    redis_place_done(&place);
}

/* The last test: nobody else finds the first node any more. */
static void
of_a_cluster_the_other_nodes_are_asked_when_the_named_one_is_gone(void **state)
{
    struct redis_uri uri = parse(nodes[0].uri);
    struct redis_place place;

    (void)state;
    redis_place_init(&place, &uri);
    expect_at(&place, keys[1], &nodes[1]);
    redis_server_kill(&nodes[0].server);
    assert_true(redis_place_refused(&place, "READONLY You can't write"));
    expect_at(&place, keys[1], &nodes[1]);
    redis_place_done(&place);
}

static int
start_sentinel(void **state)
{
    static char port[8];
    char path[128];
    FILE *file;

    if (!start_node(&nodes[0], false) || !start_node(&nodes[1], false)) {
        return -1;
    }
    find_port(port);
    *state = port;
    run(nodes[1].link, REDIS_WORDS("REPLICAOF", "127.0.0.1", nodes[0].port));
    wait_until_it_says(nodes[1].link, REDIS_WORDS("INFO", "replication"),
                       "master_link_status:up");
    sentinel = (struct redis_server){.folder = "/tmp/segmon-redis-XXXXXX"};
    assert_non_null(mkdtemp(sentinel.folder));
    snprintf(path, sizeof path, "%s/sentinel.conf", sentinel.folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "port %s\nbind 127.0.0.1\ndir %s\nrequirepass sesame\n"
            "sentinel monitor main 127.0.0.1 %s 1\n"
            "sentinel monitor wrong 127.0.0.1 %s 1\n",
            port, sentinel.folder, nodes[0].port, nodes[1].port);
    fclose(file);
    snprintf(sentinel_password, sizeof sentinel_password, "%s/password",
             sentinel.folder);
    file = fopen(sentinel_password, "w");
    assert_non_null(file);
    assert_int_equal(chmod(sentinel_password, 0600), 0);
    fputs("sesame\n", file);
    fclose(file);
    sentinel.pid = fork();
    if (sentinel.pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(null, STDOUT_FILENO);
        execl(REDIS_SERVER, REDIS_SERVER, path, "--sentinel", (char *)NULL);
        _exit(127);
    }
    return 0;
}

static int
stop_sentinel(void **state)
{
    redis_server_stop(&sentinel);
    return stop_all(state);
}

/* Of a master that Sentinels know, where the first of them is nobody. */
static struct redis_link *
open_master(const char *port, const char *master, const char *more,
            struct error *error)
{
    struct redis_uri uri;
    struct redis_place place;
    struct redis_link *link;
    char text[256];

    snprintf(text, sizeof text,
             "redis+sentinel://127.0.0.1:1,127.0.0.1:%s/%s%s%s", port, master,
             more, more[0] ? sentinel_password : "");
    uri = parse(text);
    redis_place_init(&place, &uri);
    link = redis_place_open(&place, "key", error);
    redis_place_done(&place);
    return link;
}

static void
a_master_is_where_sentinels_say_it_is(void **state)
{
    static const char with_password[] = "?sentinel_password_file=";
    struct redis_link *link = NULL;
    struct error error;

    for (unsigned i = 0; i < N_POLLS && !link; i++) { /* It starts. */
        link = open_master(*state, "main", with_password, &error);
        usleep(link ? 0 : POLL_US);
    }
    assert_non_null(link);
    assert_string_equal(redis_link_name(link), nodes[0].name);
    redis_link_close(link);
    assert_null(open_master(*state, "nobody", with_password, &error));
    assert_string_equal(error.message,
                        "this Sentinel knows no master 'nobody'");
    assert_null(open_master(*state, "wrong", with_password, &error));
    assert_string_equal(error.where, nodes[1].name);
    assert_non_null(strstr(error.message, "it is a replica"));
    assert_null(open_master(*state, "main", "", &error));
    assert_non_null(strstr(error.message, "NOAUTH"));
}

int
main(void)
{
    const struct CMUnitTest in_cluster[] = {
        cmocka_unit_test(the_node_that_has_a_key_is_found_from_any_other),
        cmocka_unit_test(what_is_learnt_is_forgotten_when_it_is_wrong),
        cmocka_unit_test(no_host_is_the_one_that_was_asked),
        cmocka_unit_test(a_command_is_asked_where_its_key_is),
        cmocka_unit_test(a_slot_on_its_way_is_followed),
        cmocka_unit_test(a_server_that_hangs_is_no_place),
        cmocka_unit_test(
            of_a_cluster_the_other_nodes_are_asked_when_the_named_one_is_gone),
    };
    const struct CMUnitTest with_sentinels[] = {
        cmocka_unit_test_setup_teardown(a_master_is_where_sentinels_say_it_is,
                                        start_sentinel, stop_sentinel),
    };

    if (REDIS_SERVER[0] == '\0') {
        fprintf(stderr, "skipped: no redis-server on this machine\n");
        return 77;
    }
    return cmocka_run_group_tests(in_cluster, start_cluster, stop_all) +
           cmocka_run_group_tests(with_sentinels, NULL, NULL);
}
