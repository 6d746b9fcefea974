/* See stream_fleet.h. */

#include "tools/watch/stream_fleet.h"

#include "capture/error.h"
#include "tools/redis/redis_readers.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MS = 100 /* Between looks at nodes that have nothing new, at most. */
};

struct stream_fleet {
    struct stream_follow_options options;
    struct stream_follow_handler handler;
    struct redis_readers *followers; /* Each a stream_follow. */
    bool has_more;                   /* Something was handed out. */
};

static void *open_follower(void *context, const char *const *sensors,
                           bool is_late);
static void close_follower(void *follower);
static bool read_all(struct stream_fleet *, struct error *);
static void take_entry(void *context, const struct stream_entry *);
static void take_gap(void *context, const struct stream_gap *);

struct stream_fleet *
stream_fleet_new(const struct stream_follow_options *options,
                 const struct stream_follow_handler *handler,
                 struct error *error)
{
    struct stream_fleet *fleet = calloc(1, sizeof *fleet);

    if (!fleet) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to follow streams");
        return NULL;
    }
    fleet->options = *options;
    fleet->handler = *handler;
    fleet->followers = redis_readers_new(
        &(struct redis_readers_options){&fleet->options.server,
                                        options->sensors, open_follower,
                                        close_follower, fleet},
        error);
    if (!fleet->followers) {
        stream_fleet_free(fleet);
        return NULL;
    }
    return fleet;
}

void
stream_fleet_free(struct stream_fleet *fleet)
{
    if (fleet) {
        redis_readers_free(fleet->followers);
        explicit_bzero(&fleet->options.server, sizeof fleet->options.server);
        free(fleet);
    }
}

bool
stream_fleet_read(struct stream_fleet *fleet, int wait_ms, struct error *error)
{
    if (!redis_readers_refresh(fleet->followers, error)) {
        return false;
    }
    if (!redis_readers_is_cluster(fleet->followers)) {
        return stream_follow_read(redis_readers_get(fleet->followers, 0),
                                  wait_ms, error);
    }
    if (!read_all(fleet, error)) {
        return false;
    }
    if (!fleet->has_more && wait_ms > 0) {
        poll(NULL, 0, wait_ms < PAUSE_MS ? wait_ms : PAUSE_MS);
    }
    return true;
}

size_t
stream_fleet_n_left_out(const struct stream_fleet *fleet)
{
    size_t n = redis_readers_n_left_out(fleet->followers);

    for (size_t i = 0; i < redis_readers_count(fleet->followers); i++) {
        n += stream_follow_n_left_out(redis_readers_get(fleet->followers, i));
    }
    return n;
}

/* One that is only found later is followed from its beginning. */
static void *
open_follower(void *context, const char *const *sensors, bool is_late)
{
    struct stream_fleet *fleet = context;
    const struct stream_follow_handler handler = {take_entry, take_gap, fleet};
    struct stream_follow_options options = fleet->options;
    struct stream_follow *follower;
    struct error error;

    options.sensors = sensors;
    options.only_new = options.only_new && !is_late;
    follower = stream_follow_new(&options, &handler, &error);
    explicit_bzero(&options.server, sizeof options.server);
    return follower;
}

static void
close_follower(void *follower)
{
    stream_follow_free(follower);
}

/* A node that is away keeps nobody else from being read. */
static bool
read_all(struct stream_fleet *fleet, struct error *error)
{
    bool good = true;

    fleet->has_more = false;
    for (size_t i = 0; i < redis_readers_count(fleet->followers); i++) {
        good = stream_follow_read(redis_readers_get(fleet->followers, i), 0,
                                  error) &&
               good;
    }
    return good;
}

static void
take_entry(void *context, const struct stream_entry *entry)
{
    struct stream_fleet *fleet = context;

    fleet->has_more = true;
    fleet->handler.entry(fleet->handler.context, entry);
}

static void
take_gap(void *context, const struct stream_gap *gap)
{
    struct stream_fleet *fleet = context;

    fleet->handler.gap(fleet->handler.context, gap);
}
