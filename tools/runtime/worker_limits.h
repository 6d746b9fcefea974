/* What workers hold themselves to and others may change while they work.
 *
 * Whoever runs the program sets it, any time; each worker looks at the end of
 * a round, which costs it a load while nothing has changed.  Outlives the
 * workers. */

#ifndef TOOLS_RUNTIME_WORKER_LIMITS_H
#define TOOLS_RUNTIME_WORKER_LIMITS_H

#include "flows/flow_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct worker_limits_values {
    struct flow_timeouts timeouts;
    uint64_t max_attempts; /* As in struct worker_options, of all workers. */
};

struct worker_limits {
    pthread_mutex_t lock;
    atomic_uint changes;                /* So often they were set. */
    struct worker_limits_values values; /* Under the lock. */
};

void worker_limits_init(struct worker_limits *);
void worker_limits_done(struct worker_limits *);

void worker_limits_set(struct worker_limits *,
                       const struct worker_limits_values *);

/* Whether they were set since '*changes', 0 at first, was looked at; then what
 * they are now. */
bool worker_limits_take(struct worker_limits *, unsigned *changes,
                        struct worker_limits_values *);

#endif
