/* One short list after another into a buffer of fixed size: a policy can name
 * a hundred thousand addresses, and a person reads the first few. */

#include "rules/print/condition_text.h"

#include "dissect/application.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    DAYS_SIZE = 32
};

struct text {
    char *at;
    size_t size, n;
    bool full;
    bool comma; /* An item came before. */
};

static void text_init(struct text *, char *at, size_t size);
static void text_item(struct text *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void write_addrs(struct text *, const struct addr_set *);
static void write_ports(struct text *, const struct port_list *);
static void write_vlans(struct text *, const struct vlan_set *);
static void write_globs(struct text *, const struct glob_list *);
static void write_schedules(struct text *, const struct schedule_list *);
static void write_days(uint8_t days, char text[DAYS_SIZE]);
static void write_apps(struct text *, const struct policy *,
                       const struct app_set *);
static void write_categories(struct text *, const struct policy *,
                             const struct symbol_list *);
static void write_risks(struct text *, uint64_t risks);
static void write_tls(struct text *, unsigned versions);
static void write_term(struct text *, const struct service_term *);
static const char *symbol_name(const struct name_map *, uint16_t symbol);

static const char *const tls_names[] = {"",    "SSL 3.0", "1.0",
                                        "1.1", "1.2",     "1.3"};

const char *
rule_condition_text(const struct policy *policy, const struct rule *rule,
                    enum rule_condition condition, char text[CONDITION_TEXT])
{
    struct text out;

    text_init(&out, text, CONDITION_TEXT);
    switch (condition) {
    case CONDITION_FROM_ADDR: write_addrs(&out, &rule->from_addr); break;
    case CONDITION_TO_ADDR: write_addrs(&out, &rule->to_addr); break;
    case CONDITION_SRC_PORT: write_ports(&out, &rule->src_port); break;
    case CONDITION_IP_VERSION: text_item(&out, "%u", rule->ip_version); break;
    case CONDITION_VLAN: write_vlans(&out, rule->vlans); break;
    case CONDITION_SENSOR: write_globs(&out, &rule->sensors); break;
    case CONDITION_INTERFACE: write_globs(&out, &rule->interfaces); break;
    case CONDITION_SCHEDULE: write_schedules(&out, &rule->schedules); break;
    case CONDITION_APP: write_apps(&out, policy, &rule->app); break;
    case CONDITION_APP_CATEGORY:
        write_categories(&out, policy, &rule->categories);
        break;
    case CONDITION_SNI: write_globs(&out, &rule->sni); break;
    case CONDITION_HOST: write_globs(&out, &rule->host); break;
    case CONDITION_RISK: write_risks(&out, rule->risks); break;
    case CONDITION_TLS_VERSION: write_tls(&out, rule->tls_versions); break;
    case N_CONDITIONS: break;
    }
    return text;
}

const char *
rule_requirement_text(const struct policy *policy, const struct rule *rule,
                      enum rule_requirement requirement,
                      char text[CONDITION_TEXT])
{
    struct text out;

    text_init(&out, text, CONDITION_TEXT);
    switch (requirement) {
    case REQUIREMENT_APP: write_apps(&out, policy, &rule->require_app); break;
    case REQUIREMENT_TLS_MIN:
        text_item(&out, "%s or later", tls_names[rule->require_tls]);
        break;
    case REQUIREMENT_SNI: write_globs(&out, &rule->require_sni); break;
    case REQUIREMENT_FORBID_RISK:
        text_item(&out, "none of");
        out.comma = false;
        text_item(&out, " ");
        out.comma = false;
        write_risks(&out, rule->forbid_risk);
        break;
    case REQUIREMENT_ONE_WAY: text_item(&out, "no answer at all"); break;
    case N_REQUIREMENTS: break;
    }
    return text;
}

const char *
rule_service_text(const struct rule *rule, char text[CONDITION_TEXT])
{
    struct text out;

    text_init(&out, text, CONDITION_TEXT);
    for (size_t i = 0; i < rule->n_terms && !out.full; i++) {
        write_term(&out, &rule->terms[i]);
    }
    return text;
}

const char *
qualifiers_text(const struct segment_qualifiers *qualifiers, char *text,
                size_t size)
{
    struct text out;

    text_init(&out, text, size);
    if (!qualifiers) {
        return text;
    }
    if (qualifiers->vlans) {
        text_item(&out, "vlans ");
        out.comma = false;
        write_vlans(&out, qualifiers->vlans);
    }
    if (qualifiers->interfaces.n) {
        text_item(&out, "interfaces ");
        out.comma = false;
        write_globs(&out, &qualifiers->interfaces);
    }
    if (qualifiers->sensors.n) {
        text_item(&out, "sensors ");
        out.comma = false;
        write_globs(&out, &qualifiers->sensors);
    }
    if (qualifiers->n_macs) {
        text_item(&out, "%zu macs", qualifiers->n_macs);
    }
    return text;
}

static void
text_init(struct text *text, char *at, size_t size)
{
    *text = (struct text){.at = at, .size = size};
    at[0] = '\0';
}

/* An item that leaves no room for "..." is replaced by it, and nothing
 * follows. */
static void
text_item(struct text *text, const char *format, ...)
{
    const char *comma = text->comma ? ", " : "";
    size_t room = text->size - text->n;
    char item[CONDITION_TEXT];
    va_list args;
    int n;

    if (text->full) {
        return;
    }
    va_start(args, format);
    n = vsnprintf(item, sizeof item, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof item || (size_t)n + 10 > room) {
        text->full = true;
        snprintf(text->at + text->n, room, "%s...", comma);
        return;
    }
    text->n += (size_t)snprintf(text->at + text->n, room, "%s%s", comma, item);
    text->comma = true;
}

static void
write_addrs(struct text *text, const struct addr_set *set)
{
    char first[ADDR_TEXT_SIZE], last[ADDR_TEXT_SIZE];

    for (size_t i = 0; i < set->n && !text->full; i++) {
        const struct addr_range *range = &set->ranges[i];

        addr_format(&range->first, first);
        if (addr_equal(&range->first, &range->last)) {
            text_item(text, "%s", first);
        } else {
            text_item(text, "%s-%s", first, addr_format(&range->last, last));
        }
    }
}

static void
write_ports(struct text *text, const struct port_list *list)
{
    for (size_t i = 0; i < list->n && !text->full; i++) {
        const struct port_range *range = &list->ranges[i];

        if (range->first == range->last) {
            text_item(text, "%u", range->first);
        } else {
            text_item(text, "%u-%u", range->first, range->last);
        }
    }
}

static void
write_vlans(struct text *text, const struct vlan_set *set)
{
    unsigned first, last;

    for (first = 0; set && first < SEGMENTS_N_VLANS; first = last + 1) {
        last = first;
        if (!vlan_set_has(set, (uint16_t)first)) {
            continue;
        }
        while (last + 1 < SEGMENTS_N_VLANS &&
               vlan_set_has(set, (uint16_t)(last + 1))) {
            last++;
        }
        if (first == last) {
            text_item(text, "%u", first);
        } else {
            text_item(text, "%u-%u", first, last);
        }
    }
}

static void
write_globs(struct text *text, const struct glob_list *list)
{
    for (size_t i = 0; i < list->n && !text->full; i++) {
        text_item(text, "%s", list->globs[i]);
    }
}

static void
write_schedules(struct text *text, const struct schedule_list *list)
{
    for (size_t i = 0; i < list->n && !text->full; i++) {
        const struct schedule *schedule = list->schedules[i];
        char days[DAYS_SIZE];

        write_days(schedule->days, days);
        for (size_t k = 0; k < schedule->n_hours; k++) {
            const struct schedule_hours *hours = &schedule->hours[k];

            text_item(text, "%s %02u:%02u-%02u:%02u", days, hours->start / 60,
                      hours->start % 60, hours->end / 60, hours->end % 60);
        }
        if (!schedule->n_hours) {
            text_item(text, "%s", days);
        }
    }
}

static void
write_days(uint8_t days, char text[DAYS_SIZE])
{
    static const char *const names[] = {"mon", "tue", "wed", "thu",
                                        "fri", "sat", "sun"};
    size_t n = 0;

    text[0] = '\0';
    for (size_t day = 0; day < 7; day++) {
        if (days >> day & 1) {
            n += (size_t)snprintf(text + n, DAYS_SIZE - n, "%s%s", n ? " " : "",
                                  names[day]);
        }
    }
}

static void
write_apps(struct text *text, const struct policy *policy,
           const struct app_set *set)
{
    const struct name_map *names = &policy->app_symbols;

    for (size_t i = 0; i < set->n && !text->full; i++) {
        const struct app_match *match = &set->matches[i];

        if (match->master) {
            text_item(text, "%s.%s", symbol_name(names, match->master),
                      symbol_name(names, match->name));
        } else {
            text_item(text, "%s", symbol_name(names, match->name));
        }
    }
    if (set->unknown) {
        text_item(text, "unknown");
    }
    if (set->none) {
        text_item(text, "none");
    }
}

static void
write_categories(struct text *text, const struct policy *policy,
                 const struct symbol_list *list)
{
    for (size_t i = 0; i < list->n && !text->full; i++) {
        text_item(text, "%s",
                  symbol_name(&policy->category_symbols, list->symbols[i]));
    }
}

static void
write_risks(struct text *text, uint64_t risks)
{
    for (unsigned bit = 0; bit < POLICY_N_RISKS && !text->full; bit++) {
        if (risks >> bit & 1) {
            text_item(text, "%s", application_risk_name(bit));
        }
    }
}

static void
write_tls(struct text *text, unsigned versions)
{
    for (size_t rank = 1; rank < sizeof tls_names / sizeof tls_names[0];
         rank++) {
        if (versions >> rank & 1) {
            text_item(text, "%s", tls_names[rank]);
        }
    }
}

static void
write_term(struct text *text, const struct service_term *term)
{
    static const char *const spaces[] = {"tcp",  "udp",   "sctp",
                                         "icmp", "icmp6", "ip"};
    bool icmp = term->space == SERVICE_ICMP || term->space == SERVICE_ICMP6;
    const char *space = spaces[term->space];

    if (term->any) {
        text_item(text, "any");
    } else if (term->first == 0 && term->last == UINT16_MAX) {
        text_item(text, "%s/any", space);
    } else if (icmp && term->last - term->first == 255) {
        text_item(text, "%s/%u", space, term->first >> 8);
    } else if (icmp && term->first == term->last) {
        text_item(text, "%s/%u:%u", space, term->first >> 8, term->first & 255);
    } else if (term->first == term->last) {
        text_item(text, "%s/%u", space, term->first);
    } else {
        text_item(text, "%s/%u-%u", space, term->first, term->last);
    }
}

/* Maps lead from names to symbols; this way is only walked for people. */
static const char *
symbol_name(const struct name_map *map, uint16_t symbol)
{
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].name && map->slots[i].value == symbol) {
            return map->slots[i].name;
        }
    }
    return "?";
}
