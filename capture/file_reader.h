/* One format of capture file: how its bytes become frames.
 *
 * Inside capture/ only.  source_file.c opens the stream, picks the reader and
 * filters what it reads; a reader parses records in the stream's window and
 * never copies them. */

#ifndef CAPTURE_FILE_READER_H
#define CAPTURE_FILE_READER_H

#include "capture/byte_stream.h"
#include "capture/error.h"
#include "capture/source.h"

struct file_reader;

struct file_reader_class {
    /* As source_read(); but the error goes to the reader's 'failure', and never
     * comes together with frames. */
    enum source_status (*read)(struct file_reader *, struct frame *frames,
                               size_t max_frames, size_t *n_frames);
    const char *(*interface_name)(const struct file_reader *,
                                  uint16_t interface);
    void (*close)(struct file_reader *);
};

/* First member of every reader. */
struct file_reader {
    const struct file_reader_class *class;
    struct byte_stream *stream; /* Borrowed. */
    uint64_t n_frames;          /* Delivered. */
    uint16_t file;              /* Stamped on every frame. */
    uint16_t first_link;  /* Known from the start, or FRAME_LINK_UNKNOWN. */
    struct error failure; /* Without the file's name. */
};

/* Each reads the header of the file in 'stream', whose kind is known.  NULL and
 * '*error', without the file's name, on failure. */
struct file_reader *source_pcap_new(struct byte_stream *stream, uint16_t file,
                                    struct error *error);
struct file_reader *source_pcapng_new(struct byte_stream *stream, uint16_t file,
                                      struct error *error);

/* Waits for the 'size' bytes of a file's header; does not take them.  False and
 * '*error' if they do not come. */
bool file_reader_header(struct byte_stream *, size_t size, struct error *);

/* Fills in 'failure' with "packet 17 at byte 4711: ...": the packet after the
 * last one delivered, at the first byte not taken.  Returns SOURCE_ERROR. */
enum source_status file_reader_fail(struct file_reader *, enum error_code,
                                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a reader returns when byte_stream_fill(stream, size) said 'status':
 * SOURCE_MORE to try again, SOURCE_END between two records, or SOURCE_ERROR
 * with 'failure' filled in: 'what' is the record that is cut short. */
enum source_status file_reader_filled(struct file_reader *,
                                      enum byte_stream_status status,
                                      const char *what, uint64_t size);

/* The LINKTYPE_* a file means by the link type it carries: some systems wrote
 * their own numbers for raw IP. */
uint16_t file_reader_link(uint32_t link);

#endif
