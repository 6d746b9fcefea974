/* IPv4 and IPv6, with the headers that may stand before the transport's. */

#include "capture/source.h"
#include "dissect/walk.h"

enum {
    IPV4_HEADER_BYTES = 20,
    IPV6_HEADER_BYTES = 40,
    IPV4_MORE_FRAGMENTS = 0x2000,
    IPV4_FRAGMENT_OFFSET = 0x1fff,
    IPV6_FRAGMENT_OFFSET = 0xfff8,
    IPV6_MORE_FRAGMENTS = 0x0001,
    NO_NEXT_HEADER = 59,

    /* A frame that claims to have been larger on the wire was not. */
    LARGEST_FRAME = SOURCE_MAX_FRAME_BYTES
};

static uint32_t length_from_frame(const struct walk *, uint32_t ip_at,
                                  uint16_t *flags);
static void begin_ip(struct walk *, uint32_t ip_at, uint32_t total,
                     uint16_t flags);
static enum step ip_fragment(struct walk *, uint16_t at, bool more,
                             uint8_t protocol);
static enum step ip_protocol(struct walk *, uint8_t protocol);
static enum step cut_before_transport(struct walk *);

/* Numbers without a decoder of their own read as STEP_ETHERNET, which no IP
 * protocol number means here; ip_protocol() ends the walk there. */
static const uint8_t protocol_steps[256] = {
    [0] = STEP_IPV6_OPTIONS, /* Hop-by-hop */
    [PROTOCOL_ICMP] = STEP_ICMP,
    [PROTOCOL_IPV4] = STEP_IP_IN_IP,
    [PROTOCOL_TCP] = STEP_TCP,
    [PROTOCOL_UDP] = STEP_UDP,
    [PROTOCOL_DCCP] = STEP_DCCP,
    [PROTOCOL_IPV6] = STEP_IP_IN_IP,
    [43] = STEP_IPV6_OPTIONS, /* Routing */
    [44] = STEP_IPV6_FRAGMENT,
    [PROTOCOL_GRE] = STEP_GRE,
    [PROTOCOL_AH] = STEP_AUTHENTICATION,
    [PROTOCOL_ICMPV6] = STEP_ICMP,
    [60] = STEP_IPV6_OPTIONS, /* Destination */
    [PROTOCOL_SCTP] = STEP_SCTP,
    [135] = STEP_IPV6_OPTIONS, /* Mobility */
    [PROTOCOL_UDP_LITE] = STEP_UDP,
    [139] = STEP_IPV6_OPTIONS, /* Host identity */
    [140] = STEP_IPV6_OPTIONS, /* Shim6 */
};
static_assert(STEP_ETHERNET == 0, "stands for 'no decoder' above");

/*  0                   1                   2                   3
 * |Version|  IHL  |      TOS      |         Total Length          |
 * |        Identification         |Flags|     Fragment Offset     |
 * | Time to Live  |   Protocol    |        Header Checksum        |
 * |                        Source Address                         |
 * |                      Destination Address                      |
 * |         Options, up to 40 bytes          RFC 791 section 3.1  | */
enum step
ip_v4(struct walk *w)
{
    uint32_t ip_at = walk_offset(w);
    uint16_t flags = 0;
    uint32_t total, header;
    uint16_t fragment;
    struct packet *p;
    struct bytes h;

    if (!cursor_take(&w->at, IPV4_HEADER_BYTES, &h)) {
        return walk_cut(w);
    }
    header = (bytes_u8(h, 0) & 0xfU) * 4;
    total = bytes_be16(h, 2);
    if (total == 0) {
        total = length_from_frame(w, ip_at, &flags);
    }
    if (bytes_u8(h, 0) >> 4 != 4 || header < IPV4_HEADER_BYTES ||
        total < header) {
        return STEP_BAD_HEADER;
    }
    p = walk_has_ip(w);
    p->ip_version = 4;
    p->src = addr_from_ipv4(bytes_part(h, 12, 4).data);
    p->dst = addr_from_ipv4(bytes_part(h, 16, 4).data);
    p->ttl = bytes_u8(h, 8);
    p->ip_id = bytes_be16(h, 4);
    p->protocol = bytes_u8(h, 9);
    begin_ip(w, ip_at, total, flags);
    if (header > IPV4_HEADER_BYTES &&
        !cursor_skip(&w->at, header - IPV4_HEADER_BYTES)) {
        return cut_before_transport(w);
    }
    fragment = bytes_be16(h, 6);
    if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET)) {
        p->fragment_id = p->ip_id;
        p->fragment_protocol = p->protocol;
        return ip_fragment(w, (uint16_t)(fragment << 3),
                           fragment & IPV4_MORE_FRAGMENTS, p->protocol);
    }
    return ip_protocol(w, p->protocol);
}

/*  0                   1                   2                   3
 * |Version| Traffic Class |           Flow Label                  |
 * |         Payload Length        |  Next Header  |   Hop Limit   |
 * |                    Source Address, 16 bytes                   |
 * |                  Destination Address, 16 bytes                |
 *                                                RFC 8200 section 3 */
enum step
ip_v6(struct walk *w)
{
    uint32_t ip_at = walk_offset(w);
    uint16_t flags = 0;
    uint32_t total;
    uint8_t next;
    struct packet *p;
    struct bytes h;

    if (!cursor_take(&w->at, IPV6_HEADER_BYTES, &h)) {
        return walk_cut(w);
    }
    if (bytes_u8(h, 0) >> 4 != 6) {
        return STEP_BAD_HEADER;
    }
    next = bytes_u8(h, 6);
    total = IPV6_HEADER_BYTES + bytes_be16(h, 4);
    if (total == IPV6_HEADER_BYTES && next != NO_NEXT_HEADER) {
        total = length_from_frame(w, ip_at, &flags);
    }
    p = walk_has_ip(w);
    p->ip_version = 6;
    memcpy(p->src.byte, bytes_part(h, 8, 16).data, 16);
    memcpy(p->dst.byte, bytes_part(h, 24, 16).data, 16);
    p->ttl = bytes_u8(h, 7);
    begin_ip(w, ip_at, total, flags);
    return ip_protocol(w, next);
}

static enum step
ip_protocol(struct walk *w, uint8_t protocol)
{
    uint32_t at = walk_offset(w);

    w->packet->protocol = protocol;
    w->packet->transport_at = (uint16_t)at;
    if (protocol_steps[protocol]) {
        return (enum step)protocol_steps[protocol];
    }
    walk_set_payload(w, at);
    return STEP_OK;
}

/* | Next Header | Length in 8 bytes, less 8 |  options  |   RFC 8200 section 4
 * Headers that end a packet with "no next header" (mobility, HIP) are its
 * protocol. */
enum step
ip_v6_options(struct walk *w)
{
    struct bytes h;
    uint8_t next;

    if (w->packet->ip_version != 6) {
        walk_set_payload(w, w->packet->transport_at);
        return STEP_OK;
    }
    if (!cursor_peek(&w->at, 2, &h)) {
        return cut_before_transport(w);
    }
    next = bytes_u8(h, 0);
    if (next == NO_NEXT_HEADER && w->packet->protocol >= 135) {
        walk_set_payload(w, w->packet->transport_at);
        return STEP_OK;
    }
    if (!cursor_skip(&w->at, 8 * ((size_t)bytes_u8(h, 1) + 1))) {
        return cut_before_transport(w);
    }
    return ip_protocol(w, next);
}

/* |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
 * |                         Identification                        |
 * RFC 8200 section 4.5.  A datagram in one fragment (RFC 6946) is none. */
enum step
ip_v6_fragment(struct walk *w)
{
    uint16_t fragment;
    struct bytes h;

    if (w->packet->ip_version != 6) {
        walk_set_payload(w, w->packet->transport_at);
        return STEP_OK;
    }
    if (!cursor_take(&w->at, 8, &h)) {
        return cut_before_transport(w);
    }
    fragment = bytes_be16(h, 2);
    if (!(fragment & (IPV6_FRAGMENT_OFFSET | IPV6_MORE_FRAGMENTS))) {
        return ip_protocol(w, bytes_u8(h, 0));
    }
    w->packet->fragment_id = bytes_be32(h, 4);
    return ip_fragment(w, fragment & IPV6_FRAGMENT_OFFSET,
                       fragment & IPV6_MORE_FRAGMENTS, bytes_u8(h, 0));
}

/* | Next Header | Length in 4 bytes, less 8 |  Reserved  |   RFC 4302 section 2
 * |  SPI 32  |  sequence number 32  |  integrity check value  |
 * In IPv4 too; it hides nothing of what follows. */
enum step
ip_authentication(struct walk *w)
{
    struct bytes h;

    if (!cursor_peek(&w->at, 2, &h) ||
        !cursor_skip(&w->at, 4 * ((size_t)bytes_u8(h, 1) + 2))) {
        return cut_before_transport(w);
    }
    return ip_protocol(w, bytes_u8(h, 0));
}

static uint32_t
length_from_frame(const struct walk *w, uint32_t ip_at, uint16_t *flags)
{
    *flags = PACKET_LENGTH_GUESSED;
    return w->wire_end < LARGEST_FRAME ? w->wire_end - ip_at
                                       : w->captured_end - ip_at;
}

/* Length and bounds of the packet whose header was just read. */
static void
begin_ip(struct walk *w, uint32_t ip_at, uint32_t total, uint16_t flags)
{
    struct packet *p = w->packet;

    if (ip_at + total > w->captured_end) {
        flags |= PACKET_TRUNCATED;
    }
    p->flags |= flags;
    p->ip_at = (uint16_t)ip_at;
    p->ip_bytes = total;
    walk_narrow(w, ip_at + total);
}

static enum step
ip_fragment(struct walk *w, uint16_t at, bool more, uint8_t protocol)
{
    struct packet *p = w->packet;
    enum step step;

    p->flags |= PACKET_FRAGMENT;
    if (more) {
        p->flags |= PACKET_MORE_FRAGMENTS;
    }
    step = ip_protocol(w, protocol);
    if (at == 0) {
        return step;
    }
    walk_set_payload(w, p->transport_at);
    p->fragment_at = at;
    p->flags |= PACKET_LATER_FRAGMENT | PACKET_NO_TRANSPORT;
    return STEP_OK;
}

static enum step
cut_before_transport(struct walk *w)
{
    w->packet->flags |= PACKET_NO_TRANSPORT;
    w->packet->transport_at = (uint16_t)walk_offset(w);
    walk_set_payload(w, walk_offset(w));
    return STEP_OK;
}
