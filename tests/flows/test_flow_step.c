/* flow_step.c: flows under a clock that is set against the same flows under one
 * that is not. */

#include "tests/support/choices.h"

#include "tests/flows/packets.h"

enum {
    N_PACKETS = 20000,
    MAX_ENDS = 20000
};

/* How flows ended, in order. */
struct ends {
    struct end {
        struct addr src;
        uint32_t port; /* So wide that nothing lies between. */
        enum flow_end why;
        uint64_t packets;
        int64_t now;
    } list[MAX_ENDS];
    size_t n;
    int64_t stepped; /* Is taken off all times. */
};

static struct ends stepped, steady;

static void
keep_end(void *context, const struct flow_record *record, void *user)
{
    struct ends *ends = context;

    (void)user;
    assert_true(ends->n < MAX_ENDS);
    ends->list[ends->n++] = (struct end){
        .src = record->source.addr,
        .port = record->source.port,
        .why = record->reason,
        .packets = record->source.packets + record->destination.packets,
        .now = record->now.ns - ends->stepped,
    };
}

static struct flow_table *
start(struct ends *ends)
{
    struct flow_table_options options = table_options(NULL);

    memset(ends, 0, sizeof *ends);
    options.record = keep_end;
    options.context = ends;
    options.timeouts.active_ns = 0;
    return new_table(&options);
}

static struct packet
random_packet(struct choices *choices, int64_t ns)
{
    unsigned src = 1 + choose(choices, 20);
    uint16_t port = (uint16_t)(1000 + choose(choices, 50));
    struct packet p;

    if (chance(choices, 2)) {
        return udp_packet(src, port, 100, 53, ns);
    }
    p = tcp_packet(src, port, 100, 80, ns);
    p.tcp_flags = TCP_SYN;
    p.tcp_seq = choose(choices, 4);
    return p;
}

/* To a whole tick, so that times can be compared. */
static int64_t
random_step(struct choices *choices)
{
    static const int64_t seconds[] = {1, 60, 3600, 31536000, 1000000000};
    int64_t step = seconds[choose(choices, 5)] * SECOND_NS;

    step = step >> 20 << 20;
    return chance(choices, 2) ? step : -step;
}

/* The same packet, at the same time by either clock. */
static void
send_both(struct flow_table *tables[2], struct packet p)
{
    flow_table_advance(tables[1], p.time);
    flow_table_update(tables[1], &p, 0);
    p.time.ns += stepped.stepped;
    flow_table_advance(tables[0], p.time);
    flow_table_update(tables[0], &p, 0);
}

static void
send_random(struct flow_table *tables[2], struct choices *choices)
{
    int64_t now = INT64_C(1700000000) * SECOND_NS;

    for (int i = 0; i < N_PACKETS; i++) {
        if (chance(choices, 1000)) {
            int64_t step = random_step(choices);

            flow_table_step(tables[0], step);
            stepped.stepped += step;
        }
        now += choose(choices, 100) * MILLISECOND_NS;
        send_both(tables, random_packet(choices, now));
    }
    for (int i = 0; i < 2; i++) {
        flow_table_flush(tables[i], FLOW_END_END_OF_FILE);
        flow_table_free(tables[i]);
    }
}

static void
flows_live_on_as_if_the_clock_had_not_been_set(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        struct choices choices = choices_from_seed(seed);
        struct flow_table *tables[2] = {start(&stepped), start(&steady)};

        send_random(tables, &choices);
        assert_int_equal(stepped.n, steady.n);
        assert_memory_equal(stepped.list, steady.list,
                            steady.n * sizeof *steady.list);
        assert_true(steady.n > 1000);
    }
}

/* What the step is for: without it, all of them are idle at once. */
static void
a_jump_of_stamps_ends_flows_and_a_step_of_the_clock_does_not(void **state)
{
    const int64_t hour = 3600 * SECOND_NS;
    struct choices choices = choices_from_seed(1);

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct flow_table *table = start(&stepped);
        int64_t now = INT64_C(1700000000) * SECOND_NS;

        for (int j = 0; j < 100; j++) {
            struct packet p = random_packet(&choices, now += MILLISECOND_NS);

            flow_table_update(table, &p, 0);
        }
        if (i == 0) {
            flow_table_step(table, hour);
        }
        flow_table_advance(table, (struct wall_time){now + hour + SECOND_NS});
        assert_int_equal(stepped.n == 0, i == 0);
        flow_table_free(table);
    }
}

static void
flows_that_were_alive_say_so(void **state)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *table;
    struct packet p = udp_packet(1, 1000, 2, 53, SECOND_NS);

    (void)state;
    options.timeouts.active_ns = 10 * SECOND_NS;
    table = new_table(&options);
    flow_table_step(table, SECOND_NS); /* Before there is any time. */
    flow_table_update(table, &p, 0);
    for (int i = 0; i < 30; i++) { /* With interim records. */
        p.time.ns += SECOND_NS;
        flow_table_update(table, &p, 0);
    }
    flow_table_step(table, -p.time.ns); /* To 1970. */
    p.time.ns = 0;
    p.ip_id = 999;
    flow_table_update(table, &p, 0);
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    flow_table_free(table);
    assert_true(records.n > 2);
    assert_false(records.record[0].flags & FLOW_TIME_STEPPED);
    assert_true(records.record[records.n - 1].flags & FLOW_TIME_STEPPED);
    assert_int_equal(records.record[records.n - 1].source.packets, 32);
    assert_int_equal(records.record[records.n - 1].id, records.record[0].id);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_live_on_as_if_the_clock_had_not_been_set),
        cmocka_unit_test(
            a_jump_of_stamps_ends_flows_and_a_step_of_the_clock_does_not),
        cmocka_unit_test(flows_that_were_alive_say_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
