/* What a sensor tells of itself while it runs, for those who watch:
 *
 *   segmon:{SENSOR}:state   hash: who it is and what it has counted so far
 *   segmon:{SENSOR}:matrix  hash: "src|dst" -> counters of the pair of segments
 *   segmon:sensors          hash: SENSOR -> epoch, so that readers find the
 * rest
 *
 * The first two expire: what is there is alive.  All of it is a snapshot that
 * the next one replaces, and no event: nothing is lost with one that does not
 * get through.  Each is one transaction, so readers see it whole.  Of a Redis
 * Cluster, segmon:sensors may be on another node: that it is refused then is no
 * failure.
 *
 * Pure encoding, by the thread that knows; sink_redis sends it. */

#ifndef TOOLS_REDIS_REDIS_STATE_H
#define TOOLS_REDIS_REDIS_STATE_H

#include "tools/event/event.h"
#include "tools/event/json.h"

#include <stdbool.h>
#include <stddef.h>

#define REDIS_STATE_SCHEMA "1"

enum {
    REDIS_STATE_MAX_BYTES = 4 << 20, /* Of all commands. */
    REDIS_STATE_MAX_PAIRS = 4096,    /* Those with fewer bytes are left out. */
    REDIS_STATE_LIFE = 3             /* Intervals until it expires. */
};

/* Where something can get lost, in the order of the way that packets and events
 * go: X(NAME, "name", "what"); field "lost.name" of the state. */
#define REDIS_STATE_LOSSES(X)                                                  \
    X(DEVICE, "device", "frames, in the interfaces")                           \
    X(DISCARDED, "discarded", "frames, before the kernel's rings")             \
    X(KERNEL, "kernel", "frames, in the kernel's rings")                       \
    X(DISSECTOR, "dissector", "packets cut short, malformed or encrypted")     \
    X(FRAGMENTS, "fragments", "fragments without a first one")                 \
    X(FLOWS, "flows", "flows ended early for want of room")                    \
    X(INSPECTIONS, "inspections", "applications not looked for, or given up")  \
    X(SIGHTINGS, "sightings", "what detectors forgot for want of room")        \
    X(VIOLATIONS, "violations", "violations told without being tracked")       \
    X(EVENTS, "events", "events, on their way to outputs")

enum redis_state_loss {
#define REDIS_STATE_ENUM(NAME, TEXT, HELP) REDIS_STATE_##NAME,
    REDIS_STATE_LOSSES(REDIS_STATE_ENUM) REDIS_STATE_N_LOSSES
#undef REDIS_STATE_ENUM
};

/* A value of the matrix is these numbers, in this order, with blanks between;
 * "matrix.columns" of the state names them: X(name, expression).  What is of
 * two is that of the initiators, then that of the responders. */
#define REDIS_STATE_COLUMNS(X)                                                 \
    X(flows, counts->flows)                                                    \
    X(allowed, counts->verdicts[DECISION_ALLOW])                               \
    X(violations, counts->verdicts[DECISION_DENY])                             \
    X(alerts, counts->verdicts[DECISION_ALERT])                                \
    X(got_through, counts->got_through)                                        \
    X(events, counts->violations)                                              \
    X(src_packets, counts->packets[0])                                         \
    X(dst_packets, counts->packets[1])                                         \
    X(src_bytes, counts->bytes[0])                                             \
    X(dst_bytes, counts->bytes[1])                                             \
    X(missed_bytes, counts->missed_bytes[0] + counts->missed_bytes[1])         \
    X(duplicates, counts->duplicates[0] + counts->duplicates[1])               \
    X(one_sided, counts->one_sided)

#define REDIS_STATE_OTHER_PAIRS "*|*" /* Those that are counted together. */

/* Everything is borrowed for the call. */
struct redis_state_facts {
    const struct event_source *source;
    const struct event_status *status; /* Totals, as at a heartbeat. */
    struct wall_time started, now;
    unsigned interval_s; /* Until the next snapshot. */
    bool ended;          /* This is the last one. */
};

struct redis_state {
    struct json commands; /* As resp.h writes them. */
    size_t n_commands;    /* Each of them is answered. */
};

void redis_state_init(struct redis_state *);
void redis_state_done(struct redis_state *);

/* False, and nothing in it, if memory is out. */
bool redis_state_copy(struct redis_state *copy, const struct redis_state *);

/* False, and nothing to send, if it is too large or memory is out. */
bool redis_state_encode(struct redis_state *, const struct redis_state_facts *);

#endif
