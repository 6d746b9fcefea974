/* Only this knows all that points at a flow or a part: the index, the queue of
 * the flow, and the chain of its parts; and the table's owner, who is told. */

#include "flows/flow_shrink.h"

#include "flows/flow_expiry.h"
#include "flows/flow_inside.h"
#include "flows/flow_parts.h"
#include "flows/flow_store.h"

static void drop_slots(struct flow_table *, uint32_t spare, unsigned steps);
static void tell_moved(struct flow_table *, uint32_t from, uint32_t to);
static void drop_parts(struct flow_table *);
static uint32_t spare_of(const struct flow_pool *);

void
flow_shrink(struct flow_table *table)
{
    struct flow_store *store = &table->store;
    uint32_t spare = spare_of(&store->nodes);

    if (store->nodes.n_free > spare) {
        drop_slots(table, spare, FLOW_SHRINK_STEPS);
        flow_store_cut(store, false);
    }
    if (store->parts.pool.n_free > spare_of(&store->parts.pool)) {
        drop_parts(table);
        flow_store_cut(store, false);
    }
}

void
flow_shrink_short(struct flow_table *table)
{
    drop_slots(table, 0, FLOW_SHRINK_SHORT_STEPS);
    flow_store_cut(&table->store, true);
}

static void
drop_slots(struct flow_table *table, uint32_t spare, unsigned steps)
{
    struct flow_store *store = &table->store;

    while (!table->is_visited && store->nodes.n_free > spare && steps--) {
        uint32_t last = store->nodes.n;
        uint32_t slot = flow_store_drop_last(store);

        if (slot) {
            tell_moved(table, last, slot);
        }
    }
}

static void
tell_moved(struct flow_table *table, uint32_t from, uint32_t to)
{
    flow_expiry_moved(&table->expiry, &table->store, from, to);
    if (table->options.moved) {
        table->options.moved(table->options.context,
                             flow_store_flow(&table->store, to));
    }
}

static void
drop_parts(struct flow_table *table)
{
    struct flow_parts *parts = &table->store.parts;

    for (unsigned i = 0; i < FLOW_SHRINK_STEPS; i++) {
        uint32_t slot = flow_parts_owner(parts, parts->pool.n);

        flow_parts_drop_last(parts, slot ? flow_store_flow(&table->store, slot)
                                         : NULL);
    }
}

static uint32_t
spare_of(const struct flow_pool *pool)
{
    return flow_pool_used(pool) / FLOW_SHRINK_PART + FLOW_SHRINK_LEAST;
}
