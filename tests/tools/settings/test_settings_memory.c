/* settings_memory.h */

#include "tests/support/test.h"

#include "tests/tools/settings/settings_fixture.h"
#include "tools/settings/settings_memory.h"
#include "tools/spool/spool.h"

static void
the_budget_is_shared_out_and_never_passed(void **state)
{
    static const char *const texts[] = {
        "memory: 1G\n",
        "memory: 300M\ncapture: {interfaces: [a]}\n",
        "memory: 64G\ncapture: {interfaces: [a, b], workers: 8}\n",
        "memory: 1G\ndpi: {enabled: false}\noutputs: [a]\n",
        "memory: 1G\ndpi: {memory: 300M}\n",
        "memory: 1G\nflows: {memory: 100M}\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct fixture *f = load_good(texts[i]);
        struct settings_memory m = settings_share_memory(&f->settings);
        uint64_t sum = m.capture + m.queues + m.program + m.dpi + m.flows;

        assert_true(sum <= f->settings.memory_bytes);
        assert_true(m.flows >= 4 << 20);
        if (!f->settings.flows.memory_bytes) {
            assert_true(sum == f->settings.memory_bytes);
        }
        done(f);
    }
}

static void
a_budget_that_is_too_small_is_refused_with_the_least(void **state)
{
    const char *message, *least;
    struct fixture *f = load("sensor: s\nmemory: 100M\n"
                             "capture: {interfaces: [a, b], workers: 2}\n");
    char text[120];

    (void)state;
    assert_false(f->good);
    assert_int_equal(f->problems.list[0].line, 2);
    assert_int_equal(f->problems.list[0].column, 9);
    message = f->problems.list[0].message;
    assert_non_null(strstr(message, "capture rings take 256M"));
    least = strstr(message, "least is ");
    assert_non_null(least);
    for (int less = 0; less < 2; less++) {
        snprintf(text, sizeof text,
                 "memory: %ldM\n"
                 "capture: {interfaces: [a, b], workers: 2}\n",
                 strtol(least + 9, NULL, 10) - less);
        if (less) {
            assert_refused(text, "E-BUDGET", 1, 9, "is too small");
        } else {
            done(load_good(text));
        }
    }
    done(f);
}

static void
what_it_comes_to_is_said_in_words(void **state)
{
    struct fixture *f = load_good("outputs: [a]\ncapture: {interfaces: [a]}\n");
    char text[200];

    (void)state;
    settings_memory_text(&f->settings, text, sizeof text);
    assert_string_equal(text,
                        "capture rings 64M, event queues 15M, program 124M, "
                        "applications 128M, flow table no limit");
    done(f);
}

/* Events wait there, in memory if need be. */
static void
an_output_to_redis_takes_what_its_spool_may(void **state)
{
    struct fixture *file = load_good("outputs: [a]\n");
    struct fixture *redis = load_good("outputs: [redis://a]\n");

    (void)state;
    assert_true(settings_share_memory(&redis->settings).queues >=
                settings_share_memory(&file->settings).queues +
                    SPOOL_DEFAULT_MEMORY_BYTES);
    done(file);
    done(redis);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_budget_is_shared_out_and_never_passed),
        cmocka_unit_test(a_budget_that_is_too_small_is_refused_with_the_least),
        cmocka_unit_test(an_output_to_redis_takes_what_its_spool_may),
        cmocka_unit_test(what_it_comes_to_is_said_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
