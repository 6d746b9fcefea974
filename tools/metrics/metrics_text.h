/* The text form in which Prometheus reads metrics, version 0.0.4.
 *
 * A family is what its name, type and help say of it, and its samples, which
 * are told apart by their labels:
 *
 *   # HELP segmon_flows_active Flows alive now
 *   # TYPE segmon_flows_active gauge
 *   segmon_flows_active 17
 *
 * Names, help and keys of labels are literals of ours; values of labels may
 * have any bytes.  A text that would pass METRICS_TEXT_MAX_BYTES, or for which
 * memory is out, is 'failed' and must not be used.  One thread's. */

#ifndef TOOLS_METRICS_METRICS_TEXT_H
#define TOOLS_METRICS_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    METRICS_TEXT_MAX_BYTES = 16 << 20,
    METRICS_TEXT_MAX_LABEL = 255 /* Bytes kept of a label's value. */
};

struct metrics_text {
    char *data; /* Owned; not NUL-terminated. */
    size_t size, capacity;
    bool failed;
    const char *family; /* Whose samples come; borrowed. */
    unsigned n_labels;  /* Of the sample that is being written. */
};

enum metrics_type {
    METRICS_COUNTER, /* Only grows; its name ends in "_total". */
    METRICS_GAUGE
};

void metrics_text_init(struct metrics_text *);

/* Hands the bytes over, to be freed, and begins anew.  NULL if it is failed. */
char *metrics_text_take(struct metrics_text *, size_t *size);

/* Begins a family; all its samples come next. */
void metrics_family(struct metrics_text *, const char *name, enum metrics_type,
                    const char *help);

/* A sample is its labels, in the order of the calls, and then its value. */
void metrics_label(struct metrics_text *, const char *key, const char *value);
void metrics_label_number(struct metrics_text *, const char *key, uint64_t);
void metrics_value(struct metrics_text *, uint64_t);
void metrics_value_signed(struct metrics_text *, int64_t);

/* In seconds. */
void metrics_value_time(struct metrics_text *, int64_t ns);

/* A family of one sample without labels. */
void metrics_only(struct metrics_text *, const char *name, enum metrics_type,
                  const char *help, uint64_t value);

#endif
