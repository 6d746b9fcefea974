/* When not everything was to be seen, in a status event; see event_parts.h. */

#include "tools/event/event_parts.h"

enum {
    /* Of an event: what follows still fits. */
    BLINDNESS_MAX_SIZE = EVENT_MAX_BYTES / 8 * 7
};

static void write_interval(struct json *, const struct event_blindness *);

static const char *const visibility_names[] = {
#define VISIBILITY_NAME(NAME, TEXT) TEXT,
    EVENT_VISIBILITIES(VISIBILITY_NAME)
#undef VISIBILITY_NAME
};

static const char *const cause_names[] = {
#define CAUSE_NAME(NAME, TEXT) TEXT,
    EVENT_BLINDNESS_CAUSES(CAUSE_NAME)
#undef CAUSE_NAME
};

void
event_write_blindness(struct json *json, const struct event_status *status)
{
    size_t n = 0;

    if (!status->blindness) {
        return;
    }
    json_open(json, "blindness", '[');
    while (n < status->n_blindness && json->size < BLINDNESS_MAX_SIZE) {
        write_interval(json, &status->blindness[n++]);
    }
    json_close(json, ']');
    json_u64(json, "blindness_left_out",
             status->blindness_left_out + (status->n_blindness - n));
    json_u64(json, "clock_steps", status->clock_steps);
}

static void
write_interval(struct json *json, const struct event_blindness *interval)
{
    json_open(json, NULL, '{');
    json_plain(json, "cause", cause_names[interval->cause]);
    if (interval->interface) {
        event_write_text(json, "interface", interval->interface);
    }
    if (interval->src) {
        json_cstring(json, "src", interval->src);
        json_cstring(json, "dst", interval->dst);
    }
    json_plain(json, "visibility", visibility_names[interval->visibility]);
    json_time(json, "begin", interval->begin);
    if (interval->end.ns) {
        json_time(json, "end", interval->end);
    }
    json_u64(json, "lost", interval->lost);
    json_close(json, '}');
}

void
event_write_visibility(struct json *json, const struct event_pair *pair)
{
    unsigned left = pair->blind_by;

    json_plain(json, "visibility", visibility_names[pair->visibility]);
    if (!left) {
        return;
    }
    json_open(json, "blind_by", '[');
    for (; left; left &= left - 1) {
        json_plain(json, NULL, cause_names[__builtin_ctz(left)]);
    }
    json_close(json, ']');
}

const char *
event_blindness_cause_name(enum event_blindness_cause cause)
{
    return cause_names[cause];
}
