/* See redis_keys.h. */

#include "tools/redis/redis_keys.h"

#include "tools/redis/redis_link.h"
#include "tools/redis/redis_place.h"

#include <stdio.h>
#include <string.h>

void
redis_key(char key[REDIS_KEY_SIZE], const char *sensor, const char *what)
{
    snprintf(key, REDIS_KEY_SIZE, "segmon:{%.*s}:%s", EVENT_MAX_SENSOR, sensor,
             what);
}

bool
redis_keys_each_sensor(const struct redis_place *place, struct redis_link *link,
                       bool (*each)(void *context, const char *sensor),
                       void *context, struct error *error)
{
    struct redis_reply *reply = redis_place_ask(
        place, link, REDIS_WORDS("HKEYS", REDIS_SENSORS_KEY), error);
    bool good =
        reply && (!redis_reply_error(reply) ||
                  redis_reply_refuse(reply, link, REDIS_SENSORS_KEY, error));

    for (size_t i = 0; good && i < redis_reply_n(reply); i++) {
        size_t size;
        const char *name = redis_reply_text(redis_reply_at(reply, i), &size);

        if (name && strlen(name) == size && event_sensor_ok(name) &&
            !each(context, name)) {
            break;
        }
    }
    redis_reply_free(reply);
    return good;
}
