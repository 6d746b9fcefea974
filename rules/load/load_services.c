/* Services and schedules. */

#include "rules/load/policy_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOAD_MAX_SERVICE_DEPTH = 64,
    LOAD_MAX_TERMS = 65536 /* Of one service or rule. */
};

/* Terms as they are gathered, before they are sorted and merged. */
struct load_terms {
    struct arena_list list; /* struct service_term */
    bool any;
};

static bool load_terms(struct loader *, const struct yaml_node *,
                       struct load_terms *, int depth);
static bool load_term_name(struct loader *, const struct yaml_node *,
                           struct load_terms *, int depth);
static bool load_service(struct loader *, struct load_def *, int depth);
static bool load_add_service(struct loader *, struct load_terms *,
                             const struct yaml_node *, const struct load_def *);
static bool load_add_term(struct loader *, struct load_terms *,
                          const struct yaml_node *,
                          const struct service_term *);
static bool load_add_builtin(struct loader *, struct load_terms *,
                             const struct yaml_node *, const char *text);
static const struct service_term *
load_merge_terms(struct loader *, struct load_terms *, size_t *n);
static int term_order(const void *, const void *);
static void load_schedule(struct loader *, struct load_def *);
static void load_remember_service(struct loader *, const struct load_def *);

void
load_services(struct loader *loader)
{
    struct load_defs *services = &loader->services;

    load_defs_collect(loader, services, IN_TOP_SERVICES, "a service");
    load_defs_refuse(loader, services, "any");
    for (size_t i = 0; i < services->n && !loader->out_of_memory; i++) {
        struct load_def *def = &services->defs[i];

        load_service(loader, def, 0);
        if (def->is.service.n) {
            load_remember_service(loader, def);
        }
    }
}

void
load_schedules(struct loader *loader)
{
    struct load_defs *schedules = &loader->schedules;

    load_defs_collect(loader, schedules, IN_TOP_SCHEDULES, "a schedule");
    for (size_t i = 0; i < schedules->n; i++) {
        load_schedule(loader, &schedules->defs[i]);
    }
}

bool
load_service_terms(struct loader *loader, const struct yaml_node *node,
                   struct rule *rule)
{
    struct load_def *only =
        load_count(node) == 1
            ? load_def_find(&loader->services, load_item(node, 0)->text)
            : NULL;
    struct load_terms terms = {.any = false};
    bool good = true;

    if (only) { /* Terms are shared. */
        only->used = true;
        terms.any = only->is.service.any;
        rule->terms = only->is.service.terms;
        rule->n_terms = only->is.service.n;
        good = load_charge(loader, rule->n_terms, sizeof *rule->terms);
    } else {
        good = load_terms(loader, node, &terms, 0);
        rule->terms = load_merge_terms(loader, &terms, &rule->n_terms);
    }
    rule->n_terms = terms.any ? 0 : rule->n_terms;
    return good;
}

struct schedule_list
load_schedule_list(struct loader *loader, const struct yaml_node *node)
{
    const struct schedule **schedules =
        load_alloc(loader, load_count(node), sizeof(const struct schedule *));
    struct schedule_list list = {schedules, 0};

    for (size_t i = 0; schedules && i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);
        struct load_def *def = load_def_find(&loader->schedules, one->text);
        struct name_suggestion suggestion;

        if (def) {
            def->used = true;
            schedules[list.n] = def->is.schedule;
            list.n += def->is.schedule != NULL;
            continue;
        }
        load_suggestion(loader, &suggestion, one->text);
        load_defs_suggest(&loader->schedules, &suggestion);
        load_unknown_name(loader, one, "schedule", &suggestion);
    }
    return list;
}

/* Questions may use the name; rules have its terms. */
static void
load_remember_service(struct loader *loader, const struct load_def *def)
{
    const struct service_term *term = &def->is.service.terms[0];
    char *name = arena_text(loader->arena, def->name, strlen(def->name));

    if (!name || !name_map_add(loader->arena, &loader->policy->services, name,
                               (uint32_t)term->space << 16 | term->first)) {
        loader->out_of_memory = true;
    }
}

static bool
load_terms(struct loader *loader, const struct yaml_node *node,
           struct load_terms *terms, int depth)
{
    bool good = true;

    for (size_t i = 0; i < load_count(node); i++) {
        const struct yaml_node *one = load_item(node, i);
        char hint[SERVICE_MAX_HINT];
        struct service_term term;

        if (one->kind != YAML_DOC_SCALAR) {
            LOAD_ERROR(loader, "E-TYPE", one,
                       "a service term such as tcp/443 is wanted, not %s",
                       yaml_doc_kind_name(one->kind));
            good = false;
        } else if (!service_is_term(one->text)) {
            good &= load_term_name(loader, one, terms, depth);
        } else if (!service_term_parse(one->text, &term, hint)) {
            LOAD_ERROR(loader, "E-SERVICE", one, "'%.60s': %s", one->text,
                       hint);
            good = false;
        } else {
            good &= load_add_term(loader, terms, one, &term);
        }
    }
    return good;
}

static bool
load_term_name(struct loader *loader, const struct yaml_node *node,
               struct load_terms *terms, int depth)
{
    struct load_def *def = load_def_find(&loader->services, node->text);
    const char *builtin = service_builtin(node->text);
    struct name_suggestion suggestion;

    /* A service may refine the built-in one of its own name. */
    if (def && def->state == DEF_RESOLVING && !builtin) {
        LOAD_ERROR(loader, "E-CYCLE", node, "service '%s' contains itself",
                   node->text);
        return false;
    }
    if (def && def->state != DEF_RESOLVING) {
        def->used = true;
        if (!load_service(loader, def, depth)) {
            return false;
        }
        return load_add_service(loader, terms, node, def);
    }
    if (builtin) {
        return load_add_builtin(loader, terms, node, builtin);
    }
    if (node->text[0] >= '0' && node->text[0] <= '9') {
        LOAD_ERROR(loader, "E-SERVICE", node,
                   "'%.20s' needs its protocol: write 'tcp/%.20s'", node->text,
                   node->text);
        return false;
    }
    load_suggestion(loader, &suggestion, node->text);
    service_suggest(&suggestion);
    load_defs_suggest(&loader->services, &suggestion);
    load_unknown_name(loader, node, "service", &suggestion);
    return false;
}

static bool
load_add_service(struct loader *loader, struct load_terms *terms,
                 const struct yaml_node *node, const struct load_def *def)
{
    terms->any |= def->is.service.any;
    for (size_t i = 0; i < def->is.service.n; i++) {
        if (!load_add_term(loader, terms, node, &def->is.service.terms[i])) {
            return false;
        }
    }
    return true;
}

static bool
load_service(struct loader *loader, struct load_def *def, int depth)
{
    struct load_terms terms = {.any = false};
    bool good;

    if (def->state == DEF_RESOLVED) {
        return true;
    }
    if (depth == LOAD_MAX_SERVICE_DEPTH) {
        LOAD_ERROR(loader, "E-LIMIT", def->key,
                   "services are nested more than %d deep",
                   LOAD_MAX_SERVICE_DEPTH);
        return false;
    }
    if (def->value->kind == YAML_DOC_MAP || load_is_empty(def->value) ||
        !load_count(def->value)) {
        LOAD_ERROR(loader, load_empty_code(def->value), def->value,
                   "a service is a list of terms such as tcp/443");
        def->state = DEF_RESOLVED;
        return true;
    }
    def->state = DEF_RESOLVING;
    good = load_terms(loader, def->value, &terms, depth + 1);
    def->is.service.any = terms.any;
    def->is.service.terms =
        load_merge_terms(loader, &terms, &def->is.service.n);
    def->state = DEF_RESOLVED;
    return good;
}

static bool
load_add_term(struct loader *loader, struct load_terms *terms,
              const struct yaml_node *node, const struct service_term *term)
{
    struct service_term *slot;

    if (term->any) {
        terms->any = true;
        return true;
    }
    if (terms->list.n == LOAD_MAX_TERMS ||
        loader->n_terms == LOAD_MAX_ALL_TERMS) {
        LOAD_ERROR(loader, "E-LIMIT", node,
                   "more than %d service terms here, or %d in all",
                   LOAD_MAX_TERMS, LOAD_MAX_ALL_TERMS);
        return false;
    }
    loader->n_terms++;
    slot = arena_list_add(&loader->scratch, &terms->list, sizeof *slot);
    if (!slot) {
        loader->out_of_memory = true;
        return false;
    }
    *slot = *term;
    return true;
}

/* 'text' is ours: terms with a space between them. */
static bool
load_add_builtin(struct loader *loader, struct load_terms *terms,
                 const struct yaml_node *node, const char *text)
{
    while (*text) {
        char one[40], hint[SERVICE_MAX_HINT];
        size_t length = strcspn(text, " ");
        struct service_term term;

        snprintf(one, sizeof one, "%.*s", (int)length, text);
        if (!service_term_parse(one, &term, hint) ||
            !load_add_term(loader, terms, node, &term)) {
            return false;
        }
        text += length + (text[length] == ' ');
    }
    return true;
}

/* Sorted, disjoint ranges in the policy's memory. */
static const struct service_term *
load_merge_terms(struct loader *loader, struct load_terms *terms, size_t *n)
{
    struct service_term *from = terms->list.items, *to;

    *n = 0;
    to = load_alloc(loader, terms->list.n, sizeof *to);
    if (!to || !terms->list.n) {
        return to;
    }
    qsort(from, terms->list.n, sizeof *from, term_order);
    for (size_t i = 0; i < terms->list.n; i++) {
        struct service_term *last = *n ? &to[*n - 1] : NULL;

        if (last && last->space == from[i].space &&
            from[i].first <= (uint32_t)last->last + 1) {
            last->last = from[i].last > last->last ? from[i].last : last->last;
        } else {
            to[(*n)++] = from[i];
        }
    }
    return to;
}

static int
term_order(const void *a, const void *b)
{
    const struct service_term *x = a, *y = b;

    if (x->space != y->space) {
        return x->space < y->space ? -1 : 1;
    }
    if (x->first != y->first) {
        return x->first < y->first ? -1 : 1;
    }
    return x->last < y->last ? -1 : x->last > y->last;
}

static void
load_schedule(struct loader *loader, struct load_def *def)
{
    static const struct schedule_hours always = {0, SCHEDULE_DAY_MINUTES};
    struct schedule *schedule = load_alloc(loader, 1, sizeof *schedule);
    const struct yaml_node *days, *hours, *zone;
    struct schedule_hours *windows;
    struct load_fields in;

    if (!schedule || !load_fields(loader, def->value, SECTION_SCHEDULE, &in)) {
        return;
    }
    days = in.value[IN_SCHEDULE_DAYS];
    hours = in.value[IN_SCHEDULE_HOURS];
    zone = in.value[IN_SCHEDULE_TZ];
    schedule->days = days ? 0 : 0x7f;
    for (size_t i = 0; i < load_count(days); i++) {
        if (!schedule_parse_days(load_item(days, i)->text, &schedule->days)) {
            LOAD_ERROR(loader, "E-TYPE", load_item(days, i),
                       "'%.60s' is no day: write mon, tue, wed, thu, fri, sat, "
                       "sun or a range such as mon-fri",
                       load_item(days, i)->text);
        }
    }
    windows = load_alloc(loader, load_count(hours), sizeof *windows);
    for (size_t i = 0; windows && i < load_count(hours); i++) {
        if (!schedule_parse_hours(load_item(hours, i)->text, &windows[i])) {
            LOAD_ERROR(loader, "E-TYPE", load_item(hours, i),
                       "'%.60s' is no time window: write \"08:00-18:00\", or "
                       "\"22:00-06:00\" to go past midnight",
                       load_item(hours, i)->text);
        }
    }
    schedule->hours = hours ? windows : &always;
    schedule->n_hours = hours ? load_count(hours) : 1;
    if (zone && !schedule_parse_zone(zone->text, &schedule->offset_minutes)) {
        LOAD_ERROR(loader, "E-TYPE", zone,
                   "'%.60s' is no time zone: write UTC, local or an offset "
                   "such as \"+02:00\"",
                   zone->text);
    }
    def->is.schedule = schedule;
}
