/* Very many flows at once: what they cost, how long the table ever keeps its
 * caller waiting while it grows and shrinks, and what is left when they end.
 *
 *   bench_many_flows [flows in thousands, 10000 if not given]
 *
 * Half are UDP, asked and answered, half TCP connections, each with the 24
 * bytes the program keeps beside a flow.  Fails if a flow costs more than
 * MAX_BYTES, so that 10 million fit 3 GiB, or if more than a tenth stays when
 * all but a few have ended. */

#include "capture/error.h"
#include "dissect/packet.h"
#include "flows/flow_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,
    USER_BYTES = 24,
    MAX_BYTES = 322,
    N_STEPS = 3,    /* Packets of a flow. */
    GAP_NS = 2000,  /* Between packets. */
    N_LEFT = 10,    /* Flows that go on at the end, */
    SILENCE = 10000 /* with so many milliseconds between their packets. */
};

struct bench {
    struct flow_table *table;
    uint64_t number; /* Of packets. */
    int64_t now;
    double slowest_us;
};

/* Of this process alone, whatever else runs. */
static double
now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Resident, of the whole process. */
static size_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[200];
    char *next = line;

    if (file && fgets(line, sizeof line, file)) {
        strtoul(line, &next, 10); /* Addresses. */
    }
    if (file) {
        fclose(file);
    }
    return next == line
               ? 0
               : strtoul(next, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Asked, answered, and acknowledged or asked again. */
static struct packet
packet_of(struct bench *b, uint32_t flow, unsigned step)
{
    const uint8_t client[4] = {10, (uint8_t)(flow >> 16), (uint8_t)(flow >> 8),
                               (uint8_t)flow};
    const uint8_t server[4] = {192, 168, (uint8_t)(flow % 7),
                               (uint8_t)(flow % 250)};
    bool from_server = step == 1;
    bool is_tcp = flow % 2 == 1;
    uint16_t port = (uint16_t)(1024 + (flow >> 24) + flow % 60000);
    struct packet p = {
        .time = {b->now},
        .number = b->number++,
        .src = addr_from_ipv4(from_server ? server : client),
        .dst = addr_from_ipv4(from_server ? client : server),
        .src_port = from_server ? 443 : port,
        .dst_port = from_server ? port : 443,
        .protocol = is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP,
        .ip_version = 4,
        .ttl = 64,
        .ip_id = (uint16_t)b->number,
        .flags = PACKET_HAS_MAC,
        .src_mac = {2, 0, 0, 0, 0, (uint8_t)(flow % 200)},
        .ip_bytes = 40,
    };

    b->now += GAP_NS;
    if (is_tcp) {
        p.tcp_window = 1000;
        p.tcp_flags =
            (uint8_t)((step < 2 ? TCP_SYN : 0) | (step > 0 ? TCP_ACK : 0));
        p.tcp_seq = (from_server ? 5000U : 100U) + (step == 2);
        p.tcp_ack = step == 0 ? 0 : from_server ? 101 : 5001;
    }
    return p;
}

static void
pass_batch(struct bench *b, const struct packet *packet, size_t n)
{
    static struct flow_lookup ahead[BATCH];
    double start = now_us();
    double took;

    for (size_t i = 0; i < n; i++) {
        flow_table_look_ahead(&packet[i], 0, &ahead[i]);
    }
    flow_table_look_closer(b->table, packet, ahead, n);
    for (size_t i = 0; i < n; i++) {
        flow_table_advance(b->table, packet[i].time);
        flow_table_pass(b->table, &packet[i], &ahead[i]);
    }
    took = now_us() - start;
    b->slowest_us = took > b->slowest_us ? took : b->slowest_us;
}

/* All packets of one step for all flows, then those of the next. */
static void
fill(struct bench *b, uint32_t n_flows)
{
    static struct packet batch[BATCH];
    size_t n = 0;

    for (uint64_t i = 0; i < (uint64_t)N_STEPS * n_flows; i++) {
        batch[n++] =
            packet_of(b, (uint32_t)(i % n_flows), (unsigned)(i / n_flows));
        if (n == BATCH) {
            pass_batch(b, batch, n);
            n = 0;
        }
    }
    pass_batch(b, batch, n);
}

/* Only a few go on; the others end as their time comes. */
static void
drain(struct bench *b)
{
    int64_t end = b->now + 2 * flow_default_timeouts.tcp_established_ns;
    uint32_t flow = 0;

    while (b->now < end) {
        double start;
        double took;

        b->now += MILLISECOND_NS;
        start = now_us();
        flow_table_advance(b->table, (struct wall_time){b->now});
        took = now_us() - start;
        b->slowest_us = took > b->slowest_us ? took : b->slowest_us;
        if (++flow % SILENCE < N_LEFT) {
            struct packet p = packet_of(b, flow % SILENCE, 2);

            flow_table_update(b->table, &p, 0);
        }
    }
}

static void
report(const char *what, struct bench *b, size_t before)
{
    struct flow_table_counters c;
    size_t resident = resident_bytes() - before;

    flow_table_counters(b->table, &c);
    printf("%s: %lu flows, %lu MB counted, %zu MB resident, "
           "slowest step %.0f us\n",
           what, (unsigned long)c.active, (unsigned long)(c.bytes >> 20),
           resident >> 20, b->slowest_us);
    b->slowest_us = 0;
}

int
main(int argc, char **argv)
{
    uint32_t n =
        1000 * (uint32_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 10000);
    struct flow_timeouts timeouts = flow_default_timeouts;
    struct flow_table_options options = {
        .max_flows = n, .hash_seed = 1, .user_bytes = USER_BYTES};
    struct bench b = {.now = SECOND_NS};
    size_t before;
    size_t peak;
    size_t left;
    struct error error;

    timeouts.udp_request_ns = timeouts.tcp_opening_ns = 3600 * SECOND_NS;
    timeouts.udp_reply_ns = 3600 * SECOND_NS;
    options.timeouts = timeouts;
    b.table = flow_table_new(&options, &error);
    if (!b.table || n == 0) {
        return EXIT_FAILURE;
    }
    before = resident_bytes();
    fill(&b, n);
    peak = resident_bytes() - before;
    report("full", &b, before);
    drain(&b);
    left = resident_bytes() - before;
    report("drained", &b, before);
    printf("%zu bytes a flow\n", peak / n);
    flow_table_free(b.table);
    return peak / n <= MAX_BYTES && left <= peak / 10 ? EXIT_SUCCESS
                                                      : EXIT_FAILURE;
}
