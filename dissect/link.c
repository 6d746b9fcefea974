/* Ethernet and what stacks on it: LLC/SNAP, VLAN tags, MPLS, and the tags that
 * switches put in front of mirrored frames.
 *
 * Ethertypes are the common currency: SLL, Cisco HDLC, GRE and Geneve use them
 * too, so link_ethertype() serves them all. */

#include "dissect/walk.h"

enum {
    MIN_ETHERTYPE = 0x600, /* Smaller is an 802.3 length (IEEE 802.3 3.2.6). */
    MAX_8023_LENGTH = 1500
};

static enum step ethernet_type_or_length(struct walk *, uint16_t field);
static bool looks_like_ipv4(const struct walk *);
static enum step pseudowire(struct walk *);

enum step
link_type(uint16_t link)
{
    switch (link) {
    case FRAME_LINK_ETHERNET: return STEP_ETHERNET;
    case FRAME_LINK_NULL:
    case FRAME_LINK_LOOP: return STEP_LOOPBACK;
    case FRAME_LINK_RAW:
    case FRAME_LINK_IPV4:
    case FRAME_LINK_IPV6: return STEP_RAW;
    case FRAME_LINK_LINUX_SLL: return STEP_SLL;
    case FRAME_LINK_LINUX_SLL2: return STEP_SLL2;
    case FRAME_LINK_PPP:
    case FRAME_LINK_PPP_HDLC: return STEP_PPP;
    case FRAME_LINK_PPP_ETHER: return STEP_PPPOE;
    case FRAME_LINK_C_HDLC: return STEP_CISCO_HDLC;
    case FRAME_LINK_FRELAY: return STEP_FRAME_RELAY;
    case FRAME_LINK_IEEE802_11: return STEP_WLAN;
    case FRAME_LINK_RADIOTAP: return STEP_RADIOTAP;
    case FRAME_LINK_PRISM: return STEP_PRISM;
    case FRAME_LINK_PPI: return STEP_PPI;
    case FRAME_LINK_NFLOG: return STEP_NFLOG;
    case FRAME_LINK_IPNET: return STEP_IPNET;
    case FRAME_LINK_IPOIB: return STEP_IPOIB;
    case FRAME_LINK_PKTAP: return STEP_PKTAP;
    default: return STEP_UNKNOWN_LINK;
    }
}

enum step
link_ethertype(uint16_t type)
{
    switch (type) {
    case 0x0800: return STEP_IPV4;
    case 0x86dd: return STEP_IPV6;
    case 0x8100: /* 802.1Q */
    case 0x88a8: /* 802.1ad, QinQ as standardised */
    case 0x9100: /* QinQ before that; every vendor took another number. */
    case 0x9200:
    case 0x9300: return STEP_VLAN;
    case 0x8847: /* Unicast */
    case 0x8848: return STEP_MPLS;
    case 0x8864: return STEP_PPPOE;
    case 0x880b: return STEP_PPP;
    case 0x6558: return STEP_ETHERNET; /* Transparent Ethernet bridging. */
    case 0x6559: return STEP_FRAME_RELAY;
    case 0x88e5: return STEP_MACSEC;
    case 0x88e7: return STEP_PROVIDER_BACKBONE;
    case 0x8870: return STEP_LLC; /* Jumbo frames. */
    case 0x8903: return STEP_FABRIC_PATH;
    case 0x8909: return STEP_CISCO_METADATA;
    case 0x8926: return STEP_VN_TAG;
    case 0x893f: return STEP_E_TAG;
    case 0x894f: return STEP_NSH;
    default: return STEP_NOT_IP;
    }
}

/*  0                   6                  12          14
 * +-------------------+-------------------+-----------+
 * |  destination MAC  |    source MAC     | type/len  |
 * +-------------------+-------------------+-----------+
 * A frame inside a frame brings its own tags and addresses. */
enum step
link_ethernet(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 14, &h)) {
        return walk_cut(w);
    }
    memcpy(w->next->dst_mac, bytes_part(h, 0, 6).data, 6);
    memcpy(w->next->src_mac, bytes_part(h, 6, 6).data, 6);
    w->next->n_vlans = 0;
    w->next->flags = PACKET_HAS_MAC;
    if (bytes_be32(h, 0) == UINT32_MAX && bytes_be16(h, 4) == UINT16_MAX) {
        w->next->flags |= PACKET_LINK_BROADCAST;
    }
    return ethernet_type_or_length(w, bytes_be16(h, 12));
}

static enum step
ethernet_type_or_length(struct walk *w, uint16_t field)
{
    if (field >= MIN_ETHERTYPE) {
        return link_ethertype(field);
    }
    if (field > MAX_8023_LENGTH) {
        return STEP_NOT_IP;
    }
    walk_narrow(w, walk_offset(w) + field);
    return STEP_LLC;
}

/* IEEE 802.1Q 9.6:  | PCP 3 | DEI 1 | VLAN id 12 | type/len 16 | */
enum step
link_vlan(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 4, &h)) {
        return walk_cut(w);
    }
    link_add_vlan(w, bytes_be16(h, 0));
    return ethernet_type_or_length(w, bytes_be16(h, 2));
}

void
link_add_vlan(struct walk *w, uint16_t tag)
{
    uint16_t id = tag & 0xfff;

    if (id != 0 && w->next->n_vlans < PACKET_MAX_VLANS) {
        w->next->vlan[w->next->n_vlans++] = id;
    }
}

/* IEEE 802.2 and RFC 1042:
 * | DSAP | SSAP | control |              LLC
 * |  aa  |  aa  |   03    | OUI 24 | type 16 |   SNAP  */
enum step
link_llc(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 3, &h)) {
        return walk_cut(w);
    }
    switch (bytes_be24(h, 0)) {
    case 0x060603: return STEP_IPV4;
    case 0xaaaa03: return link_snap(w);
    default: return STEP_NOT_IP;
    }
}

enum step
link_snap(struct walk *w)
{
    struct bytes snap;

    if (!cursor_take(&w->at, 5, &snap)) {
        return walk_cut(w);
    }
    switch (bytes_be24(snap, 0)) {
    case 0x000000: /* RFC 1042 */
    case 0x0000f8: /* Bridge tunnel: 802.1H */
        return link_ethertype(bytes_be16(snap, 3));
    case 0x0080c2: /* Bridged, RFC 2427 4.2: with and without FCS. */
        return bytes_be16(snap, 3) == 1 || bytes_be16(snap, 3) == 7
                   ? STEP_ETHERNET
                   : STEP_NOT_IP;
    default: return STEP_NOT_IP;
    }
}

/* RFC 3032 2.1:  | label 20 | TC 3 | S 1 | TTL 8 |  ... until S.
 *
 * Nothing names what follows the last label.  As everyone does (RFC 4928), the
 * first nibble tells IP, or 1 an associated channel (RFC 4385); anything else
 * is an Ethernet frame, with or without a control word before it.  A wrong
 * guess does no harm: the IP header must make sense in the end. */
enum step
link_mpls(struct walk *w)
{
    struct bytes h, next;

    if (!cursor_take(&w->at, 4, &h)) {
        return walk_cut(w);
    }
    if (!(bytes_u8(h, 2) & 1)) {
        return STEP_MPLS;
    }
    if (!cursor_peek(&w->at, 1, &next)) {
        return walk_cut(w);
    }
    switch (bytes_u8(next, 0) >> 4) {
    case 0: return pseudowire(w);
    case 1: return STEP_NOT_IP;
    case 4: return looks_like_ipv4(w) ? STEP_IPV4 : STEP_ETHERNET;
    case 6: return STEP_IPV6;
    default: return STEP_ETHERNET;
    }
}

/* Told from a MAC address that happens to start with 4. */
static bool
looks_like_ipv4(const struct walk *w)
{
    struct bytes h;
    uint16_t total;

    if (!cursor_peek(&w->at, 4, &h)) {
        return true;
    }
    total = bytes_be16(h, 2);
    return (bytes_u8(h, 0) & 0xf) >= 5 &&
           (total == 0 || total <= w->wire_end - walk_offset(w));
}

/* A control word (RFC 4448 section 4.6) starts with a nibble of 0, and so do
 * many MAC addresses: the ethertype that leads somewhere decides. */
static enum step
pseudowire(struct walk *w)
{
    struct bytes h;

    if (!cursor_peek(&w->at, 18, &h)) {
        return walk_cut(w);
    }
    if (link_ethertype(bytes_be16(h, 16)) != STEP_NOT_IP ||
        link_ethertype(bytes_be16(h, 12)) == STEP_NOT_IP) {
        (void)cursor_skip(&w->at, 4);
    }
    return STEP_ETHERNET;
}

/* IEEE 802.1AE 9.3, after the ethertype:
 * | V | ES | SC | SCB | E | C | AN 2 |  short length 8  |
 * |                packet number 32                   |
 * |            SCI 64, if SC            |  secured data | ICV 128 |
 * Without E (encrypted) and C (changed) the data is in the clear. */
enum step
link_macsec(struct walk *w)
{
    enum {
        SC = 0x20,
        ENCRYPTED = 0x08,
        CHANGED = 0x04,
        ICV_BYTES = 16
    };
    struct bytes h;
    uint16_t type;

    if (!cursor_take(&w->at, 6, &h)) {
        return walk_cut(w);
    }
    if (bytes_u8(h, 0) & (ENCRYPTED | CHANGED)) {
        return STEP_ENCRYPTED_LINK;
    }
    if ((bytes_u8(h, 0) & SC && !cursor_skip(&w->at, 8)) ||
        !cursor_be16(&w->at, &type)) {
        return walk_cut(w);
    }
    if (w->wire_end >= walk_offset(w) + ICV_BYTES) {
        walk_narrow(w, w->wire_end - ICV_BYTES);
    }
    return ethernet_type_or_length(w, type);
}

/* Cisco TrustSec, after the ethertype:
 * | version 8 | length 8 | option 16 | security group 16 | type 16 |
 * In GRE the type comes first; versions are far below any type. */
enum step
link_cisco_metadata(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 8, &h)) {
        return walk_cut(w);
    }
    return ethernet_type_or_length(
        w, bytes_be16(h, bytes_be16(h, 0) < MIN_ETHERTYPE ? 6 : 0));
}

/* VN-Tag, after the ethertype:
 * | D | P | destination 14 | L | R | version 2 | source 12 | type 16 | */
enum step
link_vn_tag(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 6, &h)) {
        return walk_cut(w);
    }
    return ethernet_type_or_length(w, bytes_be16(h, 4));
}

/* IEEE 802.1BR 7.5, after the ethertype: six bytes of tag, type 16. */
enum step
link_e_tag(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 8, &h)) {
        return walk_cut(w);
    }
    return ethernet_type_or_length(w, bytes_be16(h, 6));
}

/* IEEE 802.1Q 9.7:  | flags 8 | service id 24 |  Ethernet frame. */
enum step
link_provider_backbone(struct walk *w)
{
    return cursor_skip(&w->at, 4) ? STEP_ETHERNET : walk_cut(w);
}

/* Cisco FabricPath, after the ethertype:  | tree 10 | TTL 6 |  Ethernet frame.
 */
enum step
link_fabric_path(struct walk *w)
{
    return cursor_skip(&w->at, 2) ? STEP_ETHERNET : walk_cut(w);
}
