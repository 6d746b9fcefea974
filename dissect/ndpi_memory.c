/* Outside of arenas the allocator is the C library's, which knows the size of a
 * block: so nothing is kept beside it, and blocks from before all this are
 * freed like the others. */

#include "dissect/ndpi_memory.h"

#include "dissect/ndpi_shim.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Address space; what is not used is never touched.  What does not fit is
     * malloc's. */
    ARENA_BYTES = 32 << 20
};

struct ndpi_arena {
    size_t used;
    size_t last; /* Where the block taken last begins. */
    bool is_open;
    alignas(max_align_t) uint8_t bytes[];
};

static _Thread_local struct ndpi_arena *in_use;
static _Thread_local size_t counted;

struct ndpi_arena *
ndpi_arena_new(void)
{
    struct ndpi_arena *arena;

    if (!NDPI_SHIM_MODULES_STAND_ALONE) {
        return NULL;
    }
    arena = malloc(sizeof *arena + ARENA_BYTES);
    if (arena != NULL) {
        *arena = (struct ndpi_arena){.is_open = true};
    }
    return arena;
}

void
ndpi_arena_close(struct ndpi_arena *arena)
{
    if (arena != NULL) {
        arena->is_open = false;
    }
}

void
ndpi_arena_free(struct ndpi_arena *arena)
{
    free(arena);
}

void
ndpi_memory_use(struct ndpi_arena *arena)
{
    in_use = arena;
}

size_t
ndpi_memory_used(void)
{
    return counted;
}

static void *
take(size_t size)
{
    struct ndpi_arena *arena = in_use;
    size_t whole = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
                   sizeof(max_align_t);

    if (arena == NULL || !arena->is_open || size > ARENA_BYTES ||
        whole > ARENA_BYTES - arena->used) {
        return NULL;
    }
    arena->last = arena->used;
    arena->used += whole;
    return arena->bytes + arena->last;
}

/* Returns false if it is not of the arena in use.  Only the last block can be
 * taken again. */
static bool
give_back(const void *block)
{
    struct ndpi_arena *arena = in_use;
    uintptr_t at;

    if (arena == NULL) {
        return false;
    }
    at = (uintptr_t)block - (uintptr_t)arena->bytes;
    if (at >= ARENA_BYTES) {
        return false;
    }
    if (at == arena->last && arena->is_open) {
        arena->used = arena->last;
    }
    return true;
}

static void *
our_malloc(size_t size)
{
    void *block = take(size);

    if (block == NULL) {
        block = malloc(size);
        counted += malloc_usable_size(block);
    }
    return block;
}

static void
our_free(void *block)
{
    if (!give_back(block)) {
        counted -= malloc_usable_size(block);
        free(block);
    }
}

static void *
our_calloc(size_t n, size_t size)
{
    void *block = calloc(n, size);

    counted += malloc_usable_size(block);
    return block;
}

static void *
our_realloc(void *block, size_t size)
{
    size_t before = malloc_usable_size(block);
    void *moved = realloc(block, size);

    if (moved != NULL) {
        counted += malloc_usable_size(moved) - before;
    }
    return moved;
}

void
ndpi_memory_install(void)
{
    static const struct ndpi_shim_allocator ours = {our_malloc, our_free,
                                                    our_calloc, our_realloc};

    ndpi_shim_set_allocator(&ours);
}
