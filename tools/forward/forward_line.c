/* Frames and lines; see forward_line.h. */

#include "tools/forward/forward_line.h"

#include "tools/event/event.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER_MAX = 512,
    MAX_NAME = 255, /* Of a host. */
    MAX_MSGID = 32, /* RFC 5424 section 6. */
    MAX_STAMP = 32,
    INFORMATIONAL = 6, /* Of what is no violation. */
    ROOM = 8           /* For text as long as an event, escaped. */
};

static void add_frame(struct json *out, unsigned facility, const json_t *event,
                      const char *text, size_t size);
static unsigned severity_of(const json_t *event);
static const char *text_at(const json_t *object, const char *parent,
                           const char *key);
static const char *word(const char *text, size_t max);

void
forward_line_init(struct forward_line *line, enum forward_format format,
                  unsigned facility, enum convert_schema schema)
{
    *line = (struct forward_line){
        .format = format, .facility = facility, .schema = schema};
    json_init(&line->converted, ROOM * (size_t)EVENT_MAX_BYTES);
}

void
forward_line_done(struct forward_line *line)
{
    json_done(&line->converted);
}

void
forward_line_add(struct forward_line *line, struct json *out, const char *event,
                 size_t size)
{
    const char *text = event;
    size_t text_size = size;

    if (line->schema != CONVERT_ECS) {
        enum convert_result result;

        json_reset(&line->converted, false);
        result = convert_event(line->schema, &line->converted, event, size);
        if (result == CONVERT_DONE && !line->converted.failed) {
            text = line->converted.data;
            text_size = line->converted.size;
        } else if (result == CONVERT_NO_RECORD) {
            line->no_record++;
        } else {
            line->unfit++;
        }
    }
    if (line->format == FORWARD_SYSLOG) {
        json_t *parsed = json_loadb(event, size, JSON_REJECT_DUPLICATES, NULL);

        add_frame(out, line->facility, parsed, text, text_size);
        json_decref(parsed);
    } else {
        json_raw(out, text, text_size);
        json_raw(out, "\n", 1);
    }
}

/* What an event does not have, or has in a form that a header cannot take, is
 * "-" there. */
static void
add_frame(struct json *out, unsigned facility, const json_t *event,
          const char *text, size_t size)
{
    const char *dataset = word(text_at(event, "event", "dataset"), MAX_NAME);
    const char *dot = strrchr(dataset, '.');
    const char *kind = word(dot ? dot + 1 : dataset, MAX_MSGID);
    char header[HEADER_MAX], length[JSON_MAX_NUMBER + 2];
    int header_size, length_size;

    header_size =
        snprintf(header, sizeof header, "<%u>1 %s %s segmon - %s - ",
                 facility * 8 + severity_of(event),
                 word(json_string_value(json_object_get(event, "@timestamp")),
                      MAX_STAMP),
                 word(text_at(event, "observer", "name"), MAX_NAME), kind);
    length_size =
        snprintf(length, sizeof length, "%zu ", (size_t)header_size + size);
    json_raw(out, length, (size_t)length_size);
    json_raw(out, header, (size_t)header_size);
    json_raw(out, text, size);
}

/* RFC 5424 section 6.2.1. */
static unsigned
severity_of(const json_t *event)
{
    static const struct {
        const char *level;
        unsigned severity;
    } levels[] = {{"critical", 2}, {"high", 3}, {"medium", 4}, {"low", 5}};
    const char *level = text_at(event, "segmon", "severity");

    for (size_t i = 0; level && i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(level, levels[i].level) == 0) {
            return levels[i].severity;
        }
    }
    return INFORMATIONAL;
}

static const char *
text_at(const json_t *object, const char *parent, const char *key)
{
    return json_string_value(
        json_object_get(json_object_get(object, parent), key));
}

/* PRINTUSASCII of RFC 5424, or "-". */
static const char *
word(const char *text, size_t max)
{
    size_t size = text ? strlen(text) : 0;

    if (size == 0 || size > max) {
        return "-";
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '!' || text[i] > '~') {
            return "-";
        }
    }
    return text;
}

bool
forward_facility_parse(const char *name, unsigned *facility)
{
    static const char *const names[FORWARD_MAX_FACILITY + 1] = {
        "kern",   "user",   "mail",   "daemon", "auth",     "syslog",
        "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
        "ntp",    "audit",  "alert",  "clock",  "local0",   "local1",
        "local2", "local3", "local4", "local5", "local6",   "local7"};

    for (unsigned i = 0; i <= FORWARD_MAX_FACILITY; i++) {
        if (strcmp(name, names[i]) == 0) {
            *facility = i;
            return true;
        }
    }
    return false;
}
