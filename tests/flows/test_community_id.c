/* flow_community_id() against the specification's own baseline. */

#include "tests/support/test.h"

#include "dissect/addr.h"
#include "dissect/packet.h"
#include "flows/flow_record.h"

struct vector {
    unsigned protocol;
    uint16_t source_port, destination_port; /* ICMP: type and code. */
    const char *source, *destination;
    const char *id;
};

static const struct vector vectors[] = {
    {58, 135, 0, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea",
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {58, 135, 0, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da",
     "1:zavyT/cezQr1fmImYCwYnMXbgck="},
    {58, 3, 0, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da",
     "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="},
    {58, 1, 4, "3ffe:501:410:0:2c0:dfff:fe47:33e",
     "3ffe:507:0:1:200:86ff:fe05:80da", "1:hLZd0XGWojozrvxqE0dWB1iM6R0="},
    {58, 128, 0, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2",
     "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
    {58, 133, 0, "fe80::200:86ff:fe05:80da", "ff02::2",
     "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="},
    {58, 134, 0, "fe80::260:97ff:fe07:69ea", "ff02::1",
     "1:pkvHqCL88/tg1k4cPigmZXUtL00="},
    {1, 8, 0, "192.168.0.89", "192.168.0.1", "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {1, 11, 0, "10.0.0.1", "10.0.0.2", "1:YHxtAirCG//0OzkcVAukqKQN9xM="},
    {6, 63943, 25, "2001:470:e5bf:dead:4957:2174:e82c:4887",
     "2607:f8b0:400c:c03::1a", "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
    {132, 7, 7, "192.168.170.8", "192.168.170.56",
     "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
    {6, 34855, 80, "128.232.110.120", "66.35.250.204",
     "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {6, 80, 34855, "66.35.250.204", "128.232.110.120",
     "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {17, 54585, 53, "192.168.1.52", "8.8.8.8",
     "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {46, 0, 0, "10.1.12.1", "10.1.12.2", "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
};

static void
the_specifications_vectors_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        struct flow_record r = {.protocol = (uint8_t)v->protocol};
        char text[COMMUNITY_ID_SIZE];

        assert_true(addr_parse(v->source, &r.source.addr));
        assert_true(addr_parse(v->destination, &r.destination.addr));
        r.ip_version = addr_is_ipv4(&r.source.addr) ? 4 : 6;
        if (v->protocol == PROTOCOL_ICMP || v->protocol == PROTOCOL_ICMPV6) {
            r.icmp_type = (uint8_t)v->source_port;
            r.icmp_code = (uint8_t)v->destination_port;
        } else {
            r.source.port = v->source_port;
            r.destination.port = v->destination_port;
        }
        assert_string_equal(flow_community_id(&r, text), v->id);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_vectors_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
