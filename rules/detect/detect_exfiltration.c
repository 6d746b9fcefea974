/* Much data from one of our hosts to one segment outside, and little back.
 *
 * Bytes are counted when a flow tells of them, at its end or in its interim
 * records.  Windows tumble: one opens with the first bytes counted in it. */

#include "rules/detect/detect_impl.h"

#include <assert.h>

struct volume {
    struct wall_time since;
    uint64_t out, in, told;
};

struct sender {
    struct volume hour, day;
};

struct sender_key {
    struct addr host;
    uint64_t outside; /* Name of the segment. */
};

static_assert(sizeof(struct sender) == EXFILTRATION_VALUE_BYTES, "");
static_assert(sizeof(struct sender_key) == EXFILTRATION_KEY_BYTES,
              "no padding");

#define HOUR_NS (3600 * SECOND_NS)
#define DAY_NS  (86400 * SECOND_NS)

static bool is_internal(const struct policy *, segment_id);
static bool is_external(const struct policy *, segment_id);
static void count(struct detectors *, struct volume *, int64_t window_ns,
                  enum detect_limit, const struct sighting *);

void
exfiltration_see(struct detectors *detectors, const struct sighting *seen)
{
    const struct policy *policy = detectors->policy;
    bool fetches = is_external(policy, seen->src_segment);
    struct sighting out;
    struct sender_key key;
    struct sender *sender;
    bool is_new;

    if (fetches == is_external(policy, seen->dst_segment) ||
        !(seen->src_bytes | seen->dst_bytes)) {
        return;
    }
    out = *seen;
    if (fetches) {
        out.src = seen->dst;
        out.src_segment = seen->dst_segment;
        out.src_bytes = seen->dst_bytes;
        out.dst_segment = seen->src_segment;
        out.dst_bytes = seen->src_bytes;
    }
    if (!is_internal(policy, out.src_segment)) {
        return;
    }
    out.dst = (struct addr){{0}};
    out.src_port = out.dst_port = 0;
    out.protocol = 0;
    key =
        (struct sender_key){out.src, detectors->segments[out.dst_segment].name};
    sender = recent_use(detectors->senders, &key, &is_new);
    if (sender) {
        count(detectors, &sender->hour, HOUR_NS, LIMIT_EXFILTRATION_BYTES_1H,
              &out);
        count(detectors, &sender->day, DAY_NS, LIMIT_EXFILTRATION_BYTES_24H,
              &out);
    }
}

/* As the built-in groups of these names. */
static bool
is_internal(const struct policy *policy, segment_id segment)
{
    return segment >= SEGMENT_N_BUILTIN &&
           !policy->segments[segment].shown.external;
}

static bool
is_external(const struct policy *policy, segment_id segment)
{
    return segment == SEGMENT_INTERNET ||
           policy->segments[segment].shown.external;
}

static void
count(struct detectors *detectors, struct volume *volume, int64_t window_ns,
      enum detect_limit limit, const struct sighting *out)
{
    uint64_t ratio =
        (uint64_t)detectors_limit(detectors, LIMIT_EXFILTRATION_RATIO);
    uint64_t max = (uint64_t)detectors_limit(detectors, limit);

    if (!(volume->out | volume->in) ||
        window_is_over(volume->since, out->now, window_ns)) {
        *volume = (struct volume){.since = out->now};
    }
    volume->out += out->src_bytes;
    volume->in += out->dst_bytes;
    if (count_is_news(volume->out, max, volume->told) &&
        (!ratio || volume->in < volume->out / ratio)) {
        struct detection detection = {.seen = *out,
                                      .all_dsts = true,
                                      .all_ports = true,
                                      .counted = "bytes",
                                      .count = volume->out,
                                      .limit = max,
                                      .window_ns = window_ns};

        volume->told = volume->out;
        detectors_tell(detectors, DETECTOR_EXFILTRATION, &detection);
    }
}
