/* application.h, against the real nDPI */

#include "tests/support/test.h"
#include "tests/support/tls_messages.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "dissect/tls_hello.h"
#include "tests/dissect/inspected.h"

#include <stdlib.h>
#include <string.h>

static void
a_conversation_without_payload_has_no_application(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 443);
    assert_false(say(f, i, true, "", 0));
    assert_false(say(f, i, false, "", 0));
    inspection_finish(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_NONE);
    assert_int_equal(a.guess_name, 0);
    assert_null(a.details);
}

static void
http_is_known_with_host_agent_and_url(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 8080);
    say_text(f, i, true,
             "GET /index.html HTTP/1.1\r\nHost: www.example.net\r\n"
             "User-Agent: probe/1.0\r\n\r\n");
    inspection_peek(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_KNOWN);
    assert_null(a.details);
    assert_true(say_text(f, i, false,
                         "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                         "Content-Length: 2\r\n\r\nok"));
    inspection_finish(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_KNOWN);
    assert_int_equal(a.confidence, APPLICATION_BY_CONTENT);
    assert_string_equal(name_of(f, a.name), "HTTP");
    assert_string_equal(application_category_name(f->engine, a.category),
                        "Web");
    assert_false(a.encrypted);
    assert_non_null(a.details);
    assert_string_equal(a.details->host, "www.example.net");
    assert_string_equal(a.details->user_agent, "probe/1.0");
    assert_string_equal(a.details->http_url, "www.example.net/index.html");
    assert_string_equal(a.details->alpn, "");
    assert_false(a.details->text_cut);
    application_done(&a);
}

/* Whether nDPI, mended, sees credentials in clear text. */
static bool
shows_credentials(struct fixture *f, const char *request)
{
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;
    bool shown = false;

    conversation_init(&f->conversation, PROTOCOL_TCP, 80);
    say_text(f, i, true, request);
    inspection_finish(f->engine, i, &a);
    for (unsigned bit = 0; bit < application_risk_count() && bit < 64; bit++) {
        shown |= (a.risks >> bit & 1) && strcmp(application_risk_name(bit),
                                                "clear_text_credentials") == 0;
    }
    application_done(&a);
    return shown;
}

static void
only_what_can_be_read_counts_as_clear_text_credentials(void **state)
{
    struct fixture *f = *state;

    assert_true(shows_credentials(f, "GET / HTTP/1.1\r\nHost: h.example\r\n"
                                     "Authorization: Basic dTpw\r\n\r\n"));
    assert_false(shows_credentials(f, "GET / HTTP/1.1\r\nHost: h.example\r\n"
                                      "Authorization: Kerberos YIIG\r\n\r\n"));
    assert_false(shows_credentials(f, "GET / HTTP/1.1\r\n"
                                      "Host: h.example\r\n\r\n"));
}

static void
long_text_from_the_wire_is_cut_and_marked(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;
    char request[600] = "GET /";

    memset(request + 5, 'a', 300);
    memcpy(request + 305, " HTTP/1.1\r\nHost: h.example\r\n\r\n", 31);
    conversation_init(&f->conversation, PROTOCOL_TCP, 80);
    say_text(f, i, true, request);
    inspection_finish(f->engine, i, &a);
    assert_non_null(a.details);
    assert_int_equal(strlen(a.details->http_url), APPLICATION_MAX_TEXT);
    assert_true(a.details->text_cut);
    application_done(&a);
}

static void
inspection_ends_at_the_packet_limit(void **state)
{
    static const struct {
        uint8_t protocol;
        int limit;
    } cases[] = {
        {PROTOCOL_TCP, APPLICATION_MAX_PACKETS_TCP},
        {PROTOCOL_UDP, APPLICATION_MAX_PACKETS_UDP},
        {PROTOCOL_SCTP, APPLICATION_MAX_PACKETS_OTHER},
    };
    struct fixture *f = *state;

    for (size_t n = 0; n < 3; n++) {
        struct application_counters before, after;
        struct inspection *i = inspection_new(f->engine, NULL);
        struct application a;
        int packets = 1;

        application_engine_counters(f->engine, &before);
        conversation_init(&f->conversation, cases[n].protocol, 7777);
        if (cases[n].protocol == PROTOCOL_SCTP) {
            f->conversation.protocol = 253; /* For experiments: RFC 3692. */
        }
        while (!say_text(f, i, packets % 3 != 0, "xyzzy xyzzy xyzzy")) {
            assert_true(++packets <= cases[n].limit);
        }
        assert_int_equal(packets, cases[n].limit);
        assert_true(say_text(f, i, true, "more"));
        inspection_finish(f->engine, i, &a);
        assert_int_equal(a.state, APPLICATION_UNKNOWN);
        application_engine_counters(f->engine, &after);
        assert_int_equal(after.limited - before.limited, 1);
        assert_int_equal(after.packets - before.packets, cases[n].limit);
    }
}

static void
inspection_ends_at_the_byte_limit(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    static char bulk[60000];
    struct application a;

    memset(bulk, 'z', sizeof bulk);
    conversation_init(&f->conversation, PROTOCOL_TCP, 7777);
    assert_false(say(f, i, true, bulk, sizeof bulk));
    assert_false(say(f, i, true, bulk, sizeof bulk));
    assert_true(say(f, i, true, bulk, sizeof bulk));
    inspection_finish(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_UNKNOWN);
}

static void
an_engine_may_be_freed_with_inspections_alive(void **state)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);

    (void)state;
    assert_non_null(engine);
    for (int n = 0; n < 200; n++) {
        assert_non_null(inspection_new(engine, NULL));
    }
    application_engine_free(engine);
    application_engine_free(NULL);
}

static void
what_ndpi_must_not_see_is_skipped_and_counted(void **state)
{
    struct fixture *f = *state;
    struct conversation *c = &f->conversation;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application_counters before, after;
    struct application a;

    application_engine_counters(f->engine, &before);
    conversation_init(c, PROTOCOL_TCP, 7777);
    say_text(f, i, true, "first");

    conversation_send(c, true, "late", 4);
    c->packet.flags = PACKET_FRAGMENT | PACKET_LATER_FRAGMENT;
    inspection_packet(f->engine, i, &c->packet, &c->frame, true);

    c->protocol = PROTOCOL_UDP; /* Inside one flow: nDPI would mix them up. */
    say_text(f, i, true, "another");
    c->protocol = PROTOCOL_TCP;
    c->ip_version = 6;
    say_text(f, i, true, "another");
    c->ip_version = 4;

    conversation_send(c, true, "liar", 4); /* The header says UDP. */
    c->bytes[9] = PROTOCOL_UDP;
    inspection_packet(f->engine, i, &c->packet, &c->frame, true);
    conversation_send(c, true, "bad", 3);
    c->packet.flags = PACKET_NO_TRANSPORT;
    inspection_packet(f->engine, i, &c->packet, &c->frame, true);

    application_engine_counters(f->engine, &after);
    assert_int_equal(after.packets - before.packets, 1);
    assert_int_equal(after.skipped_fragments - before.skipped_fragments, 1);
    assert_int_equal(after.skipped_protocol - before.skipped_protocol, 4);
    inspection_finish(f->engine, i, &a);
}

static void
a_packet_cut_by_the_capture_is_still_read(void **state)
{
    struct fixture *f = *state;
    struct conversation *c = &f->conversation;

    for (uint8_t version = 4; version <= 6; version += 2) {
        struct inspection *i = inspection_new(f->engine, NULL);
        struct application a;

        conversation_init(c, PROTOCOL_TCP, 8080);
        c->ip_version = version;
        conversation_send(
            c, true, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n........", 43);
        c->frame.captured -= 8;
        c->packet.payload_captured -= 8;
        c->packet.flags = PACKET_TRUNCATED;
        inspection_packet(f->engine, i, &c->packet, &c->frame, true);
        inspection_finish(f->engine, i, &a);
        assert_int_equal(a.state, APPLICATION_KNOWN);
        assert_string_equal(name_of(f, a.name), "HTTP");
        application_done(&a);
    }
}

static void
a_packet_with_length_zero_is_still_read(void **state)
{
    struct fixture *f = *state;
    struct conversation *c = &f->conversation;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(c, PROTOCOL_TCP, 8080);
    conversation_send(c, true, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n", 35);
    conversation_be16(c->bytes + 2, 0); /* As segmentation offload does. */
    c->packet.flags = PACKET_LENGTH_GUESSED;
    inspection_packet(f->engine, i, &c->packet, &c->frame, true);
    inspection_finish(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_KNOWN);
    application_done(&a);
}

static void
the_version_is_what_the_server_chose(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct tls_message hello = {0}, record = {0};
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 4433);
    message_client_hello(&hello, TLS_VERSION_1_2);
    message_record(&record, 22, TLS_VERSION_1_0, hello.byte, hello.size);
    assert_false(say(f, i, true, record.byte, record.size));
    hello.size = record.size = 0;
    message_server_hello(&hello, TLS_VERSION_1_0, 0, 0);
    message_record(&record, 22, TLS_VERSION_1_0, hello.byte, hello.size);
    say(f, i, false, record.byte, record.size);
    inspection_finish(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_KNOWN);
    assert_string_equal(name_of(f, a.name), "TLS");
    assert_int_equal(a.tls_version, TLS_VERSION_1_0);
    assert_true(a.encrypted);
    for (unsigned risk = 0; risk < application_risk_count(); risk++) {
        if (strcmp(application_risk_name(risk), "tls_obsolete_version") == 0) {
            assert_true((a.risks >> risk & 1) == 1);
        }
    }
    application_done(&a);
}

static void
tls_inside_another_protocol_is_read_too(void **state)
{
    static const uint8_t request[] = {0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f};
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct tls_message hello = {0}, record = {0};
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 5432);
    assert_false(say(f, i, true, request, sizeof request));
    assert_false(say_text(f, i, false, "S"));
    message_client_hello(&hello, TLS_VERSION_1_2);
    message_record(&record, 22, TLS_VERSION_1_0, hello.byte, hello.size);
    assert_false(say(f, i, true, record.byte, record.size));
    hello.size = record.size = 0;
    message_server_hello(&hello, TLS_VERSION_1_2, TLS_VERSION_1_3, 36);
    message_record(&record, 22, TLS_VERSION_1_2, hello.byte, hello.size);
    say(f, i, false, record.byte, record.size);
    inspection_finish(f->engine, i, &a);
    assert_string_equal(name_of(f, a.name), "PostgreSQL");
    assert_int_equal(a.tls_version, TLS_VERSION_1_3);
    assert_true(a.encrypted);
    application_done(&a);
}

static void
passwords_are_nowhere_in_the_details(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 21);
    inspection_saw_handshake(i);
    say_text(f, i, false, "220 FTP server ready.\r\n");
    say_text(f, i, true, "USER alice\r\n");
    say_text(f, i, false, "331 Password required for alice.\r\n");
    say_text(f, i, true, "PASS hunter2hunter2\r\n");
    say_text(f, i, false, "230 User alice logged in.\r\n");
    inspection_finish(f->engine, i, &a);
    assert_string_equal(name_of(f, a.name), "FTP_CONTROL");
    if (a.details != NULL) {
        assert_string_equal(a.details->host, "");
        assert_string_equal(a.details->user_agent, "");
        assert_string_equal(a.details->http_url, "");
    }
    application_done(&a);
}

static void
inspections_are_used_again(void **state)
{
    struct fixture *f = *state;
    struct inspection *first = inspection_new(f->engine, NULL), *second;
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 8080);
    say_text(f, first, true, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n");
    inspection_finish(f->engine, first, &a);
    application_done(&a);
    second = inspection_new(f->engine, NULL);
    assert_ptr_equal(first, second);
    inspection_finish(f->engine, second, &a);
    assert_int_equal(a.state, APPLICATION_NONE);
    assert_null(a.details);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_without_payload_has_no_application),
        cmocka_unit_test(http_is_known_with_host_agent_and_url),
        cmocka_unit_test(
            only_what_can_be_read_counts_as_clear_text_credentials),
        cmocka_unit_test(long_text_from_the_wire_is_cut_and_marked),
        cmocka_unit_test(inspection_ends_at_the_packet_limit),
        cmocka_unit_test(inspection_ends_at_the_byte_limit),
        cmocka_unit_test(an_engine_may_be_freed_with_inspections_alive),
        cmocka_unit_test(what_ndpi_must_not_see_is_skipped_and_counted),
        cmocka_unit_test(a_packet_cut_by_the_capture_is_still_read),
        cmocka_unit_test(a_packet_with_length_zero_is_still_read),
        cmocka_unit_test(the_version_is_what_the_server_chose),
        cmocka_unit_test(tls_inside_another_protocol_is_read_too),
        cmocka_unit_test(passwords_are_nowhere_in_the_details),
        cmocka_unit_test(inspections_are_used_again),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
