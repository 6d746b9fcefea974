/* The JSON writer; see json.h.
 *
 * Events are written a million times a second, from a hundred small values
 * each, so the common path of every value is one bounds check and plain stores:
 * a text reserves its worst case once and is then copied without further
 * checks. */

#include "tools/event/json.h"

#include "tools/event/utf8.h"

#include <endian.h>
#include <stdlib.h>

enum {
    FIRST_BYTES = 4096, /* Of a new buffer: one flow event fits. */
    WORST_ESCAPE = 6,   /* Bytes written for one byte of text: \u00XX. */
    MINUTES_OF_DAY = 24 * 60,
    MICROS_OF_MINUTE = 60000000
};

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD. */
static const char hex_digits[] = "0123456789abcdef";
static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

static size_t copy_plain(char *at, const uint8_t *bytes, size_t size);
static size_t copy_plain_bytes(char *at, const uint8_t *bytes, size_t size);
static bool copy_plain_word(char *at, const uint8_t *bytes);
static bool is_plain_byte(uint8_t byte);
static bool is_plain_word(uint64_t word);
static char *write_to_four(char *at, unsigned value);
static char *write_four(char *at, unsigned value);
static void hex_of_half(char at[8], uint32_t value);
static char *write_pair(char *at, unsigned value);
static char *write_escaped(char *at, const uint8_t *bytes, size_t size,
                           size_t *used);
static char *write_character(char *at, const uint8_t *bytes, size_t size,
                             uint32_t code);
static char *write_hex(char *at, uint32_t unit);
static char *write_digits(char *at, unsigned value, unsigned n_digits);
static int64_t floor_divide(int64_t value, int64_t by);
static void minute_format(int64_t minute, char text[JSON_MINUTE_SIZE]);
static char *day_format(int64_t day, char *text);

void
json_init(struct json *json, size_t max_bytes)
{
    *json = (struct json){.max_bytes = max_bytes, .minute = INT64_MIN};
}

void
json_done(struct json *json)
{
    free(json->data);
    json_init(json, json->max_bytes);
}

void
json_reset(struct json *json, bool comma)
{
    json->size = 0;
    json->failed = false;
    json->comma = comma;
}

bool
json_grow(struct json *json, size_t n_bytes)
{
    size_t wanted = json->size + n_bytes;
    size_t capacity = json->capacity ? json->capacity : FIRST_BYTES;
    char *data;

    if (json->failed || n_bytes > json->max_bytes || wanted > json->max_bytes) {
        json->failed = true;
        return false;
    }
    while (capacity < wanted) {
        capacity *= 2;
    }
    if (capacity > json->max_bytes) {
        capacity = json->max_bytes;
    }
    data = realloc(json->data, capacity);
    if (!data) {
        json->failed = true;
        return false;
    }
    json->data = data;
    json->capacity = capacity;
    return true;
}

void
json_write_u64(struct json *json, uint64_t value)
{
    if (json_reserve(json, JSON_MAX_NUMBER)) {
        char *at = json->data + json->size;

        json->size = (size_t)(json_digits(at, value) - json->data);
    }
}

char *
json_many_digits(char *at, uint64_t value)
{
    if (value < 10000) {
        return write_to_four(at, (unsigned)value);
    }
    if (value < 100000000) {
        at = write_to_four(at, (unsigned)value / 10000);
        return write_four(at, (unsigned)value % 10000);
    }
    at = json_digits(at, value / 100000000);
    at = write_four(at, (unsigned)(value % 100000000) / 10000);
    return write_four(at, (unsigned)(value % 10000));
}

void
json_hex(char at[JSON_ID_SIZE], uint64_t value)
{
    hex_of_half(at, (uint32_t)(value >> 32));
    hex_of_half(at + JSON_ID_SIZE / 2, (uint32_t)value);
}

void
json_write_text(struct json *json, const char *bytes, size_t size)
{
    const uint8_t *from = (const uint8_t *)bytes;
    char *at;

    if (size > json->max_bytes ||
        !json_reserve(json, size * WORST_ESCAPE + 2)) {
        json->failed = true;
        return;
    }
    at = json->data + json->size;
    *at++ = '"';
    for (;;) {
        size_t used = copy_plain(at, from, size);

        at += used;
        from += used;
        size -= used;
        if (size == 0) {
            break;
        }
        at = write_escaped(at, from, size, &used);
        from += used;
        size -= used;
    }
    *at++ = '"';
    json->size = (size_t)(at - json->data);
}

void
json_write_time(struct json *json, char at[JSON_TIME_SIZE],
                struct wall_time time)
{
    int64_t micros = floor_divide(time.ns, MICROSECOND_NS);
    int64_t minute = floor_divide(micros, MICROS_OF_MINUTE);
    unsigned of_minute = (unsigned)(micros - minute * MICROS_OF_MINUTE);
    unsigned fraction = of_minute % 1000000;

    if (minute != json->minute) {
        minute_format(minute, json->minute_text);
        json->minute = minute;
    }
    at = json_append(at, json->minute_text, JSON_MINUTE_SIZE);
    at = write_pair(at, of_minute / 1000000);
    *at++ = '.';
    at = write_pair(at, fraction / 10000);
    at = write_pair(at, fraction / 100 % 100);
    at = write_pair(at, fraction % 100);
    *at = 'Z';
}

/* Copies bytes up to the first that must not stand in a text as it is, and
 * returns how many.  Eight at a time, the last eight perhaps a second time:
 * most texts are plain throughout. */
static size_t
copy_plain(char *at, const uint8_t *bytes, size_t size)
{
    const size_t step = sizeof(uint64_t);
    size_t n = 0;

    if (size < step) {
        return copy_plain_bytes(at, bytes, size);
    }
    while (size - n >= step && copy_plain_word(at + n, bytes + n)) {
        n += step;
    }
    if (size - n < step &&
        copy_plain_word(at + size - step, bytes + size - step)) {
        return size;
    }
    return n + copy_plain_bytes(at + n, bytes + n, size - n);
}

/* One at a time, but two halves that overlap where there are 4 to 7. */
static size_t
copy_plain_bytes(char *at, const uint8_t *bytes, size_t size)
{
    size_t n = 0;

    if (size >= sizeof(uint32_t) && size < sizeof(uint64_t)) {
        uint32_t half[2];

        memcpy(&half[0], bytes, sizeof *half);
        memcpy(&half[1], bytes + size - sizeof *half, sizeof *half);
        if (is_plain_word(half[0] | (uint64_t)half[1] << 32)) {
            memcpy(at, &half[0], sizeof *half);
            memcpy(at + size - sizeof *half, &half[1], sizeof *half);
            return size;
        }
    }
    for (; n < size && is_plain_byte(bytes[n]); n++) {
        at[n] = (char)bytes[n];
    }
    return n;
}

/* All eight bytes, or none and false. */
static bool
copy_plain_word(char *at, const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    if (!is_plain_word(word)) {
        return false;
    }
    memcpy(at, &word, sizeof word);
    return true;
}

static bool
is_plain_byte(uint8_t byte)
{
    return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
}

/* is_plain_byte() of all eight at once.  A byte's top bit is set in 'odd' if it
 * is not ASCII, below ' ', or equal to one of those three.  Borrows and carries
 * go only from odd bytes to others, so the word as a whole is told right: see
 * "Bit Twiddling Hacks", "Determine if a word has a byte less than n". */
static bool
is_plain_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    uint64_t delete = word ^ (ones * 0x7f);
    uint64_t odd = word | (word - ones * ' ') | (quote - ones) |
                   (backslash - ones) | (delete - ones);

    return (odd & (ones * 0x80)) == 0;
}

/* 'value' is at most 9999; without leading zeros. */
static char *
write_to_four(char *at, unsigned value)
{
    if (value >= 1000) {
        return write_four(at, value);
    }
    if (value >= 100) {
        *at++ = (char)('0' + value / 100);
        return write_pair(at, value % 100);
    }
    if (value >= 10) {
        return write_pair(at, value);
    }
    *at = (char)('0' + value);
    return at + 1;
}

/* All four. */
static char *
write_four(char *at, unsigned value)
{
    return write_pair(write_pair(at, value / 100), value % 100);
}

/* Eight digits at once: the nibbles are spread over the bytes of a word, the
 * first in the lowest, and those above 9 moved on to the letters. */
static void
hex_of_half(char at[8], uint32_t value)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word = __builtin_bswap32(value);
    uint64_t above_9;

    word = (word | word << 16) & UINT64_C(0x0000ffff0000ffff);
    word = (word | word << 8) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word >> 4 | word << 8) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    above_9 = (word + ones * 6) >> 4 & ones;
    word += ones * '0' + above_9 * ('a' - '9' - 1);
    word = htole64(word);
    memcpy(at, &word, sizeof word);
}

/* 'value' is at most 99. */
static char *
write_pair(char *at, unsigned value)
{
    return json_append(at, digit_pairs + value * (size_t)2, 2);
}

/* One character that is not plain ASCII; '*used' bytes of it. */
static char *
write_escaped(char *at, const uint8_t *bytes, size_t size, size_t *used)
{
    uint32_t code;

    *used = 1;
    switch (bytes[0]) {
    case '"':
    case '\\':
        *at++ = '\\';
        *at++ = (char)bytes[0];
        return at;
    case '\n': return json_append(at, "\\n", 2);
    case '\r': return json_append(at, "\\r", 2);
    case '\t': return json_append(at, "\\t", 2);
    default: break;
    }
    if (bytes[0] < 0x80) {
        return write_hex(at, bytes[0]);
    }
    *used = utf8_decode(bytes, size, &code);
    if (*used == 0) {
        *used = 1;
        return json_append(at, replacement, 3);
    }
    return write_character(at, bytes, *used, code);
}

static char *
write_character(char *at, const uint8_t *bytes, size_t size, uint32_t code)
{
    if (utf8_is_printable(code)) {
        memcpy(at, bytes, size);
        return at + size;
    }
    if (code < 0x10000) {
        return write_hex(at, code);
    }
    code -= 0x10000; /* RFC 8259 section 7: a UTF-16 surrogate pair. */
    at = write_hex(at, 0xd800 + (code >> 10));
    return write_hex(at, 0xdc00 + (code & 0x3ff));
}

/* \uXXXX */
static char *
write_hex(char *at, uint32_t unit)
{
    *at++ = '\\';
    *at++ = 'u';
    for (unsigned shift = 16; shift > 0;) {
        shift -= 4;
        *at++ = hex_digits[unit >> shift & 0xf];
    }
    return at;
}

static char *
write_digits(char *at, unsigned value, unsigned n_digits)
{
    for (unsigned i = n_digits; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + n_digits;
}

static int64_t
floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static void
minute_format(int64_t minute, char text[JSON_MINUTE_SIZE])
{
    int64_t day = floor_divide(minute, MINUTES_OF_DAY);
    unsigned of_day = (unsigned)(minute - day * MINUTES_OF_DAY);

    text = day_format(day, text);
    *text++ = 'T';
    text = write_pair(text, of_day / 60);
    *text++ = ':';
    text = write_pair(text, of_day % 60);
    *text = ':';
}

/* The proleptic Gregorian date of a day since 1970-01-01, by counting in years
 * that begin in March, so that the leap day comes last. */
static char *
day_format(int64_t day, char *text)
{
    int64_t shifted = day + 719468; /* Since 0000-03-01. */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned of_era = (unsigned)(shifted - era * 146097);
    unsigned year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year =
        of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * of_year + 2) / 153;
    unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
    unsigned year = (unsigned)(era * 400 + year_of_era) + (month <= 2 ? 1 : 0);

    text = write_digits(text, year, 4);
    *text++ = '-';
    text = write_digits(text, month, 2);
    *text++ = '-';
    return write_digits(text, of_year - (153 * march_month + 2) / 5 + 1, 2);
}
