/* segmon top: sensors, and what goes on between segments, as it happens.
 *
 * One loop: bring the model up to date, draw it, take keys until it is time
 * again.  Without a terminal the same lines are printed, once or every so
 * often. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/session.h"
#include "tools/commands/top_options.h"
#include "tools/event/system_clock.h"
#include "tools/watch/top_poll.h"
#include "tools/watch/top_render.h"
#include "tools/watch/top_terminal.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    KEY_MS = 100,
    BATCH_WIDTH = 140,
    ERROR_SIZE = 800
};

struct top {
    struct top_options options;
    struct top_model model;
    struct top_poll *poll;
    struct top_view view;
    struct top_screen screen;
    const atomic_int *stop;
};

static int top_to_end(struct top *);
static bool watch(struct top *, struct error *);
static void draw(struct top *);
static bool take_keys(struct top *, struct mono_time until);
static bool print_all(struct top *, struct error *);
static void print_pages(struct top *);
static void print_page(struct top *, enum top_page);

int
command_top(int argc, char *argv[])
{
    struct top *top = calloc(1, sizeof *top);
    int status;

    if (!top) {
        fputs("segmon top: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    switch (top_options_parse(&top->options, argc, argv)) {
    case TOP_HELP: status = COMMAND_OK; break;
    case TOP_USAGE: status = COMMAND_USAGE; break;
    case TOP_RUN:
    default: status = top_to_end(top); break;
    }
    top_options_done(&top->options);
    free(top);
    return status;
}

/* Of the signals that would leave the terminal as it is, those that can be
 * caught end it in order. */
static int
top_to_end(struct top *top)
{
    struct error error;
    const char *no_color = getenv("NO_COLOR");
    char text[ERROR_SIZE];
    bool good = false;

    top->stop = session_watch_stop();
    top->view.page = top->options.page;
    signal(SIGQUIT, SIG_IGN);
    if (!top_model_init(&top->model)) {
        error_set(&error, ERROR_MEMORY, NULL, "no memory for a model");
    } else {
        top->poll = top_poll_new(&top->options.poll, &top->model, &error);
    }
    /* A server that is not there, or a password that is wrong, is told before
     * there is a screen. */
    if (top->poll && top_poll_update(top->poll, system_clock_wall(), &error)) {
        good =
            !top->options.batch && top_terminal_open(!no_color || !no_color[0])
                ? watch(top, &error)
                : print_all(top, &error);
        top_terminal_close();
    }
    top_poll_free(top->poll);
    top_model_done(&top->model);
    if (*top->stop) {
        return COMMAND_SIGNALLED + *top->stop;
    }
    if (!good) {
        error_format(&error, text, sizeof text);
        fprintf(stderr, "segmon top: %s\n", text);
    }
    return good ? COMMAND_OK : COMMAND_FAILED;
}

/* Always true: a failure is on the screen, and tried again. */
static bool
watch(struct top *top, struct error *error)
{
    struct mono_time next = system_clock_mono();

    do {
        draw(top);
        next.ns += top->options.delay_ns;
        if (next.ns < system_clock_mono().ns) {
            next = system_clock_mono(); /* The server took its time. */
        }
        if (!take_keys(top, next)) {
            break;
        }
        if (!top->view.is_paused) {
            top_poll_update(top->poll, system_clock_wall(), error);
        }
    } while (!*top->stop);
    return true;
}

static void
draw(struct top *top)
{
    top_terminal_size(&top->screen);
    top_render(&top->screen, &top->model, &top->view);
    top_terminal_draw(&top->screen);
}

/* False if we are to end.  Draws after each key, and when the size changed. */
static bool
take_keys(struct top *top, struct mono_time until)
{
    do {
        int key = top_terminal_key(KEY_MS);
        size_t page = top->screen.height - TOP_N_HEADER - TOP_N_FOOTER;

        if (*top->stop || !top_view_key(&top->view, key, page)) {
            return false;
        }
        draw(top);
    } while (system_clock_mono().ns < until.ns);
    return true;
}

static bool
print_all(struct top *top, struct error *error)
{
    int pause_ms = (int)(top->options.delay_ns / MILLISECOND_NS);
    bool good = true;

    for (uint64_t i = 0; !*top->stop && i < top->options.n_times; i++) {
        if (i > 0) {
            putchar('\n');
            poll(NULL, 0, pause_ms); /* A signal ends it early. */
            good = top_poll_update(top->poll, system_clock_wall(), error);
        }
        print_pages(top);
        if (fflush(stdout) != 0) {
            break;
        }
    }
    return good;
}

static void
print_pages(struct top *top)
{
    for (unsigned i = 0; i < TOP_N_PAGES; i++) {
        if (top->options.has_page && top->options.page != i) {
            continue;
        }
        if (i > 0 && !top->options.has_page) {
            putchar('\n');
        }
        print_page(top, (enum top_page)i);
    }
}

/* Without what only helps with a terminal. */
static void
print_page(struct top *top, enum top_page page)
{
    bool is_first = page == 0 || top->options.has_page;

    top->view = (struct top_view){.page = page};
    top->screen.width = BATCH_WIDTH;
    top->screen.height = TOP_MAX_LINES;
    top_render(&top->screen, &top->model, &top->view);
    for (size_t i = 0; i + TOP_N_FOOTER < top->screen.n_lines; i++) {
        bool is_header = i < TOP_N_HEADER - 1;

        if (is_header ? is_first && i < 2 && top->screen.lines[i].text[0]
                      : true) {
            puts(top->screen.lines[i].text);
        }
    }
}
