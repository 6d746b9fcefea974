/* The examination of what a sensor depends on: its interfaces and what comes by
 * there, the clock, the machine, the Redis servers.
 *
 * Only looks: what it changes is that interfaces are promiscuous while it
 * captures.  Takes as long as it is told to capture, and a little more; one
 * thread.  Some 300 KiB, and the memory of traffic.h. */

#ifndef TOOLS_DOCTOR_DOCTOR_H
#define TOOLS_DOCTOR_DOCTOR_H

#include "tools/doctor/clock_state.h"
#include "tools/doctor/diagnosis.h"
#include "tools/doctor/host_state.h"
#include "tools/doctor/nic.h"
#include "tools/doctor/redis_examine.h"
#include "tools/doctor/traffic.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    DOCTOR_MAX_SERVERS = 4
};

struct doctor_options {
    const char *const *interfaces; /* Borrowed, as is all else. */
    size_t n_interfaces;           /* To TRAFFIC_MAX_INTERFACES. */
    int64_t duration_ns;           /* Of the capture. */
    uint32_t snapshot;             /* That frames are cut to. */
    const struct redis_examine_options *servers;
    size_t n_servers;       /* To DOCTOR_MAX_SERVERS. */
    const char *output;     /* A file that events go to, or NULL. */
    uint64_t memory_bytes;  /* That a sensor may take; 0: as usual. */
    const atomic_int *stop; /* Not 0: be done soon. */
};

/* Filled in by doctor_examine(), for those who tell of it. */
struct doctor {
    const struct doctor_options *options;
    struct diagnosis diagnosis;
    struct nic nics[TRAFFIC_MAX_INTERFACES]; /* Those that exist. */
    size_t n_nics;
    struct traffic *traffic; /* Owned; NULL: nothing was captured. */
    int64_t took_ns;
    struct clock_state begin, end;
    struct host_state host;
    struct redis_examined servers[DOCTOR_MAX_SERVERS];
};

/* 'diagnosis' must be initialised; all else is set.  False, if memory is out.
 */
bool doctor_examine(struct doctor *, const struct doctor_options *,
                    struct error *);
void doctor_done(struct doctor *);

#endif
