/* What an engine and its inspections are inside.  Private to application.c and
 * inspection.c. */

#ifndef DISSECT_APPLICATION_IMPL_H
#define DISSECT_APPLICATION_IMPL_H

#include "dissect/application.h"
#include "dissect/ndpi_packet.h"
#include "dissect/ndpi_shim.h"
#include "dissect/tls_hello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A conversation nDPI is looking at. */
struct inspection {
    struct inspection *newer, *older; /* By when they were last shown
                                       * something; 'older' alone if free. */
    void *owner;
    size_t buffered; /* Bytes that nDPI allocated for it. */
    struct tls_hello hello;
    struct ndpi_shim_result result; /* nDPI's latest. */
    uint32_t bytes;                 /* Shown to nDPI. */
    uint8_t packets;                /* That counted towards the limit. */
    uint8_t ip_version, protocol;   /* Of the first packet; 0 before it. */
    bool handshake, final;
    struct ndpi_flow_struct flow;
};

struct application_engine {
    struct ndpi_detection_module_struct *module;
    struct ndpi_arena *arena;       /* The module's. */
    struct ndpi_dispatch *dispatch; /* Likewise; or NULL. */
    struct ndpi_hosts *hosts;
    struct inspection *newest, *oldest; /* Alive. */
    struct inspection *free;            /* Done with, for the next ones. */
    size_t n_free;
    size_t max_bytes;
    size_t n_protocols;
    uint8_t *traits;                         /* enum trait, by protocol. */
    uint8_t confidence[NDPI_CONFIDENCE_MAX]; /* enum application_confidence. */
    struct application_counters counters;
    uint8_t packet[NDPI_PACKET_SIZE]; /* The one shown to nDPI. */
};

/* inspection.c: frees every inspection, alive or not. */
void inspection_free_all(struct application_engine *);

#endif
