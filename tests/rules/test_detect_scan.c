/* detect_scan.c: what is a scan, against counting every try. */

#include "tests/support/test.h"

#include "tests/rules/sightings.h"

#include <stdio.h>
#include <string.h>

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
        seen.dst_port = (uint16_t)(33434 + i); /* Traces a route. */
        see(f, &seen);
        seen.dst_port = SERVER_PORT;
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
