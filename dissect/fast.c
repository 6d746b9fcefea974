/* The commonest frames, decoded straight through.
 *
 * Ethernet, at most one 802.1Q tag, IPv4 or IPv6 without options or fragments,
 * TCP or UDP that is no tunnel: nearly everything on most networks.  The walk
 * would come to the same result in three times as many instructions; whatever
 * looks unusual here is left to it.  tests/dissect/test_fast.c holds the two
 * equal.
 */

#include "dissect/walk.h"

enum {
    MAC_BYTES = 14,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    TCP_BYTES = 20,
    UDP_BYTES = 8,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    MORE_OR_LATER_FRAGMENT = 0x3fff
};

static bool fast_ipv4(struct cursor *, struct packet *);
static bool fast_ipv6(struct cursor *, struct packet *);
static void fast_link(struct bytes ethernet, uint16_t tag, struct packet *);
static bool fast_tcp(struct cursor *, struct packet *, uint32_t captured_end);
static bool fast_udp(struct cursor *, struct packet *, uint32_t captured_end);

bool
fast_frame(const struct frame *frame, struct packet *p)
{
    struct cursor c = cursor_over((struct bytes){frame->data, frame->captured});
    uint32_t ip_at = MAC_BYTES, captured_end;
    uint16_t type, tag = 0;
    struct bytes ethernet, h;

    if (frame->link != FRAME_LINK_ETHERNET ||
        !cursor_take(&c, MAC_BYTES, &ethernet)) {
        return false;
    }
    type = bytes_be16(ethernet, 12);
    if (type == TYPE_VLAN && cursor_take(&c, 4, &h)) {
        tag = bytes_be16(h, 0);
        type = bytes_be16(h, 2);
        ip_at += 4;
    }
    if (type != TYPE_IPV4 && type != TYPE_IPV6) {
        return false;
    }
    walk_start_packet(frame, p);
    fast_link(ethernet, tag, p);
    p->ip_at = (uint16_t)ip_at;
    if (!(type == TYPE_IPV4 ? fast_ipv4(&c, p) : fast_ipv6(&c, p))) {
        return false;
    }
    captured_end = ip_at + p->ip_bytes;
    if (captured_end > frame->captured) {
        captured_end = frame->captured;
        p->flags |= PACKET_TRUNCATED;
    }
    switch (p->protocol) {
    case PROTOCOL_TCP: return fast_tcp(&c, p, captured_end);
    case PROTOCOL_UDP: return fast_udp(&c, p, captured_end);
    default: return false;
    }
}

static void
fast_link(struct bytes ethernet, uint16_t tag, struct packet *p)
{
    memcpy(p->dst_mac, bytes_part(ethernet, 0, 6).data, 6);
    memcpy(p->src_mac, bytes_part(ethernet, 6, 6).data, 6);
    p->flags = PACKET_HAS_MAC;
    if (bytes_be32(ethernet, 0) == UINT32_MAX &&
        bytes_be16(ethernet, 4) == UINT16_MAX) {
        p->flags |= PACKET_LINK_BROADCAST;
    }
    p->vlan[0] = tag & 0xfff;
    p->n_vlans = p->vlan[0] != 0;
}

static bool
fast_ipv4(struct cursor *c, struct packet *p)
{
    struct bytes h;

    if (!cursor_take(c, IPV4_BYTES, &h)) {
        return false;
    }
    p->ip_bytes = bytes_be16(h, 2);
    if (bytes_u8(h, 0) != 0x45 || p->ip_bytes < IPV4_BYTES ||
        bytes_be16(h, 6) & MORE_OR_LATER_FRAGMENT) {
        return false;
    }
    p->src = addr_from_ipv4(bytes_part(h, 12, 4).data);
    p->dst = addr_from_ipv4(bytes_part(h, 16, 4).data);
    p->protocol = bytes_u8(h, 9);
    p->ip_version = 4;
    p->ttl = bytes_u8(h, 8);
    p->ip_id = bytes_be16(h, 4);
    p->transport_at = (uint16_t)(p->ip_at + IPV4_BYTES);
    return true;
}

static bool
fast_ipv6(struct cursor *c, struct packet *p)
{
    struct bytes h;

    if (!cursor_take(c, IPV6_BYTES, &h) || bytes_u8(h, 0) >> 4 != 6 ||
        bytes_be16(h, 4) == 0) {
        return false;
    }
    p->ip_bytes = bytes_be16(h, 4) + (uint32_t)IPV6_BYTES;
    memcpy(p->src.byte, bytes_part(h, 8, 16).data, 16);
    memcpy(p->dst.byte, bytes_part(h, 24, 16).data, 16);
    p->protocol = bytes_u8(h, 6);
    p->ip_version = 6;
    p->ttl = bytes_u8(h, 7);
    p->transport_at = (uint16_t)(p->ip_at + IPV6_BYTES);
    return true;
}

/* Bytes that IP says there are past its own header. */
static uint32_t
ip_payload_bytes(const struct packet *p)
{
    return p->ip_at + p->ip_bytes - p->transport_at;
}

/* Fills in where the payload is.  Returns false if it starts past what was
 * captured. */
static bool
fast_payload(struct packet *p, uint32_t header, uint32_t bytes,
             uint32_t captured_end)
{
    uint32_t at = p->transport_at + header;
    uint32_t captured = captured_end - at;

    if (at > captured_end) {
        return false;
    }
    p->payload_at = (uint16_t)at;
    p->payload_bytes = bytes;
    p->payload_captured = captured < bytes ? captured : bytes;
    return true;
}

static bool
fast_tcp(struct cursor *c, struct packet *p, uint32_t captured_end)
{
    uint32_t bytes = ip_payload_bytes(p), header;
    struct bytes h;

    if (!cursor_take(c, TCP_BYTES, &h)) {
        return false;
    }
    header = (bytes_u8(h, 12) >> 4) * 4U;
    if (header < TCP_BYTES || header > bytes) {
        return false;
    }
    p->src_port = bytes_be16(h, 0);
    p->dst_port = bytes_be16(h, 2);
    p->tcp_seq = bytes_be32(h, 4);
    p->tcp_ack = bytes_be32(h, 8);
    p->tcp_flags = bytes_u8(h, 13);
    p->tcp_window = bytes_be16(h, 14);
    p->transport_checksum = bytes_be16(h, 16);
    return fast_payload(p, header, bytes - header, captured_end);
}

static bool
fast_udp(struct cursor *c, struct packet *p, uint32_t captured_end)
{
    uint32_t length;
    struct bytes h;

    if (!cursor_take(c, UDP_BYTES, &h)) {
        return false;
    }
    length = bytes_be16(h, 4);
    if (length < UDP_BYTES || length > ip_payload_bytes(p)) {
        return false;
    }
    p->src_port = bytes_be16(h, 0);
    p->dst_port = bytes_be16(h, 2);
    p->transport_checksum = bytes_be16(h, 6);
    return tunnel_by_port(p->src_port, p->dst_port) == STEP_OK &&
           fast_payload(p, UDP_BYTES, length - UDP_BYTES, captured_end);
}
