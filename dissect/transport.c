/* Ports, flags and lengths of the transport protocols.
 *
 * Whatever is wrong here, the packet counts: PACKET_NO_TRANSPORT says that the
 * header could not be read as a whole, and the ports are set if they were
 * there. */

#include "dissect/walk.h"

static bool read_ports(struct walk *, struct bytes *header, size_t size);
static enum step no_transport(struct walk *);

/*  0                   1                   2                   3
 * |          Source Port          |       Destination Port        |
 * |                        Sequence Number                        |
 * |                    Acknowledgment Number                      |
 * | Offset| Rsrvd |     Flags     |            Window             |
 * |           Checksum            |         Urgent Pointer        |
 *                                              RFC 9293 section 3.1 */
enum step
transport_tcp(struct walk *w)
{
    struct packet *p = w->packet;
    uint32_t header;
    struct bytes h;

    if (!read_ports(w, &h, 20)) {
        return no_transport(w);
    }
    p->tcp_seq = bytes_be32(h, 4);
    p->tcp_ack = bytes_be32(h, 8);
    p->tcp_flags = bytes_u8(h, 13);
    p->tcp_window = bytes_be16(h, 14);
    p->transport_checksum = bytes_be16(h, 16);
    header = (bytes_u8(h, 12) >> 4) * 4U;
    if (header < 20 || header > walk_ip_left(w, p->transport_at)) {
        return no_transport(w);
    }
    walk_set_payload(w, p->transport_at + header);
    return STEP_OK;
}

/* |          Source Port          |       Destination Port        |
 * |            Length             |           Checksum            |   RFC 768
 * The length is believed if it fits the IP packet: it may be shorter.  In a
 * first fragment it is that of the whole datagram.  UDP-Lite has the checksum's
 * coverage there (RFC 3828 section 3.1). */
enum step
transport_udp(struct walk *w)
{
    struct packet *p = w->packet;
    uint32_t length;
    struct bytes h;

    if (!read_ports(w, &h, 8)) {
        return no_transport(w);
    }
    p->transport_checksum = bytes_be16(h, 6);
    walk_set_payload(w, p->transport_at + 8U);
    if (p->protocol == PROTOCOL_UDP_LITE) {
        return STEP_OK;
    }
    length = bytes_be16(h, 4);
    if (length >= 8 && length - 8 <= p->payload_bytes) {
        walk_narrow(w, p->transport_at + length);
        walk_set_payload(w, p->transport_at + 8U);
        p->payload_bytes = length - 8;
    } else if (!(p->flags & PACKET_FRAGMENT)) {
        p->flags |= PACKET_ALTERED;
    }
    return tunnel_by_port(p->src_port, p->dst_port);
}

/* |          Source Port          |       Destination Port        |
 * |                       Verification Tag                        |
 * |                           Checksum                            |
 *                                            RFC 9260 section 3.1 */
enum step
transport_sctp(struct walk *w)
{
    struct bytes h;

    if (!read_ports(w, &h, 12)) {
        return no_transport(w);
    }
    w->packet->transport_checksum = bytes_be16(h, 8) ^ bytes_be16(h, 10);
    walk_set_payload(w, walk_offset(w));
    return STEP_OK;
}

/* |          Source Port          |           Dest Port           |
 * |  Data Offset  | CCVal | CsCov |           Checksum            |
 *                                            RFC 4340 section 5.1 */
enum step
transport_dccp(struct walk *w)
{
    struct packet *p = w->packet;
    uint32_t header;
    struct bytes h;

    if (!read_ports(w, &h, 12)) {
        return no_transport(w);
    }
    p->transport_checksum = bytes_be16(h, 6);
    header = bytes_u8(h, 4) * 4U;
    if (header < 12 || header > walk_ip_left(w, p->transport_at)) {
        return no_transport(w);
    }
    walk_set_payload(w, p->transport_at + header);
    return STEP_OK;
}

/* Types of messages that quote the packet they are about.  A redirect quotes
 * one too, but is no sign of that packet's fate. */
static bool
is_icmp_error(uint8_t protocol, uint8_t type)
{
    if (protocol == PROTOCOL_ICMPV6) {
        return type >= 1 && type <= 4;
    }
    return type == 3 || type == 4 || type == 11 || type == 12;
}

/* Types whose bytes 4 and 5 are an identifier: queries and their replies. */
static bool
has_icmp_id(uint8_t protocol, uint8_t type)
{
    if (protocol == PROTOCOL_ICMPV6) {
        return type == 128 || type == 129;
    }
    return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

/* |     Type      |     Code      |          Checksum             |
 * |            depends on the type: identifier, MTU, ...          |
 *                               RFC 792, RFC 4443 section 2.1 */
enum step
transport_icmp(struct walk *w)
{
    struct packet *p = w->packet;
    struct bytes h;

    if (!cursor_peek(&w->at, 2, &h)) {
        p->flags |= PACKET_NO_ICMP_TYPE;
        return no_transport(w);
    }
    p->icmp_type = bytes_u8(h, 0);
    p->icmp_code = bytes_u8(h, 1);
    if (!cursor_take(&w->at, 8, &h)) {
        return no_transport(w);
    }
    p->transport_checksum = bytes_be16(h, 2);
    if (has_icmp_id(p->protocol, p->icmp_type)) {
        p->icmp_id = bytes_be16(h, 4);
    }
    walk_set_payload(w, walk_offset(w));
    if (is_icmp_error(p->protocol, p->icmp_type)) {
        quoted_read(w);
    }
    return STEP_OK;
}

/* Takes the fixed header of 'size' bytes, ports first.  If only the ports are
 * there, they are set all the same. */
static bool
read_ports(struct walk *w, struct bytes *header, size_t size)
{
    struct bytes ports;

    if (!cursor_peek(&w->at, 4, &ports)) {
        return false;
    }
    w->packet->src_port = bytes_be16(ports, 0);
    w->packet->dst_port = bytes_be16(ports, 2);
    return cursor_take(&w->at, size, header);
}

static enum step
no_transport(struct walk *w)
{
    w->packet->flags |= PACKET_NO_TRANSPORT;
    walk_set_payload(w, w->packet->transport_at);
    return STEP_OK;
}
