/* Counting what was exercised; see coverage.h. */

#include "rules/coverage.h"

#include "rules/judge/flow_test.h"
#include "rules/policy_impl.h"

#include <stdlib.h>
#include <string.h>

static void add_rule(struct coverage *, int32_t rule, enum decision);
static struct coverage_hits *find_cell(struct coverage *, segment_id src,
                                       segment_id dst);
static void merge_row(struct coverage *, segment_id src,
                      const struct coverage_hits *row);
static void merge_hits(struct coverage_hits *, const struct coverage_hits *);
static bool is_own(segment_id);

void
coverage_init(struct coverage *coverage, const struct policy *policy)
{
    *coverage = (struct coverage){.policy = policy};
    coverage->rules = calloc(policy->n_rules, sizeof *coverage->rules);
    coverage->rows = calloc(policy->n_segments, sizeof(struct coverage_hits *));
    coverage->out_of_memory = !coverage->rules || !coverage->rows;
}

void
coverage_done(struct coverage *coverage)
{
    for (size_t i = 0; coverage->rows && i < coverage->policy->n_segments;
         i++) {
        free(coverage->rows[i]);
    }
    free(coverage->rows);
    free(coverage->rules);
    *coverage = (struct coverage){.policy = NULL};
}

void
coverage_add(struct coverage *coverage, segment_id src, segment_id dst,
             const struct verdict *verdict)
{
    struct coverage_hits *cell = find_cell(coverage, src, dst);

    coverage->questions++;
    coverage->undecided += verdict->rule == VERDICT_NO_RULE;
    if (cell) {
        cell->decisions[verdict->decision]++;
    }
    add_rule(coverage, verdict->rule, verdict->decision);
    for (size_t i = 0; i < verdict->n_tags; i++) {
        add_rule(coverage, verdict->tags[i], DECISION_OBSERVE);
    }
    if (verdict->staged_rule != verdict->rule) {
        const struct rule *staged =
            verdict->staged_rule == VERDICT_NO_RULE
                ? NULL
                : &coverage->policy->rules[verdict->staged_rule];

        if (staged && staged->shown.mode == MODE_STAGED) {
            add_rule(coverage, verdict->staged_rule, verdict->staged_decision);
        }
    }
}

void
coverage_add_tests(struct coverage *coverage,
                   const struct application_engine *engine)
{
    const struct policy *policy = coverage->policy;

    for (size_t i = 0; i < policy->n_tests; i++) {
        struct question question;
        struct verdict verdict;
        struct flow_test flow;

        if (policy_test_question(policy, engine, &policy->tests[i], &flow,
                                 &question, NULL)) {
            judge(policy, &question, &verdict);
            coverage_add(coverage, question.src_segment, question.dst_segment,
                         &verdict);
        }
    }
}

void
coverage_merge(struct coverage *coverage, const struct coverage *other)
{
    const struct policy *policy = coverage->policy;

    coverage->questions += other->questions;
    coverage->undecided += other->undecided;
    coverage->out_of_memory |= other->out_of_memory;
    for (size_t i = 0; coverage->rules && other->rules && i < policy->n_rules;
         i++) {
        merge_hits(&coverage->rules[i], &other->rules[i]);
    }
    for (size_t src = 0; other->rows && src < policy->n_segments; src++) {
        if (other->rows[src]) {
            merge_row(coverage, (segment_id)src, other->rows[src]);
        }
    }
}

uint64_t
coverage_count(const struct coverage_hits *hits)
{
    uint64_t n = 0;

    for (size_t i = 0; i < COVERAGE_N_DECISIONS; i++) {
        n += hits->decisions[i];
    }
    return n;
}

void
coverage_rule(const struct coverage *coverage, uint32_t index,
              struct coverage_rule *shown)
{
    static const struct coverage_hits none;
    const struct rule *rule = &coverage->policy->rules[index];

    *shown = (struct coverage_rule){
        .rule = &rule->shown,
        .file = rule->at.file,
        .line = rule->at.line,
        .hits = coverage->rules ? &coverage->rules[index] : &none,
    };
    shown->n_hits = coverage_count(shown->hits);
    shown->counts = shown->rule->mode == MODE_ENFORCE &&
                    shown->rule->tier != TIER_DETECTOR &&
                    (coverage->policy->midstream == MIDSTREAM_IGNORE ||
                     index != policy_n_deciding(coverage->policy) - N_DEFAULTS +
                                  DEFAULT_MIDSTREAM);
    shown->unbroken = rule->requirements && shown->n_hits &&
                      !shown->hits->decisions[DECISION_DENY];
}

const struct coverage_hits *
coverage_cell(const struct coverage *coverage, segment_id src, segment_id dst)
{
    const struct coverage_hits *row =
        coverage->rows ? coverage->rows[src] : NULL;

    return row && coverage_count(&row[dst]) ? &row[dst] : NULL;
}

void
coverage_sum(const struct coverage *coverage, struct coverage_totals *totals)
{
    const struct policy *policy = coverage->policy;

    memset(totals, 0, sizeof *totals);
    for (uint32_t i = 0; i < policy_n_deciding(policy); i++) {
        struct coverage_share *tier;
        struct coverage_rule shown;

        coverage_rule(coverage, i, &shown);
        if (shown.counts) {
            tier = &totals->tiers[shown.rule->tier];
            tier->n++;
            totals->rules.n++;
            tier->exercised += shown.n_hits > 0;
            totals->rules.exercised += shown.n_hits > 0;
        }
    }
    for (size_t src = 0; src < policy->n_segments; src++) {
        for (size_t dst = 0; dst < policy->n_segments; dst++) {
            bool own = is_own((segment_id)src) && is_own((segment_id)dst);
            bool exercised =
                coverage_cell(coverage, (segment_id)src, (segment_id)dst);

            totals->cells.n += own;
            totals->cells.exercised += own && exercised;
            totals->other_cells += !own && exercised;
        }
    }
}

static void
add_rule(struct coverage *coverage, int32_t rule, enum decision decision)
{
    if (coverage->rules && rule != VERDICT_NO_RULE) {
        coverage->rules[rule].decisions[decision]++;
    }
}

static struct coverage_hits *
find_cell(struct coverage *coverage, segment_id src, segment_id dst)
{
    if (!coverage->rows) {
        return NULL;
    }
    if (!coverage->rows[src]) {
        coverage->rows[src] =
            calloc(coverage->policy->n_segments, sizeof(struct coverage_hits));
        coverage->out_of_memory |= !coverage->rows[src];
    }
    return coverage->rows[src] ? &coverage->rows[src][dst] : NULL;
}

static void
merge_row(struct coverage *coverage, segment_id src,
          const struct coverage_hits *row)
{
    struct coverage_hits *to = find_cell(coverage, src, 0);

    for (size_t dst = 0; to && dst < coverage->policy->n_segments; dst++) {
        merge_hits(&to[dst], &row[dst]);
    }
}

static void
merge_hits(struct coverage_hits *to, const struct coverage_hits *from)
{
    for (size_t i = 0; i < COVERAGE_N_DECISIONS; i++) {
        to->decisions[i] += from->decisions[i];
    }
}

/* What a policy is about: the rest is local to a link, or to a host. */
static bool
is_own(segment_id segment)
{
    return segment >= SEGMENT_N_BUILTIN || segment == SEGMENT_INTERNET ||
           segment == SEGMENT_UNKNOWN;
}
