/* The rules of every situation, in order, over the cells that are left; where
 * there are staged rules a second time with them, as they are judged.
 *
 * Forward, a rule is alive if it meets a cell that no rule before it has taken
 * for certain.  Backward, it changes something if some cell it meets could be
 * decided otherwise by what comes after it.  A situation all of whose rules are
 * known to be alive and to change something has nothing to add, and is
 * skipped; most are. */

#include "rules/analysis/analysis_impl.h"

#include <stdlib.h>

enum {
    N_DECISIONS = DECISION_OBSERVE + 1,
    CONDITIONS_CUT = 1U << CONDITION_FROM_ADDR | 1U << CONDITION_TO_ADDR |
                     1U << CONDITION_IP_VERSION | 1U << CONDITION_APP |
                     1U << CONDITION_APP_CATEGORY | 1U << CONDITION_TLS_VERSION
};

/* The cells each rule of one situation meets, until the walk back. */
struct meeting {
    struct sparse_word *words;
    size_t n, capacity;
};

struct walker {
    struct analysis *analysis;
    uint64_t *next[N_DECISIONS]; /* Cells that may be decided so later. */
    struct meeting met;
    struct {
        uint32_t rule;
        size_t first; /* In 'met'. */
    } * steps;
    size_t n_steps;
};

static void find_live(struct analysis *, const struct situation *);
static bool find_needed(struct walker *, const struct situation *);
static void walk_forward(struct analysis *, const struct situation *,
                         bool staged);
static bool take(struct analysis *, size_t rule);
static bool walk_back(struct walker *, const struct situation *, bool staged);
static bool meet(struct walker *, const struct situation *, bool staged);
static bool is_seen(const struct rule *, bool staged);
static bool has_staged(const struct analysis *, const struct situation *);
static bool meet_rule(struct walker *, uint32_t rule);
static void look_back(struct walker *, size_t step);
static bool may_differ(const struct walker *, size_t step);
static bool walker_init(struct walker *);
static bool subset(const struct sparse *, const uint64_t *a, const uint64_t *b);
static bool rule_is_judged(const struct rule *);

bool
analysis_rule_takes(const struct analysis *analysis, const struct rule *rule)
{
    uint32_t open = (uint32_t)~CONDITIONS_CUT | analysis->opaque;

    return !rule->shown.log && !(rule->conditions & open) &&
           rule->shown.starts.ns == INT64_MIN &&
           rule->shown.expires.ns == INT64_MAX;
}

bool
analysis_walk(struct analysis *analysis)
{
    struct walker walker = {.analysis = analysis};
    bool good = walker_init(&walker);

    for (size_t i = 0; i < analysis->n_rules; i++) {
        if (!rule_is_judged(&analysis->policy->rules[i])) {
            set_add(analysis->needed, i);
        }
    }
    for (size_t i = 0; good && i < analysis->n_situations; i++) {
        find_live(analysis, &analysis->situations[i]);
    }
    for (size_t i = 0; good && i < analysis->n_situations; i++) {
        good = find_needed(&walker, &analysis->situations[i]);
    }
    free(walker.met.words);
    free(walker.steps);
    return good;
}

static void
find_live(struct analysis *analysis, const struct situation *situation)
{
    if (subset(&situation->rules, analysis->live, analysis->live)) {
        return;
    }
    walk_forward(analysis, situation, false);
    if (has_staged(analysis, situation)) {
        walk_forward(analysis, situation, true);
    }
}

static bool
find_needed(struct walker *walker, const struct situation *situation)
{
    const struct analysis *analysis = walker->analysis;

    return subset(&situation->rules, analysis->needed, analysis->live) ||
           (walk_back(walker, situation, false) &&
            (!has_staged(analysis, situation) ||
             walk_back(walker, situation, true)));
}

/* True if every rule is in 'a' or, from the second walk on, not in 'b'. */
static bool
subset(const struct sparse *rules, const uint64_t *a, const uint64_t *b)
{
    for (size_t i = 0; i < rules->n; i++) {
        uint64_t asked = rules->words[i].bits;

        if (a != b) {
            asked &= b[rules->words[i].at];
        }
        if (asked & ~a[rules->words[i].at]) {
            return false;
        }
    }
    return true;
}

static bool
walker_init(struct walker *walker)
{
    struct analysis *analysis = walker->analysis;

    for (size_t i = 0; i < N_DECISIONS; i++) {
        walker->next[i] =
            analysis_alloc(analysis, analysis->n_cell_words, sizeof(uint64_t));
        if (!walker->next[i]) {
            return false;
        }
    }
    walker->steps = calloc(analysis->n_rules + 1, sizeof *walker->steps);
    return walker->steps;
}

/* What decides: the rules enforced, and in the second result the staged ones.
 */
static bool
is_seen(const struct rule *rule, bool staged)
{
    return rule->shown.mode == MODE_ENFORCE ||
           (staged && rule->shown.mode == MODE_STAGED);
}

static bool
has_staged(const struct analysis *analysis, const struct situation *situation)
{
    for (size_t i = 0; i < situation->rules.n; i++) {
        const struct sparse_word *word = &situation->rules.words[i];

        if (word->bits & analysis->staged[word->at]) {
            return true;
        }
    }
    return false;
}

static void
walk_forward(struct analysis *analysis, const struct situation *situation,
             bool staged)
{
    struct sparse_walk walk = {.set = &situation->rules};
    size_t rule;

    memset(analysis->left, 0xff,
           analysis->n_cell_words * sizeof *analysis->left);
    while (sparse_next(&walk, &rule)) {
        const struct rule *one = &analysis->policy->rules[rule];

        if (!is_seen(one, staged)) {
            continue;
        }
        if (analysis->cells[rule].n) {
            set_add(analysis->matchable, rule);
        }
        if (take(analysis, rule) &&
            staged == (one->shown.mode == MODE_STAGED)) {
            set_add(analysis->live, rule);
        }
    }
}

/* True if the rule meets anything that is left. */
static bool
take(struct analysis *analysis, size_t rule)
{
    const struct sparse *cells = &analysis->cells[rule];
    bool takes = analysis_rule_takes(analysis, &analysis->policy->rules[rule]);
    uint64_t met = 0;

    for (size_t k = 0; k < cells->n; k++) {
        uint64_t *left = &analysis->left[cells->words[k].at];

        met |= *left & cells->words[k].bits;
        *left &= takes ? ~cells->words[k].bits : UINT64_MAX;
    }
    return met;
}

/* Dead rules are left out: nothing changes without them. */
static bool
walk_back(struct walker *walker, const struct situation *situation, bool staged)
{
    size_t size = walker->analysis->n_cell_words * sizeof(uint64_t);

    if (!meet(walker, situation, staged)) {
        return false;
    }
    for (size_t i = 0; i < N_DECISIONS; i++) {
        memset(walker->next[i], i == (size_t)situation->fallback ? 0xff : 0,
               size);
    }
    for (size_t step = walker->n_steps; step-- > 0;) {
        look_back(walker, step);
    }
    return true;
}

static bool
meet(struct walker *walker, const struct situation *situation, bool staged)
{
    struct analysis *analysis = walker->analysis;
    struct sparse_walk walk = {.set = &situation->rules};
    bool good = true;
    size_t rule;

    memset(analysis->left, 0xff,
           analysis->n_cell_words * sizeof *analysis->left);
    walker->met.n = walker->n_steps = 0;
    while (good && sparse_next(&walk, &rule)) {
        const struct rule *one = &analysis->policy->rules[rule];

        if (set_has(analysis->live, rule) && is_seen(one, staged) &&
            !one->shown.log) {
            good = meet_rule(walker, (uint32_t)rule);
        }
    }
    return good;
}

static bool
meet_rule(struct walker *walker, uint32_t rule)
{
    struct analysis *analysis = walker->analysis;
    const struct sparse *cells = &analysis->cells[rule];
    bool takes = analysis_rule_takes(analysis, &analysis->policy->rules[rule]);
    struct meeting *met = &walker->met;

    if (met->n + cells->n > met->capacity) {
        size_t capacity = 2 * met->capacity + cells->n;
        struct sparse_word *larger;

        if (capacity > ANALYSIS_MAX_BYTES / sizeof *larger) {
            analysis->too_large = true;
            return false;
        }
        larger = realloc(met->words, capacity * sizeof *larger);
        if (!larger) {
            return false;
        }
        met->words = larger;
        met->capacity = capacity;
    }
    walker->steps[walker->n_steps].rule = rule;
    walker->steps[walker->n_steps++].first = met->n;
    for (size_t k = 0; k < cells->n; k++) {
        struct sparse_word word = cells->words[k];

        word.bits &= analysis->left[word.at];
        met->words[met->n] = word;
        met->n += word.bits != 0;
        if (takes) {
            analysis->left[word.at] &= ~word.bits;
        }
    }
    return true;
}

static void
look_back(struct walker *walker, size_t step)
{
    struct analysis *analysis = walker->analysis;
    uint32_t number = walker->steps[step].rule;
    const struct rule *rule = &analysis->policy->rules[number];
    const struct sparse *cells = &analysis->cells[number];
    bool takes = analysis_rule_takes(analysis, rule);

    if (!set_has(analysis->needed, number) && may_differ(walker, step)) {
        set_add(analysis->needed, number);
    }
    for (size_t k = 0; k < cells->n; k++) {
        const struct sparse_word *word = &cells->words[k];

        for (size_t i = 0; takes && i < N_DECISIONS; i++) {
            walker->next[i][word->at] &= ~word->bits;
        }
        walker->next[rule->shown.action][word->at] |= word->bits;
        if (rule->requirements) {
            walker->next[DECISION_DENY][word->at] |= word->bits;
        }
    }
}

/* A guardrail is there for the rules that are not written yet, and what decides
 * in two ways does not decide like anything else. */
static bool
rule_is_judged(const struct rule *rule)
{
    return rule->shown.mode == MODE_ENFORCE && !rule->shown.log &&
           rule->shown.tier == TIER_RULE && !rule->requirements;
}

static bool
may_differ(const struct walker *walker, size_t step)
{
    const struct meeting *met = &walker->met;
    uint32_t number = walker->steps[step].rule;
    enum decision action = walker->analysis->policy->rules[number].shown.action;
    size_t end =
        step + 1 < walker->n_steps ? walker->steps[step + 1].first : met->n;

    for (size_t k = walker->steps[step].first; k < end; k++) {
        uint64_t otherwise = 0;

        for (size_t i = 0; i < N_DECISIONS; i++) {
            otherwise |=
                i == (size_t)action ? 0 : walker->next[i][met->words[k].at];
        }
        if (otherwise & met->words[k].bits) {
            return true;
        }
    }
    return false;
}
