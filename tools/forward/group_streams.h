/* The streams that a group reads, and where it is in each.
 *
 * Belongs to a group_reader.  Memory: GROUP_READER_MAX_STREAMS of them. */

#ifndef TOOLS_FORWARD_GROUP_STREAMS_H
#define TOOLS_FORWARD_GROUP_STREAMS_H

#include "capture/clock.h"
#include "tools/forward/group_reader.h"
#include "tools/redis/redis_keys.h"

enum {
    GROUP_STREAM_ID_SIZE = 2 * 20 + 2 /* "<ms>-<seq>" */
};

#define GROUP_STREAMS_NONE "WRONGTYPE" /* What a key is that is no stream. */

struct redis_link;
struct redis_place;
struct redis_reply;

struct group_stream {
    char key[REDIS_KEY_SIZE];
    const char *begin;                   /* Of a group made now: "$" or "0". */
    bool is_ready;                       /* Its group exists. */
    struct mono_time rests_until;        /* Its key is no stream. */
    bool has_backlog;                    /* Maybe: */
    char position[GROUP_STREAM_ID_SIZE]; /* behind this. */
    char claim_cursor[GROUP_STREAM_ID_SIZE];
    size_t n_pending; /* Read and not acknowledged. */
};

struct group_streams {
    const struct group_reader_options *options; /* Borrowed. */
    struct group_stream *list;
    size_t n;
    uint64_t overflow;          /* As in struct group_counters. */
    bool started;               /* Groups were made once. */
    struct mono_time refreshed; /* 0: never. */
};

/* False if out of memory. */
bool group_streams_init(struct group_streams *,
                        const struct group_reader_options *);
void group_streams_done(struct group_streams *);

/* Looks for new sensors, every so often, and makes the groups that are missing.
 * A key that is no stream is an error once a minute; else it is left out. */
bool group_streams_refresh(struct group_streams *, const struct redis_place *,
                           struct redis_link *, struct error *);

/* The server was away, or says that a group is: looks after them again. */
void group_streams_doubt(struct group_streams *);

/* All from its start that this consumer did not acknowledge. */
void group_stream_rewind(struct group_stream *);

/* Whether the server refused with an error that begins so. */
bool group_streams_refused(const struct redis_reply *, const char *begin);

#endif
