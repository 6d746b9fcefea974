/* segmon replay: the pipeline over capture files. */

#include "capture/error.h"
#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/replay.h"
#include "tools/runtime/progress.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool list_files(struct replay *, struct error *);
static int run(struct replay *);
static int open_policy(struct replay *);
static int open_expect(struct replay *);
static uint32_t run_epoch(const struct replay *);
static bool check_output_paths(const struct replay *, struct error *);
static bool check_output_path(const struct replay *, const char *output,
                              struct error *);
static bool is_file(const char *path, int standard, const struct stat *);
static bool make_watches(struct replay *);
static bool run_pipeline(struct replay *, const atomic_int *stop,
                         struct error *);

int
command_replay(int argc, char *argv[])
{
    struct replay replay = {
        .session = {.command = "replay", .source = {.version = SEGMON_VERSION}},
    };
    struct session *session = &replay.session;
    struct error error;
    int status;

    switch (
        replay_options_parse(&replay.options, &session->options, argc, argv)) {
    case SESSION_HELP: return COMMAND_OK;
    case SESSION_USAGE: return COMMAND_USAGE;
    case SESSION_RUN: break;
    }
    if (!session_open_settings(session, NULL, "lab", false) ||
        !replay_options_agree(&replay.options, &session->settings)) {
        return COMMAND_USAGE;
    }
    if (!list_files(&replay, &error)) {
        return session_fail(session, &error, COMMAND_FAILED);
    }
    status = run(&replay);
    for (unsigned i = 0; replay.watches && i <= session_workers(session); i++) {
        replay_watch_done(&replay.watches[i]);
    }
    free(replay.watches);
    expect_done(&replay.expect);
    free(replay.observers);
    pipeline_result_done(&replay.result);
    session_close_policy(session);
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
    struct session *session = &replay->session;
    const atomic_int *stop;
    struct error error;
    int status;

    if (!session_enter_sandbox(session, &error)) {
        return session_fail(session, &error, COMMAND_FAILED);
    }
    status = open_policy(replay);
    if (status != COMMAND_OK) {
        return status;
    }
    session->source.epoch = run_epoch(replay);
    if (!check_output_paths(replay, &error) ||
        !session_open_output(session,
                             pipeline_n_queues(session_workers(session)), true,
                             &error)) {
        return session_fail(session, &error, COMMAND_FAILED);
    }
    if (!make_watches(replay)) {
        session_close_output(session);
        fputs("segmon replay: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    stop = session_watch_stop();
    if (!run_pipeline(replay, stop, &error)) {
        session_fail(session, &error, COMMAND_FAILED);
        session_close_output(session);
        return COMMAND_FAILED;
    }
    status = replay_report(replay);
    return *stop ? COMMAND_SIGNALLED + *stop : status;
}

/* A run that is held against one policy does not take another. */
static int
open_policy(struct replay *replay)
{
    const struct replay_options *options = &replay->options;
    int status;

    if (replay->session.settings.policy[0] && !options->coverage &&
        !options->expect && !options->expect_write) {
        session_watch_reload();
    }
    status = session_open_policy(&replay->session);
    if (status == COMMAND_OK && options->expect) {
        status = open_expect(replay);
    }
    return status;
}

static int
open_expect(struct replay *replay)
{
    struct problems problems;
    bool good;

    problems_init(&problems);
    good = expect_load(&replay->expect, replay->options.expect,
                       replay->session.policy, &problems);
    if (!good) {
        problems_print(&problems, stderr);
    }
    problems_done(&problems);
    return good ? COMMAND_OK : COMMAND_USAGE;
}

/* Ids of events tell runs apart by this number.  It depends on what is replayed
 * and nothing else, because the same run gives the same bytes: FNV-1a over the
 * policy's hash and the names of the files. */
static uint32_t
run_epoch(const struct replay *replay)
{
    const char *text = policy_sha256(replay->session.policy);
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
    const struct settings *settings = &replay->session.settings;

    for (size_t i = 0; i < settings->n_outputs; i++) {
        if (!check_output_path(replay, settings->outputs[i].target, error)) {
            return false;
        }
    }
    return check_output_path(replay, options->expect_write, error) &&
           check_output_path(replay, options->coverage, error);
}

/* An output that is also an input would be emptied before it is read, or grow
 * as fast as it is. */
static bool
check_output_path(const struct replay *replay, const char *output,
                  struct error *error)
{
    const char *policy = replay->session.settings.policy;
    bool to_stdout = output && strcmp(output, "-") == 0;
    struct stat wanted;

    if (!output ||
        (to_stdout ? fstat(STDOUT_FILENO, &wanted) : stat(output, &wanted)) ||
        !S_ISREG(wanted.st_mode)) {
        return true;
    }
    if (policy[0] && is_file(policy, -1, &wanted)) {
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
    const struct policy *policy = replay->session.policy;
    unsigned n = session_workers(&replay->session);

    replay->watches = calloc(n + 1, sizeof *replay->watches);
    replay->observers = calloc(n, sizeof *replay->observers);
    if (!replay->watches || !replay->observers) {
        free(replay->watches);
        replay->watches = NULL;
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        replay_watch_init(&replay->watches[i], &replay->options, policy);
        replay->observers[i] =
            (struct worker_observer){replay_watch_flow, &replay->watches[i]};
    }
    replay_watch_init(&replay->watches[n], &replay->options, policy);
    replay->desk_observer =
        (struct desk_observer){replay_watch_violation, &replay->watches[n]};
    return true;
}

static bool
run_pipeline(struct replay *replay, const atomic_int *stop, struct error *error)
{
    struct session *session = &replay->session;
    unsigned n_workers = session_workers(session);
    struct progress progress;
    struct pipeline_options pipeline = {
        .files = replay->files.paths,
        .n_files = replay->files.n_paths,
        .filter = session_filter(session),
        .keep_going = replay->options.keep_going,
        .n_workers = n_workers,
        .dissect = session_dissect_options(session),
        .worker = session_worker_options(session),
        .output = session->output,
        .observers = replay->observers,
        .desk_observer = &replay->desk_observer,
        .progress = progress_show,
        .context = &progress,
        .stop = stop,
        .next_policy = session_next_policy,
        .policy_context = session,
    };
    bool ran;

    progress_init(&progress, !session->options.quiet);
    ran = pipeline_run(&pipeline, &replay->result, error);
    progress_clear(&progress);
    for (unsigned i = 0; i <= n_workers; i++) {
        tally_set_policy(&replay->watches[i].tally, session->policy);
    }
    for (unsigned i = 1; i <= n_workers; i++) {
        replay_watch_merge(&replay->watches[0], &replay->watches[i]);
    }
    return ran;
}
