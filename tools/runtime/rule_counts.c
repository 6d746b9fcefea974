/* Violations by rule; see rule_counts.h.
 *
 * Ids are looked for when a policy comes into force, not when a flow violates
 * it. */

#include "tools/runtime/rule_counts.h"

#include <stdlib.h>
#include <string.h>

static void add_rules(struct rule_counts *, const struct policy *,
                      bool objecting);
static bool objects(const struct policy_rule *);
static uint16_t add(struct rule_counts *, const char *id);
static uint16_t find(const struct rule_counts *, const char *id,
                     size_t *bucket);
static size_t hash(const char *id);

struct rule_counts *
rule_counts_new(void)
{
    return calloc(1, sizeof(struct rule_counts));
}

void
rule_counts_free(struct rule_counts *counts)
{
    if (counts) {
        free(counts->place);
        free(counts);
    }
}

void
rule_counts_set_policy(struct rule_counts *counts, const struct policy *policy)
{
    free(counts->place);
    counts->place = calloc(policy_n_rules(policy) + 1, sizeof *counts->place);
    counts->policy = policy;
    add_rules(counts, policy, true);
    add_rules(counts, policy, false);
}

struct rule_count *
rule_counts_at(struct rule_counts *counts, const struct policy *policy,
               int32_t rule)
{
    uint16_t place = 0;
    size_t bucket;

    if (rule >= 0 && policy == counts->policy && counts->place) {
        place = counts->place[rule];
    } else if (rule >= 0) {
        place = find(counts, policy_rule(policy, (uint32_t)rule)->id, &bucket);
    }
    return place ? &counts->rule[place - 1] : &counts->other;
}

static void
add_rules(struct rule_counts *counts, const struct policy *policy,
          bool objecting)
{
    for (uint32_t i = 0; i < policy_n_rules(policy); i++) {
        const struct policy_rule *rule = policy_rule(policy, i);
        bool is_wanted = rule->mode != MODE_DISABLED && !rule->log &&
                         objects(rule) == objecting;
        uint16_t place = is_wanted ? add(counts, rule->id) : 0;

        if (place && counts->place) {
            counts->place[i] = place;
        }
    }
}

/* Others do where what they require is not so. */
static bool
objects(const struct policy_rule *rule)
{
    return rule->action == DECISION_DENY || rule->action == DECISION_ALERT ||
           rule->tier == TIER_DETECTOR;
}

/* From 1; 0 if there is no room. */
static uint16_t
add(struct rule_counts *counts, const char *id)
{
    size_t n = atomic_load_explicit(&counts->n, memory_order_relaxed);
    size_t bucket;
    uint16_t place = find(counts, id, &bucket);
    size_t size = strlen(id) + 1;

    if (place || n == RULE_COUNTS_MAX || size > RULE_COUNTS_ID_SIZE) {
        return place;
    }
    memcpy(counts->rule[n].id, id, size);
    counts->bucket[bucket] = (uint16_t)(n + 1);
    atomic_store_explicit(&counts->n, n + 1, memory_order_release);
    return (uint16_t)(n + 1);
}

/* 0 if it is not there; then '*bucket' is where it would be. */
static uint16_t
find(const struct rule_counts *counts, const char *id, size_t *bucket)
{
    size_t at = hash(id) % RULE_COUNTS_BUCKETS;

    while (counts->bucket[at] &&
           strcmp(counts->rule[counts->bucket[at] - 1].id, id) != 0) {
        at = (at + 1) % RULE_COUNTS_BUCKETS;
    }
    *bucket = at;
    return counts->bucket[at];
}

/* FNV-1a: ids are the operator's own. */
static size_t
hash(const char *id)
{
    uint64_t value = UINT64_C(14695981039346656037);

    for (; *id; id++) {
        value = (value ^ (uint8_t)*id) * UINT64_C(1099511628211);
    }
    return (size_t)(value ^ value >> 32);
}
