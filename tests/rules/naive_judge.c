/* See naive_judge.h.  Written from the text of the language, S5 to S22. */

#include "tests/rules/naive_judge.h"

#include "rules/policy_impl.h"

enum truth {
    FALSE_NOW,
    UNKNOWN_YET,
    TRUE_NOW
};

struct result {
    enum decision decision;
    int32_t rule;
    enum verdict_reason reason;
};

static bool
in_ranges(const struct addr_set *set, const struct addr *addr)
{
    for (size_t i = 0; i < set->n; i++) {
        if (memcmp(addr, &set->ranges[i].first, 16) >= 0 &&
            memcmp(addr, &set->ranges[i].last, 16) <= 0) {
            return true;
        }
    }
    return false;
}

static bool
service_has(const struct rule *rule, const struct question *q)
{
    for (size_t i = 0; i < rule->n_terms; i++) {
        const struct service_term *t = &rule->terms[i];
        unsigned icmp = (unsigned)q->icmp_type * 256 + q->icmp_code;

        if ((t->space == SERVICE_TCP && q->protocol == 6 &&
             q->dst_port >= t->first && q->dst_port <= t->last) ||
            (t->space == SERVICE_UDP && q->protocol == 17 &&
             q->dst_port >= t->first && q->dst_port <= t->last) ||
            (t->space == SERVICE_SCTP && q->protocol == 132 &&
             q->dst_port >= t->first && q->dst_port <= t->last) ||
            (t->space == SERVICE_ICMP && q->protocol == 1 && icmp >= t->first &&
             icmp <= t->last) ||
            (t->space == SERVICE_ICMP6 && q->protocol == 58 &&
             icmp >= t->first && icmp <= t->last) ||
            (t->space == SERVICE_PROTOCOL && q->protocol == t->first)) {
            return true;
        }
    }
    return rule->n_terms == 0;
}

static enum truth
app_truth(const struct app_set *set, const struct question *q)
{
    if (q->app == QUESTION_APP_PENDING) {
        return UNKNOWN_YET;
    }
    if (q->app == QUESTION_APP_NONE || q->app == QUESTION_APP_UNKNOWN) {
        return (q->app == QUESTION_APP_NONE ? set->none : set->unknown)
                   ? TRUE_NOW
                   : FALSE_NOW;
    }
    for (size_t i = 0; i < set->n; i++) {
        if (set->matches[i].master == 0 &&
            (set->matches[i].name == q->master_symbol ||
             set->matches[i].name == q->name_symbol)) {
            return TRUE_NOW;
        }
        if (set->matches[i].master != 0 &&
            set->matches[i].master == q->master_symbol &&
            set->matches[i].name == q->name_symbol) {
            return TRUE_NOW;
        }
    }
    return FALSE_NOW;
}

static bool
sni_has(const struct glob_list *patterns, const struct question *q)
{
    for (size_t i = 0; i < patterns->n; i++) {
        if (q->sni[0] && host_pattern_match(patterns->globs[i], q->sni)) {
            return true;
        }
    }
    return false;
}

static enum truth
l7_truth(enum truth truth, const struct rule *rule, const struct question *q)
{
    if (truth == FALSE_NOW && q->app == QUESTION_APP_PENDING) {
        return UNKNOWN_YET;
    }
    if (truth == FALSE_NOW && q->app == QUESTION_APP_NONE &&
        rule->shown.action == DECISION_ALLOW) {
        return TRUE_NOW;
    }
    return truth;
}

static enum truth
conditions_truth(const struct rule *rule, const struct question *q,
                 const struct addr *from, const struct addr *to)
{
    enum truth all = TRUE_NOW, one;
    uint32_t c = rule->conditions;

    if ((c >> CONDITION_FROM_ADDR & 1 && !in_ranges(&rule->from_addr, from)) ||
        (c >> CONDITION_TO_ADDR & 1 && !in_ranges(&rule->to_addr, to)) ||
        (c >> CONDITION_SRC_PORT & 1 &&
         (q->src_port < rule->src_port.ranges[0].first ||
          q->src_port > rule->src_port.ranges[0].last)) ||
        (c >> CONDITION_IP_VERSION & 1 && q->ip_version != rule->ip_version) ||
        (c >> CONDITION_VLAN & 1 && !vlan_set_has(rule->vlans, q->vlan))) {
        return FALSE_NOW;
    }
    if (c >> CONDITION_APP & 1) {
        one = l7_truth(app_truth(&rule->app, q), rule, q);
        all = one < all ? one : all;
    }
    if (c >> CONDITION_SNI & 1) {
        one = l7_truth(sni_has(&rule->sni, q) ? TRUE_NOW : FALSE_NOW, rule, q);
        all = one < all ? one : all;
    }
    return all;
}

static enum truth
tls_truth(const struct rule *rule, const struct question *q)
{
    unsigned version = (unsigned)q->tls_version - 0x0301 + 2;

    if (q->tls_version) {
        return version >= rule->require_tls ? TRUE_NOW : FALSE_NOW;
    }
    if (q->app == QUESTION_APP_PENDING) {
        return UNKNOWN_YET;
    }
    return q->midstream && (q->is_tls || q->app == QUESTION_APP_UNKNOWN)
               ? TRUE_NOW
               : FALSE_NOW;
}

/* Bits of decisions that are possible; the reason if there is one. */
static unsigned
decisions_of(const struct rule *rule, const struct question *q,
             enum verdict_reason *reason)
{
    unsigned allowed = 1U << rule->shown.action, denied = 1U << DECISION_DENY;
    bool judged = q->app != QUESTION_APP_NONE, open = false;

    *reason = VERDICT_REASON_RULE;
    if (judged && rule->requirements >> REQUIREMENT_APP & 1) {
        enum truth truth = app_truth(&rule->require_app, q);

        if (truth == FALSE_NOW &&
            !(q->midstream && q->app == QUESTION_APP_UNKNOWN)) {
            *reason = VERDICT_REASON_REQUIRE_APP;
            return denied;
        }
        open |= truth == UNKNOWN_YET;
    }
    if (judged && rule->requirements >> REQUIREMENT_TLS_MIN & 1) {
        enum truth truth = tls_truth(rule, q);

        if (truth == FALSE_NOW) {
            *reason =
                open ? VERDICT_REASON_SETTLED : VERDICT_REASON_REQUIRE_TLS_MIN;
            return denied;
        }
        open |= truth == UNKNOWN_YET;
    }
    if (rule->requirements >> REQUIREMENT_ONE_WAY & 1 && q->replied) {
        *reason =
            open ? VERDICT_REASON_SETTLED : VERDICT_REASON_REQUIRE_ONE_WAY;
        return denied;
    }
    if (open) {
        *reason = VERDICT_REASON_PENDING;
    }
    return open ? allowed | denied : allowed;
}

static bool
sides_match(const struct rule *rule, size_t src, size_t dst)
{
    return set_has(rule->from, src) && set_has(rule->to, dst);
}

static enum truth
rule_truth(const struct rule *rule, const struct question *q, bool reversed)
{
    size_t src = reversed ? q->dst_segment : q->src_segment;
    size_t dst = reversed ? q->src_segment : q->dst_segment;

    if (!sides_match(rule, src, dst) || !service_has(rule, q) ||
        q->start.ns < rule->shown.starts.ns ||
        q->start.ns >= rule->shown.expires.ns) {
        return FALSE_NOW;
    }
    return conditions_truth(rule, q, reversed ? &q->dst : &q->src,
                            reversed ? &q->src : &q->dst);
}

static size_t
default_of(const struct policy *p, const struct question *q,
           enum decision *decision)
{
    size_t first = p->n_own + p->n_pairs, rule = first + DEFAULT_INTER;
    bool intra =
        q->src_segment == q->dst_segment && q->src_segment >= SEGMENT_N_BUILTIN;

    for (size_t i = 0; i < p->n_pairs; i++) {
        if (set_has(p->pairs[i].from, q->src_segment) &&
            set_has(p->pairs[i].to, q->dst_segment)) {
            *decision = p->rules[p->n_own + i].shown.action;
            return p->n_own + i;
        }
    }
    if (q->src_segment == SEGMENT_LINK_LOCAL ||
        q->dst_segment == SEGMENT_LINK_LOCAL) {
        rule = first + DEFAULT_LINK_SCOPE;
    } else if (q->dst_segment == SEGMENT_MULTICAST ||
               q->dst_segment == SEGMENT_BROADCAST) {
        rule = first + DEFAULT_MULTICAST;
    } else if (intra) {
        rule = first + DEFAULT_INTRA;
    } else if (q->src_segment == SEGMENT_UNKNOWN ||
               q->dst_segment == SEGMENT_UNKNOWN) {
        rule = first + DEFAULT_UNKNOWN;
    }
    *decision = p->rules[rule].shown.action;
    if (intra && p->segments[q->src_segment].has_intra) {
        *decision = p->segments[q->src_segment].intra;
    }
    return rule;
}

static struct result
one_way(const struct policy *p, const struct question *q, bool staged)
{
    struct result result = {.rule = -2};
    enum verdict_reason reason;
    enum decision decision;
    unsigned possible = 0;
    bool sure = false;

    for (size_t i = 0; i < p->n_own * 2 && !sure; i++) {
        const struct rule *rule = &p->rules[i / 2];
        bool active = rule->shown.mode == MODE_ENFORCE ||
                      (staged && rule->shown.mode == MODE_STAGED);
        enum truth truth;

        if (!active || rule->shown.log || (i % 2 && !rule->both_ways)) {
            continue;
        }
        truth = rule_truth(rule, q, i % 2);
        if (truth == FALSE_NOW) {
            continue;
        }
        sure = truth == TRUE_NOW;
        possible |= decisions_of(rule, q, &reason);
        if (result.rule == -2) {
            result.rule = (int32_t)(i / 2);
            result.reason = reason;
        } else if (result.rule != (int32_t)(i / 2) || result.reason != reason) {
            result.rule = -1;
            result.reason = VERDICT_REASON_SETTLED;
        }
    }
    if (!sure) {
        int32_t rule = (int32_t)default_of(p, q, &decision);

        possible |= 1U << decision;
        if (result.rule == -2) {
            result.rule = rule;
            result.reason = VERDICT_REASON_DEFAULT;
        } else {
            result.rule = -1;
            result.reason = VERDICT_REASON_SETTLED;
        }
    }
    if (possible & (possible - 1)) {
        return (struct result){DECISION_PENDING, -1, VERDICT_REASON_PENDING};
    }
    for (result.decision = DECISION_PENDING; !(possible >> result.decision & 1);
         result.decision++) {
    }
    return result;
}

static struct result
both_ways(const struct policy *p, const struct question *q, bool staged,
          bool *ambiguous)
{
    struct result result = one_way(p, q, staged), other;
    struct question turned = *q;

    *ambiguous = false;
    if (result.decision != DECISION_DENY || !q->midstream ||
        p->midstream != MIDSTREAM_LENIENT) {
        return result;
    }
    turned.src = q->dst;
    turned.dst = q->src;
    turned.src_port = q->dst_port;
    turned.dst_port = q->src_port;
    turned.src_segment = q->dst_segment;
    turned.dst_segment = q->src_segment;
    other = one_way(p, &turned, staged);
    *ambiguous = other.decision != DECISION_DENY;
    return *ambiguous ? other : result;
}

void
naive_judge(const struct policy *policy, const struct question *question,
            struct naive_verdict *verdict)
{
    bool ignored;
    struct result result =
        both_ways(policy, question, false, &verdict->ambiguous);
    struct result staged = both_ways(policy, question, true, &ignored);

    verdict->decision = result.decision;
    verdict->rule = result.rule;
    verdict->reason = result.reason;
    verdict->staged_decision = staged.decision;
    verdict->staged_rule = staged.rule;
}
