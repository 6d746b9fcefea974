/* Scans: one source tries many destinations or many services, and few answer.
 *
 * Only what was not answered counts, so a busy client, a resolver or a monitor
 * that gets its answers is none.  Windows tumble: one opens with the first try
 * that is counted in it. */

#include "rules/detect/detect_impl.h"
#include "rules/detect/distinct.h"

#include <assert.h>

/* One service of many destinations, or many services of one. */
struct tries {
    struct wall_time since;
    uint64_t told;
    struct distinct targets;
};

struct sweep_key {
    struct addr src;
    uint16_t protocol, service;
};

struct probe_key {
    struct addr src, dst;
};

static_assert(sizeof(struct tries) == SCAN_VALUE_BYTES, "");
static_assert(sizeof(struct sweep_key) == SCAN_SWEEP_KEY_BYTES, "no padding");
static_assert(sizeof(struct probe_key) == SCAN_PROBE_KEY_BYTES, "no padding");

static struct sweep_key sweep_key_of(const struct sighting *);
static bool is_unanswered_try(const struct sighting *);
static bool asks(const struct sighting *);
static bool traces(const struct sighting *);
static bool count(struct detectors *, struct tries *, bool is_new,
                  enum detect_limit, uint64_t target, struct wall_time now);
static void tell_hosts(struct detectors *, const struct sighting *,
                       const struct tries *);
static void tell_ports(struct detectors *, const struct sighting *,
                       const struct tries *);
static void tell(struct detectors *, struct detection *, const struct tries *);

void
scan_see(struct detectors *detectors, const struct sighting *seen)
{
    struct sweep_key sweep;
    struct probe_key probe;
    struct tries *tries;
    bool is_new;

    if (!is_unanswered_try(seen) ||
        addr_set_has(&detectors->policy->detect.except[DETECTOR_SCAN],
                     &seen->src)) {
        return;
    }
    sweep = sweep_key_of(seen);
    probe = (struct probe_key){seen->src, seen->dst};
    tries = recent_use(detectors->sweeps, &sweep, &is_new);
    if (count(detectors, tries, is_new, LIMIT_SCAN_HOSTS,
              distinct_hash(&seen->dst, sizeof seen->dst), seen->now)) {
        tell_hosts(detectors, seen, tries);
    }
    tries = recent_use(detectors->probes, &probe, &is_new);
    if (count(detectors, tries, is_new, LIMIT_SCAN_PORTS,
              distinct_hash(&sweep.protocol, 2 * sizeof sweep.protocol),
              seen->now)) {
        tell_ports(detectors, seen, tries);
    }
}

void
scan_look_ahead(const struct detectors *detectors, const struct sighting *seen)
{
    if (is_unanswered_try(seen)) {
        struct sweep_key sweep = sweep_key_of(seen);
        struct probe_key probe = {seen->src, seen->dst};

        recent_look_ahead(detectors->sweeps, &sweep);
        recent_look_ahead(detectors->probes, &probe);
    }
}

void
scan_drop(void *value)
{
    struct tries *tries = value;

    distinct_clear(&tries->targets);
}

static struct sweep_key
sweep_key_of(const struct sighting *seen)
{
    return (struct sweep_key){seen->src, seen->protocol,
                              sighting_service(seen)};
}

/* Conversations that began before we listened, or of which we see one side,
 * only look unanswered; groups and links are asked without expecting one. */
static bool
is_unanswered_try(const struct sighting *seen)
{
    bool unanswered =
        seen->outcome == FLOW_OUTCOME_REFUSED ||
        (seen->outcome == FLOW_OUTCOME_ATTEMPT && seen->moment == SIGHTING_END);

    return unanswered && asks(seen) && !traces(seen) &&
           !(seen->flags & (FLOW_MIDSTREAM | FLOW_ONE_SIDED)) &&
           seen->dst_segment != SEGMENT_MULTICAST &&
           seen->dst_segment != SEGMENT_BROADCAST &&
           seen->dst_segment != SEGMENT_LINK_LOCAL;
}

/* Of ICMP, only requests: errors go to many hosts and are never answered. */
static bool
asks(const struct sighting *seen)
{
    enum {
        ECHO = 8,
        TIMESTAMP = 13,
        MASK = 17,
        ECHO6 = 128
    };

    switch (seen->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP: return true;
    case PROTOCOL_ICMP:
        return seen->icmp_type == ECHO || seen->icmp_type == TIMESTAMP ||
               seen->icmp_type == MASK;
    case PROTOCOL_ICMPV6: return seen->icmp_type == ECHO6;
    default: return false;
    }
}

/* traceroute numbers its probes by ports that it hopes are closed. */
static bool
traces(const struct sighting *seen)
{
    enum {
        FIRST_TRACE_PORT = 33434,
        LAST_TRACE_PORT = 33534
    };

    return seen->protocol == PROTOCOL_UDP &&
           seen->dst_port >= FIRST_TRACE_PORT &&
           seen->dst_port <= LAST_TRACE_PORT;
}

/* Returns true if that is news. */
static bool
count(struct detectors *detectors, struct tries *tries, bool is_new,
      enum detect_limit limit, uint64_t target, struct wall_time now)
{
    uint64_t max = (uint64_t)detectors_limit(detectors, limit);

    if (!tries || !max) {
        return false;
    }
    if (is_new ||
        window_is_over(tries->since, now,
                       detectors_limit(detectors, LIMIT_SCAN_WINDOW))) {
        distinct_clear(&tries->targets);
        *tries = (struct tries){.since = now};
    }
    distinct_add(&tries->targets, target, DETECT_EXACT_TARGETS);
    if (!count_is_news(tries->targets.n, max, tries->told)) {
        return false;
    }
    tries->told = tries->targets.n;
    return true;
}

static void
tell_hosts(struct detectors *detectors, const struct sighting *seen,
           const struct tries *tries)
{
    struct detection detection = {
        .seen = *seen,
        .all_dsts = true,
        .counted = "hosts",
        .limit = (uint64_t)detectors_limit(detectors, LIMIT_SCAN_HOSTS)};

    detection.seen.dst = (struct addr){{0}};
    tell(detectors, &detection, tries);
}

static void
tell_ports(struct detectors *detectors, const struct sighting *seen,
           const struct tries *tries)
{
    struct detection detection = {
        .seen = *seen,
        .all_ports = true,
        .counted = "ports",
        .limit = (uint64_t)detectors_limit(detectors, LIMIT_SCAN_PORTS)};

    detection.seen.dst_port = 0;
    tell(detectors, &detection, tries);
}

static void
tell(struct detectors *detectors, struct detection *detection,
     const struct tries *tries)
{
    detection->count = detection->n_targets = tries->targets.n;
    detection->window_ns = detectors_limit(detectors, LIMIT_SCAN_WINDOW);
    detectors_tell(detectors, DETECTOR_SCAN, detection);
}
