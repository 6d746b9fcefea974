/* When a flow is judged, and judged again.
 *
 * A verdict is pending while something it depends on is unknown, then final.  A
 * final verdict is revised when the facts turn out otherwise (who opened the
 * flow, an answer where none may come) or when another policy comes into force;
 * then an interim record tells both results. */

#include "tools/runtime/capture_names.h"
#include "tools/runtime/worker_impl.h"

#include <string.h>

static void locate(const struct worker *, const struct flow_record *,
                   struct tracked *);
static void judge_now(struct worker *, struct question *, struct verdict *);
static bool is_revised(const struct worker *, const struct tracked *,
                       const struct verdict *);
static void note_verdict(struct worker *, const struct verdict *,
                         struct tracked *);
static void carry_over(const struct worker *, struct tracked *, enum view,
                       int32_t rule);

void
worker_judge(struct worker *worker, struct flow *flow,
             const struct flow_record *record, struct tracked *tracked,
             unsigned moments)
{
    struct event_revision revision;
    struct standing before;
    struct question question;
    struct verdict verdict;
    struct event_flow event = {
        .record = record,
        .application =
            worker->engine ? tracked_application(worker, tracked) : NULL,
        .engine = worker->engine,
        .policy = worker->policy,
        .verdict = &verdict,
        .revised = worker->revision,
        .file = capture_names_file(worker->names, record->file),
        .interface = capture_names_interface(worker->names, record->interface),
    };

    worker_standing(tracked, &before);
    if (!tracked->located || tracked->generation != worker->generation) {
        locate(worker, record, tracked);
    }
    event.src_segment = tracked->src_segment;
    event.dst_segment = tracked->dst_segment;
    worker_ask(worker, record, tracked, &question);
    judge_now(worker, &question, &verdict);
    if (is_revised(worker, tracked, &verdict)) {
        bool changed = tracked->generation != worker->generation;
        const struct policy *by = changed ? worker->previous : worker->policy;

        revision = (struct event_revision){
            .decision = (enum decision)tracked->decision,
            .rule = tracked->rule < 0
                        ? "?"
                        : policy_rule(by, (uint32_t)tracked->rule)->id,
            .policy_changed = changed,
        };
        event.revised = &revision;
        worker->counters.revised++;
    }
    note_verdict(worker, &verdict, tracked);
    worker_tell_violations(worker, &event, &question, tracked);
    worker_tell_detections(worker, &event, &question, tracked, moments);
    tracked->one_sided = (record->flags & FLOW_ONE_SIDED) != 0;
    worker_count_change(worker, &before, tracked);
    if (record->kind != FLOW_RECORD_BEGIN) {
        worker_tell_flow(worker, &event);
    } else if (event.revised) {
        worker->revision = event.revised;
        flow_table_revised(worker->table, flow);
        worker->revision = NULL;
    }
}

/* The flow's segments in the policy in force. */
static void
locate(const struct worker *worker, const struct flow_record *record,
       struct tracked *tracked)
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
    place.link_broadcast = tracked->link_broadcast;
    tracked->dst_segment =
        policy_locate(worker->policy, &record->destination.addr, &place);
    tracked->located = true;
}

/* A flow that is denied whatever its application turns out to be is told at
 * once, under the rule that decides if it never shows one. */
static void
judge_now(struct worker *worker, struct question *question,
          struct verdict *verdict)
{
    judge_memo_ask(worker->memo, worker->policy, question, verdict);
    if (verdict->decision == DECISION_DENY &&
        verdict->rule == VERDICT_NO_RULE) {
        question->app = QUESTION_APP_NONE;
        judge_memo_ask(worker->memo, worker->policy, question, verdict);
    }
}

/* Rules of different policies are the same if their ids are. */
static bool
is_revised(const struct worker *worker, const struct tracked *tracked,
           const struct verdict *verdict)
{
    if (!tracked->judged || !tracked->final ||
        tracked->decision == DECISION_PENDING) {
        return false;
    }
    if (tracked->generation != worker->generation) {
        return tracked->decision != verdict->decision;
    }
    return tracked->decision != verdict->decision ||
           tracked->rule != verdict->rule;
}

static void
note_verdict(struct worker *worker, const struct verdict *verdict,
             struct tracked *tracked)
{
    if (tracked->judged && tracked->generation != worker->generation) {
        carry_over(worker, tracked, VIEW_ENFORCED, verdict->rule);
        carry_over(worker, tracked, VIEW_STAGED, verdict->staged_rule);
        tracked->policy_changed = verdict->decision == DECISION_DENY &&
                                  (tracked->policy_changed ||
                                   (tracked->decision != DECISION_DENY &&
                                    tracked->decision != DECISION_PENDING));
    }
    tracked->judged = true;
    tracked->final = verdict->final;
    tracked->objected = verdict->decision == DECISION_DENY ||
                        verdict->staged_decision == DECISION_DENY;
    tracked->decision = verdict->decision & 7;
    tracked->rule = (int16_t)verdict->rule;
    tracked->generation = worker->generation;
}

/* What was told of a flow is not told again because another policy has the same
 * rule. */
static void
carry_over(const struct worker *worker, struct tracked *tracked, enum view view,
           int32_t rule)
{
    if (tracked->told_rank[view] && rule >= 0 &&
        tracked->told_rule[view] >= 0 &&
        strcmp(policy_rule(worker->policy, (uint32_t)rule)->id,
               policy_rule(worker->previous, (uint32_t)tracked->told_rule[view])
                   ->id) == 0) {
        tracked->told_rule[view] = (int16_t)rule;
    } else {
        tracked->told_rank[view] = 0;
    }
}
