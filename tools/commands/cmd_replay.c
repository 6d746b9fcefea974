/* segmon replay: the pipeline over capture files. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/replay.h"
#include "tools/runtime/progress.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The signal that asks for a clean stop; 0 until then.  Atomic, because the
 * output thread looks too. */
static atomic_int stop_signal;

static bool list_files(struct replay *, struct error *);
static int run(struct replay *);
static bool open_output(struct replay *, struct error *);
static uint32_t run_epoch(const struct replay *);
static bool check_output_paths(const struct replay *, struct error *);
static bool check_output_path(const struct replay *, const char *output,
                              struct error *);
static bool is_file(const char *path, int standard, const struct stat *);
static bool make_watches(struct replay *);
static void watch_signals(void);
static void on_stop(int signal);
static void on_alarm(int signal);
static bool run_pipeline(struct replay *, struct error *);

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
    if (!list_files(&replay, &error)) {
        return replay_fail(&error, COMMAND_FAILED);
    }
    status = run(&replay);
    for (unsigned i = 0; replay.watches && i <= replay.options.workers; i++) {
        replay_watch_done(&replay.watches[i]);
    }
    free(replay.watches);
    expect_done(&replay.expect);
    free(replay.observers);
    pipeline_result_done(&replay.result);
    replay_close_policy(&replay);
    file_list_done(&replay.files);
    return status;
}

/* Nothing to read is an error: a folder mistyped must not look like a network
 * without violations. */
static bool
list_files(struct replay *replay, struct error *error)
{
    const struct replay_options *options = &replay->options;
    struct file_list *files = &replay->files;
    size_t n_skipped;

    if (!file_list_init(files, options->files, options->n_files, error)) {
        return false;
    }
    if (files->n_paths == 0) {
        n_skipped = files->n_skipped;
        file_list_done(files);
        return error_set(error, ERROR_VALUE, options->files[0],
                         "no capture is there (%zu other files)", n_skipped);
    }
    return true;
}

static int
run(struct replay *replay)
{
    struct error error;
    int status;

    replay_watch_policy(replay);
    status = replay_open_policy(replay);
    if (status != COMMAND_OK) {
        return status;
    }
    if (!check_output_paths(replay, &error) || !open_output(replay, &error)) {
        return replay_fail(&error, COMMAND_FAILED);
    }
    if (!make_watches(replay)) {
        replay_close_output(replay);
        fputs("segmon replay: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    watch_signals();
    if (!run_pipeline(replay, &error)) {
        replay_fail(&error, COMMAND_FAILED);
        replay_close_output(replay);
        return COMMAND_FAILED;
    }
    status = replay_report(replay);
    return stop_signal ? COMMAND_SIGNALLED + stop_signal : status;
}

/* Without a target nothing is encoded, and there is no output at all. */
static bool
open_output(struct replay *replay, struct error *error)
{
    const struct replay_options *options = &replay->options;
    struct output_options output = {
        .blocking = true,
        .redis_password = getenv("SEGMON_REDIS_PASSWORD"),
        .stop = &stop_signal,
    };

    replay->source.epoch = run_epoch(replay);
    output.source = replay->source;
    /* One a worker, and one for this thread when it is none. */
    output.n_queues = pipeline_n_queues(options->workers);
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

static bool
check_output_paths(const struct replay *replay, struct error *error)
{
    const struct replay_options *options = &replay->options;

    return check_output_path(replay, options->output, error) &&
           check_output_path(replay, options->expect_write, error) &&
           check_output_path(replay, options->coverage, error);
}

/* An output that is also an input would be emptied before it is read, or grow
 * as fast as it is. */
static bool
check_output_path(const struct replay *replay, const char *output,
                  struct error *error)
{
    const char *policy = replay->options.policy;
    bool to_stdout = output && strcmp(output, "-") == 0;
    struct stat wanted;

    if (!output ||
        (to_stdout ? fstat(STDOUT_FILENO, &wanted) : stat(output, &wanted)) ||
        !S_ISREG(wanted.st_mode)) {
        return true;
    }
    if (policy && is_file(policy, -1, &wanted)) {
        return error_set(error, ERROR_VALUE, output,
                         "is the policy; not overwritten");
    }
    for (size_t i = 0; i < replay->files.n_paths; i++) {
        if (is_file(replay->files.paths[i], STDIN_FILENO, &wanted)) {
            return error_set(error, ERROR_VALUE, output,
                             "is one of the captures; not overwritten");
        }
    }
    return true;
}

/* Whether 'path', or "-" for the 'standard' descriptor, is 'wanted'. */
static bool
is_file(const char *path, int standard, const struct stat *wanted)
{
    bool is_standard = standard >= 0 && strcmp(path, "-") == 0;
    struct stat found;

    return (is_standard ? fstat(standard, &found) : stat(path, &found)) == 0 &&
           found.st_dev == wanted->st_dev && found.st_ino == wanted->st_ino;
}

static bool
make_watches(struct replay *replay)
{
    unsigned n = replay->options.workers;

    replay->watches = calloc(n + 1, sizeof *replay->watches);
    replay->observers = calloc(n, sizeof *replay->observers);
    if (!replay->watches || !replay->observers) {
        free(replay->watches);
        replay->watches = NULL;
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        replay_watch_init(&replay->watches[i], &replay->options,
                          replay->policy);
        replay->observers[i] =
            (struct worker_observer){replay_watch_flow, &replay->watches[i]};
    }
    replay_watch_init(&replay->watches[n], &replay->options, replay->policy);
    replay->desk_observer =
        (struct desk_observer){replay_watch_violation, &replay->watches[n]};
    return true;
}

/* The first signal asks for a clean end, the second one kills. */
static void
watch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop,
                             .sa_flags = (int)SA_RESETHAND};
    struct sigaction again = {.sa_handler = on_alarm};

    sigaction(SIGALRM, &again, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
}

static void
on_stop(int signal)
{
    stop_signal = signal;
    alarm(1);
}

/* A signal that comes just before a read that waits does not end it: so one
 * comes every second from then on. */
static void
on_alarm(int signal)
{
    (void)signal;
    alarm(1);
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
                   .max_inspection_bytes = options->dpi_bytes,
                   .table = {.max_flows = options->max_flows,
                             .max_bytes = options->memory_bytes,
                             .duplicates = options->duplicates,
                             .timeouts = flow_default_timeouts},
                   .source = &replay->source,
                   .events = options->events},
        .output = replay->output,
        .observers = replay->observers,
        .desk_observer = &replay->desk_observer,
        .progress = progress_show,
        .context = &progress,
        .stop = &stop_signal,
        .next_policy = replay_next_policy,
        .policy_context = replay,
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
    for (unsigned i = 0; i <= options->workers; i++) {
        tally_set_policy(&replay->watches[i].tally, replay->policy);
    }
    for (unsigned i = 1; i <= options->workers; i++) {
        replay_watch_merge(&replay->watches[0], &replay->watches[i]);
    }
    return ran;
}
