/* What inspections of a worker's flows found out.
 *
 * Many flows are the same application, and repeat the same names: each result
 * is kept once, counted by the flows that have it, and freed with the last of
 * them.  While a flow is inspected its finding is the inspection, and its own.
 * Belongs to one thread.  Memory is that of a struct flow_memory; where it is
 * short, details are left out, or nothing is found at all. */

#ifndef TOOLS_RUNTIME_FINDINGS_H
#define TOOLS_RUNTIME_FINDINGS_H

#include "dissect/application.h"
#include "tools/runtime/pool.h"

#include <stdint.h>

struct findings {
    struct pool pool;
    uint32_t *buckets; /* Owned; a power of two of them. */
    uint32_t n_buckets;
    uint32_t n;            /* Different results. */
    uint64_t seed;         /* Nobody who chooses names chooses buckets. */
    uint64_t details_lost; /* Results whose details did not fit. */
};

/* Of a flow; 0 is APPLICATION_NONE, and the finding of no inspection. */
typedef uint32_t finding_id;

/* False when memory is short. */
bool findings_init(struct findings *, struct flow_memory *);
void findings_done(struct findings *); /* Nothing is inspected any more. */

/* The finding that stands for 'inspection', which stays the caller's; 0 when
 * memory is short. */
finding_id findings_start(struct findings *, struct inspection *);
struct inspection *findings_inspection(const struct findings *, finding_id);

/* The inspection found this.  Takes the details over, and the finding: what the
 * flow has now is returned. */
finding_id findings_finish(struct findings *, finding_id, struct application *);

/* Valid while a flow has it. */
const struct application *findings_application(const struct findings *,
                                               finding_id);

/* The flow ends.  Accepts 0. */
void findings_release(struct findings *, finding_id);

#endif
