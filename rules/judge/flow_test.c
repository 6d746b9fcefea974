/* One table of facts, shared by everything that describes a flow in words. */

#include "rules/judge/flow_test.h"

#include "rules/app_names.h"
#include "rules/names.h"
#include "rules/policy_impl.h"
#include "rules/schedule.h"
#include "rules/services.h"

#include <stdio.h>
#include <string.h>

enum {
    /* Tuesday 2026-03-10, noon: a date of its own makes tests repeatable. */
    FLOW_TEST_START_S = 1773144000
};

typedef bool fact_reader(struct flow_test *, const char *value);

static fact_reader read_src, read_dst, read_proto, read_sport, read_dport,
    read_icmp, read_vlan, read_sensor, read_interface, read_app, read_category,
    read_tls, read_sni, read_host, read_risks, read_initiator, read_reply,
    read_start, read_stage, read_confidence, read_related, read_embedded;

static bool copy_text(char out[FLOW_TEST_TEXT], const char *text);
static bool read_port(const char *text, uint16_t *port);
static bool read_flag(const char *text, bool *flag);
static void choose_term(const struct flow_test *, const char *service,
                        const char *text, struct service_term *,
                        char why[FLOW_TEST_WHY]);
static void tell_unknown_service(const char *service, char why[FLOW_TEST_WHY]);
static void set_term(struct flow_test *, const struct service_term *);
static bool set_icmp(const struct flow_test *, uint16_t *icmp,
                     char why[FLOW_TEST_WHY]);
static bool set_application(const struct flow_test *, const struct policy *,
                            const struct application_engine *,
                            struct question *, char why[FLOW_TEST_WHY]);

static const struct {
    const char *key;
    fact_reader *read;
    const char *wanted;
} facts[] = {
    {"src", read_src, "an address"},
    {"dst", read_dst, "an address"},
    {"proto", read_proto, "tcp, udp, icmp, another name or a number"},
    {"sport", read_sport, "a port"},
    {"dport", read_dport, "a port"},
    {"icmp", read_icmp, "a type such as echo-request, 8 or 3:13"},
    {"vlan", read_vlan, "a VLAN id"},
    {"sensor", read_sensor, "a name"},
    {"interface", read_interface, "a name"},
    {"app", read_app, "an application, none or unknown"},
    {"category", read_category, "an application category"},
    {"tls", read_tls, "1.0, 1.1, 1.2 or 1.3"},
    {"sni", read_sni, "a host name"},
    {"host", read_host, "a host name"},
    {"risks", read_risks, "names of risks"},
    {"initiator", read_initiator, "seen or midstream"},
    {"reply", read_reply, "true or false"},
    {"start", read_start, "a time such as 2026-03-10T12:00:00Z"},
    {"stage", read_stage, "first or final"},
    {"confidence", read_confidence, "dpi, port or address"},
    {"icmp_related", read_related, "known-flow"},
    {"icmp_embedded", read_embedded, "src,dst,proto,sport,dport"},
};

enum {
    N_FACTS = sizeof facts / sizeof facts[0]
};

void
flow_test_init(struct flow_test *test)
{
    *test = (struct flow_test){
        .protocol = 6, .start = {FLOW_TEST_START_S * SECOND_NS}, .app = "none"};
}

bool
flow_test_set(struct flow_test *test, const char *key, const char *value,
              char why[FLOW_TEST_WHY])
{
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE];

    name_suggestion_init(&suggestion, key);
    for (size_t i = 0; i < N_FACTS; i++) {
        name_suggestion_offer(&suggestion, facts[i].key);
        if (strcmp(facts[i].key, key) != 0) {
            continue;
        }
        if (!value[0] || facts[i].read(test, value)) {
            return true;
        }
        snprintf(why, FLOW_TEST_WHY,
                 "'%.40s' is no value for '%s': %s is "
                 "wanted",
                 value, key, facts[i].wanted);
        return false;
    }
    snprintf(why, FLOW_TEST_WHY, "a flow has no fact '%.40s'%s", key,
             name_suggestion_text(&suggestion, near));
    return false;
}

bool
flow_test_question(const struct flow_test *test, const struct policy *policy,
                   const struct application_engine *engine,
                   struct question *question, char why[FLOW_TEST_WHY])
{
    struct policy_place place = {.vlan = test->vlan,
                                 .interface = test->interface,
                                 .sensor = test->sensor};
    uint16_t icmp = test->icmp;

    if (!test->has_src || !test->has_dst) {
        snprintf(why, FLOW_TEST_WHY, "a flow needs 'src' and 'dst'");
        return false;
    }
    if (test->has_icmp_text && !set_icmp(test, &icmp, why)) {
        return false;
    }
    if (addr_is_ipv4(&test->src) != addr_is_ipv4(&test->dst)) {
        snprintf(why, FLOW_TEST_WHY, "'src' and 'dst' are of two IP versions");
        return false;
    }
    *question =
        (struct question){.src = test->src,
                          .dst = test->dst,
                          .src_port = test->src_port,
                          .dst_port = test->dst_port,
                          .protocol = test->protocol,
                          .ip_version = addr_is_ipv4(&test->src) ? 4 : 6,
                          .icmp_type = (uint8_t)(icmp >> 8),
                          .icmp_code = (uint8_t)icmp,
                          .vlan = test->vlan,
                          .interface = test->interface,
                          .sensor = test->sensor,
                          .start = test->start,
                          .midstream = test->midstream,
                          .replied = test->replied,
                          .icmp_related = test->icmp_related,
                          .icmp_orphan = test->icmp_orphan,
                          .tls_version = test->tls_version,
                          .sni = test->sni,
                          .host = test->host,
                          .risks = test->risks};
    question->src_segment = policy_locate(policy, &test->src, &place);
    question->dst_segment = policy_locate(policy, &test->dst, &place);
    if (test->icmp_orphan) {
        question->src = test->quoted_src;
        question->dst = test->quoted_dst;
        question->protocol = test->quoted_protocol;
        question->src_port = test->quoted_src_port;
        question->dst_port = test->quoted_dst_port;
    }
    return set_application(test, policy, engine, question, why);
}

bool
flow_test_set_service(struct flow_test *test, const struct policy *policy,
                      const char *service, char why[FLOW_TEST_WHY])
{
    const char *builtin = service_builtin(service);
    struct service_term term = {.any = false};
    char hint[SERVICE_MAX_HINT];
    uint32_t known;

    why[0] = '\0';
    if (name_map_get(&policy->services, service, &known)) {
        term.space = (uint8_t)(known >> 16);
        term.first = term.last = (uint16_t)known;
        snprintf(why, FLOW_TEST_WHY, "'%.48s' is asked for by its first port",
                 service);
    } else if (builtin) {
        choose_term(test, service, builtin, &term, why);
    } else if (!service_is_term(service)) {
        tell_unknown_service(service, why);
        return false;
    } else if (!service_term_parse(service, &term, hint)) {
        snprintf(why, FLOW_TEST_WHY, "'%.40s' is no service: %s", service,
                 hint);
        return false;
    }
    if (term.any || (term.first == 0 && term.last == UINT16_MAX)) {
        snprintf(why, FLOW_TEST_WHY, "'%.40s' is every port; a flow has one",
                 service);
        return false;
    }
    set_term(test, &term);
    return true;
}

/* The first that can be between such addresses: each IP version has an ICMP of
 * its own. */
static void
choose_term(const struct flow_test *test, const char *service, const char *text,
            struct service_term *term, char why[FLOW_TEST_WHY])
{
    enum service_space other = test->has_src && !addr_is_ipv4(&test->src)
                                   ? SERVICE_ICMP
                                   : SERVICE_ICMP6;
    char one[40], hint[SERVICE_MAX_HINT];
    const char *at = text;

    for (;;) {
        size_t length = strcspn(at, " ");
        bool good;

        snprintf(one, sizeof one, "%.*s", (int)length, at);
        good = service_term_parse(one, term, hint) && term->space != other;
        if (good || !at[length]) {
            break;
        }
        at += length + 1;
    }
    if (strchr(text, ' ')) {
        snprintf(why, FLOW_TEST_WHY, "'%.48s' is %.120s: %s is asked", service,
                 text, one);
    }
}

static void
tell_unknown_service(const char *service, char why[FLOW_TEST_WHY])
{
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE];

    name_suggestion_init(&suggestion, service);
    service_suggest(&suggestion);
    snprintf(why, FLOW_TEST_WHY,
             "there is no service '%.40s'%s; a term is one such as 'tcp/443' "
             "or 'ip/gre'",
             service, name_suggestion_text(&suggestion, near));
}

const char *
verdict_rule_name(const struct policy *policy, enum decision decision,
                  int32_t rule)
{
    if (rule >= 0) {
        return policy_rule(policy, (uint32_t)rule)->id;
    }
    return decision == DECISION_RELATED ? "-" : "?";
}

static void
set_term(struct flow_test *test, const struct service_term *term)
{
    static const uint8_t protocols[] = {6, 17, 132, 1, 58};

    test->has_icmp_text = false;
    if (term->space == SERVICE_PROTOCOL) {
        test->protocol = (uint8_t)term->first;
        return;
    }
    test->protocol = protocols[term->space];
    if (term->space == SERVICE_ICMP || term->space == SERVICE_ICMP6) {
        test->icmp = term->first;
    } else {
        test->dst_port = term->first;
    }
}

/* Names of types are those of the protocol, which may be written later. */
static bool
set_icmp(const struct flow_test *test, uint16_t *icmp, char why[FLOW_TEST_WHY])
{
    uint16_t last;

    if (test->protocol != 1 && test->protocol != 58) {
        snprintf(why, FLOW_TEST_WHY,
                 "'icmp' is a fact of 'proto: icmp' or 'proto: icmp6'");
        return false;
    }
    if (!service_icmp_parse(test->icmp_text, test->protocol == 58, icmp,
                            &last)) {
        snprintf(why, FLOW_TEST_WHY, "'%s' is no ICMP type", test->icmp_text);
        return false;
    }
    return true;
}

static bool
set_application(const struct flow_test *test, const struct policy *policy,
                const struct application_engine *engine,
                struct question *question, char why[FLOW_TEST_WHY])
{
    char master[APP_NAME_SIZE], name[APP_NAME_SIZE], category[APP_NAME_SIZE];
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE];
    uint16_t master_symbol, name_symbol;

    if (test->category[0] &&
        app_category_find(engine, test->category, category)) {
        question->category_symbol = policy_category_symbol(policy, category);
    }
    if (strcmp(test->app, "none") == 0) {
        question->app =
            test->pending ? QUESTION_APP_PENDING : QUESTION_APP_NONE;
        question->is_tls = test->tls_version != 0;
        return true;
    }
    if (strcmp(test->app, "unknown") == 0) {
        question->app =
            test->pending ? QUESTION_APP_PENDING : QUESTION_APP_UNKNOWN;
        return true;
    }
    if (app_name_find(engine, test->app, master, name) == APP_NAME_UNKNOWN &&
        engine) {
        name_suggestion_init(&suggestion, test->app);
        app_name_suggest(engine, &suggestion);
        snprintf(why, FLOW_TEST_WHY, "there is no application '%.40s'%s",
                 test->app, name_suggestion_text(&suggestion, near));
        return false;
    }
    master_symbol = master[0] ? policy_app_symbol(policy, master) : 0;
    name_symbol = policy_app_symbol(policy, name);
    question->is_tls =
        test->tls_version || app_name_is_tls(master) || app_name_is_tls(name);
    if (!test->tls_version && !test->guessed && !test->pending &&
        (name_equal(master, "QUIC") || name_equal(name, "QUIC"))) {
        question->tls_version = 0x0304;
    }
    if (test->guessed) {
        question->app = QUESTION_APP_UNKNOWN;
        question->guess_known = true;
        question->guess_master_symbol = master_symbol;
        question->guess_name_symbol = name_symbol;
    } else {
        question->app = QUESTION_APP_KNOWN;
        question->master_symbol = master_symbol;
        question->name_symbol = name_symbol;
    }
    if (test->pending) {
        question->app = QUESTION_APP_PENDING;
    }
    return true;
}

static bool
read_src(struct flow_test *test, const char *value)
{
    test->has_src = addr_parse(value, &test->src);
    return test->has_src;
}

static bool
read_dst(struct flow_test *test, const char *value)
{
    test->has_dst = addr_parse(value, &test->dst);
    return test->has_dst;
}

static bool
read_proto(struct flow_test *test, const char *value)
{
    return service_protocol_parse(value, &test->protocol);
}

static bool
read_sport(struct flow_test *test, const char *value)
{
    return read_port(value, &test->src_port);
}

static bool
read_dport(struct flow_test *test, const char *value)
{
    return read_port(value, &test->dst_port);
}

static bool
read_icmp(struct flow_test *test, const char *value)
{
    uint16_t first, last;

    test->has_icmp_text = true;
    snprintf(test->icmp_text, sizeof test->icmp_text, "%s", value);
    return service_icmp_parse(test->icmp_text, false, &first, &last) ||
           service_icmp_parse(test->icmp_text, true, &first, &last);
}

static bool
read_vlan(struct flow_test *test, const char *value)
{
    uint16_t last;

    return service_range_parse(value, 4095, &test->vlan, &last) &&
           test->vlan == last;
}

static bool
read_sensor(struct flow_test *test, const char *value)
{
    return copy_text(test->sensor, value);
}

static bool
read_interface(struct flow_test *test, const char *value)
{
    return copy_text(test->interface, value);
}

static bool
read_app(struct flow_test *test, const char *value)
{
    return copy_text(test->app, value);
}

static bool
read_category(struct flow_test *test, const char *value)
{
    return copy_text(test->category, value);
}

static bool
read_tls(struct flow_test *test, const char *value)
{
    static const struct {
        const char *text;
        uint16_t version;
    } versions[] = {{"1.0", 0x0301},    {"1.1", 0x0302},  {"1.2", 0x0303},
                    {"1.3", 0x0304},    {"ssl3", 0x0300}, {"dtls1.0", 0xfeff},
                    {"dtls1.2", 0xfefd}};

    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        if (name_equal(versions[i].text, value)) {
            test->tls_version = versions[i].version;
            return true;
        }
    }
    return false;
}

static bool
read_sni(struct flow_test *test, const char *value)
{
    return copy_text(test->sni, value);
}

static bool
read_host(struct flow_test *test, const char *value)
{
    return copy_text(test->host, value);
}

/* One or several, with any of ",+ " between them. */
static bool
read_risks(struct flow_test *test, const char *value)
{
    while (*value) {
        size_t length = strcspn(value, ",+ ");
        char name[FLOW_TEST_TEXT];
        unsigned bit;

        if (length >= sizeof name) {
            return false;
        }
        memcpy(name, value, length);
        name[length] = '\0';
        if (length && !app_risk_find(name, &bit)) {
            return false;
        }
        test->risks |= length ? UINT64_C(1) << bit : 0;
        value += length + (value[length] != '\0');
    }
    return true;
}

static bool
read_initiator(struct flow_test *test, const char *value)
{
    test->midstream = strcmp(value, "midstream") == 0;
    return test->midstream || strcmp(value, "seen") == 0;
}

static bool
read_reply(struct flow_test *test, const char *value)
{
    return read_flag(value, &test->replied);
}

static bool
read_start(struct flow_test *test, const char *value)
{
    return date_parse(value, false, &test->start);
}

static bool
read_stage(struct flow_test *test, const char *value)
{
    test->pending = strcmp(value, "first") == 0;
    return test->pending || strcmp(value, "final") == 0;
}

static bool
read_confidence(struct flow_test *test, const char *value)
{
    static const char *const known[] = {
        "dpi",   "dpi-cache", "dpi_cache", "dpi-partial", "content",
        "cache", "port",      "address",   "ip",          "guess"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], value) == 0) {
            test->guessed = i >= 6;
            return true;
        }
    }
    return false;
}

static bool
read_related(struct flow_test *test, const char *value)
{
    test->icmp_related = strcmp(value, "known-flow") == 0;
    return test->icmp_related || read_flag(value, &test->icmp_related);
}

static bool
read_embedded(struct flow_test *test, const char *value)
{
    char part[5][ADDR_TEXT_SIZE] = {"", "", "", "0", "0"};
    size_t n = 0;

    for (; n < 5 && value; n++) {
        size_t length = strcspn(value, ",");

        if (length >= sizeof part[n]) {
            return false;
        }
        memcpy(part[n], value, length);
        part[n][length] = '\0';
        value = value[length] ? value + length + 1 : NULL;
    }
    test->icmp_orphan = true;
    return !value && n >= 3 && addr_parse(part[0], &test->quoted_src) &&
           addr_parse(part[1], &test->quoted_dst) &&
           service_protocol_parse(part[2], &test->quoted_protocol) &&
           read_port(part[3], &test->quoted_src_port) &&
           read_port(part[4], &test->quoted_dst_port);
}

static bool
copy_text(char out[FLOW_TEST_TEXT], const char *text)
{
    size_t length = strlen(text);

    if (length >= FLOW_TEST_TEXT) {
        return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static bool
read_port(const char *text, uint16_t *port)
{
    uint16_t last;

    return service_range_parse(text, UINT16_MAX, port, &last) && *port == last;
}

static bool
read_flag(const char *text, bool *flag)
{
    *flag = strcmp(text, "true") == 0;
    return *flag || strcmp(text, "false") == 0;
}
