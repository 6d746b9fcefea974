/* One thread of a live run, with its worker and its handles; see live.h. */

#ifndef TOOLS_RUNTIME_LIVE_LANE_H
#define TOOLS_RUNTIME_LIVE_LANE_H

#include "capture/counter.h"
#include "tools/runtime/live.h"
#include "tools/runtime/live_clock.h"
#include "tools/runtime/pairs.h"
#include "tools/runtime/rounds.h"

#include <poll.h>
#include <pthread.h>
#include <stdalign.h>

struct desk;
struct event_queue;
struct worker;

enum {
    LIVE_LANE_BATCH = SOURCE_LIVE_BATCH
};

/* What a lane has counted, as it tells others at the end of each round. */
struct live_lane_report {
    struct pipeline_counters counters;
    struct source_live_stats interfaces[LIVE_MAX_INTERFACES];
};

/* Filled in by live.c before the thread starts; then the thread's own, but for
 * the lock, what it guards, and the counters. */
struct live_lane {
    alignas(64) struct dissect_options dissect; /* On lines of its own. */
    struct rounds *rounds;
    struct desk *desk; /* If it works on this thread, else NULL. */
    struct worker *worker;
    struct event_queue *queue; /* The worker's; NULL: no events. */
    struct source *sources[LIVE_MAX_INTERFACES];
    size_t n_sources;
    int wake_fd; /* An eventfd: there is a round to end. */
    /* Told that this lane wants a round to end, because its tray is full. */
    void (*wake_others)(void *context);
    void *context;
    struct counter n_frames, n_turns;
    pthread_mutex_t lock;
    struct live_lane_report report; /* Under the lock, as is */
    struct pairs pairs; /* this copy of the worker's, and the desk's, */
    uint64_t changes;   /* made when they had changed so often. */

    uint64_t round; /* Ended so far. */
    struct mono_time round_began, checked;
    struct live_clock clock;
    bool has_looked;     /* At the clock, since frames were read last. */
    unsigned idle_wakes; /* In a row, that brought nothing. */
    struct pipeline_counters counters;
    struct pollfd fds[LIVE_MAX_INTERFACES + 1];
    struct frame frames[LIVE_LANE_BATCH];
    struct packet packets[LIVE_LANE_BATCH];
    struct wall_time clocks[LIVE_LANE_BATCH];
};

/* Until the last round of 'rounds'; then ends all flows. */
void live_lane_run(struct live_lane *);

/* For struct tray; 'context' is the lane: wants the round to end on all. */
void live_lane_hurry(void *context);

/* Any thread: looks whether there is a round to end. */
void live_lane_wake(struct live_lane *);

#endif
