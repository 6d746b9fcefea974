/* Events into Redis; see sender.h for how each gets there once.
 *
 * Here is who waits: in a replay, whoever puts events waits for room in the
 * spool, as long as the server makes progress or for the sink's patience.  Then
 * events are put all the same, and the spool drops what counts least. */

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/sender.h"
#include "tools/output/sink.h"
#include "tools/redis/redis_password.h"
#include "tools/redis/redis_uri.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMMIT_EVENTS = 256, /* Put, at most, before they can be sent. */
    WAIT_MS = 100        /* Between looks at the deadline. */
};

struct sink_redis {
    struct sink sink;
    struct sender *sender;
    const _Atomic int64_t *limit_ns;
    int64_t patience_ns;
    bool blocking;
    unsigned n_put; /* Since the last commit. */
};

static void put(struct sink *sink, const struct sink_event *event);
static void flush(struct sink *sink);
static void settle(struct sink *sink);
static void put_state(struct sink *sink, const struct redis_state *state);
static void get_status(struct sink *sink, struct event_output *output);
static void close_redis(struct sink *sink);

static void wait_for_room(struct sink_redis *redis);
static bool may_wait(struct sink_redis *redis,
                     const struct sender_status *status);
static uint64_t pending(const struct sender_status *status);
static void count(const struct sender_status *status, enum event_kind kind,
                  struct event_counters *counters);
static void lose(struct event_counters *counters, enum event_loss reason,
                 uint64_t n);

static const char *const mode_names[] = {
#define MODE_NAME(NAME, TEXT) TEXT,
    OUTPUT_MODES(MODE_NAME)
#undef MODE_NAME
};

/* The first reasons for a loss are those of the spool, but for its last: what
 * the server lost had been acknowledged.  A gap tells of it; how many there
 * were nobody knows any more. */
static_assert((int)SPOOL_FULL == (int)EVENT_LOSS_SPOOL_FULL &&
                  (int)SPOOL_MEMORY == (int)EVENT_LOSS_MEMORY_FULL &&
                  (int)SPOOL_CORRUPT == (int)EVENT_LOSS_CORRUPT &&
                  (int)SPOOL_UNREADABLE == (int)EVENT_LOSS_UNREADABLE &&
                  (int)SPOOL_EARLIER == (int)EVENT_LOSS_EARLIER_RUN &&
                  (int)SPOOL_LOST == (int)SPOOL_EARLIER + 1 &&
                  (int)SPOOL_N_REASONS == (int)SPOOL_LOST + 1,
              "reasons have one order");

static const struct sink_class class = {.put = put,
                                        .flush = flush,
                                        .settle = settle,
                                        .put_state = put_state,
                                        .get_status = get_status,
                                        .close = close_redis};

struct sink *
sink_redis_open(const char *uri, const struct sink_options *options,
                struct error *error)
{
    struct sink_redis *redis = calloc(1, sizeof *redis);
    struct sender_options sender = {.source = options->source,
                                    .password_file = options->password_file,
                                    .form = *options->redis,
                                    .spool = *options->spool,
                                    .kinds = options->kinds,
                                    .must_connect = options->blocking};

    if (!redis) {
        error_set(error, ERROR_MEMORY, "", "no memory for a Redis output");
        return NULL;
    }
    if (redis_uri_parse(uri, &sender.uri, error) &&
        (!options->redis_password ||
         redis_password_set(&sender.uri, options->redis_password, error))) {
        redis->sender = sender_new(&sender, error);
    }
    sink_init(&redis->sink, &class, sender.uri.name);
    explicit_bzero(&sender.uri, sizeof sender.uri);
    redis->limit_ns = options->deadline_ns;
    redis->patience_ns = options->patience_ns;
    redis->blocking = options->blocking;
    if (!redis->sender) {
        close_redis(&redis->sink);
        return NULL;
    }
    return &redis->sink;
}

static void
put(struct sink *sink, const struct sink_event *event)
{
    struct sink_redis *redis = (struct sink_redis *)sink;

    if (redis->blocking && !sender_has_room(redis->sender)) {
        wait_for_room(redis);
    }
    sender_put(redis->sender, event->kind, event->emitted, event->line,
               event->size);
    if (++redis->n_put == COMMIT_EVENTS) {
        flush(sink);
    }
}

static void
flush(struct sink *sink)
{
    struct sink_redis *redis = (struct sink_redis *)sink;

    redis->n_put = 0;
    sender_commit(redis->sender);
}

/* What is on disk may stay there. */
static void
settle(struct sink *sink)
{
    struct sink_redis *redis = (struct sink_redis *)sink;
    struct sender_status status;

    flush(sink);
    sender_get_status(redis->sender, &status);
    while ((pending(&status) > 0 || (status.up && status.state_waits)) &&
           may_wait(redis, &status)) {
        counter_add(&sink->waits, 1);
        sender_wait(redis->sender, WAIT_MS * MILLISECOND_NS);
        flush(sink);
        sender_get_status(redis->sender, &status);
    }
    if (pending(&status) > 0) {
        struct error error;

        error_set(&error, ERROR_SYSTEM, sink->name, "no answer in time");
        sink_fail(sink, &error);
        sender_give_up(redis->sender);
    }
}

static void
put_state(struct sink *sink, const struct redis_state *state)
{
    sender_put_state(((struct sink_redis *)sink)->sender, state);
}

static void
get_status(struct sink *sink, struct event_output *output)
{
    struct sender_status status;

    sender_get_status(((struct sink_redis *)sink)->sender, &status);
    output->up = status.up;
    output->is_denied = status.is_denied;
    output->turns = status.turns;
    if (status.error.code != ERROR_NONE) {
        output->error = status.error;
    }
    output->spool =
        (struct event_spool){.is_there = true,
                             .has_disk = status.has_disk,
                             .is_up = status.spool.is_up,
                             .disk_bytes = status.spool.disk_bytes,
                             .memory_bytes = status.spool.memory_bytes,
                             .max_bytes = status.max_bytes,
                             .troubles = status.spool.n_troubles,
                             .lag_ns = status.lag_ns,
                             .error = status.spool.error};
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        count(&status, (enum event_kind)kind, &output->kind[kind]);
    }
    output->kind[EVENT_STATUS].emitted += status.n_gaps;
    output->mode = mode_names[status.mode];
    output->server = status.server;
}

static void
close_redis(struct sink *sink)
{
    struct sink_redis *redis = (struct sink_redis *)sink;

    sender_free(redis->sender);
    sink_done(sink);
    free(redis);
}

static void
wait_for_room(struct sink_redis *redis)
{
    struct sender_status status;

    flush(&redis->sink);
    sender_get_status(redis->sender, &status);
    while (!sender_has_room(redis->sender) && may_wait(redis, &status)) {
        counter_add(&redis->sink.waits, 1);
        sender_wait(redis->sender, WAIT_MS * MILLISECOND_NS);
        flush(&redis->sink);
        sender_get_status(redis->sender, &status);
    }
}

static bool
may_wait(struct sink_redis *redis, const struct sender_status *status)
{
    int64_t now_ns = system_clock_mono().ns;

    return !status->has_given_up && now_ns < atomic_load(redis->limit_ns) &&
           now_ns - status->progress_ns < redis->patience_ns;
}

static uint64_t
pending(const struct sender_status *status)
{
    uint64_t sum = 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        sum += status->spool.kind[kind].pending;
    }
    return sum;
}

/* What was given up and is on no disk is gone. */
static void
count(const struct sender_status *status, enum event_kind kind,
      struct event_counters *counters)
{
    const struct spool_kind_stat *stat = &status->spool.kind[kind];

    counters->acked += stat->acked - status->n_discarded[kind];
    counters->recovered += stat->recovered;
    counters->rewound += stat->rewound;
    for (unsigned i = 0; i < SPOOL_LOST; i++) {
        lose(counters, (enum event_loss)i, stat->dropped[i]);
    }
    lose(counters,
         status->mode == OUTPUT_LIST ? EVENT_LOSS_LIST_FULL
                                     : EVENT_LOSS_NO_SERVER,
         status->n_discarded[kind]);
    if (status->has_given_up && !status->spool.is_up) {
        lose(counters, EVENT_LOSS_NO_TIME, stat->pending);
    } else {
        counters->pending += stat->pending;
    }
}

static void
lose(struct event_counters *counters, enum event_loss reason, uint64_t n)
{
    counters->dropped += n;
    counters->lost[reason] += n;
}
