/* Any bytes, as a frame of any link type, end in one result and inside their
 * bounds.  The first two bytes are the link type, the third says how many bytes
 * more the frame had on the wire, and which tunnels are open. */

#include "dissect/walk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool sound)
{
    if (!sound) {
        abort();
    }
}

/* Padding too: both are cleared first. */
static bool
same_bytes(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void
check_packet(const struct frame *frame, const struct packet *p)
{
    check(p->ip_version == 4 || p->ip_version == 6);
    check(p->ip_at <= p->transport_at && p->transport_at <= p->payload_at);
    check(p->payload_at <= frame->captured);
    check(p->payload_captured <= frame->captured - p->payload_at);
    check(p->payload_captured <= p->payload_bytes);
    check(p->payload_bytes <= p->ip_bytes);
    check(p->n_vlans <= PACKET_MAX_VLANS && p->depth < DISSECT_MAX_LAYERS);
    check(p->tunnel < PACKET_N_TUNNELS && !p->tunnel == !p->depth);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over((struct bytes){data, size});
    struct dissect_options options = {.tunnels = UINT32_MAX};
    struct frame frame = {.number = 1};
    struct packet packet, walked;
    enum dissect_result result;
    uint8_t more;

    if (!cursor_be16(&c, &frame.link) || !cursor_u8(&c, &more)) {
        return 0;
    }
    if (more & 1) {
        options = dissect_default_options;
    }
    frame.data = c.at;
    frame.captured = (uint32_t)cursor_left(&c);
    frame.wire_size = frame.captured + more / 2;
    result = dissect_frame(&frame, &options, &packet);
    check((unsigned)result < DISSECT_N_RESULTS);
    check(walk_frame(&frame, &options, &walked) == result);
    check(same_bytes(&packet, &walked, sizeof packet));
    if (result == DISSECT_OK) {
        check_packet(&frame, &packet);
    }
    return 0;
}
