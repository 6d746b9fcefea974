/* Capture files, whatever their format and compression: opens the stream, picks
 * the reader, filters what it reads.
 *
 * A reader stops at damage only when it has nothing to deliver before it, and
 * what stopped it is kept: an error is reported once everything good was handed
 * out, and again to whoever asks again. */

#include "capture/byte_stream.h"
#include "capture/error.h"
#include "capture/file_kind.h"
#include "capture/file_reader.h"
#include "capture/source_class.h"
#include "capture/source_filter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct source_file {
    struct source base;
    struct byte_stream stream;
    struct file_reader *reader;
    struct source_filter *filter; /* NULL: every frame. */
    uint64_t n_filtered;
    bool stream_open;
    bool failed;
    struct error failure; /* If 'failed'. */
    char *name;           /* For errors. */
};

static enum source_status file_read(struct source *, struct frame *,
                                    size_t max_frames, size_t *n_frames,
                                    struct error *);
static const char *file_interface_name(const struct source *,
                                       uint16_t interface);
static void file_get_stats(const struct source *, struct source_stats *);
static void file_close(struct source *);
static bool file_open(struct source_file *, const char *path,
                      const struct source_options *, struct error *);
static struct file_reader *open_reader(struct byte_stream *, uint16_t file,
                                       struct error *);
static bool open_filter(struct source_file *, const char *expression,
                        struct error *);
static size_t file_filter(struct source_file *, struct frame *frames,
                          size_t n_frames);
static const char *display_name(const char *path);
static void file_fail(struct source_file *, const struct error *reason);

static const struct source_class file_class = {
    .read = file_read,
    .interface_name = file_interface_name,
    .get_stats = file_get_stats,
    .close = file_close,
};

struct source *
source_open_file(const char *path, const struct source_options *options,
                 struct error *error)
{
    struct source_file *file = calloc(1, sizeof *file);

    if (!file) {
        error_set(error, ERROR_MEMORY, display_name(path),
                  "no memory to read it");
        return NULL;
    }
    file->base.class = &file_class;
    if (!file_open(file, path, options, error)) {
        struct error reason = *error;

        error_set(error, reason.code, display_name(path), "%s", reason.message);
        file_close(&file->base);
        return NULL;
    }
    return &file->base;
}

static struct source_file *
file_of(struct source *source)
{
    return (struct source_file *)source;
}

static enum source_status
file_read(struct source *source, struct frame *frames, size_t max_frames,
          size_t *n_frames, struct error *error)
{
    struct source_file *file = file_of(source);
    enum source_status status;

    *n_frames = 0;
    if (file->failed) {
        *error = file->failure;
        return SOURCE_ERROR;
    }
    status =
        file->reader->class->read(file->reader, frames, max_frames, n_frames);
    if (status == SOURCE_ERROR) {
        file_fail(file, &file->reader->failure);
        *error = file->failure;
    }
    if (file->filter) {
        *n_frames = file_filter(file, frames, *n_frames);
    }
    return status;
}

static const char *
file_interface_name(const struct source *source, uint16_t interface)
{
    const struct source_file *file = (const struct source_file *)source;

    return file->reader->class->interface_name(file->reader, interface);
}

static void
file_get_stats(const struct source *source, struct source_stats *stats)
{
    const struct source_file *file = (const struct source_file *)source;

    *stats = (struct source_stats){
        .frames = file->reader->n_frames,
        .filtered = file->n_filtered,
        .bytes = file->stream.n_read,
        .size = file->stream.size,
    };
}

/* Also of a file that was not opened to the end. */
static void
file_close(struct source *source)
{
    struct source_file *file = file_of(source);

    source_filter_free(file->filter);
    if (file->reader) {
        file->reader->class->close(file->reader);
    }
    if (file->stream_open) {
        byte_stream_done(&file->stream);
    }
    free(file->name);
    free(file);
}

static bool
file_open(struct source_file *file, const char *path,
          const struct source_options *options, struct error *error)
{
    file->name = strdup(display_name(path));
    if (!file->name) {
        return error_set(error, ERROR_MEMORY, NULL, "no memory to read it");
    }
    file->stream_open =
        byte_stream_init(&file->stream, path, &options->windows, error);
    if (!file->stream_open) {
        return false;
    }
    file->reader = open_reader(&file->stream, options->file, error);
    return file->reader &&
           (!options->filter || open_filter(file, options->filter, error));
}

static struct file_reader *
open_reader(struct byte_stream *stream, uint16_t file, struct error *error)
{
    const char *name;

    /* More than is needed to decide helps to name what is no capture. */
    switch (byte_stream_fill(stream, FILE_KIND_NAME_BYTES)) {
    case BYTE_STREAM_ERROR: *error = stream->failure; return NULL;
    case BYTE_STREAM_INTERRUPTED:
        error_set(error, ERROR_SYSTEM, NULL, "interrupted");
        return NULL;
    case BYTE_STREAM_READY:
    case BYTE_STREAM_END:
    default: break;
    }
    switch (file_kind_detect(stream->next, byte_stream_left(stream))) {
    case FILE_KIND_PCAP: return source_pcap_new(stream, file, error);
    case FILE_KIND_PCAPNG: return source_pcapng_new(stream, file, error);
    case FILE_KIND_OTHER:
    default: break;
    }
    name = file_kind_name(stream->next, byte_stream_left(stream));
    if (!byte_stream_left(stream)) {
        error_set(error, ERROR_SYNTAX, NULL, "the file is empty");
    } else if (name) {
        error_set(error, ERROR_UNSUPPORTED, NULL,
                  "neither pcap nor pcapng: it looks like %s, which is not "
                  "supported",
                  name);
    } else {
        error_set(error, ERROR_UNSUPPORTED, NULL, "neither pcap nor pcapng");
    }
    return NULL;
}

/* A file without interfaces has no link type; Ethernet shows at least whether
 * the expression is one. */
static bool
open_filter(struct source_file *file, const char *expression,
            struct error *error)
{
    uint16_t link = file->reader->first_link;

    file->filter = source_filter_new(expression, error);
    return file->filter &&
           source_filter_prepare(
               file->filter,
               link == FRAME_LINK_UNKNOWN ? FRAME_LINK_ETHERNET : link, error);
}

/* Keeps the frames that match; returns how many.  One whose link type the
 * filter does not fit ends the file. */
static size_t
file_filter(struct source_file *file, struct frame *frames, size_t n_frames)
{
    struct error reason;
    size_t n_kept = 0;

    for (size_t i = 0; i < n_frames; i++) {
        if (!source_filter_prepare(file->filter, frames[i].link, &reason)) {
            struct error failure;

            error_set(&failure, reason.code, NULL, "packet %" PRIu64 ": %s",
                      frames[i].number, reason.message);
            file_fail(file, &failure);
            break;
        }
        if (source_filter_match(file->filter, &frames[i])) {
            frames[n_kept++] = frames[i];
        } else {
            file->n_filtered++;
        }
    }
    return n_kept;
}

/* From the next read on, there is only this error. */
static void
file_fail(struct source_file *file, const struct error *reason)
{
    error_set(&file->failure, reason->code, file->name, "%s", reason->message);
    file->failed = true;
}

static const char *
display_name(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}
