/* When the sender connects, sends and waits; see sender.h. */

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/sender_impl.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_password.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Between tries to reach a server, twice as long each time: no server that is
 * back waits longer than the last. */
#define FIRST_BACK_OFF_NS (100 * MILLISECOND_NS)
#define LAST_BACK_OFF_NS  SECOND_NS

#define REFUSED_NS (5 * SECOND_NS)
#define DENIED_NS  (30 * SECOND_NS)
#define IDLE_NS    (10 * SECOND_NS)
#define RESUME_NS  (10 * SECOND_NS)

enum {
    EPOCH_SIZE = 9
};

static void leave_if_replaced(struct sender *);
static void doubt_streams(struct sender *);
static bool open_link(struct sender *);
static const char *any_key(const struct sender *);
static bool find_rights(struct sender *);
static void resume_due(struct sender *);
static void send_state(struct sender *);
static bool exchange_state(struct sender *);
static bool is_refused(const struct redis_reply *reply);
static bool is_resumed(const struct sender *);
static void drop_unsendable(struct sender *);
static void look_for_oldest(struct sender *);
static int64_t time_to_wait(const struct sender *);
static int64_t delay_for(struct sender *, enum redis_answer, int64_t *back_off);

void *
sender_run(void *context)
{
    struct sender *sender = context;

    while (!atomic_load(&sender->stop)) {
        counter_add(&sender->turns, 1);
        if (!sender->link && system_clock_mono().ns >= sender->next_try_ns) {
            open_link(sender);
        }
        leave_if_replaced(sender);
        doubt_streams(sender);
        if (sender->link) {
            resume_due(sender);
        }
        if (sender->link && is_resumed(sender)) {
            send_state(sender);
        }
        if (sender->link) {
            sender_deliver(sender);
        }
        if (sender->link) {
            sender_look_at_server(sender);
        }
        if (sender->form->is_lossy) {
            drop_unsendable(sender);
        }
        look_for_oldest(sender);
        if (sender->link || sender->next_try_ns > 0) {
            sender_set_up(sender, sender_works(sender));
            doorbell_wait(&sender->work, time_to_wait(sender));
        }
    }
    if (sender->link) { /* The last one, which tells that this is the end. */
        send_state(sender);
    }
    return NULL;
}

/* The server may not know yet that another one is the master. */
static void
leave_if_replaced(struct sender *sender)
{
    if (sender->link && redis_place_is_stale(&sender->place)) {
        sender->is_stale = true;
        sender_lose_link(sender);
    }
}

/* What is deleted of a kind that has no events now would be noticed by the next
 * one, when what could be sent again is not kept any more. */
static void
doubt_streams(struct sender *sender)
{
    int64_t now_ns = system_clock_mono().ns;

    if (now_ns < sender->resume_ns) {
        return;
    }
    sender->resume_ns = now_ns + RESUME_NS;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        sender->lanes[kind].is_resumed &= !sender->lanes[kind].is_there;
    }
}

bool
sender_connect(struct sender *sender)
{
    if (!open_link(sender)) {
        return false;
    }
    resume_due(sender);
    return sender_works(sender);
}

/* The next connection is made at once, unless somebody says when. */
void
sender_disconnect(struct sender *sender)
{
    redis_link_close(sender->link);
    sender->link = NULL;
    sender->next_try_ns = 0;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        sender->lanes[kind].is_resumed = false;
        sender->lanes[kind].is_held = false;
    }
}

/* At once if it worked so far: servers are restarted. */
void
sender_lose_link(struct sender *sender)
{
    sender_disconnect(sender);
    sender_count_error(sender, sender->is_stale ? EVENT_SERVER_MOVED
                                                : EVENT_SERVER_CONNECTION);
    pthread_mutex_lock(&sender->mutex);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        spool_reread(sender->spool, (enum event_kind)kind);
    }
    pthread_mutex_unlock(&sender->mutex);
    if (!sender->has_progress || sender->is_stale) {
        sender->next_try_ns =
            system_clock_mono().ns +
            delay_for(sender, REDIS_TRY_LATER, &sender->back_off_ns);
    }
    sender->has_progress = false;
    sender->is_stale = false;
}

enum redis_answer
sender_judge(struct sender *sender, const char *error_text)
{
    enum redis_answer answer = redis_answer_of(error_text);

    if (redis_place_refused(&sender->place, error_text)) {
        answer = REDIS_MOVED;
    }
    sender->is_stale |= answer == REDIS_MOVED;
    if (answer != REDIS_MOVED && answer != REDIS_NOT_ABOVE) {
        sender_count_error(sender, sender_error_of(answer));
    }
    return answer;
}

void
sender_hold(struct sender *sender, enum event_kind kind,
            enum redis_answer answer)
{
    struct sender_lane *lane = &sender->lanes[kind];

    lane->is_held = true;
    lane->hold_ns =
        system_clock_mono().ns + delay_for(sender, answer, &lane->back_off_ns);
}

static bool
open_link(struct sender *sender)
{
    struct sender_options *options = &sender->options;
    enum redis_answer answer;

    if ((!options->password_file ||
         redis_password_read(&options->uri, options->password_file,
                             &sender->error)) &&
        (sender->link = redis_place_open(&sender->place, any_key(sender),
                                         &sender->error)) &&
        find_rights(sender) && sender_register(sender)) {
        sender_count_connection(sender);
        return true;
    }
    sender_disconnect(sender);
    answer = redis_answer_in(sender->error.message);
    sender_count_error(sender, answer == REDIS_TRY_LATER
                                   ? EVENT_SERVER_CONNECTION
                                   : sender_error_of(answer));
    sender->next_try_ns = system_clock_mono().ns +
                          delay_for(sender, answer, &sender->back_off_ns);
    return false;
}

/* All of an output's are on one node. */
static const char *
any_key(const struct sender *sender)
{
    unsigned kind = 0;

    while (kind + 1 < EVENT_N_KINDS && !sender_takes(sender, kind)) {
        kind++;
    }
    return sender->encoder.keys[kind];
}

/* Who may not sends one event at a time, which is slow, and as safe.  False if
 * the connection failed, or the server lets nobody do anything. */
static bool
find_rights(struct sender *sender)
{
    sender->batch_events = SENDER_BATCH_EVENTS;
    if (!sender->form->transacts ||
        (redis_link_do(sender->link, REDIS_WORDS("MULTI"), &sender->error) &&
         redis_link_do(sender->link, REDIS_WORDS("EXEC"), &sender->error))) {
        return true;
    }
    sender->batch_events = 1;
    return redis_link_ok(sender->link) &&
           strstr(sender->error.message, "NOPERM ") != NULL;
}

bool
sender_register(struct sender *sender)
{
    const struct event_source *source = sender->options.source;
    char epoch[EPOCH_SIZE];
    struct error error;
    struct redis_reply *reply;

    if (!sender->form->has_state) {
        return true;
    }
    snprintf(epoch, sizeof epoch, "%08" PRIx32, source->epoch);
    reply = redis_place_ask(
        &sender->place, sender->link,
        REDIS_WORDS("HSET", REDIS_SENSORS_KEY, source->sensor, epoch), &error);
    redis_reply_free(reply);
    if (!reply && !redis_link_ok(sender->link)) {
        sender->error = error;
        return false;
    }
    return true;
}

/* Kinds that nobody puts have no stream to ask for. */
static void
resume_due(struct sender *sender)
{
    int64_t now_ns = system_clock_mono().ns;

    for (unsigned kind = 0; kind < EVENT_N_KINDS && sender->link; kind++) {
        struct sender_lane *lane = &sender->lanes[kind];

        if (lane->is_held && now_ns >= lane->hold_ns) {
            lane->is_held = false;
        }
        if (!lane->is_held && !lane->is_resumed && sender_takes(sender, kind)) {
            sender->form->resume(sender, (enum event_kind)kind);
        }
    }
}

/* The mutex is held to swap buffers, never while a server is waited for. */
static void
send_state(struct sender *sender)
{
    struct redis_state latest;
    uint64_t n_put;
    bool waits;

    pthread_mutex_lock(&sender->mutex);
    n_put = sender->states_put;
    waits = sender->state_waits;
    sender->state_waits = false;
    if (waits) {
        latest = sender->state;
        sender->state = sender->state_sent;
        sender->state_sent = latest;
    }
    pthread_mutex_unlock(&sender->mutex);
    if (waits && !exchange_state(sender)) {
        sender_lose_link(sender);
    }
    if (waits) {
        pthread_mutex_lock(&sender->mutex);
        sender->states_done = n_put;
        sender_publish(sender);
        pthread_mutex_unlock(&sender->mutex);
    }
}

/* False if the connection failed.  What the server refuses is told, and does
 * not keep events from it. */
static bool
exchange_state(struct sender *sender)
{
    const struct redis_state *state = &sender->state_sent;

    if (!redis_link_send(sender->link, state->commands.data,
                         state->commands.size, &sender->error)) {
        return false;
    }
    for (size_t i = 0; i < state->n_commands; i++) {
        struct redis_reply *reply =
            redis_link_receive(sender->link, &sender->error);

        if (!reply) {
            return false;
        }
        if (is_refused(reply)) {
            redis_reply_refuse(reply, sender->link, "state", &sender->error);
            sender_note(sender);
        }
        redis_reply_free(reply);
    }
    return true;
}

/* For good; and not by a cluster, for the one key that is of all sensors. */
static bool
is_refused(const struct redis_reply *reply)
{
    const char *text = redis_reply_error(reply);

    return text && redis_answer_of(text) != REDIS_TRY_LATER &&
           strncmp(text, "MOVED ", strlen("MOVED ")) != 0;
}

static bool
is_resumed(const struct sender *sender)
{
    bool any = false;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        any |= sender->lanes[kind].is_resumed;
    }
    return any;
}

bool
sender_works(const struct sender *sender)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct sender_lane *lane = &sender->lanes[kind];

        if (sender_takes(sender, kind) && lane->is_held) {
            return false;
        }
    }
    return sender->link != NULL;
}

/* Of a form for which nothing waits. */
static void
drop_unsendable(struct sender *sender)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct sender_lane *lane = &sender->lanes[kind];

        if (!sender->link || !lane->is_resumed || lane->is_held) {
            sender_discard(sender, (enum event_kind)kind);
        }
    }
}

/* What waits is not read while there is no connection: for the lag alone. */
static void
look_for_oldest(struct sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct spool_record record;

        if (!sender->lanes[kind].is_resumed && sender->oldest[kind].ms == 0 &&
            sender_takes(sender, kind) &&
            spool_read(sender->spool, (enum event_kind)kind, &record)) {
            sender->oldest[kind] = record.id;
            spool_reread(sender->spool, (enum event_kind)kind);
        }
    }
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
}

static int64_t
time_to_wait(const struct sender *sender)
{
    int64_t now_ns = system_clock_mono().ns;
    int64_t until_ns = sender->link ? now_ns + IDLE_NS : sender->next_try_ns;

    for (unsigned kind = 0; sender->link && kind < EVENT_N_KINDS; kind++) {
        const struct sender_lane *lane = &sender->lanes[kind];

        if (lane->is_held && lane->hold_ns < until_ns) {
            until_ns = lane->hold_ns;
        } else if (!lane->is_held && !lane->is_resumed &&
                   sender_takes(sender, kind)) {
            until_ns = now_ns;
        }
    }
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

/* Up to a quarter less: those that lost one server do not all return at the
 * same moment. */
static int64_t
delay_for(struct sender *sender, enum redis_answer answer, int64_t *back_off)
{
    int64_t delay_ns;

    sender->is_denied = answer == REDIS_DENIED;
    if (answer == REDIS_DENIED || answer == REDIS_REFUSED) {
        return answer == REDIS_DENIED ? DENIED_NS : REFUSED_NS;
    }
    delay_ns = *back_off ? *back_off : FIRST_BACK_OFF_NS;
    *back_off =
        delay_ns * 2 < LAST_BACK_OFF_NS ? delay_ns * 2 : LAST_BACK_OFF_NS;
    sender->jitter ^= sender->jitter << 13;
    sender->jitter ^= sender->jitter >> 7;
    sender->jitter ^= sender->jitter << 17;
    return delay_ns - (int64_t)(sender->jitter % (uint64_t)(delay_ns / 4));
}
