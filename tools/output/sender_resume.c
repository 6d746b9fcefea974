/* What is where, after any doubt; see sender.h.
 *
 * The last id of a stream says it all, as long as nobody else writes to it: if
 * that is the id of one of ours, what is up to it is there.  If not, somebody
 * else wrote it, or this spool forgot what it sent when the power failed: then
 * the server is asked for each that may be there.  What is not there and would
 * come too late gets new ids.
 *
 * A spool that is new begins where the stream ends.  One whose server lost what
 * it had acknowledged sends it again, as far as it is kept. */

#include "capture/error.h"
#include "tools/output/sender_impl.h"
#include "tools/redis/resp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ID_TEXT_SIZE = 2 * JSON_MAX_NUMBER + 2
};

static bool ask_last(struct sender *, enum event_kind, struct redis_id *);
static bool find_last(struct sender *, enum event_kind,
                      const struct redis_reply *, struct redis_id *);
static bool begin(struct sender *, enum event_kind, struct redis_id last);
static bool settle_doubt(struct sender *, enum event_kind,
                         struct redis_id last);
static void read_doubtful(struct sender *, enum event_kind,
                          struct redis_id last);
static bool probe(struct sender *, enum event_kind, size_t *n_found);
static bool encode_probes(struct sender *, enum event_kind, struct json *);
static bool is_there(const struct redis_reply *, const char *event_id);
static void acknowledge(struct sender *, enum event_kind, size_t n);
static void begin_above(struct sender *, enum event_kind, struct redis_id last);
static void id_text(struct redis_id, char text[ID_TEXT_SIZE]);
static void tell(struct sender *, enum event_kind, const char *what);

bool
sender_resume(struct sender *sender, enum event_kind kind)
{
    struct sender_lane *lane = &sender->lanes[kind];
    struct redis_id last = {0, 0};

    if (!ask_last(sender, kind, &last) || !begin(sender, kind, last)) {
        return false;
    }
    if (lane->is_in_doubt && !settle_doubt(sender, kind, last)) {
        return false;
    }
    begin_above(sender, kind, last);
    lane->is_in_doubt = false;
    lane->has_holes = false;
    lane->is_known = true;
    lane->is_resumed = true;
    return true;
}

static bool
ask_last(struct sender *sender, enum event_kind kind, struct redis_id *last)
{
    const char *key = sender->encoder.keys[kind];
    struct redis_reply *reply =
        redis_place_ask(&sender->place, sender->link,
                        REDIS_WORDS("XINFO", "STREAM", key), &sender->error);
    bool found = reply && find_last(sender, kind, reply, last);

    if (!reply || sender->is_stale) {
        sender_lose_link(sender);
    }
    redis_reply_free(reply);
    return found;
}

static bool
find_last(struct sender *sender, enum event_kind kind,
          const struct redis_reply *reply, struct redis_id *last)
{
    const char *key = sender->encoder.keys[kind];
    const char *refused = redis_reply_error(reply);
    const char *text =
        redis_reply_text(redis_reply_of(reply, "last-generated-id"), NULL);

    sender->lanes[kind].is_there = !refused;
    if (refused && strcmp(refused, "ERR no such key") == 0) {
        *last = (struct redis_id){0, 0};
        return true;
    }
    if (!refused && text && redis_id_parse(text, last)) {
        return true;
    }
    if (refused) {
        redis_reply_refuse(reply, sender->link, key, &sender->error);
    } else {
        error_set(&sender->error, ERROR_SYSTEM, sender->options.uri.name,
                  "%.60s: the answer to XINFO STREAM has no last id", key);
    }
    sender_hold(sender, kind,
                refused ? sender_judge(sender, refused) : REDIS_REFUSED);
    return false;
}

/* False if the link failed. */
static bool
begin(struct sender *sender, enum event_kind kind, struct redis_id last)
{
    struct spool_stat stat;
    bool is_lost;

    pthread_mutex_lock(&sender->mutex);
    spool_get_stat(sender->spool, &stat);
    is_lost = redis_id_compare(last, stat.kind[kind].acked_id) < 0;
    if (is_lost) {
        spool_rewind(sender->spool, kind, last);
    } else {
        spool_reread(sender->spool, kind);
    }
    sender->is_dirty = true;
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
    if (is_lost) {
        tell(sender, kind, "entries that the server had acknowledged are gone");
    }
    if (is_lost && !sender_register(sender)) { /* That may be gone, too. */
        sender_lose_link(sender);
        return false;
    }
    return true;
}

/* False if the link failed. */
static bool
settle_doubt(struct sender *sender, enum event_kind kind, struct redis_id last)
{
    const struct sender_doubtful *doubtful = &sender->doubtful;
    size_t n_found;

    do {
        read_doubtful(sender, kind, last);
        n_found = doubtful->n;
        if (doubtful->n > 0 &&
            (!doubtful->has_last || sender->lanes[kind].has_holes) &&
            !probe(sender, kind, &n_found)) {
            sender_lose_link(sender);
            return false;
        }
        acknowledge(sender, kind, n_found);
    } while (n_found == SPOOL_MAX_IN_FLIGHT);
    return true;
}

/* Those that wait with ids up to 'last'. */
static void
read_doubtful(struct sender *sender, enum event_kind kind, struct redis_id last)
{
    struct sender_doubtful *doubtful = &sender->doubtful;
    struct spool_record record;

    doubtful->n = 0;
    doubtful->has_last = false;
    pthread_mutex_lock(&sender->mutex);
    while (doubtful->n < SPOOL_MAX_IN_FLIGHT &&
           spool_read(sender->spool, kind, &record) &&
           redis_id_compare(record.id, last) <= 0) {
        doubtful->ids[doubtful->n] = record.id;
        sender_event_id(sender, &record, doubtful->event_ids[doubtful->n]);
        doubtful->has_last |= redis_id_compare(record.id, last) == 0;
        doubtful->n++;
    }
    pthread_mutex_unlock(&sender->mutex);
}

/* How many of them are there, up to the first that is not.  Who may not ask
 * sends them again, rather twice than never. */
static bool
probe(struct sender *sender, enum event_kind kind, size_t *n_found)
{
    const struct sender_doubtful *doubtful = &sender->doubtful;
    struct json *commands = &sender->rounds[0].commands;
    bool good = encode_probes(sender, kind, commands) &&
                redis_link_send(sender->link, commands->data, commands->size,
                                &sender->error);

    *n_found = 0;
    for (size_t i = 0; good && i < doubtful->n; i++) {
        struct redis_reply *reply =
            redis_link_receive(sender->link, &sender->error);

        good = reply != NULL;
        if (good && *n_found == i && is_there(reply, doubtful->event_ids[i])) {
            (*n_found)++;
        }
        redis_reply_free(reply);
    }
    return good;
}

static bool
encode_probes(struct sender *sender, enum event_kind kind,
              struct json *commands)
{
    const struct sender_doubtful *doubtful = &sender->doubtful;

    json_reset(commands, false);
    for (size_t i = 0; i < doubtful->n; i++) {
        char id[ID_TEXT_SIZE];

        id_text(doubtful->ids[i], id);
        resp_words(commands,
                   REDIS_WORDS("XRANGE", sender->encoder.keys[kind], id, id));
    }
    return !commands->failed ||
           error_set(&sender->error, ERROR_MEMORY, sender->options.uri.name,
                     "no memory for a command");
}

/* Under that id there may be an entry of somebody else's. */
static bool
is_there(const struct redis_reply *reply, const char *event_id)
{
    const struct redis_reply *fields =
        redis_reply_at(redis_reply_at(reply, 0), 1);

    return redis_reply_is(redis_reply_of(fields, "id"), event_id);
}

static void
acknowledge(struct sender *sender, enum event_kind kind, size_t n)
{
    pthread_mutex_lock(&sender->mutex);
    if (n > 0) {
        spool_ack(sender->spool, kind, sender->doubtful.ids[n - 1]);
        sender->is_dirty = true;
    }
    spool_reread(sender->spool, kind);
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
}

/* What is sent from now on has ids above 'last'. */
static void
begin_above(struct sender *sender, enum event_kind kind, struct redis_id last)
{
    struct spool_record record;
    struct spool_stat stat;
    bool is_behind;

    pthread_mutex_lock(&sender->mutex);
    spool_get_stat(sender->spool, &stat);
    is_behind = redis_id_compare(last, stat.last_id) > 0 ||
                (spool_read(sender->spool, kind, &record) &&
                 redis_id_compare(record.id, last) <= 0);
    if (is_behind) {
        spool_raise(sender->spool, kind, last);
    } else {
        spool_reread(sender->spool, kind);
    }
    sender->is_dirty = true;
    pthread_mutex_unlock(&sender->mutex);
    if (is_behind && sender->lanes[kind].is_known) {
        tell(sender, kind, "somebody else writes to this stream");
    }
}

static void
id_text(struct redis_id id, char text[ID_TEXT_SIZE])
{
    snprintf(text, ID_TEXT_SIZE, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
}

static void
tell(struct sender *sender, enum event_kind kind, const char *what)
{
    error_set(&sender->error, ERROR_SYSTEM, sender->options.uri.name,
              "%.60s: %s", sender->encoder.keys[kind], what);
    sender_note(sender);
}
