/* Datagrams are in a small chained hash and in one queue by the time they were
 * first seen, which is the order they are forgotten in. */

#include "flows/fragments.h"

#include "flows/flow.h"
#include "flows/flow_key.h"

#include <assert.h>
#include <string.h>

/* In ticks, as flows expire: within a tick it must not matter who looks. */
enum {
    WAIT_TICKS = (int)((FRAGMENTS_NS >> FLOW_TICK_SHIFT) + 1)
};

/* What names a datagram (RFC 791, RFC 8200 section 4.5). */
struct datagram_name {
    struct addr src, dst;
    uint32_t id;
    uint32_t scope;
    uint16_t context;
    uint8_t protocol;
    uint8_t tunnel;
};

static_assert(sizeof(struct datagram_name) == 44, "hashed without padding");
static_assert(sizeof(struct datagram_name) == sizeof(struct flow_key),
              "hashed as one");

struct datagram {
    struct datagram_name name;
    struct fragments_transport transport;
    int64_t since;
    uint16_t chain, older, newer; /* Index plus one. */
    uint16_t held_first, held_last;
    uint8_t n_held;
    bool has_transport;
};

struct fragments_store {
    struct datagram datagram[FRAGMENTS_MAX];
    uint16_t head[FRAGMENTS_MAX];
    uint16_t oldest, newest, free;
    uint16_t held_free;
    uint16_t orphans_first, orphans_last; /* Held by no datagram any more. */
    struct fragments_held held[FRAGMENTS_MAX_HELD];
};

static void begin(struct fragments *);
static struct datagram_name name_of(const struct packet *, uint16_t context);
static uint16_t *head_of(struct fragments_store *,
                         const struct datagram_name *);
static struct datagram *find(const struct fragments *,
                             const struct datagram_name *);
static struct datagram *find_or_add(struct fragments *,
                                    const struct datagram_name *,
                                    struct wall_time now);
static struct wall_time deadline_of(const struct datagram *);
static void forget(struct fragments_store *, uint16_t index,
                   struct wall_time when);
static void expire(struct fragments_store *, struct wall_time now);
static bool hold(struct fragments_store *, struct datagram *,
                 const struct packet *, uint16_t context);
static bool take_orphan(struct fragments_store *, struct fragments_held *out);

size_t
fragments_bytes(void)
{
    return sizeof(struct fragments_store);
}

bool
fragments_init(struct fragments *f, struct flow_memory *memory)
{
    *f = (struct fragments){.memory = memory};
    f->store = flow_memory_get(memory, sizeof *f->store);
    return f->store != NULL;
}

void
fragments_done(struct fragments *f)
{
    flow_memory_free(f->memory, f->store, sizeof *f->store);
    f->store = NULL;
}

void
fragments_first(struct fragments *f, const struct packet *p, uint16_t context,
                const struct fragments_transport *transport,
                struct wall_time now)
{
    struct datagram_name name = name_of(p, context);
    struct datagram *d;

    begin(f);
    expire(f->store, now);
    d = find_or_add(f, &name, now);
    d->has_transport = true;
    d->transport = *transport;
}

bool
fragments_take(struct fragments *f, const struct packet *first,
               uint16_t context, struct packet *out)
{
    struct datagram_name name = name_of(first, context);
    struct datagram *d = find(f, &name);
    struct fragments_held *held;
    uint16_t index;

    if (!d || !d->held_first) {
        return false;
    }
    index = d->held_first;
    held = &f->store->held[index - 1];
    *out = held->packet;
    d->held_first = held->next;
    d->n_held--;
    held->next = f->store->held_free;
    f->store->held_free = index;
    return true;
}

enum fragments_answer
fragments_later(struct fragments *f, const struct packet *p, uint16_t context,
                struct wall_time now, struct fragments_transport *transport)
{
    struct datagram_name name = name_of(p, context);
    struct datagram *d;

    begin(f);
    expire(f->store, now);
    d = find_or_add(f, &name, now);
    if (d->has_transport) {
        *transport = d->transport;
        return FRAGMENTS_KNOWN;
    }
    return hold(f->store, d, p, context) ? FRAGMENTS_HELD : FRAGMENTS_ORPHAN;
}

bool
fragments_orphan(struct fragments *f, struct wall_time now,
                 struct fragments_held *out)
{
    if (!f->is_used) {
        return false;
    }
    expire(f->store, now);
    return take_orphan(f->store, out);
}

bool
fragments_flush(struct fragments *f, struct wall_time now,
                struct fragments_held *out)
{
    if (!f->is_used) {
        return false;
    }
    while (f->store->oldest) {
        forget(f->store, f->store->oldest, now);
    }
    return take_orphan(f->store, out);
}

/* Touches the memory only once there is a fragment. */
static void
begin(struct fragments *f)
{
    struct fragments_store *s = f->store;

    if (f->is_used) {
        return;
    }
    f->is_used = true;
    memset(s, 0, sizeof *s);
    for (uint16_t i = 0; i + 1 < FRAGMENTS_MAX; i++) {
        s->datagram[i].chain = (uint16_t)(i + 2);
    }
    for (uint16_t i = 0; i + 1 < FRAGMENTS_MAX_HELD; i++) {
        s->held[i].next = (uint16_t)(i + 2);
    }
    s->free = 1;
    s->held_free = 1;
}

static struct datagram_name
name_of(const struct packet *p, uint16_t context)
{
    bool has_vni =
        p->tunnel == PACKET_TUNNEL_VXLAN || p->tunnel == PACKET_TUNNEL_GENEVE;

    return (struct datagram_name){
        .src = p->src,
        .dst = p->dst,
        .id = p->fragment_id,
        .scope = has_vni ? p->tunnel_id : 0,
        .context = context,
        .protocol = p->fragment_protocol,
        .tunnel = has_vni ? p->tunnel : 0,
    };
}

static uint16_t *
head_of(struct fragments_store *s, const struct datagram_name *name)
{
    struct flow_key key;

    memcpy(&key, name, sizeof key);
    return &s->head[flow_key_hash(&key, (uintptr_t)s) & (FRAGMENTS_MAX - 1)];
}

static struct datagram *
find(const struct fragments *f, const struct datagram_name *name)
{
    struct fragments_store *s = f->store;
    uint16_t index = *head_of(s, name);

    while (index) {
        struct datagram *d = &s->datagram[index - 1];

        if (memcmp(&d->name, name, sizeof *name) == 0) {
            return d;
        }
        index = d->chain;
    }
    return NULL;
}

static struct datagram *
find_or_add(struct fragments *f, const struct datagram_name *name,
            struct wall_time now)
{
    struct fragments_store *s = f->store;
    struct datagram *d = find(f, name);
    uint16_t index;
    uint16_t *head;

    if (d) {
        return d;
    }
    if (!s->free) {
        f->evicted++;
        forget(s, s->oldest, now);
    }
    index = s->free;
    d = &s->datagram[index - 1];
    s->free = d->chain;
    head = head_of(s, name);
    *d = (struct datagram){
        .name = *name, .since = now.ns, .chain = *head, .older = s->newest};
    *head = index;
    if (s->newest) {
        s->datagram[s->newest - 1].newer = index;
    } else {
        s->oldest = index;
    }
    s->newest = index;
    return d;
}

/* Held packets, if any, become orphans. */
static void
forget(struct fragments_store *s, uint16_t index, struct wall_time when)
{
    struct datagram *d = &s->datagram[index - 1];
    uint16_t *link = head_of(s, &d->name);

    while (*link != index) {
        link = &s->datagram[*link - 1].chain;
    }
    *link = d->chain;
    *(d->older ? &s->datagram[d->older - 1].newer : &s->oldest) = d->newer;
    *(d->newer ? &s->datagram[d->newer - 1].older : &s->newest) = d->older;
    for (uint16_t i = d->held_first; i; i = s->held[i - 1].next) {
        s->held[i - 1].when = when;
    }
    if (d->held_first) {
        *(s->orphans_first ? &s->held[s->orphans_last - 1].next
                           : &s->orphans_first) = d->held_first;
        s->orphans_last = d->held_last;
    }
    d->chain = s->free;
    s->free = index;
}

static void
expire(struct fragments_store *s, struct wall_time now)
{
    int64_t tick = now.ns >> FLOW_TICK_SHIFT;

    while (s->oldest) {
        struct wall_time when = deadline_of(&s->datagram[s->oldest - 1]);

        if (tick <= when.ns >> FLOW_TICK_SHIFT) {
            return;
        }
        forget(s, s->oldest, when);
    }
}

static struct wall_time
deadline_of(const struct datagram *d)
{
    int64_t tick = (d->since >> FLOW_TICK_SHIFT) + WAIT_TICKS;

    return (struct wall_time){tick * (INT64_C(1) << FLOW_TICK_SHIFT)};
}

static bool
hold(struct fragments_store *s, struct datagram *d, const struct packet *p,
     uint16_t context)
{
    uint16_t index = s->held_free;
    struct fragments_held *held;

    if (!index || d->n_held == FRAGMENTS_MAX_EACH) {
        return false;
    }
    held = &s->held[index - 1];
    s->held_free = held->next;
    *held = (struct fragments_held){.packet = *p, .context = context};
    *(d->held_first ? &s->held[d->held_last - 1].next : &d->held_first) = index;
    d->held_last = index;
    d->n_held++;
    return true;
}

static bool
take_orphan(struct fragments_store *s, struct fragments_held *out)
{
    uint16_t index = s->orphans_first;
    struct fragments_held *held;

    if (!index) {
        return false;
    }
    held = &s->held[index - 1];
    *out = *held;
    s->orphans_first = held->next;
    held->next = s->held_free;
    s->held_free = index;
    return true;
}
