/* When the sensor could not see, or not everything: of which interface, which
 * pair of segments or at all, from when until when, and why.
 *
 * Nothing seen means nothing happened only where no such interval is.  Each is
 * noticed by the thread of the command, which looks a few times a second at
 * what is counted anyway; it is told when it begins, in every status while it
 * lasts, and once more when it has ended.  A value of one thread; memory:
 * BLINDNESS_MAX intervals, and a copy of the pairs. */

#ifndef TOOLS_RUNTIME_BLINDNESS_H
#define TOOLS_RUNTIME_BLINDNESS_H

#include "rules/names.h"
#include "tools/event/event.h"
#include "tools/runtime/clock_watch.h"
#include "tools/runtime/pairs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    BLINDNESS_MAX = EVENT_MAX_BLINDNESS, /* Open, or ended and not yet told. */
    BLINDNESS_MAX_PAIRS = BLINDNESS_MAX / 2, /* Of these, of pairs. */
    /* Blind is who loses more than one of so many frames in a second, or one of
     * so many bytes of TCP of a pair, */
    BLINDNESS_FRAMES_PER_LOSS = 1000,
    BLINDNESS_BYTES_PER_GAP = 100,
    /* if these are so many at least; and of whose conversations one of so many
     * is seen from one end only, */
    BLINDNESS_MIN_GAP_BYTES = 10000,
    BLINDNESS_FLOWS_PER_ONE_SIDED = 20,
    BLINDNESS_MIN_ONE_SIDED = 3, /* if these are so many at least. */
    BLINDNESS_NOTE_SIZE = 200
};

/* Losses are looked at every second; they have ended after ten without. */
#define BLINDNESS_LOOK_NS  (1 * SECOND_NS)
#define BLINDNESS_QUIET_NS (10 * SECOND_NS)
/* The program was kept from running if it did not look for so long. */
#define BLINDNESS_SUSPENDED_NS (3 * SECOND_NS)

struct blindness_interval {
    struct event_blindness told; /* Names the two below, if of a pair. */
    char src[NAME_MAX_LENGTH + 1], dst[NAME_MAX_LENGTH + 1];
    struct wall_time last; /* When it was seen to be so last. */
};

/* What is counted of an interface, as of the last look. */
struct blindness_counts {
    uint64_t received, kernel_drops, device_drops;
};

struct blindness {
    struct blindness_interval list[BLINDNESS_MAX];
    size_t n;
    uint64_t left_out; /* Intervals there was no room for. */
    uint64_t changes;  /* Intervals that began or ended; the last one: */
    bool ended;
    char note[BLINDNESS_NOTE_SIZE]; /* For people. */
    uint64_t clock_steps;
    struct clock_watch clock;
    struct wall_time looked; /* Last look at losses, */
    struct wall_time period; /* at pairs, */
    struct wall_time began;  /* and the one before. */
    int64_t since_look_ns;
    size_t n_interfaces;
    struct blindness_counts interfaces[EVENT_MAX_INTERFACES];
    uint64_t dropped;                /* Events, as of the last look. */
    struct pairs pairs;              /* As of 'period'. */
    uint16_t pair_causes[PAIRS_MAX]; /* Of each of them. */
};

/* What there is to be seen, all of it counted since the start. */
struct blindness_view {
    struct system_clocks now;
    const struct event_interface *interfaces; /* Names are kept. */
    size_t n_interfaces;
    const struct flow_table_counters *flows;
    uint64_t dropped; /* Events, by any output. */
    bool is_last;     /* Capture has ended: nothing is put off. */
};

/* Either way it is to be freed with blindness_done(). */
bool blindness_init(struct blindness *, const struct policy *, struct error *);
void blindness_done(struct blindness *);

/* A few times a second.  Returns by what the clock was set since the last look,
 * usually 0. */
int64_t blindness_look(struct blindness *, const struct blindness_view *);

/* Now and then, such as before each heartbeat: what came since the time before
 * says how well each pair was seen. */
void blindness_look_at_pairs(struct blindness *, const struct pairs *,
                             struct wall_time now);

/* How well each of the pairs was seen between the last two looks at them. */
void blindness_judge(const struct blindness *, struct event_pair *pairs,
                     size_t n_pairs);

/* Adds the intervals to a status.  They are borrowed. */
void blindness_tell(const struct blindness *, struct event_status *,
                    struct event_blindness list[BLINDNESS_MAX]);

/* All statuses from now on are of another period: forgets what has ended. */
void blindness_next_period(struct blindness *);

#endif
