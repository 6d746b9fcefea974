/* http_login.h: which credentials whoever reads them can use. */

#include "tests/support/guard.h"
#include "tests/support/test.h"

#include "dissect/http_login.h"

#include <stdio.h>
#include <string.h>

/* Where reading one byte too many is a fault. */
static bool
readable(const char *request)
{
    struct guard guard = guard_new(1000);
    size_t size = strlen(request);
    struct bytes payload = {guard_copy(&guard, request, size), size};
    bool result = http_login_is_readable(payload);

    guard_free(&guard);
    return result;
}

static void
basic_and_bearer_give_themselves_away(void **state)
{
    (void)state;
    assert_true(readable("GET / HTTP/1.1\r\nHost: h\r\n"
                         "Authorization: Basic dTpw\r\n\r\n"));
    assert_true(readable("GET / HTTP/1.1\nauthorization:basic dTpw"));
    assert_true(readable("GET / HTTP/1.1\r\nAUTHORIZATION: \tBearer x\r\n"));
    assert_true(readable("GET / HTTP/1.1\r\nProxy-Authorization: Basic a\r\n"));
}

static void
challenge_and_response_does_not(void **state)
{
    static const char *const schemes[] = {"Digest username=\"u\"",
                                          "Negotiate TlRMTVNT", "NTLM TlRM",
                                          "Kerberos YIIG", ""};

    (void)state;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        char request[200];

        snprintf(request, sizeof request,
                 "GET / HTTP/1.1\r\nAuthorization: %s\r\n\r\n", schemes[i]);
        assert_false(readable(request));
    }
    assert_false(readable("GET / HTTP/1.1\r\nX-Authorization: Basic a\r\n"));
    assert_false(readable("GET /?Authorization:+Basic HTTP/1.1\r\n"));
    assert_false(readable("POST / HTTP/1.1\r\n\r\nAuthorization: Basic a\r\n"));
    assert_false(readable(""));
    assert_false(readable("Authorization: Basic"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_and_bearer_give_themselves_away),
        cmocka_unit_test(challenge_and_response_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
