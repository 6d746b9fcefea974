/* segmon forward: from streams in Redis to a file, a pipe or a TCP port.
 *
 * One loop: read a batch, pass it on until it is safe, acknowledge it.  What
 * fails is tried again, with longer and longer pauses; nothing is acknowledged
 * meanwhile, so whatever happens to us the server still has it. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/forward_options.h"
#include "tools/commands/session.h"
#include "tools/event/event.h"
#include "tools/event/json.h"
#include "tools/forward/forward_target.h"
#include "tools/forward/group_fleet.h"
#include "tools/process/log.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FRAME_OVERHEAD = 1024,
    FIRST_PAUSE_MS = 100,
    MAX_PAUSE_MS = 5000,
    ERROR_SIZE = 800
};

struct forward {
    struct forward_options options;
    struct group_fleet *reader;
    struct forward_target *target;
    struct forward_line line;
    struct json out; /* Of a batch: as it is passed on. */
    const atomic_int *stop;
    int pause_ms;
    bool failing; /* It was told. */
    bool is_over; /* Nobody takes events any more. */
};

static volatile sig_atomic_t hung_up;

static int forward_to_end(struct forward *);
static bool open_all(struct forward *, struct error *);
static void close_all(struct forward *);
static void on_hangup(int signal);
static void go_on(struct forward *);
static bool read_batch(struct forward *, size_t *n);
static bool pass_on(struct forward *);
static bool reopen_if_asked(struct forward *);
static void complain(const struct error *);
static void fail_and_rest(struct forward *, const struct error *);
static void recovered(struct forward *);
static void tell_totals(const struct forward *);

int
command_forward(int argc, char *argv[])
{
    struct forward *forward = calloc(1, sizeof *forward);
    int status;

    if (!forward) {
        fputs("segmon forward: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    switch (forward_options_parse(&forward->options, argc, argv)) {
    case FORWARD_HELP: status = COMMAND_OK; break;
    case FORWARD_USAGE: status = COMMAND_USAGE; break;
    case FORWARD_RUN:
    default: status = forward_to_end(forward); break;
    }
    forward_options_done(&forward->options);
    free(forward);
    return status;
}

static int
forward_to_end(struct forward *forward)
{
    int status = COMMAND_FAILED;
    struct error error;

    log_open(&(struct log_options){
        .name = "forward",
        .most = forward->options.quiet ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
        .fd = STDERR_FILENO,
        .journal_stream = getenv("JOURNAL_STREAM")});
    signal(SIGHUP, on_hangup);
    forward->stop = session_watch_stop();
    if (open_all(forward, &error)) {
        go_on(forward);
        tell_totals(forward);
        if (!forward->is_over) {
            status = *forward->stop ? COMMAND_SIGNALLED + *forward->stop
                                    : COMMAND_OK;
        }
    } else {
        complain(&error);
    }
    close_all(forward);
    return status;
}

static bool
open_all(struct forward *forward, struct error *error)
{
    const struct forward_options *options = &forward->options;
    off_t cut = 0;

    forward_line_init(&forward->line, options->format, options->facility,
                      options->schema);
    json_init(&forward->out, (size_t)GROUP_READER_MAX_STREAMS *
                                 (EVENT_MAX_BYTES + FRAME_OVERHEAD));
    forward->pause_ms = FIRST_PAUSE_MS;
    forward->target = options->tcp
                          ? forward_tcp_new(options->tcp, error)
                          : forward_file_open(options->output, &cut, error);
    if (!forward->target) {
        return false;
    }
    forward->target->stop = forward->stop;
    if (cut) {
        LOG(NOTICE, "%s: half a line at its end was cut off, %jd bytes",
            options->output, (intmax_t)cut);
    }
    forward->reader = group_fleet_new(&options->reader, error);
    return forward->reader != NULL;
}

static void
close_all(struct forward *forward)
{
    group_fleet_free(forward->reader);
    forward_target_free(forward->target);
    json_done(&forward->out);
    forward_line_done(&forward->line);
}

static void
on_hangup(int signal)
{
    (void)signal;
    hung_up = 1;
}

static void
go_on(struct forward *forward)
{
    struct error error;
    size_t n = 0;

    while (!*forward->stop) {
        if (!reopen_if_asked(forward) || !read_batch(forward, &n)) {
            continue;
        }
        if (n && !pass_on(forward)) {
            return; /* Not acknowledged: it comes again. */
        }
        if (!group_fleet_ack(forward->reader, &error)) {
            fail_and_rest(forward, &error);
        } else if (forward->options.once &&
                   group_fleet_is_at_end(forward->reader)) {
            return;
        }
    }
}

static bool
read_batch(struct forward *forward, size_t *n)
{
    const struct forward_options *options = &forward->options;
    const struct group_entry *entries;
    struct error error;

    if (!group_fleet_read(forward->reader, !options->once, &entries, n,
                          &error)) {
        fail_and_rest(forward, &error);
        return false;
    }
    recovered(forward);
    json_reset(&forward->out, false);
    for (size_t i = 0; i < *n; i++) {
        forward_line_add(&forward->line, &forward->out, entries[i].event,
                         entries[i].size);
    }
    if (forward->out.failed) {
        error_set(&error, ERROR_MEMORY, NULL, "no memory for a batch");
        fail_and_rest(forward, &error);
        return false;
    }
    return true;
}

/* False if we are to stop before the batch is safe, or it never will be. */
static bool
pass_on(struct forward *forward)
{
    struct error error;

    while (!forward_target_write(forward->target, forward->out.data,
                                 forward->out.size, &error)) {
        if (forward->target->is_gone) {
            forward->is_over = true;
            complain(&error);
            return false;
        }
        fail_and_rest(forward, &error);
        if (*forward->stop || !reopen_if_asked(forward)) {
            return false;
        }
    }
    recovered(forward);
    return true;
}

/* Nothing is passed on until that is done: who moved a file away may do
 * anything with it now.  False if we are to stop before. */
static bool
reopen_if_asked(struct forward *forward)
{
    struct error error;

    while (hung_up && !*forward->stop) {
        hung_up = 0;
        if (forward_target_reopen(forward->target, &error)) {
            return true;
        }
        hung_up = 1;
        fail_and_rest(forward, &error);
    }
    return !hung_up;
}

static void
complain(const struct error *error)
{
    char text[ERROR_SIZE];

    error_format(error, text, sizeof text);
    LOG(ERROR, "%s", text);
}

static void
fail_and_rest(struct forward *forward, const struct error *error)
{
    char text[ERROR_SIZE];

    error_format(error, text, sizeof text);
    LOG(ERROR, "%s; trying again", text);
    forward->failing = true;
    if (!*forward->stop) {
        poll(NULL, 0, forward->pause_ms); /* A signal ends it early. */
    }
    forward->pause_ms = forward->pause_ms * 2 < MAX_PAUSE_MS
                            ? forward->pause_ms * 2
                            : MAX_PAUSE_MS;
}

static void
recovered(struct forward *forward)
{
    if (forward->failing) {
        LOG(NOTICE, "goes on");
    }
    forward->failing = false;
    forward->pause_ms = FIRST_PAUSE_MS;
}

static void
tell_totals(const struct forward *forward)
{
    const struct forward_line *line = &forward->line;
    struct group_counters counters;

    group_fleet_get_counters(forward->reader, &counters);
    log_tell(NULL, LOG_LEVEL_INFO,
             "%" PRIu64 " events forwarded, %" PRIu64
             " of them taken over from other readers; %" PRIu64
             " entries held no event, %" PRIu64
             " were trimmed before they could be read",
             counters.acked, counters.claimed, counters.foreign,
             counters.trimmed);
    if (line->unfit || line->no_record) {
        log_tell(NULL, LOG_LEVEL_NOTICE,
                 "passed on as they were: %" PRIu64
                 " events that do not fit the schema, and %" PRIu64
                 " of a kind that it has no record for",
                 line->unfit, line->no_record);
    }
    if (counters.overflow) {
        log_tell(NULL, LOG_LEVEL_WARNING,
                 "%" PRIu64 " streams were not read: the limit is %d",
                 counters.overflow, GROUP_READER_MAX_STREAMS);
    }
}
