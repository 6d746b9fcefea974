/* What may talk to what: the segmentation policy, compiled.
 *
 * A policy is immutable once loaded and shared by reference count, so any
 * thread may judge with it while a new one is being loaded.  segmon-policy(5)
 * is the language. */

#ifndef RULES_POLICY_H
#define RULES_POLICY_H

#include "capture/clock.h"
#include "dissect/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct application_engine;
struct policy; /* Opaque. */
struct problems;

enum {
    POLICY_RULE_NUMBERS = 24000 /* All rules of a policy have lower ones. */
};

/* Index of a segment; the built-in ones come first. */
typedef uint16_t segment_id;

enum policy_builtin {
    SEGMENT_INTERNET,
    SEGMENT_UNKNOWN,
    SEGMENT_MULTICAST,
    SEGMENT_BROADCAST,
    SEGMENT_LINK_LOCAL,
    SEGMENT_RESERVED,
    SEGMENT_N_BUILTIN
};

enum policy_level { /* Severities and criticalities. */
    LEVEL_INFO,
    LEVEL_LOW,
    LEVEL_MEDIUM,
    LEVEL_HIGH,
    LEVEL_CRITICAL
};

enum policy_tier {
    TIER_GUARDRAIL,
    TIER_RULE,
    TIER_PAIR,
    TIER_DEFAULT,
    TIER_DETECTOR /* Never decides; see rules/detect/detect.h. */
};

enum decision {
    DECISION_PENDING, /* The application is not known yet. */
    DECISION_ALLOW,
    DECISION_DENY,
    DECISION_ALERT, /* Permitted, and always reported. */
    DECISION_OBSERVE,
    DECISION_RELATED /* An ICMP error about a known flow. */
};

enum policy_mode {
    MODE_ENFORCE,
    MODE_STAGED,  /* Only shows what it would do. */
    MODE_DISABLED /* Only kept. */
};

enum policy_threshold_by {
    THRESHOLD_BY_SRC,
    THRESHOLD_BY_DST,
    THRESHOLD_BY_PAIR,
    THRESHOLD_BY_RULE
};

/* Hits within a window before anything is told. */
struct policy_threshold {
    uint32_t count; /* 0 if there is no threshold. */
    int64_t window_ns;
    enum policy_threshold_by by;
};

/* A rule, a pair, a default or a detector as a record or report shows it. */
struct policy_rule {
    const char *id;    /* "web-in", "pair:p-backup", "default:inter". */
    const char *title; /* "" if none, as are all texts here. */
    enum policy_tier tier;
    enum decision action;
    enum policy_level severity;
    const char *const *attack;   /* MITRE ATT&CK ids, NULL-terminated. */
    const char *const *controls; /* NULL-terminated. */
    const char *const *tags;     /* NULL-terminated. */
    const char *conduit, *justification, *owner;
    const char *approved_by;
    const char *ticket; /* Of the exception it is, as the next three are. */
    const char *exception_owner, *exception_reason, *exception_approved_by;
    bool log; /* Tags and goes on; 'action' is DECISION_OBSERVE. */
    enum policy_mode mode;
    struct wall_time starts, expires; /* INT64_MIN and INT64_MAX if open. */
    struct policy_threshold threshold;
    int64_t realert_ns; /* -1 if it has none of its own. */
};

/* The alerting section. */
struct policy_alerting {
    int64_t realert_ns;
    size_t max_active;
    unsigned collapse_targets;
};

struct policy_segment {
    const char *name;
    enum policy_level criticality;
    bool external, translated, builtin;
    const char *owner, *description; /* "" if none. */
};

/* What is known of an endpoint besides its address.  Qualifiers of segments
 * look at it. */
struct policy_place {
    uint16_t vlan;         /* Innermost tag, 0 if untagged. */
    const char *interface; /* "" if unknown, as is 'sensor'. */
    const char *sensor;
    const uint8_t *mac;  /* 6 bytes, or NULL. */
    bool link_broadcast; /* Frame to ff:ff:ff:ff:ff:ff. */
};

/* Reads and compiles 'path'.  Application names are checked against the library
 * linked, through 'engine'.  Reports every mistake it finds in 'problems' and
 * returns NULL if any of them is an error.  The caller owns one reference. */
struct policy *policy_load(const char *path,
                           const struct application_engine *engine,
                           struct problems *problems);

/* As policy_load(), of bytes in memory that 'name' stands for in problems.
 * Such a policy cannot include others. */
struct policy *policy_load_bytes(const char *name, const char *bytes,
                                 size_t size,
                                 const struct application_engine *engine,
                                 struct problems *problems);

struct policy *policy_ref(struct policy *);
void policy_unref(struct policy *); /* Accepts NULL. */

/* As policy_ref(), for who was only lent the policy. */
struct policy *policy_hold(const struct policy *);

/* A policy with no segments and no rules that observes everything: what replay
 * uses when it is given none. */
struct policy *policy_observe_all(void);

const char *policy_name(const struct policy *);
const char *policy_revision(const struct policy *);
const char *
policy_sha256(const struct policy *); /* 64 hex digits, canonical. */
const char *
policy_source_sha256(const struct policy *); /* Of the bytes read. */

size_t policy_n_segments(const struct policy *);
const struct policy_segment *policy_segment(const struct policy *, segment_id);
/* Pairs, defaults and detectors included, in this order. */
size_t policy_n_rules(const struct policy *);
const struct policy_rule *policy_rule(const struct policy *, uint32_t rule);

/* The one segment 'addr' is in: longest prefix whose qualifiers hold. */
segment_id policy_locate(const struct policy *, const struct addr *,
                         const struct policy_place *);

/* The VLAN id where some segment or rule tells it apart from others, else 0:
 * flows of VLANs nobody distinguishes are one flow. */
uint16_t policy_vlan_context(const struct policy *, uint16_t vlan);

/* Whether a verdict can depend on the responder's first packet as such. */
bool policy_asks_replied(const struct policy *);

/* Small numbers for the names rules mention, so that judging compares integers;
 * 0 for a name no rule mentions.  'name' is as nDPI spells it, or an alias. */
uint16_t policy_app_symbol(const struct policy *, const char *name);
uint16_t policy_category_symbol(const struct policy *, const char *name);

/* Adds the warnings that depend on the day: expired and expiring rules, and a
 * review that is due. */
void policy_lint(const struct policy *, struct wall_time today,
                 struct problems *problems);

/* Adds what a side of a rule may not have been meant to be: W-TRANSLATED where
 * it is behind a translation of addresses and, as news, W-V4-ONLY where the
 * other side has IPv6 networks too, W-CARVE-OUT where a longer prefix takes
 * something out of it.  Finds nothing when out of memory. */
void policy_lint_sides(const struct policy *, struct problems *);

/* Runs the tests that the policy carries; adds an E-TEST for each that fails.
 * Returns how many there are. */
size_t policy_run_tests(const struct policy *,
                        const struct application_engine *engine,
                        struct problems *problems);

const struct policy_alerting *policy_alerting(const struct policy *);

/* The id of the 'suppress' entry that silences this; NULL if none does. */
const char *policy_suppressed(const struct policy *, uint32_t rule,
                              const struct addr *src, const struct addr *dst,
                              struct wall_time when);

const char *decision_name(enum decision); /* "allow", "deny", ... */
const char *level_name(enum policy_level);
const char *tier_name(enum policy_tier);

#endif
