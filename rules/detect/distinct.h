/* How many different things there were: exactly while they are few, then
 * estimated by HyperLogLog (Flajolet et al., 2007) with a standard error of
 * 3 %.
 *
 * Things are given as hashes, which must be well mixed.  A zeroed struct is
 * empty; it owns at most 16 bytes a thing, nothing for the first, or 16 bytes
 * more than DISTINCT_N_REGISTERS.
 * Belongs to one thread. */

#ifndef RULES_DETECT_DISTINCT_H
#define RULES_DETECT_DISTINCT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DISTINCT_N_REGISTERS = 1024 /* 1.04 / sqrt(n) is the error. */
};

struct distinct {
    uint64_t n;           /* Never falls. */
    union {               /* While counted exactly: */
        uint64_t only;    /* the only one, while it is; */
        uint64_t *hashes; /* all of them; owned. */
    };
    struct distinct_registers *registers; /* After that; owned. */
};

/* Counts 'hash' if it is new.  Up to 'max_exact' are counted exactly.  Without
 * memory, things go uncounted. */
void distinct_add(struct distinct *, uint64_t hash, uint64_t max_exact);

/* As distinct_add(), for who knows that it is new while they are counted
 * exactly, and saves the search. */
void distinct_add_new(struct distinct *, uint64_t hash, uint64_t max_exact);

void distinct_clear(struct distinct *); /* To empty; owns nothing then. */

/* Mixes 'n' bytes into a hash fit for counting. */
uint64_t distinct_hash(const void *bytes, unsigned n);

#endif
