/* Asks the same rows and the same conditions as judge.c, one rule at a time,
 * and keeps what judge.c throws away.  It decides nothing: the verdict is the
 * judge's, and a test holds the two together. */

#include "rules/judge/judge_path.h"

#include "rules/judge/judge_match.h"
#include "rules/print/condition_text.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

static void find_asked(const struct policy *, const struct question *,
                       const struct verdict *, struct judge_path *);
static void fill_step(const struct policy *, const struct question *,
                      const struct rule_entry *, bool service_holds,
                      struct judge_step *);
static void fill_default(const struct policy *, const struct question *,
                         const struct verdict *, struct judge_step *);
static bool find_failure(const struct policy *, const struct question *,
                         const struct rule_entry *, struct judge_step *);
static void find_result(const struct policy *, const struct question *,
                        const struct rule *, struct judge_step *);
static void write_date(char text[JUDGE_STEP_TEXT], const char *what,
                       struct wall_time);

void
judge_explain(const struct policy *policy, const struct question *question,
              const struct verdict *verdict, struct judge_path *path,
              void (*each)(void *context, const struct judge_step *),
              void *context)
{
    const struct compiled *compiled = &policy->compiled;
    ptrdiff_t number, last = -1;

    *path = (struct judge_path){.n_rules = 0};
    find_asked(policy, question, verdict, path);
    for (size_t i = 0; i < compiled->n_entries; i++) {
        const struct rule_entry *entry = &compiled->entries[i];
        unsigned rows = judge_entry_rows(policy, &path->asked, i);
        struct judge_step step;

        path->n_rules += !entry->reversed;
        if (!path->walked || (rows & ENTRY_PAIR) != ENTRY_PAIR) {
            continue;
        }
        number = entry->rule - policy->rules;
        path->n_named += number != last; /* Both ways count once. */
        last = number;
        if (path->decided) {
            continue;
        }
        fill_step(policy, &path->asked, entry, rows & ENTRY_SERVICE, &step);
        path->decided = step.kind == JUDGE_STEP_MATCHED;
        each(context, &step);
    }
    if (path->walked && !path->decided) {
        struct judge_step step;

        fill_default(policy, &path->asked, verdict, &step);
        each(context, &step);
    }
}

const char *
judge_step_name(enum judge_step_kind kind)
{
#define STEP_NAME(NAME, TEXT) TEXT,
    static const char *const names[] = {JUDGE_STEPS(STEP_NAME)};
#undef STEP_NAME

    return names[kind];
}

/* The question judge() put to the rules. */
static void
find_asked(const struct policy *policy, const struct question *question,
           const struct verdict *verdict, struct judge_path *path)
{
    struct question *asked = &path->asked;

    *asked = *question;
    path->walked = verdict->reason != VERDICT_REASON_ICMP_ERROR &&
                   verdict->reason != VERDICT_REASON_MIDSTREAM;
    if (verdict->flags & VERDICT_ICMP_ORPHAN) {
        struct policy_place place = {.vlan = question->vlan,
                                     .interface = question->interface,
                                     .sensor = question->sensor};

        asked->src_segment = policy_locate(policy, &asked->src, &place);
        asked->dst_segment = policy_locate(policy, &asked->dst, &place);
    }
    if (verdict->flags & VERDICT_DIRECTION_AMBIGUOUS) {
        struct question as_was = *asked;

        asked->src = as_was.dst;
        asked->dst = as_was.src;
        asked->src_segment = as_was.dst_segment;
        asked->dst_segment = as_was.src_segment;
        asked->src_port = as_was.dst_port;
        asked->dst_port = as_was.src_port;
    }
}

static void
fill_step(const struct policy *policy, const struct question *question,
          const struct rule_entry *entry, bool service_holds,
          struct judge_step *step)
{
    const struct rule *rule = entry->rule;

    *step = (struct judge_step){.kind = JUDGE_STEP_FAILED,
                                .rule = (uint32_t)(rule - policy->rules),
                                .reversed = entry->reversed,
                                .condition = ""};
    if (!service_holds) {
        step->condition = "service";
        rule_service_text(rule, step->wanted);
        return;
    }
    if (find_failure(policy, question, entry, step)) {
        return;
    }
    if (question->start.ns < rule->shown.starts.ns) {
        step->kind = JUDGE_STEP_FAILED;
        step->condition = "starts";
        write_date(step->wanted, "not before", rule->shown.starts);
    } else if (question->start.ns >= rule->shown.expires.ns) {
        step->kind = JUDGE_STEP_FAILED;
        step->condition = "expires";
        write_date(step->wanted, "before", rule->shown.expires);
    } else {
        find_result(policy, question, rule, step);
    }
}

/* The pair or default: open as long as some rule before it is. */
static void
fill_default(const struct policy *policy, const struct question *question,
             const struct verdict *verdict, struct judge_step *step)
{
    enum decision decision;
    int32_t rule;

    decision = judge_default(policy, question, &rule);
    *step = (struct judge_step){
        .kind = verdict->rule == rule ? JUDGE_STEP_MATCHED : JUDGE_STEP_OPEN,
        .rule = (uint32_t)rule,
        .decision = decision,
        .condition = ""};
}

/* True if a condition fails; one that is open makes the step so. */
static bool
find_failure(const struct policy *policy, const struct question *question,
             const struct rule_entry *entry, struct judge_step *step)
{
    step->kind = JUDGE_STEP_MATCHED;
    for (uint32_t left = entry->rule->conditions; left; left &= left - 1) {
        enum rule_condition condition =
            (enum rule_condition)__builtin_ctz(left);
        enum match match =
            rule_match_condition(policy, entry, question, condition);

        if (match == MATCH_YES ||
            (match == MATCH_MAYBE && step->kind == JUDGE_STEP_OPEN)) {
            continue;
        }
        step->condition = rule_condition_name(condition);
        rule_condition_text(policy, entry->rule, condition, step->wanted);
        if (match == MATCH_NO) {
            step->kind = JUDGE_STEP_FAILED;
            return true;
        }
        step->kind = JUDGE_STEP_OPEN;
    }
    return false;
}

/* Of a rule whose conditions hold, or may yet. */
static void
find_result(const struct policy *policy, const struct question *question,
            const struct rule *rule, struct judge_step *step)
{
    struct rule_result result = rule_result(policy, rule, question);

    if (result.decisions & (result.decisions - 1)) {
        step->decision = DECISION_PENDING;
    } else {
        step->decision = (enum decision)__builtin_ctz(result.decisions);
    }
    if (result.reason >= VERDICT_REASON_REQUIRE_APP &&
        result.reason <= VERDICT_REASON_REQUIRE_ONE_WAY) {
        step->condition = verdict_reason_name(result.reason);
        rule_requirement_text(
            policy, rule,
            (enum rule_requirement)(result.reason - VERDICT_REASON_REQUIRE_APP),
            step->wanted);
    }
    if (rule->shown.mode == MODE_STAGED) {
        step->kind = JUDGE_STEP_STAGED;
    } else if (rule->shown.log && step->kind == JUDGE_STEP_MATCHED) {
        step->kind = JUDGE_STEP_TAGGED;
    }
}

static void
write_date(char text[JUDGE_STEP_TEXT], const char *what, struct wall_time time)
{
    time_t seconds = (time_t)(time.ns / SECOND_NS);
    char shown[32] = "?";
    struct tm tm;

    if (gmtime_r(&seconds, &tm)) {
        strftime(shown, sizeof shown, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    snprintf(text, JUDGE_STEP_TEXT, "%s %s", what, shown);
}
