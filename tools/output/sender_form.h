/* What becomes of events in a server: a stream, a list or a channel.
 *
 * A form writes the events of a batch as commands and reads the answers to
 * them; when to connect, to send, to wait and to send again is the same for
 * all.  For the sender's own thread, which alone calls these.
 *
 *   sender_stream.c   XADD under given ids: once, whatever happens
 *   sender_list.c     RPUSH of a whole batch: after any doubt again
 *   sender_channel.c  PUBLISH: what cannot be sent at once is dropped */

#ifndef TOOLS_OUTPUT_SENDER_FORM_H
#define TOOLS_OUTPUT_SENDER_FORM_H

#include "tools/event/event.h"
#include "tools/redis/redis_answer.h"

#include <stdbool.h>
#include <stddef.h>

struct json;
struct redis_event;
struct redis_reply;
struct sender;
struct sender_batch;

enum {
    SENDER_ASK_SIZE = 320,        /* "ASK", a slot, a host and a port. */
    SENDER_ANSWER_BYTES = 1 << 14 /* To a batch that is stored. */
};

/* How a batch was answered. */
struct sender_answers {
    enum redis_answer first;   /* That is not REDIS_STORED. */
    size_t n_stored;           /* Before that. */
    bool has_holes;            /* Something was stored behind that. */
    char ask[SENDER_ASK_SIZE]; /* Where it is on its way to; or "". */
    bool is_asked; /* It went there, behind ASKING, which is for one command or
                    * one transaction. */
};

struct sender_form {
    bool is_lossy;  /* Nothing waits that cannot be sent now. */
    bool has_state; /* Live views are told there of the sensor. */
    bool transacts; /* A batch is a transaction, where the user may do that. */
    /* Finds out what a new connection has to know of a kind before it sends.
     * False if the kind is held, or the link failed. */
    bool (*resume)(struct sender *, enum event_kind);
    /* How many events may be in a batch now; the mutex is held.  NULL: as many
     * as fit. */
    size_t (*room)(const struct sender *, enum event_kind);
    /* Writes a batch: what is before events, each of them, and what is behind,
     * the number of events being known then.  'begin' may be NULL. */
    void (*begin)(struct sender *, struct json *, struct sender_batch *);
    void (*add)(struct sender *, struct json *, const struct redis_event *);
    void (*end)(struct sender *, struct json *, struct sender_batch *);
    /* Of the answers to it, whatever they are. */
    size_t (*least_bytes)(const struct sender_batch *);
    /* Reads them; false if the link failed. */
    bool (*take)(struct sender *, const struct sender_batch *,
                 struct sender_answers *);
    /* Nothing more could be sent: true if it can now.  May be NULL. */
    bool (*look)(struct sender *);
};

extern const struct sender_form sender_stream_form, sender_list_form,
    sender_channel_form;

/* For them.  The first error says what is wrong with a batch. */
void sender_note_answer(struct sender *, enum event_kind,
                        const struct redis_reply *, struct sender_answers *);

/* Drops what waits, as far as it was put by now, and counts it. */
void sender_discard(struct sender *, enum event_kind);

#endif
