/* What of this process is in memory. */

#ifndef TESTS_FLOWS_RESIDENT_H
#define TESTS_FLOWS_RESIDENT_H

#include "tests/support/test.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    /* Pages of others than the one measured: of the allocator, say, or a
     * sanitizer's notes on the memory in use. */
    RESIDENT_NOISE = 2 << 20
};

static inline size_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[200]; /* In pages: of addresses, of memory, ... */
    char *next;

    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    strtoul(line, &next, 10);
    return strtoul(next, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
