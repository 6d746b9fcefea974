/* The transport checksum stands for the payload: equal header fields and an
 * equal checksum within milliseconds are an equal packet.  Fragments after the
 * first have none, but always have an identification and an offset. */

#include "flows/duplicates.h"

#include "dissect/packet.h"

#include <assert.h>
#include <string.h>

/* Mask of the copies counted in a fingerprint. */
#define COPIES 3U

static uint64_t fingerprint_of(const struct packet *, uint64_t hash,
                               unsigned sender);
static uint64_t mix(uint64_t, uint64_t);

static_assert((unsigned)DUPLICATES_MAX_COPIES <= COPIES, "two bits count them");

void
duplicates_init(struct duplicates *d)
{
    memset(d, 0, sizeof *d);
}

bool
duplicates_check(struct duplicates *d, const struct packet *p, uint64_t hash,
                 unsigned sender)
{
    uint64_t fingerprint = fingerprint_of(p, hash, sender);
    struct duplicates_place *place =
        &d->place[fingerprint >> 40 & (DUPLICATES_SIZE - 1)];
    bool is_strong = p->ip_id != 0 || p->fragment_id != 0;
    int64_t window = is_strong ? DUPLICATES_STRONG_NS : DUPLICATES_WEAK_NS;
    uint64_t copies = place->fingerprint & COPIES;

    if ((place->fingerprint & ~(uint64_t)COPIES) == fingerprint &&
        copies < DUPLICATES_MAX_COPIES && p->time.ns - place->ns >= -window &&
        p->time.ns - place->ns <= window) {
        place->fingerprint++;
        return true;
    }
    place->fingerprint = fingerprint;
    place->ns = p->time.ns;
    return false;
}

static uint64_t
fingerprint_of(const struct packet *p, uint64_t hash, unsigned sender)
{
    uint64_t a = (uint64_t)p->tcp_seq << 32 | p->tcp_ack;
    uint64_t b = (uint64_t)p->ip_bytes << 32 | (uint32_t)p->ip_id << 16 |
                 p->transport_checksum;
    uint64_t c = (uint64_t)p->fragment_id << 32 |
                 (uint32_t)p->fragment_at << 16 | p->tcp_window;
    uint64_t e = (uint64_t)p->icmp_id << 32 | (uint32_t)p->icmp_type << 24 |
                 (uint32_t)p->icmp_code << 16 | (uint32_t)p->tcp_flags << 8 |
                 sender;
    uint64_t all = mix(hash ^ a, b + e) ^ mix(c ^ e, hash + b);

    /* Never that of an empty place. */
    return (all | UINT64_C(1) << 63) & ~(uint64_t)COPIES;
}

/* The two halves of a product, as in wyhash and xxHash: every input bit
 * reaches the middle. */
static uint64_t
mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(a ^ UINT64_C(0x9e3779b97f4a7c15)) *
                   (b ^ UINT64_C(0xd6e8feb86659fd93));

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}
