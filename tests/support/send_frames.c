/* Sends the frames of a capture on an interface:
 *
 *     send_frames INTERFACE CAPTURE [ROUNDS [FRAMES_A_SECOND]]
 *
 * as they are, one after the other, so many times over, as fast as the system
 * takes them unless a pace is given.  Prints how many the system took.  Status
 * 1 if it was not all of them. */

#include "tests/support/frame_list.h"

#include "capture/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    BATCH = 64 /* Frames of one call. */
};

static int open_socket(const char *interface);
static uint64_t send_all(int fd, const struct frame_list *, uint64_t pace);
static size_t send_batch(int fd, const struct iovec *, size_t n);
static void keep_pace(const struct timespec *begin, uint64_t n, uint64_t pace);

int
main(int argc, char *argv[])
{
    uint64_t rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    uint64_t pace = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    struct frame_list capture;
    struct error error;
    uint64_t n_sent = 0;
    int fd;

    if (argc < 3) {
        fputs("usage: send_frames INTERFACE CAPTURE [ROUNDS [PACE]]\n", stderr);
        return 2;
    }
    if (!frame_list_load(&capture, argv[2], &error)) {
        fprintf(stderr, "%s: %s\n", error.where, error.message);
        frame_list_done(&capture);
        return 1;
    }
    fd = open_socket(argv[1]);
    if (fd < 0) {
        perror(argv[1]);
        frame_list_done(&capture);
        return 1;
    }
    for (uint64_t i = 0; i < rounds; i++) {
        n_sent += send_all(fd, &capture, pace);
    }
    printf("%" PRIu64 "\n", n_sent);
    frame_list_done(&capture);
    return n_sent == rounds * capture.n ? 0 : 1;
}

static int
open_socket(const char *interface)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0); /* Receives nothing. */

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        return -1;
    }
    return fd;
}

static uint64_t
send_all(int fd, const struct frame_list *capture, uint64_t pace)
{
    struct timespec begin;
    uint64_t n_sent = 0;
    size_t at = 0;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (at < capture->n) {
        size_t left = capture->n - at, n = left < BATCH ? left : BATCH;
        size_t n_taken = send_batch(fd, &capture->frames[at], n);

        n_sent += n_taken;
        at += n_taken < n ? n_taken + 1 : n; /* One is refused. */
        if (pace) {
            keep_pace(&begin, at, pace);
        }
    }
    return n_sent;
}

/* Returns how many were taken; if not all, the next one is refused. */
static size_t
send_batch(int fd, const struct iovec *frames, size_t n)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    size_t n_taken = 0;

    memset(messages, 0, sizeof messages);
    for (size_t i = 0; i < n; i++) {
        parts[i] = frames[i];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (n_taken < n) {
        int taken =
            sendmmsg(fd, messages + n_taken, (unsigned)(n - n_taken), 0);

        if (taken > 0) {
            n_taken += (size_t)taken;
        } else if (errno != ENOBUFS && errno != EINTR) {
            perror("send_frames");
            return n_taken;
        }
    }
    return n_taken;
}

static void
keep_pace(const struct timespec *begin, uint64_t n, uint64_t pace)
{
    uint64_t ns = (uint64_t)begin->tv_nsec + n * UINT64_C(1000000000) / pace;
    struct timespec until = {begin->tv_sec + (time_t)(ns / 1000000000),
                             (long)(ns % 1000000000)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
