/* Captures on interfaces for a few seconds, and counts; the only part that
 * takes time. */

#ifndef TOOLS_DOCTOR_TRAFFIC_WATCH_H
#define TOOLS_DOCTOR_TRAFFIC_WATCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct diagnosis;
struct nic;
struct traffic;

struct traffic_watch_options {
    const struct nic *nics; /* Those that are down are passed over. */
    size_t n_nics;          /* To TRAFFIC_MAX_INTERFACES. */
    int64_t duration_ns;
    uint32_t snapshot;
    const atomic_int *stop; /* Not 0: no longer. */
};

/* What cannot be captured is told as not examined.  Nanoseconds it took; on
 * return the conversations have ended. */
int64_t traffic_watch(const struct traffic_watch_options *, struct traffic *,
                      struct diagnosis *);

#endif
