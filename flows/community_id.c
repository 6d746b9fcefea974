/* Community ID version 1: SHA-1 over seed, ordered ends, protocol and ports, as
 * github.com/corelight/community-id-spec describes.  ICMP's type and the type
 * that answers it stand for ports; a message without an answer keeps its
 * direction. */

#include "dissect/packet.h"
#include "flows/flow_key.h"
#include "flows/flow_record.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

enum {
    MAX_INPUT = 2 + 16 + 16 + 2 + 4,
    MAPPED = 12 /* Bytes before the IPv4 address in a mapped one. */
};

struct ends {
    const struct addr *addr[2];
    uint16_t port[2];
    bool has_ports, is_ordered;
};

static struct ends ends_of(const struct flow_record *);
static void set_icmp_ports(const struct flow_record *, struct ends *);
static bool is_swapped(const struct ends *);
static size_t put(uint8_t *at, const void *bytes, size_t size);
static size_t put_be16(uint8_t *at, uint16_t);

static_assert(COMMUNITY_ID_SIZE ==
                  2 + BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1,
              "room for the text");

const char *
flow_community_id(const struct flow_record *record,
                  char text[COMMUNITY_ID_SIZE])
{
    struct ends ends = ends_of(record);
    unsigned first = is_swapped(&ends);
    size_t skip = record->ip_version == 4 ? MAPPED : 0;
    uint8_t input[MAX_INPUT];
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;
    size_t size = put_be16(input, 0);

    size += put(input + size, ends.addr[first]->byte + skip, 16 - skip);
    size += put(input + size, ends.addr[!first]->byte + skip, 16 - skip);
    input[size++] = record->protocol;
    input[size++] = 0;
    if (ends.has_ports) {
        size += put_be16(input + size, ends.port[first]);
        size += put_be16(input + size, ends.port[!first]);
    }
    sha1_init(&sha1);
    sha1_update(&sha1, size, input);
    sha1_digest(&sha1, sizeof digest, digest);
    memcpy(text, "1:", 2);
    base64_encode_raw(text + 2, sizeof digest, digest);
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
