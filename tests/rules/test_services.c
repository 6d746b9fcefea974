/* services.h: terms, names, and where a packet is. */

#include "tests/support/test.h"

#include "rules/services.h"

#include <stdio.h>
#include <string.h>

static void
assert_term(const char *text, enum service_space space, unsigned first,
            unsigned last)
{
    char hint[SERVICE_MAX_HINT];
    struct service_term term;

    if (!service_term_parse(text, &term, hint)) {
        fail_msg("'%s': %s", text, hint);
    }
    assert_false(term.any);
    assert_int_equal(term.space, space);
    assert_int_equal(term.first, first);
    assert_int_equal(term.last, last);
}

static void
terms_are_ranges_in_their_space(void **state)
{
    (void)state;
    assert_term("tcp/443", SERVICE_TCP, 443, 443);
    assert_term("tcp/0", SERVICE_TCP, 0, 0);
    assert_term("udp/8000-8010", SERVICE_UDP, 8000, 8010);
    assert_term("sctp/65535", SERVICE_SCTP, 65535, 65535);
    assert_term("tcp/any", SERVICE_TCP, 0, 65535);
    assert_term("icmp/any", SERVICE_ICMP, 0, 65535);
    assert_term("icmp/3", SERVICE_ICMP, 3 * 256, 3 * 256 + 255);
    assert_term("icmp/3:13", SERVICE_ICMP, 3 * 256 + 13, 3 * 256 + 13);
    assert_term("icmp/echo-request", SERVICE_ICMP, 8 * 256, 8 * 256 + 255);
    assert_term("icmp6/128", SERVICE_ICMP6, 128 * 256, 128 * 256 + 255);
    assert_term("icmp6/echo-request", SERVICE_ICMP6, 128 * 256,
                128 * 256 + 255);
    assert_term("icmp6/255:255", SERVICE_ICMP6, 65535, 65535);
    assert_term("ip/gre", SERVICE_PROTOCOL, 47, 47);
    assert_term("ip/0", SERVICE_PROTOCOL, 0, 0);
    assert_term("ip/255", SERVICE_PROTOCOL, 255, 255);
}

/* A protocol that has ports is all of them. */
static void
protocols_with_a_space_of_their_own_are_all_of_it(void **state)
{
    (void)state;
    assert_term("ip/tcp", SERVICE_TCP, 0, 65535);
    assert_term("ip/17", SERVICE_UDP, 0, 65535);
    assert_term("ip/icmp", SERVICE_ICMP, 0, 65535);
    assert_term("ip/58", SERVICE_ICMP6, 0, 65535);
    assert_term("ip/132", SERVICE_SCTP, 0, 65535);
}

static void
any_is_every_protocol(void **state)
{
    char hint[SERVICE_MAX_HINT];
    struct service_term term;

    (void)state;
    assert_true(service_term_parse("any", &term, hint) && term.any);
    assert_true(service_term_parse("ip/any", &term, hint) && term.any);
    assert_true(service_is_term("any"));
    assert_true(service_is_term("tcp/1"));
    assert_false(service_is_term("dns"));
}

static void
assert_hint(const char *text, const char *said)
{
    char hint[SERVICE_MAX_HINT];
    struct service_term term;

    assert_false(service_term_parse(text, &term, hint));
    if (!strstr(hint, said)) {
        fail_msg("'%s': %s", text, hint);
    }
}

static void
a_mistake_comes_with_its_fix(void **state)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"443/tcp", "'tcp/443'"},
        {"8000-8010/udp", "'udp/8000-8010'"},
        {"tcp/", "a port"},
        {"tcp/65536", "a port"},
        {"tcp/10-9", "from low to high"},
        {"tcp/1-", "a port"},
        {"tcp/-1", "a port"},
        {"tcp/ 1", "a port"},
        {"tcp/http", "a port"},
        {"TCP/1", "must be tcp"},
        {"icmp/echo-requets", "'echo-request'"},
        {"icmp/256", "ICMP type"},
        {"icmp/3:", "ICMP type"},
        {"icmp/3:256", "ICMP type"},
        {"icmp/3:1:1", "ICMP type"},
        {"icmp/packet-too-big", "ICMP type"},
        {"ip/256", "IP protocol"},
        {"ip/grr", "'gre'"},
        {"gre", "must be tcp"},
        {"/", "must be tcp"},
        {"", "must be tcp"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_hint(bad[i].text, bad[i].said);
    }
}

static bool
term_has(const struct service_term *term, uint8_t protocol, uint16_t port,
         uint8_t type, uint8_t code)
{
    enum service_space space = service_space_of(protocol);
    uint16_t at = service_position(space, protocol, port, type, code);

    return term->any ||
           (term->space == space && at >= term->first && at <= term->last);
}

/* Whatever protocol and port: one place, and only terms of it hold. */
static void
a_packet_is_in_one_place(void **state)
{
    static const char *const terms[] = {"tcp/any",  "udp/any",   "sctp/any",
                                        "icmp/any", "icmp6/any", "ip/47",
                                        "ip/0",     "ip/255"};
    static const uint8_t protocols[] = {6, 17, 132, 1, 58, 47, 0, 255};

    (void)state;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
            char hint[SERVICE_MAX_HINT], text[16];
            struct service_term term;

            assert_true(service_term_parse(terms[i], &term, hint));
            assert_int_equal(term_has(&term, (uint8_t)protocol, 47, 47, 47),
                             protocols[i] == protocol);
            snprintf(text, sizeof text, "ip/%u", protocol);
            assert_true(service_term_parse(text, &term, hint));
            assert_int_equal(term_has(&term, protocols[i], 47, 47, 47),
                             protocols[i] == protocol);
        }
    }
}

static void
names_stand_for_terms(void **state)
{
    static const char *const names[] = {
        "dns",    "http",   "https", "ssh",    "rdp",    "smb",
        "telnet", "ntp",    "dhcp",  "ldap",   "ping",   "quic",
        "snmp",   "syslog", "smtp",  "modbus", "s7comm", "iec104",
        "ipsec",  "vnc",    "winrm", "dnp3",   "bacnet", "kerberos"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *terms = service_builtin(names[i]);

        assert_non_null(terms);
        while (*terms) {
            char one[40], hint[SERVICE_MAX_HINT];
            size_t length = strcspn(terms, " ");
            struct service_term term;

            snprintf(one, sizeof one, "%.*s", (int)length, terms);
            assert_true(service_term_parse(one, &term, hint));
            assert_false(term.any);
            terms += length + (terms[length] == ' ');
        }
    }
    assert_string_equal(service_builtin("dns"), "tcp/53 udp/53");
    assert_null(service_builtin("DNS"));
    assert_null(service_builtin(""));
    assert_null(service_builtin("no-such"));
}

static void
protocols_have_names_and_numbers(void **state)
{
    uint8_t protocol;

    (void)state;
    assert_true(service_protocol_parse("tcp", &protocol) && protocol == 6);
    assert_true(service_protocol_parse("esp", &protocol) && protocol == 50);
    assert_true(service_protocol_parse("icmpv6", &protocol) && protocol == 58);
    assert_true(service_protocol_parse("0", &protocol) && protocol == 0);
    assert_true(service_protocol_parse("255", &protocol) && protocol == 255);
    assert_false(service_protocol_parse("256", &protocol));
    assert_false(service_protocol_parse("", &protocol));
    assert_false(service_protocol_parse("6x", &protocol));
    assert_false(service_protocol_parse("TCP ", &protocol));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_ranges_in_their_space),
        cmocka_unit_test(protocols_with_a_space_of_their_own_are_all_of_it),
        cmocka_unit_test(any_is_every_protocol),
        cmocka_unit_test(a_mistake_comes_with_its_fix),
        cmocka_unit_test(a_packet_is_in_one_place),
        cmocka_unit_test(names_stand_for_terms),
        cmocka_unit_test(protocols_have_names_and_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
