/* Chunks of frames; see spool_memory.h. */

#include "tools/spool/spool_memory.h"

#include <assert.h>
#include <stdlib.h>

static_assert((size_t)SPOOL_CHUNK_BYTES >= SPOOL_MAX_FRAME,
              "any frame fits in a chunk");

static bool read_chunk(struct spool_memory *, uint64_t serial,
                       struct spool_record *);
static bool add_chunk(struct spool_memory *memory, uint64_t serial);
static struct spool_chunk *take_chunk(struct spool_pool *pool);
static void free_chunk(struct spool_pool *pool, struct spool_chunk *chunk);

void
spool_pool_init(struct spool_pool *pool, size_t max_bytes)
{
    size_t max_chunks = max_bytes / sizeof(struct spool_chunk);

    *pool = (struct spool_pool){.max_chunks = max_chunks > SPOOL_MIN_CHUNKS
                                                  ? max_chunks
                                                  : SPOOL_MIN_CHUNKS};
}

void
spool_pool_done(struct spool_pool *pool)
{
    while (pool->free) {
        struct spool_chunk *next = pool->free->next;

        free(pool->free);
        pool->free = next;
    }
}

void
spool_memory_init(struct spool_memory *memory, struct spool_pool *pool)
{
    *memory = (struct spool_memory){.pool = pool};
}

void
spool_memory_done(struct spool_memory *memory)
{
    while (memory->head) {
        spool_memory_pop(memory);
    }
}

bool
spool_memory_append(struct spool_memory *memory,
                    const struct spool_record *record)
{
    size_t bytes = spool_frame_bytes(record->size);
    struct spool_chunk *tail = memory->tail;

    if (!tail || tail->size + bytes > SPOOL_CHUNK_BYTES ||
        tail->last_serial + 1 != record->serial) {
        if (!add_chunk(memory, record->serial)) {
            return false;
        }
        tail = memory->tail;
    }
    spool_frame_encode(tail->frames + tail->size, record);
    tail->size += bytes;
    tail->last_serial = record->serial;
    tail->done_ns = 0;
    tail->has_gap |= record->type == SPOOL_GAP;
    return true;
}

const struct spool_chunk *
spool_memory_sign(struct spool_memory *memory, uint32_t salt)
{
    struct spool_chunk *chunk = memory->head;

    for (size_t at = 0; at < chunk->size;) {
        at += spool_frame_sign(chunk->frames + at, salt);
    }
    return chunk;
}

void
spool_memory_pop(struct spool_memory *memory)
{
    spool_memory_remove(memory, memory->head);
}

struct spool_chunk *
spool_memory_above(const struct spool_memory *memory, uint64_t serial)
{
    struct spool_chunk *chunk = memory->head;

    while (chunk && (chunk->first_serial <= serial || chunk->has_gap)) {
        chunk = chunk->next;
    }
    return chunk;
}

void
spool_memory_remove(struct spool_memory *memory, struct spool_chunk *chunk)
{
    struct spool_chunk *before = NULL;
    struct spool_chunk **link = &memory->head;

    while (*link != chunk) {
        before = *link;
        link = &before->next;
    }
    *link = chunk->next;
    if (memory->tail == chunk) {
        memory->tail = before;
    }
    if (memory->at == chunk) {
        memory->at = NULL;
    }
    if (memory->done == chunk) {
        memory->done = before;
    }
    free_chunk(memory->pool, chunk);
}

/* This is called for every batch, so it begins where it ended.  What is to be
 * sent again has been done before, and is not now. */
void
spool_memory_retire(struct spool_memory *memory, uint64_t acked_serial,
                    int64_t now_ns, int64_t retain_ns)
{
    struct spool_chunk *chunk = memory->done ? memory->done : memory->head;

    for (; chunk && chunk->last_serial <= acked_serial; chunk = chunk->next) {
        if (chunk->done_ns == 0) {
            chunk->done_ns = now_ns;
        }
        memory->done = chunk;
    }
    while ((chunk = memory->head) && chunk->last_serial <= acked_serial &&
           now_ns - chunk->done_ns >= retain_ns) {
        spool_memory_pop(memory);
    }
}

uint64_t
spool_memory_count(const struct spool_memory *memory, uint64_t first,
                   uint64_t last)
{
    uint64_t n = 0;

    for (const struct spool_chunk *chunk = memory->head; chunk;
         chunk = chunk->next) {
        uint64_t from =
            chunk->first_serial > first ? chunk->first_serial : first;
        uint64_t to = chunk->last_serial < last ? chunk->last_serial : last;

        n += to >= from ? to - from + 1 : 0;
    }
    return n;
}

bool
spool_memory_read(struct spool_memory *memory, uint64_t serial,
                  struct spool_record *record)
{
    if (!memory->at || serial < memory->serial) {
        memory->at = memory->head;
        memory->offset = 0;
    }
    memory->serial = serial;
    while (memory->at) {
        if (read_chunk(memory, serial, record)) {
            return true;
        }
        if (!memory->at->next) {
            return false; /* More may come at its end. */
        }
        memory->at = memory->at->next;
        memory->offset = 0;
    }
    return false;
}

/* Goes on in the chunk that is being read. */
static bool
read_chunk(struct spool_memory *memory, uint64_t serial,
           struct spool_record *record)
{
    const struct spool_chunk *chunk = memory->at;

    while (memory->offset < chunk->size) {
        spool_frame_read(chunk->frames + memory->offset, record);
        if (record->serial >= serial) {
            return true;
        }
        memory->offset += spool_frame_bytes(record->size);
    }
    return false;
}

static bool
add_chunk(struct spool_memory *memory, uint64_t serial)
{
    struct spool_chunk *chunk = take_chunk(memory->pool);

    if (!chunk) {
        return false;
    }
    chunk->next = NULL;
    chunk->first_serial = serial;
    chunk->last_serial = serial - 1;
    chunk->size = 0;
    chunk->has_gap = false;
    if (memory->tail) {
        memory->tail->next = chunk;
    } else {
        memory->head = chunk;
    }
    memory->tail = chunk;
    return true;
}

static struct spool_chunk *
take_chunk(struct spool_pool *pool)
{
    struct spool_chunk *chunk = pool->free;

    if (chunk) {
        pool->free = chunk->next;
    } else if (pool->n_chunks < pool->max_chunks) {
        chunk = malloc(sizeof *chunk);
        pool->n_chunks += chunk != NULL;
    }
    pool->n_used += chunk != NULL;
    return chunk;
}

static void
free_chunk(struct spool_pool *pool, struct spool_chunk *chunk)
{
    chunk->next = pool->free;
    pool->free = chunk;
    pool->n_used--;
}
