/* Names, ids and the head of events; see event.h. */

#include "tools/output/event.h"

#include "tools/output/json.h"

#include <ctype.h>
#include <string.h>

enum {
    EPOCH_DIGITS = 8,
    SEQUENCE_DIGITS = 14
};

static const char *const kind_names[EVENT_N_KINDS] = {
#define KIND_NAME(NAME, TEXT) [EVENT_##NAME] = (TEXT),
    EVENT_KINDS(KIND_NAME)
#undef KIND_NAME
};

void
event_head_encode(struct json *json, const char *id, uint64_t sequence,
                  struct wall_time emitted)
{
    json_reset(json, false);
    json_open(json, NULL, '{');
    json_time(json, "@timestamp", emitted);
    json_open(json, "ecs", '{');
    json_plain(json, "version", EVENT_ECS_VERSION);
    json_close(json, '}');
    json_open(json, "event", '{');
    json_plain(json, "id", id);
    json_u64(json, "sequence", sequence);
}

const char *
event_id_format(const struct event_source *source, uint64_t sequence,
                char text[EVENT_ID_SIZE])
{
    size_t size = strnlen(source->sensor, EVENT_MAX_SENSOR);
    char *at = json_append(text, source->sensor, size);
    char epoch[JSON_ID_SIZE], number[JSON_ID_SIZE];

    json_hex(epoch, source->epoch);
    json_hex(number, sequence);
    *at++ = '-';
    at = json_append(at, epoch + JSON_ID_SIZE - EPOCH_DIGITS, EPOCH_DIGITS);
    *at++ = '-';
    at = json_append(at, number + JSON_ID_SIZE - SEQUENCE_DIGITS,
                     SEQUENCE_DIGITS);
    *at = '\0';
    return text;
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
event_kinds_parse(const char *text, unsigned *kinds)
{
    unsigned found = 0;

    for (;;) {
        size_t size = strcspn(text, ",");
        unsigned kind = 0;

        while (kind < EVENT_N_KINDS &&
               (strlen(kind_names[kind]) != size ||
                memcmp(kind_names[kind], text, size) != 0)) {
            kind++;
        }
        if (kind == EVENT_N_KINDS) {
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
