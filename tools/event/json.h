/* Writes one JSON document into a byte buffer.
 *
 * The buffer grows up to a bound given at the start and is kept for the next
 * document, so a steady stream of events allocates nothing.  A document that
 * would pass the bound, or for which memory is out, is 'failed': nothing more
 * is written and its bytes must not be used.
 *
 * Whatever bytes a string holds, the output is strict UTF-8 on one line: a byte
 * that is no UTF-8 becomes U+FFFD, and control, bidirectional and invisible
 * format characters are written as \uXXXX, so text from the wire cannot disturb
 * a terminal or a log viewer.  Keys are literals of ours and written as they
 * are.  Used by one thread. */

#ifndef TOOLS_EVENT_JSON_H
#define TOOLS_EVENT_JSON_H

#include "capture/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    JSON_MINUTE_SIZE = 17, /* "2026-03-10T12:34:" */
    JSON_TIME_SIZE = 27,   /* RFC 3339 with 6 digits and "Z". */
    JSON_ID_SIZE = 16,     /* Hex digits of an id. */
    JSON_MAX_NUMBER = 20,  /* Digits and sign of any 64-bit integer. */
    JSON_WORD_SIZE = 24    /* Room that json_put_word() needs. */
};

struct json {
    char *data; /* Owned; not NUL-terminated. */
    size_t size, capacity, max_bytes;
    bool failed;
    bool comma;     /* A value came before, so a comma comes next. */
    int64_t minute; /* Since 1970, of 'minute_text': times come in clusters. */
    char minute_text[JSON_MINUTE_SIZE];
};

void json_init(struct json *, size_t max_bytes);
void json_done(struct json *);

/* Forgets the document and keeps the buffer.  'comma' says whether the next
 * value continues an object or array somebody else began. */
void json_reset(struct json *, bool comma);

/* Grows the buffer; false, and 'failed', if it must not or cannot. */
bool json_grow(struct json *, size_t n_bytes);

/* Room for 'n_bytes' more. */
static inline bool
json_reserve(struct json *json, size_t n_bytes)
{
    return json->capacity - json->size >= n_bytes || json_grow(json, n_bytes);
}

/* Bytes that are JSON already. */
static inline void
json_raw(struct json *json, const char *bytes, size_t size)
{
    if (json_reserve(json, size)) {
        memcpy(json->data + json->size, bytes, size);
        json->size += size;
    }
}

/* Copies 'size' bytes and returns where they end. */
static inline char *
json_append(char *at, const char *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* A comma if one is due, then "key": unless 'key' is NULL, as in arrays.
 * '*value' is where a value of up to 'room' bytes goes, which json_end() ends;
 * false if there is no room.  Always inline, because the length of a literal is
 * then known when compiled: keys are half of what is written. */
__attribute__((always_inline)) static inline bool
json_begin(struct json *json, const char *key, size_t room, char **value)
{
    size_t size = key ? strlen(key) : 0;
    char *at;

    if (!json_reserve(json, size + 4 + room)) {
        return false;
    }
    at = json->data + json->size;
    if (json->comma) {
        *at++ = ',';
    }
    if (key) {
        *at++ = '"';
        at = json_append(at, key, size);
        *at++ = '"';
        *at++ = ':';
    }
    *value = at;
    return true;
}

static inline void
json_end(struct json *json, const char *at)
{
    json->size = (size_t)(at - json->data);
    json->comma = true;
}

/* A key whose value follows by other means. */
__attribute__((always_inline)) static inline void
json_key(struct json *json, const char *key)
{
    char *at;

    if (json_begin(json, key, 0, &at)) {
        json_end(json, at);
    }
}

__attribute__((always_inline)) static inline void
json_open(struct json *json, const char *key, char bracket)
{
    char *at;

    if (json_begin(json, key, 1, &at)) {
        *at++ = bracket;
        json_end(json, at);
        json->comma = false;
    }
}

static inline void
json_close(struct json *json, char bracket)
{
    if (json_reserve(json, 1)) {
        json->data[json->size++] = bracket;
        json->comma = true;
    }
}

/* Values without their key. */
void json_write_u64(struct json *, uint64_t value);
void json_write_text(struct json *, const char *bytes, size_t size);

/* Writes 10 and more. */
char *json_many_digits(char *at, uint64_t value);

/* Writes 1 to JSON_MAX_NUMBER digits and returns where they end. */
static inline char *
json_digits(char *at, uint64_t value)
{
    if (value < 10) {
        *at = (char)('0' + value);
        return at + 1;
    }
    return json_many_digits(at, value);
}

/* Writes 16 hex digits. */
void json_hex(char at[JSON_ID_SIZE], uint64_t value);

/* Writes JSON_TIME_SIZE bytes: RFC 3339, UTC, microseconds (rounded down). */
void json_write_time(struct json *, char at[JSON_TIME_SIZE], struct wall_time);

__attribute__((always_inline)) static inline void
json_u64(struct json *json, const char *key, uint64_t value)
{
    char *at;

    if (json_begin(json, key, JSON_MAX_NUMBER, &at)) {
        json_end(json, json_digits(at, value));
    }
}

static inline char *
json_put_i64(char *at, int64_t value)
{
    if (value < 0) {
        *at++ = '-';
    }
    return json_digits(at, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static inline void
json_i64(struct json *json, const char *key, int64_t value)
{
    char *at;

    if (json_begin(json, key, JSON_MAX_NUMBER, &at)) {
        json_end(json, json_put_i64(at, value));
    }
}

static inline void
json_bool(struct json *json, const char *key, bool value)
{
    json_key(json, key);
    json_raw(json, value ? "true" : "false", value ? 4 : 5);
}

/* Any bytes, made safe as said above. */
static inline void
json_text(struct json *json, const char *key, const char *bytes, size_t size)
{
    json_key(json, key);
    json_write_text(json, bytes, size);
}

static inline void
json_cstring(struct json *json, const char *key, const char *text)
{
    json_text(json, key, text, strlen(text));
}

/* Text of ours that needs no escaping: names from tables, formatted addresses.
 */
__attribute__((always_inline)) static inline void
json_plain_sized(struct json *json, const char *key, const char *text,
                 size_t size)
{
    char *at;

    if (json_begin(json, key, size + 2, &at)) {
        *at++ = '"';
        at = json_append(at, text, size);
        *at++ = '"';
        json_end(json, at);
    }
}

__attribute__((always_inline)) static inline void
json_plain(struct json *json, const char *key, const char *text)
{
    json_plain_sized(json, key, text, strlen(text));
}

/* A number as a string: what ECS calls a keyword. */
static inline void
json_u64_keyword(struct json *json, const char *key, uint64_t value)
{
    char *at;

    if (json_begin(json, key, JSON_MAX_NUMBER + 2, &at)) {
        *at++ = '"';
        at = json_digits(at, value);
        *at++ = '"';
        json_end(json, at);
    }
}

/* As a string of 16 hex digits, because JSON numbers are doubles to many. */
static inline void
json_id(struct json *json, const char *key, uint64_t id)
{
    char text[JSON_ID_SIZE];

    json_hex(text, id);
    json_plain_sized(json, key, text, sizeof text);
}

/* As a string; see json_write_time(). */
static inline void
json_time(struct json *json, const char *key, struct wall_time time)
{
    char text[JSON_TIME_SIZE];

    json_write_time(json, text, time);
    json_plain_sized(json, key, text, sizeof text);
}

/* Blocks: several members at once, where an event always has the same ones.
 * json_room() says where they go (false, and failed, if 'size' bytes must not
 * or cannot be), the json_put_*() write there and return where that ends, and
 * json_commit() ends the block, at a value.  Keys, commas and brackets are one
 * literal then, and nothing is checked in between: 'size' must hold them all.
 * A block starts with the comma of its first member. */
static inline bool
json_room(struct json *json, size_t size, char **at)
{
    if (!json_reserve(json, size)) {
        return false;
    }
    *at = json->data + json->size;
    return true;
}

static inline void
json_commit(struct json *json, const char *at)
{
    assert(at <= json->data + json->capacity);
    json_end(json, at);
}

#define JSON_PUT(at, literal) json_append((at), (literal), sizeof(literal) - 1)

/* A short text with its quotes, copied as a whole because that is quickest. */
struct json_word {
    char text[JSON_WORD_SIZE - 1];
    uint8_t size;
};

#define JSON_WORD(literal)                                                     \
    {                                                                          \
        .text = "\"" literal "\"", .size = sizeof(literal) + 1                 \
    }

static inline char *
json_put_word(char *at, const struct json_word *word)
{
    memcpy(at, word, sizeof *word);
    return at + word->size;
}

__attribute__((always_inline)) static inline void
json_word(struct json *json, const char *key, const struct json_word *word)
{
    char *at;

    if (json_begin(json, key, sizeof *word, &at)) {
        json_end(json, json_put_word(at, word));
    }
}

/* Text that needs no escaping. */
static inline char *
json_put_plain(char *at, const char *text, size_t size)
{
    *at++ = '"';
    at = json_append(at, text, size);
    *at++ = '"';
    return at;
}

static inline char *
json_put_id(char *at, uint64_t id)
{
    *at++ = '"';
    json_hex(at, id);
    at += JSON_ID_SIZE;
    *at++ = '"';
    return at;
}

static inline char *
json_put_time(struct json *json, char *at, struct wall_time time)
{
    *at++ = '"';
    json_write_time(json, at, time);
    at += JSON_TIME_SIZE;
    *at++ = '"';
    return at;
}

#endif
