/* Reads line by line, to the empty one that ends the header. */

#include "dissect/http_login.h"

#include <string.h>
#include <strings.h>

static bool line_is_readable(const char *line, size_t length);
static bool begins(const char **at, size_t *left, const char *word);

bool
http_login_is_readable(struct bytes payload)
{
    const char *at = (const char *)payload.data;
    size_t left = payload.size < HTTP_LOGIN_MAX_BYTES ? payload.size
                                                      : HTTP_LOGIN_MAX_BYTES;

    while (left) {
        const char *end = memchr(at, '\n', left);
        size_t length = end ? (size_t)(end - at) : left;

        if (length <= 1 && end) {
            return false;
        }
        if (line_is_readable(at, length)) {
            return true;
        }
        at += length + (end != NULL);
        left -= length + (end != NULL);
    }
    return false;
}

static bool
line_is_readable(const char *line, size_t length)
{
    (void)begins(&line, &length, "Proxy-");
    if (!begins(&line, &length, "Authorization:")) {
        return false;
    }
    while (length && (*line == ' ' || *line == '\t')) {
        line++;
        length--;
    }
    return begins(&line, &length, "Basic ") ||
           begins(&line, &length, "Bearer ");
}

/* Case does not matter, in names (RFC 9110, 5.1) and schemes (11.1). */
static bool
begins(const char **at, size_t *left, const char *word)
{
    size_t length = strlen(word);

    if (*left < length || strncasecmp(*at, word, length) != 0) {
        return false;
    }
    *at += length;
    *left -= length;
    return true;
}
