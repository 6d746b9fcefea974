/* What a policy is inside.  Only the files that load, compile, judge, hash and
 * test policies include this; everybody else uses policy.h and judge.h.
 *
 * Everything lives in the policy's arena and is immutable once policy_load()
 * has returned it. */

#ifndef RULES_POLICY_IMPL_H
#define RULES_POLICY_IMPL_H

#include "rules/addr_sets.h"
#include "rules/arena.h"
#include "rules/detect/detect.h"
#include "rules/judge/judge.h"
#include "rules/name_map.h"
#include "rules/names.h"
#include "rules/policy.h"
#include "rules/schedule.h"
#include "rules/segments.h"
#include "rules/services.h"

#include <stdatomic.h>
#include <string.h>

enum {
    POLICY_MAX_RULES = 20000, /* Both tiers. */
    POLICY_MAX_PAIRS = 2000,
    POLICY_MAX_COMPILED_BYTES = 256 << 20,
    POLICY_N_RISKS = 64
};

/* Match conditions besides segments and service, in the order of their cost.
 * X(NAME, "as the author wrote it") */
#define RULE_CONDITIONS(X)                                                     \
    X(FROM_ADDR, "from_addr")                                                  \
    X(TO_ADDR, "to_addr")                                                      \
    X(SRC_PORT, "src_port")                                                    \
    X(IP_VERSION, "when.ip_version")                                           \
    X(VLAN, "when.vlan")                                                       \
    X(SENSOR, "when.sensor")                                                   \
    X(INTERFACE, "when.interface")                                             \
    X(SCHEDULE, "when.schedule")                                               \
    X(APP, "app")                                                              \
    X(APP_CATEGORY, "app_category")                                            \
    X(SNI, "when.sni")                                                         \
    X(HOST, "when.host")                                                       \
    X(RISK, "when.risk")                                                       \
    X(TLS_VERSION, "when.tls_version")

enum rule_condition {
#define CONDITION_ENUM(NAME, TEXT) CONDITION_##NAME,
    RULE_CONDITIONS(CONDITION_ENUM) N_CONDITIONS
#undef CONDITION_ENUM
};

/* Those the application layer decides; unknown while the application is. */
#define CONDITIONS_L7                                                          \
    (1U << CONDITION_APP | 1U << CONDITION_APP_CATEGORY |                      \
     1U << CONDITION_SNI | 1U << CONDITION_HOST | 1U << CONDITION_RISK |       \
     1U << CONDITION_TLS_VERSION)

/* Requirements in the order in which they are judged. */
enum rule_requirement {
    REQUIREMENT_APP,
    REQUIREMENT_TLS_MIN,
    REQUIREMENT_SNI,
    REQUIREMENT_FORBID_RISK,
    REQUIREMENT_ONE_WAY,
    N_REQUIREMENTS
};

struct port_range {
    uint16_t first, last;
};

/* Matches if 'name' is the master or the name, or, where 'master' is given,
 * if both are as said. */
struct app_match {
    uint16_t master, name;
};

struct app_set {
    const struct app_match *matches;
    size_t n;
    bool unknown, none;
};

struct symbol_list {
    const uint16_t *symbols;
    size_t n;
};

struct port_list {
    const struct port_range *ranges;
    size_t n;
};

struct schedule_list {
    const struct schedule *const *schedules;
    size_t n;
};

struct policy_position {
    const char *file;
    unsigned line, column;
};

struct rule {
    struct policy_rule shown;
    struct policy_position at;
    uint32_t conditions, requirements; /* Bits. */
    bool both_ways;
    uint64_t *from, *to;                     /* Sets of segments. */
    const uint64_t *from_except, *to_except; /* NULL if nothing is said. */
    const struct service_term *terms;
    size_t n_terms; /* 0 is any service. */
    struct addr_set from_addr, to_addr;
    struct port_list src_port;
    struct app_set app;
    struct symbol_list categories;
    struct schedule_list schedules;
    const struct vlan_set *vlans;
    struct glob_list sensors, interfaces;
    struct glob_list sni, host; /* Host patterns. */
    uint64_t risks;
    uint8_t tls_versions; /* Bits, as tls_rank(). */
    uint8_t ip_version;
    struct app_set require_app;
    uint8_t require_tls; /* As tls_rank(). */
    struct glob_list require_sni;
    uint64_t forbid_risk;
};

/* A rule in one direction: what the compiled rows have a bit for. */
struct rule_entry {
    const struct rule *rule;
    bool reversed;
    uint8_t asks; /* enum question_part. */
};

enum policy_midstream {
    MIDSTREAM_LENIENT,
    MIDSTREAM_STRICT,
    MIDSTREAM_IGNORE
};

/* Defaults in the order of their rules, after the pairs. */
enum policy_default {
    DEFAULT_INTER,
    DEFAULT_INTRA,
    DEFAULT_UNKNOWN,
    DEFAULT_MULTICAST,
    DEFAULT_LINK_SCOPE,
    DEFAULT_MIDSTREAM, /* Only with midstream: ignore. */
    N_DEFAULTS
};

struct label {
    const char *name, *value;
};

struct segment {
    struct policy_segment shown;
    struct policy_position at;
    struct segment_def def;
    const struct label *labels;
    size_t n_labels;
    bool has_intra;
    enum decision intra;
};

struct suppression {
    const char *id, *owner, *reason, *ticket, *approved_by;
    struct addr_set src, dst;
    bool any_src, any_dst;
    const uint32_t *rules;
    size_t n_rules; /* 0 is all. */
    struct wall_time until;
    struct policy_position at;
};

/* A pair of the matrix on the way to the table of defaults. */
struct pair {
    const uint64_t *from, *to;
};

/* The thresholds of detectors; each may be 0, which switches off that part.
 * X(DETECTOR, KEY, unit, default) */
#define DETECT_LIMITS(X)                                                       \
    X(SCAN, HOSTS, COUNT, 25)                                                  \
    X(SCAN, PORTS, COUNT, 15)                                                  \
    X(SCAN, WINDOW, TIME, 300 * SECOND_NS)                                     \
    X(NEW_TALKER, WARMUP, TIME, 604800 * SECOND_NS)                            \
    X(WEAK_CRYPTO, TLS_MIN, TLS, 4)                                            \
    X(TUNNEL, BYTES, BYTES, 1000000)                                           \
    X(TUNNEL, DURATION, TIME, 3600 * SECOND_NS)                                \
    X(EXFILTRATION, BYTES_1H, BYTES, 1000000000)                               \
    X(EXFILTRATION, BYTES_24H, BYTES, 5000000000)                              \
    X(EXFILTRATION, RATIO, COUNT, 5)                                           \
    X(CONFORMANCE, WINDOW, TIME, 300 * SECOND_NS)                              \
    X(CONFORMANCE, SILENT, TIME, 86400 * SECOND_NS)

enum detect_limit {
#define DETECT_LIMIT_ENUM(DETECTOR, KEY, UNIT, VALUE) LIMIT_##DETECTOR##_##KEY,
    DETECT_LIMITS(DETECT_LIMIT_ENUM) N_DETECT_LIMITS
#undef DETECT_LIMIT_ENUM
};

enum detect_unit {
    UNIT_COUNT,
    UNIT_TIME, /* ns. */
    UNIT_BYTES,
    UNIT_TLS /* As tls_rank(). */
};

/* An application that detectors know; see detect_tables.c. */
struct detect_app {
    const char *name;
    const char *home; /* Names of services and terms: where it is expected. */
    uint8_t traits;   /* enum detect_trait. */
    uint8_t kind;     /* 1 + its key in 'authorities'; 0 none. */
};

enum detect_trait {
    DETECT_CLEARTEXT = 1 << 0, /* People log in with it, readably. */
    DETECT_TUNNEL = 1 << 1,
    DETECT_WEAK = 1 << 2,
    DETECT_ROAMS = 1 << 3, /* Many ports are usual, none is suspicious. */
    DETECT_UNSURE = 1 << 4 /* nDPI knows it by too few bytes to accuse it. */
};

struct detect_home {
    const struct service_term *terms;
    size_t n;
};

/* Where a server of some kind is at home. */
struct detect_server {
    uint16_t first, last; /* Ports. */
    uint8_t space;        /* enum service_space. */
    uint8_t kind;         /* As in struct detect_app. */
};

struct detect_settings {
    uint32_t named, on;         /* Bits, enum detector. */
    uint32_t rule[N_DETECTORS]; /* Of those named: index in 'rules'. */
    struct addr_set except[N_DETECTORS];
    int64_t limit[N_DETECT_LIMITS];
    /* From here on, derived; only where some detector is on. */
    const uint8_t *app_of; /* By symbol: 1 + number of a detect_app; or 0. */
    uint16_t n_symbols;
    const struct detect_home *homes;     /* Of each detect_app. */
    const struct detect_server *servers; /* In the order of the apps. */
    size_t n_servers;
    /* Detectors that look at a moment, as bits: at one flow, at many. */
    uint16_t checks[SIGHTING_N_MOMENTS], watchers[SIGHTING_N_MOMENTS];
    uint64_t risk_login, risk_crypto, risk_port; /* nDPI's, as bits. */
};

struct policy_test {
    struct policy_position at;
    const char *name;
    struct test_fact {
        const char *key, *value;
        struct policy_position at;
    } * facts, *expected; /* A list in YAML is several facts of one key. */
    size_t n_facts, n_expected;
};

/* Rows of bits, one bit per rule entry.  A row begins with 'n_summary' words
 * whose bits say which of the 'n_words' that follow are not zero. */
struct rows {
    uint64_t *words;
    size_t n_summary, n_words;
};

/* Where a position in a service space finds its row. */
struct service_index {
    uint16_t page_of[256];
    uint32_t (*pages)[256]; /* Rows. */
    size_t n_pages;
};

struct compiled {
    const struct rule_entry *entries;
    size_t n_entries;
    struct rows from, to;    /* Per segment: rules enforced. */
    struct rows from_staged; /* As 'from', staged ones too. */
    struct rows service;     /* Per set of positions. */
    struct service_index index[SERVICE_N_SPACES];
    const uint32_t *default_rule; /* [src * n_segments + dst] */
    struct addr_classes addrs;    /* By the sets of all entries. */
    bool any_staged;
};

struct policy {
    atomic_size_t references;
    struct policy *self; /* For policy_hold(). */
    struct arena arena;
    const char *name, *revision, *owner, *review_by;
    struct policy_position review_at;
    char sha256[65], source_sha256[65];

    struct segment *segments;
    size_t n_segments, n_set_words;
    const struct segments *locator;
    struct vlan_set vlans; /* That something tells apart. */

    struct rule *rules; /* Guardrails, rules, pairs, defaults, detectors. */
    size_t n_rules, n_guardrails, n_own; /* n_own: without pairs, defaults. */
    size_t n_pairs;
    struct pair *pairs;

    enum policy_midstream midstream;
    bool guesses_match; /* app_confidence: any. */
    enum policy_level severity;

    struct name_map app_symbols, category_symbols; /* Lower case. */
    uint16_t n_app_symbols, n_category_symbols;
    struct name_map services; /* Named ones: space << 16 | first position of
                               * their first term.  For people. */

    struct addr_set authorities[8];
    bool has_authority[8];
    struct detect_settings detect;
    struct policy_alerting alerting;
    struct suppression *suppressions;
    size_t n_suppressions;
    struct policy_test *tests;
    size_t n_tests;

    struct compiled compiled;
};

/* Those that can decide: all but the detectors. */
static inline size_t
policy_n_deciding(const struct policy *policy)
{
    return policy->n_own + policy->n_pairs + N_DEFAULTS;
}

static inline bool
set_has(const uint64_t *set, size_t bit)
{
    return set[bit / 64] >> (bit % 64) & 1;
}

static inline void
set_add(uint64_t *set, size_t bit)
{
    set[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* policy.c */
struct policy *policy_new(void);

/* policy_compile.c: the rows.  False when out of memory or too large; then
 * 'too_large' says which. */
bool policy_compile(struct policy *, bool *too_large);

/* policy_hash.c */
void policy_hash_source(struct policy *, const char *const *bytes,
                        const size_t *sizes, size_t n);
bool policy_hash_canonical(struct policy *);
void hash_hex(const char *bytes, size_t n, char hex[65]); /* SHA-256. */

/* policy_test.c: the question a test asks, which borrows from 'flow'.  False,
 * with an E-TEST in 'problems' unless that is NULL, if it is none. */
struct flow_test;
bool policy_test_question(const struct policy *,
                          const struct application_engine *,
                          const struct policy_test *, struct flow_test *flow,
                          struct question *, struct problems *problems);

/* detect_tables.c: the applications detectors know, the detector and the unit
 * of a threshold, and its number in SECTION_DETECTOR. */
const struct detect_app *detect_apps(size_t *n);
int detect_limit_key(enum detect_limit, enum detector *, enum detect_unit *);
int64_t detect_limit_default(enum detect_limit);

/* detect_flow.c and detect.c: the parts of the settings that say who looks
 * when, from 'on'. */
void detect_settle_checks(struct detect_settings *);
void detect_settle_watchers(struct detect_settings *);

/* judge_match.c: SSL 3.0 is 1, TLS 1.0 is 2, ..., TLS 1.3 is 5; DTLS as the
 * TLS it is built on; 0 if not seen or not known. */
unsigned tls_rank(uint16_t version);

#endif
