/* How a verdict came about: every rule that names the two segments, in order,
 * and why it did not decide.  For people: costs as much as the policy is long.
 * Pure; any thread. */

#ifndef RULES_JUDGE_JUDGE_PATH_H
#define RULES_JUDGE_JUDGE_PATH_H

#include "rules/judge/judge.h"

enum {
    JUDGE_STEP_TEXT = 240
};

/* X(NAME, "text") */
#define JUDGE_STEPS(X)                                                         \
    X(FAILED, "failed")   /* 'condition' does not hold. */                     \
    X(TAGGED, "tagged")   /* A 'log' rule: leaves its mark, goes on. */        \
    X(STAGED, "staged")   /* Holds, but only shows what it would do. */        \
    X(OPEN, "open")       /* 'condition' depends on the application. */        \
    X(MATCHED, "matched") /* Decides, or shares in the decision. */

enum judge_step_kind {
#define JUDGE_STEP_ENUM(NAME, TEXT) JUDGE_STEP_##NAME,
    JUDGE_STEPS(JUDGE_STEP_ENUM)
#undef JUDGE_STEP_ENUM
};

struct judge_step {
    enum judge_step_kind kind;
    uint32_t rule; /* policy_rule() */
    bool reversed; /* By 'both_ways': the rule's 'to' is the initiator. */
    enum decision decision; /* If it holds; PENDING if that is open. */
    /* The first that fails or is open: "service", "when.sni", "expires",
     * "require.tls_min"; "" if none does. */
    const char *condition;
    char wanted[JUDGE_STEP_TEXT]; /* What would fulfil it. */
};

struct judge_path {
    struct question asked; /* As judged: turned round, or as quoted. */
    size_t n_rules;        /* Guardrails and rules that are not disabled. */
    size_t n_named;        /* Those that name the two segments. */
    bool walked;           /* False: no rule was asked (see the reason). */
    bool decided;          /* By a rule; else the pair or default did. */
};

/* Calls 'each' for every rule that names the segments, up to the one that
 * decides, and for the pair or default if none does.  'verdict' is that of
 * judge() for 'question'. */
void judge_explain(const struct policy *, const struct question *,
                   const struct verdict *, struct judge_path *,
                   void (*each)(void *context, const struct judge_step *),
                   void *context);

const char *judge_step_name(enum judge_step_kind);

#endif
