/* Every key of the policy language, once: what it may hold and what it means.
 *
 * Unknown-key suggestions come from these tables, and segmon-policy(5) is
 * checked against them.  X(NAME, "key", TYPE, required, "meaning") */

#ifndef RULES_LOAD_POLICY_KEYS_H
#define RULES_LOAD_POLICY_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum key_type {
    KEY_TEXT,  /* One scalar. */
    KEY_ONE,   /* The same, and an empty one is a mistake. */
    KEY_TEXTS, /* A scalar or a list of them. */
    KEY_SOME,  /* The same, and an empty one is a mistake: a condition that
                * says nothing would hold for everything. */
    KEY_BOOL,
    KEY_MAP,
    KEY_SOME_MAP, /* The same, and an empty one is a mistake. */
    KEY_MAPS,     /* A list of mappings. */
    KEY_ANY       /* Read by hand. */
};

struct policy_key {
    const char *name;
    enum key_type type;
    bool required;
    const char *meaning;
};

#define KEYS_TOP(X)                                                            \
    X(VERSION, "version", KEY_TEXT, true, "grammar version, 1")                \
    X(POLICY, "policy", KEY_MAP, false, "name, revision and approval")         \
    X(INCLUDE, "include", KEY_TEXTS, false, "files read before this one")      \
    X(DEFAULTS, "defaults", KEY_MAP, false, "what happens when no rule does")  \
    X(SEGMENTS, "segments", KEY_MAP, false, "the partition of the addresses")  \
    X(GROUPS, "groups", KEY_MAP, false, "sets of segments")                    \
    X(ADDRESSES, "addresses", KEY_MAP, false, "named address sets")            \
    X(SERVICES, "services", KEY_MAP, false, "named sets of service terms")     \
    X(APPLICATIONS, "applications", KEY_MAP, false, "named application sets")  \
    X(SCHEDULES, "schedules", KEY_MAP, false, "named weekly time windows")     \
    X(GUARDRAILS, "guardrails", KEY_MAPS, false,                               \
      "rules seen before all others")                                          \
    X(RULES, "rules", KEY_MAPS, false, "rules, first match wins")              \
    X(PAIRS, "pairs", KEY_MAPS, false, "the default of single matrix cells")   \
    X(AUTHORITIES, "authorities", KEY_MAP, false,                              \
      "who may serve dns, dhcp, ntp, ldap, kerberos")                          \
    X(DETECT, "detect", KEY_MAP, false, "detectors, on or off")                \
    X(ALERTING, "alerting", KEY_MAP, false, "how violations are told")         \
    X(TESTS, "tests", KEY_MAPS, false, "flows and what must become of them")

#define KEYS_POLICY(X)                                                         \
    X(NAME, "name", KEY_TEXT, false, "appears in every record")                \
    X(REVISION, "revision", KEY_TEXT, false, "appears in every record")        \
    X(OWNER, "owner", KEY_TEXT, false, "who answers for the policy")           \
    X(APPROVED_BY, "approved_by", KEY_TEXT, false, "who approved it")          \
    X(APPROVED_ON, "approved_on", KEY_TEXT, false, "when")                     \
    X(REVIEW_BY, "review_by", KEY_TEXT, false, "when it must be reviewed")     \
    X(DESCRIPTION, "description", KEY_TEXT, false, "free text")

#define KEYS_DEFAULTS(X)                                                       \
    X(INTER, "inter", KEY_TEXT, false, "between two segments")                 \
    X(INTRA, "intra", KEY_TEXT, false, "inside one segment")                   \
    X(UNKNOWN, "unknown", KEY_TEXT, false, "one side is an unmapped address")  \
    X(MULTICAST, "multicast", KEY_TEXT, false,                                 \
      "to routable multicast or a directed broadcast")                         \
    X(LINK_SCOPE, "link_scope", KEY_TEXT, false, "link-local traffic")         \
    X(MIDSTREAM, "midstream", KEY_TEXT, false,                                 \
      "lenient, strict or ignore: flows whose start was not seen")             \
    X(APP_CONFIDENCE, "app_confidence", KEY_TEXT, false,                       \
      "dpi, or any to let guesses match")                                      \
    X(SEVERITY, "severity", KEY_TEXT, false, "of rules that say none")

#define KEYS_SEGMENT(X)                                                        \
    X(NETWORKS, "networks", KEY_TEXTS, true, "addresses and CIDRs")            \
    X(EXCLUDE, "exclude", KEY_TEXTS, false, "holes in the networks")           \
    X(VLANS, "vlans", KEY_SOME, false, "where the networks are valid")         \
    X(INTERFACES, "interfaces", KEY_SOME, false, "where they are valid")       \
    X(SENSORS, "sensors", KEY_SOME, false, "where they are valid")             \
    X(MACS, "macs", KEY_SOME, false, "addresses or vendors, on-link only")     \
    X(LABELS, "labels", KEY_MAP, false, "for groups and report columns")       \
    X(OWNER, "owner", KEY_TEXT, false, "who answers for it")                   \
    X(DESCRIPTION, "description", KEY_TEXT, false, "free text")                \
    X(CRITICALITY, "criticality", KEY_TEXT, false,                             \
      "low, medium, high or critical")                                         \
    X(EXTERNAL, "external", KEY_BOOL, false, "belongs to others")              \
    X(INTRA, "intra", KEY_TEXT, false, "instead of defaults.intra")            \
    X(TRANSLATED, "translated", KEY_BOOL, false,                               \
      "NAT pool, proxy: the initiator is masked")

#define KEYS_GROUP(X)                                                          \
    X(MEMBERS, "members", KEY_TEXTS, false, "segments and groups")             \
    X(LABELS, "labels", KEY_MAP, false, "segments with all these labels")      \
    X(EXCEPT, "except", KEY_TEXTS, false, "segments and groups taken out")

#define KEYS_SCHEDULE(X)                                                       \
    X(DAYS, "days", KEY_SOME, false, "mon, tue, ... or mon-fri")               \
    X(HOURS, "hours", KEY_SOME, false, "\"08:00-18:00\"")                      \
    X(TZ, "tz", KEY_ONE, false, "UTC, local or +HH:MM")

#define KEYS_RULE(X)                                                           \
    X(ID, "id", KEY_TEXT, false, "unique name")                                \
    X(FROM, "from", KEY_TEXTS, true, "segments and groups of the initiator")   \
    X(FROM_EXCEPT, "from_except", KEY_TEXTS, false, "taken out of from")       \
    X(FROM_ADDR, "from_addr", KEY_SOME, false, "narrows from")                 \
    X(TO, "to", KEY_TEXTS, true, "segments and groups of the responder")       \
    X(TO_EXCEPT, "to_except", KEY_TEXTS, false, "taken out of to")             \
    X(TO_ADDR, "to_addr", KEY_SOME, false, "narrows to")                       \
    X(BOTH_WAYS, "both_ways", KEY_BOOL, false, "also in the other direction")  \
    X(SERVICE, "service", KEY_SOME, false, "the responder's ports")            \
    X(SRC_PORT, "src_port", KEY_SOME, false, "the initiator's ports")          \
    X(APP, "app", KEY_SOME, false, "applications")                             \
    X(APP_CATEGORY, "app_category", KEY_SOME, false, "nDPI's categories")      \
    X(WHEN, "when", KEY_SOME_MAP, false, "further conditions")                 \
    X(REQUIRE, "require", KEY_SOME_MAP, false,                                 \
      "what a matching flow must fulfil")                                      \
    X(ACTION, "action", KEY_TEXT, true, "allow, deny, alert or log")           \
    X(MODE, "mode", KEY_TEXT, false, "enforce, staged or disabled")            \
    X(STARTS, "starts", KEY_ONE, false, "date or time")                        \
    X(EXPIRES, "expires", KEY_ONE, false, "date (that day included) or time")  \
    X(EXCEPTION, "exception", KEY_MAP, false, "ticket, owner, reason")         \
    X(THRESHOLD, "threshold", KEY_MAP, false, "hits before telling")           \
    X(REALERT, "realert", KEY_TEXT, false, "time between reminders")           \
    X(SEVERITY, "severity", KEY_TEXT, false, "info to critical")               \
    X(ATTACK, "attack", KEY_TEXTS, false, "MITRE ATT&CK techniques")           \
    X(CONTROLS, "controls", KEY_TEXTS, false, "ids in control catalogues")     \
    X(TAGS, "tags", KEY_TEXTS, false, "free words")                            \
    X(CONDUIT, "conduit", KEY_TEXT, false, "IEC 62443 conduit")                \
    X(TITLE, "title", KEY_TEXT, false, "one line for people")                  \
    X(JUSTIFICATION, "justification", KEY_TEXT, false, "business need")        \
    X(OWNER, "owner", KEY_TEXT, false, "who answers for it")                   \
    X(APPROVED_BY, "approved_by", KEY_TEXT, false, "who approved it")

#define KEYS_WHEN(X)                                                           \
    X(SCHEDULE, "schedule", KEY_SOME, false, "names of schedules")             \
    X(VLAN, "vlan", KEY_SOME, false, "VLAN ids and ranges")                    \
    X(SENSOR, "sensor", KEY_SOME, false, "names, globs")                       \
    X(INTERFACE, "interface", KEY_SOME, false, "names, globs")                 \
    X(SNI, "sni", KEY_SOME, false, "patterns for the TLS server name")         \
    X(HOST, "host", KEY_SOME, false, "patterns for the host asked for")        \
    X(RISK, "risk", KEY_SOME, false, "nDPI risks, any of them")                \
    X(TLS_VERSION, "tls_version", KEY_SOME, false, "negotiated versions")      \
    X(IP_VERSION, "ip_version", KEY_ONE, false, "4 or 6")

#define KEYS_REQUIRE(X)                                                        \
    X(APP, "app", KEY_SOME, false, "one of these applications")                \
    X(TLS_MIN, "tls_min", KEY_ONE, false, "least negotiated TLS version")      \
    X(SNI, "sni", KEY_SOME, false, "patterns for the TLS server name")         \
    X(FORBID_RISK, "forbid_risk", KEY_SOME, false, "none of these risks")      \
    X(ONE_WAY, "one_way", KEY_BOOL, false, "nothing comes back")

#define KEYS_EXCEPTION(X)                                                      \
    X(TICKET, "ticket", KEY_TEXT, false, "where it was decided")               \
    X(OWNER, "owner", KEY_TEXT, false, "who needs it")                         \
    X(REASON, "reason", KEY_TEXT, false, "why")                                \
    X(APPROVED_BY, "approved_by", KEY_TEXT, false, "who approved it")

#define KEYS_THRESHOLD(X)                                                      \
    X(COUNT, "count", KEY_TEXT, true, "hits that are needed")                  \
    X(WINDOW, "window", KEY_TEXT, true, "within this time")                    \
    X(BY, "by", KEY_TEXT, false, "src, dst, pair or rule")

#define KEYS_PAIR(X)                                                           \
    X(ID, "id", KEY_TEXT, false, "unique name")                                \
    X(FROM, "from", KEY_TEXTS, true, "segments and groups")                    \
    X(TO, "to", KEY_TEXTS, true, "segments and groups")                        \
    X(DEFAULT, "default", KEY_TEXT, true, "allow, deny, alert or observe")     \
    X(SEVERITY, "severity", KEY_TEXT, false, "info to critical")               \
    X(TITLE, "title", KEY_TEXT, false, "one line for people")                  \
    X(OWNER, "owner", KEY_TEXT, false, "who answers for it")

#define KEYS_AUTHORITIES(X)                                                    \
    X(DNS, "dns", KEY_TEXTS, false, "DNS servers")                             \
    X(DHCP, "dhcp", KEY_TEXTS, false, "DHCP servers")                          \
    X(NTP, "ntp", KEY_TEXTS, false, "NTP servers")                             \
    X(LDAP, "ldap", KEY_TEXTS, false, "LDAP servers")                          \
    X(KERBEROS, "kerberos", KEY_TEXTS, false, "Kerberos servers")

/* Each is true, false or a mapping of KEYS_DETECTOR; in the order of
 * rules/detect/detect.h. */
#define KEYS_DETECT(X)                                                         \
    X(SCAN, "scan", KEY_ANY, false, "many targets, few answers")               \
    X(NEW_TALKER, "new_talker", KEY_ANY, false,                                \
      "pairs, hosts and services not seen before")                             \
    X(ROGUE_SERVER, "rogue_server", KEY_ANY, false,                            \
      "answers from servers that are no authorities")                          \
    X(SERVICE_MISMATCH, "service_mismatch", KEY_ANY, false,                    \
      "a known application on another port than its own")                      \
    X(CLEARTEXT, "cleartext", KEY_ANY, false, "logins in clear text")          \
    X(WEAK_CRYPTO, "weak_crypto", KEY_ANY, false, "obsolete TLS, SSH and SMB") \
    X(TUNNEL, "tunnel", KEY_ANY, false, "tunnels and anonymisers")             \
    X(EXFILTRATION, "exfiltration", KEY_ANY, false, "much data to outside")    \
    X(CONFORMANCE, "conformance", KEY_ANY, false,                              \
      "addresses on a wrong link or in two segments, silent segments")

#define KEYS_DETECTOR(X)                                                       \
    X(SEVERITY, "severity", KEY_TEXT, false, "info to critical")               \
    X(REALERT, "realert", KEY_TEXT, false, "time between reminders")           \
    X(THRESHOLD, "threshold", KEY_MAP, false, "hits before telling")           \
    X(CONTROLS, "controls", KEY_TEXTS, false, "ids in control catalogues")     \
    X(EXCEPT, "except", KEY_TEXTS, false, "sources that are known to do this") \
    X(HOSTS, "hosts", KEY_TEXT, false,                                         \
      "scan: destinations of one service (25; 0 is off)")                      \
    X(PORTS, "ports", KEY_TEXT, false,                                         \
      "scan: services of one destination (15; 0 is off)")                      \
    X(WINDOW, "window", KEY_TEXT, false,                                       \
      "scan, conformance: within this time (5m)")                              \
    X(WARMUP, "warmup", KEY_TEXT, false,                                       \
      "new_talker: only learn for so long (7d)")                               \
    X(TLS_MIN, "tls_min", KEY_TEXT, false,                                     \
      "weak_crypto: least negotiated TLS version (1.2)")                       \
    X(BYTES, "bytes", KEY_TEXT, false,                                         \
      "tunnel: in one flow of DNS or ping (1MB; 0 is off)")                    \
    X(DURATION, "duration", KEY_TEXT, false,                                   \
      "tunnel: of one flow of DNS or ping (1h; 0 is off)")                     \
    X(BYTES_1H, "bytes_1h", KEY_TEXT, false,                                   \
      "exfiltration: sent within an hour (1GB; 0 is off)")                     \
    X(BYTES_24H, "bytes_24h", KEY_TEXT, false,                                 \
      "exfiltration: sent within a day (5GB; 0 is off)")                       \
    X(RATIO, "ratio", KEY_TEXT, false,                                         \
      "exfiltration: more than so many times what came back (5)")              \
    X(SILENT, "silent", KEY_TEXT, false,                                       \
      "conformance: a segment without a packet (24h; 0 is off)")

#define KEYS_ALERTING(X)                                                       \
    X(REALERT, "realert", KEY_TEXT, false, "time between reminders (1h)")      \
    X(MAX_ACTIVE, "max_active", KEY_TEXT, false, "violations kept apart")      \
    X(COLLAPSE, "collapse", KEY_TEXT, false, "targets before one record")      \
    X(SUPPRESS, "suppress", KEY_MAPS, false, "counted and not told")

#define KEYS_SUPPRESS(X)                                                       \
    X(ID, "id", KEY_TEXT, true, "unique name")                                 \
    X(SRC, "src", KEY_SOME, false, "address sets, addresses, CIDRs")           \
    X(DST, "dst", KEY_SOME, false, "address sets, addresses, CIDRs")           \
    X(RULE, "rule", KEY_SOME, false, "ids of rules")                           \
    X(UNTIL, "until", KEY_TEXT, true, "date or time")                          \
    X(TICKET, "ticket", KEY_TEXT, false, "where it was decided")               \
    X(OWNER, "owner", KEY_TEXT, true, "who wants it")                          \
    X(REASON, "reason", KEY_TEXT, true, "why")                                 \
    X(APPROVED_BY, "approved_by", KEY_TEXT, false, "who approved it")

#define KEYS_TEST(X)                                                           \
    X(NAME, "name", KEY_TEXT, true, "what it shows")                           \
    X(FLOW, "flow", KEY_MAP, true, "the facts of a flow")                      \
    X(EXPECT, "expect", KEY_MAP, true, "what must become of it")

#define KEYS_EXPECT(X)                                                         \
    X(DECISION, "decision", KEY_TEXT, true, "allow, deny, alert, observe")     \
    X(RULE, "rule", KEY_TEXT, false, "id of the deciding rule")                \
    X(REASON, "reason", KEY_TEXT, false, "such as require.tls_min")            \
    X(SRC_SEGMENT, "src_segment", KEY_TEXT, false, "of the initiator")         \
    X(DST_SEGMENT, "dst_segment", KEY_TEXT, false, "of the responder")         \
    X(FLAGS, "flags", KEY_TEXTS, false, "each must be there")                  \
    X(TAGS, "tags", KEY_TEXTS, false, "log rules that must have matched")      \
    X(STAGED_DECISION, "staged_decision", KEY_TEXT, false,                     \
      "were the staged rules enforced")                                        \
    X(STAGED_RULE, "staged_rule", KEY_TEXT, false,                             \
      "were the staged rules enforced")

enum key_section {
    SECTION_TOP,
    SECTION_POLICY,
    SECTION_DEFAULTS,
    SECTION_SEGMENT,
    SECTION_GROUP,
    SECTION_SCHEDULE,
    SECTION_RULE,
    SECTION_WHEN,
    SECTION_REQUIRE,
    SECTION_EXCEPTION,
    SECTION_THRESHOLD,
    SECTION_PAIR,
    SECTION_AUTHORITIES,
    SECTION_DETECT,
    SECTION_DETECTOR,
    SECTION_ALERTING,
    SECTION_SUPPRESS,
    SECTION_TEST,
    SECTION_EXPECT,
    N_SECTIONS
};

/* IN_RULE_ID, IN_RULE_FROM, ..., IN_RULE_N: the keys of each section. */
#define KEY_IN_TOP(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_TOP_##NAME,
enum {
    KEYS_TOP(KEY_IN_TOP) IN_TOP_N
};
#undef KEY_IN_TOP
#define KEY_IN_POLICY(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_POLICY_##NAME,
enum {
    KEYS_POLICY(KEY_IN_POLICY) IN_POLICY_N
};
#undef KEY_IN_POLICY
#define KEY_IN_DEFAULTS(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_DEFAULTS_##NAME,
enum {
    KEYS_DEFAULTS(KEY_IN_DEFAULTS) IN_DEFAULTS_N
};
#undef KEY_IN_DEFAULTS
#define KEY_IN_SEGMENT(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_SEGMENT_##NAME,
enum {
    KEYS_SEGMENT(KEY_IN_SEGMENT) IN_SEGMENT_N
};
#undef KEY_IN_SEGMENT
#define KEY_IN_GROUP(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_GROUP_##NAME,
enum {
    KEYS_GROUP(KEY_IN_GROUP) IN_GROUP_N
};
#undef KEY_IN_GROUP
#define KEY_IN_SCHEDULE(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_SCHEDULE_##NAME,
enum {
    KEYS_SCHEDULE(KEY_IN_SCHEDULE) IN_SCHEDULE_N
};
#undef KEY_IN_SCHEDULE
#define KEY_IN_RULE(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_RULE_##NAME,
enum {
    KEYS_RULE(KEY_IN_RULE) IN_RULE_N
};
#undef KEY_IN_RULE
#define KEY_IN_WHEN(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_WHEN_##NAME,
enum {
    KEYS_WHEN(KEY_IN_WHEN) IN_WHEN_N
};
#undef KEY_IN_WHEN
#define KEY_IN_REQUIRE(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_REQUIRE_##NAME,
enum {
    KEYS_REQUIRE(KEY_IN_REQUIRE) IN_REQUIRE_N
};
#undef KEY_IN_REQUIRE
#define KEY_IN_EXCEPTION(NAME, TEXT, TYPE, REQUIRED, MEANING)                  \
    IN_EXCEPTION_##NAME,
enum {
    KEYS_EXCEPTION(KEY_IN_EXCEPTION) IN_EXCEPTION_N
};
#undef KEY_IN_EXCEPTION
#define KEY_IN_THRESHOLD(NAME, TEXT, TYPE, REQUIRED, MEANING)                  \
    IN_THRESHOLD_##NAME,
enum {
    KEYS_THRESHOLD(KEY_IN_THRESHOLD) IN_THRESHOLD_N
};
#undef KEY_IN_THRESHOLD
#define KEY_IN_PAIR(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_PAIR_##NAME,
enum {
    KEYS_PAIR(KEY_IN_PAIR) IN_PAIR_N
};
#undef KEY_IN_PAIR
#define KEY_IN_AUTHORITIES(NAME, TEXT, TYPE, REQUIRED, MEANING)                \
    IN_AUTHORITIES_##NAME,
enum {
    KEYS_AUTHORITIES(KEY_IN_AUTHORITIES) IN_AUTHORITIES_N
};
#undef KEY_IN_AUTHORITIES
#define KEY_IN_DETECT(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_DETECT_##NAME,
enum {
    KEYS_DETECT(KEY_IN_DETECT) IN_DETECT_N
};
#undef KEY_IN_DETECT
#define KEY_IN_DETECTOR(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_DETECTOR_##NAME,
enum {
    KEYS_DETECTOR(KEY_IN_DETECTOR) IN_DETECTOR_N
};
#undef KEY_IN_DETECTOR
#define KEY_IN_ALERTING(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_ALERTING_##NAME,
enum {
    KEYS_ALERTING(KEY_IN_ALERTING) IN_ALERTING_N
};
#undef KEY_IN_ALERTING
#define KEY_IN_SUPPRESS(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_SUPPRESS_##NAME,
enum {
    KEYS_SUPPRESS(KEY_IN_SUPPRESS) IN_SUPPRESS_N
};
#undef KEY_IN_SUPPRESS
#define KEY_IN_TEST(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_TEST_##NAME,
enum {
    KEYS_TEST(KEY_IN_TEST) IN_TEST_N
};
#undef KEY_IN_TEST
#define KEY_IN_EXPECT(NAME, TEXT, TYPE, REQUIRED, MEANING) IN_EXPECT_##NAME,
enum {
    KEYS_EXPECT(KEY_IN_EXPECT) IN_EXPECT_N
};
#undef KEY_IN_EXPECT

#define KEYS_MAX 32 /* Of one section. */

const struct policy_key *policy_keys(enum key_section, size_t *n);
const char *policy_section_name(enum key_section);

#endif
