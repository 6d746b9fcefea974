/* Who takes what a hidden rule would match. */

#include "rules/analysis/analysis_impl.h"

#include <stdlib.h>

enum {
    MAX_LEFT_WORDS = 1 << 23 /* Kept while looking for blockers. */
};

struct rival {
    uint64_t shared; /* Cells, over all pairs. */
    uint32_t rule;
};

/* A situation the hidden rule is in, and which of its cells are not covered. */
struct scene {
    const struct situation *situation;
    uint64_t *left; /* One word per word of the rule's cells. */
};

struct search {
    struct analysis *analysis;
    size_t rule;
    struct scene *scenes;
    size_t n_scenes;
    uint64_t *left;
    struct rival *rivals;
    size_t n_rivals;
};

static size_t choose(struct search *, uint32_t blockers[ANALYSIS_MAX_BLOCKERS]);
static bool search_scenes(struct search *);
static bool search_rivals(struct search *);
static void add_shared(const struct search *, const struct scene *,
                       uint64_t *shared);
static uint64_t cells_shared(const struct sparse *, const struct sparse *);
static int rival_order(const void *, const void *);
static bool rival_covers(struct search *, uint32_t rival);
static bool scene_cover(struct search *, struct scene *, uint32_t rival);
static bool search_over(const struct search *);
static bool decides_alike(const struct search *, uint32_t rival);

size_t
analysis_blockers(struct analysis *analysis, size_t rule,
                  uint32_t blockers[ANALYSIS_MAX_BLOCKERS])
{
    struct search search = {.analysis = analysis, .rule = rule};
    size_t n = 0;

    if (search_scenes(&search) && search_rivals(&search)) {
        n = choose(&search, blockers);
    }
    free(search.scenes);
    free(search.left);
    free(search.rivals);
    return n;
}

static size_t
choose(struct search *search, uint32_t blockers[ANALYSIS_MAX_BLOCKERS])
{
    const struct rival *rivals = search->rivals;
    bool alike = true;
    size_t n = 0;

    for (size_t i = 0; i < search->n_rivals && !search_over(search) &&
                       n < ANALYSIS_MAX_BLOCKERS;
         i++) {
        if (rival_covers(search, rivals[i].rule)) {
            blockers[n++] = rivals[i].rule;
            alike &= decides_alike(search, rivals[i].rule);
        }
    }
    for (size_t i = 0;
         alike && i < search->n_rivals && n < ANALYSIS_MAX_BLOCKERS; i++) {
        if (!decides_alike(search, rivals[i].rule)) {
            blockers[n++] = rivals[i].rule;
            alike = false;
        }
    }
    return n;
}

static bool
search_scenes(struct search *search)
{
    struct analysis *analysis = search->analysis;
    const struct sparse *cells = &analysis->cells[search->rule];
    size_t n = 0;

    for (size_t i = 0; i < analysis->n_situations; i++) {
        n += sparse_has(&analysis->situations[i].rules, search->rule);
    }
    if (n > MAX_LEFT_WORDS / (cells->n + 1)) {
        return false;
    }
    search->scenes = calloc(n + 1, sizeof *search->scenes);
    search->left = calloc(n * cells->n + 1, sizeof *search->left);
    if (!search->scenes || !search->left) {
        return false;
    }
    for (size_t i = 0; i < analysis->n_situations; i++) {
        struct scene *scene = &search->scenes[search->n_scenes];

        if (!sparse_has(&analysis->situations[i].rules, search->rule)) {
            continue;
        }
        scene->situation = &analysis->situations[i];
        scene->left = search->left + search->n_scenes * cells->n;
        for (size_t k = 0; k < cells->n; k++) {
            scene->left[k] = cells->words[k].bits;
        }
        search->n_scenes++;
    }
    return true;
}

static bool
search_rivals(struct search *search)
{
    uint64_t *shared = calloc(search->rule + 1, sizeof *shared);

    search->rivals = calloc(search->rule + 1, sizeof *search->rivals);
    if (!shared || !search->rivals) {
        free(shared);
        return false;
    }
    for (size_t i = 0; i < search->n_scenes; i++) {
        add_shared(search, &search->scenes[i], shared);
    }
    for (size_t i = 0; i < search->rule; i++) {
        if (shared[i]) {
            search->rivals[search->n_rivals++] =
                (struct rival){shared[i], (uint32_t)i};
        }
    }
    free(shared);
    qsort(search->rivals, search->n_rivals, sizeof *search->rivals,
          rival_order);
    return true;
}

/* Rules that never match themselves hide nothing. */
static void
add_shared(const struct search *search, const struct scene *scene,
           uint64_t *shared)
{
    const struct analysis *analysis = search->analysis;
    struct sparse_walk walk = {.set = &scene->situation->rules};
    bool hidden_staged = set_has(analysis->staged, search->rule);
    size_t rule;

    while (sparse_next(&walk, &rule) && rule < search->rule) {
        if (set_has(analysis->live, rule) &&
            (hidden_staged || !set_has(analysis->staged, rule)) &&
            analysis_rule_takes(analysis, &analysis->policy->rules[rule])) {
            shared[rule] += scene->situation->n_pairs *
                            cells_shared(&analysis->cells[rule],
                                         &analysis->cells[search->rule]);
        }
    }
}

static uint64_t
cells_shared(const struct sparse *a, const struct sparse *b)
{
    uint64_t n = 0;

    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        uint32_t x = a->words[i].at, y = b->words[k].at;

        if (x == y) {
            n += (uint64_t)__builtin_popcountll(a->words[i].bits &
                                                b->words[k].bits);
        }
        i += x <= y;
        k += y <= x;
    }
    return n;
}

/* The first of the largest. */
static int
rival_order(const void *a, const void *b)
{
    const struct rival *x = a, *y = b;

    if (x->shared != y->shared) {
        return x->shared > y->shared ? -1 : 1;
    }
    return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* True if it covered something that was not. */
static bool
rival_covers(struct search *search, uint32_t rival)
{
    bool covers = false;

    for (size_t i = 0; i < search->n_scenes; i++) {
        if (sparse_has(&search->scenes[i].situation->rules, rival)) {
            covers |= scene_cover(search, &search->scenes[i], rival);
        }
    }
    return covers;
}

static bool
scene_cover(struct search *search, struct scene *scene, uint32_t rival)
{
    const struct sparse *a = &search->analysis->cells[rival];
    const struct sparse *b = &search->analysis->cells[search->rule];
    uint64_t covered = 0;

    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        uint32_t x = a->words[i].at, y = b->words[k].at;

        if (x == y) {
            covered |= scene->left[k] & a->words[i].bits;
            scene->left[k] &= ~a->words[i].bits;
        }
        i += x <= y;
        k += y <= x;
    }
    return covered;
}

static bool
search_over(const struct search *search)
{
    size_t n = search->n_scenes * search->analysis->cells[search->rule].n;

    for (size_t i = 0; i < n; i++) {
        if (search->left[i]) {
            return false;
        }
    }
    return true;
}

static bool
decides_alike(const struct search *search, uint32_t rival)
{
    const struct policy_rule *a =
        &search->analysis->policy->rules[search->rule].shown;
    const struct policy_rule *b = &search->analysis->policy->rules[rival].shown;

    return a->action == b->action && a->log == b->log;
}
