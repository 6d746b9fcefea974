/* What no rule about a pair of segments can say: detectors.
 *
 * A policy names the detectors it wants in its 'detect' section.  Each becomes
 * a policy_rule() of TIER_DETECTOR with the id "detect:NAME" that never decides
 * about a flow; what it finds is told as a violation of that rule.
 *
 * Two halves.  detect_flow() looks at one flow: pure, any thread.  A struct
 * detectors looks at many: it belongs to one thread, is shown sightings of all
 * flows of a run in the order of their time, and follows packet time.  Its
 * memory is bounded by the limits below; where they are reached, what was seen
 * least recently is forgotten, and counted as overflow.  It learns anew in
 * every run. */

#ifndef RULES_DETECT_DETECT_H
#define RULES_DETECT_DETECT_H

#include "flows/flow_record.h"
#include "rules/judge/judge.h"

struct error;
struct detectors; /* Opaque. */

/* Techniques are MITRE ATT&CK's.
 * X(NAME, "key", severity, "techniques", "title") */
#define DETECTORS(X)                                                           \
    X(SCAN, "scan", LEVEL_HIGH, "T1046 T1018",                                 \
      "Many targets tried and few of them answered")                           \
    X(NEW_TALKER, "new_talker", LEVEL_INFO, "",                                \
      "A pair, host or service not seen before")                               \
    X(ROGUE_SERVER, "rogue_server", LEVEL_HIGH, "T1557.003 T1071.004",         \
      "A server that is none of the authorities")                              \
    X(SERVICE_MISMATCH, "service_mismatch", LEVEL_MEDIUM, "T1571 T1001.003",   \
      "An application on a port where another is at home, or none")            \
    X(CLEARTEXT, "cleartext", LEVEL_MEDIUM, "T1040",                           \
      "A login that can be read on the wire")                                  \
    X(WEAK_CRYPTO, "weak_crypto", LEVEL_LOW, "T1562.010",                      \
      "Encryption that is obsolete")                                           \
    X(TUNNEL, "tunnel", LEVEL_MEDIUM, "T1572 T1090.003 T1095",                 \
      "A tunnel or an anonymiser")                                             \
    X(EXFILTRATION, "exfiltration", LEVEL_HIGH, "T1048 T1041",                 \
      "Much data sent to the outside")                                         \
    X(CONFORMANCE, "conformance", LEVEL_MEDIUM, "",                            \
      "An address or a segment is not where the policy has it")

enum detector {
#define DETECTOR_ENUM(NAME, KEY, SEVERITY, TECHNIQUES, TITLE) DETECTOR_##NAME,
    DETECTORS(DETECTOR_ENUM) N_DETECTORS
#undef DETECTOR_ENUM
};

const char *detector_name(enum detector); /* "scan"; its rule is "detect:scan".
                                           */

/* When a flow is looked at. */
enum sighting_moment {
    SIGHTING_BEGIN,       /* Its first packet. */
    SIGHTING_ANSWER,      /* Its outcome changed. */
    SIGHTING_APPLICATION, /* Its application is final. */
    SIGHTING_INTERIM,     /* It lasts: totals so far. */
    SIGHTING_END,
    SIGHTING_N_MOMENTS
};

/* ---- One flow. */

/* The detectors that this flow trips as it stands, as bits 1 << enum detector.
 * It may trip one again at a later moment; who tells it remembers. */
uint32_t detect_flow(const struct policy *, const struct question *,
                     const struct flow_record *, enum sighting_moment);

/* Moments, as bits 1 << enum sighting_moment, at which detect_flow() may find
 * something; 0 without detectors. */
uint32_t policy_detections(const struct policy *);

/* The rule of a detector that is on, or -1. */
int32_t policy_detector_rule(const struct policy *, enum detector);

/* ---- Many flows. */

enum {
    /* What is remembered at once: some 60 MiB when all of it is. */
    DETECT_MAX_SWEEPS = 16384,  /* scan: (source, service). */
    DETECT_MAX_PROBES = 16384,  /* scan: (source, destination). */
    DETECT_MAX_PAIRS = 65536,   /* new_talker: (segment, segment, service). */
    DETECT_MAX_TALKERS = 65536, /* new_talker: (host, segment). */
    DETECT_MAX_SENDERS = 32768, /* exfiltration: (host, segment). */
    DETECT_MAX_PLACES = 65536,  /* conformance: addresses. */
    /* Distinct targets that are counted exactly; beyond, estimated. */
    DETECT_EXACT_TARGETS = 128
};

/* What many-flow detectors need to know of a flow at one moment. */
struct sighting {
    enum sighting_moment moment;
    struct wall_time now, start; /* Now; and of the flow. */
    uint64_t flow_id;
    struct addr src, dst; /* Initiator and responder. */
    segment_id src_segment, dst_segment;
    uint16_t src_port, dst_port;
    uint16_t vlan, interface;
    uint16_t flags; /* enum flow_flag. */
    uint8_t protocol, icmp_type, icmp_code;
    uint8_t outcome, evidence; /* enum flow_outcome, enum flow_evidence. */
    uint8_t src_mac[6], dst_mac[6];
    /* INTERIM and END: since the flow's last sighting of these kinds. */
    uint64_t src_bytes, dst_bytes;
    uint16_t master_symbol, name_symbol; /* As in struct question. */
};

/* Something found.  Borrowed from the detectors during the call. */
struct detection {
    const struct policy *policy;
    enum detector detector;
    uint32_t rule; /* policy_rule() index. */
    /* The ends; a silent segment has no flow, and its first address as the
     * source. */
    struct sighting seen;
    /* Stands for many: dst is zero; dst_port is 0, and so is the protocol where
     * it is not about one. */
    bool all_dsts, all_ports;
    uint64_t n_targets;  /* Distinct ones it stands for; 0 if not counted. */
    const char *counted; /* Static: "hosts", "ports", "bytes", ... */
    uint64_t count, limit;
    int64_t window_ns; /* In which it was counted; 0 if that means nothing. */
};

typedef void detection_handler(void *context, const struct detection *);

/* Moments, as bits 1 << enum sighting_moment, at which the detectors that are
 * on want to see flows; 0 if they need not be shown any. */
uint32_t policy_sightings(const struct policy *);

/* Whether all that detectors learn from the end of a TCP handshake, while the
 * application is not known, is that both segments are alive: then the sighting
 * need say no more than moment, time, segments and outcome. */
bool policy_only_hears_handshakes(const struct policy *);

/* 'handler' is called inside detectors_see() and detectors_advance(). */
struct detectors *detectors_new(detection_handler *handler, void *context,
                                struct error *);
void detectors_free(struct detectors *); /* Accepts NULL. */

/* The sighting's segments and symbols are those of 'policy', which may be
 * another one than in the last call: what was learnt stays, as far as it is
 * about addresses, services and names of segments. */
void detectors_see(struct detectors *, const struct policy *,
                   const struct sighting *);

/* Brings near what a sighting that is shown soon will need. */
void detectors_look_ahead(const struct detectors *, const struct policy *,
                          const struct sighting *);

/* Lets time pass where no flow was seen. */
void detectors_advance(struct detectors *, const struct policy *,
                       struct wall_time now);

struct detector_counters {
    uint64_t sightings;
    uint64_t tracked;  /* Remembered now. */
    uint64_t overflow; /* Forgotten for want of room. */
    uint64_t detections[N_DETECTORS];
};
void detectors_get_counters(const struct detectors *,
                            struct detector_counters *);

#endif
