/* nDPI trusts its caller: that a flow stays one protocol, that lengths are
 * right (see ndpi_packet.c), that it is not asked for ever.  Its state for a
 * conversation is as large as 700 bytes, so it is kept no longer than it
 * learns.
 *
 * What nDPI answers is weighed: a name that rests on ports or addresses is kept
 * apart as a guess, and the TLS version comes from our own reader. */

#include "dissect/application.h"

#include "capture/error.h"
#include "capture/frame.h"
#include "dissect/ndpi_details.h"
#include "dissect/ndpi_hotfix.h"
#include "dissect/ndpi_names.h"
#include "dissect/ndpi_packet.h"
#include "dissect/ndpi_shim.h"
#include "dissect/packet.h"
#include "dissect/tls_hello.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLAB_INSPECTIONS = 64
};

/* A conversation nDPI is looking at. */
struct inspection {
    struct inspection *next_free;
    struct tls_hello hello;
    struct ndpi_shim_result result; /* nDPI's latest. */
    uint32_t bytes;                 /* Shown to nDPI. */
    uint8_t packets;                /* That counted towards the limit. */
    uint8_t ip_version, protocol;   /* Of the first packet; 0 before it. */
    bool handshake, final;
    struct ndpi_flow_struct flow;
};

struct slab {
    struct slab *next;
    struct inspection inspection[SLAB_INSPECTIONS];
};

struct application_engine {
    struct ndpi_detection_module_struct *module;
    struct slab *slabs;
    struct inspection *free; /* Freed inspections. */
    size_t max_inspections;
    size_t n_protocols;
    uint8_t *traits;                         /* enum trait, by protocol. */
    uint8_t confidence[NDPI_CONFIDENCE_MAX]; /* enum application_confidence. */
    struct application_counters counters;
    uint8_t packet[NDPI_PACKET_SIZE]; /* The one shown to nDPI. */
};

static bool engine_init(struct application_engine *engine, struct error *error);
static void set_traits(struct application_engine *engine);
static bool slab_add(struct application_engine *engine);
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

struct application_engine *
application_engine_new(const struct application_options *options,
                       struct error *error)
{
    struct application_engine *engine = calloc(1, sizeof *engine);

    if (engine == NULL) {
        error_set(error, ERROR_MEMORY, "", "out of memory");
        return NULL;
    }
    engine->max_inspections = APPLICATION_DEFAULT_INSPECTIONS;
    if (options != NULL && options->max_inspections > 0) {
        engine->max_inspections = options->max_inspections;
    }
    if (!engine_init(engine, error)) {
        application_engine_free(engine);
        return NULL;
    }
    return engine;
}

void
application_engine_free(struct application_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    while (engine->slabs != NULL) {
        struct slab *slab = engine->slabs;

        engine->slabs = slab->next;
        free(slab);
    }
    if (engine->module != NULL) {
        ndpi_exit_detection_module(engine->module);
    }
    free(engine->traits);
    free(engine);
}

void
application_engine_counters(const struct application_engine *engine,
                            struct application_counters *counters)
{
    *counters = engine->counters;
}

const char *
application_library_version(void)
{
    return ndpi_revision();
}

bool
application_library_is_mended(void)
{
    return ndpi_hotfix_needed();
}

struct inspection *
inspection_new(struct application_engine *engine)
{
    struct inspection *inspection;

    if (engine->counters.active >= engine->max_inspections ||
        (engine->free == NULL && !slab_add(engine))) {
        engine->counters.refused++;
        return NULL;
    }
    inspection = engine->free;
    engine->free = inspection->next_free;
    memset(inspection, 0, sizeof *inspection);
    tls_hello_init(&inspection->hello);
    engine->counters.inspections++;
    engine->counters.active++;
    return inspection;
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
    ndpi_free_flow_data(&inspection->flow);
    inspection->next_free = engine->free;
    engine->free = inspection;
    engine->counters.active--;
}

static bool
engine_init(struct application_engine *engine, struct error *error)
{
    if (!ndpi_shim_headers_match()) {
        return error_set(error, ERROR_UNSUPPORTED, "",
                         "nDPI %s is linked, but segmon was built with another "
                         "version's headers",
                         ndpi_revision());
    }
    if (!ndpi_hotfix_install()) {
        return error_set(error, ERROR_UNSUPPORTED, "",
                         "nDPI %s has known crashes, and the replacements for "
                         "the functions at fault do not take effect in this "
                         "program",
                         ndpi_revision());
    }
    engine->module = ndpi_shim_module_new();
    if (engine->module == NULL || !ndpi_shim_module_finalize(engine->module)) {
        return error_set(error, ERROR_MEMORY, "", "nDPI cannot be set up");
    }
    engine->n_protocols = ndpi_shim_protocol_count(engine->module);
    engine->traits = calloc(engine->n_protocols + 1, 1);
    if (engine->traits == NULL) {
        return error_set(error, ERROR_MEMORY, "", "out of memory");
    }
    set_traits(engine);
    for (unsigned i = 0; i < NDPI_CONFIDENCE_MAX; i++) {
        engine->confidence[i] = (uint8_t)ndpi_confidence_from_name(
            ndpi_confidence_get_name((ndpi_confidence_t)i));
    }
    return true;
}

static void
set_traits(struct application_engine *engine)
{
    const char *name;
    uint8_t traits;
    uint16_t id;

    for (size_t n = 0; (traits = ndpi_traits(n, &name)) != 0; n++) {
        if (application_find(engine, name, &id)) {
            engine->traits[id] = traits;
        }
    }
}

static bool
slab_add(struct application_engine *engine)
{
    struct slab *slab = malloc(sizeof *slab);

    if (slab == NULL) {
        return false;
    }
    slab->next = engine->slabs;
    engine->slabs = slab;
    for (size_t i = 0; i < SLAB_INSPECTIONS; i++) {
        slab->inspection[i].next_free = engine->free;
        engine->free = &slab->inspection[i];
    }
    return true;
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
    inspection->result =
        ndpi_shim_packet(engine->module, &inspection->flow, &shown);
    ndpi_details_mend_risk(&inspection->flow, risk, payload_of(packet, frame));
    inspection->bytes += shown.size;
    engine->counters.packets++;
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

size_t
application_count(const struct application_engine *engine)
{
    return engine->n_protocols;
}

const char *
application_name(const struct application_engine *engine, uint16_t id)
{
    const char *name = ndpi_get_proto_name(engine->module, id);

    return name != NULL ? name : "Unknown";
}

size_t
application_category_count(const struct application_engine *engine)
{
    (void)engine;
    return NDPI_PROTOCOL_NUM_CATEGORIES;
}

const char *
application_category_name(const struct application_engine *engine,
                          uint16_t category)
{
    const char *name;

    /* Beyond, nDPI formats into a buffer that all threads share. */
    if (category >= NDPI_PROTOCOL_NUM_CATEGORIES) {
        category = NDPI_PROTOCOL_CATEGORY_UNSPECIFIED;
    }
    name = ndpi_category_get_name(engine->module,
                                  (ndpi_protocol_category_t)category);
    return name != NULL ? name : "";
}

size_t
application_risk_count(void)
{
    return ndpi_risk_count();
}

const char *
application_risk_name(unsigned risk)
{
    return ndpi_risk_name(risk);
}

const char *
application_confidence_name(enum application_confidence confidence)
{
    switch (confidence) {
    case APPLICATION_BY_PORT: return "port";
    case APPLICATION_BY_ADDRESS: return "address";
    case APPLICATION_BY_CACHE: return "cache";
    case APPLICATION_BY_CONTENT: return "dpi";
    case APPLICATION_BY_NOTHING: break;
    }
    return "none";
}

static bool
find_exactly(const struct application_engine *engine, const char *name,
             uint16_t *id)
{
    for (size_t i = 0; i < engine->n_protocols; i++) {
        if (strcasecmp(application_name(engine, (uint16_t)i), name) == 0) {
            *id = (uint16_t)i;
            return true;
        }
    }
    return false;
}

bool
application_find(const struct application_engine *engine, const char *name,
                 uint16_t *id)
{
    const char *alias = name;

    for (size_t n = 0; alias != NULL; n++) {
        if (find_exactly(engine, alias, id)) {
            return true;
        }
        alias = ndpi_alias(name, n);
    }
    return false;
}
