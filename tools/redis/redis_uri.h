/* Where a Redis server is, as one text:
 *
 *   redis://[[user]:password@]host[:port][/database]
 *   unix://[[user]:password@]/path/of/socket[?db=database]
 *
 * User and password may be percent-encoded (RFC 3986 section 2.1); an IPv6
 * address stands in brackets. */

#ifndef TOOLS_REDIS_REDIS_URI_H
#define TOOLS_REDIS_REDIS_URI_H

#include <stdbool.h>
#include <stdint.h>

struct error;

enum {
    REDIS_URI_MAX_HOST = 256, /* Of a name; a socket path has 108 at most. */
    REDIS_URI_MAX_SECRET = 256,
    REDIS_URI_NAME_SIZE = 120,
    REDIS_DEFAULT_PORT = 6379
};

struct redis_uri {
    bool is_unix;
    char host[REDIS_URI_MAX_HOST]; /* Or the path of the socket. */
    uint16_t port;
    uint32_t database;
    char user[REDIS_URI_MAX_SECRET];     /* "" for the default user. */
    char password[REDIS_URI_MAX_SECRET]; /* "" for none. */
    char name[REDIS_URI_NAME_SIZE];      /* For people: no secrets in it. */
};

/* Whether it is meant as one: where events go may also be a file. */
bool redis_uri_is_one(const char *text);

bool redis_uri_parse(const char *text, struct redis_uri *, struct error *);

#endif
