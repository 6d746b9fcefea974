/* See redis_fleet.h. */

#include "tools/redis/redis_fleet.h"

#include "capture/error.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct member {
    char sensor[EVENT_MAX_SENSOR + 1];
    struct redis_place place;
    struct redis_link *link; /* NULL while not connected. */
};

struct redis_fleet {
    const struct redis_uri *uri;
    struct redis_place place; /* Of REDIS_SENSORS_KEY. */
    struct redis_link *link;
    struct member *members[REDIS_FLEET_MAX_SENSORS]; /* Of a cluster. */
    unsigned n_members;
};

static bool connect_to(struct redis_fleet *, struct error *);
static struct redis_link *link_of_member(struct redis_fleet *,
                                         const char *sensor, struct error *);
static struct member *find_member(struct redis_fleet *, const char *sensor);
static struct member *add_member(struct redis_fleet *, const char *sensor);

struct redis_fleet *
redis_fleet_new(const struct redis_uri *uri)
{
    struct redis_fleet *fleet = calloc(1, sizeof *fleet);

    if (fleet) {
        fleet->uri = uri;
        redis_place_init(&fleet->place, uri);
    }
    return fleet;
}

void
redis_fleet_free(struct redis_fleet *fleet)
{
    if (fleet) {
        redis_fleet_disconnect(fleet);
        for (unsigned i = 0; i < fleet->n_members; i++) {
            redis_place_done(&fleet->members[i]->place);
            free(fleet->members[i]);
        }
        redis_place_done(&fleet->place);
        free(fleet);
    }
}

bool
redis_fleet_is_cluster(struct redis_fleet *fleet, bool *is_cluster,
                       struct error *error)
{
    if (!connect_to(fleet, error)) {
        return false;
    }
    *is_cluster = redis_place_is_cluster(&fleet->place);
    return true;
}

bool
redis_fleet_each_sensor(struct redis_fleet *fleet,
                        bool (*each)(void *context, const char *sensor),
                        void *context, struct error *error)
{
    return connect_to(fleet, error) &&
           redis_keys_each_sensor(&fleet->place, fleet->link, each, context,
                                  error);
}

struct redis_link *
redis_fleet_link(struct redis_fleet *fleet, const char *sensor,
                 struct error *error)
{
    if (!connect_to(fleet, error)) {
        return NULL;
    }
    return redis_place_is_cluster(&fleet->place)
               ? link_of_member(fleet, sensor, error)
               : fleet->link;
}

void
redis_fleet_disconnect(struct redis_fleet *fleet)
{
    redis_link_close(fleet->link);
    fleet->link = NULL;
    for (unsigned i = 0; i < fleet->n_members; i++) {
        redis_link_close(fleet->members[i]->link);
        fleet->members[i]->link = NULL;
    }
}

static bool
connect_to(struct redis_fleet *fleet, struct error *error)
{
    if (fleet->link && !redis_link_ok(fleet->link)) {
        redis_link_close(fleet->link);
        fleet->link = NULL;
    }
    if (!fleet->link) {
        fleet->link = redis_place_open(&fleet->place, REDIS_SENSORS_KEY, error);
    }
    return fleet->link != NULL;
}

static struct redis_link *
link_of_member(struct redis_fleet *fleet, const char *sensor,
               struct error *error)
{
    struct member *member = find_member(fleet, sensor);
    char key[REDIS_KEY_SIZE];

    if (!member) {
        member = add_member(fleet, sensor);
    }
    if (!member) {
        error_set(error, ERROR_LIMIT, fleet->uri->name,
                  "no room for one more sensor");
        return NULL;
    }
    if (member->link && !redis_link_ok(member->link)) {
        redis_link_close(member->link);
        member->link = NULL;
    }
    if (!member->link) {
        redis_key(key, sensor, "state");
        member->link = redis_place_open(&member->place, key, error);
    }
    return member->link;
}

static struct member *
find_member(struct redis_fleet *fleet, const char *sensor)
{
    for (unsigned i = 0; i < fleet->n_members; i++) {
        if (strcmp(fleet->members[i]->sensor, sensor) == 0) {
            return fleet->members[i];
        }
    }
    return NULL;
}

static struct member *
add_member(struct redis_fleet *fleet, const char *sensor)
{
    struct member *member = fleet->n_members < REDIS_FLEET_MAX_SENSORS
                                ? calloc(1, sizeof *member)
                                : NULL;

    if (member) {
        snprintf(member->sensor, sizeof member->sensor, "%s", sensor);
        redis_place_init(&member->place, fleet->uri);
        fleet->members[fleet->n_members++] = member;
    }
    return member;
}
