#include "tests/bench/wire.h"

#include "dissect/packet.h"
#include "tests/bench/dialogue.h"

#include <string.h>

enum {
    ETHERNET_SIZE = 14,
    TAG_SIZE = 4,
    IPV4_SIZE = 20,
    IPV6_SIZE = 40,
    TCP_SIZE = 32, /* With timestamps (RFC 7323). */
    TCP_SYN_SIZE = 28,
    UDP_SIZE = 8,
    MAX_FRAME = ETHERNET_SIZE + TAG_SIZE + IPV6_SIZE + TCP_SIZE +
                DIALOGUE_SEGMENT_BYTES,
    TTL = 63
};

struct record {
    uint32_t seconds, microseconds, captured, wire;
};

static size_t put_ethernet(uint8_t *at, const struct wire_packet *, bool ipv4);
static size_t put_ip(uint8_t *at, const struct wire_packet *, size_t size,
                     bool ipv4);
static size_t put_tcp(uint8_t *at, const struct wire_packet *);
static size_t put_udp(uint8_t *at, const struct wire_packet *);
static void put_checksum(uint8_t *transport, size_t size,
                         const struct wire_packet *, bool ipv4);
static uint32_t sum(const uint8_t *bytes, size_t size, uint32_t start);
static uint16_t folded(uint32_t total);
static void put16(uint8_t *at, uint32_t value);
static void put32(uint8_t *at, uint32_t value);

bool
wire_begin(struct wire *wire, FILE *file)
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};

    *wire = (struct wire){.file = file};
    return fwrite(header, sizeof header, 1, file) == 1;
}

size_t
wire_send(struct wire *wire, const struct wire_packet *packet)
{
    bool ipv4 = addr_is_ipv4(&packet->from->addr);
    uint8_t frame[MAX_FRAME];
    uint8_t transport[TCP_SIZE + DIALOGUE_SEGMENT_BYTES];
    size_t size = packet->protocol == PROTOCOL_TCP ? put_tcp(transport, packet)
                                                   : put_udp(transport, packet);
    size_t at = put_ethernet(frame, packet, ipv4);
    size_t ip = at;
    struct record record;

    if (packet->size) {
        memcpy(transport + size, packet->payload, packet->size);
        size += packet->size;
    }
    put_checksum(transport, size, packet, ipv4);
    at += put_ip(frame + at, packet, size, ipv4);
    memcpy(frame + at, transport, size);
    at += size;
    record.seconds = (uint32_t)(packet->time_ns / 1000000000);
    record.microseconds = (uint32_t)(packet->time_ns % 1000000000 / 1000);
    record.captured = record.wire = (uint32_t)at;
    fwrite(&record, sizeof record, 1, wire->file);
    fwrite(frame, at, 1, wire->file);
    wire->packets++;
    wire->ip_bytes += at - ip;
    return at - ip;
}

/* Every host has an address of its own, made of its IP address. */
static size_t
put_ethernet(uint8_t *at, const struct wire_packet *packet, bool ipv4)
{
    size_t size = ETHERNET_SIZE;

    at[0] = at[6] = 2;
    at[1] = at[7] = ipv4 ? 4 : 6;
    memcpy(at + 2, packet->to->addr.byte + 12, 4);
    memcpy(at + 8, packet->from->addr.byte + 12, 4);
    if (packet->vlan) {
        put16(at + 12, 0x8100);
        put16(at + 14, packet->vlan);
        size += TAG_SIZE;
    }
    put16(at + size - 2, ipv4 ? 0x0800 : 0x86dd);
    return size;
}

/* RFC 791, section 3.1; RFC 8200, section 3. */
static size_t
put_ip(uint8_t *at, const struct wire_packet *packet, size_t size, bool ipv4)
{
    if (!ipv4) {
        put32(at, 0x60000000);
        put16(at + 4, (uint32_t)size);
        at[6] = packet->protocol;
        at[7] = TTL;
        memcpy(at + 8, packet->from->addr.byte, 16);
        memcpy(at + 24, packet->to->addr.byte, 16);
        return IPV6_SIZE;
    }
    put16(at, 0x4500);
    put16(at + 2, (uint32_t)(IPV4_SIZE + size));
    put16(at + 4, packet->ip_id);
    put16(at + 6, 0x4000); /* Do not fragment. */
    at[8] = TTL;
    at[9] = packet->protocol;
    put16(at + 10, 0);
    memcpy(at + 12, packet->from->addr.byte + 12, 4);
    memcpy(at + 16, packet->to->addr.byte + 12, 4);
    put16(at + 10, folded(sum(at, IPV4_SIZE, 0)));
    return IPV4_SIZE;
}

/* RFC 9293, section 3.1. */
static size_t
put_tcp(uint8_t *at, const struct wire_packet *packet)
{
    static const uint8_t syn_options[] = {2, 4, 5, 180, 1, 3, 3, 7};
    static const uint8_t options[] = {1, 1, 8, 10};
    bool is_syn = packet->tcp_flags & TCP_SYN;
    size_t size = is_syn ? TCP_SYN_SIZE : TCP_SIZE;

    put16(at, packet->from->port);
    put16(at + 2, packet->to->port);
    put32(at + 4, packet->seq);
    put32(at + 8, packet->tcp_flags & TCP_ACK ? packet->ack : 0);
    at[12] = (uint8_t)(size / 4 << 4);
    at[13] = packet->tcp_flags;
    put16(at + 14, is_syn ? 64240 : 502);
    put32(at + 16, 0);
    if (is_syn) {
        memcpy(at + 20, syn_options, sizeof syn_options);
        return size;
    }
    memcpy(at + 20, options, sizeof options);
    put32(at + 24, (uint32_t)(packet->time_ns / 1000000));
    put32(at + 28, (uint32_t)(packet->time_ns / 1000000 - 1));
    return size;
}

/* RFC 768. */
static size_t
put_udp(uint8_t *at, const struct wire_packet *packet)
{
    put16(at, packet->from->port);
    put16(at + 2, packet->to->port);
    put16(at + 4, (uint32_t)(UDP_SIZE + packet->size));
    put16(at + 6, 0);
    return UDP_SIZE;
}

/* With the pseudo header: RFC 9293, section 3.1, and RFC 8200, section 8.1. */
static void
put_checksum(uint8_t *transport, size_t size, const struct wire_packet *packet,
             bool ipv4)
{
    size_t skip = ipv4 ? 12 : 0;
    uint32_t total = packet->protocol + (uint32_t)size;
    uint16_t checksum;

    total = sum(packet->from->addr.byte + skip, 16 - skip, total);
    total = sum(packet->to->addr.byte + skip, 16 - skip, total);
    checksum = folded(sum(transport, size, total));
    if (packet->protocol == PROTOCOL_UDP) {
        put16(transport + 6, checksum ? checksum : 0xffff);
    } else {
        put16(transport + 16, checksum);
    }
}

static uint32_t
sum(const uint8_t *bytes, size_t size, uint32_t start)
{
    for (; size > 1; size -= 2, bytes += 2) {
        start += (uint32_t)bytes[0] << 8 | bytes[1];
    }
    return size ? start + ((uint32_t)bytes[0] << 8) : start;
}

static uint16_t
folded(uint32_t total)
{
    total = (total >> 16) + (total & 0xffff);
    total += total >> 16;
    return (uint16_t)~total;
}

static void
put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void
put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}
