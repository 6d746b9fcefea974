/* TLS on a connected socket to a Redis server, with OpenSSL.
 *
 * At least TLS 1.2.  The server's certificate has to be signed by whom we trust
 * and be valid now, and be of the name we connected to: there is no way to do
 * without.  Files are read at each connection, so a certificate that was
 * renewed is used without a restart.
 *
 * The socket stays its owner's, blocking and with time-outs; no call takes
 * longer than those and 'until', whatever the other side sends or does not
 * send.  Memory: what OpenSSL takes for one connection, some 100 KiB.  Where
 * OpenSSL was not there at build time, opening fails and says what to do.  One
 * thread. */

#ifndef TOOLS_REDIS_REDIS_TLS_H
#define TOOLS_REDIS_REDIS_TLS_H

#include "capture/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct redis_tls; /* Opaque. */
struct redis_uri;

/* Whether 'uri' asks for something that this build, or these files, cannot do:
 * at the start rather than at the first connection. */
bool redis_tls_check(const struct redis_uri *, struct error *);

/* Shakes hands with 'host' over 'fd'; errors are about 'name'. */
struct redis_tls *redis_tls_open(int fd, const struct redis_uri *,
                                 const char *host, const char *name,
                                 struct mono_time until, struct error *);
void redis_tls_close(struct redis_tls *); /* Accepts NULL. */

/* As send() and recv(): -1 and errno, where EAGAIN is that it took too long.
 * EPROTO: what came is no TLS. */
ssize_t redis_tls_send(struct redis_tls *, const char *bytes, size_t size,
                       struct mono_time until);
ssize_t redis_tls_receive(struct redis_tls *, char *bytes, size_t size,
                          struct mono_time until);

/* "OpenSSL 3.0.17 1 Jul 2025", or that there is none. */
const char *redis_tls_library_version(void);

/* Whether there are bytes that came and were not received. */
bool redis_tls_has_more(const struct redis_tls *);

#endif
