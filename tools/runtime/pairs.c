/* Pairs by hash, in a list that only grows; see pairs.h.
 *
 * Most policies have some tens of pairs that talk, a few have thousands, and a
 * table of all that could would be mostly empty.  So there is a list, which is
 * quick to copy, and an index for who counts. */

#include "tools/runtime/pairs.h"

#include "capture/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    INDEX_BITS = 13,
    INDEX_SLOTS = 1 << INDEX_BITS,
    FIRST_CAPACITY = 32
};

static_assert(INDEX_SLOTS >= 2 * PAIRS_MAX, "there is always an empty slot");
static_assert(PAIRS_MAX < UINT16_MAX, "the index holds numbers from 1");

static uint16_t *find(const struct pairs *, segment_id src, segment_id dst);
static struct event_pair_counts *append(struct pairs *, uint16_t *slot,
                                        segment_id src, segment_id dst);
static bool reserve(struct pairs *, size_t n);
static bool is_named(const struct policy *, size_t segment, const char *name);
static void add_pair(struct pairs *, const struct policy *of,
                     const struct pair *);
static void add_counts(struct event_pair_counts *sum,
                       const struct event_pair_counts *);
static uint32_t slot_of(segment_id src, segment_id dst);
static int compare(const void *, const void *);

bool
pairs_init(struct pairs *pairs, const struct policy *policy,
           struct error *error)
{
    memset(pairs, 0, sizeof *pairs);
    pairs->policy = policy_hold(policy);
    pairs->index = calloc(INDEX_SLOTS, sizeof *pairs->index);
    return pairs->index ||
           error_set(error, ERROR_MEMORY, NULL, "out of memory for pairs");
}

void
pairs_done(struct pairs *pairs)
{
    policy_unref(pairs->policy);
    free(pairs->list);
    free(pairs->index);
}

struct event_pair_counts *
pairs_at(struct pairs *pairs, segment_id src, segment_id dst)
{
    uint16_t *slot = find(pairs, src, dst);

    pairs->changes++;
    if (src == PAIRS_GONE || dst == PAIRS_GONE) {
        return &pairs->other;
    }
    return *slot ? &pairs->list[*slot - 1].counts
                 : append(pairs, slot, src, dst);
}

size_t
pairs_number(const struct pairs *pairs, segment_id src, segment_id dst)
{
    uint16_t number = *find(pairs, src, dst);

    return number ? number - 1U : pairs->n;
}

/* The pair's slot of the index, or the empty one where it would be. */
static uint16_t *
find(const struct pairs *pairs, segment_id src, segment_id dst)
{
    uint32_t at = slot_of(src, dst);

    while (pairs->index[at] && (pairs->list[pairs->index[at] - 1].src != src ||
                                pairs->list[pairs->index[at] - 1].dst != dst)) {
        at = (at + 1) % INDEX_SLOTS;
    }
    return &pairs->index[at];
}

static struct event_pair_counts *
append(struct pairs *pairs, uint16_t *slot, segment_id src, segment_id dst)
{
    struct pair *pair;

    if (pairs->is_full || pairs->n == PAIRS_MAX ||
        !reserve(pairs, pairs->n + 1)) {
        pairs->is_full = true;
        return &pairs->other;
    }
    pair = &pairs->list[pairs->n++];
    *pair = (struct pair){.src = src, .dst = dst};
    *slot = (uint16_t)pairs->n;
    return &pair->counts;
}

static bool
reserve(struct pairs *pairs, size_t n)
{
    size_t capacity = pairs->capacity ? pairs->capacity : FIRST_CAPACITY;
    struct pair *list;

    while (capacity < n) {
        capacity *= 2;
    }
    if (capacity == pairs->capacity) {
        return true;
    }
    list = realloc(pairs->list, capacity * sizeof *list);
    if (list) {
        pairs->list = list;
        pairs->capacity = capacity;
    }
    return list != NULL;
}

/* The list is made anew in its place: it does not become longer. */
void
pairs_set_policy(struct pairs *pairs, const struct policy *policy)
{
    struct policy *before = pairs->policy;
    bool is_full = pairs->is_full;
    size_t n = pairs->n;

    pairs->policy = policy_hold(policy);
    pairs->is_full = false;
    pairs->n = 0;
    memset(pairs->index, 0, INDEX_SLOTS * sizeof *pairs->index);
    for (size_t i = 0; i < n; i++) {
        const struct pair pair = pairs->list[i];

        add_pair(pairs, before, &pair);
    }
    pairs->is_full = is_full;
    policy_unref(before);
}

/* Most keep their places from one version of a policy to the next, or nearly.
 */
segment_id
pairs_segment(const struct pairs *pairs, const struct policy *of,
              segment_id segment)
{
    const char *name = policy_segment(of, segment)->name;
    size_t n = policy_n_segments(pairs->policy);

    for (size_t i = 0; i < n || i <= segment; i++) {
        if (is_named(pairs->policy, segment + i, name)) {
            return (segment_id)(segment + i);
        }
        if (i <= segment && is_named(pairs->policy, segment - i, name)) {
            return (segment_id)(segment - i);
        }
    }
    return PAIRS_GONE;
}

static bool
is_named(const struct policy *policy, size_t segment, const char *name)
{
    return segment < policy_n_segments(policy) &&
           strcmp(policy_segment(policy, (segment_id)segment)->name, name) == 0;
}

void
pairs_add(struct pairs *sum, const struct pairs *other)
{
    for (size_t i = 0; i < other->n; i++) {
        add_pair(sum, other->policy, &other->list[i]);
    }
    add_counts(&sum->other, &other->other);
}

void
pairs_copy(struct pairs *copy, const struct pairs *from)
{
    if (copy->policy != from->policy) {
        policy_unref(copy->policy);
        copy->policy = policy_hold(from->policy);
    }
    copy->other = from->other;
    copy->changes = from->changes;
    copy->is_full = from->is_full;
    copy->n = reserve(copy, from->n) ? from->n : 0;
    if (copy->n > 0) {
        memcpy(copy->list, from->list, from->n * sizeof *from->list);
        memcpy(copy->index, from->index, INDEX_SLOTS * sizeof *from->index);
        return;
    }
    memset(copy->index, 0, INDEX_SLOTS * sizeof *copy->index);
    for (size_t i = 0; i < from->n; i++) { /* Without memory. */
        add_counts(&copy->other, &from->list[i].counts);
    }
}

void
pairs_clear(struct pairs *pairs, const struct policy *policy)
{
    policy_unref(pairs->policy);
    pairs->policy = policy_hold(policy);
    pairs->n = 0;
    pairs->is_full = false;
    memset(pairs->index, 0, INDEX_SLOTS * sizeof *pairs->index);
    memset(&pairs->other, 0, sizeof pairs->other);
    pairs->changes++;
}

struct event_pair *
pairs_list(const struct pairs *pairs)
{
    struct event_pair *list = calloc(pairs->n, sizeof *list);

    for (size_t i = 0; list && i < pairs->n; i++) {
        const struct pair *pair = &pairs->list[i];

        list[i] = (struct event_pair){
            .src_segment = pair->src,
            .dst_segment = pair->dst,
            .src = policy_segment(pairs->policy, pair->src)->name,
            .dst = policy_segment(pairs->policy, pair->dst)->name,
            .counts = pair->counts,
        };
    }
    if (list) {
        qsort(list, pairs->n, sizeof *list, compare);
    }
    return list;
}

static void
add_pair(struct pairs *pairs, const struct policy *of, const struct pair *pair)
{
    segment_id src = pair->src;
    segment_id dst = pair->dst;

    if (of != pairs->policy) {
        src = pairs_segment(pairs, of, src);
        dst = pairs_segment(pairs, of, dst);
    }
    add_counts(pairs_at(pairs, src, dst), &pair->counts);
}

/* Every member counts, and is 64 bits wide. */
static void
add_counts(struct event_pair_counts *sum, const struct event_pair_counts *more)
{
    const uint64_t *from = (const uint64_t *)(const void *)more;
    uint64_t *to = (uint64_t *)(void *)sum;

    static_assert(sizeof *sum % sizeof *to == 0, "not all counters");
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) {
        to[i] += from[i];
    }
}

/* Knuth's multiplicative hashing: the upper bits of the product. */
static uint32_t
slot_of(segment_id src, segment_id dst)
{
    uint32_t both = (uint32_t)src << 16 | dst;

    return both * UINT32_C(0x9e3779b1) >> (32 - INDEX_BITS);
}

static int
compare(const void *left, const void *right)
{
    const struct event_pair *a = left;
    const struct event_pair *b = right;
    uint64_t bytes[] = {a->counts.bytes[0] + a->counts.bytes[1],
                        b->counts.bytes[0] + b->counts.bytes[1]};

    if (bytes[0] != bytes[1]) {
        return bytes[0] > bytes[1] ? -1 : 1;
    }
    return strcmp(a->src, b->src) ? strcmp(a->src, b->src)
                                  : strcmp(a->dst, b->dst);
}
