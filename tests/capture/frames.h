/* Reads whole captures, for tests, and keeps what was in them. */

#ifndef TESTS_CAPTURE_FRAMES_H
#define TESTS_CAPTURE_FRAMES_H

#include "capture/error.h"
#include "capture/frame.h"
#include "capture/source.h"

#include <stddef.h>
#include <stdint.h>

struct capture_file;

enum {
    FRAMES_MAX_BATCH = 64
};

struct frames {
    bool opened;
    enum source_status status; /* The last. */
    struct error error;        /* If not opened, or SOURCE_ERROR. */
    struct source_stats stats; /* At the end. */
    struct frame *list;        /* Their 'data' is in 'copies'. */
    uint8_t **copies;
    size_t n;
    struct source *source; /* Still open, at its end; NULL if not opened. */
};

/* Reads 'path' to its end or error, at most 'max_batch' frames at a time. */
void frames_of_path(struct frames *, const char *path, size_t max_batch,
                    const char *filter);

/* The same for bytes, through a file that is gone when this returns. */
void frames_of_bytes(struct frames *, const void *data, size_t size,
                     size_t max_batch, const char *filter);
void frames_of_file(struct frames *, const struct capture_file *);

void frames_done(struct frames *);

/* Asserts that frame 'i' holds 'captured' bytes of capture_file_payload(). */
void frames_check_payload(const struct frames *, size_t i, uint32_t captured,
                          uint8_t seed);

/* Asserts that the frames are the first of 'whole'. */
void frames_check_prefix(const struct frames *, const struct frames *whole);

/* Asserts an error whose message has 'text' in it. */
void frames_check_error(const struct frames *, enum error_code code,
                        const char *text);

/* A new temporary folder, and a path in it; frames_folder_remove() wants it
 * to hold files only. */
void frames_folder_make(char *folder, size_t size);
void frames_folder_remove(const char *folder);

#endif
