/* What naive_judge.c asks: where an address is, and what one rule wants of a
 * flow, condition by condition. */

#ifndef TESTS_RULES_NAIVE_CONDITIONS_H
#define TESTS_RULES_NAIVE_CONDITIONS_H

#include "tests/rules/naive_judge.h"

enum truth {
    NO,
    OPEN, /* Depends on the application, which is not known yet. */
    YES
};

/* A flow seen in one direction. */
struct view {
    const struct random_flow *flow;
    const struct addr *src, *dst;
    segment_id src_segment, dst_segment;
    uint16_t src_port, dst_port;
};

/* All conditions beyond segments and service.  '*only' is the one that does not
 * hold, by its name in the language; NULL if none or several do not.  Sets
 * *benefit if one holds because no payload was seen. */
enum truth naive_conditions(const struct random_policy *,
                            const struct random_rule *, const struct view *,
                            bool reversed, bool *benefit, const char **only);

/* S14.  The decisions that are possible, as bits, and why. */
unsigned naive_requirements(const struct random_policy *,
                            const struct random_rule *, const struct view *,
                            enum verdict_reason *, uint32_t *flags);

bool naive_service(const struct random_policy *, const struct random_list *,
                   const struct view *);
/* S1 to S3.  'mac' is the number of a value, 0 if it is not known. */
segment_id naive_segment(const struct random_policy *,
                         const struct random_flow *, const struct addr *,
                         unsigned mac);
bool naive_contains(const struct prefix *, const struct addr *);

#endif
