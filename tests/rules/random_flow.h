/* A random flow, likely to be at the edge of what a random policy says, and the
 * question about it. */

#ifndef TESTS_RULES_RANDOM_FLOW_H
#define TESTS_RULES_RANDOM_FLOW_H

#include "rules/judge/judge.h"
#include "tests/rules/random_policy.h"

struct random_flow {
    struct addr src, dst;             /* Quoted ones of an ICMP orphan. */
    struct addr outer_src, outer_dst; /* Its own. */
    uint16_t src_port, dst_port;
    uint8_t protocol, icmp_type, icmp_code;
    /* Numbers of values in random_words.h. */
    uint8_t vlan, sensor, interface, src_mac, dst_mac, sni, host;
    bool link_broadcast; /* The frame went to ff:ff:ff:ff:ff:ff. */
    int64_t start_ns;
    bool midstream, replied, icmp_related, icmp_orphan;
    enum question_app app;
    const char *master, *name, *category; /* Case as nDPI's. */
    const char *guess_master, *guess_name;
    bool is_tls;
    uint16_t tls_version; /* As on the wire. */
    uint8_t risks;        /* Bit i: random_risks[i]. */
};

void random_flow_draw(struct choices *, const struct random_policy *,
                      struct random_flow *);

/* Texts are static.  Segments come from policy_locate(). */
void random_flow_ask(const struct random_flow *, const struct policy *,
                     struct question *);

/* One line for people, on standard error. */
void random_flow_print(const struct random_flow *);

#endif
