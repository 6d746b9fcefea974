/* See stream_group.h. */

#include "tools/reconcile/stream_group.h"

#include "capture/error.h"

#include <string.h>

static const struct redis_reply *find(const struct redis_reply *groups,
                                      const char *name);
static bool below_pending(struct stream_server *, const char *key,
                          const char *group, struct redis_id *frontier,
                          struct error *);

bool
stream_group_frontier(struct stream_server *server, const char *key,
                      const char *group, struct redis_id *frontier,
                      struct error *error)
{
    struct error refused;
    struct redis_reply *groups = stream_server_ask(
        server, REDIS_WORDS("XINFO", "GROUPS", key), &refused);
    const struct redis_reply *found = find(groups, group);
    const char *last =
        redis_reply_text(redis_reply_of(found, "last-delivered-id"), NULL);
    bool good = true;

    *frontier = (struct redis_id){UINT64_MAX, UINT64_MAX};
    if (!groups && !strstr(refused.message, "no such key")) {
        *error = refused;
        return false;
    }
    if (found && last && redis_id_parse(last, frontier)) {
        good = below_pending(server, key, group, frontier, error);
    }
    redis_reply_free(groups);
    return good;
}

static const struct redis_reply *
find(const struct redis_reply *groups, const char *name)
{
    for (size_t i = 0; i < redis_reply_n(groups); i++) {
        const struct redis_reply *group = redis_reply_at(groups, i);

        if (redis_reply_is(redis_reply_of(group, "name"), name)) {
            return group;
        }
    }
    return NULL;
}

/* The first that was handed out and not acknowledged is the least id of
 * XPENDING's answer. */
static bool
below_pending(struct stream_server *server, const char *key, const char *group,
              struct redis_id *frontier, struct error *error)
{
    struct redis_reply *reply =
        stream_server_ask(server, REDIS_WORDS("XPENDING", key, group), error);
    const char *text = redis_reply_text(redis_reply_at(reply, 1), NULL);
    struct redis_id least;

    if (!reply) {
        return false;
    }
    if (text && redis_id_parse(text, &least) &&
        redis_id_compare(least, *frontier) <= 0) {
        *frontier = least.seq ? (struct redis_id){least.ms, least.seq - 1}
                              : (struct redis_id){least.ms - 1, UINT64_MAX};
    }
    redis_reply_free(reply);
    return true;
}
