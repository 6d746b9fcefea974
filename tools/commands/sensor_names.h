/* The sensors that a command is told to look at. */

#ifndef TOOLS_COMMANDS_SENSOR_NAMES_H
#define TOOLS_COMMANDS_SENSOR_NAMES_H

#include <stdbool.h>

enum {
    SENSOR_NAMES_MAX = 256
};

struct sensor_names {
    char *text;
    const char *list[SENSOR_NAMES_MAX + 1];
};

/* "a,b,c", or "all".  '*list' ends with NULL, and is NULL for all; it is good
 * until sensor_names_done().  False if a name is none, or there are too many.
 */
bool sensor_names_parse(struct sensor_names *, const char *text,
                        const char *const **list);
void sensor_names_done(struct sensor_names *);

#endif
