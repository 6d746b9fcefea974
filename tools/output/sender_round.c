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

static const char begin[] = "*1\r\n$5\r\nMULTI\r\n";

enum {
    BEGUN_BYTES = sizeof "+OK\r\n" - 1,
    QUEUED_BYTES = sizeof "+QUEUED\r\n" - 1
};

enum {
    ASK_SIZE = 320 /* "ASK", a slot, a host and a port. */
};

/* How one was answered. */
struct answers {
    enum redis_answer first; /* That is not REDIS_STORED. */
    size_t n_stored;         /* Before that. */
    bool has_holes;          /* Something was stored behind that. */
    char ask[ASK_SIZE];      /* Where the stream is on its way to; or "". */
};

static void make_round(struct sender *, struct sender_round *);
static void pass_untaken(struct sender *, enum event_kind);
static void make_batch(struct sender *, struct sender_round *, enum event_kind);
static void add(struct sender *, struct sender_round *, struct sender_batch *,
                const struct spool_record *);
static void end_batch(struct sender_round *, struct sender_batch *);
static bool send_round(struct sender *, const struct sender_round *);
static size_t least_bytes(const struct sender_batch *);
static bool take_round(struct sender *, const struct sender_round *,
                       struct sender_round *next);
static bool take_batch(struct sender *, const struct sender_batch *,
                       struct answers *);
static bool follow(struct sender *, const struct sender_round *,
                   const struct sender_batch *, struct answers *);
static bool take_one(struct sender *, enum event_kind, struct answers *);
static bool take_queued(struct sender *, const struct sender_batch *,
                        struct answers *);
static void take_results(struct sender *, const struct sender_batch *,
                         const struct redis_reply *, struct answers *);
static void take_result(struct sender *, enum event_kind,
                        const struct redis_reply *, struct answers *);
static void note(struct sender *, enum event_kind, const struct redis_reply *,
                 struct answers *);
static void settle(struct sender *, const struct sender_batch *,
                   const struct answers *, struct sender_round *next);
static void acknowledge(struct sender *, const struct sender_batch *, size_t n);
static void read_again(struct sender *, enum event_kind);

void
sender_deliver(struct sender *sender)
{
    struct sender_round *now = &sender->rounds[0], *next = &sender->rounds[1];

    make_round(sender, now);
    while (now->n_batches > 0) {
        struct sender_round *after = now;

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
    struct sender_batch *batch = &round->batches[round->n_batches];
    struct json *commands = &round->commands;
    struct spool_record record;

    batch->kind = kind;
    batch->is_void = false;
    batch->n = 0;
    batch->at = commands->size;
    json_raw(commands, begin, sizeof begin - 1);
    while (batch->n < sender->batch_events &&
           commands->size < SENDER_ROUND_BYTES &&
           spool_read(sender->spool, kind, &record)) {
        add(sender, round, batch, &record);
    }
    if (batch->n > 0 && !commands->failed) {
        end_batch(round, batch);
        round->n_batches++;
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
        redis_encoder_add(&sender->encoder, &round->commands, &event);
    }
}

/* One command is a transaction by itself. */
static void
end_batch(struct sender_round *round, struct sender_batch *batch)
{
    struct json *commands = &round->commands;
    char *start = commands->data + batch->at;

    if (batch->n == 1) {
        commands->size -= sizeof begin - 1;
        memmove(start, start + sizeof begin - 1, commands->size - batch->at);
    } else {
        resp_words(commands, REDIS_WORDS("EXEC"));
    }
    batch->size = commands->size - batch->at;
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
        reply_bytes += least_bytes(batch);
    }
    redis_link_wake_at(sender->link, reply_bytes);
    return true;
}

/* Of the answers to it: no error is shorter than that a command is queued. */
static size_t
least_bytes(const struct sender_batch *batch)
{
    return batch->n == 1 ? 1 : BEGUN_BYTES + batch->n * QUEUED_BYTES;
}

static bool
take_round(struct sender *sender, const struct sender_round *round,
           struct sender_round *next)
{
    for (size_t i = 0; i < round->n_batches; i++) {
        const struct sender_batch *batch = &round->batches[i];
        struct answers answers = {.first = REDIS_STORED};

        if (batch->is_void) {
            continue;
        }
        if (!take_batch(sender, batch, &answers) ||
            (answers.ask[0] && !follow(sender, round, batch, &answers))) {
            return false;
        }
        settle(sender, batch, &answers, next);
    }
    redis_link_wake_at(sender->link, 1);
    return true;
}

static bool
take_batch(struct sender *sender, const struct sender_batch *batch,
           struct answers *answers)
{
    struct redis_reply *reply;

    if (batch->n == 1) {
        return take_one(sender, batch->kind, answers);
    }
    if (!take_queued(sender, batch, answers)) {
        return false;
    }
    reply = redis_link_receive(sender->link, &sender->error);
    if (!reply) {
        return false;
    }
    take_results(sender, batch, reply, answers);
    redis_reply_free(reply);
    return true;
}

/* Of a cluster whose slot moves the stream may be on the next node already.
 * Only those go there who were sent: so each batch asks again. */
static bool
follow(struct sender *sender, const struct sender_round *round,
       const struct sender_batch *batch, struct answers *answers)
{
    struct redis_link *home = sender->link;
    struct redis_link *next =
        redis_place_follow(&sender->place, answers->ask, &sender->error);
    bool good;

    if (!next) {
        return true; /* It is tried again later, from here. */
    }
    *answers = (struct answers){.first = REDIS_STORED};
    sender->link = next;
    good = redis_link_send(next, round->commands.data + batch->at, batch->size,
                           &sender->error) &&
           take_batch(sender, batch, answers);
    sender->link = home;
    return good;
}

static bool
take_one(struct sender *sender, enum event_kind kind, struct answers *answers)
{
    struct redis_reply *reply =
        redis_link_receive(sender->link, &sender->error);

    if (reply) {
        redis_link_wake_at(sender->link, 1);
        take_result(sender, kind, reply, answers);
    }
    redis_reply_free(reply);
    return reply != NULL;
}

/* "OK", and then "QUEUED" to each command.  One of them that is an error makes
 * the server store none: the first says why. */
static bool
take_queued(struct sender *sender, const struct sender_batch *batch,
            struct answers *answers)
{
    for (size_t i = 0; i < batch->n + 1; i++) {
        struct redis_reply *reply =
            redis_link_receive(sender->link, &sender->error);

        if (!reply) {
            return false;
        }
        if (i == 0) {
            redis_link_wake_at(sender->link, 1);
        }
        if (redis_reply_error(reply)) {
            note(sender, batch->kind, reply, answers);
        } else if (i > 0 && !redis_reply_is(reply, "QUEUED")) {
            answers->has_holes = true; /* There was no transaction. */
        }
        redis_reply_free(reply);
    }
    return true;
}

static void
take_results(struct sender *sender, const struct sender_batch *batch,
             const struct redis_reply *reply, struct answers *answers)
{
    if (redis_reply_error(reply)) {
        note(sender, batch->kind, reply, answers);
        return;
    }
    if (redis_reply_n(reply) != batch->n) {
        answers->first = REDIS_TRY_LATER;
        answers->has_holes = true;
        return;
    }
    for (size_t i = 0; i < batch->n; i++) {
        take_result(sender, batch->kind, redis_reply_at(reply, i), answers);
    }
}

/* The answer to what stores one event. */
static void
take_result(struct sender *sender, enum event_kind kind,
            const struct redis_reply *reply, struct answers *answers)
{
    if (redis_reply_error(reply)) {
        note(sender, kind, reply, answers);
    } else if (answers->first == REDIS_STORED) {
        answers->n_stored++;
    } else {
        answers->has_holes = true;
    }
}

/* The first error says what is wrong. */
static void
note(struct sender *sender, enum event_kind kind,
     const struct redis_reply *reply, struct answers *answers)
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

static void
settle(struct sender *sender, const struct sender_batch *batch,
       const struct answers *answers, struct sender_round *next)
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
    lane->is_resumed &= answers->first != REDIS_NOT_ABOVE;
    if (answers->first != REDIS_NOT_ABOVE) { /* Else it is asked at once. */
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
