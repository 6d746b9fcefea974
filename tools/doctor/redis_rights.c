/* What a user may do, without doing it; see redis_parts.h.
 *
 * In a transaction the server says at once which commands it would refuse, and
 * does none of them before EXEC, which never comes: with the link it forgets
 * the rest.  ACL DRYRUN would tell the same, but only to those who may ask it,
 * and not before Redis 7. */

#include "capture/error.h"
#include "tools/doctor/redis_parts.h"
#include "tools/event/event.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"

#include <stdio.h>
#include <string.h>

enum {
    MISSING_SIZE = 200
};

/* What is not permitted, as ACL SETUSER would be told to permit it. */
struct missing {
    char rules[MISSING_SIZE];
    bool keys;
    char reason[DIAGNOSIS_VALUE_SIZE]; /* Another one to refuse. */
};

static bool try(struct redis_visit *, const char *rule,
                const char *const *words, struct missing *);
static void note(struct missing *, const char *rule, const char *refusal);
static void try_streams(struct redis_visit *, struct missing *);
static void try_state(struct redis_visit *, struct missing *);
static void tell_missing(const struct redis_visit *, const struct missing *);
static bool is_told_already(const struct redis_visit *, const char *reason);

void
redis_check_rights(struct redis_visit *visit)
{
    struct missing missing = {.keys = false};

    try(visit, "+exec", REDIS_WORDS("EXEC"), &missing);
    if (try(visit, "+multi", REDIS_WORDS("MULTI"), &missing)) {
        try_streams(visit, &missing);
        try_state(visit, &missing);
    }
    if (missing.rules[0] || missing.keys) {
        tell_missing(visit, &missing);
    } else if (missing.reason[0] && !is_told_already(visit, missing.reason)) {
        redis_tell_refusal(visit, missing.reason);
    }
}

static void
try_streams(struct redis_visit *visit, struct missing *missing)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        char key[REDIS_KEY_SIZE];

        redis_key(key, visit->options->sensor, event_kind_name(kind));
        try(visit, "+xadd", REDIS_WORDS("XADD", key, "1-1", "event", "{}"),
            missing);
        try(visit, "+xinfo|stream", REDIS_WORDS("XINFO", "STREAM", key),
            missing);
        try(visit, "+xrange", REDIS_WORDS("XRANGE", key, "1-1", "1-1"),
            missing);
    }
}

static void
try_state(struct redis_visit *visit, struct missing *missing)
{
    static const char *const hashes[] = {"state", "matrix"};

    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        char key[REDIS_KEY_SIZE];

        redis_key(key, visit->options->sensor, hashes[i]);
        try(visit, "+del", REDIS_WORDS("DEL", key), missing);
        try(visit, "+hset", REDIS_WORDS("HSET", key, "name", "value"), missing);
        try(visit, "+expire", REDIS_WORDS("EXPIRE", key, "15"), missing);
    }
}

/* False if it is not permitted; of EXEC alone that is the reason of another
 * error. */
static bool
try(struct redis_visit *visit, const char *rule, const char *const *words,
    struct missing *missing)
{
    struct error error;
    struct redis_reply *reply = redis_link_ok(visit->link)
                                    ? redis_link_ask(visit->link, words, &error)
                                    : NULL;
    const char *refusal = redis_reply_error(reply);
    bool good = reply && !(refusal && strstr(refusal, "NOPERM"));

    if (!good && refusal) {
        note(missing, rule, refusal);
    } else if (refusal && strcmp(words[0], "EXEC") != 0) {
        snprintf(missing->reason, sizeof missing->reason, "%s", refusal);
    }
    redis_reply_free(reply);
    return good;
}

static void
note(struct missing *missing, const char *rule, const char *refusal)
{
    size_t n = strlen(missing->rules);
    char word[DIAGNOSIS_WORD_SIZE];

    if (strstr(refusal, " key")) {
        missing->keys = true;
    } else if (!strstr(missing->rules, rule)) {
        snprintf(missing->rules + n, sizeof missing->rules - n, "%s%s",
                 n ? " " : "", diagnosis_word(rule, word));
    }
}

static void
tell_missing(const struct redis_visit *visit, const struct missing *missing)
{
    const char *user = visit->options->uri.user;
    char word[DIAGNOSIS_WORD_SIZE];
    struct diagnosis_finding *finding;

    user = user[0] ? user : "default";
    finding = diagnosis_add(
        visit->diagnosis, DIAGNOSIS_REDIS_RIGHTS, visit->examined->name,
        "the user '%s' may not do all that a sensor does", user);
    diagnosis_fix(finding, "%s ACL SETUSER %s %s%s'~segmon:*'",
                  visit->examined->cli, diagnosis_word(user, word),
                  missing->rules, missing->rules[0] ? " " : "");
    diagnosis_text(finding, "missing",
                   missing->rules[0] ? missing->rules : "keys");
    diagnosis_text(finding, "keys", missing->keys ? "not permitted" : "ok");
}

/* By those who read INFO. */
static bool
is_told_already(const struct redis_visit *visit, const char *reason)
{
    static const char *const reasons[] = {"READONLY", "OOM", "MISCONF",
                                          "NOREPLICAS"};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (visit->examined->role[0] &&
            strncmp(reason, reasons[i], strlen(reasons[i])) == 0) {
            return true;
        }
    }
    return false;
}
