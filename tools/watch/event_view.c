/* Events, read; see event_view.h. */

#include "tools/watch/event_view.h"

#include "tools/event/tree.h"

#include <string.h>

static bool read_head(struct event_view *, const json_t *root);
static bool read_kind(const char *dataset, enum event_kind *);
static void read_rest(struct event_view *, const json_t *root);
static void read_status(struct event_view *, const json_t *status);
static struct event_view_end read_end(const json_t *root, const char *end,
                                      const char *side);

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
    view->time = tree_text(json_object_get(root, "@timestamp"));
    view->id = tree_text(tree_at(root, "event", "id"));
    return view->time[0] && view->id[0] &&
           read_kind(tree_text(tree_at(root, "event", "dataset")), &view->kind);
}

static bool
read_kind(const char *dataset, enum event_kind *kind)
{
    static const char product[] = "segmon.";

    if (strncmp(dataset, product, strlen(product)) != 0) {
        return false;
    }
    dataset += strlen(product);
    return event_kind_parse(dataset, strlen(dataset), kind);
}

static void
read_rest(struct event_view *view, const json_t *root)
{
    const json_t *segmon = json_object_get(root, "segmon");

    view->sensor = tree_text(tree_at(root, "observer", "name"));
    view->verdict = tree_text(json_object_get(segmon, "verdict"));
    view->rule = tree_text(tree_at(root, "rule", "id"));
    view->outcome = tree_text(json_object_get(segmon, "outcome"));
    view->transport = tree_text(tree_at(root, "network", "transport"));
    view->application = tree_text(tree_at(segmon, "app", "name"));
    view->severity = tree_text(json_object_get(segmon, "severity"));
    view->level = event_view_level(view->severity);
    view->src = read_end(root, "source", "ingress");
    view->dst = read_end(root, "destination", "egress");
    view->bytes = tree_count(tree_at(root, "network", "bytes"));
    view->count = tree_count(tree_at(segmon, "violation", "count"));
    view->note = "";
    switch (view->kind) {
    case EVENT_FLOW:
        view->what = tree_text(json_object_get(segmon, "record"));
        break;
    case EVENT_VIOLATION:
        view->what = tree_text(tree_at(segmon, "violation", "kind"));
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
    view->what = tree_text(json_object_get(status, "cause"));
    view->frames = tree_count(tree_at(status, "capture", "frames"));
    view->flows = tree_count(tree_at(status, "flows", "created"));
    view->violations = tree_count(tree_at(status, "violations", "told"));
    view->note = tree_text(json_array_get(json_object_get(status, "notes"), 0));
}

static struct event_view_end
read_end(const json_t *root, const char *end, const char *side)
{
    const json_t *port = tree_at(root, end, "port");
    struct event_view_end read = {
        .segment =
            tree_text(tree_at(json_object_get(root, "observer"), side, "zone")),
        .ip = tree_text(tree_at(root, end, "ip")),
        .port = json_is_integer(port) ? json_integer_value(port) : -1,
    };

    read.has_addr = addr_parse(read.ip, &read.addr);
    return read;
}
