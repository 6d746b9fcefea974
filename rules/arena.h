/* Memory that is freed all at once.
 *
 * A policy is built piece by piece and dropped whole; so are the documents it
 * is read from.  Everything in an arena lives until arena_done().  Used by one
 * thread while it grows; what was allocated may then be read by any. */

#ifndef RULES_ARENA_H
#define RULES_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t bytes; /* Asked of malloc() so far. */
};

void arena_done(struct arena *);

/* Zeroed, aligned for any type; NULL when out of memory. */
void *arena_alloc(struct arena *, size_t size);
void *arena_array(struct arena *, size_t n, size_t item_size);

/* A NUL-terminated copy; NULL when out of memory. */
char *arena_text(struct arena *, const char *text, size_t length);

/* A growing array.  Items move when it grows, so keep indices, not pointers,
 * until it is complete. */
struct arena_list {
    void *items;
    size_t n, capacity;
};

/* A new zeroed item at the end; NULL when out of memory. */
void *arena_list_add(struct arena *, struct arena_list *, size_t item_size);

#endif
