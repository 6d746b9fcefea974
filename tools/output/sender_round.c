/* Rounds of batches; see sender.h.
 *
 * While the server works at a round, the next one is made.  If a batch is not
 * stored, the next one of its kind must not be sent: it is void, and both are
 * read again. */

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/sender_impl.h"
#include "tools/redis/resp.h"

#include <stdio.h>
#include <string.h>

/* Those that count most first. */
static const enum event_kind ranks[EVENT_N_KINDS] = {EVENT_VIOLATION,
                                                     EVENT_STATUS, EVENT_FLOW};

static void deliver_rounds(struct sender *);
static void make_round(struct sender *, struct sender_round *);
static void pass_untaken(struct sender *, enum event_kind);
static void make_batch(struct sender *, struct sender_round *, enum event_kind);
static void add(struct sender *, struct sender_round *, struct sender_batch *,
                const struct spool_record *);
static bool send_round(struct sender *, const struct sender_round *);
static bool take_round(struct sender *, const struct sender_round *,
                       struct sender_round *next);
static bool follow(struct sender *, const struct sender_round *,
                   const struct sender_batch *, struct sender_answers *);
static void settle(struct sender *, const struct sender_batch *,
                   const struct sender_answers *, struct sender_round *next);
static void acknowledge(struct sender *, const struct sender_batch *, size_t n);
static void read_again(struct sender *, enum event_kind);

void
sender_deliver(struct sender *sender)
{
    const struct sender_form *form = sender->form;

    do {
        deliver_rounds(sender);
    } while (sender->link && form->look && form->look(sender));
}

/* Until there are no more. */
static void
deliver_rounds(struct sender *sender)
{
    struct sender_round *now = &sender->rounds[0], *next = &sender->rounds[1];

    make_round(sender, now);
    while (now->n_batches > 0) {
        struct sender_round *after = now;

        counter_add(&sender->turns, 1);
        if (!send_round(sender, now)) {
            sender_lose_link(sender);
            return;
        }
        make_round(sender, next);
        if (!take_round(sender, now, next) || sender->is_stale) {
            sender_lose_link(sender);
            return;
        }
        now = next;
        next = after;
    }
}

static void
make_round(struct sender *sender, struct sender_round *round)
{
    json_reset(&round->commands, false);
    round->n_batches = 0;
    if (atomic_load(&sender->stop) || atomic_load(&sender->has_given_up)) {
        return;
    }
    pthread_mutex_lock(&sender->mutex);
    for (unsigned rank = 0; rank < EVENT_N_KINDS; rank++) {
        const struct sender_lane *lane = &sender->lanes[ranks[rank]];

        if (!sender_takes(sender, ranks[rank])) {
            pass_untaken(sender, ranks[rank]);
        } else if (lane->is_resumed && !lane->is_held) {
            make_batch(sender, round, ranks[rank]);
        }
    }
    pthread_mutex_unlock(&sender->mutex);
}

/* Gaps, where nobody wants status events. */
static void
pass_untaken(struct sender *sender, enum event_kind kind)
{
    struct spool_record record;

    while (spool_read(sender->spool, kind, &record)) {
        spool_ack(sender->spool, kind, record.id);
        sender->is_dirty = true;
    }
}

static void
make_batch(struct sender *sender, struct sender_round *round,
           enum event_kind kind)
{
    const struct sender_form *form = sender->form;
    struct sender_batch *batch = &round->batches[round->n_batches];
    struct json *commands = &round->commands;
    size_t room = form->room ? form->room(sender, kind) : SENDER_BATCH_EVENTS;
    struct spool_record record;

    batch->kind = kind;
    batch->is_void = false;
    batch->n = 0;
    batch->at = commands->size;
    if (form->begin) {
        form->begin(sender, commands, batch);
    }
    while (batch->n < room && batch->n < sender->batch_events &&
           commands->size < SENDER_ROUND_BYTES &&
           spool_read(sender->spool, kind, &record)) {
        add(sender, round, batch, &record);
    }
    if (batch->n > 0 && !commands->failed) {
        form->end(sender, commands, batch);
        batch->size = commands->size - batch->at;
        round->n_batches += !commands->failed;
        sender->oldest[kind] = batch->ids[0];
    } else {
        commands->size = batch->at;
    }
    if (commands->failed) { /* Memory is out. */
        commands->failed = false;
        spool_reread(sender->spool, kind);
    }
}

static void
add(struct sender *sender, struct sender_round *round,
    struct sender_batch *batch, const struct spool_record *record)
{
    struct redis_event event = {.kind = record->kind,
                                .id = record->id,
                                .serial = record->serial,
                                .line = record->bytes,
                                .size = record->size};

    if (record->type == SPOOL_GAP) {
        round->commands.failed |= !sender_encode_gap(sender, record);
        event.line = sender->gap_line.data;
        event.size = sender->gap_line.size;
    }
    batch->ids[batch->n++] = record->id;
    if (!round->commands.failed) {
        sender->form->add(sender, &round->commands, &event);
    }
}

static bool
send_round(struct sender *sender, const struct sender_round *round)
{
    size_t reply_bytes = 0;

    for (size_t i = 0; i < round->n_batches; i++) {
        const struct sender_batch *batch = &round->batches[i];

        if (batch->is_void) {
            continue;
        }
        sender->lanes[batch->kind].is_in_doubt = true;
        if (!redis_link_send(sender->link, round->commands.data + batch->at,
                             batch->size, &sender->error)) {
            return false;
        }
        reply_bytes += sender->form->least_bytes(batch);
    }
    redis_link_wake_at(sender->link, reply_bytes);
    return true;
}

static bool
take_round(struct sender *sender, const struct sender_round *round,
           struct sender_round *next)
{
    for (size_t i = 0; i < round->n_batches; i++) {
        const struct sender_batch *batch = &round->batches[i];
        struct sender_answers answers = {.first = REDIS_STORED};

        if (batch->is_void) {
            continue;
        }
        if (!sender->form->take(sender, batch, &answers) ||
            (answers.ask[0] && !follow(sender, round, batch, &answers))) {
            return false;
        }
        settle(sender, batch, &answers, next);
    }
    redis_link_wake_at(sender->link, 1);
    return true;
}

/* Of a cluster whose slot moves the stream may be on the next node already.
 * Only those go there who were sent: so each batch asks again. */
static bool
follow(struct sender *sender, const struct sender_round *round,
       const struct sender_batch *batch, struct sender_answers *answers)
{
    struct redis_link *home = sender->link;
    struct redis_link *next =
        redis_place_follow(&sender->place, answers->ask, &sender->error);
    bool good;

    if (!next) {
        return true; /* It is tried again later, from here. */
    }
    *answers = (struct sender_answers){.first = REDIS_STORED, .is_asked = true};
    sender->link = next;
    good = redis_link_send(next, round->commands.data + batch->at, batch->size,
                           &sender->error) &&
           sender->form->take(sender, batch, answers);
    sender->link = home;
    return good;
}

void
sender_note_answer(struct sender *sender, enum event_kind kind,
                   const struct redis_reply *reply,
                   struct sender_answers *answers)
{
    const char *text = redis_reply_error(reply);

    if (answers->first == REDIS_STORED) {
        answers->first = sender_judge(sender, text);
        if (redis_place_is_ask(text)) {
            snprintf(answers->ask, sizeof answers->ask, "%s", text);
        }
        redis_reply_refuse(reply, sender->link, sender->encoder.keys[kind],
                           &sender->error);
    }
}

/* In pieces: who puts events must not wait for long. */
void
sender_discard(struct sender *sender, enum event_kind kind)
{
    size_t n;

    do {
        struct spool_record record;
        struct redis_id last = {0, 0};

        n = 0;
        pthread_mutex_lock(&sender->mutex);
        while (spool_read(sender->spool, kind, &record)) {
            last = record.id;
            n++;
        }
        if (n > 0) {
            spool_ack(sender->spool, kind, last);
            sender->n_discarded[kind] += n;
            sender->is_dirty = true;
            sender->oldest[kind] = (struct redis_id){0, 0};
            sender->progress_ns = system_clock_mono().ns;
            sender_publish(sender);
        }
        pthread_mutex_unlock(&sender->mutex);
    } while (n > 0);
    if (atomic_load(&sender->is_waited_for)) {
        doorbell_ring(&sender->room);
    }
}

static void
settle(struct sender *sender, const struct sender_batch *batch,
       const struct sender_answers *answers, struct sender_round *next)
{
    struct sender_lane *lane = &sender->lanes[batch->kind];

    if (answers->n_stored > 0) {
        acknowledge(sender, batch, answers->n_stored);
    }
    if (answers->first == REDIS_STORED) {
        return;
    }
    for (size_t i = 0; i < next->n_batches; i++) {
        next->batches[i].is_void |= next->batches[i].kind == batch->kind;
    }
    lane->has_holes |= answers->has_holes;
    /* It may have come by a connection that was given up. */
    lane->is_in_doubt = answers->has_holes || answers->first == REDIS_NOT_ABOVE;
    if (answers->first == REDIS_NOT_ABOVE || answers->first == REDIS_GONE) {
        lane->is_resumed = false; /* It is asked at once. */
    } else {
        sender_hold(sender, batch->kind, answers->first);
    }
    read_again(sender, batch->kind);
}

static void
acknowledge(struct sender *sender, const struct sender_batch *batch, size_t n)
{
    struct sender_lane *lane = &sender->lanes[batch->kind];
    bool ring;

    sender_set_up(sender, sender_works(sender));
    pthread_mutex_lock(&sender->mutex);
    spool_ack(sender->spool, batch->kind, batch->ids[n - 1]);
    sender->is_dirty = true;
    sender->oldest[batch->kind] = (struct redis_id){0, 0};
    sender->progress_ns = system_clock_mono().ns;
    sender_publish(sender);
    ring = atomic_load(&sender->is_waited_for) && spool_has_room(sender->spool);
    pthread_mutex_unlock(&sender->mutex);
    lane->back_off_ns = 0;
    sender->back_off_ns = 0;
    sender->has_progress = true;
    if (ring) {
        doorbell_ring(&sender->room);
    }
}

static void
read_again(struct sender *sender, enum event_kind kind)
{
    pthread_mutex_lock(&sender->mutex);
    spool_reread(sender->spool, kind);
    pthread_mutex_unlock(&sender->mutex);
}
