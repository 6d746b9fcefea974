/* For the parts of metrics.c: what each writes, and words they share. */

#ifndef TOOLS_METRICS_METRICS_IMPL_H
#define TOOLS_METRICS_METRICS_IMPL_H

#include "tools/metrics/metrics.h"
#include "tools/metrics/metrics_text.h"

void metrics_write_capture(struct metrics_text *, const struct metrics *);
void metrics_write_pairs(struct metrics_text *, const struct event_status *);
void metrics_write_outputs(struct metrics_text *, const struct event_status *);
void metrics_write_spools(struct metrics_text *, const struct event_status *);

/* Which output; two samples with the same labels spoil all metrics, so a target
 * that is named twice gets a number. */
void metrics_label_output(struct metrics_text *, const struct event_status *,
                          size_t i);

static inline void
counter(struct metrics_text *text, const char *name, const char *help,
        uint64_t value)
{
    metrics_only(text, name, METRICS_COUNTER, help, value);
}

static inline void
gauge(struct metrics_text *text, const char *name, const char *help,
      uint64_t value)
{
    metrics_only(text, name, METRICS_GAUGE, help, value);
}

static inline void
moment(struct metrics_text *text, const char *name, const char *help,
       struct wall_time time)
{
    metrics_family(text, name, METRICS_GAUGE, help);
    metrics_value_time(text, time.ns);
}

#endif
