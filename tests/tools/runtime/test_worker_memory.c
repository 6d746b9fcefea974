/* What a worker allocates: nothing for a packet of a flow that is decided, and
 * little for a flow.
 *
 * Every allocation of the process is counted, those of libraries too: the
 * program's own malloc stands in for the C library's.  A sanitizer wants to be
 * that one itself; there, allocations are not counted. */

#include "tests/support/packet_builder.h"
#include "tests/support/sanitized.h"
#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/dissect.h"
#include "tools/output/doorbell.h"
#include "tools/output/event_queue.h"
#include "tools/runtime/capture_names.h"
#include "tools/runtime/desk.h"
#include "tools/runtime/worker.h"

#include <string.h>

static uint64_t n_allocations;

#if !IS_SANITIZED
/* The C library's names, which are not for us to define. */
void *real_malloc(size_t size) __asm__("__libc_malloc");
void *real_calloc(size_t n, size_t size) __asm__("__libc_calloc");
void *real_realloc(void *old, size_t size) __asm__("__libc_realloc");
void *real_memalign(size_t alignment, size_t size) __asm__("__libc_memalign");
void *our_malloc(size_t size) __asm__("malloc")
    __attribute__((visibility("default")));
void *our_calloc(size_t n, size_t size) __asm__("calloc")
    __attribute__((visibility("default")));
void *our_realloc(void *old, size_t size) __asm__("realloc")
    __attribute__((visibility("default")));
void *our_aligned_alloc(size_t alignment, size_t size) __asm__("aligned_alloc")
    __attribute__((visibility("default")));

void *
our_malloc(size_t size)
{
    n_allocations++;
    return real_malloc(size);
}

void *
our_calloc(size_t n, size_t size)
{
    n_allocations++;
    return real_calloc(n, size);
}

void *
our_realloc(void *old, size_t size)
{
    n_allocations++;
    return real_realloc(old, size);
}

void *
our_aligned_alloc(size_t alignment, size_t size)
{
    n_allocations++;
    return real_memalign(alignment, size);
}
#endif

static const char policy_text[] =
    "version: 1\n"
    "policy: {name: test, revision: '1'}\n"
    "segments:\n"
    "  users: {networks: [10.1.0.0/16]}\n"
    "  servers: {networks: [10.2.0.0/16]}\n"
    "rules:\n"
    "  - {id: web, from: users, to: servers, service: tcp/80, app: HTTP,\n"
    "     action: allow}\n"
    "  - {id: dns, from: users, to: servers, service: udp/53, app: DNS,\n"
    "     action: allow}\n";

static const char http_request[] = "GET / HTTP/1.1\r\nHost: www.example\r\n"
                                   "User-Agent: test\r\nAccept: */*\r\n\r\n";
static const char http_answer[] = "HTTP/1.1 200 OK\r\nServer: test\r\n"
                                  "Content-Type: text/plain\r\n"
                                  "Content-Length: 2\r\n\r\nok";
static const char dns_request[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00"
                                  "\x00\x00\x03www\x07"
                                  "example\x00\x00\x01\x00\x01";
static const char dns_answer[] = "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00"
                                 "\x00\x00\x03www\x07"
                                 "example\x00\x00\x01\x00\x01"
                                 "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c"
                                 "\x00\x04\x0a\x02\x00\x02";

static const struct event_source source = {.sensor = "test", .version = "0"};

struct fixture {
    struct policy *policy;
    struct capture_names names;
    struct desk *desk;
    struct worker *worker;
    struct doorbell bell;
    struct event_queue *queue;
    struct wall_time now;
    uint32_t sent[2]; /* TCP payload bytes, by client and server. */
    uint64_t n_packets, n_events;
};

static void
start(struct fixture *f, bool inspect, bool output)
{
    struct worker_options options = {
        .inspect = inspect,
        .table = {.max_flows = 100000, .timeouts = flow_default_timeouts},
        .source = &source,
        .names = &f->names,
        .events = 1U << EVENT_FLOW};
    struct desk_options desk = {.n_trays = 1, .source = &source};
    struct error error;

    memset(f, 0, sizeof *f);
    f->now.ns = INT64_C(1700000000) * SECOND_NS;
    f->policy = sound_policy(policy_text, strlen(policy_text), NULL);
    capture_names_init(&f->names, NULL, 0);
    doorbell_init(&f->bell);
    if (output) {
        f->queue = event_queue_new(0, false, &f->bell, &error);
        assert_non_null(f->queue);
    }
    options.queue = f->queue;
    options.policy = f->policy;
    desk.policy = f->policy;
    f->desk = desk_new(&desk, &error);
    assert_non_null(f->desk);
    options.tray = desk_tray(f->desk, 0);
    f->worker = worker_new(&options, &error);
    assert_non_null(f->worker);
}

static void
stop(struct fixture *f)
{
    worker_finish(f->worker, FLOW_END_SHUTDOWN, f->now);
    desk_free(f->desk);
    worker_free(f->worker);
    event_queue_free(f->queue);
    doorbell_done(&f->bell);
    policy_unref(f->policy);
    capture_names_done(&f->names);
}

static void
send_frame(struct fixture *f, struct frame_builder *builder)
{
    struct frame frame = build_frame(builder);
    struct event_queue_item item;
    struct packet packet;

    f->now.ns += 50 * MILLISECOND_NS;
    frame.time = f->now;
    frame.number = ++f->n_packets;
    assert_int_equal(dissect_frame(&frame, &dissect_default_options, &packet),
                     DISSECT_OK);
    worker_packets(f->worker, &frame, &packet, &f->now, 1);
    worker_end_round(f->worker, f->now);
    while (f->queue && event_queue_peek(f->queue, &item)) {
        f->n_events++;
        event_queue_pop(f->queue);
    }
}

static void
build_ends(struct frame_builder *builder, uint32_t client, bool from_server)
{
    char text[ADDR_TEXT_SIZE];
    const uint8_t bytes[4] = {10, 1, (uint8_t)(client >> 8), (uint8_t)client};
    struct addr addr = addr_from_ipv4(bytes);
    const char *a = addr_format(&addr, text);
    const char *b = "10.2.0.1";

    build_start(builder, FRAME_LINK_ETHERNET);
    build_ethernet(builder);
    build_ipv4(builder, from_server ? b : a, from_server ? a : b);
}

static void
send_tcp(struct fixture *f, uint32_t client, bool from_server, uint8_t flags,
         const char *payload)
{
    size_t size = strlen(payload);
    struct frame_builder builder;
    uint32_t past_syn = flags & TCP_SYN ? 0 : 1;

    build_ends(&builder, client, from_server);
    build_tcp(&builder, from_server ? 80 : 40000, from_server ? 40000 : 80,
              flags);
    build_tcp_numbers(&builder, 1000 + past_syn + f->sent[from_server],
                      flags & TCP_ACK ? 1001 + f->sent[!from_server] : 0, 1024);
    build_payload(&builder, payload, size);
    f->sent[from_server] += (uint32_t)size;
    send_frame(f, &builder);
}

static void
send_handshake(struct fixture *f, uint32_t client)
{
    send_tcp(f, client, false, TCP_SYN, "");
    send_tcp(f, client, true, TCP_SYN | TCP_ACK, "");
    send_tcp(f, client, false, TCP_ACK, "");
}

static void
send_udp(struct fixture *f, uint32_t client, bool from_server)
{
    struct frame_builder builder;

    build_ends(&builder, client, from_server);
    build_udp(&builder, from_server ? 53 : 40000, from_server ? 40000 : 53);
    if (from_server) {
        build_payload(&builder, dns_answer, sizeof dns_answer - 1);
    } else {
        build_payload(&builder, dns_request, sizeof dns_request - 1);
    }
    send_frame(f, &builder);
}

static void
send_exchanges(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        send_tcp(f, 1, false, TCP_ACK, http_request);
        send_tcp(f, 1, true, TCP_ACK, http_answer);
        send_udp(f, 1, false);
        send_udp(f, 1, true);
    }
}

static void
expect_no_allocation(bool output)
{
    struct worker_counters before;
    struct worker_counters after;
    struct fixture f;
    uint64_t n;

    start(&f, true, output);
    n = n_allocations;
    send_handshake(&f, 1);
    send_exchanges(&f, 2000); /* Past the first interim records. */
    worker_get_counters(f.worker, &before);
    assert_int_equal(before.flows.active, 2);
    assert_int_equal(before.applications.inspections, 2);
    assert_int_equal(before.applications.active, 0);
#if !IS_SANITIZED
    assert_true(n_allocations > n); /* They are counted. */
#endif
    n = n_allocations;
    f.n_events = 0;
    send_exchanges(&f, 10000);
    assert_int_equal(n_allocations, n);
    worker_get_counters(f.worker, &after);
    assert_int_equal(after.flows.packets - before.flows.packets, 40000);
    assert_int_equal(after.applications.packets, before.applications.packets);
    assert_int_equal(after.revised, 0);
    /* 2000 seconds, an interim record every 300. */
    assert_in_range(f.n_events, output ? 12 : 0, output ? 14 : 0);
    stop(&f);
}

static void
packets_of_decided_flows_allocate_nothing(void **state)
{
    (void)state;
    expect_no_allocation(false);
}

static void
nor_do_the_events_of_long_flows(void **state)
{
    (void)state;
    expect_no_allocation(true);
}

static void
open_tcp(struct fixture *f, uint32_t client)
{
    send_tcp(f, client, false, TCP_SYN, "");
}

static void
exchange_udp(struct fixture *f, uint32_t client)
{
    send_udp(f, client, false);
    send_udp(f, client, true);
}

/* What the table allocates for a flow, the worker's own bytes included. */
static uint64_t
bytes_a_flow(void (*play)(struct fixture *, uint32_t client))
{
    const uint32_t n = 20000;
    struct worker_counters empty;
    struct worker_counters full;
    struct wall_time began;
    struct fixture f;

    start(&f, false, false);
    worker_get_counters(f.worker, &empty);
    began = f.now;
    for (uint32_t i = 0; i < n; i++) {
        f.now = began; /* So that all live at once. */
        play(&f, i);
    }
    worker_get_counters(f.worker, &full);
    assert_int_equal(full.flows.active, n);
    stop(&f);
    return (full.flows.bytes - empty.flows.bytes) / n;
}

/* A lone SYN has no dialogue yet. */
static void
flows_are_small(void **state)
{
    uint64_t udp = bytes_a_flow(exchange_udp);
    uint64_t syn = bytes_a_flow(open_tcp);
    uint64_t tcp = bytes_a_flow(send_handshake);

    (void)state;
    print_message("UDP: %u bytes, a SYN: %u, a connection: %u\n", (unsigned)udp,
                  (unsigned)syn, (unsigned)tcp);
    assert_in_range(udp, 186, 192);
    assert_in_range(syn, 186, 192);
    assert_in_range(tcp, 234, 242);
}

enum {
    N_CLIENTS = 20,
    N_ROUNDS = 100,
    N_SHORT_FLOWS = 2 * N_CLIENTS * N_ROUNDS
};

/* Each from another client than the rounds before. */
static void
play_round(struct fixture *f, uint32_t round)
{
    for (uint32_t i = 0; i < N_CLIENTS; i++) {
        uint32_t client = round * N_CLIENTS + i;

        f->sent[0] = f->sent[1] = 0;
        send_handshake(f, client);
        send_tcp(f, client, false, TCP_ACK, http_request);
        send_tcp(f, client, true, TCP_ACK, http_answer);
        send_tcp(f, client, true, TCP_ACK | TCP_RST, "");
        exchange_udp(f, client);
    }
    f->now.ns += 600 * SECOND_NS; /* All are over. */
}

/* Of N_SHORT_FLOWS, once there were as many. */
static uint64_t
allocations_of_short_flows(bool inspect, bool output)
{
    struct fixture f;
    uint64_t n;

    start(&f, inspect, output);
    for (uint32_t i = 0; i < N_ROUNDS; i++) {
        play_round(&f, i);
    }
    n = n_allocations;
    for (uint32_t i = 0; i < N_ROUNDS; i++) {
        play_round(&f, N_ROUNDS + i);
    }
    n = n_allocations - n;
    stop(&f);
    return n;
}

/* But for nDPI, and the names it finds. */
static void
flows_that_come_and_go_allocate_nothing(void **state)
{
    (void)state;
    assert_int_equal(allocations_of_short_flows(false, false), 0);
    assert_int_equal(allocations_of_short_flows(false, true), 0);
    assert_in_range(allocations_of_short_flows(true, true), 0,
                    2 * N_SHORT_FLOWS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_decided_flows_allocate_nothing),
        cmocka_unit_test(nor_do_the_events_of_long_flows),
        cmocka_unit_test(flows_are_small),
        cmocka_unit_test(flows_that_come_and_go_allocate_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
