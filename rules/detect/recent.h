/* A bounded memory of what was seen lately: values by key.  When it is full,
 * what was used least recently goes.
 *
 * Belongs to one thread.  Keys are bytes without padding; values are zeroed
 * when new.  Buckets are chosen by a random seed, so nobody who chooses keys
 * can choose buckets; what is forgotten does not depend on it. */

#ifndef RULES_DETECT_RECENT_H
#define RULES_DETECT_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent; /* Opaque. */

enum {
    RECENT_MAX_KEY_BYTES = 48
};

/* 'drop' is called with each value that goes; it may be NULL.  Returns NULL
 * when out of memory. */
struct recent *recent_new(size_t key_bytes, size_t value_bytes, size_t max,
                          void (*drop)(void *value));
void recent_free(struct recent *); /* Accepts NULL. */

/* The value of 'key', which is then the most recently used one; a new one if
 * there is none.  Valid until the next call.  NULL when out of memory. */
void *recent_use(struct recent *, const void *key, bool *is_new);

/* Brings near what recent_use() of the key will look at first. */
void recent_look_ahead(const struct recent *, const void *key);

size_t recent_count(const struct recent *);
uint64_t recent_overflow(const struct recent *); /* Forgotten so far. */

#endif
