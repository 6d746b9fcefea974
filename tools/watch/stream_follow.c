/* Following streams; see stream_follow.h.
 *
 * A batch is one transaction: what the streams hold, and what is behind the
 * last entries read.  So it is certain what was trimmed away unread.  When a
 * batch is empty, a blocking XREAD tells that there is more; what it answers is
 * not used. */

#include "tools/watch/stream_follow.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_place.h"
#include "tools/watch/stream_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_MS = 1000, /* Then sensors are looked for again. */
    ID_TEXT_SIZE = 2 * JSON_MAX_NUMBER + 2,
    MAX_REQUEST = STREAM_FOLLOW_MAX_STREAMS * 512
};

#define ANSWER_NS (BLOCK_MS * MILLISECOND_NS + REDIS_LINK_TIMEOUT_S * SECOND_NS)

/* One of a batch. */
struct found {
    const struct stream *stream;
    const struct redis_reply *entry;
    struct redis_id id;
};

struct stream_follow {
    struct stream_follow_options options;
    struct stream_follow_handler handler;
    struct redis_place place;
    struct redis_link *link; /* NULL while not connected. */
    struct stream_list streams;
    bool is_idle;       /* The last batch was empty. */
    bool asked;         /* A blocking XREAD is not answered yet, */
    int64_t asked_ns;   /* since then. */
    struct found *list; /* Of a batch. */
    size_t n_found, capacity;
    struct json request;
};

static bool connect_to(struct stream_follow *, struct error *);
static bool find_streams(struct stream_follow *, struct error *);
static void disconnect(struct stream_follow *);
static bool wait_for_more(struct stream_follow *, int wait_ms, struct error *);
static bool take_wake(struct stream_follow *, struct error *);
static bool read_batch(struct stream_follow *, struct error *);
static void request_batch(struct stream_follow *);
static void request_entries(struct stream_follow *, const char *option,
                            size_t value);
static struct redis_reply *receive_batch(struct stream_follow *,
                                         struct error *);
static bool take_batch(struct stream_follow *, const struct redis_reply *,
                       struct error *);
static void look_for_gap(struct stream_follow *, struct stream *,
                         const struct redis_reply *info);
static bool find_entries(struct stream_follow *, const struct redis_reply *);
static bool find_entries_of(struct stream_follow *,
                            const struct redis_reply *both);
static struct stream *stream_of(struct stream_follow *,
                                const struct redis_reply *key);
static bool add_found(struct stream_follow *, const struct stream *,
                      const struct redis_reply *entry);
static int compare_found(const void *, const void *);
static void hand_out(struct stream_follow *);
static const char *id_format(struct redis_id, char text[ID_TEXT_SIZE]);

struct stream_follow *
stream_follow_new(const struct stream_follow_options *options,
                  const struct stream_follow_handler *handler,
                  struct error *error)
{
    struct stream_follow *follow = calloc(1, sizeof *follow);

    if (follow) {
        follow->options = *options;
        redis_place_init(&follow->place, &follow->options.server);
    }
    if (!follow || !stream_list_init(&follow->streams, &follow->options)) {
        free(follow);
        error_set(error, ERROR_MEMORY, NULL, "no memory to follow streams");
        return NULL;
    }
    follow->handler = *handler;
    json_init(&follow->request, MAX_REQUEST);
    return follow;
}

void
stream_follow_free(struct stream_follow *follow)
{
    if (follow) {
        disconnect(follow);
        redis_place_done(&follow->place);
        json_done(&follow->request);
        explicit_bzero(&follow->options.server, sizeof follow->options.server);
        free(follow->list);
        stream_list_done(&follow->streams);
        free(follow);
    }
}

bool
stream_follow_read(struct stream_follow *follow, int wait_ms,
                   struct error *error)
{
    bool good = follow->link || connect_to(follow, error);

    if (good && follow->is_idle) {
        good = wait_for_more(follow, wait_ms, error);
    }
    if (good && !follow->is_idle) {
        good = read_batch(follow, error);
    }
    if (!good) {
        disconnect(follow);
    }
    return good;
}

size_t
stream_follow_n_left_out(const struct stream_follow *follow)
{
    return follow->streams.n_left_out;
}

static bool
connect_to(struct stream_follow *follow, struct error *error)
{
    const char *key =
        follow->streams.n ? follow->streams.list[0].key : REDIS_SENSORS_KEY;

    follow->link = redis_place_open(&follow->place, key, error);
    follow->is_idle = false;
    return follow->link && find_streams(follow, error);
}

static bool
find_streams(struct stream_follow *follow, struct error *error)
{
    return stream_list_find(&follow->streams, &follow->place, follow->link,
                            error);
}

static void
disconnect(struct stream_follow *follow)
{
    redis_link_close(follow->link);
    follow->link = NULL;
    follow->asked = false;
}

static bool
wait_for_more(struct stream_follow *follow, int wait_ms, struct error *error)
{
    if (!follow->asked) {
        json_reset(&follow->request, false);
        request_entries(follow, "BLOCK", BLOCK_MS);
        if (follow->request.failed ||
            !redis_link_send(follow->link, follow->request.data,
                             follow->request.size, error)) {
            return false;
        }
        follow->asked = true;
        follow->asked_ns = system_clock_mono().ns;
    }
    if (redis_link_wait(follow->link, wait_ms)) {
        return take_wake(follow, error);
    }
    return system_clock_mono().ns - follow->asked_ns < ANSWER_NS ||
           error_set(error, ERROR_SYSTEM, follow->options.server.name,
                     "no answer in time");
}

static bool
take_wake(struct stream_follow *follow, struct error *error)
{
    struct redis_reply *reply = redis_link_receive(follow->link, error);
    bool good = reply != NULL;

    follow->asked = false;
    if (reply && redis_reply_error(reply)) {
        good = redis_reply_refuse(reply, follow->link, "XREAD", error);
    }
    follow->is_idle = false; /* When the time was up, gaps are looked for. */
    good = good && (redis_reply_is_list(reply) || find_streams(follow, error));
    redis_reply_free(reply);
    return good;
}

/* Nothing is followed yet where no sensor is known. */
static bool
read_batch(struct stream_follow *follow, struct error *error)
{
    struct redis_reply *reply;
    bool good;

    follow->is_idle = true;
    if (follow->streams.n == 0) {
        return true;
    }
    request_batch(follow);
    if (follow->request.failed ||
        !redis_link_send(follow->link, follow->request.data,
                         follow->request.size, error)) {
        return false;
    }
    reply = receive_batch(follow, error);
    good = reply && take_batch(follow, reply, error);
    redis_reply_free(reply);
    return good;
}

static void
request_batch(struct stream_follow *follow)
{
    size_t n = STREAM_FOLLOW_BATCH / follow->streams.n;

    json_reset(&follow->request, false);
    resp_words(&follow->request, REDIS_WORDS("MULTI"));
    for (size_t i = 0; i < follow->streams.n; i++) {
        resp_words(&follow->request,
                   REDIS_WORDS("XINFO", "STREAM", follow->streams.list[i].key));
    }
    request_entries(follow, "COUNT", n ? n : 1);
    resp_words(&follow->request, REDIS_WORDS("EXEC"));
}

/* XREAD, with one option. */
static void
request_entries(struct stream_follow *follow, const char *option, size_t value)
{
    /* Where none is known, one that nobody writes to is waited for. */
    bool none = follow->streams.n == 0;
    char text[ID_TEXT_SIZE];

    resp_command(&follow->request, 4 + (none ? 2 : 2 * follow->streams.n));
    resp_string(&follow->request, "XREAD");
    resp_string(&follow->request, option);
    snprintf(text, sizeof text, "%zu", value);
    resp_string(&follow->request, text);
    resp_string(&follow->request, "STREAMS");
    if (none) {
        resp_string(&follow->request, "segmon:{}:flow");
        resp_string(&follow->request, "$");
    }
    for (size_t i = 0; i < follow->streams.n; i++) {
        resp_string(&follow->request, follow->streams.list[i].key);
    }
    for (size_t i = 0; i < follow->streams.n; i++) {
        resp_string(&follow->request,
                    id_format(follow->streams.list[i].last, text));
    }
}

/* The answer to EXEC; those before it only say that they were understood. */
static struct redis_reply *
receive_batch(struct stream_follow *follow, struct error *error)
{
    struct redis_reply *reply;
    bool good = true;

    for (size_t i = 0; i < follow->streams.n + 2; i++) {
        reply = redis_link_receive(follow->link, error);
        if (!reply) {
            return NULL;
        }
        if (good && redis_reply_error(reply)) {
            good = redis_reply_refuse(reply, follow->link, "", error);
        }
        redis_reply_free(reply);
    }
    reply = redis_link_receive(follow->link, error);
    if (good && reply) {
        return reply;
    }
    redis_reply_free(reply);
    return NULL;
}

static bool
take_batch(struct stream_follow *follow, const struct redis_reply *batch,
           struct error *error)
{
    const struct redis_reply *entries =
        redis_reply_at(batch, follow->streams.n);

    if (redis_reply_error(entries)) {
        return redis_reply_refuse(entries, follow->link, "XREAD", error);
    }
    for (size_t i = 0; i < follow->streams.n; i++) {
        look_for_gap(follow, &follow->streams.list[i],
                     redis_reply_at(batch, i));
    }
    if (!find_entries(follow, entries)) {
        return error_set(error, ERROR_MEMORY, NULL, "no memory for entries");
    }
    hand_out(follow);
    return true;
}

/* Of the entries there ever were, some were read and some are left: if that is
 * not all of them, others were deleted before they could be read.  Servers
 * before Redis 7 do not count them. */
static void
look_for_gap(struct stream_follow *follow, struct stream *stream,
             const struct redis_reply *info)
{
    struct stream_gap gap = {.key = stream->key, .after = stream->last};
    struct redis_id newest, oldest;
    uint64_t n_ever, n_left;

    if (!stream_list_id(redis_reply_of(info, "last-generated-id"), &newest)) {
        return;
    }
    if (redis_id_compare(newest, stream->last) < 0) {
        gap.is_anew = true;
        stream->last = (struct redis_id){0, 0};
        stream->is_counted = false;
        follow->is_idle = false; /* It was read from the wrong place. */
        follow->handler.gap(follow->handler.context, &gap);
        return;
    }
    if (!stream_list_count(redis_reply_of(info, "entries-added"), &n_ever) ||
        !stream_list_count(redis_reply_of(info, "length"), &n_left)) {
        return;
    }
    oldest = newest;
    stream_list_id(redis_reply_at(redis_reply_of(info, "first-entry"), 0),
                   &oldest);
    if (stream->is_counted && n_ever < stream->n_before) {
        gap.is_anew = true;
        follow->handler.gap(follow->handler.context, &gap);
    } else if (stream->is_counted && n_ever > stream->n_before + n_left &&
               (n_left == 0 || redis_id_compare(oldest, stream->last) > 0)) {
        gap.n_lost = n_ever - stream->n_before - n_left;
        gap.before = oldest;
        follow->handler.gap(follow->handler.context, &gap);
    }
    if (n_left == 0 || redis_id_compare(oldest, stream->last) > 0) {
        stream->n_before = n_ever - n_left;
        stream->is_counted = true;
    }
}

/* False if memory is out. */
static bool
find_entries(struct stream_follow *follow, const struct redis_reply *streams)
{
    follow->n_found = 0;
    for (size_t i = 0; i < redis_reply_n(streams); i++) {
        if (!find_entries_of(follow, redis_reply_at(streams, i))) {
            return false;
        }
    }
    if (follow->n_found > 1) { /* Else there may be no list. */
        qsort(follow->list, follow->n_found, sizeof *follow->list,
              compare_found);
    }
    return true;
}

/* Of a stream: its key, and a list of entries. */
static bool
find_entries_of(struct stream_follow *follow, const struct redis_reply *both)
{
    const struct redis_reply *entries = redis_reply_at(both, 1);
    const struct stream *stream = stream_of(follow, redis_reply_at(both, 0));

    for (size_t i = 0; stream && i < redis_reply_n(entries); i++) {
        if (!add_found(follow, stream, redis_reply_at(entries, i))) {
            return false;
        }
    }
    return true;
}

static struct stream *
stream_of(struct stream_follow *follow, const struct redis_reply *key)
{
    for (size_t i = 0; i < follow->streams.n; i++) {
        if (redis_reply_is(key, follow->streams.list[i].key)) {
            return &follow->streams.list[i];
        }
    }
    return NULL;
}

static bool
add_found(struct stream_follow *follow, const struct stream *stream,
          const struct redis_reply *entry)
{
    struct found found = {.stream = stream, .entry = entry};
    size_t capacity =
        follow->capacity ? 2 * follow->capacity : STREAM_FOLLOW_BATCH;

    if (!stream_list_id(redis_reply_at(entry, 0), &found.id)) {
        return true;
    }
    if (follow->n_found == follow->capacity) {
        struct found *list =
            realloc(follow->list, capacity * sizeof *follow->list);

        if (!list) {
            return false;
        }
        follow->list = list;
        follow->capacity = capacity;
    }
    follow->list[follow->n_found++] = found;
    return true;
}

static int
compare_found(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    int order = redis_id_compare(a->id, b->id);

    if (order == 0 && a->stream != b->stream) {
        order = a->stream < b->stream ? -1 : 1;
    }
    return order;
}

static void
hand_out(struct stream_follow *follow)
{
    for (size_t i = 0; i < follow->n_found; i++) {
        const struct found *found = &follow->list[i];
        struct stream *stream =
            &follow->streams.list[found->stream - follow->streams.list];
        struct stream_entry entry = {
            .sensor = stream->sensor, .kind = stream->kind, .id = found->id};

        entry.event = redis_reply_text(
            redis_reply_of(redis_reply_at(found->entry, 1), "event"),
            &entry.size);
        stream->last = found->id;
        stream->n_before++;
        follow->is_idle = false;
        follow->handler.entry(follow->handler.context, &entry);
    }
}

static const char *
id_format(struct redis_id id, char text[ID_TEXT_SIZE])
{
    snprintf(text, ID_TEXT_SIZE, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
    return text;
}
