/* Events, read; see event_view.h. */

#include "tools/watch/event_view.h"

#include <jansson.h>
#include <string.h>

static bool read_head(struct event_view *, const json_t *root);
static bool read_kind(const char *dataset, enum event_kind *);
static void read_rest(struct event_view *, const json_t *root);
static void read_status(struct event_view *, const json_t *status);
static struct event_view_end read_end(const json_t *root, const char *end,
                                      const char *side);
static const json_t *at(const json_t *, const char *parent, const char *key);
static const char *text(const json_t *);
static uint64_t number(const json_t *);

bool
event_view_read(struct event_view *view, const char *json, size_t size)
{
    json_t *root = size <= EVENT_MAX_BYTES
                       ? json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;

    *view = (struct event_view){.document = root};
    if (!read_head(view, root)) {
        event_view_done(view);
        return false;
    }
    read_rest(view, root);
    return true;
}

void
event_view_done(struct event_view *view)
{
    json_decref(view->document);
    view->document = NULL;
}

int
event_view_level(const char *severity)
{
    static const char *const levels[] = {"info", "low", "medium", "high",
                                         "critical"};

    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(severity, levels[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool
read_head(struct event_view *view, const json_t *root)
{
    view->time = text(json_object_get(root, "@timestamp"));
    view->id = text(at(root, "event", "id"));
    return view->time[0] && view->id[0] &&
           read_kind(text(at(root, "event", "dataset")), &view->kind);
}

static bool
read_kind(const char *dataset, enum event_kind *kind)
{
    static const char product[] = "segmon.";

    if (strncmp(dataset, product, strlen(product)) != 0) {
        return false;
    }
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        if (strcmp(dataset + strlen(product),
                   event_kind_name((enum event_kind)i)) == 0) {
            *kind = (enum event_kind)i;
            return true;
        }
    }
    return false;
}

static void
read_rest(struct event_view *view, const json_t *root)
{
    const json_t *segmon = json_object_get(root, "segmon");

    view->sensor = text(at(root, "observer", "name"));
    view->verdict = text(json_object_get(segmon, "verdict"));
    view->rule = text(at(root, "rule", "id"));
    view->outcome = text(json_object_get(segmon, "outcome"));
    view->transport = text(at(root, "network", "transport"));
    view->application = text(at(segmon, "app", "name"));
    view->severity = text(json_object_get(segmon, "severity"));
    view->level = event_view_level(view->severity);
    view->src = read_end(root, "source", "ingress");
    view->dst = read_end(root, "destination", "egress");
    view->bytes = number(at(root, "network", "bytes"));
    view->count = number(at(segmon, "violation", "count"));
    view->note = "";
    switch (view->kind) {
    case EVENT_FLOW:
        view->what = text(json_object_get(segmon, "record"));
        break;
    case EVENT_VIOLATION:
        view->what = text(at(segmon, "violation", "kind"));
        break;
    case EVENT_STATUS:
    case EVENT_N_KINDS:
        read_status(view, json_object_get(segmon, "status"));
        break;
    }
}

static void
read_status(struct event_view *view, const json_t *status)
{
    view->what = text(json_object_get(status, "cause"));
    view->frames = number(at(status, "capture", "frames"));
    view->flows = number(at(status, "flows", "created"));
    view->violations = number(at(status, "violations", "told"));
    view->note = text(json_array_get(json_object_get(status, "notes"), 0));
}

static struct event_view_end
read_end(const json_t *root, const char *end, const char *side)
{
    const json_t *port = at(root, end, "port");
    struct event_view_end read = {
        .segment = text(at(json_object_get(root, "observer"), side, "zone")),
        .ip = text(at(root, end, "ip")),
        .port = json_is_integer(port) ? json_integer_value(port) : -1,
    };

    read.has_addr = addr_parse(read.ip, &read.addr);
    return read;
}

static const json_t *
at(const json_t *object, const char *parent, const char *key)
{
    return json_object_get(json_object_get(object, parent), key);
}

static const char *
text(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : "";
}

static uint64_t
number(const json_t *value)
{
    json_int_t found = json_is_integer(value) ? json_integer_value(value) : 0;

    return found > 0 ? (uint64_t)found : 0;
}
