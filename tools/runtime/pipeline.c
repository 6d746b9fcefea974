/* Reader, workers and desk put together; see pipeline.h. */

#include "tools/runtime/pipeline.h"

#include "capture/source.h"
#include "tools/output/output.h"
#include "tools/runtime/handoff.h"
#include "tools/runtime/reader.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
    CACHE_LINE_BYTES = 64
};

/* Where packets of one share go. */
struct lane {
    struct worker *worker;
    unsigned number;
    pthread_t thread;
    bool running;
    const struct pipeline *pipeline; /* Read after the last stretch. */
};

struct pipeline {
    /* The calling thread's own, which writes some of it at every packet. */
    alignas(CACHE_LINE_BYTES) struct wall_time clock; /* The latest stamp. */
    unsigned round_stretches; /* Sent since the last round ended. */
    unsigned n_lanes;
    struct pipeline_result *result; /* Read by others after the last stretch. */
    struct desk *desk;
    pthread_t desk_thread;
    bool desk_running;

    /* Workers read these. */
    alignas(CACHE_LINE_BYTES) struct lane lanes[PIPELINE_MAX_WORKERS];
    struct handoff *handoff; /* NULL: the only worker runs inline. */
    const struct pipeline_options *options;
    struct capture_names names;
};

static void read_files(struct pipeline *);
static bool start(struct pipeline *, struct error *);
static bool start_desk(struct pipeline *, struct error *);
static bool start_lane(struct pipeline *, struct lane *, unsigned i,
                       struct error *);
static bool start_threads(struct pipeline *, struct error *);
static void finish(struct pipeline *);
static void finish_lane(struct lane *, struct pipeline_counters *sum);
static void add_pairs(struct pipeline *);
static void *run_desk(void *argument);
static void *run_lane(void *argument);
static void work(const struct lane *, const struct handoff_share *);
static void work_list(const struct lane *, const struct handoff_list *);
static void prefetch_headers(const struct frame *);
static void finish_worker(struct lane *);
static struct wall_time tick(struct pipeline *, const struct packet *);
static void work_inline(void *context, const struct frame *,
                        const struct packet *, size_t n_packets);
static void share_out(void *context, const struct frame *,
                      const struct packet *, size_t n_packets);
static uint8_t *next_window(void *context, size_t size, bool waits);
static void send_stretch(struct pipeline *, bool ends_round, struct policy *);
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
    if (!pairs_init(&result->pairs, options->worker.policy, error)) {
        return false;
    }
    capture_names_init(&pipeline.names, options->files, options->n_files);
    started = start(&pipeline, error);
    if (started) {
        read_files(&pipeline);
    }
    finish(&pipeline);
    capture_names_done(&pipeline.names);
    return started;
}

void
pipeline_result_done(struct pipeline_result *result)
{
    free(result->files);
    pairs_done(&result->pairs);
}

static void
read_files(struct pipeline *pipeline)
{
    struct reader_options reader = {.pipeline = pipeline->options,
                                    .names = &pipeline->names,
                                    .handler = work_inline,
                                    .context = pipeline};

    if (pipeline->handoff) {
        reader.windows = (struct source_windows){next_window, pipeline};
        reader.handler = share_out;
    }
    reader_run(&reader, pipeline->result);
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
    pipeline->handoff = handoff_new(pipeline->n_lanes, error);
    if (!pipeline->handoff) {
        return false;
    }
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
    struct worker_options worker =
        worker_share(&options->worker, i, options->n_workers);

    worker.names = &pipeline->names;
    worker.tray = desk_tray(pipeline->desk, i);
    worker.queue = options->output ? output_queue(options->output, i) : NULL;
    worker.observer = options->observers ? &options->observers[i] : NULL;
    lane->pipeline = pipeline;
    lane->number = i;
    lane->worker = worker_new(&worker, error);
    return lane->worker != NULL;
}

/* All lanes are told before the first is waited for, so they finish together.
 * Workers last as long as the desk, which looks at what is theirs. */
static void
finish(struct pipeline *pipeline)
{
    struct pipeline_counters *counters = &pipeline->result->counters;

    if (pipeline->handoff) {
        if (!handoff_is_empty(pipeline->handoff)) {
            send_stretch(pipeline, false, NULL);
        }
        handoff_close(pipeline->handoff);
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
    add_pairs(pipeline);
    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        worker_free(pipeline->lanes[i].worker);
    }
    desk_free(pipeline->desk);
    handoff_free(pipeline->handoff);
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
}

/* In terms of the policy that was in force last. */
static void
add_pairs(struct pipeline *pipeline)
{
    struct pairs *sum = &pipeline->result->pairs;

    for (unsigned i = 0; i < pipeline->n_lanes; i++) {
        const struct worker *worker = pipeline->lanes[i].worker;

        if (worker && i == 0) {
            pairs_clear(sum, worker_pairs(worker)->policy);
        }
        if (worker) {
            pairs_add(sum, worker_pairs(worker));
        }
    }
    if (pipeline->desk) {
        pairs_add(sum, desk_pairs(pipeline->desk));
    }
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
    struct handoff *handoff = lane->pipeline->handoff;
    struct handoff_share share;

    while (handoff_receive(handoff, lane->number, &share)) {
        work(lane, &share);
        handoff_done(handoff, lane->number);
    }
    finish_worker(lane);
    return NULL;
}

static void
work(const struct lane *lane, const struct handoff_share *share)
{
    for (const struct handoff_list *list = share->frames; list;
         list = list->next) {
        work_list(lane, list);
    }
    if (share->ends_round) {
        worker_end_round(lane->worker, share->clock);
    }
    if (share->policy) {
        worker_set_policy(lane->worker, share->policy);
    }
}

/* Frames are dissected again here, in this thread's cache: that costs less than
 * what the reader made of them would, on its way from the reader's. */
static void
work_list(const struct lane *lane, const struct handoff_list *list)
{
    struct packet packets[HANDOFF_LIST_FRAMES];

    for (size_t i = 0; i < list->n_frames; i++) {
        prefetch_headers(&list->frames[i]);
    }
    for (size_t i = 0; i < list->n_frames; i++) {
        dissect_frame(&list->frames[i], &lane->pipeline->options->dissect,
                      &packets[i]);
    }
    worker_packets(lane->worker, list->frames, packets, list->clocks,
                   list->n_frames);
}

static void
prefetch_headers(const struct frame *frame)
{
    __builtin_prefetch(frame->data);
    if (frame->captured > CACHE_LINE_BYTES) {
        __builtin_prefetch(frame->data + CACHE_LINE_BYTES);
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
            const struct packet *packets, size_t n_packets)
{
    struct pipeline *pipeline = context;
    struct worker *worker = pipeline->lanes[0].worker;
    struct wall_time clocks[READER_BATCH];
    struct policy *next;

    for (size_t i = 0; i < n_packets; i++) {
        clocks[i] = tick(pipeline, &packets[i]);
    }
    if (n_packets > 0) { /* Before the first there is no time. */
        worker_packets(worker, frames, packets, clocks, n_packets);
        worker_end_round(worker, pipeline->clock);
    }
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
          const struct packet *packets, size_t n_packets)
{
    struct pipeline *pipeline = context;
    uint64_t seed = pipeline->options->worker.table.hash_seed;

    for (size_t i = 0; i < n_packets; i++) {
        uint64_t hash = flow_pair_hash(&packets[i], seed);

        handoff_add(pipeline->handoff, (unsigned)(hash % pipeline->n_lanes),
                    &frames[i], tick(pipeline, &packets[i]));
    }
}

/* Nothing is left in the window but the beginning of a record: what was in it
 * is sent.  A round ends before the reader waits, for its file or for large
 * windows to be empty. */
static uint8_t *
next_window(void *context, size_t size, bool waits)
{
    struct pipeline *pipeline = context;
    struct policy *policy = next_policy(pipeline);
    bool large = size > SOURCE_WINDOW_BYTES;

    if (policy || large || !handoff_is_empty(pipeline->handoff) ||
        (waits && pipeline->round_stretches > 0)) {
        send_stretch(pipeline, waits || large || policy, policy);
    }
    return handoff_window(pipeline->handoff, size);
}

static void
send_stretch(struct pipeline *pipeline, bool ends_round, struct policy *policy)
{
    bool ends = ends_round || pipeline->round_stretches + 1 == HANDOFF_ROUND;

    pipeline->round_stretches = ends ? 0 : pipeline->round_stretches + 1;
    handoff_send(pipeline->handoff, ends, pipeline->clock, policy);
}

static struct policy *
next_policy(struct pipeline *pipeline)
{
    const struct pipeline_options *options = pipeline->options;

    return options->next_policy
               ? options->next_policy(options->policy_context, pipeline->clock)
               : NULL;
}
