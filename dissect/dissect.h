/* From the bytes of a frame to a struct packet.
 *
 * Pure: no allocation, no state, no clock; any thread.  Layers are decoded
 * through one table until the innermost IP packet's transport header is read.
 * Bad checksums never matter: span ports and offloads make them common.
 *
 * A packet that cannot be decoded to the transport layer but has a sound IP
 * header still counts: DISSECT_OK with PACKET_NO_TRANSPORT.  A tunnel whose
 * content cannot be decoded leaves the tunnel's own packet as the result.  The
 * same holds for the depth limit: DISSECT_TOO_DEEP is for frames where no IP
 * header was reached; otherwise the innermost packet reached is the result,
 * with PACKET_TOO_DEEP, so that nesting headers hides nothing. */

#ifndef DISSECT_DISSECT_H
#define DISSECT_DISSECT_H

#include "dissect/packet.h"

struct frame;

struct dissect_options {
    uint32_t tunnels; /* Bit 1 << enum packet_tunnel: look inside these. */
};

/* Every tunnel except Teredo, whose UDP port anybody may use. */
extern const struct dissect_options dissect_default_options;

/* Fills in all of '*packet' when the result is DISSECT_OK; else what was found
 * before the trouble, for the counters only. */
enum dissect_result dissect_frame(const struct frame *,
                                  const struct dissect_options *,
                                  struct packet *packet);

#endif
