/* A packet's way from flow to verdict to event; see worker.h.
 *
 * The policy is asked when a flow starts and whenever something it may look at
 * changed: the application became known, an answer came, the direction was
 * corrected.  So most packets of a flow touch the flow table and nothing else.
 * A violation is told at the first packet that decides it; the flow's own event
 * carries the verdict as it stood at the end. */

#include "tools/runtime/worker.h"

#include "capture/error.h"
#include "capture/frame.h"
#include "dissect/packet.h"
#include "tools/runtime/worker_impl.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_SHIFT = 48, /* Frames of a file are fewer than 2^48. */
    /* Flows judged again at the end of each round after the policy changed:
     * millions of them must not hold up the packets. */
    SWEEP_FLOWS = 256
};

static bool worker_init(struct worker *, const struct worker_options *,
                        struct error *);
static bool init_notes(struct worker *, struct error *);
static void follow_policy(struct worker *);
static void look_ahead(const struct worker *, const struct packet *,
                       struct flow_lookup *);
static void take(struct worker *, const struct frame *, const struct packet *,
                 const struct flow_lookup *);
static void attend(struct worker *, const struct frame *, const struct packet *,
                   const struct flow_update *);
static bool asks_outcome(const struct worker *, const struct tracked *);
static bool is_only_heard(const struct worker *, const struct flow *,
                          const struct tracked *);
static bool is_settled(const struct worker *, const struct tracked *);
static void start_flow(struct worker *, const struct packet *,
                       struct tracked *);
static bool inspect(struct worker *, const struct frame *,
                    const struct packet *, const struct flow_update *,
                    struct tracked *);
static bool start_inspection(struct worker *, const struct flow_update *,
                             struct tracked *);
static void finish_inspection(struct worker *, struct tracked *);
static bool shows_application(const struct packet *);
static void advance(struct worker *, struct wall_time now);
static void make_room(struct worker *);
static void sweep(struct worker *, unsigned n_flows);
static void flow_moved(void *context, struct flow *);
static void flow_reported(void *context, const struct flow_record *,
                          void *user);

struct worker_options
worker_share(const struct worker_options *all, unsigned i, unsigned n)
{
    struct worker_options share = *all;

    share.table.max_flows = (share.table.max_flows + n - 1) / n;
    share.table.max_bytes /= n;
    share.max_inspection_bytes /= n;
    share.max_attempts = (share.max_attempts + n - 1) / n;
    share.engine = i == 0 ? all->engine : NULL;
    share.number = i;
    share.n_workers = n;
    return share;
}

struct worker *
worker_new(const struct worker_options *options, struct error *error)
{
    struct worker *worker =
        aligned_alloc(alignof(struct worker), sizeof *worker);

    if (!worker) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for a worker");
        return NULL;
    }
    memset(worker, 0, sizeof *worker);
    if (!worker_init(worker, options, error)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

static bool
worker_init(struct worker *worker, const struct worker_options *options,
            struct error *error)
{
    struct flow_table_options table = options->table;
    struct application_options application = {
        .max_bytes = options->max_inspection_bytes};

    worker->policy = policy_ref(options->policy);
    if (!pairs_init(&worker->pairs, worker->policy, error)) {
        return false;
    }
    worker->memo = judge_memo_new();
    if (!worker->memo) {
        return error_set(error, ERROR_MEMORY, NULL,
                         "out of memory for verdicts");
    }
    follow_policy(worker);
    worker->vlan = options->vlan;
    worker->max_attempts = options->max_attempts;
    worker->limits = options->limits;
    worker->source = options->source;
    worker->names = options->names;
    worker->queue = options->queue;
    worker->tray = options->tray;
    worker->events = options->queue ? options->events : 0;
    worker->number = options->number;
    worker->n_workers = options->n_workers;
    if (options->observer) {
        worker->observer = *options->observer;
    }
    table.record = flow_reported;
    table.moved = flow_moved;
    table.news = worker_news;
    table.context = worker;
    table.user_bytes = sizeof(struct tracked);
    worker->table = flow_table_new(&table, error);
    if (!worker->table || !init_notes(worker, error)) {
        return false;
    }
    worker->encoder = event_encoder_new(worker->source, error);
    worker->collapse = collapse_new(worker_tell_collapsed, worker, error);
    if (!worker->encoder || !worker->collapse) {
        return false;
    }
    if (!options->inspect) {
        return true;
    }
    worker->owns_engine = !options->engine;
    worker->engine = options->engine
                         ? options->engine
                         : application_engine_new(&application, error);
    worker->symbols = worker->engine
                          ? symbols_new(worker->policy, worker->engine, error)
                          : NULL;
    return worker->symbols != NULL;
}

/* What is kept of some flows. */
static bool
init_notes(struct worker *worker, struct error *error)
{
    struct flow_memory *memory = flow_table_memory(worker->table);

    pool_init(&worker->quotes, sizeof(struct packet_quoted), memory);
    return findings_init(&worker->findings, memory) ||
           error_set(error, ERROR_MEMORY, NULL, "out of memory for findings");
}

/* What of the policy in force is asked at every packet. */
static void
follow_policy(struct worker *worker)
{
    judge_memo_clear(worker->memo);
    worker->asks_replied = policy_asks_replied(worker->policy);
    worker->only_hears = policy_only_hears_handshakes(worker->policy);
    worker->sightings = policy_sightings(worker->policy);
    worker->detections = policy_detections(worker->policy);
}

void
worker_free(struct worker *worker)
{
    if (worker) {
        if (worker->table) {
            findings_done(&worker->findings);
            pool_done(&worker->quotes);
        }
        flow_table_free(worker->table);
        symbols_free(worker->symbols);
        if (worker->owns_engine) {
            application_engine_free(worker->engine);
        }
        judge_memo_free(worker->memo);
        pairs_done(&worker->pairs);
        policy_unref(worker->policy);
        policy_unref(worker->previous);
        event_encoder_free(worker->encoder);
        collapse_free(worker->collapse);
        free(worker);
    }
}

void
worker_packets(struct worker *worker, const struct frame *frames,
               const struct packet *packets, const struct wall_time *clocks,
               size_t n_packets)
{
    while (n_packets > 0) {
        size_t n = n_packets < WORKER_AHEAD ? n_packets : WORKER_AHEAD;

        for (size_t i = 0; i < n; i++) {
            look_ahead(worker, &packets[i], &worker->ahead[i]);
        }
        flow_table_look_closer(worker->table, packets, worker->ahead, n);
        for (size_t i = 0; i < n; i++) {
            advance(worker, clocks[i]);
            take(worker, &frames[i], &packets[i], &worker->ahead[i]);
        }
        frames += n;
        packets += n;
        clocks += n;
        n_packets -= n;
    }
}

static void
look_ahead(const struct worker *worker, const struct packet *packet,
           struct flow_lookup *lookup)
{
    uint16_t context = 0;

    if (packet->n_vlans && worker->vlan != WORKER_VLAN_NEVER) {
        context = packet->vlan[packet->n_vlans - 1];
        if (worker->vlan == WORKER_VLAN_POLICY) {
            context = policy_vlan_context(worker->policy, context);
        }
    }
    flow_table_look_ahead(packet, context, lookup);
}

static void
take(struct worker *worker, const struct frame *frame,
     const struct packet *packet, const struct flow_lookup *lookup)
{
    struct flow_update update;

    worker->phase = TRAY_PACKET;
    worker->frame = (uint64_t)frame->file << FILE_SHIFT | frame->number;
    update = flow_table_pass(worker->table, packet, lookup);
    if (update.flow && (!update.is_settled || update.initiator ||
                        update.outcome_changed || worker->previous)) {
        attend(worker, frame, packet, &update);
    }
}

/* Something may have changed that the policy asks about. */
static void
attend(struct worker *worker, const struct frame *frame,
       const struct packet *packet, const struct flow_update *update)
{
    struct tracked *tracked = flow_user(update->flow);
    bool changed = update->is_new || update->initiator ||
                   tracked->generation != worker->generation;
    unsigned moments = 0;

    if (worker->asks_replied && !update->from_initiator && !tracked->replied) {
        tracked->replied = changed = true;
    }
    if (update->is_new) {
        start_flow(worker, packet, tracked);
    } else if (update->initiator == FLOW_INITIATOR_FLIPPED &&
               tracked->located) {
        segment_id swapped = tracked->src_segment;

        worker_count_flip(worker, tracked);
        tracked->src_segment = tracked->dst_segment;
        tracked->dst_segment = swapped;
    }
    moments = (unsigned)update->is_new << SIGHTING_BEGIN;
    if (update->outcome_changed && asks_outcome(worker, tracked)) {
        moments |= 1U << SIGHTING_ANSWER;
    }
    if (update->kind == FLOW_UPDATE_PACKET &&
        inspect(worker, frame, packet, update, tracked)) {
        moments |= 1U << SIGHTING_APPLICATION;
    }
    if (!changed && moments == 1U << SIGHTING_ANSWER &&
        is_only_heard(worker, update->flow, tracked)) {
        worker_tell_alive(worker, tracked);
    } else if (changed || moments) {
        struct flow_record record;

        flow_record_from(update->flow, &record);
        worker_judge(worker, update->flow, &record, tracked, moments);
        flow_settle(update->flow, is_settled(worker, tracked));
    }
    if (worker->engine) {
        make_room(worker);
    }
}

/* How far a flow got makes no verdict, but violations are told again for it,
 * and detectors look at it. */
static bool
asks_outcome(const struct worker *worker, const struct tracked *tracked)
{
    return tracked->objected ||
           ((worker->sightings | worker->detections) >> SIGHTING_ANSWER & 1);
}

/* A handshake was seen as it should be: no verdict rests on that, and it is the
 * application that detectors wait for. */
static bool
is_only_heard(const struct worker *worker, const struct flow *flow,
              const struct tracked *tracked)
{
    return worker->only_hears && worker->engine && !tracked->classified &&
           !tracked->objected && !tracked->one_sided &&
           flow_is_established(flow);
}

/* Nothing that a packet brings can change the verdict. */
static bool
is_settled(const struct worker *worker, const struct tracked *tracked)
{
    return (!worker->engine || tracked->classified) &&
           (!worker->asks_replied || tracked->replied);
}

static void
advance(struct worker *worker, struct wall_time now)
{
    if (now.ns > worker->now.ns) {
        worker->phase = TRAY_DUE;
        worker->now = now;
        flow_table_advance(worker->table, now);
    }
}

void
worker_step(struct worker *worker, int64_t ns)
{
    worker->now.ns += ns;
    flow_table_step(worker->table, ns);
}

void
worker_end_round(struct worker *worker, struct wall_time clock)
{
    advance(worker, clock);
    worker->phase = TRAY_DUE;
    if (worker->limits) {
        worker_follow_limits(worker);
    }
    if (worker->max_attempts) {
        collapse_advance(worker->collapse, clock);
    }
    if (worker->previous) {
        sweep(worker, SWEEP_FLOWS);
    }
    tray_end_round(worker->tray, clock);
}

void
worker_set_policy(struct worker *worker, struct policy *policy)
{
    struct symbols *symbols;
    struct error error;

    if (worker->engine) {
        symbols = symbols_new(policy, worker->engine, &error);
        if (!symbols) {
            worker->counters.policies_refused++;
            return;
        }
        symbols_free(worker->symbols);
        worker->symbols = symbols;
    }
    if (worker->previous) { /* Finish what another one began. */
        sweep(worker, UINT_MAX);
    }
    worker_flush_collapsed(worker); /* Of rules of the old one. */
    worker->previous = worker->policy;
    worker->policy = policy_ref(policy);
    pairs_set_policy(&worker->pairs, policy);
    follow_policy(worker);
    worker->generation++;
    worker->sweep = 0;
    tray_set_policy(worker->tray, worker->policy);
}

void
worker_finish(struct worker *worker, enum flow_end why, struct wall_time now)
{
    advance(worker, now);
    worker->phase = TRAY_LAST;
    flow_table_flush(worker->table, why);
    worker_flush_collapsed(worker);
    tray_end_round(worker->tray, now);
    tray_close(worker->tray);
}

const struct pairs *
worker_pairs(const struct worker *worker)
{
    return &worker->pairs;
}

void
worker_get_counters(const struct worker *worker,
                    struct worker_counters *counters)
{
    *counters = worker->counters;
    flow_table_counters(worker->table, &counters->flows);
    if (worker->engine) {
        application_engine_counters(worker->engine, &counters->applications);
        counters->applications.refused += worker->counters.applications.refused;
        counters->applications.details_lost = worker->findings.details_lost;
    }
}

void
worker_counters_add(struct worker_counters *sum,
                    const struct worker_counters *counters)
{
    /* Every member counts, and is 64 bits wide. */
    const uint64_t *from = (const uint64_t *)(const void *)counters;
    uint64_t *to = (uint64_t *)(void *)sum;

    static_assert(sizeof *sum % sizeof *to == 0, "not all counters");
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) {
        to[i] += from[i];
    }
}

static void
start_flow(struct worker *worker, const struct packet *packet,
           struct tracked *tracked)
{
    if (packet->flags & PACKET_ICMP_ERROR) {
        tracked->quoted = pool_take(&worker->quotes);
        if (tracked->quoted) {
            memcpy(pool_at(&worker->quotes, tracked->quoted), &packet->quoted,
                   sizeof packet->quoted);
        }
    }
    tracked->link_broadcast = (packet->flags & PACKET_LINK_BROADCAST) != 0;
}

/* Returns true when the application has become known, for good. */
static bool
inspect(struct worker *worker, const struct frame *frame,
        const struct packet *packet, const struct flow_update *update,
        struct tracked *tracked)
{
    if (!worker->engine || tracked->classified || !shows_application(packet)) {
        return false;
    }
    if (!tracked->finding && !start_inspection(worker, update, tracked)) {
        tracked->classified = true;
        return true;
    }
    if (!inspection_packet(
            worker->engine,
            findings_inspection(&worker->findings, tracked->finding), packet,
            frame, update->from_initiator)) {
        return false;
    }
    finish_inspection(worker, tracked);
    return true;
}

/* False when memory is short: then nothing is found. */
static bool
start_inspection(struct worker *worker, const struct flow_update *update,
                 struct tracked *tracked)
{
    struct inspection *inspection =
        inspection_new(worker->engine, update->flow);
    struct application nothing;

    if (!inspection) { /* Counted by the engine. */
        return false;
    }
    tracked->finding = findings_start(&worker->findings, inspection);
    if (!tracked->finding) {
        inspection_finish(worker->engine, inspection, &nothing);
        application_done(&nothing);
        worker->counters.applications.refused++;
        return false;
    }
    if (flow_saw_handshake(update->flow)) {
        inspection_saw_handshake(inspection);
    }
    return true;
}

static void
finish_inspection(struct worker *worker, struct tracked *tracked)
{
    struct application found;

    inspection_finish(worker->engine,
                      findings_inspection(&worker->findings, tracked->finding),
                      &found);
    tracked->finding =
        findings_finish(&worker->findings, tracked->finding, &found);
    tracked->classified = true;
}

/* TCP and UDP say nothing without payload; other protocols are their own
 * application, and the first packet tells. */
static bool
shows_application(const struct packet *packet)
{
    bool has_ports =
        packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP;

    return !(packet->flags & PACKET_LATER_FRAGMENT) &&
           (!has_ports || packet->payload_captured > 0);
}

/* Ends inspections while all of them hold too much: of any flows, which are
 * judged by what is known of them. */
static void
make_room(struct worker *worker)
{
    struct flow *flow;

    while ((flow = inspection_give_up(worker->engine))) {
        struct tracked *tracked = flow_user(flow);
        struct flow_record record;

        finish_inspection(worker, tracked);
        flow_record_from(flow, &record);
        worker_judge(worker, flow, &record, tracked,
                     1U << SIGHTING_APPLICATION);
        flow_settle(flow, is_settled(worker, tracked));
    }
}

static void
flow_moved(void *context, struct flow *flow)
{
    struct worker *worker = context;
    const struct tracked *tracked = flow_user(flow);

    if (tracked->finding && !tracked->classified) {
        inspection_set_owner(
            findings_inspection(&worker->findings, tracked->finding), flow);
    }
}

/* Judges flows again that had no packet since the policy changed. */
static void
sweep(struct worker *worker, unsigned n_flows)
{
    struct flow *flow = NULL;

    while (n_flows-- &&
           (flow = flow_table_next(worker->table, &worker->sweep))) {
        struct tracked *tracked = flow_user(flow);
        struct flow_record record;

        if (tracked->generation != worker->generation) {
            flow_record_from(flow, &record);
            worker_judge(worker, flow, &record, tracked, 0);
            flow_settle(flow, is_settled(worker, tracked));
        }
    }
    if (!flow) {
        policy_unref(worker->previous);
        worker->previous = NULL;
    }
}

/* The table reports a flow: an interim record of a long one, or its end. */
static void
flow_reported(void *context, const struct flow_record *record, void *user)
{
    struct worker *worker = context;
    struct tracked *tracked = user;
    bool ended = record->kind == FLOW_RECORD_END;
    unsigned moments = 1U << (ended ? SIGHTING_END : SIGHTING_INTERIM);

    if (ended && tracked->finding && !tracked->classified) {
        finish_inspection(worker, tracked);
        moments |= 1U << SIGHTING_APPLICATION;
    }
    worker_judge(worker, NULL, record, tracked, moments);
    worker_count_record(worker, record, tracked);
    worker->counters.ends[record->reason]++;
    if (ended) {
        findings_release(&worker->findings, tracked->finding);
        if (tracked->quoted) {
            pool_give_back(&worker->quotes, tracked->quoted);
        }
    }
}
