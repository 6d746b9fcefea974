/* Follows the events of all sensors, wherever their streams are.
 *
 * Of one server one stream_follow follows them all.  Of a Redis Cluster, where
 * no command may name streams of two sensors, each sensor has a stream_follow
 * of its own; then only the entries of one sensor come in order of time.  Which
 * of both it is, is found out at the first connection.
 *
 * Calls and promises are those of stream_follow.h.  One thread. */

#ifndef TOOLS_WATCH_STREAM_FLEET_H
#define TOOLS_WATCH_STREAM_FLEET_H

#include "tools/watch/stream_follow.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct stream_fleet; /* Opaque. */

/* NULL, if out of memory.  Does not connect yet. */
struct stream_fleet *stream_fleet_new(const struct stream_follow_options *,
                                      const struct stream_follow_handler *,
                                      struct error *);
void stream_fleet_free(struct stream_fleet *); /* Accepts NULL. */

bool stream_fleet_read(struct stream_fleet *, int wait_ms, struct error *);
size_t stream_fleet_n_left_out(const struct stream_fleet *);

#endif
