/* segmon tail: events as they come.
 *
 * What cannot be shown is told on standard error: a server that went away, and
 * for how long; entries that are no events.  A gap in a stream is told where it
 * is, between the events, unless those are to be read by a program. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/session.h"
#include "tools/commands/tail_options.h"
#include "tools/event/system_clock.h"
#include "tools/report/text.h"
#include "tools/watch/event_line.h"
#include "tools/watch/stream_fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WAIT_MS = 250, /* Between looks at whether anybody reads. */
    FIRST_PAUSE_MS = 100,
    MAX_PAUSE_MS = 2000,
    ERROR_SIZE = 800
};

struct tail {
    struct tail_options options;
    struct stream_fleet *follow;
    const atomic_int *stop;
    bool color, with_sensor;
    uint64_t n_shown, n_foreign;
    int pause_ms;
    bool was_connected; /* Once. */
    bool is_failing;    /* It was told. */
    bool tells_left_out;
};

static int tail_to_end(struct tail *);
static bool go_on(struct tail *);
static bool read_some(struct tail *);
static bool is_done(const struct tail *);
static bool fail_and_rest(struct tail *, const struct error *);
static void recovered(struct tail *);
static void take_entry(void *context, const struct stream_entry *);
static void show(struct tail *, const struct stream_entry *,
                 const struct event_view *);
static void show_json(const char *event, size_t size);
static void show_line(struct tail *, const struct event_view *);
static void take_gap(void *context, const struct stream_gap *);
static bool nobody_reads(void);
static int leave_quietly(void);

int
command_tail(int argc, char *argv[])
{
    struct tail *tail = calloc(1, sizeof *tail);
    int status;

    if (!tail) {
        fputs("segmon tail: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    switch (
        tail_options_parse(&tail->options, argc, argv, system_clock_wall())) {
    case TAIL_HELP: status = COMMAND_OK; break;
    case TAIL_USAGE: status = COMMAND_USAGE; break;
    case TAIL_RUN:
    default: status = tail_to_end(tail); break;
    }
    tail_options_done(&tail->options);
    free(tail);
    return status;
}

static int
tail_to_end(struct tail *tail)
{
    const struct stream_follow_handler handler = {take_entry, take_gap, tail};
    const char *no_color = getenv("NO_COLOR");
    const char *const *sensors = tail->options.follow.sensors;
    struct error error;
    bool good;

    tail->color = isatty(STDOUT_FILENO) && (!no_color || !no_color[0]);
    tail->with_sensor = !sensors || sensors[1];
    tail->pause_ms = FIRST_PAUSE_MS;
    tail->stop = session_watch_stop();
    tail->follow = stream_fleet_new(&tail->options.follow, &handler, &error);
    good = tail->follow ? go_on(tail) : fail_and_rest(tail, &error);
    stream_fleet_free(tail->follow);
    if (tail->n_foreign) {
        fprintf(stderr, "segmon tail: %" PRIu64 " entries were no events\n",
                tail->n_foreign);
    }
    if (nobody_reads()) {
        return leave_quietly();
    }
    if (*tail->stop) {
        return COMMAND_SIGNALLED + *tail->stop;
    }
    return good ? COMMAND_OK : COMMAND_FAILED;
}

/* False if there is no server from the start. */
static bool
go_on(struct tail *tail)
{
    bool good = true;

    while (good && !*tail->stop && !is_done(tail) && !nobody_reads()) {
        good = read_some(tail);
    }
    return good;
}

static bool
read_some(struct tail *tail)
{
    struct error error;
    size_t n_left_out;

    if (!stream_fleet_read(tail->follow, WAIT_MS, &error)) {
        return fail_and_rest(tail, &error);
    }
    recovered(tail);
    n_left_out = stream_fleet_n_left_out(tail->follow);
    if (n_left_out && !tail->tells_left_out) {
        fprintf(stderr, "segmon tail: %zu sensors are left out: at most %d\n",
                n_left_out, STREAM_FOLLOW_MAX_SENSORS);
        tail->tells_left_out = true;
    }
    return fflush(stdout) == 0 || nobody_reads();
}

static bool
is_done(const struct tail *tail)
{
    return tail->options.n_events && tail->n_shown >= tail->options.n_events;
}

/* Whether to try again: not when it never worked. */
static bool
fail_and_rest(struct tail *tail, const struct error *error)
{
    char text[ERROR_SIZE];

    if (!tail->is_failing) {
        error_format(error, text, sizeof text);
        fprintf(stderr, "segmon tail: %s%s\n", text,
                tail->was_connected ? "; trying again" : "");
    }
    tail->is_failing = true;
    if (tail->was_connected && !*tail->stop) {
        poll(NULL, 0, tail->pause_ms); /* A signal ends it early. */
        tail->pause_ms = tail->pause_ms * 2 < MAX_PAUSE_MS ? tail->pause_ms * 2
                                                           : MAX_PAUSE_MS;
    }
    return tail->was_connected;
}

static void
recovered(struct tail *tail)
{
    if (tail->is_failing) {
        fputs("segmon tail: goes on\n", stderr);
    }
    tail->was_connected = true;
    tail->is_failing = false;
    tail->pause_ms = FIRST_PAUSE_MS;
}

static void
take_entry(void *context, const struct stream_entry *entry)
{
    struct tail *tail = context;
    struct event_view view;

    if (is_done(tail)) {
        return;
    }
    if (!entry->event || !event_view_read(&view, entry->event, entry->size)) {
        tail->n_foreign++;
        return;
    }
    if (event_filter_wants(&tail->options.filter, &view)) {
        show(tail, entry, &view);
        tail->n_shown++;
    }
    event_view_done(&view);
}

static void
show(struct tail *tail, const struct stream_entry *entry,
     const struct event_view *view)
{
    if (tail->options.json) {
        show_json(entry->event, entry->size);
    } else {
        show_line(tail, view);
    }
}

/* Newlines in it stand between values: blanks mean the same. */
static void
show_json(const char *event, size_t size)
{
    while (size > 0) {
        size_t n = strcspn(event, "\r\n");

        fwrite(event, 1, n, stdout);
        if (n < size) {
            putchar(' ');
            n++;
        }
        event += n;
        size -= n;
    }
    putchar('\n');
}

static void
show_line(struct tail *tail, const struct event_view *view)
{
    enum text_color color = TEXT_PLAIN;
    char line[EVENT_LINE_SIZE];

    if (view->kind == EVENT_VIOLATION) {
        color = TEXT_RED;
    } else if (view->kind == EVENT_STATUS) {
        color = TEXT_DIM;
    }
    event_line_write(line, view, tail->with_sensor);
    printf("%s%s%s\n", text_color(tail->color, color), line,
           text_color(tail->color, TEXT_PLAIN));
}

static void
take_gap(void *context, const struct stream_gap *gap)
{
    const struct tail *tail = context;
    FILE *stream = tail->options.json ? stderr : stdout;

    if (gap->is_anew) {
        fprintf(stream,
                "-- %s: begins anew; it was at %" PRIu64 "-%" PRIu64 "\n",
                gap->key, gap->after.ms, gap->after.seq);
    } else {
        fprintf(stream,
                "-- %s: %" PRIu64 " entries between %" PRIu64 "-%" PRIu64
                " and %" PRIu64 "-%" PRIu64
                " were deleted before they could be read\n",
                gap->key, gap->n_lost, gap->after.ms, gap->after.seq,
                gap->before.ms, gap->before.seq);
    }
}

/* Whoever read what we write has gone. */
static bool
nobody_reads(void)
{
    struct pollfd reader = {.fd = STDOUT_FILENO};

    return poll(&reader, 1, 0) > 0 && (reader.revents & (POLLERR | POLLHUP));
}

/* What was not written yet is nobody's any more. */
static int
leave_quietly(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        close(null);
    }
    fflush(stdout);
    clearerr(stdout);
    return COMMAND_OK;
}
