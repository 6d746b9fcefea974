/* Addresses and segments that are not where they should be: one address in two
 * segments at about the same time, and segments that fell silent, where the
 * sensor may have gone blind.  (An address on a wrong link shows in one flow:
 * detect_flow.c.) */

#include "rules/detect/detect_impl.h"

#include <assert.h>

struct place {
    uint64_t segment; /* Name. */
    struct wall_time seen, told;
    uint64_t is_told;
};

static_assert(sizeof(struct place) == PLACES_VALUE_BYTES, "");

#define SILENCE_CHECK_NS (60 * SECOND_NS)

static bool has_place(const struct detectors *, const struct sighting *);
static void see_place(struct detectors *, const struct sighting *);
static void tell_places(struct detectors *, const struct sighting *,
                        segment_id before);
static segment_id segment_named(const struct detectors *, uint64_t name);
static void hear(struct detectors *, segment_id, struct wall_time);
static void tell_silence(struct detectors *, segment_id);

void
places_see(struct detectors *detectors, const struct sighting *seen)
{
    hear(detectors, seen->src_segment, seen->now);
    if (seen->outcome >= FLOW_OUTCOME_ESTABLISHED || seen->dst_bytes) {
        hear(detectors, seen->dst_segment, seen->now);
    }
    if (has_place(detectors, seen)) {
        see_place(detectors, seen);
    }
}

void
places_advance(struct detectors *detectors)
{
    int64_t now = detectors->now.ns;
    int64_t silent_ns = detectors_limit(detectors, LIMIT_CONFORMANCE_SILENT);

    if (now < detectors->check_due.ns || !silent_ns) {
        return;
    }
    detectors->check_due.ns = now + SILENCE_CHECK_NS;
    for (size_t i = SEGMENT_N_BUILTIN; i < detectors->policy->n_segments; i++) {
        struct segment_memory *memory = &detectors->segments[i];

        if (!memory->silence_told && now - memory->heard.ns >= silent_ns) {
            memory->silence_told = true;
            tell_silence(detectors, (segment_id)i);
        }
    }
}

/* One that could be another: without qualifiers of segments, an address is
 * always in the same. */
static bool
has_place(const struct detectors *detectors, const struct sighting *seen)
{
    return seen->moment == SIGHTING_BEGIN &&
           seen->src_segment >= SEGMENT_N_BUILTIN &&
           segments_contested(detectors->policy->locator, seen->src_segment);
}

/* Told at most once a window for each address. */
static void
see_place(struct detectors *detectors, const struct sighting *seen)
{
    int64_t window_ns = detectors_limit(detectors, LIMIT_CONFORMANCE_WINDOW);
    uint64_t name = detectors->segments[seen->src_segment].name;
    struct place before, *place;
    bool is_new;

    if (!window_ns ||
        !(place = recent_use(detectors->places, &seen->src, &is_new))) {
        return;
    }
    before = *place;
    place->segment = name;
    place->seen = seen->now;
    if (is_new || before.segment == name ||
        seen->now.ns - before.seen.ns > window_ns ||
        (before.is_told && seen->now.ns - before.told.ns < window_ns)) {
        return;
    }
    place->is_told = 1;
    place->told = seen->now;
    tell_places(detectors, seen, segment_named(detectors, before.segment));
}

static void
tell_places(struct detectors *detectors, const struct sighting *seen,
            segment_id before)
{
    struct detection detection = {
        .seen = *seen,
        .all_dsts = true,
        .all_ports = true,
        .counted = "segments",
        .count = 2,
        .limit = 2,
        .window_ns = detectors_limit(detectors, LIMIT_CONFORMANCE_WINDOW)};

    detection.seen.dst = (struct addr){{0}};
    detection.seen.dst_segment = before;
    detection.seen.src_port = detection.seen.dst_port = 0;
    detection.seen.protocol = 0;
    detectors_tell(detectors, DETECTOR_CONFORMANCE, &detection);
}

/* SEGMENT_UNKNOWN if the policy no longer has it. */
static segment_id
segment_named(const struct detectors *detectors, uint64_t name)
{
    for (size_t i = 0; i < detectors->policy->n_segments; i++) {
        if (detectors->segments[i].name == name) {
            return (segment_id)i;
        }
    }
    return SEGMENT_UNKNOWN;
}

static void
hear(struct detectors *detectors, segment_id segment, struct wall_time now)
{
    struct segment_memory *memory = &detectors->segments[segment];

    if (now.ns > memory->heard.ns) {
        memory->heard = now;
    }
    memory->silence_told = false;
}

static void
tell_silence(struct detectors *detectors, segment_id segment)
{
    const struct segment_def *def = &detectors->policy->segments[segment].def;
    int64_t silence_ns =
        detectors->now.ns - detectors->segments[segment].heard.ns;
    struct detection detection = {
        .seen = {.moment = SIGHTING_END,
                 .now = detectors->now,
                 .start = detectors->segments[segment].heard,
                 .src = def->networks[0].addr,
                 .src_segment = segment,
                 .dst_segment = segment},
        .all_dsts = true,
        .all_ports = true,
        .counted = "seconds",
        .count = (uint64_t)(silence_ns / SECOND_NS),
        .limit =
            (uint64_t)(detectors_limit(detectors, LIMIT_CONFORMANCE_SILENT) /
                       SECOND_NS)};

    detectors_tell(detectors, DETECTOR_CONFORMANCE, &detection);
}
