/* flood [-d ADDRESS] [-p PORT] [-q SECONDS] SYNS CAPTURE
 *
 * Writes a capture to standard output: that of the file, a classic one of
 * Ethernet in microseconds as this machine writes it, and, spread evenly over
 * its time, so many SYNs to one service from sources that are made up, each
 * once.  Nothing answers them.  -q goes on with a quiet time, in which one
 * client asks for the time.
 *
 * Sources follow from their number, so any number of them takes no memory; none
 * is of a private network. */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINK_SIZE = 14,
    IP_SIZE = 20,
    SYN_SIZE = 74, /* With the options of Linux. */
    NTP_SIZE = LINK_SIZE + IP_SIZE + 8 + 48,
    MAX_FRAME = 1 << 18,
    TCP = 6,
    UDP = 17
};

struct record {
    uint32_t seconds, micros, captured, size;
};

struct plan {
    uint64_t n_syns, quiet_seconds;
    uint8_t address[4];
    uint16_t port;
    FILE *capture;
};

static bool read_options(int argc, char *argv[], struct plan *);
static bool open_capture(struct plan *, const char *path);
static bool find_times(struct plan *, uint64_t *first, uint64_t *last);
static bool next_record(FILE *, struct record *, uint8_t *frame);
static uint64_t time_of(const struct record *);
static void mix(struct plan *, uint64_t first, uint64_t last);
static void write_syn(const struct plan *, uint64_t number, uint64_t time_us);
static void write_quiet(const struct plan *, uint64_t from_us);
static void write_record(uint64_t time_us, const uint8_t *frame, size_t size);
static void put_ip(uint8_t *frame, size_t size, uint8_t protocol,
                   const uint8_t src[4], const uint8_t dst[4]);
static uint64_t made_up(uint64_t number, uint8_t address[4]);
static bool is_special(const uint8_t address[4]);
static uint64_t mixed(uint64_t number);
static void put16(uint8_t *at, uint64_t value);

int
main(int argc, char *argv[])
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0,
                                       0,          MAX_FRAME,   1};
    struct plan plan;
    uint64_t first, last;

    if (!read_options(argc, argv, &plan)) {
        fputs("usage: flood [-d ADDRESS] [-p PORT] [-q SECONDS] SYNS CAPTURE\n",
              stderr);
        return 2;
    }
    if (!open_capture(&plan, argv[optind + 1]) ||
        !find_times(&plan, &first, &last)) {
        fprintf(stderr, "flood: %s: no such capture\n", argv[optind + 1]);
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    fwrite(header, sizeof header, 1, stdout);
    mix(&plan, first, last);
    write_quiet(&plan, last);
    fclose(plan.capture);
    if (fflush(stdout) != 0) {
        perror("flood");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static bool
read_options(int argc, char *argv[], struct plan *plan)
{
    bool good = true;
    int option;

    *plan = (struct plan){.address = {10, 10, 0, 5}, .port = 22};
    while ((option = getopt(argc, argv, "d:p:q:")) != -1) {
        switch (option) {
        case 'd': good = inet_pton(AF_INET, optarg, plan->address) == 1; break;
        case 'p': plan->port = (uint16_t)strtoul(optarg, NULL, 10); break;
        case 'q': plan->quiet_seconds = strtoull(optarg, NULL, 10); break;
        default: return false;
        }
    }
    if (optind != argc - 2) {
        return false;
    }
    plan->n_syns = strtoull(argv[optind], NULL, 10);
    return good;
}

static bool
open_capture(struct plan *plan, const char *path)
{
    uint32_t header[6];

    plan->capture = fopen(path, "rb");
    return plan->capture &&
           fread(header, sizeof header, 1, plan->capture) == 1 &&
           header[0] == 0xa1b2c3d4 && header[5] == 1;
}

static bool
find_times(struct plan *plan, uint64_t *first, uint64_t *last)
{
    static uint8_t frame[MAX_FRAME];
    long begin = ftell(plan->capture);
    struct record record;
    bool any = false;

    while (next_record(plan->capture, &record, frame)) {
        uint64_t time = time_of(&record);

        *first = !any || time < *first ? time : *first;
        *last = !any || time > *last ? time : *last;
        any = true;
    }
    return any && fseek(plan->capture, begin, SEEK_SET) == 0;
}

static bool
next_record(FILE *file, struct record *record, uint8_t *frame)
{
    return fread(record, sizeof *record, 1, file) == 1 &&
           record->captured <= MAX_FRAME &&
           fread(frame, 1, record->captured, file) == record->captured;
}

static uint64_t
time_of(const struct record *record)
{
    return record->seconds * UINT64_C(1000000) + record->micros;
}

/* The frames of the capture keep their order, whatever their stamps. */
static void
mix(struct plan *plan, uint64_t first, uint64_t last)
{
    static uint8_t frame[MAX_FRAME];
    double step = (double)(last - first) / (double)(plan->n_syns + 1);
    uint64_t number = 0;
    struct record record;

    while (next_record(plan->capture, &record, frame)) {
        uint64_t due;

        while (number < plan->n_syns &&
               (due = first + (uint64_t)(step * (double)(number + 1))) <
                   time_of(&record)) {
            write_syn(plan, number++, due);
        }
        fwrite(&record, sizeof record, 1, stdout);
        fwrite(frame, 1, record.captured, stdout);
    }
    while (number < plan->n_syns) {
        write_syn(plan, number++, last);
    }
}

static void
write_syn(const struct plan *plan, uint64_t number, uint64_t time_us)
{
    static const uint8_t rest[] = {0xa0, 2,   0xfa, 0xf0, 0, 0,  0, 0, 2, 4,
                                   5,    180, 4,    2,    8, 10, 0, 0, 0, 1,
                                   0,    0,   0,    0,    1, 3,  3, 7};
    uint8_t frame[SYN_SIZE];
    uint8_t *tcp = frame + LINK_SIZE + IP_SIZE;
    uint8_t source[4];
    uint64_t random = made_up(number, source);

    memset(frame, 0, sizeof frame);
    put_ip(frame, sizeof frame, TCP, source, plan->address);
    put16(tcp, 1024 + (random & 0x7fff));
    put16(tcp + 2, plan->port);
    put16(tcp + 4, number >> 16);
    put16(tcp + 6, number);
    memcpy(tcp + 12, rest, sizeof rest);
    write_record(time_us, frame, sizeof frame);
}

static void
write_quiet(const struct plan *plan, uint64_t from_us)
{
    static const uint8_t client[4] = {10, 20, 1, 99},
                         server[4] = {10, 40, 1, 1};
    uint8_t frame[NTP_SIZE];
    uint8_t *udp = frame + LINK_SIZE + IP_SIZE;

    for (uint64_t i = 1; i <= plan->quiet_seconds; i++) {
        memset(frame, 0, sizeof frame);
        put_ip(frame, sizeof frame, UDP, client, server);
        put16(udp, 123);
        put16(udp + 2, 123);
        put16(udp + 4, NTP_SIZE - LINK_SIZE - IP_SIZE);
        udp[8] = 0x23; /* RFC 5905, section 7.3: version 4, client. */
        write_record(from_us + i * 1000000, frame, sizeof frame);
    }
}

static void
write_record(uint64_t time_us, const uint8_t *frame, size_t size)
{
    const struct record record = {(uint32_t)(time_us / 1000000),
                                  (uint32_t)(time_us % 1000000), (uint32_t)size,
                                  (uint32_t)size};

    fwrite(&record, sizeof record, 1, stdout);
    fwrite(frame, size, 1, stdout);
}

/* RFC 791, section 3.1. */
static void
put_ip(uint8_t *frame, size_t size, uint8_t protocol, const uint8_t src[4],
       const uint8_t dst[4])
{
    uint8_t *ip = frame + LINK_SIZE;

    memset(frame, 2, LINK_SIZE - 2);
    put16(frame + LINK_SIZE - 2, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, size - LINK_SIZE);
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, src, 4);
    memcpy(ip + 16, dst, 4);
}

/* Returns more of what the address was made of. */
static uint64_t
made_up(uint64_t number, uint8_t address[4])
{
    uint64_t random = number;

    do {
        random = mixed(random);
        memcpy(address, &random, 4);
    } while (is_special(address));
    return random >> 32;
}

/* RFC 6890, as far as a policy may say otherwise of them than of the internet.
 */
static bool
is_special(const uint8_t address[4])
{
    unsigned a = address[0], b = address[1];

    return a == 0 || a == 10 || a == 127 || a >= 224 ||
           (a == 100 && b >= 64 && b < 128) || (a == 169 && b == 254) ||
           (a == 172 && b >= 16 && b < 32) || (a == 192 && b == 168) ||
           (a == 192 && b == 0) || (a == 198 && (b == 18 || b == 19)) ||
           (a == 198 && b == 51) || (a == 203 && b == 0);
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
