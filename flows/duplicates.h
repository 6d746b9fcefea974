/* Copies of a packet that a span port delivers more than once.
 *
 * A copy has the same ends, IP identification, lengths, transport header fields
 * and transport checksum; its TTL, VLAN and MAC addresses may differ, since a
 * router or a second mirrored port lies between.  It follows within
 * milliseconds: DUPLICATES_STRONG_NS where the IPv4 identification tells
 * packets apart, DUPLICATES_WEAK_NS where it is zero or there is none (IPv6).
 * So a TCP retransmission (another identification, or at least a round trip
 * later) and an application that repeats itself are not copies.  A packet has
 * at most DUPLICATES_MAX_COPIES; what repeats more often is a sender that
 * repeats itself.
 *
 * Recent packets are remembered in a fixed table of DUPLICATES_SIZE places, the
 * newer one staying; a copy that comes after its packet's place was taken is
 * not noticed. */

#ifndef FLOWS_DUPLICATES_H
#define FLOWS_DUPLICATES_H

#include "capture/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct packet;

enum {
    DUPLICATES_SIZE = 4096,
    DUPLICATES_MAX_COPIES = 3
};

#define DUPLICATES_STRONG_NS (10 * MILLISECOND_NS)
#define DUPLICATES_WEAK_NS   (1 * MILLISECOND_NS)

struct duplicates_place {
    uint64_t fingerprint; /* The lowest two bits count the copies. */
    int64_t ns;
};

struct duplicates {
    struct duplicates_place place[DUPLICATES_SIZE];
};

void duplicates_init(struct duplicates *);

/* Whether the packet, of a flow whose key hashes to 'hash' and sent by its end
 * 'sender', is a copy of one seen just before.  Remembers it. */
bool duplicates_check(struct duplicates *, const struct packet *, uint64_t hash,
                      unsigned sender);

#endif
