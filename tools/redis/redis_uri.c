/* Reads a Redis URI; see redis_uri.h.  An error never repeats the text, which
 * may hold a password. */

#include "tools/redis/redis_uri.h"

#include "capture/error.h"

#include <stdio.h>
#include <string.h>

static bool parse_user(struct redis_uri *uri, const char **at);
static bool decode(const char *from, size_t size, char *to, size_t to_size);
static int hex_byte(const char *text);
static int hex_value(char digit);
static bool parse_host(struct redis_uri *uri, const char *at);
static bool parse_path(struct redis_uri *uri, const char *at);
static bool parse_number(const char **at, uint32_t max, uint32_t *value);
static bool copy(char *to, size_t to_size, const char *from, size_t size);
static void set_name(struct redis_uri *uri);

static const char tcp[] = "redis://";
static const char local[] = "unix://";

bool
redis_uri_is_one(const char *text)
{
    return strncmp(text, tcp, sizeof tcp - 1) == 0 ||
           strncmp(text, local, sizeof local - 1) == 0;
}

bool
redis_uri_parse(const char *text, struct redis_uri *uri, struct error *error)
{
    const char *at;
    bool ok;

    *uri = (struct redis_uri){.port = REDIS_DEFAULT_PORT};
    if (strncmp(text, tcp, sizeof tcp - 1) == 0) {
        at = text + sizeof tcp - 1;
        ok = parse_user(uri, &at) && parse_host(uri, at);
    } else if (strncmp(text, local, sizeof local - 1) == 0) {
        at = text + sizeof local - 1;
        uri->is_unix = true;
        ok = parse_user(uri, &at) && parse_path(uri, at);
    } else {
        return error_set(error, ERROR_VALUE, "",
                         "a Redis URI begins with redis:// or unix://");
    }
    if (!ok) {
        return error_set(
            error, ERROR_VALUE, "",
            uri->is_unix
                ? "not of the form unix://[[user]:password@]/path[?db=N]"
                : "not of the form redis://[[user]:password@]host[:port][/N]");
    }
    set_name(uri);
    return true;
}

/* Up to the last '@', so that one in a password does no harm. */
static bool
parse_user(struct redis_uri *uri, const char **at)
{
    const char *end = strrchr(*at, '@');
    const char *colon;

    if (!end) {
        return true;
    }
    colon = memchr(*at, ':', (size_t)(end - *at));
    if (!colon) {
        return false; /* A user alone cannot log in. */
    }
    if (!decode(*at, (size_t)(colon - *at), uri->user, sizeof uri->user) ||
        !decode(colon + 1, (size_t)(end - colon - 1), uri->password,
                sizeof uri->password)) {
        return false;
    }
    *at = end + 1;
    return true;
}

static bool
decode(const char *from, size_t size, char *to, size_t to_size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        int byte = (unsigned char)from[i];

        if (byte == '%') {
            byte = i + 2 < size ? hex_byte(from + i + 1) : -1;
            i += 2;
        }
        if (byte <= 0 || n + 1 >= to_size) {
            return false;
        }
        to[n++] = (char)byte;
    }
    to[n] = '\0';
    return true;
}

/* Of two digits; -1 if they are none. */
static int
hex_byte(const char *text)
{
    int high = hex_value(text[0]);
    int low = high < 0 ? -1 : hex_value(text[1]);

    return low < 0 ? -1 : high * 16 + low;
}

static int
hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = digit ? strchr(digits, digit) : NULL;

    return found ? (int)((found - digits) % 16) : -1;
}

static bool
parse_host(struct redis_uri *uri, const char *at)
{
    bool bracketed = *at == '[';
    size_t size = bracketed ? strcspn(at, "]") : strcspn(at, ":/");
    uint32_t port;

    if (bracketed && at[size] != ']') {
        return false;
    }
    if (!copy(uri->host, sizeof uri->host, at + bracketed, size - bracketed)) {
        return false;
    }
    at += size + bracketed;
    if (*at == ':') {
        at++;
        if (!parse_number(&at, UINT16_MAX, &port) || port == 0) {
            return false;
        }
        uri->port = (uint16_t)port;
    }
    if (*at == '/' && at[1] != '\0') {
        at++;
        return parse_number(&at, INT32_MAX, &uri->database) && *at == '\0';
    }
    return *at == '\0' || *at == '/';
}

static bool
parse_path(struct redis_uri *uri, const char *at)
{
    static const char database[] = "?db=";
    const char *end = strstr(at, database);
    size_t size = end ? (size_t)(end - at) : strlen(at);

    if (*at != '/' || !copy(uri->host, sizeof uri->host, at, size)) {
        return false;
    }
    if (!end) {
        return true;
    }
    end += sizeof database - 1;
    return parse_number(&end, INT32_MAX, &uri->database) && *end == '\0';
}

static bool
parse_number(const char **at, uint32_t max, uint32_t *value)
{
    const char *from = *at;
    uint64_t number = 0;

    while (**at >= '0' && **at <= '9' && number <= max) {
        number = number * 10 + (uint64_t)(**at - '0');
        (*at)++;
    }
    *value = (uint32_t)number;
    return *at != from && number <= max;
}

/* False if there is nothing, or too much. */
static bool
copy(char *to, size_t to_size, const char *from, size_t size)
{
    if (size == 0 || size >= to_size) {
        return false;
    }
    memcpy(to, from, size);
    to[size] = '\0';
    return true;
}

static void
set_name(struct redis_uri *uri)
{
    if (uri->is_unix) {
        snprintf(uri->name, sizeof uri->name, "redis at %.100s", uri->host);
    } else {
        snprintf(uri->name, sizeof uri->name, "redis at %.100s:%u", uri->host,
                 uri->port);
    }
}
