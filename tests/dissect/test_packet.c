/* The names of what dissection finds. */

#include "tests/support/test.h"

#include "dissect/packet.h"

#include <string.h>

static void
every_result_and_tunnel_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < DISSECT_N_RESULTS; i++) {
        assert_non_null(dissect_result_label((enum dissect_result)i));
    }
    assert_string_equal(packet_tunnel_name(PACKET_TUNNEL_NONE), "");
    for (int i = 1; i < PACKET_N_TUNNELS; i++) {
        assert_true(strlen(packet_tunnel_name((enum packet_tunnel)i)) > 2);
    }
    assert_string_equal(packet_tunnel_name(PACKET_TUNNEL_GTP_U), "gtp-u");
}

static void
protocol_names_are_those_of_iana(void **state)
{
    static const struct {
        uint8_t protocol;
        const char *name;
    } cases[] = {
        {1, "icmp"},   {2, "igmp"},       {4, "ipv4"},      {6, "tcp"},
        {17, "udp"},   {41, "ipv6"},      {47, "gre"},      {50, "esp"},
        {51, "ah"},    {58, "ipv6-icmp"}, {89, "ospf"},     {94, "ipip"},
        {112, "vrrp"}, {132, "sctp"},     {136, "udplite"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(packet_protocol_name(cases[i].protocol),
                            cases[i].name);
    }
    assert_null(packet_protocol_name(61));
    assert_null(packet_protocol_name(255));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_and_tunnel_has_a_name),
        cmocka_unit_test(protocol_names_are_those_of_iana),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
