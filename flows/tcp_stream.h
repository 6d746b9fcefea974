/* What of each TCP byte stream was seen: gaps, repeats and late segments.
 *
 * Each direction keeps how far it was seen without a hole and up to
 * FLOW_MAX_ISLANDS stretches seen beyond one.  Beyond that the holes between
 * the closest are forgotten and the history gets its 'x'. */

#ifndef FLOWS_TCP_STREAM_H
#define FLOWS_TCP_STREAM_H

#include "flows/flow.h"
#include "flows/flow_parts.h"

#include <stdint.h>

/* From one sequence number to another, which is near. */
static inline int32_t
tcp_distance(uint32_t to, uint32_t from)
{
    return (int32_t)(to - from);
}

/* 'end' sent these bytes. */
void tcp_stream_sent(struct flow *, struct flow_dialogue *, unsigned end,
                     uint32_t seq, uint32_t length);

/* 'end' sent bytes that are not past its highest: a retransmission if they were
 * seen before, else out of order.  Call before tcp_stream_sent(). */
void tcp_stream_repeated(struct flow *, const struct flow_dialogue *,
                         unsigned end, uint32_t seq, uint32_t length);

/* What 'end' sent is acknowledged up to 'ack': what was not seen of it by now
 * is a gap. */
void tcp_stream_acked(struct flow *, struct flow_dialogue *, unsigned end,
                      uint32_t ack);

#endif
