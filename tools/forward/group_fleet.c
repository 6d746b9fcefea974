/* See group_fleet.h. */

#include "tools/forward/group_fleet.h"

#include "capture/error.h"
#include "tools/event/event.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_fleet.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MS = 100 /* Between looks at nodes that have nothing new. */
};

#define REFRESH_NS (5 * SECOND_NS) /* Between looks for new sensors, */
#define REST_NS    SECOND_NS       /* and tries to read one that failed. */

struct member {
    char sensor[EVENT_MAX_SENSOR + 1]; /* "": all of them. */
    const char *names[2];              /* It, for the reader. */
    struct group_reader *reader;
    struct mono_time rests_until;
};

struct group_fleet {
    struct group_reader_options options;
    struct redis_fleet *fleet;
    struct member *members[REDIS_FLEET_MAX_SENSORS];
    size_t n_members, next;
    struct member *turn; /* Whose entries were handed out. */
    bool is_known, is_cluster, started;
    struct mono_time refreshed; /* 0: never. */
    uint64_t overflow;          /* Sensors there was no room for. */
};

static bool look_around(struct group_fleet *, struct error *);
static bool look_for_sensors(struct group_fleet *, struct error *);
static bool add_sensor(void *context, const char *sensor);
static bool has_member(const struct group_fleet *, const char *sensor);
static bool add_member(struct group_fleet *, const char *sensor);
static bool read_in_turn(struct group_fleet *, bool wait,
                         const struct group_entry **, size_t *n,
                         struct error *);

struct group_fleet *
group_fleet_new(const struct group_reader_options *options, struct error *error)
{
    struct group_fleet *fleet = calloc(1, sizeof *fleet);

    if (fleet) {
        fleet->options = *options;
        fleet->fleet = redis_fleet_new(&fleet->options.server);
    }
    if (!fleet || !fleet->fleet) {
        free(fleet);
        error_set(error, ERROR_MEMORY, NULL, "no memory to read streams");
        return NULL;
    }
    return fleet;
}

void
group_fleet_free(struct group_fleet *fleet)
{
    if (fleet) {
        for (size_t i = 0; i < fleet->n_members; i++) {
            group_reader_free(fleet->members[i]->reader);
            free(fleet->members[i]);
        }
        redis_fleet_free(fleet->fleet);
        explicit_bzero(&fleet->options.server, sizeof fleet->options.server);
        free(fleet);
    }
}

bool
group_fleet_read(struct group_fleet *fleet, bool wait,
                 const struct group_entry **entries, size_t *n,
                 struct error *error)
{
    bool good;

    *n = 0;
    if (!look_around(fleet, error)) {
        return false;
    }
    if (!fleet->is_cluster) {
        fleet->turn = fleet->members[0];
        return group_reader_read(fleet->turn->reader, wait, entries, n, error);
    }
    good = read_in_turn(fleet, wait, entries, n, error);
    if (good && *n == 0 && wait) {
        poll(NULL, 0, PAUSE_MS);
    }
    return good;
}

bool
group_fleet_ack(struct group_fleet *fleet, struct error *error)
{
    return !fleet->turn || group_reader_ack(fleet->turn->reader, error);
}

void
group_fleet_get_counters(const struct group_fleet *fleet,
                         struct group_counters *counters)
{
    *counters =
        (struct group_counters){.overflow = fleet->overflow * EVENT_N_KINDS};
    for (size_t i = 0; i < fleet->n_members; i++) {
        struct group_counters one;

        group_reader_get_counters(fleet->members[i]->reader, &one);
        counters->acked += one.acked;
        counters->claimed += one.claimed;
        counters->foreign += one.foreign;
        counters->trimmed += one.trimmed;
        counters->overflow += one.overflow;
    }
}

static bool
look_around(struct group_fleet *fleet, struct error *error)
{
    if (!fleet->is_known) {
        if (!redis_fleet_is_cluster(fleet->fleet, &fleet->is_cluster, error)) {
            return false;
        }
        if (!fleet->is_cluster && !add_member(fleet, "")) {
            return error_set(error, ERROR_MEMORY, NULL,
                             "no memory to read streams");
        }
        fleet->is_known = true;
    }
    if (!fleet->is_cluster) {
        redis_fleet_disconnect(fleet->fleet); /* The reader has its own. */
        return true;
    }
    return look_for_sensors(fleet, error);
}

static bool
look_for_sensors(struct group_fleet *fleet, struct error *error)
{
    struct mono_time now = system_clock_mono();
    const char *const *names = fleet->options.sensors;

    if (fleet->refreshed.ns && now.ns - fleet->refreshed.ns < REFRESH_NS) {
        return true;
    }
    fleet->overflow = 0;
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
    struct group_fleet *fleet = context;

    if (!has_member(fleet, sensor) && !add_member(fleet, sensor)) {
        fleet->overflow++;
    }
    return true;
}

static bool
has_member(const struct group_fleet *fleet, const char *sensor)
{
    for (size_t i = 0; i < fleet->n_members; i++) {
        if (strcmp(fleet->members[i]->sensor, sensor) == 0) {
            return true;
        }
    }
    return false;
}

/* What is only found later is new from its first entry on. */
static bool
add_member(struct group_fleet *fleet, const char *sensor)
{
    struct member *member = fleet->n_members < REDIS_FLEET_MAX_SENSORS
                                ? calloc(1, sizeof *member)
                                : NULL;
    struct group_reader_options options = fleet->options;
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
    member->reader = group_reader_new(&options, &error);
    explicit_bzero(&options.server, sizeof options.server);
    if (!member->reader) {
        free(member);
        return false;
    }
    fleet->members[fleet->n_members++] = member;
    return true;
}

/* Until one has something.  A failure is told when nobody else had anything.
 * Of what holds no event nobody will say that it is safe. */
static bool
read_in_turn(struct group_fleet *fleet, bool wait,
             const struct group_entry **entries, size_t *n, struct error *error)
{
    struct mono_time now = system_clock_mono();
    bool good = true;

    fleet->turn = NULL;
    for (size_t i = 0; i < fleet->n_members && *n == 0; i++) {
        struct member *member =
            fleet->members[fleet->next++ % fleet->n_members];

        if (wait && now.ns < member->rests_until.ns) {
            continue;
        }
        if (!group_reader_read(member->reader, false, entries, n, error) ||
            (*n == 0 && !group_reader_ack(member->reader, error))) {
            member->rests_until.ns = now.ns + REST_NS;
            good = false;
        }
        fleet->turn = *n ? member : NULL;
    }
    return good || *n > 0;
}
