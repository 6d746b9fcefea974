/* Segments on disk; see spool_files.h.
 *
 * Writing goes to where the last whole frame ended, so what a failed write left
 * behind is written over by the next one, and is a torn end if there is none.
 */

#include "tools/spool/spool_files.h"

#include "tools/spool/spool_failpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_MODE = 0600
};

static bool is_due(const struct spool_files *files,
                   const struct spool_chunk *chunk);
static bool begin(struct spool_files *files, uint64_t first_serial);
static bool reopen(struct spool_files *files);
static void keep_unsynced(struct spool_files *files);
static void sync_oldest(struct spool_files *files);
static void forget_unsynced(struct spool_files *files, uint64_t number);
static bool write_all(int fd, const void *bytes, size_t size, uint64_t at);
static void name_of(const struct spool_files *files, uint64_t number,
                    char name[SPOOL_NAME_SIZE]);
static struct spool_file *last_file(const struct spool_files *files);

bool
spool_files_init(struct spool_files *files, enum event_kind kind,
                 struct spool_folder *folder)
{
    *files = (struct spool_files){
        .kind = kind,
        .folder = folder,
        .files = calloc(SPOOL_MAX_FILES, sizeof(struct spool_file)),
        .next_number = 1,
        .fd = -1};
    return files->files != NULL;
}

void
spool_files_done(struct spool_files *files)
{
    spool_files_seal(files);
    while (files->n_waiting > 0) {
        close(files->waiting[--files->n_waiting].fd);
    }
    free(files->files);
    files->files = NULL;
}

uint64_t
spool_files_count(const struct spool_files *files, uint64_t serial)
{
    uint64_t n = 0;

    for (size_t i = 0; i < files->n; i++) {
        uint64_t first = files->files[i].header.first_serial;
        uint64_t last = files->files[i].last_serial;

        first = first > serial ? first : serial;
        n += last >= first ? last - first + 1 : 0;
    }
    return n;
}

bool
spool_files_write(struct spool_files *files, const struct spool_chunk *chunk)
{
    struct spool_file *last;

    if (is_due(files, chunk) ? !begin(files, chunk->first_serial)
                             : files->fd < 0 && !reopen(files)) {
        return false;
    }
    last = last_file(files);
    if (!write_all(files->fd, chunk->frames, chunk->size, last->size)) {
        return false;
    }
    last->size += chunk->size;
    files->folder->bytes += chunk->size;
    last->last_serial = chunk->last_serial;
    last->has_gap |= chunk->has_gap;
    files->last_serial = chunk->last_serial;
    files->unsynced = true;
    return true;
}

bool
spool_files_at_limit(const struct spool_files *files)
{
    return files->n == SPOOL_MAX_FILES;
}

/* The last one is written to while it is synced: by a descriptor of its own, or
 * if there is none left, by one that is opened again. */
unsigned
spool_files_take_unsynced(struct spool_files *files, int *fds)
{
    unsigned n = 0;

    while (n < files->n_waiting) {
        fds[n] = files->waiting[n].fd;
        n++;
    }
    files->n_waiting = 0;
    if (files->unsynced) {
        fds[n] = fcntl(files->fd, F_DUPFD_CLOEXEC, 0);
        if (fds[n] < 0) {
            fds[n] = files->fd;
            files->fd = -1;
        }
        files->unsynced = false;
        n++;
    }
    return n;
}

bool
spool_files_is_unsynced(const struct spool_files *files)
{
    return files->unsynced || files->n_waiting > 0 || files->failed;
}

void
spool_files_seal(struct spool_files *files)
{
    if (files->unsynced) {
        keep_unsynced(files);
    } else if (files->fd >= 0) {
        close(files->fd);
    }
    files->unsynced = false;
    files->fd = -1;
}

bool
spool_files_remove(struct spool_files *files, size_t i)
{
    char name[SPOOL_NAME_SIZE];
    bool removed;

    assert(i < files->n);
    name_of(files, files->files[i].header.number, name);
    if (i + 1 == files->n) {
        files->unsynced = false;
        spool_files_seal(files);
        files->is_sealed = true;
    }
    forget_unsynced(files, files->files[i].header.number);
    files->folder->bytes -= files->files[i].size;
    files->n--;
    memmove(files->files + i, files->files + i + 1,
            (files->n - i) * sizeof(struct spool_file));
    errno = SPOOL_FAILPOINT("unlink");
    removed = !errno && unlinkat(files->folder->fd, name, 0) == 0;
    SPOOL_DONE("unlinked");
    return removed;
}

int
spool_files_open(const struct spool_files *files, size_t i)
{
    char name[SPOOL_NAME_SIZE];

    name_of(files, files->files[i].header.number, name);
    errno = SPOOL_FAILPOINT("open segment");
    return errno ? -1 : openat(files->folder->fd, name, O_RDONLY | O_CLOEXEC);
}

static bool
is_due(const struct spool_files *files, const struct spool_chunk *chunk)
{
    const struct spool_file *last = last_file(files);

    return !last || files->is_sealed ||
           (last->size >= files->folder->segment_bytes &&
            files->n_waiting < SPOOL_MAX_UNSYNCED) ||
           last->header.salt != files->folder->salt ||
           chunk->first_serial != files->last_serial + 1;
}

/* The new file counts once its header is written. */
static bool
begin(struct spool_files *files, uint64_t first_serial)
{
    struct spool_file *file = &files->files[files->n];
    uint8_t bytes[SPOOL_SEGMENT_START];
    char name[SPOOL_NAME_SIZE];
    int fd;

    *file = (struct spool_file){.header = {.kind = files->kind,
                                           .salt = files->folder->salt,
                                           .number = files->next_number,
                                           .first_serial = first_serial,
                                           .after_serial = files->last_serial},
                                .last_serial = first_serial - 1,
                                .size = SPOOL_SEGMENT_START};
    spool_header_encode(&file->header, bytes);
    name_of(files, files->next_number, name);
    errno = SPOOL_FAILPOINT("create segment");
    fd = errno ? -1
               : openat(files->folder->fd, name,
                        O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return false;
    }
    if (!write_all(fd, bytes, sizeof bytes, 0)) {
        int reason = errno;

        close(fd);
        unlinkat(files->folder->fd, name, 0);
        errno = reason;
        return false;
    }
    SPOOL_DONE("segment begun");
    spool_files_seal(files);
    files->fd = fd;
    files->is_sealed = false;
    files->folder->unsynced = true;
    files->next_number++;
    files->n++;
    files->folder->bytes += SPOOL_SEGMENT_START;
    return true;
}

/* The last one of an earlier run, or after trouble, to go on with it. */
static bool
reopen(struct spool_files *files)
{
    char name[SPOOL_NAME_SIZE];

    name_of(files, last_file(files)->header.number, name);
    files->fd = openat(files->folder->fd, name, O_WRONLY | O_CLOEXEC);
    return files->fd >= 0;
}

/* The last one, for the next sync. */
static void
keep_unsynced(struct spool_files *files)
{
    if (files->n_waiting == SPOOL_MAX_UNSYNCED) {
        sync_oldest(files);
    }
    files->waiting[files->n_waiting++] =
        (struct spool_unsynced){last_file(files)->header.number, files->fd};
}

static void
sync_oldest(struct spool_files *files)
{
    int fd = files->waiting[0].fd;

    errno = SPOOL_FAILPOINT("sync segment");
    if (errno || fdatasync(fd) < 0) {
        files->failed = errno;
    }
    close(fd);
    files->n_waiting--;
    memmove(files->waiting, files->waiting + 1,
            files->n_waiting * sizeof files->waiting[0]);
}

/* It is to be removed. */
static void
forget_unsynced(struct spool_files *files, uint64_t number)
{
    for (unsigned i = 0; i < files->n_waiting; i++) {
        if (files->waiting[i].number == number) {
            close(files->waiting[i].fd);
            files->waiting[i] = files->waiting[--files->n_waiting];
        }
    }
}

static bool
write_all(int fd, const void *bytes, size_t size, uint64_t at)
{
    size_t written = 0;

    while (written < size) {
        size_t left = size - written;
        ssize_t n;

#ifdef SPOOL_FAILPOINTS
        if (left > 1) {
            left /= 2; /* So that a test can end between two writes. */
        }
#endif
        errno = SPOOL_FAILPOINT("write segment");
        n = errno ? -1
                  : pwrite(fd, (const char *)bytes + written, left,
                           (off_t)(at + written));
        if (n > 0) {
            written += (size_t)n;
        } else if (n == 0) {
            errno = ENOSPC;
            return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    SPOOL_DONE("written");
    return true;
}

static void
name_of(const struct spool_files *files, uint64_t number,
        char name[SPOOL_NAME_SIZE])
{
    snprintf(name, SPOOL_NAME_SIZE, "%s-%016" PRIx64 ".seg",
             event_kind_name(files->kind), number);
}

static struct spool_file *
last_file(const struct spool_files *files)
{
    return files->n ? &files->files[files->n - 1] : NULL;
}
