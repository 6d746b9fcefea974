/* A segment of the spool: a file of framed records, all of one kind, that only
 * ever grows.  This is its format, written and read in memory; no file here.
 *
 * All numbers are little-endian.  The file begins with two equal headers, so
 * that no single bad byte makes the rest unreadable:
 *
 *    0  8  "segspool"
 *    8  4  version, 1
 *   12  4  CRC-32C of bytes 0 to 11: in every version, so that a file of
 *          another one can be told from a corrupt one
 *   16  4  kind (enum event_kind)
 *   20  4  salt: the CRCs of frames begin with it
 *   24  8  number of the segment, also in its name
 *   32  8  serial of its first record
 *   40  8  serial of the last record written before it.  What is between was
 *          dropped.
 *   48  8  0
 *   56  4  0
 *   60  4  CRC-32C of bytes 0 to 59
 *
 * Frames follow, each aligned to 8 bytes:
 *
 *    0  4  "SgR1"
 *    4  4  length of the record's bytes
 *    8  4  CRC-32C of all of the frame but these 4 bytes
 *   12  1  kind, and 1: type (enum spool_type), 2: 0
 *   16  8  id, its ms, and 8: its seq
 *   32  8  serial: counts the records of this kind, without a gap
 *   40     the bytes, and zeros up to a multiple of 8
 *
 * The salt is random, so nobody can have a record's bytes taken for a frame,
 * nor are frames that an older file left on the disk. */

#ifndef TOOLS_SPOOL_SPOOL_SEGMENT_H
#define TOOLS_SPOOL_SPOOL_SEGMENT_H

#include "tools/event/event.h"
#include "tools/redis/redis_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPOOL_VERSION = 1,
    SPOOL_HEADER_BYTES = 64,
    SPOOL_SEGMENT_START = 2 * SPOOL_HEADER_BYTES, /* Of the first frame. */
    SPOOL_FRAME_HEAD = 40,
    SPOOL_ALIGN = 8,
    SPOOL_MAX_RECORD = EVENT_MAX_BYTES + 1024, /* An event and its head. */
    SPOOL_MAX_FRAME = SPOOL_FRAME_HEAD + SPOOL_MAX_RECORD
};

enum spool_type {
    SPOOL_EVENT,
    SPOOL_GAP /* Says what was dropped; struct spool_gap. */
};

struct spool_record {
    enum event_kind kind;
    enum spool_type type;
    struct redis_id id;
    uint64_t serial;   /* From 1. */
    const char *bytes; /* Borrowed. */
    size_t size;
};

struct spool_segment_header {
    enum event_kind kind;
    uint32_t salt;
    uint64_t number, first_serial, after_serial;
};

enum spool_header_status {
    SPOOL_HEADER_OK,
    SPOOL_HEADER_CORRUPT,
    SPOOL_HEADER_VERSION /* Sound, and of another version. */
};

/* Both copies: SPOOL_SEGMENT_START bytes. */
void spool_header_encode(const struct spool_segment_header *,
                         uint8_t bytes[SPOOL_SEGMENT_START]);

/* 'size' may be anything.  '*version' is filled in for SPOOL_HEADER_VERSION. */
enum spool_header_status spool_header_decode(const uint8_t *bytes, size_t size,
                                             struct spool_segment_header *,
                                             uint32_t *version);

/* Of a record of 'size' bytes. */
static inline size_t
spool_frame_bytes(size_t size)
{
    return (SPOOL_FRAME_HEAD + size + SPOOL_ALIGN - 1) &
           ~(size_t)(SPOOL_ALIGN - 1);
}

/* Writes spool_frame_bytes(record->size) bytes; the CRC is 0.  The record is of
 * SPOOL_MAX_RECORD bytes at most. */
void spool_frame_encode(char *at, const struct spool_record *);

/* Fills in the CRC of a frame, which it must have on disk, and returns the
 * frame's bytes. */
size_t spool_frame_sign(char *at, uint32_t salt);

/* Of a frame that spool_frame_encode() made here: nothing is checked.  The
 * record's bytes are borrowed from it. */
void spool_frame_read(const char *at, struct spool_record *);

/* Whether a whole and sound frame begins at 'at', of which 'left' bytes are
 * there.  The record's bytes are borrowed from them. */
bool spool_frame_decode(const char *at, size_t left, uint32_t salt,
                        struct spool_record *);

/* Bytes from 'at', a multiple of 8, to where a frame may begin: 0 if there.
 * Not more than 'left' rounded up. */
size_t spool_frame_search(const char *at, size_t left);

/* The bytes that a frame which may begin at 'at' says it has; 0 if none does,
 * or so few bytes are left that it cannot be told. */
size_t spool_frame_claimed(const char *at, size_t left);

/* What was dropped of one kind: all records between two serials. */
#define SPOOL_REASONS(X)                                                       \
    X(FULL, "spool_full")       /* Older ones made room for newer. */          \
    X(MEMORY, "memory_full")    /* The disk took nothing for too long. */      \
    X(CORRUPT, "corrupt")       /* Their checksums were wrong. */              \
    X(UNREADABLE, "unreadable") /* The disk did not give them back. */         \
    X(EARLIER, "earlier_run")   /* By another run, which did not say why. */   \
    X(LOST, "lost_by_server")   /* Acknowledged, gone, and not kept here. */

enum spool_reason {
#define SPOOL_REASON_ENUM(NAME, TEXT) SPOOL_##NAME,
    SPOOL_REASONS(SPOOL_REASON_ENUM) SPOOL_N_REASONS
#undef SPOOL_REASON_ENUM
};

struct spool_gap {
    enum event_kind kind;
    enum spool_reason reason;
    uint64_t first_serial, last_serial; /* All between are missing. */
    struct redis_id after, before;      /* The ids on both sides; 'before' is
                                         * 0-0 if nothing came later. */
};

enum {
    SPOOL_GAP_BYTES = 56
};

void spool_gap_encode(const struct spool_gap *, char bytes[SPOOL_GAP_BYTES]);
bool spool_gap_decode(const struct spool_record *, struct spool_gap *);

const char *spool_reason_name(enum spool_reason);

#endif
