/* A sensor that tells everything once is believed; one that repeats itself is
 * muted.  So a violation is told when it is new, when its outcome gets worse,
 * and then only every 'realert'.
 *
 * One table holds three kinds of entries: violations, groups (the targets of
 * one source, to collapse sweeps) and thresholds (hits in a window).  All are
 * found by a 64-bit identity, all count against max_active, and all are in one
 * list by the time of their last hit, so that advancing looks at old ones
 * only. */

#include "rules/violation.h"

#include "capture/error.h"
#include "rules/violation_flood.h"
#include "rules/violation_follow.h"
#include "rules/violation_table.h"

#include <stdlib.h>
#include <string.h>

struct violation_tracker {
    struct violation_options options;
    violation_handler *handler;
    void *context;
    struct violation_table *table;
    struct violation_floods *floods;
    struct wall_time now; /* The latest seen. */
    struct violation_counters counters;
    struct violation_follow follow;
    uint32_t followed;  /* The last entry that was looked at for it, */
    uint32_t to_follow; /* and how many are left. */
};

enum {
    /* Of an advance, which comes several times a second: */
    FOLLOW_ENTRIES = 1024, /* so many are looked at, */
    FOLLOW_CLOSED = 64     /* and so many told, as far as they must be. */
};

/* One hit on its way through the tracker. */
struct hit {
    const struct violation_hit *facts;
    const struct policy_rule *rule;
    bool suppressed;
    struct violation_key key;
};

static void hit_init(const struct violation_tracker *, struct hit *,
                     const struct violation_hit *);
static void key_init(const struct violation_tracker *,
                     const struct violation_hit *, struct violation_key *);
static struct violation_entry *begun(struct violation_entry *);
static struct violation_entry *find_or_collapse(struct violation_tracker *,
                                                const struct hit *);
static const struct violation_entry *group_of(struct violation_tracker *,
                                              const struct hit *);
static struct violation_entry *overflow_entry(struct violation_tracker *,
                                              const struct hit *);
static struct violation_entry *group_hit(struct violation_tracker *,
                                         const struct hit *, bool over_dsts,
                                         bool fresh);
static bool threshold_reached(struct violation_tracker *, const struct hit *);
static void entry_note(struct violation_entry *, const struct hit *);
static enum flow_outcome story_outcome(struct violation_story *,
                                       const struct violation_hit *);
static void entry_tell(struct violation_tracker *, struct violation_entry *,
                       const struct hit *);
static bool has_multiplied(const struct violation_entry *);
static void name_segments(const struct violation_hit *, struct violation_key *);
static int64_t realert_of(const struct violation_tracker *, const struct hit *);
static void emit(struct violation_tracker *, struct violation_story *,
                 enum violation_kind);
static void tell_untracked(struct violation_tracker *, const struct hit *);
static void violation_fill(struct violation *, const struct hit *);
static unsigned outcome_rank(enum flow_outcome);
static void close_entry(void *context, struct violation_entry *);
static void follow_policy(struct violation_tracker *);

struct violation_tracker *
violation_tracker_new(const struct violation_options *options,
                      violation_handler *handler, void *context,
                      struct error *error)
{
    struct violation_tracker *tracker = calloc(1, sizeof *tracker);

    if (tracker) {
        tracker->options = *options;
        tracker->handler = handler;
        tracker->context = context;
        tracker->now.ns = INT64_MIN;
        tracker->table = violation_table_new(options->max_active);
        tracker->floods = violation_floods_new();
    }
    if (!tracker || !tracker->table || !tracker->floods) {
        violation_tracker_free(tracker);
        error_set(error, ERROR_MEMORY, "", "no memory for violations");
        return NULL;
    }
    return tracker;
}

void
violation_tracker_free(struct violation_tracker *tracker)
{
    if (tracker) {
        violation_floods_free(tracker->floods);
        violation_table_free(tracker->table);
        violation_follow_done(&tracker->follow);
        free(tracker);
    }
}

void
violation_set_options(struct violation_tracker *tracker,
                      const struct violation_options *options)
{
    tracker->options = *options;
    violation_table_set_max(tracker->table, options->max_active);
}

void
violation_set_policy(struct violation_tracker *tracker,
                     const struct policy *policy)
{
    violation_follow_set(&tracker->follow, policy);
    tracker->to_follow = violation_table_last(tracker->table);
}

void
violation_hit(struct violation_tracker *tracker,
              const struct violation_hit *facts)
{
    struct violation_entry *entry;
    struct hit hit;
    bool reached;

    hit_init(tracker, &hit, facts);
    tracker->counters.hits += !facts->again;
    tracker->counters.suppressed += hit.suppressed && !facts->again;
    if (facts->now.ns > tracker->now.ns) {
        tracker->now = facts->now;
    }
    entry = begun(find_or_collapse(tracker, &hit));
    if (!entry && facts->goes_on) {
        return; /* Told when it began. */
    }
    if (!entry) {
        tracker->counters.overflow++;
        entry = begun(overflow_entry(tracker, &hit));
    }
    if (!entry) {
        if (!hit.suppressed) {
            tell_untracked(tracker, &hit);
        }
        return;
    }
    entry_note(entry, &hit);
    if (entry->kind >= VIOLATION_ENTRY_SOURCES) {
        tracker->counters.flooded += !facts->again;
        if (!hit.suppressed) {
            entry_tell(tracker, entry, &hit);
        }
        return;
    }
    violation_table_touch(tracker->table, entry, tracker->now);
    reached = threshold_reached(tracker, &hit);
    if (!hit.suppressed && (reached || (facts->again && entry->story->told))) {
        entry_tell(tracker, entry, &hit);
    }
}

void
violation_advance(struct violation_tracker *tracker, struct wall_time now)
{
    if (now.ns > tracker->now.ns) {
        tracker->now = now;
    }
    if (tracker->now.ns > INT64_MIN + VIOLATION_QUIET_NS) {
        struct wall_time until = {tracker->now.ns - VIOLATION_QUIET_NS};

        violation_table_expire(tracker->table, until, close_entry, tracker);
    }
    if (tracker->to_follow) {
        follow_policy(tracker);
    }
}

void
violation_look_ahead(const struct violation_tracker *tracker,
                     const struct violation_hit *facts)
{
    struct violation_key key;

    key_init(tracker, facts, &key);
    violation_table_look_ahead(tracker->table, VIOLATION_ENTRY_SINGLE, &key);
    violation_table_look_ahead(tracker->table, VIOLATION_ENTRY_DSTS, &key);
    violation_table_look_ahead(tracker->table, VIOLATION_ENTRY_PORTS, &key);
}

void
violation_counters(const struct violation_tracker *tracker,
                   struct violation_counters *counters)
{
    *counters = tracker->counters;
    counters->tracked = violation_table_count(tracker->table);
}

static void
hit_init(const struct violation_tracker *tracker, struct hit *hit,
         const struct violation_hit *facts)
{
    uint32_t rule = facts->rule < 0 ? 0 : (uint32_t)facts->rule;

    *hit =
        (struct hit){.facts = facts, .rule = policy_rule(facts->policy, rule)};
    hit->suppressed = policy_suppressed(facts->policy, rule, &facts->src,
                                        &facts->dst, facts->now);
    key_init(tracker, facts, &hit->key);
}

static void
key_init(const struct violation_tracker *tracker,
         const struct violation_hit *facts, struct violation_key *key)
{
    *key = (struct violation_key){
        .policy = policy_name(facts->policy),
        .rule = facts->rule < 0
                    ? "?"
                    : policy_rule(facts->policy, (uint32_t)facts->rule)->id,
        .reason = verdict_reason_name(facts->reason),
        .src = facts->src,
        .dst = facts->dst,
        .protocol = facts->protocol,
        .port = facts->port};
    key->words = violation_table_words(tracker->table, key->policy, key->rule,
                                       key->reason);
}

/* NULL when memory is out. */
static struct violation_entry *
begun(struct violation_entry *entry)
{
    return entry && violation_entry_begin(entry) ? entry : NULL;
}

/* The entry this hit belongs to: its own, that of its group once the group has
 * too many targets, or that of a flood, if it is part of one.  A flow stays
 * with the entry that counted it.  NULL if the table is full. */
static struct violation_entry *
find_or_collapse(struct violation_tracker *tracker, const struct hit *hit)
{
    struct violation_entry *entry, *group;
    bool fresh;

    entry =
        violation_table_find(tracker->table, VIOLATION_ENTRY_SINGLE, &hit->key);
    if (entry && hit->facts->again &&
        violation_entry_has_flow(entry, hit->facts->flow_id)) {
        return entry;
    }
    fresh = !entry;
    if (fresh && !group_of(tracker, hit)) {
        struct violation_entry *flood = violation_floods_see(
            tracker->floods, tracker->table, &hit->key, hit->facts,
            hit->suppressed, tracker->options.collapse_targets);

        if (flood) {
            return flood;
        }
    }
    for (int over_dsts = 1; over_dsts >= 0; over_dsts--) {
        group = group_hit(tracker, hit, over_dsts, fresh);
        if (group && violation_entry_n_targets(group) >
                         tracker->options.collapse_targets) {
            return group;
        }
    }
    return entry ? entry
                 : violation_table_add(tracker->table, VIOLATION_ENTRY_SINGLE,
                                       &hit->key);
}

/* A group that the hit's source has already: it is known from before. */
static const struct violation_entry *
group_of(struct violation_tracker *tracker, const struct hit *hit)
{
    const struct violation_entry *group =
        violation_table_find(tracker->table, VIOLATION_ENTRY_DSTS, &hit->key);

    return group ? group
                 : violation_table_find(tracker->table, VIOLATION_ENTRY_PORTS,
                                        &hit->key);
}

/* What does not fit and came to nothing is told together; the rest is not told
 * too often for that. */
static struct violation_entry *
overflow_entry(struct violation_tracker *tracker, const struct hit *hit)
{
    return violation_floods_take(tracker->floods, tracker->table, &hit->key,
                                 hit->facts, hit->suppressed);
}

/* Counts the target of a fresh violation in its group: one source and port over
 * destinations, or one source and destination over ports. */
static struct violation_entry *
group_hit(struct violation_tracker *tracker, const struct hit *hit,
          bool over_dsts, bool fresh)
{
    enum violation_entry_kind kind =
        over_dsts ? VIOLATION_ENTRY_DSTS : VIOLATION_ENTRY_PORTS;
    struct violation_entry *group =
        violation_table_find(tracker->table, kind, &hit->key);

    if (!group && fresh) {
        group = violation_table_add(tracker->table, kind, &hit->key);
    }
    if (group && (fresh || violation_entry_n_targets(group) >
                               tracker->options.collapse_targets)) {
        violation_entry_add_target(group, &hit->key, over_dsts,
                                   tracker->options.collapse_targets);
    }
    if (group) {
        violation_table_touch(tracker->table, group, tracker->now);
    }
    return group;
}

/* Tumbling windows: one opens with its first hit, and once the count is
 * reached every further hit in it may be told. */
static bool
threshold_reached(struct violation_tracker *tracker, const struct hit *hit)
{
    const struct policy_threshold *threshold = &hit->rule->threshold;
    struct violation_key key = hit->key;
    struct violation_entry *entry;
    int64_t now = hit->facts->now.ns;

    if (!threshold->count) {
        return true;
    }
    key.protocol = 0;
    key.port = 0;
    if (threshold->by == THRESHOLD_BY_DST ||
        threshold->by == THRESHOLD_BY_RULE) {
        key.src = (struct addr){{0}};
    }
    if (threshold->by == THRESHOLD_BY_SRC ||
        threshold->by == THRESHOLD_BY_RULE) {
        key.dst = (struct addr){{0}};
    }
    entry =
        violation_table_find(tracker->table, VIOLATION_ENTRY_THRESHOLD, &key);
    if (!entry) {
        entry = violation_table_add(tracker->table, VIOLATION_ENTRY_THRESHOLD,
                                    &key);
    }
    if (!entry) {
        tracker->counters.overflow++;
        return true; /* Better told too often than not at all. */
    }
    if (entry->touched.ns == INT64_MIN ||
        now - entry->window.since.ns >= threshold->window_ns) {
        entry->window.hits = 0;
        entry->window.since.ns = now;
    }
    entry->window.hits += !hit->facts->again;
    violation_table_touch(tracker->table, entry, tracker->now);
    return entry->window.hits >= threshold->count;
}

static void
entry_note(struct violation_entry *entry, const struct hit *hit)
{
    struct violation_story *story = entry->story;
    struct violation *violation = &story->violation;
    bool fresh = !violation->count;
    struct wall_time first = violation->first_seen, last = violation->last_seen;

    if (entry->kind < VIOLATION_ENTRY_SOURCES) { /* Floods are not closed. */
        violation_story_set_policy(story, hit->facts->policy);
    }
    violation_fill(violation, hit);
    if (!fresh) {
        violation->first_seen =
            first.ns < hit->facts->now.ns ? first : hit->facts->now;
        violation->last_seen =
            last.ns > hit->facts->now.ns ? last : hit->facts->now;
    }
    if (fresh) {
        story->reached = FLOW_OUTCOME_REFUSED;
    }
    violation->outcome = story_outcome(story, hit->facts);
    if (entry->kind == VIOLATION_ENTRY_DSTS) {
        violation->dst = (struct addr){{0}};
        violation->all_dsts = true;
    } else if (entry->kind == VIOLATION_ENTRY_PORTS) {
        violation->port = 0;
        violation->all_ports = true;
    } else if (entry->kind >= VIOLATION_ENTRY_SOURCES) {
        violation->dst = (struct addr){{0}};
        violation->all_srcs = violation->all_dsts = true;
        violation->all_ports = entry->kind == VIOLATION_ENTRY_SOURCES_PORTS;
        violation->port = violation->all_ports ? 0 : violation->port;
    }
    if (fresh || !hit->facts->again) {
        violation->count++;
        violation->count_since_last++;
    }
    story->ambiguous = hit->facts->ambiguous;
    violation_story_add_flow(story, hit->facts->flow_id);
}

/* The worst outcome, once this hit is counted.  An attempt that was refused
 * after all is an attempt no more. */
static enum flow_outcome
story_outcome(struct violation_story *story, const struct violation_hit *facts)
{
    bool first = !facts->again || !story->violation.count;

    if (facts->outcome == FLOW_OUTCOME_ATTEMPT) {
        story->attempts += first;
    } else if (!first && !facts->goes_on && story->attempts) {
        story->attempts--;
    }
    if (flow_outcome_rank(facts->outcome) >=
            flow_outcome_rank(FLOW_OUTCOME_ESTABLISHED) &&
        flow_outcome_rank(facts->outcome) > flow_outcome_rank(story->reached)) {
        story->reached = facts->outcome;
    }
    return story->reached == FLOW_OUTCOME_REFUSED && story->attempts
               ? FLOW_OUTCOME_ATTEMPT
               : story->reached;
}

static void
entry_tell(struct violation_tracker *tracker, struct violation_entry *entry,
           const struct hit *hit)
{
    int64_t now = hit->facts->now.ns;
    struct violation_story *story = entry->story;
    bool single = entry->kind == VIOLATION_ENTRY_SINGLE;
    enum violation_kind kind;

    if (!story->told) {
        kind = single ? VIOLATION_KIND_NEW : VIOLATION_KIND_COLLAPSED;
    } else if (outcome_rank(hit->facts->outcome) > story->told_rank) {
        kind = VIOLATION_KIND_ESCALATE;
    } else if (now - story->told_at.ns >= realert_of(tracker, hit) ||
               hit->facts->n_targets / 2 >= story->told_targets ||
               has_multiplied(entry)) {
        kind = VIOLATION_KIND_UPDATE;
    } else {
        return;
    }
    if (!story->told && tracker->options.ids) {
        struct violation_key key = hit->key;

        name_segments(hit->facts, &key);
        violation_key_id(entry->kind, &key, story->violation.id);
    }
    emit(tracker, story, kind);
    story->told = true;
    story->told_at.ns = now;
    story->told_rank = outcome_rank(story->violation.outcome);
    story->told_count = story->violation.count;
    story->told_targets =
        hit->facts->n_targets ? hit->facts->n_targets : UINT64_MAX;
}

/* A flood is told again when it is ten times as large. */
static bool
has_multiplied(const struct violation_entry *entry)
{
    return entry->kind >= VIOLATION_ENTRY_SOURCES &&
           entry->story->violation.count / 10 >= entry->story->told_count;
}

/* For an id that is of segments, not of addresses. */
static void
name_segments(const struct violation_hit *facts, struct violation_key *key)
{
    key->src_name = policy_segment(facts->policy, facts->src_segment)->name;
    key->dst_name = policy_segment(facts->policy, facts->dst_segment)->name;
}

static int64_t
realert_of(const struct violation_tracker *tracker, const struct hit *hit)
{
    return hit->rule->realert_ns >= 0 ? hit->rule->realert_ns
                                      : tracker->options.realert_ns;
}

static void
emit(struct violation_tracker *tracker, struct violation_story *story,
     enum violation_kind kind)
{
    struct violation *violation = &story->violation;
    const struct policy *policy = violation->policy;
    const struct policy_segment *src =
        policy_segment(policy, violation->src_segment);
    const struct policy_segment *dst =
        policy_segment(policy, violation->dst_segment);
    uint32_t rule = violation->rule < 0 ? 0 : (uint32_t)violation->rule;

    violation->kind = kind;
    violation->score =
        violation_score(policy_rule(policy, rule)->severity, violation->outcome,
                        dst->criticality, src->external,
                        violation->src_segment == SEGMENT_UNKNOWN ||
                            violation->dst_segment == SEGMENT_UNKNOWN,
                        story->ambiguous);
    tracker->counters.told++;
    tracker->handler(tracker->context, violation);
    violation->count_since_last = 0;
}

/* The table is full: told as if it were the only one of its kind. */
static void
tell_untracked(struct violation_tracker *tracker, const struct hit *hit)
{
    struct violation_story story = {.ambiguous = hit->facts->ambiguous};

    violation_fill(&story.violation, hit);
    if (tracker->options.ids) {
        violation_key_id(VIOLATION_ENTRY_SINGLE, &hit->key, story.violation.id);
    }
    story.violation.count = story.violation.count_since_last = 1;
    story.violation.flow_ids[0] = hit->facts->flow_id;
    emit(tracker, &story, VIOLATION_KIND_NEW);
}

/* Everything but what an entry has gathered over its hits. */
static void
violation_fill(struct violation *violation, const struct hit *hit)
{
    const struct violation_hit *facts = hit->facts;

    violation->policy = facts->policy;
    violation->rule = facts->rule;
    violation->reason = facts->reason;
    violation->src = facts->src;
    violation->dst = facts->dst;
    violation->protocol = facts->protocol;
    violation->port = facts->port;
    violation->src_segment = facts->src_segment;
    violation->dst_segment = facts->dst_segment;
    violation->outcome = facts->outcome;
    violation->first_seen = violation->last_seen = facts->now;
    violation->suppressed = hit->suppressed;
    violation->staged = facts->staged;
    if (facts->all_dsts || facts->all_ports) {
        violation->all_dsts = facts->all_dsts;
        violation->all_ports = facts->all_ports;
        violation->n_targets = facts->n_targets;
    }
}

/* What the control let through.  Data adds nothing to established: either way
 * the control is broken. */
static unsigned
outcome_rank(enum flow_outcome outcome)
{
    return flow_outcome_rank(
        outcome == FLOW_OUTCOME_DATA ? FLOW_OUTCOME_ESTABLISHED : outcome);
}

static void
close_entry(void *context, struct violation_entry *entry)
{
    struct violation_tracker *tracker = context;

    if (entry->story && entry->story->told) {
        emit(tracker, entry->story, VIOLATION_KIND_CLOSED);
    }
}

/* Goes round, so that every entry gets its turn however often policies come. */
static void
follow_policy(struct violation_tracker *tracker)
{
    uint32_t last = violation_table_last(tracker->table);

    for (unsigned n = 0, closed = 0;
         tracker->to_follow && n < FOLLOW_ENTRIES && closed < FOLLOW_CLOSED;
         n++) {
        uint32_t number = tracker->followed < last ? tracker->followed + 1 : 1;
        struct violation_entry *entry =
            violation_table_at(tracker->table, number);

        tracker->followed = number;
        tracker->to_follow--;
        if (entry && !violation_follow_story(&tracker->follow, entry->story)) {
            close_entry(tracker, entry);
            violation_table_remove(tracker->table, number);
            closed++;
        }
    }
}
