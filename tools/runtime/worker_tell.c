/* What leaves a worker: flow records to its queue, and what the policy objects
 * to by its tray to the desk. */

#include "tools/output/event_queue.h"
#include "tools/runtime/worker_impl.h"

#include <string.h>

static void object(struct worker *, const struct event_flow *,
                   const struct violation_hit *, struct tracked *, enum view);
static struct tray_place place_of(const struct worker *,
                                  const struct flow_record *);

void
worker_tell_flow(struct worker *worker, const struct event_flow *flow)
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

/* Once a flow and rule, and again when the flow got further. */
static void
object(struct worker *worker, const struct event_flow *flow,
       const struct violation_hit *hit, struct tracked *tracked, enum view view)
{
    unsigned rank = flow_outcome_rank(flow->record->outcome);
    bool again =
        tracked->told_rank[view] && tracked->told_rule[view] == hit->rule;
    struct tray_item *item;

    if (again && rank <= tracked->told_rank[view]) {
        return;
    }
    tracked->told_rank[view] = (uint8_t)rank;
    tracked->told_rule[view] = hit->rule;
    item = tray_add(worker->tray);
    item->place = place_of(worker, flow->record);
    item->hit = *hit;
    item->hit.again = again;
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
