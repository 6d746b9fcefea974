/* The filter of a live capture, compiled into the kernel's form.
 *
 * What an expression says is said of tagged frames too: it becomes '(it) or
 * (vlan and (it))', unless it speaks of VLANs itself or the link has none.  The
 * kernel cuts frames to the snapshot length as well, so that what is not wanted
 * takes no room in the ring. */

#ifndef CAPTURE_LIVE_FILTER_H
#define CAPTURE_LIVE_FILTER_H

#include <stdbool.h>

struct error;
struct pcap; /* libpcap's pcap_t. */

enum {
    LIVE_FILTER_MAX_BYTES = 65536
};

/* Puts it in force; "" takes every frame.  False, with libpcap's reason, if
 * it does not compile. */
bool live_filter_set(struct pcap *, const char *expression,
                     struct error *error);

/* Takes no frame at all. */
bool live_filter_close(struct pcap *, struct error *error);

#endif
