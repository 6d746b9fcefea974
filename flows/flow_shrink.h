/* Giving memory back when there are fewer flows.
 *
 * Flows and parts are moved from the end of their arrays to where there is
 * room, a few whenever a flow ends, so that there is never a pause; the ends go
 * back to the system.  An eighth of what is in use stays free for the flows
 * that come next. */

#ifndef FLOWS_FLOW_SHRINK_H
#define FLOWS_FLOW_SHRINK_H

struct flow_table;

enum {
    FLOW_SHRINK_STEPS = 4,        /* Moves at most, for a flow that ended. */
    FLOW_SHRINK_SHORT_STEPS = 64, /* The same when memory is short. */
    FLOW_SHRINK_PART = 8,   /* Of those in use: as many may be free, and */
    FLOW_SHRINK_LEAST = 512 /* these. */
};

/* A flow has ended: pointers to others are no longer good. */
void flow_shrink(struct flow_table *);

/* Memory is short: no slot is worth keeping free. */
void flow_shrink_short(struct flow_table *);

#endif
