/* A small table of kinds of attempts; see collapse.h. */

#include "tools/runtime/collapse.h"

#include "capture/error.h"
#include "rules/detect/distinct.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* One for every verdict beyond COLLAPSE_KINDS. */
    N_KINDS = COLLAPSE_KINDS + DECISION_RELATED + 1,
    N_SLOTS = 512, /* A power of two: half of them are empty at least. */
    MAX_EXACT = 16 /* Counted one by one. */
};

static_assert(2 * N_KINDS <= N_SLOTS, "searches end soon");

/* How much of a flow makes its kind. */
enum detail {
    DETAIL_SERVICE,
    DETAIL_SEGMENTS,
    DETAIL_VERDICT
};

struct key {
    uint16_t src_segment, dst_segment, port;
    uint8_t protocol, ip_version;
    int32_t rule;
    uint8_t decision, reason, detail, unused;
};

static_assert(sizeof(struct key) == 2 * sizeof(uint64_t), "no padding");
static_assert(sizeof(segment_id) <= sizeof(uint16_t), "it fits");

struct kind {
    struct key key;
    uint64_t n_told; /* One by one. */
    struct distinct sources, destinations, ports;
    struct event_collapsed record; /* 'flows' 0: nothing to tell. */
};

struct collapse {
    collapse_handler *handler;
    void *context;
    struct wall_time began; /* The interval; INT64_MIN: it has not. */
    unsigned n_kinds, n_services;
    uint16_t slots[N_SLOTS]; /* A hash table: in 'kinds', from 1. */
    struct kind kinds[N_KINDS];
};

static struct kind *kind_of(struct collapse *, const struct event_flow *);
static struct key key_of(const struct event_flow *, enum detail);
static uint16_t port_of(const struct flow_record *);
static uint16_t *slot_of(struct collapse *, const struct key *);
static struct kind *add(struct collapse *, uint16_t *slot, const struct key *,
                        const struct event_flow *);
static void count(struct kind *, const struct event_flow *);
static uint64_t n_of(const struct kind *, const struct distinct *);
static void finish(struct kind *);

struct collapse *
collapse_new(collapse_handler *handler, void *context, struct error *error)
{
    struct collapse *collapse = calloc(1, sizeof *collapse);

    if (!collapse) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for attempts");
        return NULL;
    }
    collapse->handler = handler;
    collapse->context = context;
    collapse->began.ns = INT64_MIN;
    return collapse;
}

void
collapse_free(struct collapse *collapse)
{
    for (unsigned i = 0; collapse && i < collapse->n_kinds; i++) {
        finish(&collapse->kinds[i]);
    }
    free(collapse);
}

bool
collapse_take(struct collapse *collapse, const struct event_flow *flow,
              uint64_t most)
{
    struct wall_time now = flow->record->now;
    struct kind *kind;

    collapse_advance(collapse, now);
    if (collapse->began.ns == INT64_MIN) {
        collapse->began = now;
    }
    kind = kind_of(collapse, flow);
    if (kind->n_told < most) {
        kind->n_told++;
        return false;
    }
    count(kind, flow);
    return true;
}

bool
collapse_is_crowd(struct collapse *collapse, const struct event_flow *flow)
{
    struct key key = key_of(flow, DETAIL_SERVICE);
    uint16_t *slot = slot_of(collapse, &key);
    const struct kind *kind;

    if (!*slot) {
        key = key_of(flow, DETAIL_SEGMENTS);
        slot = slot_of(collapse, &key);
    }
    kind = *slot ? &collapse->kinds[*slot - 1] : NULL;
    return kind && kind->record.flows >= COLLAPSE_CROWD &&
           kind->sources.n > kind->record.flows / 2;
}

void
collapse_advance(struct collapse *collapse, struct wall_time now)
{
    if (collapse->began.ns != INT64_MIN &&
        wall_time_since(now, collapse->began) >= COLLAPSE_INTERVAL_NS) {
        collapse_flush(collapse, now);
    }
}

void
collapse_flush(struct collapse *collapse, struct wall_time now)
{
    for (unsigned i = 0; i < collapse->n_kinds; i++) {
        struct kind *kind = &collapse->kinds[i];

        if (kind->record.flows) {
            kind->record.n_sources = n_of(kind, &kind->sources);
            kind->record.n_destinations = n_of(kind, &kind->destinations);
            kind->record.n_ports = n_of(kind, &kind->ports);
            collapse->handler(collapse->context, &kind->record, now);
        }
        finish(kind);
    }
    collapse->n_kinds = collapse->n_services = 0;
    collapse->began.ns = INT64_MIN;
    memset(collapse->slots, 0, sizeof collapse->slots);
}

/* The most detailed one there is, or is room for. */
static struct kind *
kind_of(struct collapse *collapse, const struct event_flow *flow)
{
    for (enum detail detail = DETAIL_SERVICE;; detail++) {
        struct key key = key_of(flow, detail);
        uint16_t *slot = slot_of(collapse, &key);
        bool is_room = detail == DETAIL_VERDICT ||
                       (collapse->n_kinds < COLLAPSE_KINDS &&
                        (detail != DETAIL_SERVICE ||
                         collapse->n_services < COLLAPSE_SERVICES));

        if (*slot) {
            return &collapse->kinds[*slot - 1];
        }
        if (is_room) {
            return add(collapse, slot, &key, flow);
        }
    }
}

static struct key
key_of(const struct event_flow *flow, enum detail detail)
{
    const struct flow_record *record = flow->record;
    struct key key = {.decision = (uint8_t)flow->verdict->decision,
                      .detail = (uint8_t)detail};

    if (detail == DETAIL_VERDICT) {
        return key;
    }
    key.src_segment = flow->src_segment;
    key.dst_segment = flow->dst_segment;
    key.protocol = record->protocol;
    key.ip_version = record->ip_version;
    key.rule = flow->verdict->rule;
    key.reason = (uint8_t)flow->verdict->reason;
    if (detail == DETAIL_SERVICE) {
        key.port = port_of(record);
    }
    return key;
}

static uint16_t
port_of(const struct flow_record *record)
{
    bool is_icmp = record->protocol == PROTOCOL_ICMP ||
                   record->protocol == PROTOCOL_ICMPV6;

    return is_icmp ? record->icmp_type : record->destination.port;
}

/* Where the key is, or would be. */
static uint16_t *
slot_of(struct collapse *collapse, const struct key *key)
{
    uint64_t words[2];
    size_t at;

    memcpy(words, key, sizeof words);
    words[0] = (words[0] ^ words[0] >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    words[0] = (words[0] ^ words[1]) * UINT64_C(0xc4ceb9fe1a85ec53);
    at = (size_t)(words[0] >> 40) % N_SLOTS;
    while (collapse->slots[at] &&
           memcmp(&collapse->kinds[collapse->slots[at] - 1].key, key,
                  sizeof *key) != 0) {
        at = (at + 1) % N_SLOTS;
    }
    return &collapse->slots[at];
}

static struct kind *
add(struct collapse *collapse, uint16_t *slot, const struct key *key,
    const struct event_flow *flow)
{
    struct kind *kind = &collapse->kinds[collapse->n_kinds++];

    *slot = (uint16_t)collapse->n_kinds;
    collapse->n_services += key->detail == DETAIL_SERVICE;
    *kind = (struct kind){.key = *key,
                          .record = {.policy = flow->policy,
                                     .is_rest = key->detail == DETAIL_VERDICT,
                                     .src_segment = key->src_segment,
                                     .dst_segment = key->dst_segment,
                                     .ip_version = key->ip_version,
                                     .protocol = key->protocol,
                                     .all_ports = key->detail != DETAIL_SERVICE,
                                     .port = key->port,
                                     .decision = flow->verdict->decision,
                                     .reason = flow->verdict->reason,
                                     .rule = key->rule}};
    return kind;
}

static void
count(struct kind *kind, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    const struct flow_end_point *src = &record->source;
    const struct flow_end_point *dst = &record->destination;
    struct event_collapsed *sum = &kind->record;
    const uint32_t service = (uint32_t)record->protocol << 16 | port_of(record);

    if (sum->n_samples < EVENT_MAX_SAMPLES) {
        sum->samples[sum->n_samples++] =
            (struct event_sample){src->addr, dst->addr};
    }
    if (!sum->flows || record->start.ns < sum->first.ns) {
        sum->first = record->start;
    }
    if (!sum->flows || record->end.ns > sum->last.ns) {
        sum->last = record->end;
    }
    sum->flows++;
    sum->refused += record->outcome == FLOW_OUTCOME_REFUSED;
    sum->src_packets += src->packets;
    sum->src_bytes += src->bytes;
    sum->dst_packets += dst->packets;
    sum->dst_bytes += dst->bytes;
    distinct_add(&kind->sources, distinct_hash(&src->addr, sizeof src->addr),
                 MAX_EXACT);
    distinct_add(&kind->destinations,
                 distinct_hash(&dst->addr, sizeof dst->addr), MAX_EXACT);
    distinct_add(&kind->ports, distinct_hash(&service, sizeof service),
                 MAX_EXACT);
}

/* An estimate may be too large. */
static uint64_t
n_of(const struct kind *kind, const struct distinct *distinct)
{
    return distinct->n < kind->record.flows ? distinct->n : kind->record.flows;
}

static void
finish(struct kind *kind)
{
    distinct_clear(&kind->sources);
    distinct_clear(&kind->destinations);
    distinct_clear(&kind->ports);
}
