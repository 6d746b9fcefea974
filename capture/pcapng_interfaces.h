/* The interfaces that a pcapng file describes, in order, through all sections.
 *
 * Memory: at most PCAPNG_MAX_INTERFACES, each with a name of at most
 * PCAPNG_MAX_NAME_BYTES. */

#ifndef CAPTURE_PCAPNG_INTERFACES_H
#define CAPTURE_PCAPNG_INTERFACES_H

#include "capture/pcapng_time.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

enum {
    PCAPNG_MAX_INTERFACES = 65535, /* A frame names its own in 16 bits. */
    PCAPNG_MAX_NAME_BYTES = 255    /* Longer names are cut. */
};

struct pcapng_interface {
    struct pcapng_time time;
    uint32_t snap_length; /* 0: unlimited. */
    uint16_t link;
    char *name; /* NULL if it has none. */
};

/* All zero is an empty list. */
struct pcapng_interfaces {
    struct pcapng_interface *list;
    unsigned n;
    unsigned capacity;
};

void pcapng_interfaces_done(struct pcapng_interfaces *);

/* Reads the body of an Interface Description Block, 'size' bytes.  False, and
 * nothing added, if it is damaged, there are too many, or without memory. */
bool pcapng_interfaces_add(struct pcapng_interfaces *, const uint8_t *body,
                           uint32_t size, bool big_endian, struct error *);

/* "" for one without name, or that does not exist.  Valid until
 * pcapng_interfaces_done(). */
const char *pcapng_interfaces_name(const struct pcapng_interfaces *,
                                   unsigned number);

#endif
