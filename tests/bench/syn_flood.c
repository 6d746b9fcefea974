/* Writes a capture of a SYN flood to standard output: syn_flood PACKETS [SEED].
 *
 * Every packet opens a flow of its own, a tenth of them answered with a reset,
 * so a run over it shows what grows with the number of flows: tables, trackers,
 * totals.  The same seed gives the same bytes. */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINK_SIZE = 14,
    IP_SIZE = 20,
    TCP_SIZE = 20,
    FRAME_SIZE = LINK_SIZE + IP_SIZE + TCP_SIZE,
    PACKETS_PER_SECOND = 100000,
    TCP_SYN = 0x02,
    TCP_RST_ACK = 0x14,
    ANSWERED = 10 /* One in so many. */
};

struct record {
    uint32_t seconds, microseconds, captured, wire;
    unsigned char frame[FRAME_SIZE];
};

static uint64_t next_random(uint64_t *state);
static void make_frame(unsigned char *frame, uint64_t random, int answer);
static void put16(unsigned char *at, unsigned value);

int
main(int argc, char *argv[])
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t random = 0;

    fwrite(header, sizeof header, 1, stdout);
    for (uint64_t i = 0; i < n; i++) {
        struct record record = {
            .seconds = 1700000000u + (uint32_t)(i / PACKETS_PER_SECOND),
            .microseconds = (uint32_t)(i % PACKETS_PER_SECOND) *
                            (1000000u / PACKETS_PER_SECOND),
            .captured = FRAME_SIZE,
            .wire = FRAME_SIZE,
        };
        int answer = i % ANSWERED == ANSWERED - 1;

        if (!answer) {
            random = next_random(&state);
        }
        make_frame(record.frame, random, answer);
        fwrite(&record, 16, 1, stdout);
        fwrite(record.frame, FRAME_SIZE, 1, stdout);
    }
    if (fflush(stdout) != 0) {
        perror("syn_flood");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

/* xorshift64*. */
static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* From anywhere in 10/8 to anywhere in 172.16/12; an answer goes back. */
static void
make_frame(unsigned char *frame, uint64_t random, int answer)
{
    unsigned char *ip = frame + LINK_SIZE;
    unsigned char *tcp = ip + IP_SIZE;
    unsigned char client[4] = {10, (unsigned char)random,
                               (unsigned char)(random >> 8),
                               (unsigned char)(random >> 16)};
    unsigned char server[4] = {172, (unsigned char)(16 | (random >> 24 & 15)),
                               (unsigned char)(random >> 28),
                               (unsigned char)(random >> 36)};
    unsigned client_port = 1024 + (unsigned)(random >> 44 & 0x7fff);
    unsigned server_port = 1 + (unsigned)(random >> 59);

    memset(frame, 2, 12);
    put16(frame + 12, 0x0800);
    memset(ip, 0, IP_SIZE + TCP_SIZE);
    ip[0] = 0x45;
    put16(ip + 2, IP_SIZE + TCP_SIZE);
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, answer ? server : client, 4);
    memcpy(ip + 16, answer ? client : server, 4);
    put16(tcp, answer ? server_port : client_port);
    put16(tcp + 2, answer ? client_port : server_port);
    tcp[12] = 5 << 4;
    tcp[13] = answer ? TCP_RST_ACK : TCP_SYN;
    put16(tcp + 14, 1024);
}

static void
put16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}
