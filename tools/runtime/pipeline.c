/* Reader and workers put together; see pipeline.h. */

#include "tools/runtime/pipeline.h"

#include "tools/output/output.h"
#include "tools/runtime/handoff.h"
#include "tools/runtime/reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Where packets of one share go. */
struct lane {
    struct worker *worker;
    struct handoff *handoff;     /* NULL: the worker runs inline. */
    struct handoff_batch *batch; /* Being filled; NULL before the first. */
    pthread_t thread;
    bool running;
    const struct pipeline *pipeline; /* Read after the last batch. */
};

struct pipeline {
    const struct pipeline_options *options;
    struct pipeline_result *result;
    struct capture_names names;
    struct wall_time clock; /* The latest stamp so far. */
    struct lane lanes[PIPELINE_MAX_WORKERS];
    unsigned n_lanes;
};

static bool start(struct pipeline *, struct error *);
static bool start_lane(struct pipeline *, struct lane *, unsigned i,
                       struct error *);
static void finish(struct pipeline *);
static void send_last(struct lane *);
static void finish_lane(struct lane *, struct pipeline_counters *sum);
static void *run_lane(void *argument);
static void finish_worker(struct lane *);
static struct wall_time tick(struct pipeline *, const struct packet *);
static void work_inline(void *context, const struct frame *,
                        const struct packet *, size_t n_packets);
static void share_out(void *context, const struct frame *,
                      const struct packet *, size_t n_packets);

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
    for (unsigned i = 0; i < pipeline->options->n_workers; i++) {
        struct lane *lane = &pipeline->lanes[pipeline->n_lanes++];

        if (!start_lane(pipeline, lane, i, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        struct lane *lane = &pipeline->lanes[i];

        if (!lane->handoff) {
            continue;
        }
        if (pthread_create(&lane->thread, NULL, run_lane, lane) != 0) {
            error_set(error, ERROR_SYSTEM, NULL, "cannot start a thread");
            return false;
        }
        lane->running = true;
    }
    return true;
}

static bool
start_lane(struct pipeline *pipeline, struct lane *lane, unsigned i,
           struct error *error)
{
    const struct pipeline_options *options = pipeline->options;
    struct worker_options worker = options->worker;

    worker.names = &pipeline->names;
    worker.queue = options->output ? output_queue(options->output, i) : NULL;
    worker.observer = options->observers ? &options->observers[i] : NULL;
    worker.table.max_flows =
        (worker.table.max_flows + options->n_workers - 1) / options->n_workers;
    worker.table.max_bytes /= options->n_workers;
    worker.max_inspections /= options->n_workers;
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
 */
static void
finish(struct pipeline *pipeline)
{
    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        if (pipeline->lanes[i].running) {
            send_last(&pipeline->lanes[i]);
        }
    }
    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        finish_lane(&pipeline->lanes[i], &pipeline->result->counters);
    }
}

static void
send_last(struct lane *lane)
{
    if (lane->batch) {
        handoff_send(lane->handoff, lane->batch);
    }
    handoff_send(lane->handoff, NULL);
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
    worker_free(lane->worker);
    handoff_free(lane->handoff);
}

static void *
run_lane(void *argument)
{
    struct lane *lane = argument;
    struct handoff_batch *batch;

    while ((batch = handoff_receive(lane->handoff))) {
        for (size_t i = 0; i < batch->n_packets; i++) {
            worker_prefetch(lane->worker, &batch->packets[i]);
        }
        for (size_t i = 0; i < batch->n_packets; i++) {
            worker_packet(lane->worker, &batch->frames[i], &batch->packets[i],
                          batch->clocks[i]);
        }
        handoff_give_back(lane->handoff, batch);
    }
    finish_worker(lane);
    return NULL;
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
            const struct packet *packets, size_t n_packets)
{
    struct pipeline *pipeline = context;
    struct worker *worker = pipeline->lanes[0].worker;

    for (size_t i = 0; i < n_packets; i++) {
        worker_prefetch(worker, &packets[i]);
    }
    for (size_t i = 0; i < n_packets; i++) {
        worker_packet(worker, &frames[i], &packets[i],
                      tick(pipeline, &packets[i]));
    }
}

/* Packets of one pair of addresses go to one worker, so that fragments, ICMP
 * errors and nDPI's caches find what they belong to. */
static void
share_out(void *context, const struct frame *frames,
          const struct packet *packets, size_t n_packets)
{
    struct pipeline *pipeline = context;
    uint64_t seed = pipeline->options->worker.table.hash_seed;

    for (size_t i = 0; i < n_packets; i++) {
        struct lane *lane =
            &pipeline
                 ->lanes[flow_pair_hash(&packets[i], seed) % pipeline->n_lanes];
        struct wall_time clock = tick(pipeline, &packets[i]);

        if (!lane->batch) {
            lane->batch = handoff_take_empty(lane->handoff);
        }
        while (
            !handoff_batch_add(lane->batch, &frames[i], &packets[i], clock)) {
            handoff_send(lane->handoff, lane->batch);
            lane->batch = handoff_take_empty(lane->handoff);
        }
    }
}
