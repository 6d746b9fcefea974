/* Fills what 'segmon top' shows from Redis.  One thread.
 *
 * Of each sensor it reads the fields it knows and as many pairs as there is
 * room for, however large the hashes are, and the violations as they come, from
 * the latest TOP_POLL_VIOLATIONS on. */

#ifndef TOOLS_WATCH_TOP_POLL_H
#define TOOLS_WATCH_TOP_POLL_H

#include "tools/redis/redis_uri.h"
#include "tools/watch/top_model.h"

struct error;
struct top_poll; /* Opaque. */

enum {
    TOP_POLL_VIOLATIONS = 200 /* Of each sensor, at the start. */
};

struct top_poll_options {
    struct redis_uri server;
    const char *const *sensors; /* NULL-terminated, borrowed; NULL: all. */
};

/* NULL, if out of memory.  Does not connect yet. */
struct top_poll *top_poll_new(const struct top_poll_options *,
                              struct top_model *, struct error *);
void top_poll_free(struct top_poll *); /* Accepts NULL. */

/* Brings the model up to date.  False, and told in the model, too, if the
 * server does not answer: the next call connects anew. */
bool top_poll_update(struct top_poll *, struct wall_time now, struct error *);

#endif
