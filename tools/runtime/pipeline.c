/* Reader, workers and desk put together; see pipeline.h. */

#include "tools/runtime/pipeline.h"

#include "tools/output/output.h"
#include "tools/runtime/exchange.h"
#include "tools/runtime/handoff.h"
#include "tools/runtime/reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Packets of a round, when they come without a pause: so many that what a
     * round costs does not show. */
    ROUND_PACKETS = 4096,
    /* Full batches of one lane in a round.  Every round must fit into a handoff
     * whole, the batch that ends it included: a worker may wait for the desk,
     * and the desk waits for the end of the round on every lane. */
    ROUND_BATCHES = HANDOFF_BATCHES - 2
};

/* Where packets of one share go. */
struct lane {
    struct worker *worker;
    struct exchange *handoff;    /* NULL: the worker runs inline. */
    struct handoff_batch *batch; /* Being filled; NULL before the first. */
    unsigned round_batches;      /* Sent since the last round ended. */
    pthread_t thread;
    bool running;
    const struct pipeline *pipeline; /* Read after the last batch. */
};

struct pipeline {
    const struct pipeline_options *options;
    struct pipeline_result *result;
    struct capture_names names;
    struct wall_time clock; /* The latest stamp so far. */
    size_t round_packets;   /* Handed on since the last round ended. */
    struct desk *desk;
    pthread_t desk_thread;
    bool desk_running;
    struct lane lanes[PIPELINE_MAX_WORKERS];
    unsigned n_lanes;
};

static bool start(struct pipeline *, struct error *);
static bool start_desk(struct pipeline *, struct error *);
static bool start_lane(struct pipeline *, struct lane *, unsigned i,
                       struct error *);
static bool start_threads(struct pipeline *, struct error *);
static void finish(struct pipeline *);
static void send_last(struct lane *);
static void finish_lane(struct lane *, struct pipeline_counters *sum);
static void *run_desk(void *argument);
static void *run_lane(void *argument);
static void work(struct worker *, const struct handoff_batch *);
static void finish_worker(struct lane *);
static struct wall_time tick(struct pipeline *, const struct packet *);
static void work_inline(void *context, const struct frame *,
                        const struct packet *, size_t n_packets, bool idle);
static void share_out(void *context, const struct frame *,
                      const struct packet *, size_t n_packets, bool idle);
static void end_round(struct pipeline *, struct policy *next);
static struct policy *next_policy(struct pipeline *);

unsigned
pipeline_n_queues(unsigned n_workers)
{
    return n_workers == 1 ? 1 : n_workers + 2; /* The desk's; the caller's. */
}

bool
pipeline_run(const struct pipeline_options *options,
             struct pipeline_result *result, struct error *error)
{
    struct pipeline pipeline = {.options = options, .result = result};
    bool started;

    memset(result, 0, sizeof *result);
    result->files = calloc(options->n_files, sizeof *result->files);
    if (!result->files) {
        return error_set(error, ERROR_MEMORY, NULL, "out of memory for files");
    }
    capture_names_init(&pipeline.names, options->files, options->n_files);
    started = start(&pipeline, error);
    if (started) {
        reader_run(options, &pipeline.names,
                   options->n_workers == 1 ? work_inline : share_out, &pipeline,
                   result);
    }
    finish(&pipeline);
    capture_names_done(&pipeline.names);
    return started;
}

void
pipeline_result_done(struct pipeline_result *result)
{
    free(result->files);
}

/* nDPI wants its modules made one after the other: here, before any thread. */
static bool
start(struct pipeline *pipeline, struct error *error)
{
    if (!start_desk(pipeline, error)) {
        return false;
    }
    for (unsigned i = 0; i < pipeline->options->n_workers; i++) {
        struct lane *lane = &pipeline->lanes[pipeline->n_lanes++];

        if (!start_lane(pipeline, lane, i, error)) {
            return false;
        }
    }
    return pipeline->n_lanes == 1 || start_threads(pipeline, error);
}

static bool
start_desk(struct pipeline *pipeline, struct error *error)
{
    const struct pipeline_options *options = pipeline->options;
    unsigned n = options->n_workers;
    struct desk_options desk = {
        .n_trays = n,
        .policy = options->worker.policy,
        .source = options->worker.source,
        .queue = options->output ? output_queue(options->output, n == 1 ? 0 : n)
                                 : NULL,
        .observer = options->desk_observer,
        .events = options->worker.events,
    };

    pipeline->desk = desk_new(&desk, error);
    return pipeline->desk != NULL;
}

static bool
start_threads(struct pipeline *pipeline, struct error *error)
{
    pipeline->desk_running = pthread_create(&pipeline->desk_thread, NULL,
                                            run_desk, pipeline->desk) == 0;
    for (unsigned i = 0; pipeline->desk_running && i < pipeline->n_lanes; i++) {
        struct lane *lane = &pipeline->lanes[i];

        lane->running =
            pthread_create(&lane->thread, NULL, run_lane, lane) == 0;
        if (!lane->running) {
            break;
        }
    }
    return pipeline->lanes[pipeline->n_lanes - 1].running ||
           error_set(error, ERROR_SYSTEM, NULL, "cannot start a thread");
}

static bool
start_lane(struct pipeline *pipeline, struct lane *lane, unsigned i,
           struct error *error)
{
    const struct pipeline_options *options = pipeline->options;
    struct worker_options worker = options->worker;

    worker.names = &pipeline->names;
    worker.tray = desk_tray(pipeline->desk, i);
    worker.queue = options->output ? output_queue(options->output, i) : NULL;
    worker.observer = options->observers ? &options->observers[i] : NULL;
    worker.table.max_flows =
        (worker.table.max_flows + options->n_workers - 1) / options->n_workers;
    worker.table.max_bytes /= options->n_workers;
    worker.max_inspection_bytes /= options->n_workers;
    lane->pipeline = pipeline;
    lane->worker = worker_new(&worker, error);
    if (!lane->worker) {
        return false;
    }
    if (options->n_workers > 1) {
        lane->handoff = handoff_new(error);
    }
    return options->n_workers == 1 || lane->handoff;
}

/* All lanes are told before the first is waited for, so they finish together.
 * Workers last as long as the desk, which looks at what is theirs. */
static void
finish(struct pipeline *pipeline)
{
    struct pipeline_counters *counters = &pipeline->result->counters;

    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        if (pipeline->lanes[i].running) {
            send_last(&pipeline->lanes[i]);
        }
    }
    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        finish_lane(&pipeline->lanes[i], counters);
    }
    if (pipeline->desk_running) {
        pthread_join(pipeline->desk_thread, NULL);
    }
    if (pipeline->desk) {
        desk_get_counters(pipeline->desk, &counters->violations,
                          &counters->detectors);
    }
    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        worker_free(pipeline->lanes[i].worker);
    }
    desk_free(pipeline->desk);
}

static void
send_last(struct lane *lane)
{
    if (lane->batch) {
        exchange_send(lane->handoff, lane->batch);
    }
    exchange_send(lane->handoff, NULL);
}

static void
finish_lane(struct lane *lane, struct pipeline_counters *sum)
{
    struct worker_counters counters;

    if (lane->running) {
        pthread_join(lane->thread, NULL);
    } else if (lane->worker) {
        finish_worker(lane);
    }
    if (lane->worker) {
        worker_get_counters(lane->worker, &counters);
        worker_counters_add(&sum->workers, &counters);
    }
    exchange_free(lane->handoff);
}

static void *
run_desk(void *argument)
{
    desk_run(argument);
    return NULL;
}

static void *
run_lane(void *argument)
{
    struct lane *lane = argument;
    struct handoff_batch *batch;

    while ((batch = exchange_receive(lane->handoff))) {
        work(lane->worker, batch);
        exchange_give_back(lane->handoff, batch);
    }
    finish_worker(lane);
    return NULL;
}

static void
work(struct worker *worker, const struct handoff_batch *batch)
{
    worker_packets(worker, batch->frames, batch->packets, batch->clocks,
                   batch->n_packets);
    if (batch->ends_round) {
        worker_end_round(worker, batch->clock);
    }
    if (batch->policy) {
        worker_set_policy(worker, batch->policy);
        policy_unref(batch->policy);
    }
}

static void
finish_worker(struct lane *lane)
{
    const struct pipeline *pipeline = lane->pipeline;

    worker_finish(lane->worker,
                  pipeline->result->stopped ? FLOW_END_SHUTDOWN
                                            : FLOW_END_END_OF_FILE,
                  pipeline->clock);
}

/* Time as the whole run sees it, packet by packet; it never goes back. */
static struct wall_time
tick(struct pipeline *pipeline, const struct packet *packet)
{
    if (packet->time.ns > pipeline->clock.ns) {
        pipeline->clock = packet->time;
    }
    return pipeline->clock;
}

static void
work_inline(void *context, const struct frame *frames,
            const struct packet *packets, size_t n_packets, bool idle)
{
    struct pipeline *pipeline = context;
    struct worker *worker = pipeline->lanes[0].worker;
    struct wall_time clocks[READER_BATCH];
    struct policy *next;

    (void)idle;
    for (size_t i = 0; i < n_packets; i++) {
        clocks[i] = tick(pipeline, &packets[i]);
    }
    worker_packets(worker, frames, packets, clocks, n_packets);
    worker_end_round(worker, pipeline->clock);
    next = next_policy(pipeline);
    if (next) {
        worker_set_policy(worker, next);
        policy_unref(next);
    }
}

/* Packets of one pair of addresses go to one worker, so that fragments, ICMP
 * errors and nDPI's caches find what they belong to. */
static void
share_out(void *context, const struct frame *frames,
          const struct packet *packets, size_t n_packets, bool idle)
{
    struct pipeline *pipeline = context;
    uint64_t seed = pipeline->options->worker.table.hash_seed;
    struct policy *next;

    for (size_t i = 0; i < n_packets; i++) {
        struct lane *lane =
            &pipeline
                 ->lanes[flow_pair_hash(&packets[i], seed) % pipeline->n_lanes];
        struct wall_time clock;

        if (lane->round_batches == ROUND_BATCHES) {
            end_round(pipeline, NULL);
        }
        clock = tick(pipeline, &packets[i]);
        if (!lane->batch) {
            lane->batch = handoff_take_empty(lane->handoff);
        }
        while (
            !handoff_batch_add(lane->batch, &frames[i], &packets[i], clock)) {
            exchange_send(lane->handoff, lane->batch);
            lane->round_batches++;
            lane->batch = handoff_take_empty(lane->handoff);
        }
    }
    pipeline->round_packets += n_packets;
    next = next_policy(pipeline);
    if (idle || next || pipeline->round_packets >= ROUND_PACKETS) {
        end_round(pipeline, next);
    }
}

static void
end_round(struct pipeline *pipeline, struct policy *next)
{
    pipeline->round_packets = 0;
    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        struct lane *lane = &pipeline->lanes[i];

        if (!lane->batch) {
            lane->batch = handoff_take_empty(lane->handoff);
        }
        lane->batch->ends_round = true;
        lane->batch->clock = pipeline->clock;
        lane->batch->policy = next ? policy_ref(next) : NULL;
        exchange_send(lane->handoff, lane->batch);
        lane->batch = NULL;
        lane->round_batches = 0;
    }
    policy_unref(next);
}

static struct policy *
next_policy(struct pipeline *pipeline)
{
    const struct pipeline_options *options = pipeline->options;

    return options->next_policy
               ? options->next_policy(options->policy_context, pipeline->clock)
               : NULL;
}
