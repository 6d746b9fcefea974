/* Marks, and when they are reached; see flow_emergency.h.
 *
 * The marks of bytes are between what an empty table takes and its limit, so
 * that a small limit is no emergency by itself. */

#include "flows/flow_emergency.h"

#include "flows/flow_inside.h"

static size_t mark(size_t least, size_t most, unsigned percent);
static void leave(struct flow_table *);
static void tell(struct flow_table *);

void
flow_emergency_init(struct flow_table *table)
{
    const struct flow_emergency_options *options = &table->options.emergency;
    const struct flow_memory *memory = &table->store.memory;
    struct flow_emergency *emergency = &table->emergency;
    size_t n = table->store.max_flows;

    *emergency = (struct flow_emergency){.high_flows = SIZE_MAX,
                                         .low_flows = SIZE_MAX,
                                         .high_bytes = SIZE_MAX,
                                         .low_bytes = SIZE_MAX};
    if (!options->high_percent) {
        return;
    }
    emergency->high_flows = mark(0, n, options->high_percent);
    emergency->low_flows = mark(0, n, options->low_percent);
    if (memory->limit) {
        emergency->high_bytes =
            mark(memory->used, memory->limit, options->high_percent);
        emergency->low_bytes =
            mark(memory->used, memory->limit, options->low_percent);
    }
}

void
flow_emergency_begin(struct flow_table *table)
{
    struct flow_emergency *emergency = &table->emergency;

    emergency->is_on = true;
    emergency->why = flow_store_n_flows(&table->store) >= emergency->high_flows
                         ? FLOW_SHORTAGE_FLOWS
                         : FLOW_SHORTAGE_BYTES;
    emergency->since = emergency->window = table->clock;
    emergency->n_early = 0;
    emergency->n_entered++;
    table->expiry.sets_attempts_apart = true;
    tell(table);
}

/* What was ended early in this window would be there now; what was in the
 * window before, would not.  Where time has jumped over a whole window, nothing
 * would. */
void
flow_emergency_advance(struct flow_table *table)
{
    const int64_t hold_ns = table->options.emergency.hold_ns;
    struct flow_emergency *emergency = &table->emergency;
    int64_t passed_ns = wall_time_since(table->clock, emergency->window);
    uint64_t early = passed_ns < 2 * hold_ns ? emergency->n_early : 0;
    size_t n = flow_store_n_flows(&table->store);
    size_t bytes = table->store.memory.used;

    if (passed_ns < hold_ns) {
        return;
    }
    if (n + early <= emergency->low_flows &&
        bytes + early * table->store.stride <= emergency->low_bytes) {
        leave(table);
    }
    emergency->window = table->clock;
    emergency->n_early = 0;
}

static size_t
mark(size_t least, size_t most, unsigned percent)
{
    return least + (most > least ? (most - least) / 100 * percent +
                                       (most - least) % 100 * percent / 100
                                 : 0);
}

/* Those set apart stay so until they have a packet, or end. */
static void
leave(struct flow_table *table)
{
    struct flow_emergency *emergency = &table->emergency;

    emergency->is_on = false;
    emergency->total_ns += wall_time_since(table->clock, emergency->since);
    table->expiry.sets_attempts_apart = false;
    tell(table);
}

static void
tell(struct flow_table *table)
{
    const struct flow_emergency *emergency = &table->emergency;
    struct flow_news news = {
        .is_emergency = emergency->is_on,
        .why = emergency->why,
        .since = emergency->since,
        .now = table->clock,
        .n_flows = flow_store_n_flows(&table->store),
        .max_flows = table->store.max_flows,
        .n_bytes = table->store.memory.used,
        .max_bytes = table->store.memory.limit,
    };

    if (table->options.news) {
        table->options.news(table->options.context, &news);
    }
}
