/* Where events go: one thread that takes them from the workers' queues, gives
 * them their ids and writes them to every sink.
 *
 * The order of ids is the order of output: with one queue, the order in which
 * the worker put them.  Memory is bounded by the queues and by what each sink
 * says it keeps.  A server that makes no progress for 'patience_ns' is given
 * up: its events are counted as dropped, and no call waits for ever. */

#ifndef TOOLS_OUTPUT_OUTPUT_H
#define TOOLS_OUTPUT_OUTPUT_H

#include "tools/event/event.h"
#include "tools/output/event_queue.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct output; /* Opaque. */
struct redis_state;

enum {
    OUTPUT_MAX_SINKS = EVENT_MAX_OUTPUTS,
    OUTPUT_MAX_QUEUES = 256,
    OUTPUT_QUEUE_BYTES = 4 << 20 /* The default for 'queue_bytes'. */
};

/* How a Redis server gets events.  X(NAME, "name") */
#define OUTPUT_MODES(X)                                                        \
    X(STREAM, "stream")   /* XADD: exactly once, for groups of readers. */     \
    X(LIST, "list")       /* RPUSH: at least once, for LPOP and its like. */   \
    X(CHANNEL, "channel") /* PUBLISH: to whoever listens just then. */

enum output_mode {
#define OUTPUT_MODE_ENUM(NAME, TEXT) OUTPUT_##NAME,
    OUTPUT_MODES(OUTPUT_MODE_ENUM) OUTPUT_N_MODES
#undef OUTPUT_MODE_ENUM
};

/* What gives way when a list is as long as it may be. */
#define OUTPUT_WHEN_FULL(X)                                                    \
    X(SPOOL, "spool")             /* Nothing: events wait for room. */         \
    X(DROP_OLDEST, "drop-oldest") /* What nobody has taken from it yet. */     \
    X(DROP_NEW, "drop-new")       /* What comes, until there is room. */

enum output_when_full {
#define OUTPUT_WHEN_FULL_ENUM(NAME, TEXT) OUTPUT_FULL_##NAME,
    OUTPUT_WHEN_FULL(OUTPUT_WHEN_FULL_ENUM) OUTPUT_N_WHEN_FULL
#undef OUTPUT_WHEN_FULL_ENUM
};

#define OUTPUT_FIELD "event"

/* Where and how events are in Redis; all 0: as segmon's own readers want it. */
struct output_redis {
    enum output_mode mode;
    enum output_when_full when_full; /* Of a list with 'max_length'. */
    const char *key;     /* Or channel: see redis_template.h; NULL: its own. */
    const char *field;   /* Of a stream's entry; NULL: OUTPUT_FIELD. */
    uint64_t max_length; /* Of a stream, about, or list; 0: never cut. */
};

/* "-" is standard output; "redis://..." and "unix:///..." a Redis server (see
 * redis_uri.h); all else a file, which is replaced unless 'append'. */
struct output_target {
    const char *target;
    unsigned kinds; /* Mask of 1 << enum event_kind; 0 is all. */
    /* Of the file with a server's password, read at every connection; it wins
     * over all other ways to give one.  NULL if there is none. */
    const char *password_file;
    struct output_redis redis; /* Of a server only. */
};

/* Where and how events wait for a Redis server; see spool.h. */
struct output_spool {
    /* Each such output has a folder of its own in it; NULL: they wait in
     * memory. */
    const char *directory;
    uint64_t max_bytes;  /* Of each on disk; 0 is SPOOL_DEFAULT_BYTES. */
    size_t memory_bytes; /* Of each; 0 is SPOOL_DEFAULT_MEMORY_BYTES. */
    int64_t sync_ns; /* 0: with every commit.  SPOOL_DEFAULT_SYNC_NS suits. */
};

struct output_options {
    struct event_source source; /* Its strings are borrowed to the end. */
    unsigned n_queues;
    size_t queue_bytes; /* Of each; 0 is OUTPUT_QUEUE_BYTES. */
    bool blocking;      /* Producers wait rather than lose (replay). */
    bool append;        /* To files, which output_reopen() then opens anew. */
    struct output_target targets[OUTPUT_MAX_SINKS];
    size_t n_targets; /* May be 0: events are counted, and gone. */
    struct output_spool spool;
    int64_t patience_ns; /* 0 is 10 s. */
    /* Wins over the URI's; NULL if none.  The program takes it from the
     * environment, SEGMON_REDIS_PASSWORD, because others can read arguments. */
    const char *redis_password;
    /* Once it is not 0, a file or pipe that takes nothing is given up as well
     * when patience ends; until then a slow reader makes us wait, as pipes do.
     * May be NULL: never. */
    const atomic_int *stop;
};

/* Opens every sink, so that a server that is down or a path that cannot be
 * written is an error before any work; then starts the thread.  SIGPIPE must be
 * ignored by the program. */
struct output *output_new(const struct output_options *, struct error *error);

/* Kinds some sink takes: others need not be encoded. */
unsigned output_kinds(const struct output *);

/* What those who watch this sensor shall see; replaces what was put before and
 * not sent yet.  Copied.  Without memory, and where the output cannot send it
 * now, it is left out: the next one tells more.  Any thread. */
void output_put_state(struct output *, const struct redis_state *);

/* Queue 'i' of n_queues, for one producing thread. */
struct event_queue *output_queue(struct output *, unsigned i);

/* What has a thread of its own, which sends, takes a turn in less than this,
 * whatever its server does: it waits for each connection, command and answer as
 * redis_link.h says, and for some of them one after the other. */
#define OUTPUT_STUCK_NS (180 * SECOND_NS)

/* Turns the thread has taken, with events or without, also while it waits for a
 * server or a reader, as long as it works.  Any thread. */
uint64_t output_turns(const struct output *);

/* Opens files again by their names, once what was put so far is in the old
 * ones: somebody has moved them away.  Any thread; returns at once. */
void output_reopen(struct output *);

/* Nobody is waited for after 'when': what has not reached its target by then is
 * dropped and counted.  A server that does not answer may still take some
 * seconds of its own (redis_link.h).  Any thread. */
void output_set_deadline(struct output *, struct mono_time when);

/* Waits until everything put so far is acknowledged or dropped, so that what
 * output_status() tells next is exact.  No producer may run meanwhile. */
void output_settle(struct output *);

/* Fills in one entry per target, in their order, and returns how many.  Any
 * thread. */
size_t output_status(const struct output *,
                     struct event_output outputs[OUTPUT_MAX_SINKS]);

/* Settles, closes every sink, ends the thread and frees 'output'.  Fills in
 * 'outputs' as output_status() does, unless NULL.  Returns false, and the first
 * error, if an event was lost. */
bool output_finish(struct output *,
                   struct event_output outputs[OUTPUT_MAX_SINKS],
                   struct error *error);

#endif
