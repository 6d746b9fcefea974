/* Zeek's history string, kept as five bits a letter: twelve in the entry, the
 * rest in a part.  Case is not kept: which end a letter is of is, so a flip
 * needs no rewriting. */

#ifndef FLOWS_HISTORY_H
#define FLOWS_HISTORY_H

#include "flows/flow.h"
#include "flows/flow_record.h"

struct flow_part;

enum history_letter {
    HISTORY_SYN,
    HISTORY_SYN_ACK,
    HISTORY_ACK,
    HISTORY_DATA,
    HISTORY_FIN,
    HISTORY_RST,
    HISTORY_GAP,
    HISTORY_CHECKSUM,
    HISTORY_RETRANSMISSION,
    HISTORY_ZERO_WINDOW,
    HISTORY_INCONSISTENT,
    HISTORY_MULTI_FLAG,
    HISTORY_PARTIAL,
    HISTORY_FLIPPED
};

/* Bits of flow.letters[]: letters an end has written, of those written once (or
 * again for another sequence number). */
enum history_once {
    HISTORY_ONCE_SYN = 1 << 0, /* Or SYN+ACK. */
    HISTORY_ONCE_ACK = 1 << 1,
    HISTORY_ONCE_DATA = 1 << 2,
    HISTORY_ONCE_FIN = 1 << 3,
    HISTORY_ONCE_RST = 1 << 4,
    HISTORY_ONCE_INCONSISTENT = 1 << 5,
    HISTORY_ONCE_MULTI_FLAG = 1 << 6,
    HISTORY_ONCE_PARTIAL = 1 << 7
};

/* Appends the letter unless 'end' has written it; 'bit' remembers. */
static inline void history_add_once(struct flow *, enum history_letter,
                                    enum history_once bit, unsigned end);

/* Appends the letter, of 'end'. */
void history_add(struct flow *, enum history_letter, unsigned end);

/* Appends the letter when the event's 'count' is 1, 10, 100, ... */
void history_add_scaled(struct flow *, enum history_letter, unsigned end,
                        uint64_t count);

/* 'more' is the flow's part of further letters, or NULL. */
void history_format(const struct flow *, const struct flow_part *more,
                    char text[FLOW_HISTORY_SIZE + 1]);

static inline void
history_add_once(struct flow *flow, enum history_letter letter,
                 enum history_once bit, unsigned end)
{
    if (!(flow->letters[end] & bit)) {
        flow->letters[end] = (uint8_t)(flow->letters[end] | bit);
        history_add(flow, letter, end);
    }
}

#endif
