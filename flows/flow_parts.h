/* What only some flows need, in blocks of 48 bytes chained from the flow.
 *
 * A pool belongs to one table and is held to the table's memory limit.  It
 * keeps FLOW_PARTS_READY parts free, more than a packet can need: the table
 * makes sure of that first, and ends flows if it has to, so that a part is
 * never refused.  The chain ends with the number of the flow, so that a part
 * can be moved. */

#ifndef FLOWS_FLOW_PARTS_H
#define FLOWS_FLOW_PARTS_H

#include "capture/clock.h"
#include "dissect/addr.h"
#include "dissect/packet.h"
#include "flows/flow.h"
#include "flows/flow_pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flow_part_type {
    FLOW_PART_FREE,
    FLOW_PART_DIALOGUE,
    FLOW_PART_TROUBLE,
    FLOW_PART_LETTERS,
    FLOW_PART_ISLANDS_0, /* Of end 0. */
    FLOW_PART_ISLANDS_1,
    FLOW_PART_REPORTED,
    FLOW_PART_REPORTED_TROUBLE,
    FLOW_PART_CARRY,
    FLOW_PART_NOTES,
    FLOW_N_PART_TYPES
};

/* TCP sequence numbers of each end. */
struct flow_dialogue {
    uint32_t start[2];     /* Its SYN, or one before its first byte. */
    uint32_t last[2];      /* One past the highest byte it sent. */
    uint32_t ack[2];       /* The highest of its bytes that was acknowledged. */
    uint32_t delivered[2]; /* All before this was seen or given up; once it has
                            * sent RST, that RST's number. */
    uint32_t fin[2];       /* One past its FIN. */
};

struct flow_trouble {
    uint32_t retransmissions[2], out_of_order[2], duplicates[2];
    uint64_t missed_bytes[2];
};

struct flow_letters {
    uint32_t gaps[2], zero_windows[2];
    uint8_t more[20]; /* History past the first twelve letters. */
};

enum {
    FLOW_MAX_ISLANDS = 5
};

/* Bytes seen beyond a hole, in order: [from, to). */
struct flow_islands {
    uint32_t from[FLOW_MAX_ISLANDS], to[FLOW_MAX_ISLANDS];
};

/* Totals as of the last record. */
struct flow_reported {
    uint64_t packets[2], bytes[2];
    uint32_t sequence;
    flow_tick when;
};

/* The same, of what few flows have. */
struct flow_reported_trouble {
    uint64_t missed_bytes[2];
    uint32_t duplicates[2];
};

/* What did not fit struct flow_count, in units of 2^32. */
struct flow_carry {
    uint32_t packets[2], bytes[2], payload[2];
};

struct flow_notes {
    struct wall_time early; /* With FLOW_MARK_EARLY: the earliest packet. */
    uint32_t icmp_errors, icmp_error_bytes;
    struct addr icmp_error_from;
    uint8_t icmp_error_type, icmp_error_code;
};

struct flow_part {
    uint32_t next; /* Its number, or FLOW_PARTS_END. */
    uint8_t type;  /* enum flow_part_type. */
    uint8_t n;     /* Of islands, or of more letters. */
    uint16_t unused;
    union {
        struct flow_dialogue dialogue;
        struct flow_trouble trouble;
        struct flow_letters letters;
        struct flow_islands islands;
        struct flow_reported reported;
        struct flow_reported_trouble reported_trouble;
        struct flow_carry carry;
        struct flow_notes notes;
        struct flow_pool_link free;
    };
};

static_assert(sizeof(struct flow_part) == 48, "a part is 48 bytes");

/* How a chain ends: with this bit, and the flow's slot. */
#define FLOW_PARTS_END (UINT32_C(1) << 31)

enum {
    /* A packet adds at most one part of each type to its flow, and its owner
     * may then exchange the ends or ask for a record. */
    FLOW_PARTS_READY = 2 * FLOW_N_PART_TYPES
};

struct flow_parts {
    struct flow_pool pool;
};

/* Room for all parts that 'max_flows' flows can have; false if memory is
 * short. */
bool flow_parts_open(struct flow_parts *, struct flow_memory *,
                     uint32_t max_flows);
void flow_parts_close(struct flow_parts *); /* Accepts a zeroed one. */

/* There is no flow any more. */
void flow_parts_clear(struct flow_parts *);

static inline bool
flow_parts_are_ready(const struct flow_parts *parts)
{
    return parts->pool.n_free >= FLOW_PARTS_READY;
}

static inline struct flow_part *
flow_parts_at(const struct flow_parts *parts, uint32_t number)
{
    return (struct flow_part *)(void *)parts->pool.region.base + number;
}

/* The flow's part of that type, or NULL if it has none. */
static inline struct flow_part *
flow_parts_find(const struct flow_parts *parts, const struct flow *flow,
                enum flow_part_type type)
{
    uint32_t number = flow->parts;

    while (!(number & FLOW_PARTS_END)) {
        struct flow_part *part = flow_parts_at(parts, number);

        if (part->type == type) {
            return part;
        }
        number = part->next;
    }
    return NULL;
}

/* Gives back all parts of a flow that ends. */
void flow_parts_drop(struct flow_parts *, struct flow *);

/* The flow was moved to another slot. */
void flow_parts_follow(struct flow_parts *, struct flow *, uint32_t slot);

/* The slot of the flow that has the part; FLOW_NO_SLOT if it is free. */
uint32_t flow_parts_owner(const struct flow_parts *, uint32_t number);

/* Drops the last part, moving it first if it is that of 'owner' (else NULL). */
void flow_parts_drop_last(struct flow_parts *, struct flow *owner);

/* With the flow's own pool: a zeroed part if there was none yet. */
struct flow_part *flow_part_get(struct flow *, enum flow_part_type);

static inline struct flow_part *
flow_part_find(const struct flow *flow, enum flow_part_type type)
{
    return flow_parts_find(flow_home_of(flow)->parts, flow, type);
}

/* Of a flow with FLOW_MARK_DIALOGUE: it is always the first part. */
static inline struct flow_dialogue *
flow_dialogue_of(const struct flow *flow)
{
    return &flow_parts_at(flow_home_of(flow)->parts, flow->parts)->dialogue;
}

#endif
