/* The rules about devices that no virtual interface can be. */

#include "tests/support/test.h"

#include "tools/doctor/check_link.h"
#include "tools/doctor/diagnosis.h"
#include "tools/doctor/nic.h"

#include <string.h>

/* A span port as it should be. */
static struct nic
good_nic(void)
{
    struct nic nic = {
        .name = "eth1",
        .link = {.up = true, .carrier = true, .mtu = 9216},
        .is_ethernet = true,
        .driver = "ixgbe",
        .speed_mbit = 10000,
        .rx_ring = 512,
        .max_rx_ring = 4096,
        .rx_queues = 1,
    };

    for (size_t i = 0; i < NIC_N_FEATURES; i++) {
        nic.features[i].is_known = true;
    }
    return nic;
}

/* What is the only finding about 'nic', and puts it right. */
static void
assert_finds(const struct nic *nic, enum diagnosis_code code, const char *fix)
{
    static struct diagnosis diagnosis;

    diagnosis_init(&diagnosis);
    check_link(nic, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 1);
    assert_int_equal(diagnosis.findings[0].code, code);
    assert_string_equal(diagnosis.findings[0].subject, "eth1");
    assert_string_equal(diagnosis.findings[0].fix, fix);
}

static void
assert_fine(const struct nic *nic)
{
    static struct diagnosis diagnosis;

    diagnosis_init(&diagnosis);
    check_link(nic, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 0);
    assert_int_equal(diagnosis.worst, DIAGNOSIS_OK);
}

static void
a_good_device_has_no_findings(void **state)
{
    struct nic nic = good_nic();

    (void)state;
    assert_fine(&nic);
}

static void
each_merging_offload_has_its_line(void **state)
{
    struct nic nic = good_nic();

    (void)state;
    nic.features[NIC_LRO].on = true;
    assert_finds(&nic, DIAGNOSIS_LINK_LRO, "ethtool -K eth1 lro off");
    nic = good_nic();
    nic.features[NIC_HARDWARE_GRO].on = true;
    assert_finds(&nic, DIAGNOSIS_LINK_HARDWARE_GRO,
                 "ethtool -K eth1 rx-gro-hw off");
}

static void
what_cannot_be_changed_has_no_line(void **state)
{
    struct nic nic = good_nic();

    (void)state;
    nic.features[NIC_LRO] =
        (struct nic_setting){.is_known = true, .on = true, .is_fixed = true};
    assert_finds(&nic, DIAGNOSIS_LINK_LRO, "");
}

static void
offloads_of_sending_do_not_matter(void **state)
{
    struct nic nic = good_nic();

    (void)state;
    nic.features[NIC_GSO].on = nic.features[NIC_TSO].on = true;
    nic.features[NIC_RXCHECKSUM].on = true;
    assert_fine(&nic);
}

static void
a_key_that_tells_directions_apart_is_replaced(void **state)
{
    /* The default of many drivers, as Microsoft published it for RSS. */
    static const uint8_t usual[] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b};
    struct nic nic = good_nic();

    (void)state;
    memcpy(nic.rss_key, usual, sizeof usual);
    nic.rss_key_bytes = sizeof usual;
    assert_fine(&nic); /* There is one queue only. */
    nic.rx_queues = 8;
    assert_finds(&nic, DIAGNOSIS_LINK_RSS,
                 "ethtool -X eth1 hkey 6d:5a:6d:5a:6d:5a equal 8");
    nic.rss_xor = true;
    assert_fine(&nic);
}

static void
a_key_that_does_not_is_fine(void **state)
{
    struct nic nic = good_nic();

    (void)state;
    nic.rx_queues = 8;
    nic.rss_key_bytes = 52;
    for (size_t i = 0; i < 52; i++) {
        nic.rss_key[i] = i % 2 ? 0x5a : 0x6d;
    }
    assert_fine(&nic);
    nic.rss_key[51] = 0x5b;
    assert_int_equal(nic_key_is_symmetric(nic.rss_key, 52), false);
    assert_int_equal(nic_key_is_symmetric(nic.rss_key, 0), false);
}

static void
the_longest_key_fits_its_line(void **state)
{
    static struct diagnosis diagnosis;
    struct nic nic = good_nic();
    size_t length;

    (void)state;
    nic.rx_queues = 8;
    nic.rss_key_bytes = NIC_MAX_KEY;
    nic.rss_key[0] = 1;
    diagnosis_init(&diagnosis);
    check_link(&nic, &diagnosis);
    length = strlen(diagnosis.findings[0].fix);
    assert_string_equal(diagnosis.findings[0].fix + length - 13,
                        "6d:5a equal 8");
}

static void
pause_frames_that_are_sent_are_found(void **state)
{
    struct nic nic = good_nic();

    (void)state;
    nic.rx_pause = true;
    assert_fine(&nic);
    nic.tx_pause = nic.pause_autoneg = true;
    assert_finds(&nic, DIAGNOSIS_LINK_PAUSE,
                 "ethtool -A eth1 autoneg off rx off tx off");
}

static void
half_duplex_is_found(void **state)
{
    struct nic nic = good_nic();

    (void)state;
    nic.is_half_duplex = true;
    assert_finds(&nic, DIAGNOSIS_LINK_HALF_DUPLEX,
                 "ethtool -s eth1 duplex full autoneg on");
}

static void
a_ring_is_made_longer_only_when_frames_were_missed(void **state)
{
    static struct diagnosis diagnosis;
    struct nic before = good_nic(), after = before;

    (void)state;
    before.link.missed = 5;
    after.link.missed = 5;
    diagnosis_init(&diagnosis);
    check_link_losses(&before, &after, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 0);
    after.link.missed = 12;
    check_link_losses(&before, &after, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 1);
    assert_int_equal(diagnosis.findings[0].code, DIAGNOSIS_LINK_RING);
    assert_string_equal(diagnosis.findings[0].fix, "ethtool -G eth1 rx 4096");
    assert_int_equal(diagnosis.findings[0].evidence[0].number, 7);
    after.rx_ring = after.max_rx_ring;
    diagnosis_init(&diagnosis);
    check_link_losses(&before, &after, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 1);
    assert_int_equal(diagnosis.findings[0].code, DIAGNOSIS_LINK_MISSED);
}

static void
damaged_and_overlong_frames_are_found(void **state)
{
    static struct diagnosis diagnosis;
    struct nic before = good_nic(), after = before;

    (void)state;
    after.link.damaged = 3;
    after.link.too_long = 4;
    diagnosis_init(&diagnosis);
    check_link_losses(&before, &after, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 2);
    assert_int_equal(diagnosis.findings[0].code, DIAGNOSIS_LINK_DAMAGED);
    assert_int_equal(diagnosis.findings[1].code, DIAGNOSIS_LINK_TOO_LONG);
    diagnosis_init(&diagnosis);
    check_link_losses(&after, &before, &diagnosis); /* It was replaced. */
    assert_int_equal(diagnosis.n_findings, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_device_has_no_findings),
        cmocka_unit_test(each_merging_offload_has_its_line),
        cmocka_unit_test(what_cannot_be_changed_has_no_line),
        cmocka_unit_test(offloads_of_sending_do_not_matter),
        cmocka_unit_test(a_key_that_tells_directions_apart_is_replaced),
        cmocka_unit_test(a_key_that_does_not_is_fine),
        cmocka_unit_test(the_longest_key_fits_its_line),
        cmocka_unit_test(pause_frames_that_are_sent_are_found),
        cmocka_unit_test(half_duplex_is_found),
        cmocka_unit_test(a_ring_is_made_longer_only_when_frames_were_missed),
        cmocka_unit_test(damaged_and_overlong_frames_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
