/* Names, ids and the head of events; see event.h. */

#include "tools/event/event.h"

#include "tools/event/json.h"

#include <ctype.h>
#include <string.h>

enum {
    EPOCH_DIGITS = 8,
    SEQUENCE_DIGITS = 14,
    HEAD_SIZE = 160 /* Without the id. */
};

#define BEFORE_TIME "{\"@timestamp\":"
#define BEFORE_ID                                                              \
    ",\"ecs\":{\"version\":\"" EVENT_ECS_VERSION "\"},\"event\":{\"id\":"

/* Of the id in a head, behind its quotation mark. */
#define ID_OFFSET                                                              \
    (strlen(BEFORE_TIME) + JSON_TIME_SIZE + 2 + strlen(BEFORE_ID) + 1)

static char *put_hex(char *at, uint64_t value, unsigned n_digits);

static const char *const kind_names[EVENT_N_KINDS] = {
#define KIND_NAME(NAME, TEXT) [EVENT_##NAME] = (TEXT),
    EVENT_KINDS(KIND_NAME)
#undef KIND_NAME
};

void
event_head_encode(struct json *json, const char *id, uint64_t sequence,
                  struct wall_time emitted)
{
    size_t id_size = strlen(id);
    char *at;

    json_reset(json, false);
    if (!json_room(json, HEAD_SIZE + id_size, &at)) {
        return;
    }
    at = JSON_PUT(at, BEFORE_TIME);
    at = json_put_time(json, at, emitted);
    at = JSON_PUT(at, BEFORE_ID);
    at = json_put_plain(at, id, id_size);
    at = JSON_PUT(at, ",\"sequence\":");
    at = json_digits(at, sequence);
    json_commit(json, at);
}

/* All before it is of one length, and no letter of an id needs an escape. */
const char *
event_id_of(const char *line, size_t size, size_t *id_size)
{
    const char *id = line + ID_OFFSET;
    const char *end = NULL;

    if (size > ID_OFFSET && memcmp(id - 1 - strlen(BEFORE_ID), BEFORE_ID "\"",
                                   strlen(BEFORE_ID) + 1) == 0) {
        end = memchr(id, '"', size - ID_OFFSET);
    }
    *id_size = end ? (size_t)(end - id) : 0;
    return end ? id : "";
}

const char *
event_id_format(const struct event_source *source, uint64_t sequence,
                char text[EVENT_ID_SIZE])
{
    size_t size = strnlen(source->sensor, EVENT_MAX_SENSOR);
    char *at = json_append(text, source->sensor, size);

    *at++ = '-';
    at = put_hex(at, source->epoch, EPOCH_DIGITS);
    *at++ = '-';
    at = put_hex(at, sequence, SEQUENCE_DIGITS);
    *at = '\0';
    return text;
}

static char *
put_hex(char *at, uint64_t value, unsigned n_digits)
{
    char digits[JSON_ID_SIZE];

    json_hex(digits, value);
    return json_append(at, digits + JSON_ID_SIZE - n_digits, n_digits);
}

bool
event_sensor_ok(const char *sensor)
{
    size_t size = strlen(sensor);

    if (size == 0 || size > EVENT_MAX_SENSOR) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)sensor[i]) && !strchr("._-", sensor[i])) {
            return false;
        }
    }
    return true;
}

const char *
event_kind_name(enum event_kind kind)
{
    return kind_names[kind];
}

bool
event_kind_parse(const char *name, size_t size, enum event_kind *kind)
{
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        if (strlen(kind_names[i]) == size &&
            memcmp(kind_names[i], name, size) == 0) {
            *kind = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

bool
event_kinds_parse(const char *text, unsigned *kinds)
{
    unsigned found = 0;

    for (;;) {
        size_t size = strcspn(text, ",");
        enum event_kind kind;

        if (!event_kind_parse(text, size, &kind)) {
            return false;
        }
        found |= 1U << kind;
        if (text[size] == '\0') {
            break;
        }
        text += size + 1;
    }
    *kinds = found;
    return true;
}

const char *
event_verdict_name(enum decision decision)
{
    static const char *const names[] = {
#define VERDICT_NAME(NAME, TEXT) [DECISION_##NAME] = (TEXT),
        EVENT_VERDICTS(VERDICT_NAME)
#undef VERDICT_NAME
    };

    return names[decision];
}
