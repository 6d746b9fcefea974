/* Anything at all, in a table that is short of memory: nothing is lost. */

#include "tests/flows/packets.h"

enum {
    N_PACKETS = 200000
};

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static struct packet
any_packet(uint64_t *random, int64_t ns)
{
    static const uint8_t protocols[] = {PROTOCOL_TCP, PROTOCOL_TCP,
                                        PROTOCOL_UDP, PROTOCOL_ICMP, 47};
    struct packet p =
        packet_between(next_random(random) % 8, next_random(random) % 8,
                       protocols[next_random(random) % 5], ns);

    p.src_port = (uint16_t)(75 + next_random(random) % 8);
    p.dst_port = (uint16_t)(75 + next_random(random) % 8);
    p.tcp_flags = (uint8_t)next_random(random);
    p.tcp_seq = next_random(random) << next_random(random) % 31;
    p.tcp_ack = next_random(random) << next_random(random) % 31;
    p.tcp_window = (uint16_t)(next_random(random) % 3);
    p.payload_bytes = next_random(random) % 3 * 700;
    p.icmp_type = (uint8_t)(next_random(random) % 20);
    /* Each flag once in eight. */
    p.flags = (uint16_t)next_random(random);
    p.flags &= (uint16_t)next_random(random);
    p.flags &= (uint16_t)next_random(random);
    p.fragment_id = next_random(random) % 300;
    p.tunnel =
        (uint8_t)(next_random(random) % 20 == 0 ? PACKET_TUNNEL_VXLAN : 0);
    p.n_vlans = (uint8_t)(next_random(random) % 3);
    if (p.protocol != PROTOCOL_ICMP) {
        p.flags &= (uint16_t)~PACKET_ICMP_ERROR;
    } else if (p.flags & PACKET_ICMP_ERROR) {
        struct packet met = any_packet(random, ns);

        p.quoted = icmp_error(1, &met, 3, 3).quoted;
    }
    return p;
}

static void
sum_deltas(void *context, const struct flow_record *r, void *user)
{
    (void)user;
    *(uint64_t *)context +=
        r->source.delta_packets + r->destination.delta_packets;
    assert_true(r->end.ns >= r->start.ns);
    assert_true(strlen(r->history) <= FLOW_HISTORY_SIZE);
    assert_true(strlen(r->conn_state) < sizeof r->conn_state);
}

static void
every_packet_is_accounted_for(void **state)
{
    uint64_t reported = 0;
    uint64_t held = 0;
    uint64_t random = 7;
    int64_t now = SECOND_NS;
    struct flow_table_options options = table_options(NULL);
    struct flow_table *table;
    struct flow_table_counters c;
    uint64_t unseen;

    (void)state;
    options.record = sum_deltas;
    options.context = &reported;
    options.max_flows = 100000;
    options.max_bytes = 500000;
    options.duplicates = FLOW_DUPLICATES_DROP;
    options.timeouts.active_ns = 5 * SECOND_NS;
    table = new_table(&options);
    for (size_t i = 0; i < N_PACKETS; i++) {
        struct packet p;

        now += next_random(&random) % (4 * MILLISECOND_NS);
        p = any_packet(&random, now);
        held += flow_table_update(table, &p, 0).kind == FLOW_UPDATE_HELD;
        if (i % 3 == 0) {
            flow_table_advance(table, p.time);
        }
        c = counters_of(table);
        assert_true(c.bytes <= options.max_bytes);
        assert_int_equal(c.created, c.ended + c.active);
    }
    flow_table_flush(table, FLOW_END_SHUTDOWN);
    c = counters_of(table);
    unseen = c.duplicates + c.related;
    assert_int_equal(c.active, 0);
    assert_int_equal(c.packets + unseen, N_PACKETS);
    assert_int_equal(reported, c.packets);
    assert_true(held > 0);
    assert_true(c.related > 0);
    assert_true(c.evicted > 0);
    assert_true(c.reused > 0);
    assert_true(c.fragments_joined > 0);
    flow_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_is_accounted_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
