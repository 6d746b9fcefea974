/* fragments.h, through the table. */

#include "flows/fragments.h"
#include "tests/flows/packets.h"

static struct packet
fragment(uint32_t id, uint16_t at, bool is_last, int64_t ns)
{
    struct packet p = udp_packet(1, 40000, 2, 53, ns);

    p.fragment_id = id;
    p.fragment_protocol = PROTOCOL_UDP;
    p.ip_id = (uint16_t)id;
    p.fragment_at = at;
    p.flags =
        (uint16_t)(PACKET_FRAGMENT | (is_last ? 0 : PACKET_MORE_FRAGMENTS));
    if (at > 0) {
        p.flags |= PACKET_LATER_FRAGMENT;
        p.src_port = 0;
        p.dst_port = 0;
    }
    return p;
}

static void
later_fragments_join_their_first(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet first = fragment(7, 0, false, SECOND_NS);
    struct packet later = fragment(7, 1480, true, SECOND_NS);
    struct flow_update update;

    (void)state;
    update = flow_table_update(table, &first, 0);
    assert_ptr_equal(flow_table_update(table, &later, 0).flow, update.flow);
    assert_int_equal(counters_of(table).fragments_joined, 1);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].source.packets, 2);
    assert_true(records.record[0].flags & FLOW_FRAGMENTS);
    flow_table_free(table);
}

static void
early_fragments_wait_for_their_first(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet last = fragment(7, 2960, true, SECOND_NS);
    struct packet middle = fragment(7, 1480, false, SECOND_NS + 1);
    struct packet first = fragment(7, 0, false, SECOND_NS + 2);
    struct flow_update update;

    (void)state;
    update = flow_table_update(table, &last, 0);
    assert_int_equal(update.kind, FLOW_UPDATE_HELD);
    assert_null(update.flow);
    flow_table_update(table, &middle, 0);
    assert_int_equal(counters_of(table).active, 0);
    update = flow_table_update(table, &first, 0);
    assert_int_equal(update.kind, FLOW_UPDATE_PACKET);
    assert_true(update.is_new);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].source.packets, 3);
    assert_int_equal(records.record[0].source.port, 40000);
    assert_int_equal(records.record[0].start.ns, SECOND_NS);
    assert_int_equal(records.record[0].first_frame, last.number);
    assert_int_equal(counters_of(table).fragments_joined, 2);
    assert_int_equal(counters_of(table).packets, 3);
    flow_table_free(table);
}

/* An authentication header stands before UDP in the first fragment only. */
static void
fragments_learn_what_follows_extension_headers(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet early = fragment(7, 2960, true, SECOND_NS);
    struct packet first = fragment(7, 0, false, SECOND_NS);
    struct packet late = fragment(7, 1480, false, SECOND_NS);
    struct packet *each[] = {&early, &first, &late};

    (void)state;
    early.protocol = PROTOCOL_AH;
    late.protocol = PROTOCOL_AH;
    for (size_t i = 0; i < 3; i++) {
        each[i]->fragment_protocol = PROTOCOL_AH;
        flow_table_update(table, each[i], 0);
    }
    assert_int_equal(counters_of(table).fragments_joined, 2);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].protocol, PROTOCOL_UDP);
    assert_int_equal(records.record[0].source.packets, 3);
    assert_int_equal(records.record[0].destination.port, 53);
    flow_table_free(table);
}

static void
fragments_without_a_first_are_orphans(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet a = fragment(7, 1480, true, SECOND_NS);
    struct packet b = fragment(8, 1480, true, 40 * SECOND_NS);

    (void)state;
    flow_table_update(table, &a, 0);
    flow_table_advance(table, (struct wall_time){20 * SECOND_NS});
    assert_int_equal(counters_of(table).active, 0);
    flow_table_advance(table, (struct wall_time){32 * SECOND_NS});
    assert_int_equal(counters_of(table).fragments_orphaned, 1);
    assert_int_equal(counters_of(table).active, 1);
    flow_table_update(table, &b, 0);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(counters_of(table).fragments_orphaned, 2);
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].source.packets, 2);
    assert_int_equal(records.record[0].source.port, 0);
    assert_true(records.record[0].flags & FLOW_ORPHAN_FRAGMENTS);
    flow_table_free(table);
}

/* An orphan is counted at the instant it was given up, whenever the table was
 * looked at; so the flow it makes ends when its timeout has passed since. */
static void
when_orphans_count_does_not_depend_on_when_time_moves(void **state)
{
    struct wall_time end[2];

    (void)state;
    for (int64_t often = 0; often < 2; often++) {
        struct records records = {.n = 0};
        struct flow_table_options options = table_options(&records);
        struct flow_table *table = new_table(&options);
        struct packet a = fragment(7, 1480, true, SECOND_NS);

        flow_table_update(table, &a, 0);
        for (int64_t s = 2; often && s < 200; s++) {
            flow_table_advance(table, (struct wall_time){s * SECOND_NS});
        }
        flow_table_advance(table, (struct wall_time){200 * SECOND_NS});
        assert_int_equal(records.n, 1);
        assert_int_equal(records.record[0].reason, FLOW_END_IDLE);
        end[often] = records.record[0].now;
        flow_table_free(table);
    }
    assert_int_equal(end[0].ns, end[1].ns);
    assert_true(end[0].ns > 90 * SECOND_NS && end[0].ns < 92 * SECOND_NS);
}

static void
datagrams_are_told_apart(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet first = fragment(7, 0, false, SECOND_NS);
    struct packet later = fragment(8, 1480, true, SECOND_NS);

    (void)state;
    flow_table_update(table, &first, 0);
    assert_int_equal(flow_table_update(table, &later, 0).kind,
                     FLOW_UPDATE_HELD);
    later.fragment_id = 7;
    assert_int_equal(flow_table_update(table, &later, 5).kind,
                     FLOW_UPDATE_HELD);
    assert_int_equal(flow_table_update(table, &later, 0).kind,
                     FLOW_UPDATE_PACKET);
    flow_table_free(table);
}

static void
every_fragment_of_a_flood_is_counted(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    const uint32_t n = 10000;
    struct flow_table_counters c;

    (void)state;
    for (uint32_t id = 0; id < n; id++) {
        struct packet p = fragment(id + 1, 1480, true, SECOND_NS + id);

        flow_table_update(table, &p, 0);
        flow_table_advance(table, p.time);
    }
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    c = counters_of(table);
    assert_int_equal(c.fragments_orphaned, n);
    assert_int_equal(c.packets, n);
    assert_true(c.fragments_evicted > 0);
    flow_table_free(table);
}

static void
too_many_for_one_datagram_are_not_held(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table = new_table(&options);
    struct packet first = fragment(7, 0, false, SECOND_NS);

    (void)state;
    for (unsigned i = 1; i <= FRAGMENTS_MAX_EACH; i++) {
        struct packet p = fragment(7, (uint16_t)(i * 8), false, SECOND_NS);

        assert_int_equal(flow_table_update(table, &p, 0).kind,
                         FLOW_UPDATE_HELD);
    }
    first.fragment_at = 60000;
    first.flags |= PACKET_LATER_FRAGMENT;
    first.src_port = first.dst_port = 0;
    assert_int_equal(flow_table_update(table, &first, 0).kind,
                     FLOW_UPDATE_PACKET);
    first = fragment(7, 0, false, SECOND_NS);
    flow_table_update(table, &first, 0);
    assert_int_equal(counters_of(table).packets, FRAGMENTS_MAX_EACH + 2);
    assert_int_equal(counters_of(table).fragments_orphaned, 1);
    flow_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_fragments_join_their_first),
        cmocka_unit_test(early_fragments_wait_for_their_first),
        cmocka_unit_test(fragments_learn_what_follows_extension_headers),
        cmocka_unit_test(fragments_without_a_first_are_orphans),
        cmocka_unit_test(when_orphans_count_does_not_depend_on_when_time_moves),
        cmocka_unit_test(datagrams_are_told_apart),
        cmocka_unit_test(every_fragment_of_a_flood_is_counted),
        cmocka_unit_test(too_many_for_one_datagram_are_not_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
