/* Who opened a conversation, and on what evidence.
 *
 * The order of enum flow_evidence is the ladder: later packets may bring better
 * evidence and exchange the ends, never worse. */

#ifndef FLOWS_INITIATOR_H
#define FLOWS_INITIATOR_H

#include "flows/flow.h"
#include "flows/flow_table.h"

#include <stdbool.h>
#include <stdint.h>

struct packet;

/* Decides from the first packet. */
void initiator_begin(struct flow *, const struct packet *, unsigned sender);

/* Weighs a later packet. */
enum flow_initiator_news initiator_update(struct flow *, const struct packet *,
                                          unsigned sender);

/* Whether the port is one that servers of well-known services listen on. */
bool initiator_is_service_port(uint8_t protocol, uint16_t port);

#endif
