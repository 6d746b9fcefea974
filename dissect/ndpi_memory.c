/* nDPI's allocator is the C library's, which knows the size of a block: so
 * nothing is kept beside it, and blocks from before the counting are freed like
 * the others. */

#include "dissect/ndpi_memory.h"

#include "dissect/ndpi_shim.h"

#include <malloc.h>
#include <stdlib.h>

static _Thread_local size_t used;

static void *
counted_malloc(size_t size)
{
    void *block = malloc(size);

    used += malloc_usable_size(block);
    return block;
}

static void
counted_free(void *block)
{
    used -= malloc_usable_size(block);
    free(block);
}

static void *
counted_calloc(size_t n, size_t size)
{
    void *block = calloc(n, size);

    used += malloc_usable_size(block);
    return block;
}

static void *
counted_realloc(void *block, size_t size)
{
    size_t before = malloc_usable_size(block);
    void *moved = realloc(block, size);

    if (moved != NULL) {
        used += malloc_usable_size(moved) - before;
    }
    return moved;
}

void
ndpi_memory_count(void)
{
    static const struct ndpi_shim_allocator counted = {
        counted_malloc, counted_free, counted_calloc, counted_realloc};

    ndpi_shim_set_allocator(&counted);
}

size_t
ndpi_memory_used(void)
{
    return used;
}
