/* The Redis server that a command is told to use. */

#ifndef TOOLS_COMMANDS_REDIS_TARGET_H
#define TOOLS_COMMANDS_REDIS_TARGET_H

#include <stdbool.h>

struct error;
struct redis_uri;

#define REDIS_TARGET_PASSWORD      "SEGMON_REDIS_PASSWORD"
#define REDIS_TARGET_PASSWORD_FILE "SEGMON_REDIS_PASSWORD_FILE"

/* Reads a URI, and the password from the environment: from the first of these
 * two variables that is set, where the second names a file.  That password wins
 * over the URI's. */
bool redis_target_parse(const char *text, struct redis_uri *, struct error *);

#endif
