/* Tunnels that are recognised by a UDP port.
 *
 * A port proves nothing: each decoder checks every bit that its RFC fixes, and
 * the content must in the end be a sound IP packet.  Else the UDP packet itself
 * is the result. */

#include "dissect/walk.h"

enum step
tunnel_by_port(uint16_t src_port, uint16_t dst_port)
{
    switch (dst_port) {
    case 4789:
    case 8472: /* Linux before the number was assigned. */ return STEP_VXLAN;
    case 4790: return STEP_VXLAN_GPE;
    case 6081: return STEP_GENEVE;
    case 2152: return STEP_GTP_U;
    case 3544: return STEP_TEREDO;
    default: return src_port == 3544 ? STEP_TEREDO : STEP_OK;
    }
}

/* |R|R|R|R|I|R|R|R|            Reserved                           |
 * |                VXLAN Network Identifier       |   Reserved    |
 * RFC 7348 section 5.  The group policy extension sets the first bit too and
 * uses the reserved 24 bits. */
enum step
tunnel_vxlan(struct walk *w)
{
    enum {
        HAS_ID = 0x08,
        GROUP_POLICY = 0x80
    };
    struct bytes h;

    if (!cursor_take(&w->at, 8, &h) ||
        (bytes_u8(h, 0) & ~GROUP_POLICY) != HAS_ID ||
        !tunnel_enter(w, PACKET_TUNNEL_VXLAN, bytes_be24(h, 4))) {
        return STEP_OK;
    }
    return STEP_ETHERNET;
}

/* |R|R|Ver|I|P|B|O|       Reserved                |Next Protocol  |
 * |                VXLAN Network Identifier       |   Reserved    |
 *                                       draft-ietf-nvo3-vxlan-gpe */
enum step
tunnel_vxlan_gpe(struct walk *w)
{
    enum {
        VERSION = 0x30,
        HAS_ID = 0x08
    };
    struct bytes h;

    if (!cursor_take(&w->at, 8, &h) || bytes_u8(h, 0) & VERSION ||
        !(bytes_u8(h, 0) & HAS_ID) ||
        !tunnel_enter(w, PACKET_TUNNEL_VXLAN, bytes_be24(h, 4))) {
        return STEP_OK;
    }
    switch (bytes_u8(h, 3)) { /* Some senders forget P: 0 says as much. */
    case 0: return STEP_ETHERNET;
    case 1: return STEP_IPV4;
    case 2: return STEP_IPV6;
    case 3: return STEP_ETHERNET;
    case 4: return STEP_NSH;
    case 5: return STEP_MPLS;
    default: return STEP_OK;
    }
}

/* |Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
 * |        Virtual Network Identifier (VNI)       |    Reserved   |
 * |          Options; Opt Len counts 4-byte words  RFC 8926 3.4   | */
enum step
tunnel_geneve(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 8, &h) || bytes_u8(h, 0) >> 6 != 0 ||
        bytes_u8(h, 1) & 0x3f ||
        !cursor_skip(&w->at, 4 * (size_t)(bytes_u8(h, 0) & 0x3f)) ||
        !tunnel_enter(w, PACKET_TUNNEL_GENEVE, bytes_be24(h, 4))) {
        return STEP_OK;
    }
    return link_ethertype(bytes_be16(h, 2));
}

/* 3GPP TS 29.281 section 5.2.1: extension headers, each its length in 4-byte
 * words first and the next one's type last. */
static bool
skip_gtp_extensions(struct walk *w, uint8_t next)
{
    for (int i = 0; next != 0; i++) {
        uint8_t words;
        struct bytes h;

        if (i == DISSECT_MAX_LAYERS || !cursor_u8(&w->at, &words) ||
            words == 0 || !cursor_take(&w->at, 4 * (size_t)words - 1, &h)) {
            return false;
        }
        next = bytes_u8(h, h.size - 1);
    }
    return true;
}

/* | Version 3 |PT|*| E| S|PN| Message Type 8 |      Length 16     |
 * |               Tunnel Endpoint Identifier 32                   |
 * | Sequence 16 | N-PDU 8 | Next extension 8 |  if E, S or PN      |
 *                              3GPP TS 29.281 section 5.1 */
enum step
tunnel_gtp_u(struct walk *w)
{
    enum {
        EXTENSION = 0x04,
        OPTIONAL_FIELDS = 0x07,
        USER_DATA = 0xff
    };
    uint32_t end;
    struct bytes h, more;

    if (!cursor_take(&w->at, 8, &h)) {
        return STEP_OK;
    }
    end = walk_offset(w) + bytes_be16(h, 2);
    if (bytes_u8(h, 0) >> 4 != 3 || bytes_u8(h, 1) != USER_DATA ||
        end > w->wire_end) {
        return STEP_OK;
    }
    if (bytes_u8(h, 0) & OPTIONAL_FIELDS) {
        if (!cursor_take(&w->at, 4, &more) ||
            (bytes_u8(h, 0) & EXTENSION &&
             !skip_gtp_extensions(w, bytes_u8(more, 3)))) {
            return STEP_OK;
        }
    }
    walk_narrow(w, end);
    return tunnel_enter(w, PACKET_TUNNEL_GTP_U, bytes_be32(h, 4)) ? STEP_RAW
                                                                  : STEP_OK;
}

/* RFC 4380 section 5.1.1, each optional, in this order:
 * | 00 01 | id length 8 | auth length 8 | id | auth | nonce 64 | conf 8 |
 * | 00 00 | origin port 16 | origin address 32 |
 * then an IPv6 packet. */
enum step
tunnel_teredo(struct walk *w)
{
    struct bytes h;

    if (cursor_peek(&w->at, 4, &h) && bytes_be16(h, 0) == 1 &&
        !cursor_skip(&w->at, 13U + bytes_u8(h, 2) + bytes_u8(h, 3))) {
        return STEP_OK;
    }
    if (cursor_peek(&w->at, 2, &h) && bytes_be16(h, 0) == 0 &&
        !cursor_skip(&w->at, 8)) {
        return STEP_OK;
    }
    return tunnel_enter(w, PACKET_TUNNEL_TEREDO, 0) ? STEP_IPV6 : STEP_OK;
}
