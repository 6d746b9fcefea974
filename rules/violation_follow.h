/* What a violation is called by another policy: the same rule and segments, by
 * name, under other numbers.
 *
 * Private to violation.c.  Holds the policy. */

#ifndef RULES_VIOLATION_FOLLOW_H
#define RULES_VIOLATION_FOLLOW_H

#include "rules/policy.h"
#include "rules/violation_table.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VIOLATION_FOLLOW_MEMO = 64
};

struct violation_follow {
    struct policy *policy; /* To be followed; NULL: none yet. */
    /* What was found last, by rule. */
    struct violation_followed {
        const struct policy *from; /* NULL: nothing. */
        int32_t rule, is;          /* -1: there is none. */
    } memo[VIOLATION_FOLLOW_MEMO];
};

void violation_follow_set(struct violation_follow *, const struct policy *);
void violation_follow_done(struct violation_follow *);

/* The story goes on under the policy.  False, and nothing has changed, if that
 * has no such rule or segment, or is one of another name. */
bool violation_follow_story(struct violation_follow *,
                            struct violation_story *);

#endif
