/* Sets of addresses that rules name, and which of them hold an address.
 *
 * Rules look at an address only to ask whether a set of theirs holds it.  So
 * addresses that the same sets hold, a class, are all the same to them, and
 * what was decided for one is good for the others: most addresses of a segment
 * are in none of the sets.
 *
 * A class has a number, the sum of a hash of each of its sets; 0 for no set.
 * Two classes have the same one with a probability of 2^-64.
 *
 * Built once, in an arena, then read by any thread. */

#ifndef RULES_ADDR_SETS_H
#define RULES_ADDR_SETS_H

#include "dissect/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct addr_range {
    struct addr first, last;
};

struct addr_set {
    const struct addr_range *ranges; /* Sorted, disjoint. */
    size_t n;
};

bool addr_set_has(const struct addr_set *, const struct addr *);

enum {
    ADDR_CLASSES_RANGE_BYTES = 48 /* Memory for each range of a set. */
};

struct addr_classes {
    const struct addr_class *ranges; /* Sorted; the first begins with ::. */
    size_t n;                        /* 0: there are no sets. */
};

/* Borrows the sets for the call.  False when out of memory. */
bool addr_classes_build(struct addr_classes *, struct arena *,
                        const struct addr_set *sets, size_t n_sets);

/* The number of the address's class. */
uint64_t addr_classes_find(const struct addr_classes *, const struct addr *);

#endif
