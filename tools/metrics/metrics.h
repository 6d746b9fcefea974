/* What Prometheus reads of a run: the status event once more, as numbers.
 *
 * Every counter of the status event is there, under names that
 * segmon-metrics(5) lists, and what only makes sense as a series: violations by
 * rule, and whether the run is ready.  Labels have few values: interfaces,
 * workers, outputs, the rules of rule_counts.h, lists of ours.  A pure function
 * of what it is shown. */

#ifndef TOOLS_METRICS_METRICS_H
#define TOOLS_METRICS_METRICS_H

#include "capture/clock.h"
#include "tools/event/event.h"

#include <stdbool.h>
#include <stdint.h>

struct metrics_text;
struct rule_counts;

struct settings_memory;

/* In place of names, where there are more than labels may have. */
#define METRICS_OTHER "(other)"

/* What became of requests to read the policy, and all else, again. */
struct metrics_reloads {
    uint64_t succeeded, failed;
    struct wall_time last_success; /* The first reading counts. */
    bool last_failed;
};

/* Everything is borrowed for the call. */
struct metrics {
    const struct event_source *source;
    const char *capture_library;       /* Version. */
    const struct event_status *status; /* Of a live run, as of */
    struct wall_time now, begin;       /* 'now'; and when it began. */
    const struct rule_counts *rules;
    struct metrics_reloads reloads;
    const struct settings_memory *memory; /* That its parts may have. */
    uint64_t resident_bytes; /* Memory the process has; 0: unknown. */
    int64_t processor_ns;    /* And time it used. */
    bool ready;
};

void metrics_write(struct metrics_text *, const struct metrics *);

#endif
