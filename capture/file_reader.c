/* What the readers of all formats share. */

#include "capture/file_reader.h"

#include "capture/frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    LINK_MASK = 0xffff, /* Above it: length of the FCS, and reserved bits. */
    LINK_RAW_BSD = 12,
    LINK_RAW_OPENBSD = 14
};

bool
file_reader_header(struct byte_stream *stream, size_t size, struct error *error)
{
    switch (byte_stream_fill(stream, size)) {
    case BYTE_STREAM_READY: return true;
    case BYTE_STREAM_INTERRUPTED:
        return error_set(error, ERROR_SYSTEM, NULL, "interrupted");
    case BYTE_STREAM_ERROR: *error = stream->failure; return false;
    case BYTE_STREAM_END:
    default:
        return error_set(error, ERROR_SYNTAX, NULL,
                         "the file ends inside its header: %zu bytes expected, "
                         "%zu there",
                         size, byte_stream_left(stream));
    }
}

enum source_status
file_reader_fail(struct file_reader *reader, enum error_code code,
                 const char *format, ...)
{
    char text[160];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(&reader->failure, code, NULL,
              "packet %" PRIu64 " at byte %" PRIu64 ": %s",
              reader->n_frames + 1, byte_stream_offset(reader->stream), text);
    return SOURCE_ERROR;
}

enum source_status
file_reader_filled(struct file_reader *reader, enum byte_stream_status status,
                   const char *what, uint64_t size)
{
    size_t left = byte_stream_left(reader->stream);

    switch (status) {
    case BYTE_STREAM_READY:
    case BYTE_STREAM_INTERRUPTED: return SOURCE_MORE;
    case BYTE_STREAM_END: break;
    case BYTE_STREAM_ERROR:
    default:
        return file_reader_fail(reader, reader->stream->failure.code, "%s",
                                reader->stream->failure.message);
    }
    if (!left) {
        return SOURCE_END;
    }
    return file_reader_fail(reader, ERROR_SYNTAX,
                            "the file ends inside a %s: %" PRIu64
                            " bytes expected, %zu left",
                            what, size, left);
}

uint16_t
file_reader_link(uint32_t link)
{
    link &= LINK_MASK;
    return link == LINK_RAW_BSD || link == LINK_RAW_OPENBSD ? FRAME_LINK_RAW
                                                            : (uint16_t)link;
}
