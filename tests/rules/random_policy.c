/* See random_policy.h. */

#include "tests/rules/random_policy.h"

#include <stdio.h>
#include <string.h>

static void draw_sizes(struct choices *, struct random_policy *);
static void draw_segment(struct choices *, struct random_policy *, unsigned);
static void draw_rule(struct choices *, const struct random_policy *,
                      struct random_rule *);
static void draw_conditions(struct choices *, const struct random_policy *,
                            struct random_rule *);
static void draw_when(struct choices *, struct random_rule *);
static void draw_require(struct choices *, const struct random_policy *,
                         struct random_rule *);

/* One to 'most' numbers below 'n'. */
static struct random_list
draw_list(struct choices *choices, uint32_t n, uint32_t most)
{
    struct random_list list = {.n = 0};

    if (n) {
        list.n =
            (uint8_t)(1 + (chance(choices, 3) ? choose(choices, most) : 0));
    }
    for (unsigned i = 0; i < list.n; i++) {
        list.item[i] = (uint8_t)choose(choices, n);
    }
    return list;
}

/* As draw_list(), or empty: a key is absent as often as not. */
static struct random_list
draw_some(struct choices *choices, uint32_t one_in, uint32_t n)
{
    static const struct random_list none;

    return chance(choices, one_in) ? draw_list(choices, n, 3) : none;
}

/* Of the table, or a network of any length in 10.0.0.0/8. */
static struct prefix
draw_prefix(struct choices *choices)
{
    uint32_t number = choose(choices, RANDOM_N_PREFIXES + 10);
    struct prefix prefix;

    if (number < RANDOM_N_PREFIXES &&
        prefix_parse(random_prefixes[number], &prefix)) {
        return prefix;
    }
    prefix.addr = addr_from_ipv4((const uint8_t[4]){
        10, (uint8_t)choose(choices, 4), (uint8_t)choose(choices, 256),
        (uint8_t)choose(choices, 256)});
    prefix.length = (uint8_t)(PREFIX_IPV4_BITS + 8 + choose(choices, 25));
    prefix_clear_host_bits(&prefix);
    return prefix;
}

static struct random_prefixes
draw_prefixes(struct choices *choices, uint32_t most)
{
    struct random_prefixes prefixes = {
        .n = (uint8_t)(1 + choose(choices, most))};

    for (unsigned i = 0; i < prefixes.n; i++) {
        prefixes.prefix[i] = draw_prefix(choices);
    }
    return prefixes;
}

static enum random_action
draw_decision(struct choices *choices)
{
    static const enum random_action decisions[] = {
        RANDOM_DENY, RANDOM_ALLOW, RANDOM_ALERT, RANDOM_OBSERVE};

    return decisions[choose(choices, 4)];
}

/* Names of the language, of segments (those twice as often) and of the first
 * groups. */
static struct random_list
draw_names(struct choices *choices, const struct random_policy *policy,
           unsigned groups)
{
    unsigned first = RANDOM_SEGMENT, second = first + policy->n_segments;
    unsigned end = second + policy->n_segments;
    struct random_list list = draw_list(choices, end + groups, 3);

    for (unsigned i = 0; i < list.n; i++) {
        unsigned item = list.item[i];

        if (item >= end) {
            item += RANDOM_GROUP - end;
        } else if (item >= second) {
            item -= policy->n_segments;
        }
        list.item[i] = (uint8_t)item;
    }
    return list;
}

void
random_policy_draw(struct choices *choices, struct random_policy *policy)
{
    memset(policy, 0, sizeof *policy);
    draw_sizes(choices, policy);
    for (unsigned i = 0; i < policy->n_segments; i++) {
        draw_segment(choices, policy, i);
    }
    for (unsigned i = 0; i < policy->n_groups; i++) {
        struct random_group *group = &policy->groups[i];

        group->is_list = chance(choices, 2);
        group->members = draw_names(choices, policy, i);
        if (!group->is_list) {
            group->zones = (uint8_t)choose(choices, 8);
            group->except = chance(choices, 2) ? draw_names(choices, policy, i)
                                               : (struct random_list){0};
        }
    }
    for (unsigned i = 0; i < policy->n_address_sets; i++) {
        policy->address_sets[i] = draw_prefixes(choices, RANDOM_MAX_ITEMS);
    }
    for (unsigned i = 0; i < policy->n_services; i++) {
        policy->services[i] = draw_list(choices, RANDOM_N_TERMS + i, 4);
    }
    for (unsigned i = 0; i < policy->n_app_sets; i++) {
        policy->app_sets[i] = draw_list(choices, RANDOM_N_APPS, 4);
    }
    for (unsigned i = 0; i < policy->n_schedules; i++) {
        policy->schedules[i].days = draw_some(choices, 2, RANDOM_N_DAYS);
        policy->schedules[i].hours = draw_some(choices, 2, RANDOM_N_HOURS);
        policy->schedules[i].zone = (uint8_t)choose(choices, RANDOM_N_ZONES);
    }
    for (unsigned i = 0; i < policy->n_rules; i++) {
        draw_rule(choices, policy, &policy->rules[i]);
    }
    for (unsigned i = 0; i < policy->n_pairs; i++) {
        struct random_pair *pair = &policy->pairs[i];

        pair->from = draw_names(choices, policy, policy->n_groups);
        pair->to = draw_names(choices, policy, policy->n_groups);
        pair->decision = draw_decision(choices);
        if (!random_policy_segments(policy, &pair->from)) {
            pair->from = (struct random_list){1, {RANDOM_ANY}};
        }
        if (!random_policy_segments(policy, &pair->to)) {
            pair->to = (struct random_list){1, {RANDOM_ANY}};
        }
    }
}

static void
draw_sizes(struct choices *choices, struct random_policy *policy)
{
    policy->inter = draw_decision(choices);
    policy->intra = draw_decision(choices);
    policy->unknown = draw_decision(choices);
    policy->multicast = draw_decision(choices);
    policy->link_scope = draw_decision(choices);
    policy->midstream = (uint8_t)(choose(choices, 8) % 7 % 3);
    policy->guesses_match = chance(choices, 4);
    policy->extras = (uint8_t)choose(choices, 16);
    policy->n_segments = (uint8_t)choose(choices, RANDOM_MAX_SEGMENTS + 1);
    policy->n_groups = (uint8_t)choose(choices, RANDOM_MAX_GROUPS + 1);
    policy->n_address_sets = (uint8_t)choose(choices, RANDOM_MAX_SETS + 1);
    policy->n_services = (uint8_t)choose(choices, RANDOM_MAX_SETS + 1);
    policy->n_app_sets = (uint8_t)choose(choices, RANDOM_MAX_SETS + 1);
    policy->n_schedules = (uint8_t)choose(choices, RANDOM_MAX_SCHEDULES + 1);
    policy->n_guardrails = (uint8_t)choose(choices, RANDOM_MAX_GUARDRAILS + 1);
    policy->n_pairs = (uint8_t)choose(choices, RANDOM_MAX_PAIRS + 1);
    policy->n_rules = (uint8_t)(policy->n_guardrails +
                                choose(choices, chance(choices, 4) ? 40 : 10));
}

static uint32_t
values_of(const struct random_word *words, const struct random_list *list)
{
    uint32_t values = 0;

    for (unsigned i = 0; i < list->n; i++) {
        values |= words[list->item[i]].values;
    }
    return values;
}

static bool
lists_clash(const struct random_word *words, const struct random_list *a,
            const struct random_list *b)
{
    return a->n == 0 || values_of(words, a) & values_of(words, b);
}

/* Both could hold in one place, and neither has more kinds of qualifiers. */
static bool
segments_clash(const struct random_segment *a, const struct random_segment *b)
{
    return !a->vlans.n == !b->vlans.n && !a->interfaces.n == !b->interfaces.n &&
           !a->sensors.n == !b->sensors.n && !a->macs.n == !b->macs.n &&
           lists_clash(random_vlans, &a->vlans, &b->vlans) &&
           lists_clash(random_interfaces, &a->interfaces, &b->interfaces) &&
           lists_clash(random_sensors, &a->sensors, &b->sensors) &&
           lists_clash(random_macs, &a->macs, &b->macs);
}

static bool
prefixes_have(const struct random_prefixes *prefixes,
              const struct prefix *prefix)
{
    for (unsigned i = 0; i < prefixes->n; i++) {
        if (prefixes->prefix[i].length == prefix->length &&
            addr_equal(&prefixes->prefix[i].addr, &prefix->addr)) {
            return true;
        }
    }
    return false;
}

/* Another segment, not to be told apart from this one, claims the prefix. */
static bool
is_claimed(const struct random_policy *policy, unsigned number,
           const struct prefix *prefix)
{
    for (unsigned i = 0; i < number; i++) {
        const struct random_segment *other = &policy->segments[i];

        if (prefixes_have(&other->networks, prefix) &&
            segments_clash(other, &policy->segments[number])) {
            return true;
        }
    }
    return false;
}

static void
draw_segment(struct choices *choices, struct random_policy *policy,
             unsigned number)
{
    struct random_segment *segment = &policy->segments[number];
    struct random_prefixes wanted = draw_prefixes(choices, RANDOM_MAX_ITEMS);

    segment->vlans = draw_some(choices, 4, RANDOM_N_VLANS);
    segment->interfaces = draw_some(choices, 5, RANDOM_N_INTERFACES);
    segment->sensors = draw_some(choices, 5, RANDOM_N_SENSORS);
    segment->macs = draw_some(choices, 8, RANDOM_N_MACS);
    for (unsigned i = 0; i < wanted.n; i++) {
        if (!is_claimed(policy, number, &wanted.prefix[i])) {
            segment->networks.prefix[segment->networks.n++] = wanted.prefix[i];
        }
    }
    if (!segment->networks.n) { /* Nobody else can have drawn that one. */
        segment->networks.n = 1;
        segment->networks.prefix[0].addr =
            addr_from_ipv4((const uint8_t[4]){10, 200, (uint8_t)number, 0});
        segment->networks.prefix[0].length = PREFIX_IPV4_BITS + 24;
    }
    if (chance(choices, 3)) {
        segment->excludes = draw_prefixes(choices, 2);
    }
    segment->zone = (uint8_t)choose(choices, 3);
    segment->external = chance(choices, 4);
    segment->translated = chance(choices, 4);
    segment->has_intra = chance(choices, 3);
    segment->intra = draw_decision(choices);
}

static struct random_addrs
draw_addrs(struct choices *choices, const struct random_policy *policy)
{
    struct random_addrs addrs = {.sets = {0}};

    if (policy->n_address_sets && chance(choices, 2)) {
        addrs.sets = draw_list(choices, policy->n_address_sets, 2);
    }
    if (!addrs.sets.n || chance(choices, 3)) {
        addrs.prefixes = draw_prefixes(choices, RANDOM_MAX_ITEMS);
    }
    return addrs;
}

/* A side of a rule; what would be empty is "any". */
static void
draw_side(struct choices *choices, const struct random_policy *policy,
          struct random_list *names, struct random_list *except)
{
    *names = draw_names(choices, policy, policy->n_groups);
    if (chance(choices, 5)) {
        *except = draw_names(choices, policy, policy->n_groups);
    }
    if (!(random_policy_segments(policy, names) &
          ~random_policy_segments(policy, except))) {
        *names = (struct random_list){1, {RANDOM_ANY}};
        except->n = 0;
    }
}

static void
draw_rule(struct choices *choices, const struct random_policy *policy,
          struct random_rule *rule)
{
    static const enum random_action actions[] = {RANDOM_ALLOW, RANDOM_ALLOW,
                                                 RANDOM_DENY,  RANDOM_DENY,
                                                 RANDOM_ALERT, RANDOM_LOG};

    rule->action = actions[choose(choices, 6)];
    draw_side(choices, policy, &rule->from, &rule->from_except);
    draw_side(choices, policy, &rule->to, &rule->to_except);
    rule->both_ways = chance(choices, 5);
    if (!chance(choices, 3)) {
        rule->services =
            draw_list(choices, RANDOM_N_TERMS + policy->n_services, 4);
    }
    rule->staged = chance(choices, 6);
    rule->disabled = !rule->staged && chance(choices, 12);
    if (chance(choices, 6)) {
        rule->has_starts = chance(choices, 2);
        rule->has_expires = !rule->has_starts || chance(choices, 2);
        rule->starts = (uint8_t)choose(choices, RANDOM_N_DATES - 1);
        rule->expires = (uint8_t)choose(choices, RANDOM_N_DATES);
        if (rule->has_starts && rule->expires <= rule->starts) {
            rule->expires = RANDOM_N_DATES - 1;
        }
    }
    rule->meta = chance(choices, 4) ? (uint8_t)choose(choices, 256) : 0;
    if (chance(choices, 2)) {
        draw_conditions(choices, policy, rule);
    }
    if ((rule->action == RANDOM_ALLOW || rule->action == RANDOM_ALERT) &&
        chance(choices, 2)) {
        draw_require(choices, policy, rule);
    }
}

static void
draw_conditions(struct choices *choices, const struct random_policy *policy,
                struct random_rule *rule)
{
    if (chance(choices, 5)) {
        rule->from_addr = draw_addrs(choices, policy);
    }
    if (chance(choices, 5)) {
        rule->to_addr = draw_addrs(choices, policy);
    }
    rule->src_ports = draw_some(choices, 8, RANDOM_N_PORT_RANGES);
    if (chance(choices, 3)) {
        rule->apps = draw_list(choices, RANDOM_N_APPS + policy->n_app_sets, 3);
    }
    rule->categories = draw_some(choices, 10, RANDOM_N_CATEGORIES);
    rule->schedules = draw_some(choices, 6, policy->n_schedules);
    if (chance(choices, 2)) {
        draw_when(choices, rule);
    }
}

static void
draw_when(struct choices *choices, struct random_rule *rule)
{
    rule->vlans = draw_some(choices, 6, RANDOM_N_VLANS);
    rule->sensors = draw_some(choices, 8, RANDOM_N_SENSORS);
    rule->interfaces = draw_some(choices, 8, RANDOM_N_INTERFACES);
    rule->sni = draw_some(choices, 5, RANDOM_N_HOSTS);
    rule->host = draw_some(choices, 6, RANDOM_N_HOSTS);
    rule->risks = draw_some(choices, 6, RANDOM_N_RISKS);
    rule->tls_versions = draw_some(choices, 6, 4);
    rule->ip_version =
        chance(choices, 8) ? (uint8_t)(4 + 2 * choose(choices, 2)) : 0;
}

static void
draw_require(struct choices *choices, const struct random_policy *policy,
             struct random_rule *rule)
{
    if (chance(choices, 3)) {
        rule->require_apps =
            draw_list(choices, RANDOM_N_APPS + policy->n_app_sets, 3);
    }
    rule->require_tls =
        chance(choices, 3) ? (uint8_t)(2 + choose(choices, 4)) : 0;
    rule->require_sni = draw_some(choices, 3, RANDOM_N_HOSTS);
    rule->require_risks = draw_some(choices, 4, RANDOM_N_RISKS);
    rule->require_one_way = chance(choices, 4);
}

static uint32_t
group_segments(const struct random_policy *policy,
               const struct random_group *group)
{
    uint32_t members = random_policy_segments(policy, &group->members);

    for (unsigned i = 0; i < policy->n_segments; i++) {
        if (group->zones >> policy->segments[i].zone & 1) {
            members |= 1U << (RANDOM_N_BUILTIN_SEGMENTS + i);
        }
    }
    return members & ~random_policy_segments(policy, &group->except);
}

static uint32_t
external_segments(const struct random_policy *policy, bool external)
{
    uint32_t set = external; /* The internet is the first. */

    for (unsigned i = 0; i < policy->n_segments; i++) {
        if (policy->segments[i].external == external) {
            set |= 1U << (RANDOM_N_BUILTIN_SEGMENTS + i);
        }
    }
    return set;
}

uint32_t
random_policy_segments(const struct random_policy *policy,
                       const struct random_list *names)
{
    uint32_t set = 0;

    for (unsigned i = 0; i < names->n; i++) {
        unsigned name = names->item[i];

        if (name < RANDOM_N_BUILTIN_SEGMENTS) {
            set |= 1U << name;
        } else if (name == RANDOM_ANY) {
            set |= (1U << (RANDOM_N_BUILTIN_SEGMENTS + policy->n_segments)) - 1;
        } else if (name < RANDOM_SEGMENT) {
            set |= external_segments(policy, name == RANDOM_EXTERNAL);
        } else if (name < RANDOM_GROUP) {
            set |= 1U << (RANDOM_N_BUILTIN_SEGMENTS + name - RANDOM_SEGMENT);
        } else {
            set |= group_segments(policy, &policy->groups[name - RANDOM_GROUP]);
        }
    }
    return set;
}

const char *
random_policy_rule_id(const struct random_policy *policy, unsigned rule,
                      char text[24])
{
    static const char *const defaults[] = {
        "default:inter",     "default:intra",      "default:unknown",
        "default:multicast", "default:link-scope", "default:midstream"};

    if (rule < policy->n_guardrails) {
        snprintf(text, 24, "g%u", rule);
    } else if (rule < policy->n_rules) {
        snprintf(text, 24, "r%u", rule - policy->n_guardrails);
    } else if (rule < policy->n_rules + policy->n_pairs) {
        snprintf(text, 24, "pair:p%u", rule - policy->n_rules);
    } else {
        snprintf(text, 24, "%s",
                 defaults[(rule - policy->n_rules - policy->n_pairs) % 6]);
    }
    return text;
}
