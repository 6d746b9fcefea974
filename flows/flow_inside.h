/* What a flow table is made of.  Private to flow_table.c and flow_update.c. */

#ifndef FLOWS_FLOW_INSIDE_H
#define FLOWS_FLOW_INSIDE_H

#include "capture/clock.h"
#include "flows/duplicates.h"
#include "flows/flow.h"
#include "flows/flow_emergency.h"
#include "flows/flow_expiry.h"
#include "flows/flow_store.h"
#include "flows/flow_table.h"
#include "flows/fragments.h"

#include <stdbool.h>

/* Ticks wrap after 52 days: time that jumps further than this ends all flows,
 * which are past every timeout. */
#define FLOW_MAX_JUMP_NS (INT64_C(26) * 86400 * SECOND_NS)

struct flow_table {
    struct flow_store store;
    struct flow_expiry expiry;
    struct fragments fragments;
    struct duplicates *duplicates;
    struct wall_time clock; /* The latest time seen. */
    int64_t advanced;       /* When expiry last looked; in ticks, all bits. */
    struct flow_emergency emergency;
    bool has_time;
    bool is_visited; /* By flow_table_next(): no flow is moved. */
    struct flow_table_options options;
    struct flow_table_counters counters;
};

static inline flow_tick
flow_table_now(const struct flow_table *table)
{
    return flow_tick_of(table->clock.ns);
}

/* Sets the clock for the first time, or far ahead. */
void flow_table_jump(struct flow_table *, struct wall_time);

/* Moves the clock on, not back. */
static inline void
flow_table_move_clock(struct flow_table *table, struct wall_time now)
{
    if (!table->has_time || now.ns - table->clock.ns > FLOW_MAX_JUMP_NS) {
        flow_table_jump(table, now);
    } else if (now.ns > table->clock.ns) {
        table->clock = now;
    }
}

/* Hands the flow's last record to the owner and frees it. */
void flow_table_end_flow(struct flow_table *, uint32_t slot, enum flow_end why);

/* The same for a flow that is past its timeout.  The record is stamped with the
 * instant the timeout passed, so that it does not depend on when somebody
 * looked. */
void flow_table_end_idle(struct flow_table *, uint32_t slot);

/* Says what the flow carried since its last record as of 'when', for 'why'
 * (FLOW_END_ACTIVE: only if there was anything). */
void flow_table_report(struct flow_table *, struct flow *, enum flow_end why,
                       flow_tick when);

/* Makes sure that FLOW_PARTS_READY parts are free, and ends those flows that
 * were idle longest if memory is short. */
void flow_table_make_parts(struct flow_table *);

static inline void
flow_table_ready_parts(struct flow_table *table)
{
    if (!flow_parts_are_ready(&table->store.parts)) {
        flow_table_make_parts(table);
    }
}

/* Ends the flow idle longest, to make room; in an emergency, of attempts. */
void flow_table_evict(struct flow_table *);

/* Counts a later fragment whose first one never came. */
void flow_table_count_orphan(struct flow_table *,
                             const struct fragments_held *);

#endif
