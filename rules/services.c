/* The names are those people use for ports when they write rules; /etc/services
 * has thousands more that nobody would recognise in a policy. */

#include "rules/services.h"

#include <stdio.h>
#include <string.h>

struct named {
    const char *name, *terms;
};

struct numbered {
    const char *name;
    uint8_t number;
};

static const struct named services[] = {
    {"amqp", "tcp/5671-5672"},
    {"bacnet", "udp/47808"},
    {"bgp", "tcp/179"},
    {"cassandra", "tcp/9042"},
    {"coap", "udp/5683-5684"},
    {"dhcp", "udp/67-68"},
    {"dhcpv6", "udp/546-547"},
    {"dnp3", "tcp/20000 udp/20000"},
    {"dns", "tcp/53 udp/53"},
    {"dns-over-tls", "tcp/853 udp/853"},
    {"docker", "tcp/2375-2376"},
    {"elasticsearch", "tcp/9200 tcp/9300"},
    {"ethernet-ip", "tcp/44818 udp/2222 udp/44818"},
    {"ftp", "tcp/21"},
    {"git", "tcp/9418"},
    {"gtp", "udp/2123 udp/2152"},
    {"http", "tcp/80"},
    {"http-alt", "tcp/8080"},
    {"https", "tcp/443"},
    {"iec104", "tcp/2404"},
    {"imap", "tcp/143"},
    {"imaps", "tcp/993"},
    {"ipmi", "udp/623"},
    {"ipp", "tcp/631"},
    {"ipsec", "udp/500 udp/4500 ip/50 ip/51"},
    {"iscsi", "tcp/3260"},
    {"kafka", "tcp/9092-9093"},
    {"kerberos", "tcp/88 udp/88 tcp/464 udp/464"},
    {"kubernetes-api", "tcp/6443"},
    {"l2tp", "udp/1701"},
    {"ldap", "tcp/389 udp/389"},
    {"ldaps", "tcp/636"},
    {"llmnr", "udp/5355 tcp/5355"},
    {"mdns", "udp/5353"},
    {"memcached", "tcp/11211 udp/11211"},
    {"modbus", "tcp/502"},
    {"mongodb", "tcp/27017"},
    {"mqtt", "tcp/1883"},
    {"mqtts", "tcp/8883"},
    {"msrpc", "tcp/135"},
    {"mssql", "tcp/1433 udp/1434"},
    {"mysql", "tcp/3306"},
    {"nats", "tcp/4222"},
    {"netbios", "udp/137-138 tcp/139"},
    {"netflow", "udp/2055 udp/4739"},
    {"nfs", "tcp/2049 udp/2049"},
    {"ntp", "udp/123"},
    {"opc-ua", "tcp/4840"},
    {"openvpn", "udp/1194 tcp/1194"},
    {"oracle", "tcp/1521"},
    {"ping", "icmp/echo-request icmp6/echo-request"},
    {"pop3", "tcp/110"},
    {"pop3s", "tcp/995"},
    {"postgresql", "tcp/5432"},
    {"pptp", "tcp/1723 ip/gre"},
    {"profinet", "udp/34962-34964 tcp/34962-34964"},
    {"quic", "udp/443"},
    {"rabbitmq", "tcp/5671-5672 tcp/15672"},
    {"radius", "udp/1812-1813 udp/1645-1646"},
    {"rdp", "tcp/3389 udp/3389"},
    {"redis", "tcp/6379"},
    {"rsync", "tcp/873"},
    {"rtsp", "tcp/554"},
    {"s7comm", "tcp/102"},
    {"sip", "tcp/5060-5061 udp/5060"},
    {"smb", "tcp/445"},
    {"smtp", "tcp/25"},
    {"smtps", "tcp/465"},
    {"snmp", "udp/161"},
    {"snmp-trap", "udp/162"},
    {"socks", "tcp/1080"},
    {"ssdp", "udp/1900"},
    {"ssh", "tcp/22"},
    {"stun", "udp/3478 tcp/3478 tcp/5349"},
    {"submission", "tcp/587"},
    {"syslog", "udp/514"},
    {"syslog-tls", "tcp/6514"},
    {"tacacs", "tcp/49"},
    {"telnet", "tcp/23"},
    {"tftp", "udp/69"},
    {"vnc", "tcp/5900-5909"},
    {"vxlan", "udp/4789"},
    {"winrm", "tcp/5985-5986"},
    {"wireguard", "udp/51820"},
    {"zabbix", "tcp/10050-10051"},
};

static const struct numbered protocols[] = {
    {"icmp", 1},   {"igmp", 2},   {"ipip", 4},     {"tcp", 6},
    {"egp", 8},    {"igp", 9},    {"udp", 17},     {"dccp", 33},
    {"ipv6", 41},  {"rsvp", 46},  {"gre", 47},     {"esp", 50},
    {"ah", 51},    {"icmp6", 58}, {"icmpv6", 58},  {"ipv6-icmp", 58},
    {"eigrp", 88}, {"ospf", 89},  {"etherip", 97}, {"pim", 103},
    {"vrrp", 112}, {"l2tp", 115}, {"sctp", 132},   {"udplite", 136},
};

static const struct numbered icmp_types[] = {
    {"echo-reply", 0},           {"destination-unreachable", 3},
    {"source-quench", 4},        {"redirect", 5},
    {"echo-request", 8},         {"router-advertisement", 9},
    {"router-solicitation", 10}, {"time-exceeded", 11},
    {"parameter-problem", 12},   {"timestamp-request", 13},
    {"timestamp-reply", 14},     {"address-mask-request", 17},
    {"address-mask-reply", 18},
};

static const struct numbered icmp6_types[] = {
    {"destination-unreachable", 1},
    {"packet-too-big", 2},
    {"time-exceeded", 3},
    {"parameter-problem", 4},
    {"echo-request", 128},
    {"echo-reply", 129},
    {"mld-query", 130},
    {"mld-report", 131},
    {"mld-done", 132},
    {"router-solicitation", 133},
    {"router-advertisement", 134},
    {"neighbor-solicitation", 135},
    {"neighbor-advertisement", 136},
    {"redirect", 137},
    {"mld2-report", 143},
};

#define N_OF(ARRAY) (sizeof(ARRAY) / sizeof(ARRAY)[0])

static bool numbered_find(const struct numbered *, size_t n, const char *name,
                          uint8_t *number);
static bool parse_number(const char **text, unsigned max, unsigned *value);
static bool parse_ports(const char *text, struct service_term *, char *hint);
static bool parse_icmp(const char *text, struct service_term *, char *hint);
static bool parse_protocol(const char *text, struct service_term *, char *hint);
static bool hint_set(char *hint, const char *wrong, const char *fix);

static const char *const space_names[] = {"tcp",  "udp",   "sctp",
                                          "icmp", "icmp6", "ip"};

bool
service_term_parse(const char *text, struct service_term *term,
                   char hint[SERVICE_MAX_HINT])
{
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : 0;

    *term = (struct service_term){.last = UINT16_MAX};
    if (strcmp(text, "any") == 0) {
        term->any = true;
        return true;
    }
    for (unsigned space = 0; slash && space < N_OF(space_names); space++) {
        if (strlen(space_names[space]) != length ||
            memcmp(text, space_names[space], length) != 0) {
            continue;
        }
        term->space = (uint8_t)space;
        if (space == SERVICE_PROTOCOL) {
            return parse_protocol(slash + 1, term, hint);
        }
        if (strcmp(slash + 1, "any") == 0) {
            return true;
        }
        return space >= SERVICE_ICMP ? parse_icmp(slash + 1, term, hint)
                                     : parse_ports(slash + 1, term, hint);
    }
    for (unsigned space = 0; slash && space < N_OF(space_names); space++) {
        if (strcmp(slash + 1, space_names[space]) == 0) {
            snprintf(hint, SERVICE_MAX_HINT,
                     "the protocol comes first: write '%s/%.*s'",
                     space_names[space], (int)(length < 40 ? length : 40),
                     text);
            return false;
        }
    }
    return hint_set(hint, "the protocol must be tcp, udp, sctp, icmp, icmp6 or",
                    "ip, as in 'tcp/443' or 'ip/gre'");
}

bool
service_is_term(const char *text)
{
    return strchr(text, '/') || strcmp(text, "any") == 0;
}

const char *
service_builtin(const char *name)
{
    for (size_t i = 0; i < N_OF(services); i++) {
        if (services[i].name[0] == name[0] &&
            strcmp(services[i].name, name) == 0) {
            return services[i].terms;
        }
    }
    return NULL;
}

void
service_suggest(struct name_suggestion *suggestion)
{
    for (size_t i = 0;
         i < N_OF(services) && suggestion->effort < suggestion->max_effort;
         i++) {
        name_suggestion_offer(suggestion, services[i].name);
    }
}

enum service_space
service_space_of(uint8_t protocol)
{
    switch (protocol) {
    case 6: return SERVICE_TCP;
    case 17: return SERVICE_UDP;
    case 132: return SERVICE_SCTP;
    case 1: return SERVICE_ICMP;
    case 58: return SERVICE_ICMP6;
    default: return SERVICE_PROTOCOL;
    }
}

uint16_t
service_position(enum service_space space, uint8_t protocol, uint16_t dst_port,
                 uint8_t icmp_type, uint8_t icmp_code)
{
    if (space == SERVICE_PROTOCOL) {
        return protocol;
    }
    if (space == SERVICE_ICMP || space == SERVICE_ICMP6) {
        return (uint16_t)(icmp_type << 8 | icmp_code);
    }
    return dst_port;
}

bool
service_protocol_parse(const char *text, uint8_t *protocol)
{
    unsigned value;
    const char *end = text;

    if (numbered_find(protocols, N_OF(protocols), text, protocol)) {
        return true;
    }
    if (!parse_number(&end, UINT8_MAX, &value) || *end) {
        return false;
    }
    *protocol = (uint8_t)value;
    return true;
}

bool
service_icmp_parse(const char *text, bool icmp6, uint16_t *first,
                   uint16_t *last)
{
    const struct numbered *types = icmp6 ? icmp6_types : icmp_types;
    size_t n = icmp6 ? N_OF(icmp6_types) : N_OF(icmp_types);
    unsigned type, code = 0;
    bool has_code = false;
    uint8_t named;

    if (numbered_find(types, n, text, &named)) {
        type = named;
    } else {
        if (!parse_number(&text, UINT8_MAX, &type)) {
            return false;
        }
        has_code = *text == ':';
        text += has_code;
        if ((has_code && !parse_number(&text, UINT8_MAX, &code)) || *text) {
            return false;
        }
    }
    *first = (uint16_t)(type << 8 | code);
    *last = (uint16_t)(type << 8 | (has_code ? code : UINT8_MAX));
    return true;
}

bool
service_range_parse(const char *text, unsigned max, uint16_t *first,
                    uint16_t *last)
{
    unsigned low, high;

    if (!parse_number(&text, max, &low)) {
        return false;
    }
    high = low;
    if (*text == '-') {
        text++;
        if (!parse_number(&text, max, &high)) {
            return false;
        }
    }
    if (*text || high < low) {
        return false;
    }
    *first = (uint16_t)low;
    *last = (uint16_t)high;
    return true;
}

static bool
numbered_find(const struct numbered *list, size_t n, const char *name,
              uint8_t *number)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].name, name) == 0) {
            *number = list[i].number;
            return true;
        }
    }
    return false;
}

/* Digits only, moving 'text' past them. */
static bool
parse_number(const char **text, unsigned max, unsigned *value)
{
    const char *digit = *text;
    unsigned result = 0;

    for (; *digit >= '0' && *digit <= '9'; digit++) {
        result = result * 10 + (unsigned)(*digit - '0');
        if (result > max) {
            return false;
        }
    }
    if (digit == *text) {
        return false;
    }
    *text = digit;
    *value = result;
    return true;
}

static bool
parse_ports(const char *text, struct service_term *term, char *hint)
{
    if (service_range_parse(text, UINT16_MAX, &term->first, &term->last)) {
        return true;
    }
    return hint_set(hint,
                    "after the protocol comes a port (443), a range "
                    "from low to high (8000-8010) or",
                    "'any'");
}

static bool
parse_icmp(const char *text, struct service_term *term, char *hint)
{
    bool icmp6 = term->space == SERVICE_ICMP6;
    const struct numbered *types = icmp6 ? icmp6_types : icmp_types;
    size_t n = icmp6 ? N_OF(icmp6_types) : N_OF(icmp_types);
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE];

    if (service_icmp_parse(text, icmp6, &term->first, &term->last)) {
        return true;
    }
    name_suggestion_init(&suggestion, text);
    for (size_t i = 0; i < n; i++) {
        name_suggestion_offer(&suggestion, types[i].name);
    }
    return hint_set(hint,
                    "no such ICMP type; write a name, a number or type:code",
                    name_suggestion_text(&suggestion, near));
}

static bool
parse_protocol(const char *text, struct service_term *term, char *hint)
{
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE];
    uint8_t protocol;

    if (strcmp(text, "any") == 0) {
        term->any = true;
        return true;
    }
    if (!service_protocol_parse(text, &protocol)) {
        name_suggestion_init(&suggestion, text);
        for (size_t i = 0; i < N_OF(protocols); i++) {
            name_suggestion_offer(&suggestion, protocols[i].name);
        }
        return hint_set(hint, "no such IP protocol; write a name or 0 to 255",
                        name_suggestion_text(&suggestion, near));
    }
    term->space = (uint8_t)service_space_of(protocol);
    if (term->space == SERVICE_PROTOCOL) {
        term->first = term->last = protocol;
    }
    return true;
}

static bool
hint_set(char *hint, const char *wrong, const char *fix)
{
    snprintf(hint, SERVICE_MAX_HINT, "%s%s%s", wrong,
             fix[0] && fix[0] != ' ' ? " " : "", fix);
    return false;
}
