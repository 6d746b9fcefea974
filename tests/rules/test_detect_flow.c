/* detect.h, one flow: what trips a detector, and what only looks like it. */

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "rules/detect/detect.h"
#include "rules/policy_impl.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
    "version: 1\npolicy: {name: p, revision: \"1\"}\n"
    "segments:\n"
    "  users: {networks: [10.1.0.0/16]}\n"
    "  guest: {networks: [10.3.0.0/16], vlans: [300-309]}\n"
    "  plant: {networks: [10.4.0.0/16], vlans: [400]}\n"
    "  kiosk: {networks: [10.1.9.0/24], interfaces: [\"lan*\"]}\n"
    "rules:\n"
    "  - {id: pay, from: users, to: internet, service: tcp/22, app: TLS,\n"
    "     action: allow}\n"
    "authorities: {dns: [10.1.0.53, 10.1.0.54], dhcp: [10.1.0.67]}\n"
    "detect:\n";

struct flow {
    struct policy *policy;
    struct question question;
    struct flow_record record;
};

static struct policy *
load(const char *detect)
{
    char text[2000];

    snprintf(text, sizeof text, "%s%s", head, detect);
    return sound_policy(text, strlen(text), NULL);
}

/* A flow that got through, with an answer, and whose application is 'app'
 * ("" for none). */
static void
set_flow(struct flow *f, const char *src, uint16_t src_port, const char *dst,
         uint16_t dst_port, const char *app)
{
    const struct policy_place nowhere = {.interface = "", .sensor = ""};
    struct question *q = &f->question;
    struct flow_record *r = &f->record;

    *r = (struct flow_record){.outcome = FLOW_OUTCOME_DATA, .protocol = 17};
    *q = (struct question){.src_port = src_port,
                           .dst_port = dst_port,
                           .protocol = 17,
                           .ip_version = 4,
                           .interface = "",
                           .sensor = "",
                           .replied = true};
    assert_true(addr_parse(src, &q->src));
    assert_true(addr_parse(dst, &q->dst));
    q->src_segment = policy_locate(f->policy, &q->src, &nowhere);
    q->dst_segment = policy_locate(f->policy, &q->dst, &nowhere);
    r->source.addr = q->src;
    r->source.port = src_port;
    r->destination.addr = q->dst;
    r->destination.port = dst_port;
    r->source.packets = 1;
    r->destination.packets = strcmp(dst, "255.255.255.255") != 0;
    r->source.payload_bytes = r->destination.payload_bytes = 40;
    if (app[0]) {
        q->app = QUESTION_APP_KNOWN;
        q->name_symbol = policy_app_symbol(f->policy, app);
        assert_int_not_equal(q->name_symbol, 0);
    } else {
        q->app = QUESTION_APP_NONE;
    }
}

static void
over_tcp(struct flow *f)
{
    f->record.protocol = f->question.protocol = PROTOCOL_TCP;
}

static bool
trips(const struct flow *f, enum detector detector, enum sighting_moment moment)
{
    return detect_flow(f->policy, &f->question, &f->record, moment) >>
               detector &
           1;
}

static bool
rogue(struct flow *f, const char *src, uint16_t src_port, const char *dst,
      uint16_t dst_port, const char *app)
{
    set_flow(f, src, src_port, dst, dst_port, app);
    return trips(f, DETECTOR_ROGUE_SERVER, SIGHTING_END);
}

static void
nothing_is_on_unless_the_policy_says_so(void **state)
{
    struct flow f = {.policy = load("  {}\n")};

    (void)state;
    set_flow(&f, "10.1.0.7", 5000, "192.0.2.1", 53, "");
    assert_int_equal(
        detect_flow(f.policy, &f.question, &f.record, SIGHTING_END), 0);
    assert_int_equal(policy_detector_rule(f.policy, DETECTOR_SCAN), -1);
    policy_unref(f.policy);
}

static void
a_name_server_that_is_no_authority_is_rogue_once_it_answers(void **state)
{
    struct flow f = {.policy = load("  rogue_server: true\n")};

    (void)state;
    assert_true(rogue(&f, "10.1.0.7", 5000, "192.0.2.1", 53, "DNS"));
    assert_true(rogue(&f, "10.1.0.7", 5000, "192.0.2.1", 5300, "DNS"));
    assert_false(rogue(&f, "10.1.0.7", 5000, "10.1.0.53", 53, "DNS"));
    /* The authority asks the world, which is its job. */
    assert_false(rogue(&f, "10.1.0.53", 5000, "192.0.2.1", 53, "DNS"));
    /* Not classified: the port has to do.  Classified as something else. */
    assert_true(rogue(&f, "10.1.0.7", 5000, "192.0.2.1", 53, ""));
    assert_false(rogue(&f, "10.1.0.7", 5000, "192.0.2.1", 53, "NTP"));
    /* Multicast DNS among neighbours. */
    assert_false(rogue(&f, "10.1.0.7", 5353, "10.1.0.8", 5353, "DNS"));
    /* No authorities are named for time. */
    assert_false(rogue(&f, "10.1.0.7", 123, "192.0.2.1", 123, "NTP"));

    set_flow(&f, "10.1.0.7", 5000, "192.0.2.1", 53, "DNS");
    f.record.destination.payload_bytes = 0;
    assert_false(trips(&f, DETECTOR_ROGUE_SERVER, SIGHTING_END));
    set_flow(&f, "10.1.0.7", 5000, "192.0.2.1", 53, "");
    f.question.app = QUESTION_APP_PENDING;
    assert_false(trips(&f, DETECTOR_ROGUE_SERVER, SIGHTING_ANSWER));
    policy_unref(f.policy);
}

static void
an_offer_of_addresses_betrays_its_server_however_it_is_sent(void **state)
{
    struct flow f = {.policy = load("  rogue_server: true\n")};

    (void)state;
    /* Offers by broadcast and to the address offered. */
    assert_true(rogue(&f, "10.1.0.66", 67, "255.255.255.255", 68, "DHCP"));
    assert_true(rogue(&f, "10.1.0.66", 67, "10.1.0.7", 68, "DHCP"));
    assert_false(rogue(&f, "10.1.0.67", 67, "255.255.255.255", 68, "DHCP"));
    /* A client that asks, and renews. */
    assert_false(rogue(&f, "0.0.0.0", 68, "255.255.255.255", 67, "DHCP"));
    assert_true(rogue(&f, "10.1.0.7", 68, "10.1.0.66", 67, "DHCP"));
    assert_false(rogue(&f, "10.1.0.7", 68, "10.1.0.67", 67, "DHCP"));
    set_flow(&f, "10.1.0.7", 68, "10.1.0.66", 67, "DHCP");
    f.record.destination.packets = 0;
    assert_false(trips(&f, DETECTOR_ROGUE_SERVER, SIGHTING_END));
    /* Between relay and server the one that answers serves. */
    assert_false(rogue(&f, "10.1.0.1", 67, "10.1.0.67", 67, "DHCP"));
    assert_true(rogue(&f, "10.1.0.1", 67, "10.1.0.66", 67, "DHCP"));
    assert_true(rogue(&f, "fe80::2", 547, "fe80::1", 546, "DHCPV6"));
    policy_unref(f.policy);
}

static bool
mismatch(struct flow *f, uint16_t port, const char *app, uint64_t risks)
{
    set_flow(f, "10.1.0.7", 50000, "192.0.2.1", port, app);
    over_tcp(f);
    f->question.risks = risks;
    return trips(f, DETECTOR_SERVICE_MISMATCH, SIGHTING_APPLICATION);
}

static void
an_application_on_anothers_port_is_a_mismatch(void **state)
{
    struct flow f = {.policy = load("  service_mismatch: true\n")};
    uint64_t odd_port = f.policy->detect.risk_port;

    (void)state;
    assert_int_not_equal(odd_port, 0);
    assert_true(mismatch(&f, 443, "SSH", 0));
    assert_true(mismatch(&f, 22, "HTTP", 0));
    assert_true(mismatch(&f, 2222, "SSH", odd_port));
    assert_true(mismatch(&f, 53, "TLS", 0));
    assert_false(mismatch(&f, 22, "SSH", odd_port));
    assert_false(mismatch(&f, 443, "TLS", 0));
    assert_false(mismatch(&f, 25, "TLS", odd_port));
    assert_false(mismatch(&f, 8080, "HTTP", odd_port));
    /* TLS and peer-to-peer live anywhere. */
    assert_false(mismatch(&f, 12345, "TLS", odd_port));
    assert_false(mismatch(&f, 12345, "BitTorrent", odd_port));
    assert_true(mismatch(&f, 443, "BitTorrent", 0));
    /* nDPI is quick to say MQTT. */
    assert_false(mismatch(&f, 389, "MQTT", odd_port));
    /* The rule 'pay' expects TLS on this port. */
    assert_false(mismatch(&f, 22, "TLS", 0));
    assert_false(mismatch(&f, 443, "", odd_port));
    policy_unref(f.policy);
}

static bool
readable(struct flow *f, const char *app, uint64_t risks)
{
    set_flow(f, "10.1.0.7", 50000, "10.1.0.8", 21, app);
    over_tcp(f);
    f->question.risks = risks;
    return trips(f, DETECTOR_CLEARTEXT, SIGHTING_ANSWER);
}

static void
a_login_in_clear_text_counts_once_it_got_through(void **state)
{
    struct flow f = {.policy = load("  cleartext: true\n")};
    uint64_t credentials = f.policy->detect.risk_login;

    (void)state;
    assert_int_not_equal(credentials, 0);
    assert_true(readable(&f, "FTP_CONTROL", 0));
    assert_true(readable(&f, "Telnet", 0));
    assert_true(readable(&f, "HTTP", credentials));
    assert_false(readable(&f, "HTTP", 0));
    assert_false(readable(&f, "SMTP", 0));

    readable(&f, "FTP_CONTROL", 0);
    f.question.is_tls = true; /* After AUTH TLS. */
    assert_false(trips(&f, DETECTOR_CLEARTEXT, SIGHTING_END));
    readable(&f, "FTP_CONTROL", 0);
    f.record.outcome = FLOW_OUTCOME_REFUSED;
    assert_false(trips(&f, DETECTOR_CLEARTEXT, SIGHTING_END));
    policy_unref(f.policy);
}

static bool
weak(struct flow *f, uint16_t tls_version, uint64_t risks)
{
    set_flow(f, "10.1.0.7", 50000, "10.1.0.8", 443, "TLS");
    over_tcp(f);
    f->question.tls_version = tls_version;
    f->question.risks = risks;
    return trips(f, DETECTOR_WEAK_CRYPTO, SIGHTING_APPLICATION);
}

static void
tls_below_the_minimum_is_weak(void **state)
{
    struct flow f = {.policy = load("  weak_crypto: true\n")};

    (void)state;
    assert_true(weak(&f, 0x0301, 0));
    assert_true(weak(&f, 0x0302, 0));
    assert_false(weak(&f, 0x0303, 0));
    assert_false(weak(&f, 0, 0));
    assert_true(weak(&f, 0x0303, f.policy->detect.risk_crypto));
    set_flow(&f, "10.1.0.7", 50000, "10.1.0.8", 445, "SMBv1");
    assert_true(trips(&f, DETECTOR_WEAK_CRYPTO, SIGHTING_APPLICATION));
    policy_unref(f.policy);

    f.policy = load("  weak_crypto: {tls_min: \"1.3\"}\n");
    assert_true(weak(&f, 0x0303, 0));
    assert_false(weak(&f, 0x0304, 0));
    policy_unref(f.policy);
    f.policy = load("  weak_crypto: {tls_min: \"1.1\"}\n");
    assert_false(weak(&f, 0x0302, 0));
    policy_unref(f.policy);
}

static void
tunnels_are_known_by_application_and_by_protocol(void **state)
{
    static const uint8_t protocols[] = {4, 41, 47};
    struct flow f = {.policy = load("  tunnel: true\n")};

    (void)state;
    set_flow(&f, "10.1.0.7", 50000, "192.0.2.1", 1194, "OpenVPN");
    assert_true(trips(&f, DETECTOR_TUNNEL, SIGHTING_APPLICATION));
    set_flow(&f, "10.1.0.7", 50000, "192.0.2.1", 443, "HTTP");
    assert_false(trips(&f, DETECTOR_TUNNEL, SIGHTING_APPLICATION));
    for (size_t i = 0; i < sizeof protocols; i++) {
        set_flow(&f, "10.1.0.7", 0, "192.0.2.1", 0, "");
        f.record.protocol = f.question.protocol = protocols[i];
        assert_true(trips(&f, DETECTOR_TUNNEL, SIGHTING_BEGIN));
    }
    set_flow(&f, "10.1.0.7", 50000, "192.0.2.1", 443, "HTTP");
    f.record.depth = 1;
    f.record.tunnel = PACKET_TUNNEL_GRE;
    assert_true(trips(&f, DETECTOR_TUNNEL, SIGHTING_BEGIN));
    f.record.tunnel = PACKET_TUNNEL_ERSPAN; /* The span port's own. */
    assert_false(trips(&f, DETECTOR_TUNNEL, SIGHTING_BEGIN));
    policy_unref(f.policy);
}

/* An echo flow of so many packets of 'size' bytes in so many seconds. */
static bool
echo(struct flow *f, uint64_t packets, uint64_t size, int64_t seconds)
{
    set_flow(f, "10.1.0.7", 0, "192.0.2.1", 0, "");
    f->record.protocol = f->question.protocol = PROTOCOL_ICMP;
    f->question.icmp_type = 8;
    f->record.source.packets = packets;
    f->record.source.bytes = packets * size;
    f->record.destination.packets = 0;
    f->record.end.ns = seconds * SECOND_NS;
    return trips(f, DETECTOR_TUNNEL, SIGHTING_INTERIM);
}

static bool
asking(struct flow *f, uint64_t bytes, int64_t seconds)
{
    set_flow(f, "10.1.0.7", 5000, "192.0.2.1", 53, "DNS");
    f->record.source.bytes = bytes;
    f->record.end.ns = seconds * SECOND_NS;
    return trips(f, DETECTOR_TUNNEL, SIGHTING_END);
}

static void
dns_and_echoes_that_go_on_for_long_are_tunnels(void **state)
{
    struct flow f = {.policy =
                         load("  tunnel: {bytes: 500kB, duration: 30m}\n")};

    (void)state;
    assert_true(echo(&f, 500, 1000, 60));
    assert_false(echo(&f, 499, 1000, 60));
    assert_true(echo(&f, 100, 1000, 1800));
    assert_false(echo(&f, 100, 1000, 1799));
    assert_false(echo(&f, 1000000, 84, 86400)); /* Somebody's ping. */
    assert_true(asking(&f, 500000, 1));
    assert_false(asking(&f, 499999, 1));
    assert_true(asking(&f, 100, 1800));
    over_tcp(&f); /* Zone transfers may be long. */
    assert_false(trips(&f, DETECTOR_TUNNEL, SIGHTING_END));
    policy_unref(f.policy);

    f.policy = load("  tunnel: {bytes: 0, duration: 0}\n");
    assert_false(asking(&f, UINT64_MAX / 2, INT32_MAX));
    policy_unref(f.policy);
}

static bool
misplaced(struct flow *f, const char *src, const char *dst, uint16_t vlan,
          const char *interface)
{
    set_flow(f, src, 50000, dst, 80, "");
    f->question.vlan = vlan;
    f->question.interface = interface;
    return trips(f, DETECTOR_CONFORMANCE, SIGHTING_BEGIN);
}

static void
an_address_on_another_link_than_its_segments_does_not_conform(void **state)
{
    struct flow f = {.policy = load("  conformance: true\n")};

    (void)state;
    assert_false(misplaced(&f, "10.3.0.9", "192.0.2.1", 301, ""));
    assert_true(misplaced(&f, "10.3.0.9", "192.0.2.1", 99, ""));
    assert_true(misplaced(&f, "10.3.0.9", "10.1.0.8", 0, ""));
    /* Routed: seen on the link of the other end, which is at home there. */
    assert_false(misplaced(&f, "10.3.0.9", "10.4.0.1", 400, ""));
    assert_true(misplaced(&f, "10.3.0.9", "10.4.0.1", 401, ""));
    /* The responder is never on the link of the initiator. */
    assert_false(misplaced(&f, "10.1.0.8", "10.3.0.9", 7, ""));
    /* Interfaces too, and the shorter prefix around does not excuse it. */
    assert_false(misplaced(&f, "10.1.9.1", "10.1.0.8", 0, "lan2"));
    assert_true(misplaced(&f, "10.1.9.1", "10.1.0.8", 0, "wan"));
    policy_unref(f.policy);
}

static void
sources_known_to_do_it_are_excepted(void **state)
{
    struct flow f = {.policy = load("  cleartext: {except: [10.1.7.0/24]}\n"
                                    "  tunnel: true\n")};

    (void)state;
    set_flow(&f, "10.1.7.7", 50000, "192.0.2.1", 23, "Telnet");
    f.record.protocol = 47;
    assert_int_equal(
        detect_flow(f.policy, &f.question, &f.record, SIGHTING_END),
        1U << DETECTOR_TUNNEL);
    assert_true(addr_parse("10.1.8.7", &f.question.src));
    assert_int_equal(
        detect_flow(f.policy, &f.question, &f.record, SIGHTING_END),
        1U << DETECTOR_TUNNEL | 1U << DETECTOR_CLEARTEXT);
    policy_unref(f.policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_on_unless_the_policy_says_so),
        cmocka_unit_test(
            a_name_server_that_is_no_authority_is_rogue_once_it_answers),
        cmocka_unit_test(
            an_offer_of_addresses_betrays_its_server_however_it_is_sent),
        cmocka_unit_test(an_application_on_anothers_port_is_a_mismatch),
        cmocka_unit_test(a_login_in_clear_text_counts_once_it_got_through),
        cmocka_unit_test(tls_below_the_minimum_is_weak),
        cmocka_unit_test(tunnels_are_known_by_application_and_by_protocol),
        cmocka_unit_test(dns_and_echoes_that_go_on_for_long_are_tunnels),
        cmocka_unit_test(
            an_address_on_another_link_than_its_segments_does_not_conform),
        cmocka_unit_test(sources_known_to_do_it_are_excepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
