/* What detectors know before they see anything: thresholds, and applications
 * with the ports where they are at home. */

#include "rules/load/policy_keys.h"
#include "rules/policy_impl.h"

#include <assert.h>

#define DETECTOR_IN_ORDER(NAME, KEY, SEVERITY, TECHNIQUES, TITLE)              \
    static_assert((int)DETECTOR_##NAME == (int)IN_DETECT_##NAME,               \
                  "the keys of 'detect' are in the order of the detectors");
DETECTORS(DETECTOR_IN_ORDER)
#undef DETECTOR_IN_ORDER

/* The ports where TLS is at home on its own or after STARTTLS. */
#define TLS_HOME                                                               \
    "https dns-over-tls smtps imaps pop3s ldaps mqtts syslog-tls submission "  \
    "smtp imap pop3 ftp ldap tcp/990 postgresql mysql mssql rdp winrm docker " \
    "kubernetes-api kafka amqp elasticsearch opc-ua tcp/8443 tcp/9443 "        \
    "tcp/3269 tcp/5222-5223 tcp/5061 tcp/5349 tcp/8089 vnc openvpn tcp/3128 "  \
    "tcp/8080 mongodb redis cassandra nats oracle ipp radius socks tcp/2083 "

#define WEB_HOME                                                               \
    "http http-alt tcp/8000 tcp/8008 tcp/8081 tcp/8088 tcp/8888 tcp/3128 "     \
    "ipp winrm docker elasticsearch tcp/2869 tcp/5000 tcp/5357 tcp/15672"

enum {
    KIND_DNS = 1 + IN_AUTHORITIES_DNS,
    KIND_DHCP = 1 + IN_AUTHORITIES_DHCP,
    KIND_NTP = 1 + IN_AUTHORITIES_NTP,
    KIND_LDAP = 1 + IN_AUTHORITIES_LDAP,
    KIND_KERBEROS = 1 + IN_AUTHORITIES_KERBEROS
};

/* By the names of any version of nDPI; those the linked one does not have are
 * passed over. */
static const struct detect_app apps[] = {
    {"DNS", "dns mdns llmnr", 0, KIND_DNS},
    {"DHCP", "dhcp", 0, KIND_DHCP},
    {"DHCPV6", "dhcpv6", 0, KIND_DHCP},
    {"NTP", "ntp", 0, KIND_NTP},
    {"LDAP", "ldap ldaps tcp/3268-3269", 0, KIND_LDAP},
    {"Kerberos", "kerberos", 0, KIND_KERBEROS},

    {"FTP_CONTROL", "ftp", DETECT_CLEARTEXT, 0},
    {"Telnet", "telnet", DETECT_CLEARTEXT, 0},
    {"POP3", "pop3", DETECT_CLEARTEXT, 0},
    {"IMAP", "imap", DETECT_CLEARTEXT, 0},
    {"RSH", "tcp/512-514", DETECT_CLEARTEXT, 0},

    {"SSH", "ssh", 0, 0},
    {"SMTP", "smtp submission", 0, 0},
    {"TFTP", "tftp", DETECT_ROAMS, 0},
    {"HTTP", WEB_HOME, 0, 0},
    {"TLS", TLS_HOME, DETECT_ROAMS, 0},
    {"QUIC", "quic udp/80", DETECT_ROAMS, 0},
    {"SNMP", "snmp snmp-trap", 0, 0},
    {"SMBv1", "smb netbios", DETECT_WEAK, 0},
    {"SMBv23", "smb netbios", 0, 0},
    {"RDP", "rdp", 0, 0},
    {"VNC", "vnc tcp/5800-5809", 0, 0},
    {"MySQL", "mysql", 0, 0},
    {"PostgreSQL", "postgresql", 0, 0},
    {"MsSQL-TDS", "mssql", DETECT_UNSURE, 0},
    {"Redis", "redis", DETECT_UNSURE, 0},
    {"MQTT", "mqtt", DETECT_UNSURE, 0},
    {"AMQP", "amqp", DETECT_UNSURE, 0},
    {"Radius", "radius", DETECT_UNSURE, 0},
    {"BGP", "bgp", 0, 0},
    {"IRC", "tcp/194 tcp/6660-6669 tcp/6697 tcp/7000", 0, 0},
    {"RTSP", "rtsp tcp/8554", 0, 0},
    {"Modbus", "modbus", 0, 0},
    {"s7comm", "s7comm", 0, 0},
    {"DNP3", "dnp3", 0, 0},
    {"IEC60870", "iec104", 0, 0},
    {"EthernetIP", "ethernet-ip", 0, 0},
    {"BitTorrent", "tcp/6881-6889 udp/6881-6889", DETECT_ROAMS, 0},

    {"Tor", "tcp/9001 tcp/9030", DETECT_TUNNEL | DETECT_ROAMS, 0},
    {"OpenVPN", "openvpn", DETECT_TUNNEL | DETECT_ROAMS, 0},
    {"WireGuard", "wireguard", DETECT_TUNNEL | DETECT_ROAMS, 0},
    {"SOCKS", "socks", DETECT_TUNNEL | DETECT_ROAMS, 0},
    {"IPsec", "ipsec", DETECT_TUNNEL | DETECT_ROAMS, 0},
    {"PPTP", "pptp", DETECT_TUNNEL, 0},
    {"L2TP", "l2tp", DETECT_TUNNEL, 0},
    {"Teredo", "udp/3544", DETECT_TUNNEL, 0},
    {"DoH_DoT", "https dns-over-tls", DETECT_TUNNEL | DETECT_ROAMS, 0},
    {"DNScrypt", "https udp/443", DETECT_TUNNEL | DETECT_ROAMS, 0},
    {"AVASTSecureDNS", "", DETECT_TUNNEL, 0},
    {"Ayiya", "", DETECT_TUNNEL, 0},
    {"TINC", "", DETECT_TUNNEL, 0},
    {"CiscoVPN", "", DETECT_TUNNEL, 0},
    {"FortiClient", "", DETECT_TUNNEL, 0},
    {"HotspotShield", "", DETECT_TUNNEL, 0},
    {"iCloudPrivateRelay", "", DETECT_TUNNEL, 0},
    {"Psiphon", "", DETECT_TUNNEL, 0},
    {"UltraSurf", "", DETECT_TUNNEL, 0},
    {"ProtonVPN", "", DETECT_TUNNEL, 0},
    {"NordVPN", "", DETECT_TUNNEL, 0},
    {"SurfShark", "", DETECT_TUNNEL, 0},
    {"SoftEther", "", DETECT_TUNNEL, 0},
};
static_assert(sizeof apps / sizeof apps[0] < UINT8_MAX,
              "detect_settings.app_of has 8 bits for each");

const char *
detector_name(enum detector detector)
{
#define NAME_OF(NAME, KEY, SEVERITY, TECHNIQUES, TITLE) KEY,
    static const char *const names[] = {DETECTORS(NAME_OF)};
#undef NAME_OF

    return names[detector];
}

const struct detect_app *
detect_apps(size_t *n)
{
    *n = sizeof apps / sizeof apps[0];
    return apps;
}

int
detect_limit_key(enum detect_limit limit, enum detector *detector,
                 enum detect_unit *unit)
{
    static const struct {
        enum detector detector;
        enum detect_unit unit;
        int key;
    } limits[] = {
#define LIMIT_OF(DETECTOR, KEY, UNIT, VALUE)                                   \
    {DETECTOR_##DETECTOR, UNIT_##UNIT, IN_DETECTOR_##KEY},
        DETECT_LIMITS(LIMIT_OF)
#undef LIMIT_OF
    };

    *detector = limits[limit].detector;
    *unit = limits[limit].unit;
    return limits[limit].key;
}

int64_t
detect_limit_default(enum detect_limit limit)
{
    static const int64_t values[] = {
#define VALUE_OF(DETECTOR, KEY, UNIT, VALUE) VALUE,
        DETECT_LIMITS(VALUE_OF)
#undef VALUE_OF
    };

    return values[limit];
}
