/* Captures are rotated into .gz and .zst, and parallel compressors write them
 * as many members or frames back to back; both are read to their real end, and
 * one that is cut short is never taken for a short one. */

#define ZLIB_CONST /* zlib only reads its input: let its pointer say so. */

#include "capture/decompress.h"

#include "capture/byte_order.h"
#include "capture/error.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* zlib: largest window, gzip header. */
    ZSTD_FIRST_INPUT = 5        /* Tells how long the frame header is. */
};

#define SKIPPABLE_MAGIC UINT32_C(0x184d2a50)
#define SKIPPABLE_MASK  UINT32_C(0xfffffff0)

struct decompress {
    enum compression compression;
    bool complete; /* At the end of a member or frame. */
    z_stream zlib;
    ZSTD_DStream *zstd;
    size_t zstd_wants; /* Input that completes the next block, no more. */
};

static const char *name_of(enum compression);
static bool gzip_run(struct decompress *, struct decompress_buffers *,
                     struct error *);
static bool gzip_between_members(struct decompress *,
                                 struct decompress_buffers *, struct error *);
static bool zstd_run(struct decompress *, struct decompress_buffers *,
                     struct error *);
static bool zstd_fail(size_t result, struct error *);

const char *
decompress_zlib_version(void)
{
    return zlibVersion();
}

const char *
decompress_zstd_version(void)
{
    return ZSTD_versionString();
}

enum compression
decompress_detect(const uint8_t *data, size_t size)
{
    uint32_t magic;

    if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b) {
        return COMPRESSION_GZIP;
    }
    if (size < DECOMPRESS_MAGIC_BYTES) {
        return COMPRESSION_NONE;
    }
    magic = byte_order_u32(data, false);
    return magic == ZSTD_MAGICNUMBER ||
                   (magic & SKIPPABLE_MASK) == SKIPPABLE_MAGIC
               ? COMPRESSION_ZSTD
               : COMPRESSION_NONE;
}

static const char *
name_of(enum compression compression)
{
    static const char *const names[] = {"", "gzip", "zstd"};

    return names[compression];
}

struct decompress *
decompress_new(enum compression compression, struct error *error)
{
    struct decompress *d = calloc(1, sizeof *d);
    bool ready = false;

    if (d && compression == COMPRESSION_GZIP) {
        ready = inflateInit2(&d->zlib, GZIP_WINDOW_BITS) == Z_OK;
    } else if (d) {
        d->zstd = ZSTD_createDStream();
        ready = d->zstd &&
                !ZSTD_isError(ZSTD_DCtx_setParameter(
                    d->zstd, ZSTD_d_windowLogMax, DECOMPRESS_MAX_WINDOW_LOG));
    }
    if (!ready) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to decompress %s",
                  name_of(compression));
        free(d);
        return NULL;
    }
    d->compression = compression;
    d->zstd_wants = ZSTD_FIRST_INPUT;
    return d;
}

void
decompress_free(struct decompress *d)
{
    if (!d) {
        return;
    }
    if (d->compression == COMPRESSION_GZIP) {
        inflateEnd(&d->zlib);
    }
    ZSTD_freeDStream(d->zstd);
    free(d);
}

bool
decompress_run(struct decompress *d, struct decompress_buffers *buffers,
               struct error *error)
{
    return d->compression == COMPRESSION_GZIP ? gzip_run(d, buffers, error)
                                              : zstd_run(d, buffers, error);
}

bool
decompress_complete(const struct decompress *d)
{
    return d->complete;
}

static unsigned
gzip_size(size_t size)
{
    return size < UINT_MAX ? (unsigned)size : UINT_MAX;
}

static bool
gzip_run(struct decompress *d, struct decompress_buffers *buffers,
         struct error *error)
{
    int result;

    if (d->complete && !gzip_between_members(d, buffers, error)) {
        return false;
    }
    if (d->complete) {
        return true;
    }
    d->zlib.next_in = buffers->in;
    d->zlib.avail_in = gzip_size(buffers->in_size);
    d->zlib.next_out = buffers->out;
    d->zlib.avail_out = gzip_size(buffers->out_size);
    result = inflate(&d->zlib, Z_SYNC_FLUSH);
    buffers->in_size -= (size_t)(d->zlib.next_in - buffers->in);
    buffers->in = d->zlib.next_in;
    buffers->out_size -= (size_t)(d->zlib.next_out - buffers->out);
    buffers->out = d->zlib.next_out;
    d->complete = result == Z_STREAM_END;

    /* Z_BUF_ERROR: nothing to do until there is more input. */
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) {
        return true;
    }
    return error_set(error, result == Z_MEM_ERROR ? ERROR_MEMORY : ERROR_SYNTAX,
                     NULL, "corrupt gzip data: %s",
                     d->zlib.msg ? d->zlib.msg : zError(result));
}

/* Starts the next member.  Zeros after the last one are padding, as gzip itself
 * has it (tapes, and files written in whole blocks). */
static bool
gzip_between_members(struct decompress *d, struct decompress_buffers *buffers,
                     struct error *error)
{
    while (buffers->in_size && !*buffers->in) {
        buffers->in++;
        buffers->in_size--;
    }
    if (!buffers->in_size) {
        return true;
    }
    d->complete = false;
    return inflateReset(&d->zlib) == Z_OK ||
           error_set(error, ERROR_MEMORY, NULL, "no memory for gzip data");
}

/* Feeds one block at a time: an error then costs no block before it, because
 * libzstd forgets to tell what it wrote in the call that fails. */
static bool
zstd_run(struct decompress *d, struct decompress_buffers *buffers,
         struct error *error)
{
    /* A call without input at the end of a frame would ask for the next. */
    while (buffers->out_size && (buffers->in_size || !d->complete)) {
        size_t in_size =
            buffers->in_size < d->zstd_wants ? buffers->in_size : d->zstd_wants;
        ZSTD_inBuffer in = {buffers->in, in_size, 0};
        ZSTD_outBuffer out = {buffers->out, buffers->out_size, 0};
        size_t result = ZSTD_decompressStream(d->zstd, &out, &in);

        if (ZSTD_isError(result)) {
            return zstd_fail(result, error);
        }
        buffers->in += in.pos;
        buffers->in_size -= in.pos;
        buffers->out += out.pos;
        buffers->out_size -= out.pos;
        d->complete = result == 0;
        d->zstd_wants = result ? result : ZSTD_FIRST_INPUT;
        if (!in.pos && !out.pos) {
            break;
        }
    }
    return true;
}

static bool
zstd_fail(size_t result, struct error *error)
{
    switch ((int)ZSTD_getErrorCode(result)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return error_set(error, ERROR_LIMIT, NULL,
                         "the zstd data was compressed with a window above the "
                         "limit of 2^%d bytes",
                         DECOMPRESS_MAX_WINDOW_LOG);
    case ZSTD_error_memory_allocation:
        return error_set(error, ERROR_MEMORY, NULL, "no memory for zstd data");
    default:
        return error_set(error, ERROR_SYNTAX, NULL, "corrupt zstd data: %s",
                         ZSTD_getErrorName(result));
    }
}
