/* Values of one schema as those of another; see convert_table.h. */

#include "capture/clock.h"
#include "rules/schedule.h"
#include "tools/forward/convert_table.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum {
    MAX_PORT = 65535,
    MAX_DIGITS = 9, /* Of a number that 32 bits hold whatever it is. */
    MAX_UPPER = 256,
    DATE_SIZE = 10,
    MAC_SIZE = 17
};

static json_t *from_text(const char *text, size_t size, enum convert_how,
                         const struct convert_word *);
static json_t *from_count(json_int_t count, enum convert_how);
static json_t *same_text(const char *text, size_t size, bool good);
static bool is_address(const char *text);
static bool is_fqdn(const char *text, size_t size);
static json_t *digits(const char *text, size_t size);
static json_t *milliseconds(const char *text, size_t size);
static bool parse_time(const char *text, size_t size, int64_t *ms);
static int64_t number(const char *text, size_t size);
static json_t *upper(const char *text, size_t size);
static json_t *mac_colons(const char *text, size_t size);
static json_t *look_up(const struct convert_word *, const char *text);

json_t *
convert_value(const json_t *from, enum convert_how how,
              const struct convert_word *words)
{
    if (json_is_string(from)) {
        return from_text(json_string_value(from), json_string_length(from), how,
                         words);
    }
    if (json_is_integer(from)) {
        return from_count(json_integer_value(from), how);
    }
    return json_is_boolean(from) && how == INVERTED
               ? json_boolean(json_is_false(from))
               : NULL;
}

/* 'text' is terminated, and may have other zeros within. */
static json_t *
from_text(const char *text, size_t size, enum convert_how how,
          const struct convert_word *words)
{
    int64_t ms;

    switch (how) {
    case TEXT: return same_text(text, size, true);
    case ADDRESS:
        return same_text(text, size, strlen(text) == size && is_address(text));
    case TIME: return same_text(text, size, parse_time(text, size, &ms));
    case FQDN: return same_text(text, size, is_fqdn(text, size));
    case TIME_MS: return milliseconds(text, size);
    case DIGITS: return digits(text, size);
    case UPPER: return upper(text, size);
    case MAC_COLONS: return mac_colons(text, size);
    case WORD: return strlen(text) == size ? look_up(words, text) : NULL;
    case PORT:
    case COUNT:
    case COUNT32:
    case INVERTED:
    case NS_TO_MS:
    case NS_TO_MS32:
    case SAID:
    default: return NULL;
    }
}

static json_t *
from_count(json_int_t count, enum convert_how how)
{
    json_int_t most = INT64_MAX;

    if (how == NS_TO_MS || how == NS_TO_MS32) {
        most = how == NS_TO_MS32 ? INT32_MAX : most;
        count = count < 0 ? count : count / MILLISECOND_NS;
    } else if (how == COUNT32 || how == PORT) {
        most = how == PORT ? MAX_PORT : INT32_MAX;
    } else if (how != COUNT) {
        return NULL;
    }
    return count >= 0 && count <= most ? json_integer(count) : NULL;
}

static json_t *
same_text(const char *text, size_t size, bool good)
{
    return good ? json_stringn_nocheck(text, size) : NULL;
}

static bool
is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, address) == 1 ||
           inet_pton(AF_INET6, text, address) == 1;
}

static bool
is_fqdn(const char *text, size_t size)
{
    const char *dot = memchr(text, '.', size);

    return dot && dot != text && dot[1] != '\0' && strlen(text) == size;
}

static json_t *
digits(const char *text, size_t size)
{
    if (size == 0 || size > MAX_DIGITS || strspn(text, "0123456789") != size) {
        return NULL;
    }
    return json_integer(number(text, size));
}

static json_t *
milliseconds(const char *text, size_t size)
{
    int64_t ms;

    return parse_time(text, size, &ms) ? json_integer(ms) : NULL;
}

/* "2026-03-10T12:00:07.120331Z" and nothing else. */
static bool
parse_time(const char *text, size_t size, int64_t *ms)
{
    static const char form[] = "0000-00-00T00:00:00.000000Z";
    char date[DATE_SIZE + 1] = "";
    struct wall_time day;
    int64_t hour, minute, second;

    if (size != sizeof form - 1) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';

        if (form[i] == '0' ? !is_digit : text[i] != form[i]) {
            return false;
        }
    }
    memcpy(date, text, DATE_SIZE);
    hour = number(text + DATE_SIZE + 1, 2);
    minute = number(text + DATE_SIZE + 4, 2);
    second = number(text + DATE_SIZE + 7, 2);
    if (!date_parse(date, false, &day) || hour > 23 || minute > 59 ||
        second > 59) {
        return false;
    }
    *ms = day.ns / MILLISECOND_NS +
          ((hour * 60 + minute) * 60 + second) * 1000 +
          number(text + DATE_SIZE + 10, 3);
    return true;
}

/* Of digits and nothing else. */
static int64_t
number(const char *text, size_t size)
{
    int64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static json_t *
upper(const char *text, size_t size)
{
    char capitals[MAX_UPPER];

    if (size > sizeof capitals) {
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        bool is_small = text[i] >= 'a' && text[i] <= 'z';

        capitals[i] = (char)(is_small ? text[i] - 'a' + 'A' : text[i]);
    }
    return json_stringn_nocheck(capitals, size);
}

static json_t *
mac_colons(const char *text, size_t size)
{
    static const char form[] = "00-00-00-00-00-00";
    char colons[MAC_SIZE];

    if (size != MAC_SIZE) {
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        bool is_hex = text[i] && strchr("0123456789ABCDEFabcdef", text[i]);

        if (form[i] == '-' ? text[i] != '-' : !is_hex) {
            return NULL;
        }
        colons[i] = (char)(text[i] == '-' ? ':' : text[i]);
    }
    return json_stringn_nocheck(colons, size);
}

static json_t *
look_up(const struct convert_word *words, const char *text)
{
    for (; words->from; words++) {
        if (strcmp(words->from, text) == 0) {
            return words->text ? json_string(words->text)
                               : json_integer(words->number);
        }
    }
    return NULL;
}
