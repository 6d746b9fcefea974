/* Where the password for a Redis server comes from, if it is not in the URI,
 * which others can read among the arguments of a program. */

#ifndef TOOLS_REDIS_REDIS_PASSWORD_H
#define TOOLS_REDIS_REDIS_PASSWORD_H

#include <stdbool.h>

struct error;
struct redis_uri;

/* The first line of a file, which must not be for everybody to read. */
bool redis_password_read(struct redis_uri *, const char *path, struct error *);

/* False if it is too long. */
bool redis_password_set(struct redis_uri *, const char *password,
                        struct error *);

#endif
