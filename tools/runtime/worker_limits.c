/* See worker_limits.h. */

#include "tools/runtime/worker_limits.h"

void
worker_limits_init(struct worker_limits *limits)
{
    pthread_mutex_init(&limits->lock, NULL);
    atomic_init(&limits->changes, 0);
}

void
worker_limits_done(struct worker_limits *limits)
{
    pthread_mutex_destroy(&limits->lock);
}

void
worker_limits_set(struct worker_limits *limits,
                  const struct worker_limits_values *values)
{
    pthread_mutex_lock(&limits->lock);
    limits->values = *values;
    atomic_fetch_add(&limits->changes, 1);
    pthread_mutex_unlock(&limits->lock);
}

bool
worker_limits_take(struct worker_limits *limits, unsigned *changes,
                   struct worker_limits_values *values)
{
    if (atomic_load_explicit(&limits->changes, memory_order_relaxed) ==
        *changes) {
        return false;
    }
    pthread_mutex_lock(&limits->lock);
    *changes = atomic_load(&limits->changes);
    *values = limits->values;
    pthread_mutex_unlock(&limits->lock);
    return true;
}
