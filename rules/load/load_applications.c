/* Application sets, and what else nDPI has names for: categories and risks. */

#include "rules/app_names.h"
#include "rules/load/policy_load.h"

#include <string.h>

enum {
    LOAD_MAX_APP_DEPTH = 64, /* Of application sets. */
    LOAD_MAX_APPS = 65536    /* Of one application set or rule. */
};

static struct load_def *load_find_apps(struct loader *,
                                       const struct yaml_node *name);
static void load_application_set(struct loader *, struct load_def *);
static bool load_app(struct loader *, const struct yaml_node *,
                     struct app_set *, struct app_match *);
static bool load_new_app(struct loader *, const struct yaml_node *,
                         struct app_match *);
static uint16_t load_symbol(struct loader *, struct name_map *, uint16_t *n,
                            const char *name);

void
load_applications(struct loader *loader)
{
    struct load_defs *sets = &loader->applications;

    load_defs_collect(loader, sets, IN_TOP_APPLICATIONS, "an application set");
    load_defs_refuse(loader, sets, "unknown");
    load_defs_refuse(loader, sets, "none");
    for (size_t i = 0; i < sets->n && !loader->out_of_memory; i++) {
        load_application_set(loader, &sets->defs[i]);
    }
}

void
load_app_set(struct loader *loader, const struct yaml_node *node,
             struct app_set *set)
{
    size_t capacity = load_count(node);
    struct app_match *matches;

    for (size_t i = 0; i < load_count(node); i++) {
        struct load_def *def = load_find_apps(loader, load_item(node, i));

        if (def && def->state == DEF_RESOLVING) {
            LOAD_ERROR(loader, "E-CYCLE", load_item(node, i),
                       "application set '%s' contains itself", def->name);
            return;
        }
        if (def && load_count(node) == 1) { /* Sets are shared. */
            def->used = true;
            *set = def->is.apps;
            (void)load_charge(loader, set->n, sizeof *set->matches);
            return;
        }
        capacity += def ? def->is.apps.n : 0;
    }
    if (capacity > LOAD_MAX_APPS) {
        LOAD_ERROR(loader, "E-LIMIT", node, "more than %d applications",
                   LOAD_MAX_APPS);
        return;
    }
    matches = load_alloc(loader, capacity, sizeof *matches);
    set->matches = matches;
    for (size_t i = 0; matches && i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);
        struct load_def *def = load_find_apps(loader, one);

        if (!def) {
            set->n += load_app(loader, one, set, &matches[set->n]);
            continue;
        }
        def->used = true;
        set->unknown |= def->is.apps.unknown;
        set->none |= def->is.apps.none;
        for (size_t k = 0; k < def->is.apps.n; k++) {
            matches[set->n++] = def->is.apps.matches[k];
        }
    }
}

struct symbol_list
load_categories(struct loader *loader, const struct yaml_node *node)
{
    struct policy *policy = loader->policy;
    uint16_t *symbols = load_alloc(loader, load_count(node), sizeof *symbols);
    struct symbol_list list = {symbols, 0};

    for (size_t i = 0; symbols && i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);
        struct name_suggestion suggestion;
        char name[APP_NAME_SIZE];

        if (app_category_find(loader->engine, one->text, name)) {
            symbols[list.n++] = load_symbol(loader, &policy->category_symbols,
                                            &policy->n_category_symbols, name);
            continue;
        }
        load_suggestion(loader, &suggestion, one->text);
        app_category_suggest(loader->engine, &suggestion);
        load_unknown_name(loader, one, "application category", &suggestion);
    }
    return list;
}

uint64_t
load_risks(struct loader *loader, const struct yaml_node *node)
{
    uint64_t risks = 0;

    for (size_t i = 0; i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);
        struct name_suggestion suggestion;
        unsigned bit;

        if (app_risk_find(one->text, &bit)) {
            risks |= UINT64_C(1) << bit;
            continue;
        }
        load_suggestion(loader, &suggestion, one->text);
        app_risk_suggest(&suggestion);
        load_unknown_name(loader, one, "risk", &suggestion);
    }
    return risks;
}

uint16_t
load_app_symbol(struct loader *loader, const char *name)
{
    struct policy *policy = loader->policy;

    return load_symbol(loader, &policy->app_symbols, &policy->n_app_symbols,
                       name);
}

/* The set of that name, resolved unless it is being so; NULL if there is
 * none. */
static struct load_def *
load_find_apps(struct loader *loader, const struct yaml_node *name)
{
    struct load_def *def = NULL;

    if (name->kind == YAML_DOC_SCALAR) {
        def = load_def_find(&loader->applications, name->text);
    }
    if (def) {
        load_application_set(loader, def);
    }
    return def;
}

static void
load_application_set(struct loader *loader, struct load_def *def)
{
    struct app_set set = {.n = 0};

    if (def->state != DEF_NEW) {
        return;
    }
    if (loader->app_depth == LOAD_MAX_APP_DEPTH) {
        LOAD_ERROR(loader, "E-LIMIT", def->key,
                   "application sets are nested more than %d deep",
                   LOAD_MAX_APP_DEPTH);
        return;
    }
    def->state = DEF_RESOLVING;
    loader->app_depth++;
    if (def->value->kind == YAML_DOC_MAP || load_is_empty(def->value) ||
        !load_count(def->value)) {
        LOAD_ERROR(loader, load_empty_code(def->value), def->value,
                   "an application set is a list of names");
    } else {
        load_app_set(loader, def->value, &set);
        def->is.apps = set;
    }
    loader->app_depth--;
    def->state = DEF_RESOLVED;
}

/* Returns true if 'match' was filled in.  Names are looked up once; when no
 * more mistakes are told, and so no policy will come of this, not at all. */
static bool
load_app(struct loader *loader, const struct yaml_node *node,
         struct app_set *set, struct app_match *match)
{
    const struct app_match *known;
    uint32_t at;

    if (node->kind != YAML_DOC_SCALAR) {
        LOAD_ERROR(loader, "E-TYPE", node, "a name is wanted here");
        return false;
    }
    if (strcmp(node->text, "unknown") == 0 || strcmp(node->text, "none") == 0) {
        set->unknown |= node->text[0] == 'u';
        set->none |= node->text[0] == 'n';
        return false;
    }
    if (name_map_get(&loader->app_names, node->text, &at)) {
        known = loader->app_matches.items;
        *match = known[at];
        return true;
    }
    if (!problems_wants(loader->problems, PROBLEM_ERROR)) {
        problems_skip(loader->problems, PROBLEM_ERROR);
        return false;
    }
    return load_new_app(loader, node, match);
}

static bool
load_new_app(struct loader *loader, const struct yaml_node *node,
             struct app_match *match)
{
    char master[APP_NAME_SIZE], name[APP_NAME_SIZE];
    struct name_suggestion suggestion;
    struct app_match *known;
    enum app_name_answer answer =
        app_name_find(loader->engine, node->text, master, name);

    if (answer == APP_NAME_UNKNOWN && loader->engine) {
        load_suggestion(loader, &suggestion, node->text);
        app_name_suggest(loader->engine, &suggestion);
        load_defs_suggest(&loader->applications, &suggestion);
        load_unknown_name(loader, node, "application or application set",
                          &suggestion);
        return false;
    }
    if (answer == APP_NAME_ALIAS) {
        LOAD_WARN(loader, "W-APP-ALIAS", node,
                  "the linked nDPI calls '%.60s' '%s%s%s'", node->text, master,
                  master[0] ? "." : "", name);
    } else if (answer == APP_NAME_UNSUPPORTED && loader->engine) {
        LOAD_WARN(loader, "W-APP-UNSUPPORTED", node,
                  "the linked nDPI does not recognise '%.60s'; this never "
                  "matches",
                  node->text);
    }
    match->master = master[0] ? load_app_symbol(loader, master) : 0;
    match->name = load_app_symbol(loader, name);
    known =
        arena_list_add(&loader->scratch, &loader->app_matches, sizeof *known);
    loader->out_of_memory |=
        !known ||
        !name_map_add(&loader->scratch, &loader->app_names, node->text,
                      (uint32_t)loader->app_matches.n - 1);
    if (known) {
        *known = *match;
    }
    return true;
}

/* The number of a name, a new one if it has none; names fold to lower case. */
static uint16_t
load_symbol(struct loader *loader, struct name_map *map, uint16_t *n,
            const char *name)
{
    char *folded = arena_text(loader->arena, name, strlen(name));
    uint32_t symbol;

    for (char *c = folded; c && *c; c++) {
        *c = name_fold(*c);
    }
    if (folded && name_map_get(map, folded, &symbol)) {
        return (uint16_t)symbol;
    }
    if (!folded || *n == UINT16_MAX ||
        !name_map_add(loader->arena, map, folded, *n + 1U)) {
        loader->out_of_memory = true;
        return 0;
    }
    return ++*n;
}
