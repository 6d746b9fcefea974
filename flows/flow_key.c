/* The hash is seeded: whoever can choose addresses and ports must not be able
 * to choose the chain they land on.  Flow identifiers use a fixed seed, since
 * they have to be the same in every run. */

#include "flows/flow_key.h"

#include "capture/xxh3.h"
#include "dissect/packet.h"
#include "flows/flow_table.h"

enum {
    /* Added to an ICMP type or code that stands for a port, where the message
     * has no answer: keeps the two directions, and pairs, apart. */
    ONE_WAY_TYPE = 0x100,
    ONE_WAY_CODE = 0x200
};

enum {
    ICMP_UNREACHABLE = 3,
    ICMP_FRAGMENTATION_NEEDED = 4, /* Code: the route is there. */
    ICMPV6_UNREACHABLE = 1
};

/* Requests and their answers: RFC 792, 950, 1256; RFC 4443, 2710, 4861, 4620,
 * 6275. */
static const uint8_t pairs_v4[][2] = {
    {8, 0}, {13, 14}, {15, 16}, {17, 18}, {10, 9}};
static const uint8_t pairs_v6[][2] = {{128, 129}, {130, 131}, {133, 134},
                                      {135, 136}, {139, 140}, {144, 145}};

static void icmp_key_from(const struct packet *, uint16_t context,
                          struct flow_ends *);
static inline void make_key(const struct packet *, uint16_t context,
                            uint16_t src_port, uint16_t dst_port,
                            struct flow_ends *);
static uint32_t quoted_scope(const struct packet_quoted *);
static void icmp_ports(uint8_t protocol, uint8_t type, uint8_t code,
                       uint16_t port[2]);
static void order_ends(const struct addr *src, const struct addr *dst,
                       uint16_t src_port, uint16_t dst_port,
                       struct flow_ends *out);
static int compare_addrs(const struct addr *, const struct addr *);
static uint64_t hash_pair(const struct addr *, const struct addr *,
                          uint64_t seed);

void
flow_key_from(const struct packet *p, uint16_t context, struct flow_ends *out)
{
    if (packet_protocol_is_icmp(p->protocol)) {
        icmp_key_from(p, context, out);
    } else {
        make_key(p, context, p->src_port, p->dst_port, out);
    }
}

void
flow_key_with_ports(const struct packet *p, uint16_t context,
                    const uint16_t port[2], struct flow_ends *out)
{
    make_key(p, context, port[0], port[1], out);
}

__attribute__((noinline)) static void
icmp_key_from(const struct packet *p, uint16_t context, struct flow_ends *out)
{
    uint16_t port[2];

    flow_key_ports(p, port);
    make_key(p, context, port[0], port[1], out);
}

/* Inline: once a packet. */
static inline void
make_key(const struct packet *p, uint16_t context, uint16_t src_port,
         uint16_t dst_port, struct flow_ends *out)
{
    bool has_vni =
        p->tunnel == PACKET_TUNNEL_VXLAN || p->tunnel == PACKET_TUNNEL_GENEVE;

    order_ends(&p->src, &p->dst, src_port, dst_port, out);
    out->key.scope = has_vni ? p->tunnel_id : 0;
    out->key.tunnel = has_vni ? p->tunnel : 0;
    out->key.context = context;
    out->key.protocol = p->protocol;
    if ((p->flags & (PACKET_ICMP_ERROR | PACKET_FRAGMENT)) ==
        PACKET_ICMP_ERROR) {
        out->key.scope = quoted_scope(&p->quoted);
    }
}

/* An error is judged by what it quotes, so errors about two conversations are
 * two.  Being sharded with the pair that is quoted, they do not depend on how
 * many workers there are. */
static uint32_t
quoted_scope(const struct packet_quoted *quoted)
{
    uint64_t service = (uint64_t)quoted->protocol << 32 |
                       (uint32_t)quoted->src_port << 16 | quoted->dst_port;

    return (uint32_t)hash_pair(&quoted->src, &quoted->dst, service);
}

bool
flow_key_quoted(const struct packet *p, uint16_t context, struct flow_ends *out)
{
    const struct packet_quoted *q = &p->quoted;
    uint16_t port[2] = {q->src_port, q->dst_port};
    bool has_vni =
        p->tunnel == PACKET_TUNNEL_VXLAN || p->tunnel == PACKET_TUNNEL_GENEVE;

    if (packet_protocol_is_icmp(q->protocol)) {
        if (!q->has_ports) {
            return false;
        }
        icmp_ports(q->protocol, (uint8_t)q->src_port, (uint8_t)q->dst_port,
                   port);
    } else if (!q->has_ports &&
               (q->protocol == PROTOCOL_TCP || q->protocol == PROTOCOL_UDP ||
                q->protocol == PROTOCOL_SCTP)) {
        return false;
    }
    order_ends(&q->src, &q->dst, port[0], port[1], out);
    out->key.scope = has_vni ? p->tunnel_id : 0;
    out->key.tunnel = has_vni ? p->tunnel : 0;
    out->key.context = context;
    out->key.protocol = q->protocol;
    return true;
}

void
flow_key_ports(const struct packet *p, uint16_t port[2])
{
    if (packet_protocol_is_icmp(p->protocol) &&
        !(p->flags & (PACKET_NO_ICMP_TYPE | PACKET_LATER_FRAGMENT))) {
        icmp_ports(p->protocol, p->icmp_type, p->icmp_code, port);
    } else {
        port[0] = p->src_port;
        port[1] = p->dst_port;
    }
}

bool
flow_key_is_one_way(const struct flow_key *key)
{
    return flow_key_is_icmp(key) && ((key->port[0] | key->port[1]) >= 0x100);
}

/* Types with an answer have two different ports, one-way types have flags. */
bool
flow_key_has_icmp_type(const struct flow_key *key)
{
    return flow_key_is_icmp(key) && (key->port[0] | key->port[1]) != 0;
}

uint8_t
flow_key_icmp_type(const struct flow_key *key, unsigned end)
{
    bool is_receiver = (key->port[end] & ONE_WAY_CODE) != 0;

    return (uint8_t)key->port[is_receiver ? !end : end];
}

int
flow_key_icmp_counterpart(uint8_t protocol, uint8_t type)
{
    bool is_v6 = protocol == PROTOCOL_ICMPV6;
    const uint8_t(*pairs)[2] = is_v6 ? pairs_v6 : pairs_v4;
    size_t n = is_v6 ? sizeof pairs_v6 / sizeof *pairs_v6
                     : sizeof pairs_v4 / sizeof *pairs_v4;

    for (size_t i = 0; i < n; i++) {
        if (pairs[i][0] == type) {
            return pairs[i][1];
        }
        if (pairs[i][1] == type) {
            return pairs[i][0];
        }
    }
    return -1;
}

bool
flow_key_icmp_is_unreachable(uint8_t protocol, uint8_t type, uint8_t code)
{
    if (protocol == PROTOCOL_ICMPV6) {
        return type == ICMPV6_UNREACHABLE;
    }
    return type == ICMP_UNREACHABLE && code != ICMP_FRAGMENTATION_NEEDED;
}

bool
flow_key_icmp_is_request(uint8_t protocol, uint8_t type)
{
    int answer = flow_key_icmp_counterpart(protocol, type);

    /* Only in these two pairs is the request's number the higher one. */
    if (protocol == PROTOCOL_ICMP && (type == 8 || type == 10)) {
        return true;
    }
    if (protocol == PROTOCOL_ICMP && (type == 0 || type == 9)) {
        return false;
    }
    return answer > type;
}

uint64_t
flow_key_hash(const struct flow_key *key, uint64_t seed)
{
    return XXH3_64bits_withSeed(key, sizeof *key, seed);
}

uint64_t
flow_hash(const void *bytes, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

uint64_t
flow_key_id(const struct flow_key *key, int64_t first_ns, uint64_t first_frame,
            uint16_t file)
{
    struct {
        struct flow_key key;
        uint32_t file;
        int64_t first_ns;
        uint64_t first_frame;
    } all = {*key, file, first_ns, first_frame};

    static_assert(sizeof all == sizeof *key + 20, "hashed without padding");
    return XXH3_64bits(&all, sizeof all);
}

uint64_t
flow_pair_hash(const struct packet *p, uint64_t seed)
{
    if (p->flags & PACKET_ICMP_ERROR) {
        return hash_pair(&p->quoted.src, &p->quoted.dst, seed);
    }
    return hash_pair(&p->src, &p->dst, seed);
}

static void
icmp_ports(uint8_t protocol, uint8_t type, uint8_t code, uint16_t port[2])
{
    int counterpart = flow_key_icmp_counterpart(protocol, type);

    if (counterpart >= 0) {
        port[0] = type;
        port[1] = (uint16_t)counterpart;
    } else {
        port[0] = ONE_WAY_TYPE | type;
        port[1] = ONE_WAY_CODE | code;
    }
}

static void
order_ends(const struct addr *src, const struct addr *dst, uint16_t src_port,
           uint16_t dst_port, struct flow_ends *out)
{
    int order = compare_addrs(src, dst);

    out->sender = order > 0 || (order == 0 && src_port > dst_port);
    out->key.addr[out->sender] = *src;
    out->key.addr[!out->sender] = *dst;
    out->key.port[out->sender] = src_port;
    out->key.port[!out->sender] = dst_port;
}

/* Any total order will do; this one needs no byte swaps. */
static int
compare_addrs(const struct addr *a, const struct addr *b)
{
    uint64_t x[2];
    uint64_t y[2];

    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    if (x[1] != y[1]) {
        return x[1] < y[1] ? -1 : 1;
    }
    if (x[0] != y[0]) {
        return x[0] < y[0] ? -1 : 1;
    }
    return 0;
}

static uint64_t
hash_pair(const struct addr *a, const struct addr *b, uint64_t seed)
{
    struct addr pair[2];
    bool swap = compare_addrs(a, b) > 0;

    pair[swap] = *a;
    pair[!swap] = *b;
    return XXH3_64bits_withSeed(pair, sizeof pair, seed);
}
