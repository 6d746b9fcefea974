/* Batches of what workers noticed; see tray.h. */

#include "tools/runtime/tray.h"

#include "capture/error.h"
#include "tools/runtime/exchange.h"

#include <stdlib.h>

static struct tray_batch *batch_of(struct tray *);
static void pass_on(struct tray *);
static void sort(struct tray_batch *);

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

struct tray_item *
tray_add(struct tray *tray, enum tray_kind kind)
{
    struct tray_batch *batch = batch_of(tray);
    struct tray_item *item;

    if (batch->n == TRAY_ITEMS) {
        pass_on(tray);
        if (tray->hurry) {
            tray->hurry(tray->context);
        }
        batch = batch_of(tray);
    }
    item = &batch->items[batch->n++];
    item->kind = kind;
    return item;
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
        if (batch->items[i].kind == TRAY_OBJECTION) {
            application_done(&batch->items[i].objection.application);
        }
    }
    policy_unref(batch->policy);
    batch->policy = NULL;
    batch->n = 0;
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

/* By insertion: items come nearly in order, and are few. */
static void
sort(struct tray_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct tray_item *item = &batch->items[i];
        size_t at = i;

        while (at > 0 && tray_place_compare(&item->place,
                                            &batch->order[at - 1]->place) < 0) {
            batch->order[at] = batch->order[at - 1];
            at--;
        }
        batch->order[at] = item;
    }
}
