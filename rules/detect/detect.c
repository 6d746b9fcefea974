/* Detectors that need many flows: who sees what, and what survives a change of
 * policy. */

#include "rules/detect/detect.h"

#include "capture/error.h"
#include "rules/detect/detect_impl.h"
#include "rules/detect/distinct.h"

#include <stdlib.h>

#define MOMENT(NAME) (1U << SIGHTING_##NAME)

static bool follow(struct detectors *, const struct policy *,
                   struct wall_time now);
static bool adopt(struct detectors *, const struct policy *);
static struct wall_time heard_before(const struct detectors *, uint64_t name);

static const struct {
    void (*see)(struct detectors *, const struct sighting *);
    uint32_t moments;
} watchers[N_DETECTORS] = {
    [DETECTOR_SCAN] = {scan_see, MOMENT(ANSWER) | MOMENT(END)},
    [DETECTOR_NEW_TALKER] = {talkers_see, MOMENT(ANSWER) | MOMENT(END)},
    [DETECTOR_EXFILTRATION] = {exfiltration_see, MOMENT(INTERIM) | MOMENT(END)},
    [DETECTOR_CONFORMANCE] = {places_see, MOMENT(BEGIN) | MOMENT(ANSWER) |
                                              MOMENT(INTERIM) | MOMENT(END)},
};

uint32_t
policy_sightings(const struct policy *policy)
{
    uint32_t moments = 0;

    for (unsigned i = 0; i < SIGHTING_N_MOMENTS; i++) {
        moments |= (policy->detect.watchers[i] ? 1U : 0U) << i;
    }
    return moments;
}

/* No check of a single flow finds anything then either (detect_flow.c): what
 * the flow is carried in was seen at its begin, and a scan is what is not
 * answered. */
bool
policy_only_hears_handshakes(const struct policy *policy)
{
    return !(policy->detect.watchers[SIGHTING_ANSWER] >> DETECTOR_NEW_TALKER &
             1);
}

void
detect_settle_watchers(struct detect_settings *detect)
{
    for (unsigned i = 0; i < N_DETECTORS; i++) {
        for (unsigned moment = 0; moment < SIGHTING_N_MOMENTS; moment++) {
            detect->watchers[moment] |=
                (uint16_t)((detect->on >> i & watchers[i].moments >> moment & 1)
                           << i);
        }
    }
}

struct detectors *
detectors_new(detection_handler *handler, void *context, struct error *error)
{
    struct detectors *detectors = calloc(1, sizeof *detectors);

    if (!detectors) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for detectors");
        return NULL;
    }
    detectors->handler = handler;
    detectors->context = context;
    detectors->began.ns = detectors->now.ns = INT64_MIN;
    detectors->check_due.ns = INT64_MIN;
    detectors->sweeps = recent_new(SCAN_SWEEP_KEY_BYTES, SCAN_VALUE_BYTES,
                                   DETECT_MAX_SWEEPS, scan_drop);
    detectors->probes = recent_new(SCAN_PROBE_KEY_BYTES, SCAN_VALUE_BYTES,
                                   DETECT_MAX_PROBES, scan_drop);
    detectors->pairs =
        recent_new(TALKERS_PAIR_KEY_BYTES, 0, DETECT_MAX_PAIRS, NULL);
    detectors->talkers =
        recent_new(TALKERS_HOST_KEY_BYTES, 0, DETECT_MAX_TALKERS, NULL);
    detectors->senders =
        recent_new(EXFILTRATION_KEY_BYTES, EXFILTRATION_VALUE_BYTES,
                   DETECT_MAX_SENDERS, NULL);
    detectors->places = recent_new(sizeof(struct addr), PLACES_VALUE_BYTES,
                                   DETECT_MAX_PLACES, NULL);
    if (!detectors->sweeps || !detectors->probes || !detectors->pairs ||
        !detectors->talkers || !detectors->senders || !detectors->places) {
        detectors_free(detectors);
        error_set(error, ERROR_MEMORY, NULL, "out of memory for detectors");
        return NULL;
    }
    return detectors;
}

void
detectors_free(struct detectors *detectors)
{
    if (detectors) {
        recent_free(detectors->sweeps);
        recent_free(detectors->probes);
        recent_free(detectors->pairs);
        recent_free(detectors->talkers);
        recent_free(detectors->senders);
        recent_free(detectors->places);
        free(detectors->segments);
        policy_unref(detectors->policy);
        free(detectors);
    }
}

void
detectors_see(struct detectors *detectors, const struct policy *policy,
              const struct sighting *seen)
{
    uint32_t left = policy->detect.watchers[seen->moment];

    if (!follow(detectors, policy, seen->now)) {
        return;
    }
    detectors->counters.sightings++;
    for (; left; left &= left - 1) {
        watchers[__builtin_ctz(left)].see(detectors, seen);
    }
}

void
detectors_look_ahead(const struct detectors *detectors,
                     const struct policy *policy, const struct sighting *seen)
{
    if (policy->detect.watchers[seen->moment] >> DETECTOR_SCAN & 1) {
        scan_look_ahead(detectors, seen);
    }
}

void
detectors_advance(struct detectors *detectors, const struct policy *policy,
                  struct wall_time now)
{
    if (follow(detectors, policy, now) &&
        (policy->detect.on >> DETECTOR_CONFORMANCE & 1)) {
        places_advance(detectors);
    }
}

void
detectors_tell(struct detectors *detectors, enum detector detector,
               struct detection *detection)
{
    const struct policy *policy = detectors->policy;

    if (addr_set_has(&policy->detect.except[detector], &detection->seen.src)) {
        return;
    }
    detection->policy = policy;
    detection->detector = detector;
    detection->rule = policy->detect.rule[detector];
    detectors->counters.detections[detector]++;
    detectors->handler(detectors->context, detection);
}

void
detectors_get_counters(const struct detectors *detectors,
                       struct detector_counters *counters)
{
    const struct recent *const all[] = {detectors->sweeps,  detectors->probes,
                                        detectors->pairs,   detectors->talkers,
                                        detectors->senders, detectors->places};

    *counters = detectors->counters;
    counters->tracked = counters->overflow = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        counters->tracked += recent_count(all[i]);
        counters->overflow += recent_overflow(all[i]);
    }
}

/* Moves on to 'policy' and 'now'.  False when out of memory: then nothing can
 * be said of segments. */
static bool
follow(struct detectors *detectors, const struct policy *policy,
       struct wall_time now)
{
    if (now.ns > detectors->now.ns) {
        detectors->now = now;
    }
    if (detectors->began.ns == INT64_MIN) {
        detectors->began = now;
    }
    return detectors->policy == policy || adopt(detectors, policy);
}

static bool
adopt(struct detectors *detectors, const struct policy *policy)
{
    struct segment_memory *segments =
        calloc(policy->n_segments, sizeof *segments);

    if (!segments) {
        return false;
    }
    for (size_t i = 0; i < policy->n_segments; i++) {
        const char *name = policy->segments[i].shown.name;

        segments[i].name = distinct_hash(name, (unsigned)strlen(name));
        segments[i].heard = heard_before(detectors, segments[i].name);
    }
    free(detectors->segments);
    policy_unref(detectors->policy);
    detectors->segments = segments;
    detectors->policy = policy_hold(policy);
    return true;
}

/* A segment that is new is given the time it has from now. */
static struct wall_time
heard_before(const struct detectors *detectors, uint64_t name)
{
    size_t n = detectors->policy ? detectors->policy->n_segments : 0;

    for (size_t i = 0; i < n; i++) {
        if (detectors->segments[i].name == name) {
            return detectors->segments[i].heard;
        }
    }
    return detectors->now;
}
