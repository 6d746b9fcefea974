/* The head of a policy (version, names, defaults) and what is about telling and
 * testing rather than deciding. */

#include "rules/load/policy_load.h"

#include <stdio.h>
#include <string.h>

static void load_version(struct loader *);
static void load_main_only(struct loader *, int top_key);
static void load_policy_section(struct loader *);
static void load_defaults(struct loader *);
static void load_default_rules(struct loader *, const struct load_fields *);
static void load_authorities(struct loader *);
static void load_alerting(struct loader *);
static bool load_limit(struct loader *, const struct yaml_node *, uint64_t max,
                       uint64_t *limit);
static void load_suppress(struct loader *, const struct yaml_node *,
                          struct name_map *ids, struct suppression *);
static const char *load_suppress_id(struct loader *, const struct yaml_node *,
                                    struct name_map *ids);
static void load_suppressed_rules(struct loader *, const struct yaml_node *,
                                  struct suppression *);
static bool find_rule(const struct loader *, const char *id, uint32_t *number);
static void load_tests(struct loader *);
static void load_test(struct loader *, const struct yaml_node *,
                      struct policy_test *);
static void load_fact(struct loader *, const struct yaml_entry *,
                      struct test_fact *facts, size_t *n);
static struct test_fact *load_facts(struct loader *, const struct yaml_node *,
                                    size_t *n);

/* The main file comes last, since includes append before it. */
static const struct load_fields *
main_doc(const struct loader *loader)
{
    return &loader->docs[loader->n_docs - 1];
}

void
load_head(struct loader *loader)
{
    load_version(loader);
    load_main_only(loader, IN_TOP_POLICY);
    load_main_only(loader, IN_TOP_DEFAULTS);
    load_main_only(loader, IN_TOP_ALERTING);
    load_main_only(loader, IN_TOP_DETECT);
    load_main_only(loader, IN_TOP_AUTHORITIES);
    load_policy_section(loader);
    load_defaults(loader);
}

void
load_rest(struct loader *loader)
{
    load_authorities(loader);
    load_detect(loader, main_doc(loader)->value[IN_TOP_DETECT]);
    load_alerting(loader);
    load_tests(loader);
}

static void
load_version(struct loader *loader)
{
    for (size_t i = 0; i < loader->n_docs; i++) {
        const struct yaml_node *version = loader->docs[i].value[IN_TOP_VERSION];

        if (version && strcmp(version->text, "1") != 0) {
            LOAD_ERROR(loader, "E-VERSION", version,
                       "version '%.60s' is not known here; this program reads "
                       "version 1",
                       version->text);
        }
    }
}

static void
load_main_only(struct loader *loader, int top_key)
{
    size_t n;
    const struct policy_key *keys = policy_keys(SECTION_TOP, &n);

    for (size_t i = 0; i + 1 < loader->n_docs; i++) {
        if (loader->docs[i].value[top_key]) {
            LOAD_ERROR(loader, "E-INCLUDE", loader->docs[i].value[top_key],
                       "'%s' belongs in the main file, not in an included one",
                       keys[top_key].name);
        }
    }
}

static void
load_policy_section(struct loader *loader)
{
    const struct yaml_node *node = main_doc(loader)->value[IN_TOP_POLICY];
    struct policy *policy = loader->policy;
    struct load_fields in;
    struct wall_time date;

    policy->review_at.file = "";
    if (!node || !load_fields(loader, node, SECTION_POLICY, &in)) {
        return;
    }
    policy->name = load_text(loader, in.value[IN_POLICY_NAME]);
    policy->revision = load_text(loader, in.value[IN_POLICY_REVISION]);
    policy->owner = load_text(loader, in.value[IN_POLICY_OWNER]);
    load_date(loader, in.value[IN_POLICY_APPROVED_ON], false, &date);
    if (load_date(loader, in.value[IN_POLICY_REVIEW_BY], true, &date)) {
        policy->review_by = load_text(loader, in.value[IN_POLICY_REVIEW_BY]);
        policy->review_at =
            load_position(loader, in.value[IN_POLICY_REVIEW_BY]);
    }
}

static void
load_defaults(struct loader *loader)
{
    static const char *const midstreams[] = {"lenient", "strict", "ignore",
                                             NULL};
    static const char *const confidences[] = {"dpi", "any", NULL};
    const struct yaml_node *node = main_doc(loader)->value[IN_TOP_DEFAULTS];
    struct policy *policy = loader->policy;
    struct load_fields in = {.at = NULL};
    int word;

    if (node && !load_fields(loader, node, SECTION_DEFAULTS, &in)) {
        return;
    }
    word = load_word(loader, in.value[IN_DEFAULTS_MIDSTREAM], "E-TYPE",
                     midstreams);
    policy->midstream =
        word < 0 ? MIDSTREAM_LENIENT : (enum policy_midstream)word;
    policy->guesses_match =
        load_word(loader, in.value[IN_DEFAULTS_APP_CONFIDENCE], "E-TYPE",
                  confidences) == 1;
    word = load_level(loader, in.value[IN_DEFAULTS_SEVERITY]);
    if (word >= 0) {
        policy->severity = (enum policy_level)word;
    }
    load_default_rules(loader, &in);
}

/* Kept in policy->rules until load_rules() appends them to the others. */
static void
load_default_rules(struct loader *loader, const struct load_fields *in)
{
    static const struct {
        const char *id;
        int key;
        enum decision decision;
    } defaults[N_DEFAULTS] = {
        [DEFAULT_INTER] = {"default:inter", IN_DEFAULTS_INTER, DECISION_DENY},
        [DEFAULT_INTRA] = {"default:intra", IN_DEFAULTS_INTRA, DECISION_ALLOW},
        [DEFAULT_UNKNOWN] = {"default:unknown", IN_DEFAULTS_UNKNOWN,
                             DECISION_DENY},
        [DEFAULT_MULTICAST] = {"default:multicast", IN_DEFAULTS_MULTICAST,
                               DECISION_OBSERVE},
        [DEFAULT_LINK_SCOPE] = {"default:link-scope", IN_DEFAULTS_LINK_SCOPE,
                                DECISION_ALLOW},
        [DEFAULT_MIDSTREAM] = {"default:midstream", -1, DECISION_OBSERVE},
    };
    struct policy *policy = loader->policy;
    struct rule *rules = load_scratch(loader, N_DEFAULTS, sizeof *rules);

    policy->rules = rules;
    for (size_t i = 0; rules && i < N_DEFAULTS; i++) {
        int decision = defaults[i].key < 0
                           ? -1
                           : load_decision(loader, in->value[defaults[i].key]);

        load_rule_init(&rules[i], policy, TIER_DEFAULT);
        rules[i].shown.id = defaults[i].id;
        rules[i].shown.action =
            decision < 0 ? defaults[i].decision : (enum decision)decision;
    }
}

static void
load_authorities(struct loader *loader)
{
    const struct yaml_node *node = main_doc(loader)->value[IN_TOP_AUTHORITIES];
    struct policy *policy = loader->policy;
    struct load_fields in;

    if (!node || !load_fields(loader, node, SECTION_AUTHORITIES, &in)) {
        return;
    }
    for (size_t i = 0; i < IN_AUTHORITIES_N; i++) {
        policy->has_authority[i] = in.value[i];
        load_addr_set(loader, in.value[i], &policy->authorities[i]);
    }
}

static void
load_alerting(struct loader *loader)
{
    const struct yaml_node *node = main_doc(loader)->value[IN_TOP_ALERTING];
    struct policy *policy = loader->policy;
    struct name_map ids = {0};
    const struct yaml_node *list;
    struct load_fields in;
    uint64_t number;

    if (!node || !load_fields(loader, node, SECTION_ALERTING, &in)) {
        return;
    }
    load_duration(loader, in.value[IN_ALERTING_REALERT],
                  &policy->alerting.realert_ns);
    if (load_limit(loader, in.value[IN_ALERTING_MAX_ACTIVE], 10000000,
                   &number)) {
        policy->alerting.max_active = (size_t)number;
    }
    if (load_limit(loader, in.value[IN_ALERTING_COLLAPSE], 1000000, &number)) {
        policy->alerting.collapse_targets = (unsigned)number;
    }
    list = in.value[IN_ALERTING_SUPPRESS];
    policy->suppressions =
        load_alloc(loader, load_count(list), sizeof *policy->suppressions);
    for (size_t i = 0; policy->suppressions && i < load_count(list); i++) {
        load_suppress(loader, load_item(list, i), &ids,
                      &policy->suppressions[policy->n_suppressions++]);
    }
}

/* Nothing would be told apart at a limit of 0, which looks like none at all. */
static bool
load_limit(struct loader *loader, const struct yaml_node *node, uint64_t max,
           uint64_t *limit)
{
    if (!load_number(loader, node, max, limit)) {
        return false;
    }
    if (!*limit) {
        LOAD_ERROR(loader, "E-TYPE", node, "a limit is at least one");
    }
    return *limit != 0;
}

static void
load_suppress(struct loader *loader, const struct yaml_node *node,
              struct name_map *ids, struct suppression *suppression)
{
    struct load_fields in;

    suppression->id = suppression->owner = suppression->reason = "";
    suppression->ticket = suppression->approved_by = "";
    suppression->at = load_position(loader, node);
    if (!load_fields(loader, node, SECTION_SUPPRESS, &in)) {
        return;
    }
    suppression->id = load_suppress_id(loader, in.value[IN_SUPPRESS_ID], ids);
    suppression->owner = load_text(loader, in.value[IN_SUPPRESS_OWNER]);
    suppression->reason = load_text(loader, in.value[IN_SUPPRESS_REASON]);
    suppression->ticket = load_text(loader, in.value[IN_SUPPRESS_TICKET]);
    suppression->approved_by =
        load_text(loader, in.value[IN_SUPPRESS_APPROVED_BY]);
    suppression->any_src = !in.value[IN_SUPPRESS_SRC];
    suppression->any_dst = !in.value[IN_SUPPRESS_DST];
    load_addr_set(loader, in.value[IN_SUPPRESS_SRC], &suppression->src);
    load_addr_set(loader, in.value[IN_SUPPRESS_DST], &suppression->dst);
    load_date(loader, in.value[IN_SUPPRESS_UNTIL], true, &suppression->until);
    load_suppressed_rules(loader, in.value[IN_SUPPRESS_RULE], suppression);
    if (suppression->any_src && suppression->any_dst &&
        !in.value[IN_SUPPRESS_RULE]) {
        LOAD_ERROR(loader, "E-EMPTY", node,
                   "this would suppress everything; name 'src', 'dst' or "
                   "'rule'");
    }
}

/* Events name it: one id is one suppression. */
static const char *
load_suppress_id(struct loader *loader, const struct yaml_node *id,
                 struct name_map *ids)
{
    uint32_t line;

    if (id && name_map_get(ids, id->text, &line)) {
        LOAD_ERROR(loader, "E-NAME", id,
                   "suppression '%.60s' is here a second time; the first is in "
                   "line %u",
                   id->text, line);
    } else if (id) {
        loader->out_of_memory |=
            !name_map_add(&loader->scratch, ids, id->text, id->line);
    }
    return load_text(loader, id);
}

static void
load_suppressed_rules(struct loader *loader, const struct yaml_node *node,
                      struct suppression *suppression)
{
    const struct policy *policy = loader->policy;
    uint32_t *rules = load_alloc(loader, load_count(node), sizeof *rules);

    suppression->rules = rules;
    for (size_t i = 0; rules && i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);
        struct name_suggestion suggestion;

        if (find_rule(loader, one->text, &rules[suppression->n_rules])) {
            suppression->n_rules++;
            continue;
        }
        load_suggestion(loader, &suggestion, one->text);
        for (size_t k = 0;
             k < policy->n_rules && suggestion.effort < suggestion.max_effort;
             k++) {
            name_suggestion_offer(&suggestion, policy->rules[k].shown.id);
        }
        load_unknown_name(loader, one, "rule", &suggestion);
    }
}

/* The map has pairs without what shows them to be pairs. */
static bool
find_rule(const struct loader *loader, const char *id, uint32_t *number)
{
    const struct policy *policy = loader->policy;
    const char *name = strncmp(id, "pair:", 5) == 0 ? id + 5 : id;

    if (name_map_get(&loader->rules, name, number) &&
        strcmp(policy->rules[*number].shown.id, id) == 0) {
        return true;
    }
    for (size_t i = policy->n_own + policy->n_pairs; i < policy->n_rules; i++) {
        if (strcmp(policy->rules[i].shown.id, id) == 0) {
            *number = (uint32_t)i;
            return true;
        }
    }
    return false;
}

static void
load_tests(struct loader *loader)
{
    struct policy *policy = loader->policy;
    size_t n = 0;

    for (size_t i = 0; i < loader->n_docs; i++) {
        n += load_count(loader->docs[i].value[IN_TOP_TESTS]);
    }
    policy->tests = load_alloc(loader, n, sizeof *policy->tests);
    for (size_t i = 0; policy->tests && i < loader->n_docs; i++) {
        const struct yaml_node *list = loader->docs[i].value[IN_TOP_TESTS];

        for (size_t k = 0; k < load_count(list); k++) {
            load_test(loader, load_item(list, k),
                      &policy->tests[policy->n_tests++]);
        }
    }
}

static void
load_test(struct loader *loader, const struct yaml_node *node,
          struct policy_test *test)
{
    struct load_fields in, expect;

    test->name = "";
    test->at = load_position(loader, node);
    if (!load_fields(loader, node, SECTION_TEST, &in)) {
        return;
    }
    test->name = load_text(loader, in.value[IN_TEST_NAME]);
    if (in.value[IN_TEST_FLOW]) {
        test->facts =
            load_facts(loader, in.value[IN_TEST_FLOW], &test->n_facts);
    }
    if (in.value[IN_TEST_EXPECT] &&
        load_fields(loader, in.value[IN_TEST_EXPECT], SECTION_EXPECT,
                    &expect)) {
        test->expected =
            load_facts(loader, in.value[IN_TEST_EXPECT], &test->n_expected);
    }
}

static struct test_fact *
load_facts(struct loader *loader, const struct yaml_node *map, size_t *n)
{
    struct test_fact *facts;
    size_t capacity = 0;

    for (size_t i = 0; i < map->n; i++) {
        capacity += load_count(map->entries[i].value);
    }
    facts = load_alloc(loader, capacity, sizeof *facts);
    *n = 0;
    for (size_t i = 0; facts && i < map->n; i++) {
        load_fact(loader, &map->entries[i], facts, n);
    }
    return facts;
}

/* A list is several facts of one key. */
static void
load_fact(struct loader *loader, const struct yaml_entry *entry,
          struct test_fact *facts, size_t *n)
{
    for (size_t i = 0; i < load_count(entry->value); i++) {
        const struct yaml_node *one = load_item(entry->value, i);

        if (one->kind != YAML_DOC_SCALAR) {
            LOAD_ERROR(loader, "E-TYPE", one, "'%.60s' must be a value",
                       entry->key->text);
            continue;
        }
        facts[(*n)++] = (struct test_fact){.key = load_text(loader, entry->key),
                                           .value = load_text(loader, one),
                                           .at = load_position(loader, one)};
    }
}
