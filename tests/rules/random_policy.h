/* A random policy: as a plain model, and as the YAML that says the same.
 *
 * The model is what the author of the YAML had in mind.  It shares no type with
 * rules/, so an oracle that reads it is independent of the loader as well as of
 * the compiled judge.  Words of the language are kept with their meaning, by
 * hand, in the tables of random_words.c.  Every policy written loads: names
 * resolve, no side of a rule is empty, no two segments clash. */

#ifndef TESTS_RULES_RANDOM_POLICY_H
#define TESTS_RULES_RANDOM_POLICY_H

#include "tests/support/choices.h"

#include "dissect/addr.h"
#include "tests/rules/random_words.h"

enum {
    RANDOM_MAX_SEGMENTS = 6,
    RANDOM_MAX_GROUPS = 3,
    RANDOM_MAX_SETS = 3, /* Of addresses, of services, of applications. */
    RANDOM_MAX_SCHEDULES = 2,
    RANDOM_MAX_GUARDRAILS = 4,
    RANDOM_MAX_RULES = 44, /* Guardrails included. */
    RANDOM_MAX_PAIRS = 4,
    RANDOM_MAX_ITEMS = 4,
    RANDOM_MAX_TEXT = 65536,
    RANDOM_N_BUILTIN_SEGMENTS = 6
};

/* How lists of names count: the words of the language first, then what the
 * policy defines. */
enum random_name {
    RANDOM_ANY = RANDOM_N_BUILTIN_SEGMENTS,
    RANDOM_INTERNAL,
    RANDOM_EXTERNAL,
    RANDOM_SEGMENT, /* The first of the policy's own. */
    RANDOM_GROUP = RANDOM_SEGMENT + RANDOM_MAX_SEGMENTS
};

enum random_action {
    RANDOM_ALLOW,
    RANDOM_DENY,
    RANDOM_ALERT,
    RANDOM_LOG,    /* Rules only. */
    RANDOM_OBSERVE /* Pairs and defaults only. */
};

struct random_list {
    uint8_t n, item[RANDOM_MAX_ITEMS];
};

struct random_prefixes {
    uint8_t n;
    struct prefix prefix[RANDOM_MAX_ITEMS];
};

/* Lists of words are empty where the key is absent. */
struct random_segment {
    struct random_prefixes networks, excludes;
    struct random_list vlans, interfaces, sensors, macs;
    uint8_t zone; /* Its only label: 0 is a, 1 is b, 2 is c. */
    bool external, translated, has_intra;
    enum random_action intra;
};

struct random_group {
    bool is_list;               /* Written as a list; no labels, no except. */
    struct random_list members; /* Earlier groups only. */
    uint8_t zones;              /* Bits; 0 is no 'labels'. */
    struct random_list except;
};

struct random_addrs {
    struct random_list sets;
    struct random_prefixes prefixes;
};

struct random_schedule {
    struct random_list days, hours; /* Any day, any hour if empty. */
    uint8_t zone;
};

struct random_rule {
    struct random_list from, from_except, to, to_except;
    struct random_addrs from_addr, to_addr;
    bool both_ways;
    struct random_list services; /* random_terms, then the policy's own. */
    struct random_list src_ports;
    struct random_list apps; /* random_apps, then the policy's own. */
    struct random_list categories;
    struct random_list schedules, vlans, sensors, interfaces, sni, host, risks;
    struct random_list tls_versions;
    uint8_t ip_version; /* 0 if absent. */
    struct random_list require_apps, require_sni, require_risks;
    uint8_t require_tls; /* Rank; 0 if absent. */
    bool require_one_way;
    enum random_action action;
    bool staged, disabled;
    bool has_starts, has_expires;
    uint8_t starts, expires; /* random_dates */
    uint8_t meta;            /* Bits: keys that decide nothing. */
};

struct random_pair {
    struct random_list from, to;
    enum random_action decision;
};

struct random_policy {
    enum random_action inter, intra, unknown, multicast, link_scope;
    uint8_t midstream; /* 0 lenient, 1 strict, 2 ignore. */
    bool guesses_match;
    uint8_t extras; /* Bits: sections that decide nothing. */
    uint8_t n_segments, n_groups, n_address_sets, n_services, n_app_sets,
        n_schedules, n_guardrails, n_rules, n_pairs; /* n_rules: both tiers. */
    struct random_segment segments[RANDOM_MAX_SEGMENTS];
    struct random_group groups[RANDOM_MAX_GROUPS];
    struct random_prefixes address_sets[RANDOM_MAX_SETS];
    struct random_list services[RANDOM_MAX_SETS]; /* Earlier ones only. */
    struct random_list app_sets[RANDOM_MAX_SETS];
    struct random_schedule schedules[RANDOM_MAX_SCHEDULES];
    struct random_rule rules[RANDOM_MAX_RULES];
    struct random_pair pairs[RANDOM_MAX_PAIRS];
};

void random_policy_draw(struct choices *, struct random_policy *);

/* Writes at most RANDOM_MAX_TEXT bytes and returns how many. */
size_t random_policy_write(const struct random_policy *,
                           char text[RANDOM_MAX_TEXT]);

/* The segments that a list of names stands for, as bits: the built-in ones in
 * the order of enum policy_builtin, then the policy's. */
uint32_t random_policy_segments(const struct random_policy *,
                                const struct random_list *names);

/* "g0", "r3", "pair:p1", "default:inter": in the order of policy_rule(). */
const char *random_policy_rule_id(const struct random_policy *, unsigned rule,
                                  char text[24]);

#endif
