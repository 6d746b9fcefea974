/* The capture files a command line means, in the order to read them.
 *
 * A file stands for itself, "-" for standard input, and a folder for the
 * captures directly inside it, ordered by the time of their first packet (then
 * by name).  Files of a folder that are no captures are skipped and counted;
 * a file named outright is always kept, so that opening it reports the error.
 */

#ifndef CAPTURE_FILE_LIST_H
#define CAPTURE_FILE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct error;

enum {
    /* Files in one run: a frame names its file in 16 bits. */
    FILE_LIST_MAX = 65535
};

struct file_list {
    char **paths; /* Owned. */
    size_t n_paths;
    size_t n_skipped; /* In folders: not a capture, or unreadable. */
};

/* Fills in '*list', to be freed with file_list_done(); NULL-safe on failure:
 * returns false, '*error' filled in, nothing to free. */
bool file_list_init(struct file_list *list, char *const *arguments,
                    size_t n_arguments, struct error *error);
void file_list_done(struct file_list *list);

#endif
