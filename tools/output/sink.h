/* What events are written to.
 *
 * A sink belongs to the output thread; only its counters and its error are read
 * by others.  It never fails a caller: it counts each event it was given as
 * acked, dropped or left in its spool, sooner or later, remembers the first
 * error, and waits no longer than its patience without progress, and not beyond
 * the deadline: sink_file has patience only once it is told to stop, because
 * whoever reads a pipe may take all the time in the world. */

#ifndef TOOLS_OUTPUT_SINK_H
#define TOOLS_OUTPUT_SINK_H

#include "capture/counter.h"
#include "tools/event/event.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output_redis;
struct output_spool;
struct redis_state;
struct sink;

/* One whole event.  Borrowed for the call. */
struct sink_event {
    enum event_kind kind;
    struct wall_time emitted;
    const char *line; /* 'size' bytes, and a newline behind them. */
    size_t size;
};

struct sink_class {
    void (*put)(struct sink *, const struct sink_event *);
    /* Nothing else is waiting: get everything on its way. */
    void (*flush)(struct sink *);
    /* Until everything is acknowledged, or given up; NULL: flush does it. */
    void (*settle)(struct sink *);
    /* What live views show; see redis_state.h.  NULL: not for this sink. */
    void (*put_state)(struct sink *, const struct redis_state *);
    /* Any thread: adds to what sink_status() has; NULL: there is no more. */
    void (*get_status)(struct sink *, struct event_output *);
    /* After flush: frees the sink. */
    void (*close)(struct sink *);
    /* After flush: opens its file again; NULL if it has none. */
    void (*reopen)(struct sink *);
};

/* First member of every sink. */
struct sink {
    const struct sink_class *class;
    unsigned kinds; /* Mask of those it is given. */
    char name[EVENT_OUTPUT_NAME_SIZE];
    struct counter acked[EVENT_N_KINDS], dropped[EVENT_N_KINDS];
    struct counter waits;  /* For somebody else; each is short. */
    atomic_bool up;        /* While it works. */
    pthread_mutex_t mutex; /* Guards 'error'. */
    struct error error;    /* The first. */
};

struct sink_options {
    const struct event_source *source;
    int64_t patience_ns;
    const char *redis_password;
    const char *password_file; /* See struct output_target, */
    const struct output_redis *redis;
    const atomic_int *stop; /* and struct output_options. */
    const struct output_spool *spool;
    unsigned kinds; /* That it will be given. */
    bool blocking;
    bool append;
    const _Atomic int64_t *deadline_ns; /* Of output_set_deadline(). */
};

/* The sink for a target, as said at struct output_target. */
struct sink *sink_open(const char *target, const struct sink_options *,
                       struct error *error);
struct sink *sink_file_open(const char *path, const struct sink_options *,
                            struct error *error);
struct sink *sink_redis_open(const char *uri, const struct sink_options *,
                             struct error *error);

/* Any thread: acked, dropped, 'up' and the error; the rest is the output's. */
void sink_status(struct sink *, struct event_output *status);

/* For sinks themselves. */
void sink_init(struct sink *, const struct sink_class *, const char *name);
void sink_done(struct sink *);
void sink_fail(struct sink *, const struct error *); /* Keeps the first. */

#endif
