/* violation.h: what is told of a sequence of hits, and when. */

#include "tests/support/test.h"

#include "rules/policy_impl.h"
#include "tests/rules/violations.h"

#include <string.h>

static void
a_violation_is_told_again_after_realert(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 3599, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 3600, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 0, VIOLATION_KIND_NEW, 1);
    assert_told(&f, 1, VIOLATION_KIND_UPDATE, 3);
    assert_int_equal(f.told.list[1].count_since_last, 2);
    assert_int_equal(f.told.list[1].flow_ids[0], 3601);
    assert_int_equal(f.told.list[1].flow_ids[2], 1);
    assert_string_equal(f.told.list[0].id, f.told.list[1].id);
    tear_down(&f);
}

static void
a_flow_that_gets_worse_is_told_again_and_counted_once(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_ESCALATE, 1);
    f.again = false;
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 2);
    tear_down(&f);
}

static void
what_was_told_gets_worse_in_any_window_of_a_threshold(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "threshold: {count: 2, window: 60s}", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 1);
    f.again = true;
    hit(&f, 61, 1, 1, 22, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_ESCALATE, 2);
    tear_down(&f);
}

static void
a_detection_is_told_again_when_it_has_doubled(void **state)
{
    struct violation_hit facts = {.reason = VERDICT_REASON_DETECTED,
                                  .all_dsts = true};
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    facts.policy = f.policy;
    for (unsigned n = 25; n <= 100; n++) {
        facts.n_targets = n;
        facts.now.ns += SECOND_NS;
        violation_hit(f.tracker, &facts);
    }
    assert_int_equal(f.told.n, 3);
    assert_told(&f, 1, VIOLATION_KIND_UPDATE, 26);
    assert_int_equal(f.told.list[1].n_targets, 50);
    assert_int_equal(f.told.list[2].n_targets, 100);
    tear_down(&f);
}

static void
attempts_that_are_all_refused_in_the_end_leave_a_refused_violation(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    f.again = false;
    hit(&f, 3600, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_UPDATE, 3);
    assert_int_equal(f.told.list[1].outcome, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 3601, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    f.again = false;
    hit(&f, 7200, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    assert_int_equal(f.told.n, 3);
    assert_int_equal(f.told.list[2].outcome, FLOW_OUTCOME_REFUSED);
    tear_down(&f);
}

static void
a_flow_that_goes_on_is_told_after_realert_and_keeps_its_violation(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = f.goes_on = true;
    for (int64_t now = 300; now <= 172800; now += 300) {
        violation_advance(f.tracker, (struct wall_time){now * SECOND_NS});
        hit(&f, now, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
        assert_told(&f, f.told.n - 1,
                    now < 3600 ? VIOLATION_KIND_NEW : VIOLATION_KIND_UPDATE, 1);
    }
    assert_int_equal(f.told.list[f.told.n - 1].outcome, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 1 + 2 * 24);
    violation_advance(f.tracker, (struct wall_time){259200 * SECOND_NS});
    assert_told(&f, f.told.n - 1, VIOLATION_KIND_CLOSED, 1);
    tear_down(&f);
}

static void
what_goes_on_is_not_told_over_and_over_where_the_table_is_full(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.max_active = 1;
    set_up(&f, &options, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = f.goes_on = true;
    hit(&f, 300, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 1);
    tear_down(&f);
}

static void
a_flow_stays_with_the_violation_that_counted_it(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.collapse_targets = 2;
    set_up(&f, &options, "", "");
    for (uint32_t dst = 1; dst <= 3; dst++) {
        f.flow_id = dst;
        hit(&f, dst, 1, dst, 445, FLOW_OUTCOME_ATTEMPT);
    }
    assert_told(&f, 2, VIOLATION_KIND_COLLAPSED, 1);
    f.again = true;
    f.flow_id = 1;
    hit(&f, 10, 1, 1, 445, FLOW_OUTCOME_REFUSED);
    f.flow_id = 2;
    hit(&f, 11, 1, 2, 445, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(f.told.n, 4);
    assert_told(&f, 3, VIOLATION_KIND_ESCALATE, 1);
    assert_string_equal(f.told.list[3].id, f.told.list[1].id);
    f.again = false;
    f.flow_id = 4;
    hit(&f, 4000, 1, 4, 445, FLOW_OUTCOME_REFUSED);
    assert_told(&f, 4, VIOLATION_KIND_UPDATE, 2);
    assert_int_equal(f.told.list[4].outcome, FLOW_OUTCOME_ATTEMPT);
    tear_down(&f);
}

static void
a_flow_that_gets_worse_counts_once_towards_a_threshold(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "threshold: {count: 2, window: 60s}", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(f.told.n, 0);
    f.again = false;
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 1);
    tear_down(&f);
}

static void
a_rule_may_have_its_own_realert(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "realert: 10s", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 9, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 10, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 2);
    tear_down(&f);
}

static void
a_worse_outcome_is_told_at_once_and_data_adds_nothing(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ESTABLISHED);
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_DATA);
    hit(&f, 3, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_ESCALATE, 2);
    assert_true(f.told.list[1].score.total > f.told.list[0].score.total);
    tear_down(&f);
}

static void
identity_is_the_documented_digest(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 2, 22, FLOW_OUTCOME_ATTEMPT);
    /* printf 'v1|p|r|rule|10.1.0.1|10.2.0.2|6|22' | sha256sum */
    assert_string_equal(f.told.list[0].id, "5d089148bcd2ea74");
    tear_down(&f);
}

static void
without_readers_there_are_no_ids(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.ids = false;
    options.max_active = 3;
    set_up(&f, &options, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 1, 1, 2, 22, FLOW_OUTCOME_ATTEMPT); /* Not tracked. */
    assert_int_equal(f.told.n, 2);
    assert_string_equal(f.told.list[0].id, "");
    assert_string_equal(f.told.list[1].id, "");
    tear_down(&f);
}

static void
a_sweep_collapses_into_one_with_its_targets_counted(void **state)
{
    struct fixture f;
    uint64_t n;

    (void)state;
    set_up(&f, &usual, "", "");
    for (uint32_t dst = 0; dst < 50; dst++) {
        hit(&f, dst, 1, dst, 445, FLOW_OUTCOME_ATTEMPT);
    }
    assert_int_equal(f.told.n, 50);
    for (uint32_t dst = 50; dst < 2000; dst++) {
        hit(&f, 60, 1, dst, 445, FLOW_OUTCOME_ATTEMPT);
    }
    assert_int_equal(f.told.n, 51);
    assert_told(&f, 50, VIOLATION_KIND_COLLAPSED, 1);
    assert_true(f.told.list[50].all_dsts);
    assert_int_equal(f.told.list[50].n_targets, 51);
    hit(&f, 4000, 1, 7, 445, FLOW_OUTCOME_ATTEMPT);
    assert_told(&f, 51, VIOLATION_KIND_UPDATE, 1951);
    n = f.told.list[51].n_targets;
    assert_true(n > 1800 && n < 2200);
    tear_down(&f);
}

static void
a_port_sweep_collapses_too(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.collapse_targets = 3;
    set_up(&f, &options, "", "");
    for (uint16_t port = 1; port < 20; port++) {
        hit(&f, port, 1, 1, port, FLOW_OUTCOME_REFUSED);
    }
    assert_int_equal(f.told.n, 4);
    assert_told(&f, 3, VIOLATION_KIND_COLLAPSED, 1);
    assert_true(f.told.list[3].all_ports);
    assert_int_equal(f.told.list[3].port, 0);
    tear_down(&f);
}

static void
a_quiet_violation_is_closed_after_a_day(void **state)
{
    struct violation_counters counters;
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 100, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    violation_advance(f.tracker, (struct wall_time){86499 * SECOND_NS});
    assert_int_equal(f.told.n, 1);
    violation_advance(f.tracker, (struct wall_time){86500 * SECOND_NS});
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_CLOSED, 1);
    violation_counters(f.tracker, &counters);
    assert_int_equal(counters.tracked, 0);
    tear_down(&f);
}

static void
what_does_not_fit_and_got_through_is_told_and_counted(void **state)
{
    struct violation_options options = usual;
    struct violation_counters counters;
    struct fixture f;

    (void)state;
    options.max_active = 3; /* One violation and its two groups. */
    set_up(&f, &options, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 1, 2, 1, 22, FLOW_OUTCOME_DATA);
    hit(&f, 2, 2, 1, 22, FLOW_OUTCOME_DATA);
    assert_int_equal(f.told.n, 3);
    violation_counters(f.tracker, &counters);
    assert_int_equal(counters.hits, 3);
    assert_int_equal(counters.told, 3);
    assert_int_equal(counters.tracked, 3);
    assert_int_equal(counters.overflow, 2);
    tear_down(&f);
}

static void
a_policy_lives_as_long_as_its_violations(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    policy_unref(f.policy);
    f.policy = NULL;
    violation_advance(f.tracker, (struct wall_time){90000 * SECOND_NS});
    assert_int_equal(f.told.list[1].kind, VIOLATION_KIND_CLOSED);
    tear_down(&f);
}

/* Of one rule for each id, with segments in this order. */
static struct policy *
policy_of(const char *name, const char *const *ids, const char *segments)
{
    char text[2000];
    int n = snprintf(text, sizeof text,
                     "version: 1\npolicy: {name: %s, revision: \"2\"}\n"
                     "segments: {%s}\nrules:\n",
                     name, segments);

    for (; *ids; ids++) {
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "  - {id: %s, from: any, to: any, service: tcp/%s, "
                      "action: deny}\n",
                      *ids, strcmp(*ids, "r") == 0 ? "1-65535" : *ids + 1);
    }
    return sound_policy(text, strlen(text), NULL);
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
follow(struct fixture *f, struct policy *policy)
{
    violation_set_policy(f->tracker, policy);
    for (int i = 0; i < 1000; i++) {
        violation_advance(f->tracker, (struct wall_time){SECOND_NS});
    }
}

static void
violations_go_on_under_another_policy_of_the_same_names(void **state)
{
    struct policy *next =
        policy_of("p", IDS("x1", "x2", "r"),
                  "b: {networks: [192.0.2.0/24]}, a: {networks: [10.0.0.0/8]}");
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    for (uint32_t i = 0; i < 20; i++) {
        hit(&f, 0, i, i, 22, FLOW_OUTCOME_ATTEMPT);
    }
    follow(&f, next);
    assert_int_equal(f.told.n, 20);
    assert_int_equal(f.policy->references, 1); /* Nothing needs it. */
    policy_unref(f.policy);
    f.policy = next;
    for (uint32_t i = 0; i < 20; i++) { /* A worse outcome is no new one. */
        hit(&f, 2, i, i, 22, FLOW_OUTCOME_DATA);
    }
    assert_int_equal(f.told.n, 40);
    for (size_t i = 20; i < 40; i++) {
        const struct violation *violation = &f.told.list[i];

        assert_int_equal(violation->kind, VIOLATION_KIND_ESCALATE);
        assert_string_equal(policy_rule(next, (uint32_t)violation->rule)->id,
                            "r");
        assert_string_equal(policy_segment(next, violation->dst_segment)->name,
                            "a");
    }
    tear_down(&f);
}

static void
violations_of_a_rule_that_is_gone_are_closed(void **state)
{
    static const struct {
        const char *name, *id, *segments;
    } next[] = {{"p", "x9", "a: {networks: [10.0.0.0/8]}"},
                {"p", "r", "b: {networks: [10.0.0.0/8]}"},
                {"q", "r", "a: {networks: [10.0.0.0/8]}"}};
    struct violation_counters counters;

    (void)state;
    for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
        struct policy *policy =
            policy_of(next[i].name, IDS(next[i].id), next[i].segments);
        struct fixture f;

        set_up(&f, &usual, "", "");
        hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
        hit(&f, 0, 2, 2, 22, FLOW_OUTCOME_ATTEMPT);
        follow(&f, policy);
        assert_int_equal(f.told.n, 4);
        assert_told(&f, 2, VIOLATION_KIND_CLOSED, 1);
        assert_told(&f, 3, VIOLATION_KIND_CLOSED, 1);
        assert_ptr_equal(f.told.list[3].policy, f.policy);
        violation_counters(f.tracker, &counters);
        assert_int_equal(counters.tracked, 4); /* Groups of two sources. */
        assert_int_equal(f.policy->references, 1);
        tear_down(&f);
        policy_unref(policy);
    }
}

/* However often: a sensor may be given a policy every minute, for months. */
static void
policies_do_not_pile_up(void **state)
{
    struct violation_options options = usual;
    struct policy *policies[50];
    struct fixture f;

    (void)state;
    options.collapse_targets = 100000;
    set_up(&f, &options, "", "");
    f.flow_id = 1;
    for (size_t i = 0; i < 50; i++) {
        struct policy *first = f.policy;

        f.told.n = 0;
        hit(&f, 0, (uint32_t)i, 1, 22, FLOW_OUTCOME_ATTEMPT);
        policies[i] = policy_of("p", IDS("r"), "a: {networks: [10.0.0.0/8]}");
        f.policy = policies[i];
        violation_set_policy(f.tracker, f.policy);
        violation_advance(f.tracker, (struct wall_time){SECOND_NS});
        assert_int_equal(first->references, 1);
        if (i == 0) {
            policy_unref(first);
        }
    }
    for (size_t i = 0; i < 49; i++) {
        policy_unref(policies[i]);
    }
    tear_down(&f);
}

static void
the_score_is_the_sum_of_its_terms(void **state)
{
    struct violation_score score =
        violation_score(LEVEL_HIGH, FLOW_OUTCOME_ESTABLISHED, LEVEL_CRITICAL,
                        false, false, true);

    (void)state;
    assert_int_equal(score.total, 75);
    assert_int_equal(score.level, LEVEL_HIGH);
    assert_int_equal(violation_score(LEVEL_LOW, FLOW_OUTCOME_REFUSED, LEVEL_LOW,
                                     false, false, false)
                         .total,
                     1);
    assert_int_equal(violation_score(LEVEL_CRITICAL, FLOW_OUTCOME_DATA,
                                     LEVEL_CRITICAL, true, true, false)
                         .total,
                     100);
}

/* The vectors beside the policy language, where they are present. */

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_violation_is_told_again_after_realert),
        cmocka_unit_test(a_flow_that_gets_worse_is_told_again_and_counted_once),
        cmocka_unit_test(
            a_flow_that_goes_on_is_told_after_realert_and_keeps_its_violation),
        cmocka_unit_test(
            what_goes_on_is_not_told_over_and_over_where_the_table_is_full),
        cmocka_unit_test(a_flow_stays_with_the_violation_that_counted_it),
        cmocka_unit_test(what_was_told_gets_worse_in_any_window_of_a_threshold),
        cmocka_unit_test(a_detection_is_told_again_when_it_has_doubled),
        cmocka_unit_test(
            attempts_that_are_all_refused_in_the_end_leave_a_refused_violation),
        cmocka_unit_test(
            a_flow_that_gets_worse_counts_once_towards_a_threshold),
        cmocka_unit_test(a_rule_may_have_its_own_realert),
        cmocka_unit_test(a_worse_outcome_is_told_at_once_and_data_adds_nothing),
        cmocka_unit_test(identity_is_the_documented_digest),
        cmocka_unit_test(without_readers_there_are_no_ids),
        cmocka_unit_test(a_sweep_collapses_into_one_with_its_targets_counted),
        cmocka_unit_test(a_port_sweep_collapses_too),
        cmocka_unit_test(a_quiet_violation_is_closed_after_a_day),
        cmocka_unit_test(what_does_not_fit_and_got_through_is_told_and_counted),
        cmocka_unit_test(a_policy_lives_as_long_as_its_violations),
        cmocka_unit_test(
            violations_go_on_under_another_policy_of_the_same_names),
        cmocka_unit_test(violations_of_a_rule_that_is_gone_are_closed),
        cmocka_unit_test(policies_do_not_pile_up),
        cmocka_unit_test(the_score_is_the_sum_of_its_terms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
