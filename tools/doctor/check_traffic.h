/* What the traffic of an interface says about how it is connected.  Pure. */

#ifndef TOOLS_DOCTOR_CHECK_TRAFFIC_H
#define TOOLS_DOCTOR_CHECK_TRAFFIC_H

#include <stdint.h>

struct diagnosis;
struct nic;
struct traffic_counts;

/* 'snapshot' is the length frames were cut to. */
void check_traffic(const struct nic *, const struct traffic_counts *,
                   uint32_t snapshot, struct diagnosis *);

#endif
