/* Attempts that are told together, while there are too many to tell each.
 *
 * Flows that nothing came of are counted by what they have in common: segments,
 * service, verdict and rule.  Of each such kind the first few are told as any
 * other flow, so that what is not part of a flood is not lost in it; the others
 * are one record an interval.  Where there are many services, those beyond
 * COLLAPSE_SERVICES are counted with all others of their segments, and where
 * there are many segments, those beyond COLLAPSE_KINDS by verdict alone: a
 * flood of anything is a bounded number of records, and each flow is in one.
 *
 * Belongs to one thread; follows packet time.  Memory: COLLAPSE_KINDS records,
 * with some 3 KiB each to estimate how many ends and services there were. */

#ifndef TOOLS_RUNTIME_COLLAPSE_H
#define TOOLS_RUNTIME_COLLAPSE_H

#include "tools/event/event.h"

#include <stdbool.h>
#include <stdint.h>

struct collapse; /* Opaque. */
struct error;

enum {
    COLLAPSE_TOLD = 4, /* Of a kind in an interval, while there is no room. */
    COLLAPSE_SERVICES = 64,
    COLLAPSE_KINDS = 192,
    COLLAPSE_CROWD = 1024 /* Flows of a kind; fewer are no crowd. */
};

#define COLLAPSE_INTERVAL_NS (60 * SECOND_NS)

/* Takes one record; inside collapse_take() and collapse_flush().  'now' is when
 * it was made. */
typedef void collapse_handler(void *context, const struct event_collapsed *,
                              struct wall_time now);

struct collapse *collapse_new(collapse_handler *, void *context,
                              struct error *);
void collapse_free(struct collapse *); /* Accepts NULL. */

/* Whether the flow, an attempt that ended, is counted here; else it is to be
 * told as any other, as 'most' of its kind are in an interval. */
bool collapse_take(struct collapse *, const struct event_flow *, uint64_t most);

/* Whether the flow is one of a kind of which there are very many in this
 * interval, and most of another source: what is remembered of each of these
 * would only push out what is remembered of others. */
bool collapse_is_crowd(struct collapse *, const struct event_flow *);

/* Ends the interval if it is over. */
void collapse_advance(struct collapse *, struct wall_time now);

/* Ends the interval: hands over all records, in the order they were begun. */
void collapse_flush(struct collapse *, struct wall_time now);

#endif
