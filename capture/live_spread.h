/* How the kernel spreads frames over the handles of a group.
 *
 * A program for PACKET_FANOUT_CBPF that makes a number of a frame's pair of IP
 * addresses, the same in both directions: so every packet of a conversation,
 * its fragments, and the ICMP errors about it, which are taken by what they
 * quote, go to one handle.  The hash that the kernel offers itself takes the
 * ports in, and so tears fragments and errors from their conversations.
 *
 * It looks behind LIVE_SPREAD_VLANS tags.  Of a tunnel the outer addresses
 * count: the inner conversation stays together as long as both directions use
 * the same ends.  All that is not IP there goes to the first handle. */

#ifndef CAPTURE_LIVE_SPREAD_H
#define CAPTURE_LIVE_SPREAD_H

#include <linux/filter.h>
#include <stdint.h>

enum {
    LIVE_SPREAD_VLANS = 3,
    LIVE_SPREAD_MAX_STEPS = 208
};

struct live_spread {
    struct sock_filter steps[LIVE_SPREAD_MAX_STEPS];
    unsigned n_steps;
};

/* 'header_bytes' of the link's header stand before what the system itself
 * sends.  'seed' keeps others from choosing where their packets go; groups with
 * the same seed spread alike. */
void live_spread_make(struct live_spread *, unsigned header_bytes,
                      uint64_t seed);

#endif
