/* The violations of a run: each once, as it ended, and not too many. */

#include "tests/support/test.h"

#include "tools/report/violation_list.h"

#include <string.h>

static struct violation_list list;

static struct addr
address(uint32_t host)
{
    const uint8_t byte[4] = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8),
                             (uint8_t)host};

    return addr_from_ipv4(byte);
}

static void
tell(struct violation_list *to, uint32_t dst, enum flow_outcome outcome)
{
    struct violation violation = {.rule = 3,
                                  .reason = VERDICT_REASON_RULE,
                                  .src = address(1),
                                  .dst = address(dst),
                                  .protocol = PROTOCOL_TCP,
                                  .port = 22,
                                  .outcome = outcome};
    struct event_violation event = {.violation = &violation};

    violation_list_told(to, &event);
}

static void
tell_sweep(void)
{
    struct violation violation = {.rule = 3,
                                  .reason = VERDICT_REASON_RULE,
                                  .src = address(1),
                                  .protocol = PROTOCOL_TCP,
                                  .port = 22,
                                  .all_dsts = true,
                                  .outcome = FLOW_OUTCOME_ATTEMPT};
    struct event_violation event = {.violation = &violation};

    violation_list_told(&list, &event);
}

static void
end_flow(uint32_t dst, enum decision decision, enum flow_outcome outcome)
{
    struct verdict verdict = {.rule = 3,
                              .reason = VERDICT_REASON_RULE,
                              .decision = decision,
                              .staged_rule = 5,
                              .staged_decision = DECISION_DENY};
    struct flow_record record = {
        .protocol = PROTOCOL_TCP,
        .source = {.addr = address(1), .port = 40000},
        .destination = {.addr = address(dst), .port = 22},
        .outcome = outcome};
    struct event_flow flow = {.record = &record, .verdict = &verdict};

    violation_list_flow(&list, &flow);
}

static void
what_is_told_twice_is_there_once_at_its_worst(void **state)
{
    (void)state;
    tell(&list, 9, FLOW_OUTCOME_ATTEMPT);
    tell(&list, 8, FLOW_OUTCOME_ATTEMPT);
    tell(&list, 9, FLOW_OUTCOME_ESTABLISHED);
    violation_list_settle(&list);
    assert_int_equal(list.told.n, 2);
    assert_int_equal(list.told.rows[1].dst.byte[15], 9);
    assert_int_equal(list.told.rows[0].outcome, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(list.told.rows[1].outcome, FLOW_OUTCOME_ESTABLISHED);
}

static void
an_attempt_that_ended_refused_was_refused(void **state)
{
    (void)state;
    tell(&list, 9, FLOW_OUTCOME_ATTEMPT);
    end_flow(9, DECISION_DENY, FLOW_OUTCOME_REFUSED);
    violation_list_settle(&list);
    assert_int_equal(list.told.rows[0].outcome, FLOW_OUTCOME_REFUSED);
}

static void
the_worst_of_several_flows_counts(void **state)
{
    (void)state;
    tell(&list, 9, FLOW_OUTCOME_ATTEMPT);
    end_flow(9, DECISION_DENY, FLOW_OUTCOME_REFUSED);
    end_flow(9, DECISION_DENY, FLOW_OUTCOME_DATA);
    end_flow(9, DECISION_DENY, FLOW_OUTCOME_ATTEMPT);
    violation_list_settle(&list);
    assert_int_equal(list.told.n, 1);
    assert_int_equal(list.told.rows[0].outcome, FLOW_OUTCOME_DATA);
}

static void
flows_make_no_violations(void **state)
{
    (void)state;
    end_flow(9, DECISION_DENY, FLOW_OUTCOME_DATA); /* Suppressed, say. */
    tell(&list, 8, FLOW_OUTCOME_ATTEMPT);
    end_flow(8, DECISION_ALLOW, FLOW_OUTCOME_DATA); /* Allowed at its end. */
    violation_list_settle(&list);
    assert_int_equal(list.told.n, 1);
    assert_int_equal(list.told.rows[0].outcome, FLOW_OUTCOME_ATTEMPT);
}

static void
what_only_staged_rules_deny_ends_too(void **state)
{
    struct violation violation = {.rule = 5,
                                  .reason = VERDICT_REASON_STAGED,
                                  .src = address(1),
                                  .dst = address(9),
                                  .protocol = PROTOCOL_TCP,
                                  .port = 22,
                                  .outcome = FLOW_OUTCOME_ATTEMPT};
    struct event_violation event = {.violation = &violation};

    (void)state;
    violation_list_told(&list, &event);
    end_flow(9, DECISION_ALLOW, FLOW_OUTCOME_REFUSED);
    violation_list_settle(&list);
    assert_int_equal(list.told.n, 1);
    assert_int_equal(list.told.rows[0].outcome, FLOW_OUTCOME_REFUSED);
}

static void
flows_without_a_violation_of_their_own_belong_to_the_sweep(void **state)
{
    (void)state;
    tell(&list, 9, FLOW_OUTCOME_ATTEMPT);
    tell_sweep();
    end_flow(9, DECISION_DENY, FLOW_OUTCOME_DATA);
    end_flow(10, DECISION_DENY, FLOW_OUTCOME_REFUSED);
    violation_list_settle(&list);
    assert_int_equal(list.told.n, 2);
    assert_false(list.told.rows[0].all_dsts);
    assert_int_equal(list.told.rows[0].outcome, FLOW_OUTCOME_DATA);
    assert_true(list.told.rows[1].all_dsts);
    assert_int_equal(list.told.rows[1].outcome, FLOW_OUTCOME_REFUSED);
}

static void
lists_of_workers_become_one(void **state)
{
    struct violation_list other;

    (void)state;
    violation_list_init(&other);
    tell(&list, 9, FLOW_OUTCOME_ATTEMPT);
    tell(&other, 9, FLOW_OUTCOME_ESTABLISHED);
    tell(&other, 8, FLOW_OUTCOME_ATTEMPT);
    violation_list_merge(&list, &other);
    violation_list_done(&other);
    violation_list_settle(&list);
    assert_int_equal(list.told.n, 2);
    assert_int_equal(list.told.rows[1].outcome, FLOW_OUTCOME_ESTABLISHED);
}

static void
as_many_as_fit_are_complete_however_often_they_are_told(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5 * VIOLATION_LIST_MAX; i++) {
        tell(&list, i * 7 % VIOLATION_LIST_MAX, FLOW_OUTCOME_ATTEMPT);
    }
    violation_list_settle(&list);
    assert_false(list.overflow);
    assert_int_equal(list.told.n, VIOLATION_LIST_MAX);
    assert_true(list.told.capacity / 2 <= VIOLATION_LIST_MAX);
}

static void
one_more_is_an_overflow(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= VIOLATION_LIST_MAX; i++) {
        tell(&list, i, FLOW_OUTCOME_ATTEMPT);
    }
    violation_list_settle(&list);
    assert_true(list.overflow);
}

static void
memory_stays_bounded_beyond_the_limit(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10 * VIOLATION_LIST_MAX; i++) {
        tell(&list, i, FLOW_OUTCOME_ATTEMPT);
    }
    assert_true(list.overflow);
    assert_true(list.told.capacity / 2 <= VIOLATION_LIST_MAX);
}

static int
init(void **state)
{
    (void)state;
    violation_list_init(&list);
    return 0;
}

static int
done(void **state)
{
    (void)state;
    violation_list_done(&list);
    return 0;
}

#define LIST_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, init, done)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LIST_TEST(what_is_told_twice_is_there_once_at_its_worst),
        LIST_TEST(an_attempt_that_ended_refused_was_refused),
        LIST_TEST(the_worst_of_several_flows_counts),
        LIST_TEST(flows_make_no_violations),
        LIST_TEST(what_only_staged_rules_deny_ends_too),
        LIST_TEST(flows_without_a_violation_of_their_own_belong_to_the_sweep),
        LIST_TEST(lists_of_workers_become_one),
        LIST_TEST(as_many_as_fit_are_complete_however_often_they_are_told),
        LIST_TEST(one_more_is_an_overflow),
        LIST_TEST(memory_stays_bounded_beyond_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
