/* The spool: encoded events that wait to be sent, kept so that neither a server
 * that is down nor the end of this program loses them.
 *
 * A bounded queue for each kind of event.  Every record gets a serial and the
 * id under which it will be in its Redis stream.  Records are read in order,
 * are in flight until they are acknowledged, and are kept for a while after
 * that, because a server may lose what it acknowledged.  Where it is kept:
 *
 *   on disk    ('directory' is given.)  A record is written to the disk, with
 *              its id, before it can be read and hence before it can be sent:
 *              in doubt it is sent again under the same id, which Redis refuses
 *              if it has it.  What this promises:
 *                killed, at any instruction: every record that was committed is
 *                there afterwards, acknowledged or not.
 *                power cut: so are those that a sync had come to: one begins
 *                'sync_ns' after the one before, or when many segments wait for
 *                it, and takes what the disk takes;
 *                with sync_ns 0 all that can be read, so that no serial and no
 *                id of what was sent is ever given to another record.  Else
 *                those given since then are given again.  The server's last id
 *                tells of the ids, see spool_raise(); of two records that were
 *                sent under one serial, ids and texts say which is which.
 *   in memory  ('directory' is NULL, or the disk takes nothing for now.)  What
 *              was not acknowledged is lost when the program ends, unless by
 *              spool_close() with the disk working.  What was is kept as well,
 *              as long as there is room.
 *
 * A disk that is full, fails, is read-only or whose folder is removed is no
 * error for who appends: it is counted and said in the status, records go to
 * memory up to 'memory_bytes', and every SPOOL_RETRY_NS the disk is tried
 * again.
 *
 * When there is no room left, the oldest segments that are acknowledged go
 * first, then the oldest flows, then status, and violations last; a record that
 * would have to displace what counts for more is dropped itself.  Never dropped
 * is what may have been sent, and what tells of a gap.  All that is missing is
 * counted by kind and reason when it is dropped (or found corrupt), and told by
 * a gap record when its turn comes to be read: one more record of the status
 * kind.  In every kind, always:
 *
 *   appended + recovered + rewound = acked + pending + all dropped
 *
 * Who sends does this.  On every new connection, for each kind, it asks for the
 * last id of the stream: one above 'last_id' of the status is of a foreign
 * producer, or ours from before a power cut: spool_raise(), once what waits and
 * is in the stream was acknowledged; one below 'acked_id' of the kind says that
 * the server lost entries, spool_rewind(); else spool_reread().  Then it reads;
 * what is not above the stream's last id is there and only needs spool_ack(),
 * the rest is sent under its id; "equal or smaller" says that it is there, too.
 * Ids are fixed, so a batch must be stored as a whole or not at all (MULTI,
 * EXEC): had one record been refused for now, and a later one stored, it would
 * come too late.
 *
 * Used by one thread at a time; while one is in spool_sync_run(), another may
 * do all but spool_commit(), spool_close() and to begin one more.  Memory:
 * 'memory_bytes', and a window of 256 KiB a kind for reading, however much is
 * on disk. */

#ifndef TOOLS_SPOOL_SPOOL_H
#define TOOLS_SPOOL_SPOOL_H

#include "capture/clock.h"
#include "capture/error.h"
#include "tools/event/event.h"
#include "tools/redis/redis_id.h"
#include "tools/spool/spool_segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool; /* Opaque. */

enum {
    SPOOL_MAX_IN_FLIGHT = 256, /* Of one kind. */
    SPOOL_MIN_BYTES = 4 << 20,
    SPOOL_MIN_MEMORY_BYTES = 2 << 20
};

#define SPOOL_DEFAULT_BYTES        (UINT64_C(1) << 30)
#define SPOOL_MAX_BYTES            (UINT64_C(1) << 40)
#define SPOOL_DEFAULT_MEMORY_BYTES ((size_t)16 << 20)
#define SPOOL_DEFAULT_SYNC_NS      (500 * MILLISECOND_NS)
#define SPOOL_DEFAULT_RETAIN_NS    (60 * SECOND_NS)
#define SPOOL_RETRY_NS             SECOND_NS

struct spool_options {
    const char *directory; /* Made if it is not there, mode 0700; or NULL. */
    uint64_t max_bytes;    /* On disk; 0 is the default. */
    size_t memory_bytes;   /* 0 is the default. */
    int64_t sync_ns;       /* Longest time until what is written begins to be
                            * synced; 0: at once, and nothing is read before. */
    int64_t retain_ns;     /* How long what is acknowledged is kept. */
};

struct spool_kind_stat {
    uint64_t last_serial;     /* Given, by any run. */
    struct redis_id acked_id; /* Of the last acknowledged, by any run. */
    uint64_t appended;        /* Since it was opened; refused ones included. */
    uint64_t recovered;       /* Found unacknowledged when it was opened. */
    uint64_t rewound;         /* Acknowledged ones that are to be sent again. */
    uint64_t acked;
    uint64_t pending; /* Waiting or in flight. */
    uint64_t dropped[SPOOL_N_REASONS];
};

struct spool_stat {
    struct spool_kind_stat kind[EVENT_N_KINDS];
    uint64_t disk_bytes;    /* All segments. */
    uint64_t memory_bytes;  /* Records in memory, in whole chunks. */
    uint64_t skipped_bytes; /* Read, and no sound record. */
    uint64_t torn_bytes;    /* Behind the last records, when it was opened. */
    uint64_t unreadable_segments; /* Removed then. */
    uint64_t n_troubles;          /* Times the disk began to take nothing. */
    uint64_t n_writes, n_syncs;
    bool state_lost;         /* No sound state: what is kept is sent again. */
    bool is_up;              /* The disk works; false where there is none. */
    struct error error;      /* The latest trouble's. */
    struct redis_id last_id; /* Given. */
};

/* Fails if the folder cannot be used: another process has it open, it holds
 * segments of another version, or it cannot be made or read. */
struct spool *spool_open(const struct spool_options *, struct mono_time now,
                         struct error *error);

/* Commits and frees.  Accepts NULL. */
void spool_close(struct spool *, struct mono_time now);

/* Gives a record of at most SPOOL_MAX_RECORD bytes its id, '*id', of
 * max(last ms, emitted ms), and takes a copy.  Returns false, having counted
 * it, if it had to be dropped.  Costs no system call unless memory is full. */
bool spool_append(struct spool *, enum event_kind, struct wall_time emitted,
                  const char *bytes, size_t size, struct redis_id *id);

/* Whether any record could be appended now without another being dropped. */
bool spool_has_room(const struct spool *);

/* Writes what was appended: it can be read then, or with sync_ns 0 once it is
 * synced.  Also writes the state, and removes what was kept long enough.  To be
 * called after every batch, and at least every 'sync_ns'.  Returns whether all
 * that was appended, and not dropped, was written. */
bool spool_write(struct spool *, struct mono_time now);

/* A sync: what was written before it began is on the disk itself when it has
 * ended.  To run it takes as long as the disk does; nothing else here does, so
 * that is for a thread of its own, without the lock that the others need.  If
 * it fails the disk is in trouble, as if it could not be written. */
bool spool_sync_is_due(const struct spool *, struct mono_time now);
bool spool_sync_begin(struct spool *, struct mono_time now); /* If it is. */
void spool_sync_run(struct spool *);
void spool_sync_end(struct spool *);

/* For who has one thread: writes, and syncs if it is time. */
bool spool_commit(struct spool *, struct mono_time now);

/* The next record of a kind (never of type SPOOL_GAP but for EVENT_STATUS),
 * which is in flight from now on.  Borrowed until the next call.  False if
 * there is none now, or SPOOL_MAX_IN_FLIGHT are. */
bool spool_read(struct spool *, enum event_kind, struct spool_record *);

/* Those in flight up to this id are stored, or were refused for good. */
void spool_ack(struct spool *, enum event_kind, struct redis_id up_to);

/* Nothing of a kind is in flight any more: what was not acknowledged is read
 * again.  For when it is not known what became of it. */
void spool_reread(struct spool *, enum event_kind);

/* The server lost what it had acknowledged: its last id is 'last'.  What is
 * kept above that is read again.  If not all of it is kept, a gap is told. */
void spool_rewind(struct spool *, enum event_kind, struct redis_id last);

/* Somebody else wrote to the stream, or we did, and a power cut took the record
 * from here; or the server's clock was ahead: its last id is 'last'.  All that
 * was not acknowledged is read again, with ids above that, and so are later
 * ones. */
void spool_raise(struct spool *, enum event_kind, struct redis_id last);

void spool_get_stat(const struct spool *, struct spool_stat *);

#endif
