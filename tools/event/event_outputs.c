/* What became of events, in a status event; see event_parts.h. */

#include "tools/event/event_parts.h"

enum {
    MAX_ERROR_TEXT = 400
};

static void write_output(struct json *, const struct event_output *);
static void write_server(struct json *, const struct event_output *);
static void write_spool(struct json *, const struct event_spool *);
static void write_counters(struct json *, const struct event_output *,
                           enum event_kind);
static void write_losses(struct json *, const struct event_counters *);

static const char *const loss_names[] = {
#define LOSS_NAME(NAME, TEXT) TEXT,
    EVENT_LOSSES(LOSS_NAME)
#undef LOSS_NAME
};

static const char *const server_error_names[] = {
#define SERVER_ERROR_NAME(NAME, TEXT) TEXT,
    EVENT_SERVER_ERRORS(SERVER_ERROR_NAME)
#undef SERVER_ERROR_NAME
};

void
event_write_outputs(struct json *json, const struct event_status *status)
{
    if (status->n_outputs == 0) {
        return;
    }
    json_open(json, "outputs", '[');
    for (size_t i = 0; i < status->n_outputs; i++) {
        write_output(json, &status->outputs[i]);
    }
    json_close(json, ']');
}

void
event_write_error(struct json *json, const struct error *error)
{
    char text[MAX_ERROR_TEXT];

    if (error->code != ERROR_NONE) {
        error_format(error, text, sizeof text);
        json_cstring(json, "error", text);
    }
}

const char *
event_loss_name(enum event_loss loss)
{
    return loss_names[loss];
}

const char *
event_server_error_name(enum event_server_error error)
{
    return server_error_names[error];
}

static void
write_output(struct json *json, const struct event_output *output)
{
    json_open(json, NULL, '{');
    event_write_text(json, "name", output->name);
    if (output->mode) {
        json_plain(json, "mode", output->mode);
    }
    json_bool(json, "up", output->up);
    event_write_error(json, &output->error);
    if (output->server.is_there) {
        write_server(json, output);
    }
    if (output->spool.is_there) {
        write_spool(json, &output->spool);
    }
    json_open(json, "events", '{');
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        write_counters(json, output, (enum event_kind)i);
    }
    json_close(json, '}');
    json_close(json, '}');
}

static void
write_server(struct json *json, const struct event_output *output)
{
    const struct event_server *server = &output->server;

    json_open(json, "server", '{');
    json_u64(json, "connections", server->connections);
    json_open(json, "errors", '{');
    for (unsigned i = 0; i < EVENT_N_SERVER_ERRORS; i++) {
        json_u64(json, server_error_names[i], server->errors[i]);
    }
    json_close(json, '}');
    json_u64(json, "receivers", server->receivers);
    json_u64(json, "unheard", server->unheard);
    json_u64(json, "trimmed", server->trimmed);
    if (server->n_risks > 0) {
        json_open(json, "risks", '[');
        for (size_t i = 0; i < server->n_risks; i++) {
            json_cstring(json, NULL, server->risks[i]);
        }
        json_close(json, ']');
    }
    json_close(json, '}');
}

static void
write_spool(struct json *json, const struct event_spool *spool)
{
    json_open(json, "spool", '{');
    json_bool(json, "disk", spool->has_disk);
    if (spool->has_disk) {
        json_bool(json, "up", spool->is_up);
        event_write_error(json, &spool->error);
        json_u64(json, "troubles", spool->troubles);
    }
    json_u64(json, "disk_bytes", spool->disk_bytes);
    json_u64(json, "memory_bytes", spool->memory_bytes);
    json_u64(json, "max_bytes", spool->max_bytes);
    json_u64(json, "lag", (uint64_t)spool->lag_ns);
    json_close(json, '}');
}

/* Reasons only where there is a loss: there is hardly ever one. */
static void
write_counters(struct json *json, const struct event_output *output,
               enum event_kind kind)
{
    const struct event_counters *counters = &output->kind[kind];

    json_open(json, event_kind_name(kind), '{');
    json_u64(json, "emitted", counters->emitted);
    json_u64(json, "acked", counters->acked);
    json_u64(json, "spooled", counters->spooled);
    json_u64(json, "dropped", counters->dropped);
    json_u64(json, "refused", counters->refused);
    json_u64(json, "recovered", counters->recovered);
    json_u64(json, "rewound", counters->rewound);
    if (output->spool.is_there) {
        json_u64(json, "pending", counters->pending);
    }
    if (counters->dropped > 0) {
        write_losses(json, counters);
    }
    json_close(json, '}');
}

static void
write_losses(struct json *json, const struct event_counters *counters)
{
    json_open(json, "lost", '{');
    for (unsigned i = 0; i < EVENT_N_LOSSES; i++) {
        if (counters->lost[i] > 0) {
            json_u64(json, loss_names[i], counters->lost[i]);
        }
    }
    json_close(json, '}');
}
