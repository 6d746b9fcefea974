/* Groups of segments and sets of addresses. */

#include "rules/load/policy_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum load_builtin_group {
    GROUP_ANY,
    GROUP_INTERNAL,
    GROUP_EXTERNAL
};

static const char *const builtin_groups[] = {"any", "internal", "external",
                                             NULL};

enum {
    LOAD_MAX_GROUP_DEPTH = 64,
    RANGES_OF_PREFIX = 2 /* At most; see addr_set_add(). */
};

static bool load_segment_name(struct loader *, const struct yaml_node *,
                              uint64_t *set, int depth);
static bool load_names(struct loader *, const struct yaml_node *, uint64_t *set,
                       int depth);
static void load_builtin_names(struct loader *);
static void load_builtin_group(struct loader *, int group, uint64_t *set);
static bool load_group(struct loader *, struct load_def *, int depth);
static void load_group_map(struct loader *, struct load_def *, int depth);
static void load_address_set(struct loader *, struct load_def *);
static bool load_addr_item(struct loader *, const struct yaml_node *,
                           struct addr_range *, size_t *n);
static size_t addr_set_add(struct addr_range *, const struct prefix *);
static void addr_set_sort(struct addr_range *, struct addr_set *);
static int range_order(const void *, const void *);

void
load_groups(struct loader *loader)
{
    struct load_defs *groups = &loader->groups;

    load_builtin_names(loader);
    load_defs_collect(loader, groups, IN_TOP_GROUPS, "a group");
    for (size_t i = 0; i < groups->n; i++) {
        uint32_t other;
        bool builtin = false;

        for (int k = 0; builtin_groups[k]; k++) {
            builtin |= strcmp(builtin_groups[k], groups->defs[i].name) == 0;
        }
        if (builtin ||
            name_map_get(&loader->segments, groups->defs[i].name, &other)) {
            LOAD_ERROR(loader, "E-NAME", groups->defs[i].key,
                       "'%s' is already the name of a %s", groups->defs[i].name,
                       builtin ? "built-in group" : "segment");
        }
    }
    for (size_t i = 0; i < groups->n && !loader->out_of_memory; i++) {
        load_group(loader, &groups->defs[i], 0);
    }
}

void
load_addresses(struct loader *loader)
{
    struct load_defs *sets = &loader->addresses;

    load_defs_collect(loader, sets, IN_TOP_ADDRESSES, "an address set");
    for (size_t i = 0; i < sets->n; i++) {
        load_address_set(loader, &sets->defs[i]);
    }
}

bool
load_segment_set(struct loader *loader, const struct yaml_node *node,
                 uint64_t *set)
{
    return load_names(loader, node, set, 0);
}

bool
load_addr_set(struct loader *loader, const struct yaml_node *node,
              struct addr_set *set)
{
    size_t capacity = RANGES_OF_PREFIX * load_count(node);
    struct addr_range *ranges;
    bool good = true;

    for (size_t i = 0; i < load_count(node); i++) {
        struct load_def *def =
            load_def_find(&loader->addresses, load_item(node, i)->text);

        if (def && load_count(node) == 1) { /* Sets are shared. */
            def->used = true;
            *set = def->is.addrs;
            return load_charge(loader, set->n, sizeof *set->ranges);
        }
        capacity += def ? def->is.addrs.n : 0;
    }
    ranges = load_alloc(loader, capacity, sizeof *ranges);
    *set = (struct addr_set){ranges, 0};
    if (!ranges) {
        return false;
    }
    for (size_t i = 0; i < load_count(node); i++) {
        good &= load_addr_item(loader, load_item(node, i), ranges, &set->n);
    }
    addr_set_sort(ranges, set);
    return good;
}

bool
load_prefix(struct loader *loader, const struct yaml_node *node,
            struct prefix *prefix)
{
    char text[PREFIX_TEXT_SIZE], host[PREFIX_TEXT_SIZE];

    if (node->kind != YAML_DOC_SCALAR || !prefix_parse(node->text, prefix)) {
        LOAD_ERROR(loader, "E-NET", node,
                   "'%.60s' is neither an address nor a CIDR such as "
                   "10.0.0.0/8 or \"2001:db8::/32\"",
                   node->kind == YAML_DOC_SCALAR
                       ? node->text
                       : yaml_doc_kind_name(node->kind));
        return false;
    }
    if (prefix_has_host_bits(prefix)) {
        struct prefix network = *prefix, one = *prefix;

        prefix_clear_host_bits(&network);
        one.length = 128;
        LOAD_ERROR(loader, "E-NET", node,
                   "%.60s has bits set beyond its length: write %s for the "
                   "network or %s for the host",
                   node->text, prefix_format(&network, text),
                   prefix_format(&one, host));
        return false;
    }
    return true;
}

uint64_t *
load_new_set(struct loader *loader)
{
    return load_alloc(loader, loader->policy->n_set_words, sizeof(uint64_t));
}

static bool
load_names(struct loader *loader, const struct yaml_node *node, uint64_t *set,
           int depth)
{
    bool good = true;

    for (size_t i = 0; set && i < load_count(node); i++) {
        good &= load_segment_name(loader, load_item(node, i), set, depth);
    }
    return good;
}

static bool
load_segment_name(struct loader *loader, const struct yaml_node *node,
                  uint64_t *set, int depth)
{
    const struct policy *policy = loader->policy;
    struct name_suggestion suggestion;
    struct load_def *group;
    uint32_t id;

    if (node->kind != YAML_DOC_SCALAR) {
        LOAD_ERROR(loader, "E-TYPE", node, "a name is wanted here, not %s",
                   yaml_doc_kind_name(node->kind));
        return false;
    }
    if (name_map_get(&loader->segments, node->text, &id)) {
        set_add(set, id);
        return true;
    }
    for (int i = 0; builtin_groups[i]; i++) {
        if (strcmp(builtin_groups[i], node->text) == 0) {
            load_builtin_group(loader, i, set);
            return true;
        }
    }
    group = load_def_find(&loader->groups, node->text);
    if (group) {
        group->used = true;
        if (group->state == DEF_RESOLVING) {
            LOAD_ERROR(loader, "E-CYCLE", node, "group '%s' contains itself",
                       node->text);
            return false;
        }
        if (!load_group(loader, group, depth)) {
            return false;
        }
        for (size_t i = 0; i < policy->n_set_words; i++) {
            set[i] |= group->is.segments[i];
        }
        return true;
    }
    load_suggestion(loader, &suggestion, node->text);
    for (size_t i = 0;
         i < policy->n_segments && suggestion.effort < suggestion.max_effort;
         i++) {
        if (policy->segments[i].shown.name) {
            name_suggestion_offer(&suggestion, policy->segments[i].shown.name);
        }
    }
    for (int i = 0; builtin_groups[i]; i++) {
        name_suggestion_offer(&suggestion, builtin_groups[i]);
    }
    load_defs_suggest(&loader->groups, &suggestion);
    load_unknown_name(loader, node, "segment or group", &suggestion);
    return false;
}

/* A segment may not be called as a group is. */
static void
load_builtin_names(struct loader *loader)
{
    for (int i = 0; builtin_groups[i]; i++) {
        const struct policy_position *at;
        uint32_t id;

        if (name_map_get(&loader->segments, builtin_groups[i], &id)) {
            at = &loader->policy->segments[id].at;
            problems_add(loader->problems, PROBLEM_ERROR, "E-NAME", at->file,
                         at->line, at->column, "'%s' is a built-in group",
                         builtin_groups[i]);
        }
    }
}

/* Found once, since large policies name them again and again. */
static void
load_builtin_group(struct loader *loader, int group, uint64_t *set)
{
    const struct policy *policy = loader->policy;
    uint64_t *members = loader->builtin_groups[group];
    bool first = !members;

    members = first ? load_new_set(loader) : members;
    for (size_t i = 0; members && first && i < policy->n_segments; i++) {
        const struct policy_segment *segment = &policy->segments[i].shown;

        if (group == GROUP_ANY ||
            (group == GROUP_INTERNAL && !segment->builtin &&
             !segment->external) ||
            (group == GROUP_EXTERNAL && segment->external)) {
            set_add(members, i);
        }
    }
    loader->builtin_groups[group] = members;
    for (size_t i = 0; members && i < policy->n_set_words; i++) {
        set[i] |= members[i];
    }
}

/* Returns false if it cannot be resolved; that was reported. */
static bool
load_group(struct loader *loader, struct load_def *group, int depth)
{
    if (group->state == DEF_RESOLVED) {
        return group->is.segments;
    }
    if (depth == LOAD_MAX_GROUP_DEPTH) {
        LOAD_ERROR(loader, "E-LIMIT", group->key,
                   "groups are nested more than %d deep", LOAD_MAX_GROUP_DEPTH);
        return false;
    }
    group->state = DEF_RESOLVING;
    group->is.segments = load_new_set(loader);
    if (group->is.segments) {
        if (group->value->kind == YAML_DOC_MAP) {
            load_group_map(loader, group, depth + 1);
        } else if (!load_is_empty(group->value)) {
            load_names(loader, group->value, group->is.segments, depth + 1);
        }
    }
    group->state = DEF_RESOLVED;
    return group->is.segments;
}

static void
load_group_map(struct loader *loader, struct load_def *group, int depth)
{
    uint64_t *except = load_new_set(loader);
    struct load_fields in;

    if (!except || !load_fields(loader, group->value, SECTION_GROUP, &in)) {
        return;
    }
    load_names(loader, in.value[IN_GROUP_MEMBERS], group->is.segments, depth);
    if (in.value[IN_GROUP_LABELS]) {
        load_labelled(loader, in.value[IN_GROUP_LABELS], group->is.segments);
    }
    load_names(loader, in.value[IN_GROUP_EXCEPT], except, depth);
    for (size_t i = 0; i < loader->policy->n_set_words; i++) {
        group->is.segments[i] &= ~except[i];
    }
}

static void
load_address_set(struct loader *loader, struct load_def *def)
{
    size_t n = load_count(def->value), n_ranges = 0;
    struct addr_range *ranges =
        load_alloc(loader, RANGES_OF_PREFIX * n, sizeof *ranges);

    if (def->value->kind == YAML_DOC_MAP || !n) {
        LOAD_ERROR(loader, load_empty_code(def->value), def->value,
                   "an address set is a list of addresses and CIDRs");
        return;
    }
    for (size_t k = 0; ranges && k < n; k++) {
        struct prefix prefix;

        if (load_prefix(loader, load_item(def->value, k), &prefix)) {
            n_ranges += addr_set_add(&ranges[n_ranges], &prefix);
        }
    }
    def->is.addrs = (struct addr_set){ranges, n_ranges};
    if (ranges) {
        addr_set_sort(ranges, &def->is.addrs);
    }
}

/* A name, an address or a CIDR. */
static bool
load_addr_item(struct loader *loader, const struct yaml_node *node,
               struct addr_range *ranges, size_t *n)
{
    struct load_def *def = load_def_find(&loader->addresses, node->text);
    struct name_suggestion suggestion;
    struct prefix prefix;

    if (def) {
        def->used = true;
        for (size_t i = 0; i < def->is.addrs.n; i++) {
            ranges[(*n)++] = def->is.addrs.ranges[i];
        }
        return true;
    }
    if (name_is_valid(node->text) && !addr_parse(node->text, &prefix.addr)) {
        load_suggestion(loader, &suggestion, node->text);
        load_defs_suggest(&loader->addresses, &suggestion);
        load_unknown_name(loader, node, "address set", &suggestion);
        return false;
    }
    if (!load_prefix(loader, node, &prefix)) {
        return false;
    }
    *n += addr_set_add(&ranges[*n], &prefix);
    return true;
}

/* IPv4 has its place among the IPv6 addresses and is none of them: what reaches
 * around it, such as ::/0, is two ranges.  Returns how many were written. */
static size_t
addr_set_add(struct addr_range *range, const struct prefix *prefix)
{
    static const struct addr_range ipv4 = {
        {{[10] = 0xff, [11] = 0xff}},
        {{[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}};
    static const struct addr before = {
        {[10] = 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff}};
    static const struct addr after = {{[9] = 1}};
    struct addr last = prefix->addr;

    for (unsigned bit = prefix->length; bit < 128; bit++) {
        last.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    range[0] = (struct addr_range){prefix->addr, last};
    if (addr_is_ipv4(&prefix->addr) ||
        memcmp(&prefix->addr, &ipv4.first, sizeof last) > 0 ||
        memcmp(&last, &ipv4.last, sizeof last) < 0) {
        return 1;
    }
    range[0].last = before;
    if (addr_equal(&last, &ipv4.last)) {
        return 1;
    }
    range[1] = (struct addr_range){after, last};
    return 2;
}

/* Sorted, with what is inside another left out. */
static void
addr_set_sort(struct addr_range *ranges, struct addr_set *set)
{
    size_t n = 0;

    if (set->n) {
        qsort(ranges, set->n, sizeof *ranges, range_order);
    }
    for (size_t i = 0; i < set->n; i++) {
        if (n == 0 || memcmp(&ranges[i].last, &ranges[n - 1].last,
                             sizeof ranges[i].last) > 0) {
            ranges[n++] = ranges[i];
        }
    }
    set->ranges = ranges;
    set->n = n;
}

/* Prefixes nest or are disjoint: outer ones first. */
static int
range_order(const void *a, const void *b)
{
    const struct addr_range *x = a, *y = b;
    int order = memcmp(&x->first, &y->first, sizeof x->first);

    return order ? order : memcmp(&y->last, &x->last, sizeof x->last);
}
