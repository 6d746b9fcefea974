/* Two fingerprints: of the bytes that were read, and of what they mean.
 *
 * The second is over a canonical form of the compiled policy: segments sorted
 * by name, sets sorted, names resolved.  Comments, quoting, the order of maps
 * and the names of sets do not change it; the order of rules does. */

#include "rules/policy_impl.h"

#include <nettle/sha2.h>
#include <stdlib.h>

struct digest {
    struct sha256_ctx context;
    const struct policy *policy;
    const uint32_t *by_name; /* Segments in the order of their names. */
    bool out_of_memory;
};

struct named_segment {
    const char *name;
    uint32_t id;
};

static void digest_segments(struct digest *);
static void digest_qualifiers(struct digest *,
                              const struct segment_qualifiers *);
static void digest_rule(struct digest *, const struct rule *);
static void digest_conditions(struct digest *, const struct rule *);
static void digest_rest(struct digest *);
static void digest_detect(struct digest *);
static void digest_number(struct digest *, int64_t);
static void digest_text(struct digest *, const char *);
static void digest_texts(struct digest *, const char *const *);
static void digest_globs(struct digest *, const struct glob_list *);
static void digest_set(struct digest *, const uint64_t *set);
static void digest_addrs(struct digest *, const struct addr_set *);
static void digest_prefixes(struct digest *, const struct prefix *, size_t n);
static void digest_apps(struct digest *, const struct app_set *);
static void digest_symbol(struct digest *, const struct name_map *,
                          uint16_t symbol);
static int name_order(const void *, const void *);
static int prefix_order(const void *, const void *);
static void write_hex(struct sha256_ctx *, char text[65]);

void
policy_hash_source(struct policy *policy, const char *const *bytes,
                   const size_t *sizes, size_t n)
{
    struct sha256_ctx context;

    sha256_init(&context);
    for (size_t i = 0; i < n; i++) {
        sha256_update(&context, sizes[i], (const uint8_t *)bytes[i]);
    }
    write_hex(&context, policy->source_sha256);
}

bool
policy_hash_canonical(struct policy *policy)
{
    struct named_segment *names = calloc(policy->n_segments, sizeof *names);
    uint32_t *by_name = calloc(policy->n_segments, sizeof *by_name);
    struct digest digest = {.policy = policy, .by_name = by_name};
    bool good = names && by_name;

    if (good) {
        for (uint32_t i = 0; i < policy->n_segments; i++) {
            names[i] =
                (struct named_segment){policy->segments[i].shown.name, i};
        }
        qsort(names, policy->n_segments, sizeof *names, name_order);
        for (size_t i = 0; i < policy->n_segments; i++) {
            by_name[i] = names[i].id;
        }
        sha256_init(&digest.context);
        digest_text(&digest, "segmon policy 1");
        digest_text(&digest, policy->name);
        digest_text(&digest, policy->revision);
        digest_segments(&digest);
        for (size_t i = 0; i < policy->n_rules; i++) {
            digest_rule(&digest, &policy->rules[i]);
        }
        digest_rest(&digest);
        write_hex(&digest.context, policy->sha256);
    }
    free(names);
    free(by_name);
    return good && !digest.out_of_memory;
}

void
hash_hex(const char *bytes, size_t n, char hex[65])
{
    struct sha256_ctx context;

    sha256_init(&context);
    sha256_update(&context, n, (const uint8_t *)bytes);
    write_hex(&context, hex);
}

static void
digest_segments(struct digest *digest)
{
    for (size_t i = 0; i < digest->policy->n_segments; i++) {
        const struct segment *segment =
            &digest->policy->segments[digest->by_name[i]];
        const struct segment_qualifiers *where = segment->def.qualifiers;

        digest_text(digest, segment->shown.name);
        digest_number(digest, segment->shown.criticality);
        digest_number(digest, segment->shown.external);
        digest_number(digest, segment->shown.translated);
        digest_number(digest, segment->has_intra ? (int)segment->intra : -1);
        digest_prefixes(digest, segment->def.networks, segment->def.n_networks);
        digest_prefixes(digest, segment->def.excludes, segment->def.n_excludes);
        digest_number(digest, where != NULL);
        if (where) {
            digest_qualifiers(digest, where);
        }
    }
}

static void
digest_qualifiers(struct digest *digest, const struct segment_qualifiers *where)
{
    digest_number(digest, where->vlans != NULL);
    for (uint16_t vlan = 0; where->vlans && vlan < SEGMENTS_N_VLANS; vlan++) {
        if (vlan_set_has(where->vlans, vlan)) {
            digest_number(digest, vlan);
        }
    }
    digest_globs(digest, &where->interfaces);
    digest_globs(digest, &where->sensors);
    for (size_t k = 0; k < where->n_macs; k++) {
        sha256_update(&digest->context, where->macs[k].length,
                      where->macs[k].byte);
    }
}

static void
digest_rule(struct digest *digest, const struct rule *rule)
{
    const struct policy_rule *shown = &rule->shown;
    size_t index = (size_t)(rule - digest->policy->rules);
    size_t own = digest->policy->n_own;

    digest_text(digest, shown->id);
    digest_text(digest, shown->title);
    digest_number(digest, shown->tier);
    digest_number(digest, shown->log ? -1 : (int)shown->action);
    digest_number(digest, shown->severity);
    digest_number(digest, shown->mode);
    digest_texts(digest, shown->attack);
    digest_texts(digest, shown->controls);
    digest_texts(digest, shown->tags);
    digest_text(digest, shown->conduit);
    digest_text(digest, shown->justification);
    digest_text(digest, shown->owner);
    digest_text(digest, shown->approved_by);
    digest_text(digest, shown->ticket);
    digest_number(digest, shown->starts.ns);
    digest_number(digest, shown->expires.ns);
    digest_number(digest, shown->threshold.count);
    digest_number(digest, shown->threshold.window_ns);
    digest_number(digest, shown->threshold.by);
    digest_number(digest, shown->realert_ns);
    if (shown->tier == TIER_PAIR) {
        digest_set(digest, digest->policy->pairs[index - own].from);
        digest_set(digest, digest->policy->pairs[index - own].to);
    } else if (shown->tier <= TIER_RULE) {
        digest_conditions(digest, rule);
    }
}

static void
digest_conditions(struct digest *digest, const struct rule *rule)
{
    digest_set(digest, rule->from);
    digest_set(digest, rule->to);
    digest_number(digest, rule->both_ways);
    digest_number(digest, rule->conditions);
    digest_number(digest, rule->requirements);
    digest_number(digest, (int64_t)rule->n_terms);
    for (size_t i = 0; i < rule->n_terms; i++) {
        digest_number(digest, rule->terms[i].space);
        digest_number(digest, rule->terms[i].first);
        digest_number(digest, rule->terms[i].last);
    }
    digest_addrs(digest, &rule->from_addr);
    digest_addrs(digest, &rule->to_addr);
    for (size_t i = 0; i < rule->src_port.n; i++) {
        digest_number(digest, rule->src_port.ranges[i].first);
        digest_number(digest, rule->src_port.ranges[i].last);
    }
    digest_apps(digest, &rule->app);
    for (size_t i = 0; i < rule->categories.n; i++) {
        digest_symbol(digest, &digest->policy->category_symbols,
                      rule->categories.symbols[i]);
    }
    for (size_t i = 0; i < rule->schedules.n; i++) {
        const struct schedule *schedule = rule->schedules.schedules[i];

        digest_number(digest, schedule->days);
        digest_number(digest, schedule->offset_minutes);
        for (size_t k = 0; k < schedule->n_hours; k++) {
            digest_number(digest, schedule->hours[k].start);
            digest_number(digest, schedule->hours[k].end);
        }
    }
    for (uint16_t vlan = 0; rule->vlans && vlan < SEGMENTS_N_VLANS; vlan++) {
        if (vlan_set_has(rule->vlans, vlan)) {
            digest_number(digest, vlan);
        }
    }
    digest_globs(digest, &rule->sensors);
    digest_globs(digest, &rule->interfaces);
    digest_globs(digest, &rule->sni);
    digest_globs(digest, &rule->host);
    digest_number(digest, (int64_t)rule->risks);
    digest_number(digest, rule->tls_versions);
    digest_number(digest, rule->ip_version);
    digest_apps(digest, &rule->require_app);
    digest_number(digest, rule->require_tls);
    digest_globs(digest, &rule->require_sni);
    digest_number(digest, (int64_t)rule->forbid_risk);
}

static void
digest_rest(struct digest *digest)
{
    const struct policy *policy = digest->policy;

    digest_number(digest, policy->midstream);
    digest_number(digest, policy->guesses_match);
    digest_detect(digest);
    digest_number(digest, policy->alerting.realert_ns);
    digest_number(digest, (int64_t)policy->alerting.max_active);
    digest_number(digest, policy->alerting.collapse_targets);
    for (size_t i = 0; i < sizeof policy->authorities / sizeof(struct addr_set);
         i++) {
        digest_number(digest, policy->has_authority[i]);
        digest_addrs(digest, &policy->authorities[i]);
    }
    for (size_t i = 0; i < policy->n_suppressions; i++) {
        const struct suppression *one = &policy->suppressions[i];

        digest_text(digest, one->id);
        digest_number(digest, one->any_src);
        digest_addrs(digest, &one->src);
        digest_number(digest, one->any_dst);
        digest_addrs(digest, &one->dst);
        digest_number(digest, one->until.ns);
        for (size_t k = 0; k < one->n_rules; k++) {
            digest_text(digest, policy->rules[one->rules[k]].shown.id);
        }
    }
}

/* The detectors' rules are digested with the other rules. */
static void
digest_detect(struct digest *digest)
{
    const struct detect_settings *detect = &digest->policy->detect;

    digest_number(digest, detect->on);
    for (size_t i = 0; i < N_DETECTORS; i++) {
        if (detect->on >> i & 1) {
            digest_addrs(digest, &detect->except[i]);
        }
    }
    for (size_t i = 0; i < N_DETECT_LIMITS; i++) {
        enum detector detector;
        enum detect_unit unit;

        detect_limit_key((enum detect_limit)i, &detector, &unit);
        if (detect->on >> detector & 1) {
            digest_number(digest, detect->limit[i]);
        }
    }
}

static void
digest_number(struct digest *digest, int64_t number)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    }
    sha256_update(&digest->context, sizeof bytes, bytes);
}

static void
digest_text(struct digest *digest, const char *text)
{
    size_t length = strlen(text);

    digest_number(digest, (int64_t)length);
    sha256_update(&digest->context, length, (const uint8_t *)text);
}

static void
digest_texts(struct digest *digest, const char *const *texts)
{
    for (; *texts; texts++) {
        digest_text(digest, *texts);
    }
    digest_number(digest, -1);
}

static void
digest_globs(struct digest *digest, const struct glob_list *list)
{
    digest_number(digest, (int64_t)list->n);
    for (size_t i = 0; i < list->n; i++) {
        digest_text(digest, list->globs[i]);
    }
}

static void
digest_set(struct digest *digest, const uint64_t *set)
{
    for (size_t i = 0; i < digest->policy->n_segments; i++) {
        uint32_t id = digest->by_name[i];

        if (set_has(set, id)) {
            digest_text(digest, digest->policy->segments[id].shown.name);
        }
    }
    digest_number(digest, -1);
}

static void
digest_addrs(struct digest *digest, const struct addr_set *set)
{
    digest_number(digest, (int64_t)set->n);
    for (size_t i = 0; i < set->n; i++) {
        sha256_update(&digest->context, 16, set->ranges[i].first.byte);
        sha256_update(&digest->context, 16, set->ranges[i].last.byte);
    }
}

/* In sorted order, whatever order they were written in. */
static void
digest_prefixes(struct digest *digest, const struct prefix *prefixes, size_t n)
{
    struct prefix *sorted = calloc(n + 1, sizeof *sorted);

    digest_number(digest, (int64_t)n);
    if (!sorted) {
        digest->out_of_memory = true;
        return;
    }
    if (n) {
        memcpy(sorted, prefixes, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, prefix_order);
    }
    for (size_t i = 0; i < n; i++) {
        sha256_update(&digest->context, 16, sorted[i].addr.byte);
        digest_number(digest, sorted[i].length);
    }
    free(sorted);
}

static void
digest_apps(struct digest *digest, const struct app_set *set)
{
    digest_number(digest, set->unknown);
    digest_number(digest, set->none);
    digest_number(digest, (int64_t)set->n);
    for (size_t i = 0; i < set->n; i++) {
        digest_symbol(digest, &digest->policy->app_symbols,
                      set->matches[i].master);
        digest_symbol(digest, &digest->policy->app_symbols,
                      set->matches[i].name);
    }
}

/* Numbers depend on what else the policy names; the name does not. */
static void
digest_symbol(struct digest *digest, const struct name_map *map,
              uint16_t symbol)
{
    for (size_t i = 0; symbol && i < map->capacity; i++) {
        if (map->slots[i].name && map->slots[i].value == symbol) {
            digest_text(digest, map->slots[i].name);
            return;
        }
    }
    digest_number(digest, -1);
}

static int
name_order(const void *a, const void *b)
{
    const struct named_segment *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int
prefix_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct prefix));
}

static void
write_hex(struct sha256_ctx *context, char text[65])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[SHA256_DIGEST_SIZE];

    sha256_digest(context, sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * sizeof bytes] = '\0';
}
