/* Frames in memory: those not written yet, or all where there is no disk.
 *
 * One pool of chunks of equal size bounds the memory; each kind has a queue of
 * them.  The serials of a chunk's frames follow each other: after a gap a new
 * chunk begins.  Chunks are allocated when first needed and then kept, so in
 * the long run appending allocates nothing.  What is in memory is trusted:
 * frames get their CRCs when they go to the disk.  Used by one thread. */

#ifndef TOOLS_SPOOL_SPOOL_MEMORY_H
#define TOOLS_SPOOL_SPOOL_MEMORY_H

#include "tools/spool/spool_segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPOOL_CHUNK_BYTES = 128 << 10, /* Of frames; more than one of any size. */
    SPOOL_MIN_CHUNKS = 8
};

struct spool_chunk {
    struct spool_chunk *next;
    uint64_t first_serial, last_serial;
    size_t size;
    bool has_gap;    /* Among the frames. */
    int64_t done_ns; /* When all was seen to be acknowledged; or 0. */
    char frames[SPOOL_CHUNK_BYTES];
};

struct spool_pool {
    struct spool_chunk *free;
    size_t n_chunks, max_chunks; /* Allocated. */
    size_t n_used;
};

/* Of one kind, oldest first. */
struct spool_memory {
    struct spool_pool *pool; /* Borrowed. */
    struct spool_chunk *head, *tail;
    struct spool_chunk *done; /* The last one with 'done_ns'; NULL: none. */
    struct spool_chunk *at;   /* Where was read last; NULL: nowhere. */
    size_t offset;
    uint64_t serial; /* That was asked for last. */
};

void spool_pool_init(struct spool_pool *, size_t max_bytes);
void spool_pool_done(struct spool_pool *);

void spool_memory_init(struct spool_memory *, struct spool_pool *);
void spool_memory_done(struct spool_memory *);

/* False if the pool, or all memory, is used up. */
bool spool_memory_append(struct spool_memory *, const struct spool_record *);

/* Makes the oldest chunk, of which there must be one, what it has to be on
 * disk. */
const struct spool_chunk *spool_memory_sign(struct spool_memory *,
                                            uint32_t salt);

/* Frees the oldest chunk, of which there must be one. */
void spool_memory_pop(struct spool_memory *);

/* The oldest chunk of which all serials are above, and which tells of no gap;
 * NULL if none is. */
struct spool_chunk *spool_memory_above(const struct spool_memory *,
                                       uint64_t serial);
void spool_memory_remove(struct spool_memory *, struct spool_chunk *);

/* Of what is acknowledged, up to a serial, notes when that was first seen, and
 * frees what has been for 'retain_ns'. */
void spool_memory_retire(struct spool_memory *, uint64_t acked_serial,
                         int64_t now_ns, int64_t retain_ns);

/* Records from 'first' to 'last' that are there. */
uint64_t spool_memory_count(const struct spool_memory *, uint64_t first,
                            uint64_t last);

/* The record of 'serial', or the first behind it; borrowed until the next
 * call.  False if there is none. */
bool spool_memory_read(struct spool_memory *, uint64_t serial,
                       struct spool_record *);

#endif
