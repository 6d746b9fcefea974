/* See stream_entry.h.  What routes an entry is in its fields; those that lack
 * the id of their event have it in the event itself. */

#include "tools/reconcile/stream_entry.h"

#include "tools/reconcile/event_read.h"
#include "tools/redis/redis_link.h"

#include <string.h>

struct value {
    const char *text; /* NULL: there is none. */
    size_t size;
};

struct fields {
    struct value event, type, sensor, id, serial;
};

static struct fields read_fields(const struct redis_reply *list,
                                 const char *field);
static bool find_kind(const struct value *type, unsigned kinds,
                      enum event_kind *);
static bool read_serial(const struct value *, uint64_t *);
static bool is(const struct value *, const char *text);

enum stream_entry_origin
stream_entry_read(const struct redis_reply *reply, const char *field,
                  const char *sensor, unsigned kinds,
                  struct stream_entry *entry)
{
    struct fields fields = read_fields(redis_reply_at(reply, 1), field);
    char inside[EVENT_ID_SIZE] = "";
    bool has_inside =
        fields.event.text &&
        event_read_id(fields.event.text, fields.event.size, inside);

    *entry = (struct stream_entry){.event = fields.event.text,
                                   .event_size = fields.event.size};
    if (fields.sensor.text && !is(&fields.sensor, sensor)) {
        return STREAM_ENTRY_OTHERS;
    }
    if (!fields.id.text) {
        fields.id = (struct value){inside, strlen(inside)};
    }
    entry->has_event = has_inside && is(&fields.id, inside);
    if (!find_kind(&fields.type, kinds, &entry->kind) ||
        !event_name_parse(fields.id.text, fields.id.size, sensor,
                          &entry->name) ||
        !read_serial(&fields.serial, &entry->serial)) {
        return STREAM_ENTRY_FOREIGN;
    }
    return STREAM_ENTRY_OURS;
}

/* Of fields of the same name the first counts. */
static struct fields
read_fields(const struct redis_reply *list, const char *field)
{
    struct fields fields = {.event = {NULL, 0}};
    const struct {
        const char *name;
        struct value *value;
    } wanted[] = {{field, &fields.event},
                  {"type", &fields.type},
                  {"sensor", &fields.sensor},
                  {"id", &fields.id},
                  {"n", &fields.serial}};

    for (size_t i = 0; i + 1 < redis_reply_n(list); i += 2) {
        const struct redis_reply *name = redis_reply_at(list, i);
        size_t j = 0;

        while (j < sizeof wanted / sizeof *wanted &&
               !redis_reply_is(name, wanted[j].name)) {
            j++;
        }
        if (j < sizeof wanted / sizeof *wanted && !wanted[j].value->text) {
            wanted[j].value->text = redis_reply_text(
                redis_reply_at(list, i + 1), &wanted[j].value->size);
        }
    }
    return fields;
}

/* Without a type it is of the only kind that it can be. */
static bool
find_kind(const struct value *type, unsigned kinds, enum event_kind *kind)
{
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        bool is_it = type->text ? is(type, event_kind_name((enum event_kind)i))
                                : kinds == 1U << i;

        if (kinds & 1U << i && is_it) {
            *kind = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

/* None is fine; else it is a number from 1 on, and nothing but that. */
static bool
read_serial(const struct value *value, uint64_t *serial)
{
    *serial = 0;
    for (size_t i = 0; i < value->size; i++) {
        char digit = value->text[i];

        if (digit < '0' || digit > '9' || *serial > LEDGER_MAX_NUMBER / 10) {
            return false;
        }
        *serial = *serial * 10 + (uint64_t)(digit - '0');
    }
    return !value->text || (*serial > 0 && *serial <= LEDGER_MAX_NUMBER);
}

static bool
is(const struct value *value, const char *text)
{
    return value->size == strlen(text) &&
           memcmp(value->text, text, value->size) == 0;
}
