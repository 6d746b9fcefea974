/* The names of what is in Redis.  The braces are literal: they make all keys of
 * a sensor one slot, and so one node, of a Redis Cluster.
 *
 *   segmon:{SENSOR}:flow, :violation, :status   the streams of its events
 *   segmon:{SENSOR}:state, :matrix              see redis_state.h
 *   segmon:sensors                              hash: SENSOR -> last epoch */

#ifndef TOOLS_REDIS_REDIS_KEYS_H
#define TOOLS_REDIS_REDIS_KEYS_H

#include "tools/event/event.h"

#include <stdbool.h>

struct error;
struct redis_link;
struct redis_place;

enum {
    REDIS_KEY_SIZE = EVENT_MAX_SENSOR + 24
};

#define REDIS_SENSORS_KEY "segmon:sensors"

/* "segmon:{SENSOR}:what". */
void redis_key(char key[REDIS_KEY_SIZE], const char *sensor, const char *what);

/* Visits every sensor that the server knows, until 'each' returns false; a name
 * that no sensor can have is left out.  Of a cluster, the node is asked that
 * has them.  False if the server could not be asked. */
bool redis_keys_each_sensor(const struct redis_place *, struct redis_link *,
                            bool (*each)(void *context, const char *sensor),
                            void *context, struct error *error);

#endif
