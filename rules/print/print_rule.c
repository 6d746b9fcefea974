/* Keys in the order in which people read a rule: who, what, under which
 * conditions, what then, and about it. */

#include "rules/print/print_rule.h"

#include "dissect/application.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    INDENT_RULE = 4,
    INDENT_MORE = 6,        /* 'when', 'require' and the like. */
    SCHEDULE_FORM_SIZE = 96 /* Without its hours. */
};

static void print_match(struct print *, const struct rule *);
static void print_when(struct print *, const struct rule *);
static void print_require(struct print *, const struct rule *);
static void print_about(struct print *, const struct policy_rule *);
static void print_exception(struct print *, const struct policy_rule *);
static void print_terms(struct print *, const struct rule *);
static void add_term(struct print *, struct words *,
                     const struct service_term *);
static void add_icmp(struct print *, struct words *, const char *space,
                     unsigned first, unsigned last);
static void print_apps(struct print *, unsigned indent, const struct app_set *);
static void print_hosts(struct print *, const char *key,
                        const struct glob_list *);
static void print_risks(struct print *, const char *key, uint64_t risks);
static void print_tls(struct print *, unsigned versions);
static void print_schedules(struct print *, const struct schedule_list *);
static const char *group_of(const struct policy *, const uint64_t *set);
static bool set_is(const struct policy *, const uint64_t *set,
                   bool (*has)(const struct policy_segment *));
static size_t take_prefix(const struct addr_set *, size_t i, struct prefix *);
static bool make_prefix(const struct addr *first, const struct addr *last,
                        struct prefix *);

static const char *const tls_versions[] = {"", "", "1.0", "1.1", "1.2", "1.3"};

void
print_rule(struct print *print, const struct rule *rule)
{
    static const char *const modes[] = {"enforce", "staged", "disabled"};
    const struct policy_rule *shown = &rule->shown;

    print_raw(print, "  - id: ");
    print_word(print, shown->id);
    print_raw(print, "\n");
    print_match(print, rule);
    print_when(print, rule);
    print_require(print, rule);
    print_raw(print, "    action: %s\n",
              shown->log ? "log" : decision_name(shown->action));
    print_raw(print, "    mode: %s\n", modes[shown->mode]);
    if (shown->starts.ns != INT64_MIN) {
        print_time(print, INDENT_RULE, "starts", shown->starts, false);
    }
    if (shown->expires.ns != INT64_MAX) {
        print_time(print, INDENT_RULE, "expires", shown->expires, true);
    }
    print_about(print, shown);
    print_forget(print);
}

void
print_time(struct print *print, unsigned indent, const char *key,
           struct wall_time when, bool end)
{
    const int64_t day = 86400 * SECOND_NS;
    bool date = when.ns % day == 0 && (!end || when.ns > 0);
    time_t seconds = (time_t)((when.ns - (date && end ? day : 0)) / SECOND_NS);
    long long fraction = when.ns % SECOND_NS;
    char text[40] = "";
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) ||
        !strftime(text, sizeof text, date ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%S",
                  &tm)) {
        print->failed = true;
    }
    print_raw(print, "%*s%s: \"%s", (int)indent, "", key, text);
    if (fraction) {
        print_raw(print, ".%09lld", fraction);
    }
    print_raw(print, "%s\"\n", date ? "" : "Z");
}

void
print_segments(struct print *print, unsigned indent, const char *key,
               const uint64_t *set)
{
    const struct policy *policy = print->policy;
    const char *group = group_of(policy, set);
    const char *comma = "";

    print_raw(print, "%*s%s: [", (int)indent, "", key);
    if (group) {
        print_text(print, group);
    }
    for (size_t i = 0; !group && i < policy->n_segments; i++) {
        uint32_t id = print->by_name[i];

        if (set_has(set, id)) { /* In order, and each once. */
            print_text(print, comma);
            print_word(print, policy->segments[id].shown.name);
            comma = ", ";
        }
    }
    print_text(print, "]\n");
}

void
print_addrs(struct print *print, unsigned indent, const char *key,
            const struct addr_set *set)
{
    struct words words = {{0}};

    for (size_t i = 0; i < set->n;) {
        struct prefix prefix;
        char text[PREFIX_TEXT_SIZE];

        i += take_prefix(set, i, &prefix);
        words_add(print, &words, "%s", prefix_format(&prefix, text));
    }
    print_words(print, indent, key, &words);
}

void
print_vlans(struct print *print, unsigned indent, const char *key,
            const struct vlan_set *set)
{
    struct words words = {{0}};
    unsigned first, last;

    for (first = 0; set && first < SEGMENTS_N_VLANS; first = last + 1) {
        last = first;
        if (!vlan_set_has(set, (uint16_t)first)) {
            continue;
        }
        while (vlan_set_has(set, (uint16_t)(last + 1))) {
            last++;
        }
        words_add(print, &words, first == last ? "%u" : "%u-%u", first, last);
    }
    print_words(print, indent, key, &words);
}

void
print_globs(struct print *print, unsigned indent, const char *key,
            const struct glob_list *list)
{
    struct words words = {{0}};

    for (size_t i = 0; i < list->n; i++) {
        words_add_text(print, &words, list->globs[i]);
    }
    print_words(print, indent, key, &words);
}

const char *
schedule_form(struct print *print, const struct schedule *schedule)
{
    static const char names[7][4] = {"mon", "tue", "wed", "thu",
                                     "fri", "sat", "sun"};
    int offset = schedule->offset_minutes, distance = abs(offset % 1440);
    struct words words = {{0}};
    const char *const *hours;
    char *text;
    size_t n, size, begun;

    for (size_t i = 0; i < schedule->n_hours; i++) {
        const struct schedule_hours *window = &schedule->hours[i];

        words_add(print, &words, "%02u:%02u-%02u:%02u", window->start / 60,
                  window->start % 60, window->end / 60, window->end % 60);
    }
    words_sort(&words);
    hours = words.list.items;
    size = SCHEDULE_FORM_SIZE + words.list.n * sizeof "\"00:00-24:00\", ";
    text = arena_alloc(&print->arena, size);
    if (!text) {
        print->failed = true;
        return NULL;
    }
    begun = n = (size_t)snprintf(text, size, "{days: [");
    for (size_t day = 0; day < 7; day++) {
        if (schedule->days >> day & 1) {
            n += (size_t)snprintf(text + n, size - n, "%s%s",
                                  n > begun ? ", " : "", names[day]);
        }
    }
    n += (size_t)snprintf(text + n, size - n, "], hours: [");
    for (size_t i = 0; i < words.list.n; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s\"%s\"", i ? ", " : "",
                              hours[i]);
    }
    if (offset == SCHEDULE_LOCAL) {
        snprintf(text + n, size - n, "], tz: local}");
    } else {
        snprintf(text + n, size - n, "], tz: \"%c%02d:%02d\"}",
                 offset < 0 ? '-' : '+', distance / 60, distance % 60);
    }
    return text;
}

int
print_schedule_order(const void *a, const void *b)
{
    const struct print_schedule *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->schedule, q = (uintptr_t)y->schedule;

    return p < q ? -1 : p > q;
}

static void
print_match(struct print *print, const struct rule *rule)
{
    struct words words = {{0}};

    print_segments(print, INDENT_RULE, "from", rule->from);
    print_addrs(print, INDENT_RULE, "from_addr", &rule->from_addr);
    print_segments(print, INDENT_RULE, "to", rule->to);
    print_addrs(print, INDENT_RULE, "to_addr", &rule->to_addr);
    if (rule->both_ways) {
        print_raw(print, "    both_ways: true\n");
    }
    print_terms(print, rule);
    for (size_t i = 0; i < rule->src_port.n; i++) {
        unsigned first = rule->src_port.ranges[i].first;
        unsigned last = rule->src_port.ranges[i].last;

        words_add(print, &words, first == last ? "%u" : "%u-%u", first, last);
    }
    print_words(print, INDENT_RULE, "src_port", &words);
    print_apps(print, INDENT_RULE, &rule->app);
    words = (struct words){{0}};
    for (size_t i = 0; i < rule->categories.n; i++) {
        words_add_text(print, &words,
                       print->categories[rule->categories.symbols[i]]);
    }
    print_words(print, INDENT_RULE, "app_category", &words);
}

static void
print_when(struct print *print, const struct rule *rule)
{
    static const uint32_t elsewhere =
        1U << CONDITION_FROM_ADDR | 1U << CONDITION_TO_ADDR |
        1U << CONDITION_SRC_PORT | 1U << CONDITION_APP |
        1U << CONDITION_APP_CATEGORY;

    if (!(rule->conditions & ~elsewhere)) {
        return;
    }
    print_raw(print, "    when:\n");
    print_schedules(print, &rule->schedules);
    print_vlans(print, INDENT_MORE, "vlan", rule->vlans);
    print_globs(print, INDENT_MORE, "sensor", &rule->sensors);
    print_globs(print, INDENT_MORE, "interface", &rule->interfaces);
    print_hosts(print, "sni", &rule->sni);
    print_hosts(print, "host", &rule->host);
    print_risks(print, "risk", rule->risks);
    print_tls(print, rule->tls_versions);
    if (rule->ip_version) {
        print_raw(print, "      ip_version: \"%u\"\n", rule->ip_version);
    }
}

static void
print_require(struct print *print, const struct rule *rule)
{
    if (!rule->requirements) {
        return;
    }
    print_raw(print, "    require:\n");
    print_apps(print, INDENT_MORE, &rule->require_app);
    if (rule->require_tls) {
        print_raw(print, "      tls_min: \"%s\"\n",
                  tls_versions[rule->require_tls]);
    }
    print_hosts(print, "sni", &rule->require_sni);
    print_risks(print, "forbid_risk", rule->forbid_risk);
    if (rule->requirements >> REQUIREMENT_ONE_WAY & 1) {
        print_raw(print, "      one_way: true\n");
    }
}

static void
print_about(struct print *print, const struct policy_rule *rule)
{
    print_exception(print, rule);
    print_threshold(print, &rule->threshold);
    if (rule->realert_ns >= 0) {
        print_raw(print, "    realert: %llds\n",
                  (long long)(rule->realert_ns / SECOND_NS));
    }
    print_raw(print, "    severity: %s\n", level_name(rule->severity));
    print_texts(print, "attack", rule->attack);
    print_texts(print, "controls", rule->controls);
    print_texts(print, "tags", rule->tags);
    print_entry(print, INDENT_RULE, "conduit", rule->conduit);
    print_entry(print, INDENT_RULE, "title", rule->title);
    print_entry(print, INDENT_RULE, "justification", rule->justification);
    print_entry(print, INDENT_RULE, "owner", rule->owner);
    print_entry(print, INDENT_RULE, "approved_by", rule->approved_by);
}

/* Three of its texts must be there, even if they are "". */
static void
print_exception(struct print *print, const struct policy_rule *rule)
{
    const char *const texts[][2] = {{"ticket", rule->ticket},
                                    {"owner", rule->exception_owner},
                                    {"reason", rule->exception_reason}};

    if (!rule->ticket[0] && !rule->exception_owner[0] &&
        !rule->exception_reason[0]) {
        return;
    }
    print_raw(print, "    exception:\n");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        print_raw(print, "      %s: ", texts[i][0]);
        print_quoted(print, texts[i][1]);
        print_raw(print, "\n");
    }
    print_entry(print, INDENT_MORE, "approved_by", rule->exception_approved_by);
}

void
print_threshold(struct print *print, const struct policy_threshold *threshold)
{
    static const char *const words[] = {"src", "dst", "pair", "rule"};

    if (threshold->count) {
        print_raw(print, "    threshold: {count: %lu, window: %llds, by: %s}\n",
                  (unsigned long)threshold->count,
                  (long long)(threshold->window_ns / SECOND_NS),
                  words[threshold->by]);
    }
}

static void
print_terms(struct print *print, const struct rule *rule)
{
    struct words words = {{0}};

    for (size_t i = 0; i < rule->n_terms; i++) {
        add_term(print, &words, &rule->terms[i]);
    }
    print_words(print, INDENT_RULE, "service", &words);
}

static void
add_term(struct print *print, struct words *words,
         const struct service_term *term)
{
    static const char *const spaces[] = {"tcp",  "udp",   "sctp",
                                         "icmp", "icmp6", "ip"};
    const char *space = spaces[term->space];
    unsigned first = term->first, last = term->last;

    if (first == 0 && last == UINT16_MAX) {
        words_add(print, words, "%s/any", space);
    } else if (term->space == SERVICE_ICMP || term->space == SERVICE_ICMP6) {
        add_icmp(print, words, space, first, last);
    } else if (term->space == SERVICE_PROTOCOL) { /* They have no ranges. */
        for (; first <= last; first++) {
            words_add(print, words, "%s/%u", space, first);
        }
    } else {
        words_add(print, words, first == last ? "%s/%u" : "%s/%u-%u", space,
                  first, last);
    }
}

/* Whole types, or code by code. */
static void
add_icmp(struct print *print, struct words *words, const char *space,
         unsigned first, unsigned last)
{
    while (first <= last) {
        bool whole = first % 256 == 0 && last - first >= 255;

        words_add(print, words, whole ? "%s/%u" : "%s/%u:%u", space,
                  first / 256, first % 256);
        first += whole ? 256 : 1;
    }
}

static void
print_apps(struct print *print, unsigned indent, const struct app_set *set)
{
    struct words words = {{0}};

    for (size_t i = 0; i < set->n; i++) {
        const struct app_match *match = &set->matches[i];

        if (match->master) {
            words_add(print, &words, "%s.%s", print->apps[match->master],
                      print->apps[match->name]);
        } else {
            words_add_text(print, &words, print->apps[match->name]);
        }
    }
    if (set->unknown) {
        words_add(print, &words, "unknown");
    }
    if (set->none) {
        words_add(print, &words, "none");
    }
    print_words(print, indent, "app", &words);
}

/* Case does not matter to a host name. */
static void
print_hosts(struct print *print, const char *key, const struct glob_list *list)
{
    struct words words = {{0}};

    for (size_t i = 0; i < list->n; i++) {
        char *text =
            arena_text(&print->scratch, list->globs[i], strlen(list->globs[i]));

        for (char *c = text; c && *c; c++) {
            *c = name_fold(*c);
        }
        words_add_text(print, &words, text);
    }
    print_words(print, INDENT_MORE, key, &words);
}

static void
print_risks(struct print *print, const char *key, uint64_t risks)
{
    struct words words = {{0}};

    for (unsigned bit = 0; bit < POLICY_N_RISKS; bit++) {
        if (risks >> bit & 1) {
            words_add(print, &words, "%s", application_risk_name(bit));
        }
    }
    print_words(print, INDENT_MORE, key, &words);
}

static void
print_tls(struct print *print, unsigned versions)
{
    struct words words = {{0}};

    for (size_t rank = 2; rank < sizeof tls_versions / sizeof tls_versions[0];
         rank++) {
        if (versions >> rank & 1) {
            words_add_text(print, &words, tls_versions[rank]);
        }
    }
    print_words(print, INDENT_MORE, "tls_version", &words);
}

static void
print_schedules(struct print *print, const struct schedule_list *list)
{
    struct words words = {{0}};

    for (size_t i = 0; i < list->n; i++) {
        const struct print_schedule key = {.schedule = list->schedules[i]};
        const struct print_schedule *found =
            bsearch(&key, print->schedules, print->n_schedules, sizeof key,
                    print_schedule_order);

        if (found) {
            words_add(print, &words, "schedule-%zu", found->number);
        }
    }
    print_words(print, INDENT_MORE, "schedule", &words);
}

/* In their own order: they are told so. */
void
print_texts(struct print *print, const char *key, const char *const *texts)
{
    if (!*texts) {
        return;
    }
    print_raw(print, "    %s: [", key);
    for (size_t i = 0; texts[i]; i++) {
        print_raw(print, "%s", i ? ", " : "");
        print_quoted(print, texts[i]);
    }
    print_raw(print, "]\n");
}

static bool
segment_is_any(const struct policy_segment *segment)
{
    (void)segment;
    return true;
}

static bool
segment_is_internal(const struct policy_segment *segment)
{
    return !segment->builtin && !segment->external;
}

static bool
segment_is_external(const struct policy_segment *segment)
{
    return segment->external;
}

/* The built-in group that is just this set, if it is more than one segment. */
static const char *
group_of(const struct policy *policy, const uint64_t *set)
{
    size_t n = 0;

    for (size_t i = 0; i < policy->n_segments; i++) {
        n += set_has(set, i);
    }
    if (n < 2) {
        return NULL;
    }
    return set_is(policy, set, segment_is_any)        ? "any"
           : set_is(policy, set, segment_is_internal) ? "internal"
           : set_is(policy, set, segment_is_external) ? "external"
                                                      : NULL;
}

static bool
set_is(const struct policy *policy, const uint64_t *set,
       bool (*has)(const struct policy_segment *))
{
    for (size_t i = 0; i < policy->n_segments; i++) {
        if (set_has(set, i) != has(&policy->segments[i].shown)) {
            return false;
        }
    }
    return true;
}

/* The prefix that the ranges from 'i' on come from; returns how many they are.
 * One that reaches around IPv4 was cut there, in two if it goes on behind. */
static size_t
take_prefix(const struct addr_set *set, size_t i, struct prefix *prefix)
{
    static const struct addr before = {
        {[10] = 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff}};
    static const struct addr last = {
        {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    static const struct addr after = {{[9] = 1}};
    const struct addr_range *range = &set->ranges[i];

    if (addr_equal(&range->last, &before)) {
        if (i + 1 < set->n && addr_equal(&range[1].first, &after) &&
            make_prefix(&range->first, &range[1].last, prefix)) {
            return 2;
        }
        if (make_prefix(&range->first, &last, prefix)) {
            return 1;
        }
    }
    (void)make_prefix(&range->first, &range->last, prefix);
    return 1;
}

/* False if from 'first' to 'last' is no prefix. */
static bool
make_prefix(const struct addr *first, const struct addr *last,
            struct prefix *prefix)
{
    struct addr end = *first;
    unsigned length = 128;

    while (length > 0 &&
           !(first->byte[(length - 1) / 8] & 0x80U >> (length - 1) % 8) &&
           !addr_equal(&end, last)) {
        length--;
        end.byte[length / 8] |= (uint8_t)(0x80U >> length % 8);
    }
    *prefix = (struct prefix){*first, (uint8_t)length};
    return addr_equal(&end, last);
}
