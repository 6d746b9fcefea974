/* See group_streams.h. */

#include "tools/forward/group_streams.h"

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFRESH_NS (5 * SECOND_NS)  /* Between looks for new sensors. */
#define REST_NS    (60 * SECOND_NS) /* Of a key that is no stream. */

static bool add_sensor(void *context, const char *sensor);
static bool has_stream(const struct group_streams *, const char *key);
static void add_stream(struct group_streams *, const char *key);
static bool make_groups(struct group_streams *, struct redis_link *,
                        struct error *);
static bool make_group(const struct group_streams *, struct group_stream *,
                       struct redis_link *, struct error *);

bool
group_streams_init(struct group_streams *streams,
                   const struct group_reader_options *options)
{
    *streams = (struct group_streams){.options = options};
    streams->list = calloc(GROUP_READER_MAX_STREAMS, sizeof *streams->list);
    for (size_t i = 0; streams->list && options->sensors && options->sensors[i];
         i++) {
        add_sensor(streams, options->sensors[i]);
    }
    return streams->list != NULL;
}

void
group_streams_done(struct group_streams *streams)
{
    free(streams->list);
}

bool
group_streams_refresh(struct group_streams *streams,
                      const struct redis_place *place, struct redis_link *link,
                      struct error *error)
{
    struct mono_time now = system_clock_mono();

    if (!streams->options->sensors &&
        (!streams->refreshed.ns ||
         now.ns - streams->refreshed.ns >= REFRESH_NS)) {
        streams->overflow = 0;
        if (!redis_keys_each_sensor(place, link, add_sensor, streams, error)) {
            return false;
        }
        streams->refreshed = now;
    }
    return make_groups(streams, link, error);
}

void
group_streams_doubt(struct group_streams *streams)
{
    for (size_t i = 0; i < streams->n; i++) {
        streams->list[i].is_ready = false;
        group_stream_rewind(&streams->list[i]);
    }
}

void
group_stream_rewind(struct group_stream *stream)
{
    stream->has_backlog = true;
    snprintf(stream->position, sizeof stream->position, "0");
}

bool
group_streams_refused(const struct redis_reply *reply, const char *begin)
{
    const char *error = redis_reply_error(reply);

    return error && strncmp(error, begin, strlen(begin)) == 0;
}

static bool
add_sensor(void *context, const char *sensor)
{
    struct group_streams *streams = context;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        char key[REDIS_KEY_SIZE];

        redis_key(key, sensor, event_kind_name((enum event_kind)kind));
        if (streams->options->events & (1U << kind) &&
            !has_stream(streams, key)) {
            add_stream(streams, key);
        }
    }
    return true; /* There may be more. */
}

static bool
has_stream(const struct group_streams *streams, const char *key)
{
    for (size_t i = 0; i < streams->n; i++) {
        if (strcmp(streams->list[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* What is only found later is new from its first entry on. */
static void
add_stream(struct group_streams *streams, const char *key)
{
    struct group_stream *stream = &streams->list[streams->n];
    bool begins_at_end = streams->options->only_new && !streams->started;

    if (streams->n == GROUP_READER_MAX_STREAMS) {
        streams->overflow++;
        return;
    }
    *stream = (struct group_stream){.begin = begins_at_end ? "$" : "0",
                                    .claim_cursor = "0"};
    snprintf(stream->key, sizeof stream->key, "%s", key);
    group_stream_rewind(stream);
    streams->n++;
}

static bool
make_groups(struct group_streams *streams, struct redis_link *link,
            struct error *error)
{
    struct mono_time now = system_clock_mono();

    for (size_t i = 0; i < streams->n; i++) {
        struct group_stream *stream = &streams->list[i];

        if (stream->is_ready || now.ns < stream->rests_until.ns) {
            continue;
        }
        if (!make_group(streams, stream, link, error)) {
            return false;
        }
        stream->is_ready = true;
        stream->begin = "0"; /* Should it be deleted, and come again. */
    }
    streams->started = true;
    return true;
}

/* A stream that is not there yet is made: its sensor may come later. */
static bool
make_group(const struct group_streams *streams, struct group_stream *stream,
           struct redis_link *link, struct error *error)
{
    struct redis_reply *reply = redis_link_ask(
        link,
        REDIS_WORDS("XGROUP", "CREATE", stream->key, streams->options->group,
                    stream->begin, "MKSTREAM"),
        error);
    bool good = reply && (!redis_reply_error(reply) ||
                          group_streams_refused(reply, "BUSYGROUP") ||
                          redis_reply_refuse(reply, link, stream->key, error));

    if (group_streams_refused(reply, GROUP_STREAMS_NONE)) {
        stream->rests_until.ns = system_clock_mono().ns + REST_NS;
    }
    redis_reply_free(reply);
    return good;
}
