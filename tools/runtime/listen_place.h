/* Where to listen, for metrics: an address and a port. */

#ifndef TOOLS_RUNTIME_LISTEN_PLACE_H
#define TOOLS_RUNTIME_LISTEN_PLACE_H

#include "dissect/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    LISTEN_PLACE_MAX = 2 /* Sockets: of IPv4 and of IPv6. */
};

struct listen_place {
    char address[ADDR_TEXT_SIZE]; /* Numeric; "": 127.0.0.1 and ::1. */
    uint16_t port;                /* 0: nowhere. */
};

/* "9464", "127.0.0.1:9464" or "[::1]:9464". */
bool listen_place_parse(const char *text, struct listen_place *);

/* Whether only this machine gets there. */
bool listen_place_is_local(const struct listen_place *);

/* Opens the sockets, the caller's to close, and returns how many; 0 with
 * '*error' if the port is taken, or there is no such address.  A system without
 * IPv6 has no ::1, and that is no error. */
size_t listen_place_open(const struct listen_place *, int fds[LISTEN_PLACE_MAX],
                         struct error *);

#endif
