/* Places: kept once for all flows that were seen there. */

#include "flows/flow_places.h"
#include "tests/flows/packets.h"

enum {
    N_PLACES = 3000
};

static struct packet
packet_at(unsigned i)
{
    struct packet p = udp_packet(1, 40000, 2, 53, SECOND_NS);

    p.flags |= PACKET_HAS_MAC;
    memcpy(p.src_mac, &i, sizeof i);
    p.dst_mac[5] = 1;
    p.interface = (uint16_t)(i % 3);
    p.file = (uint16_t)(i % 5);
    if (i % 2) {
        p.n_vlans = 2;
        p.vlan[0] = 10;
        p.vlan[1] = (uint16_t)i;
    }
    if (i % 4 == 1) {
        p.tunnel = PACKET_TUNNEL_VXLAN;
        p.depth = 1;
        p.tunnel_id = i;
        p.outer_src = ipv4(192, 0, 2, 1);
        p.outer_dst = ipv4(192, 0, 2, 2);
    }
    return p;
}

static void
expect_place(const struct flow_places *places, uint32_t number,
             const struct packet *p)
{
    const struct flow_place *place = flow_places_at(places, number);
    const struct flow_where *where = flow_places_where(places, place);

    assert_memory_equal(place->mac[1], p->src_mac, sizeof p->src_mac);
    assert_memory_equal(place->mac[0], p->dst_mac, sizeof p->dst_mac);
    assert_memory_equal(where->vlan, p->vlan, sizeof p->vlan);
    assert_int_equal(where->n_vlans, p->n_vlans);
    assert_int_equal(where->file, p->file);
    assert_int_equal(where->interface, p->interface);
    assert_int_equal(where->tunnel, p->tunnel);
    assert_int_equal(where->depth, p->depth);
    assert_int_equal(where->tunnel_id, p->tunnel_id);
    assert_memory_equal(&where->outer_src, &p->outer_src, sizeof p->outer_src);
    assert_memory_equal(&where->outer_dst, &p->outer_dst, sizeof p->outer_dst);
}

static void
a_place_lives_as_long_as_its_flows(void **state)
{
    static uint32_t number[N_PLACES];
    struct flow_memory memory = {0};
    struct flow_places places;
    size_t empty;

    (void)state;
    assert_true(flow_places_open(&places, &memory, N_PLACES, 1));
    empty = memory.used;
    for (unsigned i = 0; i < 2 * N_PLACES; i++) {
        struct packet p = packet_at(i % N_PLACES);
        uint32_t taken = flow_places_take(&places, &p, 1);

        assert_true(taken != 0);
        assert_true(i < N_PLACES || taken == number[i % N_PLACES]);
        number[i % N_PLACES] = taken;
        expect_place(&places, taken, &p);
    }
    assert_int_equal(flow_pool_used(&places.places.pool), N_PLACES);
    /* Fifteen without VLANs, and all that have a VLAN of their own. */
    assert_int_equal(flow_pool_used(&places.wheres.pool), 15 + N_PLACES / 2);
    for (unsigned i = 0; i < N_PLACES; i++) {
        struct packet p = packet_at(i);

        flow_places_give(&places, number[i]);
        expect_place(&places, number[i], &p);
    }
    for (unsigned i = 0; i < N_PLACES; i++) {
        flow_places_give(&places, number[i]);
    }
    assert_int_equal(places.places.pool.n, 0);
    assert_int_equal(places.wheres.pool.n, 0);
    assert_true(memory.used <= empty + 4 * FLOW_REGION_STEP);
    flow_places_close(&places);
    assert_int_equal(memory.used, 0);
}

/* What a packet does not have does not make a place of its own. */
static void
only_what_is_there_counts(void **state)
{
    struct flow_memory memory = {0};
    struct flow_places places;
    struct packet p = packet_at(0);
    uint32_t number;

    (void)state;
    assert_true(flow_places_open(&places, &memory, 10, 1));
    p.flags = 0;
    number = flow_places_take(&places, &p, 0);
    p.src_mac[0]++;
    p.vlan[0] = 7;
    p.outer_src = ipv4(192, 0, 2, 1);
    assert_int_equal(flow_places_take(&places, &p, 1), number);
    p.flags = PACKET_HAS_MAC;
    assert_true(flow_places_take(&places, &p, 1) != number);
    flow_places_close(&places);
}

static void
a_new_place_needs_memory_a_known_one_does_not(void **state)
{
    struct flow_memory memory = {.limit = 4 * FLOW_REGION_STEP};
    struct flow_places places;
    struct packet p = packet_at(0);
    uint32_t first;
    unsigned n = 1;

    (void)state;
    assert_true(flow_places_open(&places, &memory, 1000000, 1));
    first = flow_places_take(&places, &p, 1);
    for (p = packet_at(n); flow_places_take(&places, &p, 1); n++) {
        p = packet_at(n + 1);
    }
    assert_in_range(n, 100, 1000);
    p = packet_at(0);
    assert_int_equal(flow_places_take(&places, &p, 1), first);
    flow_places_close(&places);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_lives_as_long_as_its_flows),
        cmocka_unit_test(only_what_is_there_counts),
        cmocka_unit_test(a_new_place_needs_memory_a_known_one_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
