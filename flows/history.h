/* Zeek's history string, kept as five bits a letter: twelve in the entry, the
 * rest in a part.  Case is not kept: which end a letter is of is, so a flip
 * needs no rewriting. */

#ifndef FLOWS_HISTORY_H
#define FLOWS_HISTORY_H

#include "flows/flow.h"
#include "flows/flow_record.h"

/* Letters in the order of their bit in flow.letters; those of the first group
 * are written once per end (or again for another sequence number), the others
 * each time they are added. */
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

/* Appends the letter, of 'end'. */
void history_add(struct flow *, enum history_letter, unsigned end);

/* Appends the letter when the event's 'count' is 1, 10, 100, ... */
void history_add_scaled(struct flow *, enum history_letter, unsigned end,
                        uint64_t count);

void history_format(const struct flow *, char text[FLOW_HISTORY_SIZE + 1]);

#endif
