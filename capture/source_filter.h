/* A BPF filter over frames of any link type.
 *
 * libpcap compiles an expression for one link type; this compiles it again for
 * each that turns up, at most SOURCE_FILTER_MAX_LINKS.  The expression means
 * what it means to tcpdump -r: 'tcp' does not see into VLAN tags, 'tcp or (vlan
 * and tcp)' does.  Used by one thread. */

#ifndef CAPTURE_SOURCE_FILTER_H
#define CAPTURE_SOURCE_FILTER_H

#include "capture/frame.h"

#include <stdbool.h>

struct error;
struct source_filter; /* Opaque. */

enum {
    SOURCE_FILTER_MAX_LINKS = 32
};

/* Keeps a copy of 'expression'.  NULL and '*error' without memory. */
struct source_filter *source_filter_new(const char *expression,
                                        struct error *error);
void source_filter_free(struct source_filter *); /* Accepts NULL. */

/* Of libpcap, as linked: "libpcap version 1.10.3 (with TPACKET_V3)". */
const char *source_filter_library_version(void);

/* Makes the filter ready for frames of 'link'.  False, with libpcap's reason in
 * '*error', if the expression does not compile for it. */
bool source_filter_prepare(struct source_filter *, uint16_t link,
                           struct error *error);

/* Whether the frame passes; source_filter_prepare() has accepted its link. */
bool source_filter_match(const struct source_filter *, const struct frame *);

#endif
