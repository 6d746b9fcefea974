/* spool.h in front of a real server: whoever sends is killed, and so is the
 * server, and every record is in the stream once and in order */

#include "tests/support/choices.h"
#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"
#include "tools/redis/redis_answer.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    N_KILLS = 60,
    SERVER_KILLED_EVERY = 7,
    MAX_KILL_US = 30000,
    MAX_ENTRIES = 200000, /* All are read back at once. */
    TEXT_SIZE = 24,
    ID_SIZE = 48
};

/* It may lose what it acknowledged within the last two seconds: when it is busy
 * it answers before it writes. */
static const char *const server_options[] = {"--appendonly", "yes", NULL};
static const char key[] = "spooled";
static char folder[SPOOL_FOLDER_SIZE];
static struct redis_server server;

static struct spool *
open_spool(void)
{
    const struct spool_options options = {.directory = folder,
                                          .sync_ns = SECOND_NS,
                                          .retain_ns = SPOOL_DEFAULT_RETAIN_NS};
    struct error error;
    struct spool *spool = spool_open(&options, (struct mono_time){0}, &error);

    assert_non_null(spool);
    return spool;
}

/* NULL while the server is down. */
static struct redis_link *
open_link(void)
{
    struct redis_uri uri;
    struct error error;

    assert_true(redis_uri_parse(server.uri, &uri, &error));
    return redis_link_open(&uri, &error);
}

static bool
last_id(struct redis_link *link, struct redis_id *last)
{
    struct error error;
    struct redis_reply *reply =
        redis_link_ask(link, REDIS_WORDS("XINFO", "STREAM", key), &error);
    const char *text =
        redis_reply_text(redis_reply_of(reply, "last-generated-id"), NULL);
    const char *refused = redis_reply_error(reply);
    bool good = text || (refused && strcmp(refused, "ERR no such key") == 0);

    *last = (struct redis_id){0, 0};
    if (text) {
        assert_true(redis_id_parse(text, last));
    }
    redis_reply_free(reply);
    return good;
}

/* An id that is not above is there: what a process sent before it was killed
 * may come after the question of the next one. */
static bool
add(struct redis_link *link, const struct spool_record *record)
{
    char id[ID_SIZE], text[TEXT_SIZE];
    struct redis_reply *reply;
    struct error error;
    bool good;

    snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, record->id.ms,
             record->id.seq);
    snprintf(text, sizeof text, "%.*s", (int)record->size, record->bytes);
    reply =
        redis_link_ask(link, REDIS_WORDS("XADD", key, id, "n", text), &error);
    good =
        reply && (!redis_reply_error(reply) ||
                  redis_answer_of(redis_reply_error(reply)) == REDIS_NOT_ABOVE);
    redis_reply_free(reply);
    return good;
}

/* What spool.h asks of who sends.  False if the link failed. */
static bool
send_all(struct spool *spool, struct redis_link *link)
{
    struct spool_record record;
    struct spool_stat stat;
    struct redis_id last;

    if (!last_id(link, &last)) {
        return false;
    }
    spool_get_stat(spool, &stat);
    assert_true(redis_id_compare(last, stat.last_id) <= 0);
    if (redis_id_compare(last, stat.kind[EVENT_FLOW].acked_id) < 0) {
        spool_rewind(spool, EVENT_FLOW, last);
    } else {
        spool_reread(spool, EVENT_FLOW);
    }
    while (spool_read(spool, EVENT_FLOW, &record)) {
        if (redis_id_compare(record.id, last) > 0 && !add(link, &record)) {
            return false;
        }
        spool_ack(spool, EVENT_FLOW, record.id);
    }
    return true;
}

static void
append_some(struct spool *spool, struct choices *choices, int64_t now_ns)
{
    for (unsigned i = 1 + choose(choices, 20); i > 0; i--) {
        struct spool_stat stat;
        char text[TEXT_SIZE];
        struct redis_id id;
        int size;

        spool_get_stat(spool, &stat);
        if (stat.kind[EVENT_FLOW].last_serial == MAX_ENTRIES) {
            break;
        }
        size = snprintf(text, sizeof text, "%" PRIu64,
                        stat.kind[EVENT_FLOW].last_serial + 1);
        assert_true(spool_append(spool, EVENT_FLOW, (struct wall_time){now_ns},
                                 text, (size_t)size, &id));
    }
    spool_commit(spool, (struct mono_time){now_ns});
}

static void
work(uint64_t seed)
{
    struct choices choices = choices_from_seed(seed);
    struct spool *spool = open_spool();

    for (int64_t now = 0;; now += MILLISECOND_NS) {
        struct redis_link *link = open_link();

        append_some(spool, &choices, now);
        if (link) {
            send_all(spool, link);
            redis_link_close(link);
        }
    }
}

static void
kill_one(uint64_t seed, useconds_t delay, bool and_server)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        work(seed);
    }
    usleep(delay);
    if (and_server) {
        redis_server_kill(&server);
        usleep(delay);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    if (and_server) {
        assert_true(
            redis_server_restart(&server, REDIS_SERVER, server_options));
    }
}

/* The stream holds 1 to 'n', each once and in order. */
static void
check_stream(struct redis_link *link, uint64_t n)
{
    struct error error;
    struct redis_reply *reply =
        redis_link_ask(link, REDIS_WORDS("XRANGE", key, "-", "+"), &error);

    assert_int_equal(redis_reply_n(reply), n);
    for (size_t i = 0; i < n; i++) {
        const struct redis_reply *fields =
            redis_reply_at(redis_reply_at(reply, i), 1);
        const char *text = redis_reply_text(redis_reply_at(fields, 1), NULL);

        assert_non_null(text);
        assert_int_equal(strtoull(text, NULL, 10), i + 1);
    }
    redis_reply_free(reply);
}

static void
sender_and_server_may_be_killed_and_all_comes_once(void **state)
{
    struct choices choices = choices_from_seed(6379);
    struct spool_stat stat;
    struct spool_record gap;
    struct redis_link *link;
    struct spool *spool;

    (void)state;
    for (uint64_t i = 1; i <= N_KILLS; i++) {
        kill_one(i, choose(&choices, MAX_KILL_US),
                 i % SERVER_KILLED_EVERY == 0);
    }
    spool = open_spool();
    while (!(link = open_link()) || !send_all(spool, link)) {
        redis_link_close(link);
        usleep(MAX_KILL_US); /* It still loads what it has. */
    }
    spool_commit(spool, (struct mono_time){SECOND_NS});
    assert_false(spool_read(spool, EVENT_STATUS, &gap));
    spool_get_stat(spool, &stat);
    assert_int_equal(stat.kind[EVENT_FLOW].pending, 0);
    check_stream(link, stat.kind[EVENT_FLOW].last_serial);
    print_message("%zu entries\n", (size_t)stat.kind[EVENT_FLOW].last_serial);
    assert_true(stat.kind[EVENT_FLOW].last_serial > N_KILLS);
    redis_link_close(link);
    spool_close(spool, (struct mono_time){0});
}

static int
start_server(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    spool_folder_make(folder);
    return !redis_server_start(&server, REDIS_SERVER, server_options);
}

static int
stop_server(void **state)
{
    (void)state;
    redis_server_stop(&server);
    spool_folder_remove(folder);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sender_and_server_may_be_killed_and_all_comes_once),
    };

    if (REDIS_SERVER[0] == '\0') {
        puts("skipped: no redis-server");
        return 77;
    }
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
