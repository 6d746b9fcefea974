/* See sensor_names.h. */

#include "tools/commands/sensor_names.h"

#include "tools/event/event.h"

#include <stdlib.h>
#include <string.h>

bool
sensor_names_parse(struct sensor_names *names, const char *text,
                   const char *const **list)
{
    size_t n = 0;
    char *rest;

    *list = NULL;
    if (strcmp(text, "all") == 0) {
        return true;
    }
    free(names->text);
    names->text = rest = strdup(text);
    while (rest && n < SENSOR_NAMES_MAX) {
        const char *name = strsep(&rest, ",");

        if (!event_sensor_ok(name)) {
            return false;
        }
        names->list[n++] = name;
    }
    names->list[n] = NULL;
    *list = names->list;
    return n && !rest;
}

void
sensor_names_done(struct sensor_names *names)
{
    free(names->text);
    names->text = NULL;
}
