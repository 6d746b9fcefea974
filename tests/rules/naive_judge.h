/* The policy language read aloud, S1 to S25: every prefix and every rule is
 * looked at, in order, every time.
 *
 * An oracle for everything between the YAML and the verdict.  It reads the
 * model the YAML was written from and shares no code with the loader, the
 * compiler and the judge: no rows, no ranges, no symbols.  Rules are numbered
 * as policy_rule() does. */

#ifndef TESTS_RULES_NAIVE_JUDGE_H
#define TESTS_RULES_NAIVE_JUDGE_H

#include "rules/judge/judge.h"
#include "tests/rules/random_flow.h"
#include "tests/rules/random_policy.h"

void naive_judge(const struct random_policy *, const struct random_flow *,
                 struct verdict *);

/* Of the flow's own ends. */
segment_id naive_locate(const struct random_policy *,
                        const struct random_flow *, bool dst);

/* What is wrong with 'verdict', as "near_miss is 3, not -1", in 'text'; false
 * if nothing is. */
bool naive_disagrees(const struct random_policy *, const struct random_flow *,
                     const struct verdict *, char *text, size_t size);

#endif
