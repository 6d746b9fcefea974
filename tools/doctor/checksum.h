/* Whether a packet's transport checksum is right (RFC 1071).  Pure. */

#ifndef TOOLS_DOCTOR_CHECKSUM_H
#define TOOLS_DOCTOR_CHECKSUM_H

struct frame;
struct packet;

enum checksum_state {
    CHECKSUM_NONE, /* It has none, or it cannot be computed. */
    CHECKSUM_RIGHT,
    CHECKSUM_WRONG
};

/* Of TCP and UDP in packets that are not fragments. */
enum checksum_state checksum_check(const struct frame *, const struct packet *);

#endif
