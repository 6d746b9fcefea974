/* application.h: what nDPI only guesses is never told as seen. */

#include "tests/support/test.h"

#include "tests/dissect/inspected.h"

#include <string.h>

static void
a_port_alone_is_only_a_guess(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 443);
    assert_false(say_text(f, i, true, "xyzzy xyzzy"));
    inspection_peek(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_PENDING);
    inspection_finish(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_UNKNOWN);
    assert_int_equal(a.name, 0);
    assert_int_equal(a.master, 0);
    assert_int_equal(a.confidence, APPLICATION_BY_NOTHING);
    assert_string_equal(name_of(f, a.guess_name), "TLS");
    assert_int_equal(a.guess_confidence, APPLICATION_BY_PORT);
    assert_false(a.encrypted);
}

static void
the_stun_port_alone_is_only_a_guess(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_UDP, 3478);
    say_text(f, i, true, "xyzzy xyzzy xyzzy xyzzy xyzzy");
    inspection_finish(f->engine, i, &a);
    assert_int_equal(a.state, APPLICATION_UNKNOWN);
    assert_int_equal(a.name, 0);
    assert_int_equal(a.guess_confidence, APPLICATION_BY_PORT);
}

/* One of them may only be named by what was seen. */
static void
http_on_the_port_of_another_protocol_is_http(void **state)
{
    static const uint16_t ports[] = {20000, 44818, 22, 25, 465, 3389, 5060};
    struct fixture *f = *state;

    for (size_t n = 0; n < sizeof ports / sizeof ports[0]; n++) {
        struct inspection *i = inspection_new(f->engine, NULL);
        struct application a;

        conversation_init(&f->conversation, PROTOCOL_TCP, ports[n]);
        say_text(f, i, true, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n");
        say_text(f, i, false,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                 "Content-Length: 2\r\n\r\nok");
        inspection_finish(f->engine, i, &a);
        assert_int_equal(a.state, APPLICATION_KNOWN);
        assert_int_equal(a.confidence, APPLICATION_BY_CONTENT);
        assert_string_equal(name_of(f, a.name), "HTTP");
        assert_int_equal(a.master, 0);
        assert_false(a.encrypted);
        application_done(&a);
    }
}

static void
http_to_a_known_site_is_still_both(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 20000);
    say_text(f, i, true, "GET / HTTP/1.1\r\nHost: www.google.com\r\n\r\n");
    inspection_finish(f->engine, i, &a);
    assert_string_equal(name_of(f, a.master), "HTTP");
    assert_string_equal(name_of(f, a.name), "Google");
    application_done(&a);
}

static void
http_to_an_address_of_a_known_site_is_not_that_site(void **state)
{
    static const uint8_t of_google[] = {142, 250, 1, 1};
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 80);
    memcpy(f->conversation.server, of_google, sizeof of_google);
    say_text(f, i, true, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n");
    inspection_finish(f->engine, i, &a);
    assert_string_equal(name_of(f, a.name), "HTTP");
    assert_int_equal(a.master, 0);
    application_done(&a);
}

static void
what_is_recognised_by_its_port_alone_is_only_a_guess(void **state)
{
    static const uint16_t ports[] = {43, 4343, 5001};
    struct fixture *f = *state;

    for (size_t n = 0; n < sizeof ports / sizeof ports[0]; n++) {
        struct inspection *i = inspection_new(f->engine, NULL);
        struct application a;

        conversation_init(&f->conversation, PROTOCOL_TCP, ports[n]);
        say_text(f, i, true, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n");
        inspection_finish(f->engine, i, &a);
        assert_int_equal(a.state, APPLICATION_UNKNOWN);
        assert_int_equal(a.name, 0);
        assert_int_equal(a.guess_confidence, APPLICATION_BY_PORT);
        application_done(&a);
    }
}

static void
a_guess_adds_no_risk(void **state)
{
    struct fixture *f = *state;
    struct inspection *i = inspection_new(f->engine, NULL);
    struct application a;

    conversation_init(&f->conversation, PROTOCOL_TCP, 23); /* Unsafe. */
    say_text(f, i, true, "xyzzy xyzzy");
    inspection_finish(f->engine, i, &a);
    assert_string_equal(name_of(f, a.guess_name), "Telnet");
    assert_true(a.risks == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_alone_is_only_a_guess),
        cmocka_unit_test(the_stun_port_alone_is_only_a_guess),
        cmocka_unit_test(http_on_the_port_of_another_protocol_is_http),
        cmocka_unit_test(http_to_a_known_site_is_still_both),
        cmocka_unit_test(http_to_an_address_of_a_known_site_is_not_that_site),
        cmocka_unit_test(what_is_recognised_by_its_port_alone_is_only_a_guess),
        cmocka_unit_test(a_guess_adds_no_risk),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
