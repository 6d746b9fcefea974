/* A table that is nearly full keeps conversations, and lets attempts go. */

#include "tests/flows/packets.h"

enum {
    ROOM = 1000,
    HIGH = 900,
    LOW = 700,
    SERVER = 2,
    HTTPS = 443
};

/* Every record and every emergency a table told of. */
struct story {
    struct records records;
    struct flow_news news[8];
    size_t n_news;
    uint64_t n_ends[FLOW_N_ENDS];
    uint64_t n_conversations_evicted;
};

static void
keep_end(void *context, const struct flow_record *record, void *user)
{
    struct story *story = context;

    keep_record(&story->records, record, user);
    story->n_ends[record->reason]++;
    story->n_conversations_evicted +=
        record->reason == FLOW_END_EVICTED &&
        record->outcome >= FLOW_OUTCOME_ESTABLISHED;
}

static void
keep_news(void *context, const struct flow_news *news)
{
    struct story *story = context;

    assert_true(story->n_news < 8);
    story->news[story->n_news++] = *news;
}

static struct flow_table_options
emergency_options(struct story *story)
{
    struct flow_table_options options = table_options(&story->records);

    options.max_flows = ROOM;
    options.emergency = flow_default_emergency;
    options.record = keep_end;
    options.news = keep_news;
    options.context = story;
    return options;
}

static void
pass(struct flow_table *table, const struct packet *p)
{
    flow_table_advance(table, p->time);
    flow_table_update(table, p, 0);
}

/* The SYN of client 'i', who is somewhere else each time. */
static void
send_syn(struct flow_table *table, uint32_t i, int64_t ns)
{
    struct packet p =
        tcp_packet(0, (uint16_t)(1024 + i % 50000), SERVER, HTTPS, ns);

    p.src = ipv4(172, 16 + i / 65536 % 16, i / 256 % 256, i % 256);
    p.tcp_flags = TCP_SYN;
    p.tcp_seq = i;
    pass(table, &p);
}

static void
flood(struct flow_table *table, uint32_t first, uint32_t n, int64_t from_ns,
      int64_t for_ns)
{
    for (uint32_t i = 0; i < n; i++) {
        send_syn(table, first + i, from_ns + for_ns / n * i);
    }
}

static void
send_tcp(struct flow_table *table, uint16_t client_port, bool by_client,
         uint8_t flags, int64_t ns)
{
    struct packet p = by_client ? tcp_packet(1, client_port, SERVER, HTTPS, ns)
                                : tcp_packet(SERVER, HTTPS, 1, client_port, ns);
    bool is_syn = flags & TCP_SYN;

    p.tcp_flags = flags;
    p.tcp_seq = is_syn ? 100 : 101;
    p.tcp_ack = flags & TCP_ACK ? 101 : 0;
    pass(table, &p);
}

static void
connect_client(struct flow_table *table, uint16_t client_port, int64_t ns)
{
    send_tcp(table, client_port, true, TCP_SYN, ns);
    send_tcp(table, client_port, false, TCP_SYN | TCP_ACK, ns + 1000);
    send_tcp(table, client_port, true, TCP_ACK, ns + 2000);
}

static void
a_table_without_marks_is_never_in_an_emergency(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table;

    (void)state;
    options.emergency = (struct flow_emergency_options){.high_percent = 0};
    table = new_table(&options);
    flood(table, 0, 2 * ROOM, SECOND_NS, SECOND_NS);
    assert_int_equal(story.n_news, 0);
    assert_int_equal(counters_of(table).evicted, ROOM);
    assert_int_equal(counters_of(table).emergencies, 0);
    flow_table_free(table);
}

static void
an_emergency_begins_at_the_high_mark_of_flows(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);

    (void)state;
    flood(table, 0, HIGH - 1, SECOND_NS, SECOND_NS);
    assert_int_equal(story.n_news, 0);
    send_syn(table, HIGH, 3 * SECOND_NS);
    assert_int_equal(story.n_news, 1);
    assert_true(story.news[0].is_emergency);
    assert_int_equal(story.news[0].why, FLOW_SHORTAGE_FLOWS);
    assert_int_equal(story.news[0].now.ns, 3 * SECOND_NS);
    assert_int_equal(story.news[0].n_flows, HIGH);
    assert_int_equal(story.news[0].max_flows, ROOM);
    assert_int_equal(counters_of(table).emergency, 1);
    flow_table_free(table);
}

static void
an_emergency_begins_at_the_high_mark_of_bytes(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table;

    (void)state;
    options.max_flows = 100000;
    options.max_bytes = 1500000;
    table = new_table(&options);
    flood(table, 0, 20000, SECOND_NS, SECOND_NS);
    assert_int_equal(story.n_news, 1);
    assert_int_equal(story.news[0].why, FLOW_SHORTAGE_BYTES);
    assert_true(story.news[0].n_bytes <= options.max_bytes);
    assert_true(counters_of(table).bytes <= options.max_bytes);
    flow_table_free(table);
}

static void
attempts_are_given_up_soon(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    const int64_t given_up = options.emergency.attempt_ns;
    struct flow_table *table = new_table(&options);

    (void)state;
    flood(table, 0, HIGH, SECOND_NS, SECOND_NS); /* Kept for a minute. */
    flood(table, HIGH, 50, 2 * SECOND_NS, SECOND_NS);
    flow_table_advance(table, (struct wall_time){2 * SECOND_NS + given_up});
    assert_int_equal(story.n_ends[FLOW_END_EMERGENCY], 0);
    flow_table_advance(table, (struct wall_time){4 * SECOND_NS + given_up});
    assert_int_equal(story.n_ends[FLOW_END_EMERGENCY], 50);
    assert_int_equal(counters_of(table).active, HIGH);
    flow_table_free(table);
}

static void
a_conversation_outlives_a_flood(void **state)
{
    enum {
        N_CLIENTS = 200
    };
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);

    (void)state;
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        connect_client(table, (uint16_t)(2000 + i), SECOND_NS);
    }
    flood(table, 0, 50000, 2 * SECOND_NS, 10 * SECOND_NS);
    for (unsigned i = 0; i < N_CLIENTS; i++) { /* In the midst of it. */
        connect_client(table, (uint16_t)(4000 + i), 12 * SECOND_NS);
    }
    flood(table, 50000, 50000, 13 * SECOND_NS, 10 * SECOND_NS);
    assert_int_equal(story.n_conversations_evicted, 0);
    assert_int_equal(counters_of(table).evicted + 1000,
                     counters_of(table).created);
    flow_table_flush(table, FLOW_END_SHUTDOWN);
    assert_int_equal(story.n_ends[FLOW_END_SHUTDOWN], ROOM);
    assert_int_equal(counters_of(table).ended, counters_of(table).created);
    flow_table_free(table);
}

static void
without_attempts_the_flow_idle_longest_goes(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);

    (void)state;
    for (unsigned i = 0; i <= ROOM; i++) {
        connect_client(table, (uint16_t)(2000 + i),
                       (1 + (int64_t)i) * 10 * MILLISECOND_NS);
    }
    assert_int_equal(story.records.total, 1);
    assert_int_equal(story.records.record[0].source.port, 2000);
    assert_int_equal(story.records.record[0].reason, FLOW_END_EVICTED);
    flow_table_free(table);
}

static void
an_answer_makes_an_attempt_a_conversation(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);
    struct packet question, answer;

    (void)state;
    flood(table, 0, HIGH, SECOND_NS, SECOND_NS);
    connect_client(table, 2000, 3 * SECOND_NS);
    question = udp_packet(1, 3000, SERVER, 53, 3 * SECOND_NS);
    pass(table, &question);
    answer = udp_packet(SERVER, 53, 1, 3000, 3 * SECOND_NS + 5000);
    pass(table, &answer);
    flow_table_advance(table, (struct wall_time){40 * SECOND_NS});
    assert_int_equal(story.records.total, 0);
    flow_table_free(table);
}

static void
what_goes_on_one_way_is_no_attempt(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);

    (void)state;
    flood(table, 0, HIGH, SECOND_NS, SECOND_NS);
    for (int64_t i = 0; i < 9; i++) {
        struct packet p = udp_packet(1, 514, SERVER, 514, (3 + i) * SECOND_NS);

        pass(table, &p);
    }
    flow_table_advance(table, (struct wall_time){40 * SECOND_NS});
    assert_int_equal(story.records.total, 0);
    flow_table_free(table);
}

/* Answered by RST, and by nothing but SYN-ACK. */
static void
refused_and_half_open_flows_are_attempts(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);

    (void)state;
    flood(table, 0, HIGH, SECOND_NS, SECOND_NS);
    send_tcp(table, 2000, true, TCP_SYN, 3 * SECOND_NS);
    send_tcp(table, 2000, false, TCP_RST | TCP_ACK, 3 * SECOND_NS + 1000);
    send_tcp(table, 2001, true, TCP_SYN, 3 * SECOND_NS);
    send_tcp(table, 2001, false, TCP_SYN | TCP_ACK, 3 * SECOND_NS + 1000);
    flow_table_advance(table, (struct wall_time){14 * SECOND_NS});
    assert_int_equal(story.n_ends[FLOW_END_EMERGENCY], 2);
    flow_table_free(table);
}

static void
a_long_flood_is_one_emergency(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);
    const int64_t minute = 60 * SECOND_NS;

    (void)state;
    /* Slow enough for the short time-out alone to keep the table half empty. */
    flood(table, 0, 30000, SECOND_NS, 10 * minute);
    assert_int_equal(story.n_news, 1);
    flow_table_advance(table, (struct wall_time){11 * minute});
    flow_table_advance(table, (struct wall_time){13 * minute});
    assert_int_equal(story.n_news, 2);
    assert_false(story.news[1].is_emergency);
    assert_true(story.news[1].n_flows <= LOW);
    assert_int_equal(story.news[1].since.ns, story.news[0].now.ns);
    assert_int_equal(counters_of(table).emergency, 0);
    assert_int_equal(counters_of(table).emergencies, 1);
    assert_int_equal(counters_of(table).emergency_ns,
                     story.news[1].now.ns - story.news[0].now.ns);
    flow_table_free(table);
}

static void
an_emergency_is_over_after_a_long_silence(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);

    (void)state;
    flood(table, 0, 5000, SECOND_NS, SECOND_NS);
    flow_table_advance(table, (struct wall_time){200 * SECOND_NS});
    assert_int_equal(story.n_news, 2);
    assert_false(story.news[1].is_emergency);
    flow_table_free(table);
}

static void
after_an_emergency_attempts_are_kept_as_before(void **state)
{
    struct story story = {.n_news = 0};
    struct flow_table_options options = emergency_options(&story);
    struct flow_table *table = new_table(&options);
    const int64_t minute = 60 * SECOND_NS;

    (void)state;
    flood(table, 0, ROOM, SECOND_NS, SECOND_NS);
    flow_table_advance(table, (struct wall_time){5 * minute});
    assert_int_equal(story.n_news, 2);
    send_syn(table, 7, 5 * minute);
    flow_table_advance(table, (struct wall_time){5 * minute + 59 * SECOND_NS});
    assert_int_equal(counters_of(table).active, 1);
    flow_table_advance(table, (struct wall_time){5 * minute + 61 * SECOND_NS});
    assert_int_equal(counters_of(table).active, 0);
    flow_table_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_without_marks_is_never_in_an_emergency),
        cmocka_unit_test(an_emergency_begins_at_the_high_mark_of_flows),
        cmocka_unit_test(an_emergency_begins_at_the_high_mark_of_bytes),
        cmocka_unit_test(attempts_are_given_up_soon),
        cmocka_unit_test(a_conversation_outlives_a_flood),
        cmocka_unit_test(without_attempts_the_flow_idle_longest_goes),
        cmocka_unit_test(an_answer_makes_an_attempt_a_conversation),
        cmocka_unit_test(what_goes_on_one_way_is_no_attempt),
        cmocka_unit_test(refused_and_half_open_flows_are_attempts),
        cmocka_unit_test(a_long_flood_is_one_emergency),
        cmocka_unit_test(an_emergency_is_over_after_a_long_silence),
        cmocka_unit_test(after_an_emergency_attempts_are_kept_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
