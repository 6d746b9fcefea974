/* A flow in words, as tests in policies and 'segmon explain' describe it, and
 * the question it stands for.
 *
 * Facts: src, dst, proto (tcp), sport, dport, icmp, vlan, sensor, interface,
 * app (none), tls, sni, host, risks, initiator (seen), reply, start
 * (2026-03-10T12:00:00Z), stage (final), confidence (dpi), icmp_related,
 * icmp_embedded, category.  Used by one thread at a time. */

#ifndef RULES_JUDGE_FLOW_TEST_H
#define RULES_JUDGE_FLOW_TEST_H

#include "rules/judge/judge.h"

struct application_engine;

enum {
    FLOW_TEST_TEXT = 256,
    FLOW_TEST_WHY = 240
};

struct flow_test {
    struct addr src, dst;
    bool has_src, has_dst;
    uint8_t protocol;
    uint16_t src_port, dst_port;
    uint16_t icmp; /* type * 256 + code */
    bool has_icmp_text;
    char icmp_text[32]; /* Until the protocol is known. */
    uint16_t vlan;
    char sensor[FLOW_TEST_TEXT], interface[FLOW_TEST_TEXT];
    char app[FLOW_TEST_TEXT], category[FLOW_TEST_TEXT];
    char sni[FLOW_TEST_TEXT], host[FLOW_TEST_TEXT];
    uint16_t tls_version;
    uint64_t risks;
    bool midstream, replied, pending, guessed;
    bool icmp_related, icmp_orphan;
    struct wall_time start;
    /* What an orphaned ICMP error quotes. */
    struct addr quoted_src, quoted_dst;
    uint8_t quoted_protocol;
    uint16_t quoted_src_port, quoted_dst_port;
};

void flow_test_init(struct flow_test *);

/* Takes one fact.  An empty value changes nothing.  Returns false, with one
 * line in 'why', for a fact that is not known or not valid.  'risks' may come
 * several times. */
bool flow_test_set(struct flow_test *, const char *key, const char *value,
                   char why[FLOW_TEST_WHY]);

/* Takes the protocol and port, or ICMP type, from a term such as "tcp/443" or
 * the name of a service, built in or of the policy: the first port of the first
 * term that is possible between the addresses, which 'why' then says unless
 * there is just one.  On failure returns false, with the reason in 'why'. */
bool flow_test_set_service(struct flow_test *, const struct policy *,
                           const char *service, char why[FLOW_TEST_WHY]);

/* The question, which borrows texts from 'test'.  The segments in it are those
 * of the flow's own ends. 'engine' may be NULL. */
bool flow_test_question(const struct flow_test *test, const struct policy *,
                        const struct application_engine *engine,
                        struct question *, char why[FLOW_TEST_WHY]);

/* The rule as a test names it: its id, "?" while open, "-" if none is asked. */
const char *verdict_rule_name(const struct policy *, enum decision,
                              int32_t rule);

#endif
