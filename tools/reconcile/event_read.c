/* See event_read.h. */

#include "tools/reconcile/event_read.h"

#include "tools/event/tree.h"

#include <string.h>

enum {
    HEAD_BYTES = 256, /* Where the id is, in what segmon writes. */
    MAX_BYTES = EVENT_MAX_BYTES + 1024
};

static bool read_head(const char *json, size_t size, char id[EVENT_ID_SIZE]);
static json_t *parse(const char *json, size_t size);
static bool read_gap(const json_t *, struct ledger_gap *);
static unsigned read_reason(const char *name);
static const json_t *find_output(const json_t *outputs, const char *server);
static void read_counters(const json_t *output, struct event_read_status *);

bool
event_read_id(const char *json, size_t size, char id[EVENT_ID_SIZE])
{
    json_t *root;
    const char *found;
    bool good;

    if (read_head(json, size, id)) {
        return true;
    }
    root = parse(json, size);
    found = tree_text(tree_at(root, "event", "id"));
    good = found[0] && strlen(found) < EVENT_ID_SIZE;
    if (good) {
        memcpy(id, found, strlen(found) + 1);
    }
    json_decref(root);
    return good;
}

bool
event_read_status(const char *json, size_t size, const char *server,
                  struct event_read_status *status)
{
    json_t *root = parse(json, size);
    const json_t *facts = tree_at(root, "segmon", "status");
    const json_t *output =
        find_output(json_object_get(facts, "outputs"), server);
    const char *cause = tree_text(json_object_get(facts, "cause"));
    bool good = strcmp(tree_text(tree_at(root, "event", "dataset")),
                       "segmon.status") == 0;

    *status = (struct event_read_status){.is_end = strcmp(cause, "end") == 0};
    if (good && strcmp(cause, "gap") == 0) {
        status->is_gap = true;
        status->has_gap = read_gap(json_object_get(facts, "gap"), &status->gap);
    }
    if (good && output) {
        status->has_counters = true;
        read_counters(output, status);
    }
    json_decref(root);
    return good;
}

/* As event_head_encode() writes it; the names of ids need no escape. */
static bool
read_head(const char *json, size_t size, char id[EVENT_ID_SIZE])
{
    static const char mark[] = "\"event\":{\"id\":\"";
    size_t length = sizeof mark - 1;

    size = size < HEAD_BYTES ? size : HEAD_BYTES;
    for (size_t i = 0; i + length < size && json[i]; i++) {
        const char *begin = json + i + length;
        const char *end;

        if (memcmp(json + i, mark, length) != 0) {
            continue;
        }
        end = memchr(begin, '"', size - i - length);
        if (!end || end == begin || end - begin >= EVENT_ID_SIZE) {
            return false;
        }
        memcpy(id, begin, (size_t)(end - begin));
        id[end - begin] = '\0';
        return !strchr(id, '\\');
    }
    return false;
}

static json_t *
parse(const char *json, size_t size)
{
    return size <= MAX_BYTES
               ? json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL)
               : NULL;
}

static bool
read_gap(const json_t *facts, struct ledger_gap *gap)
{
    const char *kind = tree_text(json_object_get(facts, "kind"));

    *gap = (struct ledger_gap){
        .reason = read_reason(tree_text(json_object_get(facts, "reason"))),
        .first = tree_count(json_object_get(facts, "first_serial")),
        .last = tree_count(json_object_get(facts, "last_serial"))};
    if (!redis_id_parse(tree_text(json_object_get(facts, "after")),
                        &gap->after)) {
        gap->after = (struct redis_id){0, 0};
    }
    if (!redis_id_parse(tree_text(json_object_get(facts, "before")),
                        &gap->before)) {
        gap->before = (struct redis_id){0, 0};
    }
    return event_kind_parse(kind, strlen(kind), &gap->kind) &&
           gap->last >= gap->first && gap->last <= LEDGER_MAX_NUMBER;
}

static unsigned
read_reason(const char *name)
{
    unsigned reason = 0;

    while (reason < SPOOL_N_REASONS &&
           strcmp(name, spool_reason_name((enum spool_reason)reason)) != 0) {
        reason++;
    }
    return reason; /* LEDGER_OTHER_REASON, if none. */
}

/* The one of that name, or else the only one that is a server's: the sensor may
 * have another name for it.  NULL if it cannot be told. */
static const json_t *
find_output(const json_t *outputs, const char *server)
{
    const json_t *only = NULL;
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *output = json_array_get(outputs, i);
        const char *name = tree_text(json_object_get(output, "name"));

        if (strcmp(name, server) == 0) {
            return output;
        }
        if (strncmp(name, "redis", 5) == 0 || strncmp(name, "unix:", 5) == 0) {
            only = output;
            n++;
        }
    }
    return n == 1 ? only : NULL;
}

static void
read_counters(const json_t *output, struct event_read_status *status)
{
    const json_t *events = json_object_get(output, "events");

    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        const json_t *of =
            json_object_get(events, event_kind_name((enum event_kind)i));

        status->counters[i] = (struct ledger_counters){
            .dropped = tree_count(json_object_get(of, "dropped")),
            .refused = tree_count(json_object_get(of, "refused"))};
    }
}
