/* Endpoints, cut where some segment, address set or link scope begins or ends.
 *
 * All addresses of a class are in the same segment and in the same address
 * sets, so the same rules have them as their source and as their target.  An
 * address is in every segment that may own it on some VLAN or interface, and,
 * since a frame may be a broadcast, in 'broadcast' as well; that is more pairs
 * than can really occur, never fewer. */

#include "rules/analysis/analysis_impl.h"
#include "rules/judge/judge_match.h"

#include <stdio.h>
#include <stdlib.h>

#define NO_SET UINT32_MAX

/* Where an address set begins or ends, or, with NO_SET, anything else. */
struct cut {
    struct addr at;
    uint32_t set;
    bool begins;
};

struct place_class {
    struct addr addr; /* One of its addresses. */
    segment_id segment;
    bool ipv4, link_source, link_target;
    const uint64_t *sets;
    uint64_t *from, *to; /* The rules that have it on either side. */
};

struct surveyor {
    struct analysis *analysis;
    const struct addr_set **sets; /* Distinct ones. */
    uint32_t *from_set, *to_set;  /* Per rule; NO_SET if none. */
    size_t n_sets, n_set_words;
    struct cut *cuts;
    size_t n_cuts, cuts_capacity;
    uint64_t *inside; /* The sets that are open. */
    struct arena_list classes, situations;
    uint32_t *class_slots, *situation_slots; /* By hash: number + 1. */
    size_t n_class_slots, n_situation_slots;
    uint64_t *from, *to, *both_ways; /* Rows of rules: per segment, one. */
    uint64_t *row;
    uint32_t *words; /* Those of a class that are not zero. */
    struct sparse_word *packed;
};

static bool gather_sets(struct surveyor *);
static uint32_t set_number(struct surveyor *, const struct addr_set *);
static bool gather_cuts(struct surveyor *);
static bool cut_prefix(struct surveyor *, const char *text);
static bool add_cut(struct surveyor *, const struct addr *at, uint32_t set,
                    bool begins);
static bool add_cut_after(struct surveyor *, struct addr last, uint32_t set);
static int cut_order(const void *, const void *);
static bool cut_classes(struct surveyor *);
static void cross(const struct surveyor *, const struct cut *);
static bool starts_by(const struct segments *, size_t range,
                      const struct addr *);
static bool add_owners(struct surveyor *, const struct addr *, size_t range);
static bool add_class(struct surveyor *, const struct addr *, segment_id);
static bool grow_slots(struct surveyor *, uint32_t **slots, size_t *n_slots,
                       size_t n);
static uint64_t class_hash(const struct surveyor *, const struct place_class *);
static bool segment_rows(struct surveyor *);
static bool class_rows(struct surveyor *, struct place_class *);
static bool pair_classes(struct surveyor *);
static bool few_steps(const struct surveyor *);
static bool pair_class(struct surveyor *, const struct place_class *source);
static bool add_situation(struct surveyor *, const struct sparse *,
                          const struct place_class *source,
                          const struct place_class *target);

bool
analysis_cut_places(struct analysis *analysis)
{
    struct surveyor surveyor = {.analysis = analysis};
    bool good;

    good = gather_sets(&surveyor) && gather_cuts(&surveyor) &&
           cut_classes(&surveyor) && segment_rows(&surveyor) &&
           pair_classes(&surveyor);
    free(surveyor.cuts);
    free(surveyor.class_slots);
    free(surveyor.situation_slots);
    analysis->situations = surveyor.situations.items;
    analysis->n_situations = surveyor.situations.n;
    return good;
}

static bool
gather_sets(struct surveyor *surveyor)
{
    struct analysis *analysis = surveyor->analysis;
    const struct policy *policy = analysis->policy;
    size_t n = analysis->n_rules;

    surveyor->sets =
        analysis_alloc(analysis, 2 * n, sizeof(const struct addr_set *));
    surveyor->from_set = analysis_alloc(analysis, n, sizeof(uint32_t));
    surveyor->to_set = analysis_alloc(analysis, n, sizeof(uint32_t));
    if (!surveyor->sets || !surveyor->from_set || !surveyor->to_set) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct rule *rule = &policy->rules[i];
        bool off = rule->shown.mode == MODE_DISABLED;

        surveyor->from_set[i] = surveyor->to_set[i] = NO_SET;
        if (!off && rule->conditions >> CONDITION_FROM_ADDR & 1) {
            surveyor->from_set[i] = set_number(surveyor, &rule->from_addr);
        }
        if (!off && rule->conditions >> CONDITION_TO_ADDR & 1) {
            surveyor->to_set[i] = set_number(surveyor, &rule->to_addr);
        }
    }
    surveyor->n_set_words = surveyor->n_sets / 64 + 1;
    surveyor->inside =
        analysis_alloc(analysis, surveyor->n_set_words, sizeof(uint64_t));
    return surveyor->inside;
}

static uint32_t
set_number(struct surveyor *surveyor, const struct addr_set *set)
{
    size_t k = 0;

    while (k < surveyor->n_sets &&
           !(surveyor->sets[k]->n == set->n &&
             (set->n == 0 || memcmp(surveyor->sets[k]->ranges, set->ranges,
                                    set->n * sizeof *set->ranges) == 0))) {
        k++;
    }
    surveyor->sets[k] = set;
    surveyor->n_sets += k == surveyor->n_sets;
    return (uint32_t)k;
}

static bool
gather_cuts(struct surveyor *surveyor)
{
    static const char *const link_scope[] = {
        "224.0.0.0/24", "169.254.0.0/16", "255.255.255.255",
        "0.0.0.0",      "fe80::/10",      "::"};
    const struct segments *locator = surveyor->analysis->policy->locator;
    bool good = true;

    for (size_t i = 0; good && i < segments_n_ranges(locator); i++) {
        struct addr first = segments_range_first(locator, i);

        good = add_cut(surveyor, &first, NO_SET, true);
    }
    for (size_t i = 0; good && i < sizeof link_scope / sizeof link_scope[0];
         i++) {
        good = cut_prefix(surveyor, link_scope[i]);
    }
    for (unsigned flags = 0; good && flags < 16; flags++) {
        char text[16];

        snprintf(text, sizeof text, "ff%x1::/16", flags);
        good = cut_prefix(surveyor, text);
        snprintf(text, sizeof text, "ff%x2::/16", flags);
        good = good && cut_prefix(surveyor, text);
    }
    for (size_t i = 0; good && i < surveyor->n_sets; i++) {
        const struct addr_set *set = surveyor->sets[i];

        for (size_t k = 0; good && k < set->n; k++) {
            good =
                add_cut(surveyor, &set->ranges[k].first, (uint32_t)i, true) &&
                add_cut_after(surveyor, set->ranges[k].last, (uint32_t)i);
        }
    }
    return good;
}

static bool
cut_prefix(struct surveyor *surveyor, const char *text)
{
    struct prefix prefix;
    struct addr last;

    (void)prefix_parse(text, &prefix);
    last = prefix.addr;
    for (unsigned bit = prefix.length; bit < 128; bit++) {
        last.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    return add_cut(surveyor, &prefix.addr, NO_SET, true) &&
           add_cut_after(surveyor, last, NO_SET);
}

static bool
add_cut_after(struct surveyor *surveyor, struct addr last, uint32_t set)
{
    size_t i = sizeof last.byte;

    while (i && ++last.byte[i - 1] == 0) {
        i--;
    }
    return i == 0 || add_cut(surveyor, &last, set, false);
}

static bool
add_cut(struct surveyor *surveyor, const struct addr *at, uint32_t set,
        bool begins)
{
    if (surveyor->n_cuts == surveyor->cuts_capacity) {
        size_t capacity = surveyor->n_cuts ? 2 * surveyor->n_cuts : 256;
        struct cut *larger = realloc(surveyor->cuts, capacity * sizeof *larger);

        if (!larger) {
            return false;
        }
        surveyor->cuts = larger;
        surveyor->cuts_capacity = capacity;
    }
    surveyor->cuts[surveyor->n_cuts++] = (struct cut){*at, set, begins};
    return true;
}

/* Ends before beginnings: a set may do both at one address. */
static int
cut_order(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    int order = memcmp(&x->at, &y->at, sizeof x->at);

    return order ? order : (int)x->begins - (int)y->begins;
}

static bool
cut_classes(struct surveyor *surveyor)
{
    const struct segments *locator = surveyor->analysis->policy->locator;
    size_t range = 0, next;
    bool good = true;

    qsort(surveyor->cuts, surveyor->n_cuts, sizeof *surveyor->cuts, cut_order);
    for (size_t i = 0; good && i < surveyor->n_cuts; i = next) {
        const struct addr *at = &surveyor->cuts[i].at;

        for (next = i; next < surveyor->n_cuts &&
                       addr_equal(&surveyor->cuts[next].at, at);
             next++) {
            cross(surveyor, &surveyor->cuts[next]);
        }
        while (range + 1 < segments_n_ranges(locator) &&
               starts_by(locator, range + 1, at)) {
            range++;
        }
        good = add_owners(surveyor, at, range);
    }
    return good;
}

static bool
starts_by(const struct segments *locator, size_t range, const struct addr *at)
{
    struct addr first = segments_range_first(locator, range);

    return memcmp(&first, at, sizeof first) <= 0;
}

/* Enters or leaves a set of addresses. */
static void
cross(const struct surveyor *surveyor, const struct cut *cut)
{
    if (cut->set == NO_SET) {
        return;
    }
    if (cut->begins) {
        set_add(surveyor->inside, cut->set);
    } else {
        surveyor->inside[cut->set / 64] &= ~(UINT64_C(1) << cut->set % 64);
    }
}

static bool
add_owners(struct surveyor *surveyor, const struct addr *addr, size_t range)
{
    struct analysis *analysis = surveyor->analysis;
    bool more = true, good = add_class(surveyor, addr, SEGMENT_BROADCAST);

    for (size_t k = 0; good && more; k++) {
        segment_id owner;

        more =
            segments_range_owner(analysis->policy->locator, range, k, &owner);
        analysis->populated[owner] = true;
        good = add_class(surveyor, addr, owner);
    }
    return good;
}

static bool
add_class(struct surveyor *surveyor, const struct addr *addr,
          segment_id segment)
{
    struct analysis *analysis = surveyor->analysis;
    struct place_class class = {.addr = *addr,
                                .segment = segment,
                                .ipv4 = addr_is_ipv4(addr),
                                .link_source = is_link_scope_source(addr),
                                .link_target = is_link_scope_target(addr),
                                .sets = surveyor->inside};
    size_t size = surveyor->n_set_words * sizeof *surveyor->inside, at;
    struct place_class *known = surveyor->classes.items;
    uint64_t *sets;

    if (!grow_slots(surveyor, &surveyor->class_slots, &surveyor->n_class_slots,
                    surveyor->classes.n)) {
        return false;
    }
    at = class_hash(surveyor, &class) & (surveyor->n_class_slots - 1);
    for (; surveyor->class_slots[at];
         at = (at + 1) & (surveyor->n_class_slots - 1)) {
        const struct place_class *one = &known[surveyor->class_slots[at] - 1];

        if (one->segment == segment && one->ipv4 == class.ipv4 &&
            one->link_source == class.link_source &&
            one->link_target == class.link_target &&
            memcmp(one->sets, class.sets, size) == 0) {
            return true;
        }
    }
    sets = analysis_alloc(analysis, surveyor->n_set_words, sizeof *sets);
    known = sets ? arena_list_add(&analysis->arena, &surveyor->classes,
                                  sizeof class)
                 : NULL;
    if (!known) {
        return false;
    }
    memcpy(sets, surveyor->inside, size);
    class.sets = sets;
    *known = class;
    surveyor->class_slots[at] = (uint32_t)surveyor->classes.n;
    return true;
}
/* Room for one more among 'n' in a table of numbers by hash. */
static bool
grow_slots(struct surveyor *surveyor, uint32_t **slots, size_t *n_slots,
           size_t n)
{
    size_t larger = *n_slots ? 2 * *n_slots : 1024;
    bool classes = slots == &surveyor->class_slots;
    uint32_t *table;

    if (*n_slots && 2 * (n + 1) <= *n_slots) {
        return true;
    }
    table = calloc(larger, sizeof *table);
    if (!table) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct situation *situations = surveyor->situations.items;
        const struct place_class *places = surveyor->classes.items;
        uint64_t hash =
            classes ? class_hash(surveyor, &places[i]) : situations[i].hash;
        size_t at = hash & (larger - 1);

        while (table[at]) {
            at = (at + 1) & (larger - 1);
        }
        table[at] = (uint32_t)i + 1;
    }
    free(*slots);
    *slots = table;
    *n_slots = larger;
    return true;
}

static uint64_t
class_hash(const struct surveyor *surveyor, const struct place_class *class)
{
    uint64_t hash =
        (uint64_t) class->segment << 3 | (uint64_t) class->ipv4 << 2 |
        (uint64_t) class->link_source << 1 | (uint64_t) class->link_target;

    for (size_t i = 0; i < surveyor->n_set_words; i++) {
        hash = (hash ^ class->sets[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

/* For every segment the rules that name it, whatever their addresses. */
static bool
segment_rows(struct surveyor *surveyor)
{
    struct analysis *analysis = surveyor->analysis;
    const struct policy *policy = analysis->policy;
    size_t n = analysis->n_rule_words, n_segments = policy->n_segments;

    surveyor->from = analysis_alloc(analysis, n_segments * n, sizeof(uint64_t));
    surveyor->to = analysis_alloc(analysis, n_segments * n, sizeof(uint64_t));
    surveyor->both_ways = analysis_alloc(analysis, n, sizeof(uint64_t));
    surveyor->row = analysis_alloc(analysis, n, sizeof(uint64_t));
    surveyor->words = analysis_alloc(analysis, n, sizeof *surveyor->words);
    surveyor->packed = analysis_alloc(analysis, n, sizeof *surveyor->packed);
    if (!surveyor->from || !surveyor->to || !surveyor->both_ways ||
        !surveyor->row || !surveyor->words || !surveyor->packed) {
        return false;
    }
    for (size_t i = 0; i < analysis->n_rules; i++) {
        const struct rule *rule = &policy->rules[i];

        if (rule->shown.mode == MODE_DISABLED) {
            continue;
        }
        for (size_t k = 0; k < n_segments; k++) {
            uint64_t *from = surveyor->from + k * n;
            uint64_t *to = surveyor->to + k * n;

            from[i / 64] |= (uint64_t)set_has(rule->from, k) << i % 64;
            to[i / 64] |= (uint64_t)set_has(rule->to, k) << i % 64;
        }
        if (rule->both_ways) {
            set_add(surveyor->both_ways, i);
        }
    }
    return true;
}

static bool
class_rows(struct surveyor *surveyor, struct place_class *class)
{
    struct analysis *analysis = surveyor->analysis;
    size_t n = analysis->n_rule_words, size = n * sizeof(uint64_t);

    class->from = analysis_alloc(analysis, n, sizeof(uint64_t));
    class->to = analysis_alloc(analysis, n, sizeof(uint64_t));
    if (!class->from || !class->to) {
        return false;
    }
    memcpy(class->from, surveyor->from + class->segment * n, size);
    memcpy(class->to, surveyor->to + class->segment * n, size);
    for (size_t i = 0; i < analysis->n_rules; i++) {
        const struct rule *rule = &analysis->policy->rules[i];
        uint32_t from = surveyor->from_set[i], to = surveyor->to_set[i];
        uint64_t bit = UINT64_C(1) << i % 64;

        if (rule->conditions >> CONDITION_IP_VERSION & 1 &&
            (rule->ip_version == 4) != class->ipv4) {
            class->from[i / 64] &= ~bit;
            class->to[i / 64] &= ~bit;
        }
        if (from != NO_SET && !set_has(class->sets, from)) {
            class->from[i / 64] &= ~bit;
        }
        if (to != NO_SET && !set_has(class->sets, to)) {
            class->to[i / 64] &= ~bit;
        }
    }
    return true;
}

static bool
pair_classes(struct surveyor *surveyor)
{
    struct place_class *classes = surveyor->classes.items;
    bool good = true;

    for (size_t i = 0; good && i < surveyor->classes.n; i++) {
        good = class_rows(surveyor, &classes[i]);
    }
    good = good && few_steps(surveyor);
    for (size_t i = 0; good && i < surveyor->classes.n; i++) {
        good = pair_class(surveyor, &classes[i]);
    }
    return good;
}

/* Known beforehand, so that nobody waits for an analysis that is given up. */
static bool
few_steps(const struct surveyor *surveyor)
{
    const struct place_class *classes = surveyor->classes.items;
    const uint64_t *both = surveyor->both_ways;
    uint64_t steps = 0;

    for (size_t i = 0; i < surveyor->classes.n; i++) {
        size_t n_words = 1;

        for (size_t w = 0; w < surveyor->analysis->n_rule_words; w++) {
            n_words += (classes[i].from[w] | (classes[i].to[w] & both[w])) != 0;
        }
        steps += n_words * surveyor->classes.n;
    }
    surveyor->analysis->too_large |= steps > ANALYSIS_MAX_STEPS;
    return steps <= ANALYSIS_MAX_STEPS;
}

/* One source with every target of its family. */
static bool
pair_class(struct surveyor *surveyor, const struct place_class *source)
{
    const struct place_class *classes = surveyor->classes.items;
    const uint64_t *both = surveyor->both_ways;
    size_t n_words = 0;
    bool good = true;

    for (uint32_t w = 0; w < surveyor->analysis->n_rule_words; w++) {
        if (source->from[w] | (source->to[w] & both[w])) {
            surveyor->words[n_words++] = w;
        }
    }
    for (size_t i = 0; good && i < surveyor->classes.n; i++) {
        const struct place_class *target = &classes[i];
        struct sparse rules = {surveyor->packed, 0};

        for (size_t k = 0; target->ipv4 == source->ipv4 && k < n_words; k++) {
            uint32_t w = surveyor->words[k];
            uint64_t bits = (source->from[w] & target->to[w]) |
                            (source->to[w] & target->from[w] & both[w]);

            surveyor->packed[rules.n] = (struct sparse_word){w, bits};
            rules.n += bits != 0;
        }
        good = rules.n == 0 || add_situation(surveyor, &rules, source, target);
    }
    return good;
}

static bool
add_situation(struct surveyor *surveyor, const struct sparse *rules,
              const struct place_class *source,
              const struct place_class *target)
{
    struct analysis *analysis = surveyor->analysis;
    struct question question = {.src = source->addr,
                                .dst = target->addr,
                                .src_segment = source->segment,
                                .dst_segment = target->segment};
    struct situation situation = {.hash = sparse_hash(rules), .n_pairs = 1};
    struct situation *known = surveyor->situations.items;
    size_t at, mask;
    int32_t rule;

    situation.fallback = judge_default(analysis->policy, &question, &rule);
    situation.hash += (uint64_t)situation.fallback;
    if (!grow_slots(surveyor, &surveyor->situation_slots,
                    &surveyor->n_situation_slots, surveyor->situations.n)) {
        return false;
    }
    mask = surveyor->n_situation_slots - 1;
    for (at = situation.hash & mask; surveyor->situation_slots[at];
         at = (at + 1) & mask) {
        struct situation *one = &known[surveyor->situation_slots[at] - 1];

        if (one->hash == situation.hash &&
            one->fallback == situation.fallback &&
            sparse_equal(&one->rules, rules)) {
            one->n_pairs++;
            return true;
        }
    }
    known = sparse_keep(analysis, rules, &situation.rules)
                ? arena_list_add(&analysis->arena, &surveyor->situations,
                                 sizeof situation)
                : NULL;
    if (!known) {
        return false;
    }
    *known = situation;
    surveyor->situation_slots[at] = (uint32_t)surveyor->situations.n;
    return true;
}
