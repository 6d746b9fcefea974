/* Events into Redis streams; see redis_batch.h for how each gets there once.
 *
 * The output thread talks to the server itself: a batch is written in one go,
 * then its replies are read.  Every wait is bounded: connecting and each reply
 * by the link, all of it together, without an event getting through, by the
 * sink's patience.  Then the batch is dropped and counted, and so are later
 * ones, except that every RETRY_NS one of them tries again.
 *
 * A connection is used until anything goes wrong with it and never repaired:
 * what was sent and not answered is in doubt, and the next connection asks the
 * server what it has. */

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/redis_batch.h"
#include "tools/output/sink.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_password.h"
#include "tools/redis/redis_state.h"
#include "tools/redis/redis_uri.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FIRST_BACK_OFF_MS = 100,
    LAST_BACK_OFF_MS = 5000
};

#define RETRY_NS (5 * SECOND_NS)

struct sink_redis {
    struct sink sink;
    struct redis_uri uri;
    const struct event_source *source;
    const char *password_file; /* Borrowed; NULL if there is none. */
    const _Atomic int64_t *limit_ns;
    int64_t patience_ns;
    struct redis_link *link; /* NULL while not connected. */
    struct redis_batch batch;
    struct error error;  /* The latest. */
    int64_t next_try_ns; /* Monotonic; while down. */
    bool resumed;        /* Where the streams end was learnt once. */
    bool stale;          /* It must be learnt again, on a new connection. */
};

static void put(struct sink *sink, const struct sink_event *event);
static void flush(struct sink *sink);
static void put_state(struct sink *sink, const struct redis_state *state);
static void close_redis(struct sink *sink);

static bool is_late(const struct sink_redis *redis);
static bool attempt(struct sink_redis *redis);
static bool wait_and_grow(int64_t *back_off_ns, int64_t deadline_ns);
static bool exchange(struct sink_redis *redis);
static bool read_answer(struct sink_redis *redis, size_t i);
static void take_answer(struct sink_redis *redis, size_t i,
                        const struct redis_reply *reply);
static void give_up(struct sink_redis *redis);
static void finish_entry(struct redis_entry *entry, struct counter *counters);

static bool may_connect(struct sink_redis *redis);
static bool send_state(struct sink_redis *redis,
                       const struct redis_state *state);
static bool state_is_refused(const struct redis_reply *reply);
static bool connect_redis(struct sink_redis *redis);
static bool resume(struct sink_redis *redis);
static bool resume_stream(struct sink_redis *redis, enum event_kind kind);
static bool last_id_of(struct sink_redis *redis, const char *key,
                       struct redis_id *id);
static bool find_last_id(struct sink_redis *redis, const char *key,
                         const struct redis_reply *reply, struct redis_id *id);
static bool register_sensor(struct sink_redis *redis);
static void disconnect(struct sink_redis *redis);
static bool fail(struct sink_redis *redis, const char *what, const char *why);

static const struct sink_class class = {put, flush, put_state, close_redis,
                                        NULL};

struct sink *
sink_redis_open(const char *uri, const struct sink_options *options,
                struct error *error)
{
    struct sink_redis *redis = calloc(1, sizeof *redis);

    if (!redis) {
        error_set(error, ERROR_MEMORY, "", "no memory for a Redis output");
        return NULL;
    }
    if (!redis_uri_parse(uri, &redis->uri, error) ||
        (options->redis_password &&
         !redis_password_set(&redis->uri, options->redis_password, error))) {
        explicit_bzero(&redis->uri, sizeof redis->uri);
        free(redis);
        return NULL;
    }
    sink_init(&redis->sink, &class, redis->uri.name);
    redis->source = options->source;
    redis->password_file = options->password_file;
    redis->limit_ns = options->deadline_ns;
    redis->patience_ns = options->patience_ns;
    redis_batch_init(&redis->batch, options->source->sensor);
    if (!connect_redis(redis)) {
        *error = redis->error;
        close_redis(&redis->sink);
        return NULL;
    }
    return &redis->sink;
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

    if (redis->batch.n > 0 && is_late(redis)) {
        fail(redis, "", "no time was left to send events");
        sink_fail(sink, &redis->error);
        give_up(redis);
        return;
    }
    if (!up && system_clock_mono().ns < redis->next_try_ns) {
        give_up(redis);
        return;
    }
    while (redis->batch.n > 0) {
        if (attempt(redis)) {
            deadline_ns = system_clock_mono().ns + redis->patience_ns;
            back_off_ns = FIRST_BACK_OFF_MS * MILLISECOND_NS;
            atomic_store(&sink->up, true);
        } else if (is_late(redis) ||
                   !wait_and_grow(&back_off_ns, deadline_ns)) {
            sink_fail(sink, &redis->error);
            atomic_store(&sink->up, false);
            redis->next_try_ns = system_clock_mono().ns + RETRY_NS;
            give_up(redis);
        }
    }
}

/* Nobody waits for the server any more. */
static bool
is_late(const struct sink_redis *redis)
{
    return system_clock_mono().ns >= atomic_load(redis->limit_ns);
}

/* Between batches, when no answer is waited for.  Events never wait for more
 * than one attempt at this. */
static void
put_state(struct sink *sink, const struct redis_state *state)
{
    struct sink_redis *redis = (struct sink_redis *)sink;

    if (is_late(redis) || (!redis->link && !may_connect(redis))) {
        return;
    }
    if (send_state(redis, state)) {
        atomic_store(&sink->up, true);
    } else {
        disconnect(redis);
    }
}

static void
close_redis(struct sink *sink)
{
    struct sink_redis *redis = (struct sink_redis *)sink;

    give_up(redis);
    disconnect(redis);
    redis_batch_done(&redis->batch);
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

    counter_add(&redis->sink.waits, 1);
    if (redis->link || connect_redis(redis)) {
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
    if (!redis_link_send(redis->link, batch->commands.data,
                         batch->commands.size, &redis->error)) {
        disconnect(redis);
        return false;
    }
    redis_link_wake_at(redis->link, batch->reply_bytes);
    for (size_t i = 0; i < batch->n_commands; i++) {
        if (is_late(redis) || !read_answer(redis, i)) {
            disconnect(redis);
            return false;
        }
        if (i == 0) {
            redis_link_wake_at(redis->link, 1);
        }
    }
    return true;
}

/* The answer to the i-th command; false if the connection failed. */
static bool
read_answer(struct sink_redis *redis, size_t i)
{
    struct redis_reply *reply = redis_link_receive(redis->link, &redis->error);

    if (!reply) {
        return false;
    }
    take_answer(redis, i, reply);
    redis_reply_free(reply);
    return true;
}

static void
take_answer(struct sink_redis *redis, size_t i, const struct redis_reply *reply)
{
    struct redis_batch *batch = &redis->batch;
    struct redis_entry *entry = &batch->entries[batch->order[i]];
    struct redis_stream *stream = &batch->streams[entry->kind];
    const char *text = redis_reply_error(reply);
    enum redis_answer answer = text ? redis_answer_of(text) : REDIS_STORED;

    if (text && !(answer == REDIS_NOT_ABOVE && i < batch->n_resent)) {
        redis_reply_refuse(reply, redis->link, stream->key, &redis->error);
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

/* For the state alone, which shows that the server is back even when there is
 * no event. */
static bool
may_connect(struct sink_redis *redis)
{
    if (system_clock_mono().ns < redis->next_try_ns) {
        return false;
    }
    redis->next_try_ns = system_clock_mono().ns + RETRY_NS;
    return connect_redis(redis);
}

/* False if the connection failed.  What the server refuses is told, and does
 * not keep events from it. */
static bool
send_state(struct sink_redis *redis, const struct redis_state *state)
{
    if (!redis_link_send(redis->link, state->commands.data,
                         state->commands.size, &redis->error)) {
        return false;
    }
    for (size_t i = 0; i < state->n_commands; i++) {
        struct redis_reply *reply =
            redis_link_receive(redis->link, &redis->error);

        if (!reply) {
            return false;
        }
        if (state_is_refused(reply)) {
            redis_reply_refuse(reply, redis->link, "state", &redis->error);
            sink_fail(&redis->sink, &redis->error);
        }
        redis_reply_free(reply);
    }
    return true;
}

/* Not by a cluster, for the one key that is of all sensors. */
static bool
state_is_refused(const struct redis_reply *reply)
{
    const char *text = redis_reply_error(reply);

    return text && strncmp(text, "MOVED ", strlen("MOVED ")) != 0;
}

static bool
connect_redis(struct sink_redis *redis)
{
    if (redis->password_file &&
        !redis_password_read(&redis->uri, redis->password_file,
                             &redis->error)) {
        return false;
    }
    redis->link = redis_link_open(&redis->uri, &redis->error);
    if (redis->link && resume(redis) && register_sensor(redis)) {
        return true;
    }
    disconnect(redis);
    return false;
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
    struct redis_reply *reply = redis_link_ask(
        redis->link, REDIS_WORDS("XINFO", "STREAM", key), &redis->error);
    bool found = reply && find_last_id(redis, key, reply, id);

    redis_reply_free(reply);
    return found;
}

static bool
find_last_id(struct sink_redis *redis, const char *key,
             const struct redis_reply *reply, struct redis_id *id)
{
    const char *refused = redis_reply_error(reply);
    const char *last =
        redis_reply_text(redis_reply_of(reply, "last-generated-id"), NULL);

    if (refused && strcmp(refused, "ERR no such key") == 0) {
        *id = (struct redis_id){0, 0};
        return true;
    }
    if (refused) {
        return redis_reply_refuse(reply, redis->link, key, &redis->error);
    }
    return (last && redis_id_parse(last, id)) ||
           fail(redis, key, "the answer to XINFO STREAM has no last id");
}

/* So that readers find the streams of every sensor.  Events do not depend on
 * it: a server may refuse it (another node of a cluster has the key, or the
 * sensor's user has no right to it), and the state tries it again. */
static bool
register_sensor(struct sink_redis *redis)
{
    char epoch[JSON_MAX_NUMBER];
    struct error error;
    bool done;

    snprintf(epoch, sizeof epoch, "%08" PRIx32, redis->source->epoch);
    done = redis_link_do(
        redis->link,
        REDIS_WORDS("HSET", REDIS_SENSORS_KEY, redis->source->sensor, epoch),
        &error);
    if (!done && !redis_link_ok(redis->link)) {
        redis->error = error;
        return false;
    }
    return true;
}

static void
disconnect(struct sink_redis *redis)
{
    redis_link_close(redis->link);
    redis->link = NULL;
}

/* Always false. */
static bool
fail(struct sink_redis *redis, const char *what, const char *why)
{
    return error_set(&redis->error, ERROR_SYSTEM, redis->sink.name,
                     "%s%s%.120s", what, what[0] ? ": " : "", why);
}
