/* See event_filter.h. */

#include "tools/watch/event_filter.h"

#include <string.h>

static bool is_in(const struct event_view_end *, const struct prefix *);

bool
event_filter_wants(const struct event_filter *filter,
                   const struct event_view *view)
{
    if (filter->segment && strcmp(filter->segment, view->src.segment) != 0 &&
        strcmp(filter->segment, view->dst.segment) != 0) {
        return false;
    }
    if (filter->rule && strcmp(filter->rule, view->rule) != 0) {
        return false;
    }
    if (filter->has_level && view->level < filter->level) {
        return false;
    }
    return (!filter->has_src || is_in(&view->src, &filter->src)) &&
           (!filter->has_dst || is_in(&view->dst, &filter->dst));
}

static bool
is_in(const struct event_view_end *end, const struct prefix *prefix)
{
    return end->has_addr && prefix_contains(prefix, &end->addr);
}
