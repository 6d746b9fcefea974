/* See redis_lookup.h. */

#include "tools/redis/redis_lookup.h"

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_uri.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    PORT_SIZE = 6
};

/* Of one name: it belongs to the list, and is freed by who takes what was
 * found, or who needs its place. */
struct lookup {
    struct redis_address address;
    int64_t began_ns; /* Monotonic. */
    bool is_waited_for, is_over;
    pthread_cond_t ended; /* By the monotonic clock. */
    int problem;          /* Of getaddrinfo(). */
    struct addrinfo *found;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* Guards these. */
static struct lookup *lookups[REDIS_LOOKUP_MAX];

static struct lookup **place_for(const struct redis_address *);
static struct lookup *start(const struct redis_address *);
static bool run_detached(struct lookup *);
static void forget(struct lookup **);
static void *run(void *context);
static void wait_for(struct lookup *);
static int ask(const struct redis_address *, int flags, struct addrinfo **);

struct addrinfo *
redis_lookup(const struct redis_address *address, const char *name,
             struct error *error)
{
    struct addrinfo *found = NULL;
    int problem = ask(address, AI_NUMERICHOST, &found);
    struct lookup **place;

    if (!problem) {
        return found;
    }
    pthread_mutex_lock(&mutex);
    place = place_for(address);
    if (place && !*place) {
        *place = start(address);
    }
    if (!place || !*place) {
        error_set(error, ERROR_LIMIT, name, "too many names are looked up");
    } else {
        wait_for(*place);
        problem = (*place)->problem;
        if (!(*place)->is_over) {
            error_set(error, ERROR_SYSTEM, name,
                      "no answer in time to where that is");
        } else if (problem) {
            error_set(error, ERROR_SYSTEM, name, "%s", gai_strerror(problem));
        }
        if ((*place)->is_over) {
            found = (*place)->found;
            forget(place);
        }
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

/* That of one for the same name which nobody else waits for, or a free one;
 * NULL if there is none. */
static struct lookup **
place_for(const struct redis_address *address)
{
    int64_t fresh_ns =
        system_clock_mono().ns - REDIS_LOOKUP_FRESH_S * SECOND_NS;
    struct lookup **free_place = NULL, **over = NULL;

    for (size_t i = 0; i < REDIS_LOOKUP_MAX; i++) {
        struct lookup *lookup = lookups[i];

        if (!lookup) {
            free_place = &lookups[i];
        } else if (!lookup->is_waited_for && lookup->began_ns > fresh_ns &&
                   redis_address_same(&lookup->address, address)) {
            return &lookups[i];
        } else if (!lookup->is_waited_for && lookup->is_over) {
            over = &lookups[i];
        }
    }
    if (!free_place && over) {
        if ((*over)->found) {
            freeaddrinfo((*over)->found);
        }
        forget(over);
    }
    return free_place ? free_place : over;
}

/* NULL without memory or threads. */
static struct lookup *
start(const struct redis_address *address)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    pthread_condattr_t attributes;

    if (lookup) {
        lookup->address = *address;
        lookup->began_ns = system_clock_mono().ns;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&lookup->ended, &attributes);
        pthread_condattr_destroy(&attributes);
        if (!run_detached(lookup)) {
            forget(&lookup);
        }
    }
    return lookup;
}

/* Signals are for other threads. */
static bool
run_detached(struct lookup *lookup)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    bool started;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(&thread, &attributes, run, lookup) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static void
forget(struct lookup **place)
{
    pthread_cond_destroy(&(*place)->ended);
    free(*place);
    *place = NULL;
}

/* It is not freed before it is over, and its address is never changed. */
static void *
run(void *context)
{
    struct lookup *lookup = context;
    struct addrinfo *found = NULL;
    int problem = ask(&lookup->address, 0, &found);

    pthread_mutex_lock(&mutex);
    lookup->found = found;
    lookup->problem = problem;
    lookup->is_over = true;
    pthread_cond_signal(&lookup->ended);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* The mutex is held. */
static void
wait_for(struct lookup *lookup)
{
    int64_t until_ns =
        system_clock_mono().ns + REDIS_LOOKUP_TIMEOUT_S * SECOND_NS;
    struct timespec until = {.tv_sec = until_ns / SECOND_NS,
                             .tv_nsec = until_ns % SECOND_NS};

    lookup->is_waited_for = true;
    while (!lookup->is_over &&
           pthread_cond_timedwait(&lookup->ended, &mutex, &until) == 0) {
    }
    lookup->is_waited_for = false;
}

static int
ask(const struct redis_address *address, int flags, struct addrinfo **found)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | flags};
    char port[PORT_SIZE];

    snprintf(port, sizeof port, "%u", address->port);
    *found = NULL;
    return getaddrinfo(address->host, port, &hints, found);
}
