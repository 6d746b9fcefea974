/* What people want to see of an event, taken from its JSON.
 *
 * The bytes may come from anybody who can write to the server.  An event is an
 * object that says when, what kind and which one it is; all else may be
 * missing, and what is of another type than it should be is missing, too. Texts
 * hold any UTF-8 but NUL: escape them (utf8.h) before they are shown. */

#ifndef TOOLS_WATCH_EVENT_VIEW_H
#define TOOLS_WATCH_EVENT_VIEW_H

#include "dissect/addr.h"
#include "tools/event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_view_end {
    const char *segment, *ip; /* "" if missing. */
    int64_t port;             /* -1: none. */
    struct addr addr;         /* Of 'ip', */
    bool has_addr;            /* if it is an address. */
};

/* Texts are "" if missing, and borrowed until event_view_done(). */
struct event_view {
    void *document;
    enum event_kind kind;
    const char *time, *id, *sensor;
    const char *what; /* Record of the flow, kind of the violation, cause of
                       * the status. */
    const char *verdict, *rule, *outcome, *transport, *application;
    const char *severity; /* Of violations, */
    int level;            /* 0, "info", to 4, "critical"; -1: none. */
    const char *note;     /* The first one of a status. */
    struct event_view_end src, dst;
    uint64_t bytes, count;              /* The violation's, so far. */
    uint64_t frames, flows, violations; /* The status'. */
};

/* False if it is no event; then there is nothing to be done with 'view'. */
bool event_view_read(struct event_view *, const char *json, size_t size);
void event_view_done(struct event_view *);

/* "info" to "critical"; -1 for all else. */
int event_view_level(const char *severity);

#endif
