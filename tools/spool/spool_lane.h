/* The records of one kind in the spool: oldest on disk, newer in memory, and
 * how far they were read, sent and acknowledged.
 *
 *      disk                         memory
 *   |--------+---------+---------------|--------------|
 *            acked     read                           last
 *   kept for  in flight  waiting
 *   a while
 *
 * A record is known by its serial, which counts without a gap.  So whatever is
 * missing, and however it went, is seen when it is to be read: the next one has
 * another serial than was expected.  Used by one thread; spool.h is the whole.
 */

#ifndef TOOLS_SPOOL_SPOOL_LANE_H
#define TOOLS_SPOOL_SPOOL_LANE_H

#include "tools/spool/spool.h"
#include "tools/spool/spool_files.h"
#include "tools/spool/spool_memory.h"
#include "tools/spool/spool_reader.h"
#include "tools/spool/spool_state.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

struct spool_flight {
    struct redis_id id;
    uint64_t serial;
};

struct spool_lane {
    struct spool_files files;
    struct spool_memory memory;
    struct spool_reader reader;
    uint64_t reader_number; /* Of the segment it reads. */
    bool is_from_reader;    /* What was peeked at last. */
    struct spool_mark *mark;
    struct redis_id last_id; /* Of the last record, as written. */
    struct redis_id read_id; /* Of the last one read, as raised. */
    uint64_t expected;       /* Serial to read next. */
    uint64_t search;         /* Those from 'expected' to here are missing. */
    uint64_t doubt;     /* An earlier run may have sent records up to it. */
    uint64_t committed; /* Up to it records on disk may be read. */
    enum spool_reason drop_reason;  /* Of what was dropped last. */
    enum spool_reason found_reason; /* Of what was found missing; or N. */
    struct spool_flight flights[SPOOL_MAX_IN_FLIGHT];
    unsigned first_flight, n_flights;
    unsigned n_doubtful; /* Read since the state on disk was true of them. */
    struct spool_kind_stat stat;
};

/* 'mark' is borrowed.  False if memory is out. */
bool spool_lane_init(struct spool_lane *, enum event_kind,
                     struct spool_folder *, struct spool_pool *,
                     struct spool_mark *);
void spool_lane_done(struct spool_lane *);

/* Finds what is on disk.  'has_mark': else it is taken from what is found.
 * '*tail' as spool_files_load(). */
bool spool_lane_load(struct spool_lane *, bool has_mark, struct spool_tail *,
                     struct error *error);

enum spool_next {
    SPOOL_NEXT_RECORD,
    SPOOL_NEXT_GAP,  /* Some are missing first. */
    SPOOL_NEXT_NONE, /* Nothing more, for now. */
    SPOOL_NEXT_LATER /* The system lacks something; errno. */
};

/* What comes next: 'record' (borrowed until the next call) or 'gap'.  Nothing
 * is passed by that.  'with_memory': also what is not on disk. */
enum spool_next spool_lane_peek(struct spool_lane *, bool with_memory,
                                struct spool_record *, struct spool_gap *);

/* Passes it: the record is in flight now, the gap behind. */
void spool_lane_pass(struct spool_lane *, const struct spool_record *);
void spool_lane_pass_gap(struct spool_lane *, const struct spool_gap *);

/* What is in flight up to this id is done. */
void spool_lane_ack(struct spool_lane *, struct redis_id up_to);

/* From 'serial' on all is to be read again. */
void spool_lane_rewind(struct spool_lane *, uint64_t serial);

/* Drops the i-th segment; what of it was not read is counted. */
bool spool_lane_drop_file(struct spool_lane *, size_t i, enum spool_reason);

/* The segment to drop if there is no room: the oldest of which nothing can have
 * been sent, as it would be told as missing and be there, and which tells of no
 * gap.  files.n if there is none. */
size_t spool_lane_victim(const struct spool_lane *);

/* Drops such a chunk; false if there is none. */
bool spool_lane_drop_chunk(struct spool_lane *, enum spool_reason);

/* Forgets all segments, which somebody removed. */
void spool_lane_lose_files(struct spool_lane *);

/* With what spool_raise() added. */
struct redis_id spool_lane_id(const struct spool_lane *,
                              const struct spool_record *);

#endif
