/* detect.h, many flows: scans, first talkers, volumes and places. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "rules/detect.h"
#include "rules/policy_impl.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_FOUND = 4000,
    SERVER_PORT = 445
};

static const char segments[] = "  a: {networks: [10.1.0.0/16]}\n"
                               "  b: {networks: [10.2.0.0/16]}\n"
                               "  partner: {networks: [192.0.2.0/24],\n"
                               "            external: true}\n";

struct fixture {
    struct policy *policy;
    struct detectors *detectors;
    struct detection found[MAX_FOUND];
    size_t n_found;
};

static struct policy *
load(const char *defined, const char *detect)
{
    struct problems problems;
    struct policy *policy;
    char text[2000];

    snprintf(text, sizeof text,
             "version: 1\npolicy: {name: p, revision: \"1\"}\n"
             "segments:\n%sdetect: %s\n",
             defined, detect);
    problems_init(&problems);
    policy = policy_load_bytes("p.yaml", text, strlen(text), NULL, &problems);
    if (problems.n_errors) {
        problems_print(&problems, stderr);
    }
    problems_done(&problems);
    assert_non_null(policy);
    return policy;
}

static void
note(void *context, const struct detection *detection)
{
    struct fixture *f = context;

    assert_true(f->n_found < MAX_FOUND);
    f->found[f->n_found++] = *detection;
}

static struct fixture *
set_up(const char *detect)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;

    assert_non_null(f);
    f->policy = load(segments, detect);
    f->detectors = detectors_new(note, f, &error);
    assert_non_null(f->detectors);
    return f;
}

static void
tear_down(struct fixture *f)
{
    detectors_free(f->detectors);
    policy_unref(f->policy);
    free(f);
}

/* A TCP flow at one moment; what it carried may be added. */
static struct sighting
sighting(const struct fixture *f, int64_t seconds, enum sighting_moment moment,
         const char *src, const char *dst, enum flow_outcome outcome)
{
    const struct policy_place nowhere = {.interface = "", .sensor = ""};
    struct sighting seen = {.moment = moment,
                            .now = {seconds * SECOND_NS},
                            .start = {seconds * SECOND_NS},
                            .src_port = 50000,
                            .dst_port = SERVER_PORT,
                            .protocol = PROTOCOL_TCP,
                            .outcome = (uint8_t)outcome};

    assert_true(addr_parse(src, &seen.src));
    assert_true(addr_parse(dst, &seen.dst));
    seen.src_segment = policy_locate(f->policy, &seen.src, &nowhere);
    seen.dst_segment = policy_locate(f->policy, &seen.dst, &nowhere);
    return seen;
}

static void
see(struct fixture *f, const struct sighting *seen)
{
    detectors_see(f->detectors, f->policy, seen);
}

static void
attempt(struct fixture *f, int64_t seconds, unsigned dst, uint16_t port)
{
    struct sighting seen;
    char text[ADDR_TEXT_SIZE];

    snprintf(text, sizeof text, "10.2.%u.%u", dst / 256, dst % 256);
    seen = sighting(f, seconds, SIGHTING_END, "10.1.0.1", text,
                    FLOW_OUTCOME_ATTEMPT);
    seen.dst_port = port;
    see(f, &seen);
}

static void
one_service_of_many_hosts_is_a_scan(void **state)
{
    struct fixture *f = set_up("{scan: {severity: low}}");
    const struct detection *found = f->found;

    (void)state;
    for (unsigned i = 0; i < 24; i++) {
        attempt(f, i, i, 22);
        attempt(f, i, i, 22); /* Trying again is no other host. */
    }
    assert_int_equal(f->n_found, 0);
    attempt(f, 24, 24, 22);
    assert_int_equal(f->n_found, 1);
    assert_int_equal(found->detector, DETECTOR_SCAN);
    assert_string_equal(policy_rule(found->policy, found->rule)->id,
                        "detect:scan");
    assert_string_equal(found->counted, "hosts");
    assert_int_equal(found->count, 25);
    assert_int_equal(found->limit, 25);
    assert_int_equal(found->window_ns, 300 * SECOND_NS);
    assert_true(found->all_dsts && !found->all_ports);
    assert_int_equal(found->seen.dst_port, 22);
    assert_true(addr_equal(&found->seen.dst, &(struct addr){{0}}));
    /* Told again when it has doubled. */
    for (unsigned i = 25; i < 60; i++) {
        attempt(f, 30, i, 22);
    }
    assert_int_equal(f->n_found, 2);
    assert_int_equal(f->found[1].count, 50);
    tear_down(f);
}

static void
many_services_of_one_host_are_a_scan(void **state)
{
    struct fixture *f = set_up("{scan: {ports: 10}}");

    (void)state;
    for (uint16_t port = 1; port <= 10; port++) {
        assert_int_equal(f->n_found, 0);
        attempt(f, port, 1, port);
    }
    assert_int_equal(f->n_found, 1);
    assert_string_equal(f->found[0].counted, "ports");
    assert_true(f->found[0].all_ports && !f->found[0].all_dsts);
    assert_int_equal(f->found[0].seen.dst_port, 0);
    tear_down(f);
}

static void
who_gets_answers_or_was_heard_half_does_not_scan(void **state)
{
    struct fixture *f = set_up("{scan: {hosts: 2, ports: 2}}");
    struct sighting seen;

    (void)state;
    for (uint16_t i = 0; i < 100; i++) {
        char dst[ADDR_TEXT_SIZE];

        snprintf(dst, sizeof dst, "10.2.0.%u", i);
        seen = sighting(f, i, SIGHTING_END, "10.1.0.1", dst, FLOW_OUTCOME_DATA);
        see(f, &seen);
        seen.outcome = FLOW_OUTCOME_ATTEMPT;
        seen.moment = SIGHTING_ANSWER; /* It may still come. */
        see(f, &seen);
        seen.moment = SIGHTING_END;
        seen.flags = FLOW_ONE_SIDED;
        see(f, &seen);
        seen.flags = FLOW_MIDSTREAM;
        see(f, &seen);
        seen.flags = 0;
        seen.protocol = PROTOCOL_ICMP; /* Errors. */
        seen.icmp_type = 3;
        see(f, &seen);
        seen.protocol = PROTOCOL_UDP;
        seen.dst_segment = SEGMENT_MULTICAST;
        see(f, &seen);
    }
    assert_int_equal(f->n_found, 0);
    seen = sighting(f, 100, SIGHTING_ANSWER, "10.1.0.1", "10.2.0.1",
                    FLOW_OUTCOME_REFUSED);
    see(f, &seen);
    seen = sighting(f, 100, SIGHTING_ANSWER, "10.1.0.1", "10.2.0.2",
                    FLOW_OUTCOME_REFUSED);
    see(f, &seen);
    assert_int_equal(f->n_found, 1);
    tear_down(f);
}

static void
a_known_scanner_may_scan(void **state)
{
    struct fixture *f = set_up("{scan: {except: [10.1.0.0/30]}}");

    (void)state;
    for (uint16_t i = 1; i < 1000; i++) {
        attempt(f, 0, i, 22);
        attempt(f, 0, 1, i);
    }
    assert_int_equal(f->n_found, 0);
    tear_down(f);
}

/* Every try of the oracle, in order. */
struct
try {
    int64_t now;
    unsigned src, dst;
    uint16_t port;
};

struct oracle {
    int64_t since;
    uint64_t told;
    bool open;
};

/* How many different values of 'dst' (or 'port') source and port (or 'dst')
 * tried since 'since', by looking at all of them. */
static uint64_t
naive_count(const struct try *tries, size_t n, bool over_dsts, int64_t since)
{
    const struct try *last = &tries[n - 1];
    static bool seen[512];
    uint64_t count = 0;

    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < n; i++) {
        const struct try *one = &tries[i];
        unsigned target = over_dsts ? one->dst : one->port;

        if (one->src == last->src && one->now >= since &&
            (over_dsts ? one->port == last->port : one->dst == last->dst) &&
            !seen[target]) {
            seen[target] = true;
            count++;
        }
    }
    return count;
}

/* Returns true if the last try is to be told. */
static bool
naive_news(struct oracle *oracle, const struct try *tries, size_t n,
           bool over_dsts, uint64_t limit)
{
    int64_t now = tries[n - 1].now;
    uint64_t count;

    if (!oracle->open || now - oracle->since >= 60) {
        *oracle = (struct oracle){.since = now, .open = true};
    }
    count = naive_count(tries, n, over_dsts, oracle->since);
    if (count < limit || count < 2 * oracle->told) {
        return false;
    }
    oracle->told = count;
    return true;
}

static void
random_tries_are_told_as_counting_them_all_says(void **state)
{
    enum {
        N = 3000,
        N_SRCS = 3,
        N_PORTS = 40,
        N_DSTS = 60
    };
    static struct try tries[N];
    static struct oracle sweeps[N_SRCS][N_PORTS], probes[N_SRCS][N_DSTS];
    struct fixture *f = set_up("{scan: {hosts: 9, ports: 7, window: 60s}}");
    uint64_t random = 7;
    size_t expected = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct try *one = &tries[i];
        struct sighting seen;
        char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];
        bool wide;

        random = random * UINT64_C(6364136223846793005) + 1;
        /* Either few hosts and many ports, or the other way round. */
        wide = random >> 63;
        *one = (struct try){
            .now = (int64_t)i / 4,
            .src = (unsigned)(random >> 40) % N_SRCS,
            .dst = (unsigned)(random >> 44) % (wide ? N_DSTS : 4),
            .port = (uint16_t)((random >> 52) % (wide ? 4 : N_PORTS))};
        snprintf(src, sizeof src, "10.1.0.%u", one->src);
        snprintf(dst, sizeof dst, "10.2.0.%u", one->dst);
        seen =
            sighting(f, one->now, SIGHTING_END, src, dst, FLOW_OUTCOME_ATTEMPT);
        seen.dst_port = one->port;
        see(f, &seen);
        expected +=
            naive_news(&sweeps[one->src][one->port], tries, i + 1, true, 9);
        expected +=
            naive_news(&probes[one->src][one->dst], tries, i + 1, false, 7);
        assert_int_equal(f->n_found, expected);
    }
    assert_true(expected > 20);
    tear_down(f);
}

static void
what_is_forgotten_is_counted(void **state)
{
    struct fixture *f = set_up("{scan: true}");
    struct detector_counters counters;

    (void)state;
    for (unsigned i = 0; i < DETECT_MAX_SWEEPS + 10; i++) {
        attempt(f, 0, 1, (uint16_t)(i % 60000));
        attempt(f, 0, i % 65536, 1);
    }
    detectors_get_counters(f->detectors, &counters);
    assert_true(counters.tracked <= DETECT_MAX_SWEEPS + DETECT_MAX_PROBES);
    assert_true(counters.overflow >= 10);
    assert_int_equal(counters.sightings, 2 * (DETECT_MAX_SWEEPS + 10));
    assert_int_equal(counters.detections[DETECTOR_SCAN], f->n_found);
    tear_down(f);
}

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
    struct fixture *f = set_up("{conformance: {window: 60s}}");

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
    struct policy *policy = load(segments, "{cleartext: true}");

    (void)state;
    assert_int_equal(policy_sightings(policy), 0);
    policy_unref(policy);
    policy = load(segments, "{scan: true}");
    assert_int_equal(policy_sightings(policy),
                     1U << SIGHTING_ANSWER | 1U << SIGHTING_END);
    policy_unref(policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_service_of_many_hosts_is_a_scan),
        cmocka_unit_test(many_services_of_one_host_are_a_scan),
        cmocka_unit_test(who_gets_answers_or_was_heard_half_does_not_scan),
        cmocka_unit_test(a_known_scanner_may_scan),
        cmocka_unit_test(random_tries_are_told_as_counting_them_all_says),
        cmocka_unit_test(what_is_forgotten_is_counted),
        cmocka_unit_test(after_the_warm_up_what_is_new_is_told_once),
        cmocka_unit_test(who_got_no_answer_is_no_talker),
        cmocka_unit_test(bytes_to_the_outside_add_up_over_flows),
        cmocka_unit_test(
            what_is_fetched_from_outside_counts_and_a_dialogue_does_not),
        cmocka_unit_test(an_address_in_two_segments_is_told_once_a_window),
        cmocka_unit_test(
            a_segment_that_falls_silent_is_told_until_it_speaks_again),
        cmocka_unit_test(another_policy_keeps_what_was_learnt),
        cmocka_unit_test(nothing_is_asked_for_when_nothing_is_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
