/* crowd [-k dns|syn|mix|data] [-r ROUNDS] [-t SECONDS] [-s BYTES] [-q SECONDS]
 *       FLOWS
 *
 * Writes a capture of as many flows as there shall be to standard output: each
 * is opened, then each gets one more packet in every round, in another order
 * than they came.  All of that lasts -t seconds (default 20), so none of them
 * is idle for long; -q goes on with a quiet time, in which one flow of its own
 * moves the clock.
 *
 * dns  a question and its answer, then the same again by turns
 * syn  a connection nobody answers, tried again and again
 * mix  every other flow the one, the others the other (default)
 * data UDP that nobody knows, in frames of -s bytes
 *
 * A flow's ends follow from its number, so any number of flows takes no memory.
 * All are in 10.128.0.0/9. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINK_SIZE = 14,
    IP_SIZE = 20,
    UDP_SIZE = 8,
    FRAME_SIZE = 74,  /* Of a SYN and of a question. */
    ANSWER_SIZE = 16, /* What an answer has more. */
    MIN_DATA_SIZE = 60,
    MAX_DATA_SIZE = 9014,
    DNS_PORT = 53,
    HTTPS_PORT = 443,
    DATA_PORT = 40000,
    QUIET_PACKETS_PER_SECOND = 100
};

static const uint64_t start_us = UINT64_C(1772442000000000); /* 2026-03-02 */
static const uint64_t step = 2654435761; /* A prime: visits every flow once. */

struct plan {
    const char *kind;
    uint64_t n_flows, n_rounds, seconds, quiet_seconds;
    size_t data_size;
};

static bool read_options(int argc, char *argv[], struct plan *);
static void play(const struct plan *);
static bool is_syn(const struct plan *, uint64_t flow);
static bool is_data(const struct plan *);
static void send(const struct plan *, uint64_t flow, bool is_answer,
                 uint64_t time_us);
static void put_ends(uint8_t *ip, uint64_t flow, uint16_t service,
                     bool is_answer);
static void put_ip(uint8_t *ip, size_t size, uint8_t protocol);
static void put_syn(uint8_t *tcp);
static void put_dns(uint8_t *udp, bool is_answer);
static uint64_t mixed(uint64_t number);
static void put16(uint8_t *at, uint64_t value);

int
main(int argc, char *argv[])
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    struct plan plan;

    if (!read_options(argc, argv, &plan)) {
        fputs("usage: crowd [-k dns|syn|mix|data] [-r ROUNDS] [-t SECONDS] "
              "[-s BYTES] [-q SECONDS] FLOWS\n",
              stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    fwrite(header, sizeof header, 1, stdout);
    play(&plan);
    if (fflush(stdout) != 0) {
        perror("crowd");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static bool
read_options(int argc, char *argv[], struct plan *plan)
{
    int option;

    *plan = (struct plan){.kind = "mix", .seconds = 20, .data_size = 100};
    while ((option = getopt(argc, argv, "k:r:t:s:q:")) != -1) {
        uint64_t number = strtoull(optarg ? optarg : "", NULL, 10);

        switch (option) {
        case 'k': plan->kind = optarg; break;
        case 'r': plan->n_rounds = number; break;
        case 't': plan->seconds = number; break;
        case 's': plan->data_size = number; break;
        case 'q': plan->quiet_seconds = number; break;
        default: return false;
        }
    }
    plan->n_flows = optind == argc - 1 ? strtoull(argv[optind], NULL, 10) : 0;
    return plan->n_flows && plan->n_flows < step &&
           plan->data_size >= MIN_DATA_SIZE && plan->data_size <= MAX_DATA_SIZE;
}

static void
play(const struct plan *plan)
{
    uint64_t n = plan->n_flows * (1 + plan->n_rounds);
    double step_us = (double)plan->seconds * 1e6 / (double)n;
    uint64_t n_quiet = plan->quiet_seconds * QUIET_PACKETS_PER_SECOND;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t round = i / plan->n_flows;
        uint64_t flow = i % plan->n_flows;
        uint64_t time_us = (uint64_t)(step_us * (double)i);

        if (round) {
            flow = flow * step % plan->n_flows;
            send(plan, flow, !is_syn(plan, flow) && round % 2 == 0, time_us);
            continue;
        }
        send(plan, flow, false, time_us);
        if (!is_syn(plan, flow) && !is_data(plan)) {
            send(plan, flow, true, time_us);
        }
    }
    for (uint64_t i = 0; i < n_quiet; i++) {
        send(plan, plan->n_flows, false,
             plan->seconds * 1000000 +
                 i * (1000000 / QUIET_PACKETS_PER_SECOND));
    }
}

static bool
is_syn(const struct plan *plan, uint64_t flow)
{
    return plan->kind[0] == 's' || (plan->kind[0] == 'm' && flow % 2);
}

static bool
is_data(const struct plan *plan)
{
    return plan->kind[0] == 'd' && plan->kind[1] == 'a';
}

static void
send(const struct plan *plan, uint64_t flow, bool is_answer, uint64_t time_us)
{
    static uint8_t frame[MAX_DATA_SIZE];
    bool by_tcp = is_syn(plan, flow);
    bool unknown = is_data(plan);
    size_t size = unknown     ? plan->data_size
                  : is_answer ? FRAME_SIZE + ANSWER_SIZE
                              : FRAME_SIZE;
    uint8_t *ip = frame + LINK_SIZE;
    uint8_t *transport = ip + IP_SIZE;
    uint32_t record[4];

    time_us += start_us;
    record[0] = (uint32_t)(time_us / 1000000);
    record[1] = (uint32_t)(time_us % 1000000);
    record[2] = record[3] = (uint32_t)size;
    memset(frame, 2, LINK_SIZE - 2);
    put16(frame + LINK_SIZE - 2, 0x0800);
    put_ip(ip, size - LINK_SIZE, by_tcp ? 6 : 17);
    put_ends(ip, flow,
             unknown  ? DATA_PORT
             : by_tcp ? HTTPS_PORT
                      : DNS_PORT,
             is_answer);
    if (by_tcp) {
        put_syn(transport);
    } else {
        put16(transport + 4, size - LINK_SIZE - IP_SIZE);
        put16(transport + 6, 0); /* No checksum. */
    }
    if (!by_tcp && !unknown) {
        put_dns(transport, is_answer);
    }
    fwrite(record, sizeof record, 1, stdout);
    fwrite(frame, size, 1, stdout);
}

/* RFC 791, section 3.1. */
static void
put_ip(uint8_t *ip, size_t size, uint8_t protocol)
{
    memset(ip, 0, IP_SIZE);
    ip[0] = 0x45;
    put16(ip + 2, size);
    ip[8] = 64;
    ip[9] = protocol;
}

/* Addresses and ports, which are in the same place in TCP and UDP.  A client
 * never has the port of a service. */
static void
put_ends(uint8_t *ip, uint64_t flow, uint16_t service, bool is_answer)
{
    uint64_t random = mixed(flow);
    uint8_t *client = ip + (is_answer ? 16 : 12);
    uint8_t *server = ip + (is_answer ? 12 : 16);
    uint8_t *ports = ip + IP_SIZE;

    client[0] = server[0] = 10;
    client[1] = (uint8_t)(0x80 | (random & 0x7f));
    put16(client + 2, random >> 7);
    server[1] = (uint8_t)(0x80 | (random >> 23 & 0x7f));
    put16(server + 2, random >> 30);
    put16(ports + (is_answer ? 2 : 0), 1024 + (random >> 46 & 0x7fff));
    put16(ports + (is_answer ? 0 : 2), service);
}

/* RFC 9293, section 3.1, with the options Linux sends. */
static void
put_syn(uint8_t *tcp)
{
    static const uint8_t rest[] = {
        0, 0,   0, 1, 0, 0,  0, 0, 0xa0, 2, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4,
        5, 180, 4, 2, 8, 10, 0, 0, 0,    1, 0,    0,    0, 0, 1, 3, 3, 7};

    memcpy(tcp + 4, rest, sizeof rest);
}

/* RFC 1035, section 4.1: what is the address of server.example? */
static void
put_dns(uint8_t *udp, bool is_answer)
{
    static const uint8_t question[] = {0x12, 0x34, 1,   0, 0,   1,   0,   0,
                                       0,    0,    0,   0, 6,   's', 'e', 'r',
                                       'v',  'e',  'r', 7, 'e', 'x', 'a', 'm',
                                       'p',  'l',  'e', 0, 0,   1,   0,   1};
    static const uint8_t answer[ANSWER_SIZE] = {0xc0, 12, 0, 1, 0,  1,  0, 0,
                                                14,   16, 0, 4, 10, 40, 2, 10};
    uint8_t *message = udp + UDP_SIZE;

    memcpy(message, question, sizeof question);
    if (is_answer) {
        put16(message + 2, 0x8180);
        put16(message + 6, 1);
        memcpy(message + sizeof question, answer, sizeof answer);
    }
}

/* SplitMix64: one to one, and as if drawn. */
static uint64_t
mixed(uint64_t number)
{
    number = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

static void
put16(uint8_t *at, uint64_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
