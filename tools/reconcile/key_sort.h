/* Sorts any number of keys in little memory.
 *
 * Keys are collected, sorted KEY_SORT_MEMORY at a time, and what does not fit
 * goes to a file in the folder that TMPDIR names, or /tmp, which has no name
 * from the start: 16 bytes a key.  Then they come out in order, merged. Memory:
 * 16 MiB.  One thread. */

#ifndef TOOLS_RECONCILE_KEY_SORT_H
#define TOOLS_RECONCILE_KEY_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct key_sort; /* Opaque. */

enum {
    KEY_SORT_MEMORY = 1 << 20, /* Keys. */
    KEY_SORT_MAX_RUNS = 1 << 14
};

struct sort_key {
    uint64_t high, low;
};

int sort_key_compare(const struct sort_key *, const struct sort_key *);

/* 'memory' keys are held, KEY_SORT_MEMORY in the product.  NULL, if out of
 * memory. */
struct key_sort *key_sort_new(size_t memory);
void key_sort_free(struct key_sort *); /* Accepts NULL. */

/* False if there is no room on the disk, or there are too many. */
bool key_sort_add(struct key_sort *, struct sort_key, struct error *);

/* No more are added: they can be read now. */
bool key_sort_finish(struct key_sort *, struct error *);

/* The next key in order, equal ones one after the other; '*has' is false at the
 * end.  False if the disk fails. */
bool key_sort_next(struct key_sort *, struct sort_key *, bool *has,
                   struct error *);

#endif
