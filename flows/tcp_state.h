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

#include "flows/flow.h"
#include "flows/flow_expiry.h"

#include <stdbool.h>

struct packet;

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

/* The packet, sent by 'sender', has its transport header and is not yet counted
 * in 'flow'. */
void tcp_state_update(struct flow *, const struct packet *, unsigned sender);

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

#endif
