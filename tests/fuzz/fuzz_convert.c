/* Any bytes as an event: not converted, and nothing written, or one line
 * without control characters, not longer than an event may be, with braces
 * around it. */

#include "tools/event/event.h"
#include "tools/event/json.h"
#include "tools/forward/convert.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct json *out)
{
    if (out->size < 2 || out->size > EVENT_MAX_BYTES || out->data[0] != '{' ||
        out->data[out->size - 1] != '}') {
        abort();
    }
    for (size_t i = 0; i < out->size; i++) {
        if ((unsigned char)out->data[i] < ' ' || out->data[i] == '\x7f') {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum convert_schema schemas[] = {CONVERT_OCSF, CONVERT_ASIM};
    struct json out;

    json_init(&out, (size_t)2 * EVENT_MAX_BYTES);
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        json_reset(&out, false);
        if (convert_event(schemas[i], &out, (const char *)data, size) ==
            CONVERT_DONE) {
            check(&out);
        } else if (out.size) {
            abort();
        }
    }
    json_done(&out);
    return 0;
}
