/* Guard pages; see guard.h. */

#include "tests/support/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard
guard_new(size_t max_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t usable = (max_bytes + page - 1) / page * page + page;
    struct guard guard = {.map_size = usable + page};
    void *map = mmap(NULL, guard.map_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    guard.map = map;
    guard.end = guard.map + usable;
    if (mprotect(guard.end, page, PROT_NONE) != 0) {
        perror("mprotect");
        exit(1);
    }
    return guard;
}

void
guard_free(struct guard *guard)
{
    munmap(guard->map, guard->map_size);
}

uint8_t *
guard_copy(struct guard *guard, const void *bytes, size_t size)
{
    uint8_t *start = guard->end - size;

    if (size > (size_t)(guard->end - guard->map)) {
        fprintf(stderr, "guard_copy: %zu bytes are too many\n", size);
        exit(1);
    }
    if (size > 0) {
        memcpy(start, bytes, size);
    }
    return start;
}
