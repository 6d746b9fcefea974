/* A clock that is set takes all flows with it.
 *
 * Flows keep when they had a packet last in ticks of which only differences
 * mean something, so moving all of them keeps how long each has been idle.
 * Walking over all flows is as much as it costs; clocks are seldom set. */

#include "flows/flow_inside.h"
#include "flows/flow_parts.h"
#include "flows/flow_table.h"

static void step_flow(struct flow *, flow_tick by);

void
flow_table_step(struct flow_table *table, int64_t ns)
{
    flow_tick before = flow_table_now(table);
    flow_tick by;

    if (!table->has_time) {
        return;
    }
    table->clock.ns += ns;
    table->advanced = table->clock.ns >> FLOW_TICK_SHIFT;
    by = flow_table_now(table) - before;
    table->expiry.next += by;
    table->emergency.since.ns += ns;
    table->emergency.window.ns += ns;
    for (uint32_t slot = 1; slot <= table->store.nodes.n; slot++) {
        struct flow *flow = flow_store_flow(&table->store, slot);

        if (flow_store_is_live(flow)) {
            step_flow(flow, by);
        }
    }
}

static void
step_flow(struct flow *flow, flow_tick by)
{
    flow->seen += by;
    flow->flags |= FLOW_TIME_STEPPED;
    if (flow->marks & FLOW_MARK_REPORTED) {
        flow_part_find(flow, FLOW_PART_REPORTED)->reported.when += by;
    }
}
