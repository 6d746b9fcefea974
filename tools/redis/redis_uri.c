/* Reads a Redis URI; see redis_uri.h.  An error never repeats the text, which
 * may hold a password. */

#include "tools/redis/redis_uri.h"

#include "capture/error.h"

#include <stdio.h>
#include <string.h>

struct scheme {
    const char *begin;
    bool is_unix, is_tls, is_sentinel;
    const char *form; /* For people. */
};

#define HOSTS "[[user]:password@]host[:port][,...]"

static const struct scheme schemes[] = {
    {"redis://", false, false, false, "redis://" HOSTS "[/N]"},
    {"rediss://", false, true, false, "rediss://" HOSTS "[/N][?ca=FILE...]"},
    {"redis+sentinel://", false, false, true,
     "redis+sentinel://" HOSTS "/master[/N]"},
    {"rediss+sentinel://", false, true, true,
     "rediss+sentinel://" HOSTS "/master[/N][?ca=FILE...]"},
    {"unix://", true, false, false, "unix://[[user]:password@]/path[?db=N]"},
};

/* A value behind the '?'. */
struct value {
    const char *name;
    size_t offset, size; /* In struct redis_uri. */
    bool of_tls;         /* Else of Sentinels. */
};

#define VALUE(name, field, of_tls)                                             \
    {                                                                          \
        name, offsetof(struct redis_uri, field),                               \
            sizeof(((struct redis_uri *)0)->field), of_tls                     \
    }
static const struct value values[] = {
    VALUE("ca", ca, true),
    VALUE("cert", cert, true),
    VALUE("key", key, true),
    VALUE("sni", sni, true),
    VALUE("sentinel_user", sentinel_user, false),
    VALUE("sentinel_password_file", sentinel_password_file, false),
};
#undef VALUE

#define N_OF(array) (sizeof(array) / sizeof *(array))

static bool has_address(const struct redis_uri *uri,
                        const struct redis_address *);
static const struct scheme *find_scheme(const char *text);
static bool parse_rest(struct redis_uri *uri, const struct scheme *,
                       const char *at);
static bool parse_user(struct redis_uri *uri, const char **at);
static bool decode(const char *from, size_t size, char *to, size_t to_size);
static int hex_byte(const char *text);
static int hex_value(char digit);
static bool parse_hosts(struct redis_uri *uri, const struct scheme *,
                        const char **at);
static bool parse_host(struct redis_address *, const char **at);
static bool parse_master(struct redis_uri *uri, const char **at);
static bool parse_database(struct redis_uri *uri, const char **at);
static bool parse_values(struct redis_uri *uri, const struct scheme *,
                         const char *at);
static bool parse_value(struct redis_uri *uri, const struct scheme *,
                        const char *at, size_t size);
static bool parse_path(struct redis_uri *uri, const char *at);
static bool parse_number(const char **at, uint32_t max, uint32_t *value);
static bool copy(char *to, size_t to_size, const char *from, size_t size);
static void set_name(struct redis_uri *uri);

bool
redis_uri_is_one(const char *text)
{
    return find_scheme(text) != NULL;
}

bool
redis_uri_parse(const char *text, struct redis_uri *uri, struct error *error)
{
    const struct scheme *scheme = find_scheme(text);

    *uri = (struct redis_uri){.n_addresses = 0};
    if (!scheme) {
        return error_set(error, ERROR_VALUE, "",
                         "a Redis URI begins with redis://, rediss://, "
                         "redis+sentinel://, rediss+sentinel:// or unix://");
    }
    uri->is_unix = scheme->is_unix;
    uri->is_tls = scheme->is_tls;
    if (!parse_rest(uri, scheme, text + strlen(scheme->begin))) {
        return error_set(error, ERROR_VALUE, "", "not of the form %s",
                         scheme->form);
    }
    set_name(uri);
    return true;
}

bool
redis_uri_same(const struct redis_uri *a, const struct redis_uri *b)
{
    bool shared = false;

    for (size_t i = 0; i < a->n_addresses; i++) {
        shared = shared || has_address(b, &a->addresses[i]);
    }
    return shared && a->is_unix == b->is_unix && a->database == b->database &&
           strcmp(a->master, b->master) == 0;
}

bool
redis_address_same(const struct redis_address *a, const struct redis_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

void
redis_uri_name(const struct redis_uri *uri, const struct redis_address *address,
               char name[REDIS_URI_NAME_SIZE])
{
    if (uri->is_unix) {
        snprintf(name, REDIS_URI_NAME_SIZE, "redis at %.100s", address->host);
    } else {
        snprintf(name, REDIS_URI_NAME_SIZE, "redis at %.100s:%u", address->host,
                 address->port);
    }
}

static bool
has_address(const struct redis_uri *uri, const struct redis_address *address)
{
    for (size_t i = 0; i < uri->n_addresses; i++) {
        if (redis_address_same(&uri->addresses[i], address)) {
            return true;
        }
    }
    return false;
}

static const struct scheme *
find_scheme(const char *text)
{
    for (size_t i = 0; i < N_OF(schemes); i++) {
        if (strncmp(text, schemes[i].begin, strlen(schemes[i].begin)) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

static bool
parse_rest(struct redis_uri *uri, const struct scheme *scheme, const char *at)
{
    if (!parse_user(uri, &at)) {
        return false;
    }
    if (scheme->is_unix) {
        return parse_path(uri, at);
    }
    return parse_hosts(uri, scheme, &at) &&
           (!scheme->is_sentinel || parse_master(uri, &at)) &&
           parse_database(uri, &at) && parse_values(uri, scheme, at);
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
parse_hosts(struct redis_uri *uri, const struct scheme *scheme, const char **at)
{
    do {
        struct redis_address *address = &uri->addresses[uri->n_addresses];

        if (uri->n_addresses == REDIS_URI_MAX_ADDRESSES) {
            return false;
        }
        *at += uri->n_addresses > 0; /* A comma. */
        address->port =
            scheme->is_sentinel ? REDIS_SENTINEL_PORT : REDIS_DEFAULT_PORT;
        if (!parse_host(address, at)) {
            return false;
        }
        uri->n_addresses++;
    } while (**at == ',');
    return true;
}

static bool
parse_host(struct redis_address *address, const char **at)
{
    bool bracketed = **at == '[';
    size_t size = bracketed ? strcspn(*at, "]") : strcspn(*at, ":,/?");
    uint32_t port;

    if (bracketed && (*at)[size] != ']') {
        return false;
    }
    if (!copy(address->host, sizeof address->host, *at + bracketed,
              size - bracketed)) {
        return false;
    }
    *at += size + bracketed;
    if (**at == ':') {
        (*at)++;
        if (!parse_number(at, UINT16_MAX, &port) || port == 0) {
            return false;
        }
        address->port = (uint16_t)port;
    }
    return true;
}

static bool
parse_master(struct redis_uri *uri, const char **at)
{
    size_t size = **at == '/' ? strcspn(*at + 1, "/?") : 0;

    if (!decode(*at + 1, size, uri->master, sizeof uri->master) ||
        !uri->master[0]) {
        return false;
    }
    *at += 1 + size;
    return true;
}

static bool
parse_database(struct redis_uri *uri, const char **at)
{
    if (**at != '/') {
        return true;
    }
    (*at)++;
    return **at == '\0' || **at == '?' ||
           parse_number(at, INT32_MAX, &uri->database);
}

static bool
parse_values(struct redis_uri *uri, const struct scheme *scheme, const char *at)
{
    if (*at == '&') {
        return false;
    }
    while (*at == '?' || *at == '&') {
        size_t size = strcspn(++at, "&");

        if (!parse_value(uri, scheme, at, size)) {
            return false;
        }
        at += size;
    }
    return *at == '\0' && !uri->cert[0] == !uri->key[0];
}

static bool
parse_value(struct redis_uri *uri, const struct scheme *scheme, const char *at,
            size_t size)
{
    for (size_t i = 0; i < N_OF(values); i++) {
        const struct value *value = &values[i];
        size_t n = strlen(value->name);
        char *to = (char *)uri + value->offset;

        if (size > n + 1 && memcmp(at, value->name, n) == 0 && at[n] == '=') {
            return (value->of_tls ? scheme->is_tls : scheme->is_sentinel) &&
                   !to[0] && decode(at + n + 1, size - n - 1, to, value->size);
        }
    }
    return false;
}

static bool
parse_path(struct redis_uri *uri, const char *at)
{
    static const char database[] = "?db=";
    const char *end = strstr(at, database);
    size_t size = end ? (size_t)(end - at) : strlen(at);

    uri->n_addresses = 1;
    if (*at != '/' || !copy(uri->addresses[0].host,
                            sizeof uri->addresses[0].host, at, size)) {
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
    if (uri->master[0]) {
        snprintf(uri->name, sizeof uri->name, "redis master %.60s",
                 uri->master);
    } else {
        redis_uri_name(uri, &uri->addresses[0], uri->name);
    }
}
