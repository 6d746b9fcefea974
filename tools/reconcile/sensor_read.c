/* See sensor_read.h. */

#include "tools/reconcile/sensor_read.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/reconcile/event_read.h"
#include "tools/reconcile/stream_entry.h"
#include "tools/redis/redis_keys.h"
#include "tools/spool/spool_look.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_REQUEST = 8192
};

/* One stream, of one kind or of several. */
struct source {
    char key[REDIS_TEMPLATE_KEY_SIZE];
    unsigned kinds;
    enum event_kind lowest; /* Of these. */
    struct ledger_stream facts;
    /* Its first entry, as the transaction found it, until that was taken. */
    const struct redis_reply *first;
    struct stream_pages pages;
};

/* The entry to take next. */
struct next {
    struct source *source; /* NULL: there is none. */
    const struct redis_reply *entry;
    struct redis_id id;
};

struct sensor_read {
    const char *sensor;
    struct sensor_read_options options;
    struct stream_server *server;
    struct ledger *ledger;        /* While it is read. */
    struct redis_reply *snapshot; /* Owned: the sources borrow from it. */
    struct ledger_spool spool[EVENT_N_KINDS]; /* As it was first. */
    struct source sources[EVENT_N_KINDS];
    size_t n;
    bool is_alive, takes_all;
};

static void make_sources(struct sensor_read *);
static struct source *source_of(struct sensor_read *, enum event_kind);
static bool look_at_spool(struct sensor_read *, struct error *);
static void take_waiting(void *context, const struct spool_record *);
static bool take_snapshot(struct sensor_read *, struct error *);
static struct redis_reply *ask_snapshot(struct sensor_read *, struct error *);
static struct redis_reply *receive_all(struct sensor_read *, size_t n,
                                       struct error *);
static bool read_facts(struct sensor_read *, struct source *,
                       const struct redis_reply *info, struct error *);
static void begin(struct sensor_read *, struct source *);
static bool merge(struct sensor_read *, struct error *);
static bool find_next(struct sensor_read *, struct next *, struct error *);
static bool peek(struct sensor_read *, struct source *, struct next *,
                 struct error *);
static void pass(const struct next *);
static bool take(struct sensor_read *, const struct next *, struct error *);
static void add_entry(struct sensor_read *, struct redis_id,
                      const struct stream_entry *);
static void add_status(struct ledger *, uint32_t epoch,
                       const struct event_read_status *);
static bool note_trimmed(struct sensor_read *, struct error *);
static void set_streams(struct sensor_read *);

struct sensor_read *
sensor_read_new(const char *sensor, const struct sensor_read_options *options,
                struct stream_server *server)
{
    struct sensor_read *read = calloc(1, sizeof *read);

    if (read) {
        read->sensor = sensor;
        read->options = *options;
        read->server = server;
        make_sources(read);
    }
    return read;
}

void
sensor_read_free(struct sensor_read *read)
{
    if (read) {
        for (size_t i = 0; i < read->n; i++) {
            stream_pages_done(&read->sources[i].pages);
        }
        redis_reply_free(read->snapshot);
        free(read);
    }
}

bool
sensor_read_all(struct sensor_read *read, struct ledger *ledger,
                struct error *error)
{
    struct ledger_options options = {.is_part = read->options.has_from,
                                     .is_cut = read->options.has_to};
    bool good;

    read->ledger = ledger;
    read->takes_all = true;
    stream_server_go_to(read->server, read->sources[0].key);
    good = look_at_spool(read, error) && take_snapshot(read, error);
    if (good) {
        for (size_t i = 0; i < read->n; i++) {
            begin(read, &read->sources[i]);
        }
        good = merge(read, error) && note_trimmed(read, error);
        read->takes_all = false; /* Else what waits would be added again. */
        good = good && look_at_spool(read, error);
    }
    options.is_alive = read->is_alive;
    options.is_cut |= !good;
    ledger_set_options(ledger, &options);
    set_streams(read);
    return good;
}

bool
sensor_read_again(struct sensor_read *read, struct ledger *ledger,
                  struct error *error)
{
    struct source *status = source_of(read, EVENT_STATUS);

    read->ledger = ledger;
    read->takes_all = false;
    if (!look_at_spool(read, error)) {
        return false;
    }
    for (size_t i = 0; i < read->n; i++) {
        struct source *source = &read->sources[i];
        struct redis_id from = source->pages.next;

        stream_pages_done(&source->pages);
        stream_pages_init(&source->pages, source->key, from,
                          (struct redis_id){UINT64_MAX, UINT64_MAX});
        source->pages.is_done = source != status;
    }
    return merge(read, error);
}

bool
sensor_read_is_alive(const struct sensor_read *read)
{
    return read->is_alive;
}

/* Kinds whose keys are the same are in one stream. */
static void
make_sources(struct sensor_read *read)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        char key[REDIS_TEMPLATE_KEY_SIZE];
        size_t i = 0;

        redis_template_expand(read->options.key, read->sensor,
                              event_kind_name((enum event_kind)kind), key);
        while (i < read->n && strcmp(read->sources[i].key, key) != 0) {
            i++;
        }
        if (i == read->n) {
            read->n++;
            read->sources[i].lowest = (enum event_kind)kind;
            memcpy(read->sources[i].key, key, sizeof key);
        }
        read->sources[i].kinds |= 1U << kind;
    }
}

static struct source *
source_of(struct sensor_read *read, enum event_kind kind)
{
    size_t i = 0;

    while (!(read->sources[i].kinds & 1U << kind)) {
        i++;
    }
    return &read->sources[i];
}

/* What waits is what waited before the streams were read. */
static bool
look_at_spool(struct sensor_read *read, struct error *error)
{
    char folder[PATH_MAX];
    struct spool_look look;

    if (!read->options.spool) {
        return true;
    }
    if (!spool_look_find(read->options.spool, folder, sizeof folder, error) ||
        !spool_look(folder, take_waiting, read, &look, error)) {
        return false;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct spool_look_kind *of = &look.kinds[kind];
        struct ledger_spool *spool = &read->spool[kind];

        spool->last_given = of->last_serial;
        if (!spool->is_there) {
            spool->last_serial = of->last_serial;
            spool->last_found = of->last_found > of->acked_serial
                                    ? of->last_found
                                    : of->acked_serial;
        }
        spool->is_there = true;
        ledger_set_spool(read->ledger, (enum event_kind)kind, spool);
    }
    return true;
}

static void
take_waiting(void *context, const struct spool_record *record)
{
    struct sensor_read *read = context;
    struct spool_gap gap;

    if (read->takes_all) {
        ledger_add_waiting(read->ledger, record->kind, record->serial);
    }
    if (spool_gap_decode(record, &gap)) {
        ledger_add_new_gap(
            read->ledger,
            &(struct ledger_gap){gap.kind, gap.reason, gap.first_serial,
                                 gap.last_serial, gap.after, gap.before});
    }
}

/* Where all streams begin and end, at one moment. */
static bool
take_snapshot(struct sensor_read *read, struct error *error)
{
    struct error failed;

    read->snapshot = ask_snapshot(read, &failed);
    if (!read->snapshot) { /* The connection may have been an old one. */
        stream_server_drop(read->server);
        read->snapshot = ask_snapshot(read, &failed);
    }
    if (!read->snapshot) {
        *error = failed;
        return false;
    }
    for (size_t i = 0; i < read->n; i++) {
        if (!read_facts(read, &read->sources[i],
                        redis_reply_at(read->snapshot, i), error)) {
            return false;
        }
    }
    read->is_alive =
        redis_reply_is(redis_reply_at(read->snapshot, read->n), "running");
    return true;
}

static struct redis_reply *
ask_snapshot(struct sensor_read *read, struct error *error)
{
    struct redis_reply *reply = NULL;
    char state[REDIS_KEY_SIZE];
    struct json request;

    redis_key(state, read->sensor, "state");
    json_init(&request, MAX_REQUEST);
    resp_words(&request, REDIS_WORDS("MULTI"));
    for (size_t i = 0; i < read->n; i++) {
        resp_words(&request,
                   REDIS_WORDS("XINFO", "STREAM", read->sources[i].key));
    }
    resp_words(&request, REDIS_WORDS("HGET", state, "phase"));
    resp_words(&request, REDIS_WORDS("EXEC"));
    if (request.failed) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to ask the server");
    } else if (stream_server_open(read->server, error) &&
               redis_link_send(read->server->link, request.data, request.size,
                               error)) {
        reply = receive_all(read, read->n + 2, error);
    }
    json_done(&request);
    return reply;
}

/* The answer to EXEC, behind 'n' others. */
static struct redis_reply *
receive_all(struct sensor_read *read, size_t n, struct error *error)
{
    struct redis_reply *reply = redis_link_receive(read->server->link, error);
    bool good = true;

    for (size_t i = 0; reply && i < n; i++) {
        if (good && redis_reply_error(reply)) {
            good = redis_reply_refuse(reply, read->server->link, "", error);
        }
        redis_reply_free(reply);
        reply = redis_link_receive(read->server->link, error);
    }
    if (reply && good && redis_reply_error(reply)) {
        good = redis_reply_refuse(reply, read->server->link, "", error);
    }
    if (!good) {
        redis_reply_free(reply);
        return NULL;
    }
    return reply;
}

static bool
read_facts(struct sensor_read *read, struct source *source,
           const struct redis_reply *info, struct error *error)
{
    struct ledger_stream *facts = &source->facts;
    const char *refusal = redis_reply_error(info);
    const char *last =
        redis_reply_text(redis_reply_of(info, "last-generated-id"), NULL);
    int64_t length, added;

    *facts = (struct ledger_stream){.shares = source->lowest};
    if (refusal && strstr(refusal, "no such key")) {
        facts->is_counted = true;
        return true;
    }
    if (refusal) {
        return redis_reply_refuse(info, read->server->link, source->key, error);
    }
    if (!last || !redis_id_parse(last, &facts->last) ||
        !redis_reply_integer(redis_reply_of(info, "length"), &length)) {
        return error_set(error, ERROR_VALUE, source->key,
                         "the server does not say what it is");
    }
    facts->is_there = true;
    facts->is_counted =
        redis_reply_integer(redis_reply_of(info, "entries-added"), &added);
    if (facts->is_counted && added > length) {
        facts->removed = (uint64_t)added - (uint64_t)length;
    }
    source->first = redis_reply_of(info, "first-entry");
    last = redis_reply_text(redis_reply_at(source->first, 0), NULL);
    if (!last || !redis_id_parse(last, &facts->first)) {
        source->first = NULL;
        facts->first = redis_id_above(facts->last);
    }
    facts->first_after = facts->first;
    return true;
}

static void
begin(struct sensor_read *read, struct source *source)
{
    const struct sensor_read_options *options = &read->options;
    struct redis_id first = source->facts.first;
    struct redis_id last = source->facts.last;

    if (source->first) {
        first = redis_id_above(first);
    }
    if (options->has_from && redis_id_compare(options->from, first) > 0) {
        first = options->from;
    }
    if (options->has_from &&
        redis_id_compare(options->from, source->facts.first) > 0) {
        source->first = NULL;
    }
    if (options->has_to && redis_id_compare(options->to, last) < 0) {
        last = options->to;
    }
    if (redis_id_compare(source->facts.first, last) > 0) {
        source->first = NULL;
    }
    stream_pages_init(&source->pages, source->key, first, last);
    source->pages.is_done |= !source->facts.is_there;
}

/* All sources, in order of ids. */
static bool
merge(struct sensor_read *read, struct error *error)
{
    struct next next;

    while (find_next(read, &next, error)) {
        if (!next.source) {
            return true;
        }
        if (!take(read, &next, error)) {
            return false;
        }
        pass(&next);
    }
    return false;
}

/* The entry with the least id; no source if there is none. */
static bool
find_next(struct sensor_read *read, struct next *next, struct error *error)
{
    *next = (struct next){.source = NULL};
    for (size_t i = 0; i < read->n; i++) {
        struct next other = {.source = &read->sources[i]};

        if (!peek(read, other.source, &other, error)) {
            return false;
        }
        if (other.entry &&
            (!next->source || redis_id_compare(other.id, next->id) < 0)) {
            *next = other;
        }
    }
    return true;
}

/* 'entry' stays NULL at the end. */
static bool
peek(struct sensor_read *read, struct source *source, struct next *next,
     struct error *error)
{
    if (*read->server->stop) {
        return error_set(error, ERROR_SYSTEM, read->server->uri.name,
                         "stopped by a signal");
    }
    if (source->first) {
        next->entry = source->first;
        next->id = source->facts.first;
        return true;
    }
    return stream_pages_peek(&source->pages, read->server, &next->entry,
                             &next->id, error);
}

static void
pass(const struct next *next)
{
    if (next->source->first) {
        next->source->first = NULL;
    } else {
        stream_pages_pass(&next->source->pages, next->id);
    }
}

/* False, with '*error', if whoever sees it cannot go on. */
static bool
take(struct sensor_read *read, const struct next *next, struct error *error)
{
    const struct sensor_read_options *options = &read->options;
    bool is_shared = !redis_template_has(options->key, "{sensor}");
    struct stream_entry found;
    enum stream_entry_origin origin = stream_entry_read(
        next->entry, options->field, read->sensor, next->source->kinds, &found);

    if (origin != STREAM_ENTRY_OURS) {
        if (read->takes_all && !(is_shared && origin == STREAM_ENTRY_OTHERS)) {
            ledger_add_foreign(read->ledger, next->source->lowest);
        }
        return true;
    }
    add_entry(read, next->id, &found);
    return !read->takes_all || !options->see ||
           !(options->kinds & 1U << found.kind) ||
           options->see(options->context, &found.name, found.kind, next->id,
                        error);
}

/* Or only the gap that it tells. */
static void
add_entry(struct sensor_read *read, struct redis_id id,
          const struct stream_entry *found)
{
    struct event_read_status status = {.is_end = false};
    const struct ledger_gap *gap = NULL;
    const struct ledger_entry entry = {.kind = found->kind,
                                       .id = id,
                                       .name = found->name,
                                       .serial = found->serial,
                                       .is_deprived = !found->has_event};

    if (found->kind == EVENT_STATUS && found->event) {
        event_read_status(found->event, found->event_size,
                          read->server->uri.name, &status);
        gap = status.has_gap ? &status.gap : NULL;
    }
    if (!read->takes_all) {
        if (gap) {
            ledger_add_new_gap(read->ledger, gap);
        }
    } else if (status.is_gap) {
        ledger_add_gap(read->ledger, &entry, gap);
    } else {
        ledger_add(read->ledger, &entry);
        add_status(read->ledger, found->name.epoch, &status);
    }
}

static void
add_status(struct ledger *ledger, uint32_t epoch,
           const struct event_read_status *status)
{
    if (status->is_end) {
        ledger_add_end(ledger, epoch);
    }
    for (unsigned kind = 0; status->has_counters && kind < EVENT_N_KINDS;
         kind++) {
        ledger_set_counters(ledger, epoch, (enum event_kind)kind,
                            &status->counters[kind]);
    }
}

/* Where the streams begin now: what was trimmed meanwhile cannot have been
 * read. */
static bool
note_trimmed(struct sensor_read *read, struct error *error)
{
    for (size_t i = 0; i < read->n; i++) {
        struct source *source = &read->sources[i];
        struct redis_reply *reply;
        const char *id;

        if (!source->facts.is_there) {
            continue;
        }
        reply = stream_server_ask(
            read->server,
            REDIS_WORDS("XRANGE", source->key, "-", "+", "COUNT", "1"), error);
        if (!reply) {
            return false;
        }
        id =
            redis_reply_text(redis_reply_at(redis_reply_at(reply, 0), 0), NULL);
        if (!id || !redis_id_parse(id, &source->facts.first_after)) {
            source->facts.first_after = redis_id_above(source->facts.last);
        }
        redis_reply_free(reply);
    }
    return true;
}

static void
set_streams(struct sensor_read *read)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        struct ledger_stream facts =
            source_of(read, (enum event_kind)kind)->facts;

        facts.is_read = read->options.kinds & 1U << kind;
        ledger_set_stream(read->ledger, (enum event_kind)kind, &facts);
    }
}
