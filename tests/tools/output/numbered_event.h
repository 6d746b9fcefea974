/* What tests of outputs put: an event with a number, "i", as large as wanted.
 */

#ifndef TESTS_TOOLS_OUTPUT_NUMBERED_EVENT_H
#define TESTS_TOOLS_OUTPUT_NUMBERED_EVENT_H

#include "capture/clock.h"
#include "tools/event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

enum {
    NUMBERED_EVENT_MAX_PAD = 1000
};

/* Into its first queue; false if that is full.  'pad' bytes make it larger. */
bool numbered_event_put(struct output *, enum event_kind, struct wall_time,
                        uint64_t number, size_t pad);

#endif
