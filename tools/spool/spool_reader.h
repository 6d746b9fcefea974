/* Reads the frames of one segment file, one after the other, through a window.
 *
 * What is no sound frame is skipped, up to the next that is: a torn or changed
 * record never comes out, and those around it do.  Memory: the window.  Used by
 * one thread. */

#ifndef TOOLS_SPOOL_SPOOL_READER_H
#define TOOLS_SPOOL_SPOOL_READER_H

#include "tools/spool/spool_segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPOOL_WINDOW_BYTES = 256 << 10 /* More than two frames. */
};

struct spool_reader {
    int fd;        /* Owned; -1: no file. */
    char *window;  /* Owned; allocated with the first file. */
    uint64_t at;   /* Of the window's first byte, in the file. */
    size_t offset; /* Of the next frame, in the window. */
    size_t size;
    uint32_t salt;
    enum event_kind kind;
    uint64_t after;   /* Serials of records to come are above it. */
    uint64_t skipped; /* Bytes that were no sound frame, of all files. */
};

enum spool_read_status {
    SPOOL_READ_OK,
    SPOOL_READ_END,   /* No more before the limit. */
    SPOOL_READ_FAILED /* The file cannot be read; errno says why. */
};

void spool_reader_init(struct spool_reader *, enum event_kind);
void spool_reader_done(struct spool_reader *);

/* Takes 'fd', a segment with this header, in place of the one before.  False if
 * memory is out; 'fd' is closed then. */
bool spool_reader_set(struct spool_reader *, int fd,
                      const struct spool_segment_header *);
void spool_reader_close(struct spool_reader *);

/* The next sound record that ends before 'limit' (bytes of the file that are
 * written), borrowed until the next call.  It is not passed yet: the same one
 * comes again until spool_reader_pass(). */
enum spool_read_status spool_reader_peek(struct spool_reader *, uint64_t limit,
                                         struct spool_record *);
void spool_reader_pass(struct spool_reader *, const struct spool_record *);

/* Where the next frame is expected. */
static inline uint64_t
spool_reader_position(const struct spool_reader *reader)
{
    return reader->at + reader->offset;
}

#endif
