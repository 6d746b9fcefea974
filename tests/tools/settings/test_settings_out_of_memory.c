/* What becomes of settings when there is no memory: for every allocation, what
 * if just that one failed, and what if all from there did. */

#include "tests/support/failing_malloc.h"
#include "tests/support/test.h"

#include "rules/problems.h"
#include "tools/settings/settings.h"

#include <string.h>

enum {
    EXIT_SKIPPED = 77,
    LEAST_ALLOCATIONS = 10 /* Else nothing is tried. */
};

static const char text[] = "sensor: s\n"
                           "policy: p.yaml\n"
                           "memory: 2G\n"
                           "capture: {interfaces: [a, b], workers: 2}\n"
                           "flows: {timeouts: {icmp: 10s}}\n"
                           "outputs:\n"
                           "  - {redis: 'redis://u:p@h', events: [flow]}\n"
                           "  - /var/log/x\n";
static const struct settings_override overrides[] = {
    {"interface", "capture.interfaces", "c,d"},
    {"redis", SETTINGS_OUTPUT_REDIS, "redis://h"},
    {"set", "privacy.redact", "hostnames"},
};
static struct settings whole, settings;

static bool
load(struct settings *into, struct problems *problems)
{
    const struct settings_source source = {
        .live = true, .overrides = overrides, .n_overrides = 3};

    problems_init(problems);
    return settings_load_bytes(into, "s.yaml", text, sizeof text - 1,
                               problems) &&
           settings_load(into, &source, problems);
}

/* True if allocation 'nth' was reached. */
static bool
load_without(size_t nth, enum failing_malloc_mode mode)
{
    struct problems problems;
    long live = failing_malloc_live();
    size_t n_asked;
    bool good;

    failing_malloc_arm(nth, mode);
    good = load(&settings, &problems);
    n_asked = failing_malloc_disarm();
    if (good != (problems.n_errors == 0)) {
        fail_msg("allocation %zu fails and nothing is said", nth);
    }
    if (good) {
        assert_memory_equal(&settings, &whole, sizeof whole);
    }
    problems_done(&problems);
    if (failing_malloc_live() != live) {
        fail_msg("allocation %zu fails and %ld blocks are not freed", nth,
                 failing_malloc_live() - live);
    }
    return n_asked >= nth;
}

static void
settings_are_whole_or_refused(void **state)
{
    struct problems problems;
    size_t nth = 1;

    (void)state;
    assert_true(load(&whole, &problems));
    problems_done(&problems);
    while (load_without(nth, FAILING_MALLOC_ONCE)) {
        load_without(nth, FAILING_MALLOC_FROM);
        nth++;
    }
    assert_true(nth > LEAST_ALLOCATIONS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_whole_or_refused),
    };

    if (!failing_malloc_works()) {
        return EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
