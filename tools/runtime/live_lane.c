/* Capture to verdict on one thread; see live_lane.h.
 *
 * A frame is seen when the ring hands over its block, which may be two timeouts
 * of the ring after it came.  So a lane that finds nothing to read knows that
 * nothing came until a little before now, and lets time pass up to there. */

#include "tools/runtime/live_lane.h"

#include "tools/event/system_clock.h"
#include "tools/output/event_queue.h"
#include "tools/runtime/desk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROUND_NS (100 * MILLISECOND_NS)
#define CHECK_NS (100 * MILLISECOND_NS)
#define LAG_NS   (3 * MILLISECOND_NS * SOURCE_LIVE_TIMEOUT_MS)

enum {
    WAIT_MS = 100,
    /* A descriptor that is ready, and has nothing to read, this often in a row
     * is not polled for a moment: nothing may keep a processor busy. */
    MAX_IDLE_WAKES = 8
};

static size_t take(struct live_lane *, struct source *);
static size_t dissect(struct live_lane *, size_t *done, size_t n_frames);
static bool correct(struct live_lane *, struct frame *, size_t n_packets);
static void count(struct pipeline_counters *, const struct frame *,
                  enum dissect_result, const struct packet *);
static void pass_time(struct live_lane *);
static struct system_clocks follow_clock(struct live_lane *);
static void check_sources(struct live_lane *, struct mono_time now);
static void keep_rounds(struct live_lane *, struct mono_time now);
static void end_round(struct live_lane *, struct mono_time now);
static void tell(struct live_lane *);
static void tell_pairs(struct live_lane *);
static void wait_for_frames(struct live_lane *);

void
live_lane_run(struct live_lane *lane)
{
    lane->round_began = system_clock_mono();
    lane->checked.ns = lane->round_began.ns - CHECK_NS;
    pass_time(lane); /* Another lane may end a round before there is a frame. */
    while (!rounds_is_last(lane->rounds, lane->round)) {
        struct mono_time now = system_clock_mono();
        size_t n_frames = 0;

        counter_add(&lane->n_turns, 1);
        if (now.ns - lane->checked.ns >= CHECK_NS) {
            check_sources(lane, now);
        }
        for (size_t i = 0; i < lane->n_sources; i++) {
            n_frames += take(lane, lane->sources[i]);
        }
        keep_rounds(lane, now);
        if (n_frames == 0 && !rounds_is_last(lane->rounds, lane->round)) {
            pass_time(lane);
            wait_for_frames(lane);
        } else {
            lane->idle_wakes = 0;
        }
    }
    for (size_t i = 0; i < lane->n_sources; i++) {
        source_live_stop(lane->sources[i]);
    }
    if (lane->queue) { /* Nothing more is captured. */
        event_queue_wait_from_now(lane->queue);
    }
    worker_finish(lane->worker, FLOW_END_SHUTDOWN, lane->clock.now);
    tell(lane);
}

void
live_lane_hurry(void *context)
{
    struct live_lane *lane = context;

    if (rounds_want(lane->rounds, lane->round + 1)) {
        lane->wake_others(lane->context);
    }
}

void
live_lane_wake(struct live_lane *lane)
{
    uint64_t one = 1;
    ssize_t n = write(lane->wake_fd, &one, sizeof one);

    (void)n; /* It is awake if there is no room for more. */
}

static size_t
take(struct live_lane *lane, struct source *source)
{
    size_t n_frames = 0;
    struct error error; /* There is none: it says what it cannot do. */

    source_read(source, lane->frames, LIVE_LANE_BATCH, &n_frames, &error);
    if (n_frames == 0) {
        return 0;
    }
    lane->has_looked = false;
    for (size_t done = 0; done < n_frames;) {
        size_t n_packets = dissect(lane, &done, n_frames);

        worker_packets(lane->worker, lane->frames, lane->packets, lane->clocks,
                       n_packets);
    }
    counter_add(&lane->n_frames, n_frames);
    return n_frames;
}

/* From frame '*done' on, until the clock was set: what came before must be
 * worked on first.  Frames that are no packets leave a gap; it is closed. */
static size_t
dissect(struct live_lane *lane, size_t *done, size_t n_frames)
{
    size_t n_packets = 0;

    for (; *done < n_frames; ++*done) {
        struct frame *frame = &lane->frames[n_packets];
        struct packet *packet = &lane->packets[n_packets];
        enum dissect_result outcome;

        if (!live_clock_fits(&lane->clock, lane->frames[*done].time) &&
            !correct(lane, &lane->frames[*done], n_packets)) {
            break;
        }
        if (n_packets != *done) {
            *frame = lane->frames[*done];
        }
        outcome = dissect_frame(frame, &lane->dissect, packet);
        count(&lane->counters, frame, outcome, packet);
        live_clock_pass(&lane->clock, frame->time);
        lane->clocks[n_packets] = lane->clock.now;
        n_packets += outcome == DISSECT_OK;
    }
    return n_packets;
}

/* What was stamped by another clock than that of now; or, as most often, by one
 * that went on while nothing was read.  False: it is too early to look. */
static bool
correct(struct live_lane *lane, struct frame *frame, size_t n_packets)
{
    if (!lane->has_looked) {
        if (n_packets > 0) {
            return false;
        }
        follow_clock(lane);
        lane->has_looked = true;
    }
    frame->time = live_clock_correct(&lane->clock, frame->time);
    return true;
}

static void
count(struct pipeline_counters *counters, const struct frame *frame,
      enum dissect_result outcome, const struct packet *packet)
{
    counters->frames++;
    counters->bytes += frame->wire_size;
    counters->outcomes[outcome]++;
    counters->truncated +=
        outcome == DISSECT_OK && (packet->flags & PACKET_TRUNCATED);
    if (!counters->first.ns || frame->time.ns < counters->first.ns) {
        counters->first = frame->time;
    }
    if (frame->time.ns > counters->last.ns) {
        counters->last = frame->time;
    }
}

static void
pass_time(struct live_lane *lane)
{
    const struct system_clocks clocks = follow_clock(lane);

    live_clock_pass(&lane->clock, (struct wall_time){clocks.wall.ns - LAG_NS});
}

static struct system_clocks
follow_clock(struct live_lane *lane)
{
    const struct system_clocks clocks = system_clock_all();
    int64_t step = live_clock_look(&lane->clock, &clocks);

    if (step) {
        worker_step(lane->worker, step);
    }
    return clocks;
}

static void
check_sources(struct live_lane *lane, struct mono_time now)
{
    for (size_t i = 0; i < lane->n_sources; i++) {
        source_live_check(lane->sources[i], now, system_clock_wall());
    }
    lane->checked = now;
}

static void
keep_rounds(struct live_lane *lane, struct mono_time now)
{
    if (now.ns - lane->round_began.ns >= ROUND_NS) {
        rounds_want(lane->rounds, lane->round + 1);
    }
    while (lane->round < rounds_wanted(lane->rounds)) {
        end_round(lane, now);
    }
}

static void
end_round(struct live_lane *lane, struct mono_time now)
{
    struct policy *policy;

    worker_end_round(lane->worker, lane->clock.now);
    lane->round++;
    lane->round_began = now;
    policy = rounds_take_policy(lane->rounds, lane->round);
    if (policy) {
        worker_set_policy(lane->worker, policy);
        policy_unref(policy);
    }
    tell(lane);
}

static void
tell(struct live_lane *lane)
{
    struct live_lane_report *report = &lane->report;

    worker_get_counters(lane->worker, &lane->counters.workers);
    if (lane->desk) {
        desk_get_counters(lane->desk, &lane->counters.violations,
                          &lane->counters.detectors);
    }
    pthread_mutex_lock(&lane->lock);
    report->counters = lane->counters;
    for (size_t i = 0; i < lane->n_sources; i++) {
        source_live_get_stats(lane->sources[i], &report->interfaces[i]);
    }
    tell_pairs(lane);
    pthread_mutex_unlock(&lane->lock);
}

static void
tell_pairs(struct live_lane *lane)
{
    const struct pairs *pairs = worker_pairs(lane->worker);
    uint64_t changes = pairs->changes;

    if (lane->desk) {
        changes += desk_pairs(lane->desk)->changes;
    }
    if (changes != lane->changes) {
        lane->changes = changes;
        pairs_copy(&lane->pairs, pairs);
        if (lane->desk) {
            pairs_add(&lane->pairs, desk_pairs(lane->desk));
        }
    }
}

static void
wait_for_frames(struct live_lane *lane)
{
    bool rest = lane->idle_wakes >= MAX_IDLE_WAKES;
    struct pollfd *wake = &lane->fds[lane->n_sources];
    uint64_t wakes;

    for (size_t i = 0; i < lane->n_sources; i++) {
        lane->fds[i] =
            (struct pollfd){.fd = rest ? -1 : source_live_fd(lane->sources[i]),
                            .events = POLLIN};
    }
    *wake = (struct pollfd){.fd = lane->wake_fd, .events = POLLIN};
    if (poll(lane->fds, lane->n_sources + 1, WAIT_MS) > 0) {
        lane->idle_wakes++;
    } else {
        lane->idle_wakes = 0;
    }
    if (wake->revents) {
        ssize_t n = read(lane->wake_fd, &wakes, sizeof wakes);

        (void)n;
    }
}
