/* Where metrics are served: an address and a port to listen on. */

#ifndef TOOLS_RUNTIME_METRICS_LISTEN_H
#define TOOLS_RUNTIME_METRICS_LISTEN_H

#include "dissect/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    METRICS_LISTEN_MAX = 2 /* Sockets: of IPv4 and of IPv6. */
};

struct metrics_listen {
    char address[ADDR_TEXT_SIZE]; /* Numeric; "": 127.0.0.1 and ::1. */
    uint16_t port;                /* 0: nowhere. */
};

/* "9464", "127.0.0.1:9464" or "[::1]:9464". */
bool metrics_listen_parse(const char *text, struct metrics_listen *);

/* Whether only this machine gets there. */
bool metrics_listen_is_local(const struct metrics_listen *);

/* Opens the sockets, the caller's to close, and returns how many; 0 with
 * '*error' if the port is taken, or there is no such address.  A system without
 * IPv6 has no ::1, and that is no error. */
size_t metrics_listen_open(const struct metrics_listen *,
                           int fds[METRICS_LISTEN_MAX], struct error *);

#endif
