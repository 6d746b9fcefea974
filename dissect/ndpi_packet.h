/* A packet made fit to be shown to nDPI. */

#ifndef DISSECT_NDPI_PACKET_H
#define DISSECT_NDPI_PACKET_H

#include <stdint.h>

struct frame;
struct packet;

enum {
    NDPI_PACKET_PADDING = 64, /* Zero bytes behind it. */
    NDPI_PACKET_SIZE = UINT16_MAX + NDPI_PACKET_PADDING
};

/* Copies the innermost IP packet of 'frame' to 'buffer', corrects its length
 * and pads it.  Returns its size, or 0 if nDPI must not see it: no whole IP
 * header, or nDPI would find another transport protocol in it than we did. */
uint16_t ndpi_packet_prepare(uint8_t buffer[NDPI_PACKET_SIZE],
                             const struct packet *, const struct frame *);

#endif
