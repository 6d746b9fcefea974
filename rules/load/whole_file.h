/* A file of moderate size, read whole: what policies and configurations are.
 *
 * Only regular files are read, and none waits: a pipe would, for somebody to
 * write to it. */

#ifndef RULES_LOAD_WHOLE_FILE_H
#define RULES_LOAD_WHOLE_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct whole_file {
    char *bytes; /* From malloc(); the caller's. */
    size_t size; /* To 'max_bytes' and one more, if there is more. */
    mode_t mode; /* Who may read it, as in struct stat. */
};

/* NULL, or why it cannot be read, of static storage; 'file' is then unchanged.
 */
const char *whole_file_read(const char *path, size_t max_bytes,
                            struct whole_file *file);

#endif
