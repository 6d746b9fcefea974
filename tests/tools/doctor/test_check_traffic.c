/* Where the limits are, and what real interfaces cannot be made to show. */

#include "tests/support/test.h"

#include "tools/doctor/check_traffic.h"
#include "tools/doctor/diagnosis.h"
#include "tools/doctor/nic.h"
#include "tools/doctor/traffic.h"

#include <string.h>

enum {
    SNAPSHOT = 65535
};

static struct diagnosis diagnosis;
static struct traffic_counts counts;
static struct nic nic;

/* A span port with traffic as it should be. */
static int
setup(void **state)
{
    (void)state;
    nic = (struct nic){.name = "eth1",
                       .link = {.up = true, .carrier = true, .mtu = 1500},
                       .is_ethernet = true};
    memset(&counts, 0, sizeof counts);
    counts.is_captured = true;
    counts.frames = counts.packets = counts.segments = 1000;
    counts.outcomes[DISSECT_OK] = 1000;
    counts.tunnels[PACKET_TUNNEL_NONE] = 1000;
    counts.bytes = counts.content_bytes = 1000000;
    counts.two_sided = 100;
    counts.longest = 1514;
    counts.sums = 1000;
    return 0;
}

/* -1: nothing; else the only finding. */
static int
found(void)
{
    diagnosis_init(&diagnosis);
    check_traffic(&nic, &counts, SNAPSHOT, &diagnosis);
    assert_true(diagnosis.n_findings <= 1);
    return diagnosis.n_findings ? (int)diagnosis.findings[0].code : -1;
}

static void
good_traffic_has_no_findings(void **state)
{
    (void)state;
    assert_int_equal(found(), -1);
}

/* Each count, the last value that is fine, and the first that is not. */
static void
each_limit_is_where_it_is_said_to_be(void **state)
{
    const struct {
        uint64_t *count;
        uint64_t good, bad;
        int code;
    } cases[] = {
        {&counts.copies, 49, 50, DIAGNOSIS_TRAFFIC_DOUBLED},
        {&counts.missed_bytes, 9999, 10000, DIAGNOSIS_TRAFFIC_GAPS},
        {&counts.out_of_order, 9, 10, DIAGNOSIS_TRAFFIC_DISORDER},
        {&counts.over_mtu, 0, 1, DIAGNOSIS_TRAFFIC_MERGED},
        {&counts.own_over_mtu, 0, 1, DIAGNOSIS_TRAFFIC_OWN_MERGED},
        {&counts.snapped, 0, 1, DIAGNOSIS_TRAFFIC_SNAPLEN},
        {&counts.cut, 9, 10, DIAGNOSIS_TRAFFIC_CUT},
        {&counts.kernel_drops, 0, 1, DIAGNOSIS_TRAFFIC_DROPPED},
        {&counts.discarded, 0, 1, DIAGNOSIS_TRAFFIC_DISCARDED},
        {&counts.fragments, 49, 50, DIAGNOSIS_TRAFFIC_FRAGMENTS},
        {&counts.wrong_sums, 99, 100, DIAGNOSIS_TRAFFIC_CHECKSUMS},
        {&counts.group, 990, 991, DIAGNOSIS_TRAFFIC_NO_SPAN},
        {&counts.own, 990, 991, DIAGNOSIS_TRAFFIC_NO_SPAN},
        {&counts.one_sided, 11, 12, DIAGNOSIS_TRAFFIC_PARTLY_ONE_SIDED},
        {&counts.one_sided, 899, 900, DIAGNOSIS_TRAFFIC_ONE_SIDED},
        {&counts.outcomes[DISSECT_NOT_IP], 499, 500, DIAGNOSIS_TRAFFIC_NOT_IP},
        {&counts.outcomes[DISSECT_BAD_HEADER], 9, 10,
         DIAGNOSIS_TRAFFIC_DAMAGED},
        {&counts.outcomes[DISSECT_CUT_SHORT], 9, 10, DIAGNOSIS_TRAFFIC_DAMAGED},
        {&counts.outcomes[DISSECT_UNKNOWN_LINK], 0, 1,
         DIAGNOSIS_TRAFFIC_UNKNOWN_LINK},
        {&counts.outcomes[DISSECT_ENCRYPTED_LINK], 499, 500,
         DIAGNOSIS_TRAFFIC_ENCRYPTED},
        {&counts.tagged, 0, 1, DIAGNOSIS_TRAFFIC_VLANS},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setup(state);
        *cases[i].count = cases[i].bad;
        assert_int_equal(found(), cases[i].code);
        *cases[i].count = cases[i].good;
        assert_int_not_equal(found(), cases[i].code);
    }
}

static void
shares_of_little_say_nothing(void **state)
{
    (void)state;
    counts.frames = counts.group = 9;
    counts.packets = counts.copies = 9;
    counts.two_sided = 0;
    counts.one_sided = 4;
    counts.outcomes[DISSECT_OK] = 9;
    counts.tunnels[PACKET_TUNNEL_NONE] = 9;
    assert_int_equal(found(), -1);
}

static void
frames_that_nothing_here_merges_are_the_senders_or_jumbo(void **state)
{
    (void)state;
    counts.over_mtu = 5;
    counts.longest = 9018;
    assert_int_equal(found(), DIAGNOSIS_TRAFFIC_MERGED);
    assert_string_equal(diagnosis.findings[0].fix,
                        "ip link set dev eth1 mtu 9216");
    counts.longest = 64054;
    found();
    assert_string_equal(diagnosis.findings[0].fix,
                        "ethtool -K INTERFACE-OF-THE-SENDER tso off gso off");
    nic.features[NIC_GRO].on = nic.features[NIC_LRO].on = true;
    found();
    assert_string_equal(diagnosis.findings[0].fix,
                        "ethtool -K eth1 gro off lro off");
    nic.features[NIC_GRO].is_fixed = true;
    found();
    assert_string_equal(diagnosis.findings[0].fix, "ethtool -K eth1 lro off");
}

/* The kernel counts what it has no other use for as dropped. */
static void
frames_nobody_else_wants_are_not_lost(void **state)
{
    (void)state;
    counts.outcomes[DISSECT_OK] = 950;
    counts.outcomes[DISSECT_NOT_IP] = 50;
    counts.discarded = 50;
    assert_int_equal(found(), -1);
    counts.discarded = 51;
    assert_int_equal(found(), DIAGNOSIS_TRAFFIC_DISCARDED);
}

static void
disorder_of_several_queues_ends_with_one(void **state)
{
    (void)state;
    counts.out_of_order = 50;
    nic.rx_queues = 8;
    assert_int_equal(found(), DIAGNOSIS_TRAFFIC_DISORDER);
    assert_string_equal(diagnosis.findings[0].fix,
                        "ethtool -L eth1 combined 1");
}

static void
all_vlans_are_counted_though_not_all_are_named(void **state)
{
    const char *list;

    (void)state;
    counts.tagged = 1000;
    memset(counts.vlans, true, sizeof counts.vlans);
    assert_int_equal(found(), DIAGNOSIS_TRAFFIC_VLANS);
    assert_non_null(strstr(diagnosis.findings[0].what, "of 4096 VLANs"));
    list = diagnosis.findings[0].evidence[3].text;
    assert_int_equal(strncmp(list, "0,1,2,", 6), 0);
    assert_string_equal(list + strlen(list) - 4, ",...");
    memset(counts.vlans, false, sizeof counts.vlans);
    counts.vlans[4095] = true;
    found();
    assert_string_equal(diagnosis.findings[0].evidence[3].text, "4095");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(good_traffic_has_no_findings, setup),
        cmocka_unit_test_setup(each_limit_is_where_it_is_said_to_be, setup),
        cmocka_unit_test_setup(shares_of_little_say_nothing, setup),
        cmocka_unit_test_setup(
            frames_that_nothing_here_merges_are_the_senders_or_jumbo, setup),
        cmocka_unit_test_setup(frames_nobody_else_wants_are_not_lost, setup),
        cmocka_unit_test_setup(disorder_of_several_queues_ends_with_one, setup),
        cmocka_unit_test_setup(all_vlans_are_counted_though_not_all_are_named,
                               setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
