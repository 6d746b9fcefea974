/* Files read whole; see whole_file.h. */

#include "rules/load/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *open_without_waiting(const char *path);
static const char *read_all(FILE *, size_t max_bytes, struct whole_file *);

const char *
whole_file_read(const char *path, size_t max_bytes, struct whole_file *file)
{
    FILE *from = open_without_waiting(path);
    const char *why;

    if (!from) {
        return errno == ENOENT   ? "there is no such file"
               : errno == EACCES ? "this user may not read it"
                                 : "it cannot be opened";
    }
    why = read_all(from, max_bytes, file);
    fclose(from);
    return why;
}

static FILE *
open_without_waiting(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (fd >= 0 && !file) {
        close(fd);
    }
    return file;
}

static const char *
read_all(FILE *from, size_t max_bytes, struct whole_file *file)
{
    struct stat status;
    char *bytes;
    size_t size = 0;

    if (fstat(fileno(from), &status) != 0 || !S_ISREG(status.st_mode)) {
        return "it is not a regular file";
    }
    bytes = malloc(max_bytes + 2);
    if (bytes) {
        size = fread(bytes, 1, max_bytes + 1, from);
    }
    if (!bytes || ferror(from)) {
        free(bytes);
        return "it cannot be read";
    }
    *file = (struct whole_file){bytes, size, status.st_mode};
    return NULL;
}
