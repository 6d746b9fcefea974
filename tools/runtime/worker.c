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
#include "rules/judge.h"
#include "tools/output/event_queue.h"
#include "tools/output/json.h"
#include "tools/runtime/capture_names.h"
#include "tools/runtime/symbols.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a worker keeps beside each flow of the table. */
struct tracked {
    struct inspection *inspection; /* While the application is looked for. */
    struct packet_quoted *quoted;  /* Owned; of an ICMP error that is a flow. */
    struct application application; /* Once 'classified'. */
    segment_id src_segment, dst_segment;
    bool located;      /* The segments are known. */
    bool classified;   /* 'application' is final. */
    bool told;         /* Its violation was told, */
    uint8_t told_rank; /* with an outcome as bad as this, */
    int32_t told_rule; /* of this rule. */
};

enum {
    ICMP_TYPE_RESERVED = 255 /* Stands for none; no service names it. */
};

struct worker {
    struct policy *policy;
    struct application_engine *engine; /* NULL: nothing is inspected. */
    struct symbols *symbols;           /* NULL with it. */
    struct flow_table *table;
    struct violation_tracker *violations;
    const struct event_source *source;
    const struct capture_names *names;
    struct event_queue *queue; /* NULL: no events. */
    struct worker_observer observer;
    unsigned events;
    struct json json;
    struct wall_time now;             /* Stamp of events made now. */
    const struct event_flow *telling; /* What a violation is told about. */
    struct worker_counters counters;
};

static bool worker_init(struct worker *, const struct worker_options *,
                        struct error *);
static void move_clock(struct worker *, struct wall_time now);
static void start_flow(const struct packet *, struct tracked *);
static void locate(struct worker *, const struct flow_record *,
                   bool link_broadcast, struct tracked *);
static bool inspect(struct worker *, const struct frame *,
                    const struct packet *, const struct flow_update *,
                    struct tracked *);
static bool shows_application(const struct packet *);
static void reconsider(struct worker *, const struct flow_record *,
                       struct tracked *);
static void ask(const struct worker *, const struct flow_record *,
                const struct tracked *, struct question *);
static void ask_quoted(const struct packet_quoted *, struct question *);
static void ask_application(const struct worker *, const struct tracked *,
                            bool ended, struct question *);
static void judge_now(struct worker *, struct question *, struct verdict *);
static void tell_flow(struct worker *, const struct event_flow *);
static void tell_violation(struct worker *, const struct event_flow *,
                           const struct question *, struct tracked *);
static void flow_reported(void *context, const struct flow_record *,
                          void *user);
static void violation_told(void *context, const struct violation *);
static struct wall_time time_of(const struct worker *,
                                const struct violation *);
static unsigned outcome_rank(enum flow_outcome);

struct worker *
worker_new(const struct worker_options *options, struct error *error)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for a worker");
        return NULL;
    }
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
    struct application_options application = {.max_inspections =
                                                  options->max_inspections};
    const struct policy_alerting *alerting = policy_alerting(options->policy);
    struct violation_options violation = {
        .max_active = alerting->max_active,
        .realert_ns = alerting->realert_ns,
        .collapse_targets = alerting->collapse_targets,
    };

    worker->policy = policy_ref(options->policy);
    worker->source = options->source;
    worker->names = options->names;
    worker->queue = options->queue;
    worker->events = options->queue ? options->events : 0;
    if (options->observer) {
        worker->observer = *options->observer;
    }
    json_init(&worker->json, EVENT_MAX_BYTES);
    table.record = flow_reported;
    table.context = worker;
    table.user_bytes = sizeof(struct tracked);
    worker->table = flow_table_new(&table, error);
    worker->violations =
        worker->table
            ? violation_tracker_new(&violation, violation_told, worker, error)
            : NULL;
    if (!worker->violations || !options->inspect) {
        return worker->violations != NULL;
    }
    worker->engine = application_engine_new(&application, error);
    worker->symbols = worker->engine
                          ? symbols_new(worker->policy, worker->engine, error)
                          : NULL;
    return worker->symbols != NULL;
}

void
worker_free(struct worker *worker)
{
    if (worker) {
        flow_table_free(worker->table);
        violation_tracker_free(worker->violations);
        symbols_free(worker->symbols);
        application_engine_free(worker->engine);
        policy_unref(worker->policy);
        json_done(&worker->json);
        free(worker);
    }
}

void
worker_prefetch(const struct worker *worker, const struct packet *packet)
{
    uint16_t vlan = packet->n_vlans ? packet->vlan[packet->n_vlans - 1] : 0;

    flow_table_prefetch(worker->table, packet,
                        policy_vlan_context(worker->policy, vlan));
}

void
worker_packet(struct worker *worker, const struct frame *frame,
              const struct packet *packet, struct wall_time now)
{
    uint16_t vlan = packet->n_vlans ? packet->vlan[packet->n_vlans - 1] : 0;
    struct flow_update update;
    struct tracked *tracked;
    bool changed;

    move_clock(worker, now);
    update = flow_table_update(worker->table, packet,
                               policy_vlan_context(worker->policy, vlan));
    if (!update.flow) {
        return;
    }
    tracked = flow_user(update.flow);
    changed = update.is_new || update.flipped || update.outcome_changed;
    if (update.is_new) {
        start_flow(packet, tracked);
    } else if (update.flipped && tracked->located) {
        segment_id swapped = tracked->src_segment;

        tracked->src_segment = tracked->dst_segment;
        tracked->dst_segment = swapped;
    }
    if (update.kind == FLOW_UPDATE_PACKET) {
        changed |= inspect(worker, frame, packet, &update, tracked);
    }
    if (changed) {
        struct flow_record record;

        flow_record_from(update.flow, &record);
        if (!tracked->located) {
            locate(worker, &record, packet->flags & PACKET_LINK_BROADCAST,
                   tracked);
        }
        reconsider(worker, &record, tracked);
    }
}

void
worker_finish(struct worker *worker, enum flow_end why, struct wall_time now)
{
    move_clock(worker, now);
    flow_table_flush(worker->table, why);
}

void
worker_get_counters(const struct worker *worker,
                    struct worker_counters *counters)
{
    *counters = worker->counters;
    flow_table_counters(worker->table, &counters->flows);
    violation_counters(worker->violations, &counters->violations);
    if (worker->engine) {
        application_engine_counters(worker->engine, &counters->applications);
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
move_clock(struct worker *worker, struct wall_time now)
{
    if (now.ns > worker->now.ns) {
        worker->now = now;
        flow_table_advance(worker->table, now);
        violation_advance(worker->violations, now);
    }
}

static void
start_flow(const struct packet *packet, struct tracked *tracked)
{
    if (packet->flags & PACKET_ICMP_ERROR) {
        tracked->quoted = malloc(sizeof *tracked->quoted);
        if (tracked->quoted) {
            *tracked->quoted = packet->quoted;
        }
    }
}

static void
locate(struct worker *worker, const struct flow_record *record,
       bool link_broadcast, struct tracked *tracked)
{
    struct policy_place place = {
        .vlan = record->n_vlans ? record->vlan[record->n_vlans - 1] : 0,
        .interface = capture_names_interface(worker->names, record->interface),
        .sensor = worker->source->sensor,
        .mac = record->source.mac,
    };

    tracked->src_segment =
        policy_locate(worker->policy, &record->source.addr, &place);
    place.mac = record->destination.mac;
    place.link_broadcast = link_broadcast;
    tracked->dst_segment =
        policy_locate(worker->policy, &record->destination.addr, &place);
    tracked->located = true;
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
    if (!tracked->inspection) {
        tracked->inspection = inspection_new(worker->engine);
        if (!tracked->inspection) { /* Counted by the engine. */
            tracked->classified = true;
            return true;
        }
        if (flow_saw_handshake(update->flow)) {
            inspection_saw_handshake(tracked->inspection);
        }
    }
    if (!inspection_packet(worker->engine, tracked->inspection, packet, frame,
                           update->from_initiator)) {
        return false;
    }
    inspection_finish(worker->engine, tracked->inspection,
                      &tracked->application);
    tracked->inspection = NULL;
    tracked->classified = true;
    return true;
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

/* Judges the flow as it stands, and tells what has to be told now. */
static void
reconsider(struct worker *worker, const struct flow_record *record,
           struct tracked *tracked)
{
    struct question question;
    struct verdict verdict;
    struct event_flow flow = {
        .record = record,
        .application = worker->engine ? &tracked->application : NULL,
        .engine = worker->engine,
        .policy = worker->policy,
        .verdict = &verdict,
        .src_segment = tracked->src_segment,
        .dst_segment = tracked->dst_segment,
        .file = capture_names_file(worker->names, record->file),
        .interface = capture_names_interface(worker->names, record->interface),
    };

    ask(worker, record, tracked, &question);
    judge_now(worker, &question, &verdict);
    if (verdict.decision == DECISION_DENY) {
        tell_violation(worker, &flow, &question, tracked);
    }
    if (record->kind != FLOW_RECORD_BEGIN) {
        tell_flow(worker, &flow);
    }
}

/* A flow that is denied whatever its application turns out to be is told at
 * once, under the rule that decides if it never shows one. */
static void
judge_now(struct worker *worker, struct question *question,
          struct verdict *verdict)
{
    judge(worker->policy, question, verdict);
    worker->counters.judged++;
    if (verdict->decision == DECISION_DENY &&
        verdict->rule == VERDICT_NO_RULE) {
        question->app = QUESTION_APP_NONE;
        judge(worker->policy, question, verdict);
    }
}

static void
tell_flow(struct worker *worker, const struct event_flow *flow)
{
    if (worker->observer.flow && flow->record->kind == FLOW_RECORD_END) {
        worker->observer.flow(worker->observer.context, flow);
    }
    if (worker->events & (1u << EVENT_FLOW)) {
        event_flow_encode(&worker->json, worker->source, flow);
        event_queue_put(worker->queue, EVENT_FLOW, flow->record->now,
                        &worker->json);
    }
}

static void
ask(const struct worker *worker, const struct flow_record *record,
    const struct tracked *tracked, struct question *question)
{
    *question = (struct question){
        .src = record->source.addr,
        .dst = record->destination.addr,
        .src_segment = tracked->src_segment,
        .dst_segment = tracked->dst_segment,
        .src_port = record->source.port,
        .dst_port = record->destination.port,
        .protocol = record->protocol,
        .ip_version = record->ip_version,
        .icmp_type =
            record->has_icmp_type ? record->icmp_type : ICMP_TYPE_RESERVED,
        .icmp_code = record->icmp_code,
        .vlan = record->n_vlans ? record->vlan[record->n_vlans - 1] : 0,
        .interface = capture_names_interface(worker->names, record->interface),
        .sensor = worker->source->sensor,
        .start = record->start,
        .midstream = record->flags & FLOW_MIDSTREAM,
        .replied = record->destination.packets > 0,
    };
    if (tracked->quoted) {
        ask_quoted(tracked->quoted, question);
    }
    ask_application(worker, tracked, record->kind == FLOW_RECORD_END, question);
}

/* An ICMP error is judged by the packet it quotes. */
static void
ask_quoted(const struct packet_quoted *quoted, struct question *question)
{
    question->icmp_orphan = true;
    question->src = quoted->src;
    question->dst = quoted->dst;
    question->protocol = quoted->protocol;
    if (quoted->protocol == PROTOCOL_ICMP ||
        quoted->protocol == PROTOCOL_ICMPV6) {
        question->icmp_type = (uint8_t)quoted->src_port;
        question->icmp_code = (uint8_t)quoted->dst_port;
    } else {
        question->src_port = quoted->src_port;
        question->dst_port = quoted->dst_port;
    }
}

/* Without an engine, or where it was too busy to look, conditions on the
 * application get the benefit of the doubt, as for a flow without payload.  So
 * does what an ICMP error quotes: the application is the error's. */
static void
ask_application(const struct worker *worker, const struct tracked *tracked,
                bool ended, struct question *question)
{
    const struct application *application = &tracked->application;

    if (!worker->engine || tracked->quoted) {
        question->app = QUESTION_APP_NONE;
    } else if (!tracked->classified) {
        question->app = ended ? QUESTION_APP_NONE : QUESTION_APP_PENDING;
    } else {
        symbols_ask(worker->symbols, application, question);
    }
}

static void
tell_violation(struct worker *worker, const struct event_flow *flow,
               const struct question *question, struct tracked *tracked)
{
    unsigned rank = outcome_rank(flow->record->outcome);

    if (tracked->told && rank <= tracked->told_rank &&
        tracked->told_rule == flow->verdict->rule) {
        return;
    }
    violation_advance(worker->violations, flow->record->now);
    worker->telling = flow;
    violation_hit(worker->violations, worker->policy, flow->verdict, question,
                  flow->record,
                  tracked->told && tracked->told_rule == flow->verdict->rule);
    worker->telling = NULL;
    tracked->told = true;
    tracked->told_rank = (uint8_t)rank;
    tracked->told_rule = flow->verdict->rule;
}

/* The table reports a flow: an interim record of a long one, or its end. */
static void
flow_reported(void *context, const struct flow_record *record, void *user)
{
    struct worker *worker = context;
    struct tracked *tracked = user;
    bool ended = record->kind == FLOW_RECORD_END;

    if (tracked->inspection && ended) {
        inspection_finish(worker->engine, tracked->inspection,
                          &tracked->application);
        tracked->inspection = NULL;
        tracked->classified = true;
    }
    if (!tracked->located) {
        locate(worker, record, false, tracked);
    }
    reconsider(worker, record, tracked);
    if (ended) {
        worker->counters.ends[record->reason]++;
        application_done(&tracked->application);
        free(tracked->quoted);
    }
}

static void
violation_told(void *context, const struct violation *violation)
{
    struct worker *worker = context;
    struct event_violation event = {.violation = violation,
                                    .policy = worker->policy,
                                    .flow = worker->telling};

    if (worker->observer.violation) {
        worker->observer.violation(worker->observer.context, &event);
    }
    if (worker->events & (1u << EVENT_VIOLATION)) {
        event_violation_encode(&worker->json, worker->source, &event);
        event_queue_put(worker->queue, EVENT_VIOLATION,
                        time_of(worker, violation), &worker->json);
    }
}

/* One that closes has no flow to go by: it closed when it had been quiet for
 * long enough, whenever that was noticed. */
static struct wall_time
time_of(const struct worker *worker, const struct violation *violation)
{
    int64_t closed_ns = violation->last_seen.ns + VIOLATION_QUIET_NS;

    if (worker->telling) {
        return worker->telling->record->now;
    }
    return closed_ns < worker->now.ns ? (struct wall_time){closed_ns}
                                      : worker->now;
}

/* How much worse a forbidden flow is for having got this far. */
static unsigned
outcome_rank(enum flow_outcome outcome)
{
    static const uint8_t ranks[FLOW_N_OUTCOMES] = {
        [FLOW_OUTCOME_REFUSED] = 1,
        [FLOW_OUTCOME_ATTEMPT] = 2,
        [FLOW_OUTCOME_ESTABLISHED] = 3,
        [FLOW_OUTCOME_DATA] = 4,
    };

    return ranks[outcome];
}
