/* Tunnels directly on IP: IP in IP, GRE and what it carries.
 *
 * A decoder that finds its header odd returns STEP_OK: the packet found so far,
 * the tunnel's own, is then the result.  The same happens without its help when
 * anything below fails before the next sound IP header. */

#include "dissect/walk.h"

enum gre_flag {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACK = 0x0080, /* Version 1 only. */
    GRE_VERSION = 0x0007
};

enum gre_type {
    GRE_WCCP = 0x883e,
    GRE_PPP = 0x880b,
    GRE_BRIDGE = 0x6558,
    GRE_ERSPAN_2 = 0x88be, /* And type I. */
    GRE_ERSPAN_3 = 0x22eb
};

static bool skip_source_routes(struct walk *);
static uint32_t gre_tunnel_id(uint16_t flags, uint16_t type, uint32_t key);
static enum step erspan_3(struct walk *);

bool
tunnel_enter(struct walk *w, enum packet_tunnel tunnel, uint32_t id)
{
    if (!(w->options->tunnels & UINT32_C(1) << tunnel)) {
        return false;
    }
    walk_enter(w);
    w->next->tunnel = (uint8_t)tunnel;
    w->next->tunnel_id = id;
    return true;
}

/* RFC 2003, RFC 4213 section 3.4, RFC 2473: an IP header follows. */
enum step
tunnel_ip_in_ip(struct walk *w)
{
    walk_set_payload(w, w->packet->transport_at);
    if (!tunnel_enter(w, PACKET_TUNNEL_IPIP, 0)) {
        return STEP_OK;
    }
    return w->packet->protocol == PROTOCOL_IPV4 ? STEP_IPV4 : STEP_IPV6;
}

/*  0                   1                   2                   3
 * |C|R|K|S|s|Recur|A| Flags | Ver |         Protocol Type         |
 * |      Checksum (C or R)        |       Offset (C or R)         |
 * |                           Key (K)                             |
 * |                     Sequence Number (S)                       |
 * |                    Acknowledgment (A)                         |
 * |                     Source routes (R)                         |
 * RFC 1701, RFC 2784, RFC 2890; version 1, PPP only, RFC 2637 section 4.1. */
enum step
tunnel_gre(struct walk *w)
{
    uint32_t key = 0, skipped;
    uint16_t flags, type;
    struct bytes h;

    walk_set_payload(w, w->packet->transport_at);
    if (!cursor_take(&w->at, 4, &h)) {
        w->packet->flags |= PACKET_NO_TRANSPORT;
        return STEP_OK;
    }
    flags = bytes_be16(h, 0);
    type = bytes_be16(h, 2);
    if ((flags & GRE_VERSION) > 1 ||
        ((flags & GRE_VERSION) == 1 && type != GRE_PPP)) {
        return STEP_OK;
    }
    if ((flags & (GRE_CHECKSUM | GRE_ROUTING) &&
         !cursor_be32(&w->at, &skipped)) ||
        (flags & GRE_KEY && !cursor_be32(&w->at, &key)) ||
        (flags & GRE_SEQUENCE && !cursor_be32(&w->at, &skipped)) ||
        (flags & GRE_ACK && (flags & GRE_VERSION) == 1 &&
         !cursor_be32(&w->at, &skipped)) ||
        (flags & GRE_ROUTING && !skip_source_routes(w))) {
        return STEP_OK;
    }
    switch (type) {
    case GRE_ERSPAN_2:
        if (!(flags & GRE_SEQUENCE)) { /* Type I has no header. */
            return tunnel_enter(w, PACKET_TUNNEL_ERSPAN, 0) ? STEP_ETHERNET
                                                            : STEP_OK;
        }
        return STEP_ERSPAN;
    case GRE_ERSPAN_3: return STEP_ERSPAN;
    default: break;
    }
    if (!tunnel_enter(w, PACKET_TUNNEL_GRE, gre_tunnel_id(flags, type, key))) {
        return STEP_OK;
    }
    return type == GRE_WCCP ? STEP_WCCP : link_ethertype(type);
}

/* RFC 1701:  | address family 16 | offset 8 | length 8 | routing |  ... until
 * both are 0. */
static bool
skip_source_routes(struct walk *w)
{
    struct bytes h;

    for (int i = 0; i < DISSECT_MAX_LAYERS; i++) {
        if (!cursor_take(&w->at, 4, &h)) {
            return false;
        }
        if (bytes_be32(h, 0) == 0) {
            return true;
        }
        if (!cursor_skip(&w->at, bytes_u8(h, 3))) {
            return false;
        }
    }
    return false;
}

/* A key with a bridged frame is NVGRE's (RFC 7637 section 3.2): 24 bits of
 * virtual subnet and 8 that differ from flow to flow.  PPTP's names one
 * direction of a call and is no identity of the tunnel. */
static uint32_t
gre_tunnel_id(uint16_t flags, uint16_t type, uint32_t key)
{
    if ((flags & GRE_VERSION) == 1) {
        return 0;
    }
    return type == GRE_BRIDGE && !(flags & (GRE_CHECKSUM | GRE_SEQUENCE))
               ? key >> 8
               : key;
}

/* Type II, in GRE 88be:
 * |Version|         VLAN          | COS | En|T|    Session ID     |
 * |       Reserved        |                 Index                 |
 * Type III, in GRE 22eb, has eight bytes more; see erspan_3().  Formats as in
 * draft-foschiano-erspan. */
enum step
tunnel_erspan(struct walk *w)
{
    enum {
        TAG_KEPT = 3 /* En: the mirrored frame still has its VLAN tag. */
    };
    uint16_t vlan, session;
    enum step step = STEP_ETHERNET;
    struct bytes h;

    if (!cursor_take(&w->at, 8, &h)) {
        return STEP_OK;
    }
    vlan = bytes_be16(h, 0) & 0xfff;
    session = bytes_be16(h, 2) & 0x3ff;
    switch (bytes_u8(h, 0) >> 4) {
    case 0:
    case 1: break;
    case 2: step = erspan_3(w); break;
    default: return STEP_OK;
    }
    if (step == STEP_OK || !tunnel_enter(w, PACKET_TUNNEL_ERSPAN, session)) {
        return STEP_OK;
    }
    if (step != STEP_ETHERNET) {
        return step;
    }
    step = link_ethernet(w);
    if (step != STEP_VLAN && (bytes_u8(h, 2) >> 3 & 3) != TAG_KEPT) {
        link_add_vlan(w, vlan);
    }
    return step;
}

/* After the first eight bytes, of which the last four are a timestamp:
 * |  Security Group Tag  |P|  FT 5  |  HW 6  |D|Gra|O|
 * |  Platform-specific subheader, 8 bytes, if O      | */
static enum step
erspan_3(struct walk *w)
{
    struct bytes h;

    if (!cursor_take(&w->at, 4, &h) ||
        (bytes_u8(h, 3) & 1 && !cursor_skip(&w->at, 8))) {
        return STEP_OK;
    }
    switch (bytes_u8(h, 2) >> 2 & 0x1f) { /* Frame type. */
    case 0: return STEP_ETHERNET;
    case 2: return STEP_RAW;
    default: return STEP_OK;
    }
}

/* A packet that a router diverts to a cache, after a header of four bytes that
 * the first version of the protocol did not have. */
enum step
tunnel_wccp(struct walk *w)
{
    struct bytes h;

    if (!cursor_peek(&w->at, 4, &h)) {
        return STEP_OK;
    }
    if (bytes_u8(h, 0) >> 4 != 4) {
        (void)cursor_skip(&w->at, 4);
    }
    return STEP_RAW;
}

/*  0                   1                   2                   3
 * |Ver|O|U|    TTL    |   Length  |U|U|U|U|MD Type| Next Protocol |
 * |          Service Path Identifier              | Service Index |
 * |  context headers; Length counts 4-byte words     RFC 8300 2   | */
enum step
tunnel_nsh(struct walk *w)
{
    uint32_t size;
    struct bytes h;

    if (!cursor_peek(&w->at, 8, &h)) {
        return walk_cut(w);
    }
    size = (bytes_u8(h, 1) & 0x3fU) * 4;
    if (bytes_u8(h, 0) >> 6 != 0 || size < 8) {
        return STEP_BAD_HEADER;
    }
    if (!cursor_skip(&w->at, size)) {
        return walk_cut(w);
    }
    switch (bytes_u8(h, 3)) {
    case 1: return STEP_IPV4;
    case 2: return STEP_IPV6;
    case 3: return STEP_ETHERNET;
    case 5: return STEP_MPLS;
    default: return STEP_NOT_IP;
    }
}
