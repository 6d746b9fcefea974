/* What goes on between each two segments: who opened flows to whom, how much
 * they sent, what was decided, and how much of it was missed.
 *
 * A table belongs to one thread; others get copies, which are added up.  It
 * counts for the whole run: when another policy comes into force, what was
 * counted goes on under the same names.  Memory: PAIRS_MAX pairs and the index;
 * further pairs, and those a new policy has no segment for, are counted
 * together. */

#ifndef TOOLS_RUNTIME_PAIRS_H
#define TOOLS_RUNTIME_PAIRS_H

#include "rules/policy.h"
#include "tools/event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    PAIRS_MAX = 4096,
    PAIRS_GONE = UINT16_MAX /* No segment: the policy has none of the name. */
};

struct pair {
    segment_id src, dst;
    struct event_pair_counts counts;
};

struct pairs {
    struct policy *policy; /* That the segments are of; a reference. */
    struct pair *list;     /* In the order they were first seen. */
    size_t n, capacity;
    struct event_pair_counts other; /* Of all pairs not in 'list'. */
    bool is_full; /* Nothing is added to 'list' any more: what a flow added to
                   * 'other' must be found there again. */
    uint16_t *index;  /* Of 'list', from 1; a hash table. */
    uint64_t changes; /* Grows with every pairs_at(). */
};

/* Either way 'pairs' is to be freed with pairs_done(). */
bool pairs_init(struct pairs *, const struct policy *, struct error *);
void pairs_done(struct pairs *);

/* Where to count; never NULL, and good until the next call. */
struct event_pair_counts *pairs_at(struct pairs *, segment_id src,
                                   segment_id dst);

/* The number in 'list'; 'n' if it is not there. */
size_t pairs_number(const struct pairs *, segment_id src, segment_id dst);

/* From now on in terms of another policy. */
void pairs_set_policy(struct pairs *, const struct policy *);

/* What a segment of another policy is here, or PAIRS_GONE. */
segment_id pairs_segment(const struct pairs *, const struct policy *of,
                         segment_id);

/* Adds 'other' in, by the names of segments. */
void pairs_add(struct pairs *sum, const struct pairs *other);

/* Makes 'copy', which was made by pairs_init(), equal to 'from'. */
void pairs_copy(struct pairs *copy, const struct pairs *from);

/* Forgets what was counted. */
void pairs_clear(struct pairs *, const struct policy *);

/* The pairs with their names, most bytes first; to be freed.  NULL without
 * memory.  Names are borrowed from the policy. */
struct event_pair *pairs_list(const struct pairs *);

#endif
