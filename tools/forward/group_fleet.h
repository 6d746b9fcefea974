/* Reads the events of all sensors as a member of a consumer group, wherever
 * their streams are.
 *
 * Of one server one group_reader reads them all.  Of a Redis Cluster, where no
 * command may name streams of two sensors, each sensor has a group_reader of
 * its own, and they take turns; a node that is away keeps only its sensors from
 * being read.  Which of both it is, is found out at the first connection.
 *
 * Calls and promises are those of group_reader.h.  One thread.  Memory: of a
 * cluster one group_reader a sensor, REDIS_FLEET_MAX_SENSORS at most. */

#ifndef TOOLS_FORWARD_GROUP_FLEET_H
#define TOOLS_FORWARD_GROUP_FLEET_H

#include "tools/forward/group_reader.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct group_fleet; /* Opaque. */

/* NULL, if out of memory.  Does not connect yet. */
struct group_fleet *group_fleet_new(const struct group_reader_options *,
                                    struct error *);
void group_fleet_free(struct group_fleet *); /* Accepts NULL. */

bool group_fleet_read(struct group_fleet *, bool wait,
                      const struct group_entry **, size_t *n, struct error *);
bool group_fleet_is_at_end(const struct group_fleet *); /* All of it. */
bool group_fleet_ack(struct group_fleet *, struct error *);
void group_fleet_get_counters(const struct group_fleet *,
                              struct group_counters *);

#endif
