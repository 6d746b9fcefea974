/* The policy language read aloud: every rule is looked at, in order, every
 * time.
 *
 * An oracle for the compiled judge.  It shares only the model of a policy with
 * it, no code: no rows, no indexes, no candidates kept as bits. */

#ifndef TESTS_RULES_NAIVE_JUDGE_H
#define TESTS_RULES_NAIVE_JUDGE_H

#include "rules/judge.h"

struct naive_verdict {
    enum decision decision, staged_decision;
    int32_t rule, staged_rule;
    enum verdict_reason reason;
    bool ambiguous;
};

void naive_judge(const struct policy *, const struct question *,
                 struct naive_verdict *);

#endif
