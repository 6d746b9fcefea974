/* See run_tell.h.
 *
 * All of it is made of the latest report of the run; none of it waits. */

#include "tools/commands/run_tell.h"

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/run.h"
#include "tools/commands/run_dump.h"
#include "tools/event/system_clock.h"
#include "tools/process/log.h"
#include "tools/settings/settings_memory.h"

#include <stdlib.h>
#include <string.h>

static void tell_sight(struct run *);
static void watch_interfaces(struct run *);
static void watch_tables(struct run *);
static void watch_outputs(struct run *);
static void watch_output(struct run *, size_t i, const struct event_output *);
static void serve_metrics(struct run *);
static void tell_change(struct run *, enum log_level, const char *note);
static void send_status(struct run *, enum event_status_cause,
                        const char *const *notes);

void
run_tell_start(struct run *run)
{
    const struct settings *settings = &run->session.settings;
    char note[SETTINGS_MEMORY_TEXT_SIZE + sizeof "memory: "] = "memory: ";
    const char *const notes[] = {note, NULL};
    size_t length = strlen(note);

    if (settings->memory_bytes) {
        settings_memory_text(settings, note + length, sizeof note - length);
        log_tell(NULL, LOG_LEVEL_INFO, "%s", note);
    }
    send_status(run, EVENT_STATUS_START, settings->memory_bytes ? notes : NULL);
}

void
run_tell_changes(struct run *run)
{
    run_tell_look(run, false);
    watch_interfaces(run);
    watch_tables(run);
    watch_outputs(run);
    tell_sight(run);
    run_service_watch(&run->service, run->live, run->session.output, run->now);
    serve_metrics(run);
    log_pass_time();
}

void
run_tell_look(struct run *run, bool is_last)
{
    struct event_output outputs[OUTPUT_MAX_SINKS];
    size_t n = run_tell_outputs(run, outputs);

    run_sight_look(&run->sight, &run->report, outputs, n, is_last);
}

void
run_tell_heartbeat(struct run *run)
{
    send_status(run, EVENT_STATUS_INTERVAL, NULL);
}

void
run_tell_dump(struct run *run)
{
    struct error error;
    struct event_encoder *encoder =
        event_encoder_new(&run->session.source, &error);
    struct event_output outputs[OUTPUT_MAX_SINKS];
    struct event_status status = run_tell_status(run, EVENT_STATUS_INTERVAL);

    if (!encoder) {
        session_fail(&run->session, &error, COMMAND_FAILED);
        return;
    }
    status.n_outputs = run_tell_outputs(run, outputs);
    status.outputs = outputs;
    run_dump(event_status_encode(encoder, &status));
    event_encoder_free(encoder);
}

void
run_tell_state(struct run *run, enum event_status_cause cause)
{
    struct session *session = &run->session;
    struct event_output outputs[OUTPUT_MAX_SINKS];
    struct event_pair *pairs;
    struct event_status status;

    if (session->output) {
        status = run_tell_status(run, cause);
        if (cause != EVENT_STATUS_END) {
            live_get_pairs(run->live, &run->pairs);
        }
        pairs = run_sight_add_pairs(&run->sight, &run->pairs, &status, false);
        status.n_outputs = run_tell_outputs(run, outputs);
        status.outputs = outputs;
        run_state_put(&run->state, session->output, &session->source, &status,
                      system_clock_wall());
        free(pairs);
    }
}

struct event_status
run_tell_status(struct run *run, enum event_status_cause cause)
{
    const struct live_report *report = &run->report;
    struct event_status status =
        session_status(&run->session, cause, &report->counters);

    status.interfaces = report->interfaces;
    status.n_interfaces = report->n_interfaces;
    for (size_t i = 0; i < report->n_interfaces; i++) {
        const struct event_interface *interface = &report->interfaces[i];

        status.device_drops += interface->missed;
        for (unsigned j = 0; j < interface->n_workers; j++) {
            status.kernel_drops += interface->workers[j].kernel_drops;
        }
    }
    run_sight_add(&run->sight, &status);
    return status;
}

size_t
run_tell_outputs(const struct run *run,
                 struct event_output outputs[OUTPUT_MAX_SINKS])
{
    return run->session.output ? output_status(run->session.output, outputs)
                               : 0;
}

/* What the status of an interface has not just told. */
static void
tell_sight(struct run *run)
{
    char note[RUN_SIGHT_NOTE_SIZE];
    bool ended;

    if (run_sight_news(&run->sight, note, &ended)) {
        tell_change(run, ended ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, note);
    }
}

static void
watch_interfaces(struct run *run)
{
    char note[RUN_WATCH_NOTE_SIZE];

    for (size_t i = 0; i < run->report.n_interfaces; i++) {
        const struct event_interface *interface = &run->report.interfaces[i];

        if (run_watch_interface(&run->watch, i, interface, note)) {
            tell_change(run,
                        interface->state == SOURCE_LIVE_CAPTURING
                            ? LOG_LEVEL_NOTICE
                            : LOG_LEVEL_WARNING,
                        note);
        }
    }
}

/* The workers send the events. */
static void
watch_tables(struct run *run)
{
    char note[RUN_WATCH_NOTE_SIZE];

    if (run_watch_tables(&run->watch, &run->report.counters.workers.flows,
                         note)) {
        LOG_AT(run->watch.is_emergency ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
               "%s", note);
    }
}

/* Their status events would not get through either: only people are told. */
static void
watch_outputs(struct run *run)
{
    struct event_output outputs[OUTPUT_MAX_SINKS];
    size_t n = run_tell_outputs(run, outputs);

    for (size_t i = 0; i < n; i++) {
        watch_output(run, i, &outputs[i]);
    }
}

static void
watch_output(struct run *run, size_t i, const struct event_output *output)
{
    char note[RUN_WATCH_NOTE_SIZE];

    if (run_watch_output(&run->watch, i, output, note)) {
        LOG_AT(output->up ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, "%s", note);
    }
    if (run_watch_spool(&run->watch, i, output, note)) {
        LOG_AT(output->spool.is_up ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, "%s",
               note);
    }
    while (run_watch_server(&run->watch, i, output, note)) {
        LOG_AT(LOG_LEVEL_WARNING, "%s", note);
    }
}

static void
serve_metrics(struct run *run)
{
    struct event_output outputs[OUTPUT_MAX_SINKS];
    struct event_status status;
    struct event_pair *pairs;
    size_t n = run_tell_outputs(run, outputs);

    run_metrics_look(&run->metrics, run->live, &run->report, outputs, n);
    if (!run_metrics_wanted(&run->metrics)) {
        return;
    }
    status = run_tell_status(run, EVENT_STATUS_INTERVAL);
    status.outputs = outputs;
    status.n_outputs = n;
    live_get_pairs(run->live, &run->pairs);
    pairs = run_sight_add_pairs(&run->sight, &run->pairs, &status, false);
    run_metrics_publish(&run->metrics, &run->session, &status);
    free(pairs);
}

static void
tell_change(struct run *run, enum log_level level, const char *note)
{
    const char *const notes[] = {note, NULL};

    LOG_AT(level, "%s", note);
    send_status(run, EVENT_STATUS_CHANGE, notes);
}

static void
send_status(struct run *run, enum event_status_cause cause,
            const char *const *notes)
{
    struct event_output outputs[OUTPUT_MAX_SINKS];
    struct event_status status = run_tell_status(run, cause);
    struct event_pair *pairs = NULL;

    status.notes = notes;
    if (cause == EVENT_STATUS_INTERVAL) {
        live_get_pairs(run->live, &run->pairs);
        pairs = run_sight_add_pairs(&run->sight, &run->pairs, &status, true);
    }
    status.n_outputs = run_tell_outputs(run, outputs);
    status.outputs = outputs;
    session_send_status(&run->session, &status, system_clock_wall());
    run_service_tell_status(&run->service, &run->report, outputs,
                            status.n_outputs);
    free(pairs);
    run_sight_told(&run->sight, cause == EVENT_STATUS_INTERVAL);
}
