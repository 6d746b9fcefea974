/* blindness.c and clock_watch.h, on made-up clocks and counters. */

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/runtime/blindness.h"

#include <stdlib.h>
#include <string.h>

#define START (INT64_C(1700000000) * SECOND_NS)
#define TICK  (100 * MILLISECOND_NS)

static const char policy_text[] = "version: 1\n"
                                  "policy: {name: test, revision: '1'}\n"
                                  "segments:\n"
                                  "  a: {networks: [10.1.0.0/16]}\n"
                                  "  b: {networks: [10.2.0.0/16]}\n"
                                  "rules:\n"
                                  "  - {id: any, from: any, to: any,\n"
                                  "     action: allow}\n";

static struct policy *policy;
static struct blindness blindness;
static struct pairs pairs;
static struct event_interface interfaces[2];
static struct flow_table_counters flows;
static struct blindness_view view;

static int
start(void **state)
{
    struct error error;

    (void)state;
    memset(interfaces, 0, sizeof interfaces);
    memset(&flows, 0, sizeof flows);
    policy = sound_policy(policy_text, strlen(policy_text), NULL);
    interfaces[0] = (struct event_interface){.name = "eth0", .n_workers = 2};
    interfaces[1] = (struct event_interface){.name = "eth1", .n_workers = 2};
    view = (struct blindness_view){.now = {.mono = {5}, .wall = {START}},
                                   .interfaces = interfaces,
                                   .n_interfaces = 2,
                                   .flows = &flows};
    return pairs_init(&pairs, policy, &error) &&
                   blindness_init(&blindness, policy, &error)
               ? 0
               : -1;
}

static int
stop(void **state)
{
    (void)state;
    blindness_done(&blindness);
    pairs_done(&pairs);
    policy_unref(policy);
    return 0;
}

static int64_t
look_after(int64_t ns)
{
    view.now.mono.ns += ns;
    view.now.boot_ns += ns;
    view.now.wall.ns += ns;
    return blindness_look(&blindness, &view);
}

/* As the thread of the command does, for so long. */
static void
pass(int64_t ns)
{
    for (; ns > 0; ns -= TICK) {
        look_after(TICK);
    }
}

/* The one interval there is. */
static const struct event_blindness *
only(enum event_blindness_cause cause)
{
    assert_int_equal(blindness.n, 1);
    assert_int_equal(blindness.list[0].told.cause, cause);
    return &blindness.list[0].told;
}

static void
an_interface_that_is_down_is_dark_until_it_is_up(void **state)
{
    int64_t down, up;

    (void)state;
    pass(SECOND_NS);
    assert_int_equal(blindness.n, 0);
    interfaces[1].state = SOURCE_LIVE_DOWN;
    pass(TICK);
    down = view.now.wall.ns;
    assert_string_equal(only(EVENT_BLINDNESS_INTERFACE)->interface, "eth1");
    assert_int_equal(blindness.list[0].told.begin.ns, down);
    assert_int_equal(blindness.list[0].told.visibility, EVENT_VISIBILITY_NONE);
    assert_int_equal(blindness.changes, 1);
    pass(60 * SECOND_NS);
    assert_int_equal(only(EVENT_BLINDNESS_INTERFACE)->end.ns, 0);
    interfaces[1].state = SOURCE_LIVE_CAPTURING;
    pass(TICK);
    up = view.now.wall.ns;
    assert_int_equal(only(EVENT_BLINDNESS_INTERFACE)->end.ns, up);
    assert_int_equal(blindness.changes, 2);
    blindness_next_period(&blindness);
    assert_int_equal(blindness.n, 0);
}

static void
losses_are_one_interval_until_it_is_quiet(void **state)
{
    int64_t last = 0;

    (void)state;
    pass(5 * SECOND_NS);
    for (int i = 0; i < 5; i++) { /* Every five seconds. */
        interfaces[0].workers[0].received += 1000;
        interfaces[0].workers[1].kernel_drops += 10;
        pass(SECOND_NS);
        last = view.now.wall.ns;
        pass(4 * SECOND_NS);
    }
    assert_int_equal(only(EVENT_BLINDNESS_KERNEL_DROPS)->lost, 50);
    assert_true(blindness.list[0].told.begin.ns >= START + 4 * SECOND_NS);
    assert_true(blindness.list[0].told.begin.ns <= START + 5 * SECOND_NS);
    assert_int_equal(blindness.list[0].told.end.ns, 0);
    pass(BLINDNESS_QUIET_NS);
    assert_int_equal(only(EVENT_BLINDNESS_KERNEL_DROPS)->lost, 50);
    assert_in_range(blindness.list[0].told.end.ns, last - SECOND_NS, last);
}

static void
few_losses_among_many_frames_are_counted_only(void **state)
{
    (void)state;
    pass(SECOND_NS);
    for (int i = 0; i < 60; i++) {
        interfaces[0].workers[0].received +=
            (uint64_t)2 * BLINDNESS_FRAMES_PER_LOSS;
        interfaces[0].missed++;
        pass(SECOND_NS);
    }
    assert_int_equal(blindness.n, 0);
    interfaces[0].missed += 10;
    pass(SECOND_NS);
    assert_int_equal(only(EVENT_BLINDNESS_DEVICE_DROPS)->lost, 10);
}

static void
lost_events_and_full_tables_blind_everything(void **state)
{
    (void)state;
    pass(SECOND_NS);
    view.dropped = 3;
    pass(SECOND_NS);
    assert_int_equal(only(EVENT_BLINDNESS_OUTPUT_DROPS)->lost, 3);
    assert_null(blindness.list[0].told.interface);
    blindness_next_period(&blindness);
    assert_int_equal(blindness.n, 1); /* It goes on. */
    pass(2 * BLINDNESS_QUIET_NS);
    blindness_next_period(&blindness);
    assert_int_equal(blindness.n, 0);
    flows.emergency = 1;
    pass(SECOND_NS);
    flows.emergency = 0;
    pass(TICK);
    assert_int_equal(only(EVENT_BLINDNESS_EMERGENCY)->end.ns, view.now.wall.ns);
}

static void
a_program_kept_from_running_says_for_how_long(void **state)
{
    (void)state;
    pass(SECOND_NS);
    look_after(BLINDNESS_SUSPENDED_NS - 1);
    assert_int_equal(blindness.n, 0);
    look_after(30 * SECOND_NS);
    assert_int_equal(only(EVENT_BLINDNESS_SUSPENDED)->end.ns, view.now.wall.ns);
    assert_int_equal(blindness.list[0].told.begin.ns,
                     view.now.wall.ns - 30 * SECOND_NS);
}

/* Those who count need a moment, too, before they know what was lost. */
static void
losses_while_it_did_not_run_are_of_that_time(void **state)
{
    int64_t before;

    (void)state;
    pass(SECOND_NS);
    before = view.now.wall.ns;
    look_after(10 * SECOND_NS);
    pass(3 * TICK);
    interfaces[0].workers[0].kernel_drops = 7;
    pass(SECOND_NS);
    assert_int_equal(blindness.n, 2);
    assert_int_equal(blindness.list[1].told.cause,
                     EVENT_BLINDNESS_KERNEL_DROPS);
    assert_true(blindness.list[1].told.begin.ns <= before);
}

/* CLOCK_MONOTONIC stands still while the system sleeps. */
static void
a_system_that_slept_is_no_clock_that_was_set(void **state)
{
    (void)state;
    pass(SECOND_NS);
    view.now.boot_ns += 3600 * SECOND_NS;
    view.now.wall.ns += 3600 * SECOND_NS;
    assert_int_equal(blindness_look(&blindness, &view), 0);
    assert_int_equal(blindness.clock_steps, 0);
    assert_int_equal(only(EVENT_BLINDNESS_SUSPENDED)->begin.ns,
                     START + SECOND_NS);
}

static void
a_clock_that_is_set_is_told_with_the_times_it_makes_doubtful(void **state)
{
    static const int64_t steps[] = {SECOND_NS, 3600 * SECOND_NS,
                                    -3600 * SECOND_NS, -START + SECOND_NS,
                                    INT64_C(2200000000) * SECOND_NS - START};

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int64_t before;
        bool ahead = steps[i] > 0;

        start(state);
        pass(SECOND_NS);
        before = view.now.wall.ns + TICK;
        view.now.wall.ns += steps[i];
        assert_int_equal(look_after(TICK), steps[i]);
        assert_int_equal(blindness.clock_steps, 1);
        assert_int_equal(only(EVENT_BLINDNESS_CLOCK_STEP)->begin.ns,
                         ahead ? before : view.now.wall.ns);
        assert_int_equal(blindness.list[0].told.end.ns,
                         ahead ? view.now.wall.ns : before);
        pass(SECOND_NS);
        assert_int_equal(blindness.clock_steps, 1);
        stop(state);
    }
    start(state);
}

static void
a_clock_that_is_slewed_is_not_set(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) { /* 500 ppm, for three hours. */
        view.now.wall.ns += TICK / 2000;
        assert_int_equal(look_after(TICK), 0);
    }
    assert_int_equal(blindness.n, 0);
}

static struct event_pair_counts *
of_pair(segment_id src, segment_id dst)
{
    return pairs_at(&pairs, (segment_id)(SEGMENT_N_BUILTIN + src),
                    (segment_id)(SEGMENT_N_BUILTIN + dst));
}

static void
beat(void)
{
    pass(10 * SECOND_NS);
    blindness_next_period(&blindness);
    blindness_look_at_pairs(&blindness, &pairs, view.now.wall);
}

static enum event_visibility
visibility_of(const char *src)
{
    struct event_pair *list = pairs_list(&pairs);
    enum event_visibility visibility = EVENT_N_VISIBILITIES;

    assert_non_null(list);
    blindness_judge(&blindness, list, pairs.n);
    for (size_t i = 0; i < pairs.n; i++) {
        if (strcmp(list[i].src, src) == 0) {
            visibility = list[i].visibility;
        }
    }
    free(list);
    return visibility;
}

static void
gaps_blind_the_pair_they_are_in(void **state)
{
    int64_t begin, end;

    (void)state;
    of_pair(0, 1)->bytes[0] = 1000000;
    of_pair(1, 0)->bytes[0] = 1000000;
    beat();
    assert_int_equal(blindness.n, 0);
    assert_int_equal(visibility_of("a"), EVENT_VISIBILITY_FULL);
    begin = view.now.wall.ns;
    of_pair(0, 1)->missed_bytes[1] = 20000;
    of_pair(0, 1)->bytes[0] += 1000000;
    beat();
    end = view.now.wall.ns;
    assert_int_equal(only(EVENT_BLINDNESS_GAPS)->lost, 20000);
    assert_string_equal(blindness.list[0].told.src, "a");
    assert_string_equal(blindness.list[0].told.dst, "b");
    assert_int_equal(blindness.list[0].told.begin.ns, begin);
    assert_int_equal(visibility_of("a"), EVENT_VISIBILITY_PARTIAL);
    assert_int_equal(visibility_of("b"), EVENT_VISIBILITY_FULL);
    of_pair(0, 1)->bytes[0] += 1000000;
    beat();
    assert_int_equal(only(EVENT_BLINDNESS_GAPS)->end.ns, end);
    assert_int_equal(visibility_of("a"), EVENT_VISIBILITY_FULL);
}

static void
few_gaps_and_few_flows_from_one_end_are_counted_only(void **state)
{
    (void)state;
    of_pair(0, 1)->missed_bytes[0] = BLINDNESS_MIN_GAP_BYTES - 1;
    of_pair(1, 0)->missed_bytes[0] = 20000;
    of_pair(1, 0)->bytes[0] = (uint64_t)20000 * BLINDNESS_BYTES_PER_GAP;
    of_pair(0, 0)->one_sided = BLINDNESS_MIN_ONE_SIDED - 1;
    of_pair(1, 1)->one_sided = 4;
    of_pair(1, 1)->two_sided = (uint64_t)5 * BLINDNESS_FLOWS_PER_ONE_SIDED;
    beat();
    assert_int_equal(blindness.n, 0);
    of_pair(1, 1)->one_sided += 4;
    beat();
    assert_int_equal(only(EVENT_BLINDNESS_ONE_SIDED)->lost, 4);
    of_pair(1, 1)->one_sided = 0; /* They came late. */
    beat();
    assert_true(only(EVENT_BLINDNESS_ONE_SIDED)->end.ns != 0);
}

static void
pairs_are_dark_while_all_interfaces_are(void **state)
{
    (void)state;
    of_pair(0, 1)->flows = 1;
    pass(SECOND_NS);
    interfaces[0].state = SOURCE_LIVE_LOST;
    beat();
    beat();
    assert_int_equal(visibility_of("a"), EVENT_VISIBILITY_PARTIAL);
    interfaces[1].state = SOURCE_LIVE_DOWN;
    beat();
    assert_int_equal(visibility_of("a"), EVENT_VISIBILITY_PARTIAL);
    beat();
    assert_int_equal(visibility_of("a"), EVENT_VISIBILITY_NONE);
}

static void
intervals_beyond_the_limit_are_counted(void **state)
{
    enum {
        N_MORE = 5
    };
    struct event_blindness list[BLINDNESS_MAX];
    struct event_status status = {.cause = EVENT_STATUS_CHANGE};
    int toggles = BLINDNESS_MAX + N_MORE - 1;

    (void)state;
    interfaces[0].state = SOURCE_LIVE_DOWN; /* Which lasts. */
    for (int i = 0; i < toggles; i++) {
        flows.emergency = 1;
        pass(TICK);
        flows.emergency = 0;
        pass(TICK);
    }
    blindness_tell(&blindness, &status, list);
    assert_int_equal(status.n_blindness, BLINDNESS_MAX);
    assert_int_equal(status.blindness_left_out, N_MORE);
    assert_string_equal(list[0].interface, "eth0");
    blindness_next_period(&blindness);
    blindness_tell(&blindness, &status, list);
    assert_int_equal(status.n_blindness, 1);
    assert_int_equal(status.blindness_left_out, 0);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(an_interface_that_is_down_is_dark_until_it_is_up),
        TEST(losses_are_one_interval_until_it_is_quiet),
        TEST(few_losses_among_many_frames_are_counted_only),
        TEST(lost_events_and_full_tables_blind_everything),
        TEST(a_program_kept_from_running_says_for_how_long),
        TEST(losses_while_it_did_not_run_are_of_that_time),
        TEST(a_system_that_slept_is_no_clock_that_was_set),
        cmocka_unit_test_teardown(
            a_clock_that_is_set_is_told_with_the_times_it_makes_doubtful, stop),
        TEST(a_clock_that_is_slewed_is_not_set),
        TEST(gaps_blind_the_pair_they_are_in),
        TEST(few_gaps_and_few_flows_from_one_end_are_counted_only),
        TEST(pairs_are_dark_while_all_interfaces_are),
        TEST(intervals_beyond_the_limit_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
