/* A table that becomes smaller: flows and parts move, and nothing of what they
 * say changes; their memory goes back to the system. */

#include "flows/flow_inside.h"
#include "flows/flow_shrink.h"
#include "tests/flows/packets.h"
#include "tests/flows/resident.h"

enum {
    MOST = 400000,
    IDLE_SECONDS = 10
};

/* A flow as it should be, by its number. */
struct expected {
    uint32_t packets[2]; /* Of client and server. */
    uint32_t sequence;   /* Records before. */
    bool is_alive, is_visited;
};

struct fixture {
    struct expected flow[MOST];
    struct flow_table *table;
    int64_t now;
    uint64_t random;
    uint64_t n_told;
};

static uint32_t
next_random(struct fixture *f)
{
    f->random =
        f->random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(f->random >> 33);
}

/* One in three is UDP. */
static bool
is_tcp(uint32_t i)
{
    return i % 3 != 0;
}

/* What the flow said so far, for as long as it has only just begun to talk. */
static void
check_history(uint32_t i, const struct flow_record *r)
{
    uint64_t n[2] = {r->source.packets, r->destination.packets};

    if (!is_tcp(i)) {
        assert_string_equal(r->history, n[1] ? "Dd" : "D");
        return;
    }
    assert_int_equal(r->source.missed_bytes + r->destination.missed_bytes, 0);
    assert_int_equal(r->source.retransmissions, 0);
    assert_int_equal(r->source.out_of_order, 0);
    assert_int_equal(r->evidence, FLOW_EVIDENCE_SYN);
    if (n[0] > 2 && n[1] > 1) {
        assert_int_equal(r->outcome, FLOW_OUTCOME_DATA);
        assert_int_equal(strncmp(r->history, "ShA", 3), 0);
    }
}

static void
check_record(void *context, const struct flow_record *r, void *user)
{
    struct fixture *f = context;
    uint32_t i = *(uint32_t *)user;
    struct expected *e = &f->flow[i];

    assert_true(e->is_alive);
    assert_int_equal(r->source.port, 1024 + i % 50000);
    assert_int_equal(r->source.mac[5], i % 7);
    assert_int_equal(r->source.packets, e->packets[0]);
    assert_int_equal(r->destination.packets, e->packets[1]);
    assert_int_equal(r->sequence, e->sequence++);
    check_history(i, r);
    if (r->kind == FLOW_RECORD_END) {
        *e = (struct expected){.is_alive = false};
    }
    f->n_told++;
}

static void
start(struct fixture *f, size_t max_bytes)
{
    const int64_t idle = IDLE_SECONDS * SECOND_NS;
    struct flow_table_options options = table_options(NULL);

    memset(f, 0, sizeof *f);
    f->now = SECOND_NS;
    options.max_flows = MOST;
    options.max_bytes = max_bytes;
    options.user_bytes = sizeof(uint32_t);
    options.record = check_record;
    options.context = f;
    options.timeouts =
        (struct flow_timeouts){idle, idle, idle, idle, idle, idle, idle, 0};
    options.timeouts.active_ns = idle / 2;
    f->table = new_table(&options);
}

static struct packet
packet_of(const struct fixture *f, uint32_t i, bool from_server)
{
    const struct expected *e = &f->flow[i];
    struct packet p =
        packet_between(1, 2, is_tcp(i) ? PROTOCOL_TCP : PROTOCOL_UDP, f->now);
    struct addr server = p.dst;

    p.src = ipv4(10, 1 + (i >> 16 & 0xff), i >> 8 & 0xff, i & 0xff);
    p.src_port = (uint16_t)(1024 + i % 50000);
    p.dst_port = 80;
    p.flags |= PACKET_HAS_MAC;
    p.src_mac[5] = (uint8_t)(i % 7);
    p.payload_bytes = e->packets[0] > 1 ? 10 : 0;
    p.ip_bytes = 40 + p.payload_bytes;
    p.tcp_flags = e->packets[from_server] ? TCP_ACK : TCP_SYN;
    p.tcp_flags |= from_server ? TCP_ACK : 0;
    if (from_server) {
        p.dst = p.src;
        p.src = server;
        p.dst_port = p.src_port;
        p.src_port = 80;
    }
    return p;
}

/* The next packet of flow 'i': SYN, SYN+ACK, then data of both. */
static void
play(struct fixture *f, uint32_t i)
{
    struct expected *e = &f->flow[i];
    bool from_server = e->packets[0] > e->packets[1];
    uint32_t sent[2]; /* Bytes of payload before this packet. */
    struct packet p;
    struct flow_update update;

    flow_table_advance(f->table, (struct wall_time){f->now});
    from_server = e->packets[0] > e->packets[1];
    p = packet_of(f, i, from_server);
    sent[0] = e->packets[0] > 2 ? 10 * (e->packets[0] - 2) : 0;
    sent[1] = e->packets[1] > 1 ? 10 * (e->packets[1] - 1) : 0;
    p.tcp_seq = 1000 + (p.tcp_flags & TCP_SYN ? 0 : 1 + sent[from_server]);
    p.tcp_ack = p.tcp_flags & TCP_ACK ? 1001 + sent[!from_server] : 0;
    update = flow_table_update(f->table, &p, 0);
    assert_int_equal(update.is_new, !e->is_alive);
    if (update.is_new) {
        *(uint32_t *)flow_user(update.flow) = i;
        e->is_alive = true;
    }
    assert_int_equal(*(uint32_t *)flow_user(update.flow), i);
    e->packets[from_server]++;
}

/* 'n' packets of flows 'first' and the 'width' - 1 after it. */
static void
play_many(struct fixture *f, uint32_t n, uint32_t first, uint32_t width)
{
    while (n--) {
        f->now += 200 * MICROSECOND_NS;
        play(f, first + next_random(f) % width);
    }
}

static void
moved_flows_say_the_same(void **state)
{
    static struct fixture f;
    static const uint32_t width[] = {20000, 50,   30000, 3000,
                                     1,     8000, 20,    15000};
    struct flow_table_counters c;
    size_t empty;

    (void)state;
    start(&f, 0);
    empty = counters_of(f.table).bytes;
    for (size_t i = 0; i < sizeof width / sizeof *width; i++) {
        play_many(&f, 150000, (uint32_t)i * 10000, width[i]);
        c = counters_of(f.table);
        assert_true(c.active <= width[i]);
        assert_int_equal(c.created, c.ended + c.active);
        /* Of slots and of parts. */
        assert_true(c.bytes <=
                    empty + (c.active + c.active / FLOW_SHRINK_PART) * 310 +
                        (uint64_t)FLOW_SHRINK_LEAST * 220 +
                        8 * FLOW_REGION_STEP);
    }
    flow_table_flush(f.table, FLOW_END_SHUTDOWN);
    assert_int_equal(counters_of(f.table).active, 0);
    flow_table_free(f.table);
}

static void
memory_goes_back_to_the_system(void **state)
{
    static struct fixture f;
    const uint32_t n = MOST;
    struct flow_table_counters full;
    struct flow_table_counters c;
    size_t empty;
    size_t before;
    size_t peak;

    (void)state;
    start(&f, 0);
    memset(f.flow, 0, sizeof f.flow); /* Its own pages do not count. */
    empty = counters_of(f.table).bytes;
    before = resident_bytes();
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < n; i++) {
            f.now += 10 * MICROSECOND_NS;
            play(&f, i);
        }
    }
    full = counters_of(f.table);
    peak = resident_bytes();
    assert_int_equal(full.active, n);
    assert_true(peak - before >= n * UINT64_C(150));
    for (uint32_t i = 0; i < 20; i++) {
        f.now += SECOND_NS;
        play(&f, n / 2 + i * 1000);
    }
    c = counters_of(f.table);
    assert_in_range(c.active, 1, 20);
    print_message("%u flows: %zu bytes; %u flows: %zu\n", n,
                  (size_t)full.bytes - empty, (unsigned)c.active,
                  (size_t)c.bytes - empty);
    assert_true(c.bytes - empty < 400000);
    assert_true(resident_bytes() < before + (peak - before) / 10);
    flow_table_free(f.table);
}

/* A visit that began is not led astray. */
static void
no_flow_moves_while_all_are_visited(void **state)
{
    static struct fixture f;
    const uint32_t n = 20000;
    struct flow_table_counters c;
    uint32_t cursor = 0;
    struct flow *flow;
    size_t full;

    (void)state;
    start(&f, 0);
    for (uint32_t i = 0; i < n; i++) {
        play(&f, i);
    }
    full = counters_of(f.table).bytes;
    for (uint32_t i = 0; i < n / 2; i++) {
        flow = flow_table_next(f.table, &cursor);
        f.flow[*(uint32_t *)flow_user(flow)].is_visited = true;
    }
    f.now += 7 * SECOND_NS;
    for (uint32_t i = 0; i < n; i += 100) {
        play(&f, i);
    }
    f.now += 7 * SECOND_NS;
    play(&f, 0); /* All others but every hundredth end. */
    assert_int_equal(counters_of(f.table).active, n / 100);
    while ((flow = flow_table_next(f.table, &cursor))) {
        f.flow[*(uint32_t *)flow_user(flow)].is_visited = true;
    }
    for (uint32_t i = 0; i < n; i++) {
        assert_true(!f.flow[i].is_alive || f.flow[i].is_visited);
    }
    assert_true(counters_of(f.table).bytes >= full / 2);
    /* After the visit, it does. */
    play_many(&f, 200000, n, 10000);
    play_many(&f, 200000, 0, 10);
    c = counters_of(f.table);
    assert_true(c.bytes < full / 4);
    flow_table_free(f.table);
}

/* Memory that flows without parts took is not lost for those that need them. */
static void
entries_make_room_for_parts(void **state)
{
    static struct fixture f;
    const uint32_t n = 30000;
    struct flow_table_counters full;
    struct flow_table_counters c;

    (void)state;
    start(&f, 4000000);
    for (uint32_t i = 0; i < n; i += 3) { /* UDP; then more than fit. */
        play(&f, i);
    }
    for (uint32_t i = 1; i < 3 * n; i += 3) { /* Lone SYNs. */
        play(&f, i);
    }
    full = counters_of(f.table);
    assert_true(full.evicted > 0);
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 2; i < 3000; i += 3) {
            f.now += 100 * MICROSECOND_NS;
            play(&f, i);
        }
    }
    c = counters_of(f.table);
    assert_true(c.bytes <= 4000000);
    assert_true(c.active >= full.active - full.active / 8);
    for (uint32_t i = 2; i < 3000; i += 3) {
        assert_true(f.flow[i].is_alive);
        assert_int_equal(f.flow[i].packets[0], 3);
    }
    flow_table_flush(f.table, FLOW_END_SHUTDOWN);
    flow_table_free(f.table);
}

static void
a_flushed_table_starts_afresh(void **state)
{
    static struct fixture f;
    const uint32_t n = 5000;
    size_t empty;

    (void)state;
    start(&f, 0);
    empty = counters_of(f.table).bytes;
    for (uint32_t round = 1; round <= 3; round++) {
        play_many(&f, 10 * n, 0, n);
        assert_true(counters_of(f.table).active > n / 2);
        flow_table_flush(f.table, FLOW_END_SHUTDOWN);
        assert_int_equal(counters_of(f.table).active, 0);
        assert_int_equal(counters_of(f.table).bytes, empty);
        assert_int_equal(counters_of(f.table).ended,
                         counters_of(f.table).created);
    }
    flow_table_free(f.table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_flows_say_the_same),
        cmocka_unit_test(memory_goes_back_to_the_system),
        cmocka_unit_test(no_flow_moves_while_all_are_visited),
        cmocka_unit_test(entries_make_room_for_parts),
        cmocka_unit_test(a_flushed_table_starts_afresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
