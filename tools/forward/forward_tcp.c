/* A TCP connection, made when it is needed.
 *
 * That send() took bytes says nothing of the other side.  They count as safe
 * when its kernel has acknowledged them: when none is left in our send queue
 * (SIOCOUTQ, tcp(7)) and the connection still stands.  What its program does
 * with them only a protocol with acknowledgements of its own could say, and
 * syslog has none. */

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/forward/forward_target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PORT_SIZE = 6,
    PLACE_SIZE = FORWARD_MAX_HOST + PORT_SIZE + 4,
    MAX_PORT = 65535,
    SLICE_MS = 100,      /* Between looks at the stop flag. */
    CONFIRM_SLICE_MS = 1 /* Between looks at the send queue. */
};

struct forward_tcp {
    struct forward_target target;
    int fd; /* -1: not connected. */
    char host[FORWARD_MAX_HOST];
    char port[PORT_SIZE];
    char place[PLACE_SIZE];
};

static bool write_bytes(struct forward_target *, const char *bytes, size_t size,
                        struct error *);
static bool reopen_connection(struct forward_target *, struct error *);
static void free_tcp(struct forward_target *);
static bool parse_place(struct forward_tcp *, const char *place);
static bool is_port(const char *text);
static bool connect_to_any(struct forward_tcp *, struct error *);
static bool connect_one(struct forward_tcp *, const struct addrinfo *);
static bool finish_connect(struct forward_tcp *, int result);
static void set_options(int fd);
static bool send_all(struct forward_tcp *, const char *bytes, size_t size);
static bool confirm(struct forward_tcp *);
static bool is_closed(int fd);
static bool wait_for(const struct forward_tcp *, short events);
static void hang_up(struct forward_tcp *);

static const struct forward_target_class class = {write_bytes,
                                                  reopen_connection, free_tcp};

struct forward_target *
forward_tcp_new(const char *place, struct error *error)
{
    struct forward_tcp *tcp = calloc(1, sizeof *tcp);

    if (!tcp) {
        error_set(error, ERROR_MEMORY, place, "no memory for it");
        return NULL;
    }
    tcp->target.class = &class;
    tcp->fd = -1;
    snprintf(tcp->place, sizeof tcp->place, "%s", place);
    if (!parse_place(tcp, place)) {
        error_set(error, ERROR_VALUE, place, "is not HOST:PORT");
        free(tcp);
        return NULL;
    }
    return &tcp->target;
}

static bool
write_bytes(struct forward_target *target, const char *bytes, size_t size,
            struct error *error)
{
    struct forward_tcp *tcp = (struct forward_tcp *)target;

    if (tcp->fd >= 0 && is_closed(tcp->fd)) {
        hang_up(tcp);
    }
    if (tcp->fd < 0 && !connect_to_any(tcp, error)) {
        return false;
    }
    if (!send_all(tcp, bytes, size) || !confirm(tcp)) {
        error_set_errno(error, tcp->place, "does not take events");
        hang_up(tcp);
        return false;
    }
    return true;
}

/* There is nothing to open again. */
static bool
reopen_connection(struct forward_target *target, struct error *error)
{
    (void)target;
    (void)error;
    return true;
}

static void
free_tcp(struct forward_target *target)
{
    struct forward_tcp *tcp = (struct forward_tcp *)target;

    hang_up(tcp);
    free(tcp);
}

static bool
parse_place(struct forward_tcp *tcp, const char *place)
{
    const char *colon = strrchr(place, ':'), *host = place;
    size_t size = colon ? (size_t)(colon - place) : 0;

    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    } else if (size && memchr(host, ':', size)) {
        return false; /* An IPv6 address wants brackets. */
    }
    if (size == 0 || size >= sizeof tcp->host || !is_port(colon + 1)) {
        return false;
    }
    memcpy(tcp->host, host, size);
    snprintf(tcp->port, sizeof tcp->port, "%s", colon + 1);
    return true;
}

static bool
is_port(const char *text)
{
    char *end;
    unsigned long port;

    if (text[0] < '0' || text[0] > '9' || strlen(text) >= PORT_SIZE) {
        return false;
    }
    port = strtoul(text, &end, 10);
    return *end == '\0' && port > 0 && port <= MAX_PORT;
}

static bool
connect_to_any(struct forward_tcp *tcp, struct error *error)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM},
                    *list;
    int status = getaddrinfo(tcp->host, tcp->port, &hints, &list);

    if (status != 0) {
        return error_set(error, ERROR_SYSTEM, tcp->place, "%s",
                         gai_strerror(status));
    }
    for (const struct addrinfo *one = list; one && tcp->fd < 0;
         one = one->ai_next) {
        connect_one(tcp, one);
    }
    if (tcp->fd < 0) {
        error_set_errno(error, tcp->place, "cannot be connected to");
    }
    freeaddrinfo(list);
    return tcp->fd >= 0;
}

static bool
connect_one(struct forward_tcp *tcp, const struct addrinfo *one)
{
    int reason;

    tcp->fd =
        socket(one->ai_family, one->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
               one->ai_protocol);
    if (tcp->fd < 0) {
        return false;
    }
    set_options(tcp->fd);
    if (finish_connect(tcp, connect(tcp->fd, one->ai_addr, one->ai_addrlen))) {
        return true;
    }
    reason = errno;
    hang_up(tcp);
    errno = reason;
    return false;
}

static bool
finish_connect(struct forward_tcp *tcp, int result)
{
    int reason = 0;
    socklen_t size = sizeof reason;

    if (result == 0) {
        return true;
    }
    if (errno != EINPROGRESS || !wait_for(tcp, POLLOUT)) {
        return false;
    }
    getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &reason, &size);
    errno = reason;
    return reason == 0;
}

/* A cut cable is noticed, also while nothing is sent. */
static void
set_options(int fd)
{
    int on = 1;
    unsigned patience_ms = FORWARD_PATIENCE_MS;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms,
               sizeof patience_ms);
}

static bool
send_all(struct forward_tcp *tcp, const char *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t n = send(tcp->fd, bytes + sent, size - sent, MSG_NOSIGNAL);

        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno != EINTR &&
                   (errno != EAGAIN || !wait_for(tcp, POLLOUT))) {
            return false;
        }
    }
    return true;
}

static bool
confirm(struct forward_tcp *tcp)
{
    int64_t end = system_clock_mono().ns + FORWARD_PATIENCE_MS * MILLISECOND_NS;
    int unacknowledged = 0;

    for (;;) {
        if (ioctl(tcp->fd, SIOCOUTQ, &unacknowledged) != 0) {
            return false;
        }
        if (is_closed(tcp->fd)) { /* A reset empties the queue, too. */
            errno = ECONNRESET;
            return false;
        }
        if (unacknowledged == 0) {
            return true;
        }
        if (system_clock_mono().ns >= end) {
            errno = ETIMEDOUT;
            return false;
        }
        poll(NULL, 0, CONFIRM_SLICE_MS);
    }
}

/* Whoever reads events says nothing: anything to read but data is the end. */
static bool
is_closed(int fd)
{
    char said[256];
    ssize_t n;

    do {
        n = recv(fd, said, sizeof said, MSG_DONTWAIT);
    } while (n > 0);
    return n == 0 || (errno != EAGAIN && errno != EINTR);
}

static bool
wait_for(const struct forward_tcp *tcp, short events)
{
    struct pollfd poll_fd = {.fd = tcp->fd, .events = events};

    for (int waited = 0; waited < FORWARD_PATIENCE_MS; waited += SLICE_MS) {
        if (poll(&poll_fd, 1, SLICE_MS) > 0) {
            return true;
        }
        if (tcp->target.stop && *tcp->target.stop) {
            break;
        }
    }
    errno = ETIMEDOUT;
    return false;
}

static void
hang_up(struct forward_tcp *tcp)
{
    if (tcp->fd >= 0) {
        close(tcp->fd);
        tcp->fd = -1;
    }
}
