/* violation.h: attempts of very many sources are told together. */

#include "tests/support/test.h"

#include "tests/rules/violations.h"

enum {
    MOST = 20, /* Sources told one by one. */
    SSH = 22
};

static struct violation_options
few_targets(void)
{
    struct violation_options options = usual;

    options.collapse_targets = MOST;
    return options;
}

static struct violation_counters
counters_of(const struct fixture *f)
{
    struct violation_counters counters;

    violation_counters(f->tracker, &counters);
    return counters;
}

static const struct violation *
last_of(const struct fixture *f)
{
    return &f->told.list[f->told.n - 1];
}

static void
flood(struct fixture *f, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        hit(f, f->now, i, i % 200, SSH, FLOW_OUTCOME_ATTEMPT);
    }
}

static void
a_flood_is_told_when_it_begins_and_whenever_it_is_ten_times_as_large(
    void **state)
{
    struct violation_options options = few_targets();
    struct fixture f;

    (void)state;
    set_up(&f, &options, "", "");
    flood(&f, 0, MOST + 10000);
    assert_int_equal(f.told.n, MOST + 5);
    for (size_t i = 0; i < MOST; i++) {
        assert_told(&f, i, VIOLATION_KIND_NEW, 1);
    }
    assert_told(&f, MOST, VIOLATION_KIND_COLLAPSED, 1);
    assert_told(&f, MOST + 1, VIOLATION_KIND_UPDATE, 10);
    assert_told(&f, MOST + 4, VIOLATION_KIND_UPDATE, 10000);
    assert_true(last_of(&f)->all_srcs);
    assert_true(last_of(&f)->all_dsts);
    assert_false(last_of(&f)->all_ports);
    assert_int_equal(last_of(&f)->port, SSH);
    assert_in_range(last_of(&f)->n_targets, 9000, 11000);
    assert_string_equal(last_of(&f)->id, f.told.list[MOST].id);
    assert_int_equal(counters_of(&f).hits, MOST + 10000);
    assert_int_equal(counters_of(&f).flooded, 10000);
    assert_int_equal(counters_of(&f).overflow, 0);
    tear_down(&f);
}

static void
in_a_flood_who_gets_through_is_told(void **state)
{
    struct violation_options options = few_targets();
    struct fixture f;

    (void)state;
    set_up(&f, &options, "", "");
    flood(&f, 0, 1000);
    f.flow_id = 7; /* A SYN, part of the flood; then its handshake. */
    hit(&f, f.now, 5000, 1, SSH, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, f.now, 5000, 1, SSH, FLOW_OUTCOME_ESTABLISHED);
    assert_told(&f, f.told.n - 1, VIOLATION_KIND_NEW, 1);
    assert_false(last_of(&f)->all_srcs);
    assert_int_equal(last_of(&f)->outcome, FLOW_OUTCOME_ESTABLISHED);
    tear_down(&f);
}

static void
in_a_flood_what_else_happens_is_told(void **state)
{
    struct violation_options options = few_targets();
    struct fixture f;
    size_t n;

    (void)state;
    set_up(&f, &options, "", "");
    hit(&f, 0, 3000, 1, SSH, FLOW_OUTCOME_ATTEMPT);
    flood(&f, 0, 1000);
    n = f.told.n;
    hit(&f, f.now, 5000, 1, 80, FLOW_OUTCOME_ATTEMPT); /* Another service. */
    assert_int_equal(f.told.n, n + 1);
    assert_told(&f, n, VIOLATION_KIND_NEW, 1);
    hit(&f, f.now, 3000, 2, SSH, FLOW_OUTCOME_ATTEMPT); /* Known before. */
    assert_int_equal(f.told.n, n + 2);
    assert_told(&f, n + 1, VIOLATION_KIND_NEW, 1);
    tear_down(&f);
}

static void
after_a_flood_sources_are_told_again(void **state)
{
    struct violation_options options = few_targets();
    struct fixture f;
    size_t n;

    (void)state;
    set_up(&f, &options, "", "");
    flood(&f, 0, 1000);
    n = f.told.n;
    f.now = 15;
    flood(&f, 2000, 2); /* The last window had many. */
    assert_int_equal(f.told.n, n);
    f.now = 26;
    flood(&f, 3000, 1); /* It had two. */
    assert_int_equal(f.told.n, n + 1);
    assert_told(&f, n, VIOLATION_KIND_NEW, 1);
    tear_down(&f);
}

static void
many_sources_over_a_long_time_are_no_flood(void **state)
{
    struct violation_options options = few_targets();
    struct fixture f;

    (void)state;
    set_up(&f, &options, "", "");
    for (uint32_t i = 0; i < 60; i++) {
        hit(&f, i, i, 1, SSH, FLOW_OUTCOME_ATTEMPT);
    }
    assert_int_equal(f.told.n, 60);
    assert_int_equal(counters_of(&f).flooded, 0);
    tear_down(&f);
}

static void
a_flood_of_all_services_is_one(void **state)
{
    struct violation_options options = few_targets();
    struct fixture f;
    const size_t most = (size_t)4 * 10;

    (void)state;
    options.collapse_targets = 10;
    set_up(&f, &options, "", "");
    for (uint32_t i = 0; i < 5000; i++) {
        hit(&f, 0, i, 1, (uint16_t)(1000 + i), FLOW_OUTCOME_ATTEMPT);
    }
    assert_int_equal(f.told.n, most + 4);
    assert_true(last_of(&f)->all_srcs && last_of(&f)->all_ports);
    assert_int_equal(last_of(&f)->port, 0);
    assert_int_equal(counters_of(&f).flooded, 5000 - most);
    tear_down(&f);
}

static void
what_does_not_fit_and_came_to_nothing_is_told_together(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.max_active = 3; /* One violation and its two groups. */
    set_up(&f, &options, "", "");
    for (uint32_t i = 0; i < 100; i++) { /* Slow: no flood. */
        hit(&f, i, i, 1, SSH, FLOW_OUTCOME_ATTEMPT);
    }
    assert_int_equal(f.told.n, 3);
    assert_told(&f, 0, VIOLATION_KIND_NEW, 1);
    assert_told(&f, 1, VIOLATION_KIND_COLLAPSED, 1);
    assert_told(&f, 2, VIOLATION_KIND_UPDATE, 10);
    assert_int_equal(counters_of(&f).overflow, 99);
    assert_int_equal(counters_of(&f).flooded, 99);
    assert_int_equal(counters_of(&f).tracked, 3);
    tear_down(&f);
}

static void
a_flood_that_is_suppressed_is_not_told(void **state)
{
    struct violation_options options = few_targets();
    struct fixture f;

    (void)state;
    set_up(&f, &options, "",
           "alerting: {suppress: [{id: s, rule: r, until: 2099-01-01, "
           "reason: x, owner: y}]}\n");
    flood(&f, 0, 1000);
    assert_int_equal(f.told.n, 0);
    assert_int_equal(counters_of(&f).suppressed, 1000);
    tear_down(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_flood_is_told_when_it_begins_and_whenever_it_is_ten_times_as_large),
        cmocka_unit_test(in_a_flood_who_gets_through_is_told),
        cmocka_unit_test(in_a_flood_what_else_happens_is_told),
        cmocka_unit_test(after_a_flood_sources_are_told_again),
        cmocka_unit_test(many_sources_over_a_long_time_are_no_flood),
        cmocka_unit_test(a_flood_of_all_services_is_one),
        cmocka_unit_test(
            what_does_not_fit_and_came_to_nothing_is_told_together),
        cmocka_unit_test(a_flood_that_is_suppressed_is_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
