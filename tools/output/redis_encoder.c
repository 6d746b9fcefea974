/* Events as commands; see redis_encoder.h.
 *
 * What all commands of a kind have in common is encoded once. */

#include "tools/output/redis_encoder.h"

#include "capture/error.h"
#include "tools/redis/resp.h"

#include <string.h>

enum {
    XADD_ARGUMENTS = 15,
    MAXLEN_ARGUMENTS = 3
};

static void init_kind(struct redis_encoder *, enum event_kind,
                      const struct output_redis *, const char *sensor);
static void init_before(struct json *before, const char *key,
                        const struct output_redis *, bool must_exist);
static void add_number(struct json *out, uint64_t number);

bool
redis_encoder_init(struct redis_encoder *encoder,
                   const struct output_redis *form, const char *sensor,
                   struct error *error)
{
    const char *template = form->key ? form->key : REDIS_TEMPLATE_DEFAULT;
    bool good = true;

    memset(encoder, 0, sizeof *encoder);
    json_init(&encoder->field, REDIS_ENCODER_OVERHEAD);
    json_init(&encoder->after, REDIS_ENCODER_OVERHEAD);
    resp_string(&encoder->field, form->field ? form->field : OUTPUT_FIELD);
    resp_string(&encoder->after, "v");
    resp_string(&encoder->after, EVENT_SCHEMA_VERSION);
    resp_string(&encoder->after, "n");
    good &= !encoder->field.failed && !encoder->after.failed;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const char *name = event_kind_name((enum event_kind)kind);

        good &=
            redis_template_expand(template, sensor, name, encoder->keys[kind]);
        init_kind(encoder, (enum event_kind)kind, form, sensor);
        good &= !encoder->before[kind].failed &&
                !encoder->before_known[kind].failed &&
                !encoder->between[kind].failed;
    }
    return good || error_set(error, ERROR_LIMIT, "",
                             "the names of a Redis output are too long");
}

void
redis_encoder_done(struct redis_encoder *encoder)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        json_done(&encoder->before[kind]);
        json_done(&encoder->before_known[kind]);
        json_done(&encoder->between[kind]);
    }
    json_done(&encoder->field);
    json_done(&encoder->after);
}

void
redis_encoder_add(const struct redis_encoder *encoder, struct json *commands,
                  const struct redis_event *event)
{
    const struct json *before = event->must_exist
                                    ? &encoder->before_known[event->kind]
                                    : &encoder->before[event->kind];
    const struct json *between = &encoder->between[event->kind];
    char id[REDIS_ID_SIZE];
    const char *event_id;
    size_t size;

    json_raw(commands, before->data, before->size);
    resp_argument(commands, id, redis_id_put(event->id, id));
    json_raw(commands, encoder->field.data, encoder->field.size);
    resp_argument(commands, event->line, event->size);
    json_raw(commands, between->data, between->size);
    event_id = event_id_of(event->line, event->size, &size);
    resp_argument(commands, event_id, size);
    json_raw(commands, encoder->after.data, encoder->after.size);
    add_number(commands, event->serial);
}

static void
init_kind(struct redis_encoder *encoder, enum event_kind kind,
          const struct output_redis *form, const char *sensor)
{
    struct json *between = &encoder->between[kind];

    init_before(&encoder->before[kind], encoder->keys[kind], form, false);
    init_before(&encoder->before_known[kind], encoder->keys[kind], form, true);
    json_init(between, REDIS_ENCODER_OVERHEAD);
    resp_string(between, "type");
    resp_string(between, event_kind_name(kind));
    resp_string(between, "sensor");
    resp_string(between, sensor);
    resp_string(between, "id");
}

static void
init_before(struct json *before, const char *key,
            const struct output_redis *form, bool must_exist)
{
    bool cut = form->max_length > 0;

    json_init(before, REDIS_ENCODER_OVERHEAD);
    resp_command(before, XADD_ARGUMENTS + (size_t)must_exist +
                             (cut ? MAXLEN_ARGUMENTS : 0));
    resp_string(before, "XADD");
    resp_string(before, key);
    if (must_exist) {
        resp_string(before, "NOMKSTREAM");
    }
    if (cut) {
        resp_string(before, "MAXLEN");
        resp_string(before, "~");
        add_number(before, form->max_length);
    }
}

static void
add_number(struct json *out, uint64_t number)
{
    char text[JSON_MAX_NUMBER];

    resp_argument(out, text, (size_t)(json_digits(text, number) - text));
}
