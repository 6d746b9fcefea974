/* What an output did not get, summed over all kinds of events.
 *
 * An output that goes on where an earlier run ended also gets what that left in
 * its spool: all of it is counted, and told apart.  Pure; any thread. */

#ifndef TOOLS_REPORT_LOSSES_H
#define TOOLS_REPORT_LOSSES_H

#include "tools/event/event.h"

#include <stdint.h>

enum {
    LOSSES_ORIGIN_SIZE = 160
};

struct losses {
    uint64_t lost;    /* Of all that came. */
    uint64_t came;    /* Of this run, and of: */
    uint64_t earlier; /* what earlier ones left in the spool; */
    uint64_t again;   /* what the server had acknowledged and lost. */
    uint64_t waiting; /* In the spool. */
};

struct losses losses_of(const struct event_output *);

/* " (3 of this run, 2 left by earlier ones)"; "" if all are of this run. */
const char *losses_origin(const struct losses *, char text[LOSSES_ORIGIN_SIZE]);

#endif
