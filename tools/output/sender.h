/* Gets events into a Redis server: a spool, a thread that sends what is in it,
 * with a connection of its own, and where there is a disk, one that syncs it.
 *
 *   writer (the output thread)       sender's thread
 *   sender_put -> spool, under the mutex -> batches -> server
 *                     <- acknowledged by the server <-
 *
 * The writer waits neither for the server nor until the disk has what it was
 * given: it writes to the page cache of the system, which is full only where
 * the disk was too slow for long.  The thread holds the mutex while it encodes
 * or acknowledges, never while it waits for the server; it sleeps when there is
 * nothing to send.  That which syncs holds it only before and after.
 *
 * A batch of one kind is one transaction, because ids are fixed: had one event
 * been refused and a later one stored, it would come too late.  Two batches of
 * a kind are made, and one is under way: only when it is known to be stored
 * the next is sent.
 *
 * After any doubt (a time-out, a lost connection, another process before this
 * one) the server is asked where the stream ends, and what it does not have is
 * sent again under its id.  Whatever goes wrong is tried again:
 *
 *   connection, OOM, LOADING, MISCONF...  after 100 ms, then doubled up to 1 s,
 *   READONLY, MASTERDOWN                  with a new connection: a server that
 *                                         is back has its events within 2 s;
 *   WRONGTYPE and what else is set up     every 5 s; other kinds go on;
 *   wrong
 *   passwords, ACLs                       every 30 s.
 *
 * Memory: the spool's, and SENDER_ROUND_BYTES and an event, twice. */

#ifndef TOOLS_OUTPUT_SENDER_H
#define TOOLS_OUTPUT_SENDER_H

#include "tools/output/output.h"
#include "tools/redis/redis_uri.h"
#include "tools/spool/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct redis_state;
struct sender; /* Opaque. */

enum {
    SENDER_BATCH_EVENTS = SPOOL_MAX_IN_FLIGHT / 2,
    SENDER_ROUND_BYTES = 1 << 20 /* Before one more event is added. */
};

struct sender_options {
    const struct event_source *source; /* Borrowed to the end, */
    const char *password_file;         /* as is this; NULL if there is none. */
    struct redis_uri uri;
    struct output_redis form;
    struct output_spool spool;
    unsigned kinds;    /* Those that are put. */
    bool must_connect; /* A server that is down is an error at the start. */
};

struct sender_status {
    struct spool_stat spool;
    uint64_t n_gaps; /* Of the status kind: appended by the spool itself. */
    /* Acknowledged to the spool, but dropped: the list was full, or the server
     * of the channel away. */
    uint64_t n_discarded[EVENT_N_KINDS];
    struct event_server server;
    enum output_mode mode;
    uint64_t max_bytes; /* Of the spool. */
    bool has_disk;
    bool has_given_up;
    bool up;
    bool is_denied; /* If not: until somebody changes a password or rights. */
    bool state_waits;
    uint64_t turns;      /* Of its thread, with events or without; from 1 on. */
    int64_t progress_ns; /* Monotonic: when something was acknowledged last, or
                          * began to wait. */
    int64_t lag_ns;      /* How long the oldest that waits has waited. */
    struct error error;  /* The latest of an outage that goes on, or that events
                          * were  lost in. */
};

/* Opens the spool and starts the thread.  Fails if the spool cannot be used,
 * whatever the server does. */
struct sender *sender_new(const struct sender_options *, struct error *);

/* Ends the thread, which may take as long as a server takes (redis_link.h), and
 * closes the spool, with what was not sent.  Accepts NULL. */
void sender_free(struct sender *);

/* The writer's.  The line is copied; false if it was dropped, and counted. */
bool sender_put(struct sender *, enum event_kind, struct wall_time emitted,
                const char *line, size_t size);

/* What was put may be sent from now on. */
void sender_commit(struct sender *);

/* Whether the next event can be put without another being dropped. */
bool sender_has_room(struct sender *);

/* Until there is room again, nothing waits any more, or time is up. */
void sender_wait(struct sender *, int64_t timeout_ns);

/* What live views show; replaces what was not sent yet.  Only streams have it
 * beside them. */
void sender_put_state(struct sender *, const struct redis_state *);

/* Nothing more is sent, ever: what counts then are exact numbers. */
void sender_give_up(struct sender *);

/* Any thread. */
void sender_get_status(struct sender *, struct sender_status *);

#endif
