/* What happens once in 2^32, or with few packets. */

#include "flows/flow_count.h"

#include "flows/flow_parts.h"

#include <string.h>

void
flow_count_begin(struct flow *flow, const struct packet *p)
{
    flow->start = p->time;
    flow->end = p->time;
    flow->first_frame = p->number;
    memset(flow->ttl_min, 0xff, sizeof flow->ttl_min);
}

void
flow_count_over(struct flow *flow, unsigned sender, const struct packet *p)
{
    const struct flow_count *c = &flow->count[sender];
    struct flow_carry *carry = &flow_part_get(flow, FLOW_PART_CARRY)->carry;

    flow->marks |= FLOW_MARK_CARRY;
    carry->packets[sender] += c->packets == UINT32_MAX;
    carry->bytes[sender] += c->bytes > UINT32_MAX - p->ip_bytes;
    carry->payload[sender] += c->payload > UINT32_MAX - p->payload_bytes;
}

void
flow_count_early(struct flow *flow, struct wall_time time)
{
    struct flow_notes *notes;

    flow->flags |= FLOW_TIME_STEPPED;
    if (time.ns >= flow->start.ns) {
        return;
    }
    notes = &flow_part_get(flow, FLOW_PART_NOTES)->notes;
    if (!(flow->marks & FLOW_MARK_EARLY) || time.ns < notes->early.ns) {
        flow->marks |= FLOW_MARK_EARLY;
        notes->early = time;
    }
}

void
flow_count_flags(struct flow *flow, uint16_t flags)
{
    unsigned kept = 0;

    kept |= flags & PACKET_FRAGMENT ? FLOW_FRAGMENTS : 0;
    kept |= flags & PACKET_TRUNCATED ? FLOW_TRUNCATED : 0;
    kept |= flags & PACKET_NO_TRANSPORT ? FLOW_NO_TRANSPORT : 0;
    kept |= flags & PACKET_LENGTH_GUESSED ? FLOW_LENGTH_GUESSED : 0;
    flow->flags |= (uint16_t)kept;
}
