/* A made-up conversation, packet by packet: raw IP frames and what a dissector
 * would say of them.  For tests of what comes after dissection. */

#ifndef TESTS_SUPPORT_CONVERSATION_H
#define TESTS_SUPPORT_CONVERSATION_H

#include "capture/frame.h"
#include "dissect/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    CONVERSATION_MAX_BYTES = 70000
};

struct conversation {
    struct frame frame; /* The latest packet. */
    struct packet packet;
    bool from_initiator;

    uint8_t ip_version, protocol;
    uint16_t client_port, server_port;
    uint8_t server[4];    /* IPv4; 10.0.0.1 if all are 0. */
    uint32_t sequence[2]; /* [1] is the initiator's. */
    int64_t time_ns;
    uint8_t bytes[CONVERSATION_MAX_BYTES];
};

static inline void
conversation_init(struct conversation *c, uint8_t protocol, uint16_t port)
{
    memset(c, 0, sizeof *c);
    c->ip_version = 4;
    c->protocol = protocol;
    c->client_port = 40000;
    c->server_port = port;
    c->sequence[0] = 5000;
    c->sequence[1] = 0xfffffff0; /* It soon wraps. */
    c->time_ns = INT64_C(1600000000) * SECOND_NS;
}

static inline void
conversation_be16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void
conversation_be32(uint8_t *at, uint32_t value)
{
    conversation_be16(at, value >> 16);
    conversation_be16(at + 2, value & 0xffff);
}

/* The addresses in the IP header at 'b'. */
static inline void
conversation_address(const struct conversation *c, bool from_initiator,
                     uint8_t *b)
{
    static const uint8_t end_point[2] = {1, 2}; /* 10.0.0.1, the server. */
    bool v4 = c->ip_version == 4;

    b[v4 ? 12 : 8] = 10;
    b[v4 ? 16 : 24] = 10;
    b[v4 ? 15 : 23] = end_point[from_initiator];
    b[v4 ? 19 : 39] = end_point[!from_initiator];
    if (v4 && c->server[0]) {
        memcpy(b + (from_initiator ? 16 : 12), c->server, sizeof c->server);
    }
}

/* Makes the next packet: 'size' bytes of payload at 'payload'. */
static inline void
conversation_send(struct conversation *c, bool from_initiator,
                  const void *payload, size_t size)
{
    size_t ip = c->ip_version == 4 ? 20 : 40;
    size_t transport = c->protocol == PROTOCOL_TCP   ? 20
                       : c->protocol == PROTOCOL_UDP ? 8
                                                     : 0;
    size_t total = ip + transport + size;
    uint8_t *b = c->bytes, *t = b + ip;
    struct packet *p = &c->packet;

    memset(b, 0, ip + transport);
    memset(p, 0, sizeof *p);
    b[0] = c->ip_version == 4 ? 0x45 : 0x60;
    conversation_be16(b + (c->ip_version == 4 ? 2 : 4),
                      c->ip_version == 4 ? total : total - ip);
    b[c->ip_version == 4 ? 8 : 7] = 64;
    b[c->ip_version == 4 ? 9 : 6] = c->protocol;
    conversation_address(c, from_initiator, b);
    p->src_port = from_initiator ? c->client_port : c->server_port;
    p->dst_port = from_initiator ? c->server_port : c->client_port;
    if (transport > 0) {
        conversation_be16(t, p->src_port);
        conversation_be16(t + 2, p->dst_port);
    }
    if (c->protocol == PROTOCOL_TCP) {
        p->tcp_seq = c->sequence[from_initiator];
        p->tcp_ack = c->sequence[!from_initiator];
        p->tcp_flags = TCP_ACK | TCP_PSH;
        conversation_be32(t + 4, p->tcp_seq);
        conversation_be32(t + 8, p->tcp_ack);
        t[12] = 5 << 4;
        t[13] = p->tcp_flags;
        c->sequence[from_initiator] += (uint32_t)size;
    } else if (c->protocol == PROTOCOL_UDP) {
        conversation_be16(t + 4, 8 + size);
    }
    memcpy(t + transport, payload, size);
    c->time_ns += MILLISECOND_NS;
    p->time.ns = c->time_ns;
    p->ip_version = c->ip_version;
    p->protocol = c->protocol;
    p->ip_bytes = (uint32_t)total;
    p->transport_at = (uint16_t)ip;
    p->payload_at = (uint16_t)(ip + transport);
    p->payload_bytes = p->payload_captured = (uint32_t)size;
    c->from_initiator = from_initiator;
    c->frame = (struct frame){
        .time = p->time,
        .data = c->bytes,
        .captured = (uint32_t)total,
        .wire_size = (uint32_t)total,
        .link = FRAME_LINK_RAW,
    };
}

#endif
