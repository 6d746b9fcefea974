/* Whether files that events went on to have every event of the streams, once.
 *
 * An event is known by its id.  Events of streams and of files are collected in
 * any order, sorted, and compared side by side, so memory does not grow with
 * their number: two sorts of key_sort.h, a line, and COPY_MAX_FINDINGS.  Events
 * of one stream that are missing or doubled one behind the other are one
 * finding.
 *
 * A reader that is behind is no loss: what it has not acknowledged is waiting,
 * unless it is in a file already.  What is only in a file was trimmed from its
 * stream, or came after that was read.  One thread. */

#ifndef TOOLS_RECONCILE_COPY_CHECK_H
#define TOOLS_RECONCILE_COPY_CHECK_H

#include "tools/reconcile/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct copy_check; /* Opaque. */

enum {
    COPY_MAX_SENSORS = 4096,
    COPY_MAX_LINE = 1 << 20, /* Bytes; a longer one is no event. */
    COPY_MAX_FINDINGS = 1000 /* More are counted. */
};

/* All of a kind between two sequence numbers of a run. */
struct copy_finding {
    bool is_doubled; /* In the files; else they are missing there. */
    enum event_kind kind;
    size_t sensor; /* As copy_check_add_sensor() returned. */
    struct event_name first;
    uint64_t last, n;
};

struct copy_result {
    uint64_t lines, no_events;
    uint64_t others; /* Events of sensors that were not looked at. */
    uint64_t events; /* Of the streams. */
    uint64_t missing, doubled, waiting;
    uint64_t only_here; /* In files, and in no stream. */
    struct copy_finding findings[COPY_MAX_FINDINGS];
    size_t n_findings;
    uint64_t findings_left_out;
};

struct copy_check *copy_check_new(void);   /* NULL, if out of memory. */
void copy_check_free(struct copy_check *); /* Accepts NULL. */

/* 'name' is borrowed.  Of at most COPY_MAX_SENSORS. */
size_t copy_check_add_sensor(struct copy_check *, const char *name);

const char *copy_check_sensor(const struct copy_check *, size_t sensor);

/* An event of a stream.  'is_behind': it was not passed on yet. */
bool copy_check_add(struct copy_check *, size_t sensor,
                    const struct event_name *, enum event_kind, bool is_behind,
                    struct error *);

/* All lines of a file, after all sensors were added. */
bool copy_check_read(struct copy_check *, const char *path, struct error *);

/* Once. */
bool copy_check_judge(struct copy_check *, struct copy_result *,
                      struct error *);

#endif
