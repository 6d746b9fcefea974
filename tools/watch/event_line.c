/* Lines; see event_line.h. */

#include "tools/watch/event_line.h"

#include "tools/event/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SECONDS_SIZE = 19, /* "2026-03-10T12:34:56" */
    MILLIS_SIZE = 23   /* and ".789" */
};

struct line {
    char *text;
    size_t size;
};

static void add_traffic(struct line *, const struct event_view *);
static void add_status(struct line *, const struct event_view *);
static void add_time(struct line *, const char *time);
static void add_end(struct line *, const struct event_view_end *);
static void add_word(struct line *, const char *word);
static void add_text(struct line *, const char *text, size_t size);
static void add(struct line *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

size_t
event_line_write(char text[EVENT_LINE_SIZE], const struct event_view *view,
                 bool with_sensor)
{
    struct line line = {text, 0};

    text[0] = '\0';
    add_time(&line, view->time);
    if (with_sensor) {
        add_word(&line, view->sensor);
    }
    add(&line, " %s", event_kind_name(view->kind));
    if (view->kind == EVENT_STATUS) {
        add_status(&line, view);
    } else {
        add_traffic(&line, view);
    }
    return line.size;
}

static void
add_traffic(struct line *line, const struct event_view *view)
{
    if (view->kind == EVENT_VIOLATION) {
        add(line, "/");
        add_text(line, view->what, strlen(view->what));
        add_word(line, view->severity);
    } else {
        add_word(line, view->verdict);
    }
    add(line, " ");
    add_end(line, &view->src);
    add(line, " -> ");
    add_end(line, &view->dst);
    add_word(line, view->transport);
    add_word(line, view->application);
    add_word(line, view->rule);
    add_word(line, view->outcome);
    add(line, " %" PRIu64 " B", view->bytes);
    if (view->count > 1) {
        add(line, " x%" PRIu64, view->count);
    }
}

static void
add_status(struct line *line, const struct event_view *view)
{
    add(line, "/");
    add_text(line, view->what, strlen(view->what));
    add(line, " %" PRIu64 " frames, %" PRIu64 " flows, %" PRIu64 " violations",
        view->frames, view->flows, view->violations);
    if (view->note[0]) {
        add(line, ": ");
        add_text(line, view->note, strlen(view->note));
    }
}

/* To the millisecond, which is enough to see what came first. */
static void
add_time(struct line *line, const char *time)
{
    size_t size = strlen(time);

    if (size > MILLIS_SIZE && time[SECONDS_SIZE] == '.' &&
        time[size - 1] == 'Z') {
        add_text(line, time, MILLIS_SIZE);
        add(line, "Z");
    } else {
        add_text(line, time, size);
    }
}

static void
add_end(struct line *line, const struct event_view_end *end)
{
    bool bracketed = strchr(end->ip, ':') != NULL && end->port >= 0;

    add_text(line, end->segment, strlen(end->segment));
    add(line, "%s%s", end->segment[0] ? ":" : "", bracketed ? "[" : "");
    add_text(line, end->ip[0] ? end->ip : "-",
             end->ip[0] ? strlen(end->ip) : 1);
    add(line, "%s", bracketed ? "]" : "");
    if (end->port >= 0) {
        add(line, ":%" PRId64, end->port);
    }
}

static void
add_word(struct line *line, const char *word)
{
    add(line, " ");
    add_text(line, word[0] ? word : "-", word[0] ? strlen(word) : 1);
}

/* Of others. */
static void
add_text(struct line *line, const char *text, size_t size)
{
    line->size += utf8_escape(line->text + line->size,
                              EVENT_LINE_SIZE - line->size, text, size);
}

static void
add(struct line *line, const char *format, ...)
{
    char text[128];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_text(line, text, strlen(text));
}
