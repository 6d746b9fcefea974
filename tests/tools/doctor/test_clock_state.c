/* Clocks as nobody may make them on the machine that runs the tests. */

#include "tests/support/test.h"

#include "tools/doctor/clock_state.h"
#include "tools/doctor/diagnosis.h"
#include "tools/doctor/traffic.h"

#include <string.h>

#define NOON (INT64_C(1773144000) * SECOND_NS) /* 2026-03-10. */

static struct diagnosis diagnosis;

static int
setup(void **state)
{
    (void)state;
    diagnosis_init(&diagnosis);
    return 0;
}

static struct clock_state
good_clock(int64_t seconds)
{
    return (struct clock_state){
        .is_known = true,
        .is_synchronised = true,
        .error_ns = MILLISECOND_NS,
        .max_error_ns = 20 * MILLISECOND_NS,
        .wall = {NOON + seconds * SECOND_NS},
        .mono = {seconds * SECOND_NS},
    };
}

static void
assert_finds(const struct clock_state *before, const struct clock_state *after,
             enum diagnosis_code code)
{
    diagnosis_init(&diagnosis);
    clock_state_check(before, after, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 1);
    assert_int_equal(diagnosis.findings[0].code, code);
    assert_true(diagnosis.findings[0].fix[0]);
}

static void
a_good_clock_has_no_findings(void **state)
{
    struct clock_state before = good_clock(0), after = good_clock(10);

    (void)state;
    after.wall.ns += 99 * MILLISECOND_NS; /* As when it is slewed. */
    clock_state_check(&before, &after, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 0);
    assert_false(diagnosis.is_incomplete);
}

static void
the_clock_of_this_machine_can_be_read(void **state)
{
    struct clock_state before, after;

    (void)state;
    clock_state_read(&before);
    clock_state_read(&after);
    assert_true(after.mono.ns >= before.mono.ns);
    assert_true(after.wall.ns > NOON / 2);
}

static void
each_trouble_has_its_finding(void **state)
{
    struct clock_state before = good_clock(0), after = good_clock(10);

    (void)state;
    after.is_synchronised = false;
    after.error_ns = 16 * SECOND_NS;
    assert_finds(&before, &after, DIAGNOSIS_CLOCK_UNSYNCHRONISED);
    after = good_clock(10);
    after.error_ns = 150 * MILLISECOND_NS;
    assert_finds(&before, &after, DIAGNOSIS_CLOCK_ERROR);
    after = good_clock(10);
    after.wall.ns += 3600 * SECOND_NS;
    assert_finds(&before, &after, DIAGNOSIS_CLOCK_STEP);
    assert_string_equal(diagnosis.findings[0].what,
                        "the clock was set forward by 3600000 milliseconds "
                        "during the examination");
    after.wall.ns -= 7200 * SECOND_NS;
    assert_finds(&before, &after, DIAGNOSIS_CLOCK_STEP);
    assert_non_null(strstr(diagnosis.findings[0].what, "set back by 3600000"));
    before = good_clock(0);
    after = good_clock(10);
    before.wall.ns -= NOON;
    after.wall.ns -= NOON;
    assert_finds(&before, &after, DIAGNOSIS_CLOCK_WRONG);
}

static void
a_kernel_that_does_not_tell_leaves_it_unexamined(void **state)
{
    struct clock_state before = good_clock(0), after = good_clock(10);

    (void)state;
    after.is_known = after.is_synchronised = false;
    clock_state_check(&before, &after, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 0);
    assert_true(diagnosis.is_incomplete);
}

static void
stamps_of_another_clock_are_found(void **state)
{
    static const struct {
        int64_t lag_ns;
        bool good;
    } cases[] = {
        {0, true},
        {50 * MILLISECOND_NS, true},
        {-50 * MILLISECOND_NS, true},
        {1999 * MILLISECOND_NS, true},
        {37 * SECOND_NS, false}, /* TAI is ahead of UTC by so much. */
        {-37 * SECOND_NS, false},
        {-100 * MILLISECOND_NS, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct traffic_counts counts;

        counts.frames = 1;
        counts.least_lag_ns = cases[i].lag_ns;
        diagnosis_init(&diagnosis);
        clock_state_check_stamps("eth1", &counts, &diagnosis);
        assert_int_equal(diagnosis.n_findings, !cases[i].good);
    }
}

static void
no_frames_have_no_stamps(void **state)
{
    static struct traffic_counts counts = {.least_lag_ns = INT64_MAX};

    (void)state;
    clock_state_check_stamps("eth1", &counts, &diagnosis);
    assert_int_equal(diagnosis.n_findings, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_clock_has_no_findings, setup),
        cmocka_unit_test_setup(the_clock_of_this_machine_can_be_read, setup),
        cmocka_unit_test_setup(each_trouble_has_its_finding, setup),
        cmocka_unit_test_setup(a_kernel_that_does_not_tell_leaves_it_unexamined,
                               setup),
        cmocka_unit_test_setup(stamps_of_another_clock_are_found, setup),
        cmocka_unit_test_setup(no_frames_have_no_stamps, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
