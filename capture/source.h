/* Where frames come from: a capture file, standard input, or a span port.
 *
 * A source is used by one thread at a time, a live one by that which opened it.
 * Frames come in batches, so that the stages behind it can prefetch; the bytes
 * of a batch stay valid until the next source_read() or source_close() on the
 * same source, or for as long as the caller keeps the windows it gave (struct
 * source_windows). */

#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

#include "capture/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct source; /* Opaque. */

enum {
    /* Largest record accepted from a file, as in libpcap: more is corruption.
     */
    SOURCE_MAX_FRAME_BYTES = 262144,
    /* A frame takes at least so many bytes of the file, uncompressed. */
    SOURCE_MIN_RECORD_BYTES = 16,
    SOURCE_WINDOW_BYTES = 256 << 10, /* Read at once, see byte_stream.h. */
    SOURCE_MAX_WINDOW_BYTES = 16 << 20
};

/* Memory to read into, from who keeps frames longer than a source does: nothing
 * is copied then but the record that began in one window and ends in the next.
 */
struct source_windows {
    /* Room for 'size' bytes, SOURCE_WINDOW_BYTES unless one record needs more,
     * at most SOURCE_MAX_WINDOW_BYTES.  The source reads the last bytes of the
     * window before, writes to that one no more, and goes on in this one; they
     * may be the same.  'waits': nothing more can be read just now.  NULL: out
     * of memory. */
    uint8_t *(*next)(void *context, size_t size, bool waits);
    void *context;
};

struct source_options {
    /* BPF expression, or NULL for every frame.  As for 'tcpdump -r', 'tcp' does
     * not look behind VLAN tags; 'tcp or (vlan and tcp)' does. */
    const char *filter;
    uint16_t file;                 /* Stamped on every frame. */
    struct source_windows windows; /* 'next' NULL: the source has its own. */
};

enum source_status {
    SOURCE_MORE, /* Frames were delivered, or none for now (all filtered, or a
                  * signal handler ran): call again. */
    SOURCE_END,  /* The file is finished.  The last frames may come with it. */
    SOURCE_ERROR /* '*error' says why, after every frame before the damage was
                  * delivered; the source can only be closed. */
};

struct source_stats {
    uint64_t frames;   /* Complete records read. */
    uint64_t filtered; /* Of these, not matched by the filter. */
    uint64_t bytes;    /* Of the file, as stored (compressed if it is). */
    uint64_t size;     /* Of the whole file; 0 if not known (a pipe). */
};

/* Opens a pcap or pcapng file, plain, gzip- or zstd-compressed, recognised by
 * content; "-" is standard input.  Blocks until a pipe has brought the file's
 * header; after that, frames are delivered as they arrive.  Returns NULL and
 * fills in '*error' on failure: not a capture, unknown version, filter that
 * does not compile, interrupted by a signal handler.  'options' is not kept.
 *
 * Frames are delivered as they are in the file, which is not always as libpcap
 * reads them: beyond the snapshot length of the file's header, if they are
 * longer; with any number of link types; and a wire length smaller than what
 * was captured is raised to that. */
struct source *source_open_file(const char *path,
                                const struct source_options *options,
                                struct error *error);
void source_close(struct source *); /* Accepts NULL. */

/* Fills in at most 'max_frames' frames and sets '*n_frames' (0 is possible with
 * any status).  On SOURCE_ERROR the message names the file, the number of the
 * damaged packet and its byte offset (in the uncompressed stream). */
enum source_status source_read(struct source *, struct frame *frames,
                               size_t max_frames, size_t *n_frames,
                               struct error *error);

/* Name of an interface as the file or the system calls it; "" if it has none.
 * Borrowed until source_close(). */
const char *source_interface_name(const struct source *, uint16_t interface);

void source_get_stats(const struct source *, struct source_stats *stats);

#endif
