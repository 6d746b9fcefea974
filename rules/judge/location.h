/* Why an address is in its segment: for people, not for the packet path.  Pure;
 * any thread. */

#ifndef RULES_JUDGE_LOCATION_H
#define RULES_JUDGE_LOCATION_H

#include "rules/policy.h"

enum {
    LOCATION_MAX_PASSED = 8,
    LOCATION_TEXT = 160
};

/* A segment with a prefix that holds the address. */
struct location_claim {
    segment_id segment;
    struct prefix prefix;
    const char *failed; /* Why it did not count: "exclude", "vlans",
                         * "interfaces", "sensors", "macs"; static. */
};

struct location {
    segment_id segment;
    struct prefix prefix; /* That decided. */
    /* Of SEGMENT_BROADCAST: the segment whose network ends with the address;
     * else as 'segment'. */
    segment_id network_of;
    char qualifiers[LOCATION_TEXT]; /* That hold: "vlans 300-309", or "". */
    /* More specific ones, most specific first; further ones are not kept. */
    struct location_claim passed[LOCATION_MAX_PASSED];
    size_t n_passed;
};

/* 'segment' is that of policy_locate(). */
void location_find(const struct policy *, const struct addr *,
                   const struct policy_place *, struct location *);

#endif
