/* The spool's calls; see spool.h and spool_impl.h. */

#include "tools/spool/spool.h"

#include "tools/spool/spool_failpoint.h"
#include "tools/spool/spool_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static_assert(SPOOL_MIN_MEMORY_BYTES >=
                  SPOOL_MIN_CHUNKS * (int)sizeof(struct spool_chunk),
              "the least memory holds the least number of chunks");

enum {
    ROOM_CHUNKS = 2 /* A record's, and that of a gap before it. */
};

static void spool_free(struct spool *spool);
static void set_options(struct spool *spool,
                        const struct spool_options *options);
static bool load(struct spool *spool, struct error *error);
static bool load_state(struct spool *spool, bool *has_marks,
                       struct error *error);
static bool may_read(struct spool *spool, const struct spool_lane *lane);
static void load_tails(struct spool *spool,
                       const struct spool_tail tails[EVENT_N_KINDS]);
static void note_told(struct spool *spool, const struct spool_tail *tail);
static void raise_last(struct spool *spool, struct redis_id id);
static bool append(struct spool *spool, struct spool_record *record);
static bool pass_gap(struct spool *spool, struct spool_lane *lane,
                     const struct spool_gap *gap);
static bool tell(struct spool *spool, const struct spool_gap *gap);
static void raise_pending(struct spool *spool, struct spool_lane *lane,
                          const struct spool_record *first,
                          struct redis_id last);
static bool first_above(struct spool_lane *lane, struct redis_id last,
                        struct spool_record *record, bool *is_complete);
static void forget_acked(struct spool *spool, struct spool_lane *lane);

struct spool *
spool_open(const struct spool_options *options, struct mono_time now,
           struct error *error)
{
    struct spool *spool = calloc(1, sizeof *spool);
    bool good = spool != NULL;

    if (!spool) {
        error_set(error, ERROR_MEMORY, "", "no memory for a spool");
        return NULL;
    }
    set_options(spool, options);
    spool->now_ns = now.ns;
    spool->last_sync_ns = now.ns;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (!spool_lane_init(&spool->lanes[kind], (enum event_kind)kind,
                             &spool->folder, &spool->pool,
                             &spool->state.marks[kind])) {
            good = error_set(error, ERROR_MEMORY, "", "no memory for a spool");
        }
    }
    if (!good || (options->directory && !load(spool, error))) {
        spool_free(spool);
        return NULL;
    }
    return spool;
}

void
spool_close(struct spool *spool, struct mono_time now)
{
    if (!spool) {
        return;
    }
    spool->next_try_ns = now.ns;
    spool_commit(spool, now);
    if (spool->is_up) {
        spool_sync(spool);
    }
    spool_free(spool);
}

bool
spool_append(struct spool *spool, enum event_kind kind,
             struct wall_time emitted, const char *bytes, size_t size,
             struct redis_id *id)
{
    struct spool_record record = {
        .kind = kind, .type = SPOOL_EVENT, .bytes = bytes, .size = size};

    assert(size <= SPOOL_MAX_RECORD);
    *id = redis_id_next(spool->state.last, emitted.ns / MILLISECOND_NS);
    record.id = *id;
    return append(spool, &record);
}

bool
spool_has_room(const struct spool *spool)
{
    size_t n_free = spool->pool.max_chunks - spool->pool.n_used;

    if (spool->is_up) {
        return spool_disk_has_room(spool);
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct spool_lane *lane = &spool->lanes[kind];
        const struct spool_chunk *chunk = lane->memory.head;

        while (n_free < ROOM_CHUNKS && chunk &&
               chunk->last_serial <= lane->mark->acked_serial) {
            n_free++;
            chunk = chunk->next;
        }
    }
    return n_free >= ROOM_CHUNKS;
}

bool
spool_commit(struct spool *spool, struct mono_time now)
{
    bool is_written = spool_write(spool, now);

    if (spool_sync_begin(spool, now)) {
        spool_sync_run(spool);
        spool_sync_end(spool);
    }
    return is_written && spool->is_up;
}

bool
spool_write(struct spool *spool, struct mono_time now)
{
    spool->now_ns = now.ns;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        forget_acked(spool, &spool->lanes[kind]);
    }
    return spool->options.directory && spool_disk_commit(spool);
}

bool
spool_read(struct spool *spool, enum event_kind kind,
           struct spool_record *record)
{
    struct spool_lane *lane = &spool->lanes[kind];
    struct spool_gap gap;
    enum spool_next next = SPOOL_NEXT_GAP;

    while (next == SPOOL_NEXT_GAP && may_read(spool, lane)) {
        next = spool_lane_peek(lane, !spool->is_up, record, &gap);
        if (next == SPOOL_NEXT_RECORD) {
            spool_lane_pass(lane, record);
            return true;
        }
        if (next == SPOOL_NEXT_GAP && !pass_gap(spool, lane, &gap)) {
            return false;
        }
    }
    return false;
}

void
spool_ack(struct spool *spool, enum event_kind kind, struct redis_id up_to)
{
    spool_lane_ack(&spool->lanes[kind], up_to);
    forget_acked(spool, &spool->lanes[kind]);
    spool->is_state_dirty = true;
}

void
spool_reread(struct spool *spool, enum event_kind kind)
{
    spool_lane_rewind(&spool->lanes[kind],
                      spool->state.marks[kind].acked_serial + 1);
}

void
spool_rewind(struct spool *spool, enum event_kind kind, struct redis_id last)
{
    struct spool_lane *lane = &spool->lanes[kind];
    uint64_t acked = lane->mark->acked_serial;
    struct redis_id before = lane->mark->acked;
    struct spool_record record = {.serial = 0};
    bool is_complete = false;

    if (first_above(lane, last, &record, &is_complete) &&
        record.serial <= acked) {
        spool_lane_rewind(lane, record.serial);
        before = record.id;
    } else {
        spool_lane_rewind(lane, acked + 1);
    }
    lane->read_id = last;
    lane->mark->acked = last;
    if (!is_complete) {
        tell(spool, &(struct spool_gap){.kind = kind,
                                        .reason = SPOOL_LOST,
                                        .after = last,
                                        .before = before});
    }
    spool->is_state_dirty = true;
}

void
spool_raise(struct spool *spool, enum event_kind kind, struct redis_id last)
{
    struct spool_lane *lane = &spool->lanes[kind];
    struct spool_record record;
    struct spool_gap gap;
    enum spool_next next;

    spool_reread(spool, kind);
    do {
        next = spool_lane_peek(lane, true, &record, &gap);
    } while (next == SPOOL_NEXT_GAP && pass_gap(spool, lane, &gap));
    if (next == SPOOL_NEXT_RECORD && redis_id_compare(record.id, last) <= 0) {
        raise_pending(spool, lane, &record, last);
    }
    raise_last(spool, last);
    lane->mark->acked = last;
    lane->read_id = last;
    spool->is_state_dirty = true;
    if (spool->is_up) { /* Into both slots: no older state may count. */
        spool_disk_write_state(spool);
        spool_disk_write_state(spool);
    }
}

void
spool_get_stat(const struct spool *spool, struct spool_stat *stat)
{
    *stat = (struct spool_stat){
        .disk_bytes = spool->folder.bytes,
        .memory_bytes = spool->pool.n_used * sizeof(struct spool_chunk),
        .torn_bytes = spool->torn_bytes,
        .unreadable_segments = spool->unreadable_segments,
        .n_troubles = spool->n_troubles,
        .n_writes = spool->n_writes,
        .n_syncs = spool->n_syncs,
        .state_lost = spool->state_lost,
        .is_up = spool->is_up,
        .error = spool->error,
        .last_id = spool->state.last};
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        stat->kind[kind] = spool->lanes[kind].stat;
        stat->kind[kind].last_serial = spool->state.marks[kind].last_serial;
        stat->kind[kind].acked_id = spool->state.marks[kind].acked;
        stat->skipped_bytes += spool->lanes[kind].reader.skipped;
    }
}

static void
set_options(struct spool *spool, const struct spool_options *options)
{
    uint64_t bytes =
        options->max_bytes ? options->max_bytes : SPOOL_DEFAULT_BYTES;
    size_t memory = options->memory_bytes ? options->memory_bytes
                                          : SPOOL_DEFAULT_MEMORY_BYTES;
    uint64_t segment;

    bytes = bytes < SPOOL_MIN_BYTES ? SPOOL_MIN_BYTES : bytes;
    bytes = bytes > SPOOL_MAX_BYTES ? SPOOL_MAX_BYTES : bytes;
    segment = bytes / 64;
    segment = segment > 8 << 20 ? 8 << 20 : segment;
    if (segment < bytes / (SPOOL_MAX_FILES / 2)) {
        segment = bytes / (SPOOL_MAX_FILES / 2);
    }
    spool->options = *options;
    spool->options.max_bytes = bytes;
    spool->folder = (struct spool_folder){
        .path = options->directory, .fd = -1, .segment_bytes = segment};
    spool->state_fd = -1;
    spool_pool_init(&spool->pool, memory);
}

static void
spool_free(struct spool *spool)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        spool_lane_done(&spool->lanes[kind]);
    }
    spool_pool_done(&spool->pool);
    spool_disk_close(spool);
    free(spool);
}

static bool
load(struct spool *spool, struct error *error)
{
    struct spool_tail tails[EVENT_N_KINDS];
    bool has_marks = false;

    if (!spool_disk_open(spool, error) ||
        !load_state(spool, &has_marks, error)) {
        return false;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (!spool_lane_load(&spool->lanes[kind], has_marks, &tails[kind],
                             error)) {
            return false;
        }
    }
    load_tails(spool, tails);
    spool->written = spool->state;
    spool->is_up = true;
    spool_disk_write_state(spool);
    return true;
}

static bool
load_state(struct spool *spool, bool *has_marks, struct error *error)
{
    uint32_t version;

    switch (spool_state_read(spool->state_fd, &spool->state, &version)) {
    case SPOOL_STATE_OK: *has_marks = true; return true;
    case SPOOL_STATE_CORRUPT: spool->state_lost = true; break;
    case SPOOL_STATE_NONE: break;
    case SPOOL_STATE_VERSION:
        return error_set(error, ERROR_UNSUPPORTED, spool->folder.path,
                         "its state is of version %u; this segmon reads %d",
                         version, SPOOL_VERSION);
    case SPOOL_STATE_FAILED:
        return error_set_errno(error, spool->folder.path,
                               "the spool's state cannot be read");
    }
    memset(&spool->state, 0, sizeof spool->state);
    if (getrandom(&spool->state.salt, sizeof spool->state.salt, 0) < 0) {
        return error_set_errno(error, spool->folder.path,
                               "no random number for the spool");
    }
    return true;
}

/* No more are in doubt after the end of this process than the next one holds
 * on to: once in a while the state must say what was acknowledged. */
static bool
may_read(struct spool *spool, const struct spool_lane *lane)
{
    if (lane->n_doubtful >= SPOOL_MAX_IN_FLIGHT && spool_disk_write(spool)) {
        spool_disk_write_state(spool);
    }
    return lane->n_flights < SPOOL_MAX_IN_FLIGHT &&
           (lane->n_doubtful < SPOOL_MAX_IN_FLIGHT || !spool->is_up);
}

/* Ids given and gaps told after the state was last written. */
static void
load_tails(struct spool *spool, const struct spool_tail tails[EVENT_N_KINDS])
{
    spool->folder.salt = spool->state.salt;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct spool_tail *tail = &tails[kind];
        struct spool_record last = {.id = tail->last_id,
                                    .serial = tail->last_serial};

        spool->torn_bytes += tail->torn_bytes;
        spool->unreadable_segments += tail->n_unreadable;
        raise_last(spool, spool_lane_id(&spool->lanes[kind], &last));
        note_told(spool, tail);
    }
}

static void
note_told(struct spool *spool, const struct spool_tail *tail)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct spool_mark *mark = &spool->state.marks[kind];

        if (tail->told_serial[kind] > mark->told_serial) {
            mark->told_serial = tail->told_serial[kind];
        }
    }
}

static void
raise_last(struct spool *spool, struct redis_id id)
{
    if (redis_id_compare(id, spool->state.last) > 0) {
        spool->state.last = id;
    }
}

static bool
append(struct spool *spool, struct spool_record *record)
{
    struct spool_lane *lane = &spool->lanes[record->kind];
    bool done = false;

    record->serial = lane->mark->last_serial + 1;
    do {
        done = spool_memory_append(&lane->memory, record);
    } while (!done && spool_disk_make_room(spool, record->kind));
    if (!done && record->type == SPOOL_GAP) {
        return false; /* It is told later. */
    }
    spool->state.last = record->id;
    spool->is_state_dirty = true;
    lane->mark->last_serial = record->serial;
    lane->stat.appended++;
    if (done) {
        lane->last_id = record->id;
        lane->stat.pending++;
    } else {
        lane->drop_reason = SPOOL_MEMORY;
        lane->stat.dropped[SPOOL_MEMORY]++;
    }
    return done;
}

/* False if there is no room to tell it, for now. */
static bool
pass_gap(struct spool *spool, struct spool_lane *lane,
         const struct spool_gap *gap)
{
    if (!tell(spool, gap)) {
        return false;
    }
    spool_lane_pass_gap(lane, gap);
    SPOOL_DONE("gap told");
    return true;
}

/* Puts a gap into the status kind's queue, if there is room. */
static bool
tell(struct spool *spool, const struct spool_gap *gap)
{
    char bytes[SPOOL_GAP_BYTES];
    struct spool_record record = {.kind = EVENT_STATUS,
                                  .type = SPOOL_GAP,
                                  .id = redis_id_next(spool->state.last, 0),
                                  .bytes = bytes,
                                  .size = sizeof bytes};

    spool_gap_encode(gap, bytes);
    return append(spool, &record);
}

/* 'first' is the first of those that wait. */
static void
raise_pending(struct spool *spool, struct spool_lane *lane,
              const struct spool_record *first, struct redis_id last)
{
    struct spool_mark *mark = lane->mark;
    uint64_t more = last.ms + 1 - first->id.ms;

    if (first->serial >= mark->raised_from &&
        first->serial <= mark->raised_to) {
        more += mark->raised_ms; /* 'first' has the former one already. */
    }
    mark->raised_from = first->serial;
    mark->raised_to = mark->last_serial;
    mark->raised_ms = more;
    raise_last(spool,
               (struct redis_id){lane->last_id.ms + more, lane->last_id.seq});
}

/* The first record that is kept with an id above 'last'.  '*is_complete' if one
 * is kept, too, that is not above: then nothing between them is missing. Before
 * the first of all there was nothing.  Only looks: what it finds corrupt is
 * counted when it is read. */
static bool
first_above(struct spool_lane *lane, struct redis_id last,
            struct spool_record *record, bool *is_complete)
{
    struct spool_kind_stat stat = lane->stat;
    struct spool_gap gap;
    enum spool_next next;
    bool found = false;

    lane->expected = lane->mark->acked_serial + 1;
    if (lane->files.n > 0 &&
        lane->files.files[0].header.first_serial < lane->expected) {
        lane->expected = lane->files.files[0].header.first_serial;
    }
    if (lane->files.n == 0 && lane->memory.head &&
        lane->memory.head->first_serial < lane->expected) {
        lane->expected = lane->memory.head->first_serial;
    }
    lane->search = lane->expected;
    *is_complete = redis_id_compare(last, lane->mark->acked) >= 0;
    do {
        next = spool_lane_peek(lane, true, record, &gap);
        if (next == SPOOL_NEXT_GAP) {
            lane->expected = gap.last_serial + 1;
        } else if (next == SPOOL_NEXT_RECORD) {
            found = redis_id_compare(record->id, last) > 0;
            *is_complete |= !found || record->serial == 1;
            lane->expected = record->serial + 1;
        }
        lane->search = lane->expected;
    } while (!found && (next == SPOOL_NEXT_GAP || next == SPOOL_NEXT_RECORD));
    lane->stat = stat;
    return found;
}

/* What is in memory and was acknowledged is kept for its time, too. */
static void
forget_acked(struct spool *spool, struct spool_lane *lane)
{
    if (!spool->is_up) {
        spool_memory_retire(&lane->memory, lane->mark->acked_serial,
                            spool->now_ns, spool->options.retain_ns);
    }
}
