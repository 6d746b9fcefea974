/* What leaves a worker: flow records to its queue, and what the policy objects
 * to by its tray to the desk. */

#include "tools/output/event_queue.h"
#include "tools/runtime/worker_impl.h"

#include <string.h>

static struct sighting see(const struct event_flow *, const struct question *,
                           enum sighting_moment);
static void object(struct worker *, const struct event_flow *,
                   const struct violation_hit *, struct tracked *, enum view);
static void put_objection(struct worker *, const struct event_flow *,
                          const struct violation_hit *);
static struct tray_place place_of(const struct worker *,
                                  const struct flow_record *);

void
worker_tell_flow(struct worker *worker, const struct event_flow *flow)
{
    if (worker->observer.flow && flow->record->kind == FLOW_RECORD_END) {
        worker->observer.flow(worker->observer.context, flow);
    }
    if ((worker->in_emergency || worker->max_attempts) &&
        worker_collapses(worker, flow)) {
        return;
    }
    if (worker->events & (1u << EVENT_FLOW)) {
        event_queue_put(worker->queue, EVENT_FLOW, flow->record->now,
                        event_flow_encode(worker->encoder, flow));
    }
}

void
worker_tell_violations(struct worker *worker, const struct event_flow *flow,
                       const struct question *question, struct tracked *tracked)
{
    const struct verdict *verdict = flow->verdict;
    struct violation_hit hit;

    if (verdict->decision == DECISION_DENY) {
        hit = violation_of(worker->policy, verdict, question, flow->record);
        if (tracked->policy_changed) {
            hit.reason = VERDICT_REASON_POLICY_CHANGE;
        }
        object(worker, flow, &hit, tracked, VIEW_ENFORCED);
    } else if (verdict->staged_decision == DECISION_DENY &&
               verdict->decision != DECISION_PENDING) {
        hit = violation_of(worker->policy, verdict, question, flow->record);
        hit.rule = verdict->staged_rule;
        hit.reason = VERDICT_REASON_STAGED;
        hit.staged = true;
        object(worker, flow, &hit, tracked, VIEW_STAGED);
    }
}

void
worker_tell_detections(struct worker *worker, const struct event_flow *flow,
                       const struct question *question, struct tracked *tracked,
                       unsigned moments)
{
    uint32_t tripped = 0;

    for (unsigned left = moments; left; left &= left - 1) {
        enum sighting_moment moment = (enum sighting_moment)__builtin_ctz(left);

        if (worker->detections >> moment & 1) {
            tripped |=
                detect_flow(worker->policy, question, flow->record, moment);
        }
        if (worker->sightings >> moment & 1 &&
            !(worker->in_emergency && worker_passes_over(worker, flow))) {
            struct tray_place place = place_of(worker, flow->record);

            tray_add_sighting(worker->tray, &place)->sighting =
                see(flow, question, moment);
        }
    }
    tripped &= ~(uint32_t)tracked->detected;
    tracked->detected |= tripped & ((1U << N_DETECTORS) - 1);
    for (; tripped; tripped &= tripped - 1) {
        enum detector detector = (enum detector)__builtin_ctz(tripped);
        struct violation_hit hit =
            violation_of(worker->policy, flow->verdict, question, flow->record);

        hit.rule = policy_detector_rule(worker->policy, detector);
        hit.reason = VERDICT_REASON_DETECTED;
        worker->counters.detections[detector]++;
        put_objection(worker, flow, &hit);
    }
}

void
worker_tell_alive(struct worker *worker, const struct tracked *tracked)
{
    if (worker->sightings >> SIGHTING_ANSWER & 1) {
        struct tray_place place = {.when = worker->now,
                                   .phase = worker->phase,
                                   .major = worker->frame};

        tray_add_sighting(worker->tray, &place)->sighting = (struct sighting){
            .moment = SIGHTING_ANSWER,
            .now = worker->now,
            .src_segment = tracked->src_segment,
            .dst_segment = tracked->dst_segment,
            .outcome = FLOW_OUTCOME_ESTABLISHED,
        };
    }
}

static struct sighting
see(const struct event_flow *flow, const struct question *question,
    enum sighting_moment moment)
{
    const struct flow_record *record = flow->record;
    bool counts = moment == SIGHTING_INTERIM || moment == SIGHTING_END;
    struct sighting sighting = {
        .moment = moment,
        .now = record->now,
        .start = record->start,
        .flow_id = record->id,
        .src = record->source.addr,
        .dst = record->destination.addr,
        .src_segment = flow->src_segment,
        .dst_segment = flow->dst_segment,
        .src_port = record->source.port,
        .dst_port = record->destination.port,
        .vlan = question->vlan,
        .interface = record->interface,
        .flags = record->flags,
        .protocol = record->protocol,
        .icmp_type = record->icmp_type,
        .icmp_code = record->icmp_code,
        .outcome = (uint8_t)record->outcome,
        .evidence = (uint8_t)record->evidence,
        .src_bytes = counts ? record->source.delta_bytes : 0,
        .dst_bytes = counts ? record->destination.delta_bytes : 0,
        .master_symbol = question->master_symbol,
        .name_symbol = question->name_symbol,
    };

    memcpy(sighting.src_mac, record->source.mac, sizeof sighting.src_mac);
    memcpy(sighting.dst_mac, record->destination.mac, sizeof sighting.dst_mac);
    return sighting;
}

/* Once a flow and rule, again when the flow got further or an attempt was
 * refused, and every so often while it goes on. */
static void
object(struct worker *worker, const struct event_flow *flow,
       const struct violation_hit *hit, struct tracked *tracked, enum view view)
{
    struct violation_hit told = *hit;
    unsigned rank = flow_outcome_rank(flow->record->outcome);
    bool again =
        tracked->told_rank[view] && tracked->told_rule[view] == hit->rule;

    if (again && rank <= tracked->told_rank[view] &&
        (flow->record->outcome != FLOW_OUTCOME_REFUSED ||
         tracked->told_rank[view] != flow_outcome_rank(FLOW_OUTCOME_ATTEMPT))) {
        if (flow->record->reason != FLOW_END_ACTIVE) {
            return;
        }
        told.goes_on = true;
    }
    if (!told.goes_on) {
        tracked->told_rank[view] = (uint8_t)rank;
        tracked->told_rule[view] = (int16_t)hit->rule;
    }
    told.again = again;
    put_objection(worker, flow, &told);
}

static void
put_objection(struct worker *worker, const struct event_flow *flow,
              const struct violation_hit *hit)
{
    struct tray_place place = place_of(worker, flow->record);
    struct tray_objection *item = tray_add_objection(worker->tray, &place);

    item->hit = *hit;
    item->record = *flow->record;
    item->verdict = *flow->verdict;
    item->engine = flow->application ? flow->engine : NULL;
    if (flow->application) {
        application_copy(flow->application, &item->application);
    } else {
        memset(&item->application, 0, sizeof item->application);
    }
    item->src_segment = flow->src_segment;
    item->dst_segment = flow->dst_segment;
    item->file = flow->file;
    item->interface = flow->interface;
}

/* A timeout passed at the record's own time, whenever that was noticed. */
static struct tray_place
place_of(const struct worker *worker, const struct flow_record *record)
{
    struct tray_place place = {.when = worker->now, .phase = worker->phase};

    if (worker->phase == TRAY_PACKET) {
        place.major = worker->frame;
        return place;
    }
    if (worker->phase == TRAY_DUE) {
        place.when = record->now;
    }
    place.major = (uint64_t)record->end.ns;
    place.minor = record->id;
    return place;
}
