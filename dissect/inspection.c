/* nDPI trusts its caller: that a flow stays one protocol, that lengths are
 * right (see ndpi_packet.c), that it is not asked for ever.  Its state for a
 * conversation is as large as 700 bytes, and it buffers what comes in pieces,
 * so it is kept no longer than it learns; and when all of it is too much, the
 * conversation that was silent for longest has to do with what is known of it.
 * Who holds many open cannot keep others out: theirs are the silent ones.
 *
 * What nDPI answers is weighed: a name that rests on ports or addresses is kept
 * apart as a guess, and the TLS version comes from our own reader. */

#include "capture/frame.h"
#include "dissect/application_impl.h"
#include "dissect/ndpi_details.h"
#include "dissect/ndpi_dispatch.h"
#include "dissect/ndpi_hosts.h"
#include "dissect/ndpi_memory.h"
#include "dissect/ndpi_names.h"
#include "dissect/ndpi_packet.h"
#include "dissect/ndpi_shim.h"
#include "dissect/packet.h"
#include "dissect/tls_hello.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Done with and kept for the next ones, which mostly come at once; what a
     * crowd leaves behind goes back. */
    MAX_FREE = 64,
    /* Most that one packet adds: a new inspection, the packet in nDPI's
     * buffer, and again in the texts taken from it; and, once, a cache of
     * nDPI's, which stays. */
    ROOM_BYTES = 512 * 1024
};

static_assert(2 * ROOM_BYTES <= APPLICATION_LEAST_BYTES,
              "what is left when there has to be room");

static void link_newest(struct application_engine *engine,
                        struct inspection *inspection);
static void unlink_it(struct application_engine *engine,
                      struct inspection *inspection);
static void count_bytes(struct application_engine *engine, size_t change);
static void release(struct application_engine *engine,
                    struct inspection *inspection);
static bool is_of_interest(struct application_engine *engine,
                           const struct inspection *inspection,
                           const struct packet *packet,
                           const struct frame *frame);
static struct bytes payload_of(const struct packet *, const struct frame *);
static void read_tls(struct inspection *inspection, const struct packet *packet,
                     const struct frame *frame, bool from_initiator);
static bool show(struct application_engine *engine,
                 struct inspection *inspection, const struct packet *packet,
                 const struct frame *frame, bool from_initiator);
static bool is_final(struct application_engine *engine,
                     const struct inspection *inspection);
static bool is_known(const struct application_engine *engine,
                     const struct inspection *inspection);
static void give_up(struct application_engine *engine,
                    struct inspection *inspection, struct application *result);
static void describe(const struct application_engine *engine,
                     const struct inspection *inspection,
                     struct application *result);

struct inspection *
inspection_new(struct application_engine *engine, void *owner)
{
    struct inspection *inspection = engine->free;

    if (inspection != NULL) {
        engine->free = inspection->older;
        engine->n_free--;
    } else if ((inspection = malloc(sizeof *inspection)) == NULL) {
        engine->counters.refused++;
        return NULL;
    }
    memset(inspection, 0, sizeof *inspection);
    inspection->owner = owner;
    tls_hello_init(&inspection->hello);
    link_newest(engine, inspection);
    engine->counters.inspections++;
    engine->counters.active++;
    count_bytes(engine, sizeof *inspection);
    return inspection;
}

void
inspection_set_owner(struct inspection *inspection, void *owner)
{
    inspection->owner = owner;
}

void *
inspection_give_up(struct application_engine *engine)
{
    if (engine->counters.bytes + ROOM_BYTES <= engine->max_bytes) {
        return NULL;
    }
    engine->counters.given_up++;
    return engine->oldest->owner;
}

void
inspection_saw_handshake(struct inspection *inspection)
{
    inspection->handshake = true;
}

bool
inspection_packet(struct application_engine *engine,
                  struct inspection *inspection, const struct packet *packet,
                  const struct frame *frame, bool from_initiator)
{
    if (inspection->final ||
        !is_of_interest(engine, inspection, packet, frame)) {
        return inspection->final;
    }
    if (!inspection->result.done &&
        !show(engine, inspection, packet, frame, from_initiator)) {
        return false;
    }
    if (engine->newest != inspection) {
        unlink_it(engine, inspection);
        link_newest(engine, inspection);
    }
    read_tls(inspection, packet, frame, from_initiator);
    inspection->packets++;
    inspection->final = is_final(engine, inspection);
    return inspection->final;
}

void
inspection_peek(const struct application_engine *engine,
                const struct inspection *inspection, struct application *result)
{
    memset(result, 0, sizeof *result);
    describe(engine, inspection, result);
}

void
inspection_finish(struct application_engine *engine,
                  struct inspection *inspection, struct application *result)
{
    memset(result, 0, sizeof *result);
    /* Before giving up, which may call a conversation TLS by its port: then
     * nDPI's union would be read as what it is not. */
    result->details = ndpi_details_take(&inspection->flow);
    if (inspection->packets > 0 && !is_known(engine, inspection)) {
        give_up(engine, inspection, result);
    }
    inspection->final = true;
    describe(engine, inspection, result);
    release(engine, inspection);
}

void
inspection_free_all(struct application_engine *engine)
{
    struct inspection *older;

    for (struct inspection *at = engine->newest; at != NULL; at = older) {
        older = at->older;
        ndpi_free_flow_data(&at->flow);
        free(at);
    }
    for (struct inspection *at = engine->free; at != NULL; at = older) {
        older = at->older;
        free(at);
    }
}

static void
link_newest(struct application_engine *engine, struct inspection *inspection)
{
    inspection->newer = NULL;
    inspection->older = engine->newest;
    if (engine->newest != NULL) {
        engine->newest->newer = inspection;
    } else {
        engine->oldest = inspection;
    }
    engine->newest = inspection;
}

static void
unlink_it(struct application_engine *engine, struct inspection *inspection)
{
    if (inspection->newer != NULL) {
        inspection->newer->older = inspection->older;
    } else {
        engine->newest = inspection->older;
    }
    if (inspection->older != NULL) {
        inspection->older->newer = inspection->newer;
    } else {
        engine->oldest = inspection->newer;
    }
}

/* 'change' may be negative, modulo SIZE_MAX + 1. */
static void
count_bytes(struct application_engine *engine, size_t change)
{
    struct application_counters *counters = &engine->counters;

    counters->bytes += change;
    if (counters->bytes > counters->most_bytes) {
        counters->most_bytes = counters->bytes;
    }
}

/* Takes back what nDPI and we keep of a conversation. */
static void
release(struct application_engine *engine, struct inspection *inspection)
{
    ndpi_free_flow_data(&inspection->flow);
    unlink_it(engine, inspection);
    engine->counters.active--;
    engine->counters.bytes -= sizeof *inspection + inspection->buffered;
    if (engine->n_free == MAX_FREE) {
        free(inspection);
        return;
    }
    engine->n_free++;
    inspection->older = engine->free;
    engine->free = inspection;
}

static uint8_t
traits_of(const struct application_engine *engine,
          const struct ndpi_shim_result *result)
{
    uint8_t traits = 0;

    if (result->master < engine->n_protocols) {
        traits |= engine->traits[result->master];
    }
    if (result->name < engine->n_protocols) {
        traits |= engine->traits[result->name];
    }
    return traits;
}

/* Whether 'packet' says anything, and may be shown; counts those that not. */
static bool
is_of_interest(struct application_engine *engine,
               const struct inspection *inspection, const struct packet *packet,
               const struct frame *frame)
{
    bool ports =
        packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP;

    if ((packet->flags & PACKET_LATER_FRAGMENT) != 0) {
        engine->counters.skipped_fragments++;
        return false;
    }
    if ((inspection->ip_version != 0 &&
         (inspection->ip_version != packet->ip_version ||
          inspection->protocol != packet->protocol)) ||
        (ports && (packet->flags & PACKET_NO_TRANSPORT) != 0) ||
        packet->ip_at >= frame->captured) {
        engine->counters.skipped_protocol++;
        return false;
    }
    return !ports || packet->payload_captured > 0;
}

static struct bytes
payload_of(const struct packet *packet, const struct frame *frame)
{
    uint32_t captured = packet->payload_captured;

    if (packet->payload_at > frame->captured) {
        return (struct bytes){frame->data, 0};
    }
    if (captured > frame->captured - packet->payload_at) {
        captured = frame->captured - packet->payload_at;
    }
    return (struct bytes){frame->data + packet->payload_at, captured};
}

static void
read_tls(struct inspection *inspection, const struct packet *packet,
         const struct frame *frame, bool from_initiator)
{
    struct bytes payload = payload_of(packet, frame);

    if (packet->payload_at > frame->captured) {
        return;
    }
    if (packet->protocol == PROTOCOL_TCP) {
        uint32_t syn = (packet->tcp_flags & TCP_SYN) != 0 ? 1 : 0;

        tls_hello_segment(&inspection->hello, from_initiator,
                          packet->tcp_seq + syn, payload,
                          packet->payload_bytes - (uint32_t)payload.size);
    } else if (packet->protocol == PROTOCOL_UDP) {
        tls_hello_datagram(&inspection->hello, from_initiator, payload);
    }
}

/* Shows 'packet' to nDPI.  Returns false if it must not see it. */
static bool
show(struct application_engine *engine, struct inspection *inspection,
     const struct packet *packet, const struct frame *frame,
     bool from_initiator)
{
    struct ndpi_shim_packet shown = {
        .ip = engine->packet,
        .time_ms = (uint64_t)(packet->time.ns / MILLISECOND_NS),
        .size = ndpi_packet_prepare(engine->packet, packet, frame),
        .from_initiator = from_initiator,
    };
    size_t used = ndpi_memory_used();
    uint64_t risk;

    if (shown.size == 0) {
        engine->counters.skipped_protocol++;
        return false;
    }
    if (inspection->ip_version == 0) {
        inspection->ip_version = packet->ip_version;
        inspection->protocol = packet->protocol;
        ndpi_shim_flow_begin(&inspection->flow,
                             packet->protocol == PROTOCOL_TCP,
                             inspection->handshake);
    }
    risk = inspection->flow.risk;
    ndpi_dispatch_use(engine->dispatch);
    ndpi_hosts_use(engine->hosts);
    ndpi_memory_use(engine->arena);
    inspection->result =
        ndpi_shim_packet(engine->module, &inspection->flow, &shown);
    ndpi_memory_use(NULL);
    ndpi_hosts_use(NULL);
    ndpi_dispatch_use(NULL);
    ndpi_details_mend_risk(&inspection->flow, risk, payload_of(packet, frame));
    inspection->bytes += shown.size;
    engine->counters.packets++;
    used = ndpi_memory_used() - used;
    inspection->buffered += used;
    count_bytes(engine, used);
    return true;
}

static uint8_t
max_packets(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_TCP: return APPLICATION_MAX_PACKETS_TCP;
    case PROTOCOL_UDP: return APPLICATION_MAX_PACKETS_UDP;
    default: return APPLICATION_MAX_PACKETS_OTHER;
    }
}

/* Whether a ServerHello may still come and would be news. */
static bool
is_hello_awaited(const struct application_engine *engine,
                 const struct inspection *inspection)
{
    uint8_t traits = traits_of(engine, &inspection->result);

    if (inspection->hello.over) {
        return false;
    }
    return tls_hello_is_awaited(&inspection->hello) ||
           (traits & (NDPI_TRAIT_TLS | NDPI_TRAIT_CARRIER)) != 0;
}

static bool
is_final(struct application_engine *engine, const struct inspection *inspection)
{
    if (inspection->result.done && !is_hello_awaited(engine, inspection)) {
        return true;
    }
    if (inspection->packets >= max_packets(inspection->protocol) ||
        inspection->bytes >= APPLICATION_MAX_BYTES) {
        engine->counters.limited++;
        return true;
    }
    return false;
}

static enum application_confidence
confidence_of(const struct application_engine *engine,
              const struct ndpi_flow_struct *flow)
{
    unsigned confidence = (unsigned)flow->confidence;

    return confidence < NDPI_CONFIDENCE_MAX
               ? (enum application_confidence)engine->confidence[confidence]
               : APPLICATION_BY_NOTHING;
}

static bool
is_known(const struct application_engine *engine,
         const struct inspection *inspection)
{
    return (inspection->result.name != 0 || inspection->result.master != 0) &&
           !ndpi_shim_is_by_port(&inspection->result) &&
           confidence_of(engine, &inspection->flow) >= APPLICATION_BY_CACHE;
}

/* Asks nDPI for its last word.  What is only guessed goes to 'result', and does
 * not add to the risks. */
static void
give_up(struct application_engine *engine, struct inspection *inspection,
        struct application *result)
{
    struct ndpi_flow_struct *flow = &inspection->flow;
    ndpi_risk risk = flow->risk;
    struct ndpi_shim_result last = ndpi_shim_give_up(engine->module, flow);
    enum application_confidence confidence = confidence_of(engine, flow);

    if (confidence >= APPLICATION_BY_CACHE &&
        ndpi_shim_give_up_has_evidence(
            flow, &last, tls_hello_is_offered(&inspection->hello))) {
        inspection->result = last;
        return;
    }
    inspection->result = (struct ndpi_shim_result){0};
    flow->risk = risk;
    flow->confidence = NDPI_CONFIDENCE_UNKNOWN;
    if (last.name == 0 && last.master == 0) {
        return;
    }
    result->guess_master = last.master;
    result->guess_name = last.name;
    result->guess_confidence = confidence == APPLICATION_BY_ADDRESS
                                   ? APPLICATION_BY_ADDRESS
                                   : APPLICATION_BY_PORT;
}

static uint16_t
negotiated_version(const struct inspection *inspection, uint8_t traits)
{
    if (inspection->hello.version == 0 && (traits & NDPI_TRAIT_QUIC) != 0 &&
        tls_hello_is_quic(&inspection->hello)) {
        return TLS_VERSION_1_3;
    }
    return inspection->hello.version;
}

static void
describe(const struct application_engine *engine,
         const struct inspection *inspection, struct application *result)
{
    uint8_t traits = 0;

    if (inspection->packets == 0) {
        result->state = APPLICATION_NONE;
        return;
    }
    result->state =
        inspection->final ? APPLICATION_UNKNOWN : APPLICATION_PENDING;
    if (is_known(engine, inspection)) {
        traits = traits_of(engine, &inspection->result);
        result->state = APPLICATION_KNOWN;
        result->master = inspection->result.master;
        result->name = inspection->result.name;
        result->category = inspection->result.category;
        result->confidence = (uint8_t)confidence_of(engine, &inspection->flow);
    }
    result->risks = inspection->flow.risk;
    result->tls_version = negotiated_version(inspection, traits);
    if (tls_version_is_obsolete(result->tls_version)) {
        result->risks |= UINT64_C(1) << NDPI_TLS_OBSOLETE_VERSION;
    }
    result->encrypted =
        (traits & NDPI_TRAIT_ENCRYPTED) != 0 || result->tls_version != 0;
}
