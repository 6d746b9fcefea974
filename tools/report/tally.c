/* What a run adds up to; see tally.h. */

#include "tools/report/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static segment_id same_segment(const struct tally *, const struct tally *other,
                               segment_id);
static int32_t same_rule(const struct tally *, const struct tally *other,
                         int32_t rule);
static void count_protocol(struct tally *, uint8_t protocol);
static void count_application(struct tally *, const char *name, uint64_t flows,
                              uint64_t bytes);
static void count_detection(struct tally *, const struct event_violation *);
static void count_finding(struct tally *, const struct tally_finding *);
static struct tally_finding *find_finding(struct tally *,
                                          const struct tally_finding *);
static bool is_same_kind(const struct tally_finding *,
                         const struct tally_finding *);
static uint32_t hash_kind(const struct tally_finding *);
static void application_label(const struct event_flow *,
                              char name[TALLY_MAX_APP_NAME]);
static size_t label_add(char name[TALLY_MAX_APP_NAME], size_t size,
                        const char *text);
static void *grow(void *array, size_t n, size_t *capacity, size_t item_bytes);

void
tally_init(struct tally *tally, const struct policy *policy)
{
    memset(tally, 0, sizeof *tally);
    tally->policy = policy_hold(policy);
    tally->index = calloc(TALLY_INDEX_SLOTS, sizeof *tally->index);
    tally->out_of_memory = !tally->index;
}

void
tally_done(struct tally *tally)
{
    free(tally->findings);
    free(tally->index);
    free(tally->applications);
    policy_unref(tally->policy);
}

void
tally_flow(void *context, const struct event_flow *flow)
{
    struct tally *tally = context;
    const struct flow_record *record = flow->record;
    uint64_t bytes = record->source.bytes + record->destination.bytes;
    struct tally_finding finding = {
        .rule = flow->verdict->rule,
        .reason = flow->verdict->reason,
        .src_segment = flow->src_segment,
        .dst_segment = flow->dst_segment,
        .flows = 1,
        .bytes = bytes,
        .worst = record->outcome,
        .src = record->source.addr,
        .dst = record->destination.addr,
        .port = record->destination.port,
        .protocol = record->protocol,
    };

    tally_set_policy(tally, flow->policy);
    tally->flows++;
    tally->verdicts[flow->verdict->decision]++;
    tally->got_through += flow->verdict->decision == DECISION_DENY &&
                          flow_outcome_rank(record->outcome) >=
                              flow_outcome_rank(FLOW_OUTCOME_ESTABLISHED);
    count_protocol(tally, record->protocol);
    tally->missed_bytes +=
        record->source.missed_bytes + record->destination.missed_bytes;
    tally->duplicates +=
        record->source.duplicates + record->destination.duplicates;
    tally->one_sided += (record->flags & FLOW_ONE_SIDED) != 0;
    tally->midstream += (record->flags & FLOW_MIDSTREAM) != 0;
    tally->guessed_direction += record->evidence == FLOW_EVIDENCE_FIRST_SEEN;
    application_label(flow, finding.application);
    if (flow->application) {
        count_application(tally, finding.application, 1, bytes);
    }
    tally->suppressed += event_suppressed_by(flow) != NULL;
    tally->staged += flow->verdict->decision != DECISION_DENY &&
                     flow->verdict->staged_decision == DECISION_DENY;
    if (flow->verdict->decision == DECISION_DENY) {
        count_finding(tally, &finding);
    }
}

void
tally_violation(void *context, const struct event_violation *event)
{
    struct tally *tally = context;
    const struct violation *violation = event->violation;

    if (violation->reason == VERDICT_REASON_DETECTED &&
        violation->kind != VIOLATION_KIND_CLOSED) {
        count_detection(tally, event);
    }
    tally->violations += event->violation->kind == VIOLATION_KIND_NEW &&
                         !event->violation->staged;
}

void
tally_set_policy(struct tally *tally, const struct policy *policy)
{
    struct tally next;

    if (policy == tally->policy) {
        return;
    }
    tally_init(&next, policy);
    tally_add(&next, tally);
    tally_done(tally);
    *tally = next;
}

void
tally_add(struct tally *tally, const struct tally *other)
{
    tally->flows += other->flows;
    for (size_t i = 0; i < EVENT_N_VERDICTS; i++) {
        tally->verdicts[i] += other->verdicts[i];
    }
    tally->got_through += other->got_through;
    for (size_t i = 0; i < other->n_findings; i++) {
        struct tally_finding finding = other->findings[i];

        finding.rule = same_rule(tally, other, finding.rule);
        finding.src_segment = same_segment(tally, other, finding.src_segment);
        finding.dst_segment = same_segment(tally, other, finding.dst_segment);
        count_finding(tally, &finding);
    }
    for (size_t i = 0; i < other->n_applications; i++) {
        count_application(tally, other->applications[i].name,
                          other->applications[i].flows,
                          other->applications[i].bytes);
    }
    tally->findings_left_out += other->findings_left_out;
    tally->tcp += other->tcp;
    tally->udp += other->udp;
    tally->icmp += other->icmp;
    tally->other += other->other;
    tally->violations += other->violations;
    tally->detections += other->detections;
    tally->suppressed += other->suppressed;
    tally->staged += other->staged;
    tally->missed_bytes += other->missed_bytes;
    tally->duplicates += other->duplicates;
    tally->one_sided += other->one_sided;
    tally->midstream += other->midstream;
    tally->guessed_direction += other->guessed_direction;
    tally->out_of_memory |= other->out_of_memory;
}

static segment_id
same_segment(const struct tally *tally, const struct tally *other,
             segment_id segment)
{
    const char *name = policy_segment(other->policy, segment)->name;

    if (tally->policy == other->policy) {
        return segment;
    }
    for (size_t i = 0; i < policy_n_segments(tally->policy); i++) {
        if (strcmp(policy_segment(tally->policy, (segment_id)i)->name, name) ==
            0) {
            return (segment_id)i;
        }
    }
    return SEGMENT_UNKNOWN;
}

static int32_t
same_rule(const struct tally *tally, const struct tally *other, int32_t rule)
{
    if (tally->policy == other->policy || rule < 0) {
        return rule;
    }
    for (size_t i = 0; i < policy_n_rules(tally->policy); i++) {
        if (strcmp(policy_rule(tally->policy, (uint32_t)i)->id,
                   policy_rule(other->policy, (uint32_t)rule)->id) == 0) {
            return (int32_t)i;
        }
    }
    return VERDICT_NO_RULE;
}

static void
count_protocol(struct tally *tally, uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_TCP: tally->tcp++; break;
    case PROTOCOL_UDP: tally->udp++; break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: tally->icmp++; break;
    default: tally->other++; break;
    }
}

/* A few hundred names at most, the common ones first: a linear search moves
 * what it found one place up. */
static void
count_application(struct tally *tally, const char *name, uint64_t flows,
                  uint64_t bytes)
{
    struct tally_application *list = tally->applications;
    size_t i = 0;

    while (i < tally->n_applications && strcmp(list[i].name, name) != 0) {
        i++;
    }
    if (i == tally->n_applications) {
        list = grow(list, i, &tally->applications_capacity, sizeof *list);
        if (!list) {
            tally->out_of_memory = true;
            return;
        }
        tally->applications = list;
        tally->n_applications++;
        list[i] = (struct tally_application){.flows = 0};
        snprintf(list[i].name, sizeof list[i].name, "%s", name);
    }
    list[i].flows += flows;
    list[i].bytes += bytes;
    if (i > 0 && list[i].flows > list[i - 1].flows) {
        struct tally_application swapped = list[i];

        list[i] = list[i - 1];
        list[i - 1] = swapped;
    }
}

/* Flows show what the policy denies; only this shows what detectors find. */
static void
count_detection(struct tally *tally, const struct event_violation *event)
{
    const struct violation *violation = event->violation;
    struct tally_finding finding = {
        .rule = violation->rule,
        .reason = violation->reason,
        .src_segment = violation->src_segment,
        .dst_segment = violation->dst_segment,
        .flows = violation->count_since_last,
        .worst = violation->outcome,
        .all_dsts = violation->all_dsts,
        .src = violation->src,
        .dst = violation->dst,
        .port = violation->port,
        .protocol = violation->protocol,
    };

    if (event->flow) {
        application_label(event->flow, finding.application);
    }
    tally_set_policy(tally, event->policy);
    tally->detections +=
        policy_rule(event->policy, (uint32_t)violation->rule)->severity >
        LEVEL_INFO;
    count_finding(tally, &finding);
}

static void
count_finding(struct tally *tally, const struct tally_finding *finding)
{
    struct tally_finding *same = find_finding(tally, finding);
    uint64_t flows = finding->flows;
    uint64_t bytes = finding->bytes;

    if (!same) {
        tally->findings_left_out += flows;
        return;
    }
    flows += same->flows;
    bytes += same->bytes;
    if (same->flows == 0 ||
        flow_outcome_rank(finding->worst) > flow_outcome_rank(same->worst)) {
        *same = *finding; /* The example shown is the worst. */
    }
    same->flows = flows;
    same->bytes = bytes;
}

/* The entry of the same kind, made empty if there is none; NULL without room.
 */
static struct tally_finding *
find_finding(struct tally *tally, const struct tally_finding *finding)
{
    struct tally_finding *list = tally->findings;
    size_t n = tally->n_findings;
    uint32_t slot = hash_kind(finding) % TALLY_INDEX_SLOTS;

    while (tally->index && tally->index[slot]) {
        struct tally_finding *found = &list[tally->index[slot] - 1];

        if (is_same_kind(found, finding)) {
            return found;
        }
        slot = (slot + 1) % TALLY_INDEX_SLOTS;
    }
    list = tally->index && n < TALLY_MAX_FINDINGS
               ? grow(list, n, &tally->findings_capacity, sizeof *list)
               : NULL;
    if (!list) {
        return NULL;
    }
    tally->findings = list;
    tally->n_findings = n + 1;
    tally->index[slot] = (uint16_t)(n + 1);
    list[n] = (struct tally_finding){.flows = 0};
    return &list[n];
}

static bool
is_same_kind(const struct tally_finding *a, const struct tally_finding *b)
{
    return a->rule == b->rule && a->reason == b->reason &&
           a->src_segment == b->src_segment && a->dst_segment == b->dst_segment;
}

static uint32_t
hash_kind(const struct tally_finding *finding)
{
    const uint32_t words[] = {(uint32_t)finding->rule,
                              (uint32_t)finding->reason, finding->src_segment,
                              finding->dst_segment};
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = (hash ^ words[i]) * UINT32_C(0x9e3779b1);
        hash ^= hash >> 15;
    }
    return hash;
}

/* "TLS.Google" as nDPI writes it; how sure it is shows in the events. */
static void
application_label(const struct event_flow *flow, char name[TALLY_MAX_APP_NAME])
{
    const struct application *application = flow->application;
    size_t size = 0;

    if (!application || application->state == APPLICATION_NONE) {
        size = label_add(name, size, "no payload");
    } else if (application->state != APPLICATION_KNOWN) {
        size = label_add(name, size, "unknown");
    } else {
        uint16_t master = application->master;
        bool both = master && application->name && master != application->name;

        if (both) {
            size =
                label_add(name, size, application_name(flow->engine, master));
            size = label_add(name, size, ".");
        }
        size = label_add(name, size,
                         application_name(flow->engine, application->name
                                                            ? application->name
                                                            : master));
    }
    name[size] = '\0';
}

/* What does not fit is cut.  Returns the new size, which leaves room for the
 * NUL. */
static size_t
label_add(char name[TALLY_MAX_APP_NAME], size_t size, const char *text)
{
    while (*text && size < TALLY_MAX_APP_NAME - 1) {
        name[size++] = *text++;
    }
    return size;
}

/* Room for one item more in a list of 'n'; NULL, and the list as it was,
 * without memory. */
static void *
grow(void *array, size_t n, size_t *capacity, size_t item_bytes)
{
    size_t wanted = *capacity ? 2 * *capacity : 16;

    if (n < *capacity) {
        return array;
    }
    array = realloc(array, wanted * item_bytes);
    if (array) {
        *capacity = wanted;
    }
    return array;
}
