/* See range_set.h. */

#include "tools/reconcile/range_set.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 4
};

static size_t find(const struct range_set *, uint64_t number);
static enum range_added insert(struct range_set *, size_t i, uint64_t number,
                               struct redis_id, struct range_budget *);
static bool make_room(struct range_set *, size_t i, struct range_budget *);
static void widen(struct range *, struct redis_id);
static void join(struct range_set *, size_t i, struct range_budget *);

void
range_set_done(struct range_set *set)
{
    free(set->list);
    *set = (struct range_set){.list = NULL};
}

enum range_added
range_set_add(struct range_set *set, uint64_t number, struct redis_id id,
              struct range_budget *budget)
{
    size_t i = find(set, number);
    struct range *before = i > 0 ? &set->list[i - 1] : NULL;
    struct range *after = i < set->n ? &set->list[i] : NULL;
    enum range_added added = after ? RANGE_LATE : RANGE_NEW;

    if (before && number <= before->last) {
        return RANGE_AGAIN;
    }
    if (before && number == before->last + 1) {
        before->last = number;
        widen(before, id);
        if (after && after->first == number + 1) {
            join(set, i - 1, budget);
        }
        return added;
    }
    if (after && number + 1 == after->first) {
        after->first = number;
        widen(after, id);
        return added;
    }
    return insert(set, i, number, id, budget);
}

uint64_t
range_set_first(const struct range_set *set)
{
    return set->n ? set->list[0].first : 0;
}

uint64_t
range_set_last(const struct range_set *set)
{
    return set->n ? set->list[set->n - 1].last : 0;
}

/* The first range that begins above it; nearly always there is none. */
static size_t
find(const struct range_set *set, uint64_t number)
{
    size_t low = 0;
    size_t high = set->n;

    if (set->n == 0 || set->list[set->n - 1].first <= number) {
        return set->n;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->list[middle].first <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum range_added
insert(struct range_set *set, size_t i, uint64_t number, struct redis_id id,
       struct range_budget *budget)
{
    enum range_added added = i < set->n ? RANGE_LATE : RANGE_NEW;

    if (!make_room(set, i, budget)) {
        budget->is_spent = true;
        return RANGE_REFUSED;
    }
    memmove(set->list + i + 1, set->list + i,
            (set->n - i) * sizeof(struct range));
    set->list[i] = (struct range){number, number, id, id};
    set->n++;
    return added;
}

static bool
make_room(struct range_set *set, size_t i, struct range_budget *budget)
{
    size_t capacity = set->capacity ? 2 * set->capacity : FIRST_CAPACITY;
    struct range *list;

    if (budget->ranges == 0 || budget->moves < set->n - i) {
        return false;
    }
    if (!set->list || set->n == set->capacity) {
        list = realloc(set->list, capacity * sizeof *list);
        if (!list) {
            return false;
        }
        set->list = list;
        set->capacity = capacity;
    }
    budget->ranges--;
    budget->moves -= set->n - i;
    return true;
}

static void
widen(struct range *range, struct redis_id id)
{
    if (redis_id_compare(id, range->first_id) < 0) {
        range->first_id = id;
    }
    if (redis_id_compare(id, range->last_id) > 0) {
        range->last_id = id;
    }
}

/* The i-th with the one behind it, which it touches now.  Costs a move only as
 * long as there is something to pay with: each was paid for when it was made.
 */
static void
join(struct range_set *set, size_t i, struct range_budget *budget)
{
    struct range *range = &set->list[i];
    size_t n_behind = set->n - i - 2;

    range->last = range[1].last;
    widen(range, range[1].first_id);
    widen(range, range[1].last_id);
    memmove(range + 1, range + 2, n_behind * sizeof *range);
    set->n--;
    budget->ranges++;
    budget->moves -= budget->moves < n_behind ? budget->moves : n_behind;
}
