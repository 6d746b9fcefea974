/* Warnings that need no analysis: things that are legal and probably not meant.
 * Exact shadowing is another matter. */

#include "rules/load/policy_load.h"
#include "rules/problems.h"

#include <stdio.h>
#include <string.h>

enum {
    LINT_EXPIRING_DAYS = 30
};

static void lint_rule(struct loader *, const struct rule *);
static void lint_unused(struct loader *, const struct load_defs *,
                        const char *what);
static bool set_is_all(const struct policy *, const uint64_t *set);
static const struct segment *set_critical(const struct policy *,
                                          const uint64_t *set);
static bool segment_holds_cards(const struct segment *);
static void lint_dates(const struct policy *, struct wall_time today,
                       struct problems *);
static void warn_unjustified(struct problems *, const struct rule *,
                             const struct segment *critical);
static void warn_rule(struct problems *, const struct rule *, const char *code,
                      const char *text);

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
    struct wall_time review;

    lint_dates(policy, today, problems);
    for (size_t i = 0; i < policy->n_suppressions; i++) {
        const struct suppression *one = &policy->suppressions[i];

        if (one->until.ns <= today.ns) {
            problems_add(problems, PROBLEM_WARNING, "W-EXPIRED", one->at.file,
                         one->at.line, one->at.column,
                         "suppression '%s' has ended; remove it", one->id);
        }
    }
    if (policy->review_by[0] && date_parse(policy->review_by, true, &review) &&
        review.ns <= today.ns) {
        problems_add(problems, PROBLEM_WARNING, "W-REVIEW",
                     policy->review_at.file, policy->review_at.line,
                     policy->review_at.column,
                     "policy '%s' was to be reviewed by %s", policy->name,
                     policy->review_by);
    }
}

static void
lint_dates(const struct policy *policy, struct wall_time today,
           struct problems *problems)
{
    const int64_t soon = LINT_EXPIRING_DAYS * INT64_C(86400) * SECOND_NS;

    for (size_t i = 0; i < policy->n_own; i++) {
        const struct rule *rule = &policy->rules[i];

        if (rule->shown.mode == MODE_DISABLED) {
            continue;
        }
        if (rule->shown.expires.ns <= today.ns) {
            warn_rule(problems, rule, "W-EXPIRED",
                      "has expired and is no longer seen; remove it");
        } else if (rule->shown.expires.ns - soon <= today.ns) {
            warn_rule(problems, rule, "W-EXPIRING", "expires within 30 days");
        }
    }
}

static void
lint_rule(struct loader *loader, const struct rule *rule)
{
    const struct policy *policy = loader->policy;
    bool any = set_is_all(policy, rule->from) && set_is_all(policy, rule->to);
    bool bare = any && !rule->n_terms && !rule->conditions;
    const struct policy_rule *shown = &rule->shown;
    const struct segment *critical = set_critical(policy, rule->to);

    if (shown->mode == MODE_DISABLED || shown->log) {
        return;
    }
    if (bare && shown->action == DECISION_ALLOW) {
        warn_rule(loader->problems, rule, "W-BROAD",
                  "allows everything to everybody");
    } else if (bare && shown->tier == TIER_RULE) {
        warn_rule(loader->problems, rule, "W-CATCHALL",
                  "catches everything; say so with defaults.inter");
    }
    if (!critical && rule->both_ways) {
        critical = set_critical(policy, rule->from);
    }
    if (shown->action == DECISION_ALLOW && !any && critical &&
        !shown->justification[0] && !shown->title[0] && !shown->ticket[0]) {
        warn_unjustified(loader->problems, rule, critical);
    }
    if (shown->action == DECISION_ALERT &&
        rule->conditions >> CONDITION_APP & 1 && !rule->app.unknown &&
        !rule->app.none) {
        warn_rule(loader->problems, rule, "W-ALERT-APP",
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

/* A segment of the set that is critical, or in the scope of PCI DSS (1.2.5
 * wants the business need of every service that is allowed); NULL if there is
 * none. */
static const struct segment *
set_critical(const struct policy *policy, const uint64_t *set)
{
    for (size_t i = SEGMENT_N_BUILTIN; i < policy->n_segments; i++) {
        const struct segment *segment = &policy->segments[i];

        if (set_has(set, i) && (segment->shown.criticality == LEVEL_CRITICAL ||
                                segment_holds_cards(segment))) {
            return segment;
        }
    }
    return NULL;
}

static bool
segment_holds_cards(const struct segment *segment)
{
    for (size_t i = 0; i < segment->n_labels; i++) {
        if (strcmp(segment->labels[i].name, "pci") == 0) {
            return true;
        }
    }
    return false;
}

static void
warn_unjustified(struct problems *problems, const struct rule *rule,
                 const struct segment *critical)
{
    char text[400];

    snprintf(text, sizeof text,
             "allows access to '%s', which %s, without 'justification' or "
             "'title'",
             critical->shown.name,
             segment_holds_cards(critical) ? "has the label pci"
                                           : "is critical");
    warn_rule(problems, rule, "W-NO-JUSTIFICATION", text);
}

static void
warn_rule(struct problems *problems, const struct rule *rule, const char *code,
          const char *text)
{
    problem_set_rule(problems_add(problems, PROBLEM_WARNING, code,
                                  rule->at.file, rule->at.line, rule->at.column,
                                  "'%s' %s", rule->shown.id, text),
                     rule->shown.id);
}
