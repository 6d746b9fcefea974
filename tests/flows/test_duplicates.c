/* duplicates.h, through the table. */

#include "flows/duplicates.h"
#include "tests/flows/packets.h"

static struct flow_table_options
dropping(struct records *records)
{
    struct flow_table_options options = table_options(records);

    options.duplicates = FLOW_DUPLICATES_DROP;
    return options;
}

static enum flow_update_kind
kind_of(struct flow_table *table, const struct packet *p)
{
    return flow_table_update(table, p, 0).kind;
}

static void
a_copy_is_noticed_past_a_router(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = dropping(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);
    struct packet copy = p;

    (void)state;
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_PACKET);
    copy.ttl--;
    copy.vlan[0] = 20;
    copy.n_vlans = 1;
    copy.src_mac[5] = 9;
    copy.time.ns += 2 * MILLISECOND_NS;
    assert_int_equal(kind_of(table, &copy), FLOW_UPDATE_DUPLICATE);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(records.record[0].source.packets, 1);
    assert_int_equal(records.record[0].source.duplicates, 1);
    assert_int_equal(counters_of(table).duplicates, 1);
    assert_int_equal(counters_of(table).packets, 1);
    flow_table_free(table);
}

static void
a_marked_copy_is_in_the_totals_too(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = tcp_packet(1, 40000, 2, 80, SECOND_NS);

    (void)state;
    p.tcp_flags = TCP_ACK;
    p.tcp_seq = 100;
    p.payload_bytes = 10;
    p.ip_bytes = 50;
    kind_of(table, &p);
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_DUPLICATE);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(records.record[0].source.packets, 2);
    assert_int_equal(records.record[0].source.bytes, 100);
    assert_int_equal(records.record[0].source.duplicates, 1);
    assert_int_equal(records.record[0].source.retransmissions, 0);
    assert_string_equal(records.record[0].history, "D");
    flow_table_free(table);
}

static void
a_retransmission_is_not_a_copy(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = dropping(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = tcp_packet(1, 40000, 2, 80, SECOND_NS);

    (void)state;
    p.tcp_flags = TCP_ACK;
    p.tcp_seq = 100;
    p.payload_bytes = 10;
    kind_of(table, &p);
    p.time.ns += MILLISECOND_NS;
    p.ip_id++;
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_PACKET);
    /* Nor where no identification tells: it comes a round trip later. */
    p.ip_id = 0;
    kind_of(table, &p);
    p.time.ns += 20 * MILLISECOND_NS;
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_PACKET);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(records.record[0].source.retransmissions, 3);
    flow_table_free(table);
}

static void
windows_end(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = dropping(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);

    (void)state;
    kind_of(table, &p);
    p.time.ns += DUPLICATES_STRONG_NS;
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_DUPLICATE);
    p.time.ns += 1; /* The window is the first packet's. */
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_PACKET);
    p.ip_id = 0;
    kind_of(table, &p);
    p.time.ns += DUPLICATES_WEAK_NS + 1;
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_PACKET);
    p.time.ns += DUPLICATES_WEAK_NS;
    assert_int_equal(kind_of(table, &p), FLOW_UPDATE_DUPLICATE);
    flow_table_free(table);
}

static void
any_other_field_makes_another_packet(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = dropping(&records);
    struct flow_table *table = new_table(&options);
    const struct packet p = tcp_packet(1, 40000, 2, 80, SECOND_NS);
    struct packet q[9];

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        q[i] = p;
    }
    q[0].tcp_seq++;
    q[1].tcp_ack++;
    q[2].tcp_flags ^= TCP_PSH;
    q[3].tcp_window++;
    q[4].transport_checksum++;
    q[5].ip_bytes++;
    q[6].fragment_id++;
    q[7].ip_id++;
    q[8].src = p.dst;
    q[8].dst = p.src;
    kind_of(table, &p);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(kind_of(table, &q[i]), FLOW_UPDATE_PACKET);
    }
    flow_table_free(table);
}

/* A generator that sends one packet over and over is seen for what it is. */
static void
a_packet_has_few_copies(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = dropping(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);

    (void)state;
    for (unsigned i = 0; i < 100 * (DUPLICATES_MAX_COPIES + 1); i++) {
        p.time.ns += 1000;
        kind_of(table, &p);
    }
    assert_int_equal(counters_of(table).packets, 100);
    assert_int_equal(counters_of(table).duplicates,
                     100 * DUPLICATES_MAX_COPIES);
    flow_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_noticed_past_a_router),
        cmocka_unit_test(a_marked_copy_is_in_the_totals_too),
        cmocka_unit_test(a_retransmission_is_not_a_copy),
        cmocka_unit_test(windows_end),
        cmocka_unit_test(any_other_field_makes_another_packet),
        cmocka_unit_test(a_packet_has_few_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
