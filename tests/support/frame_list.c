/* See frame_list.h. */

#include "tests/support/frame_list.h"

#include "capture/error.h"
#include "capture/source.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 64,
    LEAST = 1024
};

static bool append(struct frame_list *, const struct frame *);
static bool grow(struct frame_list *);

bool
frame_list_load(struct frame_list *list, const char *path, struct error *error)
{
    const struct source_options options = {.filter = NULL};
    struct source *source = source_open_file(path, &options, error);
    enum source_status status = SOURCE_MORE;
    bool good = source != NULL;

    *list = (struct frame_list){NULL, 0, 0};
    while (good && status == SOURCE_MORE) {
        struct frame frames[BATCH];
        size_t n;

        status = source_read(source, frames, BATCH, &n, error);
        good = status != SOURCE_ERROR;
        for (size_t i = 0; good && i < n; i++) {
            good = append(list, &frames[i]) ||
                   error_set(error, ERROR_MEMORY, path, "no memory");
        }
    }
    source_close(source);
    return good;
}

void
frame_list_done(struct frame_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->frames[i].iov_base);
    }
    free(list->frames);
}

static bool
append(struct frame_list *list, const struct frame *frame)
{
    void *copy = malloc(frame->captured);

    if (!copy || (list->n == list->capacity && !grow(list))) {
        free(copy);
        return false;
    }
    memcpy(copy, frame->data, frame->captured);
    list->frames[list->n++] = (struct iovec){copy, frame->captured};
    return true;
}

static bool
grow(struct frame_list *list)
{
    size_t capacity = list->capacity ? 2 * list->capacity : LEAST;
    struct iovec *grown =
        realloc(list->frames, capacity * sizeof *list->frames);

    if (grown) {
        list->frames = grown;
        list->capacity = capacity;
    }
    return grown != NULL;
}
