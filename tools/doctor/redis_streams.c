/* Streams and their readers; see redis_parts.h.
 *
 * A server that trims a stream asks nobody whether its entries were read.  From
 * Redis 7 on it counts the entries that were ever added, and those that a group
 * was given.  What a group was not given and the stream has no more is lost to
 * it.  Its lag is no measure of that: Redis 8 counts in it what is there only.
 */

#include "capture/error.h"
#include "tools/doctor/redis_parts.h"
#include "tools/event/event.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    MANY_ENTRIES = 10000 /* A lag of less is made up for in no time. */
};

struct stream {
    struct redis_visit *visit;
    const char *key;
    uint64_t length;
    uint64_t added;   /* Ever. */
    bool has_deleted; /* Single entries; then counts say nothing. */
};

struct group {
    char name[REDIS_EXAMINE_WORD_SIZE];
    bool knows_lag;
    uint64_t lag, pending, consumers;
    uint64_t lost; /* Trimmed, and never given to it. */
    /* Of its consumers. */
    uint64_t least_idle_ms; /* UINT64_MAX: there is none. */
    uint64_t stuck;         /* Pending with those that are gone. */
    char stuck_with[REDIS_EXAMINE_WORD_SIZE];
};

static struct redis_reply *ask(struct redis_visit *, const char *const *words);
static bool check_stream(struct redis_visit *, const char *key);
static bool tell_refusal(struct redis_visit *, const char *key,
                         const char *refusal);
static void check_groups(const struct stream *);
static void read_group(const struct stream *, const struct redis_reply *,
                       struct group *);
static uint64_t lost_by(const struct stream *, const struct redis_reply *,
                        const struct group *);
static void read_consumers(const struct stream *, struct group *);
static void note_consumer(const struct stream *, const struct redis_reply *,
                          struct group *);
static void check_group(const struct stream *, const struct group *);
static struct diagnosis_finding *tell(const struct stream *,
                                      const struct group *, enum diagnosis_code,
                                      const char *how);
static uint64_t number_of(const struct redis_reply *, const char *name);

bool
redis_check_streams(struct redis_visit *visit)
{
    bool good = true;

    for (unsigned kind = 0; good && kind < EVENT_N_KINDS; kind++) {
        char key[REDIS_KEY_SIZE];

        redis_key(key, visit->options->sensor, event_kind_name(kind));
        good = check_stream(visit, key);
    }
    return good;
}

static struct redis_reply *
ask(struct redis_visit *visit, const char *const *words)
{
    struct error error;

    return redis_link_ok(visit->link)
               ? redis_link_ask(visit->link, words, &error)
               : NULL;
}

/* One that is not there yet is none the worse. */
static bool
check_stream(struct redis_visit *visit, const char *key)
{
    struct redis_reply *reply = ask(visit, REDIS_WORDS("XINFO", "STREAM", key));
    const char *refusal = redis_reply_error(reply);
    bool good = reply != NULL;

    if (!reply) {
        diagnosis_skip(visit->diagnosis, DIAGNOSIS_REDIS, visit->examined->name,
                       "the server does not answer any more");
    } else if (refusal) {
        good = tell_refusal(visit, key, refusal);
    } else {
        const char *deleted = redis_reply_text(
            redis_reply_of(reply, "max-deleted-entry-id"), NULL);
        const struct stream stream = {
            .visit = visit,
            .key = key,
            .length = number_of(reply, "length"),
            .added = number_of(reply, "entries-added"),
            .has_deleted = deleted && strcmp(deleted, "0-0") != 0,
        };

        check_groups(&stream);
    }
    redis_reply_free(reply);
    return good;
}

/* What is not permitted is told with the user's other rights.  False if there
 * is no use in asking for more. */
static bool
tell_refusal(struct redis_visit *visit, const char *key, const char *refusal)
{
    const char *name = visit->examined->name;
    char word[DIAGNOSIS_WORD_SIZE];
    struct diagnosis_finding *finding;

    if (strstr(refusal, "no such key") || strncmp(refusal, "NOPERM", 6) == 0) {
        return true;
    }
    diagnosis_word(key, word);
    if (strncmp(refusal, "WRONGTYPE", 9) == 0) {
        finding = diagnosis_add(visit->diagnosis, DIAGNOSIS_REDIS_TYPE, name,
                                "the key %s is no stream", key);
        diagnosis_fix(finding, "%s RENAME %s %s:old", visit->examined->cli,
                      word, word);
        return true;
    }
    if (strncmp(refusal, "MOVED", 5) == 0) {
        finding = diagnosis_add(visit->diagnosis, DIAGNOSIS_REDIS_MOVED, name,
                                "the key %s belongs to another node", key);
        diagnosis_fix(finding, "%s CLUSTER NODES", visit->examined->cli);
        diagnosis_text(finding, "reason", refusal);
    } else {
        redis_tell_refusal(visit, refusal);
    }
    return false;
}

static void
check_groups(const struct stream *stream)
{
    struct redis_visit *visit = stream->visit;
    struct redis_reply *reply =
        ask(visit, REDIS_WORDS("XINFO", "GROUPS", stream->key));
    size_t n = redis_reply_n(reply);

    if (redis_reply_error(reply)) {
        diagnosis_skip(visit->diagnosis, DIAGNOSIS_REDIS, visit->examined->name,
                       "this user may not ask for groups of readers; name one "
                       "that may");
    }
    for (size_t i = 0; i < n && i < REDIS_EXAMINE_MAX_GROUPS; i++) {
        struct group group;

        read_group(stream, redis_reply_at(reply, i), &group);
        read_consumers(stream, &group);
        check_group(stream, &group);
    }
    if (n > REDIS_EXAMINE_MAX_GROUPS) {
        diagnosis_skip(visit->diagnosis, DIAGNOSIS_REDIS, visit->examined->name,
                       "there are more groups than are looked at");
    }
    redis_reply_free(reply);
}

static void
read_group(const struct stream *stream, const struct redis_reply *reply,
           struct group *group)
{
    const char *name = redis_reply_text(redis_reply_of(reply, "name"), NULL);
    int64_t lag;

    *group = (struct group){.least_idle_ms = UINT64_MAX};
    snprintf(group->name, sizeof group->name, "%s", name ? name : "");
    group->knows_lag =
        redis_reply_integer(redis_reply_of(reply, "lag"), &lag) && lag >= 0;
    group->lag = group->knows_lag ? (uint64_t)lag : 0;
    group->pending = number_of(reply, "pending");
    group->consumers = number_of(reply, "consumers");
    group->lost = lost_by(stream, reply, group);
}

static uint64_t
lost_by(const struct stream *stream, const struct redis_reply *reply,
        const struct group *group)
{
    uint64_t unread = group->lag;
    int64_t given;

    if (!stream->has_deleted &&
        redis_reply_integer(redis_reply_of(reply, "entries-read"), &given) &&
        given >= 0 && (uint64_t)given <= stream->added) {
        unread = stream->added - (uint64_t)given;
    }
    return unread > stream->length ? unread - stream->length : 0;
}

static void
read_consumers(const struct stream *stream, struct group *group)
{
    struct redis_reply *reply =
        ask(stream->visit,
            REDIS_WORDS("XINFO", "CONSUMERS", stream->key, group->name));
    size_t n = redis_reply_n(reply);

    for (size_t i = 0; i < n && i < REDIS_EXAMINE_MAX_CONSUMERS; i++) {
        note_consumer(stream, redis_reply_at(reply, i), group);
    }
    redis_reply_free(reply);
}

static void
note_consumer(const struct stream *stream, const struct redis_reply *reply,
              struct group *group)
{
    const char *name = redis_reply_text(redis_reply_of(reply, "name"), NULL);
    uint64_t idle_ms = number_of(reply, "idle");
    uint64_t pending = number_of(reply, "pending");

    if (idle_ms < group->least_idle_ms) {
        group->least_idle_ms = idle_ms;
    }
    if (pending && idle_ms >= stream->visit->options->idle_ms) {
        group->stuck += pending;
        snprintf(group->stuck_with, sizeof group->stuck_with, "%s",
                 name ? name : "");
    }
}

static void
check_group(const struct stream *stream, const struct group *group)
{
    const struct redis_visit *visit = stream->visit;
    const char *cli = visit->examined->cli;
    char key[DIAGNOSIS_WORD_SIZE], name[DIAGNOSIS_WORD_SIZE];
    struct diagnosis_finding *finding;

    diagnosis_word(stream->key, key);
    diagnosis_word(group->name, name);
    if (group->lost) {
        finding = tell(stream, group, DIAGNOSIS_REDIS_TRIMMED,
                       "has lost entries that it never read");
        diagnosis_fix(finding, "%s XINFO GROUPS %s", cli, key);
        diagnosis_number(finding, "lost", group->lost);
    }
    if (group->lag && group->least_idle_ms >= visit->options->idle_ms) {
        finding = tell(stream, group, DIAGNOSIS_REDIS_UNREAD,
                       "has entries to read, and nobody who does");
        diagnosis_fix(finding, "%s XINFO CONSUMERS %s %s", cli, key, name);
    } else if (group->lag >= MANY_ENTRIES && group->lag >= stream->length / 2 &&
               group->lag <= stream->length) {
        finding = tell(stream, group, DIAGNOSIS_REDIS_LAG,
                       "reads more slowly than events come");
        diagnosis_fix(finding,
                      "segmon forward --redis URI --group %s --consumer "
                      "ANOTHER --output FILE",
                      name);
    }
    if (group->stuck) {
        finding = tell(stream, group, DIAGNOSIS_REDIS_STUCK,
                       "has a reader that never acknowledged what it got");
        diagnosis_fix(finding,
                      "%s XAUTOCLAIM %s %s ANOTHER-CONSUMER %" PRIu64 " 0-0",
                      cli, key, name, visit->options->idle_ms);
        diagnosis_number(finding, "stuck", group->stuck);
        diagnosis_text(finding, "consumer", group->stuck_with);
    }
}

static struct diagnosis_finding *
tell(const struct stream *stream, const struct group *group,
     enum diagnosis_code code, const char *how)
{
    const struct redis_visit *visit = stream->visit;
    struct diagnosis_finding *finding =
        diagnosis_add(visit->diagnosis, code, visit->examined->name,
                      "the group '%s' of %s %s", group->name, stream->key, how);

    if (group->knows_lag) {
        diagnosis_number(finding, "lag", group->lag);
    }
    diagnosis_number(finding, "length", stream->length);
    diagnosis_number(finding, "consumers", group->consumers);
    return finding;
}

/* 0 if it is not there. */
static uint64_t
number_of(const struct redis_reply *reply, const char *name)
{
    int64_t number;

    return redis_reply_integer(redis_reply_of(reply, name), &number) &&
                   number > 0
               ? (uint64_t)number
               : 0;
}
