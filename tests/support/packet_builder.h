/* Frames built layer by layer, outermost first:
 *
 *     struct frame_builder b;
 *
 *     build_start(&b, FRAME_LINK_ETHERNET);
 *     build_ethernet(&b);
 *     build_ipv4(&b, "10.0.0.1", "10.0.0.2");
 *     build_tcp(&b, 40000, 443, TCP_SYN);
 *     frame = build_frame(&b);
 *
 * Each layer fills in the "what comes next" field of the one before it;
 * build_frame() fills in lengths and checksums.  To build something wrong,
 * finish the frame and change its bytes (build_layer() finds them). */

#ifndef TESTS_SUPPORT_PACKET_BUILDER_H
#define TESTS_SUPPORT_PACKET_BUILDER_H

#include "capture/frame.h"

#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_BUILDER_MAX_BYTES = 16384,
    FRAME_BUILDER_MAX_LAYERS = 64
};

struct built_layer {
    uint8_t kind;   /* Private to packet_builder.c. */
    uint16_t at;    /* Offset of its first byte. */
    uint16_t next;  /* Offset of its "what comes next" field. */
    uint8_t naming; /* How that field names layers; private. */
};

struct frame_builder {
    uint8_t data[FRAME_BUILDER_MAX_BYTES];
    size_t size;
    size_t trailer; /* Bytes at the end that belong to no packet. */
    struct built_layer layers[FRAME_BUILDER_MAX_LAYERS];
    size_t n_layers;
    uint16_t link;
};

/* 'link' is a FRAME_LINK_*; a link header must be built as a layer too. */
void build_start(struct frame_builder *, uint16_t link);

/* Link.  MAC addresses are 02:00:00:00:00:01 to 02:00:00:00:00:02. */
void build_ethernet(struct frame_builder *);
void build_ethernet_8023(struct frame_builder *); /* Length, not type. */
void build_llc_snap(struct frame_builder *);
void build_vlan(struct frame_builder *, uint16_t tpid, uint16_t id);
void build_mpls(struct frame_builder *, uint32_t label); /* S by itself. */
void build_pppoe(struct frame_builder *);
void build_ppp(struct frame_builder *);
void build_sll(struct frame_builder *);
void build_sll2(struct frame_builder *);

/* Network.  Addresses as text; protocol and lengths by themselves. */
void build_ipv4(struct frame_builder *, const char *src, const char *dst);
void build_ipv6(struct frame_builder *, const char *src, const char *dst);
/* Of 'size' bytes, a multiple of 8; 'kind' 0, 43 or 60. */
void build_ipv6_extension(struct frame_builder *, uint8_t kind, size_t size);
void build_ipv6_fragment(struct frame_builder *, uint32_t id, uint16_t at,
                         int more);
void build_authentication(struct frame_builder *);

/* Makes the IPv4 packet just begun a fragment; 'at' in bytes. */
void build_ipv4_fragment(struct frame_builder *, uint16_t id, uint16_t at,
                         int more);

/* Adds 'size' bytes of options, a multiple of 4, to the IPv4 header just begun.
 */
void build_ipv4_options(struct frame_builder *, size_t size);

/* Transport. */
void build_tcp(struct frame_builder *, uint16_t src, uint16_t dst,
               uint8_t flags);
void build_tcp_numbers(struct frame_builder *, uint32_t seq, uint32_t ack,
                       uint16_t window); /* Of the TCP header just built. */
void build_udp(struct frame_builder *, uint16_t src, uint16_t dst);
void build_sctp(struct frame_builder *, uint16_t src, uint16_t dst);
void build_icmp(struct frame_builder *, uint8_t type, uint8_t code,
                uint16_t id);
void build_icmpv6(struct frame_builder *, uint8_t type, uint8_t code,
                  uint16_t id);
/* An IP protocol without a header of ours: ESP, OSPF, ... */
void build_protocol(struct frame_builder *, uint8_t protocol);

/* Tunnels.  VXLAN and the others want their UDP header built first. */
void build_gre(struct frame_builder *); /* RFC 2784, no options. */
void build_gre_key(struct frame_builder *, uint32_t key);
void build_erspan_1(struct frame_builder *);
void build_erspan_2(struct frame_builder *, uint16_t session, uint16_t vlan);
void build_erspan_3(struct frame_builder *, uint16_t session, uint16_t vlan,
                    int subheader);
void build_vxlan(struct frame_builder *, uint32_t vni);
void build_vxlan_gpe(struct frame_builder *, uint32_t vni);
void build_geneve(struct frame_builder *, uint32_t vni, size_t option_bytes);
void build_gtp_u(struct frame_builder *, uint32_t teid);

/* A header that the builder does not know ('bytes' may be NULL: zeros).  The
 * next layer is not named anywhere: what names it is in these bytes. */
void build_hand_made(struct frame_builder *, const char *bytes, size_t size);

/* Payload. */
void build_payload(struct frame_builder *, const void *bytes, size_t size);
void build_zeros(struct frame_builder *, size_t size);

/* Padding or checksum past every packet; last. */
void build_trailer(struct frame_builder *, size_t size);

/* Fills in lengths and checksums.  The frame borrows the builder. */
struct frame build_frame(struct frame_builder *);

/* First byte of the n-th layer built, from 0. */
uint8_t *build_layer(struct frame_builder *, size_t n);

#endif
