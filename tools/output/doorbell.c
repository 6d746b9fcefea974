/* A condition variable with a memory and a time limit; see doorbell.h. */

#include "tools/output/doorbell.h"

#include "capture/clock.h"

#include <time.h>

void
doorbell_init(struct doorbell *bell)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&bell->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&bell->mutex, NULL);
    bell->rung = false;
    atomic_init(&bell->waiting, false);
}

void
doorbell_done(struct doorbell *bell)
{
    pthread_cond_destroy(&bell->changed);
    pthread_mutex_destroy(&bell->mutex);
}

void
doorbell_ring(struct doorbell *bell)
{
    pthread_mutex_lock(&bell->mutex);
    bell->rung = true;
    pthread_cond_signal(&bell->changed);
    pthread_mutex_unlock(&bell->mutex);
}

void
doorbell_hint(struct doorbell *bell)
{
    if (atomic_load_explicit(&bell->waiting, memory_order_relaxed)) {
        /* Once is enough, however long it takes to wake up. */
        atomic_store_explicit(&bell->waiting, false, memory_order_relaxed);
        doorbell_ring(bell);
    }
}

void
doorbell_wait(struct doorbell *bell, int64_t timeout_ns)
{
    struct timespec until;
    int failed = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ns / SECOND_NS;
    until.tv_nsec += timeout_ns % SECOND_NS;
    if (until.tv_nsec >= SECOND_NS) {
        until.tv_sec++;
        until.tv_nsec -= SECOND_NS;
    }
    pthread_mutex_lock(&bell->mutex);
    atomic_store_explicit(&bell->waiting, true, memory_order_relaxed);
    while (!bell->rung && !failed) {
        failed = pthread_cond_timedwait(&bell->changed, &bell->mutex, &until);
    }
    atomic_store_explicit(&bell->waiting, false, memory_order_relaxed);
    bell->rung = false;
    pthread_mutex_unlock(&bell->mutex);
}
