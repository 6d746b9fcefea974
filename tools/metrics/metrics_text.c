/* Prometheus' text form; see metrics_text.h.
 *
 * One byte that is no UTF-8 in one label and Prometheus refuses all metrics of
 * the program, for as long as the label is there: hence the care for it. */

#include "tools/metrics/metrics_text.h"

#include "capture/clock.h"
#include "tools/event/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BYTES = 16384,
    NUMBER_SIZE = 40
};

static void begin_label(struct metrics_text *, const char *key);
static void end_sample(struct metrics_text *, const char *value);
static void put_escaped(struct metrics_text *, const char *value);
static void put(struct metrics_text *, const char *string);
static void put_bytes(struct metrics_text *, const char *bytes, size_t size);
static bool reserve(struct metrics_text *, size_t size);

void
metrics_text_init(struct metrics_text *text)
{
    *text = (struct metrics_text){0};
}

char *
metrics_text_take(struct metrics_text *text, size_t *size)
{
    char *data = text->failed ? NULL : text->data;

    *size = text->size;
    if (!data) {
        free(text->data);
    }
    metrics_text_init(text);
    return data;
}

void
metrics_family(struct metrics_text *text, const char *name,
               enum metrics_type type, const char *help)
{
    assert(text->n_labels == 0);
    put(text, "# HELP ");
    put(text, name);
    put(text, " ");
    put(text, help);
    put(text, "\n# TYPE ");
    put(text, name);
    put(text, type == METRICS_COUNTER ? " counter\n" : " gauge\n");
    text->family = name;
}

void
metrics_label(struct metrics_text *text, const char *key, const char *value)
{
    begin_label(text, key);
    put_escaped(text, value);
    put(text, "\"");
}

void
metrics_label_number(struct metrics_text *text, const char *key, uint64_t value)
{
    char number[NUMBER_SIZE];

    begin_label(text, key);
    snprintf(number, sizeof number, "%" PRIu64 "\"", value);
    put(text, number);
}

void
metrics_value(struct metrics_text *text, uint64_t value)
{
    char number[NUMBER_SIZE];

    snprintf(number, sizeof number, "%" PRIu64, value);
    end_sample(text, number);
}

void
metrics_value_signed(struct metrics_text *text, int64_t value)
{
    char number[NUMBER_SIZE];

    snprintf(number, sizeof number, "%" PRId64, value);
    end_sample(text, number);
}

void
metrics_value_time(struct metrics_text *text, int64_t ns)
{
    char number[NUMBER_SIZE];
    uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

    snprintf(number, sizeof number, "%s%" PRIu64 ".%09" PRIu64,
             ns < 0 ? "-" : "", size / (uint64_t)SECOND_NS,
             size % (uint64_t)SECOND_NS);
    end_sample(text, number);
}

void
metrics_only(struct metrics_text *text, const char *name,
             enum metrics_type type, const char *help, uint64_t value)
{
    metrics_family(text, name, type, help);
    metrics_value(text, value);
}

static void
begin_label(struct metrics_text *text, const char *key)
{
    if (text->n_labels == 0) {
        put(text, text->family);
    }
    put(text, text->n_labels++ == 0 ? "{" : ",");
    put(text, key);
    put(text, "=\"");
}

static void
end_sample(struct metrics_text *text, const char *value)
{
    if (text->n_labels == 0) {
        put(text, text->family);
    }
    put(text, text->n_labels ? "} " : " ");
    put(text, value);
    put(text, "\n");
    text->n_labels = 0;
}

/* What cannot be shown is escaped first, and then what the form escapes. */
static void
put_escaped(struct metrics_text *text, const char *value)
{
    char shown[METRICS_TEXT_MAX_LABEL + 1];
    const char *at = shown;

    utf8_escape(shown, sizeof shown, value, strlen(value));
    while (*at) {
        size_t plain = strcspn(at, "\\\"");

        put_bytes(text, at, plain);
        at += plain;
        if (*at) {
            put(text, *at == '"' ? "\\\"" : "\\\\");
            at++;
        }
    }
}

static void
put(struct metrics_text *text, const char *string)
{
    put_bytes(text, string, strlen(string));
}

static void
put_bytes(struct metrics_text *text, const char *bytes, size_t size)
{
    if (reserve(text, size)) {
        memcpy(text->data + text->size, bytes, size);
        text->size += size;
    }
}

static bool
reserve(struct metrics_text *text, size_t size)
{
    size_t capacity = text->capacity ? text->capacity : FIRST_BYTES;
    char *data;

    if (text->failed || size > METRICS_TEXT_MAX_BYTES - text->size) {
        text->failed = true;
        return false;
    }
    while (capacity < text->size + size) {
        capacity *= 2;
    }
    if (capacity != text->capacity) {
        data = realloc(text->data, capacity);
        text->failed = !data;
        text->data = data ? data : text->data;
        text->capacity = data ? capacity : text->capacity;
    }
    return !text->failed;
}
