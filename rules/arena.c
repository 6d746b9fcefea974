/* Blocks double in size up to a ceiling, so a small policy stays small and a
 * big one needs few calls of malloc(). */

#include "rules/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_FIRST_BLOCK = 4096,
    ARENA_LARGEST_BLOCK = 1 << 20
};

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *arena_block_new(struct arena *, size_t size);

void
arena_done(struct arena *arena)
{
    struct arena_block *next;

    for (struct arena_block *block = arena->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (struct arena){0};
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_block *block = arena->blocks;
    void *result;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) / align * align;
    if (!block || block->size - block->used < size) {
        block = arena_block_new(arena, size);
    }
    if (!block) {
        return NULL;
    }
    result = block->bytes + block->used;
    block->used += size;
    return result;
}

void *
arena_array(struct arena *arena, size_t n, size_t item_size)
{
    if (item_size && n > SIZE_MAX / 2 / item_size) {
        return NULL;
    }
    return arena_alloc(arena, n * item_size);
}

char *
arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);

    if (copy && length) {
        memcpy(copy, text, length);
    }
    return copy;
}

void *
arena_list_add(struct arena *arena, struct arena_list *list, size_t item_size)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 8;
        void *items = arena_array(arena, capacity, item_size);

        if (!items) {
            return NULL;
        }
        if (list->n) {
            memcpy(items, list->items, list->n * item_size);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (unsigned char *)list->items + list->n++ * item_size;
}

static struct arena_block *
arena_block_new(struct arena *arena, size_t size)
{
    struct arena_block *block;
    size_t wanted = arena->blocks ? arena->blocks->size * 2 : ARENA_FIRST_BLOCK;

    if (wanted > ARENA_LARGEST_BLOCK) {
        wanted = ARENA_LARGEST_BLOCK;
    }
    if (wanted < size) {
        wanted = size;
    }
    block = calloc(1, sizeof *block + wanted);
    if (!block) {
        return NULL;
    }
    block->size = wanted;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->bytes += sizeof *block + wanted;
    return block;
}
