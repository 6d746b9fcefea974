/* How a run of 'segmon replay' ends; see replay.h. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/replay.h"
#include "tools/output/json.h"
#include "tools/report/summary.h"
#include "tools/report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    DEFAULT_WIDTH = 80,
    MAX_TROUBLES = 20 /* Damaged files told one by one. */
};

static void make_status(const struct replay *, struct event_status *,
                        struct event_file *files);
static int finish_output(struct replay *, struct event_status *,
                         struct event_output outputs[OUTPUT_MAX_SINKS]);
static int report_troubles(const struct replay *, int status);
static void print_summary(const struct replay *, const struct event_status *);

int
replay_report(struct replay *replay)
{
    const struct tally *tally = &replay->watches[0].tally;
    struct event_output outputs[OUTPUT_MAX_SINKS];
    struct event_status totals;
    struct event_file *files = calloc(replay->files.n_paths, sizeof *files);
    int status = COMMAND_OK, watched;

    if (!files) {
        fputs("segmon replay: out of memory\n", stderr);
        replay_close_output(replay);
        return COMMAND_FAILED;
    }
    make_status(replay, &totals, files);
    if (replay->output) {
        status = finish_output(replay, &totals, outputs);
    }
    status = report_troubles(replay, status);
    if (!replay->options.quiet) {
        print_summary(replay, &totals);
    }
    free(files);
    watched =
        replay_watch_report(&replay->watches[0], &replay->options,
                            replay->options.expect ? &replay->expect : NULL);
    status = status == COMMAND_OK ? watched : status;
    if (status == COMMAND_OK && replay->options.fail_on_violation &&
        (tally->total.decisions[DECISION_DENY] || tally->detections)) {
        return COMMAND_VIOLATIONS;
    }
    return status;
}

void
replay_close_output(struct replay *replay)
{
    struct error error;

    if (replay->output) {
        output_finish(replay->output, NULL, &error);
        replay->output = NULL;
    }
}

int
replay_fail(const struct error *error, int status)
{
    char text[sizeof error->where + sizeof error->message + 32];

    error_format(error, text, sizeof text);
    fputs("segmon replay: ", stderr);
    text_print(text, stderr);
    fputc('\n', stderr);
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
        .violations = counters->violations,
        .detectors = counters->detectors,
        .application = inspect ? &counters->workers.applications : NULL,
        .application_library = inspect ? application_library_version() : NULL,
        .policy = replay->policy,
        .workers = replay->options.workers,
        .files = files,
        .n_files = counters->files,
    };
    memcpy(status->dissected, counters->outcomes, sizeof status->dissected);
    memcpy(status->ended, counters->workers.ends, sizeof status->ended);
    for (unsigned i = 0; i < N_DETECTORS; i++) {
        status->detectors.detections[i] += counters->workers.detections[i];
    }
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

/* The status event tells what became of all events before it; 'outputs' and
 * the summary also what became of itself. */
static int
finish_output(struct replay *replay, struct event_status *status,
              struct event_output outputs[OUTPUT_MAX_SINKS])
{
    struct error error;
    bool complete;

    output_settle(replay->output);
    status->n_outputs = output_status(replay->output, outputs);
    status->outputs = outputs;
    replay_send_status(replay, status, status->last_packet);
    complete = output_finish(replay->output, outputs, &error);
    replay->output = NULL;
    return complete ? COMMAND_OK : replay_fail(&error, COMMAND_FAILED);
}

void
replay_send_status(struct replay *replay, const struct event_status *status,
                   struct wall_time now)
{
    unsigned last = pipeline_n_queues(replay->options.workers) - 1;
    struct json json;

    if (!replay->output ||
        !(output_kinds(replay->output) & (1u << EVENT_STATUS))) {
        return;
    }
    json_init(&json, EVENT_MAX_BYTES);
    event_status_encode(&json, &replay->source, status);
    event_queue_put(output_queue(replay->output, last), EVENT_STATUS, now,
                    &json);
    json_done(&json);
}

static int
report_troubles(const struct replay *replay, int status)
{
    const struct pipeline_result *result = &replay->result;
    uint64_t n_told = 0;

    for (size_t i = 0; i < result->counters.files && n_told < MAX_TROUBLES;
         i++) {
        if (result->files[i].error.code != ERROR_NONE) {
            replay_fail(&result->files[i].error, COMMAND_FAILED);
            n_told++;
        }
    }
    if (result->counters.files_failed > n_told) {
        fprintf(stderr, "segmon replay: and %llu files more\n",
                (unsigned long long)(result->counters.files_failed - n_told));
    }
    if (result->counters.workers.policies_refused) {
        fputs("segmon replay: out of memory for a policy read again; some "
              "flows were judged by the one before\n",
              stderr);
        return COMMAND_FAILED;
    }
    return n_told ? COMMAND_FAILED : status;
}

/* On standard output, unless something else is there. */
static void
print_summary(const struct replay *replay, const struct event_status *status)
{
    const struct replay_options *options = &replay->options;
    const char *const outputs[] = {options->output, options->expect_write,
                                   options->coverage};
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
    if (terminal && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 &&
        size.ws_col) {
        summary.width = size.ws_col;
    }
    summary_print(&summary, stream);
}
