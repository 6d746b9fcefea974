/* tally.c and the summary made of it */

#include "tests/support/test.h"

#include "tools/report/summary.h"
#include "tools/report/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct policy *policy;
static struct tally tally;

static int
make_tally(void **state)
{
    (void)state;
    policy = policy_observe_all();
    tally_init(&tally, policy);
    return policy ? 0 : -1;
}

static int
free_tally(void **state)
{
    (void)state;
    tally_done(&tally);
    policy_unref(policy);
    return 0;
}

/* One denied flow of a kind: rule, reason and segments make it. */
static void
count(struct tally *into, int32_t rule, segment_id src, segment_id dst,
      enum flow_outcome outcome)
{
    const struct flow_record record = {
        .kind = FLOW_RECORD_END,
        .protocol = PROTOCOL_TCP,
        .outcome = outcome,
        .source = {.packets = 1, .bytes = 100, .port = 40000},
        .destination = {.port = (uint16_t)(1000 + outcome)},
    };
    const struct verdict verdict = {.decision = DECISION_DENY, .rule = rule};
    const struct event_flow flow = {.record = &record,
                                    .policy = policy,
                                    .verdict = &verdict,
                                    .src_segment = src,
                                    .dst_segment = dst};

    tally_flow(into, &flow);
}

static void
flows_of_a_kind_are_one_finding_with_the_worst_as_example(void **state)
{
    (void)state;
    count(&tally, 1, 0, 1, FLOW_OUTCOME_REFUSED);
    count(&tally, 1, 0, 1, FLOW_OUTCOME_DATA);
    count(&tally, 1, 0, 1, FLOW_OUTCOME_ATTEMPT);
    count(&tally, 1, 1, 0, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(tally.n_findings, 2);
    assert_int_equal(tally.findings[0].flows, 3);
    assert_int_equal(tally.findings[0].bytes, 300);
    assert_int_equal(tally.findings[0].worst, FLOW_OUTCOME_DATA);
    assert_int_equal(tally.findings[0].port, 1000 + FLOW_OUTCOME_DATA);
    assert_int_equal(tally.flows, 4);
    assert_int_equal(tally.got_through, 1);
}

static void
kinds_beyond_the_limit_are_counted_together(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int32_t rule = 0; rule < TALLY_MAX_FINDINGS + 10; rule++) {
            count(&tally, rule, 0, 1, FLOW_OUTCOME_ATTEMPT);
        }
    }
    assert_int_equal(tally.n_findings, TALLY_MAX_FINDINGS);
    assert_int_equal(tally.findings_left_out, 20);
    for (size_t i = 0; i < tally.n_findings; i++) {
        assert_int_equal(tally.findings[i].flows, 2);
    }
    assert_int_equal(tally.flows, 2 * (TALLY_MAX_FINDINGS + 10));
}

static void
two_tallies_add_up_to_what_one_would_hold(void **state)
{
    struct tally parts[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        tally_init(&parts[i], policy);
    }
    for (int32_t i = 0; i < 1000; i++) {
        enum flow_outcome outcome = (enum flow_outcome)(i % FLOW_N_OUTCOMES);
        segment_id src = (segment_id)(i % SEGMENT_N_BUILTIN);

        count(&tally, i % 7, src, 1, outcome);
        count(&parts[i % 2], i % 7, src, 1, outcome);
    }
    tally_add(&parts[0], &parts[1]);
    assert_int_equal(parts[0].n_findings, tally.n_findings);
    assert_int_equal(parts[0].flows, tally.flows);
    assert_int_equal(parts[0].got_through, tally.got_through);
    assert_memory_equal(parts[0].verdicts, tally.verdicts,
                        sizeof tally.verdicts);
    assert_int_equal(parts[0].tcp, 1000);
    for (size_t i = 0; i < 2; i++) {
        tally_done(&parts[i]);
    }
}

/* The text of the summary; to be freed. */
static char *
summarize(const struct event_status *status, unsigned width)
{
    const struct summary summary = {
        .tally = &tally, .status = status, .width = width};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    summary_print(&summary, stream);
    fclose(stream);
    return text;
}

static void
the_summary_tells_what_was_lost_on_the_way_out(void **state)
{
    struct event_output output = {
        .name = "redis at x",
        .kind = {[EVENT_FLOW] = {.emitted = 10, .acked = 7, .dropped = 3}}};
    struct event_status status = {.policy = policy};
    char *text = summarize(&status, 80);

    (void)state;
    assert_non_null(strstr(text, "nothing was lost or left out"));
    free(text);
    error_set(&output.error, ERROR_SYSTEM, "redis at x", "went \033[31maway");
    status.outputs = &output;
    status.n_outputs = 1;
    text = summarize(&status, 80);
    assert_non_null(strstr(text, "3 of 10 events did not reach redis at x"));
    assert_non_null(strstr(text, "redis at x: went ?[31maway"));
    free(text);
}

static void
what_earlier_runs_left_is_counted_and_told_apart(void **state)
{
    struct event_output output = {
        .name = "redis at x",
        .kind = {[EVENT_FLOW] =
                     {.emitted = 3, .recovered = 7, .acked = 8, .dropped = 2},
                 [EVENT_STATUS] = {.emitted = 1, .recovered = 1, .acked = 2}}};
    const struct event_status status = {
        .policy = policy, .outputs = &output, .n_outputs = 1};
    char *text;

    (void)state;
    error_set(&output.error, ERROR_SYSTEM, "redis at x", "went away");
    text = summarize(&status, 80);
    assert_non_null(strstr(text, "2 of 12 events did not reach redis at x "
                                 "(4 of this run, 8 left by earlier ones):\n"));
    free(text);
    output.kind[EVENT_FLOW].rewound = 5;
    output.kind[EVENT_FLOW].dropped = 7;
    text = summarize(&status, 80);
    assert_non_null(strstr(text, "7 of 17 events did not reach redis at x "
                                 "(4 of this run, 8 left by earlier ones, 5 "
                                 "that the server had lost):\n"));
    free(text);
}

static void
large_numbers_widen_the_columns_of_the_matrix(void **state)
{
    const struct event_pair pairs[] = {
        {.src = "internet",
         .dst = "unknown",
         .counts = {.flows = 123456789012,
                    .verdicts = {[DECISION_DENY] = 123456789012}}},
        {.src = "unknown", .dst = "internet", .counts = {.flows = 1}}};
    const struct event_pair_counts others = {.flows = 7};
    const struct event_status status = {
        .policy = policy, .pairs = pairs, .n_pairs = 2, .other_pairs = &others};
    char *text;

    (void)state;
    text = summarize(&status, 80);
    assert_non_null(strstr(text, "\n  internet      "
                                 "                           .  "
                                 "123456789012 x123456789012\n"));
    free(text);
    text = summarize(&status, 60); /* No room: a list. */
    assert_non_null(strstr(text, "internet -> unknown"));
    assert_non_null(strstr(text, "and 7 flows of further pairs"));
    free(text);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_tally, free_tally)
    const struct CMUnitTest tests[] = {
        TEST(flows_of_a_kind_are_one_finding_with_the_worst_as_example),
        TEST(kinds_beyond_the_limit_are_counted_together),
        TEST(two_tallies_add_up_to_what_one_would_hold),
        TEST(the_summary_tells_what_was_lost_on_the_way_out),
        TEST(what_earlier_runs_left_is_counted_and_told_apart),
        TEST(large_numbers_widen_the_columns_of_the_matrix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
