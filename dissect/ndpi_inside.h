/* nDPI with its module's layout, which its headers show to itself only
 * (NDPI_LIB_COMPILATION).  To be included before all other headers of nDPI, by
 * files that replace functions of version 4.2 and believe nothing that they see
 * inside without a check; where NDPI_INSIDE is 0 they replace nothing. */

#ifndef DISSECT_NDPI_INSIDE_H
#define DISSECT_NDPI_INSIDE_H

#include <ndpi_define.h>

#if NDPI_MAJOR == 4 && NDPI_MINOR == 2 && __has_include(<ndpi_config.h>)
#define NDPI_LIB_COMPILATION
#define NDPI_INSIDE 1
#else
#define NDPI_INSIDE 0
#endif

#include "dissect/ndpi_shim.h"

#if NDPI_INSIDE

/* Whether there is a payload, and inside of the packet that is there. */
static inline bool
ndpi_inside_has_payload(const struct ndpi_packet_struct *packet)
{
    uintptr_t ip =
        packet->iph != NULL ? (uintptr_t)packet->iph : (uintptr_t)packet->iphv6;
    uintptr_t at = (uintptr_t)packet->payload;

    return ip != 0 && at > ip && at - ip < packet->l3_packet_len &&
           packet->payload_packet_len > 0 &&
           packet->payload_packet_len <= packet->l3_packet_len - (at - ip);
}

#endif

#endif
