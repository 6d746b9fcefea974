/* What one frame turned out to be: link to transport, in one flat struct.
 *
 * The facts of the innermost IP header that was decoded are the packet's own;
 * what lay around it (VLAN tags, a tunnel) is kept beside.  Positions are
 * 16-bit offsets into the frame, not pointers, so a packet can cross threads
 * together with a copy of its frame. */

#ifndef DISSECT_PACKET_H
#define DISSECT_PACKET_H

#include "capture/clock.h"
#include "dissect/addr.h"

#include <stdbool.h>
#include <stdint.h>

/* Every way a dissection can end.  The label is the metric label and appears in
 * status events; renaming one breaks dashboards.  Every frame ends in exactly
 * one of these, so their counters add up to the frames read. */
#define DISSECT_RESULTS(X)                                                     \
    X(OK, "ok", "Dissected to the transport layer")                            \
    X(NOT_IP, "not_ip", "ARP, LLDP, STP and other traffic without IP")         \
    X(CUT_SHORT, "cut_short", "The capture ended before a header did")         \
    X(BAD_HEADER, "bad_header", "A field contradicts another or the RFC")      \
    X(TOO_DEEP, "too_deep", "More nested headers than DISSECT_MAX_LAYERS")     \
    X(ENCRYPTED_LINK, "encrypted_link", "Protected 802.11 or MACsec payload")  \
    X(UNKNOWN_LINK, "unknown_link", "A link type that is not decoded")

#define DISSECT_ENUM(NAME, LABEL, HELP) DISSECT_##NAME,
enum dissect_result {
    DISSECT_RESULTS(DISSECT_ENUM) DISSECT_N_RESULTS
};
#undef DISSECT_ENUM

enum {
    DISSECT_MAX_LAYERS = 24, /* Headers of any kind in one frame. */
    PACKET_MAX_VLANS = 4     /* Kept; deeper tags are decoded, not kept. */
};

enum packet_tunnel {
    PACKET_TUNNEL_NONE,
    PACKET_TUNNEL_IPIP, /* 4in4, 6in4, 4in6, 6in6. */
    PACKET_TUNNEL_GRE,
    PACKET_TUNNEL_ERSPAN,
    PACKET_TUNNEL_VXLAN, /* And VXLAN-GPE. */
    PACKET_TUNNEL_GENEVE,
    PACKET_TUNNEL_GTP_U,
    PACKET_TUNNEL_TEREDO,
    PACKET_N_TUNNELS
};

/* TCP header flags (RFC 9293 section 3.1), as in byte 13. */
enum packet_tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80
};

/* Assigned protocol numbers that the code names. */
enum packet_protocol {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_GRE = 47,
    PROTOCOL_ESP = 50,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDP_LITE = 136
};

enum packet_flag {
    PACKET_FRAGMENT = 1 << 0,       /* Part of a fragmented datagram. */
    PACKET_LATER_FRAGMENT = 1 << 1, /* Not the first: no transport header. */
    PACKET_MORE_FRAGMENTS = 1 << 2,
    PACKET_TRUNCATED = 1 << 3, /* The frame holds less than IP says there is. */
    PACKET_NO_TRANSPORT = 1 << 4,   /* Transport header cut, bad, or in another
                                     * fragment.  Ports are set if they were
                                     * there. */
    PACKET_LENGTH_GUESSED = 1 << 5, /* IP length 0 (TSO): from the frame. */
    PACKET_ICMP_ERROR = 1 << 6,     /* 'quoted' is filled in. */
    PACKET_LINK_BROADCAST = 1 << 7, /* Destination MAC ff:ff:ff:ff:ff:ff. */
    PACKET_HAS_MAC = 1 << 8,        /* 'src_mac' and 'dst_mac' are filled in. */
    PACKET_ALTERED = 1 << 9,   /* A wrong UDP length was replaced by IP's. */
    PACKET_TOO_DEEP = 1 << 10, /* More headers followed than were looked at. */
    PACKET_NO_ICMP_TYPE = 1 << 11 /* ICMP, cut before its type and code. */
};

/* The packet an ICMP error quotes, as far as it was quoted. */
struct packet_quoted {
    struct addr src, dst;
    uint16_t src_port, dst_port; /* ICMP: type and code. */
    uint8_t protocol;
    bool has_ports;
};

struct packet {
    struct wall_time time;
    uint64_t number; /* Of the frame; see struct frame. */
    struct addr src, dst;
    uint16_t src_port, dst_port; /* TCP, UDP, SCTP, DCCP; else 0. */
    uint8_t protocol;            /* IPPROTO_*, past any extension headers. */
    uint8_t ip_version;          /* 4 or 6. */
    uint8_t ttl;                 /* Or hop limit. */
    uint8_t tcp_flags;           /* enum packet_tcp_flag. */
    uint16_t flags;              /* enum packet_flag. */
    uint16_t file, interface;    /* As in struct frame. */

    /* From the IP header, padding excluded: what the counters count. */
    uint32_t ip_bytes;                        /* Header and payload. */
    uint32_t payload_bytes;                   /* Past the transport header. */
    uint32_t payload_captured;                /* Of these, in the frame. */
    uint16_t ip_at, transport_at, payload_at; /* Offsets in the frame. */

    uint32_t tcp_seq, tcp_ack;
    uint32_t fragment_id;
    uint16_t fragment_at; /* Offset of this fragment's data, in bytes. */
    uint16_t tcp_window;
    uint16_t ip_id;              /* IPv4 only; tells duplicates apart. */
    uint16_t transport_checksum; /* As on the wire; tells duplicates apart. */
    uint16_t icmp_id;            /* Of echo and its kin. */
    uint8_t icmp_type, icmp_code;

    /* Of the Ethernet frame nearest around the packet (inside a VXLAN, say);
     * 12-bit ids, outermost first.  Priority tags (id 0) are not VLANs. */
    uint16_t vlan[PACKET_MAX_VLANS];
    uint8_t n_vlans;
    uint8_t depth;             /* IP headers around this one. */
    uint8_t tunnel;            /* enum packet_tunnel: the innermost tunnel. */
    uint8_t fragment_protocol; /* As every fragment of an IPv4 datagram names
                                * it, extension headers or not.  0 in IPv6,
                                * where it tells nothing apart (RFC 8200). */
    uint8_t src_mac[6], dst_mac[6];
    uint32_t tunnel_id; /* VNI, VSID, GRE key, TEID, ERSPAN session; or 0. */
    struct addr outer_src, outer_dst; /* Of the innermost tunnel, if any. */

    struct packet_quoted quoted; /* Only with PACKET_ICMP_ERROR. */
};

const char *dissect_result_label(enum dissect_result);
const char *packet_tunnel_name(enum packet_tunnel); /* "vxlan"; "" for none. */

/* "tcp", "udp", "icmp", "ipv6-icmp", "sctp", "gre", ...; IANA keyword in lower
 * case, or NULL if the number has none here. */
const char *packet_protocol_name(uint8_t protocol);

/* Whether a transport header begins with two ports. */
static inline bool
packet_protocol_has_ports(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP ||
           protocol == PROTOCOL_SCTP || protocol == PROTOCOL_DCCP ||
           protocol == PROTOCOL_UDP_LITE;
}

static inline bool
packet_protocol_is_icmp(uint8_t protocol)
{
    return protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

#endif
