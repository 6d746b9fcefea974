/* Conditions and requirements, one by one. */

#include "rules/judge/judge_match.h"

static enum match match_l7(const struct policy *, const struct rule *,
                           const struct question *, enum rule_condition);
static enum match match_seen(const struct policy *, const struct rule *,
                             const struct question *, enum rule_condition);
static bool ports_have(const struct port_list *, uint16_t port);
static bool schedules_open(const struct schedule_list *, struct wall_time);
static enum match apps_have(const struct policy *, const struct app_set *,
                            const struct question *);
static bool app_is(const struct app_set *, uint16_t master, uint16_t name);
static bool category_counts(const struct policy *, const struct question *);
static bool categories_have(const struct symbol_list *, uint16_t symbol);
static bool hosts_match(const struct glob_list *, const char *host);
static enum match require(const struct policy *, const struct rule *,
                          const struct question *, enum rule_requirement,
                          uint32_t *flags);
static enum match require_tls(const struct rule *, const struct question *,
                              uint32_t *flags);

static enum match
match_of(bool holds)
{
    return holds ? MATCH_YES : MATCH_NO;
}

/* True where silence would be mistaken for innocence or guilt: the
 * conversation began before we listened. */
static bool
unseen_start(const struct question *question)
{
    return question->midstream && question->app != QUESTION_APP_NONE;
}

enum match
rule_match(const struct policy *policy, const struct rule_entry *entry,
           const struct question *question, bool *benefit)
{
    const struct rule *rule = entry->rule;
    enum match result = MATCH_YES;

    *benefit = false;
    for (uint32_t left = rule->conditions; left; left &= left - 1) {
        enum rule_condition condition =
            (enum rule_condition)__builtin_ctz(left);
        enum match one =
            rule_match_condition(policy, entry, question, condition);

        if (one == MATCH_NO) {
            return MATCH_NO;
        }
        if (question->app == QUESTION_APP_NONE &&
            (CONDITIONS_L7 >> condition & 1) &&
            (condition == CONDITION_APP ||
             match_seen(policy, rule, question, condition) == MATCH_NO)) {
            *benefit = true;
        }
        result = one < result ? one : result;
    }
    return result;
}

const char *
rule_condition_name(enum rule_condition condition)
{
    static const char *const names[] = {
#define CONDITION_NAME(NAME, TEXT) TEXT,
        RULE_CONDITIONS(CONDITION_NAME)
#undef CONDITION_NAME
    };

    return names[condition];
}

const char *
rule_only_failure(const struct policy *policy, const struct rule_entry *entry,
                  const struct question *question)
{
    const char *failure = NULL;

    for (int i = 0; i < N_CONDITIONS; i++) {
        if (!(entry->rule->conditions >> i & 1) ||
            rule_match_condition(policy, entry, question,
                                 (enum rule_condition)i) == MATCH_YES) {
            continue;
        }
        if (failure) {
            return NULL;
        }
        failure = rule_condition_name((enum rule_condition)i);
    }
    return failure;
}

struct rule_result
rule_result(const struct policy *policy, const struct rule *rule,
            const struct question *question)
{
    struct rule_result result = {.decisions =
                                     (uint8_t)(1U << rule->shown.action),
                                 .reason = VERDICT_REASON_RULE};
    bool open = false;

    for (uint32_t left = rule->requirements; left; left &= left - 1) {
        enum rule_requirement requirement =
            (enum rule_requirement)__builtin_ctz(left);
        enum match one =
            require(policy, rule, question, requirement, &result.flags);

        if (one == MATCH_NO) {
            result.decisions = 1U << DECISION_DENY;
            result.reason =
                open ? VERDICT_REASON_SETTLED
                     : (enum verdict_reason)((int)VERDICT_REASON_REQUIRE_APP +
                                             (int)requirement);
            return result;
        }
        open |= one == MATCH_MAYBE;
    }
    if (open) {
        result.decisions |= 1U << DECISION_DENY;
        result.reason = VERDICT_REASON_PENDING;
    }
    return result;
}

unsigned
tls_rank(uint16_t version)
{
    switch (version) {
    case 0x0300: return 1;
    case 0x0301: return 2;
    case 0xfeff: /* DTLS 1.0 is TLS 1.1 over datagrams. */
    case 0x0302: return 3;
    case 0xfefd:
    case 0x0303: return 4;
    case 0xfefc:
    case 0x0304: return 5;
    default: return 0;
    }
}

enum match
rule_match_condition(const struct policy *policy,
                     const struct rule_entry *entry,
                     const struct question *question,
                     enum rule_condition condition)
{
    const struct rule *rule = entry->rule;
    const struct addr *from = entry->reversed ? &question->dst : &question->src;
    const struct addr *to = entry->reversed ? &question->src : &question->dst;

    switch (condition) {
    case CONDITION_FROM_ADDR:
        return match_of(addr_set_has(&rule->from_addr, from));
    case CONDITION_TO_ADDR: return match_of(addr_set_has(&rule->to_addr, to));
    case CONDITION_SRC_PORT:
        return match_of(ports_have(&rule->src_port, question->src_port));
    case CONDITION_IP_VERSION:
        return match_of(rule->ip_version == question->ip_version);
    case CONDITION_VLAN:
        return match_of(rule->vlans &&
                        vlan_set_has(rule->vlans, question->vlan));
    case CONDITION_SENSOR:
        return match_of(glob_list_match(&rule->sensors, question->sensor));
    case CONDITION_INTERFACE:
        return match_of(
            glob_list_match(&rule->interfaces, question->interface));
    case CONDITION_SCHEDULE:
        return match_of(schedules_open(&rule->schedules, question->start));
    case CONDITION_APP:
    case CONDITION_APP_CATEGORY:
    case CONDITION_SNI:
    case CONDITION_HOST:
    case CONDITION_RISK:
    case CONDITION_TLS_VERSION:
        return match_l7(policy, rule, question, condition);
    case N_CONDITIONS: break;
    }
    return MATCH_NO;
}

/* What has been seen is seen; what has not may still come while the application
 * is open.  Without any payload an allow rule has the benefit of the doubt. */
static enum match
match_l7(const struct policy *policy, const struct rule *rule,
         const struct question *question, enum rule_condition condition)
{
    enum match result = match_seen(policy, rule, question, condition);

    if (question->app == QUESTION_APP_PENDING && result == MATCH_NO) {
        return MATCH_MAYBE;
    }
    if (question->app == QUESTION_APP_NONE && result == MATCH_NO &&
        rule->shown.action == DECISION_ALLOW) {
        return MATCH_YES;
    }
    return result;
}

static enum match
match_seen(const struct policy *policy, const struct rule *rule,
           const struct question *question, enum rule_condition condition)
{
    unsigned version = tls_rank(question->tls_version);

    if (condition == CONDITION_APP) {
        return apps_have(policy, &rule->app, question);
    }
    if (condition == CONDITION_APP_CATEGORY) {
        return match_of(
            category_counts(policy, question) &&
            categories_have(&rule->categories, question->category_symbol));
    }
    if (condition == CONDITION_SNI) {
        return match_of(hosts_match(&rule->sni, question->sni));
    }
    if (condition == CONDITION_HOST) {
        return match_of(hosts_match(&rule->host, question->host));
    }
    if (condition == CONDITION_RISK) {
        return match_of((rule->risks & question->risks) != 0);
    }
    return match_of(version && (rule->tls_versions >> version & 1));
}

static bool
ports_have(const struct port_list *list, uint16_t port)
{
    for (size_t i = 0; i < list->n; i++) {
        if (port >= list->ranges[i].first && port <= list->ranges[i].last) {
            return true;
        }
    }
    return false;
}

static bool
schedules_open(const struct schedule_list *list, struct wall_time when)
{
    for (size_t i = 0; i < list->n; i++) {
        if (schedule_open(list->schedules[i], when)) {
            return true;
        }
    }
    return false;
}

static enum match
apps_have(const struct policy *policy, const struct app_set *set,
          const struct question *question)
{
    switch (question->app) {
    case QUESTION_APP_PENDING: return MATCH_MAYBE;
    case QUESTION_APP_NONE: return match_of(set->none);
    case QUESTION_APP_UNKNOWN:
        if (policy->guesses_match && question->guess_known) {
            return match_of(app_is(set, question->guess_master_symbol,
                                   question->guess_name_symbol));
        }
        return match_of(set->unknown);
    case QUESTION_APP_KNOWN:
        return match_of(
            app_is(set, question->master_symbol, question->name_symbol));
    }
    return MATCH_NO;
}

/* Symbol 0 is a name no rule mentions, so it never matches. */
static bool
app_is(const struct app_set *set, uint16_t master, uint16_t name)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct app_match *match = &set->matches[i];
        bool holds = match->master
                         ? match->master == master && match->name == name
                         : match->name == master || match->name == name;

        if (holds) {
            return true;
        }
    }
    return false;
}

/* The category of a guess is a guess. */
static bool
category_counts(const struct policy *policy, const struct question *question)
{
    return question->app == QUESTION_APP_KNOWN ||
           (question->app == QUESTION_APP_UNKNOWN && question->guess_known &&
            policy->guesses_match);
}

static bool
categories_have(const struct symbol_list *list, uint16_t symbol)
{
    for (size_t i = 0; symbol && i < list->n; i++) {
        if (list->symbols[i] == symbol) {
            return true;
        }
    }
    return false;
}

static bool
hosts_match(const struct glob_list *list, const char *host)
{
    for (size_t i = 0; host && host[0] && i < list->n; i++) {
        if (host_pattern_match(list->globs[i], host)) {
            return true;
        }
    }
    return false;
}

/* MATCH_YES: fulfilled, or not to be judged, which is flagged. */
static enum match
require(const struct policy *policy, const struct rule *rule,
        const struct question *question, enum rule_requirement requirement,
        uint32_t *flags)
{
    enum match result = MATCH_YES;

    if (requirement == REQUIREMENT_ONE_WAY) { /* A fact, whatever it carried. */
        return match_of(!question->replied);
    }
    if (question->app == QUESTION_APP_NONE) {
        *flags |= VERDICT_NO_PAYLOAD;
        return MATCH_YES;
    }
    if (requirement == REQUIREMENT_TLS_MIN) {
        return require_tls(rule, question, flags);
    }
    if (requirement == REQUIREMENT_APP) {
        result = apps_have(policy, &rule->require_app, question);
        if (result == MATCH_NO && unseen_start(question) &&
            question->app == QUESTION_APP_UNKNOWN) {
            *flags |= VERDICT_UNVERIFIED_APP;
            return MATCH_YES;
        }
        return result;
    }
    if (requirement == REQUIREMENT_SNI) {
        result = match_of(hosts_match(&rule->require_sni, question->sni));
        if (result == MATCH_NO && question->app != QUESTION_APP_PENDING &&
            unseen_start(question) && (!question->sni || !question->sni[0])) {
            *flags |= VERDICT_UNVERIFIED_SNI;
            return MATCH_YES;
        }
    } else if (rule->forbid_risk & question->risks) {
        return MATCH_NO;
    } else {
        return question->app == QUESTION_APP_PENDING ? MATCH_MAYBE : MATCH_YES;
    }
    return result == MATCH_NO && question->app == QUESTION_APP_PENDING
               ? MATCH_MAYBE
               : result;
}

static enum match
require_tls(const struct rule *rule, const struct question *question,
            uint32_t *flags)
{
    unsigned version = tls_rank(question->tls_version);

    if (version) {
        return match_of(version >= rule->require_tls);
    }
    if (question->app == QUESTION_APP_PENDING) {
        return MATCH_MAYBE;
    }
    if (unseen_start(question) &&
        (question->is_tls || question->app == QUESTION_APP_UNKNOWN)) {
        *flags |= VERDICT_UNVERIFIED_TLS_MIN;
        return MATCH_YES;
    }
    return MATCH_NO;
}
