/* Outputs, signals and status of a run; see session.h. */

#include "tools/commands/session.h"

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/redis_target.h"
#include "tools/process/privileges.h"
#include "tools/process/sandbox.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"
#include "tools/report/text.h"
#include "tools/settings/settings_memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Atomic, because other threads look too. */
static atomic_int stop_signal;
static atomic_uint stop_seconds; /* After which a stop is no longer in order;
                                  * 0: it may take as long as it likes. */

#define STOP_REST_NS (SECOND_NS * 2 * REDIS_LINK_TIMEOUT_S)

static struct output_target target_of(const struct settings *settings,
                                      const struct settings_output *output,
                                      const char *password);
static void on_stop(int signal);
static void on_alarm(int signal);

const atomic_int *
session_watch_stop(void)
{
    struct sigaction stop = {.sa_handler = on_stop,
                             .sa_flags = (int)SA_RESETHAND};
    struct sigaction again = {.sa_handler = on_alarm};

    sigaction(SIGALRM, &again, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    return &stop_signal;
}

static void
on_stop(int signal)
{
    stop_signal = signal;
    alarm(1);
}

/* A signal that comes just before a read that waits does not end it: so one
 * comes every second from then on.  Whatever does not end by itself, such as a
 * write to a disk that is gone, does not keep the program. */
static void
on_alarm(int signal)
{
    static const char late[] =
        "segmon: could not end in time; what was not written is lost\n";
    static atomic_uint n_alarms;

    (void)signal;
    if (++n_alarms >= stop_seconds && stop_seconds) {
        ssize_t n = write(STDERR_FILENO, late, sizeof late - 1);

        (void)n;
        _exit(COMMAND_FAILED);
    }
    alarm(1);
}

bool
session_enter_sandbox(const struct session *session, struct error *error)
{
    const struct sandbox_options sandbox = {
        .prefix = log_prefix(LOG_LEVEL_ERROR),
        .listens = session->settings.metrics.listen.port != 0,
    };

    return !session->settings.service.sandbox ||
           (privileges_seal(error) && sandbox_enter(&sandbox, error));
}

void
session_limit_stop(const struct session *session)
{
    stop_seconds = (unsigned)(session->settings.stop_timeout_ns / SECOND_NS);
}

/* Leaves the rest for what servers may take by themselves. */
void
session_begin_stop(const struct session *session, struct mono_time now)
{
    int64_t time_ns = session->settings.stop_timeout_ns;
    int64_t rest_ns = time_ns / 4;

    if (rest_ns < STOP_REST_NS) {
        rest_ns = STOP_REST_NS < time_ns / 2 ? STOP_REST_NS : time_ns / 2;
    }
    if (session->output) {
        output_set_deadline(session->output,
                            (struct mono_time){now.ns + time_ns - rest_ns});
    }
}

unsigned
session_workers(const struct session *session)
{
    return (unsigned)session->settings.capture.workers;
}

const char *
session_filter(const struct session *session)
{
    const char *filter = session->settings.capture.filter;

    return filter[0] ? filter : NULL;
}

struct dissect_options
session_dissect_options(const struct session *session)
{
    struct dissect_options dissect = dissect_default_options;

    if (!session->settings.flows.decapsulate) {
        dissect.tunnels = 0;
    }
    if (session->settings.flows.teredo) {
        dissect.tunnels |= 1u << PACKET_TUNNEL_TEREDO;
    }
    return dissect;
}

/* It is over with as much less as the default has it. */
static struct flow_emergency_options
emergency_options(const struct settings *settings)
{
    struct flow_emergency_options emergency = flow_default_emergency;

    emergency.high_percent = (unsigned)settings->flows.emergency;
    emergency.low_percent = emergency.high_percent *
                            flow_default_emergency.low_percent /
                            flow_default_emergency.high_percent;
    return emergency;
}

struct worker_options
session_worker_options(struct session *session)
{
    const struct settings *settings = &session->settings;
    struct settings_memory memory = settings_share_memory(settings);

    return (struct worker_options){
        .policy = session->policy,
        .inspect = settings->dpi.enabled,
        .engine = session->engine,
        .max_inspection_bytes = memory.dpi,
        .table = {.max_flows = settings->flows.max,
                  .max_bytes = memory.flows,
                  .duplicates = settings->flows.duplicates,
                  .timeouts = settings->flows.timeouts,
                  .emergency = emergency_options(settings)},
        .source = &session->source,
        .events = settings->events,
        .vlan = settings->flows.vlan,
        .max_attempts = session_limits(session).max_attempts,
        .limits = &session->limits,
    };
}

/* A replay tells all attempts: nothing is in a hurry. */
struct worker_limits_values
session_limits(const struct session *session)
{
    const struct settings *settings = &session->settings;

    return (struct worker_limits_values){
        .timeouts = settings->flows.timeouts,
        .max_attempts = session->from.live ? settings->flows.attempts : 0,
    };
}

bool
session_open_output(struct session *session, unsigned n_queues, bool blocking,
                    struct error *error)
{
    const struct settings *settings = &session->settings;
    char *password = getenv(REDIS_TARGET_PASSWORD);
    struct output_options output = {
        .source = session->source,
        .n_queues = n_queues,
        .blocking = blocking,
        .redis_password = password,
        .stop = &stop_signal,
        .append = session->from.live,
        .spool = {.directory = settings->spool.directory[0]
                                   ? settings->spool.directory
                                   : NULL,
                  .max_bytes = settings->spool.max_bytes,
                  .sync_ns = settings->spool.sync_ns},
    };

    while (output.n_targets < settings->n_outputs) {
        output.targets[output.n_targets] =
            target_of(settings, &settings->outputs[output.n_targets], password);
        output.n_targets++;
    }
    if (output.n_targets == 0) {
        return true;
    }
    session->status_queue = n_queues - 1;
    session->encoder = event_encoder_new(&session->source, error);
    session->output = session->encoder ? output_new(&output, error) : NULL;
    if (password) { /* Others could read it there. */
        explicit_bzero(password, strlen(password));
    }
    if (!session->output) {
        session_close_output(session);
    }
    return session->output != NULL;
}

/* A password of its own wins over those of the environment, and what is said
 * there over a file that is named there. */
static struct output_target
target_of(const struct settings *settings, const struct settings_output *output,
          const char *password)
{
    const char *path = password ? NULL : getenv(REDIS_TARGET_PASSWORD_FILE);
    bool is_server = redis_uri_is_one(output->target);

    return (struct output_target){.target = output->target,
                                  .kinds = output->events & settings->events,
                                  .password_file = output->password_file[0]
                                                       ? output->password_file
                                                   : is_server ? path
                                                               : NULL,
                                  .redis = {.mode = output->mode,
                                            .key = output->key,
                                            .field = output->field,
                                            .max_length = output->max_length,
                                            .when_full = output->when_full}};
}

struct event_status
session_status(const struct session *session, enum event_status_cause cause,
               const struct pipeline_counters *counters)
{
    bool inspect = session->settings.dpi.enabled;
    struct event_status status = {
        .cause = cause,
        .frames = counters->frames,
        .bytes = counters->bytes,
        .filtered = counters->filtered,
        .first_packet = counters->first,
        .last_packet = counters->last,
        .flows = counters->workers.flows,
        .collapsed = counters->workers.collapsed,
        .collapsed_records = counters->workers.collapsed_records,
        .passed_over = counters->workers.passed_over,
        .max_flows = session->settings.flows.max,
        .violations = counters->violations,
        .detectors = counters->detectors,
        .application = inspect ? &counters->workers.applications : NULL,
        .application_library = inspect ? application_library_version() : NULL,
        .policy = session->policy,
        .workers = session_workers(session),
    };

    memcpy(status.dissected, counters->outcomes, sizeof status.dissected);
    memcpy(status.ended, counters->workers.ends, sizeof status.ended);
    for (unsigned i = 0; i < N_DETECTORS; i++) {
        status.detectors.detections[i] += counters->workers.detections[i];
    }
    return status;
}

struct event_pair *
session_add_pairs(struct event_status *status, const struct pairs *pairs)
{
    struct event_pair *list = pairs_list(pairs);

    if (list) {
        status->pairs = list;
        status->n_pairs = pairs->n;
        status->other_pairs = &pairs->other;
    }
    return list;
}

void
session_send_status(struct session *session, const struct event_status *status,
                    struct wall_time now)
{
    if (session->output &&
        output_kinds(session->output) & (1u << EVENT_STATUS)) {
        event_queue_put(output_queue(session->output, session->status_queue),
                        EVENT_STATUS, now,
                        event_status_encode(session->encoder, status));
    }
}

int
session_finish_output(struct session *session, struct event_status *status,
                      struct wall_time now,
                      struct event_output outputs[OUTPUT_MAX_SINKS])
{
    struct error error;
    bool complete;

    if (!session->output) {
        return COMMAND_OK;
    }
    output_settle(session->output);
    status->n_outputs = output_status(session->output, outputs);
    status->outputs = outputs;
    session_send_status(session, status, now);
    complete = output_finish(session->output, outputs, &error);
    session->output = NULL;
    session_close_output(session);
    return complete ? COMMAND_OK
                    : session_fail(session, &error, COMMAND_FAILED);
}

void
session_close_output(struct session *session)
{
    struct error error;

    if (session->output) {
        output_finish(session->output, NULL, &error);
        session->output = NULL;
    }
    event_encoder_free(session->encoder);
    session->encoder = NULL;
}

bool
session_policies_taken(const struct session *session,
                       const struct pipeline_counters *counters)
{
    if (counters->workers.policies_refused) {
        session_tell(session, LOG_LEVEL_ERROR,
                     "out of memory for a policy read again; some flows were "
                     "judged by the one before");
    }
    return !counters->workers.policies_refused;
}

void
session_tell(const struct session *session, enum log_level level,
             const char *text)
{
    if (session->logs) {
        log_tell(NULL, level, "%s", text);
    } else if (level == LOG_LEVEL_ERROR || !session->options.quiet) {
        fprintf(stderr, "segmon %s: ", session->command);
        text_print(text, stderr);
        fputc('\n', stderr);
        fflush(stderr);
    }
}

int
session_fail(const struct session *session, const struct error *error,
             int status)
{
    char text[sizeof error->where + sizeof error->message + 32];

    error_format(error, text, sizeof text);
    session_tell(session, LOG_LEVEL_ERROR, text);
    return status;
}
