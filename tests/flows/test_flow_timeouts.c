/* Timeouts that change while flows are alive, against flows that a list keeps:
 * each with when it was seen last, and which of two timeouts is its own. */

#include "tests/support/choices.h"

#include "tests/flows/packets.h"

#include <inttypes.h>

#define TICK_NS                                                                \
    (INT64_C(1) << 20) /* Times are whole ticks, so can be told.               \
                        */
#define BEGIN_NS (INT64_C(1700000000) * SECOND_NS / TICK_NS * TICK_NS)

enum {
    N_FLOWS = 30,
    N_STEPS = 3000,
    MAX_ENDS = 10000
};

struct naive_flow {
    bool live, replied;
    int64_t seen;
};

struct ends {
    struct end {
        unsigned flow;
        int64_t when; /* Ticks since the beginning. */
    } list[MAX_ENDS];
    size_t n;
};

struct story {
    struct flow_table *table;
    struct flow_timeouts timeouts;
    struct naive_flow flows[N_FLOWS];
    int64_t now; /* Ticks. */
};

static struct ends told, naive;

static void
keep(struct ends *ends, unsigned flow, int64_t when)
{
    assert_true(ends->n < MAX_ENDS);
    ends->list[ends->n++] = (struct end){flow, when};
}

static void
keep_end(void *context, const struct flow_record *record, void *user)
{
    (void)user;
    assert_int_equal(record->reason, FLOW_END_IDLE);
    keep(context, record->source.port - 1000u,
         (record->now.ns - BEGIN_NS) / TICK_NS);
}

static int64_t
timeout_of(const struct story *story, const struct naive_flow *flow)
{
    return (flow->replied ? story->timeouts.udp_reply_ns
                          : story->timeouts.udp_request_ns) /
           TICK_NS;
}

/* 'late': what is due became so now, and not when it was. */
static void
expire(struct story *story, bool late)
{
    for (unsigned i = 0; i < N_FLOWS; i++) {
        struct naive_flow *flow = &story->flows[i];
        int64_t end = flow->seen + timeout_of(story, flow);

        if (flow->live && end < story->now) {
            keep(&naive, i, late ? story->now : end);
            flow->live = false;
        }
    }
}

static void
advance(struct story *story, unsigned ticks)
{
    story->now += ticks;
    expire(story, false);
    flow_table_advance(story->table,
                       (struct wall_time){BEGIN_NS + story->now * TICK_NS});
}

static void
send(struct story *story, unsigned i, bool back)
{
    struct naive_flow *flow = &story->flows[i];
    uint16_t port = (uint16_t)(1000 + i);
    int64_t ns = BEGIN_NS + story->now * TICK_NS;
    struct packet p = back && flow->live ? udp_packet(2, 53, 1, port, ns)
                                         : udp_packet(1, port, 2, 53, ns);

    flow->replied = flow->live && (flow->replied || back);
    flow->live = true;
    flow->seen = story->now;
    flow_table_update(story->table, &p, 0);
}

static void
set_timeouts(struct story *story, struct choices *choices)
{
    story->timeouts.udp_request_ns = (1 + choose(choices, 300)) * TICK_NS;
    story->timeouts.udp_reply_ns = (1 + choose(choices, 300)) * TICK_NS;
    expire(story, true);
    flow_table_set_timeouts(story->table, &story->timeouts);
}

static int
compare_ends(const void *left, const void *right)
{
    const struct end *a = left, *b = right;

    if (a->when != b->when) {
        return a->when < b->when ? -1 : 1;
    }
    return (int)a->flow - (int)b->flow;
}

static struct story
begin(void)
{
    struct story story = {.timeouts = flow_default_timeouts};
    struct flow_table_options options = table_options(NULL);

    told.n = naive.n = 0;
    options.record = keep_end;
    options.context = &told;
    story.timeouts.active_ns = 0;
    options.timeouts = story.timeouts;
    story.table = new_table(&options);
    return story;
}

static void
go_on(struct story *story, struct choices *choices)
{
    for (unsigned i = 0; i < N_STEPS; i++) {
        advance(story, choose(choices, 20));
        if (chance(choices, 50)) {
            set_timeouts(story, choices);
        }
        send(story, choose(choices, N_FLOWS), chance(choices, 3));
    }
}

/* The same, and nothing was told of a past that others had been told of. */
static void
compare(void)
{
    for (size_t i = 1; i < told.n; i++) {
        assert_true(told.list[i].when >= told.list[i - 1].when);
    }
    qsort(told.list, told.n, sizeof *told.list, compare_ends);
    qsort(naive.list, naive.n, sizeof *naive.list, compare_ends);
    assert_int_equal(told.n, naive.n);
    assert_memory_equal(told.list, naive.list, naive.n * sizeof *naive.list);
    assert_true(naive.n > 100);
}

static void
flows_end_by_the_timeouts_of_their_time(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 30; seed++) {
        struct choices choices = choices_from_seed(seed);
        struct story story = begin();

        go_on(&story, &choices);
        compare();
        flow_table_free(story.table);
    }
}

static size_t
records_of(struct flow_table *table, struct records *records, int64_t seconds)
{
    records->n = 0;
    flow_table_advance(
        table, (struct wall_time){BEGIN_NS + seconds * SECOND_NS + TICK_NS});
    return records->n;
}

/* A flow that was quiet for longer than the new one is told of at once. */
static void
interim_records_follow_too(void **state)
{
    static struct records records;
    struct flow_table_options options = table_options(&records);
    struct flow_timeouts timeouts = options.timeouts;
    struct packet p = tcp_packet(1, 1000, 2, 80, BEGIN_NS);
    struct flow_table *table;

    (void)state;
    p.tcp_flags = TCP_ACK;
    p.payload_bytes = 10;
    options.timeouts.active_ns = 0;
    table = new_table(&options);
    flow_table_update(table, &p, 0);
    assert_int_equal(records_of(table, &records, 400), 0);
    timeouts.active_ns = 300 * SECOND_NS;
    flow_table_set_timeouts(table, &timeouts);
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].kind, FLOW_RECORD_UPDATE);
    assert_int_equal(counters_of(table).active, 1);
    timeouts.tcp_established_ns = 500 * SECOND_NS;
    flow_table_set_timeouts(table, &timeouts);
    assert_int_equal(records_of(table, &records, 499), 0);
    assert_int_equal(records_of(table, &records, 501), 1);
    assert_int_equal(records.record[0].kind, FLOW_RECORD_END);
    flow_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_end_by_the_timeouts_of_their_time),
        cmocka_unit_test(interim_records_follow_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
