/* Folders are sorted by what is in their files, not by name: rotated captures
 * count in ways that do not sort, and the flow table wants time to run forward.
 * Each file is opened once for that, and its first packet read. */

#include "capture/file_list.h"

#include "capture/error.h"
#include "capture/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A capture found in a folder. */
struct candidate {
    char *path; /* Owned. */
    int64_t first_ns;
};

struct candidates {
    struct candidate *list;
    size_t n;
};

static bool list_add_argument(struct file_list *, const char *argument,
                              struct error *);
static bool list_add_folder(struct file_list *, const char *folder,
                            struct error *);
static bool list_add(struct file_list *, char *path, struct error *);
static bool folder_read(DIR *, const char *folder, struct candidates *,
                        size_t *n_skipped, struct error *);
static bool candidates_add(struct candidates *, char *path, int64_t first_ns,
                           struct error *);
static void candidates_done(struct candidates *);
static int candidate_compare(const void *a, const void *b);
static bool capture_first_time(const char *path, int64_t *first_ns);
static char *path_join(const char *folder, const char *name);

/* Arrays here are made larger at 0, 2, 6, 14... elements, to twice one more. */
static bool
is_full(size_t n)
{
    return !((n + 2) & (n + 1));
}

bool
file_list_init(struct file_list *list, char *const *arguments,
               size_t n_arguments, struct error *error)
{
    *list = (struct file_list){0};
    for (size_t i = 0; i < n_arguments; i++) {
        if (!list_add_argument(list, arguments[i], error)) {
            file_list_done(list);
            return false;
        }
    }
    return true;
}

void
file_list_done(struct file_list *list)
{
    for (size_t i = 0; i < list->n_paths; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
    *list = (struct file_list){0};
}

static bool
list_add_argument(struct file_list *list, const char *argument,
                  struct error *error)
{
    struct stat status;

    bool is_input = !strcmp(argument, "-");

    if (!is_input && stat(argument, &status) == 0 && S_ISDIR(status.st_mode)) {
        return list_add_folder(list, argument, error);
    }
    for (size_t i = 0; is_input && i < list->n_paths; i++) {
        if (!strcmp(list->paths[i], "-")) {
            return error_set(error, ERROR_VALUE, "standard input",
                             "can be read only once");
        }
    }
    return list_add(list, strdup(argument), error);
}

static bool
list_add_folder(struct file_list *list, const char *folder, struct error *error)
{
    struct candidates found = {0};
    DIR *dir = opendir(folder);
    bool good;

    if (!dir) {
        char text[100];

        return error_set(error, ERROR_SYSTEM, folder, "%s",
                         strerror_r(errno, text, sizeof text) ? "" : text);
    }
    good = folder_read(dir, folder, &found, &list->n_skipped, error);
    closedir(dir);
    if (good && found.n) {
        qsort(found.list, found.n, sizeof *found.list, candidate_compare);
    }
    for (size_t i = 0; good && i < found.n; i++) {
        good = list_add(list, found.list[i].path, error);
        found.list[i].path = NULL;
    }
    candidates_done(&found);
    return good;
}

/* Takes 'path' over, also on failure; it may be NULL. */
static bool
list_add(struct file_list *list, char *path, struct error *error)
{
    char **paths = list->paths;

    if (list->n_paths == FILE_LIST_MAX) {
        error_set(error, ERROR_LIMIT, path, "more than %d files in one run",
                  FILE_LIST_MAX);
        free(path);
        return false;
    }
    if (path && is_full(list->n_paths)) {
        paths = realloc(paths, 2 * (list->n_paths + 1) * sizeof *paths);
    }
    if (!path || !paths) {
        error_set(error, ERROR_MEMORY, NULL, "no memory for the list of files");
        free(path);
        return false;
    }
    list->paths = paths;
    list->paths[list->n_paths++] = path;
    return true;
}

/* Only regular files are looked at: opening a pipe would wait for ever. */
static bool
folder_read(DIR *dir, const char *folder, struct candidates *found,
            size_t *n_skipped, struct error *error)
{
    const struct dirent *entry;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): unsafe only on a shared DIR. */
    while ((entry = readdir(dir))) {
        char *path = path_join(folder, entry->d_name);
        struct stat status;
        int64_t first_ns;

        if (!path) {
            error_set(error, ERROR_MEMORY, NULL,
                      "no memory for the list of files");
            return false;
        }
        if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
            free(path);
        } else if (!capture_first_time(path, &first_ns)) {
            free(path);
            ++*n_skipped;
        } else if (!candidates_add(found, path, first_ns, error)) {
            return false;
        }
    }
    return true;
}

/* As list_add(). */
static bool
candidates_add(struct candidates *found, char *path, int64_t first_ns,
               struct error *error)
{
    struct candidate *list = found->list;

    if (found->n == FILE_LIST_MAX) {
        error_set(error, ERROR_LIMIT, path, "more than %d files in one run",
                  FILE_LIST_MAX);
        free(path);
        return false;
    }
    if (is_full(found->n)) {
        list = realloc(list, 2 * (found->n + 1) * sizeof *list);
    }
    if (!list) {
        error_set(error, ERROR_MEMORY, NULL, "no memory for the list of files");
        free(path);
        return false;
    }
    found->list = list;
    found->list[found->n++] =
        (struct candidate){.path = path, .first_ns = first_ns};
    return true;
}

static void
candidates_done(struct candidates *found)
{
    for (size_t i = 0; i < found->n; i++) {
        free(found->list[i].path);
    }
    free(found->list);
}

static int
candidate_compare(const void *a, const void *b)
{
    const struct candidate *first = a;
    const struct candidate *second = b;

    if (first->first_ns != second->first_ns) {
        return first->first_ns < second->first_ns ? -1 : 1;
    }
    return strcmp(first->path, second->path);
}

/* False if the file is no capture.  One without a single good packet comes
 * last: it brings nothing, or only its error. */
static bool
capture_first_time(const char *path, int64_t *first_ns)
{
    const struct source_options options = {0};
    enum source_status status = SOURCE_MORE;
    struct source *source;
    struct frame frame;
    struct error error;
    size_t n_frames = 0;

    source = source_open_file(path, &options, &error);
    if (!source) {
        return false;
    }
    while (status == SOURCE_MORE && !n_frames) {
        status = source_read(source, &frame, 1, &n_frames, &error);
    }
    *first_ns = n_frames ? frame.time.ns : INT64_MAX;
    source_close(source);
    return true;
}

static char *
path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";
    size_t size = length + strlen(name) + 2;
    char *path = malloc(size);

    if (path) {
        snprintf(path, size, "%s%s%s", folder, slash, name);
    }
    return path;
}
