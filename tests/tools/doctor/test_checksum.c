/* Against the checksums of the packet builder, which has code of its own. */

#include "tests/support/packet_builder.h"
#include "tests/support/test.h"

#include "dissect/dissect.h"
#include "tools/doctor/checksum.h"

#include <string.h>

static struct frame_builder builder;

/* Of any bytes but zeros, which would hide the order that they are added in. */
static const uint8_t payload[40] = "how could a checksum know what I am?";

static struct frame
build(bool six, bool udp, size_t n_payload)
{
    build_start(&builder, FRAME_LINK_ETHERNET);
    build_ethernet(&builder);
    if (six) {
        build_ipv6(&builder, "2001:db8::1", "2001:db8::ffff:2");
    } else {
        build_ipv4(&builder, "10.1.2.3", "192.168.255.254");
    }
    if (udp) {
        build_udp(&builder, 5000, 53);
    } else {
        build_tcp(&builder, 40000, 443, TCP_ACK);
    }
    build_payload(&builder, payload, n_payload);
    return build_frame(&builder);
}

static enum checksum_state
check(const struct frame *frame)
{
    struct packet packet;

    assert_int_equal(dissect_frame(frame, &dissect_default_options, &packet),
                     DISSECT_OK);
    return checksum_check(frame, &packet);
}

static void
right_ones_are_told_from_wrong_ones(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (size_t n_payload = 0; n_payload < sizeof payload; n_payload++) {
            struct frame frame = build(i & 1, i & 2, n_payload);
            uint8_t *last = builder.data + builder.size - 1;

            assert_int_equal(check(&frame), CHECKSUM_RIGHT);
            *last ^= 1;
            assert_int_equal(check(&frame), CHECKSUM_WRONG);
        }
    }
}

static void
bytes_behind_the_packet_do_not_count(void **state)
{
    struct frame frame = build(false, false, 0);

    (void)state;
    memset(builder.data + builder.size, 0xff, 6);
    frame.captured += 6;
    frame.wire_size += 6;
    assert_int_equal(check(&frame), CHECKSUM_RIGHT);
}

static void
what_has_none_is_left_alone(void **state)
{
    struct frame frame = build(false, true, 20);
    struct packet packet;

    (void)state;
    memset(builder.data + 14 + 20 + 6, 0, 2); /* The sender computed none. */
    assert_int_equal(check(&frame), CHECKSUM_NONE);
    frame = build(false, false, 20);
    frame.captured -= 1;
    assert_int_equal(check(&frame), CHECKSUM_NONE);
    frame = build(false, false, 20);
    assert_int_equal(dissect_frame(&frame, &dissect_default_options, &packet),
                     DISSECT_OK);
    packet.flags |= PACKET_FRAGMENT;
    assert_int_equal(checksum_check(&frame, &packet), CHECKSUM_NONE);
    packet.flags = 0;
    packet.protocol = PROTOCOL_GRE;
    assert_int_equal(checksum_check(&frame, &packet), CHECKSUM_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_ones_are_told_from_wrong_ones),
        cmocka_unit_test(bytes_behind_the_packet_do_not_count),
        cmocka_unit_test(what_has_none_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
