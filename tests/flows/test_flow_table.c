/* flow_table.h: flows begin, are told apart, and end. */

#include "tests/flows/packets.h"

static void
both_directions_are_one_flow(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet request = udp_packet(1, 40000, 2, 53, SECOND_NS);
    struct packet reply = udp_packet(2, 53, 1, 40000, 2 * SECOND_NS);
    struct flow_update first = flow_table_update(table, &request, 0);
    struct flow_update second;
    const struct flow_record *r = &records.record[0];

    (void)state;
    assert_true(first.is_new);
    assert_true(first.from_initiator);
    reply.ttl = 60;
    reply.ip_bytes = 528;
    reply.payload_bytes = 500;
    second = flow_table_update(table, &reply, 0);
    assert_false(second.is_new);
    assert_ptr_equal(first.flow, second.flow);
    assert_false(second.from_initiator);
    assert_true(second.outcome_changed);
    flow_table_flush(table, FLOW_END_END_OF_FILE);

    assert_int_equal(records.n, 1);
    assert_int_equal(r->kind, FLOW_RECORD_END);
    assert_int_equal(r->reason, FLOW_END_END_OF_FILE);
    assert_int_equal(r->source.port, 40000);
    assert_int_equal(r->source.bytes, 128);
    assert_int_equal(r->source.packets, 1);
    assert_int_equal(r->source.ttl_min, 64);
    assert_int_equal(r->destination.port, 53);
    assert_int_equal(r->destination.bytes, 528);
    assert_int_equal(r->destination.payload_bytes, 500);
    assert_int_equal(r->destination.ttl_max, 60);
    assert_int_equal(r->start.ns, SECOND_NS);
    assert_int_equal(r->end.ns, 2 * SECOND_NS);
    assert_int_equal(r->first_frame, request.number);
    assert_int_equal(r->last_frame, reply.number);
    assert_int_equal(r->outcome, FLOW_OUTCOME_DATA);
    assert_int_equal(r->evidence, FLOW_EVIDENCE_SERVICE_PORT);
    assert_int_equal(r->handshake_ns, -1);
    assert_string_equal(r->conn_state, "SF");
    assert_string_equal(r->history, "Dd");
    flow_table_free(table);
}

static void
contexts_and_tunnels_are_told_apart(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);

    (void)state;
    flow_table_update(table, &p, 0);
    flow_table_update(table, &p, 7);
    p.tunnel = PACKET_TUNNEL_VXLAN;
    p.tunnel_id = 5;
    flow_table_update(table, &p, 0);
    p.tunnel_id = 6;
    flow_table_update(table, &p, 0);
    assert_int_equal(counters_of(table).active, 4);
    /* A GTP tunnel has another id in each direction. */
    p.tunnel = PACKET_TUNNEL_GTP_U;
    assert_false(flow_table_update(table, &p, 0).is_new);
    flow_table_free(table);
}

static void
idle_flows_end_at_their_own_timeout(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet lone = udp_packet(1, 40000, 2, 53, SECOND_NS);
    struct packet request = udp_packet(3, 40000, 2, 53, SECOND_NS);
    struct packet reply = udp_packet(2, 53, 3, 40000, SECOND_NS);

    (void)state;
    flow_table_update(table, &lone, 0);
    flow_table_update(table, &request, 0);
    flow_table_update(table, &reply, 0);
    flow_table_advance(table, (struct wall_time){60 * SECOND_NS});
    assert_int_equal(records.n, 0);
    flow_table_advance(table, (struct wall_time){62 * SECOND_NS});
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].reason, FLOW_END_IDLE);
    assert_int_equal(records.record[0].destination.packets, 0);
    flow_table_advance(table, (struct wall_time){180 * SECOND_NS});
    assert_int_equal(records.n, 1);
    flow_table_advance(table, (struct wall_time){182 * SECOND_NS});
    assert_int_equal(records.n, 2);
    flow_table_free(table);
}

static void
a_packet_after_the_timeout_starts_a_new_flow(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);

    (void)state;
    flow_table_update(table, &p, 0);
    p = udp_packet(1, 40000, 2, 53, 100 * SECOND_NS);
    assert_true(flow_table_update(table, &p, 0).is_new);
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].reason, FLOW_END_IDLE);
    flow_table_free(table);
}

static void
time_that_goes_backwards_ends_nothing(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 53, 5000 * SECOND_NS);
    struct packet early = udp_packet(1, 40000, 2, 53, 10 * SECOND_NS);

    (void)state;
    flow_table_update(table, &p, 0);
    flow_table_advance(table, early.time);
    flow_table_update(table, &early, 0);
    flow_table_advance(table, early.time);
    assert_int_equal(records.n, 0);
    assert_int_equal(counters_of(table).time_steps, 1);
    flow_table_flush(table, FLOW_END_SHUTDOWN);
    assert_true(records.record[0].flags & FLOW_TIME_STEPPED);
    assert_int_equal(records.record[0].start.ns, 10 * SECOND_NS);
    assert_int_equal(records.record[0].end.ns, 5000 * SECOND_NS);
    flow_table_free(table);
}

/* Lets 'days' pass after a connection was opened and two datagrams were sent,
 * at once or hour by hour; another worker's packets decide which. */
static void
let_days_pass(struct records *records, int64_t days, bool at_once)
{
    struct flow_table_options options = table_options(records);
    struct flow_table *table = new_table(&options);
    struct packet request = udp_packet(3, 1000, 4, 53, 1);
    struct packet other = udp_packet(5, 1000, 4, 53, SECOND_NS);
    struct packet answer = udp_packet(4, 53, 5, 1000, SECOND_NS);
    struct packet open = tcp_packet(1, 1000, 2, 80, SECOND_NS);

    flow_table_update(table, &request, 0);
    flow_table_update(table, &other, 0);
    flow_table_update(table, &answer, 0);
    open.tcp_flags = TCP_SYN;
    flow_table_update(table, &open, 0);
    open = tcp_packet(2, 80, 1, 1000, SECOND_NS);
    open.tcp_flags = TCP_SYN | TCP_ACK;
    open.tcp_ack = 1;
    flow_table_update(table, &open, 0);
    open = tcp_packet(1, 1000, 2, 80, SECOND_NS);
    open.tcp_flags = TCP_ACK;
    open.tcp_seq = open.tcp_ack = 1;
    flow_table_update(table, &open, 0);
    for (int64_t h = 1; !at_once && h < days * 24; h++) {
        flow_table_advance(table, (struct wall_time){h * 3600 * SECOND_NS});
    }
    flow_table_advance(table, (struct wall_time){days * 86400 * SECOND_NS});
    assert_int_equal(counters_of(table).active, 0);
    flow_table_free(table);
}

static void
how_time_passes_changes_no_record(void **state)
{
    static const int64_t days[] = {1, 20, 25, 27, 60, 4000};

    (void)state;
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        struct records slow = {.n = 0};
        struct records fast = {.n = 0};

        let_days_pass(&slow, days[i], false);
        let_days_pass(&fast, days[i], true);
        assert_int_equal(slow.n, 4);
        assert_int_equal(fast.n, 4);
        for (size_t r = 0; r < 4; r++) {
            assert_int_equal(slow.record[r].kind, fast.record[r].kind);
            assert_int_equal(slow.record[r].protocol, fast.record[r].protocol);
            assert_int_equal(slow.record[r].now.ns, fast.record[r].now.ns);
            assert_true(!r ||
                        fast.record[r - 1].now.ns <= fast.record[r].now.ns);
        }
    }
}

static void
a_jump_of_months_ends_every_flow(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    /* Just over the time at which ticks come round again. */
    int64_t later = (INT64_C(1) << 52) + SECOND_NS;
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);

    (void)state;
    flow_table_update(table, &p, 0);
    p = udp_packet(1, 40000, 2, 53, later);
    assert_true(flow_table_update(table, &p, 0).is_new);
    assert_int_equal(records.record[0].reason, FLOW_END_IDLE);
    flow_table_free(table);
}

static void
the_flow_idle_longest_makes_room(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table;
    struct packet p;

    (void)state;
    options.max_flows = 3;
    table = new_table(&options);
    for (uint16_t i = 1; i <= 3; i++) {
        p = udp_packet(1, i, 2, 53, i * SECOND_NS);
        flow_table_update(table, &p, 0);
    }
    p = udp_packet(1, 1, 2, 53, 4 * SECOND_NS);
    flow_table_update(table, &p, 0);
    p = udp_packet(1, 4, 2, 53, 5 * SECOND_NS);
    flow_table_update(table, &p, 0);
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].source.port, 2);
    assert_int_equal(records.record[0].reason, FLOW_END_EVICTED);
    assert_int_equal(counters_of(table).evicted, 1);
    assert_int_equal(counters_of(table).active, 3);
    flow_table_free(table);
}

static void
long_flows_are_reported_in_between(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    const struct flow_record *r = records.record;

    (void)state;
    for (int64_t s = 1; s <= 1001; s += 50) {
        struct packet p = udp_packet(1, 40000, 2, 53, s * SECOND_NS);

        flow_table_advance(table, p.time);
        flow_table_update(table, &p, 0);
    }
    flow_table_advance(table, (struct wall_time){2000 * SECOND_NS});
    assert_int_equal(records.n, 3);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(r[i].kind, FLOW_RECORD_UPDATE);
        assert_int_equal(r[i].reason, FLOW_END_ACTIVE);
        assert_int_equal(r[i].sequence, i);
        assert_int_equal(r[i].id, r[2].id);
        assert_int_equal(r[i].source.delta_bytes,
                         r[i].source.delta_packets * 128);
    }
    assert_int_equal(r[2].kind, FLOW_RECORD_END);
    assert_int_equal(r[2].sequence, 2);
    assert_int_equal(r[2].source.packets, 21);
    assert_int_equal(r[0].source.delta_packets + r[1].source.delta_packets +
                         r[2].source.delta_packets,
                     21);
    flow_table_free(table);
}

/* A burst, then silence: what it carried must not wait for the end. */
static void
a_silent_flow_is_reported_once(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = tcp_packet(1, 40000, 2, 80, SECOND_NS);

    (void)state;
    p.tcp_flags = TCP_ACK;
    p.payload_bytes = 100;
    flow_table_update(table, &p, 0);
    for (int64_t s = 10; s < 3500; s += 10) {
        flow_table_advance(table, (struct wall_time){s * SECOND_NS});
    }
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].kind, FLOW_RECORD_UPDATE);
    assert_int_equal(records.record[0].source.delta_packets, 1);
    flow_table_advance(table, (struct wall_time){3700 * SECOND_NS});
    assert_int_equal(records.n, 2);
    assert_int_equal(records.record[1].source.delta_packets, 0);
    flow_table_free(table);
}

static void
counters_do_not_wrap(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);
    const uint64_t n = 70000;

    (void)state;
    p.ip_bytes = UINT32_MAX;
    p.payload_bytes = UINT32_MAX - 28;
    for (uint64_t i = 0; i < n; i++) {
        p.ip_id++;
        p.time.ns += MILLISECOND_NS;
        flow_table_update(table, &p, 0);
    }
    flow_table_flush(table, FLOW_END_SHUTDOWN);
    assert_true(records.record[0].source.bytes == n * UINT32_MAX);
    assert_true(records.record[0].source.payload_bytes ==
                n * (UINT32_MAX - 28));
    flow_table_free(table);
}

static void
the_owners_bytes_start_zeroed_and_stay(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table;
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);
    uint8_t *user;

    (void)state;
    options.user_bytes = 33;
    options.max_flows = 1;
    table = new_table(&options);
    for (uint16_t round = 0; round < 3; round++) {
        p.src_port = (uint16_t)(1000 + round);
        user = flow_user(flow_table_update(table, &p, 0).flow);
        for (size_t i = 0; i < 33; i++) {
            assert_int_equal(user[i], 0);
        }
        memset(user, 0xa5, 33);
        p.time.ns += SECOND_NS;
        p.ip_id++;
        assert_ptr_equal(flow_user(flow_table_update(table, &p, 0).flow), user);
        assert_int_equal(user[32], 0xa5);
    }
    flow_table_free(table);
}

static void
a_limit_too_small_is_refused(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct error error;

    (void)state;
    options.max_bytes = 10000;
    assert_null(flow_table_new(&options, &error));
    assert_int_equal(error.code, ERROR_VALUE);
    options.max_bytes = 0;
    options.max_flows = 0;
    assert_null(flow_table_new(&options, &error));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_are_one_flow),
        cmocka_unit_test(contexts_and_tunnels_are_told_apart),
        cmocka_unit_test(idle_flows_end_at_their_own_timeout),
        cmocka_unit_test(a_packet_after_the_timeout_starts_a_new_flow),
        cmocka_unit_test(time_that_goes_backwards_ends_nothing),
        cmocka_unit_test(how_time_passes_changes_no_record),
        cmocka_unit_test(a_jump_of_months_ends_every_flow),
        cmocka_unit_test(the_flow_idle_longest_makes_room),
        cmocka_unit_test(long_flows_are_reported_in_between),
        cmocka_unit_test(a_silent_flow_is_reported_once),
        cmocka_unit_test(counters_do_not_wrap),
        cmocka_unit_test(the_owners_bytes_start_zeroed_and_stay),
        cmocka_unit_test(a_limit_too_small_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
