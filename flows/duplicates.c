/* The transport checksum stands for the payload: equal header fields and an
 * equal checksum within milliseconds are an equal packet.  Fragments after the
 * first have none, but always have an identification and an offset. */

#include "flows/duplicates.h"

#include "dissect/packet.h"

#include <assert.h>
#include <string.h>

/* Mask of the copies counted in a fingerprint. */
#define COPIES 3U

static bool is_recent(const struct duplicates_place *, const struct packet *);
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

    if ((place->fingerprint & ~(uint64_t)COPIES) == fingerprint &&
        (place->fingerprint & COPIES) < DUPLICATES_MAX_COPIES &&
        is_recent(place, p)) {
        place->fingerprint++;
        return true;
    }
    place->fingerprint = fingerprint;
    place->ns = p->time.ns;
    return false;
}

static bool
is_recent(const struct duplicates_place *place, const struct packet *p)
{
    bool is_strong = p->ip_id != 0 || p->fragment_id != 0;
    int64_t window = is_strong ? DUPLICATES_STRONG_NS : DUPLICATES_WEAK_NS;
    int64_t apart = p->time.ns - place->ns;

    return apart >= -window && apart <= window;
}

static uint64_t
fingerprint_of(const struct packet *p, uint64_t hash, unsigned sender)
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
