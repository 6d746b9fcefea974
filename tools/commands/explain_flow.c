/* What explains one flow, and what would change its verdict. */

#include "tools/commands/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    CHANGE_SIZE = 600
};

struct changes {
    const struct explain_flow *flow;
    void (*each)(void *context, const char *text);
    void *context;
};

static void tell_denial(const struct changes *);
static void tell_condition(const struct changes *, uint32_t rule,
                           const char *condition, const struct judge_step *);
static void tell(const struct changes *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const char *segment_name(const struct explain_flow *, segment_id);
static void keep_step(void *context, const struct judge_step *);
static const char *tls_name(uint16_t version);
static void fact_text(const struct flow_test *, const char *condition,
                      char text[FLOW_TEST_WHY]);

bool
explain_flow_init(struct explain_flow *out, const struct explain *explain,
                  const struct flow_test *flow, char why[FLOW_TEST_WHY])
{
    struct policy_place place = {.vlan = flow->vlan,
                                 .interface = flow->interface,
                                 .sensor = flow->sensor};

    *out = (struct explain_flow){.policy = explain->policy, .flow = flow};
    if (!flow_test_question(flow, explain->policy, explain->engine,
                            &out->question, why)) {
        return false;
    }
    judge(out->policy, &out->question, &out->verdict);
    location_find(out->policy, &flow->src, &place, &out->source);
    location_find(out->policy, &flow->dst, &place, &out->target);
    out->near_miss.condition = out->last.condition = "";
    judge_explain(out->policy, &out->question, &out->verdict, &out->path,
                  keep_step, out);
    return true;
}

void
explain_each_change(const struct explain_flow *flow,
                    void (*each)(void *context, const char *text),
                    void *context)
{
    const struct verdict *verdict = &flow->verdict;
    const struct changes changes = {flow, each, context};

    if (verdict->near_miss >= 0) {
        tell_condition(&changes, (uint32_t)verdict->near_miss,
                       verdict->near_miss_condition, &flow->near_miss);
    }
    if (verdict->reverse_of >= 0) {
        tell(&changes,
             "'%s' permits it in the other direction: was it opened "
             "by %s?",
             policy_rule(flow->policy, (uint32_t)verdict->reverse_of)->id,
             segment_name(flow, flow->path.asked.dst_segment));
    }
    if (verdict->expired >= 0) {
        tell(&changes, "'%s' permitted it until it expired",
             policy_rule(flow->policy, (uint32_t)verdict->expired)->id);
    }
    if (verdict->reason >= VERDICT_REASON_REQUIRE_APP &&
        verdict->reason <= VERDICT_REASON_REQUIRE_ONE_WAY) {
        tell_condition(&changes, flow->last.rule,
                       verdict_reason_name(verdict->reason), &flow->last);
    }
    if (verdict->decision == DECISION_DENY) {
        tell_denial(&changes);
    }
    if (verdict->staged_decision == verdict->decision) {
        return;
    }
    if (verdict->staged_rule >= 0) {
        tell(&changes, "'%s', once enforced, makes it %s",
             policy_rule(flow->policy, (uint32_t)verdict->staged_rule)->id,
             decision_name(verdict->staged_decision));
    } else {
        tell(&changes, "with the staged rules enforced it is %s",
             decision_name(verdict->staged_decision));
    }
}

/* What only an edit of the policy can change. */
static void
tell_denial(const struct changes *changes)
{
    const struct explain_flow *flow = changes->flow;
    const struct verdict *verdict = &flow->verdict;
    const struct policy_rule *rule;

    if (verdict->rule < 0) {
        return;
    }
    rule = policy_rule(flow->policy, (uint32_t)verdict->rule);
    if (verdict->reason == VERDICT_REASON_DEFAULT && verdict->near_miss < 0 &&
        verdict->reverse_of < 0 && verdict->expired < 0 &&
        verdict->staged_decision == verdict->decision) {
        tell(changes, "no rule from %s to %s comes near it",
             segment_name(flow, flow->path.asked.src_segment),
             segment_name(flow, flow->path.asked.dst_segment));
    } else if (verdict->reason == VERDICT_REASON_RULE) {
        tell(changes,
             rule->tier == TIER_GUARDRAIL
                 ? "no rule can permit what guardrail '%s' denies"
                 : "only a rule before '%s' could permit it",
             rule->id);
    }
}

static void
tell_condition(const struct changes *changes, uint32_t rule,
               const char *condition, const struct judge_step *step)
{
    const struct policy_rule *shown = policy_rule(changes->flow->policy, rule);
    char fact[FLOW_TEST_WHY];

    fact_text(changes->flow->flow, condition, fact);
    tell(changes, "with %s: %s%s '%s' would say %s", condition, step->wanted,
         fact, shown->id, decision_name(shown->action));
}

static void
tell(const struct changes *changes, const char *format, ...)
{
    char text[CHANGE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    changes->each(changes->context, text);
}

static const char *
segment_name(const struct explain_flow *flow, segment_id segment)
{
    return policy_segment(flow->policy, segment)->name;
}

static void
keep_step(void *context, const struct judge_step *step)
{
    struct explain_flow *flow = context;

    flow->last = *step;
    if ((int32_t)step->rule == flow->verdict.near_miss &&
        strcmp(step->condition, flow->verdict.near_miss_condition) == 0) {
        flow->near_miss = *step;
    }
}

static const char *
tls_name(uint16_t version)
{
    switch (version) {
    case 0: return "not seen";
    case 0x0300: return "SSL 3.0";
    case 0x0301: return "1.0";
    case 0x0302: return "1.1";
    case 0x0303: return "1.2";
    case 0x0304: return "1.3";
    default: return "DTLS";
    }
}

/* " (it is 192.168.10.6)" for the fact a condition is about, or "". */
static void
fact_text(const struct flow_test *flow, const char *condition,
          char text[FLOW_TEST_WHY])
{
    char number[ADDR_TEXT_SIZE] = "";
    const char *value = number;

    if (strcmp(condition, "from_addr") == 0) {
        addr_format(&flow->src, number);
    } else if (strcmp(condition, "to_addr") == 0) {
        addr_format(&flow->dst, number);
    } else if (strcmp(condition, "src_port") == 0) {
        snprintf(number, sizeof number, "%u", flow->src_port);
    } else if (strcmp(condition, "when.vlan") == 0) {
        snprintf(number, sizeof number, "%u", flow->vlan);
    } else if (strcmp(condition, "when.sensor") == 0) {
        value = flow->sensor;
    } else if (strcmp(condition, "when.interface") == 0) {
        value = flow->interface;
    } else if (strstr(condition, "app") && !strstr(condition, "category")) {
        value = flow->app;
    } else if (strstr(condition, "sni")) {
        value = flow->sni[0] ? flow->sni : "not seen";
    } else if (strcmp(condition, "when.host") == 0) {
        value = flow->host[0] ? flow->host : "not seen";
    } else if (strcmp(condition, "require.tls_min") == 0) {
        value = tls_name(flow->tls_version);
    }
    text[0] = '\0';
    if (value[0]) {
        snprintf(text, FLOW_TEST_WHY, " (it is %.200s)", value);
    }
}
