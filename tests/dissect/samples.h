/* One sample frame per decoder and per path through it.
 *
 * Every sample ends in the same TCP segment, so that one check fits all:
 * 10.0.0.1:40000 to 10.0.0.2:443 (or 2001:db8::1 to ::2), SYN, sequence number
 * 1000, "payload". */

#ifndef TESTS_DISSECT_SAMPLES_H
#define TESTS_DISSECT_SAMPLES_H

#include "tests/support/packet_builder.h"

#include "dissect/dissect.h"

#include <stddef.h>

struct sample {
    const char *name;
    /* Outermost first: names of build_*() functions with numbers after colons,
     * "=0a0b" for bytes by hand, "seg4" and "seg6" for the segment. */
    const char *layers;
    uint16_t link;

    /* What to expect. */
    enum packet_tunnel tunnel;
    uint32_t tunnel_id;
    uint16_t vlan[PACKET_MAX_VLANS]; /* 0 ends. */
    uint8_t depth;
    uint8_t ip_version; /* 6; else 4. */
};

extern const struct sample samples[];
extern const size_t n_samples;

struct frame sample_build(struct frame_builder *, const struct sample *);

/* Every tunnel, Teredo too. */
extern const struct dissect_options samples_options;

#endif
