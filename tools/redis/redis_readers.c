/* See redis_readers.h. */

#include "tools/redis/redis_readers.h"

#include "capture/error.h"
#include "tools/event/event.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFRESH_NS (5 * SECOND_NS) /* Between looks for new sensors. */

struct member {
    char sensor[EVENT_MAX_SENSOR + 1];
    const char *names[2]; /* It, for the reader. */
    void *reader;
};

struct redis_readers {
    struct redis_readers_options options;
    struct redis_fleet *fleet;
    struct member *members[REDIS_FLEET_MAX_SENSORS];
    size_t n_members, n_left_out;
    bool is_known, is_cluster, started;
    struct mono_time refreshed; /* 0: never. */
};

static bool find_out(struct redis_readers *, struct error *);
static bool look_for_sensors(struct redis_readers *, struct error *);
static bool add_sensor(void *context, const char *sensor);
static bool has_sensor(const struct redis_readers *, const char *sensor);
static bool add_member(struct redis_readers *, const char *sensor);

struct redis_readers *
redis_readers_new(const struct redis_readers_options *options,
                  struct error *error)
{
    struct redis_readers *readers = calloc(1, sizeof *readers);

    if (readers) {
        readers->options = *options;
        readers->fleet = redis_fleet_new(options->server);
    }
    if (!readers || !readers->fleet) {
        free(readers);
        error_set(error, ERROR_MEMORY, NULL, "no memory to read streams");
        return NULL;
    }
    return readers;
}

void
redis_readers_free(struct redis_readers *readers)
{
    if (readers) {
        for (size_t i = 0; i < readers->n_members; i++) {
            readers->options.close(readers->members[i]->reader);
            free(readers->members[i]);
        }
        redis_fleet_free(readers->fleet);
        free(readers);
    }
}

bool
redis_readers_refresh(struct redis_readers *readers, struct error *error)
{
    if (!readers->is_known && !find_out(readers, error)) {
        return false;
    }
    if (!readers->is_cluster) {
        redis_fleet_disconnect(readers->fleet); /* The reader has its own. */
        return true;
    }
    return look_for_sensors(readers, error);
}

bool
redis_readers_is_cluster(const struct redis_readers *readers)
{
    return readers->is_cluster;
}

size_t
redis_readers_count(const struct redis_readers *readers)
{
    return readers->n_members;
}

void *
redis_readers_get(const struct redis_readers *readers, size_t number)
{
    assert(number < readers->n_members);
    return readers->members[number]->reader;
}

size_t
redis_readers_n_left_out(const struct redis_readers *readers)
{
    return readers->n_left_out;
}

static bool
find_out(struct redis_readers *readers, struct error *error)
{
    if (!redis_fleet_is_cluster(readers->fleet, &readers->is_cluster, error)) {
        return false;
    }
    if (!readers->is_cluster && !add_member(readers, NULL)) {
        return error_set(error, ERROR_MEMORY, NULL,
                         "no memory to read streams");
    }
    readers->is_known = true;
    return true;
}

static bool
look_for_sensors(struct redis_readers *readers, struct error *error)
{
    struct mono_time now = system_clock_mono();
    const char *const *names = readers->options.sensors;

    if (readers->refreshed.ns && now.ns - readers->refreshed.ns < REFRESH_NS) {
        return true;
    }
    readers->n_left_out = 0;
    for (size_t i = 0; names && names[i]; i++) {
        add_sensor(readers, names[i]);
    }
    if (!names &&
        !redis_fleet_each_sensor(readers->fleet, add_sensor, readers, error)) {
        return false;
    }
    readers->refreshed = now;
    readers->started = true;
    return true;
}

/* There may be more. */
static bool
add_sensor(void *context, const char *sensor)
{
    struct redis_readers *readers = context;

    if (!has_sensor(readers, sensor) && !add_member(readers, sensor)) {
        readers->n_left_out++;
    }
    return true;
}

static bool
has_sensor(const struct redis_readers *readers, const char *sensor)
{
    for (size_t i = 0; i < readers->n_members; i++) {
        if (strcmp(readers->members[i]->sensor, sensor) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL: one member for all sensors. */
static bool
add_member(struct redis_readers *readers, const char *sensor)
{
    const struct redis_readers_options *options = &readers->options;
    struct member *member = readers->n_members < REDIS_FLEET_MAX_SENSORS
                                ? calloc(1, sizeof *member)
                                : NULL;

    if (!member) {
        return false;
    }
    if (sensor) {
        snprintf(member->sensor, sizeof member->sensor, "%s", sensor);
        member->names[0] = member->sensor;
    }
    member->reader = options->open(options->context,
                                   sensor ? member->names : options->sensors,
                                   readers->started);
    if (!member->reader) {
        free(member);
        return false;
    }
    readers->members[readers->n_members++] = member;
    return true;
}
