/* gzip and zstd, one stream at a time.
 *
 * The only user of zlib and libzstd.  Output goes to the caller's buffer and
 * stops when that is full, so a file that expands a thousandfold costs time but
 * no memory beyond DECOMPRESS_MAX_WINDOW_LOG.  Used by one thread. */

#ifndef CAPTURE_DECOMPRESS_H
#define CAPTURE_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct decompress; /* Opaque. */

enum {
    /* First bytes that decompress_detect() wants to see. */
    DECOMPRESS_MAGIC_BYTES = 4,

    /* Largest zstd window, as a power of two: 128 MiB, what the zstd program
     * accepts without being asked ('zstd --long=27' needs it). */
    DECOMPRESS_MAX_WINDOW_LOG = 27
};

/* As linked: "1.2.13". */
const char *decompress_zlib_version(void);
const char *decompress_zstd_version(void);

enum compression {
    COMPRESSION_NONE,
    COMPRESSION_GZIP, /* RFC 1952, one member or several. */
    COMPRESSION_ZSTD  /* RFC 8878, one frame or several. */
};

/* What 'decompress_run' reads and writes; moved on past what was used. */
struct decompress_buffers {
    const uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t out_size;
};

/* Tells by content. */
enum compression decompress_detect(const uint8_t *data, size_t size);

/* Returns NULL and fills in '*error' without memory.  'compression' is not
 * COMPRESSION_NONE. */
struct decompress *decompress_new(enum compression, struct error *error);
void decompress_free(struct decompress *); /* Accepts NULL. */

/* Decompresses until input or room for output runs out.  Call it again, even
 * without new input, for as long as it fills 'out'.  Returns false when the
 * data is corrupt, with the reason in '*error' and what came before in 'out';
 * it must not be called again then. */
bool decompress_run(struct decompress *, struct decompress_buffers *,
                    struct error *error);

/* Whether the input may end here: after a whole member or frame. */
bool decompress_complete(const struct decompress *);

#endif
