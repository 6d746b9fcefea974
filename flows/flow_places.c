/* A place holds on to its struct flow_where once, however many flows have the
 * place. */

#include "flows/flow_places.h"

#include <string.h>

static struct flow_where where_of(const struct packet *);

bool
flow_places_open(struct flow_places *places, struct flow_memory *memory,
                 uint32_t max_flows, uint64_t seed)
{
    *places = (struct flow_places){.places = {.size = 0}};
    return flow_shared_open(&places->places, memory, max_flows,
                            sizeof(struct flow_place), seed) &&
           flow_shared_open(&places->wheres, memory, max_flows,
                            sizeof(struct flow_where), seed);
}

void
flow_places_close(struct flow_places *places)
{
    flow_shared_close(&places->wheres);
    flow_shared_close(&places->places);
}

void
flow_places_clear(struct flow_places *places)
{
    flow_shared_clear(&places->places);
    flow_shared_clear(&places->wheres);
}

uint32_t
flow_places_take(struct flow_places *places, const struct packet *p,
                 unsigned sender)
{
    struct flow_where where = where_of(p);
    struct flow_place place = {.where =
                                   flow_shared_take(&places->wheres, &where)};
    uint32_t number;

    if (!place.where) {
        return 0;
    }
    if (p->flags & PACKET_HAS_MAC) {
        memcpy(place.mac[sender], p->src_mac, sizeof place.mac[sender]);
        memcpy(place.mac[!sender], p->dst_mac, sizeof place.mac[!sender]);
    }
    number = flow_shared_take(&places->places, &place);
    if (!number || flow_shared_holders(&places->places, number) > 1) {
        flow_shared_give(&places->wheres, place.where);
    }
    return number;
}

void
flow_places_give(struct flow_places *places, uint32_t number)
{
    uint32_t where = flow_places_at(places, number)->where;

    if (flow_shared_give(&places->places, number)) {
        flow_shared_give(&places->wheres, where);
    }
}

static struct flow_where
where_of(const struct packet *p)
{
    struct flow_where where = {
        .file = p->file,
        .interface = p->interface,
        .n_vlans = p->n_vlans,
        .tunnel = p->tunnel,
        .depth = p->depth,
    };

    memcpy(where.vlan, p->vlan, p->n_vlans * sizeof *where.vlan);
    if (p->tunnel != PACKET_TUNNEL_NONE) {
        where.tunnel_id = p->tunnel_id;
        where.outer_src = p->outer_src;
        where.outer_dst = p->outer_dst;
    }
    return where;
}
