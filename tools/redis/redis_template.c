/* See redis_template.h. */

#include "tools/redis/redis_template.h"

#include <stddef.h>
#include <string.h>

static bool begins(const char *text, const char *token);
static bool append(char *key, size_t *size, const char *text, size_t n);

bool
redis_template_expand(const char *text, const char *sensor, const char *type,
                      char key[REDIS_TEMPLATE_KEY_SIZE])
{
    const struct {
        const char *token, *value;
    } tokens[] = {{"{sensor}", sensor}, {"{type}", type}};
    const size_t n_tokens = sizeof tokens / sizeof tokens[0];
    size_t size = 0;
    bool fits = true;

    while (*text && fits) {
        size_t i = 0;

        while (i < n_tokens && !begins(text, tokens[i].token)) {
            i++;
        }
        if (i < n_tokens) {
            fits = append(key, &size, tokens[i].value, strlen(tokens[i].value));
            text += strlen(tokens[i].token);
        } else {
            fits = append(key, &size, text++, 1);
        }
    }
    key[size] = '\0';
    return fits;
}

bool
redis_template_has(const char *text, const char *token)
{
    return strstr(text, token) != NULL;
}

static bool
begins(const char *text, const char *token)
{
    return strncmp(text, token, strlen(token)) == 0;
}

/* All of it, or nothing. */
static bool
append(char *key, size_t *size, const char *text, size_t n)
{
    if (*size + n >= REDIS_TEMPLATE_KEY_SIZE) {
        return false;
    }
    memcpy(key + *size, text, n);
    *size += n;
    return true;
}
