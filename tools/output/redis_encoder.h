/* One event as the one command that stores it in Redis.
 *
 *   stream   XADD key [NOMKSTREAM] [MAXLEN ~ n] ID event JSON type KIND
 *                sensor SENSOR id EVENT-ID v 1.x n SERIAL
 *
 * 'n' counts the events of a kind without a gap, so that a reader can tell that
 * it has all of them.  Pure encoding, no connection.  Used by one thread. */

#ifndef TOOLS_OUTPUT_REDIS_ENCODER_H
#define TOOLS_OUTPUT_REDIS_ENCODER_H

#include "tools/event/json.h"
#include "tools/output/output.h"
#include "tools/redis/redis_id.h"
#include "tools/redis/redis_template.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    REDIS_ENCODER_OVERHEAD = 1024 /* Bytes around one event, at most. */
};

/* Borrowed for the call. */
struct redis_event {
    enum event_kind kind;
    struct redis_id id; /* Of the entry. */
    bool must_exist;    /* The stream: NOMKSTREAM. */
    uint64_t serial;
    const char *line; /* Without a newline. */
    size_t size;
};

struct redis_encoder {
    char keys[EVENT_N_KINDS][REDIS_TEMPLATE_KEY_SIZE];
    /* Of a kind's commands: up to the entry's id, between that and the event,
     * between event and event id, and between that and the serial. */
    struct json before[EVENT_N_KINDS], between[EVENT_N_KINDS];
    struct json before_known[EVENT_N_KINDS]; /* If the stream must exist. */
    struct json field, after;
};

/* False if a key or the field is too long, or memory is out. */
bool redis_encoder_init(struct redis_encoder *, const struct output_redis *,
                        const char *sensor, struct error *error);
void redis_encoder_done(struct redis_encoder *);

void redis_encoder_add(const struct redis_encoder *, struct json *commands,
                       const struct redis_event *);

#endif
