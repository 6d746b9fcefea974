/* One window, filled behind and emptied in front; see byte_stream.h. */

#include "capture/byte_stream.h"

#include "capture/decompress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool stream_open(struct byte_stream *, const char *path, struct error *);
static bool stream_start(struct byte_stream *, struct error *);
static bool stream_start_decompress(struct byte_stream *, enum compression,
                                    struct error *);
static bool window_make_room(struct byte_stream *, size_t size);
static uint8_t *window_next(struct byte_stream *, size_t capacity);
static uint8_t *window_grow(struct byte_stream *, size_t capacity);
static void move(uint8_t *to, const uint8_t *from, size_t size);
static enum byte_stream_status window_extend(struct byte_stream *);
static enum byte_stream_status window_decompress(struct byte_stream *);
static enum byte_stream_status stream_read(struct byte_stream *, uint8_t *to,
                                           size_t size, size_t *n_read);
static enum byte_stream_status stream_fail(struct byte_stream *,
                                           enum error_code, const char *text);
static bool error_from_errno(struct error *, const char *where);

bool
byte_stream_init(struct byte_stream *stream, const char *path,
                 const struct source_windows *windows, struct error *error)
{
    *stream = (struct byte_stream){.fd = -1, .windows = *windows};
    if (!stream_open(stream, path, error) || !stream_start(stream, error)) {
        byte_stream_done(stream);
        return false;
    }
    return true;
}

void
byte_stream_done(struct byte_stream *stream)
{
    if (stream->owns_fd) {
        close(stream->fd);
    }
    decompress_free(stream->decompress);
    free(stream->input);
    if (!stream->windows.next) {
        free(stream->window);
    }
}

enum byte_stream_status
byte_stream_fill(struct byte_stream *stream, size_t size)
{
    if (byte_stream_left(stream) >= size) {
        return BYTE_STREAM_READY;
    }
    if (!window_make_room(stream, size)) {
        return stream_fail(stream, ERROR_MEMORY, "no memory for the record");
    }
    while (byte_stream_left(stream) < size) {
        enum byte_stream_status status = window_extend(stream);

        if (status != BYTE_STREAM_READY) {
            return status;
        }
    }
    return BYTE_STREAM_READY;
}

static bool
stream_open(struct byte_stream *stream, const char *path, struct error *error)
{
    struct stat status;

    if (!strcmp(path, "-")) {
        stream->fd = STDIN_FILENO;
    } else {
        stream->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        stream->owns_fd = stream->fd >= 0;
    }
    if (stream->fd < 0 || fstat(stream->fd, &status) < 0) {
        return error_from_errno(error, path);
    }
    if (S_ISREG(status.st_mode)) {
        stream->size = (uint64_t)status.st_size;
        posix_fadvise(stream->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return true;
}

/* Looks at the first bytes to learn whether they are compressed. */
static bool
stream_start(struct byte_stream *stream, struct error *error)
{
    enum byte_stream_status status;
    enum compression compression;

    status = byte_stream_fill(stream, DECOMPRESS_MAGIC_BYTES);
    if (status != BYTE_STREAM_READY && status != BYTE_STREAM_END) {
        if (status == BYTE_STREAM_INTERRUPTED) {
            return error_set(error, ERROR_SYSTEM, NULL, "interrupted");
        }
        *error = stream->failure;
        return false;
    }
    compression = decompress_detect(stream->next, byte_stream_left(stream));
    return compression == COMPRESSION_NONE ||
           stream_start_decompress(stream, compression, error);
}

/* Moves what was read from the window, where it does not belong, to the input
 * of the decompressor. */
static bool
stream_start_decompress(struct byte_stream *stream,
                        enum compression compression, struct error *error)
{
    size_t size = byte_stream_left(stream);

    /* The first read may have filled the window. */
    stream->input = malloc(SOURCE_WINDOW_BYTES);
    if (!stream->input) {
        return error_set(error, ERROR_MEMORY, NULL, "no memory to read it");
    }
    stream->decompress = decompress_new(compression, error);
    if (!stream->decompress) {
        return false;
    }
    memcpy(stream->input, stream->next, size);
    stream->input_next = stream->input;
    stream->input_left = size;
    stream->next = stream->end = stream->window;
    return true;
}

/* Moves what is left to the front of a window that is larger if one record
 * wants more than all of it. */
static bool
window_make_room(struct byte_stream *stream, size_t size)
{
    size_t capacity = size > SOURCE_WINDOW_BYTES ? size : SOURCE_WINDOW_BYTES;
    size_t left = byte_stream_left(stream);
    uint64_t offset = byte_stream_offset(stream);
    uint8_t *window = stream->windows.next ? window_next(stream, capacity)
                                           : window_grow(stream, capacity);

    if (!window) {
        return false;
    }
    stream->window_offset = offset;
    stream->window = window;
    stream->next = window;
    stream->end = window + left;
    return true;
}

/* Of the caller's.  Before a read from a pipe could block, it is told. */
static uint8_t *
window_next(struct byte_stream *stream, size_t capacity)
{
    struct pollfd ready = {.fd = stream->fd, .events = POLLIN};
    bool waits = !stream->size && poll(&ready, 1, 0) == 0;
    uint8_t *window =
        stream->windows.next(stream->windows.context, capacity, waits);

    if (window) {
        move(window, stream->next, byte_stream_left(stream));
        stream->capacity = capacity;
    }
    return window;
}

/* The stream's own, which never gets smaller. */
static uint8_t *
window_grow(struct byte_stream *stream, size_t capacity)
{
    size_t taken = (size_t)(stream->next - stream->window);
    size_t left = byte_stream_left(stream);
    uint8_t *window = stream->window;

    if (capacity > stream->capacity) {
        window = realloc(window, capacity);
        if (!window) {
            return NULL;
        }
        stream->capacity = capacity;
    }
    move(window, window + taken, left);
    return window;
}

/* Before the first fill there is no window, and nothing to move. */
static void
move(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size) {
        memmove(to, from, size);
    }
}

/* Adds at least one byte after 'end'. */
static enum byte_stream_status
window_extend(struct byte_stream *stream)
{
    size_t used = (size_t)(stream->end - stream->window);
    enum byte_stream_status status;
    size_t n_read;

    if (stream->failure.code) {
        return BYTE_STREAM_ERROR;
    }
    if (stream->decompress) {
        return window_decompress(stream);
    }
    status = stream_read(stream, stream->window + used, stream->capacity - used,
                         &n_read);
    stream->end += n_read;
    return status;
}

static enum byte_stream_status
window_decompress(struct byte_stream *stream)
{
    size_t used = (size_t)(stream->end - stream->window);

    for (;;) {
        struct decompress_buffers buffers = {
            stream->input_next, stream->input_left, stream->window + used,
            stream->capacity - used};
        enum byte_stream_status status;
        bool good;

        good = decompress_run(stream->decompress, &buffers, &stream->failure);
        stream->input_next = buffers.in;
        stream->input_left = buffers.in_size;
        if (buffers.out != stream->end) {
            stream->end = buffers.out;
            return BYTE_STREAM_READY;
        }
        if (!good) {
            return BYTE_STREAM_ERROR;
        }
        if (stream->input_left) {
            continue;
        }
        stream->input_next = stream->input;
        status = stream_read(stream, stream->input, BYTE_STREAM_INPUT_BYTES,
                             &stream->input_left);
        if (status == BYTE_STREAM_END &&
            !decompress_complete(stream->decompress)) {
            return stream_fail(stream, ERROR_SYNTAX,
                               "the compressed data ends too early");
        }
        if (status != BYTE_STREAM_READY) {
            return status;
        }
    }
}

/* Standard input may have been left non-blocking by whoever shares it. */
static ssize_t
read_waiting(int fd, uint8_t *to, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t n = read(fd, to, size);

    while (n < 0 && errno == EAGAIN) {
        if (poll(&ready, 1, -1) < 0) {
            return -1;
        }
        n = read(fd, to, size);
    }
    return n;
}

/* One read(2): from a pipe, what has arrived. */
static enum byte_stream_status
stream_read(struct byte_stream *stream, uint8_t *to, size_t size,
            size_t *n_read)
{
    ssize_t n = stream->at_end ? 0 : read_waiting(stream->fd, to, size);

    stream->interrupted = n < 0 && errno == EINTR;
    *n_read = n > 0 ? (size_t)n : 0;
    stream->n_read += *n_read;
    if (n > 0) {
        return BYTE_STREAM_READY;
    }
    if (n == 0) {
        stream->at_end = true;
        return BYTE_STREAM_END;
    }
    if (stream->interrupted) {
        return BYTE_STREAM_INTERRUPTED;
    }
    error_from_errno(&stream->failure, NULL);
    return BYTE_STREAM_ERROR;
}

static enum byte_stream_status
stream_fail(struct byte_stream *stream, enum error_code code, const char *text)
{
    error_set(&stream->failure, code, NULL, "%s", text);
    return BYTE_STREAM_ERROR;
}

/* The XSI strerror_r() is safe in threads, which strerror() is not. */
static bool
error_from_errno(struct error *error, const char *where)
{
    char text[100];

    if (strerror_r(errno, text, sizeof text)) {
        text[0] = '\0';
    }
    return error_set(error, ERROR_SYSTEM, where, "%s", text);
}
