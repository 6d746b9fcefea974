/* The 'detect' section: which detectors are on, and their thresholds.
 *
 * Each detector that is named becomes a rule, so that suppressions and reports
 * can name it even where it is switched off. */

#include "rules/app_names.h"
#include "rules/load/policy_load.h"

#include <stdio.h>
#include <string.h>

enum {
    WORD_SIZE = 40
};

static const struct {
    const char *title, *techniques;
    enum policy_level severity;
} detectors[] = {
#define DETECTOR_ROW(NAME, KEY, SEVERITY, TECHNIQUES, TITLE)                   \
    {TITLE, TECHNIQUES, SEVERITY},
    DETECTORS(DETECTOR_ROW)
#undef DETECTOR_ROW
};

static void lint_authorities(struct loader *, const struct yaml_node *);
static void load_detector(struct loader *, const struct yaml_node *,
                          enum detector);
static struct rule *load_detector_rule(struct loader *,
                                       const struct yaml_node *, enum detector);
static const char *const *load_words(struct loader *, const char *text);
static void load_settings(struct loader *, const struct load_fields *,
                          enum detector, struct rule *);
static void load_limits(struct loader *, const struct load_fields *,
                        enum detector);
static void load_limit(struct loader *, const struct yaml_node *,
                       enum detect_unit, int64_t *value);
static bool load_bytes(struct loader *, const struct yaml_node *, int64_t *);
static void load_known_apps(struct loader *);
static void load_homes(struct loader *);
static void load_servers(struct loader *, const struct detect_home *);
static void add_server(struct loader *, struct arena_list *, uint8_t kind,
                       const struct service_term *home);
static const struct service_term *load_home(struct loader *, const char *text,
                                            size_t *n);
static void load_home_term(struct loader *, struct arena_list *,
                           const char *text);
static const char *take_word(const char *text, char word[WORD_SIZE]);
static uint64_t risk_bits(const char *const *names);

void
load_detect(struct loader *loader, const struct yaml_node *section)
{
    struct detect_settings *detect = &loader->policy->detect;
    struct load_fields in;

    for (size_t i = 0; i < N_DETECT_LIMITS; i++) {
        detect->limit[i] = detect_limit_default((enum detect_limit)i);
    }
    if (!section || !load_fields(loader, section, SECTION_DETECT, &in) ||
        loader->out_of_memory) {
        return;
    }
    for (int i = 0; i < N_DETECTORS; i++) {
        if (in.value[i]) {
            load_detector(loader, in.value[i], (enum detector)i);
        }
    }
    lint_authorities(loader, in.value[IN_DETECT_ROGUE_SERVER]);
    if (detect->on) {
        static const char *const login[] = {"clear_text_credentials", NULL};
        static const char *const crypto[] = {
            "ssh_obsolete_client_version_or_cipher",
            "ssh_obsolete_server_version_or_cipher", "smb_insecure_version",
            "tls_weak_cipher", NULL};
        static const char *const port[] = {
            "known_protocol_on_non_standard_port", NULL};

        detect->risk_login = risk_bits(login);
        detect->risk_crypto = risk_bits(crypto);
        detect->risk_port = risk_bits(port);
        load_known_apps(loader);
        load_homes(loader);
        detect_settle_checks(detect);
        detect_settle_watchers(detect);
    }
}

static void
lint_authorities(struct loader *loader, const struct yaml_node *node)
{
    const struct policy *policy = loader->policy;

    for (size_t i = 0; i < IN_AUTHORITIES_N; i++) {
        if (policy->has_authority[i]) {
            return;
        }
    }
    if (policy->detect.on >> DETECTOR_ROGUE_SERVER & 1) {
        LOAD_WARN(loader, "W-NO-AUTHORITY", node,
                  "no server is rogue while 'authorities' names none");
    }
}

static void
load_detector(struct loader *loader, const struct yaml_node *node,
              enum detector detector)
{
    struct detect_settings *detect = &loader->policy->detect;
    struct load_fields in = {.at = node};
    bool on = true;
    struct rule *rule;

    if (node->kind == YAML_DOC_LIST) {
        LOAD_ERROR(loader, "E-TYPE", node,
                   "'%s' must be true, false or a mapping of its thresholds",
                   detector_name(detector));
        return;
    }
    if (node->kind == YAML_DOC_SCALAR) {
        on = load_bool(loader, node);
    } else if (!load_fields(loader, node, SECTION_DETECTOR, &in)) {
        return;
    }
    rule = load_detector_rule(loader, node, detector);
    rule->shown.mode = on ? MODE_ENFORCE : MODE_DISABLED;
    detect->on |= (uint32_t)on << detector;
    load_settings(loader, &in, detector, rule);
    load_limits(loader, &in, detector);
}

static struct rule *
load_detector_rule(struct loader *loader, const struct yaml_node *node,
                   enum detector detector)
{
    struct policy *policy = loader->policy;
    struct rule *rule = &policy->rules[policy->n_rules];
    char id[NAME_MAX_RULE_ID + 8];

    load_rule_init(rule, policy, TIER_DETECTOR);
    snprintf(id, sizeof id, "detect:%s", detector_name(detector));
    rule->at = load_position(loader, node);
    rule->shown.id = arena_text(loader->arena, id, strlen(id));
    loader->out_of_memory |= !rule->shown.id;
    rule->shown.title = detectors[detector].title;
    rule->shown.severity = detectors[detector].severity;
    rule->shown.attack = load_words(loader, detectors[detector].techniques);
    policy->detect.named |= 1U << detector;
    policy->detect.rule[detector] = (uint32_t)policy->n_rules++;
    return rule;
}

/* Those of a text, with single spaces between them. */
static const char *const *
load_words(struct loader *loader, const char *text)
{
    static const char *const none[] = {NULL};
    const char **words =
        load_alloc(loader, strlen(text) / 2 + 2, sizeof(const char *));
    size_t n = 0;

    while (words && *text) {
        size_t length = strcspn(text, " ");

        words[n] = arena_text(loader->arena, text, length);
        loader->out_of_memory |= !words[n++];
        text += length + (text[length] == ' ');
    }
    return words ? words : none;
}

static void
load_settings(struct loader *loader, const struct load_fields *in,
              enum detector detector, struct rule *rule)
{
    const struct yaml_node *const *value = in->value;
    int level = load_level(loader, value[IN_DETECTOR_SEVERITY]);

    if (level >= 0) {
        rule->shown.severity = (enum policy_level)level;
    }
    load_duration(loader, value[IN_DETECTOR_REALERT], &rule->shown.realert_ns);
    load_threshold(loader, value[IN_DETECTOR_THRESHOLD],
                   &rule->shown.threshold);
    rule->shown.controls = load_texts(loader, value[IN_DETECTOR_CONTROLS]);
    load_addr_set(loader, value[IN_DETECTOR_EXCEPT],
                  &loader->policy->detect.except[detector]);
}

/* Every threshold has one key; a key may belong to several detectors. */
static void
load_limits(struct loader *loader, const struct load_fields *in,
            enum detector detector)
{
    bool used[IN_DETECTOR_N] = {
        [IN_DETECTOR_SEVERITY] = true,  [IN_DETECTOR_REALERT] = true,
        [IN_DETECTOR_THRESHOLD] = true, [IN_DETECTOR_CONTROLS] = true,
        [IN_DETECTOR_EXCEPT] = true,
    };
    size_t n;
    const struct policy_key *keys = policy_keys(SECTION_DETECTOR, &n);

    for (int i = 0; i < N_DETECT_LIMITS; i++) {
        enum detector owner;
        enum detect_unit unit;
        int key = detect_limit_key((enum detect_limit)i, &owner, &unit);

        if (owner == detector) {
            used[key] = true;
            load_limit(loader, in->value[key], unit,
                       &loader->policy->detect.limit[i]);
        }
    }
    for (size_t key = 0; key < n; key++) {
        if (in->value[key] && !used[key]) {
            LOAD_ERROR(loader, "E-UNKNOWN-KEY", in->value[key],
                       "'%s' has no threshold '%s' (%s)",
                       detector_name(detector), keys[key].name,
                       keys[key].meaning);
        }
    }
}

static void
load_limit(struct loader *loader, const struct yaml_node *node,
           enum detect_unit unit, int64_t *value)
{
    static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3", NULL};
    uint64_t number;
    int word;

    switch (unit) {
    case UNIT_COUNT:
        if (load_number(loader, node, 1000000, &number)) {
            *value = (int64_t)number;
        }
        break;
    case UNIT_TIME: load_duration(loader, node, value); break;
    case UNIT_BYTES: load_bytes(loader, node, value); break;
    case UNIT_TLS:
        word = load_word(loader, node, "E-TYPE", versions);
        *value = word < 0 ? *value : word + 2; /* tls_rank(). */
        break;
    }
}

/* Units are decimal, as in the names of line speeds. */
static bool
load_bytes(struct loader *loader, const struct yaml_node *node, int64_t *bytes)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"", 1},         {"B", 1},           {"kB", 1000},
                 {"MB", 1000000}, {"GB", 1000000000}, {"TB", 1000000000000}};
    const char *digit;
    int64_t value = 0;

    if (!node) {
        return false;
    }
    for (digit = node->text;
         *digit >= '0' && *digit <= '9' && value < INT64_MAX / 100; digit++) {
        value = value * 10 + (*digit - '0');
    }
    for (size_t i = 0; digit != node->text && i < sizeof units / sizeof *units;
         i++) {
        if (name_equal(digit, units[i].name) &&
            value <= INT64_MAX / units[i].bytes) {
            *bytes = value * units[i].bytes;
            return true;
        }
    }
    LOAD_ERROR(loader, "E-TYPE", node,
               "'%.60s' is not a number of bytes such as 500000, 500kB, 20MB "
               "or 1GB",
               node->text);
    return false;
}

/* Symbols of all names the linked nDPI has, so that flows carry them. */
static void
load_known_apps(struct loader *loader)
{
    struct policy *policy = loader->policy;
    size_t n;
    const struct detect_app *apps = detect_apps(&n);
    uint16_t *symbols = load_scratch(loader, n, sizeof *symbols);
    uint8_t *app_of;

    for (size_t i = 0; symbols && i < n; i++) {
        char master[APP_NAME_SIZE], name[APP_NAME_SIZE];
        enum app_name_answer answer =
            app_name_find(loader->engine, apps[i].name, master, name);

        if (answer == APP_NAME_KNOWN || answer == APP_NAME_ALIAS) {
            symbols[i] = load_app_symbol(loader, name);
        }
    }
    policy->detect.n_symbols = (uint16_t)(policy->n_app_symbols + 1U);
    app_of = load_alloc(loader, policy->detect.n_symbols, sizeof *app_of);
    for (size_t i = 0; symbols && app_of && i < n; i++) {
        if (symbols[i]) {
            app_of[symbols[i]] = (uint8_t)(i + 1);
        }
    }
    policy->detect.app_of = app_of;
}

static void
load_homes(struct loader *loader)
{
    size_t n;
    const struct detect_app *apps = detect_apps(&n);
    struct detect_home *homes = load_alloc(loader, n, sizeof *homes);

    for (size_t i = 0; homes && i < n; i++) {
        homes[i].terms = load_home(loader, apps[i].home, &homes[i].n);
    }
    loader->policy->detect.homes = homes;
    load_servers(loader, homes);
}

static void
load_servers(struct loader *loader, const struct detect_home *homes)
{
    struct detect_settings *detect = &loader->policy->detect;
    struct arena_list list = {.n = 0};
    size_t n;
    const struct detect_app *apps = detect_apps(&n);

    for (size_t i = 0; homes && i < n; i++) {
        for (size_t k = 0; apps[i].kind && k < homes[i].n; k++) {
            add_server(loader, &list, apps[i].kind, &homes[i].terms[k]);
        }
    }
    detect->servers = list.items;
    detect->n_servers = list.n;
}

static void
add_server(struct loader *loader, struct arena_list *list, uint8_t kind,
           const struct service_term *home)
{
    struct detect_server *server =
        arena_list_add(loader->arena, list, sizeof *server);

    if (!server) {
        loader->out_of_memory = true;
        return;
    }
    *server = (struct detect_server){.first = home->first,
                                     .last = home->last,
                                     .space = home->space,
                                     .kind = kind};
}

/* 'text' is ours: services and terms with single spaces between them. */
static const struct service_term *
load_home(struct loader *loader, const char *text, size_t *n)
{
    struct arena_list list = {.n = 0};

    while (*text) {
        char word[WORD_SIZE];
        const char *terms;

        text = take_word(text, word);
        terms = service_builtin(word);
        terms = terms ? terms : word;
        while (*terms) {
            char one[WORD_SIZE];

            terms = take_word(terms, one);
            load_home_term(loader, &list, one);
        }
    }
    *n = list.n;
    return list.items;
}

static void
load_home_term(struct loader *loader, struct arena_list *list, const char *text)
{
    char hint[SERVICE_MAX_HINT];
    struct service_term term, *slot;

    if (service_term_parse(text, &term, hint)) {
        slot = arena_list_add(loader->arena, list, sizeof *slot);
        loader->out_of_memory |= !slot;
        *(slot ? slot : &term) = term;
    }
}

/* Returns what follows the word and its space. */
static const char *
take_word(const char *text, char word[WORD_SIZE])
{
    size_t length = strcspn(text, " ");

    snprintf(word, WORD_SIZE, "%.*s", (int)length, text);
    return text + length + (text[length] == ' ');
}

static uint64_t
risk_bits(const char *const *names)
{
    uint64_t bits = 0;
    unsigned bit;

    for (; *names; names++) {
        if (app_risk_find(*names, &bit)) {
            bits |= UINT64_C(1) << bit;
        }
    }
    return bits;
}
