/* segmon run: the program on live interfaces.
 *
 * This thread does none of the work.  It looks a few times a second what has
 * been asked for, by signals, and what has changed, and tells. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/run.h"
#include "tools/commands/run_epoch.h"
#include "tools/commands/run_tell.h"
#include "tools/event/system_clock.h"
#include "tools/process/log.h"
#include "tools/process/privileges.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS (100 * MILLISECOND_NS)

static atomic_int dump_asked;

static int run_as_service(struct run *);
static int run_to_end(struct run *);
static void open_log(struct run *);
static bool open_settings(struct run *);
static bool become_service(const struct session *, struct error *);
static void watch_user(void);
static void on_user(int signal);
static bool start(struct run *, struct error *);
static bool open_output(struct run *, struct error *);
static bool start_live(struct run *, struct error *);
static void go_on(struct run *, const atomic_int *stop);
static bool is_done(const struct run *);
static void follow_policy(struct run *);
static void tell_ready(struct run *);
static int finish(struct run *);
static void rest(void);

int
command_run(int argc, char *argv[])
{
    struct run *run = calloc(1, sizeof *run);
    int status;

    if (!run) {
        fputs("segmon run: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    run->session.command = "run";
    run->session.source.version = SEGMON_VERSION;
    switch (
        run_options_parse(&run->options, &run->session.options, argc, argv)) {
    case SESSION_HELP: status = COMMAND_OK; break;
    case SESSION_USAGE: status = COMMAND_USAGE; break;
    case SESSION_RUN:
    default: status = run_as_service(run); break;
    }
    session_close_policy(&run->session);
    pairs_done(&run->pairs);
    run_sight_done(&run->sight);
    run_state_done(&run->state);
    free(run);
    return status;
}

static int
run_as_service(struct run *run)
{
    int status;

    open_log(run);
    run_service_open(&run->service);
    status = run_to_end(run);
    run_service_close(&run->service);
    return status;
}

static int
run_to_end(struct run *run)
{
    struct session *session = &run->session;
    const atomic_int *stop;
    struct error error;
    int status;

    if (!open_settings(run)) {
        return COMMAND_USAGE;
    }
    if (!run_service_has_room(session_workers(session), &error) ||
        !become_service(session, &error)) {
        return session_fail(session, &error, COMMAND_FAILED);
    }
    session_watch_reload();
    status = session_open_policy(session);
    if (status != COMMAND_OK) {
        return status;
    }
    if (!start(run, &error)) {
        session_fail(session, &error, COMMAND_FAILED);
        session_close_output(session);
        run_metrics_stop(&run->metrics);
        return COMMAND_FAILED;
    }
    stop = session_watch_stop();
    watch_user();
    go_on(run, stop);
    status = finish(run);
    return status == COMMAND_OK && *stop ? COMMAND_SIGNALLED + *stop : status;
}

static void
open_log(struct run *run)
{
    const struct log_options log = {
        .name = run->session.command,
        .most = LOG_LEVEL_INFO,
        .fd = STDERR_FILENO,
        .journal_stream = getenv("JOURNAL_STREAM"),
    };

    log_open(&log);
    run->session.logs = true;
}

static bool
open_settings(struct run *run)
{
    struct session *session = &run->session;

    if (!session_open_settings(session, run->options.config, NULL, true)) {
        return false;
    }
    if (session->settings.capture.n_interfaces == 0) {
        session_tell(session, LOG_LEVEL_ERROR,
                     "no interface given; see --help");
        return false;
    }
    return true;
}

static bool
become_service(const struct session *session, struct error *error)
{
    const char *user = session->settings.service.user;

    return privileges_drop(user[0] ? user : NULL, error) &&
           session_enter_sandbox(session, error);
}

static void
watch_user(void)
{
    const struct sigaction action = {.sa_handler = on_user,
                                     .sa_flags = SA_RESTART};

    sigaction(SIGUSR1, &action, NULL);
}

static void
on_user(int signal)
{
    (void)signal;
    dump_asked = 1;
}

static bool
start(struct run *run, struct error *error)
{
    return pairs_init(&run->pairs, run->session.policy, error) &&
           run_metrics_start(&run->metrics,
                             &run->session.settings.metrics.listen, error) &&
           run_sight_init(&run->sight, run->session.policy, error) &&
           open_output(run, error) && start_live(run, error);
}

static bool
open_output(struct run *run, struct error *error)
{
    struct session *session = &run->session;

    run_state_init(&run->state, system_clock_wall());
    session->source.epoch =
        run_epoch_take(session->settings.spool.directory, run->state.started);
    return session_open_output(session, live_n_queues(session_workers(session)),
                               false, error);
}

static bool
start_live(struct run *run, struct error *error)
{
    struct session *session = &run->session;
    const struct settings *settings = &session->settings;
    const char *interfaces[LIVE_MAX_INTERFACES];
    struct live_options live = {
        .interfaces = interfaces,
        .n_interfaces = settings->capture.n_interfaces,
        .capture = {.filter = session_filter(session),
                    .buffer_bytes = settings->capture.buffer_bytes,
                    .snapshot = (uint32_t)settings->capture.snaplen,
                    .promiscuous = settings->capture.promiscuous},
        .n_workers = session_workers(session),
        .dissect = session_dissect_options(session),
        .worker = session_worker_options(session),
        .output = session->output,
        .rules = run->metrics.rules,
    };
    uint64_t seeds[2];

    if (getrandom(seeds, sizeof seeds, 0) != (ssize_t)sizeof seeds) {
        return error_set(error, ERROR_SYSTEM, NULL, "no random numbers");
    }
    live.worker.table.hash_seed = seeds[0];
    live.spread_seed = seeds[1];
    for (size_t i = 0; i < live.n_interfaces; i++) {
        interfaces[i] = settings->capture.interfaces[i];
    }
    run->live = live_start(&live, error);
    return run->live != NULL;
}

static void
go_on(struct run *run, const atomic_int *stop)
{
    run->begin = run->heartbeat = run->now = system_clock_mono();
    live_get_report(run->live, &run->report);
    run_tell_look(run, false);
    run_tell_start(run);
    run_service_ready(&run->service, run->now);
    while (!*stop && !is_done(run)) {
        follow_policy(run);
        live_get_report(run->live, &run->report);
        run_tell_changes(run);
        if (dump_asked) {
            dump_asked = 0;
            run_tell_dump(run);
        }
        if (run->now.ns - run->heartbeat.ns >=
            run->session.settings.heartbeat_ns) {
            run->heartbeat = run->now;
            run_tell_heartbeat(run);
        }
        if (run_state_is_due(&run->state, run->now)) {
            run_tell_state(run, EVENT_STATUS_INTERVAL);
        }
        rest();
        run->now = system_clock_mono();
    }
}

static bool
is_done(const struct run *run)
{
    const struct run_options *options = &run->options;

    return (options->duration_s &&
            run->now.ns - run->begin.ns >=
                (int64_t)options->duration_s * SECOND_NS) ||
           (options->n_frames && live_n_frames(run->live) >= options->n_frames);
}

static void
follow_policy(struct run *run)
{
    if (!run->next && session_reload_asked()) {
        notify_reloading(&run->service.notify, system_clock_mono());
        run->next = session_next_policy(&run->session, system_clock_wall());
        run->service.policy_refused = !run->next;
        if (!run->next) {
            tell_ready(run);
        }
    }
    if (run->next && live_set_policy(run->live, run->next)) {
        policy_unref(run->next);
        run->next = NULL;
        tell_ready(run);
    }
}

static void
tell_ready(struct run *run)
{
    struct event_output outputs[OUTPUT_MAX_SINKS];

    run_service_tell_status(&run->service, &run->report, outputs,
                            run_tell_outputs(run, outputs));
    notify_ready(&run->service.notify);
}

/* The last status comes after all flows have ended. */
static int
finish(struct run *run)
{
    struct session *session = &run->session;
    struct event_output outputs[OUTPUT_MAX_SINKS];
    struct event_status totals;
    struct event_pair *pairs;
    int status;

    notify_stopping(&run->service.notify);
    session_begin_stop(session, system_clock_mono());
    policy_unref(run->next);
    run_metrics_say_stopping(&run->metrics);
    live_stop(run->live, &run->report, &run->pairs);
    run_tell_look(run, true);
    run_tell_state(run, EVENT_STATUS_END);
    totals = run_tell_status(run, EVENT_STATUS_END);
    pairs = run_sight_add_pairs(&run->sight, &run->pairs, &totals, true);
    status =
        session_finish_output(session, &totals, system_clock_wall(), outputs);
    log_tell(NULL, LOG_LEVEL_INFO,
             "%" PRIu64 " frames, %" PRIu64 " lost in the kernel, %" PRIu64
             " in devices; %" PRIu64 " flows, %" PRIu64 " violations told",
             totals.frames, totals.kernel_drops, totals.device_drops,
             totals.flows.created, totals.violations.told);
    for (size_t i = 0; i < totals.n_outputs; i++) {
        run_watch_loss(&outputs[i]);
    }
    run_metrics_stop(&run->metrics);
    free(pairs);
    return session_policies_taken(session, &run->report.counters)
               ? status
               : COMMAND_FAILED;
}

/* A signal ends it early. */
static void
rest(void)
{
    struct timespec tick = {.tv_nsec = TICK_NS};

    nanosleep(&tick, NULL);
}
