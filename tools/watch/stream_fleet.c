/* See stream_fleet.h. */

#include "tools/watch/stream_fleet.h"

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_fleet.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MS = 100 /* Between looks at nodes that have nothing new, at most. */
};

#define REFRESH_NS (5 * SECOND_NS) /* Between looks for new sensors. */

struct member {
    char sensor[EVENT_MAX_SENSOR + 1]; /* "": all of them. */
    const char *names[2];              /* It, for the follower. */
    struct stream_follow *follow;
};

struct stream_fleet {
    struct stream_follow_options options;
    struct stream_follow_handler handler;
    struct redis_fleet *fleet;
    struct member *members[REDIS_FLEET_MAX_SENSORS];
    size_t n_members;
    size_t n_left_out;
    bool is_known, is_cluster, started;
    struct mono_time refreshed; /* 0: never. */
    bool has_more;              /* Something was handed out. */
};

static bool look_around(struct stream_fleet *, struct error *);
static bool look_for_sensors(struct stream_fleet *, struct error *);
static bool add_sensor(void *context, const char *sensor);
static bool has_member(const struct stream_fleet *, const char *sensor);
static bool add_member(struct stream_fleet *, const char *sensor);
static bool read_all(struct stream_fleet *, struct error *);
static void take_entry(void *context, const struct stream_entry *);
static void take_gap(void *context, const struct stream_gap *);

struct stream_fleet *
stream_fleet_new(const struct stream_follow_options *options,
                 const struct stream_follow_handler *handler,
                 struct error *error)
{
    struct stream_fleet *fleet = calloc(1, sizeof *fleet);

    if (fleet) {
        fleet->options = *options;
        fleet->handler = *handler;
        fleet->fleet = redis_fleet_new(&fleet->options.server);
    }
    if (!fleet || !fleet->fleet) {
        free(fleet);
        error_set(error, ERROR_MEMORY, NULL, "no memory to follow streams");
        return NULL;
    }
    return fleet;
}

void
stream_fleet_free(struct stream_fleet *fleet)
{
    if (fleet) {
        for (size_t i = 0; i < fleet->n_members; i++) {
            stream_follow_free(fleet->members[i]->follow);
            free(fleet->members[i]);
        }
        redis_fleet_free(fleet->fleet);
        explicit_bzero(&fleet->options.server, sizeof fleet->options.server);
        free(fleet);
    }
}

bool
stream_fleet_read(struct stream_fleet *fleet, int wait_ms, struct error *error)
{
    if (!look_around(fleet, error)) {
        return false;
    }
    if (!fleet->is_cluster) {
        return stream_follow_read(fleet->members[0]->follow, wait_ms, error);
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
    size_t n = fleet->n_left_out;

    for (size_t i = 0; i < fleet->n_members; i++) {
        n += stream_follow_n_left_out(fleet->members[i]->follow);
    }
    return n;
}

static bool
look_around(struct stream_fleet *fleet, struct error *error)
{
    if (!fleet->is_known) {
        if (!redis_fleet_is_cluster(fleet->fleet, &fleet->is_cluster, error)) {
            return false;
        }
        if (!fleet->is_cluster && !add_member(fleet, "")) {
            return error_set(error, ERROR_MEMORY, NULL,
                             "no memory to follow streams");
        }
        fleet->is_known = true;
    }
    if (!fleet->is_cluster) {
        redis_fleet_disconnect(fleet->fleet); /* The follower has its own. */
        return true;
    }
    return look_for_sensors(fleet, error);
}

static bool
look_for_sensors(struct stream_fleet *fleet, struct error *error)
{
    struct mono_time now = system_clock_mono();
    const char *const *names = fleet->options.sensors;

    if (fleet->refreshed.ns && now.ns - fleet->refreshed.ns < REFRESH_NS) {
        return true;
    }
    fleet->n_left_out = 0;
    for (size_t i = 0; names && names[i]; i++) {
        add_sensor(fleet, names[i]);
    }
    if (!names &&
        !redis_fleet_each_sensor(fleet->fleet, add_sensor, fleet, error)) {
        return false;
    }
    fleet->refreshed = now;
    fleet->started = true;
    return true;
}

/* There may be more. */
static bool
add_sensor(void *context, const char *sensor)
{
    struct stream_fleet *fleet = context;

    if (!has_member(fleet, sensor) && !add_member(fleet, sensor)) {
        fleet->n_left_out++;
    }
    return true;
}

static bool
has_member(const struct stream_fleet *fleet, const char *sensor)
{
    for (size_t i = 0; i < fleet->n_members; i++) {
        if (strcmp(fleet->members[i]->sensor, sensor) == 0) {
            return true;
        }
    }
    return false;
}

/* One that is only found later is followed from its beginning. */
static bool
add_member(struct stream_fleet *fleet, const char *sensor)
{
    struct member *member = fleet->n_members < REDIS_FLEET_MAX_SENSORS
                                ? calloc(1, sizeof *member)
                                : NULL;
    const struct stream_follow_handler handler = {take_entry, take_gap, fleet};
    struct stream_follow_options options = fleet->options;
    struct error error;

    if (!member) {
        return false;
    }
    snprintf(member->sensor, sizeof member->sensor, "%s", sensor);
    member->names[0] = member->sensor;
    if (sensor[0]) {
        options.sensors = member->names;
    }
    options.only_new = options.only_new && !fleet->started;
    member->follow = stream_follow_new(&options, &handler, &error);
    explicit_bzero(&options.server, sizeof options.server);
    if (!member->follow) {
        free(member);
        return false;
    }
    fleet->members[fleet->n_members++] = member;
    return true;
}

/* A node that is away keeps nobody else from being read. */
static bool
read_all(struct stream_fleet *fleet, struct error *error)
{
    bool good = true;

    fleet->has_more = false;
    for (size_t i = 0; i < fleet->n_members; i++) {
        good = stream_follow_read(fleet->members[i]->follow, 0, error) && good;
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
