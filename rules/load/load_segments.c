/* Segments: the partition everything else refers to. */

#include "rules/load/policy_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const builtin_names[SEGMENT_N_BUILTIN] = {
    "internet", "unknown", "multicast", "broadcast", "link-local", "reserved"};

/* A network on its way to the search for conflicts. */
struct load_claim {
    const struct prefix *prefix;
    const struct segment *segment;
    const struct yaml_node *node;
};

static void load_conflicts(struct loader *);
static void find_conflicts(struct loader *, struct load_claim *, size_t n);
static void load_conflict(struct loader *, const struct load_claim *first,
                          const struct load_claim *last, uint8_t *clashes);
static bool claims_clash(const struct policy *, const struct load_claim *,
                         const struct load_claim *, uint8_t *known);
static void load_builtin_segments(struct loader *);
static void load_segment(struct loader *, const struct yaml_node *key,
                         const struct yaml_node *value, struct segment *);
static void load_networks(struct loader *, const struct yaml_node *,
                          const struct prefix **networks, size_t *n);
static void load_qualifiers(struct loader *, const struct load_fields *,
                            struct segment *);
static void load_labels(struct loader *, const struct yaml_node *,
                        struct segment *);
static void load_macs(struct loader *, const struct yaml_node *,
                      struct segment_qualifiers *);
static bool parse_mac(const char *text, struct mac_pattern *);
static int hex_value(char);
static int claim_order(const void *, const void *);

void
load_segments(struct loader *loader)
{
    struct policy *policy = loader->policy;
    struct load_defs defs = {0};

    load_defs_collect(loader, &defs, IN_TOP_SEGMENTS, "a segment");
    if (defs.n > SEGMENTS_MAX) {
        LOAD_ERROR(loader, "E-LIMIT", defs.defs[SEGMENTS_MAX].key,
                   "more than %d segments", SEGMENTS_MAX);
        defs.n = SEGMENTS_MAX;
    }
    policy->n_segments = SEGMENT_N_BUILTIN + defs.n;
    policy->n_set_words = (policy->n_segments + 63) / 64;
    policy->segments =
        load_alloc(loader, policy->n_segments, sizeof *policy->segments);
    if (!policy->segments || loader->out_of_memory) {
        return;
    }
    load_builtin_segments(loader);
    for (size_t i = 0; i < defs.n; i++) {
        uint32_t id = (uint32_t)(SEGMENT_N_BUILTIN + i), builtin;

        if (name_map_get(&loader->segments, defs.defs[i].name, &builtin)) {
            LOAD_ERROR(loader, "E-NAME", defs.defs[i].key,
                       "'%s' is a built-in segment", defs.defs[i].name);
            continue;
        }
        load_segment(loader, defs.defs[i].key, defs.defs[i].value,
                     &policy->segments[id]);
        loader->out_of_memory |=
            !name_map_add(&loader->scratch, &loader->segments,
                          policy->segments[id].shown.name, id);
    }
    load_conflicts(loader);
}

/* Two segments may not claim one prefix in one place. */
static void
load_conflicts(struct loader *loader)
{
    const struct policy *policy = loader->policy;
    struct load_claim *claims;
    size_t n = 0;

    for (size_t i = 0; i < policy->n_segments; i++) {
        n += policy->segments[i].def.n_networks;
    }
    if (n > SEGMENTS_MAX_NETWORKS) {
        problems_add(loader->problems, PROBLEM_ERROR, "E-LIMIT",
                     loader->docs[0].at->file, 1, 1,
                     "more than %d networks in all", SEGMENTS_MAX_NETWORKS);
        return;
    }
    claims = load_scratch(loader, n, sizeof *claims);
    if (!claims || !n) {
        return;
    }
    n = 0;
    for (size_t i = 0; i < policy->n_segments; i++) {
        for (size_t k = 0; k < policy->segments[i].def.n_networks; k++) {
            claims[n++] = (struct load_claim){
                .prefix = &policy->segments[i].def.networks[k],
                .segment = &policy->segments[i]};
        }
    }
    find_conflicts(loader, claims, n);
}

/* A segment may name a prefix more than once; that counts once. */
static void
find_conflicts(struct loader *loader, struct load_claim *claims, size_t n)
{
    size_t n_segments = loader->policy->n_segments, kept = 0;
    uint8_t *clashes = load_scratch(loader, n_segments * n_segments, 1);

    qsort(claims, n, sizeof *claims, claim_order);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || claim_order(&claims[kept - 1], &claims[i]) != 0) {
            claims[kept++] = claims[i];
        }
    }
    for (size_t first = 0, i = 1; clashes && i < kept; i++) {
        if (memcmp(claims[first].prefix, claims[i].prefix,
                   sizeof *claims[i].prefix) != 0) {
            first = i;
        } else {
            load_conflict(loader, claims + first, claims + i, clashes);
        }
    }
}

/* Holds 'last' against those before it that have the same prefix. */
static void
load_conflict(struct loader *loader, const struct load_claim *first,
              const struct load_claim *last, uint8_t *clashes)
{
    const struct segment *b = last->segment;
    char text[PREFIX_TEXT_SIZE];

    for (; first < last; first++) {
        const struct segment *a = first->segment;

        if (!claims_clash(loader->policy, first, last, clashes)) {
            continue;
        }
        problems_add(loader->problems, PROBLEM_ERROR, "E-SEG-CONFLICT",
                     b->at.file, b->at.line, b->at.column,
                     "segments '%s' and '%s' both claim %s in the same place; "
                     "give it to one, or tell them apart by vlans, interfaces "
                     "or sensors that do not overlap",
                     a->shown.name, b->shown.name,
                     prefix_format(last->prefix, text));
        return;
    }
}

/* What two segments' qualifiers have in common is found once. */
static bool
claims_clash(const struct policy *policy, const struct load_claim *a,
             const struct load_claim *b, uint8_t *known)
{
    size_t from = (size_t)(a->segment - policy->segments);
    size_t to = (size_t)(b->segment - policy->segments);
    uint8_t *answer = &known[from * policy->n_segments + to];

    if (!*answer) {
        *answer = segment_qualifiers_clash(a->segment->def.qualifiers,
                                           b->segment->def.qualifiers)
                      ? 1
                      : 2;
    }
    return *answer == 1;
}

bool
load_vlans(struct loader *loader, const struct yaml_node *node,
           struct vlan_set *set)
{
    bool good = true;

    for (size_t i = 0; i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);
        uint16_t first, last;

        if (!service_range_parse(one->text, 4094, &first, &last)) {
            LOAD_ERROR(loader, "E-TYPE", one,
                       "'%.60s' is no VLAN: write an id from 0 (untagged) to "
                       "4094 or a range such as 300-309",
                       one->text);
            good = false;
            continue;
        }
        vlan_set_add_range(set, first, last);
    }
    for (size_t i = 0; i < sizeof set->word / sizeof set->word[0]; i++) {
        loader->policy->vlans.word[i] |= set->word[i];
    }
    return good;
}

struct glob_list
load_globs(struct loader *loader, const struct yaml_node *node)
{
    return (struct glob_list){load_texts(loader, node), load_count(node)};
}

static void
load_builtin_segments(struct loader *loader)
{
    for (uint32_t i = 0; i < SEGMENT_N_BUILTIN; i++) {
        loader->policy->segments[i].shown =
            (struct policy_segment){.name = builtin_names[i],
                                    .criticality = LEVEL_MEDIUM,
                                    .external = i == SEGMENT_INTERNET,
                                    .builtin = true,
                                    .owner = "",
                                    .description = ""};
        loader->policy->segments[i].at.file = "";
        loader->out_of_memory |= !name_map_add(
            &loader->scratch, &loader->segments, builtin_names[i], i);
    }
}

static void
load_segment(struct loader *loader, const struct yaml_node *key,
             const struct yaml_node *value, struct segment *segment)
{
    struct load_fields in;
    int level, intra;

    segment->shown.name = load_text(loader, key);
    segment->shown.criticality = LEVEL_MEDIUM;
    segment->shown.owner = segment->shown.description = "";
    segment->at = load_position(loader, key);
    if (!load_fields(loader, value, SECTION_SEGMENT, &in)) {
        return;
    }
    if (in.value[IN_SEGMENT_NETWORKS] &&
        !load_count(in.value[IN_SEGMENT_NETWORKS])) {
        LOAD_ERROR(loader, "E-SEG-NETS", in.value[IN_SEGMENT_NETWORKS],
                   "segment '%s' has no networks: a segment is a set of "
                   "addresses",
                   key->text);
    }
    load_networks(loader, in.value[IN_SEGMENT_NETWORKS], &segment->def.networks,
                  &segment->def.n_networks);
    load_networks(loader, in.value[IN_SEGMENT_EXCLUDE], &segment->def.excludes,
                  &segment->def.n_excludes);
    load_qualifiers(loader, &in, segment);
    load_labels(loader, in.value[IN_SEGMENT_LABELS], segment);
    level = load_level(loader, in.value[IN_SEGMENT_CRITICALITY]);
    if (level == LEVEL_INFO) {
        LOAD_ERROR(loader, "E-TYPE", in.value[IN_SEGMENT_CRITICALITY],
                   "criticality is low, medium, high or critical");
    } else if (level > LEVEL_INFO) {
        segment->shown.criticality = (enum policy_level)level;
    }
    segment->shown.external = load_bool(loader, in.value[IN_SEGMENT_EXTERNAL]);
    segment->shown.translated =
        load_bool(loader, in.value[IN_SEGMENT_TRANSLATED]);
    segment->shown.owner = load_text(loader, in.value[IN_SEGMENT_OWNER]);
    segment->shown.description =
        load_text(loader, in.value[IN_SEGMENT_DESCRIPTION]);
    intra = load_decision(loader, in.value[IN_SEGMENT_INTRA]);
    if (intra >= 0) {
        segment->has_intra = true;
        segment->intra = (enum decision)intra;
    }
}

static void
load_networks(struct loader *loader, const struct yaml_node *node,
              const struct prefix **networks, size_t *n)
{
    struct prefix *prefixes =
        load_alloc(loader, load_count(node), sizeof *prefixes);

    *networks = prefixes;
    *n = 0;
    for (size_t i = 0; prefixes && i < load_count(node); i++) {
        *n += load_prefix(loader, load_item(node, i), &prefixes[*n]);
    }
}

static void
load_qualifiers(struct loader *loader, const struct load_fields *in,
                struct segment *segment)
{
    struct segment_qualifiers *qualifiers;
    const struct yaml_node *vlans = in->value[IN_SEGMENT_VLANS];
    const struct yaml_node *macs = in->value[IN_SEGMENT_MACS];

    if (!vlans && !macs && !in->value[IN_SEGMENT_INTERFACES] &&
        !in->value[IN_SEGMENT_SENSORS]) {
        return;
    }
    qualifiers = load_alloc(loader, 1, sizeof *qualifiers);
    if (!qualifiers) {
        return;
    }
    segment->def.qualifiers = qualifiers;
    qualifiers->interfaces =
        load_globs(loader, in->value[IN_SEGMENT_INTERFACES]);
    qualifiers->sensors = load_globs(loader, in->value[IN_SEGMENT_SENSORS]);
    if (vlans) {
        struct vlan_set *set = load_alloc(loader, 1, sizeof *set);

        if (set) {
            load_vlans(loader, vlans, set);
            qualifiers->vlans = set;
        }
    }
    if (macs) {
        load_macs(loader, macs, qualifiers);
        LOAD_WARN(loader, "W-MAC", macs,
                  "MAC addresses are seen on their own link only; behind a "
                  "router this segment is empty");
    }
}

static void
load_labels(struct loader *loader, const struct yaml_node *node,
            struct segment *segment)
{
    struct label *labels;

    if (!node) {
        return;
    }
    labels = load_alloc(loader, node->n, sizeof *labels);
    for (size_t i = 0; labels && i < node->n; i++) {
        const struct yaml_entry *entry = &node->entries[i];

        if (entry->value->kind != YAML_DOC_SCALAR) {
            LOAD_ERROR(loader, "E-TYPE", entry->value,
                       "label '%.60s' must be a word", entry->key->text);
            continue;
        }
        labels[segment->n_labels++] = (struct label){
            load_text(loader, entry->key), load_text(loader, entry->value)};
    }
    segment->labels = labels;
}

static void
load_macs(struct loader *loader, const struct yaml_node *node,
          struct segment_qualifiers *qualifiers)
{
    struct mac_pattern *macs =
        load_alloc(loader, load_count(node), sizeof *macs);

    qualifiers->macs = macs;
    for (size_t i = 0; macs && i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);

        if (parse_mac(one->text, &macs[qualifiers->n_macs])) {
            qualifiers->n_macs++;
        } else {
            LOAD_ERROR(loader, "E-TYPE", one,
                       "'%.60s' is no MAC address: write \"00:1b:1b:12:34:56\" "
                       "or \"00:1b:1b:*\"",
                       one->text);
        }
    }
}

static bool
parse_mac(const char *text, struct mac_pattern *mac)
{
    *mac = (struct mac_pattern){.length = 0};
    while (mac->length < 6) {
        int high, low;

        if (text[0] == '*') {
            return mac->length > 0 && !text[1];
        }
        high = hex_value(text[0]);
        low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0) {
            return false;
        }
        mac->byte[mac->length++] = (uint8_t)(high << 4 | low);
        text += 2;
        if (mac->length < 6 && *text++ != ':') {
            return false;
        }
    }
    return !*text;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
claim_order(const void *a, const void *b)
{
    const struct load_claim *x = a, *y = b;
    int order = memcmp(x->prefix, y->prefix, sizeof *x->prefix);

    if (order) {
        return order;
    }
    return x->segment < y->segment ? -1 : x->segment > y->segment;
}
