/* A connected socket to a Redis server.
 *
 * Set up so that a server behind a cable that was cut, or a machine that has no
 * power any more, is noticed: what is sent has to be acknowledged within
 * REDIS_SOCKET_LOST_MS, and while nothing is sent, the kernel asks whether the
 * other side is still there.  Connecting takes REDIS_SOCKET_TIMEOUT_S at most
 * for each address that a name has, of the first REDIS_SOCKET_MAX_TRIES; then
 * sending and receiving block, for that long at most.  Looking up a name takes
 * no longer than redis_lookup.h says. */

#ifndef TOOLS_REDIS_REDIS_SOCKET_H
#define TOOLS_REDIS_REDIS_SOCKET_H

#include <stdbool.h>

struct error;
struct redis_address;

enum {
    REDIS_SOCKET_TIMEOUT_S = 2,
    REDIS_SOCKET_LOST_MS = 3000,
    REDIS_SOCKET_MAX_TRIES = 4
};

/* -1 if there is none; the error's 'where' is 'name'. */
int redis_socket_open(const struct redis_address *, bool is_unix,
                      const char *name, struct error *error);

#endif
