/* Which events are where on their way; see redis_batch.h. */

#include "tools/output/redis_batch.h"

#include "tools/redis/resp.h"

#include <stdio.h>
#include <string.h>

enum {
    XADD_ARGUMENTS = 13,
    XADD_OVERHEAD = 1024, /* Bytes around one event, at most. */
    MAX_TEXT = REDIS_BATCH_BYTES + EVENT_MAX_BYTES + XADD_OVERHEAD,
    MAX_COMMANDS = MAX_TEXT + REDIS_BATCH_EVENTS * XADD_OVERHEAD,
    ID_TEXT_SIZE = 2 * JSON_MAX_NUMBER + 2
};

static void stream_init(struct redis_stream *stream, enum event_kind kind,
                        const char *sensor);
static void add_commands(struct redis_batch *batch,
                         enum redis_entry_state state);
static void encode_entry(struct redis_batch *batch,
                         const struct redis_entry *entry);
static bool starts_with(const char *text, const char *prefix);

void
redis_batch_init(struct redis_batch *batch, const char *sensor)
{
    memset(batch, 0, sizeof *batch);
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        stream_init(&batch->streams[i], (enum event_kind)i, sensor);
    }
    json_init(&batch->text, MAX_TEXT);
    json_init(&batch->commands, MAX_COMMANDS);
}

void
redis_batch_done(struct redis_batch *batch)
{
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        json_done(&batch->streams[i].before);
        json_done(&batch->streams[i].between);
    }
    json_done(&batch->text);
    json_done(&batch->commands);
}

/* What all commands of a stream have in common. */
static void
stream_init(struct redis_stream *stream, enum event_kind kind,
            const char *sensor)
{
    redis_key(stream->key, sensor, event_kind_name(kind));
    json_init(&stream->before, XADD_OVERHEAD);
    resp_command(&stream->before, XADD_ARGUMENTS);
    resp_string(&stream->before, "XADD");
    resp_string(&stream->before, stream->key);
    json_init(&stream->between, XADD_OVERHEAD);
    resp_string(&stream->between, "type");
    resp_string(&stream->between, event_kind_name(kind));
    resp_string(&stream->between, "sensor");
    resp_string(&stream->between, sensor);
    resp_string(&stream->between, "id");
}

bool
redis_batch_is_full(const struct redis_batch *batch)
{
    return batch->n == REDIS_BATCH_EVENTS ||
           batch->text.size >= REDIS_BATCH_BYTES;
}

bool
redis_batch_add(struct redis_batch *batch, const struct sink_event *event)
{
    struct redis_entry *entry = &batch->entries[batch->n];
    size_t at = batch->text.size;

    json_raw(&batch->text, event->line, event->size);
    if (batch->text.failed) {
        batch->text.failed = false; /* Nothing was written. */
        return false;
    }
    *entry = (struct redis_entry){.state = REDIS_ENTRY_NEW,
                                  .kind = event->kind,
                                  .emitted = event->emitted,
                                  .at = at,
                                  .size = event->size};
    memcpy(entry->event_id, event->id, strlen(event->id) + 1);
    batch->n++;
    return true;
}

bool
redis_batch_encode(struct redis_batch *batch)
{
    json_reset(&batch->commands, false);
    batch->n_commands = 0;
    batch->reply_bytes = 0;
    add_commands(batch, REDIS_ENTRY_IN_DOUBT);
    batch->n_resent = batch->n_commands;
    add_commands(batch, REDIS_ENTRY_NEW);
    return !batch->commands.failed;
}

enum redis_answer
redis_answer_of(const char *error_text)
{
    static const char *const later[] = {
        "OOM ",         "LOADING ",
        "READONLY ",    "MASTERDOWN ",
        "TRYAGAIN ",    "BUSY ",
        "NOREPLICAS ",  "MISCONF ",
        "CLUSTERDOWN ", "ERR max number of clients"};

    if (starts_with(error_text, "ERR The ID specified in XADD is equal")) {
        return REDIS_NOT_ABOVE;
    }
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        if (starts_with(error_text, later[i])) {
            return REDIS_TRY_LATER;
        }
    }
    return REDIS_REFUSED;
}

enum redis_resume
redis_batch_resume(struct redis_batch *batch, enum event_kind kind,
                   struct redis_id last, size_t *n_found)
{
    struct redis_stream *stream = &batch->streams[kind];
    bool foreign = redis_id_compare(last, stream->last) > 0;
    bool lost = redis_id_compare(last, stream->acked) < 0;

    *n_found = 0;
    for (size_t i = 0; i < batch->n; i++) {
        struct redis_entry *entry = &batch->entries[i];

        if (entry->kind != kind || entry->state != REDIS_ENTRY_IN_DOUBT) {
            continue;
        }
        if (foreign) {
            entry->state = REDIS_ENTRY_NEW;
        } else if (redis_id_compare(entry->id, last) <= 0) {
            entry->state = REDIS_ENTRY_DONE;
            (*n_found)++;
        }
    }
    if (foreign) {
        stream->last = last;
    }
    stream->acked = last;
    return foreign ? REDIS_RESUME_FOREIGN
           : lost  ? REDIS_RESUME_LOST
                   : REDIS_RESUME_OK;
}

void
redis_batch_compact(struct redis_batch *batch)
{
    size_t n = 0;
    size_t used = 0;

    for (size_t i = 0; i < batch->n; i++) {
        struct redis_entry *entry = &batch->entries[i];

        if (entry->state == REDIS_ENTRY_DONE) {
            continue;
        }
        memmove(batch->text.data + used, batch->text.data + entry->at,
                entry->size);
        entry->at = used;
        used += entry->size;
        batch->entries[n++] = *entry;
    }
    batch->n = n;
    batch->text.size = used;
}

static void
add_commands(struct redis_batch *batch, enum redis_entry_state state)
{
    size_t n_before = batch->n_commands;

    for (size_t i = 0; i < batch->n; i++) {
        if (batch->entries[i].state == state) {
            batch->order[batch->n_commands++] = i;
        }
    }
    for (size_t i = n_before; i < batch->n_commands; i++) {
        struct redis_entry *entry = &batch->entries[batch->order[i]];
        struct redis_stream *stream = &batch->streams[entry->kind];

        if (entry->state == REDIS_ENTRY_NEW) {
            entry->id =
                redis_id_next(stream->last, entry->emitted.ns / MILLISECOND_NS);
            stream->last = entry->id;
        }
        encode_entry(batch, entry);
    }
    for (size_t i = n_before; i < batch->n_commands; i++) {
        batch->entries[batch->order[i]].state = REDIS_ENTRY_IN_DOUBT;
    }
}

static void
encode_entry(struct redis_batch *batch, const struct redis_entry *entry)
{
    const struct redis_stream *stream = &batch->streams[entry->kind];
    struct json *out = &batch->commands;
    char id[ID_TEXT_SIZE];
    char *end = json_digits(id, entry->id.ms);
    size_t start;

    *end++ = '-';
    end = json_digits(end, entry->id.seq);
    out->failed |= stream->before.failed || stream->between.failed;
    json_raw(out, stream->before.data, stream->before.size);
    start = out->size;
    resp_argument(out, id, (size_t)(end - id));
    batch->reply_bytes += out->size - start; /* The answer is the id. */
    resp_string(out, "event");
    resp_argument(out, batch->text.data + entry->at, entry->size);
    json_raw(out, stream->between.data, stream->between.size);
    resp_string(out, entry->event_id);
    resp_string(out, "v");
    resp_string(out, EVENT_SCHEMA_VERSION);
}

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}
