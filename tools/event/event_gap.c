/* That events are missing at an output, as a status event; see event.h. */

#include "tools/event/event_parts.h"

const struct json *
event_gap_encode(struct event_encoder *encoder, const struct event_gap *gap)
{
    struct json *json = &encoder->json;

    event_begin_status(encoder, NULL, "gap");
    json_open(json, "gap", '{');
    json_plain(json, "kind", event_kind_name(gap->kind));
    json_plain(json, "reason", gap->reason);
    if (gap->last_serial) {
        json_u64(json, "missing", gap->last_serial - gap->first_serial + 1);
        json_u64(json, "first_serial", gap->first_serial);
        json_u64(json, "last_serial", gap->last_serial);
    }
    json_plain(json, "after", gap->after);
    json_plain(json, "before", gap->before);
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, '}');
    return json;
}
