/* Addresses and prefixes: text to bytes and back. */

#include "tests/support/test.h"

#include "dissect/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static struct addr
parsed(const char *text)
{
    struct addr addr;

    assert_true(addr_parse(text, &addr));
    return addr;
}

static struct prefix
parsed_prefix(const char *text)
{
    struct prefix prefix;

    assert_true(prefix_parse(text, &prefix));
    return prefix;
}

static void
text_is_written_as_rfc_5952_wants(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"10.0.255.1", "10.0.255.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:DB8::0001", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"::102:304", "::102:304"},
        {"0:0:1::", "0:0:1::"},
        {"fe80:1:2:3:4:5:6:7", "fe80:1:2:3:4:5:6:7"},
        {"1:2:3:4:5:6::", "1:2:3:4:5:6::"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    char text[ADDR_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct addr addr = parsed(cases[i].in);

        assert_string_equal(addr_format(&addr, text), cases[i].out);
    }
}

static void
what_is_not_an_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "10",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1.2",
        "010.0.0.1",
        " 10.0.0.1",
        "10.0.0.1 ",
        ":::",
        "1::2::3",
        "fe80::1%eth0",
        "[::1]",
        "12345::",
        "1:2:3:4:5:6:7:8:9",
        "host",
    };
    struct addr addr;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(addr_parse(cases[i], &addr));
    }
}

/* Groups drawn mostly from {0, small}, so that runs of zeros are common. */
static struct addr
random_addr(unsigned *seed)
{
    struct addr addr = {{0}};

    for (size_t i = 0; i < sizeof addr.byte; i++) {
        *seed = *seed * 1103515245U + 12345U;
        if (*seed >> 16 & 4) {
            addr.byte[i] = (uint8_t)(*seed >> 24);
        }
    }
    return addr;
}

static void
random_addresses_survive_the_round_trip(void **state)
{
    unsigned seed = 1;
    char text[ADDR_TEXT_SIZE];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct addr addr = random_addr(&seed);
        uint8_t again[16];

        addr_format(&addr, text);
        assert_int_equal(inet_pton(AF_INET6, text, again), 1);
        assert_memory_equal(again, addr.byte, sizeof again);
    }
}

static void
ipv4_is_kept_mapped_into_ipv6(void **state)
{
    struct addr v4 = parsed("192.0.2.7");
    struct addr v6 = parsed("2001:db8::7");
    struct addr loopback = parsed("::1");

    (void)state;
    assert_true(addr_is_ipv4(&v4));
    assert_false(addr_is_ipv4(&v6));
    assert_false(addr_is_ipv4(&loopback));
    assert_false(addr_equal(&v4, &v6));
    assert_true(addr_equal(&v4, &v4));
}

static void
prefixes_are_written_as_they_are_read(void **state)
{
    static const char *const cases[] = {
        "0.0.0.0/0",     "10.0.0.0/8",      "192.0.2.1/32", "::/0",
        "2001:db8::/32", "2001:db8::1/128", "fe80::/10",
    };
    char text[PREFIX_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prefix prefix = parsed_prefix(cases[i]);

        assert_string_equal(prefix_format(&prefix, text), cases[i]);
        assert_false(prefix_has_host_bits(&prefix));
    }
}

static void
a_bare_address_is_a_full_length_prefix(void **state)
{
    struct prefix v4 = parsed_prefix("192.0.2.1");
    struct prefix v6 = parsed_prefix("2001:db8::1");

    (void)state;
    assert_int_equal(v4.length, 128);
    assert_int_equal(v6.length, 128);
}

static void
what_is_not_a_prefix_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/8 ",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "::/129",
        "::/0x10",
        "10.0.0.0/4294967304",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8",
    };
    struct prefix prefix;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(prefix_parse(cases[i], &prefix));
    }
}

static void
host_bits_are_kept_until_they_are_cleared(void **state)
{
    struct prefix prefix = parsed_prefix("10.1.2.3/12");
    char text[PREFIX_TEXT_SIZE];

    (void)state;
    assert_true(prefix_has_host_bits(&prefix));
    prefix_clear_host_bits(&prefix);
    assert_false(prefix_has_host_bits(&prefix));
    assert_string_equal(prefix_format(&prefix, text), "10.0.0.0/12");
}

static bool
contains(const char *prefix_text, const char *addr_text)
{
    struct prefix prefix = parsed_prefix(prefix_text);
    struct addr addr = parsed(addr_text);

    return prefix_contains(&prefix, &addr);
}

static void
a_prefix_contains_its_addresses_only(void **state)
{
    (void)state;
    assert_true(contains("10.0.0.0/8", "10.255.0.1"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_true(contains("10.16.0.0/12", "10.31.255.255"));
    assert_false(contains("10.16.0.0/12", "10.32.0.0"));
    assert_true(contains("192.0.2.1/32", "192.0.2.1"));
    assert_false(contains("192.0.2.1/32", "192.0.2.0"));
    assert_true(contains("0.0.0.0/0", "203.0.113.1"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::"));
}

static void
families_stay_apart(void **state)
{
    (void)state;
    assert_false(contains("::/0", "10.0.0.1"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("::/0", "2001:db8::1"));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_written_as_rfc_5952_wants),
        cmocka_unit_test(what_is_not_an_address_is_refused),
        cmocka_unit_test(random_addresses_survive_the_round_trip),
        cmocka_unit_test(ipv4_is_kept_mapped_into_ipv6),
        cmocka_unit_test(prefixes_are_written_as_they_are_read),
        cmocka_unit_test(a_bare_address_is_a_full_length_prefix),
        cmocka_unit_test(what_is_not_a_prefix_is_refused),
        cmocka_unit_test(host_bits_are_kept_until_they_are_cleared),
        cmocka_unit_test(a_prefix_contains_its_addresses_only),
        cmocka_unit_test(families_stay_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
