/* Tells what the walks found; see analysis.h. */

#include "rules/analysis/analysis.h"

#include "rules/analysis/analysis_impl.h"
#include "rules/problems.h"

#include <stdio.h>

enum {
    BLOCKERS_NAMED = 4, /* In a message; the problem lists them all. */
    BLOCKERS_TEXT = 4 * 72 + 40,
    SHADOWED_TEXT = BLOCKERS_TEXT + 140
};

static bool analyze_rules(struct analysis *);
static void tell_rule(struct analysis *, size_t number, struct problems *);
static void tell_shadowed(struct analysis *, size_t number, struct problems *);
static void tell_segments(const struct analysis *, struct problems *);
static void name_blockers(const struct policy *, const uint32_t *blockers,
                          size_t n, char text[BLOCKERS_TEXT]);
static struct problem *tell(struct problems *, enum problem_severity,
                            const char *code, const struct rule *,
                            const char *text);

void
policy_analyze(const struct policy *policy, struct problems *problems)
{
    struct analysis analysis = {.policy = policy,
                                .n_rules = policy->n_own,
                                .n_rule_words = policy->n_own / 64 + 1};
    bool walked = analyze_rules(&analysis);

    if (walked) {
        tell_segments(&analysis, problems);
        for (size_t i = 0; i < policy->n_own; i++) {
            tell_rule(&analysis, i, problems);
        }
    } else {
        problems_add(problems, PROBLEM_WARNING, "W-ANALYSIS", "", 0, 0,
                     "hidden rules were not looked for: %s",
                     analysis.too_large ? "the rules tell too much apart"
                                        : "out of memory");
    }
    arena_done(&analysis.arena);
}

void *
analysis_alloc(struct analysis *analysis, size_t n, size_t size)
{
    if (n > ANALYSIS_MAX_BYTES / size ||
        analysis->arena.bytes > ANALYSIS_MAX_BYTES - n * size) {
        analysis->too_large = true;
        return NULL;
    }
    return arena_array(&analysis->arena, n + 1, size);
}

struct sparse
sparse_pack(const uint64_t *bits, size_t n_words, struct sparse_word *room)
{
    struct sparse sparse = {room, 0};

    for (size_t i = 0; i < n_words; i++) {
        room[sparse.n] = (struct sparse_word){(uint32_t)i, bits[i]};
        sparse.n += bits[i] != 0;
    }
    return sparse;
}

bool
sparse_keep(struct analysis *analysis, const struct sparse *sparse,
            struct sparse *copy)
{
    struct sparse_word *words =
        analysis_alloc(analysis, sparse->n, sizeof *words);

    if (words && sparse->n) {
        memcpy(words, sparse->words, sparse->n * sizeof *words);
    }
    *copy = (struct sparse){words, sparse->n};
    return words;
}

bool
sparse_has(const struct sparse *sparse, size_t bit)
{
    size_t low = 0, high = sparse->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (sparse->words[middle].at < bit / 64) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sparse->n && sparse->words[low].at == bit / 64 &&
           (sparse->words[low].bits >> bit % 64 & 1);
}

bool
sparse_next(struct sparse_walk *walk, size_t *bit)
{
    while (!walk->bits) {
        if (walk->next == walk->set->n) {
            return false;
        }
        walk->at = walk->set->words[walk->next].at;
        walk->bits = walk->set->words[walk->next++].bits;
    }
    *bit = walk->at * 64 + (size_t)__builtin_ctzll(walk->bits);
    walk->bits &= walk->bits - 1;
    return true;
}

uint64_t
sparse_hash(const struct sparse *sparse)
{
    uint64_t hash = sparse->n;

    for (size_t i = 0; i < sparse->n; i++) {
        hash = (hash ^ sparse->words[i].bits ^
                (uint64_t)sparse->words[i].at << 40) *
               UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

bool
sparse_equal(const struct sparse *a, const struct sparse *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->words[i].at != b->words[i].at ||
            a->words[i].bits != b->words[i].bits) {
            return false;
        }
    }
    return true;
}

static bool
analyze_rules(struct analysis *analysis)
{
    size_t n = analysis->n_rules, n_words = analysis->n_rule_words;

    analysis->cells = analysis_alloc(analysis, n, sizeof *analysis->cells);
    analysis->populated = analysis_alloc(analysis, analysis->policy->n_segments,
                                         sizeof *analysis->populated);
    analysis->matchable = analysis_alloc(analysis, n_words, sizeof(uint64_t));
    analysis->live = analysis_alloc(analysis, n_words, sizeof(uint64_t));
    analysis->needed = analysis_alloc(analysis, n_words, sizeof(uint64_t));
    analysis->staged = analysis_alloc(analysis, n_words, sizeof(uint64_t));
    if (!analysis->cells || !analysis->populated || !analysis->matchable ||
        !analysis->live || !analysis->needed || !analysis->staged ||
        !analysis_cut_cells(analysis) || !analysis_cut_places(analysis)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (analysis->policy->rules[i].shown.mode == MODE_STAGED) {
            set_add(analysis->staged, i);
        }
    }
    analysis->left =
        analysis_alloc(analysis, analysis->n_cell_words, sizeof(uint64_t));
    return analysis->left && analysis_walk(analysis);
}

static void
tell_segments(const struct analysis *analysis, struct problems *problems)
{
    const struct policy *policy = analysis->policy;

    for (size_t i = SEGMENT_N_BUILTIN; i < policy->n_segments; i++) {
        const struct segment *segment = &policy->segments[i];

        if (!analysis->populated[i]) {
            problems_add(problems, PROBLEM_WARNING, "W-SEG-EMPTY",
                         segment->at.file, segment->at.line, segment->at.column,
                         "segment '%s' is empty: other segments claim all of "
                         "its addresses with longer prefixes",
                         segment->shown.name);
        }
    }
}

static void
tell_rule(struct analysis *analysis, size_t number, struct problems *problems)
{
    const struct rule *rule = &analysis->policy->rules[number];

    if (rule->shown.mode == MODE_DISABLED) {
        return;
    }
    if (!set_has(analysis->matchable, number)) {
        tell(problems, PROBLEM_WARNING, "W-UNMATCHABLE", rule,
             "can match nothing: no address, service and application meet all "
             "of it");
    } else if (!set_has(analysis->live, number)) {
        tell_shadowed(analysis, number, problems);
    } else if (!set_has(analysis->needed, number)) {
        tell(problems, PROBLEM_INFO, "W-REDUNDANT", rule,
             "changes nothing: without it every flow is decided the same, once "
             "rules that never match are gone");
    }
}

static void
tell_shadowed(struct analysis *analysis, size_t number,
              struct problems *problems)
{
    const struct rule *rules = analysis->policy->rules, *rule = &rules[number];
    uint32_t blockers[ANALYSIS_MAX_BLOCKERS];
    bool different = false, guarded = false;
    char names[BLOCKERS_TEXT] = "rules before it";
    char text[SHADOWED_TEXT];
    struct problem *problem;
    size_t n = 0;

    if (problems_wants(problems, PROBLEM_WARNING)) {
        n = analysis_blockers(analysis, number, blockers);
    }
    for (size_t i = 0; i < n; i++) {
        const struct rule *blocker = &rules[blockers[i]];

        different |= blocker->shown.action != rule->shown.action ||
                     blocker->shown.log != rule->shown.log;
        guarded |= blocker->shown.tier == TIER_GUARDRAIL;
    }
    name_blockers(analysis->policy, blockers, n, names);
    snprintf(text, sizeof text, "never matches: %s %s all it would match%s",
             names, n == 1 ? "takes" : "take",
             !different ? ""
             : n == 1   ? ", and decides otherwise"
                        : ", and not all decide as it would");
    problem = tell(problems, PROBLEM_WARNING, "W-SHADOWED", rule, text);
    for (size_t i = 0; problem && i < n; i++) {
        problem_add_blocker(problem, rules[blockers[i]].shown.id);
        problem->different_action = different;
    }
    if (!guarded || !rule->shown.ticket[0]) {
        return;
    }
    snprintf(text, sizeof text,
             "is an exception without effect: no rule comes before guardrails, "
             "and %s %s all it would match",
             names, n == 1 ? "takes" : "take");
    problem = tell(problems, PROBLEM_WARNING, "W-EXC-BLOCKED", rule, text);
    for (size_t i = 0; problem && i < n; i++) {
        problem_add_blocker(problem, rules[blockers[i]].shown.id);
        problem->different_action = different;
    }
}

static void
name_blockers(const struct policy *policy, const uint32_t *blockers, size_t n,
              char text[BLOCKERS_TEXT])
{
    size_t used = 0;

    for (size_t i = 0; i < n && i < BLOCKERS_NAMED; i++) {
        const char *before = i == 0 ? "" : i + 1 == n ? " and " : ", ";

        used += (size_t)snprintf(text + used, BLOCKERS_TEXT - used, "%s'%s'",
                                 before, policy->rules[blockers[i]].shown.id);
    }
    if (n > BLOCKERS_NAMED) {
        snprintf(text + used, BLOCKERS_TEXT - used, " and %zu more",
                 n - BLOCKERS_NAMED);
    }
}

static struct problem *
tell(struct problems *problems, enum problem_severity severity,
     const char *code, const struct rule *rule, const char *text)
{
    struct problem *problem =
        problems_add(problems, severity, code, rule->at.file, rule->at.line,
                     rule->at.column, "'%s' %s", rule->shown.id, text);

    problem_set_rule(problem, rule->shown.id);
    return problem;
}
