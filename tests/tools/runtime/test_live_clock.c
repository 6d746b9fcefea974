/* live_clock.h, on made-up clocks. */

#include "tests/support/test.h"

#include "tools/runtime/live_clock.h"

#define START (INT64_C(1700000000) * SECOND_NS)
#define HOUR  (3600 * SECOND_NS)

static struct live_clock live;
static struct system_clocks machine;

static int64_t
look_after(int64_t ns)
{
    machine.mono.ns += ns;
    machine.boot_ns += ns;
    machine.wall.ns += ns;
    return live_clock_look(&live, &machine);
}

static int
start(void **state)
{
    (void)state;
    live = (struct live_clock){.now = {START}};
    machine = (struct system_clocks){.wall = {START}};
    return look_after(0) ? -1 : 0;
}

static void
time_does_not_go_back(void **state)
{
    (void)state;
    live_clock_pass(&live, (struct wall_time){START + 5});
    live_clock_pass(&live, (struct wall_time){START + 3});
    assert_int_equal(live.now.ns, START + 5);
    assert_int_equal(look_after(30 * SECOND_NS), 0);
    assert_int_equal(live.now.ns, START + 5);
}

static void
it_follows_a_clock_that_is_set_either_way(void **state)
{
    static const int64_t steps[] = {SECOND_NS, HOUR, -HOUR, -START,
                                    INT64_C(4102444800) * SECOND_NS - START};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        start(state);
        machine.wall.ns += steps[i];
        assert_int_equal(look_after(SECOND_NS / 10), steps[i]);
        assert_int_equal(live.now.ns, START + steps[i]);
        assert_int_equal(look_after(SECOND_NS / 10), 0);
    }
}

static void
stamps_of_before_are_taken_along(void **state)
{
    struct wall_time old = {START + SECOND_NS / 100};
    struct wall_time new = {START - HOUR + SECOND_NS / 100};
    struct wall_time far = {START + 7 * HOUR};

    (void)state;
    assert_true(live_clock_fits(&live, old));
    assert_false(live_clock_fits(&live, new));
    machine.wall.ns -= HOUR;
    assert_int_equal(look_after(SECOND_NS / 10), -HOUR);
    assert_true(live_clock_fits(&live, new));
    assert_false(live_clock_fits(&live, old));
    assert_int_equal(live_clock_correct(&live, old).ns, new.ns);
    assert_int_equal(live_clock_correct(&live, far).ns, far.ns);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(time_does_not_go_back, start),
        cmocka_unit_test_setup(it_follows_a_clock_that_is_set_either_way,
                               start),
        cmocka_unit_test_setup(stamps_of_before_are_taken_along, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
