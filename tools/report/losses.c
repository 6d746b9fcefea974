/* See losses.h. */

#include "tools/report/losses.h"

#include <inttypes.h>
#include <stdio.h>

struct losses
losses_of(const struct event_output *output)
{
    struct losses losses = {0};

    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        const struct event_counters *kind = &output->kind[i];

        losses.lost += kind->dropped;
        losses.came += kind->emitted + kind->recovered + kind->rewound;
        losses.earlier += kind->recovered;
        losses.again += kind->rewound;
        losses.waiting += kind->pending;
    }
    return losses;
}

const char *
losses_origin(const struct losses *losses, char text[LOSSES_ORIGIN_SIZE])
{
    uint64_t own = losses->came - losses->earlier - losses->again;
    char earlier[LOSSES_ORIGIN_SIZE / 3] = "",
                                      again[LOSSES_ORIGIN_SIZE / 3] = "";

    if (losses->earlier) {
        snprintf(earlier, sizeof earlier, ", %" PRIu64 " left by earlier ones",
                 losses->earlier);
    }
    if (losses->again) {
        snprintf(again, sizeof again, ", %" PRIu64 " that the server had lost",
                 losses->again);
    }
    text[0] = '\0';
    if (earlier[0] || again[0]) {
        snprintf(text, LOSSES_ORIGIN_SIZE, " (%" PRIu64 " of this run%s%s)",
                 own, earlier, again);
    }
    return text;
}
