/* The bytes of a capture file, in order, seen through a window.
 *
 * A regular file, a pipe or standard input; gzip and zstd are recognised by
 * content and decompressed on the way.  The bytes not yet taken are contiguous
 * in memory: a reader parses them in place, and its frames borrow them until
 * the next byte_stream_fill().
 *
 * Files are read, not mapped: memory does not grow with the file, a file that
 * is truncated behind our back is an end of file and not a SIGBUS, and what was
 * checked cannot change before it is used.  Mapping would save little: 335 MB
 * of full-size packets in the page cache cost 45 ms of CPU to read and walk
 * with windows of 256 KiB, 44 to 48 ms with 64 KiB to 1 MiB (more than the
 * cache holds), and 39 to 43 ms in mapped windows of 256 KiB to 64 MiB with
 * MAP_POPULATE: 4 % of what a run over them costs.
 *
 * Memory: the window, SOURCE_WINDOW_BYTES unless one record needs more, at most
 * BYTE_STREAM_MAX_BYTES; compressed, BYTE_STREAM_INPUT_BYTES and what
 * decompress.h says.  Used by one thread. */

#ifndef CAPTURE_BYTE_STREAM_H
#define CAPTURE_BYTE_STREAM_H

#include "capture/error.h"
#include "capture/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decompress;

enum {
    BYTE_STREAM_INPUT_BYTES = 128 << 10,            /* Compressed, at once. */
    BYTE_STREAM_MAX_BYTES = SOURCE_MAX_WINDOW_BYTES /* In a fill. */
};

enum byte_stream_status {
    BYTE_STREAM_READY,
    BYTE_STREAM_INTERRUPTED, /* By a signal handler; call again to go on. */
    BYTE_STREAM_END,         /* The file ends before that. */
    BYTE_STREAM_ERROR        /* It cannot be read further; see 'failure'. */
};

/* Readers use 'next' and 'end' and move 'next'; the rest is the stream's. */
struct byte_stream {
    const uint8_t *next; /* First byte not taken. */
    const uint8_t *end;  /* After the last byte read. */

    uint8_t *window;
    size_t capacity;
    struct source_windows windows; /* Where windows come from; or NULL. */
    uint64_t window_offset; /* Of window[0] in the uncompressed stream. */

    int fd;
    bool owns_fd;
    bool at_end;          /* Nothing more to read from 'fd'. */
    bool interrupted;     /* The last read was, by a signal handler. */
    struct error failure; /* Why reading stopped; code ERROR_NONE if not. */
    uint64_t n_read;      /* Bytes from 'fd'. */
    uint64_t size;        /* Of the file; 0 if not a regular file. */

    struct decompress *decompress; /* NULL if not compressed. */
    uint8_t *input;                /* Compressed bytes; NULL likewise. */
    const uint8_t *input_next;
    size_t input_left;
};

/* Opens 'path' ("-" is standard input, which is not closed in the end) and
 * reads its first bytes.  False and '*error' on failure, with nothing to undo.
 */
bool byte_stream_init(struct byte_stream *, const char *path,
                      const struct source_windows *, struct error *error);
void byte_stream_done(struct byte_stream *);

/* Bytes that can be taken now. */
static inline size_t
byte_stream_left(const struct byte_stream *stream)
{
    return (size_t)(stream->end - stream->next);
}

/* Where 'next' is in the uncompressed stream. */
static inline uint64_t
byte_stream_offset(const struct byte_stream *stream)
{
    return stream->window_offset + (uint64_t)(stream->next - stream->window);
}

/* Reads until at least 'size' bytes (<= BYTE_STREAM_MAX_BYTES) can be taken;
 * as many more as come along, but waits for none of those.  On any status but
 * BYTE_STREAM_READY what there is can still be taken.  What was taken before is
 * gone from memory. */
enum byte_stream_status byte_stream_fill(struct byte_stream *, size_t size);

#endif
