/* A file that lines are appended to, or standard output.
 *
 * A write that fails is taken back where the file is ours to cut, so that a
 * full disk leaves whole lines; elsewhere what is out stays, and the rest
 * follows. */

#include "capture/error.h"
#include "tools/forward/forward_target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MODE = 0640, /* Events tell who talks to whom. */
    WAIT_MS = 100,    /* Between looks at the stop flag. */
    TAIL_BYTES = 4096
};

struct forward_file {
    struct forward_target target;
    int fd;
    char path[PATH_MAX]; /* "-": standard output. */
    bool is_regular;
    size_t sent; /* Of the bytes of a write that failed. */
};

static bool write_lines(struct forward_target *, const char *bytes, size_t size,
                        struct error *);
static bool reopen_file(struct forward_target *, struct error *);
static void free_file(struct forward_target *);
static int open_own(const char *path, struct error *);
static bool is_regular(int fd);
static bool cut_half_line(int fd, const char *path, off_t *cut, struct error *);
static bool find_line_end(int fd, off_t size, off_t *end);
static bool was_removed(const struct forward_file *);
static bool write_on(struct forward_file *, const char *bytes, size_t size);
static bool wait_writable(const struct forward_file *);
static bool write_failed(struct forward_file *, off_t begin, struct error *);

static const struct forward_target_class class = {write_lines, reopen_file,
                                                  free_file};

struct forward_target *
forward_file_open(const char *path, off_t *cut, struct error *error)
{
    struct forward_file *file = calloc(1, sizeof *file);

    *cut = 0;
    if (!file) {
        error_set(error, ERROR_MEMORY, path, "no memory for it");
        return NULL;
    }
    file->target.class = &class;
    file->fd = -1;
    snprintf(file->path, sizeof file->path, "%s", path);
    file->fd = strcmp(path, "-") == 0 ? STDOUT_FILENO : open_own(path, error);
    file->is_regular = file->fd >= 0 && is_regular(file->fd);
    if (file->fd < 0 || (file->fd != STDOUT_FILENO && file->is_regular &&
                         !cut_half_line(file->fd, path, cut, error))) {
        free_file(&file->target);
        return NULL;
    }
    return &file->target;
}

static bool
write_lines(struct forward_target *target, const char *bytes, size_t size,
            struct error *error)
{
    struct forward_file *file = (struct forward_file *)target;
    off_t begin;

    if (was_removed(file) && !reopen_file(target, error)) {
        return false;
    }
    begin = file->is_regular ? lseek(file->fd, 0, SEEK_END) : 0;
    if (!write_on(file, bytes, size) ||
        (file->is_regular && fdatasync(file->fd) != 0)) {
        return write_failed(file, begin, error);
    }
    file->sent = 0;
    return true;
}

static bool
reopen_file(struct forward_target *target, struct error *error)
{
    struct forward_file *file = (struct forward_file *)target;
    int fd;

    if (file->fd == STDOUT_FILENO) {
        return true;
    }
    /* Until it is closed the old one is locked, which may be the same. */
    flock(file->fd, LOCK_UN);
    fd = open_own(file->path, error);
    if (fd < 0) {
        flock(file->fd, LOCK_EX | LOCK_NB);
        return false;
    }
    close(file->fd);
    file->fd = fd;
    file->is_regular = is_regular(fd);
    return true;
}

static void
free_file(struct forward_target *target)
{
    struct forward_file *file = (struct forward_file *)target;

    if (file->fd >= 0 && file->fd != STDOUT_FILENO) {
        close(file->fd);
    }
    free(file);
}

static int
open_own(const char *path, struct error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
                  FILE_MODE);

    if (fd < 0) {
        error_set_errno(error, path, "cannot be opened");
        return -1;
    }
    if (is_regular(fd) && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        error_set(error, ERROR_SYSTEM, path,
                  "another process forwards events to it");
        close(fd);
        return -1;
    }
    return fd;
}

static bool
is_regular(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static bool
cut_half_line(int fd, const char *path, off_t *cut, struct error *error)
{
    off_t size = lseek(fd, 0, SEEK_END), end = size;

    if (size < 0 || !find_line_end(fd, size, &end) ||
        (end < size && ftruncate(fd, end) != 0)) {
        return error_set_errno(error, path, "cannot be continued");
    }
    *cut = size - end;
    return true;
}

/* Where the last whole line ends. */
static bool
find_line_end(int fd, off_t size, off_t *end)
{
    char tail[TAIL_BYTES];

    for (*end = size; *end > 0;) {
        size_t n = *end < TAIL_BYTES ? (size_t)*end : TAIL_BYTES;
        size_t left = n;

        if (pread(fd, tail, n, *end - (off_t)n) != (ssize_t)n) {
            return false;
        }
        while (left > 0 && tail[left - 1] != '\n') {
            left--;
        }
        *end -= (off_t)(n - left);
        if (left > 0) {
            break;
        }
    }
    return true;
}

/* What is in a file without a name is gone when we are. */
static bool
was_removed(const struct forward_file *file)
{
    struct stat status;

    return file->is_regular && file->fd != STDOUT_FILENO &&
           fstat(file->fd, &status) == 0 && status.st_nlink == 0;
}

static bool
write_on(struct forward_file *file, const char *bytes, size_t size)
{
    while (file->sent < size && wait_writable(file)) {
        size_t left = size - file->sent;
        /* So much a pipe that is ready takes without blocking. */
        size_t most = file->is_regular || left < PIPE_BUF ? left : PIPE_BUF;
        ssize_t n = write(file->fd, bytes + file->sent, most);

        if (n >= 0) {
            file->sent += (size_t)n;
        } else if (errno != EINTR && errno != EAGAIN) {
            break;
        }
    }
    return file->sent == size;
}

static bool
wait_writable(const struct forward_file *file)
{
    struct pollfd poll_fd = {.fd = file->fd, .events = POLLOUT};

    while (!file->is_regular && poll(&poll_fd, 1, WAIT_MS) <= 0) {
        if (file->target.stop && *file->target.stop) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    return true;
}

static bool
write_failed(struct forward_file *file, off_t begin, struct error *error)
{
    file->target.is_gone = file->fd == STDOUT_FILENO && errno == EPIPE;
    error_set_errno(error, file->fd == STDOUT_FILENO ? "-" : file->path,
                    "cannot be written");
    if (file->is_regular && file->fd != STDOUT_FILENO &&
        ftruncate(file->fd, begin) == 0) {
        file->sent = 0;
    }
    return false;
}
