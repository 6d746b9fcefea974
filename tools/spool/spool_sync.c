/* Makes sure that the disk has what it was given; see spool.h.
 *
 * That may take seconds, so it is in three parts, of which the one that waits
 * uses nothing that the others change: descriptors of its own, and what they
 * have to be told of.  What is written meanwhile is for the next sync.
 *
 * What was written and could not be synced is not known to be on the disk, and
 * syncing it again would not tell either: the kernel says once that it could
 * not write, and forgets what it was.  Its records are read as long as they
 * come back with sound checksums, and told as missing if they do not. */

#include "tools/spool/spool_failpoint.h"
#include "tools/spool/spool_impl.h"

#include <errno.h>
#include <unistd.h>

static bool is_unsynced(const struct spool *spool);
static bool is_urgent(const struct spool *spool);
static void begin(struct spool *spool);
static bool sync_segments(struct spool_sync *sync);
static bool sync_rest(struct spool_sync *sync);
static bool fail(struct spool_sync *sync, const char *what);

bool
spool_sync_is_due(const struct spool *spool, struct mono_time now)
{
    bool is_time = spool->options.sync_ns == 0 ||
                   now.ns - spool->last_sync_ns >= spool->options.sync_ns;

    return spool->is_up && !spool->sync.is_running &&
           ((is_time && is_unsynced(spool)) || is_urgent(spool));
}

bool
spool_sync_begin(struct spool *spool, struct mono_time now)
{
    bool is_due = spool_sync_is_due(spool, now);

    if (is_due) {
        spool->now_ns = now.ns;
        begin(spool);
    }
    return is_due;
}

void
spool_sync_run(struct spool *spool)
{
    struct spool_sync *sync = &spool->sync;

    if (!sync->failed && sync_segments(sync)) {
        sync_rest(sync);
    }
    for (unsigned i = 0; i < sync->n; i++) {
        close(sync->fds[i]);
    }
}

/* If it failed, the state is written again, and so is what the folder has. */
void
spool_sync_end(struct spool *spool)
{
    struct spool_sync *sync = &spool->sync;

    sync->is_running = false;
    if (sync->failed) {
        spool->is_state_dirty = true;
        spool->folder.unsynced = true;
        errno = sync->failed;
        spool_disk_trouble(spool, sync->what);
        return;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct spool_lane *lane = &spool->lanes[kind];

        if (sync->serials[kind] > lane->committed) {
            lane->committed = sync->serials[kind];
        }
    }
    SPOOL_DONE("synced");
}

void
spool_sync(struct spool *spool)
{
    begin(spool);
    spool_sync_run(spool);
    spool_sync_end(spool);
}

static bool
is_unsynced(const struct spool *spool)
{
    bool any = spool->is_state_unsynced || spool->folder.unsynced;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        any |= spool_files_is_unsynced(&spool->lanes[kind].files);
    }
    return any;
}

/* Soon there would be no room for more segments that wait. */
static bool
is_urgent(const struct spool *spool)
{
    bool any = false;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        any |= spool->lanes[kind].files.n_waiting >= SPOOL_MAX_UNSYNCED / 2;
    }
    return any;
}

static void
begin(struct spool *spool)
{
    struct spool_sync *sync = &spool->sync;

    *sync = (struct spool_sync){.is_running = true,
                                .path = spool->folder.path,
                                .folder_fd = spool->folder.fd,
                                .state_fd = spool->state_fd,
                                .is_folder_unsynced = spool->folder.unsynced,
                                .is_state_unsynced = spool->is_state_unsynced};
    spool->folder.unsynced = false;
    spool->is_state_unsynced = false;
    spool->last_sync_ns = spool->now_ns;
    spool->n_syncs++;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct spool_files *files = &spool->lanes[kind].files;

        sync->serials[kind] = files->last_serial;
        sync->n += spool_files_take_unsynced(files, sync->fds + sync->n);
        if (files->failed) {
            errno = files->failed;
            files->failed = 0;
            fail(sync, "the spool cannot be synced");
        }
    }
    SPOOL_DONE("sync begun");
}

static bool
sync_segments(struct spool_sync *sync)
{
    if (!spool_folder_is_there(sync->path, sync->folder_fd, sync->state_fd)) {
        errno = ENOENT;
        return fail(sync, "the spool's folder was removed");
    }
    for (unsigned i = 0; i < sync->n; i++) {
        errno = SPOOL_FAILPOINT("sync segment");
        if (errno || fdatasync(sync->fds[i]) < 0) {
            return fail(sync, "the spool cannot be synced");
        }
        SPOOL_DONE("segment synced");
    }
    return true;
}

static bool
sync_rest(struct spool_sync *sync)
{
    errno = SPOOL_FAILPOINT("sync state");
    if (errno || (sync->is_state_unsynced && fdatasync(sync->state_fd) < 0) ||
        (sync->is_folder_unsynced && fsync(sync->folder_fd) < 0)) {
        return fail(sync, "the spool's state cannot be synced");
    }
    return true;
}

/* 'errno' is the reason.  Always false. */
static bool
fail(struct spool_sync *sync, const char *what)
{
    sync->failed = errno;
    sync->what = what;
    return false;
}
