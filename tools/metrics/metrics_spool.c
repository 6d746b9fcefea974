/* What waits for servers, and how these are, as metrics; see metrics.h. */

#include "tools/metrics/metrics_impl.h"

static void write_info(struct metrics_text *, const struct event_status *);
static void write_pending(struct metrics_text *, const struct event_status *);
static void write_bytes(struct metrics_text *, const struct event_status *);
static void write_spools(struct metrics_text *, const struct event_status *);
static void write_errors(struct metrics_text *, const struct event_status *);
static void write_risks(struct metrics_text *, const struct event_status *);
static void write_servers(struct metrics_text *, const struct event_status *,
                          uint64_t of(const struct event_server *));
static uint64_t connections(const struct event_server *);
static uint64_t receivers(const struct event_server *);
static uint64_t unheard(const struct event_server *);
static uint64_t trimmed(const struct event_server *);

void
metrics_write_spools(struct metrics_text *text,
                     const struct event_status *status)
{
    write_info(text, status);
    write_pending(text, status);
    write_bytes(text, status);
    write_spools(text, status);
    metrics_family(text, "segmon_redis_connections_total", METRICS_COUNTER,
                   "Connections made to the server");
    write_servers(text, status, connections);
    write_errors(text, status);
    metrics_family(text, "segmon_redis_receivers", METRICS_GAUGE,
                   "Of a channel: how many got the last event");
    write_servers(text, status, receivers);
    metrics_family(text, "segmon_redis_unheard_total", METRICS_COUNTER,
                   "Of a channel: events, of those acknowledged, that nobody "
                   "got");
    write_servers(text, status, unheard);
    metrics_family(text, "segmon_redis_trimmed_total", METRICS_COUNTER,
                   "Of a list: events, of those acknowledged, that were taken "
                   "out again to make room");
    write_servers(text, status, trimmed);
    write_risks(text, status);
}

static void
write_info(struct metrics_text *text, const struct event_status *status)
{
    metrics_family(text, "segmon_output_info", METRICS_GAUGE,
                   "What becomes of events at the output; always 1");
    for (size_t i = 0; i < status->n_outputs; i++) {
        if (status->outputs[i].mode) {
            metrics_label_output(text, status, i);
            metrics_label(text, "mode", status->outputs[i].mode);
            metrics_value(text, 1);
        }
    }
}

static void
write_pending(struct metrics_text *text, const struct event_status *status)
{
    metrics_family(text, "segmon_spool_events", METRICS_GAUGE,
                   "Of the events that wait, those in the spool");
    for (size_t i = 0; i < status->n_outputs; i++) {
        const struct event_output *output = &status->outputs[i];

        for (unsigned kind = 0; output->spool.is_there && kind < EVENT_N_KINDS;
             kind++) {
            metrics_label_output(text, status, i);
            metrics_label(text, "kind", event_kind_name((enum event_kind)kind));
            metrics_value(text, output->kind[kind].pending);
        }
    }
}

static void
write_bytes(struct metrics_text *text, const struct event_status *status)
{
    metrics_family(text, "segmon_spool_bytes", METRICS_GAUGE,
                   "In the spool, on disk with what is kept after it was "
                   "acknowledged, or in memory");
    for (size_t i = 0; i < status->n_outputs; i++) {
        const struct event_spool *spool = &status->outputs[i].spool;

        if (spool->is_there) {
            metrics_label_output(text, status, i);
            metrics_label(text, "where", "disk");
            metrics_value(text, spool->disk_bytes);
            metrics_label_output(text, status, i);
            metrics_label(text, "where", "memory");
            metrics_value(text, spool->memory_bytes);
        }
    }
    metrics_family(text, "segmon_spool_max_bytes", METRICS_GAUGE,
                   "That may be there: on disk, or without one in memory");
    for (size_t i = 0; i < status->n_outputs; i++) {
        if (status->outputs[i].spool.is_there) {
            metrics_label_output(text, status, i);
            metrics_value(text, status->outputs[i].spool.max_bytes);
        }
    }
}

static void
write_spools(struct metrics_text *text, const struct event_status *status)
{
    metrics_family(text, "segmon_output_lag_seconds", METRICS_GAUGE,
                   "How long the oldest event in the spool has waited");
    for (size_t i = 0; i < status->n_outputs; i++) {
        if (status->outputs[i].spool.is_there) {
            metrics_label_output(text, status, i);
            metrics_value_time(text, status->outputs[i].spool.lag_ns);
        }
    }
    metrics_family(text, "segmon_spool_up", METRICS_GAUGE,
                   "Whether the disk of the spool takes events");
    for (size_t i = 0; i < status->n_outputs; i++) {
        if (status->outputs[i].spool.has_disk) {
            metrics_label_output(text, status, i);
            metrics_value(text, status->outputs[i].spool.is_up);
        }
    }
    metrics_family(text, "segmon_spool_troubles_total", METRICS_COUNTER,
                   "Times the disk of the spool began to take nothing");
    for (size_t i = 0; i < status->n_outputs; i++) {
        if (status->outputs[i].spool.has_disk) {
            metrics_label_output(text, status, i);
            metrics_value(text, status->outputs[i].spool.troubles);
        }
    }
}

static void
write_errors(struct metrics_text *text, const struct event_status *status)
{
    metrics_family(text, "segmon_redis_errors_total", METRICS_COUNTER,
                   "What went wrong with the server: connection, later (it "
                   "takes nothing for now), moved, denied or refused");
    for (size_t i = 0; i < status->n_outputs; i++) {
        const struct event_server *server = &status->outputs[i].server;

        for (unsigned error = 0;
             server->is_there && error < EVENT_N_SERVER_ERRORS; error++) {
            metrics_label_output(text, status, i);
            metrics_label(
                text, "kind",
                event_server_error_name((enum event_server_error)error));
            metrics_value(text, server->errors[error]);
        }
    }
}

static void
write_risks(struct metrics_text *text, const struct event_status *status)
{
    metrics_family(text, "segmon_redis_risk", METRICS_GAUGE,
                   "Why the server should not be trusted with events; always "
                   "1");
    for (size_t i = 0; i < status->n_outputs; i++) {
        const struct event_server *server = &status->outputs[i].server;

        for (size_t risk = 0; risk < server->n_risks; risk++) {
            metrics_label_output(text, status, i);
            metrics_label(text, "risk", server->risks[risk]);
            metrics_value(text, 1);
        }
    }
}

static void
write_servers(struct metrics_text *text, const struct event_status *status,
              uint64_t of(const struct event_server *))
{
    for (size_t i = 0; i < status->n_outputs; i++) {
        if (status->outputs[i].server.is_there) {
            metrics_label_output(text, status, i);
            metrics_value(text, of(&status->outputs[i].server));
        }
    }
}

static uint64_t
connections(const struct event_server *server)
{
    return server->connections;
}

static uint64_t
receivers(const struct event_server *server)
{
    return server->receivers;
}

static uint64_t
unheard(const struct event_server *server)
{
    return server->unheard;
}

static uint64_t
trimmed(const struct event_server *server)
{
    return server->trimmed;
}
