/* Guardrails, rules, pairs and the defaults: everything that can decide. */

#include "rules/load/policy_load.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const none[] = {NULL};

static size_t load_count_all(const struct loader *, int top_key);
static void load_tier(struct loader *, int top_key, enum policy_tier,
                      size_t *n);
static void load_rule(struct loader *, const struct yaml_node *, struct rule *);
static const char *written_id(const struct yaml_node *rule);
static bool load_action(struct loader *, const struct load_fields *,
                        struct rule *);
static const char *load_rule_id(struct loader *, const struct load_fields *,
                                int key, size_t number);
static void load_sides(struct loader *, const struct load_fields *,
                       struct rule *);
static uint64_t *load_side(struct loader *, const struct yaml_node *names,
                           const struct yaml_node *except,
                           const uint64_t **excepted);
static void load_meta(struct loader *, const struct load_fields *,
                      struct rule *);
static void load_window(struct loader *, const struct load_fields *,
                        struct rule *);
static void load_exception(struct loader *, const struct load_fields *,
                           struct rule *);
static void load_pairs(struct loader *);
static void load_pair(struct loader *, const struct yaml_node *, struct rule *,
                      struct pair *);

static_assert(POLICY_MAX_RULES + POLICY_MAX_PAIRS + N_DEFAULTS + N_DETECTORS <=
                  POLICY_RULE_NUMBERS,
              "numbers for all");

void
load_rules(struct loader *loader)
{
    struct policy *policy = loader->policy;
    size_t n_own = load_count_all(loader, IN_TOP_GUARDRAILS) +
                   load_count_all(loader, IN_TOP_RULES);
    size_t n_pairs = load_count_all(loader, IN_TOP_PAIRS);
    struct rule *defaults;

    if (n_own > POLICY_MAX_RULES || n_pairs > POLICY_MAX_PAIRS) {
        LOAD_ERROR(loader, "E-LIMIT", loader->docs[loader->n_docs - 1].at,
                   "more than %d rules or %d pairs", POLICY_MAX_RULES,
                   POLICY_MAX_PAIRS);
        return;
    }
    defaults = policy->rules; /* From load_head(). */
    policy->rules =
        load_alloc(loader, n_own + n_pairs + N_DEFAULTS + N_DETECTORS,
                   sizeof *policy->rules);
    policy->pairs = load_alloc(loader, n_pairs, sizeof *policy->pairs);
    if (!policy->rules || !policy->pairs) {
        return;
    }
    load_tier(loader, IN_TOP_GUARDRAILS, TIER_GUARDRAIL, &policy->n_guardrails);
    load_tier(loader, IN_TOP_RULES, TIER_RULE, &n_own);
    policy->n_own = policy->n_rules;
    load_pairs(loader);
    memcpy(&policy->rules[policy->n_rules], defaults,
           N_DEFAULTS * sizeof *defaults);
    policy->n_rules += N_DEFAULTS;
}

static size_t
load_count_all(const struct loader *loader, int top_key)
{
    size_t n = 0;

    for (size_t i = 0; i < loader->n_docs; i++) {
        n += load_count(loader->docs[i].value[top_key]);
    }
    return n;
}

static void
load_tier(struct loader *loader, int top_key, enum policy_tier tier, size_t *n)
{
    struct policy *policy = loader->policy;

    *n = 0;
    for (size_t i = 0; i < loader->n_docs; i++) {
        const struct yaml_node *list = loader->docs[i].value[top_key];

        for (size_t k = 0; k < load_count(list); k++) {
            struct rule *rule = &policy->rules[policy->n_rules++];

            load_rule_init(rule, policy, tier);
            loader->rule = written_id(load_item(list, k));
            load_rule(loader, load_item(list, k), rule);
            loader->rule = NULL;
            (*n)++;
        }
    }
}

/* What mistakes in a rule are attributed to; NULL if it has no usable id. */
static const char *
written_id(const struct yaml_node *rule)
{
    const struct yaml_node *id = yaml_doc_get(rule, "id");

    return id && id->kind == YAML_DOC_SCALAR && name_is_rule_id(id->text)
               ? id->text
               : NULL;
}

static void
load_rule(struct loader *loader, const struct yaml_node *node,
          struct rule *rule)
{
    static const char *const modes[] = {"enforce", "staged", "disabled", NULL};
    struct load_fields in;
    int mode;

    rule->at = load_position(loader, node);
    if (!load_fields(loader, node, SECTION_RULE, &in)) {
        return;
    }
    rule->shown.id = load_rule_id(loader, &in, IN_RULE_ID,
                                  (size_t)(rule - loader->policy->rules));
    mode = load_word(loader, in.value[IN_RULE_MODE], "E-TYPE", modes);
    rule->shown.mode = mode < 0 ? MODE_ENFORCE : (enum policy_mode)mode;
    rule->both_ways = load_bool(loader, in.value[IN_RULE_BOTH_WAYS]);
    load_sides(loader, &in, rule);
    if (in.value[IN_RULE_SERVICE]) {
        load_service_terms(loader, in.value[IN_RULE_SERVICE], rule);
    }
    if (load_action(loader, &in, rule)) {
        load_conditions(loader, &in, rule);
    }
    load_meta(loader, &in, rule);
    load_window(loader, &in, rule);
    load_exception(loader, &in, rule);
}

static bool
load_action(struct loader *loader, const struct load_fields *in,
            struct rule *rule)
{
    static const char *const actions[] = {"allow", "deny", "alert", "log",
                                          NULL};
    static const enum decision decisions[] = {DECISION_ALLOW, DECISION_DENY,
                                              DECISION_ALERT, DECISION_OBSERVE};
    int action =
        load_word(loader, in->value[IN_RULE_ACTION], "E-ACTION", actions);

    if (action < 0) {
        return false;
    }
    rule->shown.action = decisions[action];
    rule->shown.log = action == 3;
    return true;
}

static const char *
load_rule_id(struct loader *loader, const struct load_fields *in, int key,
             size_t number)
{
    const struct yaml_node *id = in->value[key];
    uint32_t other;

    if (load_lacks(in, key)) {
        LOAD_ERROR(loader, "E-RULE-ID", in->at,
                   "every rule needs an 'id': violations and reports name it");
    }
    if (!id) {
        return "?";
    }
    if (!name_is_rule_id(id->text)) {
        LOAD_ERROR(loader, "E-RULE-ID", id,
                   "'%.60s' is no rule id: use a-z, 0-9, '.', '_' and '-', at "
                   "most 64 of them, beginning with a letter or digit",
                   id->text);
        return "?";
    }
    if (name_map_get(&loader->rules, id->text, &other)) {
        const struct rule *first = &loader->policy->rules[other];

        LOAD_ERROR(loader, "E-RULE-ID", id,
                   "rule id '%s' is used a second time; the first is in %s:%u",
                   id->text, first->at.file, first->at.line);
        return "?";
    }
    loader->out_of_memory |= !name_map_add(&loader->scratch, &loader->rules,
                                           id->text, (uint32_t)number);
    return load_text(loader, id);
}

static void
load_sides(struct loader *loader, const struct load_fields *in,
           struct rule *rule)
{
    rule->from = load_side(loader, in->value[IN_RULE_FROM],
                           in->value[IN_RULE_FROM_EXCEPT], &rule->from_except);
    rule->to = load_side(loader, in->value[IN_RULE_TO],
                         in->value[IN_RULE_TO_EXCEPT], &rule->to_except);
}

static uint64_t *
load_side(struct loader *loader, const struct yaml_node *names,
          const struct yaml_node *except, const uint64_t **excepted)
{
    uint64_t *set = load_new_set(loader), *out = load_new_set(loader);
    uint64_t some = 0;
    bool good;

    if (!set || !out || !names) {
        return set;
    }
    *excepted = out;
    good = load_segment_set(loader, names, set);
    good &= load_segment_set(loader, except, out);
    for (size_t i = 0; i < loader->policy->n_set_words; i++) {
        set[i] &= ~out[i];
        some |= set[i];
    }
    if (good && !some) {
        LOAD_ERROR(loader, "E-EMPTY", names,
                   except ? "nothing is left of this after the exceptions"
                          : "this names no segment at all");
    }
    return set;
}

static void
load_meta(struct loader *loader, const struct load_fields *in,
          struct rule *rule)
{
    struct policy_rule *shown = &rule->shown;
    const struct yaml_node *const *value = in->value;
    int level = load_level(loader, value[IN_RULE_SEVERITY]);

    if (level >= 0) {
        shown->severity = (enum policy_level)level;
    }
    shown->title = load_text(loader, value[IN_RULE_TITLE]);
    shown->attack = load_texts(loader, value[IN_RULE_ATTACK]);
    shown->controls = load_texts(loader, value[IN_RULE_CONTROLS]);
    shown->tags = load_texts(loader, value[IN_RULE_TAGS]);
    shown->conduit = load_text(loader, value[IN_RULE_CONDUIT]);
    shown->justification = load_text(loader, value[IN_RULE_JUSTIFICATION]);
    shown->owner = load_text(loader, value[IN_RULE_OWNER]);
    shown->approved_by = load_text(loader, value[IN_RULE_APPROVED_BY]);
    load_duration(loader, value[IN_RULE_REALERT], &shown->realert_ns);
    load_threshold(loader, value[IN_RULE_THRESHOLD], &shown->threshold);
}

static void
load_window(struct loader *loader, const struct load_fields *in,
            struct rule *rule)
{
    const struct yaml_node *starts = in->value[IN_RULE_STARTS];
    const struct yaml_node *expires = in->value[IN_RULE_EXPIRES];

    if (load_date(loader, starts, false, &rule->shown.starts) &&
        load_date(loader, expires, true, &rule->shown.expires) &&
        rule->shown.expires.ns <= rule->shown.starts.ns) {
        LOAD_ERROR(loader, "E-DATE", expires,
                   "it expires before it starts on %.40s", starts->text);
    } else if (!starts) {
        load_date(loader, expires, true, &rule->shown.expires);
    }
}

static void
load_exception(struct loader *loader, const struct load_fields *in,
               struct rule *rule)
{
    const struct yaml_node *node = in->value[IN_RULE_EXCEPTION];
    static const int wanted[] = {IN_EXCEPTION_TICKET, IN_EXCEPTION_OWNER,
                                 IN_EXCEPTION_REASON};
    static const char *const names[] = {"ticket", "owner", "reason"};
    struct load_fields exception;

    if (!node || !load_fields(loader, node, SECTION_EXCEPTION, &exception)) {
        return;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (load_is_blank(exception.value[wanted[i]]) &&
            !(exception.misspelt >> wanted[i] & 1)) {
            LOAD_ERROR(loader, "E-EXCEPTION", node,
                       "an exception needs '%s': without ticket, owner and "
                       "reason nobody can review it",
                       names[i]);
        }
    }
    if (rule->shown.log || rule->shown.action == DECISION_DENY) {
        LOAD_ERROR(loader, "E-EXCEPTION", node,
                   "only allow and alert rules can be an exception: this one "
                   "lets nothing through");
    }
    if (load_lacks(in, IN_RULE_EXPIRES)) {
        LOAD_ERROR(loader, "E-EXCEPTION", node,
                   "an exception needs an end: add 'expires' to the rule");
    }
    rule->shown.ticket =
        load_text(loader, exception.value[IN_EXCEPTION_TICKET]);
    rule->shown.exception_owner =
        load_text(loader, exception.value[IN_EXCEPTION_OWNER]);
    rule->shown.exception_reason =
        load_text(loader, exception.value[IN_EXCEPTION_REASON]);
    rule->shown.exception_approved_by =
        load_text(loader, exception.value[IN_EXCEPTION_APPROVED_BY]);
}

void
load_threshold(struct loader *loader, const struct yaml_node *node,
               struct policy_threshold *threshold)
{
    static const char *const words[] = {"src", "dst", "pair", "rule", NULL};
    struct load_fields in;
    uint64_t count = 0;
    int by;

    if (!node || !load_fields(loader, node, SECTION_THRESHOLD, &in)) {
        return;
    }
    if (load_number(loader, in.value[IN_THRESHOLD_COUNT], 1000000, &count) &&
        !count) {
        LOAD_ERROR(loader, "E-TYPE", in.value[IN_THRESHOLD_COUNT],
                   "a threshold is at least one hit");
    }
    if (load_duration(loader, in.value[IN_THRESHOLD_WINDOW],
                      &threshold->window_ns) &&
        !threshold->window_ns) {
        LOAD_ERROR(loader, "E-TYPE", in.value[IN_THRESHOLD_WINDOW],
                   "a window of no time holds no hits");
    }
    by = load_word(loader, in.value[IN_THRESHOLD_BY], "E-TYPE", words);
    threshold->count = (uint32_t)count;
    threshold->by = by < 0 ? THRESHOLD_BY_SRC : (enum policy_threshold_by)by;
}

static void
load_pairs(struct loader *loader)
{
    struct policy *policy = loader->policy;

    for (size_t i = 0; i < loader->n_docs; i++) {
        const struct yaml_node *list = loader->docs[i].value[IN_TOP_PAIRS];

        for (size_t k = 0; k < load_count(list); k++) {
            struct rule *rule = &policy->rules[policy->n_rules];

            load_rule_init(rule, policy, TIER_PAIR);
            load_pair(loader, load_item(list, k), rule,
                      &policy->pairs[policy->n_pairs++]);
            policy->n_rules++;
        }
    }
}

static void
load_pair(struct loader *loader, const struct yaml_node *node,
          struct rule *rule, struct pair *pair)
{
    struct load_fields in;
    char id[NAME_MAX_RULE_ID + 8];
    int decision, level;

    rule->at = load_position(loader, node);
    if (!load_fields(loader, node, SECTION_PAIR, &in)) {
        return;
    }
    snprintf(id, sizeof id, "pair:%s",
             load_rule_id(loader, &in, IN_PAIR_ID,
                          (size_t)(rule - loader->policy->rules)));
    rule->shown.id = arena_text(loader->arena, id, strlen(id));
    loader->out_of_memory |= !rule->shown.id;
    pair->from =
        load_side(loader, in.value[IN_PAIR_FROM], NULL, &rule->from_except);
    pair->to = load_side(loader, in.value[IN_PAIR_TO], NULL, &rule->to_except);
    decision = load_decision(loader, in.value[IN_PAIR_DEFAULT]);
    level = load_level(loader, in.value[IN_PAIR_SEVERITY]);
    if (decision >= 0) {
        rule->shown.action = (enum decision)decision;
    }
    if (level >= 0) {
        rule->shown.severity = (enum policy_level)level;
    }
    rule->shown.title = load_text(loader, in.value[IN_PAIR_TITLE]);
    rule->shown.owner = load_text(loader, in.value[IN_PAIR_OWNER]);
}

void
load_rule_init(struct rule *rule, const struct policy *policy,
               enum policy_tier tier)
{
    rule->at.file = "";
    rule->shown = (struct policy_rule){.id = "?",
                                       .title = "",
                                       .tier = tier,
                                       .action = DECISION_DENY,
                                       .severity = policy->severity,
                                       .attack = none,
                                       .controls = none,
                                       .tags = none,
                                       .conduit = "",
                                       .justification = "",
                                       .owner = "",
                                       .approved_by = "",
                                       .ticket = "",
                                       .exception_owner = "",
                                       .exception_reason = "",
                                       .exception_approved_by = "",
                                       .starts = {INT64_MIN},
                                       .expires = {INT64_MAX},
                                       .realert_ns = -1};
}
