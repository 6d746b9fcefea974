/* The output thread; see output.h.
 *
 * One loop: take what the queues have, in turns, a bounded number from each;
 * number it; hand it to the sinks.  When all queues are empty the sinks are
 * flushed, and the thread sleeps until it is rung or EVENT_QUEUE_LATENCY_MS
 * pass. */

#include "tools/output/output.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/output/doorbell.h"
#include "tools/output/sink.h"
#include "tools/redis/redis_state.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURN_ITEMS = 64, /* Taken from one queue before the next has its turn. */
    HEAD_MAX_BYTES = 512,
    SETTLE_POLL_MS = 200
};

#define DEFAULT_PATIENCE_NS (10 * SECOND_NS)

struct output {
    struct event_source source;
    struct event_queue **queues;
    unsigned n_queues;
    struct sink *sinks[OUTPUT_MAX_SINKS];
    size_t n_sinks;
    unsigned kinds;
    struct doorbell work;    /* Rung for the thread. */
    struct doorbell settled; /* Rung by it. */
    pthread_t thread;
    bool started;
    atomic_bool stop;
    atomic_bool reopen;          /* Asked for. */
    _Atomic int64_t deadline_ns; /* Monotonic. */
    atomic_uint settle_wanted, settle_done;
    struct counter turns;
    pthread_mutex_t state_lock;
    struct redis_state state; /* Under the lock. */
    atomic_bool state_waits;

    /* The thread's own. */
    uint64_t sequence;
    struct json line;
    struct redis_state state_sent;
};

static bool open_sinks(struct output *output,
                       const struct output_options *options,
                       struct error *error);
static bool open_queues(struct output *output,
                        const struct output_options *options,
                        struct error *error);
static bool start(struct output *output, struct error *error);
static void output_free(struct output *output);
static void *output_run(void *context);
static void reopen(struct output *output);
static bool drain(struct output *output);
static void send_state(struct output *output);
static void send_state_to(struct sink *sink, const struct redis_state *state);
static void settle_if_wanted(struct output *output, bool stop, unsigned wanted);
static bool drain_queue(struct output *output, struct event_queue *queue);
static void emit(struct output *output, const struct event_queue_item *item);
static void sink_put_line(struct output *output,
                          const struct sink_event *event);
static void fill_status(const struct output *output, size_t i,
                        struct event_output *status);
static uint64_t left_over(const struct event_counters *counters);
static bool lost(const struct event_output *status);
static void tell_loss(const struct event_output *status, struct error *error);

struct output *
output_new(const struct output_options *options, struct error *error)
{
    struct output *output;

    if (!event_sensor_ok(options->source.sensor)) {
        error_set(error, ERROR_VALUE, options->source.sensor,
                  "a sensor's name has 1 to %d letters, digits, '.', '_' and "
                  "'-'",
                  EVENT_MAX_SENSOR);
        return NULL;
    }
    output = calloc(1, sizeof *output);
    if (!output) {
        error_set(error, ERROR_MEMORY, "", "no memory for the output");
        return NULL;
    }
    output->source = options->source;
    atomic_init(&output->deadline_ns, INT64_MAX);
    doorbell_init(&output->work);
    doorbell_init(&output->settled);
    json_init(&output->line, HEAD_MAX_BYTES + EVENT_MAX_BYTES);
    pthread_mutex_init(&output->state_lock, NULL);
    redis_state_init(&output->state);
    redis_state_init(&output->state_sent);
    if (!open_queues(output, options, error) ||
        !open_sinks(output, options, error) || !start(output, error)) {
        output_free(output);
        return NULL;
    }
    return output;
}

unsigned
output_kinds(const struct output *output)
{
    return output->kinds;
}

void
output_put_state(struct output *output, const struct redis_state *state)
{
    pthread_mutex_lock(&output->state_lock);
    if (redis_state_copy(&output->state, state)) {
        atomic_store(&output->state_waits, true);
    }
    pthread_mutex_unlock(&output->state_lock);
}

struct event_queue *
output_queue(struct output *output, unsigned i)
{
    return output->queues[i];
}

uint64_t
output_turns(const struct output *output)
{
    uint64_t sum = counter_read(&output->turns);

    for (size_t i = 0; i < output->n_sinks; i++) {
        sum += counter_read(&output->sinks[i]->waits);
    }
    return sum;
}

void
output_reopen(struct output *output)
{
    atomic_store(&output->reopen, true);
    doorbell_ring(&output->work);
}

void
output_set_deadline(struct output *output, struct mono_time when)
{
    atomic_store(&output->deadline_ns, when.ns);
}

void
output_settle(struct output *output)
{
    unsigned wanted = atomic_fetch_add(&output->settle_wanted, 1) + 1;

    doorbell_ring(&output->work);
    while (atomic_load(&output->settle_done) != wanted) {
        doorbell_wait(&output->settled, SETTLE_POLL_MS * MILLISECOND_NS);
    }
}

size_t
output_status(const struct output *output,
              struct event_output outputs[OUTPUT_MAX_SINKS])
{
    for (size_t i = 0; i < output->n_sinks; i++) {
        fill_status(output, i, &outputs[i]);
    }
    return output->n_sinks;
}

bool
output_finish(struct output *output,
              struct event_output outputs[OUTPUT_MAX_SINKS],
              struct error *error)
{
    struct event_output status[OUTPUT_MAX_SINKS];
    size_t n_sinks;
    bool complete = true;

    atomic_store(&output->stop, true);
    doorbell_ring(&output->work);
    pthread_join(output->thread, NULL);
    output->started = false;
    n_sinks = output_status(output, status);
    for (size_t i = 0; i < n_sinks; i++) {
        if (complete && lost(&status[i])) {
            complete = false;
            tell_loss(&status[i], error);
        }
    }
    if (outputs) {
        memcpy(outputs, status, n_sinks * sizeof *status);
    }
    output_free(output);
    return complete;
}

static bool
open_queues(struct output *output, const struct output_options *options,
            struct error *error)
{
    size_t bytes =
        options->queue_bytes ? options->queue_bytes : OUTPUT_QUEUE_BYTES;

    if (options->n_queues > OUTPUT_MAX_QUEUES) {
        return error_set(error, ERROR_LIMIT, "", "more than %d event queues",
                         OUTPUT_MAX_QUEUES);
    }
    output->queues =
        calloc(options->n_queues + 1, sizeof(struct event_queue *));
    if (!output->queues) {
        return error_set(error, ERROR_MEMORY, "", "no memory for queues");
    }
    while (output->n_queues < options->n_queues) {
        struct event_queue *queue =
            event_queue_new(bytes, options->blocking, &output->work, error);

        if (!queue) {
            return false;
        }
        output->queues[output->n_queues++] = queue;
    }
    return true;
}

static bool
open_sinks(struct output *output, const struct output_options *options,
           struct error *error)
{
    struct sink_options sink_options = {
        .source = &output->source,
        .patience_ns =
            options->patience_ns ? options->patience_ns : DEFAULT_PATIENCE_NS,
        .redis_password = options->redis_password,
        .stop = options->stop,
        .append = options->append,
        .blocking = options->blocking,
        .spool = &options->spool,
        .deadline_ns = &output->deadline_ns,
    };

    if (options->n_targets > OUTPUT_MAX_SINKS) {
        return error_set(error, ERROR_LIMIT, "", "more than %d outputs",
                         OUTPUT_MAX_SINKS);
    }
    for (size_t i = 0; i < options->n_targets; i++) {
        const struct output_target *target = &options->targets[i];
        struct sink *sink;

        sink_options.password_file = target->password_file;
        sink_options.redis = &target->redis;
        sink_options.kinds = target->kinds ? target->kinds : EVENT_ALL_KINDS;
        sink = sink_open(target->target, &sink_options, error);
        if (!sink) {
            return false;
        }
        sink->kinds = sink_options.kinds;
        output->kinds |= sink->kinds;
        output->sinks[output->n_sinks++] = sink;
    }
    return true;
}

static bool
start(struct output *output, struct error *error)
{
    int failed = pthread_create(&output->thread, NULL, output_run, output);

    if (failed) {
        return error_set(error, ERROR_SYSTEM, "",
                         "cannot start the output thread (error %d)", failed);
    }
    output->started = true;
    return true;
}

static void
output_free(struct output *output)
{
    for (size_t i = 0; i < output->n_sinks; i++) {
        output->sinks[i]->class->close(output->sinks[i]);
    }
    for (unsigned i = 0; i < output->n_queues; i++) {
        event_queue_free(output->queues[i]);
    }
    free(output->queues);
    json_done(&output->line);
    pthread_mutex_destroy(&output->state_lock);
    redis_state_done(&output->state);
    redis_state_done(&output->state_sent);
    doorbell_done(&output->work);
    doorbell_done(&output->settled);
    free(output);
}

static void *
output_run(void *context)
{
    struct output *output = context;
    bool stop;

    do {
        unsigned wanted = atomic_load(&output->settle_wanted);

        /* Read before draining: what was put before the stop is drained. */
        stop = atomic_load(&output->stop);
        while (drain(output)) {
            send_state(output);
        }
        for (size_t i = 0; i < output->n_sinks; i++) {
            output->sinks[i]->class->flush(output->sinks[i]);
        }
        send_state(output);
        if (atomic_exchange(&output->reopen, false)) {
            reopen(output);
        }
        settle_if_wanted(output, stop, wanted);
        if (!stop) {
            doorbell_wait(&output->work,
                          EVENT_QUEUE_LATENCY_MS * MILLISECOND_NS);
        }
    } while (!stop);
    return NULL;
}

static void
reopen(struct output *output)
{
    for (size_t i = 0; i < output->n_sinks; i++) {
        struct sink *sink = output->sinks[i];

        if (sink->class->reopen) {
            sink->class->reopen(sink);
        }
    }
}

/* One turn of every queue; false when all were empty. */
static bool
drain(struct output *output)
{
    bool any = false;

    counter_add(&output->turns, 1);
    for (unsigned i = 0; i < output->n_queues; i++) {
        any |= drain_queue(output, output->queues[i]);
    }
    return any;
}

/* The lock is held to swap buffers, never while a server is waited for. */
static void
send_state(struct output *output)
{
    struct redis_state latest;

    if (!atomic_exchange(&output->state_waits, false)) {
        return;
    }
    pthread_mutex_lock(&output->state_lock);
    latest = output->state;
    output->state = output->state_sent;
    output->state_sent = latest;
    pthread_mutex_unlock(&output->state_lock);
    for (size_t i = 0; i < output->n_sinks; i++) {
        send_state_to(output->sinks[i], &output->state_sent);
    }
}

static void
send_state_to(struct sink *sink, const struct redis_state *state)
{
    if (sink->class->put_state) {
        sink->class->put_state(sink, state);
    }
}

static bool
drain_queue(struct output *output, struct event_queue *queue)
{
    struct event_queue_item item;
    unsigned n = 0;

    while (n < TURN_ITEMS && event_queue_peek(queue, &item)) {
        emit(output, &item);
        event_queue_pop(queue);
        n++;
    }
    return n > 0;
}

/* 'stop' and 'wanted' were read before the queues were drained and the sinks
 * flushed. */
static void
settle_if_wanted(struct output *output, bool stop, unsigned wanted)
{
    bool is_wanted = atomic_load(&output->settle_done) != wanted;

    for (size_t i = 0; (stop || is_wanted) && i < output->n_sinks; i++) {
        if (output->sinks[i]->class->settle) {
            output->sinks[i]->class->settle(output->sinks[i]);
        }
    }
    if (is_wanted) {
        atomic_store(&output->settle_done, wanted);
        doorbell_ring(&output->settled);
    }
}

static void
emit(struct output *output, const struct event_queue_item *item)
{
    struct json *line = &output->line;
    char id[EVENT_ID_SIZE];
    struct sink_event event;

    output->sequence++;
    event_id_format(&output->source, output->sequence, id);
    event_head_encode(line, id, output->sequence, item->emitted);
    json_raw(line, item->body, item->size);
    json_raw(line, "\n", 1);
    event = (struct sink_event){.kind = item->kind,
                                .emitted = item->emitted,
                                .line = line->data,
                                .size = line->size - 1};
    sink_put_line(output, &event);
}

static void
sink_put_line(struct output *output, const struct sink_event *event)
{
    for (size_t i = 0; i < output->n_sinks; i++) {
        struct sink *sink = output->sinks[i];

        if (!(sink->kinds >> event->kind & 1)) {
            continue;
        }
        if (output->line.failed) {
            counter_add(&sink->dropped[event->kind], 1);
        } else {
            sink->class->put(sink, event);
        }
    }
}

/* What became of events is read before what came, so that what is left over as
 * spooled is never negative while events flow. */
static void
fill_status(const struct output *output, size_t i, struct event_output *status)
{
    const struct sink *sink = output->sinks[i];

    *status = (struct event_output){.mode = "file", .up = true};
    sink_status(output->sinks[i], status);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct event_counters *counters = &status->kind[kind];

        for (unsigned q = 0; sink->kinds >> kind & 1 && q < output->n_queues;
             q++) {
            counters->refused += event_queue_refused(output->queues[q], kind);
            counters->emitted += event_queue_emitted(output->queues[q], kind);
        }
        counters->dropped += counters->refused;
        counters->lost[EVENT_LOSS_QUEUE_FULL] = counters->refused;
        counters->spooled = left_over(counters);
    }
}

static uint64_t
left_over(const struct event_counters *counters)
{
    uint64_t came = counters->emitted + counters->recovered + counters->rewound;
    uint64_t gone = counters->acked + counters->dropped;

    return came > gone ? came - gone : 0;
}

static bool
lost(const struct event_output *status)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (status->kind[kind].dropped) {
            return true;
        }
    }
    return false;
}

static void
tell_loss(const struct event_output *status, struct error *error)
{
    *error = status->error;
    if (error->code == ERROR_NONE) {
        error_set(error, ERROR_LIMIT, status->name,
                  "events were dropped: too large, or the queue was full");
    }
}
