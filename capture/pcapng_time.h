/* Time stamps as an interface of a pcapng file counts them.
 *
 * draft-ietf-opsawg-pcapng, options if_tsresol and if_tsoffset: a count of
 * ticks of 10^-n or 2^-n seconds, plus whole seconds.  Pure, and defined for
 * every input: a time that no struct wall_time may have (before 1970, after
 * 2200) becomes the first or the last that it may. */

#ifndef CAPTURE_PCAPNG_TIME_H
#define CAPTURE_PCAPNG_TIME_H

#include "capture/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PCAPNG_TIME_MICROSECONDS = 6 /* if_tsresol of an interface without one. */
};

struct pcapng_time {
    uint64_t multiply; /* Nanoseconds in a tick of 10^-n, n <= 9... */
    uint64_t divide;   /* ...or ticks in a nanosecond, else 1. */
    unsigned shift;    /* n, for ticks of 2^-n, where 'multiply' is 0. */
    int64_t offset_ns;
};

/* False if ticks of 'resolution', the byte of if_tsresol, do not fit 64 bits:
 * finer than 10^-19 or 2^-63 seconds. */
bool pcapng_time_set_resolution(struct pcapng_time *, uint8_t resolution);
void pcapng_time_set_offset(struct pcapng_time *, int64_t seconds);

struct wall_time pcapng_time_of(const struct pcapng_time *, uint64_t ticks);

#endif
