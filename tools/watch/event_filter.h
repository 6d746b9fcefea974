/* Which events somebody wants to see.  An event that does not have what is
 * asked for is not wanted. */

#ifndef TOOLS_WATCH_EVENT_FILTER_H
#define TOOLS_WATCH_EVENT_FILTER_H

#include "dissect/addr.h"
#include "tools/watch/event_view.h"

#include <stdbool.h>

/* Zeros, and NULL, ask for nothing. */
struct event_filter {
    const char *segment; /* Of either end. */
    const char *rule;    /* Its id. */
    struct prefix src, dst;
    bool has_src, has_dst;
    int level; /* Of violations: this one and above; event_view_level(). */
    bool has_level;
};

bool event_filter_wants(const struct event_filter *, const struct event_view *);

#endif
