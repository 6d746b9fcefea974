/* IPv4 and IPv6: lengths, fragments, extension headers, and what is wrong. */

#include "tests/support/packet_builder.h"
#include "tests/support/test.h"

#include "dissect/dissect.h"

#include <string.h>

static struct frame_builder b;

static enum dissect_result
dissected(struct packet *p)
{
    struct frame frame = build_frame(&b);

    return dissect_frame(&frame, &dissect_default_options, p);
}

/* A finished frame, changed. */
static enum dissect_result
dissected_as_is(uint32_t captured, uint32_t wire_size, struct packet *p)
{
    struct frame frame = {
        .data = b.data,
        .captured = captured,
        .wire_size = wire_size,
        .link = b.link,
    };

    return dissect_frame(&frame, &dissect_default_options, p);
}

static void
start_ipv4(void)
{
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
}

static void
start_ipv6(void)
{
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    build_ipv6(&b, "2001:db8::1", "2001:db8::2");
}

static void
bytes_are_those_of_the_ip_header_without_padding(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_tcp(&b, 1, 2, TCP_ACK);
    build_trailer(&b, 6);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 40);
    assert_int_equal(p.payload_bytes, 0);
    assert_int_equal(p.payload_captured, 0);
    assert_int_equal(p.ip_at, 14);
    assert_int_equal(p.transport_at, 34);
    assert_int_equal(p.payload_at, 54);

    start_ipv6();
    build_udp(&b, 1, 2);
    build_zeros(&b, 3);
    build_trailer(&b, 6);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 51);
    assert_int_equal(p.payload_bytes, 3);
    assert_int_equal(p.payload_captured, 3);
}

static void
a_short_capture_still_counts_whole_bytes(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_udp(&b, 1, 2);
    build_zeros(&b, 1000);
    build_frame(&b);
    assert_int_equal(dissected_as_is(64, 1042, &p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 1028);
    assert_int_equal(p.payload_bytes, 1000);
    assert_int_equal(p.payload_captured, 22);
    assert_true(p.flags & PACKET_TRUNCATED);
}

static void
an_ip_length_of_zero_is_taken_from_the_frame(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_tcp(&b, 1, 2, TCP_ACK);
    build_zeros(&b, 100);
    build_frame(&b);
    memset(build_layer(&b, 1) + 2, 0, 2);
    assert_int_equal(dissected_as_is(154, 3054, &p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 3040);
    assert_int_equal(p.payload_bytes, 3000);
    assert_int_equal(p.payload_captured, 100);
    assert_true(p.flags & PACKET_LENGTH_GUESSED);

    start_ipv6();
    build_tcp(&b, 1, 2, TCP_ACK);
    build_frame(&b);
    memset(build_layer(&b, 1) + 4, 0, 2);
    assert_int_equal(dissected_as_is(74, 74, &p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 60);
    assert_true(p.flags & PACKET_LENGTH_GUESSED);
}

static void
a_guessed_length_has_a_ceiling(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_tcp(&b, 1, 2, TCP_ACK);
    build_frame(&b);
    memset(build_layer(&b, 1) + 2, 0, 2);
    assert_int_equal(dissected_as_is(54, UINT32_MAX, &p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 40);
}

static void
an_empty_ipv6_packet_is_not_a_jumbogram(void **state)
{
    struct packet p;

    (void)state;
    start_ipv6();
    build_trailer(&b, 6);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 40);
    assert_int_equal(p.protocol, 59);
    assert_false(p.flags & PACKET_LENGTH_GUESSED);
}

static void
an_ip_length_beyond_the_frame_is_believed_and_marked(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_udp(&b, 1, 2);
    build_frame(&b);
    build_layer(&b, 1)[2] = 0x10;
    assert_int_equal(dissected_as_is(42, 42, &p), DISSECT_OK);
    assert_int_equal(p.ip_bytes, 0x1000 + 28);
    assert_true(p.flags & PACKET_TRUNCATED);
    assert_int_equal(p.payload_captured, 0);
}

static void
headers_that_contradict_themselves_are_bad(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } cases[] = {{0, 0x44}, {0, 0x55}, {0, 0x00}, {3, 19}, {0, 0x4f}};
    struct packet p;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_ipv4();
        build_udp(&b, 1, 2);
        build_frame(&b);
        build_layer(&b, 1)[cases[i].at] = cases[i].value;
        assert_int_equal(dissected_as_is(42, 42, &p), DISSECT_BAD_HEADER);
    }
}

static void
bad_checksums_never_matter(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_tcp(&b, 1, 2, TCP_ACK);
    build_frame(&b);
    build_layer(&b, 1)[10] ^= 0xff;
    build_layer(&b, 2)[16] ^= 0xff;
    assert_int_equal(dissected_as_is(54, 54, &p), DISSECT_OK);
    assert_int_equal(p.dst_port, 2);
}

static void
the_first_ipv4_fragment_has_ports(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_ipv4_fragment(&b, 77, 0, 1);
    build_udp(&b, 5, 6);
    build_zeros(&b, 16);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.flags & ~PACKET_HAS_MAC,
                     PACKET_FRAGMENT | PACKET_MORE_FRAGMENTS);
    assert_int_equal(p.fragment_id, 77);
    assert_int_equal(p.ip_id, 77);
    assert_int_equal(p.dst_port, 6);
    assert_int_equal(p.payload_bytes, 16);
}

static void
a_later_ipv4_fragment_has_data_only(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_ipv4_fragment(&b, 77, 1480, 0);
    build_udp(&b, 5, 6);
    build_zeros(&b, 16);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.flags & ~PACKET_HAS_MAC, PACKET_FRAGMENT |
                                                    PACKET_LATER_FRAGMENT |
                                                    PACKET_NO_TRANSPORT);
    assert_int_equal(p.fragment_at, 1480);
    assert_int_equal(p.protocol, PROTOCOL_UDP);
    assert_int_equal(p.dst_port, 0);
    assert_int_equal(p.transport_at, 34);
    assert_int_equal(p.payload_bytes, 24);
    assert_int_equal(p.payload_captured, 24);
}

static void
all_fragments_name_the_same_protocol(void **state)
{
    struct packet first, later;

    (void)state;
    start_ipv4();
    build_ipv4_fragment(&b, 77, 0, 1);
    build_authentication(&b);
    build_udp(&b, 5, 6);
    assert_int_equal(dissected(&first), DISSECT_OK);
    assert_int_equal(first.protocol, PROTOCOL_UDP);
    assert_int_equal(first.dst_port, 6);
    start_ipv4();
    build_ipv4_fragment(&b, 77, 1480, 0);
    build_authentication(&b);
    assert_int_equal(dissected(&later), DISSECT_OK);
    assert_int_equal(later.protocol, PROTOCOL_AH);
    assert_int_equal(first.fragment_protocol, PROTOCOL_AH);
    assert_int_equal(later.fragment_protocol, PROTOCOL_AH);

    start_ipv6();
    build_ipv6_fragment(&b, 77, 0, 1);
    build_udp(&b, 5, 6);
    assert_int_equal(dissected(&first), DISSECT_OK);
    assert_int_equal(first.fragment_protocol, 0);
}

static void
ipv6_fragments_carry_a_long_id(void **state)
{
    struct packet p;

    (void)state;
    start_ipv6();
    build_ipv6_fragment(&b, 0xdeadbeef, 0, 1);
    build_udp(&b, 5, 6);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.fragment_id, 0xdeadbeef);
    assert_int_equal(p.dst_port, 6);

    start_ipv6();
    build_ipv6_fragment(&b, 0xdeadbeef, 1232, 0);
    build_udp(&b, 5, 6);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_true(p.flags & PACKET_LATER_FRAGMENT);
    assert_int_equal(p.fragment_at, 1232);
    assert_int_equal(p.payload_bytes, 8);
    assert_int_equal(p.dst_port, 0);
}

static void
tunnels_in_later_fragments_stay_closed(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_ipv4_fragment(&b, 77, 8, 0);
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
    build_tcp(&b, 1, 2, TCP_SYN);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.depth, 0);
    assert_int_equal(p.protocol, PROTOCOL_IPV4);
}

static void
protocols_without_ports_have_payload(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_protocol(&b, PROTOCOL_ESP);
    build_zeros(&b, 40);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.protocol, PROTOCOL_ESP);
    assert_int_equal(p.flags, PACKET_HAS_MAC);
    assert_int_equal(p.payload_bytes, 40);
}

static void
mobility_without_payload_is_the_protocol(void **state)
{
    struct packet p;

    (void)state;
    start_ipv6();
    build_ipv6_extension(&b, 135, 16);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.protocol, 135);
    assert_int_equal(p.payload_bytes, 16);
}

static void
extension_headers_mean_nothing_in_ipv4(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_ipv6_extension(&b, 60, 16);
    build_tcp(&b, 1, 2, TCP_SYN);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.protocol, 60);
    assert_int_equal(p.payload_bytes, 36);
}

static void
more_headers_than_the_limit_are_marked(void **state)
{
    struct packet p;

    (void)state;
    start_ipv6();
    for (int i = 0; i < DISSECT_MAX_LAYERS; i++) {
        build_ipv6_extension(&b, 60, 8);
    }
    build_tcp(&b, 1, 2, TCP_SYN);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_true(p.flags & PACKET_TOO_DEEP);
    assert_int_equal(p.protocol, 60);
    assert_int_equal(p.dst_port, 0);
    assert_true(p.payload_bytes > 0);

    start_ipv4();
    for (int i = 0; i < DISSECT_MAX_LAYERS; i++) {
        build_ipv4(&b, "10.0.0.1", "10.0.0.2");
    }
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_true(p.flags & PACKET_TOO_DEEP);
    assert_true(p.depth < DISSECT_MAX_LAYERS);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_the_ip_header_without_padding),
        cmocka_unit_test(a_short_capture_still_counts_whole_bytes),
        cmocka_unit_test(an_ip_length_of_zero_is_taken_from_the_frame),
        cmocka_unit_test(a_guessed_length_has_a_ceiling),
        cmocka_unit_test(an_empty_ipv6_packet_is_not_a_jumbogram),
        cmocka_unit_test(an_ip_length_beyond_the_frame_is_believed_and_marked),
        cmocka_unit_test(headers_that_contradict_themselves_are_bad),
        cmocka_unit_test(bad_checksums_never_matter),
        cmocka_unit_test(the_first_ipv4_fragment_has_ports),
        cmocka_unit_test(a_later_ipv4_fragment_has_data_only),
        cmocka_unit_test(all_fragments_name_the_same_protocol),
        cmocka_unit_test(ipv6_fragments_carry_a_long_id),
        cmocka_unit_test(tunnels_in_later_fragments_stay_closed),
        cmocka_unit_test(protocols_without_ports_have_payload),
        cmocka_unit_test(mobility_without_payload_is_the_protocol),
        cmocka_unit_test(extension_headers_mean_nothing_in_ipv4),
        cmocka_unit_test(more_headers_than_the_limit_are_marked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
