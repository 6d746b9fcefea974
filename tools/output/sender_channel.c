/* Events into channels; see sender_form.h.
 *
 * Who is not there misses them, so nothing is ever sent again: what was sent to
 * a connection that failed counts as dropped, whatever became of it. */

#include "tools/output/sender_impl.h"
#include "tools/redis/resp.h"

static bool resume(struct sender *, enum event_kind);
static void add(struct sender *, struct json *, const struct redis_event *);
static void end(struct sender *, struct json *, struct sender_batch *);
static size_t least_bytes(const struct sender_batch *);
static bool take(struct sender *, const struct sender_batch *,
                 struct sender_answers *);
static void count(struct sender *, uint64_t receivers, uint64_t unheard);

enum {
    LEAST_ANSWER = 4, /* ":0\r\n" */
    PUBLISH_ARGUMENTS = 3
};

const struct sender_form sender_channel_form = {.is_lossy = true,
                                                .resume = resume,
                                                .add = add,
                                                .end = end,
                                                .least_bytes = least_bytes,
                                                .take = take};

static bool
resume(struct sender *sender, enum event_kind kind)
{
    sender->lanes[kind].is_in_doubt = false;
    sender->lanes[kind].has_holes = false;
    sender->lanes[kind].is_resumed = true;
    return true;
}

static void
add(struct sender *sender, struct json *commands,
    const struct redis_event *event)
{
    resp_command(commands, PUBLISH_ARGUMENTS);
    resp_string(commands, "PUBLISH");
    resp_string(commands, sender->encoder.keys[event->kind]);
    resp_argument(commands, event->line, event->size);
}

static void
end(struct sender *sender, struct json *commands, struct sender_batch *batch)
{
    (void)sender;
    (void)commands;
    (void)batch;
}

static size_t
least_bytes(const struct sender_batch *batch)
{
    return batch->n * LEAST_ANSWER;
}

static bool
take(struct sender *sender, const struct sender_batch *batch,
     struct sender_answers *answers)
{
    uint64_t receivers = 0, unheard = 0;

    for (size_t i = 0; i < batch->n; i++) {
        struct redis_reply *reply =
            redis_link_receive(sender->link, &sender->error);
        int64_t number = 0;

        if (!reply) {
            return false;
        }
        if (i == 0) {
            redis_link_wake_at(sender->link, 1);
        }
        if (redis_reply_error(reply)) {
            sender_note_answer(sender, batch->kind, reply, answers);
        } else if (answers->first == REDIS_STORED) {
            answers->n_stored++;
            redis_reply_integer(reply, &number);
            receivers = number > 0 ? (uint64_t)number : 0;
            unheard += number <= 0;
        }
        redis_reply_free(reply);
    }
    count(sender, receivers, unheard);
    return true;
}

static void
count(struct sender *sender, uint64_t receivers, uint64_t unheard)
{
    pthread_mutex_lock(&sender->mutex);
    sender->server.receivers = receivers;
    sender->server.unheard += unheard;
    pthread_mutex_unlock(&sender->mutex);
}
