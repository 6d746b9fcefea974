/* Prints the application of every conversation in capture files, one line each:
 *
 *   start-ms protocol source port destination port state name guess tls host
 *
 * tab-separated.  The conversations are made as ndpiReader makes them: by
 * addresses and ports alone, without end.  compare_ndpi.py compares the two.
 * --outer leaves tunnels closed, as ndpiReader does; --quiet prints only the
 * totals, for measuring. */

#include "capture/error.h"
#include "capture/frame.h"
#include "capture/source.h"
#include "dissect/application.h"
#include "dissect/dissect.h"
#include "dissect/packet.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 1 << 16,
    FRAMES = 64
};

struct talk {
    struct talk *next;
    struct packet first;           /* Its source is the initiator. */
    struct inspection *inspection; /* NULL before payload, and when final. */
    struct application application;
    bool syn, handshake, finished;
};

struct printer {
    struct application_engine *engine;
    struct dissect_options options;
    struct talk *bucket[BUCKETS];
    uint64_t packets, talks;
    bool quiet;
};

static bool
is_forward(const struct talk *talk, const struct packet *packet)
{
    return talk->first.src_port == packet->src_port &&
           talk->first.dst_port == packet->dst_port &&
           memcmp(&talk->first.src, &packet->src, sizeof packet->src) == 0 &&
           memcmp(&talk->first.dst, &packet->dst, sizeof packet->dst) == 0;
}

static bool
is_backward(const struct talk *talk, const struct packet *packet)
{
    return talk->first.src_port == packet->dst_port &&
           talk->first.dst_port == packet->src_port &&
           memcmp(&talk->first.src, &packet->dst, sizeof packet->src) == 0 &&
           memcmp(&talk->first.dst, &packet->src, sizeof packet->dst) == 0;
}

static unsigned
bucket_of(const struct packet *packet)
{
    unsigned sum =
        (unsigned)packet->src_port + packet->dst_port + 31U * packet->protocol;

    for (size_t i = 0; i < sizeof packet->src.byte; i++) {
        sum += (unsigned)(packet->src.byte[i] + packet->dst.byte[i])
               << (i % 4 * 4);
    }
    return sum % BUCKETS;
}

static void
finish(struct printer *printer, struct talk *talk)
{
    if (talk->inspection != NULL) {
        inspection_finish(printer->engine, talk->inspection,
                          &talk->application);
        talk->inspection = NULL;
        talk->finished = true;
    }
}

static void
print_name(const struct printer *printer, uint16_t master, uint16_t name)
{
    if (master != 0 && name != 0) {
        printf("%s.", application_name(printer->engine, master));
    }
    printf("%s\t",
           application_name(printer->engine, name != 0 ? name : master));
}

static void
print(struct printer *printer, struct talk *talk)
{
    static const char *const states[] = {"none", "pending", "unknown", "known"};
    const struct application *a = &talk->application;
    char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

    printf("%lld\t%u\t%s\t%u\t%s\t%u\t%s\t",
           (long long)(talk->first.time.ns / MILLISECOND_NS),
           talk->first.protocol, addr_format(&talk->first.src, src),
           talk->first.src_port, addr_format(&talk->first.dst, dst),
           talk->first.dst_port, states[a->state]);
    print_name(printer, a->master, a->name);
    print_name(printer, a->guess_master, a->guess_name);
    printf("%04x\t%s\n", a->tls_version,
           a->details != NULL ? a->details->host : "");
}

static void
drop(struct printer *printer, struct talk *talk)
{
    finish(printer, talk);
    if (!printer->quiet) {
        print(printer, talk);
    }
    application_done(&talk->application);
    free(talk);
}

static struct talk *
find(struct printer *printer, const struct packet *packet)
{
    struct talk **at = &printer->bucket[bucket_of(packet)];

    while (*at != NULL) {
        struct talk *talk = *at;

        if (talk->first.protocol == packet->protocol &&
            (is_forward(talk, packet) || is_backward(talk, packet))) {
            return talk;
        }
        at = &talk->next;
    }
    *at = calloc(1, sizeof **at);
    if (*at != NULL) {
        (*at)->first = *packet;
        printer->talks++;
    }
    return *at;
}

static void
see_handshake(struct talk *talk, const struct packet *packet)
{
    if (packet->protocol == PROTOCOL_TCP &&
        (packet->tcp_flags & TCP_SYN) != 0) {
        talk->handshake |= talk->syn && (packet->tcp_flags & TCP_ACK) != 0;
        talk->syn |= (packet->tcp_flags & TCP_ACK) == 0;
    }
}

static void
take(struct printer *printer, const struct packet *packet,
     const struct frame *frame)
{
    struct talk *talk = find(printer, packet);
    bool ports =
        packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP;
    bool forward;

    if (talk == NULL) {
        return;
    }
    see_handshake(talk, packet);
    forward = is_forward(talk, packet);
    if (talk->finished || (ports && packet->payload_bytes == 0)) {
        return;
    }
    if (talk->inspection == NULL) {
        talk->inspection = inspection_new(printer->engine);
        if (talk->inspection == NULL) {
            return;
        }
        if (talk->handshake) {
            inspection_saw_handshake(talk->inspection);
        }
    }
    if (inspection_packet(printer->engine, talk->inspection, packet, frame,
                          forward)) {
        finish(printer, talk);
    }
}

static void
take_frames(struct printer *printer, const struct frame *frames, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct packet packet;

        printer->packets++;
        if (dissect_frame(&frames[i], &printer->options, &packet) ==
            DISSECT_OK) {
            take(printer, &packet, &frames[i]);
        }
    }
}

static bool
read_file(struct printer *printer, const char *path)
{
    const struct source_options options = {0};
    struct frame frames[FRAMES];
    enum source_status status = SOURCE_MORE;
    struct error error;
    struct source *source = source_open_file(path, &options, &error);
    size_t n;

    if (source == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.message);
        return false;
    }
    while (status == SOURCE_MORE) {
        status = source_read(source, frames, FRAMES, &n, &error);
        take_frames(printer, frames, n);
    }
    source_close(source);
    return status == SOURCE_END;
}

static void
print_totals(const struct printer *printer)
{
    struct application_counters counters;

    application_engine_counters(printer->engine, &counters);
    fprintf(stderr,
            "%llu packets, %llu conversations, %llu inspections, %llu packets "
            "to nDPI, %llu at a limit\n",
            (unsigned long long)printer->packets,
            (unsigned long long)printer->talks,
            (unsigned long long)counters.inspections,
            (unsigned long long)counters.packets,
            (unsigned long long)counters.limited);
}

int
main(int argc, char **argv)
{
    static struct printer printer;
    struct error error;
    int failed = 0;

    printer.options = dissect_default_options;
    printer.engine = application_engine_new(NULL, &error);
    if (printer.engine == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--outer") == 0) {
            printer.options.tunnels = 0;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            printer.quiet = true;
        } else {
            failed |= !read_file(&printer, argv[i]);
        }
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (printer.bucket[i] != NULL) {
            struct talk *talk = printer.bucket[i];

            printer.bucket[i] = talk->next;
            drop(&printer, talk);
        }
    }
    print_totals(&printer);
    application_engine_free(printer.engine);
    return failed;
}
