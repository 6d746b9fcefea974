/* See naive_judge.h.  The numbers are those of the language's semantics. */

#include "tests/rules/naive_judge.h"

#include "tests/rules/naive_conditions.h"

#include <stdio.h>
#include <string.h>

/* Defaults in the order of their rules. */
enum {
    INTER,
    INTRA,
    UNKNOWN,
    MULTICAST,
    LINK_SCOPE,
    MIDSTREAM
};

segment_id
naive_locate(const struct random_policy *policy, const struct random_flow *flow,
             bool dst)
{
    if (dst && flow->link_broadcast) {
        return SEGMENT_BROADCAST;
    }
    return naive_segment(policy, flow,
                         dst ? &flow->outer_dst : &flow->outer_src,
                         dst ? flow->dst_mac : flow->src_mac);
}

static bool
starts_with(const struct addr *addr, const char *network)
{
    struct prefix prefix;

    return prefix_parse(network, &prefix) && naive_contains(&prefix, addr);
}

/* S23.  In IPv6 multicast the scope is the low half of the second byte,
 * whatever the flags in the other half (RFC 4291 section 2.7). */
static bool
is_link_scope(const struct view *view)
{
    const struct addr *src = view->src, *dst = view->dst;
    unsigned scope = dst->byte[1] & 0x0f;

    return starts_with(dst, "224.0.0.0/24") ||
           starts_with(dst, "255.255.255.255") ||
           (starts_with(dst, "ff00::/8") && (scope == 1 || scope == 2)) ||
           starts_with(src, "169.254.0.0/16") ||
           starts_with(src, "fe80::/10") ||
           starts_with(dst, "169.254.0.0/16") ||
           starts_with(dst, "fe80::/10") || starts_with(src, "0.0.0.0") ||
           starts_with(src, "::");
}

static enum decision
decision_of(enum random_action action)
{
    static const enum decision decisions[] = {[RANDOM_ALLOW] = DECISION_ALLOW,
                                              [RANDOM_DENY] = DECISION_DENY,
                                              [RANDOM_ALERT] = DECISION_ALERT,
                                              [RANDOM_OBSERVE] =
                                                  DECISION_OBSERVE};

    return decisions[action];
}

/* S8. */
static enum decision
decide_default(const struct random_policy *policy, const struct view *view,
               int32_t *rule)
{
    int32_t first = policy->n_rules + policy->n_pairs;

    for (unsigned i = 0; i < policy->n_pairs; i++) {
        const struct random_pair *pair = &policy->pairs[i];

        if (random_policy_segments(policy, &pair->from) >> view->src_segment &
            random_policy_segments(policy, &pair->to) >> view->dst_segment &
            1) {
            *rule = policy->n_rules + (int32_t)i;
            return decision_of(pair->decision);
        }
    }
    if (is_link_scope(view)) {
        *rule = first + LINK_SCOPE;
        return decision_of(policy->link_scope);
    }
    if (view->dst_segment == SEGMENT_MULTICAST ||
        view->dst_segment == SEGMENT_BROADCAST) {
        *rule = first + MULTICAST;
        return decision_of(policy->multicast);
    }
    if (view->src_segment == view->dst_segment &&
        view->src_segment >= SEGMENT_N_BUILTIN) {
        const struct random_segment *segment =
            &policy->segments[view->src_segment - SEGMENT_N_BUILTIN];

        *rule = first + INTRA;
        return decision_of(segment->has_intra ? segment->intra : policy->intra);
    }
    if (view->src_segment == SEGMENT_UNKNOWN ||
        view->dst_segment == SEGMENT_UNKNOWN) {
        *rule = first + UNKNOWN;
        return decision_of(policy->unknown);
    }
    *rule = first + INTER;
    return decision_of(policy->inter);
}

static bool
sides_match(const struct random_policy *policy, const struct random_rule *rule,
            const struct view *view, bool reversed)
{
    uint32_t from = random_policy_segments(policy, &rule->from) &
                    ~random_policy_segments(policy, &rule->from_except);
    uint32_t to = random_policy_segments(policy, &rule->to) &
                  ~random_policy_segments(policy, &rule->to_except);
    segment_id src = reversed ? view->dst_segment : view->src_segment;
    segment_id dst = reversed ? view->src_segment : view->dst_segment;

    return (from >> src & to >> dst & 1) &&
           (!rule->services.n || naive_service(policy, &rule->services, view));
}

static bool
is_before_start(const struct random_rule *rule, const struct random_flow *flow)
{
    return rule->has_starts &&
           flow->start_ns < random_dates[rule->starts].starts_s * SECOND_NS;
}

static bool
is_past_end(const struct random_rule *rule, const struct random_flow *flow)
{
    return rule->has_expires &&
           flow->start_ns >= random_dates[rule->expires].expires_s * SECOND_NS;
}

static bool
rule_allows(const struct random_rule *rule)
{
    return rule->action == RANDOM_ALLOW || rule->action == RANDOM_ALERT;
}

/* What a walk over the rules has gathered so far. */
struct walk {
    unsigned decisions; /* Bits: those still possible. */
    struct verdict verdict;
};

static void
add_candidate(struct walk *walk, int32_t rule, enum verdict_reason reason,
              unsigned decisions, uint32_t flags)
{
    struct verdict *verdict = &walk->verdict;

    if (!walk->decisions) {
        verdict->rule = rule;
        verdict->reason = reason;
        verdict->flags = flags;
        if (reason == VERDICT_REASON_SETTLED) {
            verdict->final = false; /* Which requirement fails is open. */
        }
    } else if (verdict->rule != rule || verdict->reason != reason) {
        verdict->rule = VERDICT_NO_RULE; /* Which rule decides is open. */
        verdict->reason = VERDICT_REASON_SETTLED;
    }
    walk->decisions |= decisions;
}

/* S5, S7, S12, S14, S20.  Returns true if the rule ends the walk. */
static bool
ask_rule(const struct random_policy *policy, unsigned number,
         const struct view *view, bool reversed, bool staged, struct walk *walk)
{
    const struct random_rule *rule = &policy->rules[number];
    struct verdict *verdict = &walk->verdict;
    enum verdict_reason reason;
    enum truth truth;
    unsigned decisions;
    const char *only;
    uint32_t flags;
    bool benefit;

    if (!sides_match(policy, rule, view, reversed)) {
        return false;
    }
    truth = naive_conditions(policy, rule, view, reversed, &benefit, &only);
    if (truth == NO || is_before_start(rule, view->flow)) {
        return false;
    }
    decisions = naive_requirements(policy, rule, view, &reason, &flags);
    if (is_past_end(rule, view->flow)) { /* S20: it would have allowed. */
        if (truth == YES && rule_allows(rule) &&
            decisions != 1U << DECISION_DENY && verdict->expired < 0) {
            verdict->expired = (int32_t)number;
        }
        return false;
    }
    if (rule->action == RANDOM_LOG) {
        if (truth == OPEN && !staged) { /* The second result has no tags. */
            verdict->final = false;
        } else if (truth == YES && verdict->n_tags < VERDICT_MAX_TAGS) {
            verdict->tags[verdict->n_tags++] = (int32_t)number;
        }
        return false;
    }
    if (benefit) {
        flags |= VERDICT_NO_PAYLOAD;
    }
    add_candidate(walk, (int32_t)number, reason, decisions, flags);
    return truth == YES;
}

/* S9. */
static struct verdict
walk_rules(const struct random_policy *policy, const struct view *view,
           bool staged)
{
    struct walk walk = {
        .verdict = {.final = true, .expired = -1, .rule = VERDICT_NO_RULE}};
    struct verdict *verdict = &walk.verdict;
    bool sure = false;

    for (unsigned i = 0; i < policy->n_rules && !sure; i++) {
        const struct random_rule *rule = &policy->rules[i];

        if (rule->disabled || (rule->staged && !staged)) {
            continue;
        }
        sure =
            ask_rule(policy, i, view, false, staged, &walk) ||
            (rule->both_ways && ask_rule(policy, i, view, true, staged, &walk));
    }
    if (!sure) {
        int32_t rule;
        enum decision decision = decide_default(policy, view, &rule);

        add_candidate(&walk, rule, VERDICT_REASON_DEFAULT, 1U << decision, 0);
    }
    for (unsigned i = 0; i <= DECISION_RELATED; i++) {
        if (walk.decisions == 1U << i) {
            verdict->decision = (enum decision)i;
        }
    }
    if (verdict->decision == DECISION_PENDING) { /* They disagree. */
        verdict->reason = VERDICT_REASON_PENDING;
        verdict->rule = VERDICT_NO_RULE;
    }
    if (verdict->rule == VERDICT_NO_RULE) {
        verdict->final = false;
        verdict->flags = 0;
    }
    return *verdict;
}

static struct view
turned(const struct view *view, bool ports)
{
    return (struct view){view->flow,
                         view->dst,
                         view->src,
                         view->dst_segment,
                         view->src_segment,
                         ports ? view->dst_port : view->src_port,
                         ports ? view->src_port : view->dst_port};
}

/* S16, S18. */
static struct verdict
walk_both(const struct random_policy *policy, const struct view *view,
          bool staged)
{
    struct verdict verdict = walk_rules(policy, view, staged), other;
    struct view back = turned(view, true);
    bool lenient = view->flow->icmp_orphan ||
                   (view->flow->midstream && policy->midstream == 0);

    if (verdict.decision != DECISION_DENY || !lenient) {
        return verdict;
    }
    other = walk_rules(policy, &back, staged);
    if (other.decision == DECISION_DENY) {
        return verdict;
    }
    other.flags |= VERDICT_DIRECTION_AMBIGUOUS;
    return other;
}

/* S22: the first rule that would allow, but for one condition. */
static void
find_near_miss(const struct random_policy *policy, const struct view *view,
               struct verdict *verdict)
{
    for (unsigned i = 0; i < policy->n_rules * 2U; i++) {
        const struct random_rule *rule = &policy->rules[i / 2];
        const char *only = NULL;
        bool benefit;

        if (rule->disabled || rule->staged || !rule_allows(rule) ||
            (i % 2 && !rule->both_ways) || is_before_start(rule, view->flow) ||
            is_past_end(rule, view->flow) ||
            !sides_match(policy, rule, view, i % 2)) {
            continue;
        }
        naive_conditions(policy, rule, view, i % 2, &benefit, &only);
        if (only) {
            verdict->near_miss = (int32_t)(i / 2);
            verdict->near_miss_condition = only;
            return;
        }
    }
}

/* S15. */
static void
find_reverse(const struct random_policy *policy, const struct view *view,
             struct verdict *verdict)
{
    struct view back = turned(view, false);
    struct verdict other = walk_rules(policy, &back, false);

    if (other.decision == DECISION_ALLOW || other.decision == DECISION_ALERT) {
        verdict->reverse_of = other.rule;
    }
}

static struct view
view_of(const struct random_policy *policy, const struct random_flow *flow)
{
    struct view view = {flow,
                        &flow->src,
                        &flow->dst,
                        naive_locate(policy, flow, false),
                        naive_locate(policy, flow, true),
                        flow->src_port,
                        flow->dst_port};

    if (flow->icmp_orphan) { /* Whose frames the quoted ends had: not known. */
        view.src_segment = naive_segment(policy, flow, &flow->src, 0);
        view.dst_segment = naive_segment(policy, flow, &flow->dst, 0);
    }
    return view;
}

/* S25 */
static uint32_t
translated(const struct random_policy *policy, const struct view *view)
{
    return view->src_segment >= SEGMENT_N_BUILTIN &&
                   policy->segments[view->src_segment - SEGMENT_N_BUILTIN]
                       .translated
               ? VERDICT_TRANSLATED_SRC
               : 0U;
}

void
naive_judge(const struct random_policy *policy, const struct random_flow *flow,
            struct verdict *verdict)
{
    struct view view = view_of(policy, flow);
    bool redirect = (flow->protocol == 1 && flow->icmp_type == 5) ||
                    (flow->protocol == 58 && flow->icmp_type == 137);
    struct verdict staged;

    *verdict = (struct verdict){.rule = -1,
                                .near_miss = -1,
                                .expired = -1,
                                .reverse_of = -1,
                                .staged_rule = -1,
                                .final = true};
    if (flow->icmp_related && !redirect) {
        verdict->decision = verdict->staged_decision = DECISION_RELATED;
        verdict->reason = VERDICT_REASON_ICMP_ERROR;
        return;
    }
    if (flow->midstream && policy->midstream == 2 && !flow->icmp_orphan) {
        verdict->decision = verdict->staged_decision = DECISION_OBSERVE;
        verdict->reason = VERDICT_REASON_MIDSTREAM;
        verdict->rule = verdict->staged_rule =
            policy->n_rules + policy->n_pairs + MIDSTREAM;
        verdict->flags = translated(policy, &view);
        return;
    }
    *verdict = walk_both(policy, &view, false);
    staged = walk_both(policy, &view, true);
    verdict->near_miss = verdict->reverse_of = -1;
    verdict->staged_decision = staged.decision;
    verdict->staged_rule = staged.rule;
    verdict->final &= staged.final;
    verdict->flags |= flow->icmp_orphan ? VERDICT_ICMP_ORPHAN : 0U;
    verdict->flags |= translated(policy, &view);
    if (verdict->decision != DECISION_DENY) {
        verdict->expired = -1;
    } else if (verdict->reason == VERDICT_REASON_DEFAULT) {
        find_near_miss(policy, &view, verdict);
        find_reverse(policy, &view, verdict);
    }
}

bool
naive_disagrees(const struct random_policy *policy,
                const struct random_flow *flow, const struct verdict *verdict,
                char *text, size_t size)
{
    struct verdict naive;
    const char *condition = verdict->near_miss_condition;

    naive_judge(policy, flow, &naive);
#define SAME(FIELD)                                                            \
    if ((long)verdict->FIELD != (long)naive.FIELD) {                           \
        snprintf(text, size, #FIELD " is %ld, not %ld", (long)verdict->FIELD,  \
                 (long)naive.FIELD);                                           \
        return true;                                                           \
    }
    SAME(decision)
    SAME(rule)
    SAME(reason)
    SAME(final)
    SAME(flags)
    SAME(near_miss)
    SAME(reverse_of)
    SAME(expired)
    SAME(n_tags)
    SAME(staged_decision)
    SAME(staged_rule)
    for (unsigned i = 0; i < naive.n_tags; i++) {
        SAME(tags[i])
    }
#undef SAME
    if (naive.near_miss >= 0 &&
        strcmp(condition ? condition : "", naive.near_miss_condition) != 0) {
        snprintf(text, size, "near_miss_condition is %s, not %s",
                 condition ? condition : "none", naive.near_miss_condition);
        return true;
    }
    return false;
}
