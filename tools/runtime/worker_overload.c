/* What a worker does while its table is nearly full (see flow_emergency.h for
 * what the table does), or while more attempts come than are to be told.
 *
 * It says when that begins and when it is over, each in an event of its own,
 * from its own thread: so the event is among the others where it belongs, and
 * the same in every replay.  In between, attempts that end are told together,
 * whatever ended them. */

#include "tools/output/event_queue.h"
#include "tools/runtime/worker_impl.h"
#include "tools/runtime/worker_limits.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NOTE_SIZE = 200
};

static void write_note(const struct worker *, const struct flow_news *,
                       char note[NOTE_SIZE]);

void
worker_news(void *context, const struct flow_news *news)
{
    struct worker *worker = context;
    struct event_emergency emergency = {worker->number, *news};
    char note[NOTE_SIZE];
    const char *const notes[] = {note, NULL};
    const struct event_status status = {.cause = EVENT_STATUS_CHANGE,
                                        .emergency = &emergency,
                                        .policy = worker->policy,
                                        .workers = worker->n_workers,
                                        .notes = notes};

    worker->in_emergency = news->is_emergency;
    if (!news->is_emergency) {
        collapse_flush(worker->collapse, news->now);
    }
    if (worker->events & (1u << EVENT_STATUS)) {
        write_note(worker, news, note);
        event_queue_put(worker->queue, EVENT_STATUS, news->now,
                        event_status_encode(worker->encoder, &status));
    }
}

bool
worker_collapses(struct worker *worker, const struct event_flow *flow)
{
    bool collapses = flow->record->kind == FLOW_RECORD_END &&
                     flow_record_is_attempt(flow->record) &&
                     collapse_take(worker->collapse, flow,
                                   worker->in_emergency ? COLLAPSE_TOLD
                                                        : worker->max_attempts);

    worker->counters.collapsed += collapses;
    return collapses;
}

bool
worker_passes_over(struct worker *worker, const struct event_flow *flow)
{
    bool passes = flow_record_is_attempt(flow->record) &&
                  collapse_is_crowd(worker->collapse, flow);

    worker->counters.passed_over += passes;
    return passes;
}

void
worker_follow_limits(struct worker *worker)
{
    struct worker_limits_values values;

    if (!worker_limits_take(worker->limits, &worker->limits_changes, &values)) {
        return;
    }
    worker->max_attempts =
        (values.max_attempts + worker->n_workers - 1) / worker->n_workers;
    if (!worker->max_attempts && !worker->in_emergency) {
        worker_flush_collapsed(worker);
    }
    flow_table_set_timeouts(worker->table, &values.timeouts);
}

void
worker_flush_collapsed(struct worker *worker)
{
    collapse_flush(worker->collapse, worker->now);
}

void
worker_tell_collapsed(void *context, const struct event_collapsed *collapsed,
                      struct wall_time now)
{
    struct worker *worker = context;

    worker->counters.collapsed_records++;
    if (worker->events & (1u << EVENT_FLOW)) {
        event_queue_put(worker->queue, EVENT_FLOW, now,
                        event_collapsed_encode(worker->encoder, collapsed));
    }
}

static void
write_note(const struct worker *worker, const struct flow_news *news,
           char note[NOTE_SIZE])
{
    bool flows = news->why == FLOW_SHORTAGE_FLOWS;
    int64_t lasted_ns = wall_time_since(news->now, news->since);

    if (news->is_emergency) {
        snprintf(note, NOTE_SIZE,
                 "worker %u: emergency, %zu of %zu %s: attempts are given up "
                 "early and told together",
                 worker->number, flows ? news->n_flows : news->n_bytes,
                 flows ? news->max_flows : news->max_bytes,
                 flows ? "flows" : "bytes");
    } else {
        snprintf(note, NOTE_SIZE,
                 "worker %u: emergency over after %" PRId64
                 " s, %zu of %zu flows",
                 worker->number, lasted_ns / SECOND_NS, news->n_flows,
                 news->max_flows);
    }
}
