/* What a service tells its manager: the protocol of sd_notify(3), datagrams of
 * lines NAME=VALUE to the UNIX socket that $NOTIFY_SOCKET names.
 *
 * Without a manager that asks, every call does nothing.  Belongs to one thread,
 * which waits NOTIFY_PATIENCE_MS at most for a manager that is slow; a message
 * that cannot be sent is counted, and lost. */

#ifndef TOOLS_PROCESS_NOTIFY_H
#define TOOLS_PROCESS_NOTIFY_H

#include "capture/clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct error;

enum {
    NOTIFY_PATIENCE_MS = 500,
    NOTIFY_MAX_STATUS = 600 /* Bytes; the rest is cut off. */
};

/* Environment variables by which the manager asks; NULL where unset. */
struct notify_environment {
    const char *socket;        /* NOTIFY_SOCKET: a path, or '@' and a name. */
    const char *watchdog_usec; /* WATCHDOG_USEC: kill us without a sign of */
    const char *watchdog_pid;  /* life; WATCHDOG_PID: who is meant. */
};

struct notify {
    int fd; /* -1: nobody asked. */
    struct sockaddr_un address;
    socklen_t address_size;
    int64_t watchdog_ns; /* Signs of life come within; 0: nobody waits. */
    uint64_t n_lost;
};

/* False with '*error' if what the manager asks makes no sense; nothing is sent
 * then, as if it had not asked. */
bool notify_open(struct notify *, const struct notify_environment *,
                 struct error *);
void notify_close(struct notify *);

/* It works, from the start or after reloading. */
void notify_ready(struct notify *);
void notify_reloading(struct notify *, struct mono_time now);
void notify_stopping(struct notify *);

/* A line for people. */
void notify_status(struct notify *, const char *text);

void notify_alive(struct notify *);

#endif
