/* A look at a spool; see spool_look.h.
 *
 * The state is read before the segments: so what the state says is
 * acknowledged was sent before, and what is removed while we look was, too. */

#include "tools/spool/spool_look.h"

#include "capture/error.h"
#include "tools/spool/spool_files.h"
#include "tools/spool/spool_reader.h"
#include "tools/spool/spool_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct looking {
    const char *path;
    int fd;
    void (*take)(void *context, const struct spool_record *);
    void *context;
    struct spool_look *look;
    uint64_t numbers[EVENT_N_KINDS][SPOOL_MAX_FILES]; /* Of segments. */
    size_t n[EVENT_N_KINDS];
};

static bool has_state(int fd, const char *folder);
static bool put_path(char *found, size_t size, const char *directory,
                     const char *name, struct error *);
static bool look_all(struct looking *, struct error *);
static bool read_state(struct looking *, bool *is_there, struct error *);
static bool list_segments(struct looking *, struct error *);
static void note_segment(struct looking *, const char *name);
static int compare(const void *, const void *);
static bool look_at_kind(struct looking *, enum event_kind, struct error *);
static bool look_at_segment(struct looking *, enum event_kind, size_t i,
                            struct spool_reader *, struct error *);
static bool read_header(const struct looking *, int fd,
                        struct spool_segment_header *, struct error *);
static void read_records(struct looking *, struct spool_reader *,
                         uint64_t size);

bool
spool_look_find(const char *directory, char *found, size_t size,
                struct error *error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    size_t n = 0;

    if (!folder) {
        error_set_errno(error, directory, "cannot be opened");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (has_state(fd, ".")) {
        closedir(folder);
        return put_path(found, size, directory, NULL, error);
    }
    error_set(error, ERROR_VALUE, directory, "holds no spool");
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads this stream. */
    while ((entry = readdir(folder))) {
        if (strcmp(entry->d_name, "..") != 0 && has_state(fd, entry->d_name)) {
            n += put_path(found, size, directory, entry->d_name, error);
        }
    }
    closedir(folder);
    if (n > 1) {
        error_set(error, ERROR_VALUE, directory,
                  "holds the spools of %zu outputs: name one", n);
    }
    return n == 1;
}

bool
spool_look(const char *directory,
           void (*take)(void *context, const struct spool_record *),
           void *context, struct spool_look *look, struct error *error)
{
    struct looking *looking = calloc(1, sizeof *looking);
    bool good;

    if (!looking) {
        return error_set(error, ERROR_MEMORY, directory,
                         "no memory to look at it");
    }
    *look = (struct spool_look){.state_lost = false};
    looking->path = directory;
    looking->take = take;
    looking->context = context;
    looking->look = look;
    looking->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    good = looking->fd >= 0
               ? look_all(looking, error)
               : error_set_errno(error, directory, "cannot be opened");
    if (looking->fd >= 0) {
        close(looking->fd);
    }
    free(looking);
    return good;
}

static bool
has_state(int fd, const char *folder)
{
    char name[NAME_MAX + sizeof "/state"];
    struct stat info;

    snprintf(name, sizeof name, "%s/state", folder);
    return fstatat(fd, name, &info, 0) == 0 && S_ISREG(info.st_mode);
}

static bool
put_path(char *found, size_t size, const char *directory, const char *name,
         struct error *error)
{
    int length = snprintf(found, size, "%s%s%s", directory, name ? "/" : "",
                          name ? name : "");

    return (length > 0 && (size_t)length < size) ||
           error_set(error, ERROR_LIMIT, directory, "its path is too long");
}

static bool
look_all(struct looking *looking, struct error *error)
{
    bool has_state = false;
    bool has_segments = false;

    if (!read_state(looking, &has_state, error) ||
        !list_segments(looking, error)) {
        return false;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        has_segments |= looking->n[kind] > 0;
        if (!look_at_kind(looking, (enum event_kind)kind, error)) {
            return false;
        }
    }
    return has_state || has_segments ||
           error_set(error, ERROR_VALUE, looking->path, "is no spool");
}

static bool
read_state(struct looking *looking, bool *is_there, struct error *error)
{
    int fd = openat(looking->fd, "state", O_RDONLY | O_CLOEXEC);
    enum spool_state_status status = SPOOL_STATE_NONE;
    struct spool_state state;
    uint32_t version = 0;

    *is_there = fd >= 0;
    if (fd >= 0) {
        status = spool_state_read(fd, &state, &version);
        close(fd);
    }
    if (status == SPOOL_STATE_FAILED) {
        return error_set_errno(error, looking->path,
                               "its state cannot be read");
    }
    if (status == SPOOL_STATE_VERSION) {
        return error_set(error, ERROR_UNSUPPORTED, looking->path,
                         "its state is of version %" PRIu32, version);
    }
    looking->look->state_lost = status != SPOOL_STATE_OK;
    for (unsigned kind = 0; status == SPOOL_STATE_OK && kind < EVENT_N_KINDS;
         kind++) {
        looking->look->kinds[kind] = (struct spool_look_kind){
            .acked_serial = state.marks[kind].acked_serial,
            .last_serial = state.marks[kind].last_serial};
    }
    return true;
}

static bool
list_segments(struct looking *looking, struct error *error)
{
    int fd = openat(looking->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!folder) {
        error_set_errno(error, looking->path, "cannot be listed");
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads this stream. */
    while ((entry = readdir(folder))) {
        note_segment(looking, entry->d_name);
    }
    closedir(folder);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        qsort(looking->numbers[kind], looking->n[kind], sizeof(uint64_t),
              compare);
    }
    return true;
}

static void
note_segment(struct looking *looking, const char *name)
{
    const char *digits = strrchr(name, '-');
    uint64_t number = digits ? strtoull(digits + 1, NULL, 16) : 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        char again[SPOOL_NAME_SIZE];

        snprintf(again, sizeof again, "%s-%016" PRIx64 ".seg",
                 event_kind_name((enum event_kind)kind), number);
        if (strcmp(name, again) == 0 && looking->n[kind] < SPOOL_MAX_FILES) {
            looking->numbers[kind][looking->n[kind]++] = number;
        }
    }
}

static int
compare(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return *left < *right ? -1 : *left > *right;
}

static bool
look_at_kind(struct looking *looking, enum event_kind kind, struct error *error)
{
    struct spool_look_kind *of = &looking->look->kinds[kind];
    struct spool_reader reader;
    bool good = true;

    spool_reader_init(&reader, kind);
    for (size_t i = 0; good && i < looking->n[kind]; i++) {
        good = look_at_segment(looking, kind, i, &reader, error);
    }
    spool_reader_done(&reader);
    if (of->last_found > of->last_serial) {
        of->last_serial = of->last_found;
    }
    return good;
}

/* One that is removed while we look, or just being begun, has nothing that
 * waits. */
static bool
look_at_segment(struct looking *looking, enum event_kind kind, size_t i,
                struct spool_reader *reader, struct error *error)
{
    struct spool_segment_header header = {.number = 0};
    char name[SPOOL_NAME_SIZE];
    struct stat info;
    int fd;

    snprintf(name, sizeof name, "%s-%016" PRIx64 ".seg", event_kind_name(kind),
             looking->numbers[kind][i]);
    fd = openat(looking->fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || error_set_errno(error, looking->path,
                                                  "a segment cannot be opened");
    }
    error->code = ERROR_NONE;
    if (fstat(fd, &info) < 0 || !read_header(looking, fd, &header, error) ||
        header.kind != kind) {
        close(fd);
        return error->code == ERROR_NONE;
    }
    if (looking->look->state_lost && i == 0) {
        looking->look->kinds[kind].acked_serial = header.first_serial - 1;
    }
    if (!spool_reader_set(reader, fd, &header)) {
        return error_set(error, ERROR_MEMORY, looking->path,
                         "no memory to look at it");
    }
    read_records(looking, reader, (uint64_t)info.st_size);
    return true;
}

/* False with no error set: there is no sound one. */
static bool
read_header(const struct looking *looking, int fd,
            struct spool_segment_header *header, struct error *error)
{
    uint8_t bytes[SPOOL_SEGMENT_START];
    uint32_t version = 0;
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    enum spool_header_status status =
        n == (ssize_t)sizeof bytes
            ? spool_header_decode(bytes, sizeof bytes, header, &version)
            : SPOOL_HEADER_CORRUPT;

    if (status == SPOOL_HEADER_VERSION) {
        error_set(error, ERROR_UNSUPPORTED, looking->path,
                  "a segment is of version %" PRIu32, version);
    }
    return status == SPOOL_HEADER_OK;
}

/* A file that is cut short under us ends earlier. */
static void
read_records(struct looking *looking, struct spool_reader *reader,
             uint64_t size)
{
    struct spool_look_kind *of = &looking->look->kinds[reader->kind];
    struct spool_record record;

    while (spool_reader_peek(reader, size, &record) == SPOOL_READ_OK) {
        if (record.serial > of->last_found) {
            of->last_found = record.serial;
        }
        if (record.serial > of->acked_serial) {
            looking->take(looking->context, &record);
        }
        spool_reader_pass(reader, &record);
    }
}
