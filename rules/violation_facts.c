/* What a hit is, and how bad: values made of others; see violation.h. */

#include "flows/flow_key.h"
#include "rules/detect/detect.h"
#include "rules/violation.h"

struct violation_hit
violation_of(const struct policy *policy, const struct verdict *verdict,
             const struct question *question, const struct flow_record *record)
{
    bool icmp = question->protocol == PROTOCOL_ICMP ||
                question->protocol == PROTOCOL_ICMPV6;
    enum flow_outcome outcome = record->outcome;
    struct question quoted;

    if (question->icmp_orphan) { /* It is about what is quoted. */
        judge_quoted(policy, question, &quoted);
        question = &quoted;
        outcome = flow_key_icmp_is_unreachable(
                      record->protocol, record->icmp_type, record->icmp_code)
                      ? FLOW_OUTCOME_REFUSED
                      : FLOW_OUTCOME_ATTEMPT;
    }
    return (struct violation_hit){
        .policy = policy,
        .rule = verdict->rule,
        .reason = verdict->reason,
        .src = question->src,
        .dst = question->dst,
        .src_segment = question->src_segment,
        .dst_segment = question->dst_segment,
        .protocol = question->protocol,
        .port = icmp ? question->icmp_type : question->dst_port,
        .outcome = outcome,
        .ambiguous = verdict->flags & VERDICT_DIRECTION_AMBIGUOUS,
        .flow_id = record->id,
        .now = record->now,
    };
}

struct violation_hit
violation_of_detection(const struct detection *detection)
{
    const struct sighting *seen = &detection->seen;
    bool icmp =
        seen->protocol == PROTOCOL_ICMP || seen->protocol == PROTOCOL_ICMPV6;

    return (struct violation_hit){
        .policy = detection->policy,
        .rule = (int32_t)detection->rule,
        .reason = VERDICT_REASON_DETECTED,
        .src = seen->src,
        .dst = seen->dst,
        .src_segment = seen->src_segment,
        .dst_segment = seen->dst_segment,
        .protocol = seen->protocol,
        .port = icmp ? seen->icmp_type : seen->dst_port,
        .outcome = (enum flow_outcome)seen->outcome,
        .all_dsts = detection->all_dsts,
        .all_ports = detection->all_ports,
        .n_targets = detection->n_targets,
        .flow_id = seen->flow_id,
        .now = seen->now,
    };
}

struct violation_score
violation_score(enum policy_level base, enum flow_outcome outcome,
                enum policy_level dst_criticality, bool src_external,
                bool unknown_segment, bool direction_ambiguous)
{
    static const int bases[] = {10, 30, 50, 70, 90};
    static const int outcomes[] = {[FLOW_OUTCOME_ATTEMPT] = -5,
                                   [FLOW_OUTCOME_REFUSED] = -20,
                                   [FLOW_OUTCOME_ESTABLISHED] = 10,
                                   [FLOW_OUTCOME_DATA] = 10};
    static const int criticalities[] = {-10, -10, 0, 5, 10};
    struct violation_score score = {.base = bases[base],
                                    .outcome = outcomes[outcome],
                                    .criticality =
                                        criticalities[dst_criticality],
                                    .external = src_external ? 5 : 0,
                                    .unknown = unknown_segment ? 5 : 0,
                                    .ambiguous = direction_ambiguous ? -15 : 0};

    score.total = score.base + score.outcome + score.criticality +
                  score.external + score.unknown + score.ambiguous;
    score.total = score.total < 1 ? 1 : score.total > 100 ? 100 : score.total;
    score.level = score.total >= 85   ? LEVEL_CRITICAL
                  : score.total >= 65 ? LEVEL_HIGH
                  : score.total >= 45 ? LEVEL_MEDIUM
                  : score.total >= 25 ? LEVEL_LOW
                                      : LEVEL_INFO;
    return score;
}

const char *
violation_kind_name(enum violation_kind kind)
{
#define NAME_OF(NAME, TEXT) TEXT,
    static const char *const names[] = {VIOLATION_KINDS(NAME_OF)};
#undef NAME_OF

    return names[kind];
}
