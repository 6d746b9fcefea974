/* The streams that are followed, and how far each was read; see
 * stream_follow.h.
 */

#ifndef TOOLS_WATCH_STREAM_LIST_H
#define TOOLS_WATCH_STREAM_LIST_H

#include "tools/event/event.h"
#include "tools/redis/redis_id.h"
#include "tools/redis/redis_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct redis_link;
struct redis_place;
struct redis_reply;
struct stream_follow_options;

struct stream {
    char key[REDIS_KEY_SIZE];
    char sensor[EVENT_MAX_SENSOR + 1];
    enum event_kind kind;
    struct redis_id last; /* Handed out. */
    bool placed;          /* 'last' is known. */
    uint64_t n_before;    /* Entries there ever were, up to 'last', */
    bool is_counted;      /* if that is known. */
};

struct stream_list {
    const struct stream_follow_options *options; /* Borrowed. */
    struct stream *list;
    size_t n;
    size_t n_left_out; /* Sensors there was no room for. */
    bool begun;        /* Once, all streams there were have been placed. */
};

/* With the sensors that the options name.  False if memory is out. */
bool stream_list_init(struct stream_list *,
                      const struct stream_follow_options *);
void stream_list_done(struct stream_list *);

/* Looks for sensors, if the options name none, and where to begin with the
 * streams that are new. */
bool stream_list_find(struct stream_list *, const struct redis_place *,
                      struct redis_link *, struct error *);

/* The id, or a count, that a server answered; false if it is none. */
bool stream_list_id(const struct redis_reply *, struct redis_id *);
bool stream_list_count(const struct redis_reply *, uint64_t *);

#endif
