/* ndpi_hotfix.h, through application.h: certificates that crash nDPI 4.2.
 *
 * Each of the first two tests ends the process (SIGSEGV, "stack smashing
 * detected") when ndpi_hotfix.c is left out. */

#include "tests/support/conversation.h"
#include "tests/support/test.h"
#include "tests/support/tls_messages.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "dissect/ndpi_hotfix.h"
#include "dissect/tls_hello.h"

#include <string.h>

enum {
    SEGMENT = 1400,
    COMMON_NAME = 3,
    ORGANIZATIONAL_UNIT = 11
};

/* Adds an attribute of a distinguished name: OID 2.5.4.'type' and a UTF8String
 * (X.690; the sequences around it are nothing nDPI looks at). */
static void
add_attribute(struct tls_message *m, uint8_t type, const char *text)
{
    message_number(m, 3, (uint32_t)(0x550400 | type));
    message_number(m, 1, 0x0c);
    message_number(m, 1, (uint32_t)strlen(text));
    message_add(m, text, strlen(text));
}

static void
add_validity(struct tls_message *m)
{
    message_number(m, 2, 0x301e);
    message_number(m, 2, 0x170d);
    message_add(m, "230101000000Z", 13);
    message_number(m, 2, 0x170d);
    message_add(m, "240101000000Z", 13);
}

/* A Certificate message with 'certificate' as its only one. */
static void
add_certificate_message(struct tls_message *m,
                        const struct tls_message *certificate)
{
    message_number(m, 1, 11);
    message_number(m, 3, (uint32_t)certificate->size + 6);
    message_number(m, 3, (uint32_t)certificate->size + 3);
    message_number(m, 3, (uint32_t)certificate->size);
    message_add(m, certificate->byte, certificate->size);
}

static void
say(struct application_engine *engine, struct inspection *inspection,
    struct conversation *c, bool from_initiator, struct bytes payload)
{
    conversation_send(c, from_initiator, payload.data, payload.size);
    inspection_packet(engine, inspection, &c->packet, &c->frame,
                      from_initiator);
}

static struct conversation conversation;

static void
a_dtls_certificate_of_a_known_product_is_harmless(void **state)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);
    struct inspection *i = inspection_new(engine, NULL);
    struct tls_message hello = {0}, datagram = {0}, certificate = {0},
                       message = {0};
    struct application a;

    (void)state;
    conversation_init(&conversation, PROTOCOL_UDP, 10443);
    message_client_hello(&hello, DTLS_VERSION_1_2);
    /* DTLS has a cookie where the cipher suites would be. */
    memmove(hello.byte + 40, hello.byte + 39, hello.size - 39);
    hello.byte[39] = 0;
    hello.size++;
    hello.byte[3]++;
    message_dtls(&datagram, DTLS_VERSION_1_2, &hello, 0, hello.size - 4);
    say(engine, i, &conversation, true,
        (struct bytes){datagram.byte, datagram.size});

    memset(certificate.byte, 0, 10);
    certificate.size = 10;
    add_attribute(&certificate, ORGANIZATIONAL_UNIT, "FortiGate");
    add_validity(&certificate);
    add_attribute(&certificate, ORGANIZATIONAL_UNIT, "FortiGate");
    certificate.size += 40;
    add_certificate_message(&message, &certificate);
    datagram.size = 0;
    message_dtls(&datagram, DTLS_VERSION_1_2, &message, 0, message.size - 4);
    say(engine, i, &conversation, false,
        (struct bytes){datagram.byte, datagram.size});

    inspection_finish(engine, i, &a);
    assert_int_equal(a.state, APPLICATION_KNOWN);
    assert_string_equal(application_name(engine, a.name), "DTLS");
    assert_non_null(a.details);
    assert_string_equal(a.details->certificate_issuer, "OU=FortiGate");
    assert_string_equal(a.details->certificate_subject, "OU=FortiGate");
    application_done(&a);
    application_engine_free(engine);
}

static void
say_tls(struct application_engine *engine, struct inspection *inspection,
        bool from_initiator, const struct tls_message *message)
{
    static struct tls_message record;

    record.size = 0;
    message_record(&record, 22, TLS_VERSION_1_2, message->byte, message->size);
    for (size_t at = 0; at < record.size; at += SEGMENT) {
        size_t size = record.size - at;

        say(engine, inspection, &conversation, from_initiator,
            (struct bytes){record.byte + at, size < SEGMENT ? size : SEGMENT});
    }
}

static void
a_certificate_with_very_long_names_is_harmless(void **state)
{
    static const char name[] =
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static const int counts[] = {1, 31, 32, 33, 64, 200};

    (void)state;
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        struct error error;
        struct application_engine *engine =
            application_engine_new(NULL, &error);
        struct inspection *i = inspection_new(engine, NULL);
        static struct tls_message hello, certificate, message;
        struct application a;

        conversation_init(&conversation, PROTOCOL_TCP, 443);
        hello.size = certificate.size = message.size = 0;
        message_client_hello(&hello, TLS_VERSION_1_2);
        say_tls(engine, i, true, &hello);
        hello.size = 0;
        message_server_hello(&hello, TLS_VERSION_1_2, 0, 0);
        say_tls(engine, i, false, &hello);
        memset(certificate.byte, 0, 20);
        certificate.size = 20;
        for (int k = 0; k < counts[n]; k++) {
            add_attribute(&certificate, COMMON_NAME, name);
        }
        add_validity(&certificate);
        certificate.size += 40;
        add_certificate_message(&message, &certificate);
        say_tls(engine, i, false, &message);
        inspection_finish(engine, i, &a);
        assert_string_equal(application_name(engine, a.name), "TLS");
        assert_non_null(a.details);
        if (counts[n] <= 32) {
            assert_memory_equal(a.details->certificate_issuer, "CN=AAAA", 7);
            assert_true(a.details->certificate_not_before == 1672531200);
        } else { /* nDPI stops before the dates. */
            assert_memory_equal(a.details->certificate_subject, "CN=AAAA", 7);
        }
        application_done(&a);
        application_engine_free(engine);
    }
}

static void
the_replacements_take_effect_in_this_program(void **state)
{
    (void)state;
    assert_true(ndpi_hotfix_install());
    assert_true(ndpi_hotfix_install());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dtls_certificate_of_a_known_product_is_harmless),
        cmocka_unit_test(a_certificate_with_very_long_names_is_harmless),
        cmocka_unit_test(the_replacements_take_effect_in_this_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
