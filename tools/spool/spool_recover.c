/* What an earlier run left on disk; see spool_files_load().
 *
 * A segment's header says where the one before it ended, so of all that follow
 * each other only the last is read, and if it has no record, those before it
 * until one has: ids go on from there.  The others are when their turn comes,
 * and what is found corrupt in them is told then. */

#include "capture/error.h"
#include "tools/spool/spool_files.h"
#include "tools/spool/spool_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool list_numbers(struct spool_files *files, struct error *error);
static bool parse_name(const struct spool_files *files, const char *name,
                       uint64_t *number);
static int compare_numbers(const void *a, const void *b);
static bool load_headers(struct spool_files *files, struct spool_tail *tail,
                         struct error *error);
static enum spool_header_status load_header(struct spool_files *files, size_t i,
                                            struct error *error);
static void forget(struct spool_files *files, size_t i);
static bool read_whole(struct spool_files *files, size_t i,
                       struct spool_reader *reader, struct spool_tail *tail,
                       struct error *error);
static bool find_last_id(struct spool_files *files, struct spool_reader *reader,
                         struct spool_tail *tail, struct error *error);
static bool scan(struct spool_files *files, size_t i,
                 struct spool_reader *reader, struct spool_tail *tail,
                 uint64_t *end, struct error *error);
static void cut_off(struct spool_files *files, uint64_t end);
static void note_record(struct spool_tail *tail,
                        const struct spool_record *record);

bool
spool_files_load(struct spool_files *files, struct spool_reader *reader,
                 struct spool_tail *tail, struct error *error)
{
    *tail = (struct spool_tail){.last_serial = 0};
    if (!list_numbers(files, error) || !load_headers(files, tail, error)) {
        return false;
    }
    for (size_t i = 0; i < files->n; i++) {
        struct spool_file *file = &files->files[i];

        if (i + 1 < files->n &&
            file[1].header.number == file->header.number + 1) {
            file->last_serial = file[1].header.after_serial;
        } else if (!read_whole(files, i, reader, tail, error)) {
            return false;
        }
    }
    return find_last_id(files, reader, tail, error);
}

static bool
list_numbers(struct spool_files *files, struct error *error)
{
    int fd = openat(files->folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    uint64_t number;

    if (!folder) {
        error_set_errno(error, files->folder->path, "cannot be listed");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads this stream. */
    while ((entry = readdir(folder)) && files->n < SPOOL_MAX_FILES) {
        if (parse_name(files, entry->d_name, &number)) {
            files->files[files->n++] =
                (struct spool_file){.header.number = number};
        }
    }
    closedir(folder);
    if (files->n == SPOOL_MAX_FILES && entry) {
        return error_set(error, ERROR_LIMIT, files->folder->path,
                         "more than %d segments of one kind", SPOOL_MAX_FILES);
    }
    qsort(files->files, files->n, sizeof(struct spool_file), compare_numbers);
    return true;
}

/* "KIND-" and 16 hex digits and ".seg", exactly. */
static bool
parse_name(const struct spool_files *files, const char *name, uint64_t *number)
{
    char again[SPOOL_NAME_SIZE];
    const char *digits = strrchr(name, '-');

    if (!digits) {
        return false;
    }
    *number = strtoull(digits + 1, NULL, 16);
    snprintf(again, sizeof again, "%s-%016" PRIx64 ".seg",
             event_kind_name(files->kind), *number);
    return strcmp(name, again) == 0;
}

static int
compare_numbers(const void *a, const void *b)
{
    const struct spool_file *left = a;
    const struct spool_file *right = b;

    return left->header.number < right->header.number
               ? -1
               : left->header.number > right->header.number;
}

static bool
load_headers(struct spool_files *files, struct spool_tail *tail,
             struct error *error)
{
    size_t i = 0;

    if (files->n > 0) {
        files->next_number = files->files[files->n - 1].header.number + 1;
    }
    error->code = ERROR_NONE;
    while (i < files->n) {
        bool is_sound = load_header(files, i, error) == SPOOL_HEADER_OK;

        if (error->code != ERROR_NONE) {
            return false;
        }
        if (is_sound) {
            files->folder->bytes += files->files[i].size;
            i++;
        } else {
            tail->n_unreadable += files->files[i].size > 0;
            forget(files, i);
        }
    }
    return true;
}

/* With 'error' set, it is one of the disk or of the version. */
static enum spool_header_status
load_header(struct spool_files *files, size_t i, struct error *error)
{
    struct spool_file *file = &files->files[i];
    uint64_t number = file->header.number;
    uint8_t bytes[SPOOL_SEGMENT_START];
    enum spool_header_status status = SPOOL_HEADER_CORRUPT;
    int fd = spool_files_open(files, i);
    struct stat info;
    uint32_t version;
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &info) == 0) {
        n = pread(fd, bytes, sizeof bytes, 0);
    }
    if (n < 0) {
        error_set_errno(error, files->folder->path, "a segment cannot be read");
    } else {
        file->size = (uint64_t)info.st_size;
        file->has_gap = files->kind == EVENT_STATUS;
        status = spool_header_decode(bytes, (size_t)n, &file->header, &version);
    }
    if (status == SPOOL_HEADER_OK && file->size < SPOOL_SEGMENT_START) {
        status = SPOOL_HEADER_CORRUPT; /* It was just being begun. */
        file->size = 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (status == SPOOL_HEADER_VERSION) {
        error_set(error, ERROR_UNSUPPORTED, files->folder->path,
                  "%s-%016" PRIx64 ".seg is of version %" PRIu32
                  "; this segmon reads %d",
                  event_kind_name(files->kind), number, version, SPOOL_VERSION);
    }
    if (status == SPOOL_HEADER_OK &&
        (file->header.number != number || file->header.kind != files->kind)) {
        status = SPOOL_HEADER_CORRUPT;
    }
    file->header.number = number;
    return status;
}

static void
forget(struct spool_files *files, size_t i)
{
    char name[SPOOL_NAME_SIZE];

    snprintf(name, sizeof name, "%s-%016" PRIx64 ".seg",
             event_kind_name(files->kind), files->files[i].header.number);
    unlinkat(files->folder->fd, name, 0);
    files->n--;
    memmove(files->files + i, files->files + i + 1,
            (files->n - i) * sizeof(struct spool_file));
}

static bool
read_whole(struct spool_files *files, size_t i, struct spool_reader *reader,
           struct spool_tail *tail, struct error *error)
{
    struct spool_file *file = &files->files[i];
    uint64_t end;

    tail->last_serial = file->header.first_serial - 1;
    tail->last_id = (struct redis_id){0, 0};
    if (!scan(files, i, reader, tail, &end, error)) {
        return false;
    }
    file->last_serial = tail->last_serial;
    files->last_serial = file->last_serial;
    if (file->size > end && i + 1 == files->n) {
        tail->torn_bytes = file->size - end;
        cut_off(files, end);
    }
    return true;
}

static bool
find_last_id(struct spool_files *files, struct spool_reader *reader,
             struct spool_tail *tail, struct error *error)
{
    uint64_t last_serial = tail->last_serial;
    uint64_t end;
    bool good = true;

    for (size_t i = files->n; good && i > 0 && tail->last_id.ms == 0; i--) {
        good = scan(files, i - 1, reader, tail, &end, error);
    }
    tail->last_serial = last_serial;
    return good;
}

/* '*end': behind its last sound record. */
static bool
scan(struct spool_files *files, size_t i, struct spool_reader *reader,
     struct spool_tail *tail, uint64_t *end, struct error *error)
{
    struct spool_file *file = &files->files[i];
    struct spool_record record;
    enum spool_read_status status;
    int fd = spool_files_open(files, i);

    *end = SPOOL_SEGMENT_START;
    if (fd < 0 || !spool_reader_set(reader, fd, &file->header)) {
        return error_set_errno(error, files->folder->path,
                               "a segment cannot be read");
    }
    while ((status = spool_reader_peek(reader, file->size, &record)) ==
           SPOOL_READ_OK) {
        note_record(tail, &record);
        spool_reader_pass(reader, &record);
        *end = spool_reader_position(reader);
    }
    if (status == SPOOL_READ_FAILED) {
        error_set_errno(error, files->folder->path, "a segment cannot be read");
    }
    spool_reader_close(reader);
    reader->skipped = 0; /* It is read again. */
    return status != SPOOL_READ_FAILED;
}

/* If that fails it is written over. */
static void
cut_off(struct spool_files *files, uint64_t end)
{
    struct spool_file *last = &files->files[files->n - 1];
    char name[SPOOL_NAME_SIZE];
    int fd;

    files->folder->bytes -= last->size - end;
    last->size = end;
    snprintf(name, sizeof name, "%s-%016" PRIx64 ".seg",
             event_kind_name(files->kind), last->header.number);
    fd = openat(files->folder->fd, name, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!ftruncate(fd, (off_t)end);
        close(fd);
    }
}

static void
note_record(struct spool_tail *tail, const struct spool_record *record)
{
    struct spool_gap gap;

    tail->last_id = record->id;
    tail->last_serial = record->serial;
    if (spool_gap_decode(record, &gap) &&
        gap.last_serial > tail->told_serial[gap.kind]) {
        tail->told_serial[gap.kind] = gap.last_serial;
    }
}
