/* One conversation of the benchmark, from its first packet to its last.
 *
 * It speaks a dialogue, with a TCP handshake, acknowledgements and an end
 * around it, and may go on with bulk data.  No two packets of it are more than
 * two seconds apart, so no idle timeout of any monitor splits it. */

#ifndef TESTS_BENCH_TALK_H
#define TESTS_BENCH_TALK_H

#include "tests/bench/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choices;
struct dialogue;

enum talk_manner {
    TALK_ANSWERED,
    TALK_OPEN,    /* Answered; TCP that nobody closes. */
    TALK_JOINED,  /* Answered; TCP whose handshake the capture missed. */
    TALK_REFUSED, /* TCP: a reset comes back. */
    TALK_SILENT   /* Nothing comes back. */
};

enum talk_stage {
    TALK_SYN,
    TALK_RESET,
    TALK_SYN_ACK,
    TALK_ACK,
    TALK_LINES, /* And the bulk data after them. */
    TALK_FIN,
    TALK_FIN_BACK,
    TALK_LAST_ACK,
    TALK_OVER
};

struct talk {
    /* Set by whoever begins it; all else zero. */
    const struct dialogue *dialogue; /* Borrowed. */
    struct wire_end end[2];          /* Client and server. */
    int64_t next_ns;                 /* When its next packet is sent. */
    uint32_t bulk;                   /* Full-size packets from the server. */
    uint32_t bulk_gap_ns;            /* Between two of them. */
    uint32_t delay_ns;               /* From one end to the other. */
    uint32_t seq[2];
    enum talk_manner manner;
    uint16_t vlan;
    uint16_t label; /* The owner's own. */

    enum talk_stage stage;
    uint32_t line;
    uint16_t ip_id[2];
    uint8_t unacknowledged; /* Packets since the other end sent one... */
    bool last_from;         /* ...which came from this end. */
    bool has_tried;
    uint64_t packets[2], bytes[2]; /* Sent by each; of IP packets. */
};

/* Once for a talk that was filled in. */
void talk_begin(struct talk *);

/* Sends the next packet and moves 'next_ns' on.  False when it was the last. */
bool talk_step(struct talk *, struct wire *, struct choices *);

#endif
