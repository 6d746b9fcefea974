/* The violations of a run, each once, with how far it got in the end.
 *
 * A violation is told while its flow goes on: one that was told as an attempt
 * may be refused a moment later, which is no reason to tell it again.  So the
 * list also looks at how denied flows ended, and violation_list_settle() puts
 * the two together.
 *
 * A list belongs to one thread; afterwards one may be added to another of the
 * same policy.  Bounded: what is beyond VIOLATION_LIST_MAX violations, or
 * VIOLATION_LIST_MAX_FLOWS kinds of flows, is left out and 'overflow' set. */

#ifndef TOOLS_REPORT_VIOLATION_LIST_H
#define TOOLS_REPORT_VIOLATION_LIST_H

#include "tools/event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VIOLATION_LIST_MAX = 20000,
    VIOLATION_LIST_MAX_FLOWS = 1 << 20
};

struct violation_row {
    int32_t rule; /* policy_rule() index; VERDICT_NO_RULE if none. */
    enum verdict_reason reason;
    struct addr src, dst; /* 'all_dsts': 'dst' is zero. */
    uint8_t protocol;
    uint16_t port; /* Responder's; ICMP: type; 'all_ports': 0. */
    bool all_dsts, all_ports;
    segment_id src_segment, dst_segment;
    enum flow_outcome outcome; /* The worst. */
};

/* Once packed, in order, and each key once: rule, reason, addresses, protocol
 * and port are what makes two the same. */
struct violation_rows {
    struct violation_row *rows;
    size_t n, capacity, max;
};

struct violation_list {
    struct violation_rows told, flows;
    bool overflow, out_of_memory; /* The list is not complete. */
};

void violation_list_init(struct violation_list *);
void violation_list_done(struct violation_list *);

void violation_list_told(struct violation_list *,
                         const struct event_violation *);
/* A flow that has ended. */
void violation_list_flow(struct violation_list *, const struct event_flow *);
void violation_list_merge(struct violation_list *,
                          const struct violation_list *other);

/* Puts 'told' in order, with the worst outcome that a flow ended with. */
void violation_list_settle(struct violation_list *);

#endif
