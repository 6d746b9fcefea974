/* See redis_info.h. */

#include "tools/redis/redis_info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *find(const struct redis_info *, const char *name,
                        size_t *length);

bool
redis_info_text(const struct redis_info *info, const char *name, char *value,
                size_t size)
{
    size_t length = 0;
    const char *found = find(info, name, &length);

    if (length >= size) {
        length = size - 1;
    }
    if (found) {
        memcpy(value, found, length);
    }
    value[length] = '\0';
    return found != NULL;
}

bool
redis_info_is(const struct redis_info *info, const char *name,
              const char *value)
{
    size_t length = 0;
    const char *found = find(info, name, &length);

    return found && length == strlen(value) &&
           memcmp(found, value, length) == 0;
}

bool
redis_info_number(const struct redis_info *info, const char *name,
                  uint64_t *value)
{
    char text[24];
    char *end = text;

    *value = 0;
    if (!redis_info_text(info, name, text, sizeof text) || text[0] < '0' ||
        text[0] > '9') {
        return false;
    }
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno || *end) {
        *value = 0;
        return false;
    }
    return true;
}

static const char *
find(const struct redis_info *info, const char *name, size_t *length)
{
    size_t skip = strlen(name);

    for (const char *line = info->text; line && *line;) {
        if (strncmp(line, name, skip) == 0 && line[skip] == ':') {
            *length = strcspn(line + skip + 1, "\r\n");
            return line + skip + 1;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return NULL;
}
