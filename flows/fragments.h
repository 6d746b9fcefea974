/* Which flow the later fragments of a datagram belong to.
 *
 * Only the first fragment has ports, and only there is seen what protocol
 * follows extension headers.  Both are remembered by what every fragment of the
 * datagram carries, so later fragments can be counted on the same flow; those
 * that come early are held until the first one comes.
 *
 * Everything is bounded: FRAGMENTS_MAX datagrams, FRAGMENTS_MAX_HELD held
 * packets in all and FRAGMENTS_MAX_EACH for one datagram, for FRAGMENTS_NS.
 * What cannot be held or joined is handed back as an orphan.  Memory is taken
 * when the table is made, so a full table can still join fragments. */

#ifndef FLOWS_FRAGMENTS_H
#define FLOWS_FRAGMENTS_H

#include "capture/clock.h"
#include "dissect/packet.h"
#include "flows/flow_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAGMENTS_MAX = 1024,
    FRAGMENTS_MAX_HELD = 512,
    FRAGMENTS_MAX_EACH = 64 /* More than a 64 KiB datagram has at 1500. */
};

/* As long as Linux keeps an incomplete datagram. */
#define FRAGMENTS_NS (30 * SECOND_NS)

/* A held packet and what it was held with. */
struct fragments_held {
    struct packet packet;
    struct wall_time when; /* The instant it was given up. */
    uint16_t context;
    uint16_t next; /* Index plus one; 0: none. */
};

struct fragments_store; /* Opaque. */

struct fragments {
    struct fragments_store *store;
    struct flow_memory *memory; /* Borrowed. */
    bool is_used;               /* A fragment was seen. */
    uint64_t evicted;           /* Datagrams forgotten to make room. */
};

/* What only the first fragment tells. */
struct fragments_transport {
    uint16_t port[2]; /* As flow_key_ports() has them. */
    uint8_t protocol; /* Past extension headers. */
};

enum fragments_answer {
    FRAGMENTS_KNOWN, /* '*transport' is the first fragment's. */
    FRAGMENTS_HELD,  /* Kept until the first fragment comes. */
    FRAGMENTS_ORPHAN /* Cannot be kept: count it without ports. */
};

size_t fragments_bytes(void); /* What fragments_init() allocates. */

/* Returns false if memory is short. */
bool fragments_init(struct fragments *, struct flow_memory *);
void fragments_done(struct fragments *);

/* Remembers a first fragment's transport. */
void fragments_first(struct fragments *, const struct packet *,
                     uint16_t context, const struct fragments_transport *,
                     struct wall_time now);

/* Takes one of the packets held for this first fragment's datagram, in the
 * order they came.  Returns false when there are no more. */
bool fragments_take(struct fragments *, const struct packet *first,
                    uint16_t context, struct packet *out);

/* Asks for the transport of a later fragment. */
enum fragments_answer fragments_later(struct fragments *, const struct packet *,
                                      uint16_t context, struct wall_time now,
                                      struct fragments_transport *transport);

/* Takes a held packet whose datagram was forgotten, or has waited for too long
 * at 'now'; in the order of 'when', which does not depend on when it is asked
 * for.  Returns false when there are no more. */
bool fragments_orphan(struct fragments *, struct wall_time now,
                      struct fragments_held *out);

/* The same for every held packet, at the end. */
bool fragments_flush(struct fragments *, struct wall_time now,
                     struct fragments_held *out);

#endif
