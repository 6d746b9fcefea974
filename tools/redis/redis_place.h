/* Which server of those that a URI means is the right one, and where it is now.
 *
 * One server is where its URI says.  The master that Sentinels watch is where
 * they say, and is asked whether it is one.  Of a Redis Cluster, the node that
 * has a key is found by asking any of them; all keys of a sensor are in one
 * slot, so on one node.  What was learnt is used for the next connection, and
 * forgotten when that fails:
 *
 *   link = redis_place_open(place, key, error)
 *   an error reply: if (redis_place_refused(place, text)), close and open again
 *                   after the usual pause, because the right server is another;
 *   ASK (a slot on its way to another node): the same commands once more, on
 *                   redis_place_follow(), which changes nothing for others.
 *
 *   now and then:   if (redis_place_is_stale(place)), the same: Sentinels say
 *                   that another server is the master by now, and the old one,
 *                   which may not know it yet, takes what it will forget.
 *
 * Behind a Unix socket there is one server: what it says of others is not
 * followed, because who made the socket may have done so to hide the way there.
 *
 * A place owns the link that redis_place_follow() lends, and one to a Sentinel
 * that tells of failovers.  An attempt to open begins no further connection
 * after REDIS_PLACE_TIMEOUT_S. One thread. */

#ifndef TOOLS_REDIS_REDIS_PLACE_H
#define TOOLS_REDIS_REDIS_PLACE_H

#include "tools/redis/redis_uri.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct redis_link;
struct redis_reply;

enum {
    REDIS_PLACE_TIMEOUT_S = 6,
    REDIS_PLACE_WATCH_S = 5,
    REDIS_PLACE_MAX_HOPS = 5,  /* From node to node, for one command. */
    REDIS_PLACE_MAX_NODES = 16 /* Of a cluster, that are kept in mind. */
};

/* Private to it. */
struct redis_place {
    const struct redis_uri *uri; /* Borrowed, to the end. */
    size_t first;                /* Of its addresses, the one to try first. */
    struct redis_address learnt; /* Host "": nothing. */
    struct redis_address here;   /* Of the latest link. */
    struct redis_address nodes[REDIS_PLACE_MAX_NODES]; /* To ask instead. */
    size_t n_nodes;
    struct redis_link *lent; /* By redis_place_follow(); NULL: none. */
    struct redis_address lent_at;
    struct redis_link *watch; /* To a Sentinel; NULL: none. */
    int64_t watch_ns;         /* Monotonic: to be tried again then. */
};

/* The password in 'uri' may change at any time between two calls. */
void redis_place_init(struct redis_place *, const struct redis_uri *uri);
void redis_place_done(struct redis_place *);

/* Connects, and finds the node that has 'key', unless that is NULL. */
struct redis_link *redis_place_open(struct redis_place *, const char *key,
                                    struct error *);

/* Where the latest link is connected to; once there was one. */
const struct redis_address *redis_place_here(const struct redis_place *);

/* Whether the latest link that was opened for a key is to a node of a cluster,
 * as far as it may be asked: CLUSTER SLOTS. */
bool redis_place_is_cluster(const struct redis_place *);

/* Whether the server refused a command because it is the wrong one: a replica,
 * or another node of a cluster.  The next redis_place_open() knows better. */
bool redis_place_refused(struct redis_place *, const char *error_text);

/* Whether there was a failover, as Sentinels tell, since the latest link was
 * opened; false without Sentinels.  Waits for no news: a call costs next to
 * nothing, but for one every REDIS_PLACE_WATCH_S while no Sentinel can be
 * asked. */
bool redis_place_is_stale(struct redis_place *);

/* Whether it is that a slot is on its way to another node ("ASK ..."). */
bool redis_place_is_ask(const char *error_text);

/* That, or that another node has the slot for good. */
bool redis_place_is_elsewhere(const char *error_text);

/* A link to that node, on which ASKING was said: for one command, or one
 * transaction, sent right now.  Lent until the next call of this or
 * redis_place_done(). */
struct redis_link *redis_place_follow(struct redis_place *,
                                      const char *error_text, struct error *);

/* As redis_link_ask(), and goes on asking where the key of the command is, if
 * that is another node.  For keys of any slot; NULL does not mean that 'link'
 * failed. */
struct redis_reply *redis_place_ask(const struct redis_place *,
                                    struct redis_link *,
                                    const char *const *words, struct error *);

#endif
