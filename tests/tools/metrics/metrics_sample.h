/* Metrics of a run in which every number of its status is another. */

#ifndef TESTS_TOOLS_METRICS_SAMPLE_H
#define TESTS_TOOLS_METRICS_SAMPLE_H

#include "tools/event/event.h"
#include "tools/metrics/metrics.h"
#include "tools/runtime/rule_counts.h"

enum {
    METRICS_SAMPLE_LEAST = 1000 /* All its numbers are larger. */
};

struct metrics_sample {
    struct metrics metrics;
    struct event_source source;
    struct event_status status;
    struct application_counters application;
    struct event_output outputs[2];
    struct event_interface interfaces[2];
    struct event_pair pairs[2];
    struct event_pair_counts other_pairs;
    struct rule_counts *rules;
    uint64_t next;
};

/* 'policy' is borrowed until metrics_sample_done(). */
void metrics_sample_init(struct metrics_sample *, const struct policy *policy);
void metrics_sample_done(struct metrics_sample *);

#endif
