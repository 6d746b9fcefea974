/* The order of the steps in weigh() matters: the history tells what a packet
 * looked like before it changed any state, and an acknowledgement is checked
 * for gaps after, so that those revealed by a FIN or RST count only between
 * cleanly established ends. */

#include "flows/tcp_state.h"

#include "dissect/packet.h"
#include "flows/flow_parts.h"
#include "flows/history.h"
#include "flows/tcp_stream.h"

enum {
    CONTROL = TCP_SYN | TCP_FIN | TCP_RST
};

/* One packet, and the flow's view of it. */
struct segment {
    const struct packet *packet;
    struct flow_dialogue *dialogue;
    unsigned sender, receiver;
    bool is_original; /* From the originator. */
    bool syn, fin, rst, ack;
    uint32_t length; /* Of its payload. */
    uint32_t end;    /* Sequence number past it, SYN and FIN included. */
};

static void weigh(struct flow *, const struct packet *, unsigned sender);
static bool is_lone_syn(const struct flow *, const struct packet *,
                        unsigned sender);
static void update_lone_syn(struct flow *, const struct packet *,
                            unsigned sender);
static struct flow_dialogue *dialogue_of(struct flow *);
static struct segment segment_of(struct flow *, const struct packet *,
                                 unsigned sender);
static void start_numbering(struct flow *, const struct segment *);
static void number_from(struct flow_dialogue *, unsigned end, uint32_t start,
                        uint32_t last);
static void write_history(struct flow *, const struct segment *);
static void write_control(struct flow *, const struct segment *);
static void check_window(struct flow *, const struct segment *);
static void take_ack(struct flow *, const struct segment *);
static bool shows_the_other(const struct flow *, const struct segment *);
static void advance_last(struct flow *, const struct segment *);
static void change_state(struct flow *, const struct segment *);
static void from_inactive(struct flow *, const struct segment *);
static void without_control(struct flow *, const struct segment *);
static void from_opening(struct flow *, const struct segment *);
static void from_open(struct flow *, const struct segment *);
static void from_closed(struct flow *, const struct segment *);
static void set_state(struct flow *, unsigned end, enum tcp_state);
static enum tcp_state before(const struct flow *, unsigned end);
static void time_handshake(struct flow *, const struct segment *);

void
tcp_state_weigh(struct flow *flow, const struct packet *p, unsigned sender)
{
    if (is_lone_syn(flow, p, sender)) {
        update_lone_syn(flow, p, sender);
    } else {
        weigh(flow, p, sender);
    }
}

static void
weigh(struct flow *flow, const struct packet *p, unsigned sender)
{
    struct segment s = segment_of(flow, p, sender);
    bool is_turn = /* Only these change a state. */
        (p->tcp_flags & CONTROL) ||
        tcp_state_of(flow, sender) == TCP_STATE_INACTIVE;

    if (is_turn) {
        start_numbering(flow, &s);
    }
    write_history(flow, &s);
    if (p->tcp_window == 0) {
        check_window(flow, &s);
    }
    if (s.fin) {
        s.dialogue->fin[sender] = s.end;
    }
    take_ack(flow, &s);
    advance_last(flow, &s);
    if (is_turn) {
        change_state(flow, &s);
    }
    if (s.ack && !s.rst) {
        tcp_stream_acked(flow, s.dialogue, s.receiver, p->tcp_ack);
    }
    if (s.length > 0 && !s.rst) {
        tcp_stream_sent(flow, s.dialogue, sender, p->tcp_seq + s.syn, s.length);
    }
    if (!(flow->marks & FLOW_MARK_DONE)) {
        time_handshake(flow, &s);
    }
}

bool
tcp_state_is_reuse(const struct flow *flow, const struct packet *p,
                   unsigned sender, bool is_long_idle)
{
    uint32_t start = flow->opening;
    bool is_known = tcp_state_of(flow, sender) == TCP_STATE_SYN_SENT;

    if ((p->tcp_flags & (CONTROL | TCP_ACK)) != TCP_SYN) {
        return false;
    }
    if (flow->marks & FLOW_MARK_DIALOGUE) {
        start = flow_dialogue_of(flow)->start[sender];
        is_known = tcp_state_of(flow, sender) != TCP_STATE_INACTIVE;
    }
    if (is_known && p->tcp_seq == start) {
        return false; /* Sent again. */
    }
    return tcp_state_is_closed(flow) || is_long_idle;
}

/* An end that was never seen counts as closed with the other: a capture of one
 * direction must not keep every connection for an hour. */
bool
tcp_state_is_closed(const struct flow *flow)
{
    enum tcp_state a = tcp_state_of(flow, 0);
    enum tcp_state b = tcp_state_of(flow, 1);

    if (a < TCP_STATE_CLOSED && b < TCP_STATE_CLOSED) {
        return false;
    }
    return tcp_state_is_reset(flow) ||
           (a == TCP_STATE_CLOSED &&
            (b == TCP_STATE_CLOSED || b == TCP_STATE_INACTIVE)) ||
           (b == TCP_STATE_CLOSED && a == TCP_STATE_INACTIVE);
}

enum flow_timeout
tcp_state_timeout(const struct flow *flow)
{
    const unsigned went_on =
        HISTORY_ONCE_ACK | HISTORY_ONCE_DATA | HISTORY_ONCE_FIN;

    if (tcp_state_is_closed(flow)) {
        return FLOW_TIMEOUT_TCP_CLOSING;
    }
    /* A capture of one direction shows no state past the SYN, but that the
     * other side answered. */
    return (flow->letters[0] | flow->letters[1]) & went_on
               ? FLOW_TIMEOUT_TCP_ESTABLISHED
               : FLOW_TIMEOUT_TCP_OPENING;
}

/* Most flows of a scan never have more than SYNs from one end; those need no
 * dialogue. */
static bool
is_lone_syn(const struct flow *flow, const struct packet *p, unsigned sender)
{
    return !(flow->marks & FLOW_MARK_DIALOGUE) &&
           (p->tcp_flags & (CONTROL | TCP_ACK)) == TCP_SYN &&
           p->payload_bytes == 0 && !flow_has_packets(flow, !sender);
}

static void
update_lone_syn(struct flow *flow, const struct packet *p, unsigned sender)
{
    bool is_first = tcp_state_of(flow, sender) == TCP_STATE_INACTIVE;

    if (is_first || flow->opening != p->tcp_seq) {
        flow->letters[sender] |= HISTORY_ONCE_SYN;
        history_add(flow, HISTORY_SYN, sender);
    }
    if (p->tcp_window == 0) {
        struct segment s = {
            .packet = p, .sender = sender, .receiver = !sender, .syn = true};

        check_window(flow, &s);
    }
    if (is_first) {
        set_state(flow, sender, TCP_STATE_SYN_SENT);
    }
    flow->opening = p->tcp_seq;
}

static struct segment
segment_of(struct flow *flow, const struct packet *p, unsigned sender)
{
    struct segment s = {
        .packet = p,
        .dialogue = dialogue_of(flow),
        .sender = sender,
        .receiver = !sender,
        .is_original = sender == flow_initiator(flow),
        .syn = (p->tcp_flags & TCP_SYN) != 0,
        .fin = (p->tcp_flags & TCP_FIN) != 0,
        .rst = (p->tcp_flags & TCP_RST) != 0,
        .ack = (p->tcp_flags & TCP_ACK) != 0,
        .length = p->payload_bytes,
    };

    /* What a RST carries is text for humans, not part of the stream. */
    s.end = p->tcp_seq + (s.rst ? 0 : s.length) + s.syn + s.fin;
    return s;
}

/* The flow's dialogue, taking over what lone SYNs left in the entry. */
static struct flow_dialogue *
dialogue_of(struct flow *flow)
{
    struct flow_dialogue *dialogue;

    if (flow->marks & FLOW_MARK_DIALOGUE) {
        return flow_dialogue_of(flow);
    }
    dialogue = &flow_part_get(flow, FLOW_PART_DIALOGUE)->dialogue;
    for (unsigned end = 0; end < 2; end++) {
        if (tcp_state_of(flow, end) == TCP_STATE_SYN_SENT) {
            number_from(dialogue, end, flow->opening, flow->opening + 1);
        }
    }
    return dialogue;
}

static void
start_numbering(struct flow *flow, const struct segment *s)
{
    struct flow_dialogue *d = s->dialogue;
    uint32_t seq = s->packet->tcp_seq;

    switch (tcp_state_of(flow, s->sender)) {
    case TCP_STATE_INACTIVE:
        if (s->syn) {
            number_from(d, s->sender, seq, s->end);
        } else {
            /* As though a SYN came before it; its bytes are new. */
            number_from(d, s->sender, seq - 1, seq);
        }
        break;
    case TCP_STATE_RESET:
        if (s->syn && before(flow, s->sender) == TCP_STATE_INACTIVE) {
            number_from(d, s->sender, seq, s->end);
        }
        break;
    case TCP_STATE_SYN_SENT:
    case TCP_STATE_SYN_ACK_SENT:
    case TCP_STATE_PARTIAL:
    case TCP_STATE_ESTABLISHED:
        if (s->syn && seq != d->start[s->sender]) {
            number_from(d, s->sender, seq, s->end);
        }
        break;
    case TCP_STATE_CLOSED: break;
    }
}

static void
number_from(struct flow_dialogue *d, unsigned end, uint32_t start,
            uint32_t last)
{
    d->start[end] = start;
    d->ack[end] = start;
    d->last[end] = last;
    d->delivered[end] = start + 1;
}

static void
write_history(struct flow *flow, const struct segment *s)
{
    unsigned control = s->packet->tcp_flags & CONTROL;

    if (control == (TCP_FIN | TCP_RST) || control == CONTROL) {
        history_add_once(flow, HISTORY_INCONSISTENT, HISTORY_ONCE_INCONSISTENT,
                         s->sender);
    } else if (control & (control - 1)) {
        history_add_once(flow, HISTORY_MULTI_FLAG, HISTORY_ONCE_MULTI_FLAG,
                         s->sender);
    } else if (control) {
        write_control(flow, s);
    } else if (s->length > 0) {
        history_add_once(flow, HISTORY_DATA, HISTORY_ONCE_DATA, s->sender);
    } else if (s->ack) {
        history_add_once(flow, HISTORY_ACK, HISTORY_ONCE_ACK, s->sender);
    }
}

/* SYN, FIN and RST are written again when their number is another. */
static void
write_control(struct flow *flow, const struct segment *s)
{
    const struct flow_dialogue *d = s->dialogue;
    enum history_letter letter = HISTORY_RST;
    enum history_once bit = HISTORY_ONCE_RST;
    bool is_repeat = d->delivered[s->sender] == s->packet->tcp_seq;

    if (s->syn) {
        letter = s->ack ? HISTORY_SYN_ACK : HISTORY_SYN;
        bit = HISTORY_ONCE_SYN;
        is_repeat = d->start[s->sender] == s->packet->tcp_seq;
    } else if (s->fin) {
        letter = HISTORY_FIN;
        bit = HISTORY_ONCE_FIN;
        is_repeat = d->fin[s->sender] == s->end;
    }
    if (!(flow->letters[s->sender] & bit) || !is_repeat) {
        flow->letters[s->sender] = (uint8_t)(flow->letters[s->sender] | bit);
        history_add(flow, letter, s->sender);
    }
}

/* A window of zero means nothing in a RST, after one, or when the other side
 * will send no more. */
static void
check_window(struct flow *flow, const struct segment *s)
{
    struct flow_letters *letters;

    if (s->rst || tcp_state_of(flow, s->receiver) == TCP_STATE_CLOSED ||
        tcp_state_of(flow, s->sender) == TCP_STATE_RESET) {
        return;
    }
    letters = &flow_part_get(flow, FLOW_PART_LETTERS)->letters;
    history_add_scaled(flow, HISTORY_ZERO_WINDOW, s->sender,
                       ++letters->zero_windows[s->sender]);
}

static void
take_ack(struct flow *flow, const struct segment *s)
{
    struct flow_dialogue *d = s->dialogue;
    uint32_t ack = s->packet->tcp_ack;

    if (!s->ack) {
        return;
    }
    if (tcp_state_of(flow, s->receiver) == TCP_STATE_INACTIVE) {
        if (shows_the_other(flow, s)) {
            flow->flags |= FLOW_ONE_SIDED;
        }
        number_from(d, s->receiver, ack - 1, ack - 1);
    } else if (!s->rst) {
        tcp_state_raise_ack(d, s->receiver, ack);
    }
}

/* What an end sends shows that the other, of which nothing was captured, is
 * there: it acknowledges more and more, or goes on after its own SYN or SYN+ACK
 * as one does when that was answered.  A SYN+ACK alone shows nothing: they are
 * sent to who never asked. */
static bool
shows_the_other(const struct flow *flow, const struct segment *s)
{
    const struct flow_dialogue *d = s->dialogue;
    uint32_t ack = s->packet->tcp_ack;
    bool goes_on = tcp_state_of(flow, s->sender) == TCP_STATE_SYN_SENT ||
                   ((flow->letters[s->sender] & HISTORY_ONCE_SYN) && s->length);
    bool advances =
        d->last[s->receiver] != 0 && tcp_distance(ack, d->ack[s->receiver]) > 1;

    return !flow_has_packets(flow, s->receiver) && !s->rst &&
           (advances || (goes_on && !s->syn && ack != 0));
}

static void
advance_last(struct flow *flow, const struct segment *s)
{
    struct flow_dialogue *d = s->dialogue;
    int32_t more = tcp_distance(s->end, d->last[s->sender]);
    bool is_far = more > TCP_MAX_SEQUENCE_JUMP || more < -TCP_MAX_SEQUENCE_JUMP;

    if ((s->syn || s->rst) && is_far) {
        return;
    }
    if (s->fin && d->last[s->sender] == d->start[s->sender] + 1) {
        /* Only SYN and FIN were captured: whatever lies between. */
        more = 1;
    } else if (tcp_state_of(flow, s->sender) == TCP_STATE_RESET) {
        return;
    }
    if (more > 0) {
        d->last[s->sender] = s->end;
    } else if (s->length > 0) {
        tcp_stream_repeated(flow, d, s->sender, s->packet->tcp_seq + s->syn,
                            s->length);
    }
}

static void
change_state(struct flow *flow, const struct segment *s)
{
    switch (tcp_state_of(flow, s->sender)) {
    case TCP_STATE_INACTIVE: from_inactive(flow, s); break;
    case TCP_STATE_SYN_SENT:
    case TCP_STATE_SYN_ACK_SENT: from_opening(flow, s); break;
    case TCP_STATE_PARTIAL:
    case TCP_STATE_ESTABLISHED: from_open(flow, s); break;
    case TCP_STATE_CLOSED: from_closed(flow, s); break;
    case TCP_STATE_RESET: break;
    }
    if (tcp_state_of(flow, s->sender) == TCP_STATE_RESET && s->rst) {
        s->dialogue->delivered[s->sender] = s->packet->tcp_seq;
    }
}

static void
from_inactive(struct flow *flow, const struct segment *s)
{
    enum tcp_state peer = tcp_state_of(flow, s->receiver);

    flow->flags &= (uint16_t)~FLOW_ONE_SIDED; /* It comes late. */
    if (s->syn && s->is_original && !s->ack && peer == TCP_STATE_ESTABLISHED) {
        /* It came after its answer: captured on two interfaces. */
        set_state(flow, s->sender, TCP_STATE_ESTABLISHED);
    } else if (s->syn && s->is_original) {
        set_state(flow, s->sender,
                  s->ack ? TCP_STATE_SYN_ACK_SENT : TCP_STATE_SYN_SENT);
    } else if (s->syn) {
        if (peer == TCP_STATE_SYN_SENT || peer == TCP_STATE_SYN_ACK_SENT) {
            set_state(flow, s->receiver, TCP_STATE_ESTABLISHED);
        }
        set_state(flow, s->sender, TCP_STATE_ESTABLISHED);
    }
    if (s->fin) {
        set_state(flow, s->sender, TCP_STATE_CLOSED);
    }
    if (s->rst) {
        set_state(flow, s->sender, TCP_STATE_RESET);
    }
    if (tcp_state_of(flow, s->sender) == TCP_STATE_INACTIVE) {
        without_control(flow, s);
    }
}

static void
without_control(struct flow *flow, const struct segment *s)
{
    enum tcp_state peer = tcp_state_of(flow, s->receiver);

    if (!s->is_original && s->length == 0 && peer == TCP_STATE_SYN_SENT) {
        return; /* Some stacks acknowledge a SYN before they answer it. */
    }
    if (s->ack && peer == TCP_STATE_ESTABLISHED) {
        /* Only the first SYN was missed. */
        set_state(flow, s->sender, TCP_STATE_ESTABLISHED);
    } else {
        set_state(flow, s->sender, TCP_STATE_PARTIAL);
    }
}

static void
from_opening(struct flow *flow, const struct segment *s)
{
    if (s->fin) {
        set_state(flow, s->sender, TCP_STATE_CLOSED);
    }
    if (s->rst) {
        set_state(flow, s->sender, TCP_STATE_RESET);
    }
}

static void
from_open(struct flow *flow, const struct segment *s)
{
    if (s->syn && !s->ack &&
        tcp_state_of(flow, s->sender) == TCP_STATE_PARTIAL &&
        tcp_state_of(flow, s->receiver) == TCP_STATE_INACTIVE) {
        set_state(flow, s->sender, TCP_STATE_SYN_SENT);
    }
    if (s->fin && !s->rst) {
        set_state(flow, s->sender, TCP_STATE_CLOSED);
        if (tcp_state_of(flow, s->receiver) == TCP_STATE_RESET &&
            before(flow, s->receiver) == TCP_STATE_CLOSED) {
            /* FIN, then RST, then this FIN: a normal end after all. */
            set_state(flow, s->receiver, TCP_STATE_CLOSED);
        }
    }
    if (s->rst) {
        set_state(flow, s->sender, TCP_STATE_RESET);
    }
}

static void
from_closed(struct flow *flow, const struct segment *s)
{
    if (s->rst && tcp_state_of(flow, s->receiver) != TCP_STATE_CLOSED) {
        set_state(flow, s->sender, TCP_STATE_RESET);
    }
}

static void
set_state(struct flow *flow, unsigned end, enum tcp_state state)
{
    enum tcp_state old = tcp_state_of(flow, end);

    if (old != state) {
        flow->tcp_state[end] = (uint8_t)(state | old << 4);
    }
}

static enum tcp_state
before(const struct flow *flow, unsigned end)
{
    return (enum tcp_state)(flow->tcp_state[end] >> 4);
}

/* The handshake is over when the originator acknowledges the SYN+ACK.  Its time
 * is known when the flow began with the SYN, and kept in 31 bits: nanoseconds,
 * or microseconds when it took longer than two seconds. */
static void
time_handshake(struct flow *flow, const struct segment *s)
{
    int64_t ns = wall_time_since(s->packet->time, flow->start);

    if (!s->is_original || !s->ack || s->syn || s->rst ||
        !(flow->letters[s->receiver] & HISTORY_ONCE_SYN) ||
        tcp_state_of(flow, s->receiver) < TCP_STATE_ESTABLISHED ||
        tcp_distance(s->packet->tcp_ack, s->dialogue->start[s->receiver]) < 1) {
        return;
    }
    flow->marks |= FLOW_MARK_DONE;
    if (!(flow->marks & FLOW_MARK_SYN_FIRST) || ns < 0) {
        return;
    }
    if (ns <= INT32_MAX) {
        flow->opening = (uint32_t)ns;
    } else if (ns / MICROSECOND_NS <= INT32_MAX) {
        flow->opening = UINT32_C(1) << 31 | (uint32_t)(ns / MICROSECOND_NS);
    } else {
        return;
    }
    flow->marks |= FLOW_MARK_HANDSHAKE;
}
