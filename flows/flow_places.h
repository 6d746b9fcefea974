/* Where flows were seen: on which interface and VLANs, in which tunnel, between
 * which stations.  Much of it is the same for many flows, so what is the same
 * is kept once.
 *
 * A place lives as long as a flow that was seen there.  Pairs of stations can
 * be many, so they are small; the rest is nearly always the same. */

#ifndef FLOWS_FLOW_PLACES_H
#define FLOWS_FLOW_PLACES_H

#include "dissect/addr.h"
#include "dissect/packet.h"
#include "flows/flow_shared.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* As in struct packet. */
struct flow_where {
    uint16_t vlan[PACKET_MAX_VLANS];
    uint16_t file, interface;
    uint32_t tunnel_id;
    struct addr outer_src, outer_dst; /* Only with a tunnel. */
    uint8_t n_vlans, tunnel, depth, unused;
};

static_assert(sizeof(struct flow_where) == 52, "hashed without padding");

struct flow_place {
    uint8_t mac[2][6]; /* Of the flow's ends; zero if the link has none. */
    uint32_t where;    /* Number of a struct flow_where. */
};

static_assert(sizeof(struct flow_place) == 16, "hashed without padding");

struct flow_places {
    struct flow_shared places, wheres;
};

bool flow_places_open(struct flow_places *, struct flow_memory *,
                      uint32_t max_flows, uint64_t seed);
void flow_places_close(struct flow_places *); /* Accepts a zeroed one. */

/* There is no flow any more. */
void flow_places_clear(struct flow_places *);

/* The number of the packet's place, for a flow that it starts; 0 if memory is
 * short. */
uint32_t flow_places_take(struct flow_places *, const struct packet *,
                          unsigned sender);

/* A flow that took the place has ended. */
void flow_places_give(struct flow_places *, uint32_t number);

static inline const struct flow_place *
flow_places_at(const struct flow_places *places, uint32_t number)
{
    return flow_shared_at(&places->places, number);
}

static inline const struct flow_where *
flow_places_where(const struct flow_places *places,
                  const struct flow_place *place)
{
    return flow_shared_at(&places->wheres, place->where);
}

#endif
