/* One entry of the flow table.  Private to flows/.
 *
 * The first 120 bytes are what every packet touches: two cache lines.  What
 * most flows never need is in parts (flow_parts.h), chained at 'parts'; what
 * many have in common is in places (flow_places.h).  Per-direction members are
 * indexed by the end of the key, not by role, so that exchanging initiator and
 * responder is one bit. */

#ifndef FLOWS_FLOW_H
#define FLOWS_FLOW_H

#include "capture/clock.h"
#include "dissect/addr.h"
#include "dissect/packet.h"
#include "flows/flow_key.h"
#include "flows/flow_record.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_parts;
struct flow_places;
struct flow_table;

/* Packet time in steps of 2^20 ns (about a millisecond), modulo 2^32 (52
 * days).  Only differences mean anything. */
typedef uint32_t flow_tick;

enum {
    FLOW_TICK_SHIFT = 20
};

static inline flow_tick
flow_tick_of(int64_t ns)
{
    return (flow_tick)((uint64_t)ns >> FLOW_TICK_SHIFT);
}

/* What one end sent.  What overflows goes to the flow's struct flow_carry. */
struct flow_count {
    uint32_t packets, bytes, payload;
};

enum flow_mark {
    FLOW_MARK_INITIATOR = 1 << 0, /* The initiator is end 1, not end 0. */
    FLOW_MARK_REPORTED = 1 << 1,  /* Has a struct flow_reported. */
    FLOW_MARK_DIALOGUE = 1 << 2,  /* Has a struct flow_dialogue, first; only
                                   * flows of TCP. */
    FLOW_MARK_EARLY = 1 << 3,     /* A packet predates 'start'. */
    FLOW_MARK_HANDSHAKE = 1 << 4, /* 'opening' is the handshake's time. */
    FLOW_MARK_SYN_FIRST = 1 << 5, /* 'start' is the initiator's SYN's time. */
    FLOW_MARK_CARRY = 1 << 6,     /* Has a struct flow_carry. */
    FLOW_MARK_DONE = 1 << 7       /* The TCP handshake is over. */
};

struct flow {
    struct flow_key key;
    uint32_t parts; /* The first part, or FLOW_PARTS_END. */
    struct wall_time end;
    uint64_t last_frame;
    struct flow_count count[2];
    uint32_t at;    /* Where in the store this is, in units of 8 bytes; 0: not a
                     * flow. */
    flow_tick seen; /* When it last had a packet. */
    uint16_t flags; /* enum flow_flag. */
    uint8_t tcp_flags[2];
    uint8_t ttl_min[2], ttl_max[2];
    union {
        struct {
            uint8_t letters[2];   /* Written; see enum history_once. */
            uint8_t tcp_state[2]; /* State; the one before in the high nibble.
                                   */
        };
        uint32_t progress; /* Both. */
    };
    uint8_t evidence, outcome;
    uint8_t marks;                /* enum flow_mark. */
    unsigned char queue : 7;      /* Of flow_expiry.h. */
    unsigned char is_settled : 1; /* As flow_settle() said. */
    struct wall_time start;

    /* Read when it ends. */
    union {
        uint32_t opening;  /* TCP: the SYN's sequence number; later, with
                            * FLOW_MARK_HANDSHAKE, the handshake's time. */
        uint8_t icmp_code; /* ICMP: of the initiator's first packet. */
    };
    uint32_t place; /* Of its first packet. */
    uint64_t first_frame;
    uint64_t history; /* Packed; see history.h. */
};

static_assert(offsetof(struct flow, opening) == 120,
              "what a packet touches fits two cache lines");
static_assert(sizeof(struct flow) == 144, "see tests/flows/test_flow_memory.c");

static inline unsigned
flow_initiator(const struct flow *flow)
{
    return flow->marks & FLOW_MARK_INITIATOR;
}

static inline bool
flow_has_packets(const struct flow *flow, unsigned end)
{
    return (flow->count[end].packets | flow->count[end].bytes) != 0;
}

/* What the store's entries begin with, for finding the way back. */
struct flow_home {
    struct flow_table *table;
    struct flow_parts *parts;
    const struct flow_places *places;
};

static inline const struct flow_home *
flow_home_of(const struct flow *flow)
{
    return (const void *)((const uint64_t *)(const void *)flow - flow->at);
}

/* Fills in everything but kind, reason and the deltas' meaning. */
void flow_summarize(const struct flow *, struct flow_record *);

/* Raises the outcome after a packet was accounted. */
void flow_update_outcome(struct flow *);

#endif
