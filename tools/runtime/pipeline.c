/* Reader, workers and desk put together; see pipeline.h.
 *
 * Nobody is the reader for long.  Whichever worker has little left to do reads
 * on a little, for all of them, and then does its own share of what there is.
 * So who is ahead reads, the others work, and no worker waits while there is
 * something to read.  What reading needs goes from hand to hand with 'file';
 * what may wait for somebody else is read by the calling thread alone, because
 * signals interrupt that one. */

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
    CACHE_LINE_BYTES = 64,
    /* Who has fewer stretches left reads on: they are still to be done when
     * another one reads, which takes less time than doing so many. */
    LANE_AHEAD = 8
};

/* Where packets of one share go.  The first is the calling thread's. */
struct lane {
    struct worker *worker;
    unsigned number;
    pthread_t thread;
    bool running;
    bool finished;
    struct pipeline *pipeline;
};

struct pipeline {
    /* Whose the file is: what it takes to read on is theirs, and written at
     * every packet. */
    alignas(CACHE_LINE_BYTES) pthread_mutex_t file;
    const struct lane *reading;
    struct pipeline_result *result; /* Read by others after the last stretch. */
    struct wall_time clock;         /* The latest stamp. */
    unsigned round_stretches;       /* Sent since the last round ended. */
    bool has_sent;                  /* A stretch, this time. */
    bool ended;                     /* There is nothing more to read. */
    struct reader reader;

    /* The calling thread's, and some lines away from what follows. */
    struct desk *desk;
    pthread_t desk_thread;
    bool desk_running;
    unsigned n_lanes;
    struct lane lanes[PIPELINE_MAX_WORKERS];

    /* All read these, and files being opened and closed change the last. */
    struct handoff *handoff; /* NULL: the only worker runs inline. */
    const struct pipeline_options *options;
    struct capture_names names;
    atomic_bool first_reads; /* Lane, and no other. */
};

static bool start(struct pipeline *, struct error *);
static bool start_desk(struct pipeline *, struct error *);
static bool start_lane(struct pipeline *, struct lane *, unsigned i,
                       struct error *);
static bool start_threads(struct pipeline *, struct error *);
static void run(struct pipeline *);
static void finish(struct pipeline *);
static void finish_lane(struct lane *, struct pipeline_counters *sum);
static void add_pairs(struct pipeline *);
static void *run_desk(void *argument);
static void *run_lane(void *argument);
static bool read_or_work(const struct lane *);
static bool may_read(const struct lane *, size_t backlog);
static void read_on(const struct lane *);
static void work_next(const struct lane *);
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
    pthread_mutex_init(&pipeline.file, NULL);
    atomic_init(&pipeline.first_reads, true);
    started = start(&pipeline, error);
    if (started) {
        run(&pipeline);
    }
    finish(&pipeline);
    pthread_mutex_destroy(&pipeline.file);
    capture_names_done(&pipeline.names);
    return started;
}

void
pipeline_result_done(struct pipeline_result *result)
{
    free(result->files);
    pairs_done(&result->pairs);
}

/* nDPI wants its modules made one after the other: here, before any thread. */
static bool
start(struct pipeline *pipeline, struct error *error)
{
    struct reader_options reader = {.pipeline = pipeline->options,
                                    .names = &pipeline->names,
                                    .handler = work_inline,
                                    .context = pipeline};

    if (pipeline->options->n_workers > 1) {
        reader.windows = (struct source_windows){next_window, pipeline};
        reader.handler = share_out;
    }
    reader_init(&pipeline->reader, &reader, pipeline->result);
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
    for (unsigned i = 1; pipeline->desk_running && i < pipeline->n_lanes; i++) {
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

static void
run(struct pipeline *pipeline)
{
    if (pipeline->handoff) {
        run_lane(&pipeline->lanes[0]);
    } else {
        while (reader_next(&pipeline->reader)) {
        }
    }
}

/* Workers last as long as the desk, which looks at what is theirs. */
static void
finish(struct pipeline *pipeline)
{
    struct pipeline_counters *counters = &pipeline->result->counters;

    if (pipeline->handoff && !pipeline->ended) { /* It did not start. */
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
    } else if (lane->worker && !lane->finished) {
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

    while (read_or_work(lane)) {
    }
    finish_worker(lane);
    return NULL;
}

static bool
read_or_work(const struct lane *lane)
{
    struct pipeline *pipeline = lane->pipeline;
    size_t backlog = handoff_backlog(pipeline->handoff, lane->number);

    if (may_read(lane, backlog) &&
        pthread_mutex_trylock(&pipeline->file) == 0) {
        bool reads = !pipeline->ended;

        if (reads) {
            read_on(lane);
        }
        pthread_mutex_unlock(&pipeline->file);
        if (reads) {
            return true;
        }
    }
    if (backlog == 0) {
        return handoff_wait(pipeline->handoff, lane->number);
    }
    work_next(lane);
    return true;
}

static bool
may_read(const struct lane *lane, size_t backlog)
{
    return backlog < LANE_AHEAD &&
           (lane->number == 0 ||
            !atomic_load_explicit(&lane->pipeline->first_reads,
                                  memory_order_acquire));
}

/* Until a stretch is sent, a file read to its end, or all of them. */
static void
read_on(const struct lane *lane)
{
    struct pipeline *pipeline = lane->pipeline;
    bool may_wait = reader_may_wait(&pipeline->reader);

    pipeline->reading = lane;
    pipeline->has_sent = false;
    while (!pipeline->ended && !pipeline->has_sent &&
           reader_may_wait(&pipeline->reader) == may_wait) {
        pipeline->ended = !reader_next(&pipeline->reader);
    }
    if (pipeline->ended) {
        if (!handoff_is_empty(pipeline->handoff)) {
            send_stretch(pipeline, false, NULL);
        }
        handoff_close(pipeline->handoff);
    } else if (reader_may_wait(&pipeline->reader) != may_wait) {
        atomic_store_explicit(&pipeline->first_reads, !may_wait,
                              memory_order_release);
        handoff_wake(pipeline->handoff, 0);
    }
}

static void
work_next(const struct lane *lane)
{
    struct handoff *handoff = lane->pipeline->handoff;
    struct handoff_share share;

    handoff_receive(handoff, lane->number, &share);
    work(lane, &share);
    handoff_done(handoff, lane->number);
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
    lane->finished = true;
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
 * is sent.  A round ends before the reader waits, for its file or for windows
 * to be empty, which need not happen before it has done its own share. */
static uint8_t *
next_window(void *context, size_t size, bool waits)
{
    struct pipeline *pipeline = context;
    struct handoff *handoff = pipeline->handoff;
    struct policy *policy = next_policy(pipeline);
    bool may_wait =
        waits || size > SOURCE_WINDOW_BYTES || handoff_is_last(handoff);

    if (policy || !handoff_is_empty(handoff) ||
        (may_wait && pipeline->round_stretches > 0)) {
        send_stretch(pipeline, may_wait || policy, policy);
    }
    while (may_wait &&
           handoff_backlog(handoff, pipeline->reading->number) > 0) {
        work_next(pipeline->reading);
    }
    return handoff_window(handoff, size);
}

static void
send_stretch(struct pipeline *pipeline, bool ends_round, struct policy *policy)
{
    bool ends = ends_round || pipeline->round_stretches + 1 == HANDOFF_ROUND;

    pipeline->has_sent = true;
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
