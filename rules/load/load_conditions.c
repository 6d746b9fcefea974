/* What a rule asks of a flow besides its segments, and what it requires. */

#include "rules/load/policy_load.h"

#include <string.h>

static void load_when(struct loader *, const struct yaml_node *, struct rule *);
static struct vlan_set *load_vlan_set(struct loader *,
                                      const struct yaml_node *);
static void load_require(struct loader *, const struct yaml_node *,
                         struct rule *);
static void load_src_ports(struct loader *, const struct yaml_node *,
                           struct rule *);
static struct glob_list load_host_patterns(struct loader *,
                                           const struct yaml_node *);
static unsigned load_tls_version(struct loader *, const struct yaml_node *);

static void
condition_set(struct rule *rule, enum rule_condition condition)
{
    rule->conditions |= 1U << condition;
}

void
load_conditions(struct loader *loader, const struct load_fields *in,
                struct rule *rule)
{
    const struct yaml_node *from_addr = in->value[IN_RULE_FROM_ADDR];
    const struct yaml_node *to_addr = in->value[IN_RULE_TO_ADDR];
    const struct yaml_node *app = in->value[IN_RULE_APP];
    const struct yaml_node *category = in->value[IN_RULE_APP_CATEGORY];

    if (from_addr) {
        condition_set(rule, CONDITION_FROM_ADDR);
        load_addr_set(loader, from_addr, &rule->from_addr);
    }
    if (to_addr) {
        condition_set(rule, CONDITION_TO_ADDR);
        load_addr_set(loader, to_addr, &rule->to_addr);
    }
    if (in->value[IN_RULE_SRC_PORT]) {
        condition_set(rule, CONDITION_SRC_PORT);
        load_src_ports(loader, in->value[IN_RULE_SRC_PORT], rule);
    }
    if (app) {
        condition_set(rule, CONDITION_APP);
        load_app_set(loader, app, &rule->app);
    }
    if (category) {
        condition_set(rule, CONDITION_APP_CATEGORY);
        rule->categories = load_categories(loader, category);
    }
    if (in->value[IN_RULE_WHEN]) {
        load_when(loader, in->value[IN_RULE_WHEN], rule);
    }
    if (in->value[IN_RULE_REQUIRE]) {
        load_require(loader, in->value[IN_RULE_REQUIRE], rule);
    }
}

static void
load_when(struct loader *loader, const struct yaml_node *node,
          struct rule *rule)
{
    static const char *const ip_versions[] = {"4", "6", NULL};
    const struct yaml_node *const *value;
    struct load_fields in;

    if (!load_fields(loader, node, SECTION_WHEN, &in)) {
        return;
    }
    value = in.value;
    if (value[IN_WHEN_SCHEDULE]) {
        condition_set(rule, CONDITION_SCHEDULE);
        rule->schedules = load_schedule_list(loader, value[IN_WHEN_SCHEDULE]);
    }
    if (value[IN_WHEN_VLAN]) {
        condition_set(rule, CONDITION_VLAN);
        rule->vlans = load_vlan_set(loader, value[IN_WHEN_VLAN]);
    }
    if (value[IN_WHEN_SENSOR]) {
        condition_set(rule, CONDITION_SENSOR);
        rule->sensors = load_globs(loader, value[IN_WHEN_SENSOR]);
    }
    if (value[IN_WHEN_INTERFACE]) {
        condition_set(rule, CONDITION_INTERFACE);
        rule->interfaces = load_globs(loader, value[IN_WHEN_INTERFACE]);
    }
    if (value[IN_WHEN_SNI]) {
        condition_set(rule, CONDITION_SNI);
        rule->sni = load_host_patterns(loader, value[IN_WHEN_SNI]);
    }
    if (value[IN_WHEN_HOST]) {
        condition_set(rule, CONDITION_HOST);
        rule->host = load_host_patterns(loader, value[IN_WHEN_HOST]);
    }
    if (value[IN_WHEN_RISK]) {
        condition_set(rule, CONDITION_RISK);
        rule->risks = load_risks(loader, value[IN_WHEN_RISK]);
    }
    if (value[IN_WHEN_TLS_VERSION]) {
        condition_set(rule, CONDITION_TLS_VERSION);
        for (size_t i = 0; i < load_count(value[IN_WHEN_TLS_VERSION]); i++) {
            rule->tls_versions |=
                (uint8_t)(1U << load_tls_version(
                              loader,
                              load_item(value[IN_WHEN_TLS_VERSION], i)));
        }
    }
    if (value[IN_WHEN_IP_VERSION]) {
        condition_set(rule, CONDITION_IP_VERSION);
        rule->ip_version = load_word(loader, value[IN_WHEN_IP_VERSION],
                                     "E-TYPE", ip_versions) == 1
                               ? 6
                               : 4;
    }
}

static struct vlan_set *
load_vlan_set(struct loader *loader, const struct yaml_node *node)
{
    struct vlan_set *set = load_alloc(loader, 1, sizeof *set);

    if (set) {
        load_vlans(loader, node, set);
    }
    return set;
}

static void
load_require(struct loader *loader, const struct yaml_node *node,
             struct rule *rule)
{
    const struct yaml_node *const *value;
    struct load_fields in;

    if (!load_fields(loader, node, SECTION_REQUIRE, &in)) {
        return;
    }
    value = in.value;
    if (rule->shown.log || rule->shown.action == DECISION_DENY) {
        LOAD_ERROR(loader, "E-REQUIRE", node,
                   "only allow and alert rules can require something; on a "
                   "%s rule use 'app' or 'when' to say what it matches",
                   rule->shown.log ? "log" : "deny");
        return;
    }
    if (value[IN_REQUIRE_APP]) {
        rule->requirements |= 1U << REQUIREMENT_APP;
        load_app_set(loader, value[IN_REQUIRE_APP], &rule->require_app);
    }
    if (value[IN_REQUIRE_TLS_MIN]) {
        rule->requirements |= 1U << REQUIREMENT_TLS_MIN;
        rule->require_tls =
            (uint8_t)load_tls_version(loader, value[IN_REQUIRE_TLS_MIN]);
    }
    if (value[IN_REQUIRE_SNI]) {
        rule->requirements |= 1U << REQUIREMENT_SNI;
        rule->require_sni = load_host_patterns(loader, value[IN_REQUIRE_SNI]);
    }
    if (value[IN_REQUIRE_FORBID_RISK]) {
        rule->requirements |= 1U << REQUIREMENT_FORBID_RISK;
        rule->forbid_risk = load_risks(loader, value[IN_REQUIRE_FORBID_RISK]);
    }
    if (value[IN_REQUIRE_ONE_WAY] &&
        load_bool(loader, value[IN_REQUIRE_ONE_WAY])) {
        rule->requirements |= 1U << REQUIREMENT_ONE_WAY;
    }
}

static void
load_src_ports(struct loader *loader, const struct yaml_node *node,
               struct rule *rule)
{
    size_t n = load_count(node);
    struct port_range *ranges = load_alloc(loader, n, sizeof *ranges);

    for (size_t i = 0; ranges && i < n; i++) {
        const struct yaml_node *one = load_item(node, i);

        if (!service_range_parse(one->text, UINT16_MAX, &ranges[i].first,
                                 &ranges[i].last)) {
            LOAD_ERROR(loader, "E-SERVICE", one,
                       "'%.60s' is no port: write 68 or 1024-65535", one->text);
        }
    }
    rule->src_port = (struct port_list){ranges, ranges ? n : 0};
}

static struct glob_list
load_host_patterns(struct loader *loader, const struct yaml_node *node)
{
    for (size_t i = 0; i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);

        if (!host_pattern_is_valid(one->text)) {
            LOAD_ERROR(loader, "E-NAME", one,
                       "'%.60s' is no pattern for a host name: a label is "
                       "spelled out, '*' (exactly one label) or '**' (one or "
                       "more)",
                       one->text);
        }
    }
    return load_globs(loader, node);
}

/* As tls_rank(). */
static unsigned
load_tls_version(struct loader *loader, const struct yaml_node *node)
{
    static const char *const words[] = {"1.0", "1.1", "1.2", "1.3", NULL};
    int word = load_word(loader, node, "E-TYPE", words);

    return word < 0 ? 0 : (unsigned)word + 2;
}
