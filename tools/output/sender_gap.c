/* Gaps that the spool tells of, as events; see sender.h.
 *
 * What was dropped before it could be sent is told in its place among what is
 * sent, as an event of its own.  Its id has the form of all ids: for the epoch
 * stands which spool it is of, and for the sequence the id of its entry, so
 * that it is the same whenever it is sent again. */

#include "tools/output/sender_impl.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    SEQ_BITS = 12, /* Many in one millisecond would be one. */
    ID_TEXT_SIZE = 2 * JSON_MAX_NUMBER + 2
};

static uint64_t sequence_of(struct redis_id);
static const char *format(struct redis_id, char text[ID_TEXT_SIZE]);

void
sender_event_id(const struct sender *sender, const struct spool_record *record,
                char text[EVENT_ID_SIZE])
{
    struct event_source source = *sender->options.source;
    size_t size;
    const char *id;

    if (record->type == SPOOL_GAP) {
        source.epoch = sender->spool_id;
        event_id_format(&source, sequence_of(record->id), text);
        return;
    }
    id = event_id_of(record->bytes, record->size, &size);
    snprintf(text, EVENT_ID_SIZE, "%.*s", (int)size, id);
}

bool
sender_encode_gap(struct sender *sender, const struct spool_record *record)
{
    struct json *line = &sender->gap_line;
    const struct json *body;
    char id[EVENT_ID_SIZE], after[ID_TEXT_SIZE], before[ID_TEXT_SIZE];
    struct spool_gap gap;

    if (!spool_gap_decode(record, &gap)) {
        return false;
    }
    sender_event_id(sender, record, id);
    body = event_gap_encode(
        sender->event_encoder,
        &(struct event_gap){.kind = gap.kind,
                            .reason = spool_reason_name(gap.reason),
                            .first_serial = gap.first_serial,
                            .last_serial = gap.last_serial,
                            .after = format(gap.after, after),
                            .before = format(gap.before, before)});
    event_head_encode(
        line, id, sequence_of(record->id),
        (struct wall_time){(int64_t)record->id.ms * MILLISECOND_NS});
    json_raw(line, body->data, body->size);
    return !line->failed && !body->failed;
}

static uint64_t
sequence_of(struct redis_id id)
{
    return id.ms << SEQ_BITS | (id.seq & ((1U << SEQ_BITS) - 1));
}

static const char *
format(struct redis_id id, char text[ID_TEXT_SIZE])
{
    snprintf(text, ID_TEXT_SIZE, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
    return text;
}
