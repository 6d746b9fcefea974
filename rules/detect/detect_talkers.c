/* Who talks to whom for the first time, once it is known who usually does.
 *
 * Learning lasts 'warmup' of packet time from the first sighting of the run.
 * What has been seen is known for as long as there is room for it. */

#include "rules/detect/detect_impl.h"

#include <assert.h>

struct pair_key {
    uint64_t src, dst; /* Names of segments. */
    uint32_t protocol, service;
};

struct host_key {
    struct addr host;
    uint64_t dst;
};

static_assert(sizeof(struct pair_key) == TALKERS_PAIR_KEY_BYTES, "no padding");
static_assert(sizeof(struct host_key) == TALKERS_HOST_KEY_BYTES, "no padding");

enum {
    /* Ports that are given out as needed (RFC 6335) are one service: FTP data
     * and remote procedure calls would be new each time. */
    FIRST_DYNAMIC_PORT = 49152
};

static void tell(struct detectors *, const struct sighting *,
                 const char *counted);
static uint16_t lasting_service(const struct sighting *);

void
talkers_see(struct detectors *detectors, const struct sighting *seen)
{
    const struct segment_memory *src = &detectors->segments[seen->src_segment];
    const struct segment_memory *dst = &detectors->segments[seen->dst_segment];
    struct pair_key pair = {src->name, dst->name, seen->protocol,
                            lasting_service(seen)};
    struct host_key host = {seen->src, dst->name};
    bool new_pair, new_host;

    if (seen->outcome < FLOW_OUTCOME_ESTABLISHED ||
        (seen->flags & FLOW_MIDSTREAM) ||
        seen->src_segment == seen->dst_segment) {
        return;
    }
    if (recent_use(detectors->pairs, &pair, &new_pair) &&
        recent_use(detectors->talkers, &host, &new_host) &&
        (new_pair || new_host)) {
        tell(detectors, seen, new_pair ? "pairs" : "hosts");
    }
}

static void
tell(struct detectors *detectors, const struct sighting *seen,
     const char *counted)
{
    int64_t warmup_ns = detectors_limit(detectors, LIMIT_NEW_TALKER_WARMUP);
    struct detection detection = {.seen = *seen,
                                  .counted = counted,
                                  .count = 1,
                                  .limit = 1,
                                  .window_ns = warmup_ns};

    if (seen->now.ns - detectors->began.ns >= warmup_ns) {
        detectors_tell(detectors, DETECTOR_NEW_TALKER, &detection);
    }
}

static uint16_t
lasting_service(const struct sighting *seen)
{
    uint16_t service = sighting_service(seen);

    return service > FIRST_DYNAMIC_PORT ? FIRST_DYNAMIC_PORT : service;
}
