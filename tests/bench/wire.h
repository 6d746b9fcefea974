/* The mirror port of the benchmark: packets become frames of a pcap file.
 *
 * Ethernet, with a VLAN tag where the sender's segment has one; IPv4 or IPv6;
 * TCP with timestamps, or UDP.  Lengths and checksums are right. */

#ifndef TESTS_BENCH_WIRE_H
#define TESTS_BENCH_WIRE_H

#include "dissect/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wire {
    FILE *file; /* Borrowed. */
    uint64_t packets, ip_bytes;
};

struct wire_end {
    struct addr addr;
    uint16_t port;
};

struct wire_packet {
    int64_t time_ns; /* Since the epoch; written as microseconds. */
    const struct wire_end *from, *to;
    const uint8_t *payload; /* At most DIALOGUE_SEGMENT_BYTES. */
    size_t size;
    uint32_t seq, ack; /* TCP only. */
    uint16_t ip_id;
    uint16_t vlan; /* 0: no tag. */
    uint8_t protocol, tcp_flags;
};

/* False if the file cannot be written: errno says why. */
bool wire_begin(struct wire *, FILE *file);

/* Returns the bytes of the IP packet.  Errors are the file's: ferror(). */
size_t wire_send(struct wire *, const struct wire_packet *);

#endif
