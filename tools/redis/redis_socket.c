/* See redis_socket.h. */

#include "tools/redis/redis_socket.h"

#include "capture/error.h"
#include "tools/redis/redis_lookup.h"
#include "tools/redis/redis_uri.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    IDLE_S = 5, /* Then the other side is asked, */
    ASK_S = 1   /* so often. */
};

static int open_unix(const char *path, const char *name, struct error *);
static int open_tcp(const struct redis_address *, const char *name,
                    struct error *);
static int connect_one(int family, const struct sockaddr *, socklen_t size);
static bool set_up(int fd, int family);
static bool set(int fd, int level, int option, int value);
static bool connect_in_time(int fd, const struct sockaddr *, socklen_t size);
static bool wait_until_connected(int fd);

int
redis_socket_open(const struct redis_address *address, bool is_unix,
                  const char *name, struct error *error)
{
    return is_unix ? open_unix(address->host, name, error)
                   : open_tcp(address, name, error);
}

static int
open_unix(const char *path, const char *name, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    int fd;

    if (size >= sizeof address.sun_path) {
        error_set(error, ERROR_VALUE, name, "a socket's path is not so long");
        return -1;
    }
    memcpy(address.sun_path, path, size + 1);
    fd = connect_one(AF_UNIX, (const void *)&address, sizeof address);
    if (fd < 0) {
        error_set_errno(error, name, "cannot connect");
    }
    return fd;
}

static int
open_tcp(const struct redis_address *address, const char *name,
         struct error *error)
{
    struct addrinfo *found = redis_lookup(address, name, error);
    int fd = -1, n_tries = 0;

    if (!found) {
        return -1;
    }
    errno = EADDRNOTAVAIL;
    for (const struct addrinfo *one = found;
         one && fd < 0 && n_tries < REDIS_SOCKET_MAX_TRIES;
         one = one->ai_next, n_tries++) {
        fd = connect_one(one->ai_family, one->ai_addr, one->ai_addrlen);
    }
    if (fd < 0) {
        error_set_errno(error, name, "cannot connect");
    }
    freeaddrinfo(found);
    return fd;
}

/* -1, and why in errno. */
static int
connect_one(int family, const struct sockaddr *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int problem;

    if (fd >= 0 && set_up(fd, family) && connect_in_time(fd, address, size)) {
        return fd;
    }
    problem = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = problem;
    return -1;
}

static bool
set_up(int fd, int family)
{
    const struct timeval timeout = {.tv_sec = REDIS_SOCKET_TIMEOUT_S};

    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout)) {
        return false;
    }
    return family == AF_UNIX ||
           (set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
            set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
            set(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S) &&
            set(fd, IPPROTO_TCP, TCP_KEEPINTVL, ASK_S) &&
            set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, REDIS_SOCKET_LOST_MS));
}

static bool
set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* The timeout for sending is one for connecting, too; when it is over, TCP says
 * that connecting goes on. */
static bool
connect_in_time(int fd, const struct sockaddr *address, socklen_t size)
{
    if (connect(fd, address, size) == 0 ||
        (errno == EINTR && wait_until_connected(fd))) {
        return true;
    }
    if (errno == EINPROGRESS || errno == EINTR) {
        errno = ETIMEDOUT;
    }
    return false;
}

/* A signal does not end connecting, only the wait for it. */
static bool
wait_until_connected(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLOUT};
    int problem = 0;
    socklen_t size = sizeof problem;

    if (poll(&wanted, 1, REDIS_SOCKET_TIMEOUT_S * 1000) <= 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size)) {
        return false;
    }
    errno = problem;
    return problem == 0;
}
