/* From rules to rows of bits.
 *
 * Every rule in one direction (an entry) is a conjunction: source segment in
 * 'from', destination segment in 'to', service in its terms, and what is left.
 * So three rows ANDed, one per segment and one per service, are exactly the
 * entries whose segments and service match, in order of the rules.  Each row
 * begins with a summary that says which of its words are worth reading.
 *
 * Ports fall into few classes that the same entries match; a page table per
 * service space leads from a position to the row of its class. */

#include "rules/policy_impl.h"

#include <stdlib.h>

/* Where an entry begins or stops to match. */
struct edge {
    uint32_t position, entry;
    bool begins;
};

struct builder {
    struct policy *policy;
    struct compiled *out;
    size_t budget; /* Bytes that may still be allocated. */
    uint64_t *row; /* The row being built, summary first. */
    size_t row_words, n_rows, rows_capacity;
    uint32_t *slots; /* Rows by hash: row + 1. */
    size_t n_slots;
    uint16_t *page_slots;   /* Pages by hash: page + 1. */
    uint32_t (*pages)[256]; /* Of the space being compiled. */
    bool too_large;
};

enum {
    PAGE_SLOTS = 4096
};

static bool compile_entries(struct builder *);
static uint8_t parts_asked(const struct rule *, bool reversed);
static bool compile_segments(struct builder *);
static bool compile_services(struct builder *);
static bool compile_space(struct builder *, enum service_space,
                          struct edge *edges);
static bool compile_addrs(struct builder *);
static size_t unique_sets(struct addr_set *, size_t n);
static int set_order(const void *, const void *);
static bool compile_defaults(struct builder *);
static void compile_pairs(const struct policy *, size_t src, uint32_t *row);
static uint32_t default_rule(const struct policy *, size_t src, size_t dst);
static size_t gather_edges(const struct compiled *, enum service_space,
                           struct edge *);
static int edge_order(const void *, const void *);
static bool intern_row(struct builder *, uint32_t *row);
static bool grow_rows(struct builder *);
static bool set_page(struct builder *, struct service_index *, size_t page,
                     const uint32_t rows[256]);
static bool keep_pages(struct builder *, struct service_index *);
static bool rows_new(struct builder *, struct rows *, size_t n);
static void row_set(const struct rows *, size_t row, size_t bit);
static void rows_set(const struct rows *, const uint64_t *set, size_t n,
                     size_t bit);
static void row_cross(const struct rows *, const struct edge *);
static void *spend(struct builder *, size_t n, size_t size);
static bool charge(struct builder *, size_t n, size_t size);
static uint64_t hash_words(const uint64_t *, size_t n);

bool
policy_compile(struct policy *policy, bool *too_large)
{
    struct builder builder = {.policy = policy,
                              .out = &policy->compiled,
                              .budget = POLICY_MAX_COMPILED_BYTES};
    bool good = compile_entries(&builder) && compile_segments(&builder) &&
                compile_services(&builder) && compile_addrs(&builder) &&
                compile_defaults(&builder);

    free(builder.row);
    free(builder.slots);
    free(builder.page_slots);
    free(builder.pages);
    *too_large = builder.too_large;
    return good;
}

static bool
compile_entries(struct builder *builder)
{
    const struct policy *policy = builder->policy;
    struct compiled *out = builder->out;
    struct rule_entry *entries;

    entries = spend(builder, policy->n_own * 2 + 1, sizeof *entries);
    if (!entries) {
        return false;
    }
    for (size_t i = 0; i < policy->n_own; i++) {
        const struct rule *rule = &policy->rules[i];

        if (rule->shown.mode == MODE_DISABLED) {
            continue;
        }
        out->any_staged |= rule->shown.mode == MODE_STAGED;
        entries[out->n_entries++] =
            (struct rule_entry){rule, false, parts_asked(rule, false)};
        if (rule->both_ways) {
            entries[out->n_entries++] =
                (struct rule_entry){rule, true, parts_asked(rule, true)};
        }
    }
    out->entries = entries;
    return true;
}

static uint8_t
parts_asked(const struct rule *rule, bool reversed)
{
    const uint32_t rest = 1U << CONDITION_SRC_PORT | 1U << CONDITION_VLAN |
                          1U << CONDITION_SENSOR | 1U << CONDITION_INTERFACE |
                          1U << CONDITION_SCHEDULE | 1U << CONDITION_SNI |
                          1U << CONDITION_HOST;
    bool from = rule->conditions >> CONDITION_FROM_ADDR & 1;
    bool to = rule->conditions >> CONDITION_TO_ADDR & 1;
    bool lasts = rule->shown.starts.ns == INT64_MIN &&
                 rule->shown.expires.ns == INT64_MAX;
    bool asks_rest = (rule->conditions & rest) || !lasts ||
                     rule->requirements >> REQUIREMENT_SNI & 1;

    return (uint8_t)(((reversed ? to : from) ? QUESTION_SRC : 0) |
                     ((reversed ? from : to) ? QUESTION_DST : 0) |
                     (asks_rest ? QUESTION_REST : 0));
}

static bool
compile_segments(struct builder *builder)
{
    const struct policy *policy = builder->policy;
    struct compiled *out = builder->out;

    if (!rows_new(builder, &out->from, policy->n_segments) ||
        !rows_new(builder, &out->to, policy->n_segments) ||
        !rows_new(builder, &out->from_staged, policy->n_segments)) {
        return false;
    }
    for (size_t i = 0; i < out->n_entries; i++) {
        const struct rule *rule = out->entries[i].rule;
        const uint64_t *from = rule->from, *to = rule->to;

        if (out->entries[i].reversed) {
            from = rule->to;
            to = rule->from;
        }
        rows_set(&out->from_staged, from, policy->n_segments, i);
        rows_set(&out->to, to, policy->n_segments, i);
        if (rule->shown.mode == MODE_ENFORCE) {
            rows_set(&out->from, from, policy->n_segments, i);
        }
    }
    return true;
}

static bool
compile_services(struct builder *builder)
{
    struct compiled *out = builder->out;
    struct edge *edges;
    size_t n = 0;
    bool good;

    for (size_t i = 0; i < out->n_entries; i++) {
        n += 2 * out->entries[i].rule->n_terms;
    }
    out->service = out->from;
    out->service.words = NULL;
    builder->row_words = out->from.n_summary + out->from.n_words;
    builder->row = calloc(builder->row_words + 1, sizeof *builder->row);
    builder->n_slots = 1024;
    builder->slots = calloc(builder->n_slots, sizeof *builder->slots);
    builder->page_slots = calloc(PAGE_SLOTS, sizeof *builder->page_slots);
    builder->pages = calloc(256, sizeof *builder->pages);
    edges = calloc(n + 1, sizeof *edges);
    good = builder->row && builder->slots && builder->page_slots &&
           builder->pages && edges;
    for (unsigned space = 0; good && space < SERVICE_N_SPACES; space++) {
        good = compile_space(builder, (enum service_space)space, edges) &&
               keep_pages(builder, &out->index[space]);
    }
    free(edges);
    return good;
}

/* Sweeps over the positions of one space; between two edges every position has
 * the same row. */
static bool
compile_space(struct builder *builder, enum service_space space,
              struct edge *edges)
{
    struct compiled *out = builder->out;
    struct service_index *index = &out->index[space];
    size_t n = gather_edges(out, space, edges), next = 0;
    uint32_t rows[256], row = 0, end = space == SERVICE_PROTOCOL ? 256 : 65536;
    struct rows one = {builder->row, out->from.n_summary, out->from.n_words};

    memset(builder->row, 0, builder->row_words * sizeof *builder->row);
    memset(builder->page_slots, 0, PAGE_SLOTS * sizeof *builder->page_slots);
    for (size_t i = 0; i < out->n_entries; i++) {
        if (!out->entries[i].rule->n_terms) {
            row_set(&one, 0, i);
        }
    }
    index->pages = builder->pages;
    if (!intern_row(builder, &row)) {
        return false;
    }
    for (uint32_t position = 0; position < end; position++) {
        bool changed = next < n && edges[next].position == position;

        for (; next < n && edges[next].position == position; next++) {
            row_cross(&one, &edges[next]);
        }
        if (changed && !intern_row(builder, &row)) {
            return false;
        }
        rows[position % 256] = row;
        if (position % 256 == 255 &&
            !set_page(builder, index, position / 256, rows)) {
            return false;
        }
    }
    return true;
}

/* Rules that name one set in the definitions share its ranges. */
static bool
compile_addrs(struct builder *builder)
{
    struct compiled *out = builder->out;
    struct addr_set *sets = calloc(2 * out->n_entries + 1, sizeof *sets);
    size_t n = 0, n_ranges = 0;
    bool good = sets;

    for (size_t i = 0; good && i < out->n_entries; i++) {
        sets[n++] = out->entries[i].rule->from_addr;
        sets[n++] = out->entries[i].rule->to_addr;
    }
    n = good ? unique_sets(sets, n) : 0;
    for (size_t i = 0; i < n; i++) {
        n_ranges += sets[i].n;
    }
    good = good && charge(builder, n_ranges, ADDR_CLASSES_RANGE_BYTES) &&
           addr_classes_build(&out->addrs, &builder->policy->arena, sets, n);
    free(sets);
    return good;
}

/* Returns how many different ones there are, which come first then. */
static size_t
unique_sets(struct addr_set *sets, size_t n)
{
    size_t kept = 0;

    qsort(sets, n, sizeof *sets, set_order);
    for (size_t i = 0; i < n; i++) {
        if (sets[i].n && (!kept || sets[kept - 1].ranges != sets[i].ranges)) {
            sets[kept++] = sets[i];
        }
    }
    return kept;
}

static int
set_order(const void *a, const void *b)
{
    const struct addr_set *x = a, *y = b;

    return (x->ranges > y->ranges) - (x->ranges < y->ranges);
}

static bool
compile_defaults(struct builder *builder)
{
    const struct policy *policy = builder->policy;
    size_t n = policy->n_segments;
    uint32_t *table = spend(builder, n * n, sizeof *table);

    if (!table) {
        return false;
    }
    for (size_t i = 0; i < n * n; i++) {
        table[i] = default_rule(policy, i / n, i % n);
    }
    for (size_t src = 0; src < n; src++) {
        compile_pairs(policy, src, table + src * n);
    }
    builder->out->default_rule = table;
    return true;
}

/* The pairs of one row of the matrix; the first one that has a cell keeps it.
 */
static void
compile_pairs(const struct policy *policy, size_t src, uint32_t *row)
{
    for (size_t dst = 0; dst < policy->n_segments; dst++) {
        size_t p = 0;

        while (p < policy->n_pairs && !(set_has(policy->pairs[p].from, src) &&
                                        set_has(policy->pairs[p].to, dst))) {
            p++;
        }
        if (p < policy->n_pairs) {
            row[dst] = (uint32_t)(policy->n_own + p);
        }
    }
}

static uint32_t
default_rule(const struct policy *policy, size_t src, size_t dst)
{
    size_t first = policy->n_own + policy->n_pairs;

    if (src == dst && src >= SEGMENT_N_BUILTIN) {
        return (uint32_t)(first + DEFAULT_INTRA);
    }
    return (uint32_t)(first + (src == SEGMENT_UNKNOWN || dst == SEGMENT_UNKNOWN
                                   ? DEFAULT_UNKNOWN
                                   : DEFAULT_INTER));
}

static size_t
gather_edges(const struct compiled *out, enum service_space space,
             struct edge *edges)
{
    size_t n = 0;

    for (size_t i = 0; i < out->n_entries; i++) {
        const struct rule *rule = out->entries[i].rule;

        for (size_t t = 0; t < rule->n_terms; t++) {
            const struct service_term *term = &rule->terms[t];
            bool here = term->space == space;

            edges[n] = (struct edge){term->first, (uint32_t)i, true};
            n += here;
            edges[n] = (struct edge){term->last + 1U, (uint32_t)i, false};
            n += here;
        }
    }
    qsort(edges, n, sizeof *edges, edge_order);
    return n;
}

/* Ends before beginnings, since an entry may do both at one position. */
static int
edge_order(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    if (x->position != y->position) {
        return x->position < y->position ? -1 : 1;
    }
    if (x->begins != y->begins) {
        return x->begins ? 1 : -1;
    }
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* The number of a row equal to the one being built. */
static bool
intern_row(struct builder *builder, uint32_t *row)
{
    struct rows *rows = &builder->out->service;
    size_t words = builder->row_words;
    size_t at;

    if ((builder->n_rows + 1) * 2 > builder->n_slots && !grow_rows(builder)) {
        return false;
    }
    at = hash_words(builder->row, words) & (builder->n_slots - 1);
    for (; rows->words && builder->slots[at];
         at = (at + 1) & (builder->n_slots - 1)) {
        *row = builder->slots[at] - 1;
        if (memcmp(rows->words + *row * words, builder->row,
                   words * sizeof *rows->words) == 0) {
            return true;
        }
    }
    if (builder->n_rows == builder->rows_capacity) {
        size_t capacity = builder->n_rows ? builder->n_rows * 2 : 64;
        uint64_t *larger =
            spend(builder, capacity * (words + 1), sizeof *larger);

        if (!larger) {
            return false;
        }
        if (builder->n_rows) {
            memcpy(larger, rows->words,
                   builder->n_rows * words * sizeof *larger);
        }
        rows->words = larger;
        builder->rows_capacity = capacity;
    }
    memcpy(rows->words + builder->n_rows * words, builder->row,
           words * sizeof *rows->words);
    *row = (uint32_t)builder->n_rows++;
    builder->slots[at] = *row + 1;
    return true;
}

static bool
grow_rows(struct builder *builder)
{
    size_t words = builder->row_words, n = builder->n_slots * 2;
    uint32_t *slots = calloc(n, sizeof *slots);

    if (!slots) {
        return false;
    }
    for (uint32_t row = 0; row < builder->n_rows; row++) {
        const uint64_t *bits = builder->out->service.words + row * words;
        size_t at = hash_words(bits, words) & (n - 1);

        while (slots[at]) {
            at = (at + 1) & (n - 1);
        }
        slots[at] = row + 1;
    }
    free(builder->slots);
    builder->slots = slots;
    builder->n_slots = n;
    return true;
}

/* Most pages of a space are equal, and kept once. */
static bool
set_page(struct builder *builder, struct service_index *index, size_t page,
         const uint32_t rows[256])
{
    uint64_t hash = 0;
    size_t at;

    if (page > 0 && memcmp(index->pages[index->page_of[page - 1]], rows,
                           sizeof index->pages[0]) == 0) {
        index->page_of[page] = index->page_of[page - 1];
        return true;
    }
    for (size_t i = 0; i < 256; i++) {
        hash = (hash ^ rows[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    at = hash & (PAGE_SLOTS - 1);
    for (; builder->page_slots[at]; at = (at + 1) & (PAGE_SLOTS - 1)) {
        uint16_t known = (uint16_t)(builder->page_slots[at] - 1);

        if (memcmp(index->pages[known], rows, sizeof index->pages[known]) ==
            0) {
            index->page_of[page] = known;
            return true;
        }
    }
    memcpy(index->pages[index->n_pages], rows, sizeof index->pages[0]);
    index->page_of[page] = (uint16_t)index->n_pages++;
    builder->page_slots[at] = (uint16_t)index->n_pages;
    return true;
}

static bool
keep_pages(struct builder *builder, struct service_index *index)
{
    index->pages = spend(builder, index->n_pages, sizeof *index->pages);
    if (index->pages) {
        memcpy(index->pages, builder->pages,
               index->n_pages * sizeof *index->pages);
    }
    return index->pages;
}

static bool
rows_new(struct builder *builder, struct rows *rows, size_t n)
{
    rows->n_words = (builder->out->n_entries + 63) / 64;
    rows->n_summary = (rows->n_words + 63) / 64;
    rows->words = spend(builder, n * (rows->n_words + rows->n_summary) + 1,
                        sizeof *rows->words);
    return rows->words;
}

static void
row_set(const struct rows *rows, size_t row, size_t bit)
{
    uint64_t *words = rows->words + row * (rows->n_summary + rows->n_words);

    words[bit / 4096] |= UINT64_C(1) << bit / 64 % 64;
    words[rows->n_summary + bit / 64] |= UINT64_C(1) << bit % 64;
}

/* In the row of every member of 'set'. */
static void
rows_set(const struct rows *rows, const uint64_t *set, size_t n, size_t bit)
{
    for (size_t i = 0; i < n; i++) {
        if (set_has(set, i)) {
            row_set(rows, i, bit);
        }
    }
}

/* Enters or leaves the range of one entry. */
static void
row_cross(const struct rows *row, const struct edge *edge)
{
    uint64_t *word = &row->words[row->n_summary + edge->entry / 64];

    if (edge->begins) {
        row_set(row, 0, edge->entry);
        return;
    }
    *word &= ~(UINT64_C(1) << edge->entry % 64);
    if (!*word) {
        row->words[edge->entry / 4096] &=
            ~(UINT64_C(1) << edge->entry / 64 % 64);
    }
}

static void *
spend(struct builder *builder, size_t n, size_t size)
{
    return charge(builder, n, size)
               ? arena_array(&builder->policy->arena, n, size)
               : NULL;
}

static bool
charge(struct builder *builder, size_t n, size_t size)
{
    if (n > builder->budget / size) {
        builder->too_large = true;
        return false;
    }
    builder->budget -= n * size;
    return true;
}

static uint64_t
hash_words(const uint64_t *words, size_t n)
{
    uint64_t hash = n;

    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}
