/* initiator.h, and ICMP: whose conversation it is. */

#include "flows/initiator.h"
#include "tests/flows/packets.h"

static struct flow_record
record_of(struct packet *packets, size_t n)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);

    for (size_t i = 0; i < n; i++) {
        flow_table_update(table, &packets[i], 0);
    }
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    flow_table_free(table);
    assert_int_equal(records.n, 1);
    return records.record[0];
}

static void
a_known_port_is_the_servers(void **state)
{
    struct packet reply = udp_packet(2, 53, 1, 40000, SECOND_NS);
    struct packet peers = udp_packet(2, 123, 1, 123, SECOND_NS);
    struct packet ephemeral = udp_packet(2, 50001, 1, 40000, SECOND_NS);
    struct flow_record r = record_of(&reply, 1);

    (void)state;
    assert_int_equal(r.evidence, FLOW_EVIDENCE_SERVICE_PORT);
    assert_int_equal(r.source.port, 40000);
    assert_int_equal(r.destination.packets, 1);
    assert_string_equal(r.conn_state, "SHR");
    assert_string_equal(r.history, "^d");
    assert_int_equal(r.outcome, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(r.flags & FLOW_FLIPPED, 0);
    r = record_of(&peers, 1);
    assert_int_equal(r.evidence, FLOW_EVIDENCE_FIRST_SEEN);
    assert_int_equal(r.source.packets, 1);
    r = record_of(&ephemeral, 1);
    assert_int_equal(r.evidence, FLOW_EVIDENCE_FIRST_SEEN);
    assert_string_equal(r.conn_state, "S0");
    assert_int_equal(r.outcome, FLOW_OUTCOME_ATTEMPT);
}

static void
service_ports_are_in_order_and_by_protocol(void **state)
{
    (void)state;
    assert_true(initiator_is_service_port(PROTOCOL_TCP, 7));
    assert_true(initiator_is_service_port(PROTOCOL_TCP, 502));
    assert_true(initiator_is_service_port(PROTOCOL_UDP, 47808));
    assert_true(initiator_is_service_port(PROTOCOL_TCP, 50000));
    assert_false(initiator_is_service_port(PROTOCOL_TCP, 47808));
    assert_false(initiator_is_service_port(PROTOCOL_TCP, 65535));
    assert_false(initiator_is_service_port(PROTOCOL_UDP, 22));
    assert_false(initiator_is_service_port(PROTOCOL_SCTP, 80));
    for (unsigned port = 0, found = 0, last = 0; port < 65536; port++) {
        if (initiator_is_service_port(PROTOCOL_TCP, (uint16_t)port)) {
            found++;
            last = port;
        }
        if (port == 65535) {
            assert_in_range(found, 90, 200);
            assert_int_equal(last, 50000);
        }
    }
}

static void
a_syn_outweighs_the_port_and_exchanges_the_ends(void **state)
{
    /* A server that connects to a client's high port, seen midstream first. */
    struct packet packets[] = {
        tcp_packet(1, 40000, 2, 80, SECOND_NS),
        tcp_packet(2, 80, 1, 40000, SECOND_NS),
    };
    struct flow_record r;

    (void)state;
    packets[0].tcp_flags = TCP_ACK;
    packets[0].payload_bytes = 10;
    packets[0].ip_bytes = 50;
    packets[0].src_mac[0] = 1;
    packets[0].flags = PACKET_HAS_MAC;
    packets[1].tcp_flags = TCP_SYN;
    r = record_of(packets, 2);
    assert_int_equal(r.evidence, FLOW_EVIDENCE_SYN);
    assert_true(r.flags & FLOW_FLIPPED);
    assert_int_equal(r.source.port, 80);
    assert_int_equal(r.source.bytes, 40);
    assert_int_equal(r.source.tcp_flags, TCP_SYN);
    assert_int_equal(r.destination.bytes, 50);
    assert_int_equal(r.destination.payload_bytes, 10);
    assert_int_equal(r.destination.tcp_flags, TCP_ACK);
    assert_int_equal(r.destination.mac[0], 1);
    assert_string_equal(r.history, "d^S");
}

static void
a_syn_that_comes_late_is_told_once(void **state)
{
    struct packet ack = tcp_packet(1, 40000, 2, 80, SECOND_NS);
    struct packet syn = tcp_packet(1, 40000, 2, 80, SECOND_NS);
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);

    (void)state;
    ack.tcp_flags = TCP_ACK;
    syn.tcp_flags = TCP_SYN;
    assert_int_equal(flow_table_update(table, &ack, 0).initiator,
                     FLOW_INITIATOR_AS_BEFORE);
    assert_int_equal(flow_table_update(table, &syn, 0).initiator,
                     FLOW_INITIATOR_SURER);
    syn.time.ns += SECOND_NS;
    assert_int_equal(flow_table_update(table, &syn, 0).initiator,
                     FLOW_INITIATOR_AS_BEFORE);
    flow_table_free(table);
}

static void
the_sender_of_an_icmp_request_opened(void **state)
{
    struct packet packets[] = {
        icmp_packet(2, 1, 0, 0, SECOND_NS),
        icmp_packet(1, 2, 8, 0, SECOND_NS),
    };
    struct flow_record r = record_of(packets, 2);

    (void)state;
    assert_int_equal(r.evidence, FLOW_EVIDENCE_ICMP_TYPE);
    assert_int_equal(r.icmp_type, 8);
    assert_int_equal(r.source.addr.byte[15], 1);
    assert_int_equal(r.source.port, 0);
    assert_int_equal(r.source.packets, 1);
    assert_int_equal(r.destination.packets, 1);
    assert_string_equal(r.conn_state, "OTH");
    assert_string_equal(r.history, "");
    r = record_of(packets, 1);
    assert_int_equal(r.icmp_type, 8);
    assert_int_equal(r.source.packets, 0);
    assert_int_equal(r.outcome, FLOW_OUTCOME_ESTABLISHED);
}

static void
an_error_is_counted_on_the_flow_it_quotes(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet p = udp_packet(1, 40000, 2, 161, SECOND_NS);
    struct packet error = icmp_error(2, &p, 3, 3);
    struct packet too_big = icmp_error(9, &p, 3, 4);
    struct flow *flow = flow_table_update(table, &p, 0).flow;
    struct flow_update update = flow_table_update(table, &too_big, 0);
    struct flow_update copy;
    const struct flow_record *r = records.record;

    (void)state;
    assert_int_equal(update.kind, FLOW_UPDATE_RELATED);
    assert_false(update.outcome_changed);
    update = flow_table_update(table, &error, 0);
    copy = flow_table_update(table, &error, 0);
    assert_int_equal(copy.kind, FLOW_UPDATE_DUPLICATE);
    assert_ptr_equal(update.flow, flow);
    assert_true(update.outcome_changed);
    assert_false(update.from_initiator);
    assert_int_equal(counters_of(table).related, 3); /* The copy too. */
    assert_int_equal(counters_of(table).active, 1);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(r->outcome, FLOW_OUTCOME_REFUSED);
    assert_int_equal(r->icmp_errors, 3);
    assert_int_equal(r->icmp_error_bytes, 252);
    assert_int_equal(r->icmp_error_type, 3);
    assert_int_equal(r->icmp_error_code, 3);
    assert_int_equal(r->icmp_error_from.byte[15], 2);
    assert_int_equal(r->source.packets, 1);
    flow_table_free(table);
}

static void
an_error_that_quotes_no_flow_is_one(void **state)
{
    struct packet p = udp_packet(1, 40000, 2, 161, SECOND_NS);
    struct packet error = icmp_error(2, &p, 3, 1);
    struct flow_record r = record_of(&error, 1);

    (void)state;
    assert_int_equal(r.protocol, PROTOCOL_ICMP);
    assert_int_equal(r.icmp_type, 3);
    assert_int_equal(r.icmp_code, 1);
    assert_int_equal(r.source.addr.byte[15], 2);
    assert_int_equal(r.tunnel_id, 0);
}

static void
errors_about_two_unseen_flows_are_two(void **state)
{
    struct packet one = udp_packet(1, 40000, 2, 161, SECOND_NS);
    struct packet other = udp_packet(1, 40000, 2, 162, SECOND_NS);
    struct packet errors[3] = {icmp_error(9, &one, 3, 1),
                               icmp_error(9, &other, 3, 1),
                               icmp_error(9, &one, 3, 1)};
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);

    (void)state;
    assert_true(flow_table_update(table, &errors[0], 0).is_new);
    assert_true(flow_table_update(table, &errors[1], 0).is_new);
    assert_false(flow_table_update(table, &errors[2], 0).is_new);
    flow_table_free(table);
}

static void
an_answered_flow_is_not_refused(void **state)
{
    struct packet packets[3] = {
        udp_packet(1, 40000, 2, 161, SECOND_NS),
        udp_packet(2, 161, 1, 40000, SECOND_NS),
    };

    (void)state;
    packets[2] = icmp_error(2, &packets[0], 3, 3);
    assert_int_equal(record_of(packets, 3).outcome, FLOW_OUTCOME_DATA);
}

static void
a_redirect_is_a_flow_of_its_own(void **state)
{
    struct packet p = udp_packet(1, 40000, 2, 161, SECOND_NS);
    struct packet redirect = icmp_error(9, &p, 5, 1);
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);

    (void)state;
    flow_table_update(table, &p, 0);
    assert_true(flow_table_update(table, &redirect, 0).is_new);
    flow_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_port_is_the_servers),
        cmocka_unit_test(service_ports_are_in_order_and_by_protocol),
        cmocka_unit_test(a_syn_outweighs_the_port_and_exchanges_the_ends),
        cmocka_unit_test(a_syn_that_comes_late_is_told_once),
        cmocka_unit_test(the_sender_of_an_icmp_request_opened),
        cmocka_unit_test(an_error_is_counted_on_the_flow_it_quotes),
        cmocka_unit_test(an_error_that_quotes_no_flow_is_one),
        cmocka_unit_test(errors_about_two_unseen_flows_are_two),
        cmocka_unit_test(an_answered_flow_is_not_refused),
        cmocka_unit_test(a_redirect_is_a_flow_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
