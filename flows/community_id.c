/* Community ID version 1: SHA-1 over seed, ordered ends, protocol and ports, as
 * github.com/corelight/community-id-spec describes.  ICMP's type and the type
 * that answers it stand for ports; a message without an answer keeps its
 * direction.
 *
 * This is written for every flow.  What is hashed is so short that with its
 * padding it is one block: nettle is given just that, which is half the cost.
 */

#include "dissect/packet.h"
#include "flows/flow_key.h"
#include "flows/flow_record.h"

#include <endian.h>
#include <nettle/sha1.h>
#include <string.h>

enum {
    MAX_INPUT = 2 + 16 + 16 + 2 + 4,
    LENGTH_BYTES = 8, /* At the end of a block. */
    MAPPED = 12       /* Bytes before the IPv4 address in a mapped one. */
};

struct ends {
    const struct addr *addr[2];
    uint16_t port[2];
    bool has_ports, is_ordered;
};

static struct ends ends_of(const struct flow_record *);
static void set_icmp_ports(const struct flow_record *, struct ends *);
static bool is_swapped(const struct ends *);
static void hash(uint8_t block[SHA1_BLOCK_SIZE], size_t size,
                 uint8_t digest[SHA1_DIGEST_SIZE]);
static void encode(char *text, const uint8_t digest[SHA1_DIGEST_SIZE]);
static size_t put(uint8_t *at, const void *bytes, size_t size);
static size_t put_be16(uint8_t *at, uint16_t);

static_assert(MAX_INPUT + 1 + LENGTH_BYTES <= SHA1_BLOCK_SIZE,
              "what is hashed is one block");
static_assert(COMMUNITY_ID_SIZE == 2 + (SHA1_DIGEST_SIZE + 2) / 3 * 4 + 1,
              "room for the text");

const char *
flow_community_id(const struct flow_record *record,
                  char text[COMMUNITY_ID_SIZE])
{
    struct ends ends = ends_of(record);
    unsigned first = is_swapped(&ends);
    size_t skip = record->ip_version == 4 ? MAPPED : 0;
    uint8_t input[SHA1_BLOCK_SIZE] = {0};
    uint8_t digest[SHA1_DIGEST_SIZE];
    size_t size = put_be16(input, 0);

    size += put(input + size, ends.addr[first]->byte + skip, 16 - skip);
    size += put(input + size, ends.addr[!first]->byte + skip, 16 - skip);
    input[size++] = record->protocol;
    input[size++] = 0;
    if (ends.has_ports) {
        size += put_be16(input + size, ends.port[first]);
        size += put_be16(input + size, ends.port[!first]);
    }
    hash(input, size, digest);
    memcpy(text, "1:", 2);
    encode(text + 2, digest);
    text[COMMUNITY_ID_SIZE - 1] = '\0';
    return text;
}

static struct ends
ends_of(const struct flow_record *record)
{
    struct ends ends = {
        .addr = {&record->source.addr, &record->destination.addr},
        .port = {record->source.port, record->destination.port},
        .is_ordered = true,
    };

    switch (record->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP: ends.has_ports = true; break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: set_icmp_ports(record, &ends); break;
    default: break;
    }
    return ends;
}

static void
set_icmp_ports(const struct flow_record *record, struct ends *ends)
{
    int counterpart =
        flow_key_icmp_counterpart(record->protocol, record->icmp_type);

    ends->has_ports = true;
    ends->is_ordered = counterpart >= 0;
    ends->port[0] = record->icmp_type;
    ends->port[1] =
        counterpart >= 0 ? (uint16_t)counterpart : record->icmp_code;
}

static bool
is_swapped(const struct ends *ends)
{
    int order = memcmp(ends->addr[0], ends->addr[1], sizeof(struct addr));

    return ends->is_ordered &&
           (order > 0 || (order == 0 && ends->port[0] > ends->port[1]));
}

/* SHA-1 of the first 'size' bytes, MAX_INPUT at most, the others being 0: RFC
 * 3174 section 4 says how a block is filled up, section 6.1 where to begin. */
static void
hash(uint8_t block[SHA1_BLOCK_SIZE], size_t size,
     uint8_t digest[SHA1_DIGEST_SIZE])
{
    uint32_t state[] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                        0xc3d2e1f0};
    uint64_t bits = htobe64(size * 8);

    block[size] = 0x80;
    memcpy(block + SHA1_BLOCK_SIZE - LENGTH_BYTES, &bits, LENGTH_BYTES);
    nettle_sha1_compress(state, block);
    for (size_t i = 0; i < sizeof state / sizeof *state; i++) {
        uint32_t word = htobe32(state[i]);

        memcpy(digest + i * sizeof word, &word, sizeof word);
    }
}

/* Base64, RFC 4648 section 4: three bytes are four letters, and the last two
 * three and a '='. */
static void
encode(char *text, const uint8_t digest[SHA1_DIGEST_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    uint8_t filled[SHA1_DIGEST_SIZE + 1] = {0};

    memcpy(filled, digest, SHA1_DIGEST_SIZE);
    for (size_t i = 0; i < sizeof filled; i += 3) {
        uint32_t bits = (uint32_t)filled[i] << 16 |
                        (uint32_t)filled[i + 1] << 8 | filled[i + 2];

        *text++ = letters[bits >> 18];
        *text++ = letters[bits >> 12 & 0x3f];
        *text++ = letters[bits >> 6 & 0x3f];
        *text++ = letters[bits & 0x3f];
    }
    text[-1] = '=';
}

static size_t
put(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return size;
}

static size_t
put_be16(uint8_t *at, uint16_t n)
{
    at[0] = (uint8_t)(n >> 8);
    at[1] = (uint8_t)n;
    return 2;
}
