/* A real redis-server of a test's own, on a Unix socket in a folder of its own.
 *
 * Nothing else on the machine is touched: no TCP port, no configuration file,
 * and only the process that was started is ever signalled. */

#ifndef TESTS_SUPPORT_REDIS_SERVER_H
#define TESTS_SUPPORT_REDIS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    REDIS_SERVER_MAX_ARGUMENTS = 16
};

struct redis_server {
    char folder[64]; /* Holds the socket and the append-only file. */
    char socket[96];
    char uri[112];
    pid_t pid;
};

/* Starts 'program' with further 'arguments' (NULL-terminated; may be NULL) and
 * waits until it listens.  False if it cannot be started. */
bool redis_server_start(struct redis_server *, const char *program,
                        const char *const *arguments);

/* Starts it again after redis_server_kill(), on the same folder. */
bool redis_server_restart(struct redis_server *, const char *program,
                          const char *const *arguments);

void redis_server_signal(struct redis_server *, int signal);
void redis_server_kill(struct redis_server *); /* SIGKILL, and waits. */

/* Kills it and removes its folder. */
void redis_server_stop(struct redis_server *);

#endif
