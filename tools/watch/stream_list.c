/* See stream_list.h. */

#include "tools/watch/stream_list.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"
#include "tools/watch/stream_follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ask_for_sensors(struct stream_list *, const struct redis_place *,
                            struct redis_link *, struct error *);
static bool add_sensor(void *context, const char *sensor);
static bool place_streams(struct stream_list *, struct redis_link *,
                          struct error *);
static bool place(const struct stream_list *, struct stream *,
                  struct redis_link *, struct error *);
static bool place_before_newest(const struct stream_list *, struct stream *,
                                struct redis_link *, struct error *);

bool
stream_list_init(struct stream_list *streams,
                 const struct stream_follow_options *options)
{
    *streams = (struct stream_list){
        .options = options,
        .list = calloc(STREAM_FOLLOW_MAX_STREAMS, sizeof *streams->list)};
    if (!streams->list) {
        return false;
    }
    for (size_t i = 0; options->sensors && options->sensors[i]; i++) {
        add_sensor(streams, options->sensors[i]);
    }
    return true;
}

void
stream_list_done(struct stream_list *streams)
{
    free(streams->list);
}

bool
stream_list_find(struct stream_list *streams, const struct redis_place *place,
                 struct redis_link *link, struct error *error)
{
    return (streams->options->sensors ||
            ask_for_sensors(streams, place, link, error)) &&
           place_streams(streams, link, error);
}

bool
stream_list_id(const struct redis_reply *reply, struct redis_id *id)
{
    const char *text = redis_reply_text(reply, NULL);

    return text && redis_id_parse(text, id);
}

bool
stream_list_count(const struct redis_reply *reply, uint64_t *count)
{
    int64_t number;
    bool good = redis_reply_integer(reply, &number) && number >= 0;

    if (good) {
        *count = (uint64_t)number;
    }
    return good;
}

static bool
ask_for_sensors(struct stream_list *streams, const struct redis_place *place,
                struct redis_link *link, struct error *error)
{
    streams->n_left_out = 0;
    return redis_keys_each_sensor(place, link, add_sensor, streams, error);
}

/* Unless it is followed already.  There may be more. */
static bool
add_sensor(void *context, const char *sensor)
{
    struct stream_list *streams = context;

    for (size_t i = 0; i < streams->n; i++) {
        if (strcmp(streams->list[i].sensor, sensor) == 0) {
            return true;
        }
    }
    if (streams->n + EVENT_N_KINDS > STREAM_FOLLOW_MAX_STREAMS) {
        streams->n_left_out++;
        return true;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct stream *stream = &streams->list[streams->n];

        if (!(streams->options->kinds >> kind & 1)) {
            continue;
        }
        *stream = (struct stream){.kind = (enum event_kind)kind};
        snprintf(stream->sensor, sizeof stream->sensor, "%s", sensor);
        redis_key(stream->key, sensor, event_kind_name(stream->kind));
        streams->n++;
    }
    return true;
}

static bool
place_streams(struct stream_list *streams, struct redis_link *link,
              struct error *error)
{
    for (size_t i = 0; i < streams->n; i++) {
        struct stream *stream = &streams->list[i];

        if (!stream->placed && !place(streams, stream, link, error)) {
            return false;
        }
        stream->placed = true;
    }
    streams->begun = true;
    return true;
}

/* Only what comes from now on: so one that is there from the start is read from
 * its end, a later one as a whole. */
static bool
place(const struct stream_list *streams, struct stream *stream,
      struct redis_link *link, struct error *error)
{
    struct redis_reply *reply;

    stream->last = streams->options->after;
    if (!streams->options->only_new || streams->begun) {
        return true;
    }
    if (streams->options->n_newest) {
        return place_before_newest(streams, stream, link, error);
    }
    reply = redis_link_ask(link, REDIS_WORDS("XINFO", "STREAM", stream->key),
                           error);
    if (!reply) {
        return false;
    }
    if (stream_list_id(redis_reply_of(reply, "last-generated-id"),
                       &stream->last)) {
        stream->is_counted = stream_list_count(
            redis_reply_of(reply, "entries-added"), &stream->n_before);
    } else {
        stream->is_counted = true; /* There is no stream yet. */
    }
    redis_reply_free(reply);
    return true;
}

static bool
place_before_newest(const struct stream_list *streams, struct stream *stream,
                    struct redis_link *link, struct error *error)
{
    char n[JSON_MAX_NUMBER + 1];
    struct redis_reply *reply;
    struct redis_id oldest;

    snprintf(n, sizeof n, "%zu", streams->options->n_newest);
    reply = redis_link_ask(
        link, REDIS_WORDS("XREVRANGE", stream->key, "+", "-", "COUNT", n),
        error);
    if (!reply) {
        return false;
    }
    if (stream_list_id(
            redis_reply_at(redis_reply_at(reply, redis_reply_n(reply) - 1), 0),
            &oldest)) {
        stream->last = oldest.seq
                           ? (struct redis_id){oldest.ms, oldest.seq - 1}
                           : (struct redis_id){oldest.ms - 1, UINT64_MAX};
    }
    redis_reply_free(reply);
    return true;
}
