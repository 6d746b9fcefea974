/* Which rules, and which cells of the matrix of segments, some judged questions
 * exercised: the tests of a policy, or the flows of a capture.
 *
 * A rule is exercised when it decides, or, if it only logs or is staged, when
 * it would leave its mark.  A rule that is enforced and never exercised is one
 * that nobody has seen work.  Detectors never decide and are left out.
 *
 * A coverage belongs to one thread; afterwards one may be added to another of
 * the same policy, which must outlive both.  Memory is bounded by the policy:
 * some numbers a rule, and a row of cells a segment that is a source. */

#ifndef RULES_COVERAGE_H
#define RULES_COVERAGE_H

#include "rules/judge/judge.h"

struct application_engine;

enum {
    COVERAGE_N_DECISIONS = DECISION_RELATED + 1,
    COVERAGE_N_TIERS = TIER_DEFAULT + 1
};

struct coverage_hits {
    uint64_t decisions[COVERAGE_N_DECISIONS];
};

struct coverage {
    const struct policy *policy; /* Borrowed. */
    uint64_t questions;
    uint64_t undecided;          /* Of these, without a rule that decides. */
    struct coverage_hits *rules; /* By policy_rule() index. */
    struct coverage_hits **rows; /* By source, then destination; NULL: none. */
    bool out_of_memory;          /* Some hits are missing. */
};

void coverage_init(struct coverage *, const struct policy *);
void coverage_done(struct coverage *);

/* One question between these segments and what was decided about it. */
void coverage_add(struct coverage *, segment_id src, segment_id dst,
                  const struct verdict *);
/* The questions of the tests that the policy carries, whether they pass or not;
 * those that are no question are left out. */
void coverage_add_tests(struct coverage *, const struct application_engine *);
void coverage_merge(struct coverage *, const struct coverage *other);

uint64_t coverage_count(const struct coverage_hits *);

/* One rule, and where it stands; 'line' is 0 for defaults. */
struct coverage_rule {
    const struct policy_rule *rule;
    const char *file;
    unsigned line;
    const struct coverage_hits *hits; /* Staged: what it would decide. */
    uint64_t n_hits;
    bool counts;   /* Enforced, and there is a question it decides. */
    bool unbroken; /* Has requirements; exercised, but never broken. */
};

void coverage_rule(const struct coverage *, uint32_t index,
                   struct coverage_rule *);

/* NULL if the cell was never exercised. */
const struct coverage_hits *coverage_cell(const struct coverage *,
                                          segment_id src, segment_id dst);

struct coverage_share {
    size_t n, exercised;
};

/* Shares of what can be exercised: rules that are enforced, and cells between
 * the policy's own segments, 'internet' and 'unknown'. */
struct coverage_totals {
    struct coverage_share tiers[COVERAGE_N_TIERS];
    struct coverage_share rules; /* Their sum. */
    struct coverage_share cells;
    size_t other_cells; /* Exercised, with another built-in segment. */
};

void coverage_sum(const struct coverage *, struct coverage_totals *);

#endif
