/* nDPI believes the IP header: it drops packets whose length field says more
 * than was captured, or 0, as segmentation offload leaves it.  Some dissectors
 * look a few bytes past the payload.  And it takes the transport protocol from
 * every packet anew; should that change inside a flow, it frees one member of a
 * union as another.  So every packet is copied, there given the length it
 * really has, followed by zero bytes, and shown only if nDPI finds the
 * transport protocol in it that we did.  The copy costs nothing measurable
 * beside nDPI; no IP packet is larger than the buffer. */

#include "dissect/ndpi_packet.h"

#include "capture/frame.h"
#include "dissect/ndpi_shim.h"
#include "dissect/packet.h"

#include <string.h>

enum {
    IPV4_HEADER = 20,
    IPV6_HEADER = 40
};

static void
set_be16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Bytes of the IP packet there are, 0 if not even a header. */
static size_t
size_of(const struct packet *packet, const struct frame *frame)
{
    size_t header = packet->ip_version == 4 ? IPV4_HEADER : IPV6_HEADER;
    size_t size = packet->ip_bytes;

    if (packet->ip_at >= frame->captured ||
        frame->data[packet->ip_at] >> 4 != packet->ip_version) {
        return 0;
    }
    if (size > frame->captured - packet->ip_at) {
        size = frame->captured - packet->ip_at;
    }
    size = size < UINT16_MAX ? size : UINT16_MAX;
    return size < header ? 0 : size;
}

uint16_t
ndpi_packet_prepare(uint8_t buffer[NDPI_PACKET_SIZE],
                    const struct packet *packet, const struct frame *frame)
{
    size_t size = size_of(packet, frame);
    const u_int8_t *transport;
    u_int16_t transport_size;
    u_int8_t protocol;

    if (size == 0) {
        return 0;
    }
    memcpy(buffer, frame->data + packet->ip_at, size);
    memset(buffer + size, 0, NDPI_PACKET_PADDING);
    if (packet->ip_version == 4) {
        set_be16(buffer + 2, size);
    } else {
        set_be16(buffer + 4, size - IPV6_HEADER);
    }
    if (ndpi_detection_get_l4(buffer, (u_int16_t)size, &transport,
                              &transport_size, &protocol, 0) != 0 ||
        protocol != packet->protocol) {
        return 0;
    }
    return (uint16_t)size;
}
