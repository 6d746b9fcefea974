/* The progress line; see progress.h. */

#include "tools/runtime/progress.h"

#include "tools/event/system_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    INTERVAL_MS = 200,
    NAME_COLUMNS = 30
};

static void print_name(const char *name);

void
progress_init(struct progress *progress, bool wanted)
{
    *progress = (struct progress){
        .enabled = wanted && isatty(STDERR_FILENO),
        .start = system_clock_mono(),
    };
    progress->last = progress->start;
}

void
progress_show(void *context, const struct pipeline_progress *run)
{
    struct progress *progress = context;
    struct mono_time t;
    const char *name;
    double seconds;
    double rate;

    if (!progress->enabled) {
        return;
    }
    t = system_clock_mono();
    if (t.ns - progress->last.ns < INTERVAL_MS * MILLISECOND_NS) {
        return;
    }
    progress->last = t;
    progress->drawn = true;
    seconds = (double)(t.ns - progress->start.ns) / (double)SECOND_NS;
    rate = (double)run->frames / seconds / 1e6;
    name = strrchr(run->file, '/');
    name = name ? name + 1 : run->file;
    fputs("\r\033[K", stderr);
    print_name(name);
    fprintf(stderr, " (%zu/%zu) ", run->file_number, run->n_files);
    if (run->file_size) {
        fprintf(stderr, "%" PRIu64 " %% ",
                run->file_bytes * 100 / run->file_size);
    }
    fprintf(stderr, "%" PRIu64 " packets, %.2f M/s", run->frames, rate);
    fflush(stderr);
}

/* Its first columns, without anything a terminal would act on. */
static void
print_name(const char *name)
{
    for (size_t i = 0; name[i] && i < NAME_COLUMNS; i++) {
        unsigned char byte = (unsigned char)name[i];

        fputc(byte < 0x20 || byte >= 0x7f ? '?' : byte, stderr);
    }
}

void
progress_clear(struct progress *progress)
{
    if (progress->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->drawn = false;
    }
}
