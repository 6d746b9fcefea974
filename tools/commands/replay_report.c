/* How a run of 'segmon replay' ends; see replay.h. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/replay.h"
#include "tools/report/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    DEFAULT_WIDTH = 80,
    MAX_TROUBLES = 20 /* Damaged files told one by one. */
};

static void list_files(const struct replay *, struct event_status *,
                       struct event_file *files);
static int report_troubles(const struct replay *, int status);
static void print_summary(const struct replay *, const struct event_status *);

int
replay_report(struct replay *replay)
{
    struct session *session = &replay->session;
    const struct tally *tally = &replay->watches[0].tally;
    struct event_output outputs[OUTPUT_MAX_SINKS];
    struct event_status totals;
    struct event_file *files = calloc(replay->files.n_paths, sizeof *files);
    struct event_pair *pairs;
    int status, watched;

    if (!files) {
        fputs("segmon replay: out of memory\n", stderr);
        session_close_output(session);
        return COMMAND_FAILED;
    }
    totals =
        session_status(session, EVENT_STATUS_END, &replay->result.counters);
    list_files(replay, &totals, files);
    pairs = session_add_pairs(&totals, &replay->result.pairs);
    status =
        session_finish_output(session, &totals, totals.last_packet, outputs);
    status = report_troubles(replay, status);
    if (!session->options.quiet) {
        print_summary(replay, &totals);
    }
    free(files);
    free(pairs);
    watched =
        replay_watch_report(&replay->watches[0], &replay->options,
                            replay->options.expect ? &replay->expect : NULL);
    status = status == COMMAND_OK ? watched : status;
    if (status == COMMAND_OK && replay->options.fail_on_violation &&
        (tally->verdicts[DECISION_DENY] || tally->detections)) {
        return COMMAND_VIOLATIONS;
    }
    return status;
}

static void
list_files(const struct replay *replay, struct event_status *status,
           struct event_file *files)
{
    const struct pipeline_result *result = &replay->result;

    status->files = files;
    status->n_files = result->counters.files;
    for (size_t i = 0; i < status->n_files; i++) {
        const struct error *error = &result->files[i].error;

        files[i] = (struct event_file){
            .path = replay->files.paths[i],
            .frames = result->files[i].frames,
            .bytes = result->files[i].bytes,
            .error = error->code == ERROR_NONE ? NULL : error,
        };
    }
}

static int
report_troubles(const struct replay *replay, int status)
{
    const struct pipeline_result *result = &replay->result;
    uint64_t n_told = 0;

    for (size_t i = 0; i < result->counters.files && n_told < MAX_TROUBLES;
         i++) {
        if (result->files[i].error.code != ERROR_NONE) {
            session_fail(&replay->session, &result->files[i].error,
                         COMMAND_FAILED);
            n_told++;
        }
    }
    if (result->counters.files_failed > n_told) {
        fprintf(stderr, "segmon replay: and %llu files more\n",
                (unsigned long long)(result->counters.files_failed - n_told));
    }
    if (!session_policies_taken(&replay->session, &result->counters)) {
        return COMMAND_FAILED;
    }
    return n_told ? COMMAND_FAILED : status;
}

/* On standard output, unless something else is there. */
static void
print_summary(const struct replay *replay, const struct event_status *status)
{
    const struct replay_options *options = &replay->options;
    const struct settings *settings = &replay->session.settings;
    const char *const outputs[] = {options->expect_write, options->coverage};
    FILE *stream = stdout;
    struct winsize size = {.ws_col = 0};
    bool terminal = isatty(fileno(stream));
    const char *no_color = getenv("NO_COLOR");
    struct summary summary = {
        .tally = &replay->watches[0].tally,
        .status = status,
        .n_skipped_files = replay->files.n_skipped,
        .color = terminal && !(no_color && no_color[0]),
        .width = DEFAULT_WIDTH,
    };

    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        stream = outputs[i] && strcmp(outputs[i], "-") == 0 ? stderr : stream;
    }
    for (size_t i = 0; i < settings->n_outputs; i++) {
        const char *target = settings->outputs[i].target;

        stream = strcmp(target, "-") == 0 ? stderr : stream;
    }
    if (terminal && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 &&
        size.ws_col) {
        summary.width = size.ws_col;
    }
    summary_print(&summary, stream);
}
