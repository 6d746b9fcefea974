/* flow_key.h, and flow_pair_hash(). */

#include "flows/flow_key.h"
#include "tests/flows/packets.h"

static void
both_directions_have_one_key(void **state)
{
    struct packet p = udp_packet(1, 40000, 2, 53, 0);
    struct packet q = udp_packet(2, 53, 1, 40000, 0);
    struct flow_ends a;
    struct flow_ends b;

    (void)state;
    flow_key_from(&p, 7, &a);
    flow_key_from(&q, 7, &b);
    assert_true(flow_key_equal(&a.key, &b.key));
    assert_int_not_equal(a.sender, b.sender);
    assert_int_equal(flow_key_hash(&a.key, 1), flow_key_hash(&b.key, 1));
    assert_true(flow_key_hash(&a.key, 1) != flow_key_hash(&a.key, 2));
    assert_int_equal(a.key.port[a.sender], 40000);
    flow_key_from(&q, 8, &b);
    assert_false(flow_key_equal(&a.key, &b.key));
}

static void
equal_addresses_are_ordered_by_port(void **state)
{
    struct packet p = udp_packet(1, 40000, 1, 53, 0);
    struct packet q = udp_packet(1, 53, 1, 40000, 0);
    struct flow_ends a;
    struct flow_ends b;

    (void)state;
    flow_key_from(&p, 0, &a);
    flow_key_from(&q, 0, &b);
    assert_true(flow_key_equal(&a.key, &b.key));
    assert_int_not_equal(a.sender, b.sender);
}

static void
an_icmp_request_and_its_answer_are_one(void **state)
{
    static const uint8_t v4[][2] = {
        {8, 0}, {13, 14}, {15, 16}, {17, 18}, {10, 9}};
    static const uint8_t v6[][2] = {{128, 129}, {130, 131}, {133, 134},
                                    {135, 136}, {139, 140}, {144, 145}};

    (void)state;
    for (size_t i = 0; i < 11; i++) {
        const uint8_t *pair = i < 5 ? v4[i] : v6[i - 5];
        struct packet p = icmp_packet(1, 2, pair[0], 0, 0);
        struct packet q = icmp_packet(2, 1, pair[1], 0, 0);
        struct packet r = icmp_packet(2, 1, pair[0], 0, 0);
        struct flow_ends a;
        struct flow_ends b;

        if (i >= 5) {
            p.protocol = q.protocol = r.protocol = PROTOCOL_ICMPV6;
        }
        flow_key_from(&p, 0, &a);
        flow_key_from(&q, 0, &b);
        assert_true(flow_key_equal(&a.key, &b.key));
        assert_false(flow_key_is_one_way(&a.key));
        assert_int_equal(flow_key_icmp_type(&a.key, a.sender), pair[0]);
        assert_int_equal(flow_key_icmp_type(&b.key, b.sender), pair[1]);
        assert_true(flow_key_icmp_is_request(p.protocol, pair[0]));
        assert_false(flow_key_icmp_is_request(p.protocol, pair[1]));
        /* The other side's own request is another conversation. */
        flow_key_from(&r, 0, &b);
        assert_false(flow_key_equal(&a.key, &b.key));
    }
}

static void
other_icmp_messages_have_one_direction(void **state)
{
    struct packet p = icmp_packet(1, 2, 5, 1, 0);
    struct packet q = icmp_packet(2, 1, 5, 1, 0);
    struct packet r = icmp_packet(1, 2, 5, 2, 0);
    struct flow_ends a;
    struct flow_ends b;

    (void)state;
    flow_key_from(&p, 0, &a);
    assert_true(flow_key_is_one_way(&a.key));
    assert_int_equal(flow_key_icmp_type(&a.key, 0), 5);
    assert_int_equal(flow_key_icmp_type(&a.key, 1), 5);
    flow_key_from(&q, 0, &b);
    assert_false(flow_key_equal(&a.key, &b.key));
    flow_key_from(&r, 0, &b);
    assert_false(flow_key_equal(&a.key, &b.key));
}

static void
icmp_cut_before_its_type_is_no_echo_reply(void **state)
{
    struct packet reply = icmp_packet(1, 2, 0, 0, 0);
    struct packet cut = reply;
    struct packet fragment = reply;
    struct flow_ends ends;

    (void)state;
    flow_key_from(&reply, 0, &ends);
    assert_true(flow_key_has_icmp_type(&ends.key));
    reply.flags = PACKET_NO_TRANSPORT;
    flow_key_from(&reply, 0, &ends);
    assert_true(flow_key_has_icmp_type(&ends.key));
    assert_int_equal(flow_key_icmp_type(&ends.key, ends.sender), 0);
    cut.flags = PACKET_NO_TRANSPORT | PACKET_NO_ICMP_TYPE;
    flow_key_from(&cut, 0, &ends);
    assert_false(flow_key_has_icmp_type(&ends.key));
    fragment.flags = PACKET_FRAGMENT | PACKET_LATER_FRAGMENT;
    flow_key_from(&fragment, 0, &ends);
    assert_false(flow_key_has_icmp_type(&ends.key));
}

static void
a_quoted_packet_has_its_flows_key(void **state)
{
    struct packet p = udp_packet(1, 40000, 2, 53, 0);
    struct packet echo = icmp_packet(1, 2, 8, 0, 0);
    struct packet error = icmp_error(9, &p, 3, 3);
    struct flow_ends a;
    struct flow_ends b;

    (void)state;
    flow_key_from(&p, 0, &a);
    assert_true(flow_key_quoted(&error, 0, &b));
    assert_true(flow_key_equal(&a.key, &b.key));
    assert_int_equal(a.sender, b.sender);
    error.quoted.has_ports = false;
    assert_false(flow_key_quoted(&error, 0, &b));

    flow_key_from(&echo, 0, &a);
    error = icmp_error(9, &echo, 11, 0);
    assert_true(flow_key_quoted(&error, 0, &b));
    assert_true(flow_key_equal(&a.key, &b.key));
}

static void
a_pairs_packets_hash_alike(void **state)
{
    struct packet p = udp_packet(1, 40000, 2, 53, 0);
    struct packet q = tcp_packet(2, 53, 1, 9, 0);
    struct packet other = udp_packet(1, 40000, 3, 53, 0);
    struct packet error = icmp_error(9, &p, 3, 3);

    (void)state;
    assert_true(flow_pair_hash(&p, 5) == flow_pair_hash(&q, 5));
    assert_true(flow_pair_hash(&p, 5) == flow_pair_hash(&error, 5));
    assert_true(flow_pair_hash(&p, 5) != flow_pair_hash(&p, 6));
    assert_true(flow_pair_hash(&p, 5) != flow_pair_hash(&other, 5));
}

static void
an_id_comes_from_key_and_first_packet(void **state)
{
    struct packet p = udp_packet(1, 40000, 2, 53, 0);
    struct flow_ends a;
    uint64_t id;

    (void)state;
    flow_key_from(&p, 0, &a);
    id = flow_key_id(&a.key, 100, 5, 0);
    assert_true(id == flow_key_id(&a.key, 100, 5, 0));
    assert_true(id != flow_key_id(&a.key, 101, 5, 0));
    assert_true(id != flow_key_id(&a.key, 100, 6, 0));
    assert_true(id != flow_key_id(&a.key, 100, 5, 1));
    a.key.context = 1;
    assert_true(id != flow_key_id(&a.key, 100, 5, 0));
}

/* As somebody would who knows the function, and wants all his flows in one
 * place. */
static void
keys_that_collide_under_one_seed_do_not_under_another(void **state)
{
    enum {
        N_KEYS = 64,
        PLACES = 4096
    };
    bool taken[PLACES] = {false};
    uint16_t port = 0;
    uint32_t host = 0;
    unsigned n_places = 0;

    (void)state;
    for (unsigned n = 0; n < N_KEYS; port++) {
        struct packet p = udp_packet(1 + host, port, 2, 53, 0);
        struct flow_ends ends;
        uint64_t place;

        host += port == UINT16_MAX;
        flow_key_from(&p, 0, &ends);
        if (flow_key_hash(&ends.key, 1) % PLACES != 0) {
            continue;
        }
        place = flow_key_hash(&ends.key, 2) % PLACES;
        n_places += !taken[place];
        taken[place] = true;
        n++;
    }
    assert_in_range(n_places, N_KEYS - 8, N_KEYS); /* One at most, as a rule. */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_have_one_key),
        cmocka_unit_test(equal_addresses_are_ordered_by_port),
        cmocka_unit_test(an_icmp_request_and_its_answer_are_one),
        cmocka_unit_test(other_icmp_messages_have_one_direction),
        cmocka_unit_test(icmp_cut_before_its_type_is_no_echo_reply),
        cmocka_unit_test(a_quoted_packet_has_its_flows_key),
        cmocka_unit_test(a_pairs_packets_hash_alike),
        cmocka_unit_test(keys_that_collide_under_one_seed_do_not_under_another),
        cmocka_unit_test(an_id_comes_from_key_and_first_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
