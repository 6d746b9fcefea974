/* Files to batches of packets; see reader.h. */

#include "tools/runtime/reader.h"

#include <string.h>

/* Stamps, as in struct pipeline_counters. */
struct span {
    struct wall_time first, last;
};

struct reader {
    const struct pipeline_options *options;
    const struct reader_options *own;
    struct pipeline_result *result;
    uint16_t interface;      /* Of the last frame, as its file numbers it; */
    uint16_t interface_name; /* and as the run does. */
    struct frame frames[READER_BATCH];
    struct packet packets[READER_BATCH];
};

static bool read_file(struct reader *, uint16_t file);
static bool is_stopped(const struct pipeline_options *);
static void read_batches(struct reader *, struct source *, uint16_t file,
                         struct error *);
static void take_batch(struct reader *, const struct source *, size_t n_frames);
static uint16_t name_interface(struct reader *, const struct source *,
                               uint16_t interface);
static inline void note_time(struct span *, struct wall_time);
static void report_progress(struct reader *, const struct source *,
                            uint16_t file);

void
reader_run(const struct reader_options *own, struct pipeline_result *result)
{
    const struct pipeline_options *options = own->pipeline;
    struct reader reader = {.options = options, .own = own, .result = result};

    for (size_t i = 0; i < options->n_files && !result->stopped; i++) {
        bool good = read_file(&reader, (uint16_t)i);

        if (!good && !options->keep_going) {
            return;
        }
    }
}

static bool
read_file(struct reader *reader, uint16_t file)
{
    const struct pipeline_options *options = reader->options;
    struct pipeline_counters *counters = &reader->result->counters;
    struct pipeline_file *report = &reader->result->files[file];
    struct source_options source_options = {.filter = options->filter,
                                            .file = file,
                                            .windows = reader->own->windows};
    uint64_t bytes_before = counters->bytes;
    struct source_stats stats;
    struct source *source;

    counters->files++;
    source =
        source_open_file(options->files[file], &source_options, &report->error);
    if (source) {
        reader->interface = UINT16_MAX; /* Numbers mean another file's. */
        read_batches(reader, source, file, &report->error);
        source_get_stats(source, &stats);
        report->frames = stats.frames;
        report->bytes = counters->bytes - bytes_before;
        counters->frames += stats.frames;
        counters->filtered += stats.filtered;
        source_close(source);
    } else if (is_stopped(options)) { /* Not the file's fault. */
        report->error.code = ERROR_NONE;
        reader->result->stopped = true;
    }
    counters->files_failed += report->error.code != ERROR_NONE;
    return report->error.code == ERROR_NONE;
}

static bool
is_stopped(const struct pipeline_options *options)
{
    return options->stop && *options->stop;
}

static void
read_batches(struct reader *reader, struct source *source, uint16_t file,
             struct error *error)
{
    enum source_status status = SOURCE_MORE;

    while (status == SOURCE_MORE) {
        size_t n_frames = 0;

        if (is_stopped(reader->options)) {
            reader->result->stopped = true;
            return;
        }
        status =
            source_read(source, reader->frames, READER_BATCH, &n_frames, error);
        take_batch(reader, source, n_frames);
        if (reader->options->progress) {
            report_progress(reader, source, file);
        }
    }
}

static void
take_batch(struct reader *reader, const struct source *source, size_t n_frames)
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
        frame->interface = name_interface(reader, source, frame->interface);
        outcome = dissect_frame(frame, &reader->options->dissect, packet);
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
    reader->own->handler(reader->own->context, reader->frames, reader->packets,
                         n_packets);
}

/* Neighbouring frames mostly share an interface: looked up when it changes. */
static uint16_t
name_interface(struct reader *reader, const struct source *source,
               uint16_t interface)
{
    if (interface != reader->interface) {
        reader->interface = interface;
        reader->interface_name = capture_names_intern(
            reader->own->names, source_interface_name(source, interface));
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
report_progress(struct reader *reader, const struct source *source,
                uint16_t file)
{
    struct pipeline_progress progress = {
        .file = reader->options->files[file],
        .file_number = file + 1u,
        .n_files = reader->options->n_files,
    };
    struct source_stats stats;

    source_get_stats(source, &stats);
    progress.frames = reader->result->counters.frames + stats.frames;
    progress.file_bytes = stats.bytes;
    progress.file_size = stats.size;
    reader->options->progress(reader->options->context, &progress);
}
