/* Lanes, desk and interfaces put together; see live.h. */

#include "tools/runtime/live.h"

#include "capture/live_group.h"
#include "tools/output/output.h"
#include "tools/runtime/capture_names.h"
#include "tools/runtime/live_lane.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct live {
    const struct live_options *options; /* Until it is started. */
    unsigned n_lanes;
    size_t n_interfaces;
    const char *interface_names[LIVE_MAX_INTERFACES]; /* Borrowed. */
    struct capture_names names;
    struct rounds rounds;
    struct live_group *groups[LIVE_MAX_INTERFACES]; /* NULL: one lane only. */
    struct desk *desk;
    struct event_queue *desk_queue; /* NULL: no events. */
    pthread_t desk_thread;
    bool desk_running;
    struct counter desk_turns;
    pthread_mutex_t lock;
    struct pipeline_counters desk_counters; /* Under the lock; its part, and */
    struct pairs desk_pairs;                /* a copy of its pairs. */
    struct live_lane *lanes[PIPELINE_MAX_WORKERS];
    pthread_t threads[PIPELINE_MAX_WORKERS];
    unsigned n_running;
};

static bool start(struct live *, struct error *);
static bool start_desk(struct live *, struct error *);
static bool make_lane(struct live *, unsigned i, struct error *);
static bool make_worker(struct live *, struct live_lane *, unsigned i,
                        struct error *);
static bool open_interfaces(struct live *, struct error *);
static bool open_interface(struct live *, size_t i, struct error *);
static bool start_threads(struct live *, struct error *);
static void *run_lane(void *lane);
static void *run_desk(void *context);
static void tell_desk(struct live *);
static void wake_all(void *context);
static void finish(struct live *);
static void live_free(struct live *);
static void free_lane(struct live_lane *);
static void add_lane(struct live_report *, const struct live_lane_report *,
                     unsigned worker);
static void add_frames(struct pipeline_counters *sum,
                       const struct pipeline_counters *);
static void add_interface(struct event_interface *,
                          const struct source_live_stats *, unsigned worker);

unsigned
live_n_queues(unsigned n_workers)
{
    return n_workers + 2; /* The desk's; the caller's. */
}

struct live *
live_start(const struct live_options *options, struct error *error)
{
    struct live *live = calloc(1, sizeof *live);

    if (!live) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    live->options = options;
    live->n_interfaces = options->n_interfaces;
    memcpy(live->interface_names, options->interfaces,
           options->n_interfaces * sizeof *options->interfaces);
    pthread_mutex_init(&live->lock, NULL);
    rounds_init(&live->rounds, options->n_workers);
    capture_names_init(&live->names, NULL, 0);
    if (!start(live, error)) {
        finish(live);
        live_free(live);
        return NULL;
    }
    return live;
}

/* nDPI wants its modules made one after the other: here, before any thread. */
static bool
start(struct live *live, struct error *error)
{
    if (!start_desk(live, error)) {
        return false;
    }
    for (unsigned i = 0; i < live->options->n_workers; i++) {
        if (!make_lane(live, i, error)) {
            return false;
        }
    }
    return open_interfaces(live, error) && start_threads(live, error);
}

static bool
start_desk(struct live *live, struct error *error)
{
    const struct live_options *options = live->options;
    struct event_queue *queue =
        options->output ? output_queue(options->output, options->n_workers)
                        : NULL;
    struct desk_options desk = {
        .n_trays = options->n_workers,
        .policy = options->worker.policy,
        .source = options->worker.source,
        .queue = queue,
        .events = options->worker.events,
        .rules = options->rules,
    };

    live->desk_queue = queue;
    live->desk = desk_new(&desk, error);
    return live->desk && pairs_init(&live->desk_pairs, desk.policy, error);
}

static bool
make_lane(struct live *live, unsigned i, struct error *error)
{
    struct live_lane *lane =
        aligned_alloc(alignof(struct live_lane), sizeof *lane);

    if (!lane) {
        return error_set(error, ERROR_MEMORY, NULL, "out of memory");
    }
    memset(lane, 0, sizeof *lane);
    live->lanes[live->n_lanes++] = lane;
    pthread_mutex_init(&lane->lock, NULL);
    lane->dissect = live->options->dissect;
    lane->rounds = &live->rounds;
    lane->desk = live->options->n_workers == 1 ? live->desk : NULL;
    lane->wake_others = wake_all;
    lane->context = live;
    lane->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (lane->wake_fd < 0) {
        return error_set(error, ERROR_SYSTEM, NULL, "cannot make an eventfd");
    }
    return make_worker(live, lane, i, error);
}

static bool
make_worker(struct live *live, struct live_lane *lane, unsigned i,
            struct error *error)
{
    const struct live_options *options = live->options;
    struct worker_options worker =
        worker_share(&options->worker, i, options->n_workers);
    struct tray *tray = desk_tray(live->desk, i);

    if (options->n_workers > 1) {
        tray->hurry = live_lane_hurry;
        tray->context = lane;
    }
    worker.names = &live->names;
    worker.tray = tray;
    worker.queue = options->output ? output_queue(options->output, i) : NULL;
    lane->queue = worker.queue;
    lane->worker = worker_new(&worker, error);
    return lane->worker && pairs_init(&lane->pairs, worker.policy, error);
}

static bool
open_interfaces(struct live *live, struct error *error)
{
    for (size_t i = 0; i < live->n_interfaces; i++) {
        if (!open_interface(live, i, error)) {
            return false;
        }
    }
    return true;
}

static bool
open_interface(struct live *live, size_t i, struct error *error)
{
    const struct live_options *options = live->options;
    struct source_live_options source = options->capture;

    source.interface = options->interfaces[i];
    source.number = capture_names_intern(&live->names, source.interface);
    if (options->n_workers > 1) {
        live->groups[i] =
            live_group_new(options->n_workers, options->spread_seed, error);
        if (!live->groups[i]) {
            return false;
        }
    }
    source.group = live->groups[i];
    for (unsigned worker = 0; worker < live->n_lanes; worker++) {
        struct live_lane *lane = live->lanes[worker];

        source.member = worker;
        lane->sources[i] = source_open_live(&source, error);
        if (!lane->sources[i]) {
            return false;
        }
        lane->n_sources = i + 1;
        source_live_get_stats(lane->sources[i], &lane->report.interfaces[i]);
    }
    return true;
}

static bool
start_threads(struct live *live, struct error *error)
{
    if (live->n_lanes > 1) {
        live->desk_running =
            pthread_create(&live->desk_thread, NULL, run_desk, live) == 0;
        if (!live->desk_running) {
            return error_set(error, ERROR_SYSTEM, NULL,
                             "cannot start a thread");
        }
    }
    while (live->n_running < live->n_lanes) {
        unsigned i = live->n_running;

        if (pthread_create(&live->threads[i], NULL, run_lane, live->lanes[i])) {
            return error_set(error, ERROR_SYSTEM, NULL,
                             "cannot start a thread");
        }
        live->n_running++;
    }
    return true;
}

static void *
run_lane(void *lane)
{
    live_lane_run(lane);
    return NULL;
}

static void *
run_desk(void *context)
{
    struct live *live = context;

    while (desk_run_round(live->desk)) {
        counter_add(&live->desk_turns, 1);
        pthread_mutex_lock(&live->lock);
        tell_desk(live);
        pthread_mutex_unlock(&live->lock);
        if (live->desk_queue && rounds_have_last(&live->rounds)) {
            event_queue_wait_from_now(live->desk_queue);
        }
    }
    return NULL;
}

/* With one worker it is the lane that does. */
static void
tell_desk(struct live *live)
{
    const struct pairs *pairs = desk_pairs(live->desk);

    desk_get_counters(live->desk, &live->desk_counters.violations,
                      &live->desk_counters.detectors);
    if (live->desk_pairs.changes != pairs->changes) {
        pairs_copy(&live->desk_pairs, pairs);
    }
}

static void
wake_all(void *context)
{
    struct live *live = context;

    for (unsigned i = 0; i < live->n_lanes; i++) {
        live_lane_wake(live->lanes[i]);
    }
}

void
live_get_report(struct live *live, struct live_report *report)
{
    memset(report, 0, sizeof *report);
    report->n_interfaces = live->n_interfaces;
    for (size_t i = 0; i < live->n_interfaces; i++) {
        report->interfaces[i].name = live->interface_names[i];
        report->interfaces[i].n_workers = live->n_lanes;
    }
    pthread_mutex_lock(&live->lock);
    report->counters.violations = live->desk_counters.violations;
    report->counters.detectors = live->desk_counters.detectors;
    pthread_mutex_unlock(&live->lock);
    for (unsigned i = 0; i < live->n_lanes; i++) {
        struct live_lane *lane = live->lanes[i];

        pthread_mutex_lock(&lane->lock);
        add_lane(report, &lane->report, i);
        pthread_mutex_unlock(&lane->lock);
    }
}

void
live_get_pairs(struct live *live, struct pairs *pairs)
{
    for (unsigned i = 0; i < live->n_lanes; i++) {
        struct live_lane *lane = live->lanes[i];

        pthread_mutex_lock(&lane->lock);
        if (i == 0) {
            pairs_clear(pairs, lane->pairs.policy);
        }
        pairs_add(pairs, &lane->pairs);
        pthread_mutex_unlock(&lane->lock);
    }
    pthread_mutex_lock(&live->lock);
    pairs_add(pairs, &live->desk_pairs);
    pthread_mutex_unlock(&live->lock);
}

uint64_t
live_n_frames(const struct live *live)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < live->n_lanes; i++) {
        sum += counter_read(&live->lanes[i]->n_frames);
    }
    return sum;
}

size_t
live_turns(const struct live *live, uint64_t turns[LIVE_MAX_THREADS])
{
    size_t n = 0;

    while (n < live->n_lanes) {
        turns[n] = counter_read(&live->lanes[n]->n_turns);
        n++;
    }
    if (live->desk_running) {
        turns[n++] = counter_read(&live->desk_turns);
    }
    return n;
}

bool
live_set_policy(struct live *live, struct policy *policy)
{
    if (!rounds_set_policy(&live->rounds, policy)) {
        return false;
    }
    wake_all(live);
    return true;
}

void
live_stop(struct live *live, struct live_report *report, struct pairs *pairs)
{
    finish(live);
    live_get_report(live, report);
    live_get_pairs(live, pairs);
    live_free(live);
}

/* Lanes that never ran still close their trays: the desk waits for all. */
static void
finish(struct live *live)
{
    rounds_finish(&live->rounds);
    wake_all(live);
    for (unsigned i = 0; i < live->n_running; i++) {
        pthread_join(live->threads[i], NULL);
    }
    if (live->desk_running) {
        for (unsigned i = live->n_running; i < live->n_lanes; i++) {
            live_lane_run(live->lanes[i]);
        }
        pthread_join(live->desk_thread, NULL);
        tell_desk(live);
    }
}

static void
live_free(struct live *live)
{
    for (unsigned i = 0; i < live->n_lanes; i++) {
        free_lane(live->lanes[i]);
    }
    for (size_t i = 0; i < live->n_interfaces; i++) {
        live_group_free(live->groups[i]);
    }
    desk_free(live->desk);
    pairs_done(&live->desk_pairs);
    capture_names_done(&live->names);
    rounds_done(&live->rounds);
    pthread_mutex_destroy(&live->lock);
    free(live);
}

static void
free_lane(struct live_lane *lane)
{
    for (size_t i = 0; i < lane->n_sources; i++) {
        source_close(lane->sources[i]);
    }
    if (lane->wake_fd >= 0) {
        close(lane->wake_fd);
    }
    worker_free(lane->worker);
    pairs_done(&lane->pairs);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}

static void
add_lane(struct live_report *report, const struct live_lane_report *lane,
         unsigned worker)
{
    struct pipeline_counters *sum = &report->counters;

    add_frames(sum, &lane->counters);
    worker_counters_add(&sum->workers, &lane->counters.workers);
    if (report->interfaces[0].n_workers == 1) { /* The desk was there, too. */
        sum->violations = lane->counters.violations;
        sum->detectors = lane->counters.detectors;
    }
    for (size_t i = 0; i < report->n_interfaces; i++) {
        add_interface(&report->interfaces[i], &lane->interfaces[i], worker);
    }
}

static void
add_frames(struct pipeline_counters *sum, const struct pipeline_counters *more)
{
    sum->frames += more->frames;
    sum->bytes += more->bytes;
    sum->truncated += more->truncated;
    for (unsigned i = 0; i < DISSECT_N_RESULTS; i++) {
        sum->outcomes[i] += more->outcomes[i];
    }
    if (more->first.ns && (!sum->first.ns || more->first.ns < sum->first.ns)) {
        sum->first = more->first;
    }
    if (more->last.ns > sum->last.ns) {
        sum->last = more->last;
    }
}

/* Of what is the interface's own, every handle knows about the same; the worst
 * state of them is that of the interface. */
static void
add_interface(struct event_interface *sum, const struct source_live_stats *more,
              unsigned worker)
{
    sum->workers[worker] =
        (struct event_share){.received = more->received,
                             .bytes = more->bytes,
                             .kernel_drops = more->kernel_drops,
                             .unread = more->unread};
    if (worker == 0) {
        sum->mtu = more->mtu;
        sum->missed = more->missed;
        sum->discarded = more->discarded;
    }
    if (more->losses > sum->losses) {
        sum->losses = more->losses;
    }
    if (worker == 0 || more->state > sum->state) {
        sum->state = more->state;
        memcpy(sum->reason, more->reason, sizeof sum->reason);
    }
}
