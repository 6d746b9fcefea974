/* Datagrams to the service manager; see notify.h.
 *
 * By ourselves rather than by libsystemd: the protocol is small and promised to
 * stay, and the library brings a dozen others into a program that reads what
 * strangers send. */

#include "tools/process/notify.h"

#include "capture/error.h"
#include "tools/process/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    /* Escaping what cannot be shown makes 4 bytes of one. */
    MESSAGE_SIZE = 4 * NOTIFY_MAX_STATUS + 64
};

static bool set_address(struct notify *, const char *name, struct error *);
static bool set_watchdog(struct notify *, const struct notify_environment *,
                         struct error *);
static bool parse_number(const char *text, int64_t max, int64_t *number);
static bool open_socket(struct notify *, struct error *);
static void send_message(struct notify *, const char *message);

bool
notify_open(struct notify *notify, const struct notify_environment *environment,
            struct error *error)
{
    *notify = (struct notify){.fd = -1};
    if (!environment->socket || !environment->socket[0]) {
        return true;
    }
    if (set_address(notify, environment->socket, error) &&
        set_watchdog(notify, environment, error) &&
        open_socket(notify, error)) {
        return true;
    }
    *notify = (struct notify){.fd = -1};
    return false;
}

void
notify_close(struct notify *notify)
{
    if (notify->fd >= 0) {
        close(notify->fd);
    }
    *notify = (struct notify){.fd = -1};
}

void
notify_ready(struct notify *notify)
{
    send_message(notify, "READY=1");
}

/* With the time, a manager can tell which READY=1 is the answer. */
void
notify_reloading(struct notify *notify, struct mono_time now)
{
    char message[MESSAGE_SIZE];

    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             now.ns / MICROSECOND_NS);
    send_message(notify, message);
}

void
notify_stopping(struct notify *notify)
{
    send_message(notify, "STOPPING=1");
}

void
notify_status(struct notify *notify, const char *text)
{
    char message[MESSAGE_SIZE] = "STATUS=";
    char cut[NOTIFY_MAX_STATUS + 1];
    size_t used = strlen(message);

    snprintf(cut, sizeof cut, "%s", text);
    log_escape(cut, message + used, sizeof message - used);
    send_message(notify, message);
}

void
notify_alive(struct notify *notify)
{
    send_message(notify, "WATCHDOG=1");
}

static bool
set_address(struct notify *notify, const char *name, struct error *error)
{
    struct sockaddr_un *address = &notify->address;
    size_t length = strlen(name);

    if (name[0] != '/' && name[0] != '@') {
        return error_set(error, ERROR_UNSUPPORTED, "NOTIFY_SOCKET",
                         "'%.80s' is neither a path nor an abstract socket",
                         name);
    }
    if (length < 2 || length >= sizeof address->sun_path) {
        return error_set(error, ERROR_LIMIT, "NOTIFY_SOCKET",
                         "the name of a socket has 2 to %zu bytes",
                         sizeof address->sun_path - 1);
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    if (name[0] == '@') {
        address->sun_path[0] = '\0';
    }
    notify->address_size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

/* A child of the one that is meant inherits its environment. */
static bool
set_watchdog(struct notify *notify,
             const struct notify_environment *environment, struct error *error)
{
    const char *who = environment->watchdog_pid;
    int64_t interval_us, pid = getpid();

    if (!environment->watchdog_usec) {
        return true;
    }
    if (!parse_number(environment->watchdog_usec, INT64_MAX / MICROSECOND_NS,
                      &interval_us)) {
        return error_set(error, ERROR_VALUE, "WATCHDOG_USEC",
                         "'%.80s' is no time", environment->watchdog_usec);
    }
    if (who && !parse_number(who, INT32_MAX, &pid)) {
        return error_set(error, ERROR_VALUE, "WATCHDOG_PID",
                         "'%.80s' is no process", who);
    }
    if (pid == getpid()) {
        notify->watchdog_ns = interval_us * MICROSECOND_NS;
    }
    return true;
}

/* From 1 to 'max'. */
static bool
parse_number(const char *text, int64_t max, int64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 10);
    return !errno && text[0] >= '0' && text[0] <= '9' && !*end && *number > 0 &&
           *number <= max;
}

static bool
open_socket(struct notify *notify, struct error *error)
{
    const struct timeval patience = {.tv_usec = NOTIFY_PATIENCE_MS *
                                                (suseconds_t)1000};

    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0) {
        return error_set_errno(error, "NOTIFY_SOCKET", "cannot make a socket");
    }
    setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return true;
}

/* Not connected, so that a manager may begin anew. */
static void
send_message(struct notify *notify, const char *message)
{
    ssize_t n;

    if (notify->fd < 0) {
        return;
    }
    do {
        n = sendto(notify->fd, message, strlen(message), MSG_NOSIGNAL,
                   (const struct sockaddr *)&notify->address,
                   notify->address_size);
    } while (n < 0 && errno == EINTR);
    notify->n_lost += n < 0;
}
