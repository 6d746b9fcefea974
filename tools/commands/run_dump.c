/* A status event for people; see run_dump.h.
 *
 * It is made of the event itself, so that what a status tells is told here too,
 * under the same names. */

#include "tools/commands/run_dump.h"

#include "tools/event/event.h"
#include "tools/event/json.h"
#include "tools/process/log.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PATH_SIZE = 160,
    /* A line is told before it becomes longer than the log takes. */
    LINE_SIZE = LOG_MAX_TEXT - 200
};

struct line {
    const char *path; /* "": the status itself. */
    char text[LINE_SIZE];
    size_t length;
};

static json_t *parse(const struct json *body);
static void dump_object(const char *path, json_t *object);
static void dump_parts(const char *path, json_t *object);
static void dump_list(const char *path, json_t *list);
static bool is_part(const json_t *value);
static void add(struct line *, const char *name, const json_t *value);
static void tell(struct line *);
static void format(const json_t *value, char *text, size_t size);

void
run_dump(const struct json *body)
{
    json_t *event = parse(body);

    if (!event) {
        log_tell(NULL, LOG_LEVEL_ERROR, "out of memory for telling the state");
        return;
    }
    dump_object("",
                json_object_get(json_object_get(event, "segmon"), "status"));
    json_decref(event);
}

/* The body continues an object that the head began. */
static json_t *
parse(const struct json *body)
{
    struct json whole;
    json_t *event;

    json_init(&whole, (size_t)2 * EVENT_MAX_BYTES);
    event_head_encode(&whole, "", 0, (struct wall_time){0});
    json_raw(&whole, body->data, body->size);
    event = whole.failed ? NULL : json_loadb(whole.data, whole.size, 0, NULL);
    json_done(&whole);
    return event;
}

/* Its plain members on a line, and then its parts. */
static void
dump_object(const char *path, json_t *object)
{
    struct line line = {.path = path};

    for (void *at = json_object_iter(object); at;
         at = json_object_iter_next(object, at)) {
        json_t *value = json_object_iter_value(at);

        if (!is_part(value)) {
            add(&line, json_object_iter_key(at), value);
        }
    }
    tell(&line);
    dump_parts(path, object);
}

static void
dump_parts(const char *path, json_t *object)
{
    for (void *at = json_object_iter(object); at;
         at = json_object_iter_next(object, at)) {
        json_t *value = json_object_iter_value(at);
        char below[PATH_SIZE];

        snprintf(below, sizeof below, "%s%s%s", path, path[0] ? "." : "",
                 json_object_iter_key(at));
        if (json_is_object(value)) {
            dump_object(below, value);
        } else if (is_part(value)) {
            dump_list(below, value);
        }
    }
}

/* Of objects, which their names tell apart if they have some. */
static void
dump_list(const char *path, json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        char below[PATH_SIZE];

        snprintf(below, sizeof below, "%.120s %zu", path, i);
        dump_object(below, one);
    }
}

/* Has lines of its own. */
static bool
is_part(const json_t *value)
{
    return json_is_object(value) || json_is_object(json_array_get(value, 0));
}

static void
add(struct line *line, const char *name, const json_t *value)
{
    char text[PATH_SIZE], item[2 * PATH_SIZE];
    size_t length;

    format(value, text, sizeof text);
    length = (size_t)snprintf(item, sizeof item, "%s %s", name, text);
    if (line->length + length + sizeof ", " > sizeof line->text) {
        tell(line);
    }
    line->length += (size_t)snprintf(line->text + line->length,
                                     sizeof line->text - line->length, "%s%s",
                                     line->length ? ", " : "", item);
}

static void
tell(struct line *line)
{
    if (line->length) {
        log_tell(NULL, LOG_LEVEL_NOTICE, "state%s%s: %s",
                 line->path[0] ? " " : "", line->path, line->text);
    }
    line->length = 0;
}

static void
format(const json_t *value, char *text, size_t size)
{
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    snprintf(text, size, "%s",
             json_is_string(value) ? json_string_value(value)
             : dumped              ? dumped
                                   : "?");
    free(dumped);
}
