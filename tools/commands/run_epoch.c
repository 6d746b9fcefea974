/* See run_epoch.h.  The file is written in place: its few bytes change as one,
 * and are on the disk before the first event is. */

#include "tools/commands/run_epoch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EPOCH_DIGITS = 8,
    FILE_SIZE = EPOCH_DIGITS + 1, /* And a newline. */
    FOLDER_MODE = 0700,
    FILE_MODE = 0600
};

static int open_file(const char *directory);
static bool read_last(int fd, uint32_t *epoch);
static void write_last(int fd, uint32_t epoch);

uint32_t
run_epoch_take(const char *directory, struct wall_time now)
{
    uint32_t epoch = (uint32_t)(now.ns / SECOND_NS), last;
    int fd = directory[0] ? open_file(directory) : -1;

    if (fd < 0) {
        return epoch;
    }
    if (read_last(fd, &last) && last >= epoch && last < UINT32_MAX) {
        epoch = last + 1;
    }
    write_last(fd, epoch);
    close(fd);
    return epoch;
}

static int
open_file(const char *directory)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/epoch", directory);

    if (size < 0 || (size_t)size >= sizeof path) {
        return -1;
    }
    mkdir(directory, FOLDER_MODE); /* As a rule it is there. */
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
}

static bool
read_last(int fd, uint32_t *epoch)
{
    char text[FILE_SIZE + 1] = "";
    ssize_t n = pread(fd, text, FILE_SIZE, 0);

    if (n != FILE_SIZE || strspn(text, "0123456789abcdef") != EPOCH_DIGITS ||
        text[EPOCH_DIGITS] != '\n') {
        return false;
    }
    *epoch = (uint32_t)strtoul(text, NULL, 16);
    return true;
}

static void
write_last(int fd, uint32_t epoch)
{
    char text[FILE_SIZE + 1];

    snprintf(text, sizeof text, "%08" PRIx32 "\n", epoch);
    if (pwrite(fd, text, FILE_SIZE, 0) == FILE_SIZE) {
        fdatasync(fd);
    }
}
