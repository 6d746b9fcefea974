/* A gap counts only between ends whose handshake was seen: elsewhere the
 * numbers a stream starts at are a guess. */

#include "flows/tcp_stream.h"

#include "flows/history.h"
#include "flows/tcp_state.h"

#include <string.h>

enum {
    /* Acknowledgements further ahead than this are of another connection. */
    MAX_WINDOW = 1 << 30
};

static struct flow_part *islands_of(const struct flow *, unsigned end);
static void add_island(struct flow *, unsigned end, uint32_t from, uint32_t to);
static void insert_island(struct flow_part *, uint32_t from, uint32_t to);
static void join_closest(struct flow *, struct flow_part *, unsigned end);
static uint32_t absorb(struct flow *, unsigned end, uint32_t delivered);
static void count_gap(struct flow *, unsigned end, uint32_t size);
static bool is_clean(const struct flow *);
static void remove_first(struct flow_part *);

void
tcp_stream_sent(struct flow *flow, struct flow_dialogue *d, unsigned end,
                uint32_t seq, uint32_t length)
{
    uint32_t to = seq + length;
    uint32_t delivered = d->delivered[end];

    if (tcp_state_of(flow, end) == TCP_STATE_RESET ||
        tcp_distance(to, delivered) <= 0) {
        return;
    }
    if (tcp_distance(seq, delivered) <= 0) {
        d->delivered[end] = absorb(flow, end, to);
    } else if (tcp_distance(seq, delivered) < MAX_WINDOW) {
        add_island(flow, end, seq, to);
    }
}

void
tcp_stream_repeated(struct flow *flow, const struct flow_dialogue *d,
                    unsigned end, uint32_t seq, uint32_t length)
{
    const struct flow_part *islands = islands_of(flow, end);
    struct flow_trouble *trouble =
        &flow_part_get(flow, FLOW_PART_TROUBLE)->trouble;
    bool is_new = tcp_distance(seq + length, d->delivered[end]) > 0;

    for (unsigned i = 0; islands && i < islands->n; i++) {
        if (tcp_distance(seq, islands->islands.from[i]) >= 0 &&
            tcp_distance(islands->islands.to[i], seq + length) >= 0) {
            is_new = false;
        }
    }
    if (is_new) {
        trouble->out_of_order[end]++;
    } else {
        trouble->retransmissions[end]++;
    }
    /* Zeek has one letter for both. */
    history_add_scaled(flow, HISTORY_RETRANSMISSION, end,
                       (uint64_t)trouble->out_of_order[end] +
                           trouble->retransmissions[end]);
}

void
tcp_stream_acked(struct flow *flow, struct flow_dialogue *d, unsigned end,
                 uint32_t ack)
{
    uint32_t delivered = d->delivered[end];
    struct flow_part *part;

    if (tcp_state_of(flow, end) == TCP_STATE_RESET) {
        return;
    }
    if ((flow->letters[end] & HISTORY_ONCE_FIN) &&
        tcp_distance(ack, d->fin[end]) >= 0) {
        ack = d->fin[end] - 1;
    }
    if (tcp_distance(ack, delivered) <= 0 ||
        tcp_distance(ack, delivered) >= MAX_WINDOW) {
        return;
    }
    if ((flow->flags & FLOW_MIDSTREAM) &&
        tcp_distance(ack, d->start[end]) <= 2) {
        return; /* A keep-alive's byte, not a gap. */
    }
    part = islands_of(flow, end);
    while (part && part->n > 0 &&
           tcp_distance(ack, part->islands.from[0]) > 0) {
        count_gap(flow, end, part->islands.from[0] - delivered);
        delivered = part->islands.to[0];
        remove_first(part);
    }
    if (tcp_distance(ack, delivered) > 0) {
        count_gap(flow, end, ack - delivered);
        delivered = ack;
    }
    d->delivered[end] = delivered;
}

static struct flow_part *
islands_of(const struct flow *flow, unsigned end)
{
    return flow_part_find(flow,
                          end ? FLOW_PART_ISLANDS_1 : FLOW_PART_ISLANDS_0);
}

/* Islands are kept in order and apart from each other. */
static void
add_island(struct flow *flow, unsigned end, uint32_t from, uint32_t to)
{
    struct flow_part *part =
        flow_part_get(flow, end ? FLOW_PART_ISLANDS_1 : FLOW_PART_ISLANDS_0);
    struct flow_islands *all = &part->islands;
    unsigned i = 0;
    unsigned last;

    while (i < part->n && tcp_distance(from, all->to[i]) > 0) {
        i++;
    }
    for (last = i; last < part->n && tcp_distance(to, all->from[last]) >= 0;
         last++) {
        from = tcp_distance(from, all->from[last]) < 0 ? from : all->from[last];
        to = tcp_distance(to, all->to[last]) > 0 ? to : all->to[last];
    }
    if (last > i) {
        unsigned gone = last - i - 1;

        all->from[i] = from;
        all->to[i] = to;
        memmove(&all->from[i + 1], &all->from[last],
                (part->n - last) * sizeof *all->from);
        memmove(&all->to[i + 1], &all->to[last],
                (part->n - last) * sizeof *all->to);
        part->n = (uint8_t)(part->n - gone);
        return;
    }
    if (part->n == FLOW_MAX_ISLANDS) {
        join_closest(flow, part, end);
        add_island(flow, end, from, to);
        return;
    }
    insert_island(part, from, to);
}

static void
insert_island(struct flow_part *part, uint32_t from, uint32_t to)
{
    struct flow_islands *all = &part->islands;
    unsigned i = part->n++;

    for (; i > 0 && tcp_distance(all->from[i - 1], from) > 0; i--) {
        all->from[i] = all->from[i - 1];
        all->to[i] = all->to[i - 1];
    }
    all->from[i] = from;
    all->to[i] = to;
}

static void
join_closest(struct flow *flow, struct flow_part *part, unsigned end)
{
    struct flow_islands *all = &part->islands;
    unsigned best = 0;

    for (unsigned i = 1; i + 1 < part->n; i++) {
        if (all->from[i + 1] - all->to[i] <
            all->from[best + 1] - all->to[best]) {
            best = i;
        }
    }
    all->to[best] = all->to[best + 1];
    part->n--;
    for (unsigned i = best + 1; i < part->n; i++) {
        all->from[i] = all->from[i + 1];
        all->to[i] = all->to[i + 1];
    }
    history_add_once(flow, HISTORY_PARTIAL, HISTORY_ONCE_PARTIAL, end);
}

/* Steps over islands that begin at or before 'delivered'. */
static uint32_t
absorb(struct flow *flow, unsigned end, uint32_t delivered)
{
    struct flow_part *part = islands_of(flow, end);

    while (part && part->n > 0 &&
           tcp_distance(part->islands.from[0], delivered) <= 0) {
        if (tcp_distance(part->islands.to[0], delivered) > 0) {
            delivered = part->islands.to[0];
        }
        remove_first(part);
    }
    return delivered;
}

static void
remove_first(struct flow_part *part)
{
    struct flow_islands *all = &part->islands;

    part->n--;
    memmove(all->from, all->from + 1, part->n * sizeof *all->from);
    memmove(all->to, all->to + 1, part->n * sizeof *all->to);
}

static void
count_gap(struct flow *flow, unsigned end, uint32_t size)
{
    struct flow_letters *letters;

    if (!is_clean(flow)) {
        return;
    }
    flow_part_get(flow, FLOW_PART_TROUBLE)->trouble.missed_bytes[end] += size;
    letters = &flow_part_get(flow, FLOW_PART_LETTERS)->letters;
    history_add_scaled(flow, HISTORY_GAP, end, ++letters->gaps[end]);
}

static bool
is_clean(const struct flow *flow)
{
    for (unsigned end = 0; end < 2; end++) {
        unsigned was = flow->tcp_state[end] >> 4;
        enum tcp_state state = tcp_state_of(flow, end);

        if (state != TCP_STATE_ESTABLISHED &&
            !(state == TCP_STATE_CLOSED && was == TCP_STATE_ESTABLISHED)) {
            return false;
        }
    }
    return true;
}
