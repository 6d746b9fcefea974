/* One captured frame, as it left the wire or the file.
 *
 * A plain value that borrows its bytes; how long they live is said by the
 * source that made it (see source.h). */

#ifndef CAPTURE_FRAME_H
#define CAPTURE_FRAME_H

#include "capture/clock.h"

#include <stdint.h>

struct frame {
    struct wall_time time; /* When the wire saw it. */
    const uint8_t *data;   /* First captured byte; borrowed. */
    uint64_t number;       /* 1-based, within its file or interface. */
    uint32_t captured;     /* Bytes at 'data'. */
    uint32_t wire_size;    /* Bytes on the wire, >= 'captured'. */
    uint16_t link;         /* LINKTYPE_*: what the first byte means. */
    uint16_t interface;    /* For source_interface_name(). */
    uint16_t file;         /* Ordinal of the file in this run, from 0. */
};

/* LINKTYPE_* values a frame can carry, from the pcap link-type registry
 * (draft-ietf-opsawg-pcaplinktype).  libpcap's own DLT_* numbers are mapped to
 * these by capture/. */
enum frame_link {
    FRAME_LINK_NULL = 0,
    FRAME_LINK_ETHERNET = 1,
    FRAME_LINK_PPP = 9,
    FRAME_LINK_PPP_HDLC = 50,
    FRAME_LINK_PPP_ETHER = 51,
    FRAME_LINK_RAW = 101,
    FRAME_LINK_C_HDLC = 104,
    FRAME_LINK_IEEE802_11 = 105,
    FRAME_LINK_FRELAY = 107,
    FRAME_LINK_LOOP = 108,
    FRAME_LINK_LINUX_SLL = 113,
    FRAME_LINK_PRISM = 119,
    FRAME_LINK_RADIOTAP = 127,
    FRAME_LINK_PPI = 192,
    FRAME_LINK_IPNET = 226,
    FRAME_LINK_IPV4 = 228,
    FRAME_LINK_IPV6 = 229,
    FRAME_LINK_NFLOG = 239,
    FRAME_LINK_IPOIB = 242,
    FRAME_LINK_PKTAP = 258,
    FRAME_LINK_LINUX_SLL2 = 276,
    FRAME_LINK_UNKNOWN = 0xffff
};

#endif
