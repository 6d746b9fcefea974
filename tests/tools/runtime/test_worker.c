/* worker.h and desk.h together, on dissected packets and compiled policies. */

#include "tests/support/packet_builder.h"
#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/dissect.h"
#include "tools/runtime/capture_names.h"
#include "tools/runtime/desk.h"
#include "tools/runtime/pairs.h"
#include "tools/runtime/worker.h"

#include <string.h>

enum {
    MAX_TOLD = 16
};

#define POLICY(RULES)                                                          \
    "version: 1\n"                                                             \
    "policy: {name: test, revision: '1'}\n"                                    \
    "segments:\n"                                                              \
    "  users: {networks: [10.1.0.0/16]}\n"                                     \
    "  servers: {networks: [10.2.0.0/16]}\n"                                   \
    "rules:\n" RULES

static const char usual[] =
    POLICY("  - {id: ssh, from: users, to: servers, service: tcp/22,\n"
           "     app: SSH, action: allow}\n");
static const char web_allowed[] =
    POLICY("  - {id: web, from: users, to: servers, service: tcp/8080,\n"
           "     action: allow}\n");
static const char web_denied[] =
    POLICY("  - {id: no-web, from: users, to: servers, service: tcp/8080,\n"
           "     action: deny}\n");
static const char web_to_be_denied[] =
    POLICY("  - {id: no-web, from: users, to: servers, service: tcp/8080,\n"
           "     action: deny, mode: staged}\n"
           "  - {id: web, from: users, to: servers, action: allow}\n");
static const char one_way[] =
    POLICY("  - {id: diode, from: users, to: servers, service: tcp/8080,\n"
           "     action: allow, require: {one_way: true}}\n");

static const char other_segments[] =
    "version: 1\n"
    "policy: {name: test, revision: '1'}\n"
    "segments:\n"
    "  servers: {networks: [10.2.0.0/16]}\n"
    "  clients: {networks: [10.1.0.0/16]}\n"
    "rules:\n"
    "  - {id: web, from: clients, to: servers, action: allow}\n";

/* What the observer saw, in order. */
struct told {
    enum violation_kind kind;
    enum verdict_reason reason;
    enum decision decision;
    segment_id src_segment, dst_segment;
    bool is_flow, staged;
};

static struct told told[MAX_TOLD];
static size_t n_told;
static struct policy *policy;
static struct capture_names names;
static struct desk *desk;
static struct worker *worker;
static struct wall_time now;

static void
see_flow(void *context, const struct event_flow *flow)
{
    (void)context;
    assert_true(n_told < MAX_TOLD);
    told[n_told++] = (struct told){.is_flow = true,
                                   .decision = flow->verdict->decision,
                                   .src_segment = flow->src_segment,
                                   .dst_segment = flow->dst_segment};
}

static void
see_violation(void *context, const struct event_violation *event)
{
    (void)context;
    assert_true(n_told < MAX_TOLD);
    told[n_told++] =
        (struct told){.kind = event->violation->kind,
                      .reason = event->violation->reason,
                      .staged = event->violation->staged,
                      .src_segment = event->violation->src_segment,
                      .dst_segment = event->violation->dst_segment};
}

static const struct worker_observer flow_observer = {see_flow, NULL};
static const struct desk_observer desk_observer = {see_violation, NULL};
static const struct event_source source = {.sensor = "test", .version = "0"};

static void
start_inspecting(const char *policy_text, bool inspect)
{
    struct worker_options options = {
        .table = {.max_flows = 100, .timeouts = flow_default_timeouts},
        .source = &source,
        .names = &names,
        .observer = &flow_observer,
        .inspect = inspect};
    struct desk_options desk_options = {
        .n_trays = 1, .source = &source, .observer = &desk_observer};
    struct error error;

    policy = sound_policy(policy_text, strlen(policy_text), NULL);
    options.policy = policy;
    desk_options.policy = policy;
    capture_names_init(&names, NULL, 0);
    desk = desk_new(&desk_options, &error);
    assert_non_null(desk);
    options.tray = desk_tray(desk, 0);
    worker = worker_new(&options, &error);
    assert_non_null(worker);
    n_told = 0;
    now.ns = INT64_C(1700000000) * SECOND_NS;
}

static void
start(const char *policy_text)
{
    start_inspecting(policy_text, false);
}

/* As a reload does. */
static void
change_policy(const char *text)
{
    policy_unref(policy);
    policy = sound_policy(text, strlen(text), NULL);
    worker_set_policy(worker, policy);
    worker_end_round(worker, now);
}

static int
stop(void **state)
{
    (void)state;
    desk_free(desk);
    worker_free(worker);
    policy_unref(policy);
    capture_names_done(&names);
    return 0;
}

static void
send_tcp(bool from_client, uint16_t port, uint8_t flags)
{
    static const char client[] = "10.1.0.1";
    static const char server[] = "10.2.0.1";
    uint32_t sequence = from_client ? 100 : 500;
    struct frame_builder builder;
    struct packet packet;
    struct frame frame;

    sequence += flags & TCP_SYN ? 0 : 1;
    build_start(&builder, FRAME_LINK_ETHERNET);
    build_ethernet(&builder);
    build_ipv4(&builder, from_client ? client : server,
               from_client ? server : client);
    build_tcp(&builder, from_client ? 40000 : port, from_client ? port : 40000,
              flags);
    build_tcp_numbers(&builder, sequence,
                      flags & TCP_ACK ? (from_client ? 501 : 101) : 0, 1024);
    frame = build_frame(&builder);
    now.ns += SECOND_NS / 100;
    frame.time = now;
    assert_int_equal(dissect_frame(&frame, &dissect_default_options, &packet),
                     DISSECT_OK);
    worker_packets(worker, &frame, &packet, &now, 1);
    worker_end_round(worker, now);
}

static void
a_violation_is_told_at_its_first_packet_and_again_when_worse(void **state)
{
    (void)state;
    start(usual);
    send_tcp(true, 8080, TCP_SYN);
    assert_int_equal(n_told, 1);
    assert_false(told[0].is_flow);
    assert_int_equal(told[0].kind, VIOLATION_KIND_NEW);
    send_tcp(true, 8080, TCP_SYN); /* Not worse. */
    assert_int_equal(n_told, 1);
    send_tcp(false, 8080, TCP_SYN | TCP_ACK);
    send_tcp(true, 8080, TCP_ACK);
    assert_int_equal(n_told, 2);
    assert_int_equal(told[1].kind, VIOLATION_KIND_ESCALATE);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(n_told, 3);
    assert_true(told[2].is_flow);
    assert_int_equal(told[2].decision, DECISION_DENY);
}

static void
without_inspection_an_application_gets_the_benefit_of_the_doubt(void **state)
{
    struct worker_counters counters;

    (void)state;
    start(usual);
    send_tcp(true, 22, TCP_SYN);
    worker_finish(worker, FLOW_END_SHUTDOWN, now);
    assert_int_equal(n_told, 1);
    assert_true(told[0].is_flow);
    assert_int_equal(told[0].decision, DECISION_ALLOW);
    worker_get_counters(worker, &counters);
    assert_int_equal(counters.flows.created, 1);
    assert_int_equal(counters.ends[FLOW_END_SHUTDOWN], 1);
    assert_int_equal(counters.applications.inspections, 0);
}

static void
segments_follow_the_initiator_not_the_first_packet(void **state)
{
    segment_id src;

    (void)state;
    start(usual);
    send_tcp(false, 8080, TCP_SYN | TCP_ACK); /* Its SYN comes late. */
    send_tcp(true, 8080, TCP_SYN);
    send_tcp(true, 8080, TCP_ACK);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_true(n_told >= 1);
    src = told[n_told - 1].src_segment;
    assert_string_equal(policy_segment(policy, src)->name, "users");
    assert_string_equal(
        policy_segment(policy, told[n_told - 1].dst_segment)->name, "servers");
}

static void
a_policy_that_denies_live_flows_is_told_once_with_its_reason(void **state)
{
    struct worker_counters counters;

    (void)state;
    start(web_allowed);
    send_tcp(true, 8080, TCP_SYN);
    assert_int_equal(n_told, 0);
    change_policy(web_denied); /* No packet comes. */
    assert_int_equal(n_told, 1);
    assert_int_equal(told[0].kind, VIOLATION_KIND_NEW);
    assert_int_equal(told[0].reason, VERDICT_REASON_POLICY_CHANGE);
    send_tcp(true, 8080, TCP_SYN);
    change_policy(web_denied);
    assert_int_equal(n_told, 1);
    send_tcp(false, 8080, TCP_SYN | TCP_ACK);
    send_tcp(true, 8080, TCP_ACK);
    assert_int_equal(n_told, 2); /* The same violation got worse. */
    assert_int_equal(told[1].kind, VIOLATION_KIND_ESCALATE);
    assert_int_equal(told[1].reason, VERDICT_REASON_POLICY_CHANGE);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(told[n_told - 1].decision, DECISION_DENY);
    worker_get_counters(worker, &counters);
    assert_int_equal(counters.revised, 1);
}

static void
a_policy_that_allows_live_flows_closes_their_violation(void **state)
{
    (void)state;
    start(web_denied);
    send_tcp(true, 8080, TCP_SYN);
    assert_int_equal(n_told, 1);
    change_policy(web_allowed); /* Without the rule. */
    send_tcp(false, 8080, TCP_SYN | TCP_ACK);
    assert_int_equal(n_told, 2);
    assert_int_equal(told[1].kind, VIOLATION_KIND_CLOSED);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(n_told, 3);
    assert_int_equal(told[2].decision, DECISION_ALLOW);
}

static void
a_flow_that_got_no_packet_since_the_policy_changed_ends_by_the_new_one(
    void **state)
{
    (void)state;
    start(web_allowed);
    send_tcp(true, 8080, TCP_SYN);
    policy_unref(policy);
    policy = sound_policy(web_denied, strlen(web_denied), NULL);
    worker_set_policy(worker, policy);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(n_told, 2);
    assert_int_equal(told[0].decision, DECISION_DENY);
    assert_int_equal(told[1].reason, VERDICT_REASON_POLICY_CHANGE);
}

static void
an_answer_where_none_may_come_revises_the_verdict(void **state)
{
    (void)state;
    start(one_way);
    send_tcp(true, 8080, TCP_SYN);
    assert_int_equal(n_told, 0);
    send_tcp(false, 8080, TCP_SYN | TCP_ACK);
    assert_int_equal(n_told, 1);
    assert_int_equal(told[0].reason, VERDICT_REASON_REQUIRE_ONE_WAY);
}

static void
what_a_staged_rule_would_deny_is_told_as_staged(void **state)
{
    (void)state;
    start(web_to_be_denied);
    send_tcp(true, 8080, TCP_SYN);
    assert_int_equal(n_told, 1);
    assert_true(told[0].staged);
    assert_int_equal(told[0].reason, VERDICT_REASON_STAGED);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(n_told, 2);
    assert_int_equal(told[1].decision, DECISION_ALLOW);
}

/* What the worker has counted between segments of these names, in terms of the
 * policy in force; NULL if nothing was. */
static const struct event_pair_counts *
counted(const char *src, const char *dst)
{
    const struct pairs *pairs = worker_pairs(worker);

    for (size_t i = 0; i < pairs->n; i++) {
        const struct pair *pair = &pairs->list[i];

        if (strcmp(policy_segment(policy, pair->src)->name, src) == 0 &&
            strcmp(policy_segment(policy, pair->dst)->name, dst) == 0) {
            return &pair->counts;
        }
    }
    return NULL;
}

static void
a_flow_counts_in_its_pair_from_its_first_packet(void **state)
{
    const struct event_pair_counts *pair;

    (void)state;
    start(usual);
    send_tcp(true, 8080, TCP_SYN);
    send_tcp(true, 22, TCP_SYN);
    pair = counted("users", "servers");
    assert_non_null(pair);
    assert_int_equal(pair->flows, 2);
    assert_int_equal(pair->verdicts[DECISION_DENY], 1);
    assert_int_equal(pair->verdicts[DECISION_ALLOW], 1);
    assert_int_equal(pair->got_through, 0);
    assert_int_equal(pair->packets[0], 0); /* There was no record yet. */
    send_tcp(false, 8080, TCP_SYN | TCP_ACK);
    send_tcp(true, 8080, TCP_ACK);
    assert_int_equal(pair->got_through, 1);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(pair->flows, 2);
    assert_int_equal(pair->two_sided, 1);
    assert_int_equal(pair->packets[0], 3);
    assert_int_equal(pair->packets[1], 1);
    assert_int_equal(pair->bytes[0], 3 * 40);
    assert_int_equal(pair->bytes[1], 40);
}

static void
a_long_flow_counts_what_it_sends_as_it_goes_on(void **state)
{
    const struct event_pair_counts *pair;

    (void)state;
    start(usual);
    for (int i = 1; i <= 5; i++) {
        send_tcp(true, 22, TCP_SYN);
        send_tcp(false, 22, TCP_SYN | TCP_ACK);
        send_tcp(true, 22, TCP_ACK);
        now.ns += flow_default_timeouts.active_ns + SECOND_NS;
        worker_end_round(worker, now);
        pair = counted("users", "servers");
        assert_non_null(pair);
        assert_int_equal(pair->packets[0], 2 * i);
        assert_int_equal(pair->packets[1], i);
        assert_int_equal(pair->two_sided, 1);
    }
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(pair->packets[0], 10);
    assert_int_equal(pair->flows, 1);
    assert_int_equal(pair->two_sided, 1);
}

static void
a_flow_moves_to_the_pair_of_its_initiator(void **state)
{
    (void)state;
    start(usual);
    send_tcp(false, 8080, TCP_ACK); /* Its port tells who was first: not so. */
    send_tcp(false, 8080, TCP_SYN);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(counted("servers", "users")->flows, 1);
    assert_int_equal(counted("users", "servers")->flows, 0);
    assert_int_equal(counted("users", "servers")->verdicts[DECISION_DENY], 0);
}

static void
a_flow_counts_once_under_any_number_of_policies(void **state)
{
    const struct event_pair_counts *pair;

    (void)state;
    start(web_denied);
    send_tcp(true, 8080, TCP_SYN);
    assert_int_equal(counted("users", "servers")->verdicts[DECISION_DENY], 1);
    change_policy(web_allowed);
    pair = counted("users", "servers");
    assert_int_equal(pair->flows, 1);
    assert_int_equal(pair->verdicts[DECISION_DENY], 0);
    assert_int_equal(pair->verdicts[DECISION_ALLOW], 1);
    change_policy(other_segments); /* There are no users. */
    assert_int_equal(counted("clients", "servers")->flows, 1);
    assert_int_equal(worker_pairs(worker)->other.flows, 0);
    send_tcp(true, 8080, TCP_SYN);
    worker_finish(worker, FLOW_END_END_OF_FILE, now);
    assert_int_equal(counted("clients", "servers")->packets[0], 1);
    assert_int_equal(worker_pairs(worker)->other.packets[0], 1);
}

static void
violations_told_count_in_their_pair(void **state)
{
    (void)state;
    start(usual);
    send_tcp(true, 8080, TCP_SYN);
    send_tcp(false, 8080, TCP_SYN | TCP_ACK);
    send_tcp(true, 8080, TCP_ACK);
    assert_int_equal(n_told, 2);
    assert_int_equal(desk_pairs(desk)->n, 1);
    assert_int_equal(desk_pairs(desk)->list[0].counts.violations, 2);
    assert_int_equal(desk_pairs(desk)->list[0].counts.flows, 0);
}

/* Nothing else is made of a handshake while the application is not known. */
static void
a_handshake_shows_that_both_segments_are_alive(void **state)
{
    static const char silence[] = POLICY(
        "  - {id: any, from: any, to: any, action: allow}\n") "detect: "
                                                              "{conformance: "
                                                              "{silent: "
                                                              "120s}}\n";

    for (int inspect = 0; inspect <= 1; inspect++) {
        struct violation_counters violations;
        struct detector_counters detectors;
        struct wall_time began;

        start_inspecting(silence, inspect);
        began = now;
        send_tcp(true, 8080, TCP_SYN);
        now.ns += 2 * SECOND_NS;
        send_tcp(false, 8080, TCP_SYN | TCP_ACK);
        send_tcp(true, 8080, TCP_ACK);
        desk_get_counters(desk, &violations, &detectors);
        assert_int_equal(detectors.sightings, 2);
        while (now.ns < began.ns + 170 * SECOND_NS) {
            now.ns += SECOND_NS;
            worker_end_round(worker, now);
        }
        assert_int_equal(n_told, 0);
        now.ns = began.ns + 190 * SECOND_NS;
        worker_end_round(worker, now);
        assert_int_equal(n_told, 2);
        assert_int_equal(told[0].src_segment + 1, told[1].src_segment);
        if (inspect == 0) {
            stop(state);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(
            a_violation_is_told_at_its_first_packet_and_again_when_worse, stop),
        cmocka_unit_test_teardown(
            without_inspection_an_application_gets_the_benefit_of_the_doubt,
            stop),
        cmocka_unit_test_teardown(
            segments_follow_the_initiator_not_the_first_packet, stop),
        cmocka_unit_test_teardown(
            a_policy_that_denies_live_flows_is_told_once_with_its_reason, stop),
        cmocka_unit_test_teardown(
            a_policy_that_allows_live_flows_closes_their_violation, stop),
        cmocka_unit_test_teardown(
            a_flow_that_got_no_packet_since_the_policy_changed_ends_by_the_new_one,
            stop),
        cmocka_unit_test_teardown(
            an_answer_where_none_may_come_revises_the_verdict, stop),
        cmocka_unit_test_teardown(
            what_a_staged_rule_would_deny_is_told_as_staged, stop),
        cmocka_unit_test_teardown(
            a_flow_counts_in_its_pair_from_its_first_packet, stop),
        cmocka_unit_test_teardown(
            a_long_flow_counts_what_it_sends_as_it_goes_on, stop),
        cmocka_unit_test_teardown(a_flow_moves_to_the_pair_of_its_initiator,
                                  stop),
        cmocka_unit_test_teardown(
            a_flow_counts_once_under_any_number_of_policies, stop),
        cmocka_unit_test_teardown(violations_told_count_in_their_pair, stop),
        cmocka_unit_test_teardown(
            a_handshake_shows_that_both_segments_are_alive, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
