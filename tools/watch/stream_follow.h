/* Follows the events of sensors in their streams, as they come.
 *
 * Each entry is handed out once, in order of its stream, also when the server
 * goes away meanwhile: after it is back, reading goes on behind the last entry.
 * What was trimmed away before it could be read (Redis 7 and later say so), and
 * a stream that begins anew, are told as gaps.  Entries of several streams that
 * were read at once come in order of time.
 *
 * Reads with XREAD, so it takes nothing away from other readers.  Belongs to
 * one thread.  Memory: one answer of the server's (redis_link.h),
 * STREAM_FOLLOW_MAX_STREAMS streams. */

#ifndef TOOLS_WATCH_STREAM_FOLLOW_H
#define TOOLS_WATCH_STREAM_FOLLOW_H

#include "tools/event/event.h"
#include "tools/redis/redis_id.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_uri.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct stream_follow; /* Opaque. */

enum {
    STREAM_FOLLOW_MAX_SENSORS = 256,
    STREAM_FOLLOW_MAX_STREAMS = STREAM_FOLLOW_MAX_SENSORS * EVENT_N_KINDS,
    /* Entries at once, one of each stream at least. */
    STREAM_FOLLOW_BATCH = 500
};

struct stream_follow_options {
    struct redis_uri server;
    const char *const *sensors; /* NULL-terminated, borrowed; NULL: all that the
                                 * server knows, also later ones, which are read
                                 * from their beginning. */
    unsigned kinds;             /* Bit 1 << enum event_kind. */
    bool only_new;              /* What comes from now on, and */
    size_t n_newest;            /* so many of what there is; else: */
    struct redis_id after;      /* What is behind this. */
};

struct stream_entry {
    const char *sensor;
    enum event_kind kind;
    struct redis_id id;
    const char *event; /* NULL: the entry holds none. */
    size_t size;
};

struct stream_gap {
    const char *key;
    bool is_anew;           /* The stream began anew; else: */
    uint64_t n_lost;        /* Entries, that were */
    struct redis_id after;  /* behind the last one that was read, */
    struct redis_id before; /* and before the oldest that is left. */
};

/* Everything is borrowed for the call. */
struct stream_follow_handler {
    void (*entry)(void *context, const struct stream_entry *);
    void (*gap)(void *context, const struct stream_gap *);
    void *context;
};

/* NULL, if out of memory.  Does not connect yet. */
struct stream_follow *stream_follow_new(const struct stream_follow_options *,
                                        const struct stream_follow_handler *,
                                        struct error *);
void stream_follow_free(struct stream_follow *); /* Accepts NULL. */

/* Hands out what there is; if there is nothing, waits so long for it, or until
 * a signal comes.  False if the connection failed: the next call makes
 * another one. */
bool stream_follow_read(struct stream_follow *, int wait_ms, struct error *);

/* Sensors that are not followed, because there are too many. */
size_t stream_follow_n_left_out(const struct stream_follow *);

#endif
