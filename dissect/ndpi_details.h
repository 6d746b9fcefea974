/* What nDPI learnt of a conversation besides its name, taken out before its
 * state is freed. */

#ifndef DISSECT_NDPI_DETAILS_H
#define DISSECT_NDPI_DETAILS_H

struct application_details;
struct ndpi_flow_struct;

/* A single allocation for free(): the structure with its texts behind it.  NULL
 * if there is nothing to tell or memory is out. */
struct application_details *ndpi_details_take(const struct ndpi_flow_struct *);

#endif
