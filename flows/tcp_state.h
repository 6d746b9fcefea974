/* TCP as a passive observer sees it: states, history and gaps in Zeek's terms.
 *
 * conn_state and history follow Zeek's documentation of conn.log and are meant
 * to be equal to it letter by letter.  Where segmon knowingly differs:
 *   - the first SYN+ACK's receiver is the originator, also on unknown ports;
 *   - a SYN with another sequence number does not split a connection that is
 *     still open; its letter is repeated instead;
 *   - bytes a short capture cut off are not a gap: the IP header says they were
 *     sent;
 *   - 'c' is never written: checksums are not verified, since captures on the
 *     sending host have none yet;
 *   - 'x' means that more holes were open in one direction than are kept. */

#ifndef FLOWS_TCP_STATE_H
#define FLOWS_TCP_STATE_H

#include "dissect/packet.h"
#include "flows/flow.h"
#include "flows/flow_expiry.h"
#include "flows/flow_parts.h"
#include "flows/history.h"
#include "flows/tcp_stream.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* A SYN's or RST's number further away than this is not believed. */
    TCP_MAX_SEQUENCE_JUMP = 1 << 20
};

enum tcp_state {
    TCP_STATE_INACTIVE,
    TCP_STATE_SYN_SENT,
    TCP_STATE_SYN_ACK_SENT,
    TCP_STATE_PARTIAL, /* Traffic without a handshake. */
    TCP_STATE_ESTABLISHED,
    TCP_STATE_CLOSED, /* Sent FIN. */
    TCP_STATE_RESET   /* Sent RST. */
};

static inline enum tcp_state
tcp_state_of(const struct flow *flow, unsigned end)
{
    return (enum tcp_state)(flow->tcp_state[end] & 0xf);
}

/* Whether the packet opens another connection on the ports of this one:
 * 'is_long_idle' tells that the flow had no packet for long. */
bool tcp_state_is_reuse(const struct flow *, const struct packet *,
                        unsigned sender, bool is_long_idle);

/* Whether one side reset; and both sides closed, or one reset. */
static inline bool
tcp_state_is_reset(const struct flow *flow)
{
    return tcp_state_of(flow, 0) == TCP_STATE_RESET ||
           tcp_state_of(flow, 1) == TCP_STATE_RESET;
}
bool tcp_state_is_closed(const struct flow *);

enum flow_timeout tcp_state_timeout(const struct flow *);

/* Zeek's conn_state, from the states and the formatted history. */
const char *tcp_state_name(const struct flow *, const char *history);

/* The packet, sent by 'sender', has its transport header and is not yet counted
 * in 'flow'. */
static inline void tcp_state_update(struct flow *, const struct packet *,
                                    unsigned sender);

/* The same for any packet, step by step. */
void tcp_state_weigh(struct flow *, const struct packet *, unsigned sender);

static inline bool
tcp_state_is_open(const struct flow *flow, unsigned end)
{
    enum tcp_state state = tcp_state_of(flow, end);

    return state == TCP_STATE_PARTIAL || state == TCP_STATE_ESTABLISHED;
}

/* Whether the packet is what nearly all are: no control flag, between ends that
 * are open, and with nothing new for the history. */
static inline bool
tcp_state_goes_on(const struct flow *flow, const struct packet *p,
                  unsigned sender)
{
    const unsigned flags = TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK;
    const unsigned marks = FLOW_MARK_DIALOGUE | FLOW_MARK_DONE;
    enum history_once letter =
        p->payload_bytes > 0 ? HISTORY_ONCE_DATA : HISTORY_ONCE_ACK;

    return (p->tcp_flags & flags) == TCP_ACK && p->tcp_window != 0 &&
           (flow->marks & marks) == marks && (flow->letters[sender] & letter) &&
           tcp_state_is_open(flow, 0) && tcp_state_is_open(flow, 1);
}

/* 'ack' is of what 'end' sent. */
static inline void
tcp_state_raise_ack(struct flow_dialogue *d, unsigned end, uint32_t ack)
{
    int32_t more = tcp_distance(ack, d->ack[end]);

    if (more > 0 && !(ack == 0 && more > TCP_MAX_SEQUENCE_JUMP)) {
        d->ack[end] = ack;
    }
}

/* What is left of tcp_state_weigh() for a packet that goes on. */
static inline void
tcp_state_go_on(struct flow *flow, const struct packet *p, unsigned sender)
{
    struct flow_part *first =
        flow_parts_at(flow_home_of(flow)->parts, flow->parts);
    struct flow_dialogue *d = &first->dialogue;
    uint32_t length = p->payload_bytes;
    uint32_t end = p->tcp_seq + length;
    bool is_next = p->tcp_seq == d->delivered[sender];

    tcp_state_raise_ack(d, !sender, p->tcp_ack);
    if (tcp_distance(end, d->last[sender]) > 0) {
        d->last[sender] = end;
    } else if (length > 0) {
        tcp_stream_repeated(flow, d, sender, p->tcp_seq, length);
    }
    if (tcp_distance(p->tcp_ack, d->delivered[!sender]) > 0) {
        tcp_stream_acked(flow, d, !sender, p->tcp_ack);
    }
    if (is_next && (first->next & FLOW_PARTS_END)) {
        d->delivered[sender] = end; /* There is no island to step over. */
    } else if (length > 0) {
        tcp_stream_sent(flow, d, sender, p->tcp_seq, length);
    }
}

__attribute__((always_inline)) static inline void
tcp_state_update(struct flow *flow, const struct packet *p, unsigned sender)
{
    if (tcp_state_goes_on(flow, p, sender)) {
        tcp_state_go_on(flow, p, sender);
    } else {
        tcp_state_weigh(flow, p, sender);
    }
}

#endif
