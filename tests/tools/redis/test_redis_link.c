/* redis_link.h: against a real redis-server, and against a peer that says
 * whatever a test wants. */

#include "tests/support/redis_server.h"
#include "tests/support/sanitized.h"
#include "tests/support/test.h"

#include "capture/clock.h"
#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct redis_server server;

static struct redis_link *
open_link(const char *text, struct error *error)
{
    struct redis_uri uri;

    assert_true(redis_uri_parse(text, &uri, error));
    return redis_link_open(&uri, error);
}

static struct redis_link *
open_server(void)
{
    struct error error;
    struct redis_link *link = open_link(server.uri, &error);

    assert_non_null(link);
    return link;
}

/* The URI of the server, with a user and a password in it, or a database. */
static struct redis_link *
open_as(const char *before, const char *after, struct error *error)
{
    char text[256];

    snprintf(text, sizeof text, "unix://%s%s%s", before, server.socket, after);
    return open_link(text, error);
}

static struct redis_reply *
ask(struct redis_link *link, const char *const *words)
{
    struct error error;
    struct redis_reply *reply = redis_link_ask(link, words, &error);

    assert_non_null(reply);
    return reply;
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
every_kind_of_answer_is_read_as_what_it_is(void **state)
{
    struct redis_link *link = open_server();
    struct redis_reply *reply;
    int64_t number;
    size_t size;

    (void)state;
    run(link, REDIS_WORDS("SET", "text", "a\nb"));
    reply = ask(link, REDIS_WORDS("GET", "text"));
    assert_memory_equal(redis_reply_text(reply, &size), "a\nb", 4);
    assert_int_equal(size, 3);
    assert_true(redis_reply_is(reply, "a\nb"));
    assert_false(redis_reply_is(reply, "a"));
    assert_false(redis_reply_integer(reply, &number));
    assert_int_equal(redis_reply_n(reply), 0);
    redis_reply_free(reply);
    reply = ask(link, REDIS_WORDS("APPEND", "text", "c"));
    assert_true(redis_reply_integer(reply, &number));
    assert_int_equal(number, 4);
    assert_null(redis_reply_text(reply, &size));
    redis_reply_free(reply);
    reply = ask(link, REDIS_WORDS("GET", "nothing"));
    assert_null(redis_reply_text(reply, NULL));
    assert_null(redis_reply_error(reply));
    assert_false(redis_reply_is_list(reply));
    redis_reply_free(reply);
    reply = ask(link, REDIS_WORDS("PING"));
    assert_true(redis_reply_is(reply, "PONG"));
    redis_reply_free(reply);
    redis_link_close(link);
}

static void
a_path_into_an_answer_of_another_shape_leads_to_nothing(void **state)
{
    struct redis_link *link = open_server();
    struct redis_reply *reply;
    int64_t number;

    (void)state;
    run(link, REDIS_WORDS("XADD", "stream", "1-1", "a", "b"));
    reply = ask(link, REDIS_WORDS("XINFO", "STREAM", "stream"));
    assert_true(redis_reply_is_list(reply));
    assert_true(
        redis_reply_is(redis_reply_of(reply, "last-generated-id"), "1-1"));
    assert_true(redis_reply_integer(redis_reply_of(reply, "length"), &number));
    assert_int_equal(number, 1);
    assert_null(redis_reply_of(reply, "1-1")); /* A value is no name. */
    assert_null(redis_reply_at(reply, redis_reply_n(reply)));
    assert_null(redis_reply_text(
        redis_reply_at(redis_reply_at(redis_reply_at(reply, 0), 3), 1), NULL));
    assert_null(redis_reply_error(redis_reply_at(reply, 1000)));
    redis_reply_free(reply);
    redis_link_close(link);
}

static void
an_error_is_an_answer_and_the_link_goes_on(void **state)
{
    struct redis_link *link = open_server();
    struct redis_reply *reply;
    struct error error;

    (void)state;
    reply = ask(link, REDIS_WORDS("XADD", "s", "0-0", "a", "b"));
    assert_non_null(strstr(redis_reply_error(reply), "must be greater"));
    assert_null(redis_reply_text(reply, NULL));
    assert_false(redis_reply_refuse(reply, link, "s", &error));
    assert_memory_equal(error.where, "redis at ", 9);
    assert_memory_equal(error.message, "s: ERR ", 7);
    redis_reply_free(reply);
    assert_false(redis_link_do(link, REDIS_WORDS("NOSUCH"), &error));
    assert_non_null(strstr(error.message, "unknown command"));
    assert_true(redis_link_ok(link));
    run(link, REDIS_WORDS("PING"));
    redis_link_close(link);
}

static void
many_commands_at_once_are_answered_in_order(void **state)
{
    static const char commands[] = "*2\r\n$4\r\nECHO\r\n$1\r\n1\r\n"
                                   "*2\r\n$4\r\nECHO\r\n$1\r\n2\r\n"
                                   "*2\r\n$4\r\nECHO\r\n$1\r\n3\r\n";
    struct redis_link *link = open_server();
    struct error error;

    (void)state;
    assert_false(redis_link_wait(link, 0));
    assert_true(redis_link_send(link, commands, sizeof commands - 1, &error));
    redis_link_wake_at(link, 21); /* All of them. */
    for (char expected[] = "1"; expected[0] <= '3'; expected[0]++) {
        struct redis_reply *reply = redis_link_receive(link, &error);

        assert_true(redis_reply_is(reply, expected));
        redis_reply_free(reply);
    }
    redis_link_close(link);
}

/* However much of an answer is as expected, what it is then comes whole, and so
 * does what is behind it. */
static void
an_answer_that_is_not_as_expected_is_told_from_its_beginning(void **state)
{
    static const char commands[] = "*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n"
                                   "*2\r\n$4\r\nECHO\r\n$3\r\nabd\r\n";
    static const char pings[] = "*1\r\n$4\r\nPING\r\n"
                                "*1\r\n$4\r\nPING\r\n";
    static const char expected[] = "$3\r\nabc\r\n$3\r\nabc\r\n";
    struct redis_link *link = open_server();
    struct error error;
    struct redis_reply *reply;

    (void)state;
    assert_true(redis_link_send(link, commands, sizeof commands - 1, &error));
    assert_false(
        redis_link_receive_as(link, expected, sizeof expected - 1, &error));
    assert_true(redis_link_ok(link));
    for (char text[] = "abc"; text[2] <= 'd'; text[2]++) {
        reply = redis_link_receive(link, &error);
        assert_true(redis_reply_is(reply, text));
        redis_reply_free(reply);
    }
    assert_true(redis_link_send(link, pings, sizeof pings - 1, &error));
    redis_link_wake_at(link, 14);
    assert_true(redis_link_receive_as(link, "+PONG\r\n", 7, &error));
    assert_true(redis_link_receive_as(link, "+PONG\r\n", 7, &error));
    assert_false(redis_link_wait(link, 0));
    run(link, REDIS_WORDS("PING"));
    redis_link_close(link);
}

static void
user_password_and_database_are_those_of_the_uri(void **state)
{
    struct redis_link *link = open_server();
    struct redis_reply *reply;
    struct error error;

    (void)state;
    run(link,
        REDIS_WORDS("ACL", "SETUSER", "reader", "on", ">p@ss", "~*", "+@all"));
    redis_link_close(link);
    assert_null(open_as("reader:wrong@", "", &error));
    assert_memory_equal(error.message, "AUTH: WRONGPASS", 15);
    link = open_as("reader:p%40ss@", "?db=3", &error);
    assert_non_null(link);
    reply = ask(link, REDIS_WORDS("ACL", "WHOAMI"));
    assert_true(redis_reply_is(reply, "reader"));
    redis_reply_free(reply);
    reply = ask(link, REDIS_WORDS("CLIENT", "LIST"));
    assert_non_null(strstr(redis_reply_text(reply, NULL), " db=3 "));
    redis_reply_free(reply);
    redis_link_close(link);
    assert_null(open_as("", "?db=99", &error));
    assert_memory_equal(error.message, "SELECT: ERR ", 12);
}

/* Such a server repeats the arguments of what it does not know. */
static void
a_password_is_never_told(void **state)
{
    struct error error;

    (void)state;
    assert_null(open_as(":hunter2@", "", &error));
    assert_non_null(strstr(error.message, "AUTH"));
    assert_null(strstr(error.message, "hunter2"));
}

static void
a_server_that_is_stopped_is_given_up_in_time(void **state)
{
    struct redis_link *link = open_server();
    int64_t began = system_clock_mono().ns;
    struct error error;

    (void)state;
    redis_server_signal(&server, SIGSTOP);
    assert_null(redis_link_ask(link, REDIS_WORDS("PING"), &error));
    redis_server_signal(&server, SIGCONT);
    assert_string_equal(error.message, "no answer in time");
    assert_false(redis_link_ok(link));
    assert_true(system_clock_mono().ns - began < 10 * SECOND_NS);
    for (unsigned i = 0; i < 3; i++) { /* None gets another one's answer. */
        assert_null(redis_link_ask(link, REDIS_WORDS("EXISTS", "a"), &error));
    }
    redis_link_close(link);
}

/* Whoever writes to such a connection twice gets SIGPIPE, which would end this
 * program: nothing ignores it here. */
static void
a_server_that_is_gone_is_an_error_and_no_signal(void **state)
{
    struct redis_link *link = open_server();
    struct error error;

    (void)state;
    redis_server_kill(&server);
    for (unsigned i = 0; i < 3; i++) {
        assert_null(redis_link_ask(link, REDIS_WORDS("PING"), &error));
        assert_false(redis_link_ok(link));
    }
    redis_link_close(link);
    assert_null(open_link(server.uri, &error));
    assert_non_null(strstr(error.message, "refused"));
}

static void
a_server_that_is_not_there_is_told_with_its_address(void **state)
{
    struct error error;

    (void)state;
    assert_null(open_link("redis://127.0.0.1:1", &error));
    assert_string_equal(error.where, "redis at 127.0.0.1:1");
    assert_non_null(strstr(error.message, "refused"));
    assert_null(open_link("unix:///nonexistent/socket", &error));
    assert_non_null(strstr(error.message, "No such file"));
}

/* A peer that says 'bytes', 'n_times', to whoever connects and asks; with a
 * pause between, if there is one. */
struct peer {
    unsigned pause_us;
    char folder[32], uri[128];
    struct sockaddr_un address;
    int fd;
    pid_t child;
};

static void
answer_one(const struct peer *peer, const char *bytes, size_t size,
           unsigned n_times)
{
    int fd = accept(peer->fd, NULL, NULL);
    char asked[14]; /* PING */

    recv(fd, asked, sizeof asked, MSG_WAITALL);
    while (n_times > 0 && send(fd, bytes, size, MSG_NOSIGNAL) >= 0) {
        n_times--;
        if (peer->pause_us) {
            usleep(peer->pause_us);
        }
    }
}

static void
start_peer(struct peer *peer, const char *bytes, size_t size, unsigned n_times,
           unsigned pause_us)
{
    static const struct peer unnamed = {.folder = "/tmp/segmon-peer-XXXXXX",
                                        .address = {.sun_family = AF_UNIX}};

    *peer = unnamed;
    peer->pause_us = pause_us;
    peer->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_non_null(mkdtemp(peer->folder));
    snprintf(peer->address.sun_path, sizeof peer->address.sun_path, "%s/s",
             peer->folder);
    snprintf(peer->uri, sizeof peer->uri, "unix://%s/s", peer->folder);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)(void *)&peer->address,
                          sizeof peer->address),
                     0);
    assert_int_equal(listen(peer->fd, 1), 0);
    peer->child = fork();
    assert_true(peer->child >= 0);
    if (peer->child == 0) {
        answer_one(peer, bytes, size, n_times);
        _exit(0);
    }
}

static void
stop_peer(const struct peer *peer)
{
    close(peer->fd);
    waitpid(peer->child, NULL, 0);
    unlink(peer->address.sun_path);
    rmdir(peer->folder);
}

/* What is told of such a peer. */
static void
expect_from_slow_peer(const char *bytes, size_t size, unsigned n_times,
                      unsigned pause_us, const char *expected)
{
    struct peer peer;
    struct redis_link *link;
    struct redis_reply *reply;
    struct error error = {.message = "", .code = ERROR_NONE};

    start_peer(&peer, bytes, size, n_times, pause_us);
    link = open_link(peer.uri, &error);
    assert_non_null(link);
    reply = redis_link_ask(link, REDIS_WORDS("PING"), &error);
    if (reply) {
        redis_reply_refuse(reply, link, "", &error);
        redis_reply_free(reply);
    } else {
        assert_false(redis_link_ok(link));
    }
    if (!strstr(error.message, expected)) {
        fail_msg("%s", error.message);
    }
    redis_link_close(link);
    stop_peer(&peer);
}

static void
expect_from_peer(const char *bytes, size_t size, unsigned n_times,
                 const char *expected)
{
    expect_from_slow_peer(bytes, size, n_times, 0, expected);
}

static void
hostile_answers_are_errors_that_can_be_shown(void **state)
{
    static const char escape[] = "-ERR \x1b[2J\xff\xc2\x9b\r\n";
    static const char no_redis[] = "HTTP/1.1 400 Bad\x1bRequest\r\n\r\n";
    static const char cut[] = "$100\r\nabc";
    static const char deep[] =
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
        "*1\r\n*1\r\n*1\r\n*1\r\n";

    (void)state;
    expect_from_peer(escape, sizeof escape - 1, 1, "ERR \\x1b[2J\\xff\\u{9b}");
    expect_from_peer(no_redis, sizeof no_redis - 1, 1,
                     "Protocol error, got \"H\" as reply type byte");
    expect_from_peer(cut, sizeof cut - 1, 1,
                     "the server closed the connection");
    expect_from_peer("", 0, 0, "the server closed the connection");
    expect_from_peer(deep, sizeof deep - 1, 1, "nested");
}

static void
an_answer_that_does_not_end_is_bounded(void **state)
{
    static char head_and_noise[1 << 20] = "$2000000000\r\n";

    (void)state;
    expect_from_peer(head_and_noise, sizeof head_and_noise,
                     (REDIS_LINK_MAX_ANSWER >> 20) + 2, "an answer too large");
}

/* Bytes of this process, as the kernel counts them. */
static size_t
memory_in_use(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char text[128] = "";

    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* A list's length is a promise: no memory is made for one that large, nor for
 * many that are large together. */
static void
a_list_that_is_said_to_be_huge_is_refused_at_its_head(void **state)
{
    static const char one[] = "*2000000000\r\n";
    static const char nested[] = "*9\r\n*1300000\r\n*1300000\r\n";
    size_t before = memory_in_use();

    (void)state;
    expect_from_peer(one, sizeof one - 1, 1, "too many elements");
    expect_from_peer(nested, sizeof nested - 1, 1, "too many elements");
    assert_true(IS_SANITIZED || memory_in_use() - before < 64 << 20);
}

/* Each byte comes in time, and the whole never would. */
static void
an_answer_that_drips_is_given_up(void **state)
{
    int64_t began = system_clock_mono().ns;

    (void)state;
    expect_from_slow_peer("+", 1, 1000, 100000, "too slowly");
    assert_true(system_clock_mono().ns - began < 20 * SECOND_NS);
}

static int
start(void **state)
{
    (void)state;
    return redis_server_start(&server, REDIS_SERVER, NULL) ? 0 : -1;
}

static int
start_without_auth(void **state)
{
    static const char *const renamed[] = {"--rename-command", "AUTH", "x",
                                          NULL};

    (void)state;
    return redis_server_start(&server, REDIS_SERVER, renamed) ? 0 : -1;
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
#define WITH(begin, test) cmocka_unit_test_setup_teardown(test, begin, stop)
    const struct CMUnitTest tests[] = {
        WITH(start, every_kind_of_answer_is_read_as_what_it_is),
        WITH(start, a_path_into_an_answer_of_another_shape_leads_to_nothing),
        WITH(start, an_error_is_an_answer_and_the_link_goes_on),
        WITH(start, many_commands_at_once_are_answered_in_order),
        WITH(start,
             an_answer_that_is_not_as_expected_is_told_from_its_beginning),
        WITH(start, user_password_and_database_are_those_of_the_uri),
        WITH(start_without_auth, a_password_is_never_told),
        WITH(start, a_server_that_is_stopped_is_given_up_in_time),
        WITH(start, a_server_that_is_gone_is_an_error_and_no_signal),
        cmocka_unit_test(a_server_that_is_not_there_is_told_with_its_address),
        cmocka_unit_test(hostile_answers_are_errors_that_can_be_shown),
        cmocka_unit_test(an_answer_that_does_not_end_is_bounded),
        cmocka_unit_test(a_list_that_is_said_to_be_huge_is_refused_at_its_head),
        cmocka_unit_test(an_answer_that_drips_is_given_up),
    };

    if (REDIS_SERVER[0] == '\0') {
        fprintf(stderr, "skipped: no redis-server on this machine\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
