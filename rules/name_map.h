/* Names to numbers: a hash table for loading policies.  Used by one thread;
 * lives in an arena; the names are borrowed. */

#ifndef RULES_NAME_MAP_H
#define RULES_NAME_MAP_H

#include "rules/arena.h"

#include <stdint.h>

struct name_map_slot {
    const char *name;
    uint32_t value;
};

struct name_map {
    struct name_map_slot *slots; /* A power of two of them, or NULL. */
    size_t n, capacity;
};

/* Returns false when out of memory.  A name already there keeps its value. */
bool name_map_add(struct arena *, struct name_map *, const char *name,
                  uint32_t value);
/* Returns false if the name is not there. */
bool name_map_get(const struct name_map *, const char *name, uint32_t *value);

#endif
