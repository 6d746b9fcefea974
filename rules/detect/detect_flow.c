/* Detectors that need one flow only.
 *
 * A guess costs trust, so each check wants evidence: an application recognised
 * by its content, a server that answered, a login that got through.  Whatever
 * is not known yet is looked at again at a later moment. */

#include "rules/detect/detect.h"
#include "rules/load/policy_keys.h"
#include "rules/policy_impl.h"

enum {
    DHCP_SERVER = 67,
    DHCP_CLIENT = 68,
    DHCPV6_SERVER = 547,
    DHCPV6_CLIENT = 546,
    MDNS = 5353,
    LLMNR = 5355,
    PROTOCOL_IPIP = 4,
    PROTOCOL_6IN4 = 41,
    PROTOCOL_GRE_TUNNEL = 47,
    /* Mean IP size from which an echo is more than a ping: what the usual
     * tools send is 60 to 84 bytes (IPv6: 104). */
    ECHO_CARRIES_BYTES = 128
};

#define MOMENT(NAME) (1U << SIGHTING_##NAME)
#define EVERY_MOMENT                                                           \
    (MOMENT(BEGIN) | MOMENT(ANSWER) | MOMENT(APPLICATION) | MOMENT(INTERIM) |  \
     MOMENT(END))

/* One flow and what it is made of. */
struct look {
    const struct policy *policy;
    const struct detect_settings *detect;
    const struct question *question;
    const struct flow_record *record;
    const struct detect_app *app[2]; /* Master and name; NULL if not listed. */
    uint8_t traits;                  /* Of both. */
};

static void look_init(struct look *, const struct policy *,
                      const struct question *, const struct flow_record *);
static uint32_t possible(const struct look *);
static uint32_t possible_of_application(const struct look *);
static const struct detect_app *app_of(const struct detect_settings *,
                                       uint16_t symbol);
static bool is_rogue_server(const struct look *);
static bool has_served(const struct flow_record *);
static bool is_rogue_dhcp(const struct look *);
static bool may_serve(const struct look *, unsigned kind, const struct addr *);
static unsigned service_kind(const struct look *);
static bool is_mismatch(const struct look *);
static bool at_home(const struct look *, const struct detect_app *,
                    uint16_t port);
static bool policy_expects_it(const struct look *);
static bool is_cleartext(const struct look *);
static bool is_weak_crypto(const struct look *);
static bool is_tunnel(const struct look *);
static bool carries_much(const struct look *);
static bool is_misplaced(const struct look *);

static const struct {
    bool (*trips)(const struct look *);
    uint32_t moments;
} checks[N_DETECTORS] = {
    [DETECTOR_ROGUE_SERVER] = {is_rogue_server, EVERY_MOMENT},
    [DETECTOR_SERVICE_MISMATCH] = {is_mismatch,
                                   MOMENT(APPLICATION) | MOMENT(END)},
    [DETECTOR_CLEARTEXT] = {is_cleartext,
                            MOMENT(ANSWER) | MOMENT(APPLICATION) | MOMENT(END)},
    [DETECTOR_WEAK_CRYPTO] = {is_weak_crypto,
                              MOMENT(APPLICATION) | MOMENT(END)},
    [DETECTOR_TUNNEL] = {is_tunnel, EVERY_MOMENT},
    [DETECTOR_CONFORMANCE] = {is_misplaced, MOMENT(BEGIN) | MOMENT(END)},
};

uint32_t
detect_flow(const struct policy *policy, const struct question *question,
            const struct flow_record *record, enum sighting_moment moment)
{
    const struct detect_settings *detect = &policy->detect;
    uint32_t tripped = 0;
    struct look look = {.traits = 0};

    if (!detect->checks[moment] || question->icmp_orphan ||
        question->icmp_related) {
        return 0;
    }
    look_init(&look, policy, question, record);
    for (uint32_t left = detect->checks[moment] & possible(&look); left;
         left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);

        if (checks[i].trips(&look) &&
            !addr_set_has(&detect->except[i], &question->src)) {
            tripped |= 1U << i;
        }
    }
    return tripped;
}

uint32_t
policy_detections(const struct policy *policy)
{
    uint32_t moments = 0;

    for (unsigned i = 0; i < SIGHTING_N_MOMENTS; i++) {
        moments |= (policy->detect.checks[i] ? 1U : 0U) << i;
    }
    return moments;
}

void
detect_settle_checks(struct detect_settings *detect)
{
    for (unsigned i = 0; i < N_DETECTORS; i++) {
        for (unsigned moment = 0; moment < SIGHTING_N_MOMENTS; moment++) {
            detect->checks[moment] |=
                (uint16_t)((detect->on >> i & checks[i].moments >> moment & 1)
                           << i);
        }
    }
}

int32_t
policy_detector_rule(const struct policy *policy, enum detector detector)
{
    return policy->detect.on >> detector & 1
               ? (int32_t)policy->detect.rule[detector]
               : -1;
}

static void
look_init(struct look *look, const struct policy *policy,
          const struct question *question, const struct flow_record *record)
{
    look->policy = policy;
    look->detect = &policy->detect;
    look->question = question;
    look->record = record;
    if (question->app == QUESTION_APP_KNOWN) {
        look->app[0] = app_of(look->detect, question->master_symbol);
        look->app[1] = app_of(look->detect, question->name_symbol);
    }
    for (size_t i = 0; i < 2; i++) {
        look->traits |= look->app[i] ? look->app[i]->traits : 0;
    }
}

/* The detectors that the application and the segments leave: for most flows few
 * at their begin, and none later. */
static uint32_t
possible(const struct look *look)
{
    const struct question *question = look->question;
    uint32_t left = 0;

    if (question->app == QUESTION_APP_KNOWN) {
        left = possible_of_application(look);
    } else if (question->app == QUESTION_APP_NONE) {
        left = 1U << DETECTOR_ROGUE_SERVER;
    }
    if (question->tls_version) {
        left |= 1U << DETECTOR_WEAK_CRYPTO;
    }
    if (question->protocol != PROTOCOL_TCP || look->record->depth) {
        left |= 1U << DETECTOR_TUNNEL;
    }
    if (segments_contested(look->policy->locator, question->src_segment)) {
        left |= 1U << DETECTOR_CONFORMANCE;
    }
    return left;
}

static uint32_t
possible_of_application(const struct look *look)
{
    static const uint32_t by_trait[] = {
        [DETECT_CLEARTEXT] = 1U << DETECTOR_CLEARTEXT,
        [DETECT_TUNNEL] = 1U << DETECTOR_TUNNEL,
        [DETECT_WEAK] = 1U << DETECTOR_WEAK_CRYPTO,
    };
    const struct question *question = look->question;
    uint32_t left = by_trait[look->traits & DETECT_CLEARTEXT] |
                    by_trait[look->traits & DETECT_TUNNEL] |
                    by_trait[look->traits & DETECT_WEAK];

    for (size_t i = 0; i < 2; i++) {
        if (look->app[i]) {
            left |= 1U << DETECTOR_SERVICE_MISMATCH |
                    (look->app[i]->kind ? 1U : 0U) << DETECTOR_ROGUE_SERVER;
        }
    }
    if (question->risks & look->detect->risk_login) {
        left |= 1U << DETECTOR_CLEARTEXT;
    }
    if (question->risks & look->detect->risk_crypto) {
        left |= 1U << DETECTOR_WEAK_CRYPTO;
    }
    return left;
}

static const struct detect_app *
app_of(const struct detect_settings *detect, uint16_t symbol)
{
    size_t n;
    const struct detect_app *apps = detect_apps(&n);

    if (symbol >= detect->n_symbols || !detect->app_of[symbol]) {
        return NULL;
    }
    return &apps[detect->app_of[symbol] - 1];
}

/* Servers that ask each other are no news: who may serve may also ask. */
static bool
is_rogue_server(const struct look *look)
{
    const struct question *question = look->question;
    unsigned kind;

    if (!has_served(look->record)) {
        return false;
    }
    kind = service_kind(look);
    if (!kind || !look->policy->has_authority[kind - 1]) {
        return false;
    }
    if (kind == 1 + IN_AUTHORITIES_DHCP) {
        return is_rogue_dhcp(look);
    }
    return look->record->destination.payload_bytes &&
           question->dst_port != MDNS && question->dst_port != LLMNR &&
           !may_serve(look, kind, &question->dst) &&
           !may_serve(look, kind, &question->src);
}

/* Something came back, or it may be what a DHCP server sends by itself. */
static bool
has_served(const struct flow_record *record)
{
    return record->destination.packets || record->source.port == DHCP_SERVER ||
           record->source.port == DHCPV6_SERVER;
}

/* What a server sends to clients comes from the server's port and goes to the
 * clients', often by broadcast, in a flow of its own (RFC 2131, 4.1; RFC 8415,
 * 7.2).  Between a relay and a server both ports are the server's.  A relay
 * hands on answers under its own address, so authorities include relays. */
static bool
is_rogue_dhcp(const struct look *look)
{
    const struct flow_end_point *ends[2] = {&look->record->source,
                                            &look->record->destination};

    for (size_t i = 0; i < 2; i++) {
        const struct flow_end_point *server = ends[i], *client = ends[!i];
        bool to_client =
            (server->port == DHCP_SERVER && client->port == DHCP_CLIENT) ||
            (server->port == DHCPV6_SERVER && client->port == DHCPV6_CLIENT);
        bool to_relay = i == 1 && server->port == client->port;

        if ((to_client || to_relay) && server->packets &&
            !may_serve(look, 1 + IN_AUTHORITIES_DHCP, &server->addr)) {
            return true;
        }
    }
    return false;
}

static bool
may_serve(const struct look *look, unsigned kind, const struct addr *addr)
{
    return addr_set_has(&look->policy->authorities[kind - 1], addr);
}

/* By what was said; by the port only where nobody could look. */
static unsigned
service_kind(const struct look *look)
{
    const struct detect_settings *detect = look->detect;
    const struct question *question = look->question;
    enum service_space space;

    if (question->app == QUESTION_APP_KNOWN) {
        return look->app[0] && look->app[0]->kind ? look->app[0]->kind
               : look->app[1]                     ? look->app[1]->kind
                                                  : 0;
    }
    if (question->app != QUESTION_APP_NONE) {
        return 0;
    }
    space = service_space_of(question->protocol);
    for (size_t i = 0; i < detect->n_servers; i++) {
        const struct detect_server *server = &detect->servers[i];

        if (server->first <= question->dst_port &&
            question->dst_port <= server->last && server->space == space) {
            return server->kind;
        }
    }
    return 0;
}

/* On a port that is another application's, or on one that nDPI does not expect
 * it on; unless a rule of the policy says that it belongs there.  Of the
 * applications nDPI names only those listed are accused: it takes some others
 * for what they are not. */
static bool
is_mismatch(const struct look *look)
{
    const struct question *question = look->question;
    bool taken = false;
    size_t n;
    const struct detect_app *apps = detect_apps(&n);

    if ((!look->app[0] && !look->app[1]) || look->traits & DETECT_UNSURE) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        const struct detect_app *app = look->app[i];

        if (app && (!app->home[0] || at_home(look, app, question->dst_port) ||
                    at_home(look, app, question->src_port))) {
            return false;
        }
    }
    for (size_t i = 0; !taken && i < n; i++) {
        taken = at_home(look, &apps[i], question->dst_port);
    }
    if (!taken && (look->traits & DETECT_ROAMS ||
                   !(question->risks & look->detect->risk_port))) {
        return false;
    }
    return !policy_expects_it(look);
}

static bool
at_home(const struct look *look, const struct detect_app *app, uint16_t port)
{
    size_t n;
    const struct detect_home *home =
        &look->detect->homes[app - detect_apps(&n)];
    enum service_space space = service_space_of(look->question->protocol);

    for (size_t i = 0; i < home->n; i++) {
        const struct service_term *term = &home->terms[i];

        if (term->space == space && term->first <= port && port <= term->last) {
            return true;
        }
    }
    return false;
}

/* The rule that decides names both the application and the port. */
static bool
policy_expects_it(const struct look *look)
{
    const struct rule *rule;
    struct verdict verdict;

    judge(look->policy, look->question, &verdict);
    if (verdict.rule < 0 || (size_t)verdict.rule >= look->policy->n_own ||
        verdict.decision == DECISION_DENY) {
        return false;
    }
    rule = &look->policy->rules[verdict.rule];
    return rule->n_terms && (rule->conditions >> CONDITION_APP & 1 ||
                             rule->requirements >> REQUIREMENT_APP & 1);
}

/* After STARTTLS, our own reader has seen the ServerHello. */
static bool
is_cleartext(const struct look *look)
{
    const struct question *question = look->question;

    return look->record->outcome >= FLOW_OUTCOME_ESTABLISHED &&
           question->app == QUESTION_APP_KNOWN && !question->is_tls &&
           (look->traits & DETECT_CLEARTEXT ||
            question->risks & look->detect->risk_login);
}

static bool
is_weak_crypto(const struct look *look)
{
    const struct question *question = look->question;
    unsigned version = tls_rank(question->tls_version);

    if (look->record->outcome < FLOW_OUTCOME_ESTABLISHED) {
        return false;
    }
    return (version &&
            version < look->detect->limit[LIMIT_WEAK_CRYPTO_TLS_MIN]) ||
           (question->app == QUESTION_APP_KNOWN &&
            (look->traits & DETECT_WEAK ||
             question->risks & look->detect->risk_crypto));
}

/* Encapsulation that carries a span port's own feed or a fabric (ERSPAN, VXLAN,
 * Geneve, GTP) is not meant. */
static bool
is_tunnel(const struct look *look)
{
    const struct flow_record *record = look->record;

    if (record->depth && (record->tunnel == PACKET_TUNNEL_IPIP ||
                          record->tunnel == PACKET_TUNNEL_GRE ||
                          record->tunnel == PACKET_TUNNEL_TEREDO)) {
        return true;
    }
    return record->protocol == PROTOCOL_IPIP ||
           record->protocol == PROTOCOL_6IN4 ||
           record->protocol == PROTOCOL_GRE_TUNNEL ||
           look->traits & DETECT_TUNNEL || carries_much(look);
}

/* DNS over UDP and echoes: a question or two, not a conversation. */
static bool
carries_much(const struct look *look)
{
    const struct question *question = look->question;
    const struct flow_record *record = look->record;
    uint64_t bytes = record->source.bytes + record->destination.bytes;
    uint64_t packets = record->source.packets + record->destination.packets;
    int64_t max_bytes = look->detect->limit[LIMIT_TUNNEL_BYTES];
    int64_t max_ns = look->detect->limit[LIMIT_TUNNEL_DURATION];
    bool echo =
        (question->protocol == PROTOCOL_ICMP && question->icmp_type == 8) ||
        (question->protocol == PROTOCOL_ICMPV6 && question->icmp_type == 128);
    bool much =
        (max_bytes && bytes >= (uint64_t)max_bytes) ||
        (max_ns && wall_time_since(record->end, record->start) >= max_ns);

    return much && ((echo && bytes >= packets * ECHO_CARRIES_BYTES) ||
                    (question->protocol == PROTOCOL_UDP &&
                     service_kind(look) == 1 + IN_AUTHORITIES_DNS));
}

/* Of the initiator only: the responder of a routed flow is never on the link
 * where the question was seen.  A routed flow is also seen on the responder's
 * link, where the initiator is not at home but the responder is. */
static bool
is_misplaced(const struct look *look)
{
    const struct question *question = look->question;
    const struct segments *locator = look->policy->locator;
    struct policy_place place = {.vlan = question->vlan,
                                 .interface = question->interface,
                                 .sensor = question->sensor,
                                 .mac = look->record->source.mac};

    if (segments_fit(locator, &question->src, &place) !=
        SEGMENT_FIT_ELSEWHERE) {
        return false;
    }
    place.mac = look->record->destination.mac;
    return segments_fit(locator, &question->dst, &place) != SEGMENT_FIT_HERE;
}
