/* Files to batches of packets; see reader.h. */

#include "tools/runtime/reader.h"

#include <string.h>

/* Stamps, as in struct pipeline_counters. */
struct span {
    struct wall_time first, last;
};

static bool open_next(struct reader *);
static bool is_stopped(const struct reader *);
static void close_file(struct reader *);
static struct pipeline_file *report_of(const struct reader *);
static void take_batch(struct reader *, size_t n_frames);
static uint16_t name_interface(struct reader *, uint16_t interface);
static inline void note_time(struct span *, struct wall_time);
static void report_progress(struct reader *);

void
reader_init(struct reader *reader, const struct reader_options *options,
            struct pipeline_result *result)
{
    *reader = (struct reader){.options = *options, .result = result};
}

bool
reader_next(struct reader *reader)
{
    enum source_status status = SOURCE_END;
    size_t n_frames = 0;

    if (!reader->source) {
        return open_next(reader);
    }
    reader->result->stopped = is_stopped(reader);
    if (!reader->result->stopped) {
        status = source_read(reader->source, reader->frames, READER_BATCH,
                             &n_frames, &report_of(reader)->error);
        take_batch(reader, n_frames);
        if (reader->options.pipeline->progress) {
            report_progress(reader);
        }
    }
    if (status != SOURCE_MORE) {
        close_file(reader);
    }
    return true;
}

bool
reader_may_wait(const struct reader *reader)
{
    return !reader->source || !reader->is_regular;
}

/* False when there is none, or none shall be read. */
static bool
open_next(struct reader *reader)
{
    const struct pipeline_options *options = reader->options.pipeline;
    struct pipeline_counters *counters = &reader->result->counters;
    struct source_options source = {.filter = options->filter,
                                    .file = (uint16_t)counters->files,
                                    .windows = reader->options.windows};
    struct source_stats stats;
    struct error *error;

    if (counters->files == options->n_files || reader->result->stopped ||
        (counters->files_failed && !options->keep_going)) {
        return false;
    }
    counters->files++;
    error = &report_of(reader)->error;
    reader->bytes_before = counters->bytes;
    reader->interface = UINT16_MAX; /* Numbers mean another file's. */
    reader->source =
        source_open_file(options->files[source.file], &source, error);
    if (reader->source) {
        source_get_stats(reader->source, &stats);
        reader->is_regular = stats.size > 0;
    } else if (is_stopped(reader)) { /* Not the file's fault. */
        error->code = ERROR_NONE;
        reader->result->stopped = true;
    }
    counters->files_failed += error->code != ERROR_NONE;
    return true;
}

static bool
is_stopped(const struct reader *reader)
{
    const atomic_int *stop = reader->options.pipeline->stop;

    return stop && *stop;
}

static void
close_file(struct reader *reader)
{
    struct pipeline_counters *counters = &reader->result->counters;
    struct pipeline_file *report = report_of(reader);
    struct source_stats stats;

    source_get_stats(reader->source, &stats);
    report->frames = stats.frames;
    report->bytes = counters->bytes - reader->bytes_before;
    counters->frames += stats.frames;
    counters->filtered += stats.filtered;
    counters->files_failed += report->error.code != ERROR_NONE;
    source_close(reader->source);
    reader->source = NULL;
}

/* Of the file opened last. */
static struct pipeline_file *
report_of(const struct reader *reader)
{
    return &reader->result->files[reader->result->counters.files - 1];
}

static void
take_batch(struct reader *reader, size_t n_frames)
{
    struct pipeline_counters *counters = &reader->result->counters;
    struct span span = {counters->first, counters->last};
    uint64_t bytes = 0;
    size_t n_packets = 0;

    for (size_t i = 0; i < n_frames; i++) {
        struct frame *frame = &reader->frames[n_packets];
        struct packet *packet = &reader->packets[n_packets];
        enum dissect_result outcome;

        /* Frames that are no packets leave a gap; close it as we go. */
        if (n_packets != i) {
            *frame = reader->frames[i];
        }
        frame->interface = name_interface(reader, frame->interface);
        outcome =
            dissect_frame(frame, &reader->options.pipeline->dissect, packet);
        note_time(&span, frame->time);
        bytes += frame->wire_size;
        counters->outcomes[outcome]++;
        if (outcome == DISSECT_OK) {
            counters->truncated += (packet->flags & PACKET_TRUNCATED) != 0;
            n_packets++;
        }
    }
    counters->bytes += bytes;
    counters->first = span.first;
    counters->last = span.last;
    reader->options.handler(reader->options.context, reader->frames,
                            reader->packets, n_packets);
}

/* Neighbouring frames mostly share an interface: looked up when it changes. */
static uint16_t
name_interface(struct reader *reader, uint16_t interface)
{
    if (interface != reader->interface) {
        reader->interface = interface;
        reader->interface_name = capture_names_intern(
            reader->options.names,
            source_interface_name(reader->source, interface));
    }
    return reader->interface_name;
}

static inline void
note_time(struct span *span, struct wall_time time)
{
    if (span->first.ns == 0 || time.ns < span->first.ns) {
        span->first = time;
    }
    if (time.ns > span->last.ns) {
        span->last = time;
    }
}

static void
report_progress(struct reader *reader)
{
    const struct pipeline_options *options = reader->options.pipeline;
    const struct pipeline_counters *counters = &reader->result->counters;
    struct pipeline_progress progress = {
        .file = options->files[counters->files - 1],
        .file_number = counters->files,
        .n_files = options->n_files,
    };
    struct source_stats stats;

    source_get_stats(reader->source, &stats);
    progress.frames = counters->frames + stats.frames;
    progress.file_bytes = stats.bytes;
    progress.file_size = stats.size;
    options->progress(options->context, &progress);
}
