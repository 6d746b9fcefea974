/* Events into lists; see sender_form.h.
 *
 * A batch is one RPUSH, which the server carries out or not.  If it is not
 * known which, it is sent again: a list has nothing to tell copies by but the
 * events' ids.  The answer is how long the list is, and so whether anybody
 * takes what is in it.
 *
 * Where a list has a greatest length, either every batch ends with a command
 * that cuts it to that; or no more is sent than there is room for, by what the
 * server said last.  Only when there is none the server is asked, as often as
 * it is tried again after any other refusal. */

#include "capture/error.h"
#include "tools/output/sender_impl.h"
#include "tools/redis/resp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NUMBER_SIZE = 24
};

static bool resume(struct sender *, enum event_kind);
static size_t room(const struct sender *, enum event_kind);
static void begin(struct sender *, struct json *, struct sender_batch *);
static void add(struct sender *, struct json *, const struct redis_event *);
static void end(struct sender *, struct json *, struct sender_batch *);
static size_t least_bytes(const struct sender_batch *);
static bool take(struct sender *, const struct sender_batch *,
                 struct sender_answers *);
static bool look(struct sender *);

static void make_head(struct sender *, const struct sender_batch *,
                      size_t n_events);
static void add_trim(const struct sender *, struct json *, enum event_kind);
static bool take_cut(struct sender *, const struct sender_batch *,
                     const struct sender_answers *);
static struct redis_reply *cut_asked(struct sender *, enum event_kind);
static void count_cut(struct sender *, const struct sender_batch *);
static const char *cut_from(const struct sender *, char text[NUMBER_SIZE]);
static bool look_at(struct sender *, enum event_kind, bool *has_room);
static bool waits(struct sender *, enum event_kind);
static void meet_full(struct sender *, enum event_kind);
static bool ask_length(struct sender *, enum event_kind);
static bool is_cut(const struct sender *);
static bool is_bounded(const struct sender *);
static size_t list_of(const struct sender *, enum event_kind);

const struct sender_form sender_list_form = {.resume = resume,
                                             .room = room,
                                             .begin = begin,
                                             .add = add,
                                             .end = end,
                                             .least_bytes = least_bytes,
                                             .take = take,
                                             .look = look};

static bool
resume(struct sender *sender, enum event_kind kind)
{
    struct sender_lane *lane = &sender->lanes[kind];

    if (is_bounded(sender) && !ask_length(sender, kind)) {
        return false;
    }
    pthread_mutex_lock(&sender->mutex);
    spool_reread(sender->spool, kind);
    pthread_mutex_unlock(&sender->mutex);
    lane->is_in_doubt = false;
    lane->has_holes = false;
    lane->is_resumed = true;
    return true;
}

static size_t
room(const struct sender *sender, enum event_kind kind)
{
    const struct sender_list *list = &sender->lists[list_of(sender, kind)];
    uint64_t most = sender->options.form.max_length;
    uint64_t used = list->length + list->n_in_flight;

    if (!is_bounded(sender) || (used < most && most - used > SIZE_MAX)) {
        return SIZE_MAX;
    }
    return used < most ? (size_t)(most - used) : 0;
}

/* The number of events is part of it: so there is room for the longest. */
static void
begin(struct sender *sender, struct json *commands, struct sender_batch *batch)
{
    make_head(sender, batch, SENDER_BATCH_EVENTS);
    json_raw(commands, sender->head.data, sender->head.size);
    commands->failed |= sender->head.failed;
    batch->head_size = sender->head.size;
}

static void
add(struct sender *sender, struct json *commands,
    const struct redis_event *event)
{
    (void)sender;
    resp_argument(commands, event->line, event->size);
}

/* It is never longer than what was left for it. */
static void
end(struct sender *sender, struct json *commands, struct sender_batch *batch)
{
    struct sender_list *list = &sender->lists[list_of(sender, batch->kind)];
    size_t size;

    make_head(sender, batch, batch->n);
    size = sender->head.size;
    if (sender->head.failed || commands->failed) {
        commands->failed = true;
        return;
    }
    batch->at += batch->head_size - size;
    memcpy(commands->data + batch->at, sender->head.data, size);
    if (is_cut(sender)) {
        add_trim(sender, commands, batch->kind);
    }
    list->n_in_flight += batch->n;
}

static size_t
least_bytes(const struct sender_batch *batch)
{
    (void)batch;
    return 1;
}

static bool
take(struct sender *sender, const struct sender_batch *batch,
     struct sender_answers *answers)
{
    struct sender_list *list = &sender->lists[list_of(sender, batch->kind)];
    struct redis_reply *reply =
        redis_link_receive(sender->link, &sender->error);
    int64_t length;

    if (!reply) {
        return false;
    }
    redis_link_wake_at(sender->link, 1);
    list->n_in_flight -=
        batch->n < list->n_in_flight ? batch->n : list->n_in_flight;
    if (redis_reply_integer(reply, &length) && length > 0) {
        answers->n_stored = batch->n;
        list->length = (uint64_t)length;
    } else if (redis_reply_error(reply)) {
        sender_note_answer(sender, batch->kind, reply, answers);
    } else {
        answers->first = REDIS_TRY_LATER;
        error_set(&sender->error, ERROR_SYSTEM, sender->options.uri.name,
                  "the answer to RPUSH is no length");
    }
    redis_reply_free(reply);
    return !is_cut(sender) || take_cut(sender, batch, answers);
}

/* That a list cannot be cut does not undo that it was added to.  What could not
 * be added has said why; and a list that left in between is cut where it went,
 * with the next batch. */
static bool
take_cut(struct sender *sender, const struct sender_batch *batch,
         const struct sender_answers *answers)
{
    struct redis_reply *reply =
        redis_link_receive(sender->link, &sender->error);
    const char *refused;

    if (reply && answers->n_stored > 0 && answers->is_asked) {
        redis_reply_free(reply);
        reply = cut_asked(sender, batch->kind);
    }
    refused = redis_reply_error(reply);
    if (reply && answers->n_stored > 0 && !refused) {
        count_cut(sender, batch);
    } else if (refused && answers->n_stored > 0 &&
               !redis_place_is_elsewhere(refused)) {
        redis_reply_refuse(reply, sender->link,
                           sender->encoder.keys[batch->kind], &sender->error);
        sender_note(sender);
    }
    redis_reply_free(reply);
    return reply != NULL;
}

/* ASKING was for RPUSH alone: so what was behind it has been refused. */
static struct redis_reply *
cut_asked(struct sender *sender, enum event_kind kind)
{
    char first[NUMBER_SIZE];

    if (!redis_link_do(sender->link, REDIS_WORDS("ASKING"), &sender->error)) {
        return NULL;
    }
    return redis_link_ask(sender->link,
                          REDIS_WORDS("LTRIM", sender->encoder.keys[kind],
                                      cut_from(sender, first), "-1"),
                          &sender->error);
}

static void
count_cut(struct sender *sender, const struct sender_batch *batch)
{
    uint64_t length = sender->lists[list_of(sender, batch->kind)].length;
    uint64_t most = sender->options.form.max_length;

    if (length > most) {
        pthread_mutex_lock(&sender->mutex);
        sender->server.trimmed += length - most;
        pthread_mutex_unlock(&sender->mutex);
    }
}

/* True if there is room in a list that had none. */
static bool
look(struct sender *sender)
{
    bool has_room = false;

    for (unsigned kind = 0; is_bounded(sender) && kind < EVENT_N_KINDS;
         kind++) {
        if (sender_takes(sender, kind) &&
            !look_at(sender, (enum event_kind)kind, &has_room)) {
            return false;
        }
    }
    return has_room;
}

/* False if the link failed. */
static bool
look_at(struct sender *sender, enum event_kind kind, bool *has_room)
{
    const struct sender_lane *lane = &sender->lanes[kind];

    if (!lane->is_resumed || lane->is_held || room(sender, kind) > 0 ||
        !waits(sender, kind)) {
        return true;
    }
    if (!ask_length(sender, kind)) {
        return sender->link != NULL;
    }
    if (room(sender, kind) > 0) {
        *has_room = true;
    } else {
        meet_full(sender, kind);
    }
    return true;
}

static bool
waits(struct sender *sender, enum event_kind kind)
{
    struct spool_stat stat;

    pthread_mutex_lock(&sender->mutex);
    spool_get_stat(sender->spool, &stat);
    pthread_mutex_unlock(&sender->mutex);
    return stat.kind[kind].pending > 0;
}

static void
meet_full(struct sender *sender, enum event_kind kind)
{
    const struct sender_list *list = &sender->lists[list_of(sender, kind)];

    error_set(&sender->error, ERROR_SYSTEM, sender->options.uri.name,
              "%.100s: the list is full, with %" PRIu64 " events",
              sender->encoder.keys[kind], list->length);
    if (sender->options.form.when_full == OUTPUT_FULL_DROP_NEW) {
        sender_note(sender);
        sender_discard(sender, kind);
    } else {
        sender_hold(sender, kind, REDIS_TRY_LATER);
    }
}

/* False if the kind is held, or the link failed. */
static bool
ask_length(struct sender *sender, enum event_kind kind)
{
    struct sender_list *list = &sender->lists[list_of(sender, kind)];
    struct sender_answers answers = {.first = REDIS_STORED};
    struct redis_reply *reply = redis_place_ask(
        &sender->place, sender->link,
        REDIS_WORDS("LLEN", sender->encoder.keys[kind]), &sender->error);
    int64_t length = 0;
    bool is_told = redis_reply_integer(reply, &length) && length >= 0;

    if (is_told) {
        *list = (struct sender_list){.length = (uint64_t)length};
    } else if (redis_reply_error(reply)) {
        sender_note_answer(sender, kind, reply, &answers);
    }
    if (!reply || sender->is_stale) {
        sender_lose_link(sender);
    } else if (!is_told) {
        sender_hold(sender, kind, answers.first);
    }
    redis_reply_free(reply);
    return is_told;
}

/* Of a batch with so many events. */
static void
make_head(struct sender *sender, const struct sender_batch *batch,
          size_t n_events)
{
    struct json *head = &sender->head;

    json_reset(head, false);
    resp_command(head, 2 + n_events);
    resp_string(head, "RPUSH");
    resp_string(head, sender->encoder.keys[batch->kind]);
}

static void
add_trim(const struct sender *sender, struct json *commands,
         enum event_kind kind)
{
    char first[NUMBER_SIZE];

    resp_words(commands, REDIS_WORDS("LTRIM", sender->encoder.keys[kind],
                                     cut_from(sender, first), "-1"));
}

/* The first event that stays, counted from the last. */
static const char *
cut_from(const struct sender *sender, char text[NUMBER_SIZE])
{
    snprintf(text, NUMBER_SIZE, "-%" PRIu64, sender->options.form.max_length);
    return text;
}

static bool
is_cut(const struct sender *sender)
{
    const struct output_redis *form = &sender->options.form;

    return form->max_length > 0 && form->when_full == OUTPUT_FULL_DROP_OLDEST;
}

static bool
is_bounded(const struct sender *sender)
{
    return sender->options.form.max_length > 0 && !is_cut(sender);
}

/* Kinds with one key have one list: that of the first. */
static size_t
list_of(const struct sender *sender, enum event_kind kind)
{
    size_t first = 0;

    while (strcmp(sender->encoder.keys[first], sender->encoder.keys[kind]) !=
           0) {
        first++;
    }
    return first;
}
