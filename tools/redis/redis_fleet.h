/* All sensors that a Redis server, or cluster, knows, and a link to each.
 *
 * On one server all share one link; of a cluster each has its own, to the node
 * that has the sensor's keys, because no command may name keys of two slots.  A
 * server is asked which of both it is at each connection, with CLUSTER SLOTS;
 * where it refuses that, it is taken for one server.
 *
 * Owns the links; one thread.  Memory: REDIS_FLEET_MAX_SENSORS places and
 * links, of a cluster. */

#ifndef TOOLS_REDIS_REDIS_FLEET_H
#define TOOLS_REDIS_REDIS_FLEET_H

#include <stdbool.h>

struct error;
struct redis_fleet; /* Opaque. */
struct redis_link;
struct redis_uri;

enum {
    REDIS_FLEET_MAX_SENSORS = 256
};

/* 'uri' is borrowed to the end.  NULL, if out of memory.  Does not connect
 * yet. */
struct redis_fleet *redis_fleet_new(const struct redis_uri *uri);
void redis_fleet_free(struct redis_fleet *); /* Accepts NULL. */

/* Connects if need be, to find out. */
bool redis_fleet_is_cluster(struct redis_fleet *, bool *is_cluster,
                            struct error *);

/* Visits every sensor that is known, until 'each' returns false; a name that no
 * sensor can have is left out. */
bool redis_fleet_each_sensor(struct redis_fleet *,
                             bool (*each)(void *context, const char *sensor),
                             void *context, struct error *);

/* The link for the keys of a sensor; lent.  NULL if there is none. */
struct redis_link *redis_fleet_link(struct redis_fleet *, const char *sensor,
                                    struct error *);

/* Something went wrong: all links are made anew when they are needed. */
void redis_fleet_disconnect(struct redis_fleet *);

#endif
