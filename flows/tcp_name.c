/* Zeek's conn_state, read off the states of both ends at the moment of asking.
 */

#include "flows/flow_parts.h"
#include "flows/tcp_state.h"
#include "flows/tcp_stream.h"

#include <string.h>

static const char *name_if_reset(const struct flow *, const char *history);
static bool has_no_size(const struct flow *);
static bool is_syn_then_rst(const char *history);

const char *
tcp_state_name(const struct flow *flow, const char *history)
{
    unsigned initiator = flow_initiator(flow);
    enum tcp_state orig = tcp_state_of(flow, initiator);
    enum tcp_state resp = tcp_state_of(flow, !initiator);

    if (tcp_state_is_reset(flow)) {
        return name_if_reset(flow, history);
    }
    if (orig == TCP_STATE_CLOSED && resp == TCP_STATE_CLOSED) {
        return "SF";
    }
    if (orig == TCP_STATE_CLOSED) {
        return resp == TCP_STATE_INACTIVE || resp == TCP_STATE_PARTIAL ? "SH"
                                                                       : "S2";
    }
    if (resp == TCP_STATE_CLOSED) {
        return orig == TCP_STATE_INACTIVE || orig == TCP_STATE_PARTIAL ? "SHR"
                                                                       : "S3";
    }
    if (orig == TCP_STATE_SYN_SENT && resp == TCP_STATE_INACTIVE) {
        return "S0";
    }
    if (orig == TCP_STATE_ESTABLISHED && resp == TCP_STATE_ESTABLISHED) {
        return "S1";
    }
    return "OTH";
}

static const char *
name_if_reset(const struct flow *flow, const char *history)
{
    unsigned initiator = flow_initiator(flow);
    enum tcp_state orig = tcp_state_of(flow, initiator);
    enum tcp_state resp = tcp_state_of(flow, !initiator);

    if (resp == TCP_STATE_RESET) {
        if (orig == TCP_STATE_SYN_SENT || orig == TCP_STATE_SYN_ACK_SENT ||
            (orig == TCP_STATE_RESET && has_no_size(flow))) {
            return "REJ";
        }
        return orig == TCP_STATE_INACTIVE || orig == TCP_STATE_PARTIAL ? "RSTRH"
                                                                       : "RSTR";
    }
    if (resp == TCP_STATE_INACTIVE || resp == TCP_STATE_PARTIAL) {
        return is_syn_then_rst(history) ? "RSTOS0" : "OTH";
    }
    return "RSTO";
}

/* Neither sent nor had acknowledged more than its SYN. */
static bool
has_no_size(const struct flow *flow)
{
    const struct flow_part *part = flow_part_find(flow, FLOW_PART_DIALOGUE);

    for (unsigned end = 0; end < 2; end++) {
        const struct flow_dialogue *d = &part->dialogue;
        int32_t sent = tcp_distance(d->last[end], d->start[end]);
        int32_t acked = tcp_distance(d->ack[end], d->start[end]);

        if (sent > 1 || acked > 1) {
            return false;
        }
    }
    return true;
}

/* An S, and an R with no other letter of the originator's between that means
 * an exchange took place. */
static bool
is_syn_then_rst(const char *history)
{
    const char *at = history + (*history == '^');

    if (*at++ != 'S') {
        return false;
    }
    at += strcspn(at, "RHAFGIQ");
    return *at == 'R';
}
