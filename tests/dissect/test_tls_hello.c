/* tls_hello.h */

#include "tests/support/guard.h"
#include "tests/support/test.h"
#include "tests/support/tls_messages.h"

#include "dissect/tls_hello.h"

#include <string.h>

static struct bytes
bytes_of(const struct tls_message *m)
{
    return (struct bytes){m->byte, m->size};
}

/* A server's first flight: its hello in a record. */
static struct tls_message
server_flight(uint16_t version, uint16_t selected, size_t others)
{
    struct tls_message hello = {0}, record = {0};

    message_server_hello(&hello, version, selected, others);
    message_record(&record, 22, TLS_VERSION_1_2, hello.byte, hello.size);
    return record;
}

static struct tls_message
client_flight(void)
{
    struct tls_message hello = {0}, record = {0};

    message_client_hello(&hello, TLS_VERSION_1_2);
    message_record(&record, 22, TLS_VERSION_1_0, hello.byte, hello.size);
    return record;
}

static void
the_server_decides(void **state)
{
    static const struct {
        uint16_t version, selected, result;
    } cases[] = {
        {TLS_VERSION_SSL3, 0, TLS_VERSION_SSL3},
        {TLS_VERSION_1_0, 0, TLS_VERSION_1_0},
        {TLS_VERSION_1_1, 0, TLS_VERSION_1_1},
        {TLS_VERSION_1_2, 0, TLS_VERSION_1_2},
        {TLS_VERSION_1_2, TLS_VERSION_1_3, TLS_VERSION_1_3},
        {TLS_VERSION_1_2, 0x7f1c, TLS_VERSION_1_3}, /* Draft 28. */
        {TLS_VERSION_1_2, 0xfb1a, TLS_VERSION_1_3}, /* Facebook's. */
        {TLS_VERSION_1_2, 0x1234, 0},
        {0x1234, 0, 0},
    };

    (void)state;
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        struct tls_message flight =
            server_flight(cases[n].version, cases[n].selected, 40);
        struct tls_message client = client_flight();
        struct tls_hello hello;

        tls_hello_init(&hello);
        assert_false(tls_hello_is_awaited(&hello));
        tls_hello_segment(&hello, true, 100, bytes_of(&client), 0);
        assert_true(tls_hello_is_awaited(&hello));
        tls_hello_segment(&hello, false, 200, bytes_of(&flight), 0);
        assert_int_equal(hello.version, cases[n].result);
        assert_int_equal(hello.over, cases[n].result != 0);
        assert_true(tls_hello_is_offered(&hello));
    }
}

static void
any_split_over_segments_is_read(void **state)
{
    struct tls_message flight =
        server_flight(TLS_VERSION_1_2, TLS_VERSION_1_3, 1120);

    (void)state;
    for (size_t cut = 1; cut < flight.size; cut++) {
        uint32_t sequence = 0xffffff80; /* Wraps. */
        struct tls_hello hello;

        tls_hello_init(&hello);
        for (size_t at = 0; at < flight.size; at += cut) {
            size_t size = flight.size - at < cut ? flight.size - at : cut;

            tls_hello_segment(&hello, false, sequence + (uint32_t)at,
                              (struct bytes){flight.byte + at, size}, 0);
        }
        assert_int_equal(hello.version, TLS_VERSION_1_3);
    }
}

static void
a_message_may_be_split_over_records(void **state)
{
    struct tls_message whole = {0}, records = {0};
    struct tls_hello hello;

    (void)state;
    message_server_hello(&whole, TLS_VERSION_1_2, TLS_VERSION_1_3, 20);
    for (size_t at = 0; at < whole.size; at += 7) {
        size_t size = whole.size - at < 7 ? whole.size - at : 7;

        message_record(&records, 22, TLS_VERSION_1_2, whole.byte + at, size);
    }
    tls_hello_init(&hello);
    tls_hello_segment(&hello, false, 1, bytes_of(&records), 0);
    assert_int_equal(hello.version, TLS_VERSION_1_3);
}

static void
repeated_and_overlapping_segments_change_nothing(void **state)
{
    struct tls_message flight = server_flight(TLS_VERSION_1_1, 0, 30);
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    tls_hello_segment(&hello, false, 1000, (struct bytes){flight.byte, 50}, 0);
    tls_hello_segment(&hello, false, 1000, (struct bytes){flight.byte, 50}, 0);
    tls_hello_segment(&hello, false, 1020, (struct bytes){flight.byte + 20, 10},
                      0);
    tls_hello_segment(&hello, false, 1030,
                      (struct bytes){flight.byte + 30, flight.size - 30}, 0);
    assert_int_equal(hello.version, TLS_VERSION_1_1);
}

static void
a_hello_after_its_own_continuation_is_still_read(void **state)
{
    struct tls_message flight = server_flight(TLS_VERSION_1_2, 0, 0);
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    tls_hello_segment(&hello, false, 1000 + (uint32_t)flight.size,
                      (struct bytes){(const uint8_t *)"certificate", 11}, 0);
    tls_hello_segment(&hello, false, 1000, bytes_of(&flight), 0);
    assert_int_equal(hello.version, TLS_VERSION_1_2);
}

static void
a_hello_with_a_hole_is_not_seen(void **state)
{
    struct tls_message flight = server_flight(TLS_VERSION_1_2, 0, 100);
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    tls_hello_segment(&hello, false, 0, (struct bytes){flight.byte, 60}, 0);
    tls_hello_segment(&hello, false, 61,
                      (struct bytes){flight.byte + 61, flight.size - 61}, 0);
    assert_int_equal(hello.version, 0);

    tls_hello_init(&hello); /* The hole is what the capture cut off. */
    tls_hello_segment(&hello, false, 0, (struct bytes){flight.byte, 60}, 1);
    tls_hello_segment(&hello, false, 61,
                      (struct bytes){flight.byte + 61, flight.size - 61}, 0);
    assert_int_equal(hello.version, 0);
}

static void
tls_may_begin_after_plain_text(void **state)
{
    struct tls_message flight = server_flight(TLS_VERSION_1_3 - 1, 0, 0);
    struct tls_message client = client_flight();
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    tls_hello_segment(&hello, false, 10,
                      (struct bytes){(const uint8_t *)"220 ready\r\n", 11}, 0);
    tls_hello_segment(&hello, true, 10,
                      (struct bytes){(const uint8_t *)"STARTTLS\r\n", 10}, 0);
    tls_hello_segment(&hello, false, 21,
                      (struct bytes){(const uint8_t *)"220 go\r\n", 8}, 0);
    tls_hello_segment(&hello, true, 20, bytes_of(&client), 0);
    tls_hello_segment(&hello, false, 29, bytes_of(&flight), 0);
    assert_int_equal(hello.version, TLS_VERSION_1_2);
}

static void
a_fatal_alert_ends_the_wait(void **state)
{
    static const uint8_t fatal[] = {21, 3, 1, 0, 2, 2, 70};
    struct tls_message client = client_flight();
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    tls_hello_segment(&hello, true, 1, bytes_of(&client), 0);
    tls_hello_segment(&hello, false, 1, (struct bytes){fatal, sizeof fatal}, 0);
    assert_true(hello.over);
    assert_int_equal(hello.version, 0);
}

static void
a_warning_before_the_hello_does_not(void **state)
{
    static const uint8_t warning[] = {21, 3, 1, 0, 2, 1, 112};
    struct tls_message client = client_flight(), flight = {0};
    struct tls_message server = server_flight(TLS_VERSION_1_2, 0, 0);
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    tls_hello_segment(&hello, true, 1, bytes_of(&client), 0);
    message_add(&flight, warning, sizeof warning);
    message_add(&flight, server.byte, server.size);
    tls_hello_segment(&hello, false, 1, bytes_of(&flight), 0);
    assert_int_equal(hello.version, TLS_VERSION_1_2);
}

static void
a_handshake_that_was_missed_is_not_awaited(void **state)
{
    static const uint8_t data[] = {23, 3, 3, 0, 5, 1, 2, 3, 4, 5};
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    for (uint32_t n = 0; n < TLS_HELLO_MAX_DATA; n++) {
        assert_false(hello.over);
        tls_hello_segment(&hello, false, n * 10,
                          (struct bytes){data, sizeof data}, 0);
    }
    assert_true(hello.over);
    assert_int_equal(hello.version, 0);
}

static void
false_starts_are_bounded(void **state)
{
    static const uint8_t liar[] = {22, 3, 3, 0, 9, 2, 0xff, 0xff, 0xff};
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    for (uint32_t n = 0; n < TLS_HELLO_MAX_LOST; n++) {
        assert_false(hello.over);
        tls_hello_segment(&hello, false, n * 100,
                          (struct bytes){liar, sizeof liar}, 0);
    }
    assert_true(hello.over);
    assert_int_equal(hello.version, 0);
}

static void
ssl2_is_recognised(void **state)
{
    /* 3 bytes of ciphers, a certificate of 2, a connection id of 1. */
    static const uint8_t server[] = {0x80, 17, 4, 0, 1, 0, 2, 0, 2, 0,
                                     3,    0,  1, 1, 2, 3, 4, 5, 6};
    static const uint8_t client[] = {0x80, 28, 1, 0,  2, 0, 3,
                                     0,    0,  0, 16, 1, 0, 128};
    struct tls_hello hello;

    (void)state;
    tls_hello_init(&hello);
    tls_hello_segment(&hello, true, 1, (struct bytes){client, sizeof client},
                      0);
    assert_true(tls_hello_is_awaited(&hello));
    tls_hello_segment(&hello, false, 1, (struct bytes){server, sizeof server},
                      0);
    assert_int_equal(hello.version, TLS_VERSION_SSL2);
    assert_true(tls_version_is_obsolete(hello.version));
}

/* The version read from 'whole' in fragments of 'step' bytes, which overlap by
 * two where they can. */
static uint16_t
dtls_version_of(const struct tls_message *whole, uint16_t version, size_t step)
{
    size_t size = whole->size - 4;
    struct tls_hello hello;

    tls_hello_init(&hello);
    for (size_t at = 0; at < size; at += step) {
        size_t left = size - at;
        struct tls_message datagram = {0};

        message_dtls(&datagram, version, whole, at,
                     left < step + 2 ? left : step + 2);
        tls_hello_datagram(&hello, false, bytes_of(&datagram));
    }
    return hello.version;
}

static void
dtls_is_read_from_fragments_of_any_size(void **state)
{
    static const struct {
        uint16_t version, selected, result;
    } cases[] = {
        {DTLS_VERSION_1_0, 0, DTLS_VERSION_1_0},
        {DTLS_VERSION_1_2, 0, DTLS_VERSION_1_2},
        {DTLS_VERSION_1_2, DTLS_VERSION_1_3, DTLS_VERSION_1_3},
        {DTLS_VERSION_OLD, 0, DTLS_VERSION_OLD},
    };

    (void)state;
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        struct tls_message whole = {0};

        message_server_hello(&whole, cases[n].version, cases[n].selected, 9);
        for (size_t step = 1; step <= whole.size - 4; step++) {
            assert_int_equal(dtls_version_of(&whole, cases[n].version, step),
                             cases[n].result);
        }
    }
}

static void
a_hello_verify_request_decides_nothing(void **state)
{
    static const uint8_t verify[] = {3, 0, 0, 3, 0xfe, 0xff, 0};
    struct tls_message whole = {0}, datagram = {0};
    struct tls_hello hello;

    (void)state;
    message_add(&whole, verify, sizeof verify);
    message_dtls(&datagram, DTLS_VERSION_1_0, &whole, 0, 3);
    tls_hello_init(&hello);
    tls_hello_datagram(&hello, false, bytes_of(&datagram));
    assert_false(hello.over);
    whole.size = datagram.size = 0;
    message_server_hello(&whole, DTLS_VERSION_1_2, 0, 0);
    message_dtls(&datagram, DTLS_VERSION_1_2, &whole, 0, whole.size - 4);
    tls_hello_datagram(&hello, false, bytes_of(&datagram));
    assert_int_equal(hello.version, DTLS_VERSION_1_2);
}

static void
quic_needs_long_headers_both_ways(void **state)
{
    static const uint8_t versions[][4] = {
        {0, 0, 0, 1}, {0x6b, 0x33, 0x43, 0xcf}, {0xff, 0, 0, 29}};

    (void)state;
    for (size_t n = 0; n < 3; n++) {
        uint8_t initial[] = {0xc3, 0, 0, 0, 0, 2, 7, 7, 0, 0};
        struct bytes payload = {initial, sizeof initial};
        struct tls_hello hello;

        memcpy(initial + 1, versions[n], 4);
        tls_hello_init(&hello);
        tls_hello_datagram(&hello, true, payload);
        assert_int_equal(hello.version, 0);
        assert_true(tls_hello_is_quic(&hello));
        tls_hello_datagram(&hello, false, payload);
        assert_int_equal(hello.version, TLS_VERSION_1_3);
    }
}

static void
only_versions_before_1_2_are_obsolete(void **state)
{
    (void)state;
    assert_true(tls_version_is_obsolete(TLS_VERSION_SSL3));
    assert_true(tls_version_is_obsolete(TLS_VERSION_1_1));
    assert_true(tls_version_is_obsolete(DTLS_VERSION_1_0));
    assert_true(tls_version_is_obsolete(DTLS_VERSION_OLD));
    assert_false(tls_version_is_obsolete(TLS_VERSION_1_2));
    assert_false(tls_version_is_obsolete(TLS_VERSION_1_3));
    assert_false(tls_version_is_obsolete(DTLS_VERSION_1_2));
    assert_false(tls_version_is_obsolete(DTLS_VERSION_1_3));
    assert_false(tls_version_is_obsolete(0));
}

static void
show_both_ways(struct bytes part)
{
    struct tls_hello hello;

    tls_hello_init(&hello);
    tls_hello_segment(&hello, false, 0, part, 0);
    tls_hello_init(&hello);
    tls_hello_datagram(&hello, false, part);
}

/* Shows every beginning of 'm', and each with two bytes changed, ending where
 * the address space does. */
static void
cut_everywhere(const struct tls_message *m)
{
    struct guard guard = guard_new(m->size);

    for (size_t size = 0; size <= m->size; size++) {
        uint8_t *at = guard_copy(&guard, m->byte, size);

        show_both_ways((struct bytes){at, size});
        if (size > 0) {
            at[size / 3] ^= 0x80;
            at[size - 1] ^= 0xff;
            show_both_ways((struct bytes){at, size});
        }
    }
    guard_free(&guard);
}

static void
no_byte_past_the_end_is_read(void **state)
{
    static const uint8_t ssl2[] = {0x80, 17, 4, 0, 1, 0, 2, 0, 2, 0,
                                   3,    0,  1, 1, 2, 3, 4, 5, 6};
    static const uint8_t quic[] = {0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4,
                                   5,    6, 7, 8, 4, 1, 2, 3, 4};
    static const uint8_t alert[] = {21, 3, 1, 0, 2, 1, 112, 21, 3, 1, 0, 2, 2};
    struct tls_message m = server_flight(TLS_VERSION_1_2, TLS_VERSION_1_3, 30);
    struct tls_message whole = {0};

    (void)state;
    cut_everywhere(&m);
    m = client_flight();
    cut_everywhere(&m);
    message_server_hello(&whole, DTLS_VERSION_1_2, DTLS_VERSION_1_3, 10);
    m.size = 0;
    message_dtls(&m, DTLS_VERSION_1_2, &whole, 0, 40);
    message_dtls(&m, DTLS_VERSION_1_2, &whole, 40, whole.size - 44);
    cut_everywhere(&m);
    m.size = 0;
    message_add(&m, ssl2, sizeof ssl2);
    cut_everywhere(&m);
    m.size = 0;
    message_add(&m, quic, sizeof quic);
    cut_everywhere(&m);
    m.size = 0;
    message_add(&m, alert, sizeof alert);
    cut_everywhere(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_decides),
        cmocka_unit_test(any_split_over_segments_is_read),
        cmocka_unit_test(a_message_may_be_split_over_records),
        cmocka_unit_test(repeated_and_overlapping_segments_change_nothing),
        cmocka_unit_test(a_hello_after_its_own_continuation_is_still_read),
        cmocka_unit_test(a_hello_with_a_hole_is_not_seen),
        cmocka_unit_test(tls_may_begin_after_plain_text),
        cmocka_unit_test(a_fatal_alert_ends_the_wait),
        cmocka_unit_test(a_warning_before_the_hello_does_not),
        cmocka_unit_test(a_handshake_that_was_missed_is_not_awaited),
        cmocka_unit_test(false_starts_are_bounded),
        cmocka_unit_test(ssl2_is_recognised),
        cmocka_unit_test(dtls_is_read_from_fragments_of_any_size),
        cmocka_unit_test(a_hello_verify_request_decides_nothing),
        cmocka_unit_test(quic_needs_long_headers_both_ways),
        cmocka_unit_test(no_byte_past_the_end_is_read),
        cmocka_unit_test(only_versions_before_1_2_are_obsolete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
