/* The spool's state file: how far each kind was acknowledged, and the last id
 * given.
 *
 * Two slots with a checksum each, in different pages, written in turns: a write
 * that is cut short leaves the other one, which is at most one step older.
 * Nothing is lost by an older one, as Redis knows which ids it has.  A slot,
 * little-endian:
 *
 *    0  8  "segstate"
 *    8  4  version, 1
 *   12  4  CRC-32C of bytes 0 to 11, in every version
 *   16  8  generation: the higher one counts
 *   24  4  salt for new segments, and 4: 0
 *   32 16  last id given: ms, seq
 *   48     for each kind, the members of struct spool_mark, 8 bytes each
 *  508  4  CRC-32C of bytes 0 to 507 */

#ifndef TOOLS_SPOOL_SPOOL_STATE_H
#define TOOLS_SPOOL_SPOOL_STATE_H

#include "tools/event/event.h"
#include "tools/redis/redis_id.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SPOOL_SLOT_BYTES = 512,
    SPOOL_SLOT_DISTANCE = 4096,
    SPOOL_STATE_BYTES = SPOOL_SLOT_DISTANCE + SPOOL_SLOT_BYTES
};

/* Of one kind.  Serials count its records; 0 is none. */
struct spool_mark {
    uint64_t acked_serial; /* All up to it are done, */
    struct redis_id acked; /* and this is its id. */
    uint64_t last_serial;  /* Given. */
    uint64_t told_serial;  /* Gaps up to it have been told. */
    /* Records of these serials have ids that are 'raised_ms' above those they
     * were written with; see spool_raise(). */
    uint64_t raised_from, raised_to, raised_ms;
};

struct spool_state {
    uint64_t generation;
    uint32_t salt;
    struct redis_id last;
    struct spool_mark marks[EVENT_N_KINDS];
};

enum spool_state_status {
    SPOOL_STATE_OK,
    SPOOL_STATE_NONE,    /* The file is empty. */
    SPOOL_STATE_CORRUPT, /* No slot is sound. */
    SPOOL_STATE_VERSION, /* Of another version: '*version'. */
    SPOOL_STATE_FAILED   /* Cannot be read; errno says why. */
};

enum spool_state_status spool_state_read(int fd, struct spool_state *,
                                         uint32_t *version);

/* Into the slot of the next generation.  False, with errno set, if it cannot be
 * written; then the other slot still counts. */
bool spool_state_write(int fd, struct spool_state *);

#endif
