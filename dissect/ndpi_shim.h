/* Everything that differs between nDPI versions, in one place.
 *
 * Thin inline functions over nDPI 4.2 to 5.x; the rest of dissect/ calls these
 * and never asks for a version.  What changed when is from nDPI's tags and
 * CHANGELOG; only the version that the build links is compiled. */

#ifndef DISSECT_NDPI_SHIM_H
#define DISSECT_NDPI_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ndpi_api.h>
#include <ndpi_main.h>
#include <ndpi_typedefs.h>

#define NDPI_SHIM_VERSION (NDPI_MAJOR * 100 + NDPI_MINOR)

#if NDPI_SHIM_VERSION < 402
#error "nDPI 4.2 or newer is needed"
#endif

/* nDPI 6.0 leaves out DNS, DHCP, QUIC and TLS unless one of its licence types
 * is chosen.  That choice is the builder's, never a silent default. */
#if NDPI_SHIM_VERSION >= 600 && !defined(SEGMON_NDPI_LICENSE)
#error "nDPI 6 needs -DSEGMON_NDPI_LICENSE=<enum ndpi_license_type value>"
#endif

/* Nothing that a module allocates is used by another: known of 4.2, whose
 * calloc() and realloc(), besides, are its malloc(). */
#define NDPI_SHIM_MODULES_STAND_ALONE (NDPI_SHIM_VERSION == 402)

/* A classification, the same in all versions. */
struct ndpi_shim_result {
    uint16_t master, name, category;
    bool done; /* nDPI wants no more packets. */
};

static inline bool
ndpi_shim_headers_match(void)
{
#ifdef NDPI_API_VERSION
    return ndpi_get_api_version() == NDPI_API_VERSION;
#else
    return true; /* The shared object's name tells versions apart. */
#endif
}

/* The functions of the C library that may be replaced, for the whole process;
 * versions before 5.0 do all with the first two. */
struct ndpi_shim_allocator {
    void *(*malloc)(size_t size);
    void (*free)(void *block);
    void *(*calloc)(size_t n, size_t size);
    void *(*realloc)(void *block, size_t size);
};

static inline void
ndpi_shim_set_allocator(const struct ndpi_shim_allocator *allocator)
{
#if NDPI_SHIM_VERSION >= 500
    ndpi_set_memory_alloction_functions(allocator->malloc, allocator->free,
                                        allocator->calloc, allocator->realloc,
                                        NULL, NULL, NULL, NULL);
#else
    set_ndpi_malloc(allocator->malloc);
    set_ndpi_free(allocator->free);
#endif
}

/* A module with every protocol on, not finalized. */
static inline struct ndpi_detection_module_struct *
ndpi_shim_module_new(void)
{
    struct ndpi_detection_module_struct *module;
#if NDPI_SHIM_VERSION < 500
    NDPI_PROTOCOL_BITMASK all;
#endif

#if NDPI_SHIM_VERSION >= 600
    module = ndpi_init_detection_module(NULL, SEGMON_NDPI_LICENSE);
#elif NDPI_SHIM_VERSION >= 410
    module = ndpi_init_detection_module(NULL);
#else
    module = ndpi_init_detection_module(ndpi_no_prefs);
#endif
    if (module == NULL) {
        return NULL;
    }
#if NDPI_SHIM_VERSION < 500
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(module, &all);
#endif
#if NDPI_SHIM_VERSION < 406
    /* Else nDPI takes the lower port for the server's. */
    ndpi_set_detection_preferences(module, ndpi_pref_direction_detect_disable,
                                   1);
#endif
    return module;
}

static inline bool
ndpi_shim_module_finalize(struct ndpi_detection_module_struct *module)
{
#if NDPI_SHIM_VERSION >= 500
    return ndpi_finalize_initialization(module) == 0;
#else
    ndpi_finalize_initialization(module);
    return true;
#endif
}

static inline size_t
ndpi_shim_protocol_count(struct ndpi_detection_module_struct *module)
{
#if NDPI_SHIM_VERSION >= 500
    return ndpi_get_num_protocols(module);
#else
    return ndpi_get_num_supported_protocols(module);
#endif
}

/* Tells nDPI what it would know had it seen the packets without payload, which
 * it is never shown: who opened the conversation and, if 'handshake', that a
 * TCP handshake was seen (FTP data, Citrix and Notes are recognised only then).
 */
static inline void
ndpi_shim_flow_begin(struct ndpi_flow_struct *flow, bool tcp, bool handshake)
{
#if NDPI_SHIM_VERSION < 406
    flow->init_finished = 1;
    flow->setup_packet_direction = 0;
#endif
    if (tcp && handshake) {
        flow->l4.tcp.seen_syn = 1;
        flow->l4.tcp.seen_syn_ack = 1;
        flow->l4.tcp.seen_ack = 1;
    }
}

/* HTTP on the port of another protocol: nDPI before 4.6 puts that one before
 * what it saw and calls all of it content, "SSH.HTTP" on port 22 or
 * "DNP3.Google" on 20000.  It does so with protocols that have a port and
 * carry no others, and so can be nobody's master; what was seen is HTTP. */
static inline void
ndpi_shim_drop_guess(struct ndpi_detection_module_struct *module,
                     const struct ndpi_flow_struct *flow,
                     struct ndpi_shim_result *result)
{
#if NDPI_SHIM_VERSION < 406
    const ndpi_proto_defaults_t *master = ndpi_get_proto_defaults(module);
    bool http = result->name == NDPI_PROTOCOL_HTTP ||
                flow->http.method != NDPI_HTTP_METHOD_UNKNOWN;

    if (!http || result->master == NDPI_PROTOCOL_UNKNOWN ||
        result->master == NDPI_PROTOCOL_HTTP_PROXY ||
        result->master == NDPI_PROTOCOL_HTTP_CONNECT ||
        result->master >= NDPI_MAX_SUPPORTED_PROTOCOLS) {
        return;
    }
    master += result->master;
    if (master->subprotocol_count == 0 && master->tcp_default_ports[0] != 0) {
        result->master = result->name == NDPI_PROTOCOL_HTTP
                             ? NDPI_PROTOCOL_UNKNOWN
                             : NDPI_PROTOCOL_HTTP;
    }
#else
    (void)module;
    (void)flow;
    (void)result;
#endif
}

/* HTTP to an address of a known site is called that site by nDPI before 4.6,
 * whatever host it asks for.  Only the host is content, and what makes it
 * OCSP. */
static inline void
ndpi_shim_drop_address(struct ndpi_detection_module_struct *module,
                       struct ndpi_flow_struct *flow,
                       struct ndpi_shim_result *result)
{
#if NDPI_SHIM_VERSION < 406
    char *host = flow->host_server_name;
    ndpi_protocol_match_result match;

    if (result->master == NDPI_PROTOCOL_HTTP &&
        result->name != NDPI_PROTOCOL_OCSP &&
        result->name == flow->guessed_host_protocol_id &&
        ndpi_match_string_subprotocol(module, host, (u_int)strlen(host),
                                      &match) != result->name) {
        result->master = NDPI_PROTOCOL_UNKNOWN;
        result->name = NDPI_PROTOCOL_HTTP;
    }
#else
    (void)module;
    (void)flow;
    (void)result;
#endif
}

/* What nDPI before 4.6 recognises by its port alone, and calls content. */
static inline bool
ndpi_shim_is_by_port(const struct ndpi_shim_result *result)
{
#if NDPI_SHIM_VERSION < 406
    return result->name == NDPI_PROTOCOL_WHOIS_DAS ||
           result->name == NDPI_PROTOCOL_TARGUS_GETDATA;
#else
    (void)result;
    return false;
#endif
}

static inline struct ndpi_shim_result
ndpi_shim_result_of(struct ndpi_detection_module_struct *module,
                    struct ndpi_flow_struct *flow, ndpi_protocol p)
{
    struct ndpi_shim_result result;

#if NDPI_SHIM_VERSION >= 411
    result.master = p.proto.master_protocol;
    result.name = p.proto.app_protocol;
#else
    result.master = p.master_protocol;
    result.name = p.app_protocol;
#endif
    result.category = (uint16_t)p.category;
    ndpi_shim_drop_guess(module, flow, &result);
    ndpi_shim_drop_address(module, flow, &result);
#if NDPI_SHIM_VERSION >= 500
    (void)module;
    result.done =
        p.state == NDPI_STATE_CLASSIFIED && flow->extra_packets_func == NULL;
#else
    result.done = result.name != NDPI_PROTOCOL_UNKNOWN &&
                  !ndpi_extra_dissection_possible(module, flow);
#endif
    return result;
}

/* An IP packet, 'size' bytes from its IP header on. */
struct ndpi_shim_packet {
    const uint8_t *ip;
    uint64_t time_ms;
    uint16_t size;
    bool from_initiator;
};

static inline struct ndpi_shim_result
ndpi_shim_packet(struct ndpi_detection_module_struct *module,
                 struct ndpi_flow_struct *flow,
                 const struct ndpi_shim_packet *packet)
{
#if NDPI_SHIM_VERSION >= 406
    struct ndpi_flow_input_info info = {0};

    info.in_pkt_dir = packet->from_initiator ? NDPI_IN_PKT_DIR_C_TO_S
                                             : NDPI_IN_PKT_DIR_S_TO_C;
    info.seen_flow_beginning = NDPI_FLOW_BEGINNING_UNKNOWN;
    return ndpi_shim_result_of(
        module, flow,
        ndpi_detection_process_packet(module, flow, packet->ip, packet->size,
                                      packet->time_ms, &info));
#else
    flow->packet_direction = packet->from_initiator ? 0 : 1;
    return ndpi_shim_result_of(
        module, flow,
        ndpi_detection_process_packet(module, flow, packet->ip, packet->size,
                                      packet->time_ms));
#endif
}

/* The last word on a conversation, guesses by port and address included. */
static inline struct ndpi_shim_result
ndpi_shim_give_up(struct ndpi_detection_module_struct *module,
                  struct ndpi_flow_struct *flow)
{
#if NDPI_SHIM_VERSION >= 500
    return ndpi_shim_result_of(module, flow,
                               ndpi_detection_giveup(module, flow));
#else
    u_int8_t guessed;
#if NDPI_SHIM_VERSION >= 410
    return ndpi_shim_result_of(module, flow,
                               ndpi_detection_giveup(module, flow, &guessed));
#else
    return ndpi_shim_result_of(
        module, flow, ndpi_detection_giveup(module, flow, 1, &guessed));
#endif
#endif
}

/* Giving up, nDPI 4.2 calls two things content that need not be: port 3478
 * alone makes "STUN", and a stray bit in a union makes "TLS".  False if what
 * giving up found rests on nothing that was seen in a payload. */
static inline bool
ndpi_shim_give_up_has_evidence(const struct ndpi_flow_struct *flow,
                               const struct ndpi_shim_result *result,
                               bool tls_seen)
{
    if (ndpi_shim_is_by_port(result)) {
        return false;
    }
#if NDPI_SHIM_VERSION < 404
    if (result->name == NDPI_PROTOCOL_STUN ||
        result->master == NDPI_PROTOCOL_STUN) {
        return flow->stun.num_udp_pkts > 0 ||
               flow->stun.num_binding_requests > 0 ||
               flow->stun.num_processed_pkts > 0;
    }
    return result->name != NDPI_PROTOCOL_TLS || tls_seen;
#else
    (void)flow;
    (void)result;
    (void)tls_seen;
    return true;
#endif
}

static inline const char *
ndpi_shim_alpn(const struct ndpi_flow_struct *flow)
{
#if NDPI_SHIM_VERSION >= 408
    return flow->protos.tls_quic.advertised_alpns;
#else
    return flow->protos.tls_quic.alpn;
#endif
}

static inline const char *
ndpi_shim_ja3_client(const struct ndpi_flow_struct *flow)
{
#if NDPI_SHIM_VERSION >= 414
    (void)flow;
    return NULL; /* Removed: ntop/nDPI pull request 2679. */
#else
    return flow->protos.tls_quic.ja3_client;
#endif
}

static inline const char *
ndpi_shim_ja4_client(const struct ndpi_flow_struct *flow)
{
#if NDPI_SHIM_VERSION >= 410
    return flow->protos.tls_quic.ja4_client;
#else
    (void)flow;
    return NULL;
#endif
}

#endif
