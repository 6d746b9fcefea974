/* Warnings about what a side of a rule really is: behind an address that stands
 * for many, in one family only, or less than its network says. */

#include "rules/policy_impl.h"
#include "rules/problems.h"

#include <stdlib.h>
#include <string.h>

enum {
    CARVE_MAX_ABOVE = 64 /* Networks around a network that are looked at. */
};

/* A network or an exclusion, in the order of the addresses, outer ones first.
 * 'above' is the nearest one around it. */
struct carve {
    const struct prefix *prefix;
    const struct carve *above;
    segment_id segment;
    bool excluded;
};

static void lint_translated(const struct policy *, struct problems *,
                            const struct rule *);
static void lint_families(const struct policy *, struct problems *,
                          const struct rule *, uint64_t *told);
static bool side_is_ipv4_only(const struct policy *, const uint64_t *side);
static const struct segment *side_ipv6(const struct policy *,
                                       const uint64_t *side,
                                       const struct addr_set *narrowed);
static bool segment_has_ipv6(const struct segment *);
static void tell_ipv4_only(const struct policy *, struct problems *,
                           const struct rule *, const uint64_t *side,
                           const struct segment *other, uint64_t *told);
static void lint_carved(const struct policy *, struct problems *,
                        struct arena *);
static size_t gather_carves(const struct policy *, struct carve *);
static void carve_from_above(const struct policy *, const struct carve *,
                             uint64_t *carved);
static void tell_carved(const struct policy *, struct problems *, segment_id,
                        const uint64_t *carved);
static const struct rule *rule_with_half(const struct policy *, segment_id,
                                         const uint64_t *carved,
                                         segment_id *inner);
static bool side_has_half(const struct policy *, const uint64_t *side,
                          const uint64_t *except, segment_id outer,
                          const uint64_t *carved, segment_id *inner);
static bool is_around(const struct prefix *, const struct prefix *);
static int carve_order(const void *, const void *);

void
policy_lint_sides(const struct policy *policy, struct problems *problems)
{
    struct arena arena = {0};
    uint64_t *told = arena_array(&arena, policy->n_set_words + 1, sizeof *told);

    for (size_t i = 0; told && i < policy->n_own; i++) {
        const struct rule *rule = &policy->rules[i];

        if (rule->shown.mode != MODE_DISABLED && !rule->shown.log) {
            lint_translated(policy, problems, rule);
            lint_families(policy, problems, rule, told);
        }
    }
    lint_carved(policy, problems, &arena);
    arena_done(&arena);
}

/* A rule that permits because of who the initiator is.  One that is about
 * everybody does not ask, and a denied address may stand for as many as it
 * likes. */
static void
lint_translated(const struct policy *policy, struct problems *problems,
                const struct rule *rule)
{
    size_t found = policy->n_segments;
    bool all_from = true, all_to = true;

    for (size_t i = 0; i < policy->n_segments; i++) {
        bool from = set_has(rule->from, i), to = set_has(rule->to, i);

        all_from &= from;
        all_to &= to;
        if ((from || (to && rule->both_ways)) &&
            policy->segments[i].shown.translated) {
            found = i;
        }
    }
    if (found == policy->n_segments || rule->shown.action == DECISION_DENY ||
        (all_from && (all_to || !rule->both_ways))) {
        return;
    }
    problem_set_rule(
        problems_add(problems, PROBLEM_WARNING, "W-TRANSLATED", rule->at.file,
                     rule->at.line, rule->at.column,
                     "'%s' permits whoever is behind '%s': addresses are "
                     "translated there, so its initiators are not known",
                     rule->shown.id, policy->segments[found].shown.name),
        rule->shown.id);
}

/* One side can be IPv4 alone and nothing says that it shall, while the other
 * has IPv6 networks: flows between the same hosts over IPv6 are not decided by
 * this rule. */
static void
lint_families(const struct policy *policy, struct problems *problems,
              const struct rule *rule, uint64_t *told)
{
    const struct segment *from =
        side_ipv6(policy, rule->from, &rule->from_addr);
    const struct segment *to = side_ipv6(policy, rule->to, &rule->to_addr);

    if (rule->conditions >> CONDITION_IP_VERSION & 1) {
        return;
    }
    if (to && side_is_ipv4_only(policy, rule->from)) {
        tell_ipv4_only(policy, problems, rule, rule->from, to, told);
    }
    if (from && side_is_ipv4_only(policy, rule->to)) {
        tell_ipv4_only(policy, problems, rule, rule->to, from, told);
    }
}

static bool
side_is_ipv4_only(const struct policy *policy, const uint64_t *side)
{
    for (size_t i = 0; i < policy->n_segments; i++) {
        if (set_has(side, i) &&
            (i < SEGMENT_N_BUILTIN || segment_has_ipv6(&policy->segments[i]))) {
            return false;
        }
    }
    return true;
}

/* A segment with IPv6 networks, unless addresses narrow the side to IPv4, which
 * is in one place among all addresses. */
static const struct segment *
side_ipv6(const struct policy *policy, const uint64_t *side,
          const struct addr_set *narrowed)
{
    const struct addr_range *ranges = narrowed->ranges;
    size_t n = narrowed->n;
    bool possible = n == 0 || !addr_is_ipv4(&ranges[0].first) ||
                    !addr_is_ipv4(&ranges[n - 1].first);

    for (size_t i = SEGMENT_N_BUILTIN; possible && i < policy->n_segments;
         i++) {
        if (set_has(side, i) && segment_has_ipv6(&policy->segments[i])) {
            return &policy->segments[i];
        }
    }
    return NULL;
}

static bool
segment_has_ipv6(const struct segment *segment)
{
    for (size_t i = 0; i < segment->def.n_networks; i++) {
        if (!prefix_is_ipv4(&segment->def.networks[i])) {
            return true;
        }
    }
    return false;
}

/* Once per segment, since that is where the networks are missing. */
static void
tell_ipv4_only(const struct policy *policy, struct problems *problems,
               const struct rule *rule, const uint64_t *side,
               const struct segment *other, uint64_t *told)
{
    for (size_t i = SEGMENT_N_BUILTIN; i < policy->n_segments; i++) {
        const struct segment *segment = &policy->segments[i];

        if (!set_has(side, i) || set_has(told, i)) {
            continue;
        }
        set_add(told, i);
        problem_set_rule(
            problems_add(problems, PROBLEM_INFO, "W-V4-ONLY", segment->at.file,
                         segment->at.line, segment->at.column,
                         "segment '%s' has IPv4 networks only, and '%s' has "
                         "IPv6 ones: rule '%s' says nothing of IPv6 between "
                         "them; add networks, or 'when: {ip_version: 4}'",
                         segment->shown.name, other->shown.name,
                         rule->shown.id),
            rule->shown.id);
    }
}

/* A rule on a segment does not cover what is carved out of it; that surprises
 * where the rule names the one and not the other. */
static void
lint_carved(const struct policy *policy, struct problems *problems,
            struct arena *arena)
{
    size_t n = 0, n_words = policy->n_set_words;
    struct carve *carves;
    uint64_t *carved;

    for (size_t i = 0; i < policy->n_segments; i++) {
        n += policy->segments[i].def.n_networks +
             policy->segments[i].def.n_excludes;
    }
    carves = arena_array(arena, n, sizeof *carves);
    carved = arena_array(arena, policy->n_segments * n_words, sizeof *carved);
    if (!carves || !carved || !n) {
        return;
    }
    n = gather_carves(policy, carves);
    qsort(carves, n, sizeof *carves, carve_order);
    for (size_t i = 0; i < n; i++) {
        const struct carve *above = i ? &carves[i - 1] : NULL;

        while (above && !is_around(above->prefix, carves[i].prefix)) {
            above = above->above;
        }
        carves[i].above = above;
        if (!carves[i].excluded) {
            carve_from_above(policy, &carves[i], carved);
        }
    }
    for (size_t i = SEGMENT_N_BUILTIN; i < policy->n_segments; i++) {
        tell_carved(policy, problems, (segment_id)i, carved + i * n_words);
    }
}

static size_t
gather_carves(const struct policy *policy, struct carve *carves)
{
    size_t n = 0;

    for (size_t i = 0; i < policy->n_segments; i++) {
        const struct segment_def *def = &policy->segments[i].def;

        for (size_t k = 0; k < def->n_networks; k++) {
            carves[n++] = (struct carve){.prefix = &def->networks[k],
                                         .segment = (segment_id)i};
        }
        for (size_t k = 0; k < def->n_excludes; k++) {
            carves[n++] = (struct carve){.prefix = &def->excludes[k],
                                         .segment = (segment_id)i,
                                         .excluded = true};
        }
    }
    return n;
}

/* Whoever excludes the network itself knows. */
static void
carve_from_above(const struct policy *policy, const struct carve *inner,
                 uint64_t *carved)
{
    segment_id knows[CARVE_MAX_ABOVE];
    size_t n = 0;

    for (const struct carve *outer = inner->above; outer && n < CARVE_MAX_ABOVE;
         outer = outer->above) {
        bool known = outer->excluded || outer->segment == inner->segment ||
                     outer->prefix->length == inner->prefix->length;

        for (size_t i = 0; i < n && !known; i++) {
            known = knows[i] == outer->segment;
        }
        knows[n++] = outer->segment;
        if (!known) {
            set_add(carved + outer->segment * policy->n_set_words,
                    inner->segment);
        }
    }
}

static void
tell_carved(const struct policy *policy, struct problems *problems,
            segment_id outer, const uint64_t *carved)
{
    const struct segment *segment = &policy->segments[outer];
    segment_id inner = outer;
    const struct rule *rule = rule_with_half(policy, outer, carved, &inner);

    if (rule) {
        problem_set_rule(
            problems_add(problems, PROBLEM_INFO, "W-CARVE-OUT",
                         segment->at.file, segment->at.line, segment->at.column,
                         "'%s' is carved out of segment '%s', so rule '%s' "
                         "does not cover it; name both if it should",
                         policy->segments[inner].shown.name,
                         segment->shown.name, rule->shown.id),
            rule->shown.id);
    }
}

/* The first rule that names 'outer' and, on the same side, says nothing of some
 * segment in 'carved'. */
static const struct rule *
rule_with_half(const struct policy *policy, segment_id outer,
               const uint64_t *carved, segment_id *inner)
{
    for (size_t i = 0; i < policy->n_own; i++) {
        const struct rule *rule = &policy->rules[i];

        if (rule->shown.mode != MODE_DISABLED &&
            (side_has_half(policy, rule->from, rule->from_except, outer, carved,
                           inner) ||
             side_has_half(policy, rule->to, rule->to_except, outer, carved,
                           inner))) {
            return rule;
        }
    }
    return NULL;
}

static bool
side_has_half(const struct policy *policy, const uint64_t *side,
              const uint64_t *except, segment_id outer, const uint64_t *carved,
              segment_id *inner)
{
    for (size_t w = 0; set_has(side, outer) && w < policy->n_set_words; w++) {
        uint64_t left = carved[w] & ~side[w] & ~(except ? except[w] : 0);

        if (left) {
            *inner = (segment_id)(w * 64 + (size_t)__builtin_ctzll(left));
            return true;
        }
    }
    return false;
}

static bool
is_around(const struct prefix *outer, const struct prefix *inner)
{
    return outer->length <= inner->length &&
           prefix_contains(outer, &inner->addr);
}

/* Exclusions before networks: they speak of what is inside them. */
static int
carve_order(const void *a, const void *b)
{
    const struct carve *x = a, *y = b;
    int order = memcmp(&x->prefix->addr, &y->prefix->addr, sizeof(struct addr));

    if (order == 0) {
        order = (int)x->prefix->length - (int)y->prefix->length;
    }
    return order ? order : (int)y->excluded - (int)x->excluded;
}
