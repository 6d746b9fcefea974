/* The table against a plain list that is searched from end to end: the same
 * packets, the same flows, the same ends.
 *
 * The list knows what a flow is (key, counts, last packet, timeout) and nothing
 * of hashing, slabs or queues.  TCP, whose rules test_tcp_state.c has, takes
 * part only in its opening state. */

#include "flows/flow.h"
#include "flows/flow_key.h"
#include "tests/flows/packets.h"

enum {
    MAX_FLOWS = 60,
    N_PACKETS = 30000,
    MAX_LIST = 4096
};

struct listed {
    struct flow_key key;
    uint64_t packets[2], bytes[2];
    flow_tick seen;
    struct wall_time start, end;
    bool is_alive;
};

struct oracle {
    struct listed list[MAX_LIST];
    size_t n;
    size_t n_alive;
    struct wall_time clock;
    uint64_t created, ended, evicted;
    /* What the table said last. */
    uint64_t told, told_evicted;
};

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static uint32_t
timeout_of(const struct listed *f)
{
    const struct flow_timeouts *t = &flow_default_timeouts;
    int64_t ns = t->icmp_ns;

    if (f->key.protocol == PROTOCOL_UDP) {
        ns = f->packets[0] && f->packets[1] ? t->udp_reply_ns
                                            : t->udp_request_ns;
    } else if (f->key.protocol == PROTOCOL_TCP) {
        ns = t->tcp_opening_ns;
    } else if (f->key.protocol != PROTOCOL_ICMP) {
        ns = t->other_ns;
    }
    return (uint32_t)((ns + (INT64_C(1) << FLOW_TICK_SHIFT) - 1) >>
                      FLOW_TICK_SHIFT);
}

static bool
is_idle(const struct oracle *o, const struct listed *f)
{
    return flow_tick_of(o->clock.ns) - f->seen > timeout_of(f);
}

static struct listed *
find(struct oracle *o, const struct flow_key *key)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->list[i].is_alive && flow_key_equal(&o->list[i].key, key)) {
            return &o->list[i];
        }
    }
    return NULL;
}

static void
end_listed(struct oracle *o, struct listed *f)
{
    f->is_alive = false;
    o->n_alive--;
    o->ended++;
}

/* The listed flow a record is about, and which of its ends is the source. */
static struct listed *
match(struct oracle *o, const struct flow_record *r, unsigned *source)
{
    bool is_icmp = r->protocol == PROTOCOL_ICMP;
    uint16_t port = is_icmp ? r->icmp_type : r->source.port;

    for (size_t i = 0; i < 2 * o->n; i++) {
        struct listed *f = &o->list[i / 2];
        const struct addr *a = f->key.addr;
        unsigned end = i % 2;

        if (f->is_alive && f->key.protocol == r->protocol &&
            f->key.context == r->context && f->start.ns == r->start.ns &&
            f->key.port[end] == port &&
            memcmp(&a[end], &r->source.addr, sizeof *a) == 0 &&
            memcmp(&a[!end], &r->destination.addr, sizeof *a) == 0) {
            *source = end;
            return f;
        }
    }
    fail_msg("a record of no flow");
    abort();
}

static void
check_eviction(const struct oracle *o, const struct listed *evicted)
{
    flow_tick now = flow_tick_of(o->clock.ns);

    assert_int_equal(o->n_alive, MAX_FLOWS);
    for (size_t i = 0; i < o->n; i++) {
        assert_false(o->list[i].is_alive &&
                     now - o->list[i].seen > now - evicted->seen);
    }
}

/* Each end the table reports must be one the list agrees with. */
static void
check_end(void *context, const struct flow_record *r, void *user)
{
    struct oracle *o = context;
    unsigned source = 0;
    struct listed *f = match(o, r, &source);

    (void)user;
    assert_int_equal(f->packets[source], r->source.packets);
    assert_int_equal(f->packets[!source], r->destination.packets);
    assert_int_equal(f->bytes[source], r->source.bytes);
    assert_int_equal(f->bytes[!source], r->destination.bytes);
    assert_int_equal(f->end.ns, r->end.ns);
    o->told++;
    if (r->reason == FLOW_END_EVICTED) {
        o->told_evicted++;
        check_eviction(o, f);
    } else if (r->reason == FLOW_END_IDLE) {
        assert_true(is_idle(o, f));
    }
    end_listed(o, f);
}

static void
forget_ended(struct oracle *o)
{
    size_t kept = 0;

    for (size_t i = 0; i < o->n; i++) {
        if (o->list[i].is_alive) {
            o->list[kept++] = o->list[i];
        }
    }
    o->n = kept;
}

static struct packet
random_packet(uint64_t *random, int64_t ns)
{
    static const uint8_t protocols[] = {
        PROTOCOL_UDP, PROTOCOL_UDP, PROTOCOL_TCP, PROTOCOL_ICMP, PROTOCOL_GRE};
    uint8_t protocol = protocols[next_random(random) % 5];
    unsigned src = 1 + next_random(random) % 4;
    unsigned dst = 1 + next_random(random) % 4;
    struct packet p = packet_between(src, dst, protocol, ns);

    if (protocol == PROTOCOL_TCP) {
        /* From one side only, with one number: it stays an attempt. */
        p = tcp_packet(src, (uint16_t)(1 + next_random(random) % 4), 5, 80, ns);
        p.tcp_flags = TCP_SYN;
    } else if (protocol == PROTOCOL_UDP) {
        p.src_port = (uint16_t)(1000 + next_random(random) % 4);
        p.dst_port = (uint16_t)(1000 + next_random(random) % 4);
    } else if (protocol == PROTOCOL_ICMP) {
        p.icmp_type = next_random(random) % 2 ? 8 : 0;
    }
    p.ip_bytes = 20 + next_random(random) % 1480;
    return p;
}

/* The list's half of one packet, after the table's: the table may just have
 * ended the flow (idle) or another (evicted). */
static void
list_packet(struct oracle *o, const struct packet *p, uint16_t context,
            bool is_new)
{
    struct flow_ends ends;
    struct listed *f;

    flow_key_from(p, context, &ends);
    f = find(o, &ends.key);
    assert_int_equal(f == NULL, is_new);
    if (!f) {
        assert_true(o->n < MAX_LIST);
        f = &o->list[o->n++];
        *f = (struct listed){.key = ends.key,
                             .start = p->time,
                             .end = p->time,
                             .is_alive = true};
        o->created++;
        o->n_alive++;
    }
    f->packets[ends.sender]++;
    f->bytes[ends.sender] += p->ip_bytes;
    f->seen = flow_tick_of(o->clock.ns);
    f->end.ns = p->time.ns > f->end.ns ? p->time.ns : f->end.ns;
    f->start.ns = p->time.ns < f->start.ns ? p->time.ns : f->start.ns;
}

static struct packet
next_packet(uint64_t *random, int64_t mean_gap_ns, int64_t *now)
{
    struct packet p;

    *now += next_random(random) % (2 * mean_gap_ns);
    if (next_random(random) % 1000 == 0) {
        *now += 70 * SECOND_NS;
    }
    p = random_packet(random, *now);
    if (next_random(random) % 50 == 0) {
        p.time.ns -= next_random(random) % SECOND_NS;
    }
    return p;
}

static void
step(struct oracle *o, struct flow_table *table, const struct packet *p,
     uint16_t context, bool advances)
{
    struct flow_table_counters c;

    o->clock.ns = p->time.ns > o->clock.ns ? p->time.ns : o->clock.ns;
    if (advances) {
        flow_table_advance(table, p->time);
    }
    for (size_t i = 0; advances && i < o->n; i++) {
        assert_false(o->list[i].is_alive && is_idle(o, &o->list[i]));
    }
    list_packet(o, p, context, flow_table_update(table, p, context).is_new);
    if (o->n == MAX_LIST) {
        forget_ended(o);
    }
    c = counters_of(table);
    assert_int_equal(c.active, o->n_alive);
    assert_int_equal(c.created, o->created);
    assert_int_equal(c.ended, o->ended);
    assert_int_equal(c.created, c.ended + c.active);
}

static void
run(uint64_t seed, int64_t mean_gap_ns, bool advances)
{
    static struct oracle oracle;
    struct flow_table_options options = table_options(NULL);
    struct flow_table *table;
    uint64_t random = seed;
    int64_t now = SECOND_NS;

    memset(&oracle, 0, sizeof oracle);
    options.max_flows = MAX_FLOWS;
    options.record = check_end;
    options.context = &oracle;
    options.timeouts.active_ns = 0;
    table = new_table(&options);
    for (size_t i = 0; i < N_PACKETS; i++) {
        uint16_t context = (uint16_t)(next_random(&random) % 2);
        struct packet p = next_packet(&random, mean_gap_ns, &now);

        step(&oracle, table, &p, context, advances);
    }
    flow_table_flush(table, FLOW_END_END_OF_FILE);
    assert_int_equal(oracle.n_alive, 0);
    assert_int_equal(oracle.told, oracle.created);
    assert_int_equal(counters_of(table).evicted, oracle.told_evicted);
    assert_int_equal(counters_of(table).packets, N_PACKETS);
    flow_table_free(table);
}

static void
a_full_table_is_the_list(void **state)
{
    (void)state;
    run(1, 10 * MILLISECOND_NS, true);
    run(2, MILLISECOND_NS / 10, true);
}

static void
an_idle_table_is_the_list(void **state)
{
    (void)state;
    run(3, 3 * SECOND_NS, true);
}

static void
it_does_not_matter_how_often_time_is_moved_on(void **state)
{
    (void)state;
    run(4, 2 * SECOND_NS, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_table_is_the_list),
        cmocka_unit_test(an_idle_table_is_the_list),
        cmocka_unit_test(it_does_not_matter_how_often_time_is_moved_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
