/* Newline-delimited JSON to a file, a pipe or standard output.
 *
 * Lines are gathered in a large buffer and written when it is full or nothing
 * else is waiting; a reader that is slow makes us wait, as pipes do.  An event
 * is acknowledged when the kernel has its whole line.
 *
 * When a write fails (a full disk) what is in the buffer is dropped, and later
 * events try again: space may return.  Half a line must not stay behind: a file
 * is cut back to its last whole line; where that cannot be done (a pipe, a
 * standard output that others append to) the rest of the line stays in the
 * buffer and goes out first.  Half a line that somebody else left behind, such
 * as a run that was killed, is ended before anything is appended to it.  A file
 * that is appended to and was removed is made again: nobody could read what
 * went into it. */

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    REASON_SIZE = 128,
    BUFFER_BYTES = 1 << 18,
    MAX_LINES = 2048, /* In the buffer at once. */
    WAIT_MS = 100,    /* Between looks at the stop flag. */
    FILE_MODE = 0644
};

static_assert(BUFFER_BYTES > 2 * EVENT_MAX_BYTES, "any event fits the buffer");

struct line {
    uint32_t end; /* Offset in the buffer behind its newline. */
    uint8_t kind;
};

struct sink_file {
    struct sink sink;
    int fd;
    bool is_stdout;
    bool can_cut; /* A regular file of ours. */
    bool append;
    bool may_wait; /* Not a regular file: its reader decides. */
    int64_t patience_ns;
    const atomic_int *stop;
    const _Atomic int64_t *deadline_ns;
    char *path; /* NULL: it is standard output. */
    char *buffer;
    size_t used;
    struct line lines[MAX_LINES];
    size_t n_lines;
};

static void put(struct sink *sink, const struct sink_event *event);
static void flush(struct sink *sink);
static void close_file(struct sink *sink);
static void reopen_file(struct sink *sink);
static bool open_target(struct sink_file *file, const char *path,
                        struct error *error);
static bool open_path(struct sink_file *file, struct error *error);
static void end_line(const struct sink_file *file);
static bool was_removed(const struct sink_file *file);
static size_t write_some(struct sink_file *file);
static bool wait_writable(struct sink_file *file);
static size_t acknowledge(struct sink_file *file, size_t sent);
static void give_up(struct sink_file *file, size_t sent, int reason);
static bool cut_back(const struct sink_file *file, size_t n_bytes);
static void drop_lines(struct sink_file *file, size_t keep);
static bool write_failed(const char *name, int reason, struct error *error);

static const struct sink_class class = {
    .put = put, .flush = flush, .close = close_file, .reopen = reopen_file};

struct sink *
sink_file_open(const char *path, const struct sink_options *options,
               struct error *error)
{
    struct sink_file *file = calloc(1, sizeof *file);

    if (file) {
        file->buffer = malloc(BUFFER_BYTES);
    }
    if (!file || !file->buffer) {
        free(file);
        error_set(error, ERROR_MEMORY, path, "no memory for an output buffer");
        return NULL;
    }
    sink_init(&file->sink, &class, path);
    file->patience_ns = options->patience_ns;
    file->stop = options->stop;
    file->deadline_ns = options->deadline_ns;
    file->append = options->append;
    file->fd = -1;
    if (!open_target(file, path, error)) {
        close_file(&file->sink);
        return NULL;
    }
    return &file->sink;
}

static bool
open_target(struct sink_file *file, const char *path, struct error *error)
{
    struct stat status;

    if (strcmp(path, "-") == 0) {
        file->is_stdout = true;
        file->fd = STDOUT_FILENO;
        file->may_wait =
            fstat(file->fd, &status) == 0 && !S_ISREG(status.st_mode);
        return true;
    }
    file->path = strdup(path);
    if (!file->path) {
        return error_set(error, ERROR_MEMORY, path, "no memory for an output");
    }
    return open_path(file, error);
}

/* In place of the file that is open, if there is one. */
static bool
open_path(struct sink_file *file, struct error *error)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    int fd =
        open(file->path, file->append ? flags : flags | O_TRUNC, FILE_MODE);
    struct stat status;

    if (fd < 0) {
        return write_failed(file->path, errno, error);
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    file->fd = fd;
    file->can_cut = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    file->may_wait = !file->can_cut;
    if (file->can_cut && status.st_size > 0) {
        end_line(file);
    }
    return true;
}

/* If that fails, so will what follows, and is told. */
static void
end_line(const struct sink_file *file)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    char last = '\n';
    ssize_t n;

    if (fd >= 0) {
        n = lseek(fd, -1, SEEK_END) >= 0 ? read(fd, &last, 1) : 0;
        close(fd);
        if (n == 1 && last != '\n' && write(file->fd, "\n", 1) < 0) {
            return;
        }
    }
}

static bool
was_removed(const struct sink_file *file)
{
    struct stat status;

    return file->append && file->can_cut && fstat(file->fd, &status) == 0 &&
           status.st_nlink == 0;
}

static void
put(struct sink *sink, const struct sink_event *event)
{
    struct sink_file *file = (struct sink_file *)sink;
    size_t size = event->size + 1; /* With its newline. */

    if (file->used + size > BUFFER_BYTES || file->n_lines == MAX_LINES) {
        flush(sink);
    }
    memcpy(file->buffer + file->used, event->line, size);
    file->used += size;
    file->lines[file->n_lines++] =
        (struct line){(uint32_t)file->used, (uint8_t)event->kind};
}

static void
flush(struct sink *sink)
{
    struct sink_file *file = (struct sink_file *)sink;
    size_t sent;
    struct error error;
    int reason;
    bool whole;

    if (file->used == 0) {
        return;
    }
    if (was_removed(file) && !open_path(file, &error)) {
        sink_fail(sink, &error);
        atomic_store(&sink->up, false);
        drop_lines(file, 0);
        return;
    }
    sent = write_some(file);
    reason = errno;
    whole = sent == file->used;
    sent -= acknowledge(file, sent);
    if (whole) {
        atomic_store(&sink->up, true);
    } else {
        give_up(file, sent, reason);
    }
}

static void
close_file(struct sink *sink)
{
    struct sink_file *file = (struct sink_file *)sink;

    drop_lines(file, 0);
    if (!file->is_stdout && file->fd >= 0) {
        close(file->fd);
    }
    sink_done(sink);
    free(file->path);
    free(file->buffer);
    free(file);
}

/* The old file stays where the new one cannot be opened. */
static void
reopen_file(struct sink *sink)
{
    struct sink_file *file = (struct sink_file *)sink;
    struct error error;

    if (file->append && file->path && !open_path(file, &error)) {
        sink_fail(sink, &error);
    }
}

/* Returns the bytes the kernel took; fewer than 'used' only with errno set. */
static size_t
write_some(struct sink_file *file)
{
    size_t sent = 0;

    while (sent < file->used && (!file->may_wait || wait_writable(file))) {
        size_t left = file->used - sent;
        /* So much a pipe that is ready takes without blocking. */
        size_t most = file->may_wait && left > PIPE_BUF ? PIPE_BUF : left;
        ssize_t n = write(file->fd, file->buffer + sent, most);

        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno != EINTR && errno != EAGAIN) {
            break;
        }
    }
    return sent;
}

/* Until the reader takes something; false, with errno set, when we are told to
 * stop and it has not for as long as patience lasts. */
static bool
wait_writable(struct sink_file *file)
{
    struct pollfd poll_fd = {.fd = file->fd, .events = POLLOUT};
    bool is_up = atomic_load(&file->sink.up);
    int64_t waited_ns = 0; /* Since the stop. */

    while (poll(&poll_fd, 1, is_up ? WAIT_MS : 0) <= 0) {
        counter_add(&file->sink.waits, 1);
        if (system_clock_mono().ns >= atomic_load(file->deadline_ns)) {
            errno = ETIMEDOUT;
            return false;
        }
        if (!file->stop || !*file->stop) {
            is_up = true;
            continue;
        }
        waited_ns += WAIT_MS * MILLISECOND_NS;
        if (!is_up || waited_ns >= file->patience_ns) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    return true;
}

/* Counts the lines that are wholly in 'sent' bytes, and takes them out of the
 * buffer.  Returns their bytes. */
static size_t
acknowledge(struct sink_file *file, size_t sent)
{
    size_t n = 0;
    size_t bytes = 0;

    while (n < file->n_lines && file->lines[n].end <= sent) {
        counter_add(&file->sink.acked[file->lines[n].kind], 1);
        bytes = file->lines[n++].end;
    }
    for (size_t i = n; i < file->n_lines; i++) {
        file->lines[i - n] = file->lines[i];
        file->lines[i - n].end -= (uint32_t)bytes;
    }
    file->n_lines -= n;
    file->used -= bytes;
    memmove(file->buffer, file->buffer + bytes, file->used);
    return bytes;
}

/* After a failed write that left 'sent' bytes of the first line behind. */
static void
give_up(struct sink_file *file, size_t sent, int reason)
{
    struct error error;

    write_failed(file->sink.name, reason, &error);
    sink_fail(&file->sink, &error);
    atomic_store(&file->sink.up, false);
    if (sent == 0 || cut_back(file, sent)) {
        drop_lines(file, 0);
        return;
    }
    drop_lines(file, 1);
    file->lines[0].end -= (uint32_t)sent;
    file->used = file->lines[0].end;
    memmove(file->buffer, file->buffer + sent, file->used);
}

static bool
cut_back(const struct sink_file *file, size_t n_bytes)
{
    struct stat status;

    return file->can_cut && fstat(file->fd, &status) == 0 &&
           status.st_size >= (off_t)n_bytes &&
           ftruncate(file->fd, status.st_size - (off_t)n_bytes) == 0;
}

/* Drops all lines but the first 'keep'. */
static void
drop_lines(struct sink_file *file, size_t keep)
{
    for (size_t i = keep; i < file->n_lines; i++) {
        counter_add(&file->sink.dropped[file->lines[i].kind], 1);
    }
    if (file->n_lines > keep) {
        file->n_lines = keep;
        file->used = keep ? file->lines[keep - 1].end : 0;
    }
}

/* Always false. */
static bool
write_failed(const char *name, int reason, struct error *error)
{
    char text[REASON_SIZE];

    if (strerror_r(reason, text, sizeof text)) {
        snprintf(text, sizeof text, "error %d", reason);
    }
    return error_set(error, ERROR_SYSTEM, name, "cannot be written: %s", text);
}
