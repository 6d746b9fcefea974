/* The YAML of a random policy. */

#include "tests/rules/random_policy.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text so far; running out of room ends the test program. */
struct page {
    char *text;
    size_t n;
};

static void put(struct page *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put_head(struct page *, const struct random_policy *);
static void put_segment(struct page *, const struct random_segment *,
                        unsigned number);
static void put_groups(struct page *, const struct random_policy *);
static void put_sets(struct page *, const struct random_policy *);
static void put_rule(struct page *, const struct random_policy *,
                     unsigned number);
static void put_addrs(struct page *, const char *key,
                      const struct random_addrs *);
static void put_when(struct page *, const struct random_rule *);
static void put_require(struct page *, const struct random_rule *);
static void put_meta(struct page *, const struct random_rule *);
static void put_extras(struct page *, const struct random_policy *);

static const char *const actions[] = {"allow", "deny", "alert", "log",
                                      "observe"};
static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3"};

size_t
random_policy_write(const struct random_policy *policy,
                    char text[RANDOM_MAX_TEXT]) /* NOLINT(*-non-const-*) */
{
    struct page page = {text, 0};

    put_head(&page, policy);
    put(&page, "segments:\n");
    for (unsigned i = 0; i < policy->n_segments; i++) {
        put_segment(&page, &policy->segments[i], i);
    }
    put_groups(&page, policy);
    put_sets(&page, policy);
    put(&page, "guardrails:\n");
    for (unsigned i = 0; i < policy->n_rules; i++) {
        if (i == policy->n_guardrails) {
            put(&page, "rules:\n");
        }
        put_rule(&page, policy, i);
    }
    put_extras(&page, policy);
    return page.n;
}

static void
put(struct page *page, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(page->text + page->n, RANDOM_MAX_TEXT - page->n, format,
                       arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= RANDOM_MAX_TEXT - page->n) {
        abort();
    }
    page->n += (size_t)length;
}

/* Words by number: those of a table whose rows begin with the text, then what
 * the policy defines. */
struct vocabulary {
    const void *rows;
    size_t row_bytes;
    unsigned n;
    const char *own; /* "svc": svc0, svc1, ... */
};

#define VOCABULARY(TABLE, OWN)                                                 \
    {                                                                          \
        (TABLE), sizeof(TABLE)[0], sizeof(TABLE) / sizeof(TABLE)[0], OWN       \
    }

static const char *const segment_names[] = {
    "internet", "unknown",  "multicast", "broadcast", "link-local", "reserved",
    "any",      "internal", "external",  "seg0",      "seg1",       "seg2",
    "seg3",     "seg4",     "seg5",      "grp0",      "grp1",       "grp2"};
static_assert(sizeof segment_names / sizeof segment_names[0] ==
                  (size_t)RANDOM_GROUP + RANDOM_MAX_GROUPS,
              "every segment and group has a name");

static const struct vocabulary names = VOCABULARY(segment_names, "");
static const struct vocabulary terms = VOCABULARY(random_terms, "svc");
static const struct vocabulary apps = VOCABULARY(random_apps, "app");
static const struct vocabulary schedules = {NULL, 0, 0, "sch"};
static const struct vocabulary ports = VOCABULARY(random_ports, "");
static const struct vocabulary categories = VOCABULARY(random_categories, "");
static const struct vocabulary vlans = VOCABULARY(random_vlans, "");
static const struct vocabulary sensors = VOCABULARY(random_sensors, "");
static const struct vocabulary interfaces = VOCABULARY(random_interfaces, "");
static const struct vocabulary macs = VOCABULARY(random_macs, "");
static const struct vocabulary hosts = VOCABULARY(random_hosts, "");
static const struct vocabulary risks = VOCABULARY(random_risks, "");
static const struct vocabulary days = VOCABULARY(random_days, "");
static const struct vocabulary hours = VOCABULARY(random_hours, "");
static const struct vocabulary tls_versions = VOCABULARY(versions, "");

/* "[a, b]" */
static void
put_items(struct page *page, const struct random_list *list,
          const struct vocabulary *words)
{
    put(page, "[");
    for (unsigned i = 0; i < list->n; i++) {
        unsigned item = list->item[i];

        if (item < words->n) {
            const char *text;

            memcpy(&text, (const char *)words->rows + item * words->row_bytes,
                   sizeof text);
            put(page, "%s\"%s\"", i ? ", " : "", text);
        } else {
            put(page, "%s%s%u", i ? ", " : "", words->own, item - words->n);
        }
    }
    put(page, "]");
}

/* "KEY: [a, b], ", or nothing for an empty list.  YAML takes a comma after the
 * last entry. */
static void
put_list(struct page *page, const char *key, const struct random_list *list,
         const struct vocabulary *words)
{
    if (list->n) {
        put(page, "%s: ", key);
        put_items(page, list, words);
        put(page, ", ");
    }
}

static void
put_prefixes(struct page *page, const struct random_prefixes *prefixes)
{
    char text[PREFIX_TEXT_SIZE];

    for (unsigned i = 0; i < prefixes->n; i++) {
        put(page, "%s\"%s\"", i ? ", " : "",
            prefix_format(&prefixes->prefix[i], text));
    }
}

static void
put_head(struct page *page, const struct random_policy *policy)
{
    static const char *const midstreams[] = {"lenient", "strict", "ignore"};

    put(page,
        "version: 1\ndefaults: {inter: %s, intra: %s, unknown: %s, "
        "multicast: %s, link_scope: %s, midstream: %s, app_confidence: %s}\n",
        actions[policy->inter], actions[policy->intra],
        actions[policy->unknown], actions[policy->multicast],
        actions[policy->link_scope], midstreams[policy->midstream],
        policy->guesses_match ? "any" : "dpi");
}

static void
put_segment(struct page *page, const struct random_segment *segment,
            unsigned number)
{
    put(page, "  seg%u: {labels: {zone: %c}, networks: [", number,
        "abc"[segment->zone]);
    put_prefixes(page, &segment->networks);
    put(page, "], ");
    if (segment->excludes.n) {
        put(page, "exclude: [");
        put_prefixes(page, &segment->excludes);
        put(page, "], ");
    }
    put_list(page, "vlans", &segment->vlans, &vlans);
    put_list(page, "interfaces", &segment->interfaces, &interfaces);
    put_list(page, "sensors", &segment->sensors, &sensors);
    put_list(page, "macs", &segment->macs, &macs);
    if (segment->has_intra) {
        put(page, "intra: %s, ", actions[segment->intra]);
    }
    put(page, "%s%s}\n", segment->external ? "external: true, " : "",
        segment->translated ? "translated: true" : "");
}

static void
put_groups(struct page *page, const struct random_policy *policy)
{
    put(page, "groups:\n");
    for (unsigned i = 0; i < policy->n_groups; i++) {
        const struct random_group *group = &policy->groups[i];

        put(page, "  grp%u: ", i);
        if (group->is_list) {
            put_items(page, &group->members, &names);
            put(page, "\n");
            continue;
        }
        put(page, "{");
        put_list(page, "members", &group->members, &names);
        if (group->zones) {
            put(page, "labels: {zone: [%s%s%s]}, ",
                group->zones & 1 ? "a, " : "", group->zones & 2 ? "b, " : "",
                group->zones & 4 ? "c, " : "");
        }
        put_list(page, "except", &group->except, &names);
        put(page, "}\n");
    }
}

static void
put_sets(struct page *page, const struct random_policy *policy)
{
    put(page, "addresses:\n");
    for (unsigned i = 0; i < policy->n_address_sets; i++) {
        put(page, "  set%u: [", i);
        put_prefixes(page, &policy->address_sets[i]);
        put(page, "]\n");
    }
    put(page, "services: {");
    for (unsigned i = 0; i < policy->n_services; i++) {
        put(page, "svc%u: ", i);
        put_items(page, &policy->services[i], &terms);
        put(page, ", ");
    }
    put(page, "}\napplications: {");
    for (unsigned i = 0; i < policy->n_app_sets; i++) {
        put(page, "app%u: ", i);
        put_items(page, &policy->app_sets[i], &apps);
        put(page, ", ");
    }
    put(page, "}\nschedules:\n");
    for (unsigned i = 0; i < policy->n_schedules; i++) {
        const struct random_schedule *schedule = &policy->schedules[i];

        put(page, "  sch%u: {", i);
        put_list(page, "days", &schedule->days, &days);
        put_list(page, "hours", &schedule->hours, &hours);
        put(page, "tz: \"%s\"}\n", random_zones[schedule->zone].text);
    }
}

static void
put_rule(struct page *page, const struct random_policy *policy, unsigned number)
{
    const struct random_rule *rule = &policy->rules[number];
    char id[24];

    put(page, "  - {id: %s, action: %s, ",
        random_policy_rule_id(policy, number, id), actions[rule->action]);
    put_list(page, "from", &rule->from, &names);
    put_list(page, "from_except", &rule->from_except, &names);
    put_list(page, "to", &rule->to, &names);
    put_list(page, "to_except", &rule->to_except, &names);
    put_addrs(page, "from_addr", &rule->from_addr);
    put_addrs(page, "to_addr", &rule->to_addr);
    put_list(page, "service", &rule->services, &terms);
    put_list(page, "src_port", &rule->src_ports, &ports);
    put_list(page, "app", &rule->apps, &apps);
    put_list(page, "app_category", &rule->categories, &categories);
    put(page, "%s%s%s", rule->both_ways ? "both_ways: true, " : "",
        rule->staged ? "mode: staged, " : "",
        rule->disabled ? "mode: disabled, " : "");
    if (rule->has_starts) {
        put(page, "starts: \"%s\", ", random_dates[rule->starts].text);
    }
    if (rule->has_expires) {
        put(page, "expires: \"%s\", ", random_dates[rule->expires].text);
    }
    put_when(page, rule);
    put_require(page, rule);
    put_meta(page, rule);
    put(page, "}\n");
}

static void
put_addrs(struct page *page, const char *key, const struct random_addrs *addrs)
{
    if (!addrs->sets.n && !addrs->prefixes.n) {
        return;
    }
    put(page, "%s: [", key);
    for (unsigned i = 0; i < addrs->sets.n; i++) {
        put(page, "set%u, ", addrs->sets.item[i]);
    }
    put_prefixes(page, &addrs->prefixes);
    put(page, "], ");
}

/* Writes "KEY: {", or takes it back if nothing has followed. */
static size_t
put_open(struct page *page, const char *key)
{
    put(page, "%s: {", key);
    return page->n;
}

static void
put_close(struct page *page, const char *key, size_t begin)
{
    if (page->n == begin) {
        page->n -= strlen(key) + 3;
    } else {
        put(page, "}, ");
    }
}

static void
put_when(struct page *page, const struct random_rule *rule)
{
    size_t begin = put_open(page, "when");

    put_list(page, "schedule", &rule->schedules, &schedules);
    put_list(page, "vlan", &rule->vlans, &vlans);
    put_list(page, "sensor", &rule->sensors, &sensors);
    put_list(page, "interface", &rule->interfaces, &interfaces);
    put_list(page, "sni", &rule->sni, &hosts);
    put_list(page, "host", &rule->host, &hosts);
    put_list(page, "risk", &rule->risks, &risks);
    put_list(page, "tls_version", &rule->tls_versions, &tls_versions);
    if (rule->ip_version) {
        put(page, "ip_version: %u, ", rule->ip_version);
    }
    put_close(page, "when", begin);
}

static void
put_require(struct page *page, const struct random_rule *rule)
{
    size_t begin = put_open(page, "require");

    put_list(page, "app", &rule->require_apps, &apps);
    if (rule->require_tls) {
        put(page, "tls_min: \"%s\", ", versions[rule->require_tls - 2]);
    }
    put_list(page, "sni", &rule->require_sni, &hosts);
    put_list(page, "forbid_risk", &rule->require_risks, &risks);
    put(page, "%s", rule->require_one_way ? "one_way: true, " : "");
    put_close(page, "require", begin);
}

/* Keys that reports and alerts read. */
static void
put_meta(struct page *page, const struct random_rule *rule)
{
    static const char *const keys[] = {
        "severity: high, ",
        "attack: [T1021.002, T1570], controls: \"PCI-DSS:1.2.5\", ",
        "tags: [a, \"b: c\"], conduit: plant, ",
        "title: \"it's \\\"quoted\\\" \\\\ and: #odd\", ",
        "justification: 'two words', owner: net, approved_by: ciso, ",
        "threshold: {count: 3, window: 10m, by: pair}, ",
        "realert: 90s, ",
        "exception: {ticket: CHG-1, owner: o, reason: r, approved_by: a}, ",
    };

    const unsigned exception = sizeof keys / sizeof keys[0] - 1;
    bool may_be_exception =
        rule->has_expires &&
        (rule->action == RANDOM_ALLOW || rule->action == RANDOM_ALERT);

    for (unsigned i = 0; i <= exception; i++) {
        if (rule->meta >> i & 1 && (i != exception || may_be_exception)) {
            put(page, "%s", keys[i]);
        }
    }
}

static void
put_extras(struct page *page, const struct random_policy *policy)
{
    static const char *const sections[] = {
        "policy: {name: random, revision: r1, owner: o, review_by: "
        "2030-01-01}\n",
        "authorities: {dns: [10.0.0.1, \"2001:db8::/32\"], ntp: 10.1.2.3}\n",
        "detect: {scan: false, tunnel: true}\n",
        "alerting: {realert: 2h, max_active: 500, collapse: 9, suppress: [{id: "
        "s, src: 10.0.0.0/8, rule: default:inter, until: 2026-04-01, owner: o, "
        "reason: r}]}\n",
    };

    put(page, "pairs:\n");
    for (unsigned i = 0; i < policy->n_pairs; i++) {
        put(page, "  - {id: p%u, default: %s, ", i,
            actions[policy->pairs[i].decision]);
        put_list(page, "from", &policy->pairs[i].from, &names);
        put_list(page, "to", &policy->pairs[i].to, &names);
        put(page, "}\n");
    }
    for (unsigned i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (policy->extras >> i & 1) {
            put(page, "%s", sections[i]);
        }
    }
}
