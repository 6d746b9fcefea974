/* Making tables, moving their time on, and ending flows.  What a packet does is
 * in flow_update.c. */

#include "flows/flow_table.h"

#include "capture/error.h"
#include "flows/flow.h"
#include "flows/flow_inside.h"
#include "flows/flow_key.h"
#include "flows/flow_parts.h"
#include "flows/flow_shrink.h"
#include "flows/tcp_state.h"

#include <stdlib.h>
#include <string.h>

const struct flow_timeouts flow_default_timeouts = {
    /* Longer than a client keeps sending SYNs before it gives up its port
     * (Linux: 63 s of retries after the first, each of which restarts it). */
    .tcp_opening_ns = 60 * SECOND_NS,
    /* Firewalls keep idle connections for an hour; so must we, to tell an open
     * connection from a new one on a firewall's far side. */
    .tcp_established_ns = 3600 * SECOND_NS,
    /* Late segments arrive within a few round trips and retransmissions. */
    .tcp_closing_ns = 15 * SECOND_NS,
    /* As Linux conntrack: a lone request, and an exchange. */
    .udp_request_ns = 60 * SECOND_NS,
    .udp_reply_ns = 180 * SECOND_NS,
    .icmp_ns = 60 * SECOND_NS,
    /* Keepalives of ESP, GRE, OSPF and VRRP come well within this. */
    .other_ns = 300 * SECOND_NS,
    .active_ns = 300 * SECOND_NS,
};

const struct flow_emergency_options flow_default_emergency = {
    .high_percent = 90,
    .low_percent = 70,
    /* Between the fourth SYN of a client and the fifth are 8 s. */
    .attempt_ns = 10 * SECOND_NS,
    /* As long as attempts are kept otherwise. */
    .hold_ns = 60 * SECOND_NS,
};

enum {
    SLACK = 1024 /* For rounding allocations up. */
};

static bool reserve_minimum(struct flow_table *, struct error *);
static void advance(struct flow_table *, struct wall_time now);
static void count_orphans(struct flow_table *, struct wall_time now);
static void expire(struct flow_table *);
static void end_flow(struct flow_table *, uint32_t slot, enum flow_end why,
                     struct wall_time when);
static void tell_end(struct flow_table *, uint32_t slot, enum flow_end why,
                     struct wall_time when);
static void note_report(struct flow *, struct flow_part *,
                        const struct flow_record *);
static enum flow_end idle_reason(const struct flow *);
static void take_due(struct flow_table *, const struct flow_due *);
static struct wall_time wall_of(const struct flow_table *, flow_tick);

struct flow_table *
flow_table_new(const struct flow_table_options *options, struct error *error)
{
    struct flow_table *table;

    if (options->max_flows == 0) {
        error_set(error, ERROR_VALUE, "", "a flow table of no flows");
        return NULL;
    }
    table = aligned_alloc(64, (sizeof *table + 63) / 64 * 64);
    if (!table) {
        error_set(error, ERROR_MEMORY, "", "no memory for the flow table");
        return NULL;
    }
    memset(table, 0, sizeof *table);
    table->options = *options;
    table->advanced = INT64_MIN;
    flow_store_init(&table->store, options->max_bytes, options->max_flows,
                    options->user_bytes);
    table->store.memory.used = (sizeof *table + 63) / 64 * 64;
    flow_expiry_init(&table->expiry, &options->timeouts,
                     options->emergency.attempt_ns);
    table->fragments.memory = &table->store.memory;
    if (!reserve_minimum(table, error)) {
        flow_table_free(table);
        return NULL;
    }
    flow_emergency_init(table);
    return table;
}

void
flow_table_free(struct flow_table *table)
{
    if (table) {
        flow_memory_free(&table->store.memory, table->duplicates,
                         sizeof *table->duplicates);
        fragments_done(&table->fragments);
        flow_store_done(&table->store);
        free(table);
    }
}

void
flow_table_advance(struct flow_table *table, struct wall_time now)
{
    if (now.ns >> FLOW_TICK_SHIFT != table->advanced) {
        advance(table, now);
    } else if (now.ns > table->clock.ns) {
        table->clock = now;
    }
}

void
flow_table_flush(struct flow_table *table, enum flow_end why)
{
    struct fragments_held held;
    uint32_t slot;

    while (fragments_flush(&table->fragments, table->clock, &held)) {
        flow_table_count_orphan(table, &held);
    }
    while ((slot = flow_expiry_oldest(&table->expiry, &table->store,
                                      flow_table_now(table)))) {
        tell_end(table, slot, why, table->clock);
        flow_expiry_remove(&table->expiry, &table->store, slot);
        flow_store_forget(&table->store, slot);
    }
    flow_store_clear(&table->store);
}

void
flow_table_revised(struct flow_table *table, struct flow *flow)
{
    flow_table_report(table, flow, FLOW_END_REVISED, flow_table_now(table));
}

struct flow *
flow_table_next(struct flow_table *table, uint32_t *cursor)
{
    flow_table_ready_parts(table);
    while (*cursor < table->store.nodes.n) {
        struct flow *flow = flow_store_flow(&table->store, ++*cursor);

        if (flow_store_is_live(flow)) {
            table->is_visited = true;
            return flow;
        }
    }
    table->is_visited = false;
    return NULL;
}

void *
flow_user(struct flow *flow)
{
    return flow + 1;
}

struct flow_memory *
flow_table_memory(struct flow_table *table)
{
    return &table->store.memory;
}

void
flow_settle(struct flow *flow, bool is_settled)
{
    flow->is_settled = is_settled;
}

bool
flow_saw_handshake(const struct flow *flow)
{
    uint8_t answer = flow->tcp_flags[!flow_initiator(flow)];

    return flow->evidence == FLOW_EVIDENCE_SYN &&
           (answer & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

bool
flow_is_established(const struct flow *flow)
{
    return flow->outcome >= FLOW_OUTCOME_ESTABLISHED &&
           flow_saw_handshake(flow);
}

void
flow_record_from(const struct flow *flow, struct flow_record *record)
{
    const struct flow_table *table = flow_home_of(flow)->table;

    flow_summarize(flow, record);
    record->kind = FLOW_RECORD_BEGIN;
    record->now = table->clock;
}

void
flow_table_counters(const struct flow_table *table,
                    struct flow_table_counters *counters)
{
    const struct flow_emergency *emergency = &table->emergency;

    *counters = table->counters;
    counters->fragments_evicted = table->fragments.evicted;
    counters->active = flow_store_n_flows(&table->store);
    counters->bytes = table->store.memory.used;
    counters->emergency = emergency->is_on;
    counters->emergencies = emergency->n_entered;
    counters->emergency_ns = (uint64_t)emergency->total_ns;
    if (emergency->is_on) {
        counters->emergency_ns +=
            (uint64_t)wall_time_since(table->clock, emergency->since);
    }
}

/* A limit too small for the first step of everything is an error now, not a
 * table that can hold no flow later. */
static bool
reserve_minimum(struct flow_table *table, struct error *error)
{
    struct flow_memory *memory = &table->store.memory;
    size_t least = memory->used + sizeof *table->duplicates +
                   fragments_bytes() + flow_store_least_bytes(&table->store) +
                   SLACK;

    if (memory->limit && memory->limit < least) {
        return error_set(error, ERROR_VALUE, "",
                         "a flow table needs at least %zu bytes", least);
    }
    table->duplicates = flow_memory_get(memory, sizeof *table->duplicates);
    if (!table->duplicates || !fragments_init(&table->fragments, memory) ||
        !flow_store_begin(&table->store, table, table->options.hash_seed)) {
        return error_set(error, ERROR_MEMORY, "",
                         "no memory for the flow table");
    }
    duplicates_init(table->duplicates);
    return true;
}

/* To another tick. */
__attribute__((noinline)) static void
advance(struct flow_table *table, struct wall_time now)
{
    if (table->fragments.is_used) {
        count_orphans(table, now);
    }
    flow_table_move_clock(table, now);
    if (flow_expiry_may_be_due(&table->expiry, flow_table_now(table))) {
        expire(table);
    }
    if (table->emergency.is_on) {
        flow_emergency_advance(table);
    }
    table->advanced = table->clock.ns >> FLOW_TICK_SHIFT;
}

/* Fragments that were held until now, at the instants they were given up. */
static void
count_orphans(struct flow_table *table, struct wall_time now)
{
    struct fragments_held held;

    while (fragments_orphan(&table->fragments, now, &held)) {
        flow_table_move_clock(table, held.when);
        expire(table);
        flow_table_count_orphan(table, &held);
    }
}

/* Ticks are compared with the ends of timeouts, which are near; after a jump
 * nothing is. */
void
flow_table_jump(struct flow_table *table, struct wall_time now)
{
    if (table->has_time) {
        expire(table);
        table->clock.ns += FLOW_MAX_JUMP_NS;
        expire(table);
    }
    table->has_time = true;
    table->clock = now;
    table->expiry.next = flow_tick_of(now.ns);
}

/* Reports and ends all that is due, in the order it became so. */
static void
expire(struct flow_table *table)
{
    struct flow_due due;

    while (flow_expiry_due(&table->expiry, &table->store, flow_table_now(table),
                           &due)) {
        take_due(table, &due);
    }
}

/* Told as of the instant it became due. */
static void
take_due(struct flow_table *table, const struct flow_due *due)
{
    const struct flow *flow = flow_store_flow(&table->store, due->slot);

    if (due->is_quiet && !flow_parts_are_ready(&table->store.parts)) {
        flow_table_make_parts(table); /* May end it. */
    } else if (due->is_quiet) {
        flow_table_report(table, flow_store_flow(&table->store, due->slot),
                          FLOW_END_ACTIVE, due->when);
        flow_expiry_quiet(&table->expiry, &table->store, due->slot);
    } else {
        end_flow(table, due->slot, idle_reason(flow),
                 wall_of(table, due->when));
        flow_shrink(table);
    }
}

/* What is due by the new ones alone became so now, not in the past that others
 * have been told of. */
void
flow_table_set_timeouts(struct flow_table *table,
                        const struct flow_timeouts *timeouts)
{
    flow_tick now = flow_table_now(table);
    struct flow_due due;

    flow_expiry_set(&table->expiry, timeouts, now);
    while (flow_expiry_due(&table->expiry, &table->store, now, &due)) {
        due.when = now;
        take_due(table, &due);
    }
}

void
flow_table_end_flow(struct flow_table *table, uint32_t slot, enum flow_end why)
{
    end_flow(table, slot, why, table->clock);
    flow_shrink(table);
}

void
flow_table_evict(struct flow_table *table)
{
    uint32_t slot = FLOW_NO_SLOT;

    if (table->emergency.is_on) {
        slot = flow_expiry_oldest_attempt(&table->expiry, &table->store,
                                          flow_table_now(table));
    }
    if (!slot) {
        slot = flow_expiry_oldest(&table->expiry, &table->store,
                                  flow_table_now(table));
    }
    flow_table_end_flow(table, slot, FLOW_END_EVICTED);
}

/* A table without flows has these parts: it was made with them. */
void
flow_table_make_parts(struct flow_table *table)
{
    while (!flow_pool_reach(&table->store.parts.pool, FLOW_PARTS_READY)) {
        flow_table_evict(table);
        flow_shrink_short(table);
    }
}

void
flow_table_end_idle(struct flow_table *table, uint32_t slot)
{
    const struct flow *flow = flow_store_flow(&table->store, slot);

    end_flow(table, slot, idle_reason(flow),
             wall_of(table, flow_expiry_end(&table->expiry, flow)));
    flow_shrink(table);
}

static void
end_flow(struct flow_table *table, uint32_t slot, enum flow_end why,
         struct wall_time when)
{
    tell_end(table, slot, why, when);
    flow_expiry_remove(&table->expiry, &table->store, slot);
    flow_store_remove(&table->store, slot);
}

static void
tell_end(struct flow_table *table, uint32_t slot, enum flow_end why,
         struct wall_time when)
{
    struct flow *flow = flow_store_flow(&table->store, slot);
    struct flow_record record;

    table->counters.ended++;
    table->counters.evicted += why == FLOW_END_EVICTED;
    table->counters.reused += why == FLOW_END_REUSED;
    table->emergency.n_early +=
        why == FLOW_END_EVICTED || why == FLOW_END_EMERGENCY;
    if (table->options.record) {
        flow_summarize(flow, &record);
        record.kind = FLOW_RECORD_END;
        record.reason = why;
        record.now = when;
        table->options.record(table->options.context, &record, flow_user(flow));
    }
}

void
flow_table_report(struct flow_table *table, struct flow *flow,
                  enum flow_end why, flow_tick when)
{
    struct flow_part *part = flow_part_get(flow, FLOW_PART_REPORTED);
    struct flow_record record;

    flow->marks |= FLOW_MARK_REPORTED;
    part->reported.when = when;
    flow_summarize(flow, &record);
    if (why == FLOW_END_ACTIVE &&
        record.source.delta_packets + record.destination.delta_packets == 0) {
        return;
    }
    record.kind = FLOW_RECORD_UPDATE;
    record.reason = why;
    record.now = wall_of(table, when);
    if (table->options.record) {
        table->options.record(table->options.context, &record, flow_user(flow));
    }
    note_report(flow, part, &record);
}

/* The next record tells what came since this one. */
static void
note_report(struct flow *flow, struct flow_part *part,
            const struct flow_record *record)
{
    const struct flow_part *trouble = flow_part_find(flow, FLOW_PART_TROUBLE);

    part->reported.sequence++;
    for (unsigned end = 0; end < 2; end++) {
        const struct flow_end_point *point = end == flow_initiator(flow)
                                                 ? &record->source
                                                 : &record->destination;

        part->reported.packets[end] = point->packets;
        part->reported.bytes[end] = point->bytes;
    }
    if (trouble) {
        struct flow_reported_trouble *told =
            &flow_part_get(flow, FLOW_PART_REPORTED_TROUBLE)->reported_trouble;

        memcpy(told->missed_bytes, trouble->trouble.missed_bytes,
               sizeof told->missed_bytes);
        memcpy(told->duplicates, trouble->trouble.duplicates,
               sizeof told->duplicates);
    }
}

/* Why a flow ends that is past its timeout. */
static enum flow_end
idle_reason(const struct flow *flow)
{
    if (flow->queue / 2 == FLOW_TIMEOUT_ATTEMPT) {
        return FLOW_END_EMERGENCY;
    }
    if (flow->key.protocol != PROTOCOL_TCP || !tcp_state_is_closed(flow)) {
        return FLOW_END_IDLE;
    }
    return tcp_state_is_reset(flow) ? FLOW_END_RST : FLOW_END_FIN;
}

/* A tick near the clock as a time; never later than the clock if the tick is
 * not. */
static struct wall_time
wall_of(const struct flow_table *table, flow_tick tick)
{
    int64_t ticks = (table->clock.ns >> FLOW_TICK_SHIFT) +
                    (int32_t)(tick - flow_table_now(table));

    return (struct wall_time){ticks * (INT64_C(1) << FLOW_TICK_SHIFT)};
}
