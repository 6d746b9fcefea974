/* Link layers: what is noted, what is not IP, what is protected. */

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

/* A frame of nothing but these bytes and 64 zeros. */
static enum dissect_result
result_of(uint16_t link, const char *bytes, size_t size)
{
    struct packet p;

    build_start(&b, link);
    build_payload(&b, bytes, size);
    build_zeros(&b, 64);
    return dissected(&p);
}

static void
mac_addresses_and_broadcasts_are_noted(void **state)
{
    static const uint8_t src[6] = {2, 0, 0, 0, 0, 1};
    static const uint8_t dst[6] = {2, 0, 0, 0, 0, 2};
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    build_ipv4(&b, "10.0.0.1", "10.0.0.255");
    build_udp(&b, 1, 2);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.flags, PACKET_HAS_MAC);
    assert_memory_equal(p.src_mac, src, 6);
    assert_memory_equal(p.dst_mac, dst, 6);
    memset(build_layer(&b, 0), 0xff, 6);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.flags, PACKET_HAS_MAC | PACKET_LINK_BROADCAST);
}

static void
packets_without_macs_say_so(void **state)
{
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_LINUX_SLL2);
    build_sll2(&b);
    build_ipv4(&b, "10.0.0.1", "10.0.0.255");
    build_udp(&b, 1, 2);
    build_layer(&b, 0)[10] = 1;
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.flags, PACKET_LINK_BROADCAST);
}

static void
what_the_frame_says_is_passed_on(void **state)
{
    struct frame frame;
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_RAW);
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
    build_udp(&b, 1, 2);
    frame = build_frame(&b);
    frame.time.ns = 1234567890123456789;
    frame.number = 42;
    frame.file = 3;
    frame.interface = 4;
    dissect_frame(&frame, &dissect_default_options, &p);
    assert_int_equal(p.time.ns, 1234567890123456789);
    assert_int_equal(p.number, 42);
    assert_int_equal(p.file, 3);
    assert_int_equal(p.interface, 4);
}

static const struct {
    uint16_t link;
    const char *bytes;
    size_t size;
} not_ip[] = {
    {FRAME_LINK_ETHERNET, "\0\0\0\0\0\0\0\0\0\0\0\0\x08\x06", 14}, /* ARP */
    {FRAME_LINK_ETHERNET, "\0\0\0\0\0\0\0\0\0\0\0\0\x88\xcc", 14},
    {FRAME_LINK_ETHERNET, "\0\0\0\0\0\0\0\0\0\0\0\0\0\x26\x42\x42\3", 17},
    {FRAME_LINK_ETHERNET, "\0\0\0\0\0\0\0\0\0\0\0\0\x05\xff", 14},
    {FRAME_LINK_ETHERNET,
     "\0\0\0\0\0\0\0\0\0\0\0\0\0\x26\xaa\xaa\3\0\0\xc\x20\0", 22}, /* CDP */
    {FRAME_LINK_ETHERNET, "\0\0\0\0\0\0\0\0\0\0\0\0\x88\x63\x11\x09\0\0\0\4",
     20},
    {FRAME_LINK_ETHERNET, "\0\0\0\0\0\0\0\0\0\0\0\0\x88\x47\0\0\1\1\x10", 19},
    {FRAME_LINK_PPP, "\xff\x03\xc0\x21", 4},    /* LCP */
    {FRAME_LINK_C_HDLC, "\x8f\0\x20\0", 4},     /* CDP */
    {FRAME_LINK_FRELAY, "\x18\x41\x03\xb1", 4}, /* FRF.12 */
    {FRAME_LINK_NULL, "\0\0\0\x07", 4},
    {FRAME_LINK_RAW, "\x50", 1},
    {FRAME_LINK_LINUX_SLL, "\0\0\3\x38\0\0\0\0\0\0\0\0\0\0\x08\0", 16},
    {FRAME_LINK_IPNET, "\2\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
     24}, /* Of a version to come */
    {FRAME_LINK_PKTAP, "\xc\0\0\0\0\0\0\0\1\0\0\0", 12}, /* No packet */
    {FRAME_LINK_IEEE802_11, "\x80\0", 2},                /* Beacon */
    {FRAME_LINK_IEEE802_11, "\x48\0", 2},                /* Null data */
};

static void
frames_without_ip_are_not_ip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof not_ip / sizeof *not_ip; i++) {
        assert_int_equal(
            result_of(not_ip[i].link, not_ip[i].bytes, not_ip[i].size),
            DISSECT_NOT_IP);
    }
}

static void
protected_links_are_encrypted(void **state)
{
    (void)state;
    assert_int_equal(result_of(FRAME_LINK_ETHERNET,
                               "\0\0\0\0\0\0\0\0\0\0\0\0\x88\xe5\x2c\0\0\0\0\1",
                               20),
                     DISSECT_ENCRYPTED_LINK);
    assert_int_equal(result_of(FRAME_LINK_IEEE802_11, "\x88\x41", 2),
                     DISSECT_ENCRYPTED_LINK);
}

static void
malformed_link_headers_are_bad(void **state)
{
    (void)state;
    assert_int_equal(result_of(FRAME_LINK_ETHERNET,
                               "\0\0\0\0\0\0\0\0\0\0\0\0\x88\x64\x21\0\0\0\0\4",
                               20),
                     DISSECT_BAD_HEADER);
    assert_int_equal(result_of(FRAME_LINK_RADIOTAP, "\0\0\4\0", 4),
                     DISSECT_BAD_HEADER);
    assert_int_equal(result_of(FRAME_LINK_PPI, "\0\0\4\0", 4),
                     DISSECT_BAD_HEADER);
    assert_int_equal(result_of(FRAME_LINK_PRISM, "\x44\0\0\0\4\0\0\0", 8),
                     DISSECT_BAD_HEADER);
    assert_int_equal(result_of(FRAME_LINK_NFLOG, "\2\0\0\0\1\0\0\0", 8),
                     DISSECT_BAD_HEADER);
    assert_int_equal(
        result_of(FRAME_LINK_PKTAP, "\xb\0\0\0\1\0\0\0\1\0\0\0", 12),
        DISSECT_BAD_HEADER);
    assert_int_equal(
        result_of(FRAME_LINK_PKTAP, "\xd\0\0\0\1\0\0\0\1\0\0\0", 12),
        DISSECT_BAD_HEADER);
}

static void
links_nobody_knows_are_unknown(void **state)
{
    (void)state;
    assert_int_equal(result_of(FRAME_LINK_UNKNOWN, "", 0),
                     DISSECT_UNKNOWN_LINK);
    assert_int_equal(result_of(147, "", 0), DISSECT_UNKNOWN_LINK);
    assert_int_equal(
        result_of(FRAME_LINK_PPI, "\0\0\x08\0\xc0\0\0\0", 8), /* PPI in PPI */
        DISSECT_UNKNOWN_LINK);
    assert_int_equal(
        result_of(FRAME_LINK_PKTAP, "\xc\0\0\0\1\0\0\0\1\0\1\0", 12),
        DISSECT_UNKNOWN_LINK);
}

static void
tags_without_end_are_too_deep(void **state)
{
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    for (int i = 0; i < DISSECT_MAX_LAYERS; i++) {
        build_vlan(&b, 0x8100, 7);
    }
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
    assert_int_equal(dissected(&p), DISSECT_TOO_DEEP);
    assert_int_equal(p.n_vlans, PACKET_MAX_VLANS);
}

static void
an_802_3_length_ends_the_packet(void **state)
{
    struct frame frame;
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet_8023(&b);
    build_llc_snap(&b);
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
    build_udp(&b, 1, 2);
    build_trailer(&b, 8);
    frame = build_frame(&b);
    memset(build_layer(&b, 2) + 2, 0, 2); /* IP length 0. */
    assert_int_equal(dissect_frame(&frame, &dissect_default_options, &p),
                     DISSECT_OK);
    assert_int_equal(p.ip_bytes, 28);
}

static void
an_mpls_payload_that_starts_like_ip_may_be_ethernet(void **state)
{
    struct packet p;

    (void)state;
    build_start(&b, FRAME_LINK_ETHERNET);
    build_ethernet(&b);
    build_mpls(&b, 16);
    build_ethernet(&b);
    memcpy(build_layer(&b, 2), "\x48\xff\xff\xff\xff\xff", 6);
    build_ipv4(&b, "10.0.0.1", "10.0.0.2");
    build_udp(&b, 1, 2);
    assert_int_equal(dissected(&p), DISSECT_OK);
    assert_int_equal(p.dst_port, 2);
}

static void
an_empty_frame_is_safe_on_every_link(void **state)
{
    (void)state;
    for (unsigned link = 0; link < 300; link++) {
        struct frame frame = {.link = (uint16_t)link, .data = b.data};
        struct packet p;

        assert_int_not_equal(
            dissect_frame(&frame, &dissect_default_options, &p), DISSECT_OK);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(mac_addresses_and_broadcasts_are_noted),
        cmocka_unit_test(packets_without_macs_say_so),
        cmocka_unit_test(what_the_frame_says_is_passed_on),
        cmocka_unit_test(frames_without_ip_are_not_ip),
        cmocka_unit_test(protected_links_are_encrypted),
        cmocka_unit_test(malformed_link_headers_are_bad),
        cmocka_unit_test(links_nobody_knows_are_unknown),
        cmocka_unit_test(tags_without_end_are_too_deep),
        cmocka_unit_test(an_802_3_length_ends_the_packet),
        cmocka_unit_test(an_mpls_payload_that_starts_like_ip_may_be_ethernet),
        cmocka_unit_test(an_empty_frame_is_safe_on_every_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
