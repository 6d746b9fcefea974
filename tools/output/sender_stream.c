/* Events into streams; see sender_form.h.
 *
 * A stream that is known to exist is not made by what is sent (NOMKSTREAM): so
 * the first event for one that somebody deleted, or that the server evicted, is
 * not stored, and it is asked where the stream ends now, before anything comes
 * behind what is missing.
 *
 * A batch is one transaction, because ids are fixed: had one event been refused
 * and a later one stored, it would come too late.  For the same reason it is
 * known beforehand what a server says that stored all of it, byte for byte: so
 * that is compared, and only something else is read answer by answer. */

#include "tools/output/sender_impl.h"
#include "tools/redis/resp.h"

#include <string.h>

/* Servers before Redis 6.2 take NOMKSTREAM for an id. */
static const char no_id[] = "ERR Invalid stream ID";

static const char multi[] = "*1\r\n$5\r\nMULTI\r\n";
static const char begun[] = "+OK\r\n";
static const char queued[] = "+QUEUED\r\n";

enum {
    BEGUN_BYTES = sizeof begun - 1,
    QUEUED_BYTES = sizeof queued - 1,
    DONE_BYTES = sizeof "*2\r\n" - 1 /* At least. */
};

static_assert(BEGUN_BYTES + DONE_BYTES + JSON_MAX_NUMBER +
                      SENDER_BATCH_EVENTS * (QUEUED_BYTES + REDIS_ID_SIZE +
                                             (int)sizeof "$41\r\n\r\n") <
                  SENDER_ANSWER_BYTES,
              "there is room for any good answer");

static void begin(struct sender *, struct json *, struct sender_batch *);
static void add(struct sender *, struct json *, const struct redis_event *);
static void end(struct sender *, struct json *, struct sender_batch *);
static size_t least_bytes(const struct sender_batch *);
static bool take(struct sender *, const struct sender_batch *,
                 struct sender_answers *);
static bool is_stored(struct sender *, const struct sender_batch *);
static bool take_one(struct sender *, enum event_kind, struct sender_answers *);
static bool take_queued(struct sender *, const struct sender_batch *,
                        struct sender_answers *);
static void take_results(struct sender *, const struct sender_batch *,
                         const struct redis_reply *, struct sender_answers *);
static void take_result(struct sender *, enum event_kind,
                        const struct redis_reply *, struct sender_answers *);
static void note_gone(struct sender_answers *);

const struct sender_form sender_stream_form = {.has_state = true,
                                               .transacts = true,
                                               .resume = sender_resume,
                                               .begin = begin,
                                               .add = add,
                                               .end = end,
                                               .least_bytes = least_bytes,
                                               .take = take};

static void
begin(struct sender *sender, struct json *commands, struct sender_batch *batch)
{
    (void)sender;
    (void)batch;
    json_raw(commands, multi, sizeof multi - 1);
}

static void
add(struct sender *sender, struct json *commands,
    const struct redis_event *event)
{
    struct redis_event known = *event;

    known.must_exist =
        sender->lanes[event->kind].is_there && !sender->makes_always;
    redis_encoder_add(&sender->encoder, commands, &known);
}

/* One command is a transaction by itself. */
static void
end(struct sender *sender, struct json *commands, struct sender_batch *batch)
{
    (void)sender;
    if (batch->n == 1) {
        batch->at += sizeof multi - 1;
    } else {
        resp_words(commands, REDIS_WORDS("EXEC"));
    }
}

/* No error is shorter than that a command is queued, or that some are done. */
static size_t
least_bytes(const struct sender_batch *batch)
{
    return batch->n == 1 ? 1
                         : BEGUN_BYTES + batch->n * QUEUED_BYTES + DONE_BYTES;
}

static bool
take(struct sender *sender, const struct sender_batch *batch,
     struct sender_answers *answers)
{
    struct redis_reply *reply;

    if (is_stored(sender, batch)) {
        answers->n_stored = batch->n;
        sender->lanes[batch->kind].is_there = true;
        return true;
    }
    if (!redis_link_ok(sender->link)) {
        return false;
    }
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

static bool
is_stored(struct sender *sender, const struct sender_batch *batch)
{
    struct json *answer = &sender->answer;
    char id[REDIS_ID_SIZE];

    json_reset(answer, false);
    if (batch->n > 1) {
        json_raw(answer, begun, BEGUN_BYTES);
        for (size_t i = 0; i < batch->n; i++) {
            json_raw(answer, queued, QUEUED_BYTES);
        }
        resp_command(answer, batch->n); /* A list looks the same. */
    }
    for (size_t i = 0; i < batch->n; i++) {
        resp_argument(answer, id, redis_id_put(batch->ids[i], id));
    }
    return !answer->failed &&
           redis_link_receive_as(sender->link, answer->data, answer->size,
                                 &sender->error);
}

static bool
take_one(struct sender *sender, enum event_kind kind,
         struct sender_answers *answers)
{
    struct redis_reply *reply =
        redis_link_receive(sender->link, &sender->error);

    if (reply) {
        take_result(sender, kind, reply, answers);
    }
    redis_reply_free(reply);
    return reply != NULL;
}

/* "OK", and then "QUEUED" to each command.  One of them that is an error makes
 * the server store none: the first says why. */
static bool
take_queued(struct sender *sender, const struct sender_batch *batch,
            struct sender_answers *answers)
{
    for (size_t i = 0; i < batch->n + 1; i++) {
        struct redis_reply *reply =
            redis_link_receive(sender->link, &sender->error);

        if (!reply) {
            return false;
        }
        if (redis_reply_error(reply)) {
            sender_note_answer(sender, batch->kind, reply, answers);
        } else if (i > 0 && !redis_reply_is(reply, "QUEUED")) {
            answers->has_holes = true; /* There was no transaction. */
        }
        redis_reply_free(reply);
    }
    return true;
}

static void
take_results(struct sender *sender, const struct sender_batch *batch,
             const struct redis_reply *reply, struct sender_answers *answers)
{
    if (redis_reply_error(reply)) {
        sender_note_answer(sender, batch->kind, reply, answers);
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
            const struct redis_reply *reply, struct sender_answers *answers)
{
    struct sender_lane *lane = &sender->lanes[kind];
    const char *refused = redis_reply_error(reply);

    if (refused && lane->is_there &&
        strncmp(refused, no_id, sizeof no_id - 1) == 0) {
        sender->makes_always = true;
        note_gone(answers); /* So it is sent again at once. */
    } else if (refused) {
        sender_note_answer(sender, kind, reply, answers);
    } else if (!redis_reply_text(reply, NULL)) {
        note_gone(answers);
    } else if (answers->first == REDIS_STORED) {
        answers->n_stored++;
        lane->is_there = true;
    } else {
        answers->has_holes = true;
    }
}

static void
note_gone(struct sender_answers *answers)
{
    if (answers->first == REDIS_STORED) {
        answers->first = REDIS_GONE;
    }
}
