/* One kind's records; see spool_lane.h.
 *
 * What is dropped to make room is counted when it is, because that may be long
 * before anybody reads; what is found corrupt when it is found.  Both are told
 * when the reader gets there, so gaps are told in order, once, and many drops
 * in a row are one gap. */

#include "tools/spool/spool_lane.h"

#include <errno.h>
#include <string.h>

static uint64_t end_of_doubt(const struct spool_lane *lane);
static uint64_t doubtful(const struct spool_lane *lane);
static bool find(struct spool_lane *lane, bool with_memory,
                 struct spool_record *record, bool *later);
static bool find_on_disk(struct spool_lane *lane, size_t i,
                         struct spool_record *record, bool *later);
static size_t file_of(const struct spool_lane *lane, uint64_t serial);
static bool open_file(struct spool_lane *lane, size_t i);
static bool is_passing(int reason);
static void lose(struct spool_lane *lane, uint64_t first, uint64_t last,
                 enum spool_reason reason);
static void drop(struct spool_lane *lane, uint64_t first, uint64_t last,
                 enum spool_reason reason);
static void lose_flights(struct spool_lane *lane);
static bool is_kept(const struct spool_lane *lane, uint64_t serial);
static bool gap_before(struct spool_lane *lane, uint64_t serial,
                       struct redis_id before, struct spool_gap *gap);

bool
spool_lane_init(struct spool_lane *lane, enum event_kind kind,
                struct spool_folder *folder, struct spool_pool *pool,
                struct spool_mark *mark)
{
    memset(lane, 0, sizeof *lane);
    lane->mark = mark;
    lane->expected = 1;
    lane->search = 1;
    lane->drop_reason = SPOOL_EARLIER;
    lane->found_reason = SPOOL_N_REASONS;
    spool_memory_init(&lane->memory, pool);
    spool_reader_init(&lane->reader, kind);
    return spool_files_init(&lane->files, kind, folder);
}

void
spool_lane_done(struct spool_lane *lane)
{
    spool_memory_done(&lane->memory);
    spool_reader_done(&lane->reader);
    spool_files_done(&lane->files);
}

bool
spool_lane_load(struct spool_lane *lane, bool has_mark, struct spool_tail *tail,
                struct error *error)
{
    struct spool_files *files = &lane->files;
    struct spool_mark *mark = lane->mark;

    if (!spool_files_load(files, &lane->reader, tail, error)) {
        return false;
    }
    if (!has_mark && files->n > 0) {
        mark->acked_serial = files->files[0].header.first_serial - 1;
    }
    if (tail->last_serial > mark->last_serial) {
        mark->last_serial = tail->last_serial;
    }
    lane->last_id = tail->last_id;
    lane->read_id = mark->acked;
    lane->expected = mark->acked_serial + 1;
    lane->search = lane->expected;
    lane->committed = files->last_serial;
    lane->doubt = end_of_doubt(lane);
    lane->stat.recovered = spool_files_count(files, lane->expected);
    lane->stat.pending = lane->stat.recovered;
    return true;
}

enum spool_next
spool_lane_peek(struct spool_lane *lane, bool with_memory,
                struct spool_record *record, struct spool_gap *gap)
{
    bool later = false;

    if (find(lane, with_memory, record, &later)) {
        lane->search = record->serial;
        record->id = spool_lane_id(lane, record);
        return gap_before(lane, record->serial, record->id, gap)
                   ? SPOOL_NEXT_GAP
                   : SPOOL_NEXT_RECORD;
    }
    if (later) {
        return SPOOL_NEXT_LATER;
    }
    /* If all is gone, so that nothing comes behind it. */
    if ((!lane->memory.tail || lane->memory.tail->last_serial < lane->search) &&
        file_of(lane, lane->search) == lane->files.n &&
        gap_before(lane, lane->mark->last_serial + 1, (struct redis_id){0, 0},
                   gap)) {
        return SPOOL_NEXT_GAP;
    }
    return SPOOL_NEXT_NONE;
}

void
spool_lane_pass(struct spool_lane *lane, const struct spool_record *record)
{
    unsigned at = (lane->first_flight + lane->n_flights) % SPOOL_MAX_IN_FLIGHT;

    lane->flights[at] = (struct spool_flight){record->id, record->serial};
    lane->n_flights++;
    lane->n_doubtful++;
    lane->expected = record->serial + 1;
    lane->search = lane->expected;
    lane->read_id = record->id;
    if (lane->is_from_reader) {
        spool_reader_pass(&lane->reader, record);
    }
}

void
spool_lane_pass_gap(struct spool_lane *lane, const struct spool_gap *gap)
{
    lane->expected = gap->last_serial + 1;
    if (lane->search < lane->expected) {
        lane->search = lane->expected;
    }
    lane->mark->told_serial = gap->last_serial;
    lane->found_reason = SPOOL_N_REASONS;
}

void
spool_lane_ack(struct spool_lane *lane, struct redis_id up_to)
{
    while (lane->n_flights > 0) {
        const struct spool_flight *flight = &lane->flights[lane->first_flight];

        if (redis_id_compare(flight->id, up_to) > 0) {
            return;
        }
        lane->mark->acked = flight->id;
        lane->mark->acked_serial = flight->serial;
        lane->first_flight = (lane->first_flight + 1) % SPOOL_MAX_IN_FLIGHT;
        lane->n_flights--;
        lane->stat.acked++;
        lane->stat.pending--;
    }
    lane->mark->acked_serial = lane->expected - 1; /* With gaps passed. */
}

void
spool_lane_rewind(struct spool_lane *lane, uint64_t serial)
{
    uint64_t n = 0;

    if (serial <= lane->mark->acked_serial) {
        n = spool_files_count(&lane->files, serial) -
            spool_files_count(&lane->files, lane->mark->acked_serial + 1) +
            spool_memory_count(&lane->memory, serial, lane->mark->acked_serial);
        lane->mark->acked_serial = serial - 1;
    }
    lose_flights(lane);
    lane->stat.rewound += n;
    lane->stat.pending += n;
    lane->expected = serial;
    lane->search = serial;
    lane->n_doubtful -=
        lane->n_doubtful < lane->n_flights ? lane->n_doubtful : lane->n_flights;
    lane->n_flights = 0;
    lane->found_reason = SPOOL_N_REASONS;
    spool_reader_close(&lane->reader);
}

bool
spool_lane_drop_file(struct spool_lane *lane, size_t i,
                     enum spool_reason reason)
{
    const struct spool_file *file = &lane->files.files[i];

    drop(lane, file->header.first_serial, file->last_serial, reason);
    if (file->header.number == lane->reader_number) {
        spool_reader_close(&lane->reader);
    }
    return spool_files_remove(&lane->files, i);
}

size_t
spool_lane_victim(const struct spool_lane *lane)
{
    size_t i = 0;

    while (i < lane->files.n &&
           (lane->files.files[i].header.first_serial <= doubtful(lane) ||
            lane->files.files[i].has_gap)) {
        i++;
    }
    return i;
}

bool
spool_lane_drop_chunk(struct spool_lane *lane, enum spool_reason reason)
{
    struct spool_chunk *chunk =
        spool_memory_above(&lane->memory, doubtful(lane));

    if (!chunk) {
        return false;
    }
    drop(lane, chunk->first_serial, chunk->last_serial, reason);
    spool_memory_remove(&lane->memory, chunk);
    return true;
}

void
spool_lane_lose_files(struct spool_lane *lane)
{
    spool_reader_close(&lane->reader);
    spool_files_seal(&lane->files);
    for (size_t i = 0; i < lane->files.n; i++) {
        drop(lane, lane->files.files[i].header.first_serial,
             lane->files.files[i].last_serial, SPOOL_UNREADABLE);
        lane->files.folder->bytes -= lane->files.files[i].size;
    }
    lane->files.n = 0;
}

struct redis_id
spool_lane_id(const struct spool_lane *lane, const struct spool_record *record)
{
    struct redis_id id = record->id;

    if (record->serial >= lane->mark->raised_from &&
        record->serial <= lane->mark->raised_to) {
        id.ms += lane->mark->raised_ms;
    }
    return id;
}

/* The run before read no more than so many without writing what of them was
 * acknowledged. */
static uint64_t
end_of_doubt(const struct spool_lane *lane)
{
    uint64_t serial = lane->mark->acked_serial;
    uint64_t left = SPOOL_MAX_IN_FLIGHT;

    for (size_t i = 0; i < lane->files.n && left > 0; i++) {
        uint64_t first = lane->files.files[i].header.first_serial;
        uint64_t last = lane->files.files[i].last_serial;

        first = first > serial ? first : serial + 1;
        if (last >= first) {
            uint64_t n = last - first + 1 < left ? last - first + 1 : left;

            serial = first + n - 1;
            left -= n;
        }
    }
    return serial;
}

/* Records up to this serial may have been sent. */
static uint64_t
doubtful(const struct spool_lane *lane)
{
    return lane->expected - 1 > lane->doubt ? lane->expected - 1 : lane->doubt;
}

/* The first record from 'search' on; those found missing on the way there are
 * counted. */
static bool
find(struct spool_lane *lane, bool with_memory, struct spool_record *record,
     bool *later)
{
    size_t i;

    lane->is_from_reader = false;
    while ((i = file_of(lane, lane->search)) < lane->files.n) {
        uint64_t first = lane->files.files[i].header.first_serial;
        bool found;

        if (!with_memory && lane->search > lane->committed) {
            return false;
        }
        found = find_on_disk(lane, i, record, later);
        if (*later) {
            return false;
        }
        first = first > lane->search ? first : lane->search;
        if (found) {
            lose(lane, first, record->serial - 1, SPOOL_CORRUPT);
            lane->is_from_reader = true;
            return with_memory || record->serial <= lane->committed;
        }
        lose(lane, first, lane->files.files[i].last_serial,
             errno ? SPOOL_UNREADABLE : SPOOL_CORRUPT);
        lane->search = lane->files.files[i].last_serial + 1;
    }
    return with_memory &&
           spool_memory_read(&lane->memory, lane->search, record);
}

/* False with errno 0: there is no more in this segment. */
static bool
find_on_disk(struct spool_lane *lane, size_t i, struct spool_record *record,
             bool *later)
{
    const struct spool_file *file = &lane->files.files[i];
    uint64_t last = lane->files.files[i].last_serial;
    enum spool_read_status status = SPOOL_READ_FAILED;

    if (open_file(lane, i)) {
        while ((status = spool_reader_peek(&lane->reader, file->size,
                                           record)) == SPOOL_READ_OK &&
               record->serial < lane->search) {
            spool_reader_pass(&lane->reader, record);
        }
    }
    if (status == SPOOL_READ_FAILED) {
        *later = is_passing(errno);
        return false;
    }
    errno = 0;
    return status == SPOOL_READ_OK && record->serial <= last;
}

/* The first segment that reaches to 'serial'; files.n if none does. */
static size_t
file_of(const struct spool_lane *lane, uint64_t serial)
{
    size_t i = 0;

    while (i < lane->files.n && lane->files.files[i].last_serial < serial) {
        i++;
    }
    return i;
}

static bool
open_file(struct spool_lane *lane, size_t i)
{
    const struct spool_segment_header *header = &lane->files.files[i].header;
    int fd;

    if (lane->reader.fd >= 0 && lane->reader_number == header->number &&
        lane->reader.after < lane->search) {
        return true;
    }
    fd = spool_files_open(&lane->files, i);
    lane->reader_number = header->number;
    return fd >= 0 && spool_reader_set(&lane->reader, fd, header);
}

/* Such as too many open files: no reason to give up a segment. */
static bool
is_passing(int reason)
{
    return reason == EMFILE || reason == ENFILE || reason == ENOMEM ||
           reason == EINTR || reason == EAGAIN;
}

/* Found missing on disk. */
static void
lose(struct spool_lane *lane, uint64_t first, uint64_t last,
     enum spool_reason reason)
{
    if (last >= first) {
        lane->found_reason = reason;
        lane->stat.dropped[reason] += last - first + 1;
        lane->stat.pending -= last - first + 1;
    }
}

/* On purpose.  What is in flight was read, and is the sender's. */
static void
drop(struct spool_lane *lane, uint64_t first, uint64_t last,
     enum spool_reason reason)
{
    first = first > lane->search ? first : lane->search;
    if (last >= first && lane->search <= last) {
        lane->drop_reason = reason;
        lane->stat.dropped[reason] += last - first + 1;
        lane->stat.pending -= last - first + 1;
    }
}

/* What was in flight when it was dropped cannot be read again. */
static void
lose_flights(struct spool_lane *lane)
{
    for (unsigned i = lane->n_flights; i-- > 0;) {
        unsigned at = (lane->first_flight + i) % SPOOL_MAX_IN_FLIGHT;
        uint64_t serial = lane->flights[at].serial;

        if (is_kept(lane, serial)) {
            continue;
        }
        lane->stat.dropped[lane->drop_reason]++;
        lane->stat.pending--;
        if (lane->mark->told_serial >= serial) {
            lane->mark->told_serial = serial - 1;
        }
    }
}

static bool
is_kept(const struct spool_lane *lane, uint64_t serial)
{
    const struct spool_chunk *chunk = lane->memory.head;
    size_t i = file_of(lane, serial);

    if (i < lane->files.n) {
        return lane->files.files[i].header.first_serial <= serial;
    }
    while (chunk && chunk->last_serial < serial) {
        chunk = chunk->next;
    }
    return chunk && chunk->first_serial <= serial;
}

/* Whether something not yet told is missing before 'serial'. */
static bool
gap_before(struct spool_lane *lane, uint64_t serial, struct redis_id before,
           struct spool_gap *gap)
{
    uint64_t first = lane->expected;

    if (serial <= lane->expected) {
        return false;
    }
    if (first <= lane->mark->told_serial) {
        first = lane->mark->told_serial + 1;
    }
    *gap = (struct spool_gap){.kind = lane->files.kind,
                              .reason = lane->found_reason < SPOOL_N_REASONS
                                            ? lane->found_reason
                                            : lane->drop_reason,
                              .first_serial = first,
                              .last_serial = serial - 1,
                              .after = lane->read_id,
                              .before = before};
    if (first >= serial) { /* All of it was told before. */
        lane->expected = serial;
        return false;
    }
    return true;
}
