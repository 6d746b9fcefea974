/* The short cut for common frames comes to the same result as the walk, which
 * is its oracle here. */

#include "tests/support/test.h"

#include "dissect/walk.h"
#include "tests/dissect/samples.h"

#include <string.h>

static struct frame_builder builder;
static size_t n_taken;

static void
check_equal(const struct frame *frame)
{
    struct packet fast, walked;

    memset(&fast, 0xaa, sizeof fast);
    memset(&walked, 0x55, sizeof walked);
    if (!fast_frame(frame, &fast)) {
        return;
    }
    n_taken++;
    assert_int_equal(walk_frame(frame, &samples_options, &walked), DISSECT_OK);
    assert_memory_equal(&fast, &walked, sizeof fast);
}

static void
check_variants(struct frame frame, uint8_t *bytes)
{
    uint32_t whole = frame.captured;

    for (frame.captured = 0; frame.captured <= whole; frame.captured++) {
        check_equal(&frame);
    }
    frame.captured = whole;
    for (uint32_t at = 0; at < whole; at++) {
        uint8_t old = bytes[at];

        for (unsigned value = 0; value < 256; value++) {
            bytes[at] = (uint8_t)value;
            check_equal(&frame);
        }
        bytes[at] = old;
    }
}

static void
cut_and_changed_samples_come_out_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        struct frame frame = sample_build(&builder, &samples[i]);

        check_variants(frame, builder.data);
    }
    assert_true(n_taken > 1000);
}

/* One of 32: with and without a tag, payload and padding; each family, each
 * transport. */
static struct frame
common_frame(unsigned i)
{
    build_start(&builder, FRAME_LINK_ETHERNET);
    build_ethernet(&builder);
    if (i & 1) {
        build_vlan(&builder, 0x8100, 42);
    }
    if (i & 16) {
        build_ipv6(&builder, "2001:db8::1", "fe80::1:2");
    } else {
        build_ipv4(&builder, "192.0.2.1", "198.51.100.255");
    }
    if (i & 2) {
        build_udp(&builder, 53, 40000);
    } else {
        build_tcp(&builder, 40000, 443, TCP_ACK | TCP_PSH);
    }
    build_zeros(&builder, i & 4 ? 30 : 0);
    build_trailer(&builder, i & 8 ? 7 : 0);
    return build_frame(&builder);
}

static void
common_packets_come_out_the_same(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        struct frame frame = common_frame(i);

        n_taken = 0;
        check_equal(&frame);
        assert_int_equal(n_taken, 1);
        check_variants(frame, builder.data);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_and_changed_samples_come_out_the_same),
        cmocka_unit_test(common_packets_come_out_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
