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
#include "dissect/packet.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DUPLICATES_SIZE = 4096,
    DUPLICATES_MAX_COPIES = 3
};

/* Mask of the copies counted in a fingerprint. */
#define DUPLICATES_COPIES 3U

static_assert((unsigned)DUPLICATES_MAX_COPIES <= DUPLICATES_COPIES,
              "two bits count them");

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

/* The two halves of a product, as in wyhash and xxHash: every input bit
 * reaches the middle. */
static inline uint64_t
duplicates_mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(a ^ UINT64_C(0x9e3779b97f4a7c15)) *
                   (b ^ UINT64_C(0xd6e8feb86659fd93));

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Of a packet of a flow whose key hashes to 'hash', sent by its end 'sender'.
 * The transport checksum stands for the payload: equal header fields and an
 * equal checksum within milliseconds are an equal packet.  Fragments after the
 * first have none, but always have an identification and an offset. */
static inline uint64_t
duplicates_fingerprint(const struct packet *p, uint64_t hash, unsigned sender)
{
    /* Each in the order of struct packet: three loads where words are stored
     * lowest byte first. */
    uint64_t a = (uint64_t)p->tcp_ack << 32 | p->tcp_seq;
    uint64_t b = (uint64_t)p->tcp_window << 48 |
                 (uint64_t)p->fragment_at << 32 | p->fragment_id;
    uint64_t c = (uint64_t)p->icmp_code << 56 | (uint64_t)p->icmp_type << 48 |
                 (uint64_t)p->icmp_id << 32 |
                 (uint32_t)p->transport_checksum << 16 | p->ip_id;
    uint64_t e =
        (uint64_t)p->ip_bytes << 32 | (uint32_t)p->tcp_flags << 8 | sender;
    uint64_t all =
        duplicates_mix(hash ^ a, b + e) ^ duplicates_mix(c ^ e, hash + b);

    /* Never that of an empty place. */
    return (all | UINT64_C(1) << 63) & ~(uint64_t)DUPLICATES_COPIES;
}

static inline bool
duplicates_is_recent(const struct duplicates_place *place,
                     const struct packet *p)
{
    bool is_strong = p->ip_id != 0 || p->fragment_id != 0;
    int64_t window = is_strong ? DUPLICATES_STRONG_NS : DUPLICATES_WEAK_NS;
    int64_t apart = p->time.ns - place->ns;

    return apart >= -window && apart <= window;
}

static inline struct duplicates_place *
duplicates_place_of(struct duplicates *d, uint64_t fingerprint)
{
    return &d->place[fingerprint >> 40 & (DUPLICATES_SIZE - 1)];
}

/* Whether the packet is a copy of one seen just before.  Remembers it. */
static inline bool
duplicates_check(struct duplicates *d, const struct packet *p,
                 uint64_t fingerprint)
{
    struct duplicates_place *place = duplicates_place_of(d, fingerprint);

    if ((place->fingerprint & ~(uint64_t)DUPLICATES_COPIES) == fingerprint &&
        (place->fingerprint & DUPLICATES_COPIES) < DUPLICATES_MAX_COPIES &&
        duplicates_is_recent(place, p)) {
        place->fingerprint++;
        return true;
    }
    place->fingerprint = fingerprint;
    place->ns = p->time.ns;
    return false;
}

#endif
