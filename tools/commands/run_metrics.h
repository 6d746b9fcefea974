/* What segmon run tells those who ask over HTTP: joins metrics_http.h to the
 * run.  Belongs to the thread of the command. */

#ifndef TOOLS_COMMANDS_RUN_METRICS_H
#define TOOLS_COMMANDS_RUN_METRICS_H

#include "tools/commands/session.h"
#include "tools/runtime/health.h"
#include "tools/runtime/listen_place.h"

#include <stdbool.h>

struct metrics_http;
struct rule_counts;

struct run_metrics {
    struct metrics_http *http; /* NULL, as is the next: nobody can ask. */
    struct rule_counts *rules; /* For struct live_options. */
    struct health health;
    struct wall_time begin;
};

/* Starts to serve; does nothing if there is no port.  False with '*error' if it
 * is not possible; run_metrics_stop() is due either way. */
bool run_metrics_start(struct run_metrics *, const struct listen_place *,
                       struct error *);

/* After the run has ended. */
void run_metrics_stop(struct run_metrics *);

/* A few times a second: looks how the run is doing. */
void run_metrics_look(struct run_metrics *, const struct live *,
                      const struct live_report *,
                      const struct event_output *outputs, size_t n_outputs);

/* Whether somebody waits for metrics; then they are to be published.  'status'
 * is one of EVENT_STATUS_INTERVAL. */
bool run_metrics_wanted(const struct run_metrics *);
void run_metrics_publish(struct run_metrics *, const struct session *,
                         const struct event_status *status);

/* It ends in order, which may take a while. */
void run_metrics_say_stopping(struct run_metrics *);

#endif
