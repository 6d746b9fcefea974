/* See redis_health.h. */

#include "tools/redis/redis_health.h"

#include "capture/error.h"
#include "tools/redis/redis_info.h"
#include "tools/redis/redis_link.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned of_eviction(const struct redis_info *);
static unsigned of_role(const struct redis_info *);
static unsigned of_persistence(const struct redis_info *,
                               const struct redis_setup *);
static void ask_setting(struct redis_link *, const char *name,
                        struct redis_setup *,
                        char value[REDIS_SETUP_WORD_SIZE]);

const char *
redis_risk_text(enum redis_risk risk)
{
    static const char *const texts[] = {
#define RISK_TEXT(NAME, TEXT) [REDIS_RISK_##NAME] = (TEXT),
        REDIS_RISKS(RISK_TEXT)
#undef RISK_TEXT
    };

    return texts[risk];
}

unsigned
redis_health_judge(const struct redis_info *info,
                   const struct redis_setup *setup)
{
    unsigned risks =
        of_eviction(info) | of_role(info) | of_persistence(info, setup);

    if (redis_health_failed_write(info)) {
        risks |= 1u << REDIS_RISK_WRITES;
    }
    return risks;
}

const char *
redis_health_failed_write(const struct redis_info *info)
{
    static const char *const states[] = {"aof_last_write_status",
                                         "aof_last_bgrewrite_status",
                                         "rdb_last_bgsave_status"};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (redis_info_is(info, states[i], "err")) {
            return states[i];
        }
    }
    return NULL;
}

void
redis_setup_ask(struct redis_link *link, struct redis_setup *setup)
{
    setup->is_known = true;
    ask_setting(link, "save", setup, setup->save);
    if (setup->is_known) {
        ask_setting(link, "appendfsync", setup, setup->fsync);
    }
}

bool
redis_health_ask(struct redis_link *link, unsigned *risks, struct error *error)
{
    struct redis_setup setup = {.is_known = false};
    struct redis_reply *reply =
        redis_link_ask(link, REDIS_WORDS("INFO"), error);
    const struct redis_info info = {redis_reply_text(reply, NULL)};
    bool is_answered = reply != NULL;

    *risks = 0;
    if (info.text) {
        redis_setup_ask(link, &setup);
        *risks = redis_health_judge(&info, &setup);
    }
    redis_reply_free(reply);
    return redis_link_ok(link) ||
           (is_answered &&
            error_set(error, ERROR_SYSTEM, "", "the server does not answer"));
}

static unsigned
of_eviction(const struct redis_info *info)
{
    char policy[REDIS_SETUP_WORD_SIZE];

    if (!redis_info_text(info, "maxmemory_policy", policy, sizeof policy) ||
        strcmp(policy, "noeviction") == 0) {
        return 0;
    }
    return strncmp(policy, "allkeys-", strlen("allkeys-")) == 0
               ? 1u << REDIS_RISK_EVICTS
               : 1u << REDIS_RISK_EVICTS_SOME;
}

static unsigned
of_role(const struct redis_info *info)
{
    uint64_t replicas;

    if (redis_info_is(info, "role", "slave")) {
        return 1u << REDIS_RISK_REPLICA;
    }
    if (redis_info_is(info, "role", "sentinel") ||
        redis_info_is(info, "redis_mode", "sentinel")) {
        return 1u << REDIS_RISK_SENTINEL;
    }
    return redis_info_number(info, "min_slaves_good_slaves", &replicas) &&
                   replicas == 0
               ? 1u << REDIS_RISK_ALONE
               : 0;
}

/* INFO does not tell whether snapshots are made at all. */
static unsigned
of_persistence(const struct redis_info *info, const struct redis_setup *setup)
{
    if (!setup->is_known) {
        return 0;
    }
    if (redis_info_is(info, "aof_enabled", "1")) {
        return strcmp(setup->fsync, "no") == 0 ? 1u << REDIS_RISK_FSYNC : 0;
    }
    return setup->save[0] ? 1u << REDIS_RISK_SNAPSHOTS
                          : 1u << REDIS_RISK_VOLATILE;
}

static void
ask_setting(struct redis_link *link, const char *name,
            struct redis_setup *setup, char value[REDIS_SETUP_WORD_SIZE])
{
    struct error error;
    struct redis_reply *reply =
        redis_link_ok(link)
            ? redis_link_ask(link, REDIS_WORDS("CONFIG", "GET", name), &error)
            : NULL;
    const char *text = redis_reply_text(redis_reply_of(reply, name), NULL);

    setup->is_known = text != NULL;
    snprintf(value, REDIS_SETUP_WORD_SIZE, "%s", text ? text : "");
    redis_reply_free(reply);
}
