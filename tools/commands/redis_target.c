/* See redis_target.h. */

#include "tools/commands/redis_target.h"

#include "tools/redis/redis_password.h"
#include "tools/redis/redis_tls.h"
#include "tools/redis/redis_uri.h"

#include <stddef.h>
#include <stdlib.h>

bool
redis_target_parse(const char *text, struct redis_uri *uri, struct error *error)
{
    const char *password = getenv(REDIS_TARGET_PASSWORD);
    const char *path = getenv(REDIS_TARGET_PASSWORD_FILE);

    if (!redis_uri_parse(text, uri, error) || !redis_tls_check(uri, error)) {
        return false;
    }
    if (password) {
        return redis_password_set(uri, password, error);
    }
    return !path || redis_password_read(uri, path, error);
}
