/* Counting a packet on its flow: totals, times and facts of its header.
 *
 * Inline: once a packet, and what is rare is elsewhere. */

#ifndef FLOWS_FLOW_COUNT_H
#define FLOWS_FLOW_COUNT_H

#include "dissect/packet.h"
#include "flows/flow.h"

#include <stdbool.h>
#include <stdint.h>

/* The packet starts the flow. */
void flow_count_begin(struct flow *, const struct packet *);

/* What is out of the ordinary: a count that overflows, a time that goes
 * backwards, flags that the flow keeps. */
void flow_count_over(struct flow *, unsigned sender, const struct packet *);
void flow_count_early(struct flow *, struct wall_time);
void flow_count_flags(struct flow *, uint16_t packet_flags);

/* The packet, sent by 'sender'. */
static inline void
flow_count_packet(struct flow *flow, const struct packet *p, unsigned sender)
{
    const unsigned kept = PACKET_FRAGMENT | PACKET_TRUNCATED |
                          PACKET_NO_TRANSPORT | PACKET_LENGTH_GUESSED;
    struct flow_count *c = &flow->count[sender];
    uint32_t packets;
    uint32_t bytes;
    uint32_t payload;
    bool is_over = __builtin_add_overflow(c->packets, 1, &packets);

    is_over |= __builtin_add_overflow(c->bytes, p->ip_bytes, &bytes);
    is_over |= __builtin_add_overflow(c->payload, p->payload_bytes, &payload);
    if (is_over) {
        flow_count_over(flow, sender, p);
    }
    *c = (struct flow_count){packets, bytes, payload};
    if (p->time.ns >= flow->end.ns) {
        flow->end = p->time;
    } else {
        flow_count_early(flow, p->time);
    }
    flow->last_frame = p->number;
    if (p->ttl < flow->ttl_min[sender]) {
        flow->ttl_min[sender] = p->ttl;
    }
    if (p->ttl > flow->ttl_max[sender]) {
        flow->ttl_max[sender] = p->ttl;
    }
    flow->tcp_flags[sender] |= p->tcp_flags;
    if (p->flags & kept) {
        flow_count_flags(flow, p->flags);
    }
}

#endif
