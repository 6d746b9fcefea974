/* When the spool writes, what it drops, and how it lives with a disk that does
 * not work; see spool_impl.h.
 *
 * The more a record counts, the later it goes and the earlier it is written:
 * violations, status, flows.  A disk in trouble is left alone for
 * SPOOL_RETRY_NS; then all that is in memory is written to it, in order, or as
 * much as it takes. */

#include "tools/spool/spool_failpoint.h"
#include "tools/spool/spool_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLDER_MODE = 0700,
    STATE_MODE = 0600,
    GAP_RESERVE_BYTES = 3 * SPOOL_CHUNK_BYTES
};

/* Those that count least first. */
static const enum event_kind ranks[EVENT_N_KINDS] = {EVENT_FLOW, EVENT_STATUS,
                                                     EVENT_VIOLATION};

static bool write_kind(struct spool *spool, enum event_kind kind);
static bool make_disk_room(struct spool *spool, struct spool_lane *lane);
static bool write_chunk(struct spool *spool, struct spool_lane *lane);
static bool has_room(const struct spool *spool, const struct spool_lane *lane);
static bool free_done(struct spool *spool);
static bool free_file(struct spool *spool, enum event_kind kind);
static bool free_chunk(struct spool *spool, enum event_kind kind);
static void retire(struct spool *spool);
static void stamp_done(const struct spool *spool, struct spool_lane *lane);
static bool is_kept_long_enough(const struct spool *spool,
                                const struct spool_files *files);
static bool is_done(const struct spool *spool, const struct spool_lane *lane,
                    size_t i);
static bool is_acked(const struct spool_lane *lane, size_t i);
static bool remove_file(struct spool *spool, struct spool_lane *lane, size_t i);
static bool is_space(int reason);
static bool revive(struct spool *spool);

bool
spool_disk_open(struct spool *spool, struct error *error)
{
    const char *path = spool->folder.path;

    if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST) {
        return error_set_errno(error, path, "cannot be made");
    }
    spool->folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->folder.fd < 0) {
        return error_set_errno(error, path, "cannot be opened");
    }
    if (flock(spool->folder.fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK
                   ? error_set(error, ERROR_VALUE, path,
                               "is the spool of another process that runs")
                   : error_set_errno(error, path, "cannot be locked");
    }
    spool->state_fd = openat(spool->folder.fd, "state",
                             O_RDWR | O_CREAT | O_CLOEXEC, STATE_MODE);
    return spool->state_fd >= 0 ||
           error_set_errno(error, path, "its state cannot be opened");
}

void
spool_disk_close(struct spool *spool)
{
    if (spool->state_fd >= 0) {
        close(spool->state_fd);
        spool->state_fd = -1;
    }
    if (spool->folder.fd >= 0) {
        close(spool->folder.fd);
        spool->folder.fd = -1;
    }
}

bool
spool_disk_write(struct spool *spool)
{
    for (unsigned rank = EVENT_N_KINDS; rank-- > 0;) {
        if (!spool->is_up || !write_kind(spool, ranks[rank])) {
            return false;
        }
    }
    return true;
}

bool
spool_disk_commit(struct spool *spool)
{
    bool is_written;

    if (!spool->is_up && spool->now_ns >= spool->next_try_ns) {
        spool->is_up = revive(spool);
    }
    is_written = spool_disk_write(spool);
    if (spool->is_up && spool->is_state_dirty) {
        spool_disk_write_state(spool);
    }
    retire(spool);
    for (unsigned kind = 0; kind < EVENT_N_KINDS && spool->options.sync_ns > 0;
         kind++) {
        spool->lanes[kind].committed = spool->lanes[kind].files.last_serial;
    }
    return is_written && spool->is_up;
}

/* That a gap was told, or passed, is not written before the gap's record is:
 * what was acknowledged behind it waits, too. */
bool
spool_disk_write_state(struct spool *spool)
{
    struct spool_state state = spool->state;

    state.generation = spool->written.generation;
    for (unsigned kind = 0;
         kind < EVENT_N_KINDS && spool->lanes[EVENT_STATUS].memory.head;
         kind++) {
        const struct spool_mark *before = &spool->written.marks[kind];

        state.marks[kind].acked = before->acked;
        state.marks[kind].acked_serial = before->acked_serial;
        state.marks[kind].told_serial = before->told_serial;
    }
    if (!spool_state_write(spool->state_fd, &state)) {
        return spool_disk_trouble(spool, "the spool's state cannot be written");
    }
    spool->written = state;
    spool->is_state_unsynced = true;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct spool_lane *lane = &spool->lanes[kind];

        if (state.marks[kind].acked_serial == lane->mark->acked_serial) {
            lane->n_doubtful = lane->n_flights;
        }
    }
    spool->is_state_dirty = false;
    SPOOL_DONE("state written");
    return true;
}

bool
spool_disk_trouble(struct spool *spool, const char *what)
{
    spool->is_full = is_space(errno);
    error_set_errno(&spool->error, spool->folder.path, what);
    spool->n_troubles += spool->is_up;
    spool->is_up = false;
    spool->next_try_ns = spool->now_ns + SPOOL_RETRY_NS;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        spool_files_seal(&spool->lanes[kind].files);
    }
    return false;
}

bool
spool_folder_is_there(const char *path, int folder_fd, int state_fd)
{
    struct stat ours, there;

    return folder_fd >= 0 && fstat(folder_fd, &ours) == 0 &&
           stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev && fstat(state_fd, &ours) == 0 &&
           ours.st_nlink > 0;
}

/* What is acknowledged gives way to it. */
bool
spool_disk_has_room(const struct spool *spool)
{
    uint64_t bytes =
        spool->folder.bytes + GAP_RESERVE_BYTES +
        (spool->pool.n_used + 1) * (SPOOL_CHUNK_BYTES + SPOOL_SEGMENT_START);

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct spool_lane *lane = &spool->lanes[kind];

        for (size_t i = 0;
             bytes > spool->options.max_bytes && i < lane->files.n; i++) {
            bytes -= is_acked(lane, i) ? lane->files.files[i].size : 0;
        }
        if (spool_files_at_limit(&lane->files) && !is_acked(lane, 0)) {
            return false;
        }
    }
    return bytes <= spool->options.max_bytes;
}

/* In memory; a disk that is only full may give up flows for that. */
bool
spool_disk_make_room(struct spool *spool, enum event_kind kind)
{
    size_t n_used = spool->pool.n_used;

    if (spool->is_up) {
        spool_disk_write(spool);
        if (spool->pool.n_used < n_used) {
            return true;
        }
    }
    if (spool->is_full && free_file(spool, kind)) {
        spool->is_up = true;
        spool_disk_write(spool);
        if (spool->pool.n_used < n_used) {
            return true;
        }
    }
    return free_chunk(spool, kind);
}

static bool
write_kind(struct spool *spool, enum event_kind kind)
{
    struct spool_lane *lane = &spool->lanes[kind];

    bool good = true;

    while (good && lane->memory.head) {
        if (make_disk_room(spool, lane)) {
            good = write_chunk(spool, lane);
        } else { /* All there is counts for more. */
            good = spool->is_up && spool_lane_drop_chunk(lane, SPOOL_FULL);
        }
    }
    return good;
}

static bool
make_disk_room(struct spool *spool, struct spool_lane *lane)
{
    while (spool->is_up && !has_room(spool, lane)) {
        if (!free_done(spool) && !free_file(spool, lane->files.kind)) {
            return false;
        }
    }
    return spool->is_up;
}

static bool
write_chunk(struct spool *spool, struct spool_lane *lane)
{
    const struct spool_chunk *chunk =
        spool_memory_sign(&lane->memory, spool->folder.salt);

    while (!spool_files_write(&lane->files, chunk)) {
        int reason = errno;

        if (!is_space(reason) || !free_done(spool)) {
            errno = reason;
            return spool_disk_trouble(spool, "the spool cannot be written");
        }
    }
    spool->n_writes++;
    spool->is_full = false;
    spool->is_state_dirty = true; /* The last id and serials. */
    spool_memory_pop(&lane->memory);
    return true;
}

/* For the chunk that is to be written next.  There always is for what tells of
 * gaps, as until that is written nothing acknowledged can be removed; the
 * others leave some room for it. */
static bool
has_room(const struct spool *spool, const struct spool_lane *lane)
{
    const struct spool_chunk *chunk = lane->memory.head;

    return !spool_files_at_limit(&lane->files) &&
           (chunk->has_gap || spool->folder.bytes + SPOOL_SEGMENT_START +
                                      chunk->size + GAP_RESERVE_BYTES <=
                                  spool->options.max_bytes);
}

/* Removes the segment that has been acknowledged for longest. */
static bool
free_done(struct spool *spool)
{
    struct spool_lane *oldest = NULL;

    if (spool->is_state_dirty && spool->is_up) {
        spool_disk_write_state(spool);
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct spool_lane *lane = &spool->lanes[kind];

        if (lane->files.n > 0 && is_done(spool, lane, 0) &&
            (!oldest ||
             lane->files.files[0].done_ns < oldest->files.files[0].done_ns)) {
            oldest = lane;
        }
    }
    return oldest && remove_file(spool, oldest, 0);
}

/* Drops the oldest segment of a kind that counts no more than 'kind'. */
static bool
free_file(struct spool *spool, enum event_kind kind)
{
    for (unsigned rank = 0; rank < EVENT_N_KINDS; rank++) {
        struct spool_lane *lane = &spool->lanes[ranks[rank]];
        size_t i = spool_lane_victim(lane);

        if (i < lane->files.n) {
            return remove_file(spool, lane, i);
        }
        if (ranks[rank] == kind) {
            break;
        }
    }
    return false;
}

/* What is acknowledged first; then the same for a chunk. */
static bool
free_chunk(struct spool *spool, enum event_kind kind)
{
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        struct spool_lane *lane = &spool->lanes[i];

        if (lane->memory.head &&
            lane->memory.head->last_serial <= lane->mark->acked_serial) {
            spool_memory_pop(&lane->memory);
            return true;
        }
    }
    for (unsigned rank = 0; rank < EVENT_N_KINDS; rank++) {
        if (spool_lane_drop_chunk(&spool->lanes[ranks[rank]], SPOOL_MEMORY)) {
            return true;
        }
        if (ranks[rank] == kind) {
            break;
        }
    }
    return false;
}

/* What has been acknowledged for long enough. */
static void
retire(struct spool *spool)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct spool_lane *lane = &spool->lanes[kind];

        stamp_done(spool, lane);
        while (spool->is_up && is_kept_long_enough(spool, &lane->files)) {
            remove_file(spool, lane, 0);
        }
    }
}

/* All but the one that is written to. */
static void
stamp_done(const struct spool *spool, struct spool_lane *lane)
{
    struct spool_files *files = &lane->files;

    for (size_t i = 0; i + 1 < files->n && is_done(spool, lane, i); i++) {
        if (files->files[i].done_ns == 0) {
            files->files[i].done_ns = spool->now_ns;
        }
    }
}

static bool
is_kept_long_enough(const struct spool *spool, const struct spool_files *files)
{
    return files->n > 1 && files->files[0].done_ns != 0 &&
           spool->now_ns - files->files[0].done_ns >= spool->options.retain_ns;
}

/* All of the segment is acknowledged, and the state on disk knows: with the
 * segment goes what says so else. */
static bool
is_done(const struct spool *spool, const struct spool_lane *lane, size_t i)
{
    return lane->files.files[i].last_serial <=
           spool->written.marks[lane->files.kind].acked_serial;
}

/* It will be, once the state is written. */
static bool
is_acked(const struct spool_lane *lane, size_t i)
{
    return lane->files.files[i].last_serial <= lane->mark->acked_serial;
}

static bool
remove_file(struct spool *spool, struct spool_lane *lane, size_t i)
{
    if (!spool_lane_drop_file(lane, i, SPOOL_FULL) && errno != ENOENT) {
        return spool_disk_trouble(spool, "a segment cannot be removed");
    }
    return true;
}

static bool
is_space(int reason)
{
    return reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
}

/* Whether the disk may be tried again.  A folder that was removed is made anew,
 * and what was in it is lost. */
static bool
revive(struct spool *spool)
{
    struct error error;

    if (spool_folder_is_there(spool->folder.path, spool->folder.fd,
                              spool->state_fd)) {
        return true;
    }
    if (spool->sync.is_running) { /* With the former one. */
        spool->next_try_ns = spool->now_ns + SPOOL_RETRY_NS;
        return false;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        spool_lane_lose_files(&spool->lanes[kind]);
    }
    spool_disk_close(spool);
    if (!spool_disk_open(spool, &error)) {
        spool_disk_close(spool);
        spool->error = error;
        spool->next_try_ns = spool->now_ns + SPOOL_RETRY_NS;
        return false;
    }
    spool->is_state_dirty = true;
    return true;
}
