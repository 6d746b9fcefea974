/* Listening for who reads metrics; see listen_place.h. */

#include "tools/runtime/listen_place.h"

#include "capture/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 16,
    PORT_SIZE = 6,
    NAME_SIZE = ADDR_TEXT_SIZE + PORT_SIZE + 4
};

static bool parse_port(const char *text, uint16_t *port);
static int open_socket(const char *address, uint16_t port, struct error *);
static bool bind_to(int fd, const struct addr *, uint16_t port);

bool
listen_place_parse(const char *text, struct listen_place *listen)
{
    const char *colon = strrchr(text, ':');
    bool bracketed = text[0] == '[';
    const char *start = text + bracketed;
    struct addr addr;
    size_t length;

    *listen = (struct listen_place){0};
    if (!colon) {
        return parse_port(text, &listen->port);
    }
    length = (size_t)(colon - start);
    if (bracketed && (length == 0 || start[--length] != ']')) {
        return false;
    }
    if (length == 0 || length >= sizeof listen->address) {
        return false;
    }
    memcpy(listen->address, start, length);
    return addr_parse(listen->address, &addr) &&
           addr_is_ipv4(&addr) != bracketed &&
           parse_port(colon + 1, &listen->port);
}

bool
listen_place_is_local(const struct listen_place *listen)
{
    static const struct addr loopback = {{[15] = 1}};
    struct addr addr;

    return !listen->address[0] ||
           (addr_parse(listen->address, &addr) &&
            (addr_equal(&addr, &loopback) ||
             (addr_is_ipv4(&addr) && addr.byte[12] == 127)));
}

size_t
listen_place_open(const struct listen_place *listen, int fds[LISTEN_PLACE_MAX],
                  struct error *error)
{
    bool both = !listen->address[0];

    fds[0] =
        open_socket(both ? "127.0.0.1" : listen->address, listen->port, error);
    if (fds[0] < 0 || !both) {
        return fds[0] >= 0;
    }
    fds[1] = open_socket("::1", listen->port, error);
    if (fds[1] < 0 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
        close(fds[0]);
        return 0;
    }
    return fds[1] < 0 ? 1 : 2;
}

static bool
parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long number;

    if (text[0] < '1' || text[0] > '9' || strlen(text) >= PORT_SIZE) {
        return false;
    }
    number = strtoul(text, &end, 10);
    *port = (uint16_t)number;
    return !*end && number <= UINT16_MAX;
}

/* -1 and 'errno' too if that is not possible. */
static int
open_socket(const char *address, uint16_t port, struct error *error)
{
    char name[NAME_SIZE];
    struct addr addr;
    bool known = addr_parse(address, &addr);
    bool v4 = known && addr_is_ipv4(&addr);
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(v4 ? AF_INET : AF_INET6, type, 0);
    int reason;

    if (known && fd >= 0 && bind_to(fd, &addr, port) &&
        listen(fd, BACKLOG) == 0) {
        return fd;
    }
    reason = errno;
    snprintf(name, sizeof name, v4 ? "%s:%u" : "[%s]:%u", address,
             (unsigned)port);
    error_set_errno(error, name, "cannot listen there");
    if (fd >= 0) {
        close(fd);
    }
    errno = reason;
    return -1;
}

/* Also where connections of a run before are still being forgotten. */
static bool
bind_to(int fd, const struct addr *addr, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(port)};
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        return false;
    }
    if (addr_is_ipv4(addr)) {
        memcpy(&v4.sin_addr, addr->byte + PREFIX_IPV4_BITS / 8,
               sizeof v4.sin_addr);
        return bind(fd, (const struct sockaddr *)&v4, sizeof v4) == 0;
    }
    memcpy(&v6.sin6_addr, addr->byte, sizeof v6.sin6_addr);
    return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0 &&
           bind(fd, (const struct sockaddr *)&v6, sizeof v6) == 0;
}
