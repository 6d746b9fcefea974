/* Packets as dissection would hand them over, and what a table made of them. */

#ifndef TESTS_FLOWS_PACKETS_H
#define TESTS_FLOWS_PACKETS_H

#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/packet.h"
#include "flows/flow_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_RECORDS = 64
};

/* The last records a table gave, oldest first. */
struct records {
    struct flow_record record[MAX_RECORDS];
    size_t n;
    uint64_t total;
};

static inline struct addr
ipv4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    const uint8_t byte[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};

    return addr_from_ipv4(byte);
}

/* From 10.0.0.'src' to 10.0.0.'dst'. */
static inline struct packet
packet_between(unsigned src, unsigned dst, uint8_t protocol, int64_t ns)
{
    static uint64_t number;

    number++;
    return (struct packet){
        .time = {ns},
        .number = number,
        .src = ipv4(10, 0, 0, src),
        .dst = ipv4(10, 0, 0, dst),
        .protocol = protocol,
        .ip_version = 4,
        .ttl = 64,
        .ip_bytes = 20,
        .ip_id = (uint16_t)(number % 65535 + 1),
        .tcp_window = 1000,
    };
}

static inline struct packet
udp_packet(unsigned src, uint16_t src_port, unsigned dst, uint16_t dst_port,
           int64_t ns)
{
    struct packet p = packet_between(src, dst, PROTOCOL_UDP, ns);

    p.src_port = src_port;
    p.dst_port = dst_port;
    p.ip_bytes = 128;
    p.payload_bytes = 100;
    return p;
}

static inline struct packet
tcp_packet(unsigned src, uint16_t src_port, unsigned dst, uint16_t dst_port,
           int64_t ns)
{
    struct packet p = packet_between(src, dst, PROTOCOL_TCP, ns);

    p.src_port = src_port;
    p.dst_port = dst_port;
    p.ip_bytes = 40;
    return p;
}

static inline struct packet
icmp_packet(unsigned src, unsigned dst, uint8_t type, uint8_t code, int64_t ns)
{
    struct packet p = packet_between(src, dst, PROTOCOL_ICMP, ns);

    p.icmp_type = type;
    p.icmp_code = code;
    p.ip_bytes = 84;
    p.payload_bytes = 56;
    return p;
}

/* An ICMP error that 'from' sends to the sender of 'met'. */
static inline struct packet
icmp_error(unsigned from, const struct packet *met, uint8_t type, uint8_t code)
{
    struct packet p = icmp_packet(from, 0, type, code, met->time.ns + 1000);
    bool is_icmp = met->protocol == PROTOCOL_ICMP;

    p.dst = met->src;
    p.flags |= PACKET_ICMP_ERROR;
    p.quoted = (struct packet_quoted){
        .src = met->src,
        .dst = met->dst,
        .src_port = is_icmp ? met->icmp_type : met->src_port,
        .dst_port = is_icmp ? met->icmp_code : met->dst_port,
        .protocol = met->protocol,
        .has_ports = true,
    };
    return p;
}

static inline void
keep_record(void *context, const struct flow_record *record, void *user)
{
    struct records *records = context;

    (void)user;
    records->total++;
    if (records->n == MAX_RECORDS) {
        memmove(records->record, records->record + 1,
                (MAX_RECORDS - 1) * sizeof *record);
        records->n--;
    }
    records->record[records->n++] = *record;
}

static inline struct flow_table_options
table_options(struct records *records)
{
    return (struct flow_table_options){
        .max_flows = 1000,
        .hash_seed = 42,
        .timeouts = flow_default_timeouts,
        .record = keep_record,
        .context = records,
    };
}

static inline struct flow_table *
new_table(const struct flow_table_options *options)
{
    struct error error;
    struct flow_table *table = flow_table_new(options, &error);

    assert_non_null(table);
    return table;
}

static inline struct flow_table_counters
counters_of(const struct flow_table *table)
{
    struct flow_table_counters counters;

    flow_table_counters(table, &counters);
    return counters;
}

#endif
