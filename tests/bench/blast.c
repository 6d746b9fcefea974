/* blast [-c CPU] [-r ROUNDS] INTERFACE CAPTURE FRAMES_A_SECOND SECONDS: sends a
 * capture on an interface, over and over, at a steady rate.  Prints how many
 * frames the system took, how many it refused, and the nanoseconds that took.
 *
 * Each time over the hosts are others: the last two bytes of every address are
 * changed by the number of the round, both ends alike, so all flows are new and
 * each is whole.  Checksums are kept right (RFC 1624).  What an ICMP error
 * quotes, and addresses inside payloads, stay.  After so many rounds, or else
 * 65536, the first hosts come again.
 *
 * Frames go past the queueing discipline, straight to the device; a rate of 0
 * is as fast as that goes.  The program reads the capture before it begins. */

#include "tests/support/frame_list.h"

#include "capture/error.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

enum {
    BATCH = 64,        /* Frames of one call. */
    BURST_NS = 500000, /* What is due in so long is sent at once. */
    BURST_MAX = 512,   /* Frames of a burst: a device's backlog has 1000. */
    MAX_ROUNDS = 65536,
    MAX_TAGS = 4,
    ETHERNET_SIZE = 14,
    TAG_SIZE = 4,
    IPV4_SIZE = 20,
    IPV6_SIZE = 40,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ICMPV6 = 58
};

/* Where in a frame the bytes are that change; 0: nowhere. */
struct frame_plan {
    uint8_t *data; /* Of the list's. */
    uint32_t size;
    uint16_t addresses[2]; /* The last two bytes of each. */
    uint16_t ip_sum, transport_sum;
};

struct blast {
    struct frame_list list;
    struct frame_plan *plans; /* One for each. */
    int fd;
    uint64_t rate, seconds;
    unsigned long n_rounds; /* With other hosts each. */
    struct timespec begin;
    uint64_t n_sent, n_refused;
    uint16_t round, bits; /* Of now; and what it changes in the frames. */
};

static bool parse(struct blast *, int argc, char *argv[]);
static void stay_on(unsigned long cpu);
static bool load(struct blast *, const char *path, struct error *);
static void plan(struct frame_plan *);
static void plan_ipv4(struct frame_plan *, uint16_t at);
static void plan_ipv6(struct frame_plan *, uint16_t at);
static uint16_t sum_place(const struct frame_plan *, uint8_t protocol,
                          uint16_t at);
static int open_socket(const char *interface);
static void blast(struct blast *);
static size_t burst_size(const struct blast *);
static void send_burst(struct blast *, size_t at, size_t n);
static void change(struct frame_plan *, uint16_t bits);
static void change_sum(struct frame_plan *, uint16_t at, uint16_t was,
                       uint16_t is);
static uint16_t read_16(const uint8_t *);
static void write_16(uint8_t *, uint16_t);
static uint64_t passed(const struct blast *);
static void wait_until(const struct blast *, uint64_t ns);

int
main(int argc, char *argv[])
{
    struct blast job = {.fd = -1, .n_rounds = MAX_ROUNDS};
    struct error error;
    int status = 1;

    if (!parse(&job, argc, argv)) {
        fputs("usage: blast [-c CPU] [-r ROUNDS] INTERFACE CAPTURE "
              "FRAMES_A_SECOND SECONDS\n",
              stderr);
        return 2;
    }
    if (!load(&job, argv[optind + 1], &error)) {
        fprintf(stderr, "%s: %s\n", error.where, error.message);
    } else if ((job.fd = open_socket(argv[optind])) < 0 || job.list.n == 0) {
        perror(argv[optind]);
    } else {
        blast(&job);
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", job.n_sent,
               job.n_refused, passed(&job));
        status = 0;
    }
    free(job.plans);
    frame_list_done(&job.list);
    return status;
}

static bool
parse(struct blast *job, int argc, char *argv[])
{
    for (int option; (option = getopt(argc, argv, "c:r:")) != -1;) {
        if (option == 'c') {
            stay_on(strtoul(optarg, NULL, 10));
        } else if (option == 'r') {
            job->n_rounds = strtoul(optarg, NULL, 10);
        } else {
            return false;
        }
    }
    if (argc - optind != 4 || !job->n_rounds || job->n_rounds > MAX_ROUNDS) {
        return false;
    }
    job->rate = strtoull(argv[optind + 2], NULL, 10);
    job->seconds = strtoull(argv[optind + 3], NULL, 10);
    return true;
}

static void
stay_on(unsigned long cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
}

static bool
load(struct blast *job, const char *path, struct error *error)
{
    if (!frame_list_load(&job->list, path, error)) {
        return false;
    }
    job->plans = calloc(job->list.n ? job->list.n : 1, sizeof *job->plans);
    if (!job->plans) {
        return error_set(error, ERROR_MEMORY, path, "no memory");
    }
    for (size_t i = 0; i < job->list.n; i++) {
        job->plans[i].data = job->list.frames[i].iov_base;
        job->plans[i].size = (uint32_t)job->list.frames[i].iov_len;
        plan(&job->plans[i]);
    }
    return true;
}

/* Ethernet, tags, and an IP header without surprises: all that 'generate'
 * makes.  What is anything else is sent as it is. */
static void
plan(struct frame_plan *frame)
{
    uint16_t at = ETHERNET_SIZE;
    uint16_t type = frame->size >= at ? read_16(frame->data + 12) : 0;

    for (unsigned i = 0; i < MAX_TAGS; i++) {
        if ((type != ETH_P_8021Q && type != ETH_P_8021AD) ||
            frame->size < (size_t)at + TAG_SIZE) {
            break;
        }
        type = read_16(frame->data + at + 2);
        at += TAG_SIZE;
    }
    if (type == ETH_P_IP && frame->size >= (size_t)at + IPV4_SIZE) {
        plan_ipv4(frame, at);
    } else if (type == ETH_P_IPV6 && frame->size >= (size_t)at + IPV6_SIZE) {
        plan_ipv6(frame, at);
    }
}

static void
plan_ipv4(struct frame_plan *frame, uint16_t at)
{
    const uint8_t *ip = frame->data + at;
    uint16_t header = (uint16_t)((ip[0] & 0x0f) * 4);
    bool is_later_fragment = (read_16(ip + 6) & 0x1fff) != 0;

    frame->addresses[0] = (uint16_t)(at + 14);
    frame->addresses[1] = (uint16_t)(at + 18);
    frame->ip_sum = (uint16_t)(at + 10);
    if (!is_later_fragment) {
        frame->transport_sum = sum_place(frame, ip[9], (uint16_t)(at + header));
    }
}

static void
plan_ipv6(struct frame_plan *frame, uint16_t at)
{
    frame->addresses[0] = (uint16_t)(at + 22);
    frame->addresses[1] = (uint16_t)(at + 38);
    frame->transport_sum =
        sum_place(frame, frame->data[at + 6], (uint16_t)(at + IPV6_SIZE));
}

/* Of checksums that the addresses are part of. */
static uint16_t
sum_place(const struct frame_plan *frame, uint8_t protocol, uint16_t at)
{
    uint16_t place = 0;

    if (protocol == PROTOCOL_TCP) {
        place = (uint16_t)(at + 16);
    } else if (protocol == PROTOCOL_UDP) {
        place = (uint16_t)(at + 6);
    } else if (protocol == PROTOCOL_ICMPV6) {
        place = (uint16_t)(at + 2);
    }
    if (place + 2u > frame->size ||
        (protocol == PROTOCOL_UDP && read_16(frame->data + place) == 0)) {
        return 0;
    }
    return place;
}

static int
open_socket(const char *interface)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0); /* Receives nothing. */
    int on = 1;

    if (fd >= 0 &&
        (bind(fd, (struct sockaddr *)&address, sizeof address) ||
         setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on))) {
        return -1;
    }
    return fd;
}

static void
blast(struct blast *job)
{
    uint64_t end_ns = job->seconds * SECOND;
    uint64_t n = 0;
    size_t at = 0;

    clock_gettime(CLOCK_MONOTONIC, &job->begin);
    while (passed(job) < end_ns) {
        size_t left = job->list.n - at, size = burst_size(job);

        size = size < left ? size : left;
        send_burst(job, at, size);
        at += size;
        n += size;
        if (at == job->list.n) {
            uint16_t next = (uint16_t)((job->round + 1u) % job->n_rounds);

            at = 0;
            job->bits = job->round ^ next;
            job->round = next;
        }
        if (job->rate) {
            wait_until(job, n * SECOND / job->rate);
        }
    }
}

static size_t
burst_size(const struct blast *job)
{
    uint64_t due = job->rate * BURST_NS / SECOND;

    if (!job->rate || due > BURST_MAX) {
        return BURST_MAX;
    }
    return due ? (size_t)due : 1;
}

static void
send_burst(struct blast *job, size_t at, size_t n)
{
    struct mmsghdr messages[BURST_MAX];
    struct iovec parts[BURST_MAX];
    size_t n_taken = 0;

    memset(messages, 0, n * sizeof messages[0]);
    for (size_t i = 0; i < n; i++) {
        change(&job->plans[at + i], job->bits);
        parts[i] = job->list.frames[at + i];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (n_taken < n) {
        size_t left = n - n_taken;
        int taken = sendmmsg(job->fd, messages + n_taken,
                             (unsigned)(left < BATCH ? left : BATCH), 0);

        if (taken > 0) {
            n_taken += (size_t)taken;
            job->n_sent += (size_t)taken;
        } else if (errno != EINTR) { /* The next one is refused. */
            n_taken++;
            job->n_refused++;
        }
    }
}

static void
change(struct frame_plan *frame, uint16_t bits)
{
    for (unsigned i = 0; bits && i < 2 && frame->addresses[i]; i++) {
        uint8_t *place = frame->data + frame->addresses[i];
        uint16_t was = read_16(place), is = (uint16_t)(was ^ bits);

        write_16(place, is);
        change_sum(frame, frame->ip_sum, was, is);
        change_sum(frame, frame->transport_sum, was, is);
    }
}

static void
change_sum(struct frame_plan *frame, uint16_t at, uint16_t was, uint16_t is)
{
    uint32_t sum;

    if (at == 0) {
        return;
    }
    sum = (uint16_t)~read_16(frame->data + at);
    sum += (uint16_t)~was;
    sum += is;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    write_16(frame->data + at, (uint16_t)~sum);
}

static uint16_t
read_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void
write_16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint64_t
passed(const struct blast *job)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec - job->begin.tv_sec) * SECOND +
           (uint64_t)now.tv_nsec - (uint64_t)job->begin.tv_nsec;
}

static void
wait_until(const struct blast *job, uint64_t ns)
{
    uint64_t at = (uint64_t)job->begin.tv_nsec + ns;
    struct timespec until = {job->begin.tv_sec + (time_t)(at / SECOND),
                             (long)(at % SECOND)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
