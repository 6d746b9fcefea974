/* Warnings that need no analysis: things that are legal and probably not meant.
 * Exact shadowing is another matter. */

#include "rules/policy_load.h"
#include "rules/problems.h"

#include <stdio.h>

enum {
    LINT_EXPIRING_DAYS = 30
};

static void lint_rule(struct loader *, const struct rule *);
static void lint_unused(struct loader *, const struct load_defs *,
                        const char *what);
static bool set_is_all(const struct policy *, const uint64_t *set);
static bool set_has_critical(const struct policy *, const uint64_t *set);
static void warn_at(struct problems *, const struct policy_position *,
                    const char *code, const char *id, const char *text);

void
load_lint(struct loader *loader)
{
    const struct policy *policy = loader->policy;

    if (loader->problems->n_errors) {
        return; /* Half a policy would give half the warnings, or false ones. */
    }
    for (size_t i = 0; i < policy->n_own; i++) {
        lint_rule(loader, &policy->rules[i]);
    }
    for (size_t i = 0; i < loader->groups.n; i++) {
        const struct load_def *group = &loader->groups.defs[i];
        uint64_t some = 0;

        for (size_t w = 0; w < policy->n_set_words; w++) {
            some |= group->is.segments[w];
        }
        if (!some) {
            LOAD_WARN(loader, "W-GROUP-EMPTY", group->key,
                      "group '%s' has no members", group->name);
        }
    }
    lint_unused(loader, &loader->groups, "group");
    lint_unused(loader, &loader->addresses, "address set");
    lint_unused(loader, &loader->services, "service");
    lint_unused(loader, &loader->applications, "application set");
    lint_unused(loader, &loader->schedules, "schedule");
}

void
policy_lint(const struct policy *policy, struct wall_time today,
            struct problems *problems)
{
    const int64_t soon = LINT_EXPIRING_DAYS * INT64_C(86400) * SECOND_NS;
    struct wall_time review;

    for (size_t i = 0; i < policy->n_own; i++) {
        const struct rule *rule = &policy->rules[i];

        if (rule->shown.expires.ns <= today.ns) {
            warn_at(problems, &rule->at, "W-EXPIRED", rule->shown.id,
                    "has expired and is no longer seen; remove it");
        } else if (rule->shown.expires.ns - soon <= today.ns) {
            warn_at(problems, &rule->at, "W-EXPIRING", rule->shown.id,
                    "expires within 30 days");
        }
    }
    if (policy->review_by[0] && date_parse(policy->review_by, true, &review) &&
        review.ns <= today.ns) {
        warn_at(problems, &policy->review_at, "W-REVIEW", policy->name,
                "was to be reviewed by this date");
    }
}

static void
lint_rule(struct loader *loader, const struct rule *rule)
{
    const struct policy *policy = loader->policy;
    bool any = set_is_all(policy, rule->from) && set_is_all(policy, rule->to);
    bool bare = any && !rule->n_terms && !rule->conditions;
    const struct policy_rule *shown = &rule->shown;

    if (shown->mode == MODE_DISABLED || shown->log) {
        return;
    }
    if (bare && shown->action == DECISION_ALLOW) {
        warn_at(loader->problems, &rule->at, "W-BROAD", shown->id,
                "allows everything to everybody");
    } else if (bare && shown->tier == TIER_RULE) {
        warn_at(loader->problems, &rule->at, "W-CATCHALL", shown->id,
                "catches everything; say so with defaults.inter");
    }
    if (shown->action == DECISION_ALLOW && !any && !shown->justification[0] &&
        !shown->title[0] && set_has_critical(policy, rule->to)) {
        warn_at(loader->problems, &rule->at, "W-NO-JUSTIFICATION", shown->id,
                "allows access to a critical segment without 'justification' "
                "or 'title'");
    }
    if (shown->action == DECISION_ALERT &&
        rule->conditions >> CONDITION_APP & 1 && !rule->app.unknown &&
        !rule->app.none) {
        warn_at(loader->problems, &rule->at, "W-ALERT-APP", shown->id,
                "names an 'app' and so skips flows without payload; "
                "'require: {app: ...}' would catch other applications too");
    }
}

static void
lint_unused(struct loader *loader, const struct load_defs *defs,
            const char *what)
{
    for (size_t i = 0; i < defs->n; i++) {
        if (!defs->defs[i].used) {
            LOAD_WARN(loader, "W-UNUSED-DEF", defs->defs[i].key,
                      "%s '%s' is used nowhere", what, defs->defs[i].name);
        }
    }
}

static bool
set_is_all(const struct policy *policy, const uint64_t *set)
{
    for (size_t i = 0; i < policy->n_segments; i++) {
        if (!set_has(set, i)) {
            return false;
        }
    }
    return true;
}

static bool
set_has_critical(const struct policy *policy, const uint64_t *set)
{
    for (size_t i = SEGMENT_N_BUILTIN; i < policy->n_segments; i++) {
        if (set_has(set, i) &&
            policy->segments[i].shown.criticality == LEVEL_CRITICAL) {
            return true;
        }
    }
    return false;
}

static void
warn_at(struct problems *problems, const struct policy_position *at,
        const char *code, const char *id, const char *text)
{
    problems_add(problems, PROBLEM_WARNING, code, at->file, at->line,
                 at->column, "'%s' %s", id, text);
}
