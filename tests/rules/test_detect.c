/* detect.h, many flows: first talkers, volumes and places. */

#include "tests/support/test.h"

#include "tests/rules/sightings.h"

static void
talk(struct fixture *f, int64_t seconds, const char *src, const char *dst,
     uint16_t port)
{
    struct sighting seen = sighting(f, seconds, SIGHTING_ANSWER, src, dst,
                                    FLOW_OUTCOME_ESTABLISHED);

    seen.dst_port = port;
    see(f, &seen);
}

static void
after_the_warm_up_what_is_new_is_told_once(void **state)
{
    struct fixture *f = set_up("{new_talker: {warmup: 100s}}");

    (void)state;
    talk(f, 0, "10.1.0.1", "10.2.0.1", 443);
    talk(f, 99, "10.1.0.2", "10.2.0.1", 443);
    assert_int_equal(f->n_found, 0);
    talk(f, 100, "10.1.0.1", "10.2.0.9", 443); /* All of it is known. */
    assert_int_equal(f->n_found, 0);
    talk(f, 101, "10.1.0.3", "10.2.0.1", 443);
    assert_int_equal(f->n_found, 1);
    assert_string_equal(f->found[0].counted, "hosts");
    talk(f, 102, "10.1.0.1", "10.2.0.1", 22);
    assert_int_equal(f->n_found, 2);
    assert_string_equal(f->found[1].counted, "pairs");
    talk(f, 103, "10.1.0.3", "10.2.0.1", 22);
    talk(f, 104, "10.1.0.1", "10.1.0.2", 22); /* Inside a segment. */
    assert_int_equal(f->n_found, 2);
    /* Ports given out as needed are one service. */
    talk(f, 105, "10.1.0.1", "10.2.0.1", 50001);
    talk(f, 106, "10.1.0.1", "10.2.0.1", 60001);
    assert_int_equal(f->n_found, 3);
    tear_down(f);
}

static void
who_got_no_answer_is_no_talker(void **state)
{
    struct fixture *f = set_up("{new_talker: {warmup: 0s}}");
    struct sighting seen = sighting(f, 1, SIGHTING_END, "10.1.0.1", "10.2.0.1",
                                    FLOW_OUTCOME_ATTEMPT);

    (void)state;
    see(f, &seen);
    assert_int_equal(f->n_found, 0);
    seen.outcome = FLOW_OUTCOME_DATA;
    see(f, &seen);
    assert_int_equal(f->n_found, 1);
    tear_down(f);
}

static void
send(struct fixture *f, int64_t seconds, const char *src, const char *dst,
     uint64_t out, uint64_t in)
{
    struct sighting seen =
        sighting(f, seconds, SIGHTING_END, src, dst, FLOW_OUTCOME_DATA);

    seen.src_bytes = out;
    seen.dst_bytes = in;
    see(f, &seen);
}

static void
bytes_to_the_outside_add_up_over_flows(void **state)
{
    struct fixture *f =
        set_up("{exfiltration: {bytes_1h: 1kB, bytes_24h: 3kB}}");

    (void)state;
    send(f, 0, "10.1.0.1", "198.51.100.1", 600, 10);
    send(f, 10, "10.1.0.1", "192.0.2.1", 600, 10); /* Another segment. */
    send(f, 20, "10.1.0.2", "198.51.100.1", 600, 10);
    send(f, 30, "10.1.0.1", "10.2.0.1", 60000, 10); /* Inside. */
    assert_int_equal(f->n_found, 0);
    send(f, 40, "10.1.0.1", "203.0.113.5", 400, 10);
    assert_int_equal(f->n_found, 1);
    assert_int_equal(f->found[0].count, 1000);
    assert_int_equal(f->found[0].window_ns, 3600 * SECOND_NS);
    assert_true(f->found[0].all_dsts && f->found[0].all_ports);
    assert_int_equal(f->found[0].seen.protocol, 0);
    /* Slower than a kilobyte an hour, but all day long. */
    send(f, 4000, "10.1.0.1", "203.0.113.5", 999, 10);
    send(f, 8000, "10.1.0.1", "203.0.113.5", 999, 10);
    assert_int_equal(f->n_found, 1);
    send(f, 12000, "10.1.0.1", "203.0.113.5", 2, 10);
    assert_int_equal(f->n_found, 2);
    assert_int_equal(f->found[1].count, 3000);
    assert_int_equal(f->found[1].window_ns, 86400 * SECOND_NS);
    tear_down(f);
}

static void
what_is_fetched_from_outside_counts_and_a_dialogue_does_not(void **state)
{
    struct fixture *f =
        set_up("{exfiltration: {bytes_1h: 1kB, bytes_24h: 0, ratio: 5}}");

    (void)state;
    send(f, 0, "10.1.0.1", "192.0.2.1", 5000, 1000);
    assert_int_equal(f->n_found, 0);
    send(f, 1, "192.0.2.1", "10.1.0.2", 100, 1000);
    assert_int_equal(f->n_found, 1);
    assert_string_equal(
        policy_segment(f->policy, f->found[0].seen.src_segment)->name, "a");
    assert_string_equal(
        policy_segment(f->policy, f->found[0].seen.dst_segment)->name,
        "partner");
    tear_down(f);
}

static void
begin(struct fixture *f, int64_t seconds, segment_id segment)
{
    struct sighting seen = sighting(f, seconds, SIGHTING_BEGIN, "10.1.0.1",
                                    "10.2.0.1", FLOW_OUTCOME_ATTEMPT);

    seen.src_segment = segment;
    see(f, &seen);
}

static void
an_address_in_two_segments_is_told_once_a_window(void **state)
{
    enum {
        A = SEGMENT_N_BUILTIN,
        B
    };
    struct fixture *f =
        set_up_segments("  a: {networks: [10.1.0.0/16], vlans: [1]}\n"
                        "  b: {networks: [10.1.0.0/16], vlans: [2]}\n",
                        "{conformance: {window: 60s}}");

    (void)state;
    begin(f, 0, A);
    begin(f, 100, B); /* It has moved. */
    begin(f, 120, SEGMENT_UNKNOWN);
    assert_int_equal(f->n_found, 0);
    begin(f, 130, A);
    assert_int_equal(f->n_found, 1);
    assert_string_equal(f->found[0].counted, "segments");
    assert_int_equal(f->found[0].seen.src_segment, A);
    assert_int_equal(f->found[0].seen.dst_segment, B);
    begin(f, 140, B);
    assert_int_equal(f->n_found, 1);
    begin(f, 190, A);
    assert_int_equal(f->n_found, 2);
    tear_down(f);
}

static void
an_address_that_no_qualifier_moves_is_not_remembered(void **state)
{
    struct fixture *f = set_up("{conformance: true}");
    struct detector_counters counters;

    (void)state;
    begin(f, 0, SEGMENT_N_BUILTIN);
    detectors_get_counters(f->detectors, &counters);
    assert_int_equal(counters.sightings, 1);
    assert_int_equal(counters.tracked, 0);
    tear_down(f);
}

static void
advance(struct fixture *f, int64_t seconds)
{
    detectors_advance(f->detectors, f->policy,
                      (struct wall_time){seconds * SECOND_NS});
}

static void
a_segment_that_falls_silent_is_told_until_it_speaks_again(void **state)
{
    struct fixture *f = set_up("{conformance: {silent: 1h}}");

    (void)state;
    advance(f, 0);
    talk(f, 1800, "10.1.0.1", "198.51.100.1", 443);
    advance(f, 3599);
    assert_int_equal(f->n_found, 0);
    advance(f, 3660); /* b and the partner were never heard. */
    assert_int_equal(f->n_found, 2);
    assert_string_equal(f->found[0].counted, "seconds");
    assert_int_equal(f->found[0].count, 3660);
    assert_int_equal(f->found[0].limit, 3600);
    advance(f, 5300);
    assert_int_equal(f->n_found, 2);
    advance(f, 5400);
    assert_int_equal(f->n_found, 3);
    assert_string_equal(
        policy_segment(f->policy, f->found[2].seen.src_segment)->name, "a");
    talk(f, 5500, "198.51.100.1", "10.1.0.1", 443); /* As an answer. */
    advance(f, 9000);
    assert_int_equal(f->n_found, 3);
    advance(f, 9101);
    assert_int_equal(f->n_found, 4);
    tear_down(f);
}

static void
another_policy_keeps_what_was_learnt(void **state)
{
    static const char detect[] = "{new_talker: {warmup: 10s},\n"
                                 " scan: {hosts: 5}, conformance: true}";
    struct fixture *f = set_up(detect);

    (void)state;
    talk(f, 0, "10.1.0.1", "10.2.0.1", 443);
    for (unsigned i = 0; i < 4; i++) {
        attempt(f, 1, i, 22);
    }
    policy_unref(f->policy);
    /* The same names under other numbers. */
    f->policy = load("  new: {networks: [10.9.0.0/16]}\n"
                     "  b: {networks: [10.2.0.0/16]}\n"
                     "  a: {networks: [10.1.0.0/16]}\n",
                     detect);
    talk(f, 20, "10.1.0.1", "10.2.0.1", 443);
    assert_int_equal(f->n_found, 0);
    attempt(f, 21, 4, 22);
    assert_int_equal(f->n_found, 1);
    assert_ptr_equal(f->found[0].policy, f->policy);
    /* 'a' and 'b' were heard at 20 s, 'new' has its time from then on. */
    advance(f, 86419);
    assert_int_equal(f->n_found, 1);
    advance(f, 86500);
    assert_int_equal(f->n_found, 4);
    tear_down(f);
}

static void
nothing_is_asked_for_when_nothing_is_on(void **state)
{
    struct policy *policy = load(usual_segments, "{cleartext: true}");

    (void)state;
    assert_int_equal(policy_sightings(policy), 0);
    policy_unref(policy);
    policy = load(usual_segments, "{scan: true}");
    assert_int_equal(policy_sightings(policy),
                     1U << SIGHTING_ANSWER | 1U << SIGHTING_END);
    policy_unref(policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_warm_up_what_is_new_is_told_once),
        cmocka_unit_test(who_got_no_answer_is_no_talker),
        cmocka_unit_test(bytes_to_the_outside_add_up_over_flows),
        cmocka_unit_test(
            what_is_fetched_from_outside_counts_and_a_dialogue_does_not),
        cmocka_unit_test(an_address_in_two_segments_is_told_once_a_window),
        cmocka_unit_test(an_address_that_no_qualifier_moves_is_not_remembered),
        cmocka_unit_test(
            a_segment_that_falls_silent_is_told_until_it_speaks_again),
        cmocka_unit_test(another_policy_keeps_what_was_learnt),
        cmocka_unit_test(nothing_is_asked_for_when_nothing_is_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
