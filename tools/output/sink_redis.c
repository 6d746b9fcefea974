/* Events into Redis streams; see redis_batch.h for how each gets there once.
 *
 * The output thread talks to the server itself: a batch is written in one go,
 * then its replies are read.  Every wait is bounded: connecting and each reply
 * by IO_TIMEOUT, all of it together, without an event getting through, by the
 * sink's patience.  Then the batch is dropped and counted, and so are later
 * ones, except that every RETRY_NS one of them tries again.
 *
 * A connection is used until anything goes wrong with it and never repaired:
 * what was sent and not answered is in doubt, and the next connection asks the
 * server what it has. */

#include "capture/error.h"
#include "tools/output/redis_batch.h"
#include "tools/output/redis_uri.h"
#include "tools/output/resp.h"
#include "tools/output/sink.h"
#include "tools/output/system_clock.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <hiredis/hiredis.h>

enum {
    IO_TIMEOUT_S = 2, /* To connect, and for one reply. */
    MAX_COMMAND_BYTES = 4096,
    REASON_SIZE = 128,
    FIRST_BACK_OFF_MS = 100,
    LAST_BACK_OFF_MS = 5000
};

#define RETRY_NS (5 * SECOND_NS)

struct sink_redis {
    struct sink sink;
    struct redis_uri uri;
    const struct event_source *source;
    int64_t patience_ns;
    redisContext *context; /* NULL while not connected. */
    struct redis_batch batch;
    struct json command; /* One at a time, at the start of a connection. */
    struct error error;  /* The latest. */
    int64_t next_try_ns; /* Monotonic; while down. */
    bool resumed;        /* Where the streams end was learnt once. */
    bool stale;          /* It must be learnt again, on a new connection. */
};

static void put(struct sink *sink, const struct sink_event *event);
static void flush(struct sink *sink);
static void close_redis(struct sink *sink);

static bool attempt(struct sink_redis *redis);
static bool wait_and_grow(int64_t *back_off_ns, int64_t deadline_ns);
static bool exchange(struct sink_redis *redis);
static bool send_commands(struct sink_redis *redis);
static void wake_at(struct sink_redis *redis, size_t n_bytes);
static bool read_answer(struct sink_redis *redis, size_t i);
static void take_answer(struct sink_redis *redis, size_t i, const char *text);
static void give_up(struct sink_redis *redis);
static void finish_entry(struct redis_entry *entry, struct counter *counters);

static bool connect_redis(struct sink_redis *redis);
static bool open_socket(struct sink_redis *redis);
static bool log_in(struct sink_redis *redis);
static bool resume(struct sink_redis *redis);
static bool resume_stream(struct sink_redis *redis, enum event_kind kind);
static bool last_id_of(struct sink_redis *redis, const char *key,
                       struct redis_id *id);
static bool find_last_id(const redisReply *reply, struct redis_id *id);
static bool register_sensor(struct sink_redis *redis);
static redisReply *call(struct sink_redis *redis);
static bool call_ok(struct sink_redis *redis, const char *what);
static void disconnect(struct sink_redis *redis);
static bool fail_io(struct sink_redis *redis);
static bool fail_system(struct sink_redis *redis, int reason);
static bool fail(struct sink_redis *redis, const char *what, const char *why);

static const struct sink_class class = {put, flush, close_redis};

struct sink *
sink_redis_open(const char *uri, const struct sink_options *options,
                struct error *error)
{
    struct sink_redis *redis = calloc(1, sizeof *redis);

    if (!redis) {
        error_set(error, ERROR_MEMORY, "", "no memory for a Redis output");
        return NULL;
    }
    if (!redis_uri_parse(uri, &redis->uri, error)) {
        free(redis);
        return NULL;
    }
    if (options->redis_password) {
        snprintf(redis->uri.password, sizeof redis->uri.password, "%s",
                 options->redis_password);
    }
    sink_init(&redis->sink, &class, redis->uri.name);
    redis->source = options->source;
    redis->patience_ns = options->patience_ns;
    redis_batch_init(&redis->batch, options->source->sensor);
    json_init(&redis->command, MAX_COMMAND_BYTES);
    if (!connect_redis(redis)) {
        *error = redis->error;
        close_redis(&redis->sink);
        return NULL;
    }
    return &redis->sink;
}

const char *
sink_redis_library_version(void)
{
#define TEXT_OF(X)  TEXT_OF_(X)
#define TEXT_OF_(X) #X
    return TEXT_OF(HIREDIS_MAJOR) "." TEXT_OF(HIREDIS_MINOR) "." TEXT_OF(
        HIREDIS_PATCH);
#undef TEXT_OF_
#undef TEXT_OF
}

static void
put(struct sink *sink, const struct sink_event *event)
{
    struct sink_redis *redis = (struct sink_redis *)sink;

    if (redis_batch_is_full(&redis->batch)) {
        flush(sink);
    }
    if (!redis_batch_add(&redis->batch, event)) {
        error_set(&redis->error, ERROR_MEMORY, sink->name,
                  "no memory for an event");
        sink_fail(sink, &redis->error);
        counter_add(&sink->dropped[event->kind], 1);
    }
}

static void
flush(struct sink *sink)
{
    struct sink_redis *redis = (struct sink_redis *)sink;
    int64_t back_off_ns = FIRST_BACK_OFF_MS * MILLISECOND_NS;
    bool up = atomic_load(&sink->up);
    int64_t deadline_ns =
        system_clock_mono().ns + (up ? redis->patience_ns : 0);

    if (!up && system_clock_mono().ns < redis->next_try_ns) {
        give_up(redis);
        return;
    }
    while (redis->batch.n > 0) {
        if (attempt(redis)) {
            deadline_ns = system_clock_mono().ns + redis->patience_ns;
            back_off_ns = FIRST_BACK_OFF_MS * MILLISECOND_NS;
            atomic_store(&sink->up, true);
        } else if (!wait_and_grow(&back_off_ns, deadline_ns)) {
            sink_fail(sink, &redis->error);
            atomic_store(&sink->up, false);
            redis->next_try_ns = system_clock_mono().ns + RETRY_NS;
            give_up(redis);
        }
    }
}

static void
close_redis(struct sink *sink)
{
    struct sink_redis *redis = (struct sink_redis *)sink;

    give_up(redis);
    disconnect(redis);
    redis_batch_done(&redis->batch);
    json_done(&redis->command);
    sink_done(sink);
    explicit_bzero(&redis->uri, sizeof redis->uri);
    free(redis);
}

/* Connects if need be and sends what is left of the batch.  Whether anything
 * was settled by that. */
static bool
attempt(struct sink_redis *redis)
{
    size_t n_before = redis->batch.n;

    if (redis->context || connect_redis(redis)) {
        exchange(redis);
    }
    if (redis->stale) {
        disconnect(redis);
    }
    redis_batch_compact(&redis->batch);
    return redis->batch.n < n_before;
}

/* False when the deadline comes first. */
static bool
wait_and_grow(int64_t *back_off_ns, int64_t deadline_ns)
{
    struct timespec pause = {.tv_sec = *back_off_ns / SECOND_NS,
                             .tv_nsec = *back_off_ns % SECOND_NS};

    if (system_clock_mono().ns + *back_off_ns > deadline_ns) {
        return false;
    }
    nanosleep(&pause, NULL);
    *back_off_ns *= 2;
    if (*back_off_ns > LAST_BACK_OFF_MS * MILLISECOND_NS) {
        *back_off_ns = LAST_BACK_OFF_MS * MILLISECOND_NS;
    }
    return true;
}

static bool
exchange(struct sink_redis *redis)
{
    struct redis_batch *batch = &redis->batch;

    if (!redis_batch_encode(batch)) {
        disconnect(redis);
        return fail(redis, "", "no memory for a batch of events");
    }
    if (!send_commands(redis)) {
        return false;
    }
    wake_at(redis, batch->reply_bytes);
    for (size_t i = 0; i < batch->n_commands; i++) {
        if (!read_answer(redis, i)) {
            return false;
        }
        if (i == 0) {
            wake_at(redis, 1);
        }
    }
    return true;
}

/* Past hiredis, which would copy it all into a buffer that it makes and frees
 * again each time. */
static bool
send_commands(struct sink_redis *redis)
{
    const struct json *commands = &redis->batch.commands;
    size_t sent = 0;

    while (sent < commands->size) {
        ssize_t n = send(redis->context->fd, commands->data + sent,
                         commands->size - sent, MSG_NOSIGNAL);

        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno != EINTR) {
            return fail_system(redis, errno);
        }
    }
    return true;
}

/* Lets the first read sleep until all answers are there (or the time is up),
 * rather than wake for every few.  An error is longer than the answer it stands
 * for, so there are never fewer bytes.  Where the kernel does not know the
 * option, it wakes as it likes. */
static void
wake_at(struct sink_redis *redis, size_t n_bytes)
{
    int low_water = n_bytes < INT_MAX ? (int)n_bytes : INT_MAX;

    setsockopt(redis->context->fd, SOL_SOCKET, SO_RCVLOWAT, &low_water,
               sizeof low_water);
}

/* The answer to the i-th command; false if the connection failed. */
static bool
read_answer(struct sink_redis *redis, size_t i)
{
    redisReply *reply;

    if (redisGetReply(redis->context, (void **)&reply) != REDIS_OK) {
        return fail_io(redis);
    }
    take_answer(redis, i, reply->type == REDIS_REPLY_ERROR ? reply->str : NULL);
    freeReplyObject(reply);
    return true;
}

/* 'text' is that of an error, NULL if there was none. */
static void
take_answer(struct sink_redis *redis, size_t i, const char *text)
{
    struct redis_batch *batch = &redis->batch;
    struct redis_entry *entry = &batch->entries[batch->order[i]];
    struct redis_stream *stream = &batch->streams[entry->kind];
    enum redis_answer answer = text ? redis_answer_of(text) : REDIS_STORED;

    if (text && !(answer == REDIS_NOT_ABOVE && i < batch->n_resent)) {
        fail(redis, stream->key, text);
    }
    switch (answer) {
    case REDIS_STORED:
        stream->acked = entry->id;
        finish_entry(entry, redis->sink.acked);
        break;
    case REDIS_NOT_ABOVE:
        if (i < batch->n_resent) { /* It was stored the first time. */
            finish_entry(entry, redis->sink.acked);
            break;
        }
        /* A foreign producer: a new connection asks where the stream is. */
        entry->state = REDIS_ENTRY_NEW;
        redis->stale = true;
        break;
    case REDIS_TRY_LATER: entry->state = REDIS_ENTRY_NEW; break;
    case REDIS_REFUSED:
        sink_fail(&redis->sink, &redis->error);
        finish_entry(entry, redis->sink.dropped);
        break;
    }
}

/* Drops the whole batch. */
static void
give_up(struct sink_redis *redis)
{
    for (size_t i = 0; i < redis->batch.n; i++) {
        finish_entry(&redis->batch.entries[i], redis->sink.dropped);
    }
    redis_batch_compact(&redis->batch);
}

static void
finish_entry(struct redis_entry *entry, struct counter *counters)
{
    counter_add(&counters[entry->kind], 1);
    entry->state = REDIS_ENTRY_DONE;
}

static bool
connect_redis(struct sink_redis *redis)
{
    if (open_socket(redis) && log_in(redis) && resume(redis) &&
        register_sensor(redis)) {
        return true;
    }
    disconnect(redis);
    return false;
}

static bool
open_socket(struct sink_redis *redis)
{
    const struct timeval timeout = {.tv_sec = IO_TIMEOUT_S};

    redis->context = redis->uri.is_unix
                         ? redisConnectUnixWithTimeout(redis->uri.host, timeout)
                         : redisConnectWithTimeout(redis->uri.host,
                                                   redis->uri.port, timeout);
    if (!redis->context) {
        return fail(redis, "", "no memory for a connection");
    }
    if (redis->context->err) {
        return fail_io(redis);
    }
    if (redisSetTimeout(redis->context, timeout) != REDIS_OK ||
        (!redis->uri.is_unix &&
         redisEnableKeepAlive(redis->context) != REDIS_OK)) {
        return fail_io(redis);
    }
    return true;
}

static bool
log_in(struct sink_redis *redis)
{
    const struct redis_uri *uri = &redis->uri;
    char database[JSON_MAX_NUMBER + 1];

    if (uri->password[0]) {
        json_reset(&redis->command, false);
        resp_command(&redis->command, uri->user[0] ? 3 : 2);
        resp_string(&redis->command, "AUTH");
        if (uri->user[0]) {
            resp_string(&redis->command, uri->user);
        }
        resp_string(&redis->command, uri->password);
        if (!call_ok(redis, "AUTH")) {
            return false;
        }
    }
    if (uri->database) {
        snprintf(database, sizeof database, "%" PRIu32, uri->database);
        json_reset(&redis->command, false);
        resp_command(&redis->command, 2);
        resp_string(&redis->command, "SELECT");
        resp_string(&redis->command, database);
        return call_ok(redis, "SELECT");
    }
    return true;
}

/* Asks where each stream ends, which settles what is in doubt. */
static bool
resume(struct sink_redis *redis)
{
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        if (!resume_stream(redis, (enum event_kind)i)) {
            return false;
        }
    }
    redis->stale = false;
    redis->resumed = true;
    return true;
}

static bool
resume_stream(struct sink_redis *redis, enum event_kind kind)
{
    struct redis_stream *stream = &redis->batch.streams[kind];
    struct redis_id last = {0, 0};
    enum redis_resume result;
    size_t n_found;

    if (!last_id_of(redis, stream->key, &last)) {
        return false;
    }
    result = redis_batch_resume(&redis->batch, kind, last, &n_found);
    counter_add(&redis->sink.acked[kind], n_found);
    if (redis->resumed && result != REDIS_RESUME_OK) {
        fail(redis, stream->key,
             result == REDIS_RESUME_LOST
                 ? "entries that the server had acknowledged are gone"
                 : "somebody else writes to this stream");
        sink_fail(&redis->sink, &redis->error);
    }
    return true;
}

static bool
last_id_of(struct sink_redis *redis, const char *key, struct redis_id *id)
{
    redisReply *reply;
    bool found;

    json_reset(&redis->command, false);
    resp_command(&redis->command, 3);
    resp_string(&redis->command, "XINFO");
    resp_string(&redis->command, "STREAM");
    resp_string(&redis->command, key);
    reply = call(redis);
    if (!reply) {
        return false;
    }
    if (reply->type == REDIS_REPLY_ERROR &&
        strcmp(reply->str, "ERR no such key") == 0) {
        *id = (struct redis_id){0, 0};
        found = true;
    } else if (reply->type == REDIS_REPLY_ERROR) {
        found = fail(redis, key, reply->str);
    } else {
        found = find_last_id(reply, id) ||
                fail(redis, key, "the answer to XINFO STREAM has no last id");
    }
    freeReplyObject(reply);
    return found;
}

static bool
find_last_id(const redisReply *reply, struct redis_id *id)
{
    if (reply->type != REDIS_REPLY_ARRAY) {
        return false;
    }
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i];
        const redisReply *value = reply->element[i + 1];

        if (name->type == REDIS_REPLY_STRING &&
            value->type == REDIS_REPLY_STRING &&
            strcmp(name->str, "last-generated-id") == 0) {
            return redis_id_parse(value->str, id);
        }
    }
    return false;
}

/* So that readers find the streams of every sensor. */
static bool
register_sensor(struct sink_redis *redis)
{
    char epoch[JSON_MAX_NUMBER];

    snprintf(epoch, sizeof epoch, "%08" PRIx32, redis->source->epoch);
    json_reset(&redis->command, false);
    resp_command(&redis->command, 4);
    resp_string(&redis->command, "HSET");
    resp_string(&redis->command, "segmon:sensors");
    resp_string(&redis->command, redis->source->sensor);
    resp_string(&redis->command, epoch);
    return call_ok(redis, "HSET segmon:sensors");
}

/* Sends 'command' and returns its reply; NULL if the connection failed. */
static redisReply *
call(struct sink_redis *redis)
{
    redisReply *reply = NULL;

    if (redis->command.failed ||
        redisAppendFormattedCommand(redis->context, redis->command.data,
                                    redis->command.size) != REDIS_OK) {
        fail(redis, "", "no memory for a command");
        return NULL;
    }
    if (redisGetReply(redis->context, (void **)&reply) != REDIS_OK) {
        fail_io(redis);
        return NULL;
    }
    return reply;
}

static bool
call_ok(struct sink_redis *redis, const char *what)
{
    redisReply *reply = call(redis);
    bool ok;

    if (!reply) {
        return false;
    }
    ok = reply->type != REDIS_REPLY_ERROR || fail(redis, what, reply->str);
    freeReplyObject(reply);
    return ok;
}

static void
disconnect(struct sink_redis *redis)
{
    if (redis->context) {
        redisFree(redis->context);
        redis->context = NULL;
    }
}

/* Ends the connection, whose last error is kept. */
static bool
fail_io(struct sink_redis *redis)
{
    if (redis->context->err == REDIS_ERR_IO) {
        return fail_system(redis, errno);
    }
    fail(redis, "", redis->context->errstr);
    disconnect(redis);
    return false;
}

/* As fail_io().  EAGAIN is that it took longer than the timeout. */
static bool
fail_system(struct sink_redis *redis, int reason)
{
    char text[REASON_SIZE];

    if (reason == EAGAIN || reason == EWOULDBLOCK) {
        snprintf(text, sizeof text, "no answer in time");
    } else if (strerror_r(reason, text, sizeof text)) {
        snprintf(text, sizeof text, "error %d", reason);
    }
    fail(redis, "", text);
    disconnect(redis);
    return false;
}

/* Always false. */
static bool
fail(struct sink_redis *redis, const char *what, const char *why)
{
    return error_set(&redis->error, ERROR_SYSTEM, redis->sink.name,
                     "%s%s%.120s", what, what[0] ? ": " : "", why);
}
