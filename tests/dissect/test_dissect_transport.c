/* TCP, UDP, SCTP, DCCP and ICMP, sound and damaged. */

#include "tests/support/packet_builder.h"
#include "tests/support/test.h"

#include "dissect/dissect.h"

#include <string.h>

static struct frame_builder b, quoted;

static void
start_ipv4(void)
{
    build_start(&b, FRAME_LINK_RAW);
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
}

static void
start_ipv6(void)
{
    build_start(&b, FRAME_LINK_RAW);
    build_ipv6(&b, "2001:db8::1", "2001:db8::2");
}

static struct packet
dissected_frame(const struct frame *frame)
{
    struct packet p;

    assert_int_equal(dissect_frame(frame, &dissect_default_options, &p),
                     DISSECT_OK);
    return p;
}

static struct packet
dissected(void)
{
    struct frame frame = build_frame(&b);

    return dissected_frame(&frame);
}

/* The last 'n' bytes were not captured. */
static struct packet
dissected_less(uint32_t n)
{
    struct frame frame = build_frame(&b);

    frame.captured -= n;
    return dissected_frame(&frame);
}

static void
tcp_numbers_and_options_are_read(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_tcp(&b, 40000, 443, TCP_SYN | TCP_ACK | TCP_ECE);
    build_tcp_numbers(&b, 0x01020304, 0xfffefdfc, 0x4321);
    build_zeros(&b, 12 + 5);
    build_layer(&b, 1)[12] = 0x80;
    p = dissected();
    assert_int_equal(p.tcp_seq, 0x01020304);
    assert_int_equal(p.tcp_ack, 0xfffefdfc);
    assert_int_equal(p.tcp_window, 0x4321);
    assert_int_equal(p.tcp_flags, TCP_SYN | TCP_ACK | TCP_ECE);
    assert_int_not_equal(p.transport_checksum, 0);
    assert_int_equal(p.payload_bytes, 5);
    assert_int_equal(p.payload_at, 52);
    assert_int_equal(p.flags, 0);
}

static void
tcp_options_may_be_missing_from_the_capture(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_tcp(&b, 40000, 443, TCP_ACK);
    build_zeros(&b, 12 + 5);
    build_layer(&b, 1)[12] = 0x80;
    p = dissected_less(12);
    assert_int_equal(p.flags, PACKET_TRUNCATED);
    assert_int_equal(p.tcp_flags, TCP_ACK);
    assert_int_equal(p.payload_bytes, 5);
    assert_int_equal(p.payload_captured, 0);
}

static void
a_cut_tcp_header_leaves_its_ports(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_tcp(&b, 40000, 443, TCP_ACK);
    p = dissected_less(16);
    assert_int_equal(p.flags, PACKET_TRUNCATED | PACKET_NO_TRANSPORT);
    assert_int_equal(p.src_port, 40000);
    assert_int_equal(p.dst_port, 443);
    p = dissected_less(17);
    assert_int_equal(p.dst_port, 0);
    assert_int_equal(p.payload_bytes, 20);
    assert_int_equal(p.payload_captured, 3);
}

static void
a_wrong_tcp_offset_is_no_transport(void **state)
{
    static const uint8_t offsets[] = {0x00, 0x40, 0x60, 0xf0};

    (void)state;
    for (size_t i = 0; i < sizeof offsets; i++) {
        struct packet p;

        start_ipv4();
        build_tcp(&b, 40000, 443, TCP_ACK);
        build_layer(&b, 1)[12] = offsets[i];
        p = dissected();
        assert_int_equal(p.flags, PACKET_NO_TRANSPORT);
        assert_int_equal(p.dst_port, 443);
        assert_int_equal(p.tcp_flags, TCP_ACK);
    }
}

static struct packet
dissected_udp_length(uint8_t length)
{
    struct frame frame;

    start_ipv4();
    build_udp(&b, 1, 2);
    build_zeros(&b, 10);
    frame = build_frame(&b);
    build_layer(&b, 1)[5] = length;
    return dissected_frame(&frame);
}

static void
a_shorter_udp_length_is_believed(void **state)
{
    struct packet p = dissected_udp_length(12);

    (void)state;
    assert_int_equal(p.payload_bytes, 4);
    assert_int_equal(p.payload_captured, 4);
    assert_int_equal(p.ip_bytes, 38);
    assert_int_equal(p.flags, 0);
}

static void
a_wrong_udp_length_is_replaced_by_ips(void **state)
{
    static const uint8_t lengths[] = {0, 7, 19, 255};

    (void)state;
    for (size_t i = 0; i < sizeof lengths; i++) {
        struct packet p = dissected_udp_length(lengths[i]);

        assert_int_equal(p.payload_bytes, 10);
        assert_int_equal(p.flags, PACKET_ALTERED);
        assert_int_equal(p.dst_port, 2);
    }
}

static void
the_udp_length_of_a_first_fragment_is_the_whole_datagrams(void **state)
{
    struct frame frame;
    struct packet p;

    (void)state;
    start_ipv4();
    build_ipv4_fragment(&b, 1, 0, 1);
    build_udp(&b, 1, 2);
    build_zeros(&b, 8);
    frame = build_frame(&b);
    build_layer(&b, 1)[4] = 0x20;
    p = dissected_frame(&frame);
    assert_int_equal(p.payload_bytes, 8);
    assert_false(p.flags & PACKET_ALTERED);
}

static void
sctp_dccp_and_udp_lite_have_ports(void **state)
{
    static const uint8_t protocols[] = {PROTOCOL_SCTP, PROTOCOL_DCCP,
                                        PROTOCOL_UDP_LITE};
    static const uint8_t payload_bytes[] = {28, 24, 32};

    (void)state;
    for (size_t i = 0; i < sizeof protocols; i++) {
        uint8_t header[40] = {0x9c, 0x40, 0x01, 0xbb, 4};
        struct packet p;

        start_ipv6();
        build_protocol(&b, protocols[i]);
        build_payload(&b, header, sizeof header);
        p = dissected();
        assert_int_equal(p.protocol, protocols[i]);
        assert_int_equal(p.src_port, 40000);
        assert_int_equal(p.dst_port, 443);
        assert_int_equal(p.payload_bytes, payload_bytes[i]);
        assert_int_equal(p.flags, 0);
    }
}

static void
icmp_queries_have_an_id(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_icmp(&b, 8, 0, 0x1234);
    build_zeros(&b, 56);
    p = dissected();
    assert_int_equal(p.icmp_type, 8);
    assert_int_equal(p.icmp_id, 0x1234);
    assert_int_equal(p.payload_bytes, 56);
    assert_int_equal(p.src_port, 0);

    start_ipv6();
    build_icmpv6(&b, 129, 0, 0x4321);
    p = dissected();
    assert_int_equal(p.icmp_type, 129);
    assert_int_equal(p.icmp_id, 0x4321);

    start_ipv6();
    build_icmpv6(&b, 135, 0, 0x4321);
    p = dissected();
    assert_int_equal(p.icmp_id, 0);
}

static void
a_cut_icmp_header_leaves_type_and_code(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_icmp(&b, 3, 13, 0);
    p = dissected_less(6);
    assert_int_equal(p.icmp_type, 3);
    assert_int_equal(p.icmp_code, 13);
    assert_true(p.flags & PACKET_NO_TRANSPORT);
    assert_false(p.flags & PACKET_NO_ICMP_TYPE);
    p = dissected_less(7);
    assert_int_equal(p.icmp_type, 0);
    assert_true(p.flags & PACKET_NO_ICMP_TYPE);
}

/* An ICMP error that quotes a TCP segment's first bytes. */
static void
build_error(uint8_t type, size_t quoted_bytes)
{
    struct frame frame;

    build_start(&quoted, FRAME_LINK_RAW);
    build_ipv4(&quoted, "192.0.2.1", "192.0.2.2");
    build_tcp(&quoted, 40000, 443, TCP_SYN);
    frame = build_frame(&quoted);
    start_ipv4();
    build_icmp(&b, type, 1, 0);
    build_payload(&b, frame.data, quoted_bytes);
}

static void
icmp_errors_quote_their_packet(void **state)
{
    static const uint8_t types[] = {3, 4, 11, 12};
    struct packet p;

    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        char text[ADDR_TEXT_SIZE];

        build_error(types[i], 28);
        p = dissected();
        assert_true(p.flags & PACKET_ICMP_ERROR);
        assert_string_equal(addr_format(&p.quoted.src, text), "192.0.2.1");
        assert_string_equal(addr_format(&p.quoted.dst, text), "192.0.2.2");
        assert_int_equal(p.quoted.protocol, PROTOCOL_TCP);
        assert_true(p.quoted.has_ports);
        assert_int_equal(p.quoted.src_port, 40000);
        assert_int_equal(p.quoted.dst_port, 443);
        assert_int_equal(p.src_port, 0);
        assert_int_equal(p.payload_bytes, 28);
    }
}

static void
a_redirect_is_no_error(void **state)
{
    struct packet p;

    (void)state;
    build_error(5, 28);
    p = dissected();
    assert_false(p.flags & PACKET_ICMP_ERROR);
    assert_int_equal(p.quoted.protocol, 0);
}

static void
a_partial_quote_is_used_as_far_as_it_goes(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 40; size++) {
        struct packet p;

        build_error(3, size);
        p = dissected();
        assert_int_equal(!!(p.flags & PACKET_ICMP_ERROR), size >= 20);
        assert_int_equal(p.quoted.has_ports, size >= 24);
        assert_int_equal(p.quoted.dst_port, size >= 24 ? 443 : 0);
    }
}

static void
icmpv6_errors_quote_past_extension_headers(void **state)
{
    struct packet p;

    (void)state;
    start_ipv6();
    build_icmpv6(&b, 1, 4, 0);
    build_ipv6(&b, "2001:db8:2::1", "2001:db8:2::2");
    build_ipv6_extension(&b, 0, 16);
    build_ipv6_fragment(&b, 1, 0, 1);
    build_udp(&b, 53, 40000);
    p = dissected();
    assert_true(p.flags & PACKET_ICMP_ERROR);
    assert_int_equal(p.quoted.protocol, PROTOCOL_UDP);
    assert_int_equal(p.quoted.src_port, 53);
    assert_int_equal(p.quoted.dst_port, 40000);
}

static void
quoted_later_fragments_have_no_ports(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_icmp(&b, 11, 1, 0);
    build_ipv4(&b, "192.0.2.1", "192.0.2.2");
    build_ipv4_fragment(&b, 9, 1480, 0);
    build_udp(&b, 53, 40000);
    p = dissected();
    assert_true(p.flags & PACKET_ICMP_ERROR);
    assert_int_equal(p.quoted.protocol, PROTOCOL_UDP);
    assert_false(p.quoted.has_ports);

    start_ipv6();
    build_icmpv6(&b, 3, 1, 0);
    build_ipv6(&b, "2001:db8:2::1", "2001:db8:2::2");
    build_ipv6_fragment(&b, 1, 1480, 0);
    build_udp(&b, 53, 40000);
    p = dissected();
    assert_int_equal(p.quoted.protocol, PROTOCOL_UDP);
    assert_false(p.quoted.has_ports);
}

static void
quoted_icmp_gives_type_and_code(void **state)
{
    struct packet p;

    (void)state;
    start_ipv4();
    build_icmp(&b, 3, 1, 0);
    build_ipv4(&b, "192.0.2.1", "192.0.2.2");
    build_icmp(&b, 8, 0, 77);
    p = dissected();
    assert_int_equal(p.quoted.protocol, PROTOCOL_ICMP);
    assert_true(p.quoted.has_ports);
    assert_int_equal(p.quoted.src_port, 8);
    assert_int_equal(p.quoted.dst_port, 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_numbers_and_options_are_read),
        cmocka_unit_test(tcp_options_may_be_missing_from_the_capture),
        cmocka_unit_test(a_cut_tcp_header_leaves_its_ports),
        cmocka_unit_test(a_wrong_tcp_offset_is_no_transport),
        cmocka_unit_test(a_shorter_udp_length_is_believed),
        cmocka_unit_test(a_wrong_udp_length_is_replaced_by_ips),
        cmocka_unit_test(
            the_udp_length_of_a_first_fragment_is_the_whole_datagrams),
        cmocka_unit_test(sctp_dccp_and_udp_lite_have_ports),
        cmocka_unit_test(icmp_queries_have_an_id),
        cmocka_unit_test(a_cut_icmp_header_leaves_type_and_code),
        cmocka_unit_test(icmp_errors_quote_their_packet),
        cmocka_unit_test(a_redirect_is_no_error),
        cmocka_unit_test(a_partial_quote_is_used_as_far_as_it_goes),
        cmocka_unit_test(icmpv6_errors_quote_past_extension_headers),
        cmocka_unit_test(quoted_later_fragments_have_no_ports),
        cmocka_unit_test(quoted_icmp_gives_type_and_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
