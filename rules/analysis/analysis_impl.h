/* What the files of the analysis share; see analysis.h.
 *
 * analysis_cells.c cuts services and applications, analysis_places.c endpoints,
 * analysis_walk.c walks the rules of every situation, analysis.c tells. */

#ifndef RULES_ANALYSIS_ANALYSIS_IMPL_H
#define RULES_ANALYSIS_ANALYSIS_IMPL_H

#include "rules/analysis/analysis.h"
#include "rules/policy_impl.h"

/* A set of bits of which only the words that are not zero are kept. */
struct sparse_word {
    uint32_t at;
    uint64_t bits;
};

struct sparse {
    const struct sparse_word *words; /* In ascending order. */
    size_t n;
};

/* All pairs of endpoint classes to which the same rules and the same default
 * apply. */
struct situation {
    struct sparse rules;
    uint64_t hash;
    uint32_t n_pairs;
    enum decision fallback;
};

struct analysis {
    const struct policy *policy;
    struct arena arena;
    size_t n_rules, n_rule_words; /* Guardrails and rules. */

    size_t n_cells, n_cell_words;
    uint32_t opaque;      /* Conditions that have no cells. */
    struct sparse *cells; /* Per rule: services by applications. */

    bool *populated; /* Per segment: owns an address. */
    struct situation *situations;
    size_t n_situations;

    /* Sets of rules. */
    uint64_t *matchable, *live, *needed, *staged;
    uint64_t *left; /* Scratch, n_cell_words. */
    bool too_large;
};

/* True if the rule, where it is seen, takes every flow in its cells. */
bool analysis_rule_takes(const struct analysis *, const struct rule *);

/* False when out of memory, or over a limit, which sets 'too_large'. */
bool analysis_cut_cells(struct analysis *);
bool analysis_cut_places(struct analysis *);
bool analysis_walk(struct analysis *);

/* The rules that take what a hidden one would match: those that share most
 * cells with it first, until all are covered; then one that decides otherwise,
 * if none of these does.  Returns their number, at most ANALYSIS_MAX_BLOCKERS;
 * 0 also when out of memory. */
size_t analysis_blockers(struct analysis *, size_t rule,
                         uint32_t blockers[ANALYSIS_MAX_BLOCKERS]);

/* Room within the limits; NULL otherwise. */
void *analysis_alloc(struct analysis *, size_t n, size_t size);

/* The words of 'bits' that are not zero, in 'room' for 'n_words'. */
struct sparse sparse_pack(const uint64_t *bits, size_t n_words,
                          struct sparse_word *room);
bool sparse_keep(struct analysis *, const struct sparse *, struct sparse *copy);
/* The bits in ascending order; begin with {.set = ...}. */
struct sparse_walk {
    const struct sparse *set;
    size_t next, at;
    uint64_t bits;
};
bool sparse_next(struct sparse_walk *, size_t *bit);
bool sparse_has(const struct sparse *, size_t bit);
uint64_t sparse_hash(const struct sparse *);
bool sparse_equal(const struct sparse *, const struct sparse *);

#endif
