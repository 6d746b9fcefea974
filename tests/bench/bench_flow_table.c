/* What one packet costs in the flow table, on three synthetic mixes.
 *
 *   bench_flow_table [mix|scan|elephant] [packets in thousands]
 *   valgrind --tool=callgrind --toggle-collect=flow_table_update ...
 *
 * Packets are made beforehand, so only the table is timed: look ahead
 * by batches, advance, pass. */

#include "capture/error.h"
#include "dissect/addr.h"
#include "dissect/packet.h"
#include "flows/flow_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH = 64,
    STEPS = 12 /* Packets of a connection in the mix. */
};

struct load {
    struct packet *packet;
    size_t n;
};

static struct packet
packet_of(uint32_t flow, bool from_server, size_t number)
{
    const uint8_t client[4] = {10, (uint8_t)(flow >> 16), (uint8_t)(flow >> 8),
                               (uint8_t)flow};
    const uint8_t server[4] = {192, 168, (uint8_t)(flow % 7),
                               (uint8_t)(flow % 250)};
    struct packet p = {
        .time = {(int64_t)number * 2000},
        .number = number,
        .src = addr_from_ipv4(from_server ? server : client),
        .dst = addr_from_ipv4(from_server ? client : server),
        .src_port = from_server ? 443 : (uint16_t)(1024 + flow % 60000),
        .dst_port = from_server ? (uint16_t)(1024 + flow % 60000) : 443,
        .protocol = flow % 4 == 3 ? PROTOCOL_UDP : PROTOCOL_TCP,
        .ip_version = 4,
        .ttl = 64,
        .tcp_flags = TCP_ACK,
        .tcp_window = 1000,
        .ip_id = (uint16_t)number,
        .flags = PACKET_HAS_MAC,
        .ip_bytes = 40,
    };

    return p;
}

/* Step 'step' of a connection: handshake, data both ways, two FINs. */
static void
set_step(struct packet *p, size_t step, bool from_server)
{
    static const uint8_t flags[STEPS] = {
        TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,           TCP_ACK,
        TCP_ACK, TCP_ACK,           TCP_ACK,           TCP_ACK,
        TCP_ACK, TCP_ACK,           TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK};
    bool has_data = step > 2 && step < 10;
    uint32_t sent = (uint32_t)(step < 3 ? 0 : (step - 3) / 2);

    p->tcp_flags = flags[step];
    p->tcp_seq = (from_server ? 5000U : 100U) + (step > 1) + sent * 1000;
    p->tcp_ack = (from_server ? 101U : 5001U) + sent * 1000;
    p->payload_bytes = has_data ? 1000 : 0;
    p->ip_bytes += p->payload_bytes;
}

/* A sliding window of open connections, taking turns. */
static void
make_mix(struct load *load, uint32_t window)
{
    for (size_t i = 0; i < load->n; i++) {
        size_t round = i / window;
        uint32_t place = (uint32_t)(i % window);
        size_t step = (round + place) % STEPS;
        uint32_t flow = place + window * (uint32_t)((round + place) / STEPS);
        bool from_server = step % 2 == 1;

        load->packet[i] = packet_of(flow, from_server, i);
        set_step(&load->packet[i], step, from_server);
    }
}

static void
make_scan(struct load *load)
{
    for (size_t i = 0; i < load->n; i++) {
        load->packet[i] = packet_of((uint32_t)i * 4, false, i);
        load->packet[i].tcp_flags = TCP_SYN;
        load->packet[i].tcp_seq = (uint32_t)i;
    }
}

static void
make_elephant(struct load *load)
{
    for (size_t i = 0; i < load->n; i++) {
        uint32_t flow = (uint32_t)(i % 16) * 4;
        uint32_t round = (uint32_t)(i / 16);
        uint32_t sent = (round - round / 3) * 1460;
        bool from_server = round % 3 == 2;
        struct packet *p = &load->packet[i];

        *p = packet_of(flow, from_server, i);
        p->payload_bytes = from_server ? 0 : 1460;
        p->ip_bytes += p->payload_bytes;
        p->tcp_seq = from_server ? 5000 : sent;
        p->tcp_ack = from_server ? sent : 5000;
    }
}

static void
ignore_record(void *context, const struct flow_record *record, void *user)
{
    (void)record;
    (void)user;
    ++*(uint64_t *)context;
}

static void
run(struct flow_table *table, const struct load *load)
{
    static struct flow_lookup ahead[BATCH];

    for (size_t first = 0; first < load->n; first += BATCH) {
        size_t n = load->n - first < BATCH ? load->n - first : BATCH;

        for (size_t i = 0; i < n; i++) {
            flow_table_look_ahead(&load->packet[first + i], 0, &ahead[i]);
        }
        flow_table_look_closer(table, &load->packet[first], ahead, n);
        for (size_t i = 0; i < n; i++) {
            flow_table_advance(table, load->packet[first + i].time);
            flow_table_pass(table, &load->packet[first + i], &ahead[i]);
        }
    }
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "mix";
    uint64_t records = 0;
    struct flow_table_options options = {
        .max_flows = 2000000,
        .hash_seed = 1,
        .timeouts = flow_default_timeouts,
        .user_bytes = 40,
        .record = ignore_record,
        .context = &records,
    };
    struct load load = {.n = 1000 *
                             (argc > 2 ? strtoul(argv[2], NULL, 10) : 1000)};
    struct flow_table_counters c;
    struct error error;
    struct flow_table *table = flow_table_new(&options, &error);
    struct timespec start;
    struct timespec stop;
    double ns;

    load.packet = calloc(load.n, sizeof *load.packet);
    if (!table || !load.packet || load.n == 0) {
        flow_table_free(table);
        free(load.packet);
        return EXIT_FAILURE;
    }
    if (strcmp(name, "scan") == 0) {
        make_scan(&load);
    } else if (strcmp(name, "elephant") == 0) {
        make_elephant(&load);
    } else {
        make_mix(&load, 100000);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    run(table, &load);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &stop);
    flow_table_counters(table, &c);
    ns = (double)(stop.tv_sec - start.tv_sec) * 1e9 +
         (double)(stop.tv_nsec - start.tv_nsec);
    printf("%s: %zu packets, %lu flows, %lu alive, %lu bytes, %.1f ns/packet\n",
           name, load.n, (unsigned long)c.created, (unsigned long)c.active,
           (unsigned long)c.bytes, ns / (double)load.n);
    flow_table_free(table);
    free(load.packet);
    return EXIT_SUCCESS;
}
