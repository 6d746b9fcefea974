/* Any bytes as a capture file: every frame lies in memory that is ours, the
 * numbers are in order, and reading ends. */

#include "capture/error.h"
#include "capture/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_BATCH = 16
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t last_number;
static unsigned sum; /* Keeps the compiler from leaving out the reads. */

static void
check(bool good)
{
    if (!good) {
        abort();
    }
}

static void
check_frame(const struct frame *frame)
{
    check(frame->captured <= SOURCE_MAX_FRAME_BYTES);
    check(frame->captured <= frame->wire_size);
    check(frame->number == ++last_number);
    for (uint32_t i = 0; i < frame->captured; i++) {
        sum += frame->data[i];
    }
}

static void
read_all(struct source *source, size_t max_batch)
{
    enum source_status status = SOURCE_MORE;
    struct source_stats stats;
    struct error error;

    while (status == SOURCE_MORE) {
        struct frame frames[MAX_BATCH];
        size_t n = 0;

        status = source_read(source, frames, max_batch, &n, &error);
        check(n <= max_batch);
        for (size_t i = 0; i < n; i++) {
            check_frame(&frames[i]);
            sum += (unsigned)strlen(
                source_interface_name(source, frames[i].interface));
        }
    }
    check(status == SOURCE_END || error.code != ERROR_NONE);
    source_get_stats(source, &stats);
    check(stats.frames == last_number);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct source_options options = {0};
    static FILE *file;
    struct source *source;
    struct error error;
    char path[32];

    if (!file) {
        file = tmpfile();
        check(file);
    }
    check(ftruncate(fileno(file), 0) == 0);
    check(pwrite(fileno(file), data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/dev/fd/%d", fileno(file));
    for (size_t max_batch = 1; max_batch <= MAX_BATCH; max_batch += 15) {
        last_number = 0;
        source = source_open_file(path, &options, &error);
        if (source) {
            read_all(source, max_batch);
            source_close(source);
        } else {
            check(error.code != ERROR_NONE && error.message[0]);
        }
    }
    return 0;
}
