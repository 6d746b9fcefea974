/* Link headers that no wire carries: what operating systems put before packets
 * of interfaces without a link layer of their own. */

#include "dissect/walk.h"

/* ARPHRD_* of linux/if_arp.h that change what the protocol field means. */
enum {
    ARPHRD_FRAD = 770,
    ARPHRD_IPGRE = 778,
    ARPHRD_IEEE80211_RADIOTAP = 803,
    ARPHRD_NETLINK = 824
};

static enum step sll_protocol(uint16_t hardware, uint16_t protocol);

/* By the version nibble. */
enum step
pseudo_raw(struct walk *w)
{
    struct bytes h;

    if (!cursor_peek(&w->at, 1, &h)) {
        return walk_cut(w);
    }
    switch (bytes_u8(h, 0) >> 4) {
    case 4: return STEP_IPV4;
    case 6: return STEP_IPV6;
    default: return STEP_NOT_IP;
    }
}

/* LINKTYPE_NULL and LINKTYPE_LOOP:  | address family 32 |
 * In the byte order of the machine that captured, or of the network; AF_INET6
 * has a number of its own in each family of systems. */
enum step
pseudo_loopback(struct walk *w)
{
    struct bytes h;
    uint32_t family;

    if (!cursor_peek(&w->at, 4, &h)) {
        return walk_cut(w);
    }
    switch (bytes_be16(h, 0)) {
    case 0x0f00: /* Serial interfaces of some systems. */
    case 0x8f00:
    case 0xff03: return STEP_PPP;
    default: (void)cursor_skip(&w->at, 4);
    }
    family = bytes_be32(h, 0);
    if (family > UINT16_MAX) {
        family = bytes_le32(h, 0);
    }
    switch (family) {
    case 2: return STEP_IPV4;
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */ return STEP_IPV6;
    default:
        return family <= UINT16_MAX ? link_ethertype((uint16_t)family)
                                    : STEP_NOT_IP;
    }
}

/* LINKTYPE_LINUX_SLL:
 * | packet type 16 | ARPHRD 16 | address length 16 | address 64 | protocol 16 |
 */
enum step
pseudo_sll(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 16, &h)) {
        return walk_cut(w);
    }
    if (bytes_be16(h, 0) == 1) {
        w->next->flags |= PACKET_LINK_BROADCAST;
    }
    return sll_protocol(bytes_be16(h, 2), bytes_be16(h, 14));
}

/* LINKTYPE_LINUX_SLL2:
 * | protocol 16 | reserved 16 | interface 32 | ARPHRD 16 | packet type 8 |
 * | address length 8 | address 64 | */
enum step
pseudo_sll2(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 20, &h)) {
        return walk_cut(w);
    }
    if (bytes_u8(h, 10) == 1) {
        w->next->flags |= PACKET_LINK_BROADCAST;
    }
    return sll_protocol(bytes_be16(h, 8), bytes_be16(h, 0));
}

static enum step
sll_protocol(uint16_t hardware, uint16_t protocol)
{
    switch (hardware) {
    case ARPHRD_NETLINK: return STEP_NOT_IP;
    case ARPHRD_FRAD: return STEP_FRAME_RELAY;
    case ARPHRD_IEEE80211_RADIOTAP: return STEP_RADIOTAP;
    case ARPHRD_IPGRE:
    default: return protocol == 4 ? STEP_LLC : link_ethertype(protocol);
    }
}

/* LINKTYPE_NFLOG:  | family 8 | version 8 | resource 16 |  then attributes
 * | length 16, itself included | type 16 | value |  padded to 4, in the byte
 * order of the machine that captured, which nothing tells: a length that fits
 * decides. */
enum step
pseudo_nflog(struct walk *w)
{
    enum {
        MAX_ATTRIBUTES = 64,
        ATTRIBUTE_PAYLOAD = 9
    };
    struct bytes h;

    if (!cursor_skip(&w->at, 4)) {
        return walk_cut(w);
    }
    for (int i = 0; i < MAX_ATTRIBUTES && cursor_take(&w->at, 4, &h); i++) {
        bool big = bytes_le16(h, 0) > 0xff && bytes_u8(h, 0) == 0;
        uint16_t size = big ? bytes_be16(h, 0) : bytes_le16(h, 0);
        uint16_t type = big ? bytes_be16(h, 2) : bytes_le16(h, 2);

        if (size < 4) {
            return STEP_BAD_HEADER;
        }
        if (type == ATTRIBUTE_PAYLOAD) {
            walk_narrow(w, walk_offset(w) + size - 4);
            return STEP_RAW;
        }
        if (!cursor_skip(&w->at, (size - 4U + 3U) & ~3U)) {
            return walk_cut(w);
        }
    }
    return w->is_cut ? STEP_CUT_SHORT : STEP_NOT_IP;
}

/* LINKTYPE_IPNET, of illumos and Solaris:
 * | version 8 | family 8 | hook 16 | length 32 | interface 32 | group 32 |
 * | source zone 32 | destination zone 32 |  IP packet. */
enum step
pseudo_ipnet(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 24, &h)) {
        return walk_cut(w);
    }
    return bytes_u8(h, 0) == 1 ? STEP_RAW : STEP_NOT_IP;
}

/* LINKTYPE_IPOIB:
 * | InfiniBand global routing header, 40 bytes | ethertype 16 | reserved 16 |
 * RFC 4391 section 6. */
enum step
pseudo_ipoib(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 44, &h)) {
        return walk_cut(w);
    }
    return link_ethertype(bytes_be16(h, 40));
}

/* LINKTYPE_PKTAP, of macOS:
 * | header length 32 | record type 32 | DLT_* of the frame 32 |
 * | interface and process, to the header's length |  frame.
 * In the byte order of the machine that captured: all of them little-endian. */
enum step
pseudo_pktap(struct walk *w)
{
    enum {
        IS_PACKET = 1,
        HEADER_BYTES = 12,
        DLT_RAW_DARWIN = 12
    };
    uint32_t size, link;
    struct bytes h;

    if (!cursor_take(&w->at, HEADER_BYTES, &h)) {
        return walk_cut(w);
    }
    size = bytes_le32(h, 0);
    link = bytes_le32(h, 8);
    if (size < HEADER_BYTES || size > w->wire_end) {
        return STEP_BAD_HEADER;
    }
    if (bytes_le32(h, 4) != IS_PACKET) {
        return STEP_NOT_IP;
    }
    if (!cursor_skip(&w->at, size - HEADER_BYTES)) {
        return walk_cut(w);
    }
    if (link == DLT_RAW_DARWIN) {
        return STEP_RAW;
    }
    return link < FRAME_LINK_UNKNOWN ? link_type((uint16_t)link)
                                     : STEP_UNKNOWN_LINK;
}
