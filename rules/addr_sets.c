/* Classes are found in one sweep over all ends of all sets; see addr_sets.h. */

#include "rules/addr_sets.h"

#include "capture/xxh3.h"
#include "rules/arena.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

/* An address as a number, so that a search compares in two steps. */
struct position {
    uint64_t high, low;
};

/* From here on, to where the next one begins. */
struct addr_class {
    struct position first;
    uint64_t number;
};

/* Where a set begins or ends. */
struct edge {
    struct position at;
    uint64_t change; /* Of the number; unsigned numbers wrap. */
};

static_assert(2 * sizeof(struct addr_class) == ADDR_CLASSES_RANGE_BYTES,
              "one where it begins, one where it ends");

static size_t add_edges(struct edge *, const struct addr_set *);
static int edge_order(const void *, const void *);
static size_t sum_edges(const struct edge *, size_t n, struct addr_class *);
static struct position position_of(const struct addr *);
static struct position position_after(struct position);
static bool position_before(struct position, struct position);

bool
addr_set_has(const struct addr_set *set, const struct addr *addr)
{
    size_t low = 0, high = set->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(addr, &set->ranges[middle].first, sizeof *addr) < 0) {
            high = middle;
        } else if (memcmp(addr, &set->ranges[middle].last, sizeof *addr) > 0) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

bool
addr_classes_build(struct addr_classes *classes, struct arena *arena,
                   const struct addr_set *sets, size_t n_sets)
{
    struct addr_class *ranges;
    struct edge *edges;
    size_t n = 0;

    *classes = (struct addr_classes){.n = 0};
    for (size_t i = 0; i < n_sets; i++) {
        n += 2 * sets[i].n;
    }
    if (n == 0) {
        return true;
    }
    edges = calloc(n, sizeof *edges);
    ranges = arena_array(arena, n + 1, sizeof *ranges);
    if (edges && ranges) {
        n = 0;
        for (size_t i = 0; i < n_sets; i++) {
            n += add_edges(edges + n, &sets[i]);
        }
        qsort(edges, n, sizeof *edges, edge_order);
        *classes = (struct addr_classes){ranges, sum_edges(edges, n, ranges)};
    }
    free(edges);
    return classes->n;
}

uint64_t
addr_classes_find(const struct addr_classes *classes, const struct addr *addr)
{
    struct position position;
    const struct addr_class *found = classes->ranges;

    if (!found) {
        return 0;
    }
    position = position_of(addr);
    /* The last of 'n' ranges that begins at or before it is kept. */
    for (size_t n = classes->n; n > 1; n -= n / 2) {
        const struct addr_class *middle = found + n / 2;

        found = position_before(position, middle->first) ? found : middle;
    }
    return found->number;
}

/* What ends with the last address of all never ends. */
static size_t
add_edges(struct edge *edges, const struct addr_set *set)
{
    uint64_t number =
        set->n ? XXH3_64bits(set->ranges, set->n * sizeof *set->ranges) : 0;
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        struct position end = position_after(position_of(&set->ranges[i].last));

        edges[n++] = (struct edge){position_of(&set->ranges[i].first), number};
        if (end.high | end.low) {
            edges[n++] = (struct edge){end, -number};
        }
    }
    return n;
}

static int
edge_order(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    return position_before(y->at, x->at) - position_before(x->at, y->at);
}

/* Writes a range for every place with edges, and one before them; returns how
 * many. */
static size_t
sum_edges(const struct edge *edges, size_t n, struct addr_class *ranges)
{
    size_t n_ranges = 1; /* The first is zero already. */
    uint64_t number = 0;

    for (size_t i = 0; i < n; i++) {
        if (position_before(ranges[n_ranges - 1].first, edges[i].at)) {
            ranges[n_ranges++].first = edges[i].at;
        }
        number += edges[i].change;
        ranges[n_ranges - 1].number = number;
    }
    return n_ranges;
}

static struct position
position_of(const struct addr *addr)
{
    struct position position;

    memcpy(&position.high, addr->byte, sizeof position.high);
    memcpy(&position.low, addr->byte + sizeof position.high,
           sizeof position.low);
    return (struct position){be64toh(position.high), be64toh(position.low)};
}

static struct position
position_after(struct position position)
{
    position.low++;
    position.high += position.low == 0;
    return position;
}

static bool
position_before(struct position a, struct position b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}
