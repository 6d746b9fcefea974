/* listen_place.c */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/runtime/listen_place.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
an_address_is_numeric_and_a_port_is_enough(void **state)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
        bool local;
    } good[] = {
        {"9464", "", 9464, true},
        {"127.0.0.1:1", "127.0.0.1", 1, true},
        {"127.8.8.8:65535", "127.8.8.8", 65535, true},
        {"[::1]:9464", "::1", 9464, true},
        {"[2001:db8::1]:80", "2001:db8::1", 80, false},
        {"0.0.0.0:80", "0.0.0.0", 80, false},
        {"[::]:80", "::", 80, false},
        {"192.0.2.1:80", "192.0.2.1", 80, false},
    };
    static const char *const bad[] = {
        "",           "0",          ":80",           "x",
        "80x",        "65536",      "999999",        "localhost:80",
        "127.0.0.1",  "127.0.0.1:", "::1:80",        "[::1]",
        "[]:1",       "[::1:80",    "[127.0.0.1]:1", "1.2.3:80",
        "01.2.3.4:1", "[::1]80",    "127.0.0.1:0",   " 80",
        "-1",         "[::1]x:80",  "[fe80::1%1]:80"};
    struct listen_place listen;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(listen_place_parse(good[i].text, &listen));
        assert_string_equal(listen.address, good[i].address);
        assert_int_equal(listen.port, good[i].port);
        assert_int_equal(listen_place_is_local(&listen), good[i].local);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(listen_place_parse(bad[i], &listen));
    }
}

/* One that nobody listens on, as far as the system knows. */
static uint16_t
free_port(int *holder)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;

    *holder = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*holder, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(*holder, 1), 0);
    assert_int_equal(getsockname(*holder, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static void
a_port_that_is_taken_is_said_so(void **state)
{
    struct listen_place listen = {.address = "127.0.0.1"};
    int fds[LISTEN_PLACE_MAX], holder;
    struct error error;
    char text[400];

    (void)state;
    listen.port = free_port(&holder);
    assert_int_equal(listen_place_open(&listen, fds, &error), 0);
    error_format(&error, text, sizeof text);
    assert_non_null(strstr(text, "127.0.0.1:"));
    assert_non_null(strstr(text, "Address already in use"));
    close(holder);
    assert_int_equal(listen_place_open(&listen, fds, &error), 1);
    close(fds[0]);
    assert_true(listen_place_parse("192.0.2.1:80", &listen));
    assert_int_equal(listen_place_open(&listen, fds, &error), 0);
    error_format(&error, text, sizeof text);
    assert_non_null(strstr(text, "Cannot assign requested address"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_numeric_and_a_port_is_enough),
        cmocka_unit_test(a_port_that_is_taken_is_said_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
