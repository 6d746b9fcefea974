/* What the files of the many-flow detectors share; see rules/detect/detect.h.
 */

#ifndef RULES_DETECT_DETECT_IMPL_H
#define RULES_DETECT_DETECT_IMPL_H

#include "rules/detect/detect.h"
#include "rules/detect/recent.h"
#include "rules/policy_impl.h"

/* What is known of a segment over all policies that name it so. */
struct segment_memory {
    uint64_t name; /* Hash; the same in every policy. */
    struct wall_time heard;
    bool silence_told;
};

struct detectors {
    detection_handler *handler;
    void *context;
    struct policy *policy;           /* A reference; NULL at first. */
    struct segment_memory *segments; /* By segment_id of 'policy'. */
    struct wall_time began, now;     /* INT64_MIN at first. */
    struct wall_time check_due;      /* When silence is to be looked for. */
    struct recent *sweeps, *probes, *pairs, *talkers, *senders, *places;
    struct detector_counters counters;
};

/* Fills in what follows from 'detector' and hands it out. */
void detectors_tell(struct detectors *, enum detector, struct detection *);

static inline int64_t
detectors_limit(const struct detectors *detectors, enum detect_limit limit)
{
    return detectors->policy->detect.limit[limit];
}

/* Tumbling windows: one opens with the first thing counted in it. */
static inline bool
window_is_over(struct wall_time since, struct wall_time now, int64_t length_ns)
{
    return now.ns < since.ns || now.ns - since.ns >= length_ns;
}

/* Something is told when it reaches its limit, and again whenever it has
 * doubled since. */
static inline bool
count_is_news(uint64_t count, uint64_t limit, uint64_t told)
{
    return limit && count >= limit && count / 2 >= told;
}

/* Type and code say what an echo is, as a port does for others. */
static inline uint16_t
sighting_service(const struct sighting *seen)
{
    return seen->protocol == PROTOCOL_ICMP || seen->protocol == PROTOCOL_ICMPV6
               ? seen->icmp_type
               : seen->dst_port;
}

/* detect_scan.c and so on: one sighting.  The source is not excepted. */
void scan_see(struct detectors *, const struct sighting *);
void scan_look_ahead(const struct detectors *, const struct sighting *);
void scan_drop(void *value);
enum {
    SCAN_SWEEP_KEY_BYTES = 20,
    SCAN_PROBE_KEY_BYTES = 32,
    SCAN_VALUE_BYTES = 40
};
void talkers_see(struct detectors *, const struct sighting *);
enum {
    TALKERS_PAIR_KEY_BYTES = 24,
    TALKERS_HOST_KEY_BYTES = 24
};
void exfiltration_see(struct detectors *, const struct sighting *);
enum {
    EXFILTRATION_KEY_BYTES = 24,
    EXFILTRATION_VALUE_BYTES = 64
};
void places_see(struct detectors *, const struct sighting *);
void places_advance(struct detectors *);
enum {
    PLACES_VALUE_BYTES = 32
};

#endif
