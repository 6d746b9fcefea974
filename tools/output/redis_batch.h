/* Events on their way into Redis streams, each exactly once.
 *
 * One stream a kind and one producer a stream.  Every event gets an explicit,
 * ever growing entry id, so sending it again after any doubt is harmless: Redis
 * refuses an id that is not above the last one of the stream.  An event is
 *
 *   new       not sent, or surely refused: its id is given when it is sent;
 *   in doubt  sent, not answered: is sent again under the same id, first;
 *   done      acknowledged or dropped.
 *
 * Pure bookkeeping, no connection: the sink sends what is encoded here and
 * tells how each was answered.  Used by one thread. */

#ifndef TOOLS_OUTPUT_REDIS_BATCH_H
#define TOOLS_OUTPUT_REDIS_BATCH_H

#include "tools/event/json.h"
#include "tools/output/sink.h"
#include "tools/redis/redis_id.h"
#include "tools/redis/redis_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REDIS_BATCH_EVENTS = 64,    /* Pipelined; more gains nothing. */
    REDIS_BATCH_BYTES = 1 << 20 /* Of events, before one more is added. */
};

struct redis_stream {
    char key[REDIS_KEY_SIZE]; /* "segmon:{SENSOR}:flow" */
    struct redis_id last;     /* Highest id used or seen. */
    struct redis_id acked;    /* Highest id known to be in Redis. */
    /* Of its commands: up to the entry's id, and between event and event id. */
    struct json before, between;
};

enum redis_entry_state {
    REDIS_ENTRY_NEW,
    REDIS_ENTRY_IN_DOUBT,
    REDIS_ENTRY_DONE
};

struct redis_entry {
    enum redis_entry_state state;
    enum event_kind kind;
    struct redis_id id;
    struct wall_time emitted;
    size_t at, size; /* In 'text'. */
    char event_id[EVENT_ID_SIZE];
};

struct redis_batch {
    struct redis_stream streams[EVENT_N_KINDS];
    struct redis_entry entries[REDIS_BATCH_EVENTS];
    size_t n;
    size_t order[REDIS_BATCH_EVENTS]; /* Of the commands last encoded. */
    size_t n_commands;
    size_t n_resent;      /* Of these, the first ones: sent before. */
    size_t reply_bytes;   /* To these, if all are stored. */
    struct json text;     /* Lines of the entries. */
    struct json commands; /* As encoded. */
};

void redis_batch_init(struct redis_batch *, const char *sensor);
void redis_batch_done(struct redis_batch *);

bool redis_batch_is_full(const struct redis_batch *);
bool redis_batch_add(struct redis_batch *, const struct sink_event *);

/* Writes one XADD for each entry that is not done: those in doubt first, then
 * new ones, which get their ids and are in doubt from now on.  False if memory
 * is out. */
bool redis_batch_encode(struct redis_batch *);

/* How a command was answered, or what an error reply means. */
enum redis_answer {
    REDIS_STORED,
    REDIS_NOT_ABOVE, /* The id is not above the stream's last. */
    REDIS_TRY_LATER, /* Not stored; the server's state may change. */
    REDIS_REFUSED    /* Not stored; will not be, as things are set up. */
};
enum redis_answer redis_answer_of(const char *error_text);

/* What a new connection found to be the last id of a stream. */
enum redis_resume {
    REDIS_RESUME_OK,
    REDIS_RESUME_FOREIGN, /* Somebody else writes to the stream. */
    REDIS_RESUME_LOST     /* Entries that were acknowledged are gone. */
};

/* Entries in doubt up to 'last' are there: they become done, and '*n_found' is
 * how many.  If the stream has a foreign producer nothing can be concluded, and
 * they become new: rather twice than never. */
enum redis_resume redis_batch_resume(struct redis_batch *, enum event_kind,
                                     struct redis_id last, size_t *n_found);

/* Forgets done entries, in order. */
void redis_batch_compact(struct redis_batch *);

#endif
