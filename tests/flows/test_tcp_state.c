/* tcp_state.h and tcp_stream.h, through the table.
 *
 * A scenario is one packet a line: milliseconds, direction (> is from port
 * 40000 to port 80), flags (S A F R P), sequence number, payload bytes, and
 * optionally the acknowledgement and the window; the acknowledgement of an A is
 * otherwise what the other side sent so far. */

#include "tests/flows/packets.h"

#include <stdio.h>

struct scenario {
    const char *name;
    const char *lines;
    const char *state, *history;
    enum flow_outcome outcome;
    enum flow_evidence evidence;
    enum flow_end reason;
};

#define ATTEMPT     FLOW_OUTCOME_ATTEMPT
#define REFUSED     FLOW_OUTCOME_REFUSED
#define ESTABLISHED FLOW_OUTCOME_ESTABLISHED
#define DATA        FLOW_OUTCOME_DATA
#define BY_SYN      FLOW_EVIDENCE_SYN
#define BY_SYN_ACK  FLOW_EVIDENCE_SYN_ACK
#define BY_PORT     FLOW_EVIDENCE_SERVICE_PORT
#define IDLE        FLOW_END_IDLE
#define FIN         FLOW_END_FIN
#define RST         FLOW_END_RST

#define OPEN "0 > S 100\n10 < SA 500\n20 > A 101\n"

static const struct scenario scenarios[] = {
    {"a lone SYN", "0 > S 100", "S0", "S", ATTEMPT, BY_SYN, IDLE},
    {"a SYN sent again", "0 > S 100\n1000 > S 100\n3000 > S 100", "S0", "S",
     ATTEMPT, BY_SYN, IDLE},
    {"a SYN with another number", "0 > S 100\n1000 > S 900", "S0", "SS",
     ATTEMPT, BY_SYN, IDLE},
    {"open, never closed", OPEN, "S1", "ShA", ESTABLISHED, BY_SYN, IDLE},
    {"half-open scan", "0 > S 100\n10 < SA 500\n20 > R 101", "RSTO", "ShR",
     ATTEMPT, BY_SYN, RST},
    {"a whole connection",
     OPEN "30 > PA 101 50\n40 < PA 501 90\n50 > A 151\n60 > FA 151\n"
          "70 < FA 591\n80 > A 152",
     "SF", "ShADdFf", DATA, BY_SYN, FIN},
    {"the responder's plain ACK",
     OPEN "30 > PA 101 50\n35 < A 501\n40 < PA 501 90\n60 > FA 151\n"
          "70 < FA 591\n80 > A 152",
     "SF", "ShADadFf", DATA, BY_SYN, FIN},
    {"refused", "0 > S 100\n10 < RA 0", "REJ", "Sr", REFUSED, BY_SYN, RST},
    {"refused, tried again with the same number",
     "0 > S 100\n10 < RA 0\n500 > S 100\n510 < RA 0", "REJ", "Sr", REFUSED,
     BY_SYN, RST},
    {"originator closed", OPEN "60 > FA 101\n70 < A 501", "S2", "ShAFa",
     ESTABLISHED, BY_SYN, IDLE},
    {"responder closed", OPEN "60 < FA 501\n70 > A 101", "S3", "ShAf",
     ESTABLISHED, BY_SYN, IDLE},
    {"originator reset", OPEN "30 > PA 101 50\n60 > R 151", "RSTO", "ShADR",
     DATA, BY_SYN, RST},
    {"responder reset", OPEN "30 > PA 101 50\n60 < R 501", "RSTR", "ShADr",
     DATA, BY_SYN, RST},
    {"SYN then RST", "0 > S 100\n10 > R 101", "RSTOS0", "SR", ATTEMPT, BY_SYN,
     RST},
    {"SYN+ACK then RST", "0 < SA 500\n10 < R 501", "RSTRH", "^hr", ATTEMPT,
     BY_SYN_ACK, RST},
    {"SYN then FIN", "0 > S 100\n10 > F 101", "SH", "SF", ATTEMPT, BY_SYN, FIN},
    {"SYN+ACK then FIN", "0 < SA 500\n10 < FA 501", "SHR", "^hf", ATTEMPT,
     BY_SYN_ACK, FIN},
    {"midstream", "0 > A 100 50\n10 < A 500 60 150", "OTH", "Dd", DATA, BY_PORT,
     IDLE},
    {"midstream, server first", "0 < A 500 60 100\n10 > A 100 50", "OTH", "^dD",
     DATA, BY_PORT, IDLE},
    {"midstream, one side", "0 > A 100 50 500\n10 > A 150 50 500", "OTH", "D",
     ATTEMPT, BY_PORT, IDLE},
    {"midstream, answers not seen", "0 > A 100 50 500\n10 > A 150 50 900",
     "OTH", "D", DATA, BY_PORT, IDLE},
    {"the SYN was missed", "0 < SA 500 0 101\n10 > A 101\n20 > A 101 5", "S1",
     "^hAD", DATA, BY_SYN_ACK, IDLE},
    {"SYN+ACK before SYN", "0 < SA 500 0 101\n1 > S 100\n10 > A 101 0 501",
     "S1", "^hSA", ESTABLISHED, BY_SYN, IDLE},
    {"midstream, then a SYN the other way", "0 > A 100 5\n10 < S 7000", "OTH",
     "d^S", ATTEMPT, BY_SYN, IDLE},
    {"a retransmission", OPEN "30 > A 101 50\n300 > A 101 50\n400 < A 501",
     "S1", "ShADTa", DATA, BY_SYN, IDLE},
    {"a gap", OPEN "30 > A 101 50\n40 > A 201 50\n50 < A 501 0 251", "S1",
     "ShADaG", DATA, BY_SYN, IDLE},
    {"a late segment is no gap",
     OPEN "30 > A 101 50\n40 > A 201 50\n45 > A 151 50\n50 < A 501 0 251", "S1",
     "ShADTa", DATA, BY_SYN, IDLE},
    {"a closed window", OPEN "30 > A 101 50\n40 < A 501 0 151 0", "S1",
     "ShADaw", DATA, BY_SYN, IDLE},
    {"FIN and RST in one", "0 > FR 100\n10 > FR 100", "OTH", "I", ATTEMPT,
     BY_PORT, RST},
    {"SYN and FIN in one", "0 > SF 100\n10 > SF 100", "SH", "Q", ATTEMPT,
     BY_PORT, FIN},
    {"SYN and RST in one", "0 > SR 100", "OTH", "Q", ATTEMPT, BY_PORT, RST},
    {"FIN, RST, then the other FIN",
     OPEN "30 > FA 101\n40 > R 102\n50 < FA 501", "SF", "ShAFRf", ESTABLISHED,
     BY_SYN, FIN},
    {"RST after both FINs", OPEN "30 > FA 101\n40 < FA 501\n50 > R 102", "SF",
     "ShAFfR", ESTABLISHED, BY_SYN, FIN},
    {"FINs with other numbers", OPEN "30 > FA 101\n40 > FA 101\n50 > FA 111",
     "S2", "ShAFF", ESTABLISHED, BY_SYN, IDLE},
    {"RSTs with other numbers", OPEN "30 > R 101\n40 > R 101\n50 > R 111",
     "RSTO", "ShARR", ESTABLISHED, BY_SYN, RST},
    {"simultaneous open", "0 > S 100\n1 < S 500\n2 > SA 100\n3 < SA 500", "S1",
     "Ss", ATTEMPT, BY_SYN, IDLE},
    {"numbers that wrap",
     "0 > S 4294967290\n10 < SA 4294967200\n20 > A 4294967291\n"
     "30 > A 4294967291 20\n40 < A 4294967201 200\n50 > FA 15\n"
     "60 < FA 105\n70 > A 16",
     "SF", "ShADdFf", DATA, BY_SYN, FIN},
};

struct line {
    long ms;
    char direction;
    unsigned flags;
    uint32_t number[4]; /* Sequence, payload, acknowledgement, window. */
    unsigned n;         /* Of the numbers. */
};

/* Returns where the next line begins. */
static const char *
parse(const char *text, struct line *line)
{
    static const char letters[] = "FSRPA";
    char *at;

    *line = (struct line){.ms = strtol(text, &at, 10)};
    at += strspn(at, " ");
    line->direction = *at++;
    at += strspn(at, " ");
    for (; *at != ' '; at++) {
        line->flags |= 1U << (strchr(letters, *at) - letters);
    }
    while (line->n < 4 && *at == ' ') {
        line->number[line->n++] = (uint32_t)strtoul(at, &at, 10);
    }
    assert_true(line->n > 0);
    return at + (*at == '\n');
}

static void
play(struct flow_table *table, const char *lines, uint32_t next[2])
{
    while (*lines) {
        struct line line;
        unsigned from;
        struct packet p;

        lines = parse(lines, &line);
        from = line.direction == '<';
        p = from ? tcp_packet(2, 80, 1, 40000, 0)
                 : tcp_packet(1, 40000, 2, 80, 0);
        p.time.ns = SECOND_NS + line.ms * MILLISECOND_NS;
        p.tcp_flags = (uint8_t)line.flags;
        p.tcp_seq = line.number[0];
        p.payload_bytes = line.number[1];
        p.ip_bytes += p.payload_bytes;
        p.tcp_ack = line.n > 2 ? line.number[2] : next[!from];
        p.tcp_window = line.n > 3 ? (uint16_t)line.number[3] : 1000;
        flow_table_advance(table, p.time);
        flow_table_update(table, &p, 0);
        next[from] = p.tcp_seq + p.payload_bytes +
                     ((line.flags & (TCP_SYN | TCP_FIN)) != 0);
    }
}

/* Plays the lines and lets time pass. */
static struct records
outcome_of(const char *lines)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    uint32_t next[2] = {0, 0};
    struct flow_table *table;

    options.timeouts.active_ns = 0;
    table = new_table(&options);
    play(table, lines, next);
    flow_table_advance(table, (struct wall_time){7200 * SECOND_NS});
    assert_int_equal(counters_of(table).active, 0);
    flow_table_free(table);
    return records;
}

static void
states_and_histories_are_zeeks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        const struct scenario *s = &scenarios[i];
        struct records records = outcome_of(s->lines);
        const struct flow_record *r = &records.record[0];

        print_message("%s: %s %s\n", s->name, r->conn_state, r->history);
        assert_int_equal(records.n, 1);
        assert_string_equal(r->conn_state, s->state);
        assert_string_equal(r->history, s->history);
        assert_string_equal(flow_outcome_name(r->outcome),
                            flow_outcome_name(s->outcome));
        assert_string_equal(flow_evidence_name(r->evidence),
                            flow_evidence_name(s->evidence));
        assert_string_equal(flow_end_name(r->reason), flow_end_name(s->reason));
    }
}

static void
the_handshake_is_timed(void **state)
{
    struct records records = outcome_of(OPEN);

    (void)state;
    assert_int_equal(records.record[0].handshake_ns, 20 * MILLISECOND_NS);
    records = outcome_of("0 < SA 500\n10 > A 101");
    assert_int_equal(records.record[0].handshake_ns, -1);
    records = outcome_of("0 > S 100\n5000 < SA 500\n6001 > A 101");
    assert_int_equal(records.record[0].handshake_ns, 6001 * MILLISECOND_NS);
}

static void
gaps_and_repeats_are_counted(void **state)
{
    struct records records = outcome_of(
        OPEN "30 > A 101 50\n40 > A 201 50\n45 > A 151 10\n46 > A 201 50\n"
             "50 < A 501 0 251");
    const struct flow_record *r = &records.record[0];

    (void)state;
    assert_int_equal(r->source.missed_bytes, 40);
    assert_int_equal(r->source.out_of_order, 1);
    assert_int_equal(r->source.retransmissions, 1);
    assert_int_equal(r->destination.missed_bytes, 0);
    assert_string_equal(r->history, "ShADTaG");
}

static void
too_many_holes_are_marked(void **state)
{
    struct records records =
        outcome_of(OPEN "30 > A 201 10\n31 > A 301 10\n32 > A 401 10\n"
                        "33 > A 501 10\n34 > A 601 10\n35 > A 701 10\n"
                        "36 > A 801 10\n40 < A 501 0 811");

    (void)state;
    /* Of seven holes the five farthest apart are left. */
    assert_string_equal(records.record[0].history, "ShADXaG");
    assert_int_equal(records.record[0].source.missed_bytes, 640 - 2 * 90);
}

static void
repeats_are_written_in_powers_of_ten(void **state)
{
    char lines[4000] = OPEN "30 > A 101 50\n";
    struct records records;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        size_t size = strlen(lines);

        snprintf(lines + size, sizeof lines - size, "%u > A 101 50\n", 300 + i);
    }
    records = outcome_of(lines);
    assert_string_equal(records.record[0].history, "ShADTTT");
    assert_int_equal(records.record[0].source.retransmissions, 100);
}

static void
a_long_history_is_cut_and_says_so(void **state)
{
    char lines[4000] = "";
    struct records records;

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        size_t size = strlen(lines);

        snprintf(lines + size, sizeof lines - size, "%u > S %u\n", i * 100,
                 1000 + i);
    }
    records = outcome_of(lines);
    assert_int_equal(strlen(records.record[0].history), FLOW_HISTORY_SIZE);
    assert_true(records.record[0].flags & FLOW_HISTORY_CUT);
}

static void
a_new_syn_after_the_close_is_a_new_flow(void **state)
{
    static const char closed[] = OPEN "30 > FA 101\n40 < FA 501\n50 > A 102\n";
    char lines[400];
    struct records records;

    (void)state;
    snprintf(lines, sizeof lines, "%s%s", closed, "900 > S 100");
    records = outcome_of(lines);
    assert_int_equal(records.n, 1); /* The old SYN again. */

    snprintf(lines, sizeof lines, "%s%s", closed, "900 > S 70000");
    records = outcome_of(lines);
    assert_int_equal(records.n, 2);
    assert_int_equal(records.record[0].reason, FLOW_END_REUSED);
    assert_string_equal(records.record[0].conn_state, "SF");
    assert_string_equal(records.record[1].conn_state, "S0");
    assert_true(records.record[0].id != records.record[1].id);

    /* Open and busy: not believed. */
    records = outcome_of(OPEN "900 > S 70000");
    assert_int_equal(records.n, 1);
    /* Open, but silent for more than a minute: one end had forgotten it. */
    records = outcome_of(OPEN "90000 > S 70000");
    assert_int_equal(records.n, 2);
    assert_int_equal(records.record[0].reason, FLOW_END_REUSED);
}

static void
late_segments_belong_to_the_closed_flow(void **state)
{
    struct records records =
        outcome_of(OPEN "30 > FA 101\n40 < FA 501\n50 > A 102\n9000 < FA 501\n"
                        "9001 > R 102");

    (void)state;
    assert_int_equal(records.n, 1);
    assert_int_equal(records.record[0].source.packets, 5);
    assert_string_equal(records.record[0].conn_state, "SF");
}

static void
a_capture_of_one_side_says_so(void **state)
{
    struct records records =
        outcome_of("0 > S 100\n20 > A 101 0 501\n30 > A 101 50 501\n"
                   "40 > A 151 0 2001\n50 > FA 151 0 3001");

    (void)state;
    assert_true(records.record[0].flags & FLOW_ONE_SIDED);
    assert_int_equal(records.record[0].reason, FLOW_END_FIN);
    assert_int_equal(records.record[0].outcome, FLOW_OUTCOME_DATA);
    assert_false(records.record[0].flags & FLOW_MIDSTREAM);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_and_histories_are_zeeks),
        cmocka_unit_test(the_handshake_is_timed),
        cmocka_unit_test(gaps_and_repeats_are_counted),
        cmocka_unit_test(too_many_holes_are_marked),
        cmocka_unit_test(repeats_are_written_in_powers_of_ten),
        cmocka_unit_test(a_long_history_is_cut_and_says_so),
        cmocka_unit_test(a_new_syn_after_the_close_is_a_new_flow),
        cmocka_unit_test(late_segments_belong_to_the_closed_flow),
        cmocka_unit_test(a_capture_of_one_side_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
