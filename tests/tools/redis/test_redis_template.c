/* redis_template.h */

#include "tests/support/test.h"

#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_template.h"

#include <string.h>

static void
assert_becomes(const char *text, const char *expected)
{
    char key[REDIS_TEMPLATE_KEY_SIZE];

    assert_true(redis_template_expand(text, "edge-1", "flow", key));
    assert_string_equal(key, expected);
}

static void
tokens_are_replaced_and_all_else_is_literal(void **state)
{
    (void)state;
    assert_becomes("", "");
    assert_becomes("segmon:logstash", "segmon:logstash");
    assert_becomes("{type}", "flow");
    assert_becomes("{sensor}{type}{sensor}", "edge-1flowedge-1");
    assert_becomes("{logs}:{type}", "{logs}:flow");
    assert_becomes("{{type}}:{{sensor}}", "{flow}:{edge-1}");
    assert_becomes("{{{type}}}", "{{flow}}");
    assert_becomes("{typ}{type {sensor", "{typ}{type {sensor");
    assert_becomes("}{", "}{");
    assert_becomes("100% {Type}", "100% {Type}");
}

static void
the_default_is_where_our_own_readers_look(void **state)
{
    char ours[REDIS_KEY_SIZE];

    (void)state;
    redis_key(ours, "edge-1", "flow");
    assert_becomes(REDIS_TEMPLATE_DEFAULT, ours);
}

static void
what_does_not_fit_is_refused_whole(void **state)
{
    char text[2 * REDIS_TEMPLATE_KEY_SIZE], key[REDIS_TEMPLATE_KEY_SIZE];
    const size_t most = REDIS_TEMPLATE_KEY_SIZE - 1;

    (void)state;
    memset(text, 'x', sizeof text);
    text[most] = '\0';
    assert_true(redis_template_expand(text, "edge-1", "flow", key));
    assert_string_equal(key, text);
    text[most] = 'x';
    text[most + 1] = '\0';
    assert_false(redis_template_expand(text, "edge-1", "flow", key));
    assert_int_equal(strlen(key), most);

    memcpy(text + most - 3, "{type}", sizeof "{type}");
    assert_false(redis_template_expand(text, "edge-1", "flow", key));
    assert_int_equal(strlen(key), most - 3);
    memcpy(text + most - 4, "{type}", sizeof "{type}");
    assert_true(redis_template_expand(text, "edge-1", "flow", key));
    assert_int_equal(strlen(key), most);
}

static void
tokens_are_found(void **state)
{
    (void)state;
    assert_true(redis_template_has("a{{type}}", "{type}"));
    assert_false(redis_template_has("a{sensor}{typ}", "{type}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_replaced_and_all_else_is_literal),
        cmocka_unit_test(the_default_is_where_our_own_readers_look),
        cmocka_unit_test(what_does_not_fit_is_refused_whole),
        cmocka_unit_test(tokens_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
