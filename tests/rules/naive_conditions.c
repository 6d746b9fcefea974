/* See naive_conditions.h. */

#include "tests/rules/naive_conditions.h"

#include <string.h>
#include <strings.h>

enum {
    DAY_MINUTES = 24 * 60
};

bool
naive_contains(const struct prefix *prefix, const struct addr *addr)
{
    if (addr_is_ipv4(&prefix->addr) != addr_is_ipv4(addr)) {
        return false; /* "::/0" holds no IPv4 address. */
    }
    for (unsigned bit = 0; bit < prefix->length; bit++) {
        unsigned mask = 0x80U >> bit % 8;

        if ((prefix->addr.byte[bit / 8] & mask) !=
            (addr->byte[bit / 8] & mask)) {
            return false;
        }
    }
    return true;
}

static bool
any_contains(const struct random_prefixes *prefixes, const struct addr *addr)
{
    for (unsigned i = 0; i < prefixes->n; i++) {
        if (naive_contains(&prefixes->prefix[i], addr)) {
            return true;
        }
    }
    return false;
}

static bool
addrs_have(const struct random_policy *policy, const struct random_addrs *addrs,
           const struct addr *addr)
{
    bool found = any_contains(&addrs->prefixes, addr);

    for (unsigned i = 0; i < addrs->sets.n; i++) {
        found |= any_contains(&policy->address_sets[addrs->sets.item[i]], addr);
    }
    return found;
}

static bool
words_have(const struct random_word *words, const struct random_list *list,
           unsigned value)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (words[list->item[i]].values >> value & 1) {
            return true;
        }
    }
    return false;
}

static bool
term_has(const struct random_term *term, const struct view *view)
{
    uint8_t protocol = view->flow->protocol;
    unsigned at = view->dst_port;

    if (protocol == 1 || protocol == 58) {
        at = view->flow->icmp_type * 256U + view->flow->icmp_code;
    }
    for (unsigned i = 0; term->range[i].protocol; i++) {
        if (term->range[i].protocol == protocol && at >= term->range[i].first &&
            at <= term->range[i].last) {
            return true;
        }
    }
    return term->any;
}

bool
naive_service(const struct random_policy *policy,
              const struct random_list *services, const struct view *view)
{
    for (unsigned i = 0; i < services->n; i++) {
        unsigned item = services->item[i];

        if (item < RANDOM_N_TERMS
                ? term_has(&random_terms[item], view)
                : naive_service(
                      policy, &policy->services[item - RANDOM_N_TERMS], view)) {
            return true;
        }
    }
    return false;
}

/* S11: the master, the name, or both where both are said. */
static bool
app_is(const struct random_app *app, const char *master, const char *name)
{
    if (app->master[0]) {
        return strcasecmp(app->master, master) == 0 &&
               strcasecmp(app->name, name) == 0;
    }
    return strcasecmp(app->name, master) == 0 ||
           strcasecmp(app->name, name) == 0;
}

/* S10, S13. */
static enum truth
apps_have(const struct random_policy *policy, const struct random_list *apps,
          const struct random_flow *flow)
{
    bool guess = policy->guesses_match && flow->app == QUESTION_APP_UNKNOWN &&
                 flow->guess_name[0];
    enum truth truth = NO;

    if (flow->app == QUESTION_APP_PENDING) {
        return OPEN;
    }
    for (unsigned i = 0; i < apps->n && truth == NO; i++) {
        unsigned item = apps->item[i];
        bool holds;

        if (item >= RANDOM_N_APPS) {
            truth = apps_have(policy, &policy->app_sets[item - RANDOM_N_APPS],
                              flow);
            continue;
        }
        if (item == RANDOM_APP_NONE) {
            holds = flow->app == QUESTION_APP_NONE;
        } else if (item == RANDOM_APP_UNKNOWN) {
            holds = flow->app == QUESTION_APP_UNKNOWN && !guess;
        } else if (guess) {
            holds = app_is(&random_apps[item], flow->guess_master,
                           flow->guess_name);
        } else {
            holds = flow->app == QUESTION_APP_KNOWN &&
                    app_is(&random_apps[item], flow->master, flow->name);
        }
        truth = holds ? YES : NO;
    }
    return truth;
}

/* 1 is SSL 3.0, 5 is TLS 1.3; DTLS as the TLS it is built on. */
static unsigned
tls_rank(uint16_t version)
{
    static const uint16_t tls[] = {0x0300, 0x0301, 0x0302, 0x0303, 0x0304};
    static const uint16_t dtls[] = {0, 0, 0xfeff, 0xfefd, 0xfefc};

    for (unsigned i = 0; version && i < 5; i++) {
        if (version == tls[i] || version == dtls[i]) {
            return i + 1;
        }
    }
    return 0;
}

/* S19: a window belongs to the day on which it opens. */
static bool
hours_are_open(const struct random_range *hours, int64_t day, int64_t local_ns)
{
    int64_t minute_ns = 60 * SECOND_NS, day_ns = DAY_MINUTES * minute_ns;
    int64_t opens = day * day_ns + hours->first * minute_ns;
    int64_t closes = day * day_ns + hours->last * minute_ns;

    closes += hours->last < hours->first ? day_ns : 0;
    return local_ns >= opens && local_ns < closes;
}

static bool
day_is_open(const struct random_schedule *schedule, int64_t day,
            int64_t local_ns)
{
    static const struct random_range all_day = {"", 0, DAY_MINUTES};
    unsigned weekday = (unsigned)((day + 3) % 7); /* Day 0: a Thursday. */

    if (schedule->days.n &&
        !words_have(random_days, &schedule->days, weekday)) {
        return false;
    }
    for (unsigned i = 0; i < schedule->hours.n; i++) {
        if (hours_are_open(&random_hours[schedule->hours.item[i]], day,
                           local_ns)) {
            return true;
        }
    }
    return !schedule->hours.n && hours_are_open(&all_day, day, local_ns);
}

static bool
schedule_is_open(const struct random_schedule *schedule, int64_t start_ns)
{
    int64_t minute_ns = 60 * SECOND_NS; /* All times are after 1970. */
    int64_t local_ns =
        start_ns + random_zones[schedule->zone].minutes * minute_ns;
    int64_t today = local_ns / (DAY_MINUTES * minute_ns);

    return day_is_open(schedule, today, local_ns) ||
           day_is_open(schedule, today - 1, local_ns);
}

static bool
schedules_open(const struct random_policy *policy,
               const struct random_list *list, int64_t start_ns)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (schedule_is_open(&policy->schedules[list->item[i]], start_ns)) {
            return true;
        }
    }
    return false;
}

static bool
ports_have(const struct random_list *list, uint16_t port)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (port >= random_ports[list->item[i]].first &&
            port <= random_ports[list->item[i]].last) {
            return true;
        }
    }
    return false;
}

static bool
categories_have(const struct random_list *list, const char *category)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (strcmp(random_categories[list->item[i]], category) == 0) {
            return true;
        }
    }
    return false;
}

static bool
risks_have(const struct random_list *list, uint8_t risks)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (risks >> list->item[i] & 1) {
            return true;
        }
    }
    return false;
}

static bool
versions_have(const struct random_list *list, uint16_t version)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (tls_rank(version) == list->item[i] + 2U) {
            return true;
        }
    }
    return false;
}

/* The conditions of a rule as they come in. */
struct tally {
    const struct random_rule *rule;
    const struct random_flow *flow;
    enum truth all;
    unsigned n_failed;
    const char *failed;
    bool benefit;
};

static void
count(struct tally *tally, const char *name, enum truth truth)
{
    if (truth != YES) {
        tally->n_failed++;
        tally->failed = name;
    }
    tally->all = truth < tally->all ? truth : tally->all;
}

static void
count_l4(struct tally *tally, const char *name, bool is_there, bool holds)
{
    if (is_there) {
        count(tally, name, holds ? YES : NO);
    }
}

/* S9: what does not hold may still, while the application is open.  S12: where
 * there is no payload, a rule that allows has the benefit of the doubt. */
static void
count_l7(struct tally *tally, const char *name, const struct random_list *list,
         enum truth truth)
{
    enum question_app app = tally->flow->app;

    if (!list->n) {
        return;
    }
    if (truth == NO && app == QUESTION_APP_PENDING) {
        truth = OPEN;
    }
    if (truth == NO && app == QUESTION_APP_NONE &&
        tally->rule->action == RANDOM_ALLOW) {
        truth = YES;
        tally->benefit = true;
    }
    count(tally, name, truth);
}

enum truth
naive_conditions(const struct random_policy *policy,
                 const struct random_rule *rule, const struct view *view,
                 bool reversed, bool *benefit, const char **only)
{
    const struct random_flow *flow = view->flow;
    struct tally tally = {.rule = rule, .flow = flow, .all = YES};
    enum truth app = apps_have(policy, &rule->apps, flow);
    /* S13: the category of a guess is a guess. */
    bool category_counts =
        flow->app == QUESTION_APP_KNOWN ||
        (flow->app == QUESTION_APP_UNKNOWN && policy->guesses_match &&
         (flow->guess_master[0] || flow->guess_name[0]));

    count_l4(
        &tally, "from_addr",
        rule->from_addr.sets.n || rule->from_addr.prefixes.n,
        addrs_have(policy, &rule->from_addr, reversed ? view->dst : view->src));
    count_l4(
        &tally, "to_addr", rule->to_addr.sets.n || rule->to_addr.prefixes.n,
        addrs_have(policy, &rule->to_addr, reversed ? view->src : view->dst));
    count_l4(&tally, "src_port", rule->src_ports.n,
             ports_have(&rule->src_ports, view->src_port));
    count_l4(&tally, "when.ip_version", rule->ip_version,
             rule->ip_version == (addr_is_ipv4(&flow->src) ? 4 : 6));
    count_l4(&tally, "when.vlan", rule->vlans.n,
             words_have(random_vlans, &rule->vlans, flow->vlan));
    count_l4(&tally, "when.sensor", rule->sensors.n,
             words_have(random_sensors, &rule->sensors, flow->sensor));
    count_l4(&tally, "when.interface", rule->interfaces.n,
             words_have(random_interfaces, &rule->interfaces, flow->interface));
    count_l4(&tally, "when.schedule", rule->schedules.n,
             schedules_open(policy, &rule->schedules, flow->start_ns));
    count_l7(&tally, "app", &rule->apps, app);
    if (rule->apps.n && app == YES && flow->app == QUESTION_APP_NONE) {
        tally.benefit = true; /* 'none' holds since nothing was seen. */
    }
    count_l7(&tally, "app_category", &rule->categories,
             category_counts &&
                     categories_have(&rule->categories, flow->category)
                 ? YES
                 : NO);
    count_l7(&tally, "when.sni", &rule->sni,
             words_have(random_hosts, &rule->sni, flow->sni) ? YES : NO);
    count_l7(&tally, "when.host", &rule->host,
             words_have(random_hosts, &rule->host, flow->host) ? YES : NO);
    count_l7(&tally, "when.risk", &rule->risks,
             risks_have(&rule->risks, flow->risks) ? YES : NO);
    count_l7(&tally, "when.tls_version", &rule->tls_versions,
             versions_have(&rule->tls_versions, flow->tls_version) ? YES : NO);
    *benefit = tally.benefit;
    *only = tally.n_failed == 1 ? tally.failed : NULL;
    return tally.all;
}

static enum truth
require_app(const struct random_policy *policy, const struct random_rule *rule,
            const struct random_flow *flow, uint32_t *flags)
{
    enum truth truth = apps_have(policy, &rule->require_apps, flow);

    if (truth == NO && flow->midstream && flow->app == QUESTION_APP_UNKNOWN) {
        *flags |= VERDICT_UNVERIFIED_APP;
        return YES;
    }
    return truth;
}

static enum truth
require_tls(const struct random_rule *rule, const struct random_flow *flow,
            uint32_t *flags)
{
    unsigned rank = tls_rank(flow->tls_version);

    if (rank) {
        return rank >= rule->require_tls ? YES : NO;
    }
    if (flow->app == QUESTION_APP_PENDING) {
        return OPEN;
    }
    if (flow->midstream &&
        (flow->is_tls || flow->app == QUESTION_APP_UNKNOWN)) {
        *flags |= VERDICT_UNVERIFIED_TLS_MIN;
        return YES;
    }
    return NO;
}

static enum truth
require_sni(const struct random_rule *rule, const struct random_flow *flow,
            uint32_t *flags)
{
    if (words_have(random_hosts, &rule->require_sni, flow->sni)) {
        return YES;
    }
    if (flow->app == QUESTION_APP_PENDING) {
        return OPEN;
    }
    if (flow->midstream && !random_host_values[flow->sni][0]) {
        *flags |= VERDICT_UNVERIFIED_SNI;
        return YES;
    }
    return NO;
}

static enum truth
forbid_risks(const struct random_rule *rule, const struct random_flow *flow)
{
    if (risks_have(&rule->require_risks, flow->risks)) {
        return NO;
    }
    return flow->app == QUESTION_APP_PENDING ? OPEN : YES;
}

/* Requirement 'number' in the order in which they are judged.  Without payload
 * there is nothing to judge but whether anything came back. */
static enum truth
requirement(const struct random_policy *policy, const struct random_rule *rule,
            const struct random_flow *flow, unsigned number, uint32_t *flags)
{
    const bool wanted[] = {rule->require_apps.n, rule->require_tls,
                           rule->require_sni.n, rule->require_risks.n,
                           rule->require_one_way};

    if (!wanted[number]) {
        return YES;
    }
    if (number == 4) {
        return flow->replied ? NO : YES;
    }
    if (flow->app == QUESTION_APP_NONE) {
        *flags |= VERDICT_NO_PAYLOAD;
        return YES;
    }
    switch (number) {
    case 0: return require_app(policy, rule, flow, flags);
    case 1: return require_tls(rule, flow, flags);
    case 2: return require_sni(rule, flow, flags);
    default: return forbid_risks(rule, flow);
    }
}

unsigned
naive_requirements(const struct random_policy *policy,
                   const struct random_rule *rule, const struct view *view,
                   enum verdict_reason *reason, uint32_t *flags)
{
    unsigned denied = 1U << DECISION_DENY;
    unsigned wanted = rule->action == RANDOM_DENY    ? denied
                      : rule->action == RANDOM_ALLOW ? 1U << DECISION_ALLOW
                                                     : 1U << DECISION_ALERT;
    bool open = false;

    *flags = 0;
    for (unsigned i = 0; i < 5; i++) {
        enum truth truth = requirement(policy, rule, view->flow, i, flags);

        if (truth == NO) { /* Which fails first is open if one before it is. */
            *reason = open ? VERDICT_REASON_SETTLED
                           : (enum verdict_reason)(
                                 (unsigned)VERDICT_REASON_REQUIRE_APP + i);
            return denied;
        }
        open |= truth == OPEN;
    }
    *reason = open ? VERDICT_REASON_PENDING : VERDICT_REASON_RULE;
    return open ? wanted | denied : wanted;
}
