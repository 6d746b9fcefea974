/* What a person wants to read after a replay. */

#ifndef TOOLS_REPORT_SUMMARY_H
#define TOOLS_REPORT_SUMMARY_H

#include "tools/event/event.h"
#include "tools/report/tally.h"

#include <stdbool.h>
#include <stdio.h>

struct summary {
    const struct tally *tally;
    const struct event_status *status; /* The run's last. */
    size_t n_skipped_files;            /* In folders: no captures. */
    bool color;                        /* ANSI colours may be used. */
    unsigned width; /* Columns of the terminal; at least 60 are used. */
};

/* Totals, segment matrix, violations, applications, and what was lost.  Text
 * from files and packets is shown with anything unprintable as '?'. */
void summary_print(const struct summary *, FILE *);

#endif
