/* Reads a stream from one id to another, in pages.
 *
 * A page has so many entries that answers stay small; where entries are large,
 * fewer.  A connection that breaks is made again, a few times in a row.  What
 * is added behind the last id is not read, however fast it comes.  Memory: one
 * answer of the server's (redis_link.h).  Belongs to one thread. */

#ifndef TOOLS_RECONCILE_STREAM_PAGES_H
#define TOOLS_RECONCILE_STREAM_PAGES_H

#include "tools/redis/redis_id.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_place.h"
#include "tools/redis/redis_template.h"
#include "tools/redis/redis_uri.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    STREAM_PAGES_MAX_COUNT = 1000, /* Entries of a page. */
    STREAM_PAGES_ID_SIZE = 2 * 20 + 2
};

/* A server, and the connection to it while there is one; of a cluster, to the
 * node that has a key. */
struct stream_server {
    struct redis_uri uri;
    struct redis_place place;
    char key[REDIS_TEMPLATE_KEY_SIZE]; /* "" for any node. */
    struct redis_link *link;           /* NULL: none. */
    const atomic_int *stop; /* Once it is not 0, nothing more is asked. */
};

/* After 'uri' and 'stop' are set, which stay where they are. */
void stream_server_init(struct stream_server *);

/* The keys of what is asked from now on are where this one is. */
void stream_server_go_to(struct stream_server *, const char *key);

/* Asks, on a new connection if there is none, it broke or led to the wrong
 * node.  NULL, with '*error', if that fails as well, or the server answers with
 * an error. */
struct redis_reply *stream_server_ask(struct stream_server *,
                                      const char *const *words, struct error *);

/* For commands that are sent in other ways.  False if there is no server. */
bool stream_server_open(struct stream_server *, struct error *);
void stream_server_drop(struct stream_server *); /* The connection only. */
void stream_server_close(struct stream_server *);

struct stream_pages {
    char key[REDIS_TEMPLATE_KEY_SIZE];
    struct redis_id next, last; /* To be read: 'last' is the end. */
    bool is_done;
    unsigned count;
    struct redis_reply *page; /* Owned. */
    size_t at;
};

/* From 'first' to 'last', both included. */
void stream_pages_init(struct stream_pages *, const char *key,
                       struct redis_id first, struct redis_id last);
void stream_pages_done(struct stream_pages *);

/* The entry to read next, borrowed until stream_pages_pass(), and its id.
 * '*entry' is NULL at the end.  False if the server failed. */
bool stream_pages_peek(struct stream_pages *, struct stream_server *,
                       const struct redis_reply **entry, struct redis_id *,
                       struct error *);
void stream_pages_pass(struct stream_pages *, struct redis_id);

/* The id behind it. */
struct redis_id redis_id_above(struct redis_id);
const char *redis_id_format(struct redis_id, char text[STREAM_PAGES_ID_SIZE]);

#endif
