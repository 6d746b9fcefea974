/* However many attempts there are, few records tell of all of them. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/runtime/collapse.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_RECORDS = 1024,
    USERS = 6,
    SERVERS = 7
};

/* What was told of, one by one and together. */
struct story {
    struct collapse *collapse;
    uint64_t told;
    struct event_collapsed records[MAX_RECORDS];
    size_t n_records;
    uint64_t flows, packets, bytes; /* Sums over records. */
};

static void
keep(void *context, const struct event_collapsed *record, struct wall_time now)
{
    struct story *story = context;

    assert_true(story->n_records < MAX_RECORDS);
    assert_true(record->last.ns <= now.ns);
    story->records[story->n_records++] = *record;
    story->flows += record->flows;
    story->packets += record->src_packets + record->dst_packets;
    story->bytes += record->src_bytes + record->dst_bytes;
}

static struct story *
start(void)
{
    struct story *story = calloc(1, sizeof *story);
    struct error error;

    assert_non_null(story);
    story->collapse = collapse_new(keep, story, &error);
    assert_non_null(story->collapse);
    return story;
}

static void
stop(struct story *story)
{
    collapse_free(story->collapse);
    free(story);
}

/* A SYN from the n-th host to the server's port, at that second. */
struct attempt {
    unsigned host, second;
    uint16_t port;
    segment_id src_segment, dst_segment;
    enum decision decision;
    int32_t rule;
    enum flow_outcome outcome;
};

static const struct attempt usual = {.port = 443,
                                     .src_segment = USERS,
                                     .dst_segment = SERVERS,
                                     .decision = DECISION_DENY,
                                     .rule = 3};

static void
try(struct story *story, const struct attempt *attempt)
{
    const uint8_t src[4] = {10, (uint8_t)(attempt->host >> 16),
                            (uint8_t)(attempt->host >> 8),
                            (uint8_t)attempt->host};
    const uint8_t dst[4] = {192, 0, 2, 1};
    const struct wall_time when = {attempt->second * SECOND_NS};
    const struct flow_record record = {
        .kind = FLOW_RECORD_END,
        .outcome = attempt->outcome,
        .protocol = PROTOCOL_TCP,
        .ip_version = 4,
        .source = {.addr = addr_from_ipv4(src), .packets = 1, .bytes = 60},
        .destination = {.addr = addr_from_ipv4(dst), .port = attempt->port},
        .start = when,
        .end = when,
        .now = when};
    const struct verdict verdict = {.decision = attempt->decision,
                                    .rule = attempt->rule};
    const struct event_flow flow = {.record = &record,
                                    .verdict = &verdict,
                                    .src_segment = attempt->src_segment,
                                    .dst_segment = attempt->dst_segment};

    story->told += !collapse_take(story->collapse, &flow, COLLAPSE_TOLD);
}

static void
try_many(struct story *story, const struct attempt *like, unsigned n)
{
    struct attempt attempt = *like;

    for (unsigned i = 0; i < n; i++) {
        attempt.host = like->host + i;
        try(story, &attempt);
    }
}

static void
flush(struct story *story)
{
    collapse_flush(story->collapse, (struct wall_time){1000 * SECOND_NS});
}

static void
the_first_few_are_told_one_by_one_and_the_rest_together(void **state)
{
    struct story *story = start();
    struct attempt refused = usual;

    (void)state;
    refused.outcome = FLOW_OUTCOME_REFUSED;
    try_many(story, &usual, 1000);
    try_many(story, &refused, 10);
    flush(story);
    assert_int_equal(story->told, COLLAPSE_TOLD);
    assert_int_equal(story->n_records, 1);
    assert_int_equal(story->flows, 1010 - COLLAPSE_TOLD);
    assert_int_equal(story->packets, story->flows);
    assert_int_equal(story->bytes, 60 * story->flows);
    assert_int_equal(story->records[0].refused, 10);
    assert_in_range(story->records[0].n_sources, 900, story->flows);
    assert_int_equal(story->records[0].n_destinations, 1);
    assert_int_equal(story->records[0].n_ports, 1);
    assert_int_equal(story->records[0].port, 443);
    assert_int_equal(story->records[0].n_samples, EVENT_MAX_SAMPLES);
    stop(story);
}

static void
few_different_ends_are_counted_exactly(void **state)
{
    struct story *story = start();

    (void)state;
    try_many(story, &usual, COLLAPSE_TOLD + 10);
    for (unsigned i = 0; i < 100; i++) {
        try_many(story, &usual, 5);
    }
    flush(story);
    assert_int_equal(story->records[0].n_sources, 14);
    stop(story);
}

static void
what_differs_is_counted_apart(void **state)
{
    struct attempt attempts[] = {usual, usual, usual, usual, usual};
    struct story *story = start();

    (void)state;
    attempts[1].port = 80;
    attempts[2].dst_segment = USERS;
    attempts[3].decision = DECISION_ALLOW;
    attempts[4].rule = 5;
    for (size_t i = 0; i < 5; i++) {
        try_many(story, &attempts[i], 10 + (unsigned)i);
    }
    flush(story);
    assert_int_equal(story->n_records, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(story->records[i].flows, 10 + i - COLLAPSE_TOLD);
        assert_int_equal(story->records[i].port, attempts[i].port);
        assert_int_equal(story->records[i].dst_segment,
                         attempts[i].dst_segment);
        assert_int_equal(story->records[i].decision, attempts[i].decision);
        assert_int_equal(story->records[i].rule, attempts[i].rule);
    }
    stop(story);
}

static void
each_minute_has_its_record(void **state)
{
    struct story *story = start();
    struct attempt attempt = usual;

    (void)state;
    for (attempt.second = 1; attempt.second < 181; attempt.second++) {
        try_many(story, &attempt, 2);
    }
    assert_int_equal(story->n_records, 2);
    assert_int_equal(story->records[1].first.ns, 63 * SECOND_NS);
    assert_int_equal(story->records[1].last.ns, 120 * SECOND_NS);
    flush(story);
    assert_int_equal(story->n_records, 3);
    assert_int_equal(story->told + story->flows, 360);
    stop(story);
}

static void
of_few_attempts_there_is_no_record(void **state)
{
    struct story *story = start();

    (void)state;
    try_many(story, &usual, COLLAPSE_TOLD);
    flush(story);
    flush(story);
    assert_int_equal(story->n_records, 0);
    assert_int_equal(story->told, COLLAPSE_TOLD);
    stop(story);
}

static void
an_interval_that_is_over_is_told_when_time_passes(void **state)
{
    struct story *story = start();

    (void)state;
    try_many(story, &usual, COLLAPSE_TOLD + 10);
    collapse_advance(story->collapse,
                     (struct wall_time){COLLAPSE_INTERVAL_NS - 1});
    assert_int_equal(story->n_records, 0);
    collapse_advance(story->collapse, (struct wall_time){COLLAPSE_INTERVAL_NS});
    assert_int_equal(story->n_records, 1);
    assert_int_equal(story->flows, 10);
    stop(story);
}

static void
a_scan_of_all_ports_is_a_bounded_number_of_records(void **state)
{
    struct story *story = start();
    struct attempt attempt = usual;
    const struct event_collapsed *last;

    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        attempt.port = (uint16_t)i;
        try(story, &attempt);
    }
    flush(story);
    assert_int_equal(story->n_records, 1); /* Others had a flow a port. */
    last = &story->records[0];
    assert_true(last->all_ports);
    assert_false(last->is_rest);
    assert_int_equal(last->flows, 65536 - COLLAPSE_SERVICES - COLLAPSE_TOLD);
    assert_in_range(last->n_ports, 60000, last->flows);
    assert_int_equal(story->told + story->flows, 65536);
    stop(story);
}

static void
a_flood_of_anything_is_a_bounded_number_of_records(void **state)
{
    struct story *story = start();
    struct attempt attempt = usual;
    uint64_t random = 1;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        attempt.host = (unsigned)(random >> 40);
        attempt.port = (uint16_t)(random >> 20);
        attempt.src_segment = (segment_id)(random >> 50 & 127);
        attempt.dst_segment = (segment_id)(random >> 57);
        attempt.decision = random & 1 << 16 ? DECISION_DENY : DECISION_ALLOW;
        try(story, &attempt);
    }
    flush(story);
    assert_true(story->n_records <= COLLAPSE_KINDS + 2);
    assert_true(story->told <= COLLAPSE_TOLD * (COLLAPSE_KINDS + UINT64_C(2)));
    assert_int_equal(story->told + story->flows, 100000);
    assert_true(story->records[story->n_records - 1].is_rest);
    stop(story);
}

static bool
is_crowd(struct story *story, const struct attempt *attempt)
{
    const struct flow_record record = {.protocol = PROTOCOL_TCP,
                                       .ip_version = 4,
                                       .destination = {.port = attempt->port}};
    const struct verdict verdict = {.decision = attempt->decision,
                                    .rule = attempt->rule};
    const struct event_flow flow = {.record = &record,
                                    .verdict = &verdict,
                                    .src_segment = attempt->src_segment,
                                    .dst_segment = attempt->dst_segment};

    return collapse_is_crowd(story->collapse, &flow);
}

static void
very_many_sources_are_a_crowd_and_one_that_scans_is_not(void **state)
{
    struct story *story = start();
    struct attempt scanned = usual;

    (void)state;
    scanned.port = 80;
    assert_false(is_crowd(story, &usual));
    try_many(story, &usual, COLLAPSE_TOLD + COLLAPSE_CROWD - 1);
    assert_false(is_crowd(story, &usual));
    try_many(story, &usual, 10);
    assert_true(is_crowd(story, &usual));
    for (unsigned i = 0; i < 2 * COLLAPSE_CROWD; i++) {
        try(story, &scanned);
    }
    assert_false(is_crowd(story, &scanned));
    flush(story);
    assert_false(is_crowd(story, &usual));
    stop(story);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_first_few_are_told_one_by_one_and_the_rest_together),
        cmocka_unit_test(few_different_ends_are_counted_exactly),
        cmocka_unit_test(what_differs_is_counted_apart),
        cmocka_unit_test(each_minute_has_its_record),
        cmocka_unit_test(of_few_attempts_there_is_no_record),
        cmocka_unit_test(an_interval_that_is_over_is_told_when_time_passes),
        cmocka_unit_test(a_scan_of_all_ports_is_a_bounded_number_of_records),
        cmocka_unit_test(a_flood_of_anything_is_a_bounded_number_of_records),
        cmocka_unit_test(
            very_many_sources_are_a_crowd_and_one_that_scans_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
