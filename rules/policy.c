/* What everybody may ask of a policy; see policy.h. */

#include "rules/policy.h"

#include "rules/policy_impl.h"

#include <stdlib.h>

static uint16_t symbol_get(const struct name_map *, const char *name);

struct policy *
policy_new(void)
{
    struct policy *policy = calloc(1, sizeof *policy);

    if (policy) {
        atomic_init(&policy->references, 1);
        policy->self = policy;
        policy->name = policy->revision = "";
        policy->owner = policy->review_by = "";
        policy->severity = LEVEL_MEDIUM;
        policy->alerting =
            (struct policy_alerting){.realert_ns = 3600 * SECOND_NS,
                                     .max_active = 100000,
                                     .collapse_targets = 50};
    }
    return policy;
}

struct policy *
policy_observe_all(void)
{
    static const char text[] =
        "version: 1\n"
        "policy: {name: observe-all, revision: builtin}\n"
        "defaults: {inter: observe, intra: observe, unknown: observe,\n"
        "           multicast: observe, link_scope: observe}\n";

    return policy_load_bytes("observe-all", text, sizeof text - 1, NULL, NULL);
}

struct policy *
policy_ref(struct policy *policy)
{
    atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

struct policy *
policy_hold(const struct policy *policy)
{
    return policy_ref(policy->self);
}

void
policy_unref(struct policy *policy)
{
    if (policy && atomic_fetch_sub_explicit(&policy->references, 1,
                                            memory_order_acq_rel) == 1) {
        arena_done(&policy->arena);
        free(policy);
    }
}

const char *
policy_name(const struct policy *policy)
{
    return policy->name;
}

const char *
policy_revision(const struct policy *policy)
{
    return policy->revision;
}

bool
policy_asks_replied(const struct policy *policy)
{
    for (size_t i = 0; i < policy->n_rules; i++) {
        if (policy->rules[i].requirements & 1U << REQUIREMENT_ONE_WAY) {
            return true;
        }
    }
    return false;
}

const char *
policy_sha256(const struct policy *policy)
{
    return policy->sha256;
}

const char *
policy_source_sha256(const struct policy *policy)
{
    return policy->source_sha256;
}

size_t
policy_n_segments(const struct policy *policy)
{
    return policy->n_segments;
}

const struct policy_segment *
policy_segment(const struct policy *policy, segment_id segment)
{
    return &policy->segments[segment].shown;
}

size_t
policy_n_rules(const struct policy *policy)
{
    return policy->n_rules;
}

const struct policy_rule *
policy_rule(const struct policy *policy, uint32_t rule)
{
    return &policy->rules[rule].shown;
}

segment_id
policy_locate(const struct policy *policy, const struct addr *addr,
              const struct policy_place *place)
{
    return segments_locate(policy->locator, addr, place);
}

uint16_t
policy_vlan_context(const struct policy *policy, uint16_t vlan)
{
    return vlan_set_has(&policy->vlans, vlan) ? vlan : 0;
}

uint16_t
policy_app_symbol(const struct policy *policy, const char *name)
{
    return symbol_get(&policy->app_symbols, name);
}

uint16_t
policy_category_symbol(const struct policy *policy, const char *name)
{
    return symbol_get(&policy->category_symbols, name);
}

const struct policy_alerting *
policy_alerting(const struct policy *policy)
{
    return &policy->alerting;
}

const char *
policy_suppressed(const struct policy *policy, uint32_t rule,
                  const struct addr *src, const struct addr *dst,
                  struct wall_time when)
{
    for (size_t i = 0; i < policy->n_suppressions; i++) {
        const struct suppression *s = &policy->suppressions[i];
        bool hit = when.ns < s->until.ns &&
                   (s->any_src || addr_set_has(&s->src, src)) &&
                   (s->any_dst || addr_set_has(&s->dst, dst));
        bool rule_hit = s->n_rules == 0;

        for (size_t k = 0; hit && !rule_hit && k < s->n_rules; k++) {
            rule_hit = s->rules[k] == rule;
        }
        if (hit && rule_hit) {
            return s->id;
        }
    }
    return NULL;
}

const char *
decision_name(enum decision decision)
{
    static const char *const names[] = {
        [DECISION_PENDING] = "pending", [DECISION_ALLOW] = "allow",
        [DECISION_DENY] = "deny",       [DECISION_ALERT] = "alert",
        [DECISION_OBSERVE] = "observe", [DECISION_RELATED] = "related",
    };

    return names[decision];
}

const char *
level_name(enum policy_level level)
{
    static const char *const names[] = {"info", "low", "medium", "high",
                                        "critical"};

    return names[level];
}

const char *
tier_name(enum policy_tier tier)
{
    static const char *const names[] = {"guardrail", "rule", "pair", "default",
                                        "detector"};

    return names[tier];
}

/* Symbols are kept in lower case. */
static uint16_t
symbol_get(const struct name_map *map, const char *name)
{
    char folded[NAME_MAX_COMPARED * 2];
    uint32_t symbol;
    size_t n = 0;

    for (; name[n] && n < sizeof folded - 1; n++) {
        folded[n] = name_fold(name[n]);
    }
    folded[n] = '\0';
    return name_map_get(map, folded, &symbol) ? (uint16_t)symbol : 0;
}
