/* What nDPI learnt of a conversation besides its name, taken out before its
 * state is freed. */

#ifndef DISSECT_NDPI_DETAILS_H
#define DISSECT_NDPI_DETAILS_H

#include "dissect/cursor.h"

#include <stdint.h>

struct application_details;
struct ndpi_flow_struct;

/* A single allocation for free(): the structure with its texts behind it.  NULL
 * if there is nothing to tell or memory is out. */
struct application_details *ndpi_details_take(const struct ndpi_flow_struct *);

/* Takes back what the packet with 'payload' added to the risks without reason:
 * nDPI 4.2 calls every Authorization of HTTP one in clear text.  'before' are
 * the risks before it was shown. */
void ndpi_details_mend_risk(struct ndpi_flow_struct *, uint64_t before,
                            struct bytes payload);

#endif
