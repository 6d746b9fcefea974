/* Packets that need few steps against the same packets weighed in full: the
 * flow, and everything beside it, must come out the same. */

#include "flows/flow.h"
#include "flows/flow_count.h"
#include "flows/flow_parts.h"
#include "flows/tcp_state.h"
#include "tests/flows/packets.h"

enum {
    N_FLOWS = 300,
    N_PACKETS = 400
};

/* Two ends as they talk. */
struct talk {
    uint64_t random;
    uint32_t sent[2]; /* Sequence number of what each sends next. */
    int64_t now;
    uint64_t went_on; /* Packets, in all. */
};

static uint32_t
next_random(struct talk *t)
{
    t->random =
        t->random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(t->random >> 33);
}

static struct packet
packet_from(struct talk *t, unsigned end)
{
    struct packet p = tcp_packet(end ? 2 : 1, end ? 80 : 40000, end ? 1 : 2,
                                 end ? 40000 : 80, t->now += MILLISECOND_NS);

    p.tcp_flags = TCP_ACK;
    p.tcp_seq = t->sent[end];
    p.tcp_ack = t->sent[!end];
    return p;
}

/* Mostly in order; now and then late, lost, sent again, ahead, or with a flag
 * that ends it. */
static struct packet
random_packet(struct talk *t, unsigned *end)
{
    uint32_t what = next_random(t) % 100;
    struct packet p;

    *end = next_random(t) % 2;
    p = packet_from(t, *end);
    p.payload_bytes = next_random(t) % 3 * 100;
    if (what < 4) {
        t->sent[*end] += 100 * (1 + next_random(t) % 3); /* Not captured. */
        p.tcp_seq = t->sent[*end];
    } else if (what < 12) {
        p.tcp_seq -= 100 * (next_random(t) % 5);
    } else if (what < 16) {
        p.tcp_ack -= 50 * (next_random(t) % 7);
    } else if (what < 18) {
        p.tcp_ack += 300;
    } else if (what == 18) {
        p.tcp_window = 0;
    } else if (what == 19) {
        p.tcp_ack = 0;
    } else if (what == 20 && next_random(t) % 10 == 0) {
        p.tcp_flags |= next_random(t) % 2 ? TCP_FIN : TCP_RST;
    }
    if ((int32_t)(p.tcp_seq + p.payload_bytes - t->sent[*end]) > 0) {
        t->sent[*end] = p.tcp_seq + p.payload_bytes;
    }
    return p;
}

static void
expect_same(const struct flow *a, const struct flow *b)
{
    struct flow_record of_a;
    struct flow_record of_b;

    flow_record_from(a, &of_a);
    flow_record_from(b, &of_b);
    assert_string_equal(of_a.history, of_b.history);
    assert_string_equal(of_a.conn_state, of_b.conn_state);
    assert_int_equal(a->progress, b->progress);
    assert_int_equal(a->marks, b->marks);
    assert_int_equal(a->flags, b->flags);
    for (unsigned type = FLOW_PART_DIALOGUE; type < FLOW_N_PART_TYPES; type++) {
        const struct flow_part *x =
            flow_part_find(a, (enum flow_part_type)type);
        const struct flow_part *y =
            flow_part_find(b, (enum flow_part_type)type);

        assert_int_equal(x == NULL, y == NULL);
        if (x && y) {
            assert_int_equal(x->n, y->n);
            assert_memory_equal(&x->dialogue, &y->dialogue,
                                sizeof *x -
                                    offsetof(struct flow_part, dialogue));
        }
    }
}

static struct flow *
open_flow(struct flow_table *table, struct talk t)
{
    struct packet p = packet_from(&t, 0);

    p.tcp_flags = TCP_SYN;
    p.tcp_ack = 0;
    flow_table_update(table, &p, 0);
    t.sent[0]++;
    p = packet_from(&t, 1);
    p.tcp_flags = TCP_SYN | TCP_ACK;
    flow_table_update(table, &p, 0);
    t.sent[1]++;
    p = packet_from(&t, 0);
    return flow_table_update(table, &p, 0).flow;
}

static void
play(struct talk *t)
{
    struct records records = {.n = 0};
    struct flow_table_options options = table_options(&records);
    struct flow_table *tables[2] = {new_table(&options), new_table(&options)};
    struct flow *a = open_flow(tables[0], *t);
    struct flow *b = open_flow(tables[1], *t);

    t->sent[0]++;
    t->sent[1]++;
    for (size_t i = 0; i < N_PACKETS; i++) {
        unsigned end;
        struct packet p = random_packet(t, &end);

        end = flow_initiator(a) ? !end : end;
        t->went_on += tcp_state_goes_on(a, &p, end);
        tcp_state_update(a, &p, end);
        tcp_state_weigh(b, &p, end);
        flow_count_packet(a, &p, end);
        flow_count_packet(b, &p, end);
        expect_same(a, b);
    }
    flow_table_free(tables[0]);
    flow_table_free(tables[1]);
}

static void
few_steps_do_what_all_do(void **state)
{
    struct talk t = {.random = 1};

    (void)state;
    for (uint32_t i = 0; i < N_FLOWS; i++) {
        t.now = SECOND_NS;
        t.sent[0] = next_random(&t) << 1;
        t.sent[1] = i % 4 ? next_random(&t) : UINT32_MAX - 5000;
        play(&t);
    }
    assert_in_range(t.went_on, N_FLOWS * N_PACKETS / 10, N_FLOWS * N_PACKETS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_steps_do_what_all_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
