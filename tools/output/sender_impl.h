/* The inside of the sender, for its own files.
 *
 *   sender.c         the writer's side, and what both share
 *   sender_thread.c  when to connect, to send and to wait
 *   sender_sync.c    the thread that waits for the disk
 *   sender_round.c   batches: made, sent, answered
 *   sender_gap.c     what is missing, as events
 *   sender_resume.c  where a stream ends, and what follows from that
 *   sender_server.c  what is told of the server
 *   sender_form.h    what is particular to streams, lists and channels */

#ifndef TOOLS_OUTPUT_SENDER_IMPL_H
#define TOOLS_OUTPUT_SENDER_IMPL_H

#include "capture/counter.h"
#include "tools/event/json.h"
#include "tools/output/doorbell.h"
#include "tools/output/redis_encoder.h"
#include "tools/output/sender.h"
#include "tools/output/sender_form.h"
#include "tools/redis/redis_answer.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_place.h"
#include "tools/redis/redis_state.h"

#include <pthread.h>
#include <stdatomic.h>

/* Events of one kind, on their way in one transaction. */
struct sender_batch {
    enum event_kind kind;
    bool is_void; /* The one before it was not stored. */
    size_t n;
    struct redis_id ids[SENDER_BATCH_EVENTS];
    size_t at, size;  /* Of its commands. */
    size_t head_size; /* What a form left room for at the beginning. */
};

/* How long a list is; of a sender whose form that is. */
struct sender_list {
    uint64_t length;    /* As the server said last, */
    size_t n_in_flight; /* and what was made into batches since. */
};

/* What is sent in one go: one batch of each kind at most. */
struct sender_round {
    struct json commands;
    struct sender_batch batches[EVENT_N_KINDS];
    size_t n_batches;
};

/* Of one kind; the thread's own. */
struct sender_lane {
    bool is_resumed;  /* It is known where the stream ends, */
    bool is_known;    /* and was before: what changes is news. */
    bool is_held;     /* Until: */
    bool is_in_doubt; /* Some were sent, and it is not known what became of
                       * them. */
    bool has_holes;   /* Some of these were stored, and not those before. */
    bool is_there;    /* Its stream, as the server said last. */
    int64_t hold_ns;  /* Monotonic. */
    int64_t back_off_ns;
};

/* What waits and may be there. */
struct sender_doubtful {
    struct redis_id ids[SPOOL_MAX_IN_FLIGHT];
    char event_ids[SPOOL_MAX_IN_FLIGHT][EVENT_ID_SIZE];
    size_t n;
    bool has_last; /* One of them is the last of the stream. */
};

struct sender {
    struct sender_options options;
    char folder[256]; /* Of its spool; "" if it has no disk. */
    pthread_t thread;
    pthread_t syncer;     /* Where there is a disk. */
    struct doorbell work; /* Rung for the thread, */
    struct doorbell sync; /* and for that one. */
    struct doorbell room; /* Rung by it, if */
    atomic_bool is_waited_for;
    atomic_bool stop, has_given_up;
    bool is_started, is_syncing; /* The threads. */
    uint32_t spool_id;           /* Of what tells outputs apart. */

    pthread_mutex_t mutex; /* Guards the following. */
    struct spool *spool;
    uint64_t n_put; /* Of the status kind. */
    int64_t commit_ns;
    int64_t progress_ns;
    struct redis_id oldest[EVENT_N_KINDS]; /* That waits; 0-0: not known. */
    struct redis_state state;
    uint64_t states_put, states_done;
    uint64_t n_discarded[EVENT_N_KINDS];
    struct event_server server;
    bool state_waits;
    bool is_dirty; /* The spool changed since the last commit. */

    pthread_mutex_t status_mutex; /* Guards the following. */
    struct sender_status status;
    struct error noted;

    struct counter turns; /* The thread's; read by others. */

    /* The thread's own. */
    const struct sender_form *form;
    struct redis_encoder encoder;
    struct sender_list lists[EVENT_N_KINDS]; /* By the first kind in each. */
    struct json head;                        /* Of a batch, */
    struct json answer;                      /* and what is said to it. */
    struct event_encoder *event_encoder;     /* Of gaps, */
    struct json gap_line;                    /* and of one the whole line. */
    struct redis_place place;
    struct redis_link *link; /* NULL while not connected. */
    struct sender_lane lanes[EVENT_N_KINDS];
    struct sender_round rounds[2];
    struct sender_doubtful doubtful;
    struct redis_state state_sent;
    struct error error;  /* The latest. */
    int64_t next_try_ns; /* Of a connection; monotonic. */
    int64_t look_ns;     /* When the server is looked at next, */
    int64_t resume_ns;   /* and its streams. */
    int64_t back_off_ns;
    uint64_t jitter;     /* State of a generator. */
    size_t batch_events; /* At most; 1 where transactions are forbidden. */
    bool makes_always;   /* The server does not know NOMKSTREAM. */
    bool has_progress;   /* Since the link is there. */
    bool is_stale;       /* It leads to the wrong server. */
    bool is_denied;      /* As the server answered, when something was held. */
};

/* The threads. */
void *sender_run(void *context);
void *sender_sync_run(void *context);

/* Connects and asks where all streams end; false if any of that failed. */
bool sender_connect(struct sender *);
void sender_disconnect(struct sender *);

/* So that readers find the streams of every sensor; of a cluster, another node
 * may have that key.  Events do not depend on it: that node may be away, or the
 * sensor's user have no right to it.  Where it can, the state tries again.
 * False if the link failed. */
bool sender_register(struct sender *);

/* It is connected, and no kind is held. */
bool sender_works(const struct sender *);

/* The connection failed: what was sent and not answered is in doubt. */
void sender_lose_link(struct sender *);

/* What an error of the server's means; a server that is the wrong one will not
 * be the next one. */
enum redis_answer sender_judge(struct sender *, const char *error_text);

/* The next time is later, as said in sender.h. */
void sender_hold(struct sender *, enum event_kind, enum redis_answer);

/* The id of the event that a record is, or tells of. */
void sender_event_id(const struct sender *, const struct spool_record *,
                     char text[EVENT_ID_SIZE]);

/* A gap as a line, 'gap_line'; false if it is none or memory is out. */
bool sender_encode_gap(struct sender *, const struct spool_record *);

/* What is told of the server.  That of an answer which is no good one; none of
 * these is for the mutex to be held. */
void sender_count_connection(struct sender *);
void sender_count_error(struct sender *, enum event_server_error);
enum event_server_error sender_error_of(enum redis_answer);

/* Asks it now and then whether it can be trusted. */
void sender_look_at_server(struct sender *);

static inline bool
sender_takes(const struct sender *sender, unsigned kind)
{
    return sender->options.kinds >> kind & 1;
}

/* Sends rounds until nothing is left that may be sent now. */
void sender_deliver(struct sender *);

/* Asks where the stream of a kind ends.  False if the kind is held, or the link
 * failed. */
bool sender_resume(struct sender *, enum event_kind);

/* For both sides: they copy the numbers for others, the mutex being held. */
void sender_publish(struct sender *);
void sender_set_up(struct sender *, bool up);

/* The latest error is worth telling, though the output works. */
void sender_note(struct sender *);

#endif
