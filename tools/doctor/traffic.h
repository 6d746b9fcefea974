/* What came by on interfaces, as far as it tells how they are connected.
 *
 * Frames are taken apart and counted, and put into conversations, by the same
 * code as those of a run.  Conversations are of all interfaces together: a tap
 * may bring each direction on an interface of its own.
 *
 * Used by one thread.  Memory: a flow table of TRAFFIC_MAX_FLOWS, and fixed
 * counts. */

#ifndef TOOLS_DOCTOR_TRAFFIC_H
#define TOOLS_DOCTOR_TRAFFIC_H

#include "capture/clock.h"
#include "dissect/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct frame;
struct link_state;
struct traffic; /* Opaque. */

enum {
    TRAFFIC_MAX_INTERFACES = 8,
    TRAFFIC_MAX_FLOWS = 200000,
    TRAFFIC_MAX_TYPES = 8,      /* EtherTypes told apart. */
    TRAFFIC_MAX_SUMS = 4096,    /* Packets whose checksum is computed. */
    TRAFFIC_N_VLANS = 4096,     /* 12 bits. */
    TRAFFIC_MAX_CONTROL = 0x5ff /* IEEE 802.3: a length, not an EtherType. */
};

/* Frames without IP of one kind. */
struct traffic_type {
    uint16_t type; /* EtherType; 0 for LLC, such as spanning tree's. */
    uint64_t frames;
};

/* Of one interface. */
struct traffic_counts {
    uint64_t frames, bytes;
    uint64_t own;   /* To or from the interface's own address. */
    uint64_t group; /* Others', to broadcast and multicast addresses. */
    uint64_t outcomes[DISSECT_N_RESULTS];
    struct traffic_type types[TRAFFIC_MAX_TYPES];
    uint64_t other_types; /* Frames of types there was no room for. */

    uint64_t tagged, twice_tagged;
    bool vlans[TRAFFIC_N_VLANS]; /* Of the outermost tag. */
    uint64_t over_mtu, own_over_mtu;
    uint32_t longest; /* Bytes of the frame. */
    uint64_t snapped; /* Longer than the snapshot length. */
    uint64_t cut;     /* Shorter than their IP header says. */
    uint64_t packets; /* With an IP header. */
    uint64_t fragments;
    uint64_t tunnels[PACKET_N_TUNNELS];
    uint64_t sums, wrong_sums; /* Computed; and not what they should be. */
    uint64_t copies;           /* Of packets seen just before. */

    /* Conversations of TCP that began here: both directions were seen, or one
     * alone, though it answers the other. */
    uint64_t two_sided, one_sided;
    uint64_t segments, out_of_order;
    uint64_t content_bytes, missed_bytes; /* Of these, the latter never came. */

    /* The least time from a frame's stamp to when it was read. */
    int64_t least_lag_ns;

    /* Filled in by who captures. */
    uint64_t kernel_drops, discarded;
    bool is_captured; /* Else nothing above is known. */
};

struct traffic *traffic_new(struct error *);
void traffic_free(struct traffic *); /* Accepts NULL. */

/* A frame, whose 'interface' counts from 0; 'link' is what is known of that
 * interface, and 'now' when the frame was read. */
void traffic_frame(struct traffic *, const struct frame *,
                   const struct link_state *link, struct wall_time now);

/* There are no more: conversations end, and are counted. */
void traffic_end(struct traffic *);

struct traffic_counts *traffic_of(struct traffic *, size_t interface);

#endif
