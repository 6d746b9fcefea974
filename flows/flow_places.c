/* Nearly always the place is known already: taking it is one look-up. */

#include "flows/flow_places.h"

#include "flows/flow_key.h"

#include <stddef.h>
#include <string.h>

struct shared_place {
    struct flow_index_link link; /* First, for the index. */
    uint32_t n_flows;            /* 0: it is free. */
    uint32_t unused;
    union {
        struct flow_place place;
        struct flow_pool_link free;
    };
};

static struct flow_place place_of(const struct packet *, unsigned sender);
static uint32_t find(const struct flow_places *, const struct flow_place *,
                     uint32_t hash);
static uint32_t add(struct flow_places *, const struct flow_place *,
                    uint32_t hash);
static struct shared_place *shared_at(const struct flow_places *,
                                      uint32_t number);

bool
flow_places_open(struct flow_places *places, struct flow_memory *memory,
                 uint32_t max_flows, uint64_t seed)
{
    *places = (struct flow_places){.seed = seed};
    return flow_pool_open(&places->pool, memory, max_flows,
                          sizeof(struct shared_place),
                          offsetof(struct shared_place, free)) &&
           flow_index_open(&places->index, &places->pool) &&
           flow_pool_next(&places->pool) != 0;
}

void
flow_places_close(struct flow_places *places)
{
    flow_index_close(&places->index);
    flow_pool_close(&places->pool);
}

uint32_t
flow_places_take(struct flow_places *places, const struct packet *p,
                 unsigned sender)
{
    struct flow_place place = place_of(p, sender);
    uint32_t hash = (uint32_t)flow_hash(&place, sizeof place, places->seed);
    uint32_t number = find(places, &place, hash);

    if (!number) {
        number = add(places, &place, hash);
    }
    if (number) {
        shared_at(places, number)->n_flows++;
    }
    return number;
}

/* Free places at the end are dropped at once: there is little churn. */
void
flow_places_give(struct flow_places *places, uint32_t number)
{
    struct flow_pool *pool = &places->pool;

    if (--shared_at(places, number)->n_flows > 0) {
        return;
    }
    flow_index_remove(&places->index, number);
    flow_pool_give(pool, number);
    if (number == pool->n) {
        while (pool->n > 0 && shared_at(places, pool->n)->n_flows == 0) {
            flow_pool_drop_last(pool);
        }
        flow_index_shrink(&places->index, pool->n);
        flow_pool_cut(pool, false);
    }
}

const struct flow_place *
flow_places_at(const struct flow_places *places, uint32_t number)
{
    return &shared_at(places, number)->place;
}

static struct flow_place
place_of(const struct packet *p, unsigned sender)
{
    struct flow_place place = {
        .file = p->file,
        .interface = p->interface,
        .n_vlans = p->n_vlans,
        .tunnel = p->tunnel,
        .depth = p->depth,
    };

    memcpy(place.vlan, p->vlan, p->n_vlans * sizeof *place.vlan);
    if (p->flags & PACKET_HAS_MAC) {
        memcpy(place.mac[sender], p->src_mac, sizeof place.mac[sender]);
        memcpy(place.mac[!sender], p->dst_mac, sizeof place.mac[!sender]);
    }
    if (p->tunnel != PACKET_TUNNEL_NONE) {
        place.tunnel_id = p->tunnel_id;
        place.outer_src = p->outer_src;
        place.outer_dst = p->outer_dst;
    }
    return place;
}

static uint32_t
find(const struct flow_places *places, const struct flow_place *place,
     uint32_t hash)
{
    uint32_t number = *flow_index_head(&places->index, hash);

    while (number) {
        const struct shared_place *shared = shared_at(places, number);

        if (shared->link.hash == hash &&
            memcmp(&shared->place, place, sizeof *place) == 0) {
            return number;
        }
        number = shared->link.chain;
    }
    return 0;
}

static uint32_t
add(struct flow_places *places, const struct flow_place *place, uint32_t hash)
{
    uint32_t number = flow_pool_next(&places->pool);

    if (!number ||
        (number > places->pool.n && !flow_index_grow(&places->index, number))) {
        return 0;
    }
    flow_pool_take(&places->pool);
    shared_at(places, number)->n_flows = 0;
    shared_at(places, number)->place = *place;
    flow_index_add(&places->index, number, hash);
    return number;
}

static struct shared_place *
shared_at(const struct flow_places *places, uint32_t number)
{
    return flow_pool_at(&places->pool, number);
}
