/* Trays to violations; see desk.h. */

#include "tools/runtime/desk.h"

#include "capture/error.h"
#include "tools/output/event_queue.h"
#include "tools/runtime/exchange.h"
#include "tools/runtime/pairs.h"
#include "tools/runtime/rule_counts.h"

#include <stdalign.h>
#include <stdlib.h>

/* How far the desk is with one tray. */
struct lot {
    struct tray *tray;
    struct tray_batch *batch; /* NULL between rounds. */
    size_t next;              /* In 'batch'. */
};

enum {
    DESK_AHEAD = 8 /* Items looked up before they are taken. */
};

struct desk {
    struct event_queue *queue;
    struct desk_observer observer;
    bool wanted;               /* Violation events. */
    struct rule_counts *rules; /* NULL: nobody asks for them. */
    struct policy *policy;
    struct pairs pairs; /* In its terms. */
    struct violation_tracker *violations;
    struct detectors *detectors;
    struct event_encoder *encoder;
    struct wall_time now;
    /* What a violation is told about, or neither. */
    const struct event_flow *flow;
    const struct detection *detection;
    struct tray *trays; /* The workers', so beside what the desk writes. */
    struct lot *lots;
    unsigned n_lots;
};

static bool desk_init(struct desk *, const struct desk_options *,
                      struct error *);
static void take_inline(void *context, struct tray_batch *);
static void refill(struct lot *, struct wall_time *clock);
static struct lot *first_of(struct desk *);
static void look_ahead(const struct desk *, const struct tray_batch *,
                       size_t i);
static void take(struct desk *, const struct tray_item *);
static void take_objection(struct desk *, const struct tray_objection *);
static void detected(void *context, const struct detection *);
static void follow_policy(struct desk *, const struct policy *);
static void count_hit(struct desk *, const struct violation_hit *);
static void pass_time(struct desk *, struct wall_time now);
static void tell(void *context, const struct violation *);
static void count(struct desk *, const struct violation *);
static struct wall_time time_of(const struct violation *);
static struct violation_options violation_options(const struct desk *,
                                                  const struct policy *);

struct desk *
desk_new(const struct desk_options *options, struct error *error)
{
    struct desk *desk = calloc(1, sizeof *desk);

    if (!desk) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for the desk");
        return NULL;
    }
    if (!desk_init(desk, options, error)) {
        desk_free(desk);
        return NULL;
    }
    return desk;
}

static bool
desk_init(struct desk *desk, const struct desk_options *options,
          struct error *error)
{
    struct violation_options limits;

    desk->queue = options->queue;
    desk->wanted = options->queue && options->events & 1u << EVENT_VIOLATION;
    desk->now.ns = INT64_MIN;
    desk->policy = policy_hold(options->policy);
    if (!pairs_init(&desk->pairs, desk->policy, error)) {
        return false;
    }
    desk->rules = options->rules;
    if (desk->rules) {
        rule_counts_set_policy(desk->rules, desk->policy);
    }
    if (options->observer) {
        desk->observer = *options->observer;
    }
    limits = violation_options(desk, options->policy);
    desk->violations = violation_tracker_new(&limits, tell, desk, error);
    desk->detectors =
        desk->violations ? detectors_new(detected, desk, error) : NULL;
    desk->encoder =
        desk->detectors ? event_encoder_new(options->source, error) : NULL;
    desk->lots = calloc(options->n_trays, sizeof *desk->lots);
    desk->trays = aligned_alloc(alignof(struct tray),
                                options->n_trays * sizeof *desk->trays);
    if (!desk->lots || !desk->trays) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for trays");
    }
    if (!desk->encoder || !desk->lots || !desk->trays) {
        return false;
    }
    while (desk->n_lots < options->n_trays) {
        struct tray *tray = &desk->trays[desk->n_lots];
        bool inline_tray = options->n_trays == 1;

        desk->lots[desk->n_lots++].tray = tray;
        if (!tray_init(tray, inline_tray ? take_inline : NULL, desk, error)) {
            return false;
        }
        tray_set_policy(tray, options->policy);
    }
    return true;
}

void
desk_free(struct desk *desk)
{
    if (desk) {
        for (unsigned i = 0; i < desk->n_lots; i++) {
            tray_done(&desk->trays[i]);
        }
        free(desk->lots);
        free(desk->trays);
        detectors_free(desk->detectors);
        violation_tracker_free(desk->violations);
        policy_unref(desk->policy);
        pairs_done(&desk->pairs);
        event_encoder_free(desk->encoder);
        free(desk);
    }
}

struct tray *
desk_tray(struct desk *desk, unsigned i)
{
    return &desk->trays[i];
}

void
desk_run(struct desk *desk)
{
    while (desk_run_round(desk)) {
    }
}

/* Takes the trays' items of one round, always the first of all next.  False
 * when the workers are done. */
bool
desk_run_round(struct desk *desk)
{
    struct wall_time clock = {INT64_MAX};
    struct lot *lot;

    for (unsigned i = 0; i < desk->n_lots; i++) {
        desk->lots[i].batch = exchange_receive(desk->lots[i].tray->exchange);
        desk->lots[i].next = 0;
        if (!desk->lots[i].batch) {
            return false; /* All end after the same round. */
        }
    }
    follow_policy(desk, desk->lots[0].batch->policy);
    for (unsigned i = 0; i < desk->n_lots; i++) {
        refill(&desk->lots[i], &clock);
    }
    while ((lot = first_of(desk))) {
        look_ahead(desk, lot->batch, lot->next + DESK_AHEAD);
        take(desk, lot->batch->order[lot->next++]);
        refill(lot, &clock);
    }
    pass_time(desk, clock);
    return true;
}

const struct pairs *
desk_pairs(const struct desk *desk)
{
    return &desk->pairs;
}

void
desk_get_counters(const struct desk *desk,
                  struct violation_counters *violations,
                  struct detector_counters *detectors)
{
    violation_counters(desk->violations, violations);
    detectors_get_counters(desk->detectors, detectors);
}

static void
take_inline(void *context, struct tray_batch *batch)
{
    struct desk *desk = context;

    follow_policy(desk, batch->policy);
    for (size_t i = 0; i < batch->n; i++) {
        look_ahead(desk, batch, i + DESK_AHEAD);
        take(desk, batch->order[i]);
    }
    if (batch->ends_round) {
        pass_time(desk, batch->clock);
    }
}

/* Goes on to the next item of the round; without one, to no batch.  Where trays
 * do not end it at one time, the earliest has passed for all. */
static void
refill(struct lot *lot, struct wall_time *clock)
{
    while (lot->batch && lot->next == lot->batch->n) {
        struct exchange *exchange = lot->tray->exchange;
        bool ended = lot->batch->ends_round;

        if (ended && lot->batch->clock.ns < clock->ns) {
            *clock = lot->batch->clock;
        }
        tray_batch_clear(lot->batch);
        exchange_give_back(exchange, lot->batch);
        lot->batch = ended ? NULL : exchange_receive(exchange);
        lot->next = 0;
    }
}

/* The lot whose next item is the first of all; NULL if none has one. */
static struct lot *
first_of(struct desk *desk)
{
    struct lot *first = NULL;

    for (unsigned i = 0; i < desk->n_lots; i++) {
        struct lot *lot = &desk->lots[i];

        if (lot->batch &&
            (!first || tray_place_compare(
                           &lot->batch->order[lot->next]->place,
                           &first->batch->order[first->next]->place) < 0)) {
            first = lot;
        }
    }
    return first;
}

/* At item 'i' of the batch, if there is one. */
static void
look_ahead(const struct desk *desk, const struct tray_batch *batch, size_t i)
{
    const struct tray_item *item;

    if (i >= batch->n) {
        return;
    }
    item = batch->order[i];
    if (item->kind == TRAY_OBJECTION) {
        violation_look_ahead(desk->violations, &tray_objection_of(item)->hit);
    } else {
        detectors_look_ahead(desk->detectors, desk->policy,
                             &tray_sighting_of(item)->sighting);
    }
}

static void
take(struct desk *desk, const struct tray_item *item)
{
    pass_time(desk, item->place.when);
    if (item->kind == TRAY_OBJECTION) {
        take_objection(desk, tray_objection_of(item));
    } else {
        detectors_see(desk->detectors, desk->policy,
                      &tray_sighting_of(item)->sighting);
    }
}

static void
take_objection(struct desk *desk, const struct tray_objection *item)
{
    struct event_flow flow = {
        .record = &item->record,
        .application = item->engine ? &item->application : NULL,
        .engine = item->engine,
        .policy = item->hit.policy,
        .verdict = &item->verdict,
        .src_segment = item->src_segment,
        .dst_segment = item->dst_segment,
        .file = item->file,
        .interface = item->interface,
    };

    desk->flow = &flow;
    count_hit(desk, &item->hit);
    violation_hit(desk->violations, &item->hit);
    desk->flow = NULL;
}

static void
detected(void *context, const struct detection *detection)
{
    struct desk *desk = context;
    struct violation_hit hit = violation_of_detection(detection);

    desk->detection = detection;
    count_hit(desk, &hit);
    violation_hit(desk->violations, &hit);
    desk->detection = NULL;
}

static void
follow_policy(struct desk *desk, const struct policy *policy)
{
    if (desk->policy != policy) {
        struct violation_options limits = violation_options(desk, policy);

        policy_unref(desk->policy);
        desk->policy = policy_hold(policy);
        pairs_set_policy(&desk->pairs, policy);
        violation_set_options(desk->violations, &limits);
        violation_set_policy(desk->violations, policy);
        if (desk->rules) {
            rule_counts_set_policy(desk->rules, desk->policy);
        }
    }
}

static void
count_hit(struct desk *desk, const struct violation_hit *hit)
{
    if (desk->rules && !hit->again) {
        counter_add(&rule_counts_at(desk->rules, hit->policy, hit->rule)->hits,
                    1);
    }
}

static void
pass_time(struct desk *desk, struct wall_time now)
{
    if (now.ns > desk->now.ns) {
        desk->now = now;
        violation_advance(desk->violations, now);
        detectors_advance(desk->detectors, desk->policy, now);
    }
}

static void
tell(void *context, const struct violation *violation)
{
    struct desk *desk = context;
    struct event_violation event = {.violation = violation,
                                    .policy = violation->policy,
                                    .flow = desk->flow,
                                    .detection = desk->detection};

    count(desk, violation);
    if (desk->observer.violation) {
        desk->observer.violation(desk->observer.context, &event);
    }
    if (desk->wanted) {
        event_queue_put(desk->queue, EVENT_VIOLATION, time_of(violation),
                        event_violation_encode(desk->encoder, &event));
    }
}

/* One that is closed may be of an older policy. */
static void
count(struct desk *desk, const struct violation *violation)
{
    struct pairs *pairs = &desk->pairs;
    segment_id src =
        pairs_segment(pairs, violation->policy, violation->src_segment);
    segment_id dst =
        pairs_segment(pairs, violation->policy, violation->dst_segment);

    pairs_at(pairs, src, dst)->violations++;
    if (desk->rules) {
        counter_add(
            &rule_counts_at(desk->rules, violation->policy, violation->rule)
                 ->told,
            1);
    }
}

/* One closes when it has been quiet for long enough, whenever that is
 * noticed. */
static struct wall_time
time_of(const struct violation *violation)
{
    if (violation->kind == VIOLATION_KIND_CLOSED) {
        return (struct wall_time){violation->last_seen.ns + VIOLATION_QUIET_NS};
    }
    return violation->last_seen;
}

/* Ids are a hash each, and only events show them. */
static struct violation_options
violation_options(const struct desk *desk, const struct policy *policy)
{
    const struct policy_alerting *alerting = policy_alerting(policy);

    return (struct violation_options){
        .max_active = alerting->max_active,
        .realert_ns = alerting->realert_ns,
        .collapse_targets = alerting->collapse_targets,
        .ids = desk->wanted,
    };
}
