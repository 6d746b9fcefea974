/* Where a Redis server is, as one text:
 *
 *   redis://[[user]:password@]host[:port][,...][/database]
 *   rediss://...                                          the same, with TLS
 *   redis+sentinel://[[user]:password@]host[:port][,...]/master[/database]
 *   rediss+sentinel://...                                 the same, with TLS
 *   unix://[[user]:password@]/path/of/socket[?db=database]
 *
 * Of several hosts, REDIS_URI_MAX_ADDRESSES at most, the first that can be used
 * is: so some nodes of a cluster are named, and the rest is asked of them.
 * Those of "+sentinel" are Sentinels, which know where 'master' is now; user
 * and password are the master's.  User, password and values may be
 * percent-encoded (RFC 3986 section 2.1), and an '@' in a value has to be; an
 * IPv6 address stands in brackets.
 *
 * Behind a '?', with '&' between, may come, for TLS:
 *
 *   ca=FILE          whom to trust, in PEM, or a folder of such files that
 *                    openssl-rehash(1) has named; default: whom the system does
 *   cert=FILE        our certificate, and the chain behind it, and
 *   key=FILE         its key, where the server wants to know who we are
 *   sni=NAME         of the certificate; default: the host, as it is named here
 *
 * and for Sentinels that want to know who asks:
 *
 *   sentinel_user=NAME             default: the default user
 *   sentinel_password_file=FILE    its first line; not for everybody to read
 *
 * The certificate and the name of the server are verified, always. */

#ifndef TOOLS_REDIS_REDIS_URI_H
#define TOOLS_REDIS_REDIS_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    REDIS_URI_MAX_HOST = 256, /* Of a name; a socket path has 108 at most. */
    REDIS_URI_MAX_SECRET = 256,
    REDIS_URI_MAX_FILE = 256,
    REDIS_URI_MAX_MASTER = 64,
    REDIS_URI_MAX_ADDRESSES = 8,
    REDIS_URI_NAME_SIZE = 120,
    REDIS_DEFAULT_PORT = 6379,
    REDIS_SENTINEL_PORT = 26379
};

struct redis_address {
    char host[REDIS_URI_MAX_HOST]; /* Or the path of the socket. */
    uint16_t port;
};

struct redis_uri {
    bool is_unix, is_tls;
    struct redis_address addresses[REDIS_URI_MAX_ADDRESSES];
    size_t n_addresses;                /* At least one. */
    char master[REDIS_URI_MAX_MASTER]; /* "": the addresses are no Sentinels. */
    uint32_t database;
    char user[REDIS_URI_MAX_SECRET];     /* "" for the default user. */
    char password[REDIS_URI_MAX_SECRET]; /* "" for none. */
    char ca[REDIS_URI_MAX_FILE];         /* "", these too: not given. */
    char cert[REDIS_URI_MAX_FILE];
    char key[REDIS_URI_MAX_FILE];
    char sni[REDIS_URI_MAX_HOST];
    char sentinel_user[REDIS_URI_MAX_SECRET];
    char sentinel_password_file[REDIS_URI_MAX_FILE];
    char name[REDIS_URI_NAME_SIZE]; /* For people: no secrets in it. */
};

/* Whether it is meant as one: where events go may also be a file. */
bool redis_uri_is_one(const char *text);

bool redis_uri_parse(const char *text, struct redis_uri *, struct error *);

/* Whether both mean a database of one server, as far as can be told without
 * asking anybody. */
bool redis_uri_same(const struct redis_uri *, const struct redis_uri *);

bool redis_address_same(const struct redis_address *,
                        const struct redis_address *);

/* "redis at host:port", for people, of one of its addresses or another one. */
void redis_uri_name(const struct redis_uri *, const struct redis_address *,
                    char name[REDIS_URI_NAME_SIZE]);

#endif
