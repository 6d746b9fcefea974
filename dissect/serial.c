/* Point-to-point links: PPP in its framings, Cisco HDLC, Frame Relay. */

#include "dissect/walk.h"

/* RFC 2516 section 4:
 * | version 4 | type 4 | code 8 | session 16 | length 16 |  PPP */
enum step
serial_pppoe(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 6, &h)) {
        return walk_cut(w);
    }
    if (bytes_u8(h, 0) != 0x11) {
        return STEP_BAD_HEADER;
    }
    if (bytes_u8(h, 1) != 0) {
        return STEP_NOT_IP; /* Discovery. */
    }
    walk_narrow(w, walk_offset(w) + bytes_be16(h, 4));
    return STEP_PPP;
}

/* RFC 1661 section 2 and RFC 1662 section 3.1:
 * | address ff | control 03 |  protocol 8 or 16  |
 * Address and control may be compressed away; an odd first byte is a protocol
 * of one byte.  0f or 8f in their place is Cisco HDLC on the same link. */
enum step
serial_ppp(struct walk *w)
{
    struct bytes h;
    uint8_t low, high = 0;

    if (!cursor_peek(&w->at, 2, &h)) {
        return walk_cut(w);
    }
    switch (bytes_be16(h, 0)) {
    case 0xff03: (void)cursor_skip(&w->at, 2); break;
    case 0x0f00:
    case 0x8f00: return STEP_CISCO_HDLC;
    default: break;
    }
    if (!cursor_u8(&w->at, &low)) {
        return walk_cut(w);
    }
    if (!(low & 1)) {
        high = low;
        if (!cursor_u8(&w->at, &low)) {
            return walk_cut(w);
        }
    }
    switch (high << 8 | low) {
    case 0x0021: return STEP_IPV4;
    case 0x0057: return STEP_IPV6;
    case 0x0281:
    case 0x0283: return STEP_MPLS;
    default: return STEP_NOT_IP;
    }
}

/* RFC 1547 section 4.3.1:  | address 8 | control 8 | ethertype 16 | */
enum step
serial_cisco_hdlc(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 4, &h)) {
        return walk_cut(w);
    }
    return link_ethertype(bytes_be16(h, 2));
}

/* RFC 2427 section 3:
 * | Q.922 address, 2 to 4 bytes | control 03 | pad 00? | NLPID 8 | */
enum step
serial_frame_relay(struct walk *w)
{
    uint8_t byte;
    uint16_t type;
    int n_address = 0;
    struct bytes next;

    do {
        if (!cursor_u8(&w->at, &byte)) {
            return walk_cut(w);
        }
        n_address++;
    } while (!(byte & 1) && n_address < 4);
    if (!cursor_peek(&w->at, 2, &next)) {
        return walk_cut(w);
    }
    if (bytes_u8(next, 0) != 0x03) { /* Cisco's own: an ethertype. */
        return cursor_be16(&w->at, &type) ? link_ethertype(type) : walk_cut(w);
    }
    (void)cursor_skip(&w->at, 1);
    if (bytes_u8(next, 1) == 0 && !cursor_skip(&w->at, 1)) {
        return walk_cut(w);
    }
    if (!cursor_u8(&w->at, &byte)) {
        return walk_cut(w);
    }
    switch (byte) {
    case 0xcc: return STEP_IPV4;
    case 0x8e: return STEP_IPV6;
    case 0x80: return link_snap(w);
    case 0xcf: return STEP_PPP; /* RFC 1973 */
    default: return STEP_NOT_IP;
    }
}
