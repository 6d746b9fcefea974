/* What was not captured, as flows estimate it, against what was: streams whose
 * packets a naive model knows byte by byte, of which a capture has some. */

#include "tests/support/choices.h"
#include "tests/support/sanitized.h"

#include "tests/flows/packets.h"

enum {
    N_TALKS = IS_SANITIZED ? 100 : 400,
    N_STEPS = 120,
    MAX_SEGMENT = 1460,
    MAX_STREAM = N_STEPS * 2 * MAX_SEGMENT,
    /* Fewer than the holes that are kept apart. */
    SEGMENTS_TO_ACK = 4
};

/* What one end sends, and what the capture has of it. */
struct stream {
    uint32_t start;       /* Number of its first byte. */
    uint32_t sent, acked; /* From there. */
    unsigned unacked;     /* Segments since the last acknowledgement. */
    bool seen[MAX_STREAM], missed[MAX_STREAM];
};

struct talk {
    struct choices choices;
    struct flow_table *table;
    struct stream stream[2];
    int64_t now;
    bool hides[2]; /* Nothing that this end sends is captured. */
};

static struct talk talk;
static struct records records;

/* The model: what is acknowledged, and was not seen by then, was missed. */
static void
acknowledge(unsigned end)
{
    struct stream *stream = &talk.stream[end];

    for (uint32_t i = 0; i < stream->acked; i++) {
        stream->missed[i] |= !stream->seen[i];
    }
}

static void
capture(unsigned end, uint8_t flags, uint32_t at, uint32_t length)
{
    struct packet p = tcp_packet(end ? 2 : 1, end ? 80 : 40000, end ? 1 : 2,
                                 end ? 40000 : 80, talk.now += MILLISECOND_NS);

    if (talk.hides[end]) {
        return;
    }
    acknowledge(!end);
    p.tcp_flags = flags;
    p.tcp_seq = talk.stream[end].start + at;
    p.tcp_ack = talk.stream[!end].start + talk.stream[!end].acked;
    p.payload_bytes = (uint16_t)length;
    flow_table_update(talk.table, &p, 0);
}

static void
send_data(unsigned end, uint32_t at, uint32_t length, bool is_captured)
{
    struct stream *stream = &talk.stream[end];

    if (is_captured) {
        memset(stream->seen + at, true, length);
        capture(end, TCP_ACK, at, length);
    }
}

static void
send_ack(unsigned end, bool is_captured)
{
    struct stream *peer = &talk.stream[!end];

    peer->acked = peer->sent;
    peer->unacked = 0;
    if (is_captured) {
        capture(end, TCP_ACK, talk.stream[end].sent, 0);
    }
}

static void
start_talk(unsigned seed)
{
    struct flow_table_options options = table_options(&records);

    memset(&talk, 0, sizeof talk);
    memset(&records, 0, sizeof records);
    talk.choices = choices_from_seed(seed);
    talk.table = new_table(&options);
    talk.now = SECOND_NS;
    for (unsigned end = 0; end < 2; end++) { /* Often near the wrap. */
        talk.stream[end].start = choose(&talk.choices, 65536);
        talk.stream[end].start -= choose(&talk.choices, 65536);
    }
}

static void
open_talk(void)
{
    talk.stream[0].start--;
    capture(0, TCP_SYN, 0, 0);
    talk.stream[0].start++;
    talk.stream[1].start--;
    capture(1, TCP_SYN | TCP_ACK, 0, 0);
    talk.stream[1].start++;
    capture(0, TCP_ACK, 0, 0);
}

static const struct flow_record *
end_talk(void)
{
    flow_table_flush(talk.table, FLOW_END_END_OF_FILE);
    flow_table_free(talk.table);
    assert_int_equal(records.n, 1);
    return &records.record[0];
}

/* New data, data sent again, late data, keep-alives, acknowledgements. */
static void
random_step(unsigned lost_in)
{
    unsigned end = choose(&talk.choices, 2);
    struct stream *stream = &talk.stream[end];
    uint32_t length = 1 + choose(&talk.choices, MAX_SEGMENT);
    uint32_t at = stream->sent;
    unsigned what = choose(&talk.choices, 20);

    if (stream->unacked >= SEGMENTS_TO_ACK) {
        send_ack(!end, true);
    } else if (what < 10) {
        stream->sent += length;
        stream->unacked++;
        send_data(end, at, length, !chance(&talk.choices, lost_in));
    } else if (what < 12 && at > stream->acked) {
        uint32_t from =
            stream->acked + choose(&talk.choices, at - stream->acked);

        send_data(end, from, at - from, !chance(&talk.choices, lost_in));
    } else if (what < 13) { /* Two that change places on their way. */
        stream->sent += 2 * length;
        stream->unacked += 2;
        send_data(end, at + length, length, !chance(&talk.choices, lost_in));
        send_data(end, at, length, !chance(&talk.choices, lost_in));
    } else if (what < 14 && at > 0 && at == stream->acked) {
        send_data(end, at - 1, choose(&talk.choices, 2), true);
    } else {
        send_ack(!end, !chance(&talk.choices, lost_in));
    }
}

static uint64_t
missed(unsigned end)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < talk.stream[end].sent; i++) {
        n += talk.stream[end].missed[i];
    }
    return n;
}

static void
gaps_are_what_was_acknowledged_and_not_captured(void **state)
{
    uint64_t total = 0;

    (void)state;
    for (unsigned seed = 0; seed < N_TALKS; seed++) {
        const struct flow_record *record;

        start_talk(seed);
        open_talk();
        for (int i = 0; i < N_STEPS; i++) {
            random_step(2 + seed % 30);
        }
        record = end_talk();
        assert_int_equal(record->source.missed_bytes, missed(0));
        assert_int_equal(record->destination.missed_bytes, missed(1));
        total += missed(0) + missed(1);
    }
    assert_true(total > (uint64_t)N_TALKS * MAX_SEGMENT);
}

static void
a_capture_of_everything_misses_nothing(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < N_TALKS; seed++) {
        const struct flow_record *record;

        start_talk(seed);
        open_talk();
        for (int i = 0; i < N_STEPS; i++) {
            random_step(UINT16_MAX);
        }
        record = end_talk();
        if (missed(0) + missed(1) == 0) { /* One in 65535 was lost. */
            assert_int_equal(record->source.missed_bytes, 0);
            assert_int_equal(record->destination.missed_bytes, 0);
        }
        assert_false(record->flags & FLOW_ONE_SIDED);
    }
}

/* Where numbers begin is not known: nothing is claimed. */
static void
conversations_joined_in_the_middle_claim_no_gap(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < N_TALKS; seed++) {
        const struct flow_record *record;

        start_talk(seed);
        for (int i = 0; i < N_STEPS; i++) {
            random_step(2 + seed % 30);
        }
        record = end_talk();
        assert_int_equal(record->source.missed_bytes, 0);
        assert_int_equal(record->destination.missed_bytes, 0);
        assert_true(record->flags & FLOW_MIDSTREAM);
        assert_false(record->flags & FLOW_ONE_SIDED);
    }
}

static void
a_capture_without_one_end_says_so_and_no_more(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < N_TALKS; seed++) {
        bool is_opened = seed % 3 > 0;
        const struct flow_record *record;

        start_talk(seed);
        talk.hides[seed % 2] = true;
        if (is_opened) {
            open_talk();
        }
        for (int i = 0; i < N_STEPS; i++) {
            random_step(UINT16_MAX);
        }
        record = end_talk();
        assert_true(record->flags & FLOW_ONE_SIDED);
        assert_int_equal(record->source.missed_bytes, 0);
        assert_int_equal(record->destination.missed_bytes, 0);
        assert_int_equal(record->outcome, FLOW_OUTCOME_DATA);
    }
}

static const struct flow_record *
flags_of_one_side(unsigned end, uint32_t n_sent)
{
    start_talk(1);
    talk.hides[!end] = true;
    open_talk();
    if (n_sent) {
        talk.stream[end].sent = n_sent;
        send_data(end, 0, n_sent, true);
    }
    return end_talk();
}

/* Who never gets an answer does not go on; SYN+ACKs are sent to anybody. */
static void
one_end_shows_the_other_as_soon_as_it_goes_on(void **state)
{
    const struct flow_record *record = flags_of_one_side(0, 0);

    (void)state;
    assert_true(record->flags & FLOW_ONE_SIDED); /* SYN, ACK. */
    assert_int_equal(record->outcome, FLOW_OUTCOME_ESTABLISHED);
    record = flags_of_one_side(0, 100);
    assert_true(record->flags & FLOW_ONE_SIDED);
    assert_int_equal(record->outcome, FLOW_OUTCOME_DATA);
    record = flags_of_one_side(1, 0);
    assert_false(record->flags & FLOW_ONE_SIDED);
    assert_int_equal(record->outcome, FLOW_OUTCOME_ATTEMPT);
    record = flags_of_one_side(1, 100);
    assert_true(record->flags & FLOW_ONE_SIDED);
}

static void
an_end_that_comes_late_is_seen(void **state)
{
    const struct flow_record *record;

    (void)state;
    start_talk(1);
    talk.hides[1] = true;
    open_talk();
    talk.hides[1] = false;
    talk.stream[1].sent = 10;
    send_data(1, 0, 10, true);
    record = end_talk();
    assert_false(record->flags & FLOW_ONE_SIDED);
}

/* Of a long flow each record tells what came since the one before. */
static void
records_tell_what_was_missed_since_the_last(void **state)
{
    uint64_t told[2] = {0, 0};

    (void)state;
    start_talk(7);
    open_talk();
    for (int i = 0; i < N_STEPS; i++) {
        random_step(3);
        if (i % 20 == 0) {
            talk.now += flow_default_timeouts.active_ns + SECOND_NS;
        }
    }
    flow_table_flush(talk.table, FLOW_END_END_OF_FILE);
    flow_table_free(talk.table);
    assert_true(records.n > 3);
    assert_true(records.n == records.total);
    for (size_t i = 0; i < records.n; i++) {
        told[0] += records.record[i].source.delta_missed_bytes;
        told[1] += records.record[i].destination.delta_missed_bytes;
        assert_int_equal(records.record[i].source.missed_bytes, told[0]);
        assert_int_equal(records.record[i].destination.missed_bytes, told[1]);
    }
    assert_int_equal(told[0], missed(0));
    assert_int_equal(told[1], missed(1));
    assert_true(told[0] > 0 && told[1] > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_what_was_acknowledged_and_not_captured),
        cmocka_unit_test(a_capture_of_everything_misses_nothing),
        cmocka_unit_test(conversations_joined_in_the_middle_claim_no_gap),
        cmocka_unit_test(a_capture_without_one_end_says_so_and_no_more),
        cmocka_unit_test(one_end_shows_the_other_as_soon_as_it_goes_on),
        cmocka_unit_test(an_end_that_comes_late_is_seen),
        cmocka_unit_test(records_tell_what_was_missed_since_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
