/* Tunnels: what is taken from around the packet, and when they stay closed. */

#include "tests/support/packet_builder.h"
#include "tests/support/test.h"

#include "dissect/dissect.h"

#include <string.h>

static struct frame_builder b;

static void
start(uint16_t udp_port)
{
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    build_ipv4(&b, "192.0.2.1", "192.0.2.2");
    if (udp_port) {
        build_udp(&b, 50000, udp_port);
    }
}

static void
add_inner(void)
{
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
    build_tcp(&b, 40000, 443, TCP_SYN);
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

static void
check_tunnels_own_packet(const struct packet *p, uint8_t protocol)
{
    char text[ADDR_TEXT_SIZE];

    assert_string_equal(addr_format(&p->src, text), "192.0.2.1");
    assert_int_equal(p->protocol, protocol);
    assert_int_equal(p->tunnel, PACKET_TUNNEL_NONE);
    assert_int_equal(p->depth, 0);
    assert_int_equal(p->tunnel_id, 0);
    assert_int_equal(p->payload_at + p->payload_bytes, p->ip_at + p->ip_bytes);
}

static void
the_tunnels_own_ends_are_kept(void **state)
{
    char text[ADDR_TEXT_SIZE];
    struct packet p;

    (void)state;
    start(4789);
    build_vxlan(&b, 7);
    build_ethernet(&b);
    add_inner();
    p = dissected();
    assert_string_equal(addr_format(&p.outer_src, text), "192.0.2.1");
    assert_string_equal(addr_format(&p.outer_dst, text), "192.0.2.2");
    assert_string_equal(addr_format(&p.src, text), "10.0.0.1");
    assert_int_equal(p.ip_bytes, 40);
    assert_int_equal(p.ip_at, 64);
}

static void
the_innermost_tunnel_is_the_one_reported(void **state)
{
    char text[ADDR_TEXT_SIZE];
    struct packet p;

    (void)state;
    start(0);
    build_gre_key(&b, 5);
    build_ipv6(&b, "2001:db8::1", "2001:db8::2");
    build_udp(&b, 50000, 6081);
    build_geneve(&b, 9, 0);
    build_ethernet(&b);
    add_inner();
    p = dissected();
    assert_int_equal(p.tunnel, PACKET_TUNNEL_GENEVE);
    assert_int_equal(p.tunnel_id, 9);
    assert_int_equal(p.depth, 2);
    assert_string_equal(addr_format(&p.outer_dst, text), "2001:db8::2");
}

static void
content_that_is_not_ip_leaves_the_tunnels_packet(void **state)
{
    static const uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};
    struct packet p;

    (void)state;
    start(4789);
    build_vlan(&b, 0x8100, 3); /* Not a VXLAN header. */
    p = dissected();
    check_tunnels_own_packet(&p, PROTOCOL_UDP);

    start(4789);
    build_vxlan(&b, 7);
    build_ethernet(&b);
    build_payload(&b, arp, sizeof arp);
    build_layer(&b, 4)[12] = 0x08;
    build_layer(&b, 4)[13] = 0x06;
    p = dissected();
    check_tunnels_own_packet(&p, PROTOCOL_UDP);
    assert_int_equal(p.dst_port, 4789);
    assert_int_equal(p.n_vlans, 0);
}

/* Layer 3 is the tunnel's header, built by 'build'; any of these changes makes
 * it something else. */
static void
check_changes(void (*build)(void), const uint8_t (*changes)[2], size_t n)
{
    struct packet p;

    build();
    p = dissected();
    assert_int_equal(p.depth, 1);
    for (size_t i = 0; i < n; i++) {
        struct frame frame;

        build();
        frame = build_frame(&b);
        build_layer(&b, 3)[changes[i][0]] = changes[i][1];
        p = dissected_frame(&frame);
        check_tunnels_own_packet(&p, PROTOCOL_UDP);
    }
}

static void
vxlan(void)
{
    start(4789);
    build_vxlan(&b, 7);
    build_ethernet(&b);
    add_inner();
}

static void
vxlan_gpe(void)
{
    start(4790);
    build_vxlan_gpe(&b, 7);
    add_inner();
}

static void
geneve(void)
{
    start(6081);
    build_geneve(&b, 7, 8);
    add_inner();
}

static void
gtp_u(void)
{
    start(2152);
    build_gtp_u(&b, 7);
    add_inner();
}

static void
udp_ports_alone_prove_nothing(void **state)
{
    static const uint8_t vxlan_changes[][2] = {{0, 0x00}, {0, 0x0c}, {0, 0x18}};
    static const uint8_t gpe_changes[][2] = {{0, 0x04}, {0, 0x1c}, {3, 2},
                                             {3, 3},    {3, 4},    {3, 9}};
    static const uint8_t geneve_changes[][2] = {
        {0, 0x42}, {0, 0x3f}, {1, 0x01}, {2, 0x07}, {3, 0x06}};
    static const uint8_t gtp_changes[][2] = {{0, 0x20}, {0, 0x40}, {0, 0x50},
                                             {1, 0x01}, {1, 0xfe}, {2, 0x10},
                                             {3, 0x00}, {3, 0x10}};

    (void)state;
    check_changes(vxlan, vxlan_changes, 3);
    check_changes(vxlan_gpe, gpe_changes, 6);
    check_changes(geneve, geneve_changes, 5);
    check_changes(gtp_u, gtp_changes, 8);
}

static void
gtp_u_lengths_end_the_content(void **state)
{
    struct frame frame;
    struct packet p;

    (void)state;
    gtp_u();
    build_zeros(&b, 4);
    frame = build_frame(&b);
    build_layer(&b, 4)[2] = build_layer(&b, 4)[3] = 0; /* Length 0: guess. */
    build_layer(&b, 3)[3] = 40;
    p = dissected_frame(&frame);
    assert_int_equal(p.ip_bytes, 40);
    assert_int_equal(p.payload_bytes, 0);
}

static void
a_broken_extension_chain_of_gtp_u_is_no_tunnel(void **state)
{
    static const uint8_t broken[][8] = {
        {0, 0, 0, 0x85, 0, 0, 0, 0},    /* Of no length. */
        {0, 0, 0, 0x85, 200, 0, 0, 0}}; /* Of too much. */
    struct packet p;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start(2152);
        build_gtp_u(&b, 7);
        build_layer(&b, 3)[0] = 0x34;
        build_payload(&b, broken[i], 8);
        add_inner();
        p = dissected();
        check_tunnels_own_packet(&p, PROTOCOL_UDP);
    }
}

static void
gre_that_is_unknown_stays_closed(void **state)
{
    static const uint8_t headers[][4] = {
        {0x00, 0x02, 0x08, 0x00}, /* Version 2. */
        {0x00, 0x01, 0x08, 0x00}, /* Version 1 without PPP. */
        {0x00, 0x00, 0x12, 0x34}, /* Protocol nobody knows. */
        {0x40, 0x00, 0x08, 0x00}, /* Source routes that never end. */
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct packet p;

        start(0);
        build_protocol(&b, PROTOCOL_GRE);
        build_payload(&b, headers[i], 4);
        build_payload(&b, "\0\0\0\0\0\0\0\1\0\0\0\1", 12);
        p = dissected();
        check_tunnels_own_packet(&p, PROTOCOL_GRE);
    }
}

static void
a_pptp_call_id_is_no_context(void **state)
{
    struct packet p;

    (void)state;
    start(0);
    build_protocol(&b, PROTOCOL_GRE);
    build_payload(&b, "\x30\x01\x88\x0b\0\x2a\x12\x34\0\0\0\1\x00\x21", 14);
    add_inner();
    p = dissected();
    assert_int_equal(p.tunnel, PACKET_TUNNEL_GRE);
    assert_int_equal(p.tunnel_id, 0);
}

static void
teredo_is_opened_on_request_only(void **state)
{
    static const struct dissect_options teredo = {
        .tunnels = 1U << PACKET_TUNNEL_TEREDO};
    struct frame frame;
    struct packet p;

    (void)state;
    start(3544);
    build_ipv6(&b, "2001:0:4137:9e50::1", "2001:db8::2");
    build_icmpv6(&b, 128, 0, 1);
    frame = build_frame(&b);
    p = dissected_frame(&frame);
    check_tunnels_own_packet(&p, PROTOCOL_UDP);
    assert_int_equal(dissect_frame(&frame, &teredo, &p), DISSECT_OK);
    assert_int_equal(p.tunnel, PACKET_TUNNEL_TEREDO);
    assert_int_equal(p.icmp_type, 128);
}

static void
each_tunnel_obeys_its_own_bit(void **state)
{
    struct dissect_options options = {.tunnels = ~(1U << PACKET_TUNNEL_VXLAN)};
    struct frame frame;
    struct packet p;

    (void)state;
    vxlan();
    frame = build_frame(&b);
    assert_int_equal(dissect_frame(&frame, &options, &p), DISSECT_OK);
    check_tunnels_own_packet(&p, PROTOCOL_UDP);
}

static void
erspan_tells_the_vlan_that_was_mirrored(void **state)
{
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    build_vlan(&b, 0x8100, 900); /* Of the tunnel: not the packet's. */
    build_ipv4(&b, "192.0.2.1", "192.0.2.2");
    build_erspan_2(&b, 5, 100);
    build_ethernet(&b);
    memset(build_layer(&b, 4), 0xff, 6);
    add_inner();
    p = dissected();
    assert_int_equal(p.n_vlans, 1);
    assert_int_equal(p.vlan[0], 100);
    assert_true(p.flags & PACKET_LINK_BROADCAST);
}

static void
a_tunnel_too_deep_leaves_the_packet_before(void **state)
{
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    for (int i = 0; i < 12; i++) {
        build_ipv4(&b, "192.0.2.1", "192.0.2.2");
        build_gre(&b);
    }
    add_inner();
    p = dissected();
    assert_true(p.flags & PACKET_TOO_DEEP);
    assert_int_equal(p.protocol, PROTOCOL_GRE);
    assert_int_equal(p.payload_bytes, 44);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tunnels_own_ends_are_kept),
        cmocka_unit_test(the_innermost_tunnel_is_the_one_reported),
        cmocka_unit_test(content_that_is_not_ip_leaves_the_tunnels_packet),
        cmocka_unit_test(udp_ports_alone_prove_nothing),
        cmocka_unit_test(gtp_u_lengths_end_the_content),
        cmocka_unit_test(a_broken_extension_chain_of_gtp_u_is_no_tunnel),
        cmocka_unit_test(gre_that_is_unknown_stays_closed),
        cmocka_unit_test(a_pptp_call_id_is_no_context),
        cmocka_unit_test(teredo_is_opened_on_request_only),
        cmocka_unit_test(each_tunnel_obeys_its_own_bit),
        cmocka_unit_test(erspan_tells_the_vlan_that_was_mirrored),
        cmocka_unit_test(a_tunnel_too_deep_leaves_the_packet_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
