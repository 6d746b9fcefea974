/* See frames.h. */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "tests/capture/frames.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void frames_add(struct frames *, const struct frame *);

void
frames_of_path(struct frames *frames, const char *path, size_t max_batch,
               const char *filter)
{
    struct source_options options = {.filter = filter, .file = 7};
    struct frame batch[FRAMES_MAX_BATCH];
    size_t n;

    *frames = (struct frames){.status = SOURCE_MORE};
    frames->source = source_open_file(path, &options, &frames->error);
    frames->opened = frames->source;
    while (frames->opened && frames->status == SOURCE_MORE) {
        frames->status =
            source_read(frames->source, batch, max_batch, &n, &frames->error);
        assert_true(n <= max_batch);
        for (size_t i = 0; i < n; i++) {
            frames_add(frames, &batch[i]);
        }
    }
    if (frames->opened) {
        source_get_stats(frames->source, &frames->stats);
    }
}

void
frames_of_bytes(struct frames *frames, const void *data, size_t size,
                size_t max_batch, const char *filter)
{
    char path[] = "/tmp/segmon-test-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    close(fd);
    frames_of_path(frames, path, max_batch, filter);
    unlink(path);
}

void
frames_of_file(struct frames *frames, const struct capture_file *file)
{
    frames_of_bytes(frames, file->data, file->size, FRAMES_MAX_BATCH, NULL);
}

void
frames_done(struct frames *frames)
{
    for (size_t i = 0; i < frames->n; i++) {
        free(frames->copies[i]);
    }
    free(frames->list);
    free(frames->copies);
    source_close(frames->source);
}

void
frames_check_payload(const struct frames *frames, size_t i, uint32_t captured,
                     uint8_t seed)
{
    assert_true(i < frames->n);
    assert_int_equal(frames->list[i].captured, captured);
    for (uint32_t at = 0; at < captured; at++) {
        assert_int_equal(frames->list[i].data[at], (uint8_t)(seed + at));
    }
}

void
frames_check_prefix(const struct frames *frames, const struct frames *whole)
{
    assert_true(frames->n <= whole->n);
    for (size_t i = 0; i < frames->n; i++) {
        const struct frame *a = &frames->list[i];
        const struct frame *b = &whole->list[i];

        assert_int_equal(a->time.ns, b->time.ns);
        assert_int_equal(a->number, b->number);
        assert_int_equal(a->captured, b->captured);
        assert_int_equal(a->wire_size, b->wire_size);
        assert_int_equal(a->link, b->link);
        assert_int_equal(a->interface, b->interface);
        assert_memory_equal(a->data, b->data, a->captured);
    }
}

void
frames_check_error(const struct frames *frames, enum error_code code,
                   const char *text)
{
    assert_true(!frames->opened || frames->status == SOURCE_ERROR);
    if (!strstr(frames->error.message, text)) {
        fail_msg("'%s' is not in '%s'", text, frames->error.message);
    }
    assert_int_equal(frames->error.code, code);
    assert_true(frames->error.where[0]);
}

void
frames_folder_make(char *folder, size_t size)
{
    snprintf(folder, size, "/tmp/segmon-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

void
frames_folder_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    assert_non_null(dir);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe only on a shared DIR. */
    while ((entry = readdir(dir))) {
        char path[600];

        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}

static void
frames_add(struct frames *frames, const struct frame *frame)
{
    /* Of exactly the frame's size, for AddressSanitizer. */
    uint8_t *data = malloc(frame->captured ? frame->captured : 1);

    if (!(frames->n & (frames->n - 1))) {
        size_t capacity = frames->n ? 2 * frames->n : 1;

        frames->list = realloc(frames->list, capacity * sizeof *frames->list);
        frames->copies =
            realloc(frames->copies, capacity * sizeof *frames->copies);
    }
    assert_non_null(frames->list);
    assert_non_null(frames->copies);
    assert_non_null(data);
    memcpy(data, frame->data, frame->captured);
    frames->list[frames->n] = *frame;
    frames->list[frames->n].data = data;
    frames->copies[frames->n++] = data;
}
