/* The progress line on a terminal.
 *
 * Drawn at most a few times a second; nothing is written when standard error
 * is not a terminal. */

#ifndef TOOLS_RUNTIME_PROGRESS_H
#define TOOLS_RUNTIME_PROGRESS_H

#include "tools/runtime/pipeline.h"

struct progress {
    bool enabled;
    bool drawn; /* A line stands there now. */
    struct mono_time start, last;
};

void progress_init(struct progress *, bool wanted);

/* For struct pipeline_options; 'context' is a struct progress. */
void progress_show(void *context, const struct pipeline_progress *);

/* Takes the line away. */
void progress_clear(struct progress *);

#endif
