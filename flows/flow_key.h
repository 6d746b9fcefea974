/* Which conversation a packet belongs to, whoever sent it.
 *
 * The two ends are put in order, so both directions have one key.  A plain
 * value without padding: it is hashed and compared as bytes.
 *
 * ICMP has no ports; message types stand in for them, as in Zeek.  A type that
 * has an answer (echo, timestamp, ...) and its answer are two ends of one
 * conversation; any other message is a conversation of one direction. */

#ifndef FLOWS_FLOW_KEY_H
#define FLOWS_FLOW_KEY_H

#include "dissect/addr.h"
#include "dissect/packet.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct flow_key {
    struct addr addr[2]; /* Of the lower and of the higher end. */
    uint32_t scope;      /* VXLAN or Geneve VNI; of an ICMP error that found no
                          * flow, a hash of the one it quotes. */
    uint16_t port[2];
    uint16_t context; /* See flow_table_update(). */
    uint8_t protocol;
    uint8_t tunnel; /* enum packet_tunnel if 'scope' is its VNI, else 0. */
};

static_assert(sizeof(struct flow_key) == 44, "a flow key has no padding");

/* A key, and which of its ends (0 or 1) sent the packet. */
struct flow_ends {
    struct flow_key key;
    unsigned sender;
};

/* The packet's own conversation.  Of a later fragment, or a packet without a
 * transport header, the ports are 0. */
void flow_key_from(const struct packet *, uint16_t context,
                   struct flow_ends *out);

/* As flow_key_from(), with the ports given: those of the first fragment, in the
 * packet's own order of source and destination. */
void flow_key_with_ports(const struct packet *, uint16_t context,
                         const uint16_t port[2], struct flow_ends *out);

/* The conversation that an ICMP error quotes; 'sender' sent the packet that met
 * the error.  Returns false if too little was quoted. */
bool flow_key_quoted(const struct packet *, uint16_t context,
                     struct flow_ends *out);

/* What stands for the ports of a packet, source first. */
void flow_key_ports(const struct packet *, uint16_t port[2]);

static inline bool
flow_key_is_icmp(const struct flow_key *key)
{
    return packet_protocol_is_icmp(key->protocol);
}

/* Whether the message can have no answer. */
bool flow_key_is_one_way(const struct flow_key *);

/* Not of ICMP that was cut before its type, or fragments without a first. */
bool flow_key_has_icmp_type(const struct flow_key *);

/* ICMP type of what 'end' sends, or of what it received if it cannot send. */
uint8_t flow_key_icmp_type(const struct flow_key *, unsigned end);

/* The type that answers 'type', or is answered by it; -1 if there is none. */
int flow_key_icmp_counterpart(uint8_t protocol, uint8_t type);
bool flow_key_icmp_is_request(uint8_t protocol, uint8_t type);

/* Whether it says that a packet did not get there. */
bool flow_key_icmp_is_unreachable(uint8_t protocol, uint8_t type, uint8_t code);

uint64_t flow_key_hash(const struct flow_key *, uint64_t seed);

/* Of any bytes. */
uint64_t flow_hash(const void *, size_t size, uint64_t seed);

static inline bool
flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* The identifier of the flow with this key whose first packet was this one:
 * the same in every run and on any worker. */
uint64_t flow_key_id(const struct flow_key *, int64_t first_ns,
                     uint64_t first_frame, uint16_t file);

#endif
