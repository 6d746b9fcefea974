/* The Internet checksum with its pseudo-header; see checksum.h.
 *
 *     IPv4 (RFC 9293 3.1): source, destination, protocol, length of the
 * segment. IPv6 (RFC 8200 8.1): the same, of 16 bytes each address. */

#include "tools/doctor/checksum.h"

#include "capture/frame.h"
#include "dissect/packet.h"

#include <stddef.h>

enum {
    IPV4_AT = 12, /* Of an address that is mapped. */
    UDP_SUM_AT = 6
};

static uint64_t add(uint64_t sum, const uint8_t *bytes, size_t n);

enum checksum_state
checksum_check(const struct frame *frame, const struct packet *packet)
{
    size_t skip = packet->ip_version == 4 ? IPV4_AT : 0;
    size_t at = packet->transport_at;
    size_t before = at - packet->ip_at;
    const uint8_t *segment = frame->data + at;
    uint64_t sum;
    size_t n;

    if ((packet->protocol != PROTOCOL_TCP &&
         packet->protocol != PROTOCOL_UDP) ||
        (packet->flags & (PACKET_FRAGMENT | PACKET_NO_TRANSPORT)) ||
        at <= packet->ip_at || packet->ip_bytes <= before) {
        return CHECKSUM_NONE;
    }
    n = packet->ip_bytes - before;
    if (at + n > frame->captured || n <= UDP_SUM_AT + 1) {
        return CHECKSUM_NONE;
    }
    if (packet->protocol == PROTOCOL_UDP && segment[UDP_SUM_AT] == 0 &&
        segment[UDP_SUM_AT + 1] == 0) {
        return CHECKSUM_NONE; /* RFC 768: the sender computed none. */
    }
    sum = add(n + packet->protocol, packet->src.byte + skip,
              sizeof packet->src.byte - skip);
    sum = add(sum, packet->dst.byte + skip, sizeof packet->dst.byte - skip);
    sum = add(sum, segment, n);
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum == 0xffff ? CHECKSUM_RIGHT : CHECKSUM_WRONG;
}

static uint64_t
add(uint64_t sum, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        sum += (uint64_t)bytes[i] << 8 | bytes[i + 1];
    }
    return n % 2 ? sum + ((uint64_t)bytes[n - 1] << 8) : sum;
}
