/* What an event says, once Jansson has parsed it.
 *
 * Of any JSON: what is not there, or not of the kind that is asked for, reads
 * as nothing.  Pure; what is returned lives as long as the tree. */

#ifndef TOOLS_EVENT_TREE_H
#define TOOLS_EVENT_TREE_H

#include <jansson.h>
#include <stdint.h>

/* "parent.key" of an object; NULL if it has none. */
static inline const json_t *
tree_at(const json_t *object, const char *parent, const char *key)
{
    return json_object_get(json_object_get(object, parent), key);
}

/* "" of all but text. */
static inline const char *
tree_text(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : "";
}

/* 0 of all but a positive integer. */
static inline uint64_t
tree_count(const json_t *value)
{
    json_int_t found = json_is_integer(value) ? json_integer_value(value) : 0;

    return found > 0 ? (uint64_t)found : 0;
}

#endif
