/* Reading as a group; see group_reader.h.
 *
 * A stream is read in two parts: first what this consumer was given before and
 * has not acknowledged, from "0" on; then, with ">", what nobody was given yet.
 * What the last call handed out is kept until it is acknowledged, also across
 * connections: so an event is not handed out twice by one reader because the
 * server went away in between. */

#include "tools/forward/group_reader.h"

#include "capture/clock.h"
#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/forward/group_streams.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_place.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_SIZE = 21,
    FIXED_WORDS = 12 /* Of any command, besides streams and ids. */
};

struct group_reader {
    struct group_reader_options options;
    char wait_ms[NUMBER_SIZE], batch[NUMBER_SIZE], claim_idle_ms[NUMBER_SIZE];
    struct redis_place place;
    struct redis_link *link;
    struct group_streams streams;
    bool ack_wanted;          /* Of what is pending. */
    bool is_at_end;           /* There was nothing to read. */
    struct mono_time claimed; /* 0: never. */
    size_t claim_next;

    /* Handed out, or found to hold nothing, and not acknowledged. */
    struct redis_reply *reply;
    struct group_entry *entries;
    const char **pending; /* Ids, by stream. */
    size_t n_entries, n_pending, room;
    const char **words; /* Room for the longest command. */
    struct group_counters counters;
};

static bool ack_stream(struct group_reader *, const struct group_stream *,
                       const char *const *ids, struct error *);
static bool connect_again(struct group_reader *, struct error *);
static bool is_refused(struct group_reader *, const struct redis_reply *,
                       const char *what, struct error *);
static bool refresh_streams(struct group_reader *, struct error *);
static bool read_streams(struct group_reader *, bool backlog, bool wait,
                         struct error *);
static size_t put_streams(const struct group_reader *, bool backlog, size_t n);
static bool is_asked(const struct group_stream *, bool backlog);
static bool has_any(const struct group_reader *, bool backlog);
static bool take_streams(struct group_reader *, bool backlog);
static bool claim(struct group_reader *, struct error *);
static bool claim_due(struct group_reader *);
static bool take_entries(struct group_reader *, struct group_stream *,
                         const struct redis_reply *list);
static bool take_entry(struct group_reader *, const struct redis_reply *entry);
static bool make_room(struct group_reader *, size_t n);
static bool is_event(const char *text, size_t size);
static bool ask(struct group_reader *, size_t n_words, struct error *);
static void give_back(struct group_reader *);
static void forget(struct group_reader *);
static bool fail_memory(struct error *);

struct group_reader *
group_reader_new(const struct group_reader_options *options,
                 struct error *error)
{
    struct group_reader *reader = calloc(1, sizeof *reader);

    if (reader) {
        reader->options = *options;
        redis_place_init(&reader->place, &reader->options.server);
        reader->words = calloc(FIXED_WORDS + 2 * GROUP_READER_MAX_STREAMS +
                                   GROUP_READER_MAX_BATCH,
                               sizeof *reader->words);
    }
    if (!reader || !reader->words ||
        !group_streams_init(&reader->streams, &reader->options)) {
        group_reader_free(reader);
        fail_memory(error);
        return NULL;
    }
    snprintf(reader->wait_ms, NUMBER_SIZE, "%d", GROUP_READER_MAX_WAIT_MS);
    snprintf(reader->claim_idle_ms, NUMBER_SIZE, "%" PRId64,
             options->claim_idle_s * 1000);
    return reader;
}

void
group_reader_free(struct group_reader *reader)
{
    if (reader) {
        redis_reply_free(reader->reply);
        redis_link_close(reader->link);
        redis_place_done(&reader->place);
        explicit_bzero(&reader->options.server, sizeof reader->options.server);
        free(reader->entries);
        free(reader->pending);
        free(reader->words);
        group_streams_done(&reader->streams);
        free(reader);
    }
}

bool
group_reader_read(struct group_reader *reader, bool wait,
                  const struct group_entry **entries, size_t *n,
                  struct error *error)
{
    bool good = (!reader->ack_wanted || group_reader_ack(reader, error)) &&
                connect_again(reader, error) && refresh_streams(reader, error);

    if (good) {
        give_back(reader);
    }
    if (good && claim_due(reader)) {
        good = claim(reader, error);
    }
    while (good && reader->n_pending == 0 && has_any(reader, true)) {
        good = read_streams(reader, true, false, error);
    }
    if (good && reader->n_pending == 0 && has_any(reader, false)) {
        good = read_streams(reader, false, wait, error);
    } else if (good && !has_any(reader, false) && wait) {
        poll(NULL, 0, GROUP_READER_MAX_WAIT_MS);
    }
    reader->is_at_end =
        good && reader->n_pending == 0 && !has_any(reader, true);
    *entries = reader->entries;
    *n = good ? reader->n_entries : 0;
    if (!good && !reader->ack_wanted) {
        give_back(reader);
    }
    return good;
}

bool
group_reader_is_at_end(const struct group_reader *reader)
{
    return reader->is_at_end;
}

/* Trimmed and foreign entries go with the rest. */
bool
group_reader_ack(struct group_reader *reader, struct error *error)
{
    size_t first = 0;

    reader->ack_wanted = true;
    if (!connect_again(reader, error)) {
        return false;
    }
    for (size_t i = 0; i < reader->streams.n; i++) {
        const struct group_stream *stream = &reader->streams.list[i];

        if (stream->n_pending &&
            !ack_stream(reader, stream, reader->pending + first, error)) {
            return false;
        }
        first += stream->n_pending;
    }
    reader->ack_wanted = false;
    reader->counters.acked += reader->n_entries;
    forget(reader);
    return true;
}

static bool
ack_stream(struct group_reader *reader, const struct group_stream *stream,
           const char *const *ids, struct error *error)
{
    const char **words = reader->words;
    struct redis_reply *reply;
    bool good;
    size_t n;

    words[0] = "XACK";
    words[1] = stream->key;
    words[2] = reader->options.group;
    for (size_t at = 0; at < stream->n_pending; at += n) {
        n = stream->n_pending - at < GROUP_READER_MAX_BATCH
                ? stream->n_pending - at
                : GROUP_READER_MAX_BATCH;
        memcpy(words + 3, ids + at, n * sizeof *ids);
        words[3 + n] = NULL;
        reply = redis_link_ask(reader->link, words, error);
        /* What is no stream any more has nothing to be acknowledged. */
        good = reply && (group_streams_refused(reply, GROUP_STREAMS_NONE) ||
                         !is_refused(reader, reply, "XACK", error));
        redis_reply_free(reply);
        if (!good) {
            return false;
        }
    }
    return true;
}

void
group_reader_get_counters(const struct group_reader *reader,
                          struct group_counters *counters)
{
    *counters = reader->counters;
    counters->overflow = reader->streams.overflow;
}

/* Whatever was in doubt on the connection before is this consumer's backlog. */
static bool
connect_again(struct group_reader *reader, struct error *error)
{
    const char *key =
        reader->streams.n ? reader->streams.list[0].key : REDIS_SENSORS_KEY;

    if (reader->link && redis_link_ok(reader->link)) {
        return true;
    }
    redis_link_close(reader->link);
    reader->link = redis_place_open(&reader->place, key, error);
    group_streams_doubt(&reader->streams);
    return reader->link != NULL;
}

/* With an error of the server's.  If it is the wrong server, the next call
 * finds another. */
static bool
is_refused(struct group_reader *reader, const struct redis_reply *reply,
           const char *what, struct error *error)
{
    const char *text = redis_reply_error(reply);

    if (!text) {
        return false;
    }
    redis_reply_refuse(reply, reader->link, what, error);
    if (redis_place_refused(&reader->place, text)) {
        redis_link_close(reader->link);
        reader->link = NULL;
    }
    return true;
}

static bool
refresh_streams(struct group_reader *reader, struct error *error)
{
    bool good = group_streams_refresh(&reader->streams, &reader->place,
                                      reader->link, error);

    if (!good) {
        redis_link_close(reader->link);
        reader->link = NULL;
    }
    return good;
}

static bool
read_streams(struct group_reader *reader, bool backlog, bool wait,
             struct error *error)
{
    const char **words = reader->words;
    size_t n = 0, each;

    words[n++] = "XREADGROUP";
    words[n++] = "GROUP";
    words[n++] = reader->options.group;
    words[n++] = reader->options.consumer;
    words[n++] = "COUNT";
    each = reader->options.batch / reader->streams.n;
    snprintf(reader->batch, NUMBER_SIZE, "%zu", each ? each : 1);
    words[n++] = reader->batch;
    if (wait) {
        words[n++] = "BLOCK";
        words[n++] = reader->wait_ms;
    }
    words[n++] = "STREAMS";
    n = put_streams(reader, backlog, n);
    if (!ask(reader, n, error)) {
        return false;
    }
    /* Streams were deleted, and maybe something else is there. */
    if (group_streams_refused(reader->reply, "NOGROUP") ||
        group_streams_refused(reader->reply, GROUP_STREAMS_NONE)) {
        group_streams_doubt(&reader->streams);
        forget(reader);
        return refresh_streams(reader, error);
    }
    if (is_refused(reader, reader->reply, "XREADGROUP", error)) {
        return false;
    }
    return take_streams(reader, backlog) || fail_memory(error);
}

/* Their keys, and then as many positions. */
static size_t
put_streams(const struct group_reader *reader, bool backlog, size_t n)
{
    size_t n_asked = 0;

    for (size_t i = 0; i < reader->streams.n; i++) {
        n_asked += is_asked(&reader->streams.list[i], backlog);
    }
    for (size_t i = 0; i < reader->streams.n; i++) {
        const struct group_stream *stream = &reader->streams.list[i];

        if (is_asked(stream, backlog)) {
            reader->words[n] = stream->key;
            reader->words[n + n_asked] = backlog ? stream->position : ">";
            n++;
        }
    }
    return n + n_asked;
}

static bool
is_asked(const struct group_stream *stream, bool backlog)
{
    return stream->is_ready && (!backlog || stream->has_backlog);
}

static bool
has_any(const struct group_reader *reader, bool backlog)
{
    for (size_t i = 0; i < reader->streams.n; i++) {
        if (is_asked(&reader->streams.list[i], backlog)) {
            return true;
        }
    }
    return false;
}

/* The answer has streams in the order they were asked for, and leaves those out
 * of which there is nothing new. */
static bool
take_streams(struct group_reader *reader, bool backlog)
{
    for (size_t i = 0, at = 0; i < reader->streams.n; i++) {
        struct group_stream *stream = &reader->streams.list[i];
        const struct redis_reply *one = redis_reply_at(reader->reply, at);
        const struct redis_reply *list = redis_reply_at(one, 1);

        if (!redis_reply_is(redis_reply_at(one, 0), stream->key)) {
            continue;
        }
        at++;
        if (!take_entries(reader, stream, list)) {
            return false;
        }
        if (backlog) {
            stream->has_backlog = stream->n_pending > 0;
            snprintf(stream->position, GROUP_STREAM_ID_SIZE, "%s",
                     stream->n_pending ? reader->pending[reader->n_pending - 1]
                                       : "0");
        }
    }
    return true;
}

/* One stream at a time, each in its turn. */
static bool
claim_due(struct group_reader *reader)
{
    struct mono_time now = system_clock_mono();
    int64_t every_ns = reader->options.claim_idle_s * SECOND_NS / 2;

    if (every_ns == 0 || reader->streams.n == 0 ||
        now.ns - reader->claimed.ns < every_ns / (int64_t)reader->streams.n) {
        return false;
    }
    reader->claimed = now;
    return true;
}

/* XAUTOCLAIM answers with where to go on, what was taken over, and (from Redis
 * 7 on) the ids of what is no longer there, which it forgets. */
static bool
claim(struct group_reader *reader, struct error *error)
{
    struct group_stream *stream =
        &reader->streams.list[reader->claim_next++ % reader->streams.n];
    const struct redis_reply *cursor;
    const char **words = reader->words;
    size_t n = 0;

    if (!stream->is_ready) {
        return true;
    }
    snprintf(reader->batch, NUMBER_SIZE, "%u", reader->options.batch);
    words[n++] = "XAUTOCLAIM";
    words[n++] = stream->key;
    words[n++] = reader->options.group;
    words[n++] = reader->options.consumer;
    words[n++] = reader->claim_idle_ms;
    words[n++] = stream->claim_cursor;
    words[n++] = "COUNT";
    words[n++] = reader->batch;
    if (!ask(reader, n, error)) {
        return false;
    }
    if (group_streams_refused(reader->reply, "NOGROUP") ||
        group_streams_refused(reader->reply, GROUP_STREAMS_NONE)) {
        stream->is_ready = false;
        return refresh_streams(reader, error);
    }
    if (is_refused(reader, reader->reply, "XAUTOCLAIM", error)) {
        return false;
    }
    cursor = redis_reply_at(reader->reply, 0);
    snprintf(stream->claim_cursor, GROUP_STREAM_ID_SIZE, "%s",
             redis_reply_text(cursor, NULL) ? redis_reply_text(cursor, NULL)
                                            : "0");
    if (!take_entries(reader, stream, redis_reply_at(reader->reply, 1))) {
        return fail_memory(error);
    }
    reader->counters.claimed += reader->n_entries;
    reader->counters.trimmed += redis_reply_n(redis_reply_at(reader->reply, 2));
    return true;
}

static bool
take_entries(struct group_reader *reader, struct group_stream *stream,
             const struct redis_reply *list)
{
    size_t n = redis_reply_n(list);

    if (!make_room(reader, n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        stream->n_pending += take_entry(reader, redis_reply_at(list, i));
    }
    return true;
}

/* An entry is its id and a list of names and values; nil instead, if it was
 * trimmed.  False if it is no entry at all. */
static bool
take_entry(struct group_reader *reader, const struct redis_reply *entry)
{
    const char *id = redis_reply_text(redis_reply_at(entry, 0), NULL);
    const struct redis_reply *fields = redis_reply_at(entry, 1);
    const char *event;
    size_t size;

    if (!id || strlen(id) >= GROUP_STREAM_ID_SIZE) {
        return false;
    }
    reader->pending[reader->n_pending++] = id;
    event =
        redis_reply_text(redis_reply_of(fields, reader->options.field), &size);
    if (!redis_reply_is_list(fields)) {
        reader->counters.trimmed++;
    } else if (!event || !is_event(event, size)) {
        reader->counters.foreign++;
    } else {
        reader->entries[reader->n_entries++] =
            (struct group_entry){.event = event, .size = size};
    }
    return true;
}

static bool
make_room(struct group_reader *reader, size_t n)
{
    size_t room = reader->n_pending + n;
    void *entries, *pending;

    if (room <= reader->room) {
        return true;
    }
    entries = realloc(reader->entries, room * sizeof *reader->entries);
    reader->entries = entries ? entries : reader->entries;
    pending = realloc(reader->pending, room * sizeof *reader->pending);
    reader->pending = pending ? pending : reader->pending;
    if (!entries || !pending) {
        return false;
    }
    reader->room = room;
    return true;
}

/* An object on one line, so that lines can be told apart again. */
static bool
is_event(const char *text, size_t size)
{
    if (size < 2 || text[0] != '{' || text[size - 1] != '}') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ') {
            return false;
        }
    }
    return true;
}

/* Sends the first 'n_words' of 'words', and keeps the answer. */
static bool
ask(struct group_reader *reader, size_t n_words, struct error *error)
{
    reader->words[n_words] = NULL;
    redis_reply_free(reader->reply);
    reader->reply = redis_link_ask(reader->link, reader->words, error);
    return reader->reply != NULL;
}

/* What was read and is not to be acknowledged is this consumer's backlog. */
static void
give_back(struct group_reader *reader)
{
    for (size_t i = 0; i < reader->streams.n; i++) {
        if (reader->streams.list[i].n_pending) {
            group_stream_rewind(&reader->streams.list[i]);
        }
    }
    forget(reader);
}

static void
forget(struct group_reader *reader)
{
    redis_reply_free(reader->reply);
    reader->reply = NULL;
    reader->n_entries = 0;
    reader->n_pending = 0;
    for (size_t i = 0; i < reader->streams.n; i++) {
        reader->streams.list[i].n_pending = 0;
    }
}

/* Always false. */
static bool
fail_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, NULL, "no memory to read streams");
}
