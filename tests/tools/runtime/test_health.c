/* health.c */

#include "tests/support/test.h"

#include "tools/output/output.h"
#include "tools/runtime/health.h"

#include <stdio.h>
#include <string.h>

struct fixture {
    struct health health;
    struct live_report report;
    uint64_t turns[2];
    struct event_output outputs[2];
    struct health_facts facts;
    struct mono_time now;
};

static int
set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.report = {.n_interfaces = 2}};
    f.facts = (struct health_facts){&f.report, f.turns, 2, f.outputs, 2};
    for (size_t i = 0; i < 2; i++) {
        f.report.interfaces[i].name = i == 0 ? "eth0" : "eth1";
        f.report.interfaces[i].state = SOURCE_LIVE_CAPTURING;
        f.outputs[i].up = true;
        snprintf(f.outputs[i].name, sizeof f.outputs[i].name, "out%zu", i);
    }
    health_init(&f.health, f.now);
    *state = &f;
    return 0;
}

/* After some seconds, in which threads took turns or not. */
static void
look(struct fixture *f, int64_t seconds, unsigned n_moving)
{
    f->now.ns += seconds * SECOND_NS;
    for (unsigned i = 0; i < n_moving; i++) {
        f->turns[i]++;
    }
    health_look(&f->health, &f->facts, f->now);
}

static void
a_run_is_not_ready_before_it_was_looked_at(void **state)
{
    struct fixture *f = *state;

    assert_true(f->health.healthy);
    assert_false(f->health.ready);
    look(f, 1, 2);
    assert_true(f->health.ready);
    assert_string_equal(f->health.reason, "");
}

static void
one_interface_is_enough(void **state)
{
    struct fixture *f = *state;

    f->report.interfaces[0].state = SOURCE_LIVE_DOWN;
    look(f, 1, 2);
    assert_true(f->health.ready);
}

static void
a_sender_may_be_slow_and_not_stuck(void **state)
{
    struct fixture *f = *state;

    f->outputs[1].turns = 7;
    look(f, 1, 2);
    for (unsigned i = 1; i < OUTPUT_STUCK_NS / SECOND_NS; i++) {
        look(f, 1, 2);
        assert_true(f->health.healthy);
    }
    f->outputs[1].turns++;
    look(f, 1, 2);
    for (unsigned i = 1; i < OUTPUT_STUCK_NS / SECOND_NS; i++) {
        look(f, 1, 2);
    }
    assert_true(f->health.ready);
    look(f, 1, 2);
    assert_false(f->health.healthy);
    assert_false(f->health.ready);
    assert_string_equal(f->health.reason,
                        "what sends to out1 has been stuck for 180 s");
    f->outputs[1].turns++;
    look(f, 1, 2);
    assert_true(f->health.ready);
}

static void
who_is_denied_is_not_ready_but_healthy(void **state)
{
    struct fixture *f = *state;

    f->outputs[1].up = false;
    look(f, 1, 2);
    assert_true(f->health.ready);
    f->outputs[1].is_denied = true;
    snprintf(f->outputs[1].error.message, sizeof f->outputs[1].error.message,
             "NOPERM");
    look(f, 1, 2);
    assert_false(f->health.ready);
    assert_true(f->health.healthy);
    assert_string_equal(f->health.reason, "out1 lets nobody in: NOPERM");
    f->outputs[1].up = true;
    look(f, 1, 2);
    assert_true(f->health.ready);
}

static void
without_any_it_is_not_ready_but_healthy(void **state)
{
    struct fixture *f = *state;

    f->report.interfaces[0].state = SOURCE_LIVE_LOST;
    f->report.interfaces[1].state = SOURCE_LIVE_DOWN;
    snprintf(f->report.interfaces[0].reason,
             sizeof f->report.interfaces[0].reason, "it disappeared");
    look(f, 1, 2);
    assert_false(f->health.ready);
    assert_true(f->health.healthy);
    assert_string_equal(f->health.reason,
                        "no interface captures; eth0: lost: it disappeared");
    f->report.interfaces[1].state = SOURCE_LIVE_CAPTURING;
    look(f, 1, 2);
    assert_true(f->health.ready);
    assert_string_equal(f->health.reason, "");
}

static void
one_thread_that_is_stuck_is_enough_to_be_ill(void **state)
{
    struct fixture *f = *state;

    look(f, 1, 2);
    look(f, 9, 1);
    assert_true(f->health.healthy);
    look(f, 1, 1);
    assert_false(f->health.healthy);
    assert_false(f->health.ready);
    assert_string_equal(f->health.reason,
                        "thread 2 of 2 has been stuck for 10 s");
    look(f, 1, 2);
    assert_true(f->health.healthy);
    assert_true(f->health.ready);
}

static void
an_output_that_is_down_may_be_as_long_as_its_events_can_wait(void **state)
{
    struct fixture *f = *state;

    f->outputs[1].kind[EVENT_FLOW].dropped = 5; /* Long ago. */
    look(f, 1, 2);
    f->outputs[1].up = false;
    look(f, 1, 2);
    assert_true(f->health.ready);
    f->outputs[1].kind[EVENT_VIOLATION].dropped = 2;
    look(f, 1, 2);
    assert_false(f->health.ready);
    assert_true(f->health.healthy);
    assert_string_equal(f->health.reason,
                        "out1 is down, and 2 events were lost since");
    f->outputs[1].up = true;
    look(f, 1, 2);
    assert_true(f->health.ready);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_run_is_not_ready_before_it_was_looked_at,
                               set_up),
        cmocka_unit_test_setup(one_interface_is_enough, set_up),
        cmocka_unit_test_setup(a_sender_may_be_slow_and_not_stuck, set_up),
        cmocka_unit_test_setup(who_is_denied_is_not_ready_but_healthy, set_up),
        cmocka_unit_test_setup(without_any_it_is_not_ready_but_healthy, set_up),
        cmocka_unit_test_setup(one_thread_that_is_stuck_is_enough_to_be_ill,
                               set_up),
        cmocka_unit_test_setup(
            an_output_that_is_down_may_be_as_long_as_its_events_can_wait,
            set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
