/* What only some flows need, in blocks of 48 bytes chained from the flow.
 *
 * A pool belongs to one table and grows by slabs within the table's memory
 * limit; freed parts are used again, slabs are kept until the pool ends.  The
 * pool holds back one part for each live flow of TCP that has no dialogue yet,
 * so a connection can always be followed; other parts can be refused when
 * memory is short, which is counted. */

#ifndef FLOWS_FLOW_PARTS_H
#define FLOWS_FLOW_PARTS_H

#include "capture/clock.h"
#include "dissect/addr.h"
#include "dissect/packet.h"
#include "flows/flow.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_memory;

enum flow_part_type {
    FLOW_PART_DIALOGUE,
    FLOW_PART_TROUBLE,
    FLOW_PART_LETTERS,
    FLOW_PART_ISLANDS_0, /* Of end 0. */
    FLOW_PART_ISLANDS_1,
    FLOW_PART_REPORTED,
    FLOW_PART_CARRY,
    FLOW_PART_PATH,
    FLOW_PART_OUTER,
    FLOW_PART_NOTES
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

/* What did not fit struct flow_count. */
struct flow_carry {
    uint32_t packets[2]; /* In units of 2^32 packets. */
    uint32_t bytes[2];   /* In units of 2^48 bytes. */
    uint32_t payload[2];
};

struct flow_path {
    uint16_t vlan[PACKET_MAX_VLANS];
    uint32_t tunnel_id;
    uint8_t n_vlans, tunnel, depth;
};

struct flow_outer {
    struct addr src, dst;
};

struct flow_notes {
    struct wall_time early; /* With FLOW_MARK_EARLY: the earliest packet. */
    uint32_t icmp_errors, icmp_error_bytes;
    struct addr icmp_error_from;
    uint8_t icmp_error_type, icmp_error_code;
};

struct flow_part {
    uint32_t next; /* Handle; 0: none. */
    uint8_t type;  /* enum flow_part_type. */
    uint8_t n;     /* Of islands, or of more letters. */
    uint16_t unused;
    union {
        struct flow_dialogue dialogue;
        struct flow_trouble trouble;
        struct flow_letters letters;
        struct flow_islands islands;
        struct flow_reported reported;
        struct flow_carry carry;
        struct flow_path path;
        struct flow_outer outer;
        struct flow_notes notes;
    };
};

static_assert(sizeof(struct flow_part) == 48, "a part is 48 bytes");

enum {
    FLOW_PARTS_SLAB_SHIFT = 8
};

struct flow_parts {
    struct flow_memory *memory; /* Borrowed. */
    struct flow_part **slab;
    uint32_t n_slabs, max_slabs; /* 'max_slabs' is the size of 'slab'. */
    uint32_t free;               /* First of the free parts. */
    uint32_t n_free;
    uint32_t reserved; /* Live flows of TCP without a dialogue. */
    uint64_t refused;  /* Parts that could not be had. */
};

void flow_parts_init(struct flow_parts *, struct flow_memory *);
void flow_parts_done(struct flow_parts *);

/* What flow_parts_begin() allocates: the first slab. */
size_t flow_parts_least_bytes(void);
bool flow_parts_begin(struct flow_parts *);

/* Makes room for the dialogue of one more flow, of this key, if it can have
 * one; false if memory is short. */
bool flow_parts_reserve(struct flow_parts *, const struct flow_key *);

static inline struct flow_part *
flow_parts_at(const struct flow_parts *parts, uint32_t handle)
{
    uint32_t i = handle - 1;

    return &parts->slab[i >> FLOW_PARTS_SLAB_SHIFT]
                       [i & ((1U << FLOW_PARTS_SLAB_SHIFT) - 1)];
}

/* The flow's part of that type, or NULL if it has none. */
static inline struct flow_part *
flow_parts_find(const struct flow_parts *parts, const struct flow *flow,
                enum flow_part_type type)
{
    uint32_t handle = flow->parts;

    while (handle) {
        struct flow_part *part = flow_parts_at(parts, handle);

        if (part->type == type) {
            return part;
        }
        handle = part->next;
    }
    return NULL;
}

/* As flow_parts_find(), but adds a zeroed one; NULL if it is refused. */
struct flow_part *flow_parts_get(struct flow_parts *, struct flow *,
                                 enum flow_part_type);

/* Gives back all parts of a flow that ends, and its reservation. */
void flow_parts_drop(struct flow_parts *, struct flow *);

/* The same with the flow's own pool. */
struct flow_part *flow_part_get(struct flow *, enum flow_part_type);

static inline struct flow_part *
flow_part_find(const struct flow *flow, enum flow_part_type type)
{
    return flow_parts_find(flow_slab_of(flow)->parts, flow, type);
}

#endif
