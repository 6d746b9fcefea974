/* redis_lookup.h; what a name server that does not answer costs is tested in
 * tests/faults, where there is one. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/redis/redis_lookup.h"
#include "tools/redis/redis_uri.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

static void
a_name_and_an_address_have_addresses(void **state)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1"};

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct redis_address address = {.port = 6379};
        struct addrinfo *found;
        struct error error;

        snprintf(address.host, sizeof address.host, "%s", hosts[i]);
        found = redis_lookup(&address, "redis", &error);
        assert_non_null(found);
        assert_int_equal(found->ai_socktype, SOCK_STREAM);
        if (found->ai_family == AF_INET) {
            const struct sockaddr_in *in = (const void *)found->ai_addr;

            assert_int_equal(ntohs(in->sin_port), 6379);
        }
        freeaddrinfo(found);
    }
}

static void
a_name_that_nobody_has_is_an_error_each_time(void **state)
{
    const struct redis_address address = {.host = "no..name", .port = 1};

    (void)state;
    for (unsigned i = 0; i < 2 * REDIS_LOOKUP_MAX; i++) {
        struct error error = {.code = ERROR_NONE};

        assert_null(redis_lookup(&address, "redis", &error));
        assert_int_equal(error.code, ERROR_SYSTEM);
        assert_string_equal(error.where, "redis");
    }
}

static void *
look_up_many(void *context)
{
    const struct redis_address *address = context;

    for (unsigned i = 0; i < 4 * REDIS_LOOKUP_MAX; i++) {
        struct error error;
        struct addrinfo *found = redis_lookup(address, "redis", &error);

        assert_non_null(found);
        freeaddrinfo(found);
    }
    return NULL;
}

static void
threads_that_ask_for_one_name_get_an_answer_each(void **state)
{
    struct redis_address address = {.host = "localhost", .port = 6379};
    pthread_t threads[REDIS_LOOKUP_MAX];

    (void)state;
    for (size_t i = 0; i < REDIS_LOOKUP_MAX; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, look_up_many, &address), 0);
    }
    for (size_t i = 0; i < REDIS_LOOKUP_MAX; i++) {
        pthread_join(threads[i], NULL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_and_an_address_have_addresses),
        cmocka_unit_test(a_name_that_nobody_has_is_an_error_each_time),
        cmocka_unit_test(threads_that_ask_for_one_name_get_an_answer_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
