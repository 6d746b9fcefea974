/* The segments of one kind on disk: which there are, and writing to the last.
 *
 * "KIND-NUMBER.seg" in the spool's folder, numbers growing.  What is told of
 * them is in memory, so nothing here looks at the disk to know how much there
 * is.  A segment is begun with the first chunk written to it, is written to
 * until it has 'segment_bytes', and is removed as a whole.  Used by one thread.
 *
 * Nothing here waits until the disk has what it was given: segments that are
 * full stay open until a sync takes them over.  While SPOOL_MAX_UNSYNCED of
 * them wait for that, the last one grows beyond 'segment_bytes'; only where
 * another has to be begun all the same, the oldest is synced at once. */

#ifndef TOOLS_SPOOL_SPOOL_FILES_H
#define TOOLS_SPOOL_SPOOL_FILES_H

#include "tools/spool/spool_memory.h"
#include "tools/spool/spool_segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct spool_reader;

enum {
    SPOOL_MAX_FILES = 1024,  /* Of one kind. */
    SPOOL_MAX_UNSYNCED = 16, /* And of these, no longer written to. */
    SPOOL_NAME_SIZE = 40
};

/* What the kinds share. */
struct spool_folder {
    const char *path; /* Borrowed. */
    int fd;           /* -1: there is none. */
    uint32_t salt;    /* For new segments. */
    uint64_t segment_bytes;
    uint64_t bytes; /* Of all segments. */
    bool unsynced;  /* Which there are. */
};

struct spool_file {
    struct spool_segment_header header;
    uint64_t last_serial; /* Less than the first if it has no record. */
    uint64_t size;
    bool has_gap;    /* It may tell of one. */
    int64_t done_ns; /* Since when all of it is acknowledged; 0: it is not. */
};

/* A segment that is no longer written to, and not synced. */
struct spool_unsynced {
    uint64_t number;
    int fd;
};

struct spool_files {
    enum event_kind kind;
    struct spool_folder *folder; /* Borrowed. */
    struct spool_file *files;    /* SPOOL_MAX_FILES; owned. */
    size_t n;
    uint64_t last_serial; /* Written. */
    uint64_t next_number;
    int fd;         /* Of the last one while it is written to; -1. */
    bool unsynced;  /* It was written to since then. */
    bool is_sealed; /* The next chunk begins a segment. */
    struct spool_unsynced waiting[SPOOL_MAX_UNSYNCED];
    unsigned n_waiting;
    int failed; /* errno of a sync that nobody was told of; 0. */
};

/* NULL folder->fd is fine: no files.  False if memory is out. */
bool spool_files_init(struct spool_files *, enum event_kind,
                      struct spool_folder *);
void spool_files_done(struct spool_files *);

/* What the tail of the last segment told when it was read. */
struct spool_tail {
    struct redis_id last_id; /* 0-0: it has no record. */
    uint64_t last_serial;
    uint64_t told_serial[EVENT_N_KINDS]; /* By gap records in it. */
    uint64_t torn_bytes;                 /* Behind its last sound record. */
    unsigned n_unreadable;               /* Segments whose headers are. */
};

/* Finds the segments there are.  Reads their headers, and whole only the last
 * one and those behind which some were removed.  Segments without a sound
 * header are removed and counted.  False if the folder or a file cannot be
 * read, or one is of another version. */
bool spool_files_load(struct spool_files *, struct spool_reader *,
                      struct spool_tail *, struct error *error);

/* How many records from 'serial' on are on disk, corrupt ones included. */
uint64_t spool_files_count(const struct spool_files *, uint64_t serial);

/* Appends a chunk; begins a segment where one is due.  False, with errno set,
 * if not all of it could be written: then none of it was. */
bool spool_files_write(struct spool_files *, const struct spool_chunk *);

/* Whether spool_files_write() would have to begin a segment and must not: there
 * are too many. */
bool spool_files_at_limit(const struct spool_files *);

/* Hands over all that is to be synced: SPOOL_MAX_UNSYNCED + 1 descriptors at
 * most, which the caller closes.  Returns how many. */
unsigned spool_files_take_unsynced(struct spool_files *, int *fds);

/* Whether there would be any. */
bool spool_files_is_unsynced(const struct spool_files *);

/* Closes the last segment. */
void spool_files_seal(struct spool_files *);

/* Removes the i-th segment.  It is forgotten even if the disk does not let go
 * of it; false, with errno set, then. */
bool spool_files_remove(struct spool_files *, size_t i);

/* Opens the i-th for reading; -1, with errno set, if that fails. */
int spool_files_open(const struct spool_files *, size_t i);

#endif
