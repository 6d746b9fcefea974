/* top_model.h: what is made of what sensors tell, and of what they do not */

#include "tests/support/test.h"

#include "tools/watch/top_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct top_model model;

static struct top_state
make_state(const char *epoch, int64_t seconds, uint64_t frames, uint64_t lost)
{
    struct top_state state = {.seen = {seconds * SECOND_NS},
                              .counters = {[TOP_FRAMES] = frames},
                              .lost = {[REDIS_STATE_KERNEL] = lost}};

    top_copy_text(state.epoch, sizeof state.epoch, epoch);
    top_copy_text(state.phase, sizeof state.phase, "running");
    return state;
}

static void
take(struct top_sensor *sensor, struct top_state state)
{
    top_sensor_take(sensor, &state);
}

static void
expect_rate(double rate, double expected)
{
    assert_true(fabs(rate - expected) < 1e-9);
}

static void
rates_are_differences_over_the_time_the_sensor_tells(void **context)
{
    struct top_sensor *sensor = top_model_sensor(&model, "a");

    (void)context;
    take(sensor, make_state("1", 100, 1000, 0));
    assert_false(sensor->has_rates);
    take(sensor, make_state("1", 105, 6000, 10));
    assert_true(sensor->has_rates);
    expect_rate(sensor->rates[TOP_FRAMES], 1000);
    expect_rate(sensor->lost_rates[REDIS_STATE_KERNEL], 2);
    /* The same state again: nothing is known that is newer. */
    take(sensor, make_state("1", 105, 6000, 10));
    expect_rate(sensor->rates[TOP_FRAMES], 1000);
    take(sensor, make_state("1", 110, 6000, 10));
    expect_rate(sensor->rates[TOP_FRAMES], 0);
}

static void
a_sensor_that_began_anew_has_no_rates_yet(void **context)
{
    struct top_sensor *sensor = top_model_sensor(&model, "a");

    (void)context;
    take(sensor, make_state("1", 100, 1000, 0));
    take(sensor, make_state("1", 105, 6000, 0));
    take(sensor, make_state("2", 110, 10, 0));
    assert_false(sensor->has_rates);
    take(sensor, make_state("2", 112, 30, 0));
    expect_rate(sensor->rates[TOP_FRAMES], 10);
}

static void
what_goes_back_has_no_rate_below_nothing(void **context)
{
    struct top_sensor *sensor = top_model_sensor(&model, "a");

    (void)context;
    take(sensor, make_state("1", 100, 1000, 50));
    take(sensor, make_state("1", 101, 10, 0));
    expect_rate(sensor->rates[TOP_FRAMES], 0);
    take(sensor, make_state("1", 50, 10, 0)); /* Its clock was set back. */
    assert_true(sensor->has_rates);
    expect_rate(sensor->rates[TOP_FRAMES], 0);
}

static void
a_sensor_is_alive_while_its_state_is_there(void **context)
{
    struct top_sensor *sensor = top_model_sensor(&model, "a");
    struct top_state state = make_state("1", 100, 1, 0);

    (void)context;
    assert_false(sensor->is_alive);
    top_sensor_take(sensor, &state);
    assert_true(sensor->is_alive);
    top_sensor_miss(sensor);
    assert_false(sensor->is_alive);
    assert_int_equal(sensor->state.counters[TOP_FRAMES], 1);
    top_copy_text(state.phase, sizeof state.phase, "ended");
    top_sensor_take(sensor, &state);
    assert_false(sensor->is_alive);
}

static void
poll_pair(struct top_sensor *sensor, const char *value)
{
    enum top_column columns[8];
    size_t n = top_columns("nobody flows src_bytes", columns, 8);

    top_model_pair(&model, sensor, "users|web", value, columns, n);
    top_model_end_poll(&model);
}

static void
pairs_have_rates_of_the_columns_that_are_known(void **context)
{
    struct top_sensor *sensor = top_model_sensor(&model, "a");

    (void)context;
    take(sensor, make_state("1", 100, 0, 0));
    poll_pair(sensor, "9 10 1000");
    assert_int_equal(model.n_pairs, 1);
    assert_int_equal(model.pairs[0].values[TOP_COLUMN_flows], 10);
    assert_int_equal(model.pairs[0].values[TOP_COLUMN_src_bytes], 1000);
    assert_int_equal(model.pairs[0].values[TOP_COLUMN_dst_bytes], 0);
    assert_false(model.pairs[0].has_rates);
    take(sensor, make_state("1", 105, 0, 0));
    poll_pair(sensor, "9 20 6000");
    expect_rate(model.pairs[0].rates[TOP_COLUMN_src_bytes], 1000);
    take(sensor, make_state("1", 105, 0, 0));
    poll_pair(sensor, "9 20 6000");
    expect_rate(model.pairs[0].rates[TOP_COLUMN_src_bytes], 1000);
    top_model_end_poll(&model); /* It is not there any more. */
    assert_int_equal(model.n_pairs, 0);
}

static void
what_is_no_pair_is_passed_over(void **context)
{
    static const char *const wrong[] = {
        "",   "|",      "a|",
        "|b", "no bar", "a|b678901234567890123456789012345678901234567890123"};
    struct top_sensor *sensor = top_model_sensor(&model, "a");

    (void)context;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        top_model_pair(&model, sensor, wrong[i], "1", NULL, 0);
    }
    top_model_pair(&model, sensor, "a\x1b[2J|\xff|b",
                   "x -1 99999999999999999999",
                   (const enum top_column[]){0, 1, 2}, 3);
    top_model_end_poll(&model);
    assert_int_equal(model.n_pairs, 1);
    assert_string_equal(model.pairs[0].src, "a?[2J");
    assert_string_equal(model.pairs[0].dst, "?|b");
    assert_int_equal(model.pairs[0].values[0], 0);
    assert_int_equal(model.pairs[0].values[2], 0);
}

static void
there_is_room_for_so_many_and_no_more(void **context)
{
    struct top_sensor *sensor = top_model_sensor(&model, "a");
    char name[80];

    (void)context;
    for (unsigned i = 0; i <= TOP_MAX_PAIRS; i++) {
        assert_false(model.pairs_left_out);
        snprintf(name, sizeof name, "a%u|b", i);
        top_model_pair(&model, sensor, name, "", NULL, 0);
    }
    assert_true(model.pairs_left_out);
    top_model_end_poll(&model);
    assert_int_equal(model.n_pairs, TOP_MAX_PAIRS);
    for (unsigned i = 1; i < TOP_MAX_SENSORS; i++) {
        snprintf(name, sizeof name, "s%u", i);
        assert_non_null(top_model_sensor(&model, name));
    }
    assert_null(top_model_sensor(&model, "one more"));
    assert_ptr_equal(top_model_sensor(&model, "a"), sensor);
}

static void
tell(const char *rule, int level, const char *time)
{
    const struct event_view view = {
        .kind = EVENT_VIOLATION,
        .rule = rule,
        .level = level,
        .severity = level > 2 ? "high" : "low",
        .time = time,
        .src = {.segment = "users", .ip = "10.1.0.1", .port = 1},
        .dst = {.segment = "web", .ip = "10.2.0.1", .port = 443},
        .application = "TLS",
        .outcome = "data",
    };

    top_model_violation(&model, "a", &view);
}

static void
violations_of_a_rule_between_two_segments_are_one_row(void **context)
{
    (void)context;
    tell("r1", 3, "t1");
    tell("r2", 1, "t2");
    tell("r1", 1, "t3");
    assert_int_equal(model.n_violations, 2);
    assert_int_equal(model.n_events, 3);
    assert_int_equal(model.violations[0].n_events, 2);
    assert_string_equal(model.violations[0].severity, "high"); /* The worst. */
    assert_string_equal(model.violations[0].time, "t3");       /* The latest. */
    assert_string_equal(model.violations[0].ends, "10.1.0.1 -> 10.2.0.1:443");
    assert_true(model.violations[0].order > model.violations[1].order);
}

static void
the_group_that_was_silent_for_longest_makes_room(void **context)
{
    char rule[20];

    (void)context;
    for (unsigned i = 0; i < TOP_MAX_VIOLATIONS; i++) {
        snprintf(rule, sizeof rule, "r%u", i);
        tell(rule, 1, "t");
    }
    tell("r0", 1, "again");
    tell("new", 1, "t"); /* In place of r1. */
    assert_int_equal(model.n_violations, TOP_MAX_VIOLATIONS);
    assert_int_equal(model.n_forgotten, 1);
    assert_string_equal(model.violations[0].rule, "r0");
    assert_string_equal(model.violations[1].rule, "new");
    assert_int_equal(model.violations[1].n_events, 1);
}

static int
begin(void **context)
{
    (void)context;
    return top_model_init(&model) ? 0 : -1;
}

static int
end(void **context)
{
    (void)context;
    top_model_done(&model);
    return 0;
}

int
main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(rates_are_differences_over_the_time_the_sensor_tells),
        TEST(a_sensor_that_began_anew_has_no_rates_yet),
        TEST(what_goes_back_has_no_rate_below_nothing),
        TEST(a_sensor_is_alive_while_its_state_is_there),
        TEST(pairs_have_rates_of_the_columns_that_are_known),
        TEST(what_is_no_pair_is_passed_over),
        TEST(there_is_room_for_so_many_and_no_more),
        TEST(violations_of_a_rule_between_two_segments_are_one_row),
        TEST(the_group_that_was_silent_for_longest_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
