/* The enterprise of the benchmark: who talks with whom, about what, how often.
 *
 * Its segments are those of rules/examples/enterprise-pci-ot.yaml, which is the
 * policy it is judged with; what they say was recorded in the lab.  Addresses
 * are private or reserved for documentation and benchmarks (RFC 2544, 3849). */

#ifndef TESTS_BENCH_HABITS_H
#define TESTS_BENCH_HABITS_H

#include "tests/bench/dialogue.h"
#include "tests/bench/talk.h"

#include <stddef.h>
#include <stdint.h>

/* X(NAME, IPv4 of its first host, IPv6 prefix or NULL, hosts, VLAN id or 0) */
#define PLACES(X)                                                              \
    X(USERS, "10.20.4.0", "2001:db8:20::", 6000, 0)                            \
    X(GUEST, "10.30.0.10", NULL, 2000, 300)                                    \
    X(SERVERS, "10.40.2.10", "2001:db8:40::", 400, 0)                          \
    X(NAMES, "10.40.1.2", NULL, 1, 0)                                          \
    X(JUMP, "10.50.0.1", NULL, 8, 0)                                           \
    X(MONITORING, "10.50.1.10", NULL, 8, 0)                                    \
    X(COLLECTOR, "10.50.1.20", NULL, 1, 0)                                     \
    X(DMZ, "10.10.0.5", "2001:db8:10::", 40, 0)                                \
    X(PCIAPP, "10.60.0.10", NULL, 8, 0)                                        \
    X(PCIDB, "10.60.10.10", NULL, 4, 0)                                        \
    X(SCADA, "10.81.0.10", NULL, 10, 81)                                       \
    X(CELL, "10.82.1.20", NULL, 200, 82)                                       \
    X(INTERNET, "198.18.0.0", "2001:db8:f000::", 60000, 0)

enum place_name {
#define PLACE_ENUM(NAME, IPV4, IPV6, HOSTS, VLAN) NAME,
    PLACES(PLACE_ENUM) N_PLACES
#undef PLACE_ENUM
};

/* X(NAME, protocol, client and server of the conversation that was recorded,
 *   the server's port) */
#define TOPICS(X)                                                              \
    X(DNS, UDP, "10.20.1.11", "10.40.1.2", 53)                                 \
    X(DNS_TCP, TCP, "10.20.1.11", "10.40.1.2", 53)                             \
    X(NTP, UDP, "10.60.0.10", "10.40.1.2", 123)                                \
    X(SNMP, UDP, "10.50.1.10", "10.40.2.10", 161)                              \
    X(SYSLOG, UDP, "10.10.0.5", "10.50.1.20", 514)                             \
    X(QUIC, UDP, "10.20.1.11", "198.51.100.10", 443)                           \
    X(HTTP, TCP, "10.20.1.12", "198.51.100.10", 80)                            \
    X(HTTP_DOWNLOAD, TCP, "10.20.1.11", "198.51.100.10", 80)                   \
    X(HTTPS, TCP, "10.20.1.11", "198.51.100.10", 443)                          \
    X(SHOP, TCP, "203.0.113.9", "10.10.0.5", 443)                              \
    X(TLS_1_0, TCP, "203.0.113.66", "10.10.0.5", 443)                          \
    X(PAYMENT, TCP, "10.10.0.5", "10.60.0.10", 8443)                           \
    X(GATEWAY, TCP, "10.60.0.10", "198.51.100.20", 443)                        \
    X(INTRANET, TCP, "10.20.1.11", "10.40.2.10", 443)                          \
    X(SMB, TCP, "10.20.1.11", "10.40.2.20", 445)                               \
    X(SMB1, TCP, "10.20.1.12", "10.40.2.20", 445)                              \
    X(SSH, TCP, "10.50.0.2", "10.40.2.10", 22)                                 \
    X(POSTGRESQL, TCP, "10.60.0.10", "10.60.10.10", 5432)                      \
    X(REDIS, TCP, "10.60.0.10", "10.60.10.10", 6379)                           \
    X(FTP, TCP, "10.20.1.11", "10.40.2.30", 21)                                \
    X(TRANSFER, TCP, "10.20.1.11", "10.40.2.30", 50021)                        \
    X(TELNET, TCP, "10.20.1.12", "10.40.2.30", 23)                             \
    X(MODBUS, TCP, "10.81.0.10", "10.82.1.20", 502)

enum topic {
#define TOPIC_ENUM(NAME, PROTOCOL, CLIENT, SERVER, PORT) ABOUT_##NAME,
    TOPICS(TOPIC_ENUM) N_TOPICS
#undef TOPIC_ENUM
};

struct place {
    const char *name, *ipv4, *ipv6;
    uint32_t n_hosts; /* At most 65536. */
    uint16_t vlan;
};
extern const struct place places[N_PLACES];
extern struct dialogue dialogues[N_TOPICS]; /* For dialogues_load(). */

struct habit {
    uint32_t weight; /* How often, in relation to the others. */
    enum place_name from, to;
    enum topic about;
    enum talk_manner manner;
    uint16_t port; /* Of the server; 0: the topic's, ANY_PORT: a scan. */
    uint16_t bulk; /* Of 1000 conversations, so many go on with bulk data: */
    uint32_t bulk_least; /* this many packets, or twice as many half as often */
    uint8_t doublings;   /* and so on, so many times. */
};

enum {
    ANY_PORT = 65535
};

struct mix {
    const char *name;
    const struct habit *habits;
    size_t n_habits;
    uint32_t n_talks;      /* At scale 1. */
    uint32_t milliseconds; /* In which they begin, at scale 1. */
    uint8_t scales;        /* enum mix_scale: what else a scale shrinks. */
    uint16_t tagged;       /* So many of 1000 carry a VLAN tag. */
    uint32_t fastest_ns;   /* Least time between two bulk packets. */
};

enum mix_scale {
    SCALE_TIME = 1 << 0,  /* The duration: the rate stays. */
    SCALE_TALKS = 1 << 1, /* The number of conversations... */
    SCALE_BULK = 1 << 2   /* ...or else their length. */
};

/* NULL if there is none of that name. */
const struct mix *mix_find(const char *name);

#endif
