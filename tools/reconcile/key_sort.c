/* Sorting runs to a file, and merging them; see key_sort.h. */

#include "tools/reconcile/key_sort.h"

#include "capture/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sorted keys in the file, and those of them that are in memory. */
struct run {
    uint64_t at, end;      /* Of those to be read, in the file. */
    struct sort_key *keys; /* A part of the buffer, */
    size_t next, n;        /* and which of it are to come. */
};

struct key_sort {
    struct sort_key *buffer; /* Owned. */
    size_t capacity, n;
    int fd; /* -1: all fits. */
    uint64_t n_written;
    struct run *runs; /* Owned; from key_sort_finish() on a heap, the run with
                       * the least key first. */
    size_t n_runs, room;
};

static int compare(const void *, const void *);
static bool spill(struct key_sort *, struct error *);
static bool open_file(struct key_sort *, struct error *);
static bool write_all(struct key_sort *, struct error *);
static bool refill(struct key_sort *, struct run *, struct error *);
static void sink(struct key_sort *, size_t i);
static size_t least_of(const struct key_sort *, size_t i);
static bool is_less(const struct key_sort *, size_t a, size_t b);

int
sort_key_compare(const struct sort_key *a, const struct sort_key *b)
{
    if (a->high != b->high) {
        return a->high < b->high ? -1 : 1;
    }
    return a->low < b->low ? -1 : a->low > b->low;
}

struct key_sort *
key_sort_new(size_t memory)
{
    struct key_sort *sort = calloc(1, sizeof *sort);

    if (!sort) {
        return NULL;
    }
    sort->fd = -1;
    sort->capacity = memory;
    sort->buffer = calloc(memory, sizeof *sort->buffer);
    sort->runs = calloc(KEY_SORT_MAX_RUNS, sizeof *sort->runs);
    if (!sort->buffer || !sort->runs) {
        key_sort_free(sort);
        return NULL;
    }
    return sort;
}

void
key_sort_free(struct key_sort *sort)
{
    if (sort) {
        if (sort->fd >= 0) {
            close(sort->fd);
        }
        free(sort->buffer);
        free(sort->runs);
        free(sort);
    }
}

bool
key_sort_add(struct key_sort *sort, struct sort_key key, struct error *error)
{
    if (sort->n == sort->capacity && !spill(sort, error)) {
        return false;
    }
    sort->buffer[sort->n++] = key;
    return true;
}

bool
key_sort_finish(struct key_sort *sort, struct error *error)
{
    if (sort->n_runs == 0) { /* One run, all of which is in memory. */
        qsort(sort->buffer, sort->n, sizeof *sort->buffer, compare);
        sort->n_runs = 1;
        sort->runs[0] = (struct run){.keys = sort->buffer, .n = sort->n};
    } else if (sort->n > 0 && !spill(sort, error)) {
        return false;
    }
    sort->room = sort->capacity / sort->n_runs;
    for (size_t i = 0; sort->fd >= 0 && i < sort->n_runs; i++) {
        sort->runs[i].keys = sort->buffer + i * sort->room;
        if (!refill(sort, &sort->runs[i], error)) {
            return false;
        }
    }
    for (size_t i = sort->n_runs; i-- > 0;) {
        sink(sort, i);
    }
    return true;
}

bool
key_sort_next(struct key_sort *sort, struct sort_key *key, bool *has,
              struct error *error)
{
    struct run *first = &sort->runs[0];

    *has = first->next < first->n;
    if (!*has) {
        return true;
    }
    *key = first->keys[first->next++];
    if (first->next == first->n && !refill(sort, first, error)) {
        return false;
    }
    sink(sort, 0);
    return true;
}

static int
compare(const void *a, const void *b)
{
    return sort_key_compare(a, b);
}

/* What is in memory becomes a run in the file. */
static bool
spill(struct key_sort *sort, struct error *error)
{
    size_t most =
        sort->capacity < KEY_SORT_MAX_RUNS ? sort->capacity : KEY_SORT_MAX_RUNS;

    if (sort->n_runs == most) {
        return error_set(error, ERROR_LIMIT, NULL, "too many events to sort");
    }
    if (sort->fd < 0 && !open_file(sort, error)) {
        return false;
    }
    qsort(sort->buffer, sort->n, sizeof *sort->buffer, compare);
    if (!write_all(sort, error)) {
        return false;
    }
    sort->runs[sort->n_runs++] =
        (struct run){.at = sort->n_written, .end = sort->n_written + sort->n};
    sort->n_written += sort->n;
    sort->n = 0;
    return true;
}

static bool
open_file(struct key_sort *sort, struct error *error)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment. */
    const char *folder = getenv("TMPDIR");
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/segmon-sort-XXXXXX",
                     folder && folder[0] ? folder : "/tmp");

    if (n < 0 || (size_t)n >= sizeof path) {
        return error_set(error, ERROR_LIMIT, NULL, "TMPDIR is too long");
    }
    sort->fd = mkstemp(path);
    if (sort->fd < 0) {
        return error_set_errno(error, path, "cannot be made");
    }
    unlink(path);
    return true;
}

static bool
write_all(struct key_sort *sort, struct error *error)
{
    const char *bytes = (const char *)sort->buffer;
    size_t size = sort->n * sizeof *sort->buffer;
    size_t done = 0;

    while (done < size) {
        off_t at = (off_t)(sort->n_written * sizeof *sort->buffer + done);
        ssize_t n = pwrite(sort->fd, bytes + done, size - done, at);

        if (n < 0 && errno != EINTR) {
            return error_set_errno(error, "a file to sort in",
                                   "cannot be written");
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* With as many as there is room for; none at its end. */
static bool
refill(struct key_sort *sort, struct run *run, struct error *error)
{
    uint64_t left = run->end - run->at;
    size_t n = left < sort->room ? (size_t)left : sort->room;
    size_t size = n * sizeof *run->keys;
    size_t done = 0;

    while (done < size) {
        off_t at = (off_t)(run->at * sizeof *run->keys + done);
        ssize_t got =
            pread(sort->fd, (char *)run->keys + done, size - done, at);

        if (got == 0 || (got < 0 && errno != EINTR)) {
            return error_set_errno(error, "a file to sort in",
                                   "cannot be read");
        }
        done += got > 0 ? (size_t)got : 0;
    }
    run->at += n;
    run->next = 0;
    run->n = n;
    return true;
}

/* The i-th run to its place, below which all are in order. */
static void
sink(struct key_sort *sort, size_t i)
{
    size_t least;

    while ((least = least_of(sort, i)) != i) {
        struct run run = sort->runs[i];

        sort->runs[i] = sort->runs[least];
        sort->runs[least] = run;
        i = least;
    }
}

/* Of a run and the two below it. */
static size_t
least_of(const struct key_sort *sort, size_t i)
{
    size_t least = i;

    for (size_t below = 2 * i + 1; below <= 2 * i + 2; below++) {
        if (below < sort->n_runs && is_less(sort, below, least)) {
            least = below;
        }
    }
    return least;
}

/* One that is at its end comes last. */
static bool
is_less(const struct key_sort *sort, size_t a, size_t b)
{
    const struct run *left = &sort->runs[a];
    const struct run *right = &sort->runs[b];

    if (left->next == left->n || right->next == right->n) {
        return left->next < left->n;
    }
    return sort_key_compare(&left->keys[left->next],
                            &right->keys[right->next]) < 0;
}
