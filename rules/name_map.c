/* Open addressing over FNV-1a.  Policies are written by their owners, so nobody
 * gains from making names collide. */

#include "rules/name_map.h"

#include <string.h>

static struct name_map_slot *name_map_slot(const struct name_map *,
                                           const char *name);
static bool name_map_grow(struct arena *, struct name_map *);

bool
name_map_add(struct arena *arena, struct name_map *map, const char *name,
             uint32_t value)
{
    struct name_map_slot *slot;

    if (map->n * 2 >= map->capacity && !name_map_grow(arena, map)) {
        return false;
    }
    slot = name_map_slot(map, name);
    if (!slot->name) {
        *slot = (struct name_map_slot){name, value};
        map->n++;
    }
    return true;
}

bool
name_map_get(const struct name_map *map, const char *name, uint32_t *value)
{
    const struct name_map_slot *slot;

    if (!map->n) {
        return false;
    }
    slot = name_map_slot(map, name);
    if (!slot->name) {
        return false;
    }
    *value = slot->value;
    return true;
}

static struct name_map_slot *
name_map_slot(const struct name_map *map, const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    size_t at;

    for (const char *c = name; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    at = (size_t)(hash ^ hash >> 32) & (map->capacity - 1);
    while (map->slots[at].name && strcmp(map->slots[at].name, name) != 0) {
        at = (at + 1) & (map->capacity - 1);
    }
    return &map->slots[at];
}

static bool
name_map_grow(struct arena *arena, struct name_map *map)
{
    struct name_map old = *map;

    map->capacity = old.capacity ? old.capacity * 2 : 32;
    map->slots = arena_array(arena, map->capacity, sizeof *map->slots);
    if (!map->slots) {
        *map = old;
        return false;
    }
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].name) {
            *name_map_slot(map, old.slots[i].name) = old.slots[i];
        }
    }
    return true;
}
