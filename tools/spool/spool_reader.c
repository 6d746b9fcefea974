/* Frames from a file; see spool_reader.h.
 *
 * A frame says how long it is before its checksum is known to be right, so a
 * length that was changed must not lead past the next frame: what does not end
 * before the limit, or has a wrong checksum, is passed by 8 bytes, not by the
 * length it claims. */

#include "tools/spool/spool_reader.h"

#include "tools/spool/spool_failpoint.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static_assert((size_t)SPOOL_WINDOW_BYTES >= 2 * (size_t)SPOOL_MAX_FRAME,
              "a window holds any frame, wherever it begins");

static bool fill(struct spool_reader *reader, uint64_t limit);
static bool is_next(const struct spool_reader *reader,
                    const struct spool_record *record);
static void skip(struct spool_reader *reader);

void
spool_reader_init(struct spool_reader *reader, enum event_kind kind)
{
    *reader = (struct spool_reader){.fd = -1, .kind = kind};
}

void
spool_reader_done(struct spool_reader *reader)
{
    spool_reader_close(reader);
    free(reader->window);
    reader->window = NULL;
}

bool
spool_reader_set(struct spool_reader *reader, int fd,
                 const struct spool_segment_header *header)
{
    spool_reader_close(reader);
    if (!reader->window) {
        reader->window = malloc(SPOOL_WINDOW_BYTES);
    }
    if (!reader->window) {
        close(fd);
        return false;
    }
    reader->fd = fd;
    reader->salt = header->salt;
    reader->at = SPOOL_SEGMENT_START;
    reader->offset = 0;
    reader->size = 0;
    reader->after = header->first_serial - 1;
    return true;
}

void
spool_reader_close(struct spool_reader *reader)
{
    if (reader->fd >= 0) {
        close(reader->fd);
        reader->fd = -1;
    }
}

enum spool_read_status
spool_reader_peek(struct spool_reader *reader, uint64_t limit,
                  struct spool_record *record)
{
    while (spool_reader_position(reader) < limit) {
        const char *next = reader->window + reader->offset;
        size_t left = reader->size - reader->offset;
        size_t claimed = spool_frame_claimed(next, left);
        bool is_whole = claimed > 0 && claimed <= left;
        bool wants_more = !is_whole && left < SPOOL_MAX_FRAME &&
                          reader->at + reader->size < limit;

        if (wants_more && !fill(reader, limit)) {
            return SPOOL_READ_FAILED;
        }
        if (wants_more) {
            continue;
        }
        if (spool_frame_decode(next, left, reader->salt, record) &&
            is_next(reader, record)) {
            return SPOOL_READ_OK;
        }
        skip(reader);
    }
    return SPOOL_READ_END;
}

void
spool_reader_pass(struct spool_reader *reader,
                  const struct spool_record *record)
{
    reader->offset += spool_frame_bytes(record->size);
    reader->after = record->serial;
}

/* Keeps what was not passed and reads on behind it, up to 'limit'. */
static bool
fill(struct spool_reader *reader, uint64_t limit)
{
    size_t left = reader->size - reader->offset;
    uint64_t end = reader->at + reader->size;
    size_t room = SPOOL_WINDOW_BYTES - left;
    ssize_t n;

    memmove(reader->window, reader->window + reader->offset, left);
    reader->at += reader->offset;
    reader->offset = 0;
    reader->size = left;
    if (limit - end < room) {
        room = (size_t)(limit - end);
    }
    do {
        errno = SPOOL_FAILPOINT("read segment");
        n = errno ? -1
                  : pread(reader->fd, reader->window + left, room, (off_t)end);
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        errno = EIO; /* Somebody cut the file. */
    }
    if (n <= 0) {
        return false;
    }
    reader->size += (size_t)n;
    return true;
}

/* Sound, but not where it was written, is no better than changed. */
static bool
is_next(const struct spool_reader *reader, const struct spool_record *record)
{
    return record->kind == reader->kind && record->serial > reader->after;
}

/* By multiples of 8, as frames are aligned; but for the end of a torn file. */
static void
skip(struct spool_reader *reader)
{
    const char *next = reader->window + reader->offset + SPOOL_ALIGN;
    size_t left = reader->size - reader->offset;
    size_t n = left;

    if (left >= SPOOL_ALIGN) {
        n = SPOOL_ALIGN + spool_frame_search(next, left - SPOOL_ALIGN);
        n = n < left ? n : left & ~(size_t)(SPOOL_ALIGN - 1);
    }
    reader->offset += n;
    reader->skipped += n;
}
