/* Section by section; see policy_print.h for what is left out, and why. */

#include "rules/print/policy_print.h"

#include "rules/load/policy_keys.h"
#include "rules/print/print_rule.h"

#include <stdio.h>
#include <stdlib.h>

struct segment_name {
    const char *name;
    uint32_t id;
};

static bool print_prepare(struct print *);
static const uint32_t *segments_by_name(struct print *);
static void find_schedules(struct print *);
static void name_schedules(struct print *, size_t n);
static const char **names_of(struct print *, const struct name_map *,
                             uint16_t n);
static void print_head(struct print *);
static void print_defaults(struct print *);
static void print_all_segments(struct print *);
static void print_segment(struct print *, const struct segment *);
static void print_prefixes(struct print *, const char *key,
                           const struct prefix *, size_t n);
static void print_qualifiers(struct print *, const struct segment_qualifiers *);
static void print_labels(struct print *, const struct segment *);
static void print_all_schedules(struct print *);
static void print_tier(struct print *, const char *key, size_t first,
                       size_t end);
static void print_pairs(struct print *);
static void print_authorities(struct print *);
static void print_detect(struct print *);
static void print_detector(struct print *, enum detector);
static void print_limit(struct print *, int key, enum detect_unit,
                        int64_t value);
static void print_alerting(struct print *);
static void print_suppression(struct print *, const struct suppression *);
static int segment_order(const void *, const void *);
static int label_order(const void *, const void *);

bool
policy_print(const struct policy *policy, policy_sink *sink, void *context)
{
    struct print print = {.policy = policy, .sink = sink, .context = context};

    if (print_prepare(&print)) {
        print_head(&print);
        print_defaults(&print);
        print_all_segments(&print);
        print_all_schedules(&print);
        print_tier(&print, "guardrails", 0, policy->n_guardrails);
        print_tier(&print, "rules", policy->n_guardrails, policy->n_own);
        print_pairs(&print);
        print_authorities(&print);
        print_detect(&print);
        print_alerting(&print);
        print_flush(&print);
    }
    print_forget(&print);
    arena_done(&print.arena);
    return !print.failed;
}

/* The ways back from numbers to names, and the schedules that are used. */
static bool
print_prepare(struct print *print)
{
    const struct policy *policy = print->policy;

    print->apps = names_of(print, &policy->app_symbols, policy->n_app_symbols);
    print->categories =
        names_of(print, &policy->category_symbols, policy->n_category_symbols);
    print->by_name = segments_by_name(print);
    find_schedules(print);
    return print->apps && print->categories && !print->failed;
}

static const uint32_t *
segments_by_name(struct print *print)
{
    const struct policy *policy = print->policy;
    size_t n = policy->n_segments;
    struct segment_name *names = arena_array(&print->arena, n, sizeof *names);
    uint32_t *by_name = arena_array(&print->arena, n, sizeof *by_name);

    if (!names || !by_name) {
        print->failed = true;
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        names[i] = (struct segment_name){policy->segments[i].shown.name, i};
    }
    qsort(names, n, sizeof *names, segment_order);
    for (size_t i = 0; i < n; i++) {
        by_name[i] = names[i].id;
    }
    return by_name;
}

static const char **
names_of(struct print *print, const struct name_map *map, uint16_t n)
{
    const char **names =
        arena_array(&print->arena, (size_t)n + 1, sizeof(char *));

    print->failed |= !names;
    for (size_t i = 0; names && i < map->capacity; i++) {
        if (map->slots[i].name) {
            names[map->slots[i].value] = map->slots[i].name;
        }
    }
    return names;
}

/* Those that some rule uses, each once. */
static void
find_schedules(struct print *print)
{
    const struct policy *policy = print->policy;
    struct arena_list found = {.n = 0};
    struct print_schedule *list;
    size_t n = 0;

    for (size_t i = 0; i < policy->n_own; i++) {
        const struct schedule_list *used = &policy->rules[i].schedules;

        for (size_t k = 0; k < used->n && !print->failed; k++) {
            struct print_schedule *slot =
                arena_list_add(&print->arena, &found, sizeof *slot);

            print->failed |= !slot;
            *(slot ? slot : &(struct print_schedule){.number = 0}) =
                (struct print_schedule){.schedule = used->schedules[k]};
        }
    }
    list = found.items;
    if (found.n) {
        qsort(list, found.n, sizeof *list, print_schedule_order);
    }
    for (size_t i = 0; i < found.n; i++) {
        if (n == 0 || list[n - 1].schedule != list[i].schedule) {
            list[n++] = list[i];
        }
    }
    print->schedules = list;
    name_schedules(print, n);
}

/* Equal ones get one number: that of their form among all forms. */
static void
name_schedules(struct print *print, size_t n)
{
    struct print_schedule *list = print->schedules;
    const char **forms = arena_array(&print->arena, n, sizeof(char *));

    print->failed |= n && !forms;
    for (size_t i = 0; i < n && !print->failed; i++) {
        list[i].form = schedule_form(print, list[i].schedule);
        forms[i] = list[i].form;
        print_forget(print);
    }
    if (print->failed) {
        return;
    }
    print->n_schedules = n;
    print->forms.list = (struct arena_list){.items = forms, .n = n};
    words_sort(&print->forms);
    for (size_t i = 0; i < n; i++) {
        list[i].number = words_find(&print->forms, list[i].form) + 1;
    }
}

static void
print_head(struct print *print)
{
    const struct policy *policy = print->policy;

    print_raw(print, "version: 1\n");
    if (policy->name[0] || policy->revision[0] || policy->owner[0] ||
        policy->review_by[0]) {
        print_raw(print, "policy:\n");
        print_entry(print, 2, "name", policy->name);
        print_entry(print, 2, "revision", policy->revision);
        print_entry(print, 2, "owner", policy->owner);
        print_entry(print, 2, "review_by", policy->review_by);
    }
}

static void
print_defaults(struct print *print)
{
    static const char *const keys[] = {"inter", "intra", "unknown", "multicast",
                                       "link_scope"};
    static const char *const midstreams[] = {"lenient", "strict", "ignore"};
    const struct policy *policy = print->policy;
    const struct rule *rules = &policy->rules[policy->n_own + policy->n_pairs];

    print_raw(print, "defaults:\n");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        print_raw(print, "  %s: %s\n", keys[i],
                  decision_name(rules[i].shown.action));
    }
    print_raw(print, "  midstream: %s\n  app_confidence: %s\n  severity: %s\n",
              midstreams[policy->midstream],
              policy->guesses_match ? "any" : "dpi",
              level_name(policy->severity));
}

static void
print_all_segments(struct print *print)
{
    const struct policy *policy = print->policy;

    if (policy->n_segments > SEGMENT_N_BUILTIN) {
        print_raw(print, "segments:\n");
    }
    for (size_t i = 0; i < policy->n_segments; i++) {
        if (print->by_name[i] >= SEGMENT_N_BUILTIN) {
            print_segment(print, &policy->segments[print->by_name[i]]);
        }
    }
}

static void
print_segment(struct print *print, const struct segment *segment)
{
    const struct policy_segment *shown = &segment->shown;

    print_raw(print, "  ");
    print_word(print, shown->name);
    print_raw(print, ":\n");
    print_prefixes(print, "networks", segment->def.networks,
                   segment->def.n_networks);
    print_prefixes(print, "exclude", segment->def.excludes,
                   segment->def.n_excludes);
    if (segment->def.qualifiers) {
        print_qualifiers(print, segment->def.qualifiers);
    }
    print_labels(print, segment);
    print_raw(print, "    criticality: %s\n", level_name(shown->criticality));
    if (shown->external) {
        print_raw(print, "    external: true\n");
    }
    if (shown->translated) {
        print_raw(print, "    translated: true\n");
    }
    if (segment->has_intra) {
        print_raw(print, "    intra: %s\n", decision_name(segment->intra));
    }
    print_entry(print, 4, "owner", shown->owner);
    print_entry(print, 4, "description", shown->description);
    print_forget(print);
}

static void
print_prefixes(struct print *print, const char *key,
               const struct prefix *prefixes, size_t n)
{
    struct words words = {{0}};
    char text[PREFIX_TEXT_SIZE];

    for (size_t i = 0; i < n; i++) {
        words_add(print, &words, "%s", prefix_format(&prefixes[i], text));
    }
    print_words(print, 4, key, &words);
}

static void
print_qualifiers(struct print *print, const struct segment_qualifiers *where)
{
    struct words macs = {{0}};

    print_vlans(print, 4, "vlans", where->vlans);
    print_globs(print, 4, "interfaces", &where->interfaces);
    print_globs(print, 4, "sensors", &where->sensors);
    for (size_t i = 0; i < where->n_macs; i++) {
        const struct mac_pattern *mac = &where->macs[i];
        char text[24] = "";
        size_t n = 0;

        for (size_t k = 0; k < mac->length; k++) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%02x",
                                  k ? ":" : "", mac->byte[k]);
        }
        words_add(print, &macs, mac->length < 6 ? "%s:*" : "%s", text);
    }
    print_words(print, 4, "macs", &macs);
}

static void
print_labels(struct print *print, const struct segment *segment)
{
    struct label *labels =
        arena_array(&print->arena, segment->n_labels, sizeof *labels);

    if (!segment->n_labels) {
        return;
    }
    if (!labels) {
        print->failed = true;
        return;
    }
    memcpy(labels, segment->labels, segment->n_labels * sizeof *labels);
    qsort(labels, segment->n_labels, sizeof *labels, label_order);
    print_raw(print, "    labels:\n");
    for (size_t i = 0; i < segment->n_labels; i++) {
        print_raw(print, "      ");
        print_word(print, labels[i].name);
        print_raw(print, ": ");
        print_quoted(print, labels[i].value);
        print_raw(print, "\n");
    }
}

/* Named by their place: what the author called them is not what they say. */
static void
print_all_schedules(struct print *print)
{
    const char *const *forms = print->forms.list.items;

    if (print->forms.list.n) {
        print_raw(print, "schedules:\n");
    }
    for (size_t i = 0; i < print->forms.list.n; i++) {
        print_raw(print, "  schedule-%zu: ", i + 1);
        print_text(print, forms[i]);
        print_raw(print, "\n");
    }
}

static void
print_tier(struct print *print, const char *key, size_t first, size_t end)
{
    if (first < end) {
        print_raw(print, "%s:\n", key);
    }
    for (size_t i = first; i < end; i++) {
        print_rule(print, &print->policy->rules[i]);
    }
}

static void
print_pairs(struct print *print)
{
    const struct policy *policy = print->policy;

    if (policy->n_pairs) {
        print_raw(print, "pairs:\n");
    }
    for (size_t i = 0; i < policy->n_pairs; i++) {
        const struct policy_rule *shown =
            &policy->rules[policy->n_own + i].shown;

        print_raw(print, "  - id: ");
        print_word(print, shown->id + strlen("pair:"));
        print_raw(print, "\n");
        print_segments(print, 4, "from", policy->pairs[i].from);
        print_segments(print, 4, "to", policy->pairs[i].to);
        print_raw(print, "    default: %s\n    severity: %s\n",
                  decision_name(shown->action), level_name(shown->severity));
        print_entry(print, 4, "title", shown->title);
        print_entry(print, 4, "owner", shown->owner);
    }
}

/* One without members says that nobody may. */
static void
print_authorities(struct print *print)
{
    const struct policy *policy = print->policy;
    bool begun = false;
    size_t n;
    const struct policy_key *keys = policy_keys(SECTION_AUTHORITIES, &n);

    for (size_t i = 0; i < n; i++) {
        if (!policy->has_authority[i]) {
            continue;
        }
        print_raw(print, begun ? "" : "authorities:\n");
        begun = true;
        if (policy->authorities[i].n) {
            print_addrs(print, 2, keys[i].name, &policy->authorities[i]);
        } else {
            print_raw(print, "  %s: []\n", keys[i].name);
        }
    }
}

static void
print_detect(struct print *print)
{
    const struct detect_settings *detect = &print->policy->detect;

    if (detect->named) {
        print_raw(print, "detect:\n");
    }
    for (unsigned i = 0; i < N_DETECTORS; i++) {
        if (!(detect->named >> i & 1)) {
            continue;
        }
        print_raw(print, "  %s:", detector_name((enum detector)i));
        if (detect->on >> i & 1) {
            print_raw(print, "\n");
            print_detector(print, (enum detector)i);
        } else {
            print_raw(print, " false\n");
        }
    }
}

static void
print_detector(struct print *print, enum detector detector)
{
    const struct policy *policy = print->policy;
    const struct detect_settings *detect = &policy->detect;
    const struct policy_rule *shown =
        &policy->rules[detect->rule[detector]].shown;

    print_raw(print, "    severity: %s\n", level_name(shown->severity));
    if (shown->realert_ns >= 0) {
        print_raw(print, "    realert: %llds\n",
                  (long long)(shown->realert_ns / SECOND_NS));
    }
    print_threshold(print, &shown->threshold);
    print_texts(print, "controls", shown->controls);
    print_addrs(print, 4, "except", &detect->except[detector]);
    for (unsigned i = 0; i < N_DETECT_LIMITS; i++) {
        enum detector owner;
        enum detect_unit unit;
        int key = detect_limit_key((enum detect_limit)i, &owner, &unit);

        if (owner == detector) {
            print_limit(print, key, unit, detect->limit[i]);
        }
    }
}

static void
print_limit(struct print *print, int key, enum detect_unit unit, int64_t value)
{
    static const char *const tls_versions[] = {"1.0", "1.1", "1.2", "1.3"};
    size_t n;
    const char *name = policy_keys(SECTION_DETECTOR, &n)[key].name;

    if (unit == UNIT_TLS) {
        print_raw(print, "    %s: \"%s\"\n", name, tls_versions[value - 2]);
    } else if (unit == UNIT_TIME) {
        print_raw(print, "    %s: %llds\n", name,
                  (long long)(value / SECOND_NS));
    } else {
        print_raw(print, "    %s: %lld\n", name, (long long)value);
    }
}

static void
print_alerting(struct print *print)
{
    const struct policy *policy = print->policy;

    print_raw(print, "alerting:\n  realert: %llds\n",
              (long long)(policy->alerting.realert_ns / SECOND_NS));
    print_raw(print, "  max_active: %zu\n  collapse: %u\n",
              policy->alerting.max_active, policy->alerting.collapse_targets);
    if (policy->n_suppressions) {
        print_raw(print, "  suppress:\n");
    }
    for (size_t i = 0; i < policy->n_suppressions; i++) {
        print_suppression(print, &policy->suppressions[i]);
    }
}

static void
print_suppression(struct print *print, const struct suppression *suppression)
{
    struct words rules = {{0}};

    print_raw(print, "    - id: ");
    print_quoted(print, suppression->id);
    print_raw(print, "\n");
    print_addrs(print, 6, "src", &suppression->src);
    print_addrs(print, 6, "dst", &suppression->dst);
    for (size_t i = 0; i < suppression->n_rules; i++) {
        words_add_text(print, &rules,
                       print->policy->rules[suppression->rules[i]].shown.id);
    }
    print_words(print, 6, "rule", &rules);
    print_time(print, 6, "until", suppression->until, true);
    print_raw(print, "      owner: ");
    print_quoted(print, suppression->owner);
    print_raw(print, "\n      reason: ");
    print_quoted(print, suppression->reason);
    print_raw(print, "\n");
    print_entry(print, 6, "ticket", suppression->ticket);
    print_entry(print, 6, "approved_by", suppression->approved_by);
}

static int
segment_order(const void *a, const void *b)
{
    const struct segment_name *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int
label_order(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return strcmp(x->name, y->name);
}
