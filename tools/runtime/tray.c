/* Batches of what workers noticed; see tray.h. */

#include "tools/runtime/tray.h"

#include "capture/error.h"
#include "tools/runtime/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct tray_sighting) * TRAY_ITEMS >= TRAY_BATCH_BYTES,
              "a batch has no fewer items than it has room for");
static_assert(sizeof(struct tray_sighting) % alignof(struct tray_objection) ==
                  0,
              "whatever comes after is aligned");

static void *add(struct tray *, enum tray_kind, size_t size,
                 const struct tray_place *);
static struct tray_batch *batch_of(struct tray *);
static void pass_on(struct tray *);
static void sort(struct tray_batch *);
static size_t place_in(struct tray_item *const *, size_t n,
                       const struct tray_item *);

bool
tray_init(struct tray *tray, tray_handler *handler, void *context,
          struct error *error)
{
    *tray = (struct tray){.handler = handler, .context = context};
    if (!handler) {
        tray->exchange =
            exchange_new(TRAY_BATCHES, sizeof(struct tray_batch), error);
        return tray->exchange != NULL;
    }
    tray->own = calloc(1, sizeof *tray->own);
    return tray->own ||
           error_set(error, ERROR_MEMORY, NULL, "out of memory for a tray");
}

void
tray_done(struct tray *tray)
{
    exchange_free(tray->exchange);
    free(tray->own);
}

void
tray_set_policy(struct tray *tray, const struct policy *policy)
{
    tray->policy = policy;
}

struct tray_objection *
tray_add_objection(struct tray *tray, const struct tray_place *place)
{
    return add(tray, TRAY_OBJECTION, sizeof(struct tray_objection), place);
}

struct tray_sighting *
tray_add_sighting(struct tray *tray, const struct tray_place *place)
{
    return add(tray, TRAY_SIGHTING, sizeof(struct tray_sighting), place);
}

void
tray_end_round(struct tray *tray, struct wall_time clock)
{
    struct tray_batch *batch = batch_of(tray);

    batch->ends_round = true;
    batch->clock = clock;
    pass_on(tray);
}

void
tray_close(struct tray *tray)
{
    if (tray->exchange) {
        exchange_send(tray->exchange, NULL);
    }
}

void
tray_batch_clear(struct tray_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct tray_item *item = batch->order[i];

        if (item->kind == TRAY_OBJECTION) {
            application_done(&((struct tray_objection *)item)->application);
        }
    }
    policy_unref(batch->policy);
    batch->policy = NULL;
    batch->n = batch->used = 0;
    batch->ends_round = false;
}

int
tray_place_compare(const struct tray_place *a, const struct tray_place *b)
{
    if (a->when.ns != b->when.ns) {
        return a->when.ns < b->when.ns ? -1 : 1;
    }
    if (a->phase != b->phase) {
        return a->phase < b->phase ? -1 : 1;
    }
    if (a->major != b->major) {
        return a->major < b->major ? -1 : 1;
    }
    return (a->minor > b->minor) - (a->minor < b->minor);
}

static void *
add(struct tray *tray, enum tray_kind kind, size_t size,
    const struct tray_place *place)
{
    struct tray_batch *batch = batch_of(tray);
    struct tray_item *item;

    if (batch->n == TRAY_ITEMS || TRAY_BATCH_BYTES - batch->used < size) {
        pass_on(tray);
        if (tray->hurry) {
            tray->hurry(tray->context);
        }
        batch = batch_of(tray);
    }
    item = (struct tray_item *)(void *)(batch->room + batch->used);
    batch->used += size;
    *item = (struct tray_item){*place, kind};
    batch->order[batch->n++] = item;
    return item;
}

static struct tray_batch *
batch_of(struct tray *tray)
{
    if (!tray->batch) {
        tray->batch =
            tray->exchange ? exchange_take_empty(tray->exchange) : tray->own;
        tray->batch->policy = policy_hold(tray->policy);
    }
    return tray->batch;
}

static void
pass_on(struct tray *tray)
{
    struct tray_batch *batch = tray->batch;

    sort(batch);
    tray->batch = NULL;
    if (tray->exchange) {
        exchange_send(tray->exchange, batch);
    } else {
        tray->handler(tray->context, batch);
        tray_batch_clear(batch);
    }
}

/* By insertion: items come nearly in order. */
static void
sort(struct tray_batch *batch)
{
    struct tray_item **order = batch->order;

    for (size_t i = 1; i < batch->n; i++) {
        struct tray_item *item = order[i];

        if (tray_place_compare(&item->place, &order[i - 1]->place) < 0) {
            size_t at = place_in(order, i, item);

            memmove(&order[at + 1], &order[at],
                    (i - at) * sizeof(struct tray_item *));
            order[at] = item;
        }
    }
}

/* After the last of 'n' that does not come later. */
static size_t
place_in(struct tray_item *const *order, size_t n, const struct tray_item *item)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;

        if (tray_place_compare(&item->place, &order[middle]->place) < 0) {
            n = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
