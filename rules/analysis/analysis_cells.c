/* Services and applications, cut where some rule begins or stops to match.
 *
 * A cell is one range of a service space with one kind of application.  Its
 * number is service * n_kinds + kind, so that what a rule matches is mostly a
 * few words of one long row of bits.  An application's kind is which sets of
 * names it is in; where rules look at categories or TLS versions as well, kinds
 * are multiplied by them. */

#include "rules/analysis/analysis_impl.h"

#include <stdlib.h>

enum {
    N_TLS_RANKS = 6, /* As tls_rank(). */
    KIND_NONE = 0    /* No payload; the other kinds follow. */
};

struct cutter {
    struct analysis *analysis;
    uint32_t *edges[SERVICE_N_SPACES]; /* Sorted; where ranges begin. */
    size_t n_edges[SERVICE_N_SPACES], first_range[SERVICE_N_SPACES];
    size_t n_services;

    const struct app_set **sets; /* Distinct ones. */
    uint32_t *set_of;            /* Per rule. */
    size_t n_sets, n_set_words;
    uint64_t *set_rows;   /* Per symbol: the sets that name it. */
    uint64_t *kinds;      /* Per kind: its sets. */
    uint64_t *kind;       /* The one being looked up. */
    uint32_t *kind_slots; /* By hash: kind + 1. */
    size_t n_kinds, n_categories, n_versions, n_variants;

    uint64_t *bits; /* The rule being cut. */
    struct sparse_word *packed;
    uint64_t *variants;   /* Its kinds. */
    uint32_t *rule_slots; /* By hash: rule + 1. */
    size_t n_rule_slots;
};

enum {
    KIND_SLOTS = 4 * ANALYSIS_MAX_APPS
};

static const uint8_t own_spaces[] = {1, 6, 17, 58, 132};

static bool cut_services(struct cutter *);
static void cut_space(struct cutter *, enum service_space);
static bool gather_sets(struct cutter *);
static bool app_set_equal(const struct app_set *, const struct app_set *);
static bool cut_apps(struct cutter *);
static void name_sets(struct cutter *);
static bool intern_kind(struct cutter *);
static void pair_kind(struct cutter *, uint16_t master, uint16_t name);
static void ignore_apps(struct cutter *);
static bool choose_variants(struct cutter *);
static void rule_variants(struct cutter *, size_t rule);
static bool variant_matches(const struct cutter *, size_t number,
                            size_t variant);
static bool cut_rule(struct cutter *, size_t number);
static void add_range(struct cutter *, size_t first, size_t end, bool all);
static bool share_cells(struct cutter *, size_t number);
static void cut_any(struct cutter *, bool all);
static size_t add_edges(const struct rule *, enum service_space,
                        uint32_t *edges);
static bool names_pair(const struct app_set *, uint16_t master, uint16_t name);
static int edge_order(const void *, const void *);
static size_t range_at(const struct cutter *, enum service_space,
                       uint32_t position);

bool
analysis_cut_cells(struct analysis *analysis)
{
    struct cutter cutter = {.analysis = analysis};
    bool good = cut_services(&cutter) && gather_sets(&cutter) &&
                cut_apps(&cutter) && choose_variants(&cutter);

    for (size_t i = 0; good && i < analysis->n_rules; i++) {
        if (analysis->policy->rules[i].shown.mode != MODE_DISABLED) {
            good = cut_rule(&cutter, i);
        }
    }
    return good;
}

static bool
cut_services(struct cutter *cutter)
{
    struct analysis *analysis = cutter->analysis;
    size_t n = 2 + 2 * sizeof own_spaces;

    for (size_t i = 0; i < analysis->n_rules; i++) {
        n += 2 * analysis->policy->rules[i].n_terms;
    }
    for (unsigned space = 0; space < SERVICE_N_SPACES; space++) {
        cutter->edges[space] = analysis_alloc(analysis, n, sizeof(uint32_t));
        if (!cutter->edges[space]) {
            return false;
        }
        cut_space(cutter, (enum service_space)space);
    }
    return true;
}

static void
cut_space(struct cutter *cutter, enum service_space space)
{
    const struct policy *policy = cutter->analysis->policy;
    uint32_t *edges = cutter->edges[space];
    uint32_t end = space == SERVICE_PROTOCOL ? 256 : 65536;
    size_t n = 0, kept = 0;

    edges[n++] = 0;
    for (size_t i = 0; space == SERVICE_PROTOCOL && i < sizeof own_spaces;
         i++) {
        edges[n++] = own_spaces[i];
        edges[n++] = own_spaces[i] + 1U;
    }
    for (size_t i = 0; i < cutter->analysis->n_rules; i++) {
        n += add_edges(&policy->rules[i], space, edges + n);
    }
    qsort(edges, n, sizeof *edges, edge_order);
    for (size_t i = 0; i < n && edges[i] < end; i++) {
        if (kept == 0 || edges[i] != edges[kept - 1]) {
            edges[kept++] = edges[i];
        }
    }
    cutter->n_edges[space] = kept;
    cutter->first_range[space] = cutter->n_services;
    cutter->n_services += kept;
}

static size_t
add_edges(const struct rule *rule, enum service_space space, uint32_t *edges)
{
    size_t n = 0;

    for (size_t t = 0; t < rule->n_terms; t++) {
        if (rule->terms[t].space == space) {
            edges[n++] = rule->terms[t].first;
            edges[n++] = rule->terms[t].last + 1U;
        }
    }
    return n;
}

static bool
gather_sets(struct cutter *cutter)
{
    struct analysis *analysis = cutter->analysis;
    const struct policy *policy = analysis->policy;

    cutter->sets = analysis_alloc(analysis, analysis->n_rules,
                                  sizeof(const struct app_set *));
    cutter->set_of =
        analysis_alloc(analysis, analysis->n_rules, sizeof *cutter->set_of);
    if (!cutter->sets || !cutter->set_of) {
        return false;
    }
    for (size_t i = 0; i < analysis->n_rules; i++) {
        const struct app_set *set = &policy->rules[i].app;
        size_t k = 0;

        if (!(policy->rules[i].conditions >> CONDITION_APP & 1)) {
            continue;
        }
        while (k < cutter->n_sets && !app_set_equal(cutter->sets[k], set)) {
            k++;
        }
        cutter->sets[k] = set;
        cutter->n_sets += k == cutter->n_sets;
        cutter->set_of[i] = (uint32_t)k;
    }
    cutter->n_set_words = cutter->n_sets / 64 + 1;
    return true;
}

static bool
app_set_equal(const struct app_set *a, const struct app_set *b)
{
    return a->n == b->n && a->unknown == b->unknown && a->none == b->none &&
           (a->n == 0 ||
            memcmp(a->matches, b->matches, a->n * sizeof *a->matches) == 0);
}

/* Every pair of names an application may have, symbol 0 for the unmentioned. */
static bool
cut_apps(struct cutter *cutter)
{
    struct analysis *analysis = cutter->analysis;
    uint32_t n_symbols = analysis->policy->n_app_symbols + 1U;
    size_t n_words = cutter->n_set_words;
    bool fits = true;

    cutter->set_rows =
        analysis_alloc(analysis, n_symbols * n_words, sizeof(uint64_t));
    cutter->kinds =
        analysis_alloc(analysis, ANALYSIS_MAX_APPS * n_words, sizeof(uint64_t));
    cutter->kind = analysis_alloc(analysis, n_words, sizeof(uint64_t));
    cutter->kind_slots =
        analysis_alloc(analysis, KIND_SLOTS, sizeof *cutter->kind_slots);
    if (!cutter->set_rows || !cutter->kinds || !cutter->kind ||
        !cutter->kind_slots) {
        return false;
    }
    name_sets(cutter);
    cutter->n_kinds = KIND_NONE + 1;
    for (size_t i = 0; i < cutter->n_sets; i++) {
        if (cutter->sets[i]->unknown) {
            set_add(cutter->kind, i);
        }
    }
    fits = intern_kind(cutter);
    for (uint32_t i = 0; fits && i < n_symbols * n_symbols; i++) {
        pair_kind(cutter, (uint16_t)(i / n_symbols), (uint16_t)(i % n_symbols));
        fits = intern_kind(cutter);
    }
    if (!fits) {
        ignore_apps(cutter);
    }
    return true;
}

static void
name_sets(struct cutter *cutter)
{
    for (size_t i = 0; i < cutter->n_sets; i++) {
        const struct app_set *set = cutter->sets[i];

        for (size_t k = 0; k < set->n; k++) {
            const struct app_match *match = &set->matches[k];
            size_t row = match->name * cutter->n_set_words;

            cutter->set_rows[row + i / 64] |= (uint64_t)!match->master
                                              << i % 64;
        }
    }
}

static void
pair_kind(struct cutter *cutter, uint16_t master, uint16_t name)
{
    size_t n = cutter->n_set_words;

    for (size_t w = 0; w < n; w++) {
        cutter->kind[w] =
            cutter->set_rows[master * n + w] | cutter->set_rows[name * n + w];
    }
    for (size_t i = 0; master && i < cutter->n_sets; i++) {
        if (names_pair(cutter->sets[i], master, name)) {
            set_add(cutter->kind, i);
        }
    }
}

static bool
names_pair(const struct app_set *set, uint16_t master, uint16_t name)
{
    for (size_t k = 0; k < set->n; k++) {
        if (set->matches[k].master == master && set->matches[k].name == name) {
            return true;
        }
    }
    return false;
}

static bool
intern_kind(struct cutter *cutter)
{
    size_t size = cutter->n_set_words * sizeof *cutter->kind;
    uint64_t hash = cutter->n_set_words;
    size_t at;

    for (size_t w = 0; w < cutter->n_set_words; w++) {
        hash = (hash ^ cutter->kind[w]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    for (at = hash % KIND_SLOTS; cutter->kind_slots[at];
         at = (at + 1) % KIND_SLOTS) {
        size_t known = cutter->kind_slots[at] - 1;

        if (memcmp(cutter->kinds + known * cutter->n_set_words, cutter->kind,
                   size) == 0) {
            return true;
        }
    }
    if (cutter->n_kinds == ANALYSIS_MAX_APPS) {
        return false;
    }
    memcpy(cutter->kinds + cutter->n_kinds * cutter->n_set_words, cutter->kind,
           size);
    cutter->kind_slots[at] = (uint32_t)++cutter->n_kinds;
    return true;
}

/* One kind for all: whether a flow has payload is not told apart either, so no
 * condition on the application is exact. */
static void
ignore_apps(struct cutter *cutter)
{
    cutter->n_kinds = 1;
    cutter->analysis->opaque |= 1U << CONDITION_APP |
                                1U << CONDITION_APP_CATEGORY |
                                1U << CONDITION_TLS_VERSION;
}

/* Gives up telling categories and versions apart, then applications, when there
 * would be too many cells. */
static bool
choose_variants(struct cutter *cutter)
{
    struct analysis *analysis = cutter->analysis;
    const struct policy *policy = analysis->policy;
    size_t limit = ANALYSIS_MAX_CELLS / cutter->n_services;
    uint32_t used = 0;

    for (size_t i = 0; i < analysis->n_rules; i++) {
        used |= policy->rules[i].conditions;
    }
    cutter->n_categories = used >> CONDITION_APP_CATEGORY & 1
                               ? policy->n_category_symbols + 1U
                               : 1;
    cutter->n_versions = used >> CONDITION_TLS_VERSION & 1 ? N_TLS_RANKS : 1;
    if (analysis->opaque >> CONDITION_APP & 1 ||
        cutter->n_kinds * cutter->n_categories * cutter->n_versions > limit) {
        cutter->n_categories = cutter->n_versions = 1;
        analysis->opaque |=
            1U << CONDITION_APP_CATEGORY | 1U << CONDITION_TLS_VERSION;
    }
    if (cutter->n_kinds > limit) {
        ignore_apps(cutter);
    }
    cutter->n_variants =
        cutter->n_kinds * cutter->n_categories * cutter->n_versions;
    analysis->n_cells = cutter->n_services * cutter->n_variants;
    analysis->n_cell_words = (analysis->n_cells + 63) / 64;
    if (analysis->n_cells > ANALYSIS_MAX_CELLS) {
        analysis->too_large = true;
        return false;
    }
    cutter->n_rule_slots = 2 * analysis->n_rules + 1;
    cutter->bits =
        analysis_alloc(analysis, analysis->n_cell_words, sizeof(uint64_t));
    cutter->variants =
        analysis_alloc(analysis, cutter->n_variants / 64 + 1, sizeof(uint64_t));
    cutter->rule_slots =
        analysis_alloc(analysis, cutter->n_rule_slots, sizeof(uint32_t));
    cutter->packed = analysis_alloc(analysis, analysis->n_cell_words,
                                    sizeof *cutter->packed);
    return cutter->bits && cutter->variants && cutter->rule_slots &&
           cutter->packed;
}

static bool
cut_rule(struct cutter *cutter, size_t number)
{
    struct analysis *analysis = cutter->analysis;
    const struct rule *rule = &analysis->policy->rules[number];
    size_t n_on = 0;
    bool all;

    memset(cutter->bits, 0, analysis->n_cell_words * sizeof *cutter->bits);
    rule_variants(cutter, number);
    for (size_t v = 0; v < cutter->n_variants; v++) {
        n_on += set_has(cutter->variants, v);
    }
    all = n_on == cutter->n_variants;
    for (size_t t = 0; t < rule->n_terms; t++) {
        enum service_space space = (enum service_space)rule->terms[t].space;

        add_range(cutter, range_at(cutter, space, rule->terms[t].first),
                  range_at(cutter, space, rule->terms[t].last + 1U), all);
    }
    if (!rule->n_terms) {
        cut_any(cutter, all);
    }
    return share_cells(cutter, number);
}

/* Every service; the numbers of protocols that have a space of their own are
 * nowhere. */
static void
cut_any(struct cutter *cutter, bool all)
{
    size_t end = cutter->first_range[SERVICE_PROTOCOL];

    add_range(cutter, 0, end, all);
    for (size_t i = 0; i < cutter->n_edges[SERVICE_PROTOCOL]; i++) {
        uint8_t protocol = (uint8_t)cutter->edges[SERVICE_PROTOCOL][i];

        if (!memchr(own_spaces, protocol, sizeof own_spaces)) {
            add_range(cutter, end + i, end + i + 1, all);
        }
    }
}

static void
rule_variants(struct cutter *cutter, size_t rule)
{
    memset(cutter->variants, 0,
           (cutter->n_variants / 64 + 1) * sizeof *cutter->variants);
    for (size_t v = 0; v < cutter->n_variants; v++) {
        if (variant_matches(cutter, rule, v)) {
            set_add(cutter->variants, v);
        }
    }
}

/* Without payload an allow rule has the benefit of the doubt. */
static bool
variant_matches(const struct cutter *cutter, size_t number, size_t variant)
{
    const struct rule *rule = &cutter->analysis->policy->rules[number];
    uint32_t exact = rule->conditions & ~cutter->analysis->opaque;
    size_t version = variant % cutter->n_versions;
    size_t category = variant / cutter->n_versions % cutter->n_categories;
    size_t kind = variant / cutter->n_versions / cutter->n_categories;
    bool found = false;

    if (kind == KIND_NONE && cutter->n_kinds > 1 &&
        rule->shown.action == DECISION_ALLOW) {
        return true;
    }
    if (exact >> CONDITION_APP & 1 &&
        !(kind == KIND_NONE
              ? rule->app.none
              : set_has(cutter->kinds + kind * cutter->n_set_words,
                        cutter->set_of[number]))) {
        return false;
    }
    if (exact >> CONDITION_TLS_VERSION & 1 &&
        (!version || !(rule->tls_versions >> version & 1))) {
        return false;
    }
    if (!(exact >> CONDITION_APP_CATEGORY & 1)) {
        return true;
    }
    for (size_t i = 0; category && i < rule->categories.n; i++) {
        found |= rule->categories.symbols[i] == category;
    }
    return found;
}

/* The rule's kinds, for the ranges of services from 'first' to before 'end'. */
static void
add_range(struct cutter *cutter, size_t first, size_t end, bool all)
{
    size_t n = cutter->n_variants;

    for (size_t cell = first * n; all && cell < end * n;) {
        size_t next = (cell / 64 + 1) * 64;
        uint64_t bits = UINT64_MAX << cell % 64;

        if (next > end * n) {
            bits &= UINT64_MAX >> (next - end * n);
        }
        cutter->bits[cell / 64] |= bits;
        cell = next;
    }
    for (size_t cell = first * n; !all && cell < end * n; cell++) {
        if (set_has(cutter->variants, cell % n)) {
            set_add(cutter->bits, cell);
        }
    }
}

/* Many rules have the same cells, which are kept once. */
static bool
share_cells(struct cutter *cutter, size_t number)
{
    struct analysis *analysis = cutter->analysis;
    struct sparse cells;
    size_t at;

    cells = sparse_pack(cutter->bits, analysis->n_cell_words, cutter->packed);
    at = sparse_hash(&cells) % cutter->n_rule_slots;
    for (; cutter->rule_slots[at]; at = (at + 1) % cutter->n_rule_slots) {
        const struct sparse *known =
            &analysis->cells[cutter->rule_slots[at] - 1];

        if (sparse_equal(known, &cells)) {
            analysis->cells[number] = *known;
            return true;
        }
    }
    cutter->rule_slots[at] = (uint32_t)number + 1;
    return sparse_keep(analysis, &cells, &analysis->cells[number]);
}

/* The range that begins at 'position', or the first of the next space. */
static size_t
range_at(const struct cutter *cutter, enum service_space space,
         uint32_t position)
{
    const uint32_t *edges = cutter->edges[space];
    size_t low = 0, high = cutter->n_edges[space];

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (edges[middle] < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return cutter->first_range[space] + low;
}

static int
edge_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}
