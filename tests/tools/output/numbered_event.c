/* See numbered_event.h. */

#include "tests/support/test.h"

#include "tests/tools/output/numbered_event.h"

#include "tools/event/json.h"
#include "tools/output/output.h"

#include <string.h>

bool
numbered_event_put(struct output *output, enum event_kind kind,
                   struct wall_time emitted, uint64_t number, size_t pad)
{
    char text[NUMBERED_EVENT_MAX_PAD];
    struct json body;
    bool taken;

    assert_true(pad <= sizeof text);
    memset(text, 'x', pad);
    json_init(&body, EVENT_MAX_BYTES);
    json_reset(&body, true);
    json_u64(&body, "i", number);
    if (pad) {
        json_text(&body, "pad", text, pad);
    }
    json_close(&body, '}');
    json_close(&body, '}');
    taken = event_queue_put(output_queue(output, 0), kind, emitted, &body);
    json_done(&body);
    return taken;
}
