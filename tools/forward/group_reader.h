/* Reads events from streams as a member of a consumer group.
 *
 * The server keeps, for each group, what was handed out and to whom until it is
 * acknowledged, so that any number of readers share the work and none of it is
 * lost with a reader: what one did not acknowledge it gets again when it comes
 * back under the same name, and another one gets it after a while
 * (XAUTOCLAIM).  So each event is handed out at least once; more than once only
 * after a reader has died, or was away for longer than that.
 *
 * Entries that hold no event of one line (somebody else's, or cut short) and
 * those that the server has trimmed away in the meantime cannot be handed out:
 * they are acknowledged and counted.
 *
 * A reader belongs to one thread.  It connects again by itself, at the call
 * after one that failed.  Memory: one answer of the server's
 * (redis_link.h), GROUP_READER_MAX_STREAMS streams. */

#ifndef TOOLS_FORWARD_GROUP_READER_H
#define TOOLS_FORWARD_GROUP_READER_H

#include "tools/redis/redis_uri.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct group_reader; /* Opaque. */

enum {
    /* Of 64 KiB each, one event of every stream fits an answer. */
    GROUP_READER_MAX_STREAMS = 768,
    GROUP_READER_MAX_BATCH = 500,
    GROUP_READER_MAX_WAIT_MS = 1000,
    GROUP_READER_MAX_NAME = 128 /* Bytes of a group's, consumer's, field's. */
};

struct group_reader_options {
    struct redis_uri server;
    const char *group, *consumer; /* Borrowed, as are the next two. */
    const char *field;            /* Of an entry: has the event. */
    const char *const *sensors;   /* NULL-terminated; NULL: every sensor that
                                   * the server knows, also later ones. */
    unsigned events;              /* Bit 1 << enum event_kind. */
    bool only_new;        /* A group made now begins with what comes now, and
                           * not with the oldest that the stream has. */
    unsigned batch;       /* Entries at once, about; 1 to .._MAX_BATCH. */
    int64_t claim_idle_s; /* Take over from readers silent so long; 0: never. */
};

struct group_entry {
    const char *event; /* One line, without its end; terminated. */
    size_t size;
};

struct group_counters {
    uint64_t acked;    /* Handed out, and safe. */
    uint64_t claimed;  /* Handed out, and taken over from others. */
    uint64_t foreign;  /* Held no event. */
    uint64_t trimmed;  /* Gone before they could be read. */
    uint64_t overflow; /* Streams beyond GROUP_READER_MAX_STREAMS. */
};

/* NULL, if out of memory.  Does not connect yet. */
struct group_reader *group_reader_new(const struct group_reader_options *,
                                      struct error *);
void group_reader_free(struct group_reader *); /* Accepts NULL. */

/* Reads entries; with 'wait', if there are none, waits for
 * GROUP_READER_MAX_WAIT_MS at most.  '*n' may be 0 in any case, also because
 * what was read holds no event.  They are good until the next call; if that is
 * this one again, so will they be. */
bool group_reader_read(struct group_reader *, bool wait,
                       const struct group_entry **, size_t *n, struct error *);

/* Whether the last read found nothing, not even what holds no event. */
bool group_reader_is_at_end(const struct group_reader *);

/* All that was read last is safe now.  If this fails it is done before anything
 * else is read, on another connection. */
bool group_reader_ack(struct group_reader *, struct error *);

void group_reader_get_counters(const struct group_reader *,
                               struct group_counters *);

#endif
