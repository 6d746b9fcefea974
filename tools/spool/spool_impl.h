/* The inside of the spool, for its own files.
 *
 *   spool.c        the calls of spool.h
 *   spool_disk.c   when to write, what to drop, and what to do about a disk
 *                  that does not work
 *   spool_sync.c   makes sure that the disk has what it was given
 *   spool_lane     the records of one kind
 *   spool_files    its segments: spool_recover.c finds them
 *   spool_reader   reads one of them
 *   spool_memory   what is not written yet
 *   spool_state    how far it got, on disk */

#ifndef TOOLS_SPOOL_SPOOL_IMPL_H
#define TOOLS_SPOOL_SPOOL_IMPL_H

#include "tools/spool/spool.h"
#include "tools/spool/spool_lane.h"

enum {
    SPOOL_MAX_SYNC_FDS = EVENT_N_KINDS * (SPOOL_MAX_UNSYNCED + 1)
};

/* One that is under way.  Whoever runs it has no lock, and uses nothing else
 * of the spool. */
struct spool_sync {
    bool is_running;
    const char *path;        /* Of the folder; borrowed, */
    int folder_fd, state_fd; /* as are these. */
    bool is_folder_unsynced, is_state_unsynced;
    int fds[SPOOL_MAX_SYNC_FDS]; /* Of segments; owned. */
    unsigned n;
    uint64_t serials[EVENT_N_KINDS]; /* Written when it began. */
    int failed;                      /* errno; 0. */
    const char *what;                /* Failed. */
};

struct spool {
    struct spool_options options;
    struct spool_folder folder;
    struct spool_pool pool;
    struct spool_state state;
    struct spool_state written; /* What is in the file of it. */
    struct spool_lane lanes[EVENT_N_KINDS];
    int state_fd;
    bool is_up;          /* The disk takes what it is given. */
    bool is_full;        /* It does not, because it is full. */
    bool is_state_dirty; /* The state is not what was written. */
    bool is_state_unsynced;
    int64_t now_ns; /* Of the last call that said. */
    int64_t next_try_ns, last_sync_ns;
    struct spool_sync sync;
    uint64_t torn_bytes, unreadable_segments, n_troubles, n_writes, n_syncs;
    bool state_lost;
    struct error error;
};

/* Opens and locks the folder and the state file in it. */
bool spool_disk_open(struct spool *, struct error *error);
void spool_disk_close(struct spool *);

/* Writes all that is in memory, if the disk is up.  False if something is left.
 */
bool spool_disk_write(struct spool *);

/* What spool_write() does. */
bool spool_disk_commit(struct spool *);
bool spool_disk_write_state(struct spool *);

/* The disk takes nothing for now, 'errno' being the reason.  Always false. */
bool spool_disk_trouble(struct spool *, const char *what);

/* Whether the folder is the one that was opened. */
bool spool_folder_is_there(const char *path, int folder_fd, int state_fd);

/* Syncs now, due or not. */
void spool_sync(struct spool *);

/* Whether what is in memory, and a record more, can be written without dropping
 * one. */
bool spool_disk_has_room(const struct spool *);

/* Makes room in memory for a record of 'kind'; false if that would displace
 * what counts for more. */
bool spool_disk_make_room(struct spool *, enum event_kind kind);

#endif
