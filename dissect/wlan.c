/* IEEE 802.11 data frames, and the headers that monitor interfaces put before
 * them.
 *
 * Only what an access point would bridge is followed: unprotected data frames,
 * first fragments, the first subframe of an aggregate.  A protected frame is
 * DISSECT_ENCRYPTED_LINK: there is traffic, and it cannot be seen. */

#include "dissect/walk.h"

enum frame_control {
    TYPE_MASK = 0x0c,
    TYPE_DATA = 0x08,
    SUBTYPE_NO_DATA = 0x40,
    SUBTYPE_QOS = 0x80,
    /* Second byte. */
    TO_DS = 0x01,
    FROM_DS = 0x02,
    PROTECTED = 0x40,
    ORDER = 0x80
};

enum {
    HEADER_BYTES = 24,
    FRAGMENT_NUMBER = 0x0f, /* Of the sequence control field. */
    AGGREGATE = 0x80        /* Of the QoS control field: an A-MSDU. */
};

enum radiotap {
    RADIOTAP_HAS_TIME = 1 << 0, /* Of the first 'present' word. */
    RADIOTAP_HAS_FLAGS = 1 << 1,
    RADIOTAP_PADDED = 0x20, /* Of the flags. */
    RADIOTAP_BAD_FCS = 0x40
};
#define RADIOTAP_MORE_PRESENT (UINT32_C(1) << 31)

static bool skip_optional_fields(struct walk *, struct bytes header);
static void note_addresses(struct walk *, struct bytes header);
static bool first_subframe(struct walk *);
static uint8_t radiotap_flags(struct cursor);

/* IEEE 802.11 9.3.2.1:
 * | control 16 | duration 16 | address 1 | address 2 | address 3 | sequence 16
 * | | address 4, if to and from DS | QoS 16, by subtype | HT 32, if QoS, order
 * |
 */
enum step
wlan_80211(struct walk *w)
{
    struct bytes h;

    if (!cursor_peek(&w->at, 2, &h)) {
        return walk_cut(w);
    }
    if ((bytes_u8(h, 0) & (TYPE_MASK | SUBTYPE_NO_DATA)) != TYPE_DATA) {
        return STEP_NOT_IP;
    }
    if (bytes_u8(h, 1) & PROTECTED) {
        return STEP_ENCRYPTED_LINK;
    }
    if (!cursor_take(&w->at, HEADER_BYTES, &h)) {
        return walk_cut(w);
    }
    note_addresses(w, h);
    if (bytes_le16(h, 22) & FRAGMENT_NUMBER) { /* No LLC header there. */
        return STEP_NOT_IP;
    }
    return skip_optional_fields(w, h) ? STEP_LLC : walk_cut(w);
}

/* IEEE 802.11 table 9-30: which address is whose.  Address 4, of wireless
 * bridges only, is not looked at. */
static void
note_addresses(struct walk *w, struct bytes header)
{
    struct bytes first = bytes_part(header, 4, 6);
    struct bytes second = bytes_part(header, 10, 6);
    struct bytes third = bytes_part(header, 16, 6);
    struct bytes dst = first, src = second;

    switch (bytes_u8(header, 1) & (TO_DS | FROM_DS)) {
    case TO_DS: dst = third; break;
    case FROM_DS: src = third; break;
    case TO_DS | FROM_DS: return;
    default: break;
    }
    memcpy(w->next->dst_mac, dst.data, 6);
    memcpy(w->next->src_mac, src.data, 6);
    w->next->flags |= PACKET_HAS_MAC;
    if (bytes_be32(dst, 0) == UINT32_MAX && bytes_be16(dst, 4) == UINT16_MAX) {
        w->next->flags |= PACKET_LINK_BROADCAST;
    }
}

static bool
skip_optional_fields(struct walk *w, struct bytes header)
{
    uint8_t flags = bytes_u8(header, 1);
    uint16_t qos = 0;
    uint32_t pad;

    if ((flags & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS) &&
        !cursor_skip(&w->at, 6)) {
        return false;
    }
    if (bytes_u8(header, 0) & SUBTYPE_QOS) {
        if (!cursor_le16(&w->at, &qos) ||
            (flags & ORDER && !cursor_skip(&w->at, 4))) {
            return false;
        }
    }
    pad = w->wlan_padded ? (0U - (uint32_t)(w->at.at - header.data)) & 3 : 0;
    return cursor_skip(&w->at, pad) &&
           (!(qos & AGGREGATE) || first_subframe(w));
}

/* IEEE 802.11 9.3.2.2.2:  | DA 48 | SA 48 | length 16 |  LLC ... | pad | */
static bool
first_subframe(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 14, &h)) {
        return false;
    }
    walk_narrow(w, walk_offset(w) + bytes_be16(h, 12));
    return true;
}

/* radiotap.org:  | version 8 | pad 8 | length 16 | present 32 ... | fields |
 * All little-endian. */
enum step
wlan_radiotap(struct walk *w)
{
    struct bytes h, header;
    uint8_t flags;

    if (!cursor_peek(&w->at, 8, &h)) {
        return walk_cut(w);
    }
    if (bytes_u8(h, 0) != 0 || bytes_le16(h, 2) < 8) {
        return STEP_BAD_HEADER;
    }
    if (!cursor_take(&w->at, bytes_le16(h, 2), &header)) {
        return walk_cut(w);
    }
    flags = radiotap_flags(cursor_over(header));
    w->wlan_padded = flags & RADIOTAP_PADDED;
    if (flags & RADIOTAP_BAD_FCS) {
        return STEP_NOT_IP;
    }
    return STEP_WLAN;
}

/* The flags are the second field, after a timestamp aligned to 8. */
static uint8_t
radiotap_flags(struct cursor c)
{
    const uint8_t *start = c.at;
    uint32_t first = 0, present;
    uint8_t flags = 0;

    (void)cursor_skip(&c, 4);
    do {
        if (!cursor_le32(&c, &present)) {
            return 0;
        }
        first = first ? first : present;
    } while (present & RADIOTAP_MORE_PRESENT);
    if (!(first & RADIOTAP_HAS_FLAGS)) {
        return 0;
    }
    if (first & RADIOTAP_HAS_TIME) {
        (void)cursor_skip(&c, (0U - (uint32_t)(c.at - start)) & 7);
        (void)cursor_skip(&c, 8);
    }
    return cursor_u8(&c, &flags) ? flags : 0;
}

/* Prism:  | message 32 | length 32 |  ..., in the byte order of the driver.
 * AVS, which took its link type over:  | 80211001 or ..02 | length 32 |,
 * big-endian. */
enum step
wlan_prism(struct walk *w)
{
    uint32_t size;
    struct bytes h;

    if (!cursor_peek(&w->at, 8, &h)) {
        return walk_cut(w);
    }
    size = bytes_le32(h, 4);
    if (bytes_be32(h, 0) >> 8 == 0x802110 || size > UINT16_MAX) {
        size = bytes_be32(h, 4);
    }
    if (size < 8 || size > UINT16_MAX) {
        return STEP_BAD_HEADER;
    }
    return cursor_skip(&w->at, size) ? STEP_WLAN : walk_cut(w);
}

/* | version 8 | flags 8 | length 16 | DLT 32 |  little-endian, then fields. */
enum step
wlan_ppi(struct walk *w)
{
    uint32_t dlt;
    struct bytes h;

    if (!cursor_peek(&w->at, 8, &h)) {
        return walk_cut(w);
    }
    dlt = bytes_le32(h, 4);
    if (bytes_u8(h, 0) != 0 || bytes_le16(h, 2) < 8) {
        return STEP_BAD_HEADER;
    }
    if (!cursor_skip(&w->at, bytes_le16(h, 2))) {
        return walk_cut(w);
    }
    if (dlt == FRAME_LINK_PPI || dlt > UINT16_MAX) {
        return STEP_UNKNOWN_LINK;
    }
    return link_type((uint16_t)dlt);
}
