/* One walk through the headers of one frame; private to dissect/.
 *
 * A decoder reads one header at the cursor and says what comes next: another
 * layer, or how the walk ends.  Link layers are noted in '*next', which becomes
 * '*packet' when an IP decoder finds a sound header (walk_has_ip()).  A tunnel
 * starts another '*next'.  So a walk that fails inside a tunnel leaves the
 * tunnel's own packet untouched, with nothing to undo. */

#ifndef DISSECT_WALK_H
#define DISSECT_WALK_H

#include "capture/frame.h"
#include "dissect/cursor.h"
#include "dissect/dissect.h"
#include "dissect/packet.h"

/* X(NAME, decoder), in no particular order. */
#define WALK_LAYERS(X)                                                         \
    X(ETHERNET, link_ethernet)                                                 \
    X(VLAN, link_vlan)                                                         \
    X(LLC, link_llc)                                                           \
    X(MPLS, link_mpls)                                                         \
    X(MACSEC, link_macsec)                                                     \
    X(CISCO_METADATA, link_cisco_metadata)                                     \
    X(VN_TAG, link_vn_tag)                                                     \
    X(E_TAG, link_e_tag)                                                       \
    X(PROVIDER_BACKBONE, link_provider_backbone)                               \
    X(FABRIC_PATH, link_fabric_path)                                           \
    X(PPPOE, serial_pppoe)                                                     \
    X(PPP, serial_ppp)                                                         \
    X(CISCO_HDLC, serial_cisco_hdlc)                                           \
    X(FRAME_RELAY, serial_frame_relay)                                         \
    X(LOOPBACK, pseudo_loopback)                                               \
    X(RAW, pseudo_raw)                                                         \
    X(SLL, pseudo_sll)                                                         \
    X(SLL2, pseudo_sll2)                                                       \
    X(NFLOG, pseudo_nflog)                                                     \
    X(IPNET, pseudo_ipnet)                                                     \
    X(IPOIB, pseudo_ipoib)                                                     \
    X(PKTAP, pseudo_pktap)                                                     \
    X(WLAN, wlan_80211)                                                        \
    X(RADIOTAP, wlan_radiotap)                                                 \
    X(PRISM, wlan_prism)                                                       \
    X(PPI, wlan_ppi)                                                           \
    X(IPV4, ip_v4)                                                             \
    X(IPV6, ip_v6)                                                             \
    X(IPV6_OPTIONS, ip_v6_options)                                             \
    X(IPV6_FRAGMENT, ip_v6_fragment)                                           \
    X(AUTHENTICATION, ip_authentication)                                       \
    X(TCP, transport_tcp)                                                      \
    X(UDP, transport_udp)                                                      \
    X(SCTP, transport_sctp)                                                    \
    X(DCCP, transport_dccp)                                                    \
    X(ICMP, transport_icmp)                                                    \
    X(IP_IN_IP, tunnel_ip_in_ip)                                               \
    X(GRE, tunnel_gre)                                                         \
    X(ERSPAN, tunnel_erspan)                                                   \
    X(WCCP, tunnel_wccp)                                                       \
    X(NSH, tunnel_nsh)                                                         \
    X(VXLAN, tunnel_vxlan)                                                     \
    X(VXLAN_GPE, tunnel_vxlan_gpe)                                             \
    X(GENEVE, tunnel_geneve)                                                   \
    X(GTP_U, tunnel_gtp_u)                                                     \
    X(TEREDO, tunnel_teredo)

/* What a decoder answers: the next layer, or STEP_END plus a result. */
enum step {
#define WALK_STEP(NAME, decoder) STEP_##NAME,
    WALK_LAYERS(WALK_STEP)
#undef WALK_STEP
    STEP_END,
#define WALK_RESULT(NAME, LABEL, HELP) STEP_##NAME = STEP_END + DISSECT_##NAME,
    DISSECT_RESULTS(WALK_RESULT)
#undef WALK_RESULT
};

struct walk {
    struct cursor at;
    const uint8_t *start;  /* Of the frame: offsets count from here. */
    uint32_t captured_end; /* Offsets where the layer at hand ends: in the */
    uint32_t wire_end;     /* capture, and on the wire. */
    uint32_t layers_left;
    bool has_packet;  /* '*packet' has a sound IP header. */
    bool is_cut;      /* The frame was captured only in part. */
    bool wlan_padded; /* 802.11 header is padded to 4 bytes (radiotap). */
    const struct frame *frame;
    const struct dissect_options *options;
    struct packet *packet; /* The innermost so far. */
    struct packet *next;   /* Being learnt about: 'packet' until a tunnel. */
    struct packet *spare;  /* For the packet inside a tunnel. */
};

#define WALK_DECODER(NAME, decoder) enum step decoder(struct walk *);
WALK_LAYERS(WALK_DECODER)
#undef WALK_DECODER

/* What dissect_frame() does, without the short cut. */
enum dissect_result walk_frame(const struct frame *,
                               const struct dissect_options *,
                               struct packet *packet);

/* The short cut.  Returns false, with '*packet' undefined, for frames that need
 * the walk. */
bool fast_frame(const struct frame *, struct packet *packet);

/* Clears '*packet' but for what the frame tells.  In parts, each small enough
 * for vector stores: as a whole, gcc makes it a "rep stos", which takes longer
 * than all the rest. */
static inline void
walk_start_packet(const struct frame *frame, struct packet *packet)
{
    enum {
        PART = 80,
        PARTS = PART + PART,
        LAST = sizeof *packet - PARTS
    };
    uint8_t *bytes = (uint8_t *)packet;

    static_assert(sizeof *packet > PARTS && LAST <= PART, "three parts");
    memset(bytes, 0, PART);
    memset(bytes + PART, 0, PART);
    memset(bytes + PARTS, 0, LAST);
    packet->time = frame->time;
    packet->number = frame->number;
    packet->file = frame->file;
    packet->interface = frame->interface;
}

/* Starts '*next' as the packet inside '*packet'. */
void walk_enter(struct walk *);

/* What a number in a header field leads to. */
enum step link_ethertype(uint16_t type);
enum step link_type(uint16_t link); /* By LINKTYPE_*. */

/* Reads the five bytes of a SNAP header. */
enum step link_snap(struct walk *);

/* Adds a VLAN id to those around the packet. */
void link_add_vlan(struct walk *, uint16_t tag);

/* Fills in packet->quoted from what is left at the cursor. */
void quoted_read(struct walk *);

/* Notes that what follows is inside a tunnel.  Returns false if the options say
 * not to look inside. */
bool tunnel_enter(struct walk *, enum packet_tunnel, uint32_t id);

/* UDP only: the tunnel that uses this port, or STEP_OK. */
enum step tunnel_by_port(uint16_t src_port, uint16_t dst_port);

static inline uint32_t
walk_offset(const struct walk *w)
{
    return (uint32_t)(w->at.at - w->start);
}

/* The header at hand is not all there: because of the capture, or because the
 * sender made it so. */
static inline enum step
walk_cut(const struct walk *w)
{
    return w->is_cut ? STEP_CUT_SHORT : STEP_BAD_HEADER;
}

/* What lies past 'end', an offset in the frame, is padding or a trailer.  What
 * was read already stays read, whatever a length field says. */
static inline void
walk_narrow(struct walk *w, uint32_t end)
{
    if (end < walk_offset(w)) {
        end = walk_offset(w);
    }
    if (end < w->wire_end) {
        w->wire_end = end;
    }
    if (end < w->captured_end) {
        w->captured_end = end;
        if (w->at.end - w->start > end) {
            w->at.end = w->start + end;
        }
    }
}

/* The header just read for '*next' is sound. */
static inline struct packet *
walk_has_ip(struct walk *w)
{
    w->packet = w->next;
    w->has_packet = true;
    return w->packet;
}

/* Bytes that IP says there are from 'at' on, an offset in the frame. */
static inline uint32_t
walk_ip_left(const struct walk *w, uint32_t at)
{
    uint32_t end = w->packet->ip_at + w->packet->ip_bytes;

    return at < end ? end - at : 0;
}

/* The packet's payload starts at 'at', an offset in the frame that may lie past
 * what was captured.  Whoever ends a walk has called this for the packet. */
static inline void
walk_set_payload(struct walk *w, uint32_t at)
{
    struct packet *p = w->packet;

    p->payload_bytes = walk_ip_left(w, at);
    if (at <= w->captured_end && at <= UINT16_MAX) {
        p->payload_at = (uint16_t)at;
        p->payload_captured = w->captured_end - at;
    } else {
        p->payload_at = (uint16_t)walk_offset(w);
        p->payload_captured = 0;
    }
}

#endif
