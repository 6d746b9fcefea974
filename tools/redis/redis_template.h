/* Names of keys and channels that somebody chose: a text in which {sensor}
 * stands for the sensor's name and {type} for the kind of the event.
 *
 * All else is literal, other braces too.  So "segmon:{{sensor}}:{type}" is
 * "segmon:{edge-1}:flow", where what is left of the braces makes all keys of
 * the sensor one slot of a Redis Cluster.  Pure functions; any thread. */

#ifndef TOOLS_REDIS_REDIS_TEMPLATE_H
#define TOOLS_REDIS_REDIS_TEMPLATE_H

#include <stdbool.h>

enum {
    REDIS_TEMPLATE_MAX = 200,     /* Bytes of the text; what */
    REDIS_TEMPLATE_KEY_SIZE = 256 /* comes of it, with its NUL. */
};

/* The keys that segmon's own readers look for; redis_keys.h has them too. */
#define REDIS_TEMPLATE_DEFAULT "segmon:{{sensor}}:{type}"

/* False, and 'key' is cut, if it does not fit. */
bool redis_template_expand(const char *text, const char *sensor,
                           const char *type, char key[REDIS_TEMPLATE_KEY_SIZE]);

/* Whether {sensor} or {type}, written so, is in it. */
bool redis_template_has(const char *text, const char *token);

#endif
