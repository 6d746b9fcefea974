/* See random_words.h. */

#include "tests/rules/random_words.h"

/* Bits of the values a word matches. */
#define V1(A)          (1U << (A))
#define V2(A, B)       (V1(A) | V1(B))
#define V3(A, B, C)    (V2(A, B) | V1(C))
#define V4(A, B, C, D) (V3(A, B, C) | V1(D))

#define ALL_PORTS 0, 65535

const struct random_term random_terms[RANDOM_N_TERMS] = {
    {.text = "tcp/80", .range = {{6, 80, 80}}},
    {.text = "tcp/1-100", .range = {{6, 1, 100}}},
    {.text = "tcp/50-150", .range = {{6, 50, 150}}},
    {.text = "tcp/101-65535", .range = {{6, 101, 65535}}},
    {.text = "tcp/any", .range = {{6, ALL_PORTS}}},
    {.text = "tcp/0", .range = {{6, 0, 0}}},
    {.text = "udp/53", .range = {{17, 53, 53}}},
    {.text = "udp/any", .range = {{17, ALL_PORTS}}},
    {.text = "sctp/7", .range = {{132, 7, 7}}},
    {.text = "icmp/echo-request", .range = {{1, 8 * 256, 8 * 256 + 255}}},
    {.text = "icmp/3:1", .range = {{1, 3 * 256 + 1, 3 * 256 + 1}}},
    {.text = "icmp/any", .range = {{1, ALL_PORTS}}},
    {.text = "icmp6/128", .range = {{58, 128 * 256, 128 * 256 + 255}}},
    {.text = "icmp6/any", .range = {{58, ALL_PORTS}}},
    {.text = "ip/gre", .range = {{47, ALL_PORTS}}},
    {.text = "ip/200", .range = {{200, ALL_PORTS}}},
    {.text = "ip/17", .range = {{17, ALL_PORTS}}},
    {.text = "any", .any = true},
    {.text = "dns", .range = {{6, 53, 53}, {17, 53, 53}}},
    {.text = "https", .range = {{6, 443, 443}}},
    {.text = "pptp", .range = {{6, 1723, 1723}, {47, ALL_PORTS}}},
    {.text = "ping",
     .range = {{1, 8 * 256, 8 * 256 + 255}, {58, 128 * 256, 128 * 256 + 255}}},
};

const struct random_range random_ports[RANDOM_N_PORT_RANGES] = {
    {"53", 53, 53}, {"1-100", 1, 100}, {"1024-65535", 1024, 65535},
    {"0", 0, 0},    {"80-81", 80, 81},
};

const struct random_app random_apps[RANDOM_N_APPS] = {
    {"TLS", "", "TLS"},
    {"tls", "", "TLS"},
    {"SSH", "", "SSH"},
    {"Google", "", "Google"},
    {"TLS.Google", "TLS", "Google"},
    {"HTTP.Google", "HTTP", "Google"},
    {"DNS", "", "DNS"},
    {"Z39.50", "", "Z39.50"},
    {"unknown", "", ""},
    {"none", "", ""},
};

const char *const random_categories[RANDOM_N_CATEGORIES] = {"Web", "Cloud",
                                                            "RemoteAccess"};

const uint16_t random_vlan_values[RANDOM_N_VLAN_VALUES] = {0,   1,   2,   3,
                                                           100, 200, 4094};

const struct random_word random_vlans[RANDOM_N_VLANS] = {
    {"0", V1(0)},          {"1-2", V2(1, 2)}, {"2-3", V2(2, 3)},
    {"100-200", V2(4, 5)}, {"4094", V1(6)},   {"3-4094", V4(3, 4, 5, 6)},
};

const char *const random_sensor_values[RANDOM_N_SENSOR_VALUES] = {"", "s1",
                                                                  "s2", "lab"};

const struct random_word random_sensors[RANDOM_N_SENSORS] = {
    {"s1", V1(1)},
    {"s*", V2(1, 2)},
    {"?2", V1(2)},
    {"lab", V1(3)},
};

const char *const random_interface_values[RANDOM_N_INTERFACE_VALUES] = {
    "", "eth0", "eth1", "wlan0", "span-eth0"};

const struct random_word random_interfaces[RANDOM_N_INTERFACES] = {
    {"eth0", V1(1)},  {"eth*", V2(1, 2)},     {"*0", V3(1, 3, 4)},
    {"wlan?", V1(3)}, {"*eth?", V3(1, 2, 4)},
};

/* The first stands for "not known". */
const uint8_t random_mac_values[RANDOM_N_MAC_VALUES][6] = {
    {0},
    {0x00, 0x1b, 0x1b, 0, 0, 1},
    {0x00, 0x1b, 0x1b, 0, 0, 2},
    {0x02, 0, 0, 0, 0, 1},
    {0x02, 0x1b, 0x1b, 0, 0, 1}};

const struct random_word random_macs[RANDOM_N_MACS] = {
    {"00:1b:1b:*", V2(1, 2)},
    {"00:1B:1B:00:00:02", V1(2)},
    {"02:*", V2(3, 4)},
    {"02:00:00:00:00:01", V1(3)},
};

const char *const random_host_values[RANDOM_N_HOST_VALUES] = {"",
                                                              "example",
                                                              "www.example",
                                                              "WWW.Example",
                                                              "a.b.example",
                                                              "www.example.",
                                                              "www.other",
                                                              "x.www.other"};

const struct random_word random_hosts[RANDOM_N_HOSTS] = {
    {"www.example", V3(2, 3, 5)},
    {"*.example", V3(2, 3, 5)},
    {"**.example", V4(2, 3, 4, 5)},
    {"*", V1(1)},
    {"**", V4(1, 2, 3, 4) | V3(5, 6, 7)},
    {"www.*", V4(2, 3, 5, 6)},
    {"*.*.example", V1(4)},
    {"**.www.**", V1(7)},
    {"EXAMPLE", V1(1)},
};

const char *const random_risks[RANDOM_N_RISKS] = {
    "tls_obsolete_version", "known_protocol_on_non_standard_port",
    "dns_suspicious_traffic"};

const struct random_word random_days[RANDOM_N_DAYS] = {
    {"mon", V1(0)},
    {"tue", V1(1)},
    {"mon-fri", V4(0, 1, 2, 3) | V1(4)},
    {"sat-mon", V3(5, 6, 0)},
    {"sun", V1(6)},
};

const struct random_range random_hours[RANDOM_N_HOURS] = {
    {"08:00-18:00", 480, 1080}, {"22:00-06:00", 1320, 360},
    {"00:00-24:00", 0, 1440},   {"23:59-24:00", 1439, 1440},
    {"12:00-12:01", 720, 721},  {"12:01-12:00", 721, 720},
};

const struct random_zone random_zones[RANDOM_N_ZONES] = {
    {"UTC", 0}, {"+02:00", 120}, {"-11:30", -690}, {"+14:00", 840}};

/* 2026-03-10, a Tuesday, began at 1773100800. */
#define DAY_S    INT64_C(1773100800)
#define DATE(N)  (DAY_S + (N)*INT64_C(86400))
#define CLOCK(H) (DAY_S + (H)*INT64_C(3600))
#define BOTH(S)  (S), (S)

const struct random_date random_dates[RANDOM_N_DATES] = {
    {"2026-03-01", DATE(-9), DATE(-8)},
    {"2026-03-09", DATE(-1), DATE(0)},
    {"2026-03-10T10:00:00+02:00", BOTH(CLOCK(8))},
    {"2026-03-10T12:00:00Z", BOTH(CLOCK(12))},
    {"2026-03-10T21:30:00-01:30", BOTH(CLOCK(23))},
    {"2026-03-12", DATE(2), DATE(3)},
    {"2026-12-31", DATE(296), DATE(297)},
};

const char *const random_prefixes[RANDOM_N_PREFIXES] = {
    "10.0.0.0/8",      "10.0.0.0/16",
    "10.0.128.0/17",   "10.0.128.0/24",
    "10.0.128.5",      "10.0.255.255",
    "10.1.0.0/16",     "10.1.2.0/24",
    "10.1.2.0/30",     "10.1.2.0/31",
    "10.1.2.3",        "10.1.3.0/24",
    "10.2.0.0/15",     "192.168.0.0/16",
    "192.168.7.0/24",  "192.168.7.255",
    "8.8.8.0/24",      "8.8.8.8",
    "0.0.0.0/0",       "0.0.0.0/1",
    "169.254.0.0/16",  "169.254.169.254",
    "224.0.0.0/4",     "224.0.0.0/24",
    "239.1.0.0/16",    "127.0.0.0/8",
    "100.64.0.0/10",   "255.255.255.255",
    "172.16.0.0/12",   "2001:db8::/32",
    "2001:db8:1::/48", "2001:db8:1::/64",
    "2001:db8:1::5",   "::/0",
    "fc00::/7",        "fd00:1::/32",
    "fe80::/10",       "ff00::/8",
    "ff02::/16",       "::1",
};
