/* How often each rule was violated.
 *
 * Counted under the ids of the rules, for the whole run: when another policy
 * comes into force, rules that keep their ids go on counting.  All rules of a
 * policy are there from its start, those that object first, so that a reader
 * sees them at zero before they count.  What does not fit, of one policy or of
 * many that follow each other, is counted together.
 *
 * The thread of the desk writes; any other reads, without a lock.  Memory: the
 * struct, and a number for each rule of the policy. */

#ifndef TOOLS_RUNTIME_RULE_COUNTS_H
#define TOOLS_RUNTIME_RULE_COUNTS_H

#include "capture/counter.h"
#include "rules/names.h"
#include "rules/policy.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RULE_COUNTS_MAX = 1024, /* Rules counted apart. */
    RULE_COUNTS_BUCKETS = 2 * RULE_COUNTS_MAX,
    RULE_COUNTS_ID_SIZE = NAME_MAX_RULE_ID + 16 /* "pair:", "detect:", ... */
};

struct rule_count {
    char id[RULE_COUNTS_ID_SIZE]; /* Never changes once it is to be seen. */
    struct counter hits;          /* As in struct violation_counters. */
    struct counter told;
};

struct rule_counts {
    _Atomic size_t n; /* Of those that can be seen. */
    struct rule_count rule[RULE_COUNTS_MAX];
    struct rule_count other; /* Of rules not in 'rule'; its id is "". */

    /* The writer's own. */
    uint16_t bucket[RULE_COUNTS_BUCKETS]; /* By id; 'rule' from 1, 0: none. */
    const struct policy *policy;          /* That 'place' is of; borrowed. */
    uint16_t *place; /* Of each of its rules in 'rule', from 1; 0: other.  NULL
                      * without memory: they are looked for by their ids. */
};

/* NULL without memory. */
struct rule_counts *rule_counts_new(void);
void rule_counts_free(struct rule_counts *); /* Accepts NULL. */

/* Writer: another policy is in force; borrowed until the next call. */
void rule_counts_set_policy(struct rule_counts *, const struct policy *);

/* Writer: where to count for a rule of 'policy', which may be one that was in
 * force before. */
struct rule_count *rule_counts_at(struct rule_counts *, const struct policy *,
                                  int32_t rule);

#endif
