/* segmon replay: the pipeline over capture files. */

#include "capture/error.h"
#include "capture/file_list.h"
#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/replay_options.h"
#include "tools/output/json.h"
#include "tools/output/output.h"
#include "tools/report/summary.h"
#include "tools/report/text.h"
#include "tools/runtime/pipeline.h"
#include "tools/runtime/progress.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEFAULT_WIDTH = 80,
    /* Conversations whose application is looked for at once, over all workers;
     * nDPI's state of one is a few kilobytes. */
    MAX_INSPECTIONS = 200000
};

/* One run, from options to exit status. */
struct replay {
    struct replay_options options;
    struct file_list files;
    struct policy *policy;
    struct event_source source;
    struct output *output; /* NULL: no events. */
    struct tally *tallies; /* One a worker. */
    struct worker_observer *observers;
    struct pipeline_result result;
    struct event_output outputs[OUTPUT_MAX_SINKS];
    size_t n_outputs;
};

/* The signal that asks for a clean stop; 0 until then. */
static volatile sig_atomic_t stop_signal;

static int run(struct replay *);
static bool open_policy(struct replay *);
static bool open_output(struct replay *, struct error *);
static uint32_t run_epoch(const struct replay *);
static bool check_output_path(const struct replay *, struct error *);
static bool make_tallies(struct replay *);
static void watch_signals(void);
static void on_signal(int signal);
static bool run_pipeline(struct replay *, struct error *);
static void make_status(const struct replay *, struct event_status *,
                        struct event_file *files);
static void send_status(struct replay *, struct event_status *);
static void print_summary(const struct replay *, const struct event_status *);
static void close_output(struct replay *);
static int finish(struct replay *, int status);
static int report_troubles(const struct replay *, int status);
static int fail(const struct error *, int status);

int
command_replay(int argc, char *argv[])
{
    struct replay replay = {.source = {.version = SEGMON_VERSION}};
    struct error error;
    int status;

    switch (replay_options_parse(&replay.options, argc, argv)) {
    case REPLAY_HELP: return COMMAND_OK;
    case REPLAY_USAGE: return COMMAND_USAGE;
    case REPLAY_RUN: break;
    }
    replay.source.sensor = replay.options.sensor;
    if (!file_list_init(&replay.files, replay.options.files,
                        replay.options.n_files, &error)) {
        return fail(&error, COMMAND_FAILED);
    }
    status = run(&replay);
    for (unsigned i = 0; replay.tallies && i < replay.options.workers; i++) {
        tally_done(&replay.tallies[i]);
    }
    free(replay.tallies);
    free(replay.observers);
    pipeline_result_done(&replay.result);
    policy_unref(replay.policy);
    file_list_done(&replay.files);
    return status;
}

static int
run(struct replay *replay)
{
    struct error error;

    if (!open_policy(replay)) {
        return COMMAND_USAGE;
    }
    if (!check_output_path(replay, &error) || !open_output(replay, &error)) {
        return fail(&error, COMMAND_FAILED);
    }
    if (!make_tallies(replay)) {
        close_output(replay);
        fputs("segmon replay: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    watch_signals();
    if (!run_pipeline(replay, &error)) {
        fail(&error, COMMAND_FAILED);
        close_output(replay);
        return COMMAND_FAILED;
    }
    return finish(replay, COMMAND_OK);
}

/* Loads the policy, telling what is wrong with it; without one, everything is
 * observed. */
static bool
open_policy(struct replay *replay)
{
    struct application_options options = {.max_inspections = 1};
    struct application_engine *engine;
    struct problems problems;
    struct error error;

    if (!replay->options.policy) {
        replay->policy = policy_observe_all();
        return replay->policy != NULL;
    }
    engine = application_engine_new(&options, &error);
    if (!engine) {
        fail(&error, COMMAND_FAILED);
        return false;
    }
    problems_init(&problems);
    replay->policy = policy_load(replay->options.policy, engine, &problems);
    if (!replay->policy) {
        problems_print(&problems, stderr);
    }
    problems_done(&problems);
    application_engine_free(engine);
    return replay->policy != NULL;
}

/* Without a target nothing is encoded, and there is no output at all. */
static bool
open_output(struct replay *replay, struct error *error)
{
    const struct replay_options *options = &replay->options;
    struct output_options output = {
        .blocking = true,
        .redis_password = getenv("SEGMON_REDIS_PASSWORD"),
    };

    replay->source.epoch = run_epoch(replay);
    output.source = replay->source;
    /* One a worker, and one for this thread when it is none. */
    output.n_queues = options->workers > 1 ? options->workers + 1 : 1;
    if (options->output) {
        output.targets[output.n_targets++] =
            (struct output_target){options->output, options->events};
    }
    if (options->redis) {
        output.targets[output.n_targets++] =
            (struct output_target){options->redis, options->events};
    }
    if (output.n_targets == 0) {
        return true;
    }
    replay->output = output_new(&output, error);
    return replay->output != NULL;
}

/* Ids of events tell runs apart by this number.  It depends on what is replayed
 * and nothing else, because the same run gives the same bytes: FNV-1a over the
 * policy's hash and the names of the files. */
static uint32_t
run_epoch(const struct replay *replay)
{
    const char *text = policy_sha256(replay->policy);
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0;; i++) {
        do {
            hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
        } while (*text++);
        if (i == replay->files.n_paths) {
            return hash;
        }
        text = replay->files.paths[i];
    }
}

/* An output file that is also an input would be emptied before it is read. */
static bool
check_output_path(const struct replay *replay, struct error *error)
{
    const char *output = replay->options.output;
    struct stat wanted;

    if (!output || strcmp(output, "-") == 0 || stat(output, &wanted) != 0 ||
        !S_ISREG(wanted.st_mode)) {
        return true;
    }
    for (size_t i = 0; i < replay->files.n_paths; i++) {
        struct stat input;

        if (stat(replay->files.paths[i], &input) == 0 &&
            input.st_dev == wanted.st_dev && input.st_ino == wanted.st_ino) {
            return error_set(error, ERROR_VALUE, output,
                             "is one of the captures; not overwritten");
        }
    }
    return true;
}

static bool
make_tallies(struct replay *replay)
{
    unsigned n = replay->options.workers;

    replay->tallies = calloc(n, sizeof *replay->tallies);
    replay->observers = calloc(n, sizeof *replay->observers);
    if (!replay->tallies || !replay->observers) {
        free(replay->tallies);
        replay->tallies = NULL;
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        tally_init(&replay->tallies[i], replay->policy);
        replay->observers[i] = (struct worker_observer){
            tally_flow, tally_violation, &replay->tallies[i]};
    }
    return true;
}

static void
watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void
on_signal(int signal)
{
    stop_signal = signal;
}

static bool
run_pipeline(struct replay *replay, struct error *error)
{
    const struct replay_options *options = &replay->options;
    struct progress progress;
    struct pipeline_options pipeline = {
        .files = replay->files.paths,
        .n_files = replay->files.n_paths,
        .filter = options->filter,
        .keep_going = options->keep_going,
        .n_workers = options->workers,
        .dissect = dissect_default_options,
        .worker = {.policy = replay->policy,
                   .inspect = options->inspect,
                   .max_inspections = MAX_INSPECTIONS,
                   .table = {.max_flows = options->max_flows,
                             .max_bytes = options->memory_bytes,
                             .duplicates = options->duplicates,
                             .timeouts = flow_default_timeouts},
                   .source = &replay->source,
                   .events = options->events},
        .output = replay->output,
        .observers = replay->observers,
        .progress = progress_show,
        .context = &progress,
        .stop = &stop_signal,
    };
    bool ran;

    if (!options->decapsulate) {
        pipeline.dissect.tunnels = 0;
    }
    if (options->teredo) {
        pipeline.dissect.tunnels |= 1u << PACKET_TUNNEL_TEREDO;
    }
    progress_init(&progress, !options->quiet);
    ran = pipeline_run(&pipeline, &replay->result, error);
    progress_clear(&progress);
    for (unsigned i = 1; i < options->workers; i++) {
        tally_add(&replay->tallies[0], &replay->tallies[i]);
    }
    return ran;
}

/* After a failure: what was told already stands. */
static void
close_output(struct replay *replay)
{
    struct error error;

    if (replay->output) {
        output_finish(replay->output, NULL, &error);
    }
}

/* The closing status event, the summary, and the exit status of it all. */
static int
finish(struct replay *replay, int status)
{
    struct event_status totals;
    struct event_file *files = calloc(replay->files.n_paths, sizeof *files);
    struct error error;

    if (!files) {
        fputs("segmon replay: out of memory\n", stderr);
        close_output(replay);
        return COMMAND_FAILED;
    }
    make_status(replay, &totals, files);
    if (replay->output) {
        send_status(replay, &totals);
        if (!output_finish(replay->output, replay->outputs, &error)) {
            status = fail(&error, COMMAND_FAILED);
        }
        totals.outputs = replay->outputs;
    }
    status = report_troubles(replay, status);
    if (!replay->options.quiet) {
        print_summary(replay, &totals);
    }
    if (status == COMMAND_OK && replay->options.fail_on_violation &&
        replay->tallies[0].total.decisions[DECISION_DENY]) {
        status = COMMAND_VIOLATIONS;
    }
    if (replay->result.stopped) {
        status = COMMAND_SIGNALLED + stop_signal;
    }
    free(files);
    return status;
}

static void
make_status(const struct replay *replay, struct event_status *status,
            struct event_file *files)
{
    const struct pipeline_result *result = &replay->result;
    const struct pipeline_counters *counters = &result->counters;
    bool inspect = replay->options.inspect;

    *status = (struct event_status){
        .cause = EVENT_STATUS_END,
        .frames = counters->frames,
        .bytes = counters->bytes,
        .filtered = counters->filtered,
        .first_packet = counters->first,
        .last_packet = counters->last,
        .flows = counters->workers.flows,
        .max_flows = replay->options.max_flows,
        .violations = counters->workers.violations,
        .application = inspect ? &counters->workers.applications : NULL,
        .application_library = inspect ? application_library_version() : NULL,
        .policy = replay->policy,
        .workers = replay->options.workers,
        .outputs = replay->outputs,
        .n_outputs = replay->n_outputs,
        .files = files,
        .n_files = counters->files,
    };
    memcpy(status->dissected, counters->outcomes, sizeof status->dissected);
    memcpy(status->ended, counters->workers.ends, sizeof status->ended);
    for (size_t i = 0; i < counters->files; i++) {
        const struct error *error = &result->files[i].error;

        files[i] = (struct event_file){
            .path = replay->files.paths[i],
            .frames = result->files[i].frames,
            .bytes = result->files[i].bytes,
            .error = error->code == ERROR_NONE ? NULL : error,
        };
    }
}

static void
send_status(struct replay *replay, struct event_status *status)
{
    unsigned last = replay->options.workers > 1 ? replay->options.workers : 0;
    struct json json;

    if (!(output_kinds(replay->output) & (1u << EVENT_STATUS))) {
        return;
    }
    output_settle(replay->output);
    status->n_outputs = output_status(replay->output, replay->outputs);
    json_init(&json, EVENT_MAX_BYTES);
    event_status_encode(&json, &replay->source, status);
    event_queue_put(output_queue(replay->output, last), EVENT_STATUS,
                    status->last_packet, &json);
    json_done(&json);
}

/* On standard output, unless the events are there. */
static void
print_summary(const struct replay *replay, const struct event_status *status)
{
    bool events_there =
        replay->options.output && strcmp(replay->options.output, "-") == 0;
    FILE *stream = events_there ? stderr : stdout;
    struct winsize size = {.ws_col = 0};
    bool terminal = isatty(fileno(stream));
    struct summary summary = {
        .tally = &replay->tallies[0],
        .status = status,
        .color = terminal && !getenv("NO_COLOR"),
        .width = DEFAULT_WIDTH,
    };

    if (terminal && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 &&
        size.ws_col) {
        summary.width = size.ws_col;
    }
    summary_print(&summary, stream);
}

static int
report_troubles(const struct replay *replay, int status)
{
    const struct pipeline_result *result = &replay->result;

    for (size_t i = 0; i < result->counters.files; i++) {
        if (result->files[i].error.code != ERROR_NONE) {
            status = fail(&result->files[i].error, COMMAND_FAILED);
        }
    }
    return status;
}

static int
fail(const struct error *error, int status)
{
    char text[sizeof error->where + sizeof error->message + 32];

    error_format(error, text, sizeof text);
    fputs("segmon replay: ", stderr);
    text_print(text, stderr);
    fputc('\n', stderr);
    return status;
}
